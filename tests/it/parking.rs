//! D11: what becomes of a session that used up its restart limit, with all the time that it takes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use session_supervisor::error::{RestartError, StartError, StartSupervisorError, StopError};
use session_supervisor::{ChildSpec, Exit, Options, SessionInfo, SessionState, SessionSupervisor};
use tokio::time::{Instant, sleep};

use crate::support::{Order, Probe, Remains, Tie, Worker, end, supervisor};
use crate::traces::Capture;

const SECOND: Duration = Duration::from_secs(1);
const WINDOW: Duration = Duration::from_secs(5);

/// A session that starts only while this is set, and notes when it is tried.
#[derive(Clone, Debug)]
struct Works {
    now: Arc<AtomicBool>,
    began: Instant,
}

impl Works {
    fn new() -> Self {
        Self {
            now: Arc::new(AtomicBool::new(true)),
            began: Instant::now(),
        }
    }

    fn set(&self, works: bool) {
        self.now.store(works, Ordering::SeqCst);
    }

    fn spec(&self, probe: &Probe) -> ChildSpec<Worker> {
        let (works, noted) = (self.clone(), probe.clone());
        let script = probe.script().launch(move |_| {
            noted.note(format!("{}", works.began.elapsed().as_millis()));
            let works = works.now.load(Ordering::SeqCst);
            async move {
                if works {
                    Ok(true)
                } else {
                    Err("it does not work".into())
                }
            }
        });
        script.spec_as_it_comes()
    }
}

/// When it was tried, in milliseconds.
fn tries(probe: &Probe) -> Vec<u64> {
    let notes = probe.notes().into_iter();
    notes.map(|note| note.parse().expect("a number")).collect()
}

/// A session that does not work any more, parked.
async fn parked(options: Options) -> (SessionSupervisor, Probe, Works) {
    let sessions = supervisor(options).await;
    let (probe, works) = (Probe::default(), Works::new());
    park(&sessions, &probe, &works, "a").await;
    (sessions, probe, works)
}

async fn park(sessions: &SessionSupervisor, probe: &Probe, works: &Works, id: &str) {
    works.set(true);
    let session = sessions.start_session(id, works.spec(probe)).await.unwrap();
    works.set(false);
    end(&session, Order::Crash).await;
    // The third attempt comes after 50 ms.
    sleep(Duration::from_millis(60)).await;
    assert_eq!(state(sessions, id).await, SessionState::Parked);
}

async fn info(sessions: &SessionSupervisor, id: &str) -> SessionInfo {
    let info = sessions.session_info(id).await.unwrap();
    info.expect("it is known")
}

async fn state(sessions: &SessionSupervisor, id: &str) -> SessionState {
    info(sessions, id).await.state
}

/// The pauses between tries from the fourth launch on, which is when it was parked.
fn pauses(probe: &Probe) -> Vec<u64> {
    let tries = tries(probe).split_off(3);
    tries.windows(2).map(|two| two[1] - two[0]).collect()
}

#[tokio::test(start_paused = true)]
async fn it_is_tried_after_pauses_that_double_to_five_minutes() {
    for seed in 0..20 {
        let (sessions, probe, _) = parked(Options::new().seed(seed)).await;
        sleep(1_800 * SECOND).await;
        let pauses = pauses(&probe);
        assert!(pauses.len() >= 7, "{pauses:?}");
        for (pause, longest) in pauses.iter().zip([10, 20, 40, 80, 160, 300, 300, 300, 300]) {
            let range = longest * 500..=longest * 1_000 + 2;
            assert!(range.contains(pause), "{pause} of {longest} s: {pauses:?}");
        }
        assert_eq!(state(&sessions, "a").await, SessionState::Parked);
    }
}

#[tokio::test(start_paused = true)]
async fn other_pauses_are_kept_as_well() {
    let options = Options::new().park_trial(SECOND, 3 * SECOND).seed(7);
    let (_sessions, probe, _) = parked(options).await;
    sleep(60 * SECOND).await;
    let pauses = pauses(&probe);
    assert!((20..45).contains(&pauses.len()), "{pauses:?}");
    for (pause, longest) in pauses.iter().zip([1, 2].into_iter().chain([3; 40])) {
        let range = longest * 500..=longest * 1_000 + 2;
        assert!(range.contains(pause), "{pause} of {longest} s: {pauses:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn those_that_were_parked_together_are_not_tried_together() {
    let sessions = supervisor(Options::new()).await;
    let (probe, works) = (Probe::default(), Works::new());
    let mut all = Vec::new();
    for n in 0..50 {
        let start = sessions.start_session(&format!("s{n}"), works.spec(&probe));
        all.push(start.await.unwrap());
    }
    works.set(false);
    for session in &all {
        session.cast(Order::Crash).unwrap();
    }
    sleep(12 * SECOND).await;
    let trials: std::collections::BTreeSet<_> = tries(&probe).split_off(200).into_iter().collect();
    assert!(trials.len() > 25, "{trials:?}");
}

#[tokio::test(start_paused = true)]
async fn a_trial_that_lives_for_the_window_ends_the_parking() {
    let (sessions, probe, works) = parked(Options::new()).await;
    works.set(true);
    let tally = probe.until(|tally| tally.ready == 2).await;
    assert_eq!(tally.starts, 5, "one trial");
    assert_eq!(state(&sessions, "a").await, SessionState::Running);
    sleep(WINDOW + SECOND).await;
    // Its restarts are its own again, all three of them.
    for ready in 3..=5 {
        let session = sessions.find_session_as::<Order>("a").unwrap();
        end(&session, Order::Crash).await;
        probe.until(|tally| tally.ready == ready).await;
    }
    let session = sessions.find_session_as::<Order>("a").unwrap();
    end(&session, Order::Crash).await;
    assert_eq!(state(&sessions, "a").await, SessionState::Parked);
    // And the pause before the next trial is the first one again.
    let parked = Instant::now();
    probe.until(|tally| tally.ready == 6).await;
    let pause = parked.elapsed();
    assert!((5 * SECOND..=10 * SECOND).contains(&pause), "{pause:?}");
}

#[tokio::test(start_paused = true)]
async fn a_trial_that_ends_before_is_parked_again_for_longer() {
    let (sessions, probe, works) = parked(Options::new()).await;
    works.set(true);
    for (ready, longest) in [(2, 10), (3, 20), (4, 40), (5, 80)] {
        let parked = Instant::now();
        probe
            .within(100 * SECOND, |tally| tally.ready == ready)
            .await;
        let pause = parked.elapsed();
        let longest = longest * SECOND;
        let range = longest / 2 - SECOND..=longest;
        assert!(range.contains(&pause), "{pause:?} of {longest:?}");
        sleep(WINDOW - SECOND).await;
        let session = sessions.find_session_as::<Order>("a").unwrap();
        end(&session, Order::Crash).await;
        assert_eq!(state(&sessions, "a").await, SessionState::Parked);
    }
    // A launch for each trial, and none besides.
    assert_eq!(probe.starts(), 4 + 4);
}

#[tokio::test(start_paused = true)]
async fn a_restart_by_hand_resumes_it_at_once_and_for_good() {
    let (sessions, probe, works) = parked(Options::new()).await;
    let failed = sessions.restart_session("a").await;
    assert!(
        matches!(failed, Err(RestartError::Failed { .. })),
        "{failed:?}"
    );
    assert_eq!(state(&sessions, "a").await, SessionState::Parked);
    let start = sessions.start_session("a", works.spec(&probe)).await;
    assert!(matches!(start, Err(StartError::Parked)), "{start:?}");
    works.set(true);
    let began = Instant::now();
    sessions.restart_session("a").await.unwrap();
    assert_eq!(began.elapsed(), Duration::ZERO);
    let starts = probe.starts();
    sleep(3_600 * SECOND).await;
    assert_eq!(probe.starts(), starts, "the trial that was planned is off");
    assert_eq!(state(&sessions, "a").await, SessionState::Running);
}

#[tokio::test(start_paused = true)]
async fn a_restart_by_hand_of_one_on_trial_makes_one_launch() {
    let (sessions, probe, works) = parked(Options::new()).await;
    works.set(true);
    probe.until(|tally| tally.ready == 2).await;
    sessions.restart_session("a").await.unwrap();
    sleep(600 * SECOND).await;
    assert_eq!((probe.starts(), probe.alive()), (6, 1));
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_it_for_good_in_a_pause_in_a_trial_and_after_it() {
    // In a pause.
    let (sessions, probe, _) = parked(Options::new()).await;
    assert_eq!(sessions.stop_session("a").await, Ok(Exit::NotRunning));
    gone(&sessions, &probe, 4).await;
    // While its trial starts.
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let script = probe.script().launch(|start| async move {
        match start.incarnation {
            1 => Ok(true),
            2..=4 => Err("not yet".into()),
            _ => std::future::pending().await,
        }
    });
    let spec = script.spec_as_it_comes();
    let session = sessions.start_session("a", spec).await.unwrap();
    end(&session, Order::Crash).await;
    probe.until(|tally| tally.starts == 5).await;
    assert_eq!(sessions.stop_session("a").await, Ok(Exit::NotRunning));
    gone(&sessions, &probe, 5).await;
    // While it runs on trial.
    let (sessions, probe, works) = parked(Options::new()).await;
    works.set(true);
    probe.until(|tally| tally.ready == 2).await;
    assert_eq!(sessions.stop_session("a").await, Ok(Exit::Shutdown));
    gone(&sessions, &probe, 5).await;
}

async fn gone(sessions: &SessionSupervisor, probe: &Probe, starts: usize) {
    assert_eq!(sessions.stop_session("a").await, Err(StopError::NotFound));
    sleep(3_600 * SECOND).await;
    assert_eq!((probe.starts(), probe.alive()), (starts, 0));
    assert_eq!(sessions.count_sessions().await.unwrap().specs, 0);
}

#[tokio::test(start_paused = true)]
async fn the_one_parked_longest_is_forgotten_and_the_log_tells() {
    let (capture, _guard) = Capture::listen();
    let sessions = supervisor(Options::new().max_parked(2).without_park_trial()).await;
    let works = Works::new();
    let (tie, remains): (Tie, Remains) = Tie::new();
    let probe = Probe::default();
    let tied = probe.script().launch(move |_| {
        let _held = &tie;
        async { Ok(true) }
    });
    let spec = tied.spec().restart_limit(0, WINDOW);
    let first = sessions.start_session("first", spec).await.unwrap();
    end(&first, Order::Crash).await;
    for id in ["second", "third"] {
        park(&sessions, &probe, &works, id).await;
    }
    // Nothing of it is kept.
    remains.gone().await;
    assert!(sessions.session_info("first").await.unwrap().is_none());
    for id in ["second", "third"] {
        assert_eq!(state(&sessions, id).await, SessionState::Parked);
    }
    let counts = sessions.count_sessions().await.unwrap();
    assert_eq!((counts.specs, counts.parked), (2, 2));
    capture.caught_up().await;
    let told = capture.of("parked session is forgotten");
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].level, tracing::Level::ERROR);
    assert_eq!(told[0].field("session"), "first");
    // Its id is free.
    works.set(true);
    sessions
        .start_session("first", works.spec(&probe))
        .await
        .unwrap();
    assert_eq!(info(&sessions, "first").await.incarnation, 1);
}

#[tokio::test(start_paused = true)]
async fn with_no_place_for_parked_ones_it_is_forgotten_at_once() {
    let sessions = supervisor(Options::new().max_parked(0)).await;
    let (probe, works) = (Probe::default(), Works::new());
    let session = sessions.start_session("a", works.spec(&probe)).await;
    works.set(false);
    end(&session.unwrap(), Order::Crash).await;
    sleep(SECOND).await;
    gone(&sessions, &probe, 4).await;
}

#[tokio::test(start_paused = true)]
async fn a_trial_without_a_place_waits_for_the_next_pause() {
    let (sessions, probe, works) = parked(Options::new().max_sessions(1)).await;
    works.set(true);
    let others = Probe::default();
    sessions
        .start_session("other", others.spec())
        .await
        .unwrap();
    let resumed = sessions.restart_session("a").await;
    assert!(
        matches!(resumed, Err(RestartError::MaxSessions { max: 1 })),
        "{resumed:?}"
    );
    sleep(60 * SECOND).await;
    assert_eq!(probe.starts(), 4, "no trial is made without a place");
    sessions.stop_session("other").await.unwrap();
    let free = Instant::now();
    probe.until(|tally| tally.ready == 2).await;
    // No trial has failed, so the pause is still the first one.
    assert!(free.elapsed() <= 10 * SECOND, "{:?}", free.elapsed());
}

#[tokio::test(start_paused = true)]
async fn under_the_options_of_otp_nothing_is_tried_again() {
    for options in [Options::otp(), Options::new().without_park_trial()] {
        let sessions = supervisor(options).await;
        let probe = Probe::default();
        let spec = probe.spec().restart_limit(0, WINDOW);
        let session = sessions.start_session("a", spec).await.unwrap();
        end(&session, Order::Crash).await;
        sleep(86_400 * SECOND).await;
        assert_eq!(state(&sessions, "a").await, SessionState::Parked);
        assert_eq!(probe.starts(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn bad_values_are_the_error_of_the_start() {
    for (options, field) in [
        (
            Options::new().park_trial(Duration::ZERO, SECOND),
            "park_trial.first",
        ),
        (
            Options::new().park_trial(Duration::ZERO, Duration::ZERO),
            "park_trial.first",
        ),
        (
            Options::new().park_trial(2 * SECOND, SECOND),
            "park_trial.first",
        ),
        (
            Options::new().max_concurrent_launches(0),
            "max_concurrent_launches",
        ),
    ] {
        match SessionSupervisor::start(options.unique_name()).await {
            Err(StartSupervisorError::InvalidOptions(invalid)) => {
                assert_eq!(invalid.field, field);
            }
            other => panic!("{field}: {other:?}"),
        }
    }
    let extreme = Options::new().park_trial(Duration::MAX, Duration::MAX);
    let (sessions, probe, _) = parked(extreme).await;
    sleep(3_600 * SECOND).await;
    assert_eq!(probe.starts(), 4);
    assert_eq!(sessions.stop().await.unwrap().not_running, 1);
}

/// The default of `max_parked`, and of `Options::otp`, in which a session is parked by its own limit.
#[tokio::test(start_paused = true)]
async fn ten_thousand_are_kept_parked_without_a_word() {
    for options in [Options::new(), Options::otp()] {
        let sessions = supervisor(options.without_park_trial()).await;
        let probe = Probe::default();
        let spec = probe.spec().restart_limit(0, WINDOW);
        for n in 0..=10_000 {
            let id = format!("{n}");
            let session = sessions.start_session(&id, spec.clone()).await.unwrap();
            session.cast(Order::Crash).unwrap();
        }
        probe.until(|tally| tally.alive == 0).await;
        sleep(SECOND).await;
        let counts = sessions.count_sessions().await.unwrap();
        assert_eq!((counts.specs, counts.parked), (10_000, 10_000));
        assert!(sessions.session_info("0").await.unwrap().is_none());
        assert_eq!(state(&sessions, "1").await, SessionState::Parked);
    }
}
