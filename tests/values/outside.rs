//! Code of the user's that is not dropped but run: the subscriber of the log, the waker of a
//! caller.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use session_supervisor::{Drain, Options, Restart, SessionSupervisor, Supervisor, TreeSpec};
use tokio::runtime::{Builder, Runtime};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Metadata, Subscriber};

use crate::harm::{Harm, Kind, LONG};
use crate::holder::{Msg, plain};
use crate::others::are_served;

fn runtime() -> Runtime {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(2).enable_all().build().unwrap()
}

/// A subscriber that panics at each line, or blocks at the first.
struct Voice(Harm);

impl Subscriber for Voice {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && metadata.target().starts_with("session_supervisor")
    }
    fn new_span(&self, _span: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _span: &Id, _values: &Record<'_>) {}
    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}
    fn event(&self, _event: &Event<'_>) {
        self.0.strike();
    }
    fn enter(&self, _span: &Id) {}
    fn exit(&self, _span: &Id) {}
}

/// Discards every event, but keeps all of them enabled: whether an event is enabled is cached for
/// the whole process, and a subscriber that is made while another thread meets that event for the
/// first time may come too late.
struct Everything;

impl Subscriber for Everything {
    fn register_callsite(&self, _metadata: &'static Metadata<'static>) -> Interest {
        Interest::sometimes()
    }
    fn enabled(&self, _metadata: &Metadata<'_>) -> bool {
        false
    }
    fn new_span(&self, _span: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _span: &Id, _values: &Record<'_>) {}
    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}
    fn event(&self, _event: &Event<'_>) {}
    fn enter(&self, _span: &Id) {}
    fn exit(&self, _span: &Id) {}
}

#[test]
fn a_subscriber_that_panics_or_blocks_costs_its_lines_and_nothing_else() {
    tracing::subscriber::set_global_default(Everything).expect("the only one");
    for kind in [Kind::Panics, Kind::Blocks] {
        let what = &format!("the log {kind:?}");
        let (runtime, harm) = (runtime(), Harm::new(kind));
        let voice = Voice(harm.clone());
        let (sessions, tree) = tracing::subscriber::with_default(voice, || {
            runtime.block_on(async {
                let options = Options::new().unique_name();
                let sessions = SessionSupervisor::start(options).await.unwrap();
                let tree = TreeSpec::one_for_one().child("a", plain());
                (
                    sessions,
                    Supervisor::start(tree.unique_name()).await.unwrap(),
                )
            })
        });
        harm.wait_for(1, what);
        // Crashes and restarts, all of which are told.
        are_served(runtime.handle(), &sessions, what);
        runtime.block_on(async {
            let fails = plain().restart(Restart::Temporary);
            let session = sessions.start_session("a", fails).await.unwrap();
            session.cast(Msg::Fail(None)).unwrap();
            session.get_cell().wait(None).await.unwrap();
            let stop = tokio::time::timeout(LONG, sessions.stop()).await;
            let report = stop.expect("the stop is answered").unwrap();
            assert_eq!(report.stuck, 0, "{what}");
            let stop = tokio::time::timeout(LONG, tree.stop()).await;
            assert_eq!(stop.expect("the stop is answered").unwrap().stopped, 1);
        });
        harm.release();
        harm.all_dropped(what);
    }
}

/// The waker of a caller that polls by itself.
struct Alarm(Harm);

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.0.strike();
    }
}

#[derive(Clone, Copy, Debug)]
enum Call {
    Start,
    Stop,
    Restart,
    Refused,
    Queued,
    Count,
    Info,
    List,
    StopAll,
    Drain,
    Progress,
    Killed,
}

const CALLS: [Call; 12] = [
    Call::Start,
    Call::Stop,
    Call::Restart,
    Call::Refused,
    Call::Queued,
    Call::Count,
    Call::Info,
    Call::List,
    Call::StopAll,
    Call::Drain,
    Call::Progress,
    Call::Killed,
];

/// Polls once with a waker that hurts, lets that happen, and sees the answer.
fn answered_by<T>(call: impl Future<Output = T>, harm: &Harm, meanwhile: impl FnOnce()) {
    let mut call = pin!(call);
    let alarm = Waker::from(Arc::new(Alarm(harm.clone())));
    if call
        .as_mut()
        .poll(&mut Context::from_waker(&alarm))
        .is_pending()
    {
        harm.wait_for(1, "it is woken");
        meanwhile();
        harm.release();
        let quiet = &mut Context::from_waker(Waker::noop());
        assert!(matches!(call.poll(quiet), Poll::Ready(_)), "no answer");
    }
}

#[test]
fn a_waker_that_panics_or_blocks_delays_no_other() {
    for kind in [Kind::Panics, Kind::Blocks] {
        for call in CALLS {
            let what = &format!("{call:?}, the waker {kind:?}");
            let (runtime, harm) = (runtime(), Harm::new(kind));
            let options = || Options::new().unique_name();
            let (sessions, bystanders) = runtime.block_on(async {
                let sessions = SessionSupervisor::start(options()).await.unwrap();
                sessions.start_session("a", plain()).await.unwrap();
                (sessions, SessionSupervisor::start(options()).await.unwrap())
            });
            let both = || {
                are_served(runtime.handle(), &bystanders, what);
                are_served(runtime.handle(), &sessions, what);
            };
            let one = || are_served(runtime.handle(), &bystanders, what);
            match call {
                Call::Start => answered_by(sessions.start_session("b", plain()), &harm, both),
                Call::Stop => answered_by(sessions.stop_session("a"), &harm, both),
                Call::Restart => answered_by(sessions.restart_session("a"), &harm, both),
                Call::Refused => answered_by(sessions.start_session("a", plain()), &harm, both),
                Call::Queued => {
                    let _enter = runtime.enter();
                    drop(tokio::spawn(sessions.restart_session("a")));
                    answered_by(sessions.start_session("a", plain()), &harm, both);
                }
                Call::Count => answered_by(sessions.count_sessions(), &harm, both),
                Call::Info => answered_by(sessions.session_info("a"), &harm, both),
                Call::List => answered_by(sessions.list_sessions(), &harm, both),
                Call::StopAll => answered_by(sessions.stop(), &harm, one),
                Call::Drain => answered_by(sessions.drain(Drain::within(6 * LONG)), &harm, one),
                Call::Progress => {
                    let mut drain = sessions.drain(Drain::within(6 * LONG));
                    answered_by(drain.progress(), &harm, one);
                }
                Call::Killed => {
                    let hang = runtime
                        .block_on(sessions.start_session("b", plain()))
                        .unwrap();
                    hang.cast(Msg::Hang).unwrap();
                    let root = sessions.get_cell();
                    drop(runtime.spawn(async move { root.kill() }));
                    answered_by(sessions.stop_session("b"), &harm, one);
                }
            }
            harm.release();
            let stop =
                runtime.block_on(async { tokio::time::timeout(LONG, sessions.stop()).await });
            assert!(stop.is_ok(), "{what}: the stop is not answered");
            harm.all_dropped(what);
        }
    }
}
