//! A task that is asked to stop, by the supervisor or by others, and one that is killed.

use session_supervisor::error::StopError;
use session_supervisor::{Exit, Options, Restart, Shutdown, StopSignal};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use super::{SECOND, Track};
use crate::support::{Ending, answered, asked, died, exit, supervisor};

/// "The signal is set, and the future is run to its end".
#[tokio::test(start_paused = true)]
async fn a_stop_sets_the_signal_and_waits_for_the_future() {
    for shutdown in [
        Shutdown::Timeout(5 * SECOND),
        Shutdown::Drain(5 * SECOND),
        Shutdown::Infinity,
    ] {
        let sessions = supervisor(Options::new()).await;
        let track = Track::new();
        let slow = track.task(|_, stop| async move {
            assert!(!stop.is_requested());
            stop.requested().await;
            sleep(4 * SECOND).await;
            assert!(stop.is_requested());
            Ok(())
        });
        let spec = slow.restart(Restart::Permanent).shutdown(shutdown);
        sessions.start_session("a", spec).await.unwrap();
        sleep(SECOND).await;
        let began = Instant::now();
        assert_eq!(sessions.stop_session("a").await, Ok(Exit::Shutdown));
        assert_eq!(began.elapsed(), 4 * SECOND, "{shutdown:?}");
        assert_eq!((track.lives().made, track.lives().alive), (1, 0));
        let again = sessions.stop_session("a").await;
        assert_eq!(again, Err(StopError::NotFound));
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_fails_while_it_stops_is_told_and_not_restarted() {
    for panics in [false, true] {
        let sessions = supervisor(Options::new()).await;
        let track = Track::new();
        let spec = track.task(move |_, stop| async move {
            stop.requested().await;
            assert!(!panics, "a bad end");
            Err("a bad end".into())
        });
        let spec = spec.restart(Restart::Permanent);
        sessions.start_session("a", spec).await.unwrap();
        sleep(SECOND).await;
        let Ok(Exit::Failed { cause }) = sessions.stop_session("a").await else {
            panic!("it has failed");
        };
        assert!(cause.to_string().contains("a bad end"), "{cause}");
        assert_eq!((track.lives().made, track.lives().alive), (1, 0));
        sessions.stop().await.unwrap();
    }
}

/// "5 s by default, and kills it after that: a future that never looks at the signal is dropped
/// then."
#[tokio::test(start_paused = true)]
async fn one_that_ignores_its_signal_is_killed_after_the_time_of_its_rule() {
    let sessions = supervisor(Options::new()).await;
    let track = Track::new();
    let rules = [
        (None, 5 * SECOND),
        (Some(Shutdown::Timeout(2 * SECOND)), 2 * SECOND),
        (Some(Shutdown::Drain(3 * SECOND)), 3 * SECOND),
        (Some(Shutdown::BrutalKill), Duration::ZERO),
    ];
    for (shutdown, grace) in rules {
        let spec = track.ignores();
        let spec = match shutdown {
            Some(shutdown) => spec.shutdown(shutdown),
            None => spec,
        };
        sessions.start_session("a", spec).await.unwrap();
        sleep(SECOND).await;
        let began = Instant::now();
        assert_eq!(sessions.stop_session("a").await, Ok(Exit::Killed));
        assert_eq!(began.elapsed(), grace, "{shutdown:?}");
        assert_eq!((track.lives().alive, track.lives().most), (0, 1));
    }
}

/// One that wakes itself all the time is stopped and killed like any other.
#[tokio::test(start_paused = true)]
async fn one_that_never_rests_sees_its_stop_and_is_killed() {
    let sessions = supervisor(Options::new()).await;
    let track = Track::new();
    let polite = track.task(|_, stop| async move {
        while !stop.is_requested() {
            tokio::task::yield_now().await;
        }
        Ok(())
    });
    sessions.start_session("polite", polite).await.unwrap();
    assert_eq!(sessions.stop_session("polite").await, Ok(Exit::Shutdown));
    let rude = track.task(|_, _| async move {
        loop {
            tokio::task::yield_now().await;
        }
    });
    let rude = rude.restart(Restart::Temporary);
    let cell = sessions.start_session("rude", rude).await.unwrap();
    cell.kill();
    died(&cell).await;
    track.until(|lives| lives.alive == 0).await;
    sessions.stop().await.unwrap();
}

type Signals = mpsc::UnboundedSender<StopSignal>;

/// A task that gives its signal away and ends by it.
fn telling(
    track: &Track,
    tell: Signals,
) -> session_supervisor::ChildSpec<session_supervisor::Task> {
    track.task(move |_, stop| {
        tell.send(stop.clone()).unwrap();
        async move {
            stop.requested().await;
            Ok(())
        }
    })
}

/// "A stop, by the supervisor or by others".
#[tokio::test(start_paused = true)]
async fn a_stop_and_a_drain_by_others_set_the_signal_too() {
    let (tell, mut signals) = mpsc::unbounded_channel();
    for drain in [false, true] {
        let sessions = supervisor(Options::new()).await;
        let track = Track::new();
        let cell = sessions
            .start_session("a", telling(&track, tell.clone()))
            .await
            .unwrap();
        let signal = signals.recv().await.unwrap();
        sleep(SECOND).await;
        assert!(!signal.is_requested());
        let gone = asked(sessions.wait_end("a")).await;
        if drain {
            cell.drain().unwrap();
        } else {
            cell.stop(Some("enough".to_owned()));
        }
        let gone = exit(answered("the end", gone).await.unwrap());
        assert!(matches!(gone, Ok(Exit::Normal { .. })), "{gone:?}");
        assert!(signal.is_requested());
        assert_eq!((track.lives().made, track.lives().alive), (1, 0));
        sessions.stop().await.unwrap();
    }
}

/// "A kill: the future is dropped at its next `.await`", and a restart comes after that.
#[tokio::test(start_paused = true)]
async fn a_kill_by_others_drops_the_future_and_is_followed_by_a_restart() {
    let sessions = supervisor(Options::new()).await;
    let (tell, mut signals) = mpsc::unbounded_channel();
    let track = Track::new();
    let cell = sessions
        .start_session("a", telling(&track, tell))
        .await
        .unwrap();
    let signal = signals.recv().await.unwrap();
    cell.kill();
    track.made(2).await;
    assert!(signal.is_requested(), "what it has spawned is to end");
    let info = sessions.session_info("a").await.unwrap().unwrap();
    assert_eq!(info.last_exit, Some(Exit::Killed));
    assert_eq!((track.lives().alive, track.lives().most), (1, 1));
    sessions.stop().await.unwrap();
    assert_eq!(track.lives().alive, 0);
}

/// A kill reaches it also while it ends on its stop.
#[tokio::test(start_paused = true)]
async fn a_kill_by_others_reaches_one_that_stops() {
    let sessions = supervisor(Options::new()).await;
    let track = Track::new();
    let spec = track.ignores().shutdown(Shutdown::Infinity);
    let cell = sessions.start_session("a", spec).await.unwrap();
    let stop = asked(sessions.stop_session("a")).await;
    sleep(60 * SECOND).await;
    assert_eq!(track.lives().alive, 1);
    cell.kill();
    let stopped = answered("the stop", stop).await.unwrap();
    assert_eq!(stopped, Ok(Exit::Killed));
    assert_eq!(track.lives().alive, 0);
}

#[tokio::test(start_paused = true)]
async fn however_the_supervisor_stops_all_its_tasks_end_by_their_signals() {
    for ending in Ending::ALL {
        let sessions = supervisor(Options::new()).await;
        let track = Track::new();
        for n in 0..50 {
            let start = sessions.start_session(&n.to_string(), track.waits());
            start.await.unwrap();
        }
        let (stuck, stubborn) = (track.ignores(), Track::new());
        let stubborn = stubborn.ignores();
        drop(stuck);
        let stubborn = stubborn.shutdown(Shutdown::Timeout(SECOND));
        sessions.start_session("last", stubborn).await.unwrap();
        sleep(SECOND).await;
        let stop = ending.begin(&sessions).await;
        let report = answered("the end", sessions.wait()).await.unwrap();
        assert_eq!((report.stopped, report.killed), (50, 1), "{ending:?}");
        if let Some(stop) = stop {
            assert_eq!(stop.await.unwrap(), Ok(report));
        }
        assert_eq!((track.lives().made, track.lives().alive), (50, 0));
    }
}

/// A deadline of nothing kills, and a kill of the root too: the futures are dropped.
#[tokio::test(start_paused = true)]
async fn a_supervisor_that_is_cut_short_leaves_no_future() {
    for kill in [false, true] {
        let sessions = supervisor(Options::new()).await;
        let track = Track::new();
        for n in 0..50 {
            let start = sessions.start_session(&n.to_string(), track.waits());
            start.await.unwrap();
        }
        if kill {
            sessions.get_cell().kill();
        } else {
            let report = sessions.stop_within(Duration::ZERO).await.unwrap();
            assert_eq!(report.killed, 50);
        }
        track.until(|lives| lives.alive == 0).await;
        assert_eq!(track.lives().made, 50);
        sessions.wait().await;
    }
}

/// "A stop that comes before the first poll does not skip that: the future finds the signal set."
#[tokio::test(start_paused = true)]
async fn one_that_is_stopped_at_once_is_polled_all_the_same() {
    let sessions = supervisor(Options::new()).await;
    let (tell, mut told) = mpsc::unbounded_channel();
    let track = Track::new();
    let spec = track.task(move |_, stop| {
        let tell = tell.clone();
        async move {
            tell.send(stop.is_requested()).unwrap();
            stop.requested().await;
            Ok(())
        }
    });
    for n in 0..100 {
        let id = n.to_string();
        let (start, stop) = tokio::join!(
            sessions.start_session(&id, spec.clone()),
            sessions.stop_session(&id)
        );
        match stop {
            Ok(Exit::Shutdown) => drop(told.recv().await.unwrap()),
            Ok(Exit::NotRunning) | Err(StopError::NotFound) => {}
            other => panic!("{other:?}"),
        }
        drop(start);
    }
    sessions.stop().await.unwrap();
    assert_eq!(track.lives().alive, 0);
}
