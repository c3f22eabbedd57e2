//! Exits that race with the report of the start, with a stop, and with each other.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use session_supervisor::error::StartError;
use session_supervisor::{Counts, Exit, Options, Restart};
use tokio::task::JoinSet;

use crate::support::{Order, Probe, Tie, answered, names_of, supervisor};

/// All that ended normally, whether it stopped itself or was stopped from outside, was never
/// started again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn very_many_normal_ends_are_never_taken_for_crashes() {
    const TASKS: usize = 50;
    const EACH: usize = 2_000;
    let sessions = supervisor(Options::new()).await;
    let (tie, remains) = Tie::new();
    let starts = Arc::new(AtomicUsize::new(0));
    let spec = {
        let probe = Probe::default();
        let starts = Arc::clone(&starts);
        probe
            .script()
            .post_start(move |start, myself| {
                let (_, starts) = (&tie, &starts);
                if starts.fetch_add(1, Ordering::Relaxed) % 2 == 0 || start.incarnation > 1 {
                    myself.stop(None);
                }
                async { Ok(()) }
            })
            .spec()
            .restart(Restart::Transient)
    };
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let (sessions, spec) = (sessions.clone(), spec.clone());
        tasks.spawn(async move {
            for n in 0..EACH {
                let id = format!("{task}-{n}");
                let session = sessions.start_session(&id, spec.clone()).await.unwrap();
                match n % 3 {
                    0 => drop(session.drain()),
                    1 => session.stop(Some("killed".to_owned())),
                    _ => session.stop(None),
                }
            }
        });
    }
    drop(spec);
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    remains.gone().await;
    assert_eq!(starts.load(Ordering::Relaxed), TASKS * EACH);
    assert_eq!(sessions.count_sessions().await, Ok(Counts::default()));
    sessions.stop().await.unwrap();
}

/// How a session ends itself in its `pre_start` (before it is linked) or its `post_start` (after),
/// so early that its exit may come before the report of its start.
#[derive(Clone, Copy, Debug)]
enum Early {
    StopBefore,
    KillBefore,
    StopAfter,
    KillAfter,
    FailAfter,
}

async fn ends_early(early: Early, restart: Restart, rounds: usize) {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let (tie, remains) = Tie::new();
    let spec = probe
        .script()
        .pre_start(move |_, myself| {
            let _ = &tie;
            match early {
                Early::StopBefore => myself.stop(None),
                Early::KillBefore => myself.kill(),
                _ => {}
            }
            async { Ok(()) }
        })
        .post_start(move |_, myself| async move {
            match early {
                Early::StopAfter => myself.stop(None),
                Early::KillAfter => {
                    myself.kill();
                    tokio::task::yield_now().await;
                }
                Early::FailAfter => return Err("fails at once".into()),
                _ => {}
            }
            Ok(())
        })
        .spec()
        .restart(restart);
    let mut tasks = JoinSet::new();
    for n in 0..rounds {
        let (sessions, spec) = (sessions.clone(), spec.clone());
        tasks.spawn(async move {
            let id = n.to_string();
            let started = answered("the start", sessions.start_session(&id, spec.clone())).await;
            let session = started.unwrap_or_else(|error| panic!("{early:?}: {error}"));
            answered("the end", session.wait(None)).await.unwrap();
            // Waits behind all that the exit leads to.
            let again = answered("the next start", sessions.start_session(&id, spec)).await;
            (id, again)
        });
    }
    drop(spec);
    let crashes = !matches!(early, Early::StopBefore | Early::StopAfter);
    let comes_back = crashes && restart == Restart::Transient;
    while let Some(done) = tasks.join_next().await {
        let (id, again) = done.unwrap();
        match again {
            Err(StartError::Parked) if comes_back => {}
            // It may be seen during one of its short lives.
            Err(StartError::AlreadyStarted { .. }) if comes_back => {}
            Ok(_) if !comes_back => {}
            other => panic!("{early:?} {restart:?} {id}: {other:?}"),
        }
    }
    if comes_back {
        // On one thread the parked session's exit is known in full; on several its text may follow.
        let one_thread = tokio::runtime::Handle::current().runtime_flavor()
            == tokio::runtime::RuntimeFlavor::CurrentThread;
        if one_thread && matches!(early, Early::FailAfter) {
            for info in sessions.list_sessions().await.unwrap() {
                let exit = info.last_exit.unwrap().to_string();
                assert_eq!(exit, "failed: fails at once");
            }
        }
        // The first start and the three restarts of the default limit.
        answered("four starts each", probe.until(|t| t.starts == 4 * rounds)).await;
        for n in 0..rounds {
            let stopped = answered("the stop", sessions.stop_session(&n.to_string())).await;
            assert!(
                matches!(
                    stopped,
                    Ok(Exit::NotRunning | Exit::Failed { .. } | Exit::Killed)
                ),
                "{early:?}: {stopped:?}"
            );
        }
    }
    remains.gone().await;
    let expected = if comes_back { 4 * rounds } else { 2 * rounds };
    assert_eq!(probe.starts(), expected, "{early:?} {restart:?}");
    assert_eq!(probe.alive(), 0);
    assert_eq!(sessions.count_sessions().await, Ok(Counts::default()));
    assert_eq!(names_of(sessions.name()).len(), 1);
    sessions.stop().await.unwrap();
}

async fn every_early_end(rounds: usize) {
    for restart in [Restart::Transient, Restart::Temporary] {
        for early in [
            Early::StopBefore,
            Early::KillBefore,
            Early::StopAfter,
            Early::KillAfter,
            Early::FailAfter,
        ] {
            ends_early(early, restart, rounds).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_exit_that_overtakes_the_report_of_its_start_is_not_lost_on_several_threads() {
    every_early_end(200).await;
}

#[tokio::test(start_paused = true)]
async fn an_exit_that_overtakes_the_report_of_its_start_is_not_lost_on_one_thread() {
    every_early_end(50).await;
}

/// A stop and a crash of one session at the same moment, many times.
async fn stop_races_with_crash(tasks: usize, rounds: usize) {
    let sessions = supervisor(Options::new()).await;
    let mut racers = JoinSet::new();
    for task in 0..tasks {
        let sessions = sessions.clone();
        racers.spawn(async move {
            let id = format!("racer {task}");
            let probe = Probe::default();
            let spec = probe
                .spec()
                .restart(Restart::Permanent)
                .without_restart_limit();
            for round in 0..rounds {
                let session = sessions.start_session(&id, spec.clone()).await.unwrap();
                let crash = {
                    let session = session.clone();
                    tokio::spawn(async move {
                        for _ in 0..round % 4 {
                            tokio::task::yield_now().await;
                        }
                        match round % 3 {
                            0 => drop(session.cast(Order::Crash)),
                            1 => session.kill(),
                            _ => session.stop(None),
                        }
                    })
                };
                for _ in 0..round % 5 {
                    tokio::task::yield_now().await;
                }
                let exit = answered("the stop", sessions.stop_session(&id)).await;
                let exit = exit.unwrap_or_else(|error| panic!("round {round}: {error}"));
                assert_eq!(probe.alive(), 0, "round {round}, {exit}");
                let name = session_supervisor::names::session(sessions.name(), &id);
                assert!(
                    ractor::registry::where_is(name).is_none(),
                    "round {round}, {exit}"
                );
                assert!(!sessions.is_running(&id));
                assert_eq!(
                    sessions.session_info(&id).await.map(|info| info.is_none()),
                    Ok(true)
                );
                crash.await.unwrap();
            }
        });
    }
    while let Some(done) = racers.join_next().await {
        done.unwrap();
    }
    assert_eq!(sessions.count_sessions().await, Ok(Counts::default()));
    sessions.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_that_races_with_a_crash_is_answered_with_an_exit_on_several_threads() {
    stop_races_with_crash(8, 250).await;
}

#[tokio::test(start_paused = true)]
async fn a_stop_that_races_with_a_crash_is_answered_with_an_exit_on_one_thread() {
    stop_races_with_crash(4, 120).await;
}
