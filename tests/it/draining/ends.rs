//! A drain and what comes in between: another drain, a stop, an end by others.

use std::time::Duration;

use session_supervisor::error::StartError;
use session_supervisor::{Drain, DrainOutcome, KILL_BOUND, Options, Shutdown};
use tokio::time::{Instant, sleep};

use super::{LONG, SECOND, outcomes, start_all};
use crate::support::{Gate, Probe, answered, asked, supervisor};

/// "A second drain joins the first and gets the same report; the earlier deadline, the smaller number
/// at a time and the smaller extension count from then on."
#[tokio::test(start_paused = true)]
async fn a_second_one_joins() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let hangs = probe
        .script()
        .post_stop(|_, _| std::future::pending())
        .spec();
    let hangs = hangs.shutdown(Shutdown::Infinity);
    start_all(&sessions, &["a", "b", "c", "d"], hangs).await;
    let first = Drain::within(LONG).at_most(2).extend_up_to(LONG);
    let first = asked(sessions.drain(first)).await;
    sleep(SECOND).await;
    let second = asked(sessions.drain(Drain::within(20 * SECOND).at_most(1))).await;
    let time = sessions.ask_for_time("a", LONG).await.unwrap();
    assert!(time <= 20 * SECOND, "{time:?}");
    let began = Instant::now();
    let first = answered("the first", first).await.unwrap().unwrap();
    let second = answered("the second", second).await.unwrap().unwrap();
    assert!(began.elapsed() < 21 * SECOND);
    assert_eq!(first, second);
    assert_eq!(first.summary.killed, 4);
}

/// "A stop, also by others, turns the drain into a stop: sessions that have not been asked are stopped
/// by their own rules, all at once."
#[tokio::test(start_paused = true)]
async fn a_stop_turns_it_into_a_stop() {
    for foreign in [false, true] {
        let sessions = supervisor(Options::new()).await;
        let probe = Probe::default();
        start_all(&sessions, &["a", "b", "c"], probe.slow_to_stop(2 * SECOND)).await;
        let mut follow = sessions.drain(Drain::within(LONG).at_most(1));
        follow.progress().await.unwrap();
        sleep(SECOND).await;
        let drain = asked(follow).await;
        if foreign {
            sessions.get_cell().stop(None);
        } else {
            let stop = asked(sessions.stop()).await;
            let refused = sessions.start_session("d", probe.spec()).await.unwrap_err();
            assert!(matches!(refused, StartError::SupervisorDown), "{refused:?}");
            let report = answered("the stop", stop).await.unwrap().unwrap();
            assert_eq!(report.stopped, 3);
        }
        let report = answered("the drain", drain).await.unwrap().unwrap();
        let found = outcomes(&report);
        assert!(
            found.values().all(|end| *end == (DrainOutcome::Stopped, 2)),
            "{found:?}"
        );
        let took = report.summary.took;
        assert!((3 * SECOND..4 * SECOND).contains(&took), "{took:?}");
    }
}

/// "The earlier deadline counts."
#[tokio::test(start_paused = true)]
async fn a_stop_with_a_deadline_cuts_it_short() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    start_all(&sessions, &["a", "b", "c"], probe.slow_to_stop(4 * SECOND)).await;
    let drain = asked(sessions.drain(Drain::within(LONG).at_most(1))).await;
    let stop = answered("the stop", sessions.stop_within(2 * SECOND))
        .await
        .unwrap();
    let report = answered("the drain", drain).await.unwrap().unwrap();
    assert_eq!(report.summary, stop);
    assert_eq!((report.sessions.len(), stop.killed), (3, 3));
}

/// "A drain that comes after a stop has begun joins that; its report names the sessions that were left
/// by then."
#[tokio::test(start_paused = true)]
async fn after_a_stop_it_joins_that() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    start_all(&sessions, &["a", "b"], probe.spec()).await;
    start_all(&sessions, &["c", "d"], probe.slow_to_stop(3 * SECOND)).await;
    let stop = asked(sessions.stop()).await;
    sleep(SECOND).await;
    let mut drain = sessions.drain(Drain::within(LONG));
    // The first answer may come before it has looked for what is ending already.
    let mut progress = drain.progress().await.unwrap();
    if progress.ending == 0 {
        progress = drain.progress().await.unwrap();
    }
    assert_eq!((progress.sessions, progress.ending), (2, 2));
    let report = answered("the drain", drain).await.unwrap();
    let found = outcomes(&report);
    assert_eq!(found.keys().copied().collect::<Vec<_>>(), ["c", "d"]);
    assert!(
        found.values().all(|end| *end == (DrainOutcome::Stopped, 2)),
        "{found:?}"
    );
    assert_eq!(
        answered("the stop", stop).await.unwrap(),
        Ok(report.summary)
    );
    assert_eq!(report.summary.stopped, 4);
}

/// Whatever ends the root meanwhile, all who wait are answered with what is true.
#[tokio::test(start_paused = true)]
async fn a_kill_by_others_answers_all_who_wait() {
    let sessions = supervisor(Options::new()).await;
    let (probe, gate) = (Probe::default(), Gate::closed());
    let held = probe.script().post_stop(gate.holds()).spec();
    let held = held.shutdown(Shutdown::Infinity);
    start_all(&sessions, &["a", "b", "c"], held).await;
    let mut follow = sessions.drain(Drain::within(LONG).at_most(1));
    follow.progress().await.unwrap();
    let progress = asked(async move {
        let next = follow.progress().await;
        (next, follow.await)
    })
    .await;
    let drain = asked(sessions.drain(Drain::within(LONG))).await;
    let stop = asked(sessions.stop_session("a")).await;
    sleep(SECOND).await;
    sessions.get_cell().kill();
    let (_, followed) = answered("the progress", progress).await.unwrap();
    let report = answered("the drain", drain).await.unwrap().unwrap();
    assert_eq!(followed, Ok(report.clone()));
    let found = outcomes(&report);
    assert_eq!(found.len(), 3);
    assert!(
        found.values().all(|(end, _)| *end == DrainOutcome::Killed),
        "{found:?}"
    );
    assert!(answered("the stop", stop).await.unwrap().is_ok());
    assert_eq!(probe.alive(), 0);
}

/// "The end comes at the deadline, and a session that has not ended a second after it was killed is
/// reported as stuck."
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_stuck_keeps_it_for_the_kill_bound() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let (release, blocked) = std::sync::mpsc::channel::<()>();
    let blocked = std::sync::Mutex::new(blocked);
    let blocks = std::sync::Arc::new(blocked);
    let script = probe.script().post_stop(move |_, _| {
        let blocks = std::sync::Arc::clone(&blocks);
        async move {
            // It blocks its thread until the test is done.
            blocks.lock().unwrap().recv().ok();
            Ok(())
        }
    });
    start_all(&sessions, &["stuck"], script.spec()).await;
    start_all(&sessions, &["a", "b"], probe.spec()).await;
    let began = Instant::now();
    let within = Duration::from_millis(300);
    let report = sessions.drain(Drain::within(within)).await.unwrap();
    let took = began.elapsed();
    drop(release);
    let found = outcomes(&report);
    assert_eq!(found["stuck"].0, DrainOutcome::Stuck, "{found:?}");
    assert!(took >= within + KILL_BOUND, "{took:?}");
    assert_eq!((report.sessions.len(), report.summary.stuck), (3, 1));
}
