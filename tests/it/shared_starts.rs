//! D3: many callers that ask for one id at once. Those who wait for one launch share it, and
//! nothing is launched for callers that have gone.

use std::time::Duration;

use ractor::ActorRef;
use session_supervisor::error::{EnsureError, RestartError, StartError};
use session_supervisor::{
    ChildSpec, Ensured, Options, Restart, SessionState, SessionSupervisor, Shutdown,
};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::support::{Gate, Order, Probe, Worker, answered, asked, died, end, supervisor};

const MANY: usize = 100;
const ONE_START: Duration = Duration::from_millis(100);
const PATIENCE: Duration = Duration::from_millis(50);

/// Its start takes a while, and fails.
fn bad(probe: &Probe) -> ChildSpec<Worker> {
    let script = probe.script().launch(|_| async {
        sleep(ONE_START).await;
        Err("no database".into())
    });
    script.spec()
}

/// Its start takes as long.
fn good(probe: &Probe) -> ChildSpec<Worker> {
    let script = probe.script().launch(|_| async {
        sleep(ONE_START).await;
        Ok(true)
    });
    script.spec()
}

/// What one of many callers asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ask {
    Start,
    Ensure,
    Restart,
}

/// Which callers there are.
const MIXTURES: &[&[Ask]] = &[
    &[Ask::Ensure],
    &[Ask::Start],
    &[Ask::Start, Ask::Ensure],
    &[Ask::Ensure, Ask::Start],
    &[Ask::Ensure, Ask::Restart, Ask::Start],
    &[Ask::Start, Ask::Restart, Ask::Restart, Ask::Ensure],
];

/// Asks as many callers, which go away when their patience is over.
async fn impatient(sessions: &SessionSupervisor, probe: &Probe, mixture: &[Ask]) {
    let mut callers = JoinSet::new();
    for n in 0..MANY {
        let (sessions, spec) = (sessions.clone(), bad(probe));
        let ask = mixture[n % mixture.len()];
        callers.spawn(async move {
            match ask {
                Ask::Start => {
                    drop(timeout(PATIENCE, sessions.start_session("a", spec)).await);
                }
                Ask::Ensure => {
                    drop(timeout(PATIENCE, sessions.ensure_session("a", spec)).await);
                }
                Ask::Restart => {
                    drop(timeout(PATIENCE, sessions.restart_session("a")).await);
                }
            }
        });
    }
    while let Some(gone) = callers.join_next().await {
        gone.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn callers_that_gave_up_do_not_hold_up_a_good_start() {
    for mixture in MIXTURES {
        let sessions = supervisor(Options::new()).await;
        let probe = Probe::default();
        impatient(&sessions, &probe, mixture).await;
        let began = Instant::now();
        let good = good(&probe);
        sessions.start_session("a", good).await.unwrap();
        let took = began.elapsed();
        assert!(took < 2 * ONE_START, "{mixture:?}: {took:?}");
        assert_eq!(probe.starts(), 2, "{mixture:?}: the bad one, the good one");
    }
}

/// One that ensures shares the launch that is under way, though all who asked for that have gone.
#[tokio::test(start_paused = true)]
async fn callers_that_gave_up_do_not_hold_up_one_that_ensures() {
    for mixture in MIXTURES {
        let sessions = supervisor(Options::new()).await;
        let probe = Probe::default();
        impatient(&sessions, &probe, mixture).await;
        let began = Instant::now();
        let first = sessions.ensure_session("a", good(&probe)).await;
        if first.is_err() {
            sessions.ensure_session("a", good(&probe)).await.unwrap();
        }
        let took = began.elapsed();
        assert!(took < 2 * ONE_START, "{mixture:?}: {took:?}");
        assert_eq!(probe.starts(), 2, "{mixture:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn callers_that_wait_share_the_failure() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let mut callers = JoinSet::new();
    let began = Instant::now();
    for _ in 0..MANY {
        callers.spawn(sessions.ensure_session("a", bad(&probe)));
    }
    while let Some(answer) = callers.join_next().await {
        match answer.unwrap() {
            Err(EnsureError::Start(StartError::Failed { cause, .. })) => {
                assert_eq!(cause.to_string(), "no database");
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((probe.starts(), began.elapsed()), (1, ONE_START));
    assert_eq!(sessions.count_sessions().await.unwrap().specs, 0);
}

#[tokio::test(start_paused = true)]
async fn callers_that_wait_share_the_success() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let mut callers = JoinSet::new();
    for _ in 0..MANY {
        callers.spawn(sessions.ensure_session("a", good(&probe)));
    }
    let (mut created, mut joined) = (0, 0);
    while let Some(answer) = callers.join_next().await {
        match answer.unwrap().unwrap() {
            Ensured::Created(_) => created += 1,
            Ensured::Joined(_) => joined += 1,
            Ensured::Existing(_) => panic!("it did not run when it was asked for"),
        }
    }
    assert_eq!((created, joined, probe.starts()), (1, MANY - 1, 1));
    let found = sessions.ensure_session("a", good(&probe)).await.unwrap();
    assert!(matches!(found, Ensured::Existing(_)), "{found:?}");
}

/// Also those who wait behind the end of the last life.
#[tokio::test(start_paused = true)]
async fn callers_that_wait_for_an_end_share_the_start_after_it() {
    for fails in [false, true] {
        let sessions = supervisor(Options::new()).await;
        let (probe, slow) = (Probe::default(), Probe::default());
        let ending = slow.slow_to_stop(Duration::from_secs(1));
        sessions.start_session("a", ending).await.unwrap();
        let stop = asked(sessions.stop_session("a")).await;
        let mut callers = JoinSet::new();
        for _ in 0..MANY {
            let spec = if fails { bad(&probe) } else { good(&probe) };
            callers.spawn(sessions.ensure_session("a", spec));
        }
        while let Some(answer) = callers.join_next().await {
            assert_eq!(answer.unwrap().is_err(), fails);
        }
        stop.await.unwrap().unwrap();
        assert_eq!(probe.starts(), 1);
    }
}

/// Where a session is when a hundred callers restart it by hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Running,
    Backoff,
    Restarting,
    Starting,
    Stopping,
    Parked,
}

const PLACES: [Place; 6] = [
    Place::Running,
    Place::Backoff,
    Place::Restarting,
    Place::Starting,
    Place::Stopping,
    Place::Parked,
];

/// Brings the session there. How many launches that took.
async fn bring(sessions: &SessionSupervisor, probe: &Probe, place: Place) -> usize {
    let spec = good(probe);
    if place == Place::Starting {
        drop(asked(sessions.start_session("a", spec)).await);
        return 1;
    }
    let spec = match place {
        Place::Backoff => spec.backoff(session_supervisor::Backoff::constant(Duration::from_secs(
            3,
        ))),
        Place::Parked => spec.restart_limit(0, Duration::from_secs(5)),
        // Of another kind nothing would be left to restart.
        Place::Stopping => spec.restart(Restart::Permanent),
        _ => spec,
    };
    let session: ActorRef<Order> = sessions.start_session("a", spec).await.unwrap();
    match place {
        Place::Running | Place::Starting => return 1,
        Place::Stopping => {
            let busy = Order::run(|_| async {
                sleep(ONE_START).await;
                Ok(())
            });
            session.cast(busy).unwrap();
            session.stop(None);
            return 1;
        }
        Place::Backoff | Place::Restarting | Place::Parked => end(&session, Order::Crash).await,
    }
    let state = sessions.session_info("a").await.unwrap().unwrap().state;
    match place {
        Place::Parked => assert_eq!(state, SessionState::Parked),
        _ => assert_eq!(state, SessionState::Restarting),
    }
    if place == Place::Restarting { 2 } else { 1 }
}

#[tokio::test(start_paused = true)]
async fn a_hundred_restarts_by_hand_at_once_are_two_launches_at_most() {
    for place in PLACES {
        let sessions = supervisor(Options::new()).await;
        let probe = Probe::default();
        let before = bring(&sessions, &probe, place).await;
        let mut callers = JoinSet::new();
        let began = Instant::now();
        for _ in 0..MANY {
            callers.spawn(sessions.restart_session("a"));
        }
        let mut told = Vec::new();
        while let Some(answer) = callers.join_next().await {
            let answer = answer.unwrap();
            told.push(answer.unwrap_or_else(|error| panic!("{place:?}: {error}")));
        }
        let launches = probe.starts() - before;
        println!("{place:?}: {launches} launches, {:?}", began.elapsed());
        assert!(launches <= 2, "{place:?}: {launches} launches");
        assert!(began.elapsed() <= 4 * ONE_START, "{place:?}");
        let running = sessions.find_session("a").expect("it runs").get_id();
        assert_eq!(told.last().map(ractor::ActorCell::get_id), Some(running));
        assert_eq!(sessions.stop().await.unwrap().stopped, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn restarts_by_hand_share_the_failure_too() {
    let sessions = supervisor(Options::new().without_park_trial()).await;
    let probe = Probe::default();
    let script = probe.script().launch(|start| async move {
        sleep(ONE_START).await;
        if start.incarnation > 1 {
            return Err("no database".into());
        }
        Ok(true)
    });
    let spec = script.spec().restart_limit(0, Duration::from_secs(5));
    let session = sessions.start_session("a", spec).await.unwrap();
    end(&session, Order::Crash).await;
    let mut callers = JoinSet::new();
    for _ in 0..MANY {
        callers.spawn(sessions.restart_session("a"));
    }
    while let Some(answer) = callers.join_next().await {
        let answer = answer.unwrap();
        assert!(
            matches!(answer, Err(RestartError::Failed { .. })),
            "{answer:?}"
        );
    }
    assert!(probe.starts() <= 3, "{} starts", probe.starts());
}

/// All are asked before the session has ended, so a restart in a row for each would be seen.
#[test]
fn restarts_by_hand_are_shared_on_several_threads() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        for _ in 0..20 {
            let sessions = supervisor(Options::new()).await;
            let (probe, gate) = (Probe::default(), Gate::closed());
            let spec = probe.script().post_stop(gate.holds()).spec();
            let first = sessions
                .start_session("a", spec.shutdown(Shutdown::Infinity))
                .await;
            let mut callers = Vec::new();
            for _ in 0..MANY {
                callers.push(asked(sessions.restart_session("a")).await);
            }
            gate.open();
            for caller in callers {
                answered("a restart", caller).await.unwrap().unwrap();
            }
            answered("the end", died(&first.unwrap().get_cell())).await;
            assert!(probe.starts() <= 3, "{} starts", probe.starts());
            answered("the stop", sessions.stop()).await.unwrap();
        }
    });
}

/// A stop in between answers those before it, and those after it start anew.
#[tokio::test(start_paused = true)]
async fn a_stop_among_them_answers_those_before_it() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let mut before = Vec::new();
    for _ in 0..MANY {
        before.push(asked(sessions.ensure_session("a", good(&probe))).await);
    }
    let stop = asked(sessions.stop_session("a")).await;
    let mut after = Vec::new();
    for _ in 0..MANY {
        after.push(asked(sessions.ensure_session("a", good(&probe))).await);
    }
    for before in before {
        let answer = before.await.unwrap();
        let stopped = EnsureError::Start(StartError::Stopped);
        assert_eq!(answer.unwrap_err().to_string(), stopped.to_string());
    }
    stop.await.unwrap().unwrap();
    for after in after {
        after.await.unwrap().unwrap();
    }
    assert_eq!(probe.starts(), 2);
}
