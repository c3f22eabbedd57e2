//! Drains against starts, stops, crashes, other drains, a stop, an end by others, and callers that
//! go away, all at once.
//!
//! Whatever comes first: each call is answered, a session that was started ends, and the report of a
//! drain names each session that it knew once.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use session_supervisor::error::{DrainError, ErrorKind};
use session_supervisor::{
    ChildSpec, Drain, DrainOutcome, DrainReport, Options, Restart, SessionSupervisor,
};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use super::hammer::rng::Rng;
use crate::support::{Order, Probe, Worker, answered, ask_and_go, no_name_left, supervisor};

const STARTS: usize = 1_000;
const BEFORE: usize = 50;
const LIMIT: Duration = Duration::from_secs(60);

/// What comes against the drain, beside the starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Against {
    Starts,
    Drains,
    Stop,
    ForeignStop,
    ForeignKill,
}

const ALL: [Against; 5] = [
    Against::Starts,
    Against::Drains,
    Against::Stop,
    Against::ForeignStop,
    Against::ForeignKill,
];

/// One that handles some messages on its way out, and now and then fails at that.
fn spec(probe: &Probe, seed: u64) -> ChildSpec<Worker> {
    let count = AtomicUsize::new(usize::try_from(seed % 1_000).unwrap());
    let script = probe.script().post_stop(move |_, _| {
        let n = count.fetch_add(1, Ordering::Relaxed);
        async move {
            for _ in 0..n % 4 {
                tokio::task::yield_now().await;
            }
            match n % 10 {
                0 => Err("no disk".into()),
                // A panic that is not printed.
                1 => std::panic::resume_unwind(Box::new("in its post_stop")),
                _ => Ok(()),
            }
        }
    });
    script.spec().restart(Restart::Permanent)
}

/// Whether it was started; else it was refused.
async fn start(sessions: &SessionSupervisor, id: &str, spec: &ChildSpec<Worker>) -> bool {
    let session = match sessions.start_session(id, spec.clone()).await {
        Ok(session) => session,
        Err(error) => {
            let kind = error.kind();
            assert!(
                matches!(kind, ErrorKind::Draining | ErrorKind::SupervisorDown),
                "{id}: {error:?}"
            );
            return false;
        }
    };
    // It may be ending by now.
    drop(session.cast(Order::run(|_| async {
        tokio::task::yield_now().await;
        Ok(())
    })));
    true
}

fn checked(report: &DrainReport, ids: &BTreeSet<String>) {
    let named: BTreeSet<_> = report
        .sessions
        .iter()
        .map(|end| end.id.to_string())
        .collect();
    assert_eq!(named.len(), report.sessions.len(), "each session once");
    assert!(named.is_subset(ids), "it names what was never asked for");
    let count = |outcome| {
        let each = report.sessions.iter();
        each.filter(|end| end.outcome == outcome).count()
    };
    let (summary, sessions) = (&report.summary, &report.sessions);
    let right = [
        (DrainOutcome::Stopped, summary.stopped),
        (DrainOutcome::Failed, summary.failed),
        (DrainOutcome::Killed, summary.killed),
        (DrainOutcome::Stuck, summary.stuck),
        (DrainOutcome::NotRunning, summary.not_running),
    ];
    for (outcome, counted) in right {
        assert_eq!(count(outcome), counted, "{outcome:?} of {}", sessions.len());
    }
    assert!(
        sessions.iter().all(|end| end.took <= summary.took),
        "{summary:?}"
    );
}

/// Answers how many of the starts succeeded.
async fn round(against: Against, seed: u64) -> usize {
    let mut rng = Rng::new(seed);
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let spec = spec(&probe, seed);
    let mut ids = BTreeSet::new();
    for n in 0..BEFORE {
        let id = format!("before {n}");
        sessions.start_session(&id, spec.clone()).await.unwrap();
        ids.insert(id);
    }
    // All begin at once.
    let at_once = 12 + usize::from(against != Against::Starts);
    let barrier = Arc::new(Barrier::new(at_once));
    let (mut starts, mut others) = (JoinSet::new(), JoinSet::new());
    for task in 0..8 {
        let (sessions, barrier, spec) = (sessions.clone(), Arc::clone(&barrier), spec.clone());
        let own: Vec<_> = (0..STARTS / 8).map(|n| format!("{task}/{n}")).collect();
        ids.extend(own.iter().cloned());
        starts.spawn(async move {
            barrier.wait().await;
            let mut started = 0;
            for (n, id) in own.into_iter().enumerate() {
                if n % 10 == 3 {
                    ask_and_go(sessions.ensure_session(&id, spec.clone())).await;
                } else {
                    started += usize::from(start(&sessions, &id, &spec).await);
                }
            }
            started
        });
    }
    {
        let (sessions, barrier) = (sessions.clone(), Arc::clone(&barrier));
        let picks: Vec<_> = (0..BEFORE).map(|_| rng.below(BEFORE)).collect();
        others.spawn(async move {
            barrier.wait().await;
            for (n, pick) in picks.into_iter().enumerate() {
                let id = format!("before {pick}");
                match n % 4 {
                    0 => drop(sessions.stop_session(&id).await),
                    1 => ask_and_go(sessions.stop_session(&id)).await,
                    2 => drop(sessions.ask_for_time(&id, LIMIT).await),
                    _ => {
                        if let Ok(session) = sessions.find_session_as::<Order>(&id) {
                            drop(session.cast(Order::Crash));
                        }
                    }
                }
            }
        });
    }
    if against != Against::Starts {
        let (sessions, barrier) = (sessions.clone(), Arc::clone(&barrier));
        let yields = rng.below(300);
        others.spawn(async move {
            barrier.wait().await;
            for _ in 0..yields {
                tokio::task::yield_now().await;
            }
            match against {
                Against::Starts => {}
                Against::Drains => {
                    for n in 1..20 {
                        ask_and_go(sessions.drain(Drain::within(LIMIT).at_most(n))).await;
                    }
                }
                Against::Stop => drop(sessions.stop().await),
                Against::ForeignStop => sessions.get_cell().stop(None),
                Against::ForeignKill => sessions.get_cell().kill(),
            }
        });
    }
    let mut drains = JoinSet::new();
    for n in 0..3 {
        let (sessions, barrier) = (sessions.clone(), Arc::clone(&barrier));
        let order = Drain::within(LIMIT).at_most(5 + n);
        let yields = rng.below(100 + 100 * n);
        drains.spawn(async move {
            barrier.wait().await;
            for _ in 0..yields {
                tokio::task::yield_now().await;
            }
            let mut drain = sessions.drain(order);
            let mut last = (0, usize::MAX);
            while let Some(progress) = drain.progress().await {
                let next = (progress.ended, progress.waiting);
                assert!(
                    next.0 >= last.0 && next.1 <= last.1,
                    "{last:?}, then {next:?}"
                );
                last = next;
            }
            drain.await
        });
    }
    let what = format!("{against:?}, seed {seed}");
    let started = answered(&what, starts.join_all()).await;
    answered(&what, others.join_all()).await;
    let reports = answered(&what, drains.join_all()).await;
    for report in reports {
        match report {
            Ok(report) if against == Against::Starts || against == Against::Drains => {
                checked(&report, &ids);
            }
            // It may have joined the other end, and then names what was left.
            Ok(report) => assert!(report.sessions.len() <= ids.len(), "{what}"),
            Err(DrainError::SupervisorDown) => {}
            Err(error) => panic!("{what}: {error:?}"),
        }
    }
    answered(&what, sessions.wait()).await;
    answered(&what, probe.until(|tally| tally.alive == 0)).await;
    no_name_left(sessions.name()).await;
    started.into_iter().sum()
}

fn rounds() -> u64 {
    let rounds = std::env::var("DRAIN_ROUNDS").ok();
    rounds.and_then(|rounds| rounds.parse().ok()).unwrap_or(2)
}

async fn all_rounds() {
    let mut started = BTreeSet::new();
    for seed in 0..rounds() {
        for against in ALL {
            started.insert(round(against, seed).await);
        }
    }
    let between = |started: &usize| (1..STARTS / 8 * 7).contains(started);
    assert!(
        started.iter().any(between),
        "no drain comes in between: {started:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn on_one_thread() {
    all_rounds().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_several_threads() {
    all_rounds().await;
}
