//! Many who change sessions and many who follow them, on one thread and on several.

use std::collections::HashMap;

use session_supervisor::{EventKind, Options, SessionId, SessionSupervisor, Snapshot};
use tokio::sync::mpsc::{Sender, channel};
use tokio::task::JoinSet;

use super::shown;
use crate::support::{Order, Probe, answered, supervisor, yields};

const IDS: usize = 8;
const ROUNDS: usize = 40;
const READERS: usize = 20;

/// Each event has the number after the one before, and those of an id tell a story that can be.
#[derive(Default)]
struct Story {
    revision: Option<u64>,
    /// What the last event of each id was.
    known: HashMap<SessionId, EventKind>,
    incarnations: HashMap<SessionId, u64>,
}

impl Story {
    fn beginning(snapshot: &Snapshot) -> Self {
        let known = snapshot.sessions.keys();
        Self {
            revision: Some(snapshot.revision),
            known: known.map(|id| (id.clone(), EventKind::Stopping)).collect(),
            incarnations: HashMap::new(),
        }
    }

    fn goes_on(&mut self, event: &session_supervisor::Event) {
        if let Some(before) = self.revision.replace(event.revision) {
            assert_eq!(event.revision, before + 1, "{event}");
        }
        let Some(id) = event.id.clone() else {
            return;
        };
        let begins = matches!(
            event.kind,
            EventKind::Launching { .. } | EventKind::Queued { .. }
        );
        let known = self.known.contains_key(&id);
        // What was ending when the snapshot was taken is not in it, and is told of once more.
        let rest = matches!(event.kind, EventKind::Gone(_) | EventKind::Stuck);
        assert!(known || begins || rest, "{event}");
        let last = self.incarnations.entry(id.clone()).or_default();
        assert!(
            event.incarnation >= *last,
            "{event} after incarnation {last}"
        );
        *last = event.incarnation;
        if let EventKind::Gone(_) = event.kind {
            self.known.remove(&id);
            self.incarnations.remove(&id);
        } else {
            self.known.insert(id, event.kind.clone());
        }
    }
}

async fn change(sessions: SessionSupervisor, probe: Probe, n: usize) {
    for round in 0..ROUNDS {
        let id = format!("s{}", (n + round) % IDS);
        match (n + round * 7) % 5 {
            0 | 1 => drop(sessions.ensure_session(&id, probe.spec()).await),
            2 => drop(sessions.stop_session(&id).await),
            3 => drop(sessions.restart_session(&id).await),
            _ => {
                if let Ok(session) = sessions.find_session_as::<Order>(&id) {
                    session.cast(Order::Crash).ok();
                }
            }
        }
    }
}

/// Begins to follow in the midst of all that, and goes on to the end.
async fn follow(sessions: SessionSupervisor, turns: usize, begun: Sender<()>) -> Snapshot {
    yields(turns).await;
    let mut feed = sessions.subscribe().await.unwrap();
    let mut snapshot = feed.take_snapshot().unwrap();
    begun.send(()).await.unwrap();
    let mut story = Story::beginning(&snapshot);
    while let Some(event) = answered("an event", feed.next()).await {
        let event = event.expect("it keeps up");
        story.goes_on(&event);
        // The end of them all is told too.
        if let EventKind::SupervisorStopping(_) = event.kind {
            break;
        }
        snapshot.apply(&event);
    }
    snapshot
}

async fn all_who_follow_see_the_same() {
    let sessions =
        supervisor(Options::new().session_restart_limit(1_000, super::Duration::MAX)).await;
    let probe = Probe::default();
    let mut callers = JoinSet::new();
    let mut readers = JoinSet::new();
    let (begun, mut begins) = channel(READERS);
    for n in 0..READERS {
        callers.spawn(change(sessions.clone(), probe.clone(), n));
        readers.spawn(follow(sessions.clone(), n * 5, begun.clone()));
    }
    for _ in 0..READERS {
        answered("a reader", begins.recv()).await.unwrap();
    }
    while let Some(done) = answered("all callers", callers.join_next()).await {
        done.unwrap();
    }
    // Sessions may still be restarting, so the list is taken from the feed as well: it is as of a
    // revision.
    let mut last = sessions.subscribe().await.unwrap();
    sessions.stop().await.unwrap();
    let mut list = last.take_snapshot().unwrap();
    while let Some(event) = last.next().await {
        let event = event.unwrap();
        if let EventKind::SupervisorStopping(_) = event.kind {
            break;
        }
        list.apply(&event);
    }
    while let Some(read) = answered("all readers", readers.join_next()).await {
        assert_eq!(shown(&read.unwrap()), shown(&list));
    }
    assert_eq!(probe.alive(), 0);
}

#[tokio::test(start_paused = true)]
async fn all_who_follow_see_the_same_list_whenever_they_begin() {
    all_who_follow_see_the_same().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_who_follow_see_the_same_list_whenever_they_begin_on_several_threads() {
    all_who_follow_see_the_same().await;
}

/// A snapshot is the list of its very revision, whatever happens while it is taken.
async fn snapshots_fit(rounds: usize) {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    for n in 0..600 {
        sessions
            .start_session(&format!("idle{n}"), probe.spec())
            .await
            .unwrap();
    }
    let mut feed = sessions.subscribe().await.unwrap();
    let mut mine = feed.take_snapshot().unwrap();
    let mut callers = JoinSet::new();
    for n in 0..8 {
        callers.spawn(change(sessions.clone(), probe.clone(), n));
    }
    for _ in 0..rounds {
        let mut other = sessions.subscribe().await.unwrap();
        let other = other.take_snapshot().unwrap();
        while mine.revision < other.revision {
            let event = answered("an event", feed.next()).await.unwrap().unwrap();
            mine.apply(&event);
        }
        assert_eq!(mine, other);
    }
    while let Some(done) = answered("all callers", callers.join_next()).await {
        done.unwrap();
    }
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_is_the_list_of_its_revision() {
    snapshots_fit(40).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_is_the_list_of_its_revision_on_several_threads() {
    snapshots_fit(40).await;
}
