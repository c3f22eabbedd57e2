//! After a start the root waits for a moment for further ones, to read of many in one turn. What others ask
//! of it, and what its sessions do, waits for none of that: here no time passes but what is said.

use std::future::poll_fn;
use std::mem::replace;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use ractor::{Actor, ActorProcessingErr, ActorRef};
use session_supervisor::{EventKind, Exit, Options, Restart, SessionSupervisor, names};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::{block, others_are_served};
use crate::support::{
    Ending, Order, Probe, Remains, Tie, asked, back, died, end, exit, sessions_of, supervisor,
    yields,
};

/// A supervisor whose root waits for more starts, and one of its sessions. It waits: it does not read that
/// a stranger has ended.
async fn waiting(probe: &Probe) -> (SessionSupervisor, ActorRef<Order>) {
    let sessions = supervisor(Options::new()).await;
    let session = sessions.start_session("a", probe.spec()).await.unwrap();
    yields(20).await;
    let mut left = gone(&sessions).await;
    yields(20).await;
    assert!(!left.is_gone(), "the root does not wait");
    (sessions, session)
}

/// What a stranger leaves that has linked itself to the root, and ended.
async fn gone(sessions: &SessionSupervisor) -> Remains {
    let (tie, remains) = Tie::new();
    let linked = Actor::spawn_linked(None, Stranger, tie, sessions.get_cell()).await;
    let (stranger, _) = linked.unwrap();
    stranger.stop(None);
    died(&stranger.get_cell()).await;
    remains
}

#[tokio::test(start_paused = true)]
async fn an_end_of_the_supervisor_does_not_wait_for_more_starts() {
    for ending in Ending::ALL {
        let probe = Probe::default();
        let (sessions, _) = waiting(&probe).await;
        let began = Instant::now();
        ending.begin(&sessions).await;
        sessions.wait().await;
        assert_eq!(began.elapsed(), Duration::ZERO, "{ending:?}");
        assert_eq!((probe.stops(), probe.alive()), (1, 0));
    }
    let probe = Probe::default();
    let (sessions, _) = waiting(&probe).await;
    let began = Instant::now();
    sessions.get_cell().kill();
    sessions.wait().await;
    assert_eq!(began.elapsed(), Duration::ZERO);
    probe.until(|tally| tally.alive == 0).await;
}

/// Its event of the start comes behind the message that drains it, and is read before that.
#[tokio::test(start_paused = true)]
async fn a_drain_that_came_just_before_a_start_does_not_wait_for_more() {
    let probe = Probe::default();
    let sessions = supervisor(Options::new()).await;
    let drains = probe.script().post_start(|start, _| {
        sessions_of(&start).get_cell().drain().unwrap();
        async { Ok(()) }
    });
    let began = Instant::now();
    sessions.start_session("a", drains.spec()).await.ok();
    sessions.wait().await;
    assert_eq!(began.elapsed(), Duration::ZERO);
    assert_eq!((probe.stops(), probe.alive()), (1, 0));
}

/// As above, of the messages by which questions wait for what the root has not read.
#[tokio::test(start_paused = true)]
async fn a_question_that_came_just_before_a_start_does_not_wait_for_more() {
    let probe = Probe::default();
    let sessions = supervisor(Options::new()).await;
    let (tell, told) = std::sync::mpsc::channel();
    let asks = probe.script().post_start(move |start, _| {
        let mut count = Box::pin(sessions_of(&start).count_sessions());
        let tell = tell.clone();
        poll_fn(move |context| {
            assert!(count.as_mut().poll(context).is_pending());
            let count = replace(&mut count, Box::pin(sessions_of(&start).count_sessions()));
            tell.send(count).unwrap();
            Poll::Ready(Ok(()))
        })
    });
    let began = Instant::now();
    sessions.start_session("a", asks.spec()).await.unwrap();
    let count = told.recv().unwrap();
    assert_eq!(count.await.unwrap().active, 1);
    assert_eq!(began.elapsed(), Duration::ZERO);
    sessions.stop().await.unwrap();
}

/// A message that came just before the start has used up what would wake the root for the next one.
#[tokio::test(start_paused = true)]
async fn a_stray_message_that_came_just_before_a_start_keeps_no_question_waiting() {
    let probe = Probe::default();
    let sessions = supervisor(Options::new()).await;
    let stray = probe.script().post_start(|start, _| {
        sessions_of(&start).get_cell().send_message(()).unwrap();
        async { Ok(()) }
    });
    sessions.start_session("a", stray.spec()).await.unwrap();
    yields(20).await;
    let began = Instant::now();
    assert_eq!(sessions.count_sessions().await.unwrap().active, 1);
    assert_eq!(began.elapsed(), Duration::ZERO);
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn no_question_and_no_request_waits_for_more_starts() {
    let probe = Probe::default();
    let (sessions, session) = waiting(&probe).await;
    let began = Instant::now();
    assert_eq!(sessions.count_sessions().await.unwrap().active, 1);
    assert_eq!(sessions.list_sessions().await.unwrap().len(), 1);
    for id in ["b", "c"] {
        sessions.start_session(id, probe.spec()).await.unwrap();
    }
    sessions.restart_session("a").await.unwrap();
    assert_ne!(back(&sessions, "a").await.get_id(), session.get_id());
    assert_eq!(sessions.stop_session("b").await, Ok(Exit::Shutdown));
    assert_eq!(sessions.stop_session("c").await, Ok(Exit::Shutdown));
    sessions.stop().await.unwrap();
    assert_eq!(began.elapsed(), Duration::ZERO);
}

/// Of a kill, and of an end that nobody asked for, the root knows more than the session could tell.
#[tokio::test(start_paused = true)]
async fn no_end_of_a_session_waits_for_more_starts() {
    let probe = Probe::default();
    let (sessions, mut session) = waiting(&probe).await;
    let began = Instant::now();
    for order in [Order::Crash, Order::Panic] {
        end(&session, order).await;
        session = back(&sessions, "a").await;
    }
    session.kill();
    died(&session.get_cell()).await;
    session = back(&sessions, "a").await;
    sessions.stop_session("a").await.unwrap();
    let once = probe.spec().restart(Restart::Temporary);
    let once = sessions.start_session("once", once).await.unwrap();
    let why = asked(sessions.wait_end("once")).await;
    once.stop(Some("enough".to_owned()));
    let reason = Some("enough".to_owned());
    assert_eq!(exit(why.await.unwrap()), Ok(Exit::Normal { reason }));
    assert_eq!(began.elapsed(), Duration::ZERO);
    sessions.stop().await.unwrap();
    drop(session);
}

/// It takes its time to end, and outlives the session to which it is linked.
struct Lingers;

#[ractor::actor(message = (), state = Arc<Notify>, arguments = Arc<Notify>)]
impl Lingers {
    async fn pre_start(
        &self,
        _: ActorRef<()>,
        go: Arc<Notify>,
    ) -> Result<Arc<Notify>, ActorProcessingErr> {
        Ok(go)
    }

    async fn post_stop(
        &self,
        _: ActorRef<()>,
        go: &mut Arc<Notify>,
    ) -> Result<(), ActorProcessingErr> {
        go.notified().await;
        Ok(())
    }
}

/// The reason of such an end is in ractor's event alone, and nothing else of the session comes as long as
/// an actor that it has linked to itself is there.
#[tokio::test(start_paused = true)]
async fn an_end_that_a_linked_actor_outlives_does_not_wait_for_more_starts() {
    let probe = Probe::default();
    let (sessions, session) = waiting(&probe).await;
    let go = Arc::new(Notify::new());
    let linked = Actor::spawn_linked(None, Lingers, Arc::clone(&go), session.get_cell()).await;
    let (linked, _) = linked.unwrap();
    linked.stop(None);
    let mut feed = sessions.subscribe().await.unwrap();
    // It is started while others follow, so that the root waits again.
    sessions.start_session("b", probe.spec()).await.unwrap();
    yields(20).await;
    sessions.start_session("c", probe.spec()).await.unwrap();
    yields(20).await;
    let began = Instant::now();
    session.stop(Some("enough".to_owned()));
    loop {
        let event = feed.next().await.unwrap().unwrap();
        if let EventKind::Exited { cause, .. } = &event.kind {
            assert_eq!(cause.to_string(), "normal (enough)");
            break;
        }
    }
    assert_eq!(began.elapsed(), Duration::ZERO);
    go.notify_one();
    sessions.stop().await.unwrap();
}

/// A stranger that links itself to the root, and whose state is in the event of its end.
struct Stranger;

#[ractor::actor(message = (), state = Tie, arguments = Tie)]
impl Stranger {
    async fn pre_start(&self, _: ActorRef<()>, tie: Tie) -> Result<Tie, ActorProcessingErr> {
        Ok(tie)
    }
}

/// It is not known of, so what it leaves is read when the moment is over, though nothing else happens.
#[tokio::test(start_paused = true)]
async fn what_a_stranger_leaves_to_the_root_is_dropped_a_moment_later() {
    let probe = Probe::default();
    let (sessions, _) = waiting(&probe).await;
    let mut left = Vec::new();
    for _ in 0..100 {
        left.push(gone(&sessions).await);
    }
    let began = Instant::now();
    for remains in left {
        remains.gone().await;
    }
    assert_eq!(began.elapsed(), Duration::from_millis(5));
    sessions.stop().await.unwrap();
}

/// The next start finds the root just after a wait, when it asks for all that may have come.
#[tokio::test(start_paused = true)]
async fn a_stranger_waits_for_no_more_than_one_wait_of_the_root_however_many_starts_come() {
    let probe = Probe::default();
    let (sessions, _) = waiting(&probe).await;
    let root = sessions.get_cell();
    // It uses up what would wake the root for the drain, and nobody knows of it.
    root.send_message(()).unwrap();
    for n in 0..1_000 {
        sessions
            .start_session(&format!("{n}"), probe.spec())
            .await
            .unwrap();
    }
    root.drain().unwrap();
    let began = Instant::now();
    sessions.wait().await;
    assert!(
        began.elapsed() <= Duration::from_millis(5),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(probe.alive(), 0);
}

/// Each would have the root wait, if it took them for starts of sessions that it was told of.
#[tokio::test(start_paused = true)]
async fn starts_that_strangers_tell_of_do_not_have_the_root_wait() {
    let probe = Probe::default();
    let (sessions, _) = waiting(&probe).await;
    tokio::time::sleep(Duration::from_millis(10)).await;
    let began = Instant::now();
    let (tie, remains) = Tie::new();
    for n in 0..100 {
        // It bears the name of a session.
        let name = names::session(sessions.name(), &format!("stranger {n}"));
        let linked = Actor::spawn_linked(Some(name), Stranger, tie.clone(), sessions.get_cell());
        let (stranger, _) = linked.await.unwrap();
        tokio::task::yield_now().await;
        stranger.stop(None);
        died(&stranger.get_cell()).await;
    }
    drop(tie);
    remains.gone().await;
    assert_eq!(began.elapsed(), Duration::ZERO);
    sessions.stop().await.unwrap();
}

/// The session itself has woken the root, in a thread that its first message then blocks.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_wakes_a_waiting_root_does_not_keep_it() {
    for _ in 0..20 {
        let sessions = supervisor(Options::new()).await;
        let probe = Probe::default();
        let (release, block) = block();
        let block = Arc::new(block);
        let note = probe.clone();
        let wakes = probe
            .script()
            .post_start(move |start, myself: ActorRef<Order>| {
                let (note, block) = (note.clone(), Arc::clone(&block));
                let order = Order::run(move |_| async move {
                    note.note("blocked");
                    block.wait();
                    Ok(())
                });
                myself.cast(order).unwrap();
                sessions_of(&start).get_cell().send_message(()).unwrap();
                async { Ok(()) }
            });
        sessions.start_session("a", probe.spec()).await.unwrap();
        sessions.start_session("b", wakes.spec()).await.unwrap();
        probe.until(|tally| tally.notes.len() == 1).await;
        others_are_served(&sessions).await;
        drop(release);
        sessions.stop().await.unwrap();
    }
}
