//! Many callers at once of a supervisor that admits few sessions, on one thread and on several.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use session_supervisor::error::{EnsureError, RejectReason, StartError};
use session_supervisor::{ChildSpec, Options, Restart};
use tokio::task::JoinSet;

use super::hammer::rng::Rng;
use crate::support::{Order, Probe, Worker, answered, supervisor};

const CALLERS: usize = 1_000;
const GROUPS: usize = 10;
const MAX: usize = 7;

fn group_of(id: &str) -> Option<String> {
    let (group, name) = id.split_once('/')?;
    assert_ne!(name, "panics");
    Some(group.to_owned())
}

/// A thousand that start a session each in ten groups, half of which give up on the way: seventy
/// starts.
async fn a_thousand_start_in_ten_groups() {
    let options = Options::new().quota(group_of, MAX);
    let sessions = supervisor(options).await;
    let probe = Probe::default();
    let mut callers = JoinSet::new();
    for n in 0..CALLERS {
        if n % 50 == 0 {
            let id = format!("{}/panics", n % GROUPS);
            let broken = sessions.start_session(&id, probe.spec());
            callers.spawn(async move { drop(broken.await.unwrap_err()) });
        }
        let id = format!("{}/{}", n % GROUPS, n / GROUPS);
        let (sessions, spec) = (sessions.clone(), probe.spec());
        callers.spawn(async move {
            let start = async {
                match n / GROUPS % 4 < 2 {
                    true => sessions.start_session(&id, spec).await.map(drop),
                    false => match sessions.ensure_session(&id, spec).await {
                        Ok(_) => Ok(()),
                        Err(EnsureError::Start(error)) => Err(error),
                        Err(error) => panic!("{error}"),
                    },
                }
            };
            if n / GROUPS % 2 == 1 {
                drop(tokio::time::timeout(Duration::ZERO, start).await);
                return;
            }
            match start.await {
                Ok(())
                | Err(StartError::Rejected {
                    reason: RejectReason::Quota { max: MAX, .. },
                    retry_after: None,
                }) => {}
                Err(error) => panic!("{error:?}"),
            }
        });
    }
    while let Some(done) = answered("all of them", callers.join_next()).await {
        done.unwrap();
    }
    // Of those that gave up some may still be starting.
    probe.until(|tally| tally.ready == GROUPS * MAX).await;
    let groups = sessions.groups().await.unwrap();
    assert_eq!(groups.len(), GROUPS);
    assert!(groups.iter().all(|group| group.count == MAX), "{groups:?}");
    assert_eq!(
        sessions.count_sessions().await.unwrap().active,
        GROUPS * MAX
    );
    assert_eq!(probe.starts(), GROUPS * MAX);
    sessions.stop().await.unwrap();
}

async fn a_thousand_start_at_a_rate_of_fifty() {
    const N: u32 = 50;
    let hour = Duration::from_secs(3_600);
    let sessions = supervisor(Options::new().start_rate(N, hour)).await;
    let probe = Probe::default();
    let mut callers = JoinSet::new();
    for n in 0..CALLERS {
        let start = sessions.start_session(&n.to_string(), probe.spec());
        callers.spawn(async move {
            if n % 2 == 1 {
                drop(tokio::time::timeout(Duration::ZERO, start).await);
                return;
            }
            match start.await {
                Ok(_) => {}
                Err(StartError::Rejected {
                    reason: RejectReason::StartRate { n: N, .. },
                    retry_after: Some(wait),
                }) => assert!(wait <= hour),
                Err(error) => panic!("{error:?}"),
            }
        });
    }
    while let Some(done) = answered("all of them", callers.join_next()).await {
        done.unwrap();
    }
    probe.until(|tally| tally.ready == N as usize).await;
    assert_eq!(sessions.count_sessions().await.unwrap().specs, N as usize);
    assert_eq!(probe.starts(), N as usize);
    sessions.stop().await.unwrap();
}

/// Counts the sessions of a group that are alive, and whether there were ever too many.
fn counted(
    probe: &Probe,
    alive: &Arc<AtomicUsize>,
    too_many: &Arc<AtomicUsize>,
) -> ChildSpec<Worker> {
    let (begun, over) = (Arc::clone(alive), Arc::clone(alive));
    let too_many = Arc::clone(too_many);
    let script = probe.script().pre_start(move |_, _| {
        if begun.fetch_add(1, Ordering::SeqCst) >= MAX {
            too_many.fetch_add(1, Ordering::SeqCst);
        }
        async { Ok(()) }
    });
    let script = script.on_drop(move |_| {
        over.fetch_sub(1, Ordering::SeqCst);
    });
    script.spec().restart(Restart::Permanent)
}

/// Sessions that are started, stopped, restarted and crash: at no moment are too many of a group
/// alive.
async fn whatever_is_done_a_group_never_has_too_many() {
    let options = Options::new()
        .quota(group_of, MAX)
        .without_session_restart_limit();
    let sessions = supervisor(options).await;
    let probe = Probe::default();
    let (too_many, rejected) = (Arc::new(AtomicUsize::new(0)), Arc::default());
    let groups: Vec<_> = (0..2).map(|_| Arc::new(AtomicUsize::new(0))).collect();
    let mut callers = JoinSet::new();
    for seed in 0..20 {
        let (sessions, probe) = (sessions.clone(), probe.clone());
        let (groups, too_many) = (groups.clone(), Arc::clone(&too_many));
        let rejected: Arc<AtomicUsize> = Arc::clone(&rejected);
        callers.spawn(async move {
            let mut rng = Rng::new(seed);
            for _ in 0..100 {
                let group = rng.below(groups.len());
                let id = format!("{group}/{}", rng.below(2 * MAX));
                let spec = || counted(&probe, &groups[group], &too_many);
                match rng.below(8) {
                    0..=2 => {
                        let start = sessions.start_session(&id, spec()).await;
                        if let Err(StartError::Rejected { .. }) = start {
                            rejected.fetch_add(1, Ordering::SeqCst);
                        }
                    }
                    3 => {
                        let start = sessions.ensure_session(&id, spec());
                        drop(tokio::time::timeout(Duration::ZERO, start).await);
                    }
                    4 => drop(sessions.restart_session(&id).await),
                    5 => {
                        if let Ok(session) = sessions.find_session_as::<Order>(&id) {
                            drop(session.cast(Order::Crash));
                        }
                    }
                    _ => drop(sessions.stop_session(&id).await),
                }
            }
        });
    }
    while let Some(done) = answered("all of them", callers.join_next()).await {
        done.unwrap();
    }
    assert_eq!(too_many.load(Ordering::SeqCst), 0);
    assert!(
        rejected.load(Ordering::SeqCst) > 0,
        "there was always a place"
    );
    sessions.stop().await.unwrap();
    assert_eq!(probe.alive(), 0);
}

#[tokio::test(start_paused = true)]
async fn of_a_thousand_starts_in_ten_groups_seventy_are_made() {
    a_thousand_start_in_ten_groups().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_thousand_starts_in_ten_groups_seventy_are_made_on_several_threads() {
    a_thousand_start_in_ten_groups().await;
}

#[tokio::test(start_paused = true)]
async fn of_a_thousand_starts_at_once_as_many_are_made_as_the_rate_says() {
    a_thousand_start_at_a_rate_of_fifty().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_thousand_starts_at_once_as_many_are_made_on_several_threads() {
    a_thousand_start_at_a_rate_of_fifty().await;
}

#[tokio::test(start_paused = true)]
async fn at_no_moment_has_a_group_too_many() {
    whatever_is_done_a_group_never_has_too_many().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_no_moment_has_a_group_too_many_on_several_threads() {
    whatever_is_done_a_group_never_has_too_many().await;
}
