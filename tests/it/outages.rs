//! A backend that all sessions need goes away for a while: they all crash, no start succeeds until
//! it is back, and then they all run again by themselves (D7, D11, D23).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use session_supervisor::reason::RESTART_LIMIT_REACHED;
use session_supervisor::{ChildSpec, Options, SessionSupervisor};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::rows::ways::{reason, with_parent};
use crate::support::{Order, Probe, Script, Worker, supervisor};

const SECOND: Duration = Duration::from_secs(1);

/// What a start does while the backend is away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Without {
    /// It fails at once.
    Fails,
    /// It fails after a second, as a connection that is refused late.
    FailsLate,
    /// It waits until the backend is back.
    Waits,
    /// It waits without end, also when the backend is back.
    Hangs,
}

/// What all sessions need, and how many starts ask for it at once.
#[derive(Clone, Debug)]
struct Backend {
    /// Whether it is there.
    there: Arc<watch::Sender<bool>>,
    asking: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

impl Backend {
    fn new() -> Self {
        Self {
            there: Arc::new(watch::Sender::new(true)),
            asking: Arc::default(),
            most: Arc::default(),
        }
    }

    /// Away for a while from now on.
    fn goes_away_for(&self, outage: Duration) {
        let there = Arc::clone(&self.there);
        there.send_replace(false);
        drop(tokio::spawn(async move {
            tokio::time::sleep(outage).await;
            there.send_replace(true);
        }));
    }

    async fn ask(&self, without: Without) -> Result<(), ractor::ActorProcessingErr> {
        if *self.there.borrow() {
            return Ok(());
        }
        match without {
            Without::Fails => return Err("the backend is away".into()),
            Without::FailsLate => {
                tokio::time::sleep(SECOND).await;
                return Err("the backend does not answer".into());
            }
            Without::Hangs => std::future::pending::<()>().await,
            Without::Waits => {}
        }
        self.there.subscribe().wait_for(|there| *there).await?;
        Ok(())
    }

    /// A session that asks for the backend in its `pre_start`.
    fn script(&self, probe: &Probe, without: Without) -> Script {
        let backend = self.clone();
        probe.script().pre_start(move |_, _| {
            let backend = backend.clone();
            async move {
                let asking = Asking::begin(&backend);
                backend.ask(without).await?;
                drop(asking);
                Ok(())
            }
        })
    }
}

/// One start that asks, also if it is cancelled.
struct Asking<'a>(&'a Backend);

impl<'a> Asking<'a> {
    fn begin(backend: &'a Backend) -> Self {
        let now = backend.asking.fetch_add(1, Ordering::SeqCst) + 1;
        backend.most.fetch_max(now, Ordering::SeqCst);
        Self(backend)
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.0.asking.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Starts so many sessions, takes the backend away, and has all of them crash.
async fn all_crash(
    sessions: &SessionSupervisor,
    backend: &Backend,
    spec: ChildSpec<Worker>,
    many: usize,
    outage: Duration,
) -> Instant {
    let mut all = Vec::with_capacity(many);
    for n in 0..many {
        let start = sessions.start_session(&format!("s{n}"), spec.clone());
        all.push(start.await.unwrap());
    }
    backend.goes_away_for(outage);
    let crashed = Instant::now();
    for session in &all {
        session.cast(Order::Crash).unwrap();
    }
    crashed
}

/// All run again, within `limit` of the crash, after at most so many launches of each.
async fn come_back(many: usize, outage: Duration, without: Without, limit: Duration, each: usize) {
    let sessions = supervisor(Options::new()).await;
    let (probe, backend) = (Probe::default(), Backend::new());
    let spec = backend.script(&probe, without).spec_as_it_comes();
    let crashed = all_crash(&sessions, &backend, spec, many, outage).await;
    let tally = probe.within(limit, |tally| tally.ready == 2 * many).await;
    let took = crashed.elapsed();
    let (launches, most) = (tally.starts - many, backend.most.load(Ordering::SeqCst));
    println!(
        "{many} sessions, {outage:?} {without:?}: {took:?}, {launches} launches, {most} at once"
    );
    assert!(took <= limit, "{took:?}");
    assert!(launches <= many * each, "{launches} launches");
    assert!(most <= 1_024, "D23: {most} at once");
    let counts = sessions.count_sessions().await.unwrap();
    assert_eq!((counts.specs, counts.active), (many, many), "{counts:?}");
    // They stay: nothing is left that would launch anything.
    tokio::time::sleep(3_600 * SECOND).await;
    assert_eq!((probe.starts(), probe.alive()), (many + launches, many));
    let counts = sessions.count_sessions().await.unwrap();
    assert_eq!((counts.active, counts.parked), (many, 0), "{counts:?}");
}

// Three restarts within the limit, and of the trials as many as there are pauses in the time: 10 s,
// 20 s, 40 s and 80 s, each at least half as long.

#[tokio::test(start_paused = true)]
async fn after_50_ms_all_run_again_within_15_s() {
    for many in [100, 10_000] {
        let outage = Duration::from_millis(50);
        come_back(many, outage, Without::Fails, 15 * SECOND, 3 + 1).await;
    }
}

#[tokio::test(start_paused = true)]
async fn after_1_s_all_run_again_within_30_s() {
    for many in [100, 10_000] {
        come_back(many, SECOND, Without::Fails, 30 * SECOND, 3 + 1).await;
    }
}

#[tokio::test(start_paused = true)]
async fn after_60_s_all_run_again_within_6_min() {
    for many in [100, 10_000] {
        come_back(many, 60 * SECOND, Without::Fails, 360 * SECOND, 3 + 4).await;
    }
}

/// Starts that fail late never use up the limit, but are no more than the line lets through.
#[tokio::test(start_paused = true)]
async fn starts_that_fail_late_come_back_as_well() {
    for many in [100, 3_000] {
        come_back(many, 5 * SECOND, Without::FailsLate, 30 * SECOND, 3 + 1).await;
    }
    come_back(100, 60 * SECOND, Without::FailsLate, 360 * SECOND, 3 + 4).await;
}

#[tokio::test(start_paused = true)]
async fn starts_that_wait_for_the_backend_run_when_it_is_back() {
    for many in [100, 10_000] {
        // A start is given up after 30 s, and made anew.
        let limit = 60 * SECOND + 2 * SECOND;
        come_back(many, 60 * SECOND, Without::Waits, limit, 3).await;
    }
}

#[tokio::test(start_paused = true)]
async fn starts_that_hang_end_with_their_timeout_and_the_next_ones_run() {
    come_back(100, SECOND, Without::Hangs, 35 * SECOND, 2).await;
    // Each place of the line is taken for 30 s by the starts that began during the outage.
    come_back(5_000, 60 * SECOND, Without::Hangs, 95 * SECOND, 4).await;
}

#[tokio::test(start_paused = true)]
async fn a_second_outage_is_like_the_first() {
    const MANY: usize = 100;
    let sessions = supervisor(Options::new()).await;
    let (probe, backend) = (Probe::default(), Backend::new());
    let spec = backend.script(&probe, Without::Fails).spec_as_it_comes();
    all_crash(&sessions, &backend, spec, MANY, 3 * SECOND).await;
    for outage in 2..5 {
        probe.until(|tally| tally.ready == outage * MANY).await;
        let crashed = Instant::now();
        // Some of them live for less than the window, and some for longer.
        tokio::time::sleep(if outage == 2 { SECOND } else { 20 * SECOND }).await;
        backend.goes_away_for(SECOND);
        for n in 0..MANY {
            let session = sessions.find_session_as::<Order>(&format!("s{n}")).unwrap();
            session.cast(Order::Crash).unwrap();
        }
        let all = (outage + 1) * MANY;
        probe.within(60 * SECOND, |tally| tally.ready == all).await;
        println!("outage {outage}: {:?}", crashed.elapsed());
    }
    assert_eq!(sessions.count_sessions().await.unwrap().active, MANY);
}

/// With OTP's options the supervisor ends, as OTP's does.
#[tokio::test(start_paused = true)]
async fn with_the_options_of_otp_an_outage_escalates() {
    for many in [100, 1_000] {
        let (sessions, parent) = with_parent(Options::otp()).await;
        let (probe, backend) = (Probe::default(), Backend::new());
        let spec = backend.script(&probe, Without::Fails).spec_as_it_comes();
        all_crash(&sessions, &backend, spec, many, Duration::from_millis(50)).await;
        assert_eq!(reason(&parent).await, RESTART_LIMIT_REACHED);
        assert!(probe.starts() <= many + 3, "{} starts", probe.starts());
        assert_eq!(probe.alive(), 0);
        assert!(sessions.count_sessions().await.is_err());
    }
}
