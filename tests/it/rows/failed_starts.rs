//! Restarts that fail, and are tried again.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ractor::{Actor, ActorProcessingErr, ActorRef};
use session_supervisor::error::StopError;
use session_supervisor::{
    Backoff, ChildSpec, Exit, Options, Restart, SessionState, SessionSupervisor, names,
};
use tokio::time::Instant;

use super::ways::{HOUR, Held, WINDOW, Way, crash, info, ms, running};
use crate::support::{Order, Probe, Script, Worker, back, died, end, sessions_of, supervisor};

/// Rows of this theme without a test, and why.
pub(super) const NOT_HERE: &[(u16, &str)] = &[];

/// The start function of the incarnations that `fails` names fails.
fn failing(probe: &Probe, fails: impl Fn(u64) -> bool + Send + Sync + 'static) -> Script {
    probe.script().launch(move |start| {
        let fails = fails(start.incarnation);
        async move {
            if fails {
                return Err("it fails again".into());
            }
            Ok(true)
        }
    })
}

/// A supervisor with the session `a`, whose restarts fail for ever, after its crash.
async fn in_a_loop(probe: &Probe) -> SessionSupervisor {
    let sessions = supervisor(Options::new()).await;
    let spec = failing(probe, |incarnation| incarnation > 1).spec();
    let spec = spec.without_restart_limit();
    sessions.start_session("a", spec).await.unwrap();
    crash(&sessions, "a").await;
    sessions
}

/// The same, but the restart hangs.
async fn in_a_hung_attempt(probe: &Probe) -> SessionSupervisor {
    let sessions = supervisor(Options::new()).await;
    let script = probe.script().pre_start(|start, _| async move {
        if start.incarnation > 1 {
            std::future::pending::<()>().await;
        }
        Ok(())
    });
    let spec = script.spec().start_timeout(24 * HOUR);
    sessions.start_session("a", spec).await.unwrap();
    crash(&sessions, "a").await;
    probe.until(|tally| tally.starts == 2).await;
    sessions
}

#[tokio::test(start_paused = true)]
async fn row_057_a_failed_attempt_is_followed_by_another_by_itself() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let spec = failing(&probe, |incarnation| incarnation == 2).spec();
    let old = sessions.start_session("a", spec).await.unwrap();
    end(&old, Order::Crash).await;
    probe.until(|tally| tally.ready == 2).await;
    assert_eq!(probe.starts(), 3);
    let counts = sessions.count_sessions().await.unwrap();
    assert_eq!((counts.specs, counts.active, counts.restarting), (1, 1, 0));
    assert_ne!(running(&sessions, "a").get_id(), old.get_id());
}

#[tokio::test(start_paused = true)]
async fn row_058_everybody_else_is_answered_between_and_during_the_attempts() {
    let probe = Probe::default();
    for sessions in [
        in_a_loop(&probe).await,
        in_a_hung_attempt(&Probe::default()).await,
    ] {
        for n in 0..10 {
            tokio::time::sleep(ms(15)).await;
            let asked = Instant::now();
            let state = sessions.list_sessions().await.unwrap()[0].state;
            assert_eq!(state, SessionState::Restarting);
            let counts = sessions.count_sessions().await.unwrap();
            assert_eq!((counts.active, counts.restarting), (n, 1));
            let other = Probe::default().spec();
            sessions.start_session(&n.to_string(), other).await.unwrap();
            assert_eq!(asked.elapsed(), Duration::ZERO);
        }
    }
    assert!(probe.starts() > 4, "the loop went on");
}

#[tokio::test(start_paused = true)]
async fn row_059_a_session_between_two_attempts_is_restarting() {
    let probe = Probe::default();
    let sessions = in_a_loop(&probe).await;
    tokio::time::sleep(ms(1_000)).await;
    let list = sessions.list_sessions().await.unwrap();
    assert_eq!(list.len(), 1);
    assert_eq!(list[0].state, SessionState::Restarting);
    assert!(list[0].cell.is_none());
    let counts = sessions.count_sessions().await.unwrap();
    assert_eq!((counts.specs, counts.active), (1, 0));
    assert_eq!((counts.restarting, counts.workers), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn row_060_a_restarting_session_that_is_stopped_never_comes_back() {
    let probe = Probe::default();
    let sessions = in_a_loop(&probe).await;
    tokio::time::sleep(ms(1_000)).await;
    let starts = probe.starts();
    assert_eq!(sessions.stop_session("a").await, Ok(Exit::NotRunning));
    assert_eq!(sessions.stop_session("a").await, Err(StopError::NotFound));
    assert_eq!(sessions.count_sessions().await.unwrap().specs, 0);
    tokio::time::sleep(HOUR).await;
    assert_eq!(probe.starts(), starts);
}

#[tokio::test(start_paused = true)]
async fn row_061_a_failing_restart_does_not_hold_up_the_stop() {
    let (looping, hung) = (Probe::default(), Probe::default());
    for (sessions, probe) in [
        (in_a_loop(&looping).await, &looping),
        (in_a_hung_attempt(&hung).await, &hung),
    ] {
        let starts = probe.starts();
        let asked = Instant::now();
        let report = sessions.stop().await.unwrap();
        assert_eq!(asked.elapsed(), Duration::ZERO);
        assert_eq!((report.not_running, report.stuck), (1, 0));
        assert_eq!((report.stopped, report.killed, report.failed), (0, 0, 0));
        for name in [
            sessions.name().to_owned(),
            names::session(sessions.name(), "a"),
        ] {
            assert!(ractor::registry::where_is(name).is_none());
        }
        tokio::time::sleep(HOUR).await;
        assert_eq!((probe.starts(), probe.alive()), (starts, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn row_062_all_come_back_when_the_fault_goes_away() {
    let unlimited = Options::new().without_session_restart_limit();
    let otp = Options::otp().total_restart_limit(u32::MAX, WINDOW);
    for options in [unlimited, otp] {
        let sessions = supervisor(options).await;
        let probe = Probe::default();
        let fault = Arc::new(AtomicBool::new(false));
        let faulty = Arc::clone(&fault);
        let spec = failing(&probe, move |_| faulty.load(Ordering::SeqCst)).spec();
        let ids = ["a", "b", "c"];
        for id in ids {
            sessions.start_session(id, spec.clone()).await.unwrap();
        }
        fault.store(true, Ordering::SeqCst);
        for id in ids {
            Way::Kill.end(&running(&sessions, id)).await;
        }
        tokio::time::sleep(ms(2_000)).await;
        let counts = sessions.count_sessions().await.unwrap();
        assert_eq!((counts.active, counts.restarting), (0, 3));
        assert_eq!((counts.specs, counts.workers), (3, 3));
        fault.store(false, Ordering::SeqCst);
        probe.until(|tally| tally.ready == 6).await;
        let counts = sessions.count_sessions().await.unwrap();
        assert_eq!((counts.active, counts.restarting), (3, 0));
        assert_eq!((counts.specs, counts.workers), (3, 3));
        for (id, left) in ids.into_iter().zip([2, 1, 0]) {
            assert_eq!(sessions.stop_session(id).await, Ok(Exit::Shutdown));
            let counts = sessions.count_sessions().await.unwrap();
            assert_eq!((counts.specs, counts.active), (left, left));
        }
    }
}

/// When, after its crash, a session whose restarts all fail was tried again: the first attempts.
async fn attempts(options: Options, backoff: Backoff, first: usize) -> Vec<Duration> {
    let sessions = supervisor(options).await;
    let probe = Probe::default();
    let at = Arc::new(Mutex::new(Vec::new()));
    let times = Arc::clone(&at);
    let script = failing(&probe, move |incarnation| {
        times.lock().unwrap().push(Instant::now());
        incarnation > 1
    });
    let spec = script.spec().backoff(backoff);
    sessions.start_session("a", spec).await.unwrap();
    let crashed = Instant::now();
    crash(&sessions, "a").await;
    // No pause here is longer than two seconds.
    for _ in 0..first {
        tokio::time::sleep(ms(2_000)).await;
    }
    let at = at.lock().unwrap();
    let attempts = at.iter().skip(1).take(first);
    attempts.map(|at| at.duration_since(crashed)).collect()
}

fn unlimited() -> [Options; 2] {
    [
        Options::new().without_session_restart_limit(),
        Options::otp().total_restart_limit(u32::MAX, WINDOW),
    ]
}

#[tokio::test(start_paused = true)]
async fn row_063_attempts_are_paced_and_only_the_limits_end_them() {
    for options in unlimited() {
        let many = attempts(options.clone(), Backoff::none(), 1_000).await;
        assert_eq!(many.len(), 1_000, "nothing but a limit ends the loop");
        assert_eq!(many[..2], [ms(0), ms(10)]);
        let later = Backoff::constant(ms(700));
        assert_eq!(attempts(options.clone(), later, 1).await, [ms(700)]);

        // A pause delays no other session, and does not outlive a stop.
        let sessions = supervisor(options).await;
        let probe = Probe::default();
        for id in ["a", "b"] {
            let spec = probe.spec().backoff(Backoff::constant(HOUR));
            sessions.start_session(id, spec).await.unwrap();
            crash(&sessions, id).await;
        }
        let asked = Instant::now();
        assert_eq!(sessions.count_sessions().await.unwrap().restarting, 2);
        assert_eq!(sessions.stop_session("a").await, Ok(Exit::NotRunning));
        assert_eq!(sessions.stop().await.unwrap().not_running, 1);
        assert_eq!(asked.elapsed(), Duration::ZERO);
        tokio::time::sleep(2 * HOUR).await;
        assert_eq!(probe.starts(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn row_198_the_pause_between_failed_attempts_grows_fourfold_up_to_a_second() {
    // D7: fourfold, so that an outage of seconds does not cost hundreds of attempts.
    let plain = [0, 10, 50, 210, 850, 1_850, 2_850, 3_850];
    let constant = [50, 100, 150, 310, 950, 1_950, 2_950];
    // The backoff goes on from 25 ms with every failed attempt, and may be longer than a second.
    let growing = [25, 75, 175, 375, 1_015, 2_015, 3_615, 5_615];
    for options in unlimited() {
        for (backoff, times) in [
            (Backoff::none(), &plain[..]),
            (Backoff::constant(ms(50)), &constant),
            (Backoff::exponential(ms(25), ms(2_000)), &growing),
        ] {
            let seen = attempts(options.clone(), backoff, times.len()).await;
            let expected: Vec<_> = times.iter().copied().map(ms).collect();
            assert_eq!(seen, expected, "{backoff:?}");
        }
    }
}

/// An actor that is no session.
struct Squatter;

#[ractor::actor(message = (), state = (), arguments = ())]
impl Squatter {}

async fn squat(sessions: &SessionSupervisor, id: &str) -> ActorRef<()> {
    let name = names::session(sessions.name(), id);
    let (squatter, _) = Actor::spawn(Some(name), Squatter, ()).await.unwrap();
    squatter
}

#[tokio::test(start_paused = true)]
async fn row_064_a_restart_whose_name_is_taken_is_tried_until_it_is_free() {
    let sessions = supervisor(Options::new().without_park_trial()).await;
    let probe = Probe::default();
    let pause = Backoff::constant(ms(100));
    let endless = probe.spec().backoff(pause).without_restart_limit();
    sessions.start_session("a", endless).await.unwrap();
    let limited = probe.spec().backoff(pause);
    sessions.start_session("b", limited).await.unwrap();
    crash(&sessions, "a").await;
    crash(&sessions, "b").await;
    let squatter = squat(&sessions, "a").await;
    let other = squat(&sessions, "b").await;
    tokio::time::sleep(HOUR).await;

    let starts = probe.starts();
    assert!(starts > 1_000, "{starts}");
    let waiting = info(&sessions, "a").await;
    assert_eq!(waiting.state, SessionState::Restarting);
    assert!(waiting.restarts > 1_000, "every attempt is counted");
    assert!(waiting.cell.is_none());
    assert!(
        sessions.find_session("a").is_none(),
        "no foreign actor is adopted"
    );
    let limited = info(&sessions, "b").await;
    assert_eq!((limited.state, limited.restarts), (SessionState::Parked, 3));
    for squatter in [&squatter, &other] {
        assert_eq!(squatter.get_status(), ractor::ActorStatus::Running);
        assert!(squatter.get_cell().try_get_supervisor().is_none());
    }

    squatter.stop(None);
    died(&squatter.get_cell()).await;
    let again = back(&sessions, "a").await;
    assert_eq!(running(&sessions, "a").get_id(), again.get_id());
    assert_eq!(probe.alive(), 1);
    let counts = sessions.count_sessions().await.unwrap();
    assert_eq!((counts.active, counts.parked), (1, 1));
}

/// A session that spawns three named children of its own in `pre_start`.
fn with_children(probe: &Probe) -> ChildSpec<Worker> {
    let script = probe.script().pre_start(|start, myself| async move {
        for n in 0..3 {
            let name = child_name(sessions_of(&start), start.key(), n);
            let parent = myself.get_cell();
            Actor::spawn_linked(Some(name), Squatter, (), parent)
                .await
                .map_err(ActorProcessingErr::from)?;
        }
        Ok(())
    });
    script.spec()
}

fn child_name(sessions: &SessionSupervisor, id: &str, n: usize) -> String {
    format!("{}/child{n}/{id}", sessions.name())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_199_a_session_with_named_children_comes_back_under_the_default_options() {
    for way in [Way::Error, Way::Kill] {
        let sessions = supervisor(Options::new()).await;
        let probe = Probe::default();
        let ids: Vec<_> = (0..200).map(|n| n.to_string()).collect();
        let spec = with_children(&probe);
        let mut all = Vec::new();
        for id in &ids {
            all.push(sessions.start_session(id, spec.clone()).await.unwrap());
        }
        for session in &all {
            match way {
                Way::Error => session.cast(Order::Crash).unwrap(),
                _ => session.kill(),
            }
        }
        for (id, old) in ids.iter().zip(&all) {
            died(&old.get_cell()).await;
            let new = back(&sessions, id).await;
            assert_ne!(new.get_id(), old.get_id(), "{way:?}");
            for n in 0..3 {
                let child = ractor::registry::where_is(child_name(&sessions, id, n));
                let parent = child.and_then(|child| child.try_get_supervisor());
                let parent = parent.map(|parent| parent.get_id());
                assert_eq!(parent, Some(new.get_id()), "{way:?}");
            }
        }
        let counts = sessions.count_sessions().await.unwrap();
        assert_eq!((counts.active, counts.parked), (200, 0), "{way:?}");
        sessions.stop().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn row_200_a_restart_that_is_ignored_ends_the_session_for_good() {
    let options = Options::otp()
        .max_sessions(1)
        .total_restart_limit(1, WINDOW);
    let sessions = supervisor(options).await;
    let (probe, next) = (Probe::default(), Probe::default());
    let held = Held::new(&probe);
    let script = probe.script().launch(move |start| {
        held.touch();
        async move { Ok(start.incarnation == 1) }
    });
    let spec = script.spec().restart(Restart::Permanent);
    let spec = spec.backoff(Backoff::constant(ms(100)));
    sessions.start_session("a", spec).await.unwrap();
    crash(&sessions, "a").await;
    // Queued behind the restart, and then decided with a spec and a life of its own.
    let queued = sessions.start_session("a", next.spec()).await;
    assert!(queued.is_ok(), "{queued:?}");
    assert_eq!((probe.starts(), next.starts()), (2, 1));
    Held::dropped(&probe).await;
    let a = info(&sessions, "a").await;
    assert_eq!((a.incarnation, a.restarts), (1, 0));
    assert_eq!(a.last_exit, None);
    // The restart that was decided stays counted.
    crash(&sessions, "a").await;
    died(&sessions.get_cell()).await;
    assert_eq!((probe.starts(), next.starts()), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn row_200_an_ignored_restart_leaves_list_count_place_and_name() {
    let sessions = supervisor(Options::new().max_sessions(1)).await;
    let probe = Probe::default();
    let script = probe
        .script()
        .launch(|start| async move { Ok(start.incarnation == 1) });
    sessions.start_session("a", script.spec()).await.unwrap();
    crash(&sessions, "a").await;
    probe.until(|tally| tally.starts == 2).await;
    assert!(sessions.list_sessions().await.unwrap().is_empty());
    assert_eq!(sessions.count_sessions().await.unwrap().specs, 0);
    let name = names::session(sessions.name(), "a");
    assert!(ractor::registry::where_is(name).is_none());
    let other = sessions.start_session("other", probe.spec()).await;
    assert!(other.is_ok(), "the place is free: {other:?}");
    sessions.stop_session("other").await.unwrap();
    sessions.start_session("a", probe.spec()).await.unwrap();
    assert_eq!(info(&sessions, "a").await.incarnation, 1);
}
