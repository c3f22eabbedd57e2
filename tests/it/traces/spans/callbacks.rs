//! Each callback is within the span of its incarnation, on one thread and on several.

use ractor::SupervisionEvent;
use session_supervisor::{ChildSpec, Options, Supervisor, TreeSpec};
use tokio::runtime::Builder;
use tracing::info;

use super::{Harm, Spans, chatty, fields, says};
use crate::support::{Order, Probe, back, died, end, supervisor, yields};

#[tokio::test(start_paused = true)]
async fn what_a_session_logs_carries_its_id_and_its_incarnation() {
    let spans = Spans::new(Harm::None);
    let _guard = tracing::subscriber::set_default(spans.clone());
    let probe = Probe::default();
    let sessions = supervisor(Options::new()).await;
    let name = sessions.name().to_owned();
    let alice = sessions
        .start_session("alice", chatty(&probe))
        .await
        .unwrap();
    let bob = sessions.start_session("bob", chatty(&probe)).await.unwrap();
    // Their handlers take turns on one thread.
    alice.cast(says("alice handles")).unwrap();
    bob.cast(says("bob handles")).unwrap();
    end(&alice, Order::Panic).await;
    let alice = back(&sessions, "alice").await;
    alice.cast(says("alice is back")).unwrap();
    sessions.stop_session("bob").await.unwrap();
    sessions.stop().await.unwrap();

    let of = |session: &'static str, incarnation: &'static str| {
        fields(&[
            ("supervisor", &name),
            ("session", session),
            ("incarnation", incarnation),
        ])
    };
    for text in [
        "start of alice",
        "start of alice again",
        "pre_start of alice",
        "pre_start of alice again",
        "post_start of alice",
        "alice handles",
        "alice handles again",
    ] {
        assert_eq!(spans.line(text), of("alice", "1"), "{text}");
    }
    for text in ["bob handles", "bob handles again", "post_stop of bob"] {
        assert_eq!(spans.line(text), of("bob", "1"), "{text}");
    }
    for text in ["alice is back", "alice is back again", "post_stop of alice"] {
        assert_eq!(spans.line(text), of("alice", "2"), "{text}");
    }
    assert_eq!(spans.seen().made, 3);
    spans.all_left_and_closed().await;
}

#[tokio::test(start_paused = true)]
async fn what_children_log_carries_their_role_and_the_session_of_their_tree() {
    let spans = Spans::new(Harm::None);
    let _guard = tracing::subscriber::set_default(spans.clone());
    let probe = Probe::default();
    let sessions = supervisor(Options::new()).await;
    let of_session = chatty(&probe);
    let tree = ChildSpec::tree(move |_| {
        info!("a tree is described");
        TreeSpec::one_for_one().child("agent", of_session.clone())
    });
    sessions.start_session("alice", tree).await.unwrap();
    let other = TreeSpec::one_for_one().child("listener", chatty(&probe));
    let other = Supervisor::start(other.unique_name()).await.unwrap();
    let task = ChildSpec::task(|_, stop| async move {
        info!("a task runs");
        stop.requested().await;
        info!("a task stops");
        Ok(())
    });
    sessions.start_session("task", task).await.unwrap();
    yields(20).await;
    let (name, other_name) = (sessions.name().to_owned(), other.name().to_owned());
    other.stop().await.unwrap();
    sessions.stop().await.unwrap();

    let agent = spans.line("start of alice").unwrap();
    assert_eq!(agent["session"], "alice");
    assert_eq!((&*agent["role"], &*agent["incarnation"]), ("agent", "1"));
    assert_eq!(spans.line("post_stop of alice"), Some(agent));
    let described = spans.line("a tree is described");
    let of_alice = [
        ("supervisor", &*name),
        ("session", "alice"),
        ("incarnation", "1"),
    ];
    assert_eq!(described, fields(&of_alice));
    let of_listener = [
        ("supervisor", &*other_name),
        ("role", "listener"),
        ("incarnation", "1"),
    ];
    assert_eq!(
        spans.line("pre_start of listener again"),
        fields(&of_listener)
    );
    let of_task = [
        ("supervisor", &*name),
        ("session", "task"),
        ("incarnation", "1"),
    ];
    for text in ["a task runs", "a task stops"] {
        assert_eq!(spans.line(text), fields(&of_task), "{text}");
    }
    spans.all_left_and_closed().await;
}

/// Events about actors that a session has linked come in its span too.
#[tokio::test(start_paused = true)]
async fn the_supervision_handler_of_a_session_is_within_its_span() {
    struct Parent;

    #[ractor::actor(message = (), state = (), arguments = ())]
    impl Parent {
        async fn handle_supervisor_evt(
            &self,
            _myself: ractor::ActorRef<()>,
            event: SupervisionEvent,
            _state: &mut (),
        ) -> Result<(), ractor::ActorProcessingErr> {
            if matches!(event, SupervisionEvent::ActorTerminated(..)) {
                info!("a linked actor has ended");
            }
            Ok(())
        }
    }

    struct Linked;

    #[ractor::actor(message = (), state = (), arguments = ())]
    impl Linked {}

    let spans = Spans::new(Harm::None);
    let _guard = tracing::subscriber::set_default(spans.clone());
    let sessions = supervisor(Options::new()).await;
    let spec = ChildSpec::new(|_| (Parent, ()));
    let parent = sessions.start_session("parent", spec).await.unwrap();
    let linked = ractor::Actor::spawn_linked(None, Linked, (), parent.get_cell());
    let (linked, _) = linked.await.unwrap();
    linked.stop(None);
    died(&linked.get_cell()).await;
    sessions.stop_session("parent").await.unwrap();
    sessions.stop().await.unwrap();
    let around = spans.line("a linked actor has ended").unwrap();
    assert_eq!(around["session"], "parent");
    spans.all_left_and_closed().await;
}

/// A span that is left on another thread than the one that entered it, or is left open, would be
/// carried by other sessions.
#[test]
fn on_several_threads_each_session_carries_its_own_span() {
    let spans = Spans::new(Harm::None);
    let mine = spans.clone();
    let on_each = spans.clone();
    thread_local! {
        static LISTENS: std::cell::RefCell<Option<tracing::subscriber::DefaultGuard>> =
            const { std::cell::RefCell::new(None) };
    }
    let runtime = Builder::new_multi_thread()
        .worker_threads(4)
        .enable_all()
        .on_thread_start(move || {
            let guard = tracing::subscriber::set_default(on_each.clone());
            LISTENS.with(|listens| *listens.borrow_mut() = Some(guard));
        })
        .on_thread_stop(|| LISTENS.with(|listens| drop(listens.borrow_mut().take())))
        .build()
        .unwrap();
    let _guard = tracing::subscriber::set_default(mine);
    runtime.block_on(async {
        let probe = Probe::default();
        let sessions = supervisor(Options::new()).await;
        let mut tasks = tokio::task::JoinSet::new();
        for n in 0..40 {
            let (sessions, spec) = (sessions.clone(), chatty(&probe));
            tasks.spawn(async move {
                let id = format!("session {n}");
                let session = sessions.start_session(&id, spec).await.unwrap();
                for round in 0..20 {
                    let text = format!("{id}, {round}");
                    let says = Order::run(move |_| async move {
                        info!("{text}");
                        tokio::task::yield_now().await;
                        info!("{text}");
                        Ok(())
                    });
                    session.cast(says).unwrap();
                }
                // It has handled all of them when it answers.
                ractor::call!(session, |reply| Order::Echo(7, reply)).unwrap();
                sessions.stop_session(&id).await.unwrap();
            });
        }
        while let Some(done) = tasks.join_next().await {
            done.unwrap();
        }
        sessions.stop().await.unwrap();
    });
    drop(runtime);
    let seen = spans.seen();
    assert_eq!((seen.made, &*seen.entered), (40, &[][..]));
    assert!(seen.spans.iter().all(Option::is_none));
    let mut told = 0;
    for (text, around) in &seen.lines {
        if let Some((id, _)) = text.split_once(", ") {
            assert_eq!(around.as_ref().map(|span| &*span["session"]), Some(id));
            told += 1;
        }
    }
    assert_eq!(told, 40 * 20 * 2);
}
