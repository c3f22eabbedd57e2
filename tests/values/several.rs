//! Several such values that would be dropped in one go: in an answer that its caller does not take,
//! and in the description of a tree. Two panics in one drop would end the process.

use std::future::Future;
use std::task::{Context, Waker};

use session_supervisor::{ChildSpec, Options, Restart, SessionSupervisor, Supervisor, TreeSpec};
use tokio::runtime::{Builder, Runtime};

use crate::harm::{Harm, Kind, LONG};
use crate::holder::{Holder, Msg, plain, quiet};
use crate::others::are_served;

const KINDS: [Kind; 2] = [Kind::Panics, Kind::Blocks];
const MANY: usize = 3;

fn runtime() -> Runtime {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(2).enable_all().build().unwrap()
}

fn roles() -> impl Iterator<Item = String> {
    (0..MANY).map(|n| format!("role {n}"))
}

/// A session that comes back.
fn permanent() -> ChildSpec<Holder> {
    plain().restart(Restart::Permanent)
}

/// A call that has been polled once.
struct Asked<F>(#[expect(dead_code, reason = "only its drop counts")] std::pin::Pin<Box<F>>);

/// Asks, and polls no more until it is given up.
fn asked<T>(call: impl Future<Output = T>) -> Asked<impl Future<Output = T>> {
    let mut call = Box::pin(call);
    let first = call.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    // On a busy machine it may be answered at once, and then it holds nothing.
    drop(first);
    Asked(call)
}

/// The last of all traps is held by what is dropped in `end`.
fn check(what: &str, harm: &Harm, runtime: &Runtime, end: impl FnOnce()) {
    let bystanders = SessionSupervisor::start(Options::new().unique_name());
    let bystanders = runtime.block_on(bystanders).unwrap();
    end();
    harm.wait_for(1, what);
    are_served(runtime.handle(), &bystanders, what);
    harm.release();
    harm.wait_for(MANY, what);
    harm.all_dropped(what);
}

#[test]
fn a_list_that_its_caller_does_not_take_is_dropped_value_by_value() {
    for kind in KINDS {
        let what = &format!("a list, {kind:?}");
        let (runtime, harm) = (runtime(), Harm::new(kind));
        let options = Options::new().unique_name();
        let sessions = runtime.block_on(SessionSupervisor::start(options)).unwrap();
        let list = runtime.block_on(async {
            for id in roles() {
                let session = sessions.start_session(&id, permanent()).await.unwrap();
                session.cast(Msg::Fail(Some(harm.clone()))).unwrap();
                session.get_cell().wait(None).await.unwrap();
                sessions.ensure_session(&id, permanent()).await.unwrap();
            }
            let list = asked(sessions.list_sessions());
            // It is asked later, and so answered later.
            drop(sessions.list_sessions().await.unwrap());
            list
        });
        check(what, &harm, &runtime, || {
            runtime.block_on(async {
                for id in roles() {
                    sessions.stop_session(&id).await.unwrap();
                }
            });
            drop(list);
        });
    }
}

#[test]
fn the_children_that_a_caller_does_not_take_are_dropped_value_by_value() {
    for kind in KINDS {
        let what = &format!("the children, {kind:?}");
        let (runtime, harm) = (runtime(), Harm::new(kind));
        let tree = roles().fold(TreeSpec::one_for_one().unique_name(), |tree, role| {
            tree.child(role, plain())
        });
        let tree = runtime.block_on(Supervisor::start(tree)).unwrap();
        let list = runtime.block_on(async {
            for role in roles() {
                let child = tree.find_child_as::<Msg>(&role).unwrap();
                child.cast(Msg::Fail(Some(harm.clone()))).unwrap();
                child.get_cell().wait(None).await.unwrap();
                // It waits for its turn.
                tree.restart_child(&role).await.ok();
            }
            let list = asked(tree.which_children());
            drop(tree.which_children().await.unwrap());
            list
        });
        check(what, &harm, &runtime, || {
            runtime
                .block_on(async { tokio::time::timeout(LONG, tree.stop()).await.unwrap() })
                .unwrap();
            drop(list);
        });
    }
}

/// A child whose start function has captured a trap.
fn captures(harm: &Harm) -> ChildSpec<Holder> {
    let trap = harm.trap();
    ChildSpec::new(move |_| {
        let _captured = &trap;
        quiet()
    })
}

#[test]
fn the_description_of_a_tree_is_dropped_child_by_child() {
    for kind in KINDS {
        let what = &format!("a description, {kind:?}");
        let (runtime, harm) = (runtime(), Harm::new(kind));
        let options = Options::new().unique_name();
        let sessions = runtime.block_on(SessionSupervisor::start(options)).unwrap();
        let tree = roles().fold(TreeSpec::one_for_one(), |tree, role| {
            tree.child(role, captures(&harm))
        });
        let spec = Supervisor::child_spec(tree);
        runtime
            .block_on(sessions.start_session("tree", spec))
            .unwrap();
        check(what, &harm, &runtime, || {
            drop(runtime.block_on(sessions.stop_session("tree")).unwrap());
        });
    }
}

#[test]
fn a_description_that_is_refused_is_dropped_child_by_child() {
    for kind in KINDS {
        let what = &format!("a description that is refused, {kind:?}");
        let (runtime, harm) = (runtime(), Harm::new(kind));
        let options = Options::new().unique_name();
        let sessions = runtime.block_on(SessionSupervisor::start(options)).unwrap();
        let made = harm.clone();
        let spec = ChildSpec::tree(move |_| {
            let tree = roles().fold(TreeSpec::one_for_one(), |tree, role| {
                tree.child(role, captures(&made))
            });
            tree.child("role 0", plain())
        });
        check(what, &harm, &runtime, || {
            let start = sessions.start_session("tree", spec);
            let start = runtime.block_on(async { tokio::time::timeout(LONG, start).await });
            let error = start.expect("it is answered").unwrap_err();
            assert!(error.to_string().contains("failed to start"), "{error}");
        });
    }
}

/// The subscriber of a tree whose own drop hurts.
struct Voice(#[expect(dead_code, reason = "only its drop counts")] crate::harm::Trap);

impl tracing::Subscriber for Voice {
    fn enabled(&self, _metadata: &tracing::Metadata<'_>) -> bool {
        false
    }
    fn new_span(&self, _span: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }
    fn record(&self, _span: &tracing::span::Id, _values: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _span: &tracing::span::Id, _follows: &tracing::span::Id) {}
    fn event(&self, _event: &tracing::Event<'_>) {}
    fn enter(&self, _span: &tracing::span::Id) {}
    fn exit(&self, _span: &tracing::span::Id) {}
}

#[test]
fn the_last_of_a_subscriber_is_dropped_elsewhere() {
    for kind in KINDS {
        let what = &format!("a subscriber, {kind:?}");
        let (runtime, harm) = (runtime(), Harm::new(kind));
        let voice = Voice(harm.trap());
        let sessions = tracing::subscriber::with_default(voice, || {
            let options = Options::new().unique_name();
            runtime.block_on(SessionSupervisor::start(options)).unwrap()
        });
        let root = sessions.get_cell();
        let report = runtime.block_on(async {
            let stop = sessions.stop();
            drop(sessions);
            let report = tokio::time::timeout(LONG, stop).await;
            root.wait(None).await.unwrap();
            report
        });
        report.expect("it is answered").unwrap();
        drop(root);
        harm.wait_for(1, what);
        harm.release();
        harm.all_dropped(what);
    }
}
