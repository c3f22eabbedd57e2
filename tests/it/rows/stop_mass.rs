//! Stopping the supervisor: very many sessions, and deadlines.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use session_supervisor::{
    ChildSpec, KILL_BOUND, Options, SessionSupervisor, Shutdown, ShutdownReport,
};
use tokio::time::Instant;

use crate::support::{Order, Probe, Worker, asked, supervisor};

/// Rows of this theme without a test, and why.
pub(super) const NOT_HERE: &[(u16, &str)] = &[];

const SECOND: Duration = Duration::from_secs(1);
const MILLI: Duration = Duration::from_millis(1);

async fn start_many(sessions: &SessionSupervisor, prefix: &str, n: usize, spec: ChildSpec<Worker>) {
    for n in 0..n {
        let id = format!("{prefix}{n}");
        sessions.start_session(&id, spec.clone()).await.unwrap();
    }
}

/// Sessions that never end when they are told to, and how many were told.
fn unresponsive(probe: &Probe) -> (ChildSpec<Worker>, Arc<AtomicUsize>) {
    let told = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&told);
    let script = probe.script().post_stop(move |_, _| {
        count.fetch_add(1, Ordering::Relaxed);
        std::future::pending()
    });
    (script.spec().shutdown(Shutdown::Infinity), told)
}

#[tokio::test(start_paused = true)]
async fn row_213_at_most_a_thousand_are_asked_and_not_in_their_post_stop() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let most = Arc::new(AtomicUsize::new(0));
    // Each is busy for a while, and then sees how many were asked; none is in its `post_stop`
    // before that.
    for n in 0..10_000 {
        let spec = probe.spec().shutdown(Shutdown::Timeout(SECOND));
        let busy = sessions
            .start_session(&format!("s{n}"), spec)
            .await
            .unwrap();
        let (asked, seen) = (sessions.clone(), Arc::clone(&most));
        let order = Order::Run(Box::new(move |_| {
            Box::pin(async move {
                tokio::time::sleep(5 * MILLI).await;
                let counts = asked.count_sessions().await?;
                seen.fetch_max(counts.stopping, Ordering::Relaxed);
                Ok(())
            })
        }));
        busy.cast(order).unwrap();
    }
    let report = sessions.stop().await.unwrap();
    assert_eq!((report.stopped, report.killed), (10_000, 0));
    assert_eq!((report.stuck, report.failed), (0, 0));
    assert_eq!(most.load(Ordering::Relaxed), 1000);
    assert!(report.took < SECOND, "{report:?}");
    assert_eq!((probe.stops(), probe.alive()), (10_000, 0));
}

#[tokio::test(start_paused = true)]
async fn row_213_a_grace_begins_when_the_sessions_own_stop_is_sent() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    // Nine batches are busy for a while before they look at their stop. The tenth is told after 90
    // ms, so it ends later than a second after the stop began, but within the second of its own.
    for n in 0..9_000 {
        let spec = probe.spec().shutdown(Shutdown::Timeout(SECOND));
        let busy = sessions.start_session(&format!("busy{n}"), spec).await;
        let order = Order::Run(Box::new(|_| {
            Box::pin(async {
                tokio::time::sleep(200 * MILLI).await;
                Ok(())
            })
        }));
        busy.unwrap().cast(order).unwrap();
    }
    let spec = probe.slow_to_stop(950 * MILLI);
    let spec = spec.shutdown(Shutdown::Timeout(SECOND));
    start_many(&sessions, "s", 1_000, spec).await;
    let report = sessions.stop().await.unwrap();
    assert_eq!((report.stopped, report.killed), (10_000, 0));
    assert!(report.took > SECOND, "{report:?}");
    assert!(report.took < 2 * SECOND, "{report:?}");
}

#[tokio::test(start_paused = true)]
async fn row_213_two_thousand_hung_ones_do_not_hold_up_the_rest() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let grace = Shutdown::Timeout(5 * SECOND);
    for n in 0..2000 {
        let spec = probe.spec().shutdown(grace);
        let hung = sessions.start_session(&format!("hung{n}"), spec).await;
        hung.unwrap().cast(Order::Hang).unwrap();
    }
    start_many(&sessions, "s", 500, probe.spec().shutdown(grace)).await;
    let began = Instant::now();
    let stop = asked(sessions.stop()).await;
    probe.until(|tally| tally.stops == 500).await;
    assert!(began.elapsed() < 100 * MILLI, "{:?}", began.elapsed());
    let report = stop.await.unwrap().unwrap();
    assert_eq!((report.stopped, report.killed), (500, 2000));
    assert_eq!(report.stuck, 0);
    assert!(report.took < 6 * SECOND, "{report:?}");
}

fn all_killed(report: ShutdownReport, n: usize, at: Duration) {
    assert_eq!((report.killed, report.stopped), (n, 0));
    assert_eq!((report.stuck, report.failed), (0, 0));
    assert!((at..=at + KILL_BOUND).contains(&report.took), "{report:?}");
}

#[tokio::test(start_paused = true)]
async fn row_215_the_deadline_kills_what_is_left_and_none_unasked() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let (spec, told) = unresponsive(&probe);
    start_many(&sessions, "s", 7000, spec).await;
    let began = Instant::now();
    let report = sessions.stop_within(15 * MILLI).await.unwrap();
    all_killed(report, 7000, 15 * MILLI);
    assert_eq!(report.took, began.elapsed());
    let told = told.load(Ordering::Relaxed);
    assert_eq!(told, 7000, "D12: under a deadline all are told in time");
    assert_eq!((probe.stops(), probe.alive()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn row_215_of_two_deadlines_the_earlier_wins() {
    let hour = Some(3600 * SECOND);
    let second = Some(SECOND);
    for (first, then) in [
        (None, second),
        (hour, second),
        (second, hour),
        (second, None),
    ] {
        let sessions = supervisor(Options::new()).await;
        let probe = Probe::default();
        let (spec, told) = unresponsive(&probe);
        start_many(&sessions, "s", 10, spec).await;
        let mut stops = Vec::new();
        for within in [first, then] {
            stops.push(match within {
                Some(within) => asked(sessions.stop_within(within)).await,
                None => asked(sessions.stop()).await,
            });
        }
        let began = Instant::now();
        for stop in stops {
            let report = stop.await.unwrap().unwrap();
            all_killed(report, 10, SECOND);
            assert_eq!(report.took, SECOND);
        }
        assert_eq!(began.elapsed(), SECOND);
        assert_eq!(told.load(Ordering::Relaxed), 10);
        assert_eq!(probe.alive(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn row_215_a_deadline_counts_from_its_own_call() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let (spec, _) = unresponsive(&probe);
    start_many(&sessions, "s", 10, spec).await;
    let stop = asked(sessions.stop()).await;
    tokio::time::sleep(10 * SECOND).await;
    let began = Instant::now();
    all_killed(sessions.stop_within(SECOND).await.unwrap(), 10, 11 * SECOND);
    assert_eq!(began.elapsed(), SECOND);
    all_killed(stop.await.unwrap().unwrap(), 10, 11 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn row_215_a_deadline_of_zero_kills_at_once() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let (spec, told) = unresponsive(&probe);
    start_many(&sessions, "unresponsive", 50, spec).await;
    start_many(&sessions, "good", 50, probe.spec()).await;
    let report = sessions.stop_within(Duration::ZERO).await.unwrap();
    all_killed(report, 100, Duration::ZERO);
    assert_eq!((told.load(Ordering::Relaxed), probe.stops()), (0, 0));
    assert_eq!(probe.alive(), 0);

    // The same for a stop that is under way already.
    let sessions = supervisor(Options::new()).await;
    let (spec, told) = unresponsive(&probe);
    start_many(&sessions, "unresponsive", 50, spec).await;
    let stop = asked(sessions.stop()).await;
    tokio::time::sleep(SECOND).await;
    let report = sessions.stop_within(Duration::ZERO).await.unwrap();
    all_killed(report, 50, SECOND);
    assert_eq!(stop.await.unwrap().unwrap(), report);
    assert_eq!(told.load(Ordering::Relaxed), 50);
    assert_eq!(probe.alive(), 0);
}
