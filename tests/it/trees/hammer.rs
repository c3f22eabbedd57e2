//! A session that is a tree crashes ten thousand times. Each time it is back at once: no attempt
//! meets what is left of the tree before.
//!
//! Its number of attempts cannot be reduced: it looks for an attempt that fails once in a thousand.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use session_supervisor::{Backoff, ChildSpec, Options, SessionSupervisor, Supervisor, TreeSpec};
use tokio::sync::watch;

use super::scenery::child_of;
use crate::support::{Order, Probe, answered, names_of, supervisor};

const CRASHES: u64 = 10_000;

/// What brings the session down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Blow {
    /// The tree's root is killed.
    Kill,
    /// A child crashes, and the tree may restart none.
    Escalation,
}

/// Tells of the incarnations of the tree, as its description and its last child see them.
#[derive(Clone, Debug)]
struct Watch {
    described: Arc<AtomicU64>,
    failed_attempts: Arc<AtomicU64>,
    up: watch::Sender<u64>,
}

fn tree(seen: &Watch, probe: &Probe) -> ChildSpec<Supervisor> {
    let (seen, probe) = (seen.clone(), probe.clone());
    ChildSpec::tree(move |start| {
        seen.described.fetch_add(1, Ordering::SeqCst);
        if start.attempt != 1 {
            seen.failed_attempts.fetch_add(1, Ordering::SeqCst);
        }
        let incarnation = start.incarnation;
        let up = seen.up.clone();
        let last = probe.script().post_start(move |_, _| {
            up.send_replace(incarnation);
            async { Ok(()) }
        });
        TreeSpec::one_for_one()
            .restart_limit(0, std::time::Duration::from_secs(5))
            .child("recorder", probe.spec())
            .child("manager", probe.spec())
            .child("last", last.spec())
    })
    .without_restart_limit()
    // The default pauses between restarts in quick succession.
    .backoff(Backoff::none())
}

async fn strike(blow: Blow, sessions: &SessionSupervisor, round: u64) {
    match blow {
        Blow::Kill => {
            let root = sessions.find_session("alice").expect("the session runs");
            root.kill();
        }
        Blow::Escalation => {
            let role = ["recorder", "manager", "last"][usize::try_from(round % 3).unwrap()];
            let child = child_of(sessions, "alice", role);
            match round % 2 {
                0 => child.kill(),
                _ => child.cast(Order::Crash).unwrap(),
            }
        }
    }
}

async fn hammer(blow: Blow) {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let seen = Watch {
        described: Arc::default(),
        failed_attempts: Arc::default(),
        up: watch::Sender::new(0),
    };
    let spec = tree(&seen, &probe);
    answered("the start", sessions.start_session("alice", spec.clone()))
        .await
        .unwrap();
    for round in 1..=CRASHES {
        let mut up = seen.up.subscribe();
        answered("the next life", up.wait_for(|up| *up >= round))
            .await
            .unwrap();
        // The session is found when its root is linked, a moment after its last child is up.
        let back = sessions.ensure_session("alice", spec.clone());
        answered("the session", back).await.unwrap();
        strike(blow, &sessions, round).await;
    }
    let mut up = seen.up.subscribe();
    answered("the last life", up.wait_for(|up| *up > CRASHES))
        .await
        .unwrap();
    let info = sessions.session_info("alice").await.unwrap().unwrap();
    assert_eq!(seen.failed_attempts.load(Ordering::SeqCst), 0, "{info:?}");
    assert_eq!(info.incarnation, CRASHES + 1, "{info:?}");
    assert_eq!(info.restarts, CRASHES, "{info:?}");
    assert_eq!(seen.described.load(Ordering::SeqCst), CRASHES + 1);
    sessions.stop().await.unwrap();
    assert_eq!(probe.alive(), 0);
    assert_eq!(names_of(sessions.name()), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_kills_of_the_tree_on_several_threads() {
    hammer(Blow::Kill).await;
}

#[tokio::test]
async fn ten_thousand_kills_of_the_tree_on_one_thread() {
    hammer(Blow::Kill).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_escalations_on_several_threads() {
    hammer(Blow::Escalation).await;
}

#[tokio::test]
async fn ten_thousand_escalations_on_one_thread() {
    hammer(Blow::Escalation).await;
}
