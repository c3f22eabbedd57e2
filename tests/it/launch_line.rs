//! D23: how many launches are under way at once, and what goes on beside those that wait in line.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use session_supervisor::error::{StartError, StopError};
use session_supervisor::{Exit, KILL_BOUND, Options, SessionState, SessionSupervisor};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::support::{Gate, Order, Probe, Script, answered, ask_and_go, asked, end, supervisor};

const SECOND: Duration = Duration::from_secs(1);

/// How many are in their `pre_start` together.
#[derive(Clone, Debug, Default)]
struct Inside {
    now: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

impl Inside {
    fn most(&self) -> usize {
        self.most.load(Ordering::SeqCst)
    }

    fn enter(&self) -> Entered {
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        Entered(self.clone())
    }

    fn now(&self) -> usize {
        self.now.load(Ordering::SeqCst)
    }

    /// A session that waits in its `pre_start` until the gate is opened.
    fn script(&self, probe: &Probe, gate: &Gate) -> Script {
        let (inside, gate) = (self.clone(), gate.clone());
        probe.script().pre_start(move |_, _| {
            let (inside, gate) = (inside.clone(), gate.clone());
            async move {
                let entered = inside.enter();
                gate.pass().await;
                drop(entered);
                Ok(())
            }
        })
    }
}

/// One that is inside, until it is through or cancelled.
struct Entered(Inside);

impl Drop for Entered {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, Ordering::SeqCst);
    }
}

type Starts = JoinSet<Result<ractor::ActorRef<Order>, StartError>>;

/// Asks for so many starts at once. All have been asked for when this returns.
async fn start_all(sessions: &SessionSupervisor, script: &Script, many: usize) -> Starts {
    let mut starts = JoinSet::new();
    let spec = script.clone().spec();
    for n in 0..many {
        starts.spawn(sessions.start_session(&format!("s{n}"), spec.clone()));
    }
    while sessions.count_sessions().await.unwrap().starting < many {
        tokio::task::yield_now().await;
    }
    starts
}

async fn all_start(mut starts: Starts) {
    while let Some(start) = answered("a start", starts.join_next()).await {
        start.unwrap().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn of_twenty_thousand_starts_1024_are_made_at_once() {
    const MANY: usize = 20_000;
    let sessions = supervisor(Options::new()).await;
    let (probe, inside, gate) = (Probe::default(), Inside::default(), Gate::closed());
    let starts = start_all(&sessions, &inside.script(&probe, &gate), MANY).await;
    assert_eq!((inside.now(), probe.starts()), (1_024, 1_024));
    // All other callers are answered meanwhile, without any time passing.
    let began = Instant::now();
    assert_eq!(sessions.list_sessions().await.unwrap().len(), MANY);
    for id in ["s0", "s19999"] {
        let info = sessions.session_info(id).await.unwrap().unwrap();
        assert_eq!(info.state, SessionState::Starting, "{id}");
        assert_eq!(
            sessions.stop_session(id).await,
            Ok(Exit::NotRunning),
            "{id}"
        );
        assert_eq!(sessions.stop_session(id).await, Err(StopError::NotFound));
    }
    assert_eq!(began.elapsed(), Duration::ZERO);
    gate.open();
    probe.until(|tally| tally.ready == MANY - 2).await;
    assert_eq!(inside.most(), 1_024);
    assert_eq!(sessions.count_sessions().await.unwrap().active, MANY - 2);
    let mut starts = starts;
    let mut stopped = 0;
    while let Some(start) = answered("a start", starts.join_next()).await {
        match start.unwrap() {
            Ok(_) => {}
            Err(StartError::Stopped) => stopped += 1,
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(stopped, 2);
}

#[tokio::test(start_paused = true)]
async fn another_number_is_kept_as_well() {
    for (most, many) in [(1, 50), (7, 100), (2_000, 3_000)] {
        let options = Options::new().max_concurrent_launches(most);
        let sessions = supervisor(options).await;
        let (probe, inside, gate) = (Probe::default(), Inside::default(), Gate::closed());
        let starts = start_all(&sessions, &inside.script(&probe, &gate), many).await;
        assert_eq!(inside.now(), most);
        gate.open();
        all_start(starts).await;
        assert_eq!(inside.most(), most);
        // The same for a storm: all crash at once, and come back so many at a time.
        for session in sessions.list_sessions().await.unwrap() {
            let cell = session.cell.expect("it runs");
            ractor::ActorRef::<Order>::from(cell)
                .cast(Order::Crash)
                .unwrap();
        }
        probe.until(|tally| tally.ready == 2 * many).await;
        assert!(inside.most() <= most);
    }
}

#[tokio::test(start_paused = true)]
async fn with_the_options_of_otp_there_is_no_line() {
    let sessions = supervisor(Options::otp()).await;
    let (probe, inside, gate) = (Probe::default(), Inside::default(), Gate::closed());
    let starts = start_all(&sessions, &inside.script(&probe, &gate), 3_000).await;
    assert_eq!(inside.now(), 3_000);
    gate.open();
    all_start(starts).await;
}

#[test]
fn the_limit_holds_on_several_threads() {
    const MANY: usize = 2_000;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let sessions = supervisor(Options::new().max_concurrent_launches(10)).await;
        let (probe, inside, gate) = (Probe::default(), Inside::default(), Gate::closed());
        let starts = start_all(&sessions, &inside.script(&probe, &gate), MANY).await;
        gate.open();
        all_start(starts).await;
        assert!(inside.most() <= 10, "{}", inside.most());
        answered("the stop", sessions.stop()).await.unwrap();
    });
}

#[tokio::test(start_paused = true)]
async fn a_restart_comes_before_the_starts_in_line() {
    let sessions = supervisor(Options::new().max_concurrent_launches(1)).await;
    let (probe, gate) = (Probe::default(), Gate::closed());
    let noted = probe.clone();
    let noting = probe.script().pre_start(move |start, _| {
        noted.note(format!("{} {}", start.key(), start.incarnation));
        async { Ok(()) }
    });
    let old = sessions.start_session("old", noting.clone().spec()).await;
    let hand = sessions.start_session("hand", noting.clone().spec()).await;
    let (old, _) = (old.unwrap(), hand.unwrap());
    let slow = probe.script().pre_start(gate.holds());
    let first = asked(sessions.start_session("slow", slow.spec())).await;
    let starts: Vec<_> = {
        let mut starts = Vec::new();
        for n in 0..3 {
            let start = sessions.start_session(&format!("new{n}"), noting.clone().spec());
            starts.push(asked(start).await);
        }
        starts
    };
    end(&old, Order::Crash).await;
    let by_hand = asked(sessions.restart_session("hand")).await;
    probe.until(|tally| tally.stops == 1).await;
    gate.open();
    first.await.unwrap().unwrap();
    for start in starts {
        start.await.unwrap().unwrap();
    }
    by_hand.await.unwrap().unwrap();
    let order = [
        "old 1", "hand 1", "old 2", "hand 2", "new0 1", "new1 1", "new2 1",
    ];
    assert_eq!(probe.notes(), order);
}

#[tokio::test(start_paused = true)]
async fn time_in_line_does_not_count_against_the_start_timeout() {
    const MANY: usize = 20;
    let sessions = supervisor(Options::new().max_concurrent_launches(1)).await;
    let probe = Probe::default();
    let slow = probe.script().pre_start(|_, _| async {
        tokio::time::sleep(Duration::from_millis(900)).await;
        Ok(())
    });
    let spec = slow.spec().start_timeout(SECOND);
    let mut starts = JoinSet::new();
    let began = Instant::now();
    for n in 0..MANY {
        starts.spawn(sessions.start_session(&format!("s{n}"), spec.clone()));
    }
    all_start(starts).await;
    let took = began.elapsed();
    assert!((18 * SECOND..19 * SECOND).contains(&took), "{took:?}");
    // One that does time out leaves its place to the next.
    let hangs = probe.script().pre_start(|_, _| std::future::pending());
    let hangs = hangs.spec().start_timeout(SECOND);
    let hung = asked(sessions.start_session("hung", hangs)).await;
    let began = Instant::now();
    sessions.start_session("next", probe.spec()).await.unwrap();
    assert_eq!(began.elapsed(), SECOND);
    assert!(matches!(hung.await.unwrap(), Err(StartError::TimedOut)));
}

#[tokio::test(start_paused = true)]
async fn a_supervisor_stops_within_its_deadline_beside_a_long_line() {
    const MANY: usize = 20_000;
    for within in [Some(Duration::ZERO), Some(SECOND), None] {
        let sessions = supervisor(Options::new()).await;
        let (probe, inside, gate) = (Probe::default(), Inside::default(), Gate::closed());
        sessions.start_session("runs", probe.spec()).await.unwrap();
        let mut starts = start_all(&sessions, &inside.script(&probe, &gate), MANY).await;
        let began = Instant::now();
        let report = match within {
            Some(within) => answered("the stop", sessions.stop_within(within)).await,
            None => answered("the stop", sessions.stop()).await,
        };
        let report = report.unwrap();
        assert!(
            began.elapsed() <= SECOND + KILL_BOUND,
            "{:?}",
            began.elapsed()
        );
        assert_eq!(report.not_running, MANY, "{report:?}");
        assert_eq!(report.stopped + report.killed, 1, "{report:?}");
        while let Some(start) = starts.join_next().await {
            let start = start.unwrap();
            assert!(
                matches!(start, Err(StartError::SupervisorDown)),
                "{start:?}"
            );
        }
        assert_eq!((probe.starts(), probe.alive()), (1_025, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_launched_for_callers_that_went_away_in_line() {
    const MANY: usize = 200;
    let sessions = supervisor(Options::new().max_concurrent_launches(1)).await;
    let (probe, gate) = (Probe::default(), Gate::closed());
    let slow = probe.script().pre_start(gate.holds());
    let first = asked(sessions.start_session("slow", slow.spec())).await;
    for n in 0..MANY {
        ask_and_go(sessions.start_session(&format!("s{n}"), probe.spec())).await;
        ask_and_go(sessions.ensure_session(&format!("e{n}"), probe.spec())).await;
        // Another one of the same id, and one that stays for every tenth.
        ask_and_go(sessions.ensure_session(&format!("s{n}"), probe.spec())).await;
    }
    let mut stay = Vec::new();
    for n in (0..MANY).step_by(10) {
        let ensure = sessions.ensure_session(&format!("s{n}"), probe.spec());
        stay.push(asked(ensure).await);
    }
    assert_eq!(
        sessions.count_sessions().await.unwrap().starting,
        2 * MANY + 1
    );
    gate.open();
    first.await.unwrap().unwrap();
    let waited = stay.len();
    for stay in stay {
        answered("one that stayed", stay).await.unwrap().unwrap();
    }
    tokio::time::sleep(60 * SECOND).await;
    assert_eq!(probe.starts(), 1 + waited);
    let counts = sessions.count_sessions().await.unwrap();
    assert_eq!((counts.specs, counts.active), (1 + waited, 1 + waited));
}

/// A session that was running is not given up because who restarted it by hand has gone.
#[tokio::test(start_paused = true)]
async fn a_restart_by_hand_in_line_is_made_though_its_caller_went_away() {
    let sessions = supervisor(Options::new().max_concurrent_launches(1)).await;
    let (probe, gate) = (Probe::default(), Gate::closed());
    sessions.start_session("a", probe.spec()).await.unwrap();
    let slow = probe.script().pre_start(gate.holds());
    let first = asked(sessions.start_session("slow", slow.spec())).await;
    for _ in 0..100 {
        ask_and_go(sessions.restart_session("a")).await;
    }
    probe.until(|tally| tally.stops == 1).await;
    gate.open();
    first.await.unwrap().unwrap();
    probe.until(|tally| tally.ready == 3).await;
    tokio::time::sleep(60 * SECOND).await;
    assert_eq!(probe.starts(), 3, "the first, the slow one, one restart");
    assert_eq!(sessions.count_sessions().await.unwrap().active, 2);
}
