//! A session's own restart limit: what it counts, and what becomes of a session that used it up.

use std::time::Duration;

use session_supervisor::error::{RestartError, StartError, StopError};
use session_supervisor::reason::RESTART_LIMIT_REACHED;
use session_supervisor::{
    Backoff, ChildSpec, Exit, OnRestartLimit, Options, SessionInfo, SessionState,
    SessionSupervisor, names,
};
use tokio::time::{Instant, advance};

use super::ways::{
    HOUR, Held, WINDOW, crash, crash_and_back, info, ms, reason, running, with_parent,
};
use crate::support::{Order, Probe, Worker, back, died, end, supervisor};

/// Rows of this theme without a test, and why.
pub(super) const NOT_HERE: &[(u16, &str)] = &[];

/// Fails from the second incarnation on.
fn once(probe: &Probe) -> ChildSpec<Worker> {
    let script = probe.script().launch(|start| async move {
        if start.incarnation > 1 {
            return Err("fails from the second on".into());
        }
        Ok(true)
    });
    script.spec()
}

/// The session when it is parked, with the time until then. It must be on its way there.
async fn parked(sessions: &SessionSupervisor, id: &str) -> (SessionInfo, Duration) {
    let since = Instant::now();
    // A start waits in the id's queue until it is decided.
    let never = ChildSpec::from_fn(|_| async {
        Err::<session_supervisor::Launch<Worker>, _>("it was not parked".into())
    });
    let start = sessions.start_session(id, never).await;
    assert!(matches!(start, Err(StartError::Parked)), "{start:?}");
    let info = info(sessions, id).await;
    assert_eq!(info.state, SessionState::Parked);
    (info, since.elapsed())
}

#[tokio::test(start_paused = true)]
async fn row_201_what_the_sessions_own_limit_refuses_is_not_counted_in_the_total() {
    for options in [Options::new(), Options::otp()] {
        let options = options
            .session_restart_limit(1, WINDOW)
            .total_restart_limit(3, WINDOW);
        let (sessions, parent) = with_parent(options).await;
        let probe = Probe::default();
        for id in ["a", "b", "c", "d"] {
            sessions.start_session(id, probe.spec()).await.unwrap();
        }
        for id in ["a", "b", "c"] {
            crash_and_back(&sessions, id).await;
            crash(&sessions, id).await;
            parked(&sessions, id).await;
        }
        let counts = sessions.count_sessions().await.unwrap();
        assert_eq!((counts.parked, counts.active), (3, 1));
        assert_eq!(probe.starts(), 7);
        crash(&sessions, "d").await;
        assert_eq!(reason(&parent).await, RESTART_LIMIT_REACHED);
        assert_eq!(probe.starts(), 7);
    }
}

#[tokio::test(start_paused = true)]
async fn row_202_every_attempt_is_counted_when_it_is_decided() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let a = sessions.start_session("a", once(&probe)).await.unwrap();
    end(&a, Order::Crash).await;
    let (info, after) = parked(&sessions, "a").await;
    assert_eq!(probe.starts(), 4, "the first start and three attempts");
    assert_eq!(after, ms(50));
    assert_eq!((info.incarnation, info.restarts), (4, 3));

    let spec = probe.spec().restart_limit(0, WINDOW);
    let b = sessions.start_session("b", spec).await.unwrap();
    end(&b, Order::Crash).await;
    let (info, after) = parked(&sessions, "b").await;
    assert_eq!((info.restarts, after), (0, Duration::ZERO));
    assert_eq!(probe.starts(), 5, "no attempt");

    // Counted when it is decided, not when it is made: the one that waits here is the last allowed.
    let spec = probe.spec().restart_limit(1, WINDOW);
    let spec = spec.backoff(Backoff::constant(WINDOW));
    let c = sessions.start_session("c", spec).await.unwrap();
    end(&c, Order::Crash).await;
    let c = back(&sessions, "c").await;
    end(&c, Order::Crash).await;
    parked(&sessions, "c").await;
    assert_eq!(probe.starts(), 7);
}

/// The resident memory of this process in KiB.
#[cfg(target_os = "linux")]
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux tells");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let size = line.and_then(|line| line.trim().strip_suffix(" kB"));
    size.and_then(|size| size.parse().ok())
        .expect("a number of KiB")
}

/// In a process of its own, since the other tests would be measured too.
#[cfg(target_os = "linux")]
#[test]
fn row_202_memory_stays_flat_however_large_the_limit() {
    const ALONE: &str = "SESSION_SUPERVISOR_ROW_202_ALONE";
    if std::env::var_os(ALONE).is_some() {
        tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime")
            .block_on(restart_a_hundred_thousand_times());
        return;
    }
    let name = "rows::own_limits::row_202_memory_stays_flat_however_large_the_limit";
    let alone = std::process::Command::new(std::env::current_exe().expect("this binary"))
        .args(["--exact", name])
        .env(ALONE, "1")
        .output()
        .expect("it runs again");
    let told = String::from_utf8_lossy(&alone.stdout);
    assert!(told.contains("1 passed"), "{told}");
}

#[cfg(target_os = "linux")]
async fn restart_a_hundred_thousand_times() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let spec = probe.spec().restart_limit(u32::MAX, 24 * HOUR);
    let mut session = sessions.start_session("a", spec).await.unwrap();
    let mut seen = Vec::new();
    for n in 0..100_000 {
        if n % 40_000 == 20_000 {
            seen.push(resident());
        }
        end(&session, Order::Crash).await;
        session = back(&sessions, "a").await;
        advance(ms(1)).await;
    }
    seen.push(resident());
    assert_eq!(info(&sessions, "a").await.restarts, 100_000);
    // One moment for each restart would be a MiB more in each half. A single step of 1.5 MiB was
    // seen once on a busy machine; what is kept for each restart shows in both, so the half that
    // grew less counts.
    let grown = seen.windows(2).map(|two| two[1].saturating_sub(two[0]));
    let least = grown.min().expect("two halves");
    assert!(least < 512, "grown by {least} KiB in each half: {seen:?}");
}

#[tokio::test(start_paused = true)]
async fn row_203_a_backoff_begins_anew_after_a_life_as_long_as_the_window() {
    let seconds = Duration::from_secs;
    let backoff = Backoff::exponential(ms(100), seconds(10));
    let plain = Options::new().session_restart_limit(100, seconds(2));
    let total = Options::otp().total_restart_limit(100, seconds(3));
    let none = Options::new().without_session_restart_limit();
    let probe = Probe::default();
    let spec = probe.spec().backoff(backoff);
    let own = spec.clone().restart_limit(100, seconds(1));
    for (options, spec, healthy) in [
        (plain.clone(), own, seconds(1)),
        (plain, spec.clone(), seconds(2)),
        (total, spec.clone(), seconds(3)),
        (none, spec, seconds(5)),
    ] {
        let sessions = supervisor(options).await;
        sessions.start_session("a", spec).await.unwrap();
        for (life, delay) in [
            (Duration::ZERO, 100),
            (Duration::ZERO, 200),
            (healthy - ms(1), 400),
            (healthy, 100),
            (Duration::ZERO, 200),
            (2 * healthy, 100),
        ] {
            advance(life).await;
            let crashed = Instant::now();
            crash_and_back(&sessions, "a").await;
            assert_eq!(crashed.elapsed(), ms(delay), "{healthy:?} {life:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn row_207_a_session_that_used_up_its_own_limit_is_parked_alone() {
    let sessions = supervisor(Options::new().without_park_trial()).await;
    let probe = Probe::default();
    for id in ["a", "b", "c"] {
        sessions.start_session(id, probe.spec()).await.unwrap();
    }
    let siblings = ["b", "c"].map(|id| running(&sessions, id).get_id());
    for _ in 0..3 {
        crash_and_back(&sessions, "a").await;
        advance(ms(1_600)).await;
    }
    crash(&sessions, "a").await;
    let (info, _) = parked(&sessions, "a").await;
    assert_eq!((info.restarts, info.incarnation), (3, 4));
    let last = info.last_exit.map(|exit| exit.to_string());
    assert_eq!(last.as_deref(), Some("failed: told to crash"));
    assert!(info.cell.is_none());
    let name = names::session(sessions.name(), "a");
    for _ in 0..2 {
        let counts = sessions.count_sessions().await.unwrap();
        assert_eq!((counts.specs, counts.active, counts.parked), (3, 2, 1));
        assert!(ractor::registry::where_is(name.clone()).is_none());
        assert!(!sessions.is_running("a"));
        let start = sessions.start_session("a", probe.spec()).await;
        assert!(matches!(start, Err(StartError::Parked)), "{start:?}");
        // Without trials (D11) no timer brings it back.
        tokio::time::sleep(24 * HOUR).await;
    }
    assert_eq!(probe.starts(), 6);
    assert_eq!(
        ["b", "c"].map(|id| running(&sessions, id).get_id()),
        siblings
    );
}

#[tokio::test(start_paused = true)]
async fn row_208_a_parked_session_resumes_with_an_empty_window() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    sessions.start_session("a", probe.spec()).await.unwrap();
    for _ in 0..2 {
        for _ in 0..3 {
            crash_and_back(&sessions, "a").await;
        }
        crash(&sessions, "a").await;
        parked(&sessions, "a").await;
        let cell = sessions.restart_session("a").await.unwrap();
        assert_eq!(running(&sessions, "a").get_id(), cell.get_id());
        let counts = sessions.count_sessions().await.unwrap();
        assert_eq!((counts.active, counts.parked), (1, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn row_208_a_resumption_that_fails_parks_the_session_again() {
    let sessions = supervisor(Options::new().without_park_trial()).await;
    let probe = Probe::default();
    let a = sessions.start_session("a", once(&probe)).await.unwrap();
    end(&a, Order::Crash).await;
    parked(&sessions, "a").await;
    let starts = probe.starts();
    let resumed = sessions.restart_session("a").await;
    let Err(RestartError::Failed { cause, .. }) = resumed else {
        panic!("{resumed:?}");
    };
    assert_eq!(cause.to_string(), "fails from the second on");
    tokio::time::sleep(HOUR).await;
    assert_eq!(probe.starts(), starts + 1, "nothing is tried again");
    parked(&sessions, "a").await;
}

#[tokio::test(start_paused = true)]
async fn row_209_a_parked_session_that_is_stopped_is_discarded() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let held = Held::new(&probe);
    let script = probe.script().launch(move |_| {
        held.touch();
        async { Ok(true) }
    });
    let spec = script.spec().restart_limit(0, WINDOW);
    let a = sessions.start_session("a", spec).await.unwrap();
    end(&a, Order::Crash).await;
    parked(&sessions, "a").await;
    assert!(probe.notes().is_empty(), "the spec is kept");
    assert_eq!(sessions.stop_session("a").await, Ok(Exit::NotRunning));
    assert_eq!(sessions.stop_session("a").await, Err(StopError::NotFound));
    Held::dropped(&probe).await;
    assert_eq!(sessions.count_sessions().await.unwrap().specs, 0);
    let resumed = sessions.restart_session("a").await;
    assert!(matches!(resumed, Err(RestartError::NotFound)));
    sessions.start_session("a", probe.spec()).await.unwrap();
    let info = info(&sessions, "a").await;
    assert_eq!((info.incarnation, info.restarts), (1, 0));
    assert_eq!(info.last_exit, None);
}

#[tokio::test(start_paused = true)]
async fn row_210_remove_forgets_the_session_and_touches_no_other() {
    let sessions = supervisor(Options::new().on_restart_limit(OnRestartLimit::Remove)).await;
    let probe = Probe::default();
    let sibling = sessions.start_session("b", probe.spec()).await.unwrap();
    sessions.start_session("a", probe.spec()).await.unwrap();
    for _ in 0..3 {
        crash_and_back(&sessions, "a").await;
    }
    crash(&sessions, "a").await;
    let counts = sessions.count_sessions().await.unwrap();
    assert_eq!((counts.specs, counts.active, counts.parked), (1, 1, 0));
    assert!(sessions.session_info("a").await.unwrap().is_none());
    sessions.start_session("a", probe.spec()).await.unwrap();
    assert_eq!(info(&sessions, "a").await.incarnation, 1);
    // Its window is empty, too.
    for _ in 0..3 {
        crash_and_back(&sessions, "a").await;
    }
    assert_eq!(running(&sessions, "b").get_id(), sibling.get_id());
}

#[tokio::test(start_paused = true)]
async fn row_210_escalate_stops_all_sessions_in_order_and_ends() {
    let options = Options::new().on_restart_limit(OnRestartLimit::Escalate);
    let (sessions, parent) = with_parent(options).await;
    let (probe, siblings) = (Probe::default(), Probe::default());
    for id in ["b", "c"] {
        let slow = siblings.slow_to_stop(ms(1_000));
        sessions.start_session(id, slow).await.unwrap();
    }
    sessions.start_session("a", probe.spec()).await.unwrap();
    for _ in 0..3 {
        crash_and_back(&sessions, "a").await;
    }
    crash(&sessions, "a").await;
    died(&sessions.get_cell()).await;
    assert_eq!((siblings.stops(), siblings.alive()), (2, 0));
    assert_eq!(reason(&parent).await, RESTART_LIMIT_REACHED);
    assert_eq!(probe.starts(), 4);
}

#[tokio::test(start_paused = true)]
async fn row_210_an_explicit_limit_under_the_otp_options_still_parks() {
    let sessions = supervisor(Options::otp()).await;
    let probe = Probe::default();
    let spec = probe.spec().restart_limit(1, WINDOW);
    sessions.start_session("a", spec).await.unwrap();
    crash_and_back(&sessions, "a").await;
    crash(&sessions, "a").await;
    parked(&sessions, "a").await;
    assert_eq!(sessions.count_sessions().await.unwrap().parked, 1);
}

#[tokio::test(start_paused = true)]
async fn sessions_that_fail_together_do_not_come_back_together() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let note = probe.clone();
    let began = tokio::time::Instant::now();
    let script = probe.script().launch(move |start| {
        if start.incarnation > 1 {
            note.note(format!("{:?}", began.elapsed()));
        }
        async { Ok(true) }
    });
    let pause = Backoff::constant(Duration::from_secs(10)).with_jitter();
    let spec = script.spec().backoff(pause);
    let mut all = Vec::new();
    for n in 0..50 {
        all.push(
            sessions
                .start_session(&format!("s{n}"), spec.clone())
                .await
                .unwrap(),
        );
    }
    for session in &all {
        session.cast(Order::Crash).unwrap();
    }
    probe.until(|tally| tally.notes.len() == 50).await;
    let moments: std::collections::BTreeSet<_> = probe.notes().into_iter().collect();
    assert!(moments.len() > 25, "{moments:?}");
    sessions.stop().await.unwrap();
}
