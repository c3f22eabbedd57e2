//! "An incarnation has ended when its future has been dropped. So two futures of one id never
//! overlap." A thousand tasks, whose ends race with stops, kills, restarts and starts of their ids.

use std::sync::Arc;
use std::time::Duration;

use session_supervisor::error::StopError;
use session_supervisor::{ChildSpec, Exit, Options, Restart, SessionSupervisor, Shutdown, Task};
use tokio::sync::Notify;
use tokio::task::{JoinSet, yield_now};

use super::hammer::rng::Rng;
use crate::support::{answered, supervisor};
use crate::tasks::{Outcome, Track};

const IDS: usize = 1_000;

/// Without a line of the hook for each.
fn panics() -> Outcome {
    std::panic::resume_unwind(Box::new("no ink"))
}

/// Whether the futures of this id look at their signal.
fn is_polite(id: usize) -> bool {
    !id.is_multiple_of(4)
}

/// A task that ends by itself after a few turns, in a way of its own at each incarnation, or lives
/// until it is stopped.
fn spec(id: usize, track: &Track, seed: u64, nudge: &Arc<Notify>) -> ChildSpec<Task> {
    let nudge = Arc::clone(nudge);
    let spec = track.task(move |start, stop| {
        let nudge = Arc::clone(&nudge);
        let mut rng = Rng::new(seed ^ start.incarnation.wrapping_mul(0x51));
        async move {
            for _ in 0..rng.below(4) {
                yield_now().await;
            }
            match rng.below(8) {
                0 => return Ok(()),
                1 => return Err("no ink".into()),
                2 => return panics(),
                3 if !is_polite(id) => std::future::pending().await,
                // It ends at the same moment as it is stopped, or before.
                4 => tokio::select! {
                    () = nudge.notified() => {}
                    () = stop.requested() => {}
                },
                _ => stop.requested().await,
            }
            for _ in 0..rng.below(3) {
                yield_now().await;
            }
            match rng.below(4) {
                0 => Err("no ink".into()),
                _ => Ok(()),
            }
        }
    });
    let shutdown = match seed % 4 {
        0 => Shutdown::BrutalKill,
        1 => Shutdown::Drain(Duration::from_millis(5)),
        _ => Shutdown::Timeout(Duration::from_millis(5)),
    };
    let restart = match seed % 3 {
        0 => Restart::Permanent,
        _ => Restart::Transient,
    };
    spec.shutdown(shutdown)
        .restart(restart)
        .restart_limit(5, Duration::from_secs(60))
}

async fn hammer(sessions: SessionSupervisor, callers: u64, each: usize) {
    let tracks: Arc<Vec<Track>> = Arc::new((0..IDS).map(|_| Track::new()).collect());
    let nudge = Arc::new(Notify::new());
    let mut tasks = JoinSet::new();
    for caller in 0..callers {
        let (sessions, tracks) = (sessions.clone(), Arc::clone(&tracks));
        let nudge = Arc::clone(&nudge);
        tasks.spawn(async move {
            let mut rng = Rng::new(caller);
            for _ in 0..each {
                let n = rng.below(IDS);
                let id = n.to_string();
                let spec = spec(n, &tracks[n], rng.next(), &nudge);
                match rng.below(8) {
                    0 => drop(sessions.stop_session(&id).await),
                    1 => drop(sessions.restart_session(&id).await),
                    2 => {
                        if let Some(cell) = sessions.find_session(&id) {
                            match rng.below(4) {
                                0 => cell.kill(),
                                1 => drop(cell.send_message(())),
                                // Nothing limits the time of a stop that others ask for.
                                2 if is_polite(n) => drop(cell.drain()),
                                _ if is_polite(n) => cell.stop(None),
                                _ => {}
                            }
                        }
                    }
                    3 => nudge.notify_waiters(),
                    _ => drop(sessions.ensure_session(&id, spec).await),
                }
            }
        });
    }
    answered("what was asked", tasks.join_all()).await;
    let report = answered("the stop", sessions.stop()).await.unwrap();
    assert_eq!(report.stuck, 0, "{report:?}");
    let mut made = 0;
    for (id, track) in tracks.iter().enumerate() {
        let lives = track.until(|lives| lives.alive == 0).await;
        assert!(lives.most <= 1, "two futures of {id} at once: {lives:?}");
        made += lives.made;
    }
    assert!(made > IDS, "only {made} futures");
}

#[tokio::test(start_paused = true)]
async fn no_two_futures_of_one_id_overlap_on_one_thread() {
    let sessions = supervisor(Options::new()).await;
    hammer(sessions, 16, 2_000).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_two_futures_of_one_id_overlap_on_several_threads() {
    let sessions = supervisor(Options::new()).await;
    hammer(sessions, 16, 2_000).await;
}

/// The future ends in the instant of its stop: the stop is answered once, with one of the two.
async fn ends_against_stops(rounds: usize) {
    let sessions = supervisor(Options::new()).await;
    let track = Track::new();
    let go = Arc::new(Notify::new());
    let (mut by_itself, mut asked) = (0, 0);
    for round in 0..rounds {
        let gate = Arc::clone(&go);
        let spec = track.task(move |_, _| {
            let gate = Arc::clone(&gate);
            async move {
                gate.notified().await;
                match round % 3 {
                    0 => Ok(()),
                    1 => Err("no ink".into()),
                    _ => panics(),
                }
            }
        });
        let spec = spec.restart(Restart::Temporary);
        sessions.start_session("a", spec).await.unwrap();
        let ends = {
            let go = Arc::clone(&go);
            tokio::spawn(async move { go.notify_one() })
        };
        match answered("the stop", sessions.stop_session("a")).await {
            Ok(Exit::Shutdown) if round % 3 == 0 => asked += 1,
            Ok(Exit::Failed { .. }) if round % 3 != 0 => asked += 1,
            // It had ended, and was not released yet.
            Ok(Exit::Normal { .. }) if round % 3 == 0 => by_itself += 1,
            Err(StopError::NotFound) => by_itself += 1,
            other => panic!("{round}: {other:?}"),
        }
        ends.await.unwrap();
        assert_eq!(track.lives().alive, 0, "it is gone when the stop returns");
    }
    assert_eq!(by_itself + asked, rounds);
    assert_eq!((track.lives().made, track.lives().most), (rounds, 1));
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_end_in_the_instant_of_the_stop_on_one_thread() {
    ends_against_stops(2_000).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_in_the_instant_of_the_stop_on_several_threads() {
    ends_against_stops(2_000).await;
}

/// A stop that races with the start: the future is polled at least once unless the start was
/// cancelled, and it finds its signal set.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_in_the_instant_of_the_start_on_several_threads() {
    const ROUNDS: usize = 3_000;
    let sessions = supervisor(Options::new()).await;
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let track = Track::new();
    let spec = track.task(move |_, stop| {
        let tell = tell.clone();
        async move {
            tell.send(()).ok();
            stop.requested().await;
            Ok(())
        }
    });
    for _ in 0..ROUNDS {
        let cell = sessions.start_session("a", spec.clone()).await.unwrap();
        // By a stranger, so that nothing of the supervisor is in between.
        cell.stop(None);
        answered("the first poll", told.recv()).await.unwrap();
        drop(sessions.wait_end("a").await);
    }
    track.until(|lives| lives.alive == 0).await;
    let lives = track.lives();
    assert_eq!((lives.made, lives.most), (ROUNDS, 1));
    sessions.stop().await.unwrap();
}
