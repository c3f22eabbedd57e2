//! A whole life of a supervisor on each side: start, storm, stop, with the time that each took.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ractor::{Actor, ActorRef};
use session_supervisor::{ChildSpec, Options, SessionSupervisor};

use super::bare::{self, Idle};
use super::by_hand::{ByHand, Start};
use super::session::{Census, Msg, Session};

/// How long each part of a life took.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Life {
    pub(crate) start: Duration,
    pub(crate) storm: Duration,
    pub(crate) stop: Duration,
}

pub(crate) fn spec(census: &Arc<Census>) -> ChildSpec<Session> {
    let census = Arc::clone(census);
    ChildSpec::new(move |_| (Session, Arc::clone(&census)))
}

/// A supervisor of ours with a name of its own.
pub(crate) async fn supervisor() -> SessionSupervisor {
    let options = Options::new().unique_name();
    SessionSupervisor::start(options)
        .await
        .expect("a free name")
}

/// Starts `n` sessions, by so many callers at once.
pub(crate) async fn start_ours(
    sessions: &SessionSupervisor,
    census: &Arc<Census>,
    n: usize,
    callers: usize,
) -> Vec<ActorRef<Msg>> {
    let spec = spec(census);
    let tasks: Vec<_> = (0..callers)
        .map(|caller| {
            let (sessions, spec) = (sessions.clone(), spec.clone());
            tokio::spawn(async move {
                let mut started = Vec::with_capacity(n / callers + 1);
                for i in (caller..n).step_by(callers) {
                    let id = format!("session-{i}");
                    let start = sessions.start_session(&id, spec.clone());
                    started.push(start.await.expect("a start"));
                }
                started
            })
        })
        .collect();
    let mut started = Vec::with_capacity(n);
    for task in tasks {
        started.extend(task.await.expect("a caller"));
    }
    started
}

/// The same under the supervisor that was written by hand.
pub(crate) async fn start_by_hand(
    root: &ActorRef<Start>,
    n: usize,
    callers: usize,
) -> Vec<ActorRef<Msg>> {
    let tasks: Vec<_> = (0..callers)
        .map(|caller| {
            let root = root.clone();
            tokio::spawn(async move {
                let mut started: Vec<ActorRef<Msg>> = Vec::with_capacity(n / callers + 1);
                for i in (caller..n).step_by(callers) {
                    let id = format!("session-{i}");
                    let answer = root.call(|reply| Start { id, reply }, None).await;
                    let cell = answer.expect("a root").expect("an answer");
                    started.push(cell.expect("a start").into());
                }
                started
            })
        })
        .collect();
    let mut started = Vec::with_capacity(n);
    for task in tasks {
        started.extend(task.await.expect("a caller"));
    }
    started
}

/// Makes all sessions fail at once and waits until all are back.
pub(crate) async fn storm(census: &Census, sessions: &[ActorRef<Msg>]) -> Duration {
    census.wish(census.up() + sessions.len());
    // What follows blocks this thread, and the task that the last start woke may wait in its slot.
    tokio::task::yield_now().await;
    let began = Instant::now();
    for session in sessions {
        session.cast(Msg::Crash).expect("a session that runs");
    }
    census.reached().await;
    began.elapsed()
}

pub(crate) async fn ours(n: usize, callers: usize) -> Life {
    let census = Census::new();
    let sessions = supervisor().await;
    let began = Instant::now();
    let started = start_ours(&sessions, &census, n, callers).await;
    let start = began.elapsed();
    let storm = storm(&census, &started).await;
    drop(started);
    let began = Instant::now();
    let report = sessions.stop().await.expect("a running supervisor");
    let stop = began.elapsed();
    assert_eq!((report.stopped, census.stopped()), (n, n), "{report:?}");
    Life { start, storm, stop }
}

/// A root written by hand.
pub(crate) async fn root_by_hand(census: &Arc<Census>) -> ActorRef<Start> {
    let arguments = (unique("by-hand"), Arc::clone(census));
    let (root, _) = Actor::spawn(None, ByHand, arguments).await.expect("a root");
    root
}

pub(crate) async fn by_hand(n: usize, callers: usize) -> Life {
    let census = Census::new();
    let root = root_by_hand(&census).await;
    let began = Instant::now();
    let started = start_by_hand(&root, n, callers).await;
    let start = began.elapsed();
    let storm = storm(&census, &started).await;
    drop(started);
    let began = Instant::now();
    root.stop_children_and_wait(None, None).await;
    let stop = began.elapsed();
    assert_eq!(census.stopped(), n);
    root.stop_and_wait(None, None).await.expect("an end");
    Life { start, storm, stop }
}

/// What ractor itself takes to spawn so many.
pub(crate) async fn bare(n: usize) -> Duration {
    let census = Census::new();
    let (parent, _) = Actor::spawn(None, Idle, ()).await.expect("a parent");
    let name = unique("bare");
    let began = Instant::now();
    let mut started = Vec::with_capacity(n);
    for i in 0..n {
        let name = format!("{name}/session/session-{i}");
        started.push(bare::start(name, &parent, &census).await.expect("a start"));
    }
    let took = began.elapsed();
    parent.stop_children_and_wait(None, None).await;
    parent.stop_and_wait(None, None).await.expect("an end");
    took
}

/// A name that no round before had. As long as the names of our own supervisors.
pub(crate) fn unique(kind: &str) -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let n = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("session_supervisor::{kind}-{n}")
}
