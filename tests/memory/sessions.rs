//! Sessions that are one actor: each way in which one of their lives can be led and end.

use std::sync::Arc;
use std::time::Duration;

use session_supervisor::{
    Backoff, ChildSpec, Ensured, Exit, Options, Restart, SessionState, SessionSupervisor, Shutdown,
};

use crate::actors::{Order, Worker, died, id, supervisor, worker};
use crate::lives::{Lives, Row};

pub(crate) fn rows() -> Vec<Row> {
    vec![
        Row::new("a session that is stopped", stopped),
        Row::new("a session under an id that was never used before", new_ids).with_new_names(),
        Row::new("a session that ends by itself", ended),
        Row::new("a session that crashes and is restarted", crashed),
        Row::new("a session that others kill and that is restarted", killed),
        Row::new("a session that is stopped by a kill", stopped_by_kill),
        Row::new("a session that is restarted by hand", by_hand),
        Row::new("a session that is parked and then discarded", parked),
        Row::new("a session that is parked and then resumed", resumed),
        Row::new(
            "a session that is parked, tried again and stopped",
            tried_again,
        ),
        Row::new(
            "a session that is parked and discarded for another",
            discarded,
        ),
        // Fifty at once: the tables keep room for them, and tokio makes and keeps a thread now and
        // then for one that is blocked.
        Row::new("a session that is stuck and then ends", stuck)
            .on_several_threads()
            .at_most(65_536),
        Row::new("a session that its callers do not wait for", given_up),
        Row::new("a session that fails in its post_stop", fails_at_the_end),
    ]
}

async fn stopped(mut lives: Lives) -> Lives {
    let sessions = supervisor().await;
    while let Some(n) = lives.next().await {
        let id = id(n);
        sessions.start_session(&id, worker()).await.expect("starts");
        assert_eq!(sessions.stop_session(&id).await, Ok(Exit::Shutdown));
    }
    lives
}

async fn new_ids(mut lives: Lives) -> Lives {
    let sessions = supervisor().await;
    while let Some(n) = lives.next().await {
        let id = format!("number {n}");
        sessions.start_session(&id, worker()).await.expect("starts");
        assert_eq!(sessions.stop_session(&id).await, Ok(Exit::Shutdown));
    }
    lives
}

async fn ended(mut lives: Lives) -> Lives {
    let sessions = supervisor().await;
    while let Some(n) = lives.next().await {
        let id = id(n);
        let session = sessions.start_session(&id, worker()).await.expect("starts");
        session.stop(None);
        died(&session.get_cell()).await;
        // It waits for its turn, when the id is released.
        let next = sessions.start_session(&id, worker()).await;
        drop(next.expect("the id is free"));
        sessions.stop_session(&id).await.expect("stops");
    }
    lives
}

/// The session of this id, once it runs again.
async fn back(sessions: &SessionSupervisor, id: &str) -> ractor::ActorRef<Order> {
    match sessions.ensure_session(id, worker()).await {
        Ok(Ensured::Existing(session)) => session,
        other => panic!("session {id} did not come back: {other:?}"),
    }
}

async fn crashed(mut lives: Lives) -> Lives {
    let sessions = supervisor().await;
    let spec = worker().backoff(Backoff::none());
    for n in 0..5 {
        let id = id(n);
        let start = sessions.start_session(&id, spec.clone()).await;
        drop(start.expect("starts"));
    }
    while let Some(n) = lives.next().await {
        let session = back(&sessions, &id(n)).await;
        session.cast(Order::crash()).expect("it runs");
        died(&session.get_cell()).await;
        drop(back(&sessions, &id(n)).await);
    }
    lives
}

async fn killed(mut lives: Lives) -> Lives {
    let sessions = supervisor().await;
    let spec = worker().backoff(Backoff::none());
    for n in 0..5 {
        let id = id(n);
        let start = sessions.start_session(&id, spec.clone()).await;
        drop(start.expect("starts"));
    }
    while let Some(n) = lives.next().await {
        let session = back(&sessions, &id(n)).await;
        session.kill();
        died(&session.get_cell()).await;
        drop(back(&sessions, &id(n)).await);
    }
    lives
}

async fn stopped_by_kill(mut lives: Lives) -> Lives {
    let sessions = supervisor().await;
    let spec = worker().shutdown(Shutdown::BrutalKill);
    while let Some(n) = lives.next().await {
        let id = id(n);
        let start = sessions.start_session(&id, spec.clone()).await;
        drop(start.expect("starts"));
        assert_eq!(sessions.stop_session(&id).await, Ok(Exit::Killed));
    }
    lives
}

async fn by_hand(mut lives: Lives) -> Lives {
    let sessions = supervisor().await;
    for n in 0..5 {
        let start = sessions.start_session(&id(n), worker()).await;
        drop(start.expect("starts"));
    }
    while let Some(n) = lives.next().await {
        drop(sessions.restart_session(&id(n)).await.expect("restarts"));
    }
    lives
}

/// A session that is parked after its first crash.
async fn park(sessions: &SessionSupervisor, id: &str) {
    let spec = worker().restart_limit(0, Duration::from_secs(5));
    let session = sessions.start_session(id, spec).await.expect("starts");
    session.cast(Order::crash()).expect("it runs");
    died(&session.get_cell()).await;
    // A start waits for its turn, when the crash has been decided.
    let refused = sessions.start_session(id, worker()).await;
    assert!(refused.is_err(), "{refused:?}");
    let info = sessions.session_info(id).await.expect("it is up");
    assert_eq!(info.expect("it is known").state, SessionState::Parked);
}

async fn parked(mut lives: Lives) -> Lives {
    let sessions = supervisor().await;
    while let Some(n) = lives.next().await {
        let id = id(n);
        park(&sessions, &id).await;
        assert_eq!(sessions.stop_session(&id).await, Ok(Exit::NotRunning));
    }
    lives
}

/// Its trial comes by itself.
async fn tried_again(mut lives: Lives) -> Lives {
    let soon = Duration::from_millis(1);
    let options = Options::new().unique_name().park_trial(soon, soon);
    let sessions = SessionSupervisor::start(options).await.expect("it starts");
    while let Some(n) = lives.next().await {
        let id = id(n);
        let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
        let spec = ChildSpec::new(move |start| {
            tell.send(start.incarnation).ok();
            (Worker, ())
        });
        let spec = spec.restart_limit(0, Duration::from_secs(5));
        let session = sessions.start_session(&id, spec).await.expect("starts");
        session.cast(Order::crash()).expect("it runs");
        while told.recv().await.expect("it is tried again") < 2 {}
        sessions.stop_session(&id).await.expect("it is known");
    }
    lives
}

/// One more than may be parked: the one parked longest is forgotten.
async fn discarded(mut lives: Lives) -> Lives {
    let options = Options::new()
        .unique_name()
        .without_park_trial()
        .max_parked(1);
    let sessions = SessionSupervisor::start(options).await.expect("it starts");
    while let Some(n) = lives.next().await {
        park(&sessions, &id(n)).await;
    }
    lives
}

async fn resumed(mut lives: Lives) -> Lives {
    let sessions = supervisor().await;
    while let Some(n) = lives.next().await {
        let id = id(n);
        park(&sessions, &id).await;
        drop(sessions.restart_session(&id).await.expect("resumes"));
        assert_eq!(sessions.stop_session(&id).await, Ok(Exit::Shutdown));
    }
    lives
}

/// Has the runtime make so many threads for those that are blocked. They stay.
async fn threads(number: usize) {
    let meet = Arc::new(std::sync::Barrier::new(number));
    let mut all = Vec::new();
    for _ in 0..number {
        let meet = Arc::clone(&meet);
        all.push(tokio::task::spawn_blocking(move || meet.wait().is_leader()));
    }
    for one in all {
        one.await.expect("no panic");
    }
}

/// Fifty at a time, since each of them takes as long as the kill bound.
async fn stuck(mut lives: Lives) -> Lives {
    let options = Options::new().unique_name();
    let sessions = SessionSupervisor::start(options).await.expect("it starts");
    let spec = worker().shutdown(Shutdown::BrutalKill);
    threads(60).await;
    while let Some(first) = lives.batch(50).await {
        let mut releases = Vec::new();
        let mut stops = Vec::new();
        for n in first..first + 50 {
            let id = format!("stuck {}", n % 50);
            let start = sessions.start_session(&id, spec.clone()).await;
            let session = start.expect("starts");
            let (release, released) = std::sync::mpsc::channel::<()>();
            let (tell, told) = tokio::sync::oneshot::channel();
            let block = Order::run(|_| async move {
                // It keeps its thread, and others take what that thread had to do.
                tokio::task::block_in_place(|| {
                    tell.send(()).ok();
                    released.recv().ok();
                });
                Ok(())
            });
            session.cast(block).expect("it runs");
            told.await.expect("it blocks");
            stops.push(tokio::spawn(sessions.stop_session(&id)));
            releases.push(release);
        }
        for stop in stops {
            let stop = stop.await.expect("no panic");
            assert!(stop.is_err(), "it is stuck: {stop:?}");
        }
        drop(releases);
        for n in 0..50 {
            forgotten(&sessions, &format!("stuck {n}")).await;
        }
    }
    lives
}

/// Returns when nothing of an id is known. Each look is a question that the supervisor answers
/// after what came before it.
async fn forgotten(sessions: &SessionSupervisor, id: &str) {
    for _ in 0..1_000_000 {
        if matches!(sessions.session_info(id).await, Ok(None)) {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("session {id} is still known");
}

/// Asks, and goes away without the answer.
pub(crate) async fn ask_and_go<F: Future>(call: F) {
    tokio::select! {
        biased;
        _ = call => {}
        () = std::future::ready(()) => {}
    }
}

async fn given_up(mut lives: Lives) -> Lives {
    let sessions = supervisor().await;
    while let Some(n) = lives.next().await {
        let id = id(n);
        for _ in 0..3 {
            ask_and_go(sessions.ensure_session(&id, worker())).await;
            ask_and_go(sessions.start_session(&id, worker())).await;
            ask_and_go(sessions.restart_session(&id)).await;
            ask_and_go(sessions.session_info(&id)).await;
            ask_and_go(sessions.list_sessions()).await;
            ask_and_go(sessions.stop_session(&id)).await;
        }
        sessions
            .ensure_session(&id, worker())
            .await
            .expect("starts");
        sessions.stop_session(&id).await.expect("stops");
    }
    lives
}

struct BadEnd;

#[ractor::actor(message = (), state = (), arguments = ())]
impl BadEnd {
    async fn post_stop(
        &self,
        _myself: ractor::ActorRef<()>,
        _state: &mut (),
    ) -> Result<(), ractor::ActorProcessingErr> {
        Err("told to fail".into())
    }
}

async fn fails_at_the_end(mut lives: Lives) -> Lives {
    let sessions = supervisor().await;
    let spec = ChildSpec::new(|_| (BadEnd, ())).restart(Restart::Temporary);
    while let Some(n) = lives.next().await {
        let id = id(n);
        let start = sessions.start_session(&id, spec.clone()).await;
        drop(start.expect("starts"));
        let exit = sessions.stop_session(&id).await;
        assert!(matches!(exit, Ok(Exit::Failed { .. })), "{exit:?}");
    }
    lives
}
