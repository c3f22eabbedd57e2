//! How far a drain is.

use std::task::Poll;
use std::time::Duration;

use session_supervisor::error::DrainError;
use session_supervisor::{Drain, DrainProgress, Options, Shutdown};

use super::{LONG, SECOND, start_all};
use crate::support::{Gate, Probe, answered, asked, supervisor};

fn told(progress: Option<DrainProgress>) -> (usize, usize, usize) {
    let progress = progress.expect("it is not over");
    let DrainProgress {
        sessions,
        waiting,
        ending,
        ended,
        ..
    } = progress;
    assert_eq!(sessions, waiting + ending + ended);
    (waiting, ending, ended)
}

/// "The first call begins the drain, if it has not begun, and tells at once."
#[tokio::test(start_paused = true)]
async fn each_step_is_told_and_the_end() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    start_all(&sessions, &["a", "b", "c"], probe.slow_to_stop(SECOND)).await;
    let mut drain = sessions.drain(Drain::within(LONG).at_most(1));
    let mut all = Vec::new();
    while let Some(progress) = answered("the progress", drain.progress()).await {
        all.push(told(Some(progress)));
    }
    let report = answered("the report", drain).await.unwrap();
    assert_eq!(report.sessions.len(), 3);
    // Between the end of one and the request to the next there is a step of its own.
    let steps = [
        (3, 0, 0),
        (2, 1, 0),
        (2, 0, 1),
        (1, 1, 1),
        (1, 0, 2),
        (0, 1, 2),
        (0, 0, 3),
    ];
    let mut seen = steps.iter();
    assert!(
        all.iter().all(|step| seen.any(|known| known == step)),
        "{all:?}"
    );
    let text = DrainProgress::default().to_string();
    assert_eq!(
        text,
        "0 of 0 sessions have ended, 0 are ending, 0 are waiting"
    );
}

/// "The last step, in which all have ended, is told to every reader." On two threads the supervisor
/// is over before most have asked for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_step_is_told_to_every_reader() {
    for _ in 0..50 {
        let sessions = supervisor(Options::new()).await;
        let probe = Probe::default();
        start_all(&sessions, &["a", "b", "c"], probe.spec()).await;
        let mut readers = Vec::new();
        for _ in 0..3 {
            let mut drain = sessions.drain(Drain::within(LONG));
            // None: it was over before this one began.
            if let Some(first) = drain.progress().await {
                readers.push((drain, first));
            }
        }
        assert!(!readers.is_empty(), "the first begins the drain");
        for (mut drain, mut last) in readers {
            while let Some(progress) = drain.progress().await {
                assert_ne!(last, progress, "nothing is told twice");
                last = progress;
            }
            assert_eq!(told(Some(last)), (0, 0, 3));
            assert_eq!(drain.await.unwrap().sessions.len(), 3);
        }
    }
}

/// "A reader that is slow misses steps, costs nothing, and delays nobody."
#[tokio::test(start_paused = true)]
async fn a_slow_reader_is_told_what_is_true_then() {
    let sessions = supervisor(Options::new()).await;
    let (probe, gate) = (Probe::default(), Gate::closed());
    let names: Vec<String> = (0..100).map(|n| n.to_string()).collect();
    let ids: Vec<&str> = names.iter().map(String::as_str).collect();
    start_all(&sessions, &ids, probe.spec()).await;
    let held = probe.script().post_stop(gate.holds()).spec();
    start_all(&sessions, &["last"], held.shutdown(Shutdown::Infinity)).await;
    let mut slow = sessions.drain(Drain::within(LONG).at_most(1));
    told(slow.progress().await);
    probe.until(|tally| tally.stops == 100).await;
    tokio::time::sleep(SECOND).await;
    assert_eq!(told(slow.progress().await), (0, 1, 100));
    // There is nothing new: it waits, and a wait that is given up has told nothing.
    let wait = tokio::time::timeout(10 * SECOND, slow.progress()).await;
    assert!(wait.is_err(), "{wait:?}");
    let mut other = sessions.drain(Drain::within(LONG));
    assert_eq!(told(other.progress().await), (0, 1, 100));
    let mut follow = Vec::new();
    for mut drain in [slow, other] {
        let last = async move {
            let last = drain.progress().await;
            (last, drain.progress().await, drain.await)
        };
        follow.push(asked(last).await);
    }
    // They wait by now.
    tokio::time::sleep(SECOND).await;
    gate.open();
    let mut reports = Vec::new();
    for follow in follow {
        let (last, after, report) = answered("the last", follow).await.unwrap();
        assert_eq!((told(last), after), ((0, 0, 101), None));
        reports.push(report.unwrap());
    }
    assert_eq!(
        reports[0], reports[1],
        "a second drain gets the same report"
    );
    assert_eq!(reports[0].sessions.len(), 101);
}

/// The handle can be used either way at any time. "Polled after that it answers `SupervisorDown`,
/// since the supervisor has ended, so that a loop around it cannot wait for ever."
#[tokio::test(start_paused = true)]
async fn it_is_a_future_of_the_report_that_is_done_once() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    start_all(&sessions, &["a"], probe.slow_to_stop(SECOND)).await;
    let mut drain = sessions.drain(Drain::within(LONG));
    let early = tokio::time::timeout(Duration::from_millis(10), &mut drain).await;
    assert!(early.is_err());
    assert_eq!(told(drain.progress().await), (0, 1, 0));
    let report = answered("the report", &mut drain).await.unwrap();
    assert_eq!(report.summary.stopped, 1);
    assert_eq!(drain.progress().await, None);
    let again = polled(&mut drain);
    assert!(
        matches!(again, Poll::Ready(Err(DrainError::SupervisorDown))),
        "{again:?}"
    );
    assert!(format!("{drain:?}").contains(sessions.name()));
}

/// What has asked for nothing has ended nothing, and says so as often as it is asked.
#[tokio::test(start_paused = true)]
async fn an_invalid_one_stays_invalid() {
    let sessions = supervisor(Options::new()).await;
    let mut drain = sessions.drain(Drain::within(LONG).at_most(0));
    for _ in 0..2 {
        let answer = polled(&mut drain);
        let Poll::Ready(Err(DrainError::InvalidDrain(_))) = answer else {
            panic!("{answer:?}");
        };
    }
    assert!(drain.progress().await.is_none());
    sessions.count_sessions().await.expect("it runs");
}

fn polled<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    let context = &mut std::task::Context::from_waker(std::task::Waker::noop());
    std::pin::Pin::new(future).poll(context)
}
