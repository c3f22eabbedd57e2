//! The table of endings, and what holds after each.

use std::time::Duration;

use ractor::ActorStatus;
use session_supervisor::error::{RestartError, StartError, StopError, SupervisorDown};
use session_supervisor::{Exit, Options, SessionSupervisor, ShutdownReport};

use super::scene::{IDS, Scene};
use crate::support::{answered, asked, names_of};

const GRACE: Duration = Duration::from_secs(5);
const DEADLINE: Duration = Duration::from_secs(2);
const SECOND: Duration = Duration::from_secs(1);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Stop,
    StopWithin,
    StopAtOnce,
    StopThenKill,
    ForeignStop,
    ForeignDrain,
    ForeignStopThenStop,
    ForeignStopThenKill,
    ForeignKill,
    ParentStopsItsChildren,
    ParentStops,
    ParentDrains,
    ParentKilled,
}

/// What becomes of the sessions that would stop if they were asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Idle {
    Stopped,
    Killed,
}

/// Ends the supervisor. The report, if the end gives one.
async fn bring_about(end: End, scene: &Scene) -> Option<ShutdownReport> {
    let (sessions, root, parent) = (&scene.sessions, scene.sessions.get_cell(), &scene.parent);
    let mut report = None;
    match end {
        End::Stop => report = Some(answered("the stop", sessions.stop()).await),
        End::StopWithin => {
            report = Some(answered("the stop", sessions.stop_within(DEADLINE)).await);
        }
        End::StopAtOnce => {
            let stop = sessions.stop_within(Duration::ZERO);
            report = Some(answered("the stop", stop).await);
        }
        End::StopThenKill => {
            let stop = asked(sessions.stop()).await;
            tokio::time::sleep(SECOND).await;
            root.kill();
            report = Some(answered("the stop", stop).await.unwrap());
        }
        End::ForeignStop => root.stop(Some("from outside".to_owned())),
        End::ForeignDrain => root.drain().unwrap(),
        End::ForeignStopThenStop => {
            root.stop(None);
            tokio::time::sleep(SECOND).await;
            report = Some(answered("the stop", sessions.stop()).await);
        }
        End::ForeignStopThenKill => {
            root.stop(None);
            tokio::time::sleep(SECOND).await;
            root.kill();
        }
        End::ForeignKill => root.kill(),
        End::ParentStopsItsChildren => {
            answered("the parent", parent.stop_children_and_wait(None, None)).await;
        }
        End::ParentStops => parent.stop(None),
        End::ParentDrains => parent.drain().unwrap(),
        End::ParentKilled => parent.kill(),
    }
    answered("the root's end", root.wait(None)).await.unwrap();
    report.map(|report| report.expect("the stop came in time"))
}

/// Every call that was under way is answered, and how.
async fn all_answered(end: End, scene: &mut Scene) {
    for start in std::mem::take(&mut scene.calls.starts) {
        let answer = answered("a start", start).await.unwrap();
        assert!(
            matches!(answer, Err(StartError::SupervisorDown)),
            "{end:?}: {answer:?}"
        );
    }
    let mut not_found = 0;
    for restart in std::mem::take(&mut scene.calls.restarts) {
        match answered("a restart", restart).await.unwrap() {
            Err(RestartError::SupervisorDown) => {}
            Err(RestartError::NotFound) => not_found += 1,
            answer => panic!("{end:?}: {answer:?}"),
        }
    }
    // In real time the grace of the one that was asked to stop can be over before the end, which is
    // what its stops are answered with below. That restart finds no session then.
    let may_be_over = usize::from(scene.grace < GRACE);
    assert!(not_found <= may_be_over, "{end:?}: {not_found}");
    for stop in std::mem::take(&mut scene.calls.stops) {
        let answer = answered("a stop", stop).await.unwrap();
        assert_eq!(answer, Ok(Exit::Killed), "{end:?}: the real outcome");
    }
    // They came before the end, so the answer depends on whether the end outranks them. A list that
    // is taken while sessions end shows those that are left.
    if let Ok(list) = answered("the list", &mut scene.calls.list).await.unwrap() {
        assert!(list.len() <= IDS.len(), "{end:?}");
    }
    if let Ok(counts) = answered("the count", &mut scene.calls.count).await.unwrap() {
        assert!(counts.specs <= IDS.len() && counts.stuck == 0, "{end:?}");
    }
}

/// Nothing is left: no actor, no state, no spec, no name.
async fn nothing_left(end: End, scene: Scene) {
    let Scene {
        sessions,
        probe,
        cells,
        remains,
        parent,
        ..
    } = scene;
    remains.gone().await;
    let cells = std::mem::take(&mut *cells.lock().unwrap());
    // All but the one in its start function, and the second life of the one that was restarted.
    // That none is launched after a kill on several threads is shown in `after_a_kill`.
    assert!(cells.len() >= IDS.len(), "{end:?}");
    for cell in cells {
        answered("the end of an actor", cell.wait(None))
            .await
            .unwrap();
        assert_eq!(cell.get_status(), ActorStatus::Stopped, "{end:?}");
    }
    assert_eq!(probe.alive(), 0, "{end:?}");
    assert_eq!(names_of(sessions.name()), [""; 0], "{end:?}");
    assert!(SessionSupervisor::where_is(sessions.name()).is_none());

    // The handle says so, also when a successor has the name.
    let starts = probe.starts();
    let successor = SessionSupervisor::start(Options::new().name(sessions.name()))
        .await
        .unwrap();
    for id in IDS {
        answered(id, successor.start_session(id, probe.spec()))
            .await
            .unwrap();
        assert!(sessions.find_session(id).is_none(), "{end:?}");
    }
    let late = sessions.start_session("late", probe.spec()).await;
    assert!(matches!(late, Err(StartError::SupervisorDown)), "{late:?}");
    let late = sessions.restart_session("idle").await;
    assert!(
        matches!(late, Err(RestartError::SupervisorDown)),
        "{late:?}"
    );
    assert_eq!(
        sessions.stop_session("idle").await,
        Err(StopError::SupervisorDown)
    );
    assert!(matches!(
        sessions.count_sessions().await,
        Err(SupervisorDown { .. })
    ));
    let SupervisorDown { .. } = sessions.list_sessions().await.unwrap_err();
    assert!(matches!(sessions.stop().await, Err(SupervisorDown { .. })));
    let report = answered("the successor", successor.stop()).await.unwrap();
    assert_eq!(report.stopped, IDS.len());
    assert_eq!(probe.starts(), starts + IDS.len(), "{end:?}");
    parent.stop(None);
}

async fn ending(end: End, grace: Duration, check: impl AsyncFn(&Scene, Option<ShutdownReport>)) {
    let mut scene = Scene::new(grace).await;
    let report = bring_about(end, &scene).await;
    all_answered(end, &mut scene).await;
    check(&scene, report).await;
    nothing_left(end, scene).await;
}

/// An ending in paused time, where it is known how long each step takes.
async fn exactly(end: End, idle: Idle, took: Option<Duration>) {
    ending(end, GRACE, async |scene, report| {
        let launched = scene.cells.lock().unwrap().len();
        assert_eq!(
            launched,
            IDS.len(),
            "{end:?}: nothing was launched after the end"
        );
        let mut stopped = scene.probe.tally().stopped;
        stopped.sort();
        // The first life of the one that is restarted by hand was stopped before.
        let expected: &[&str] = match idle {
            Idle::Stopped => &["idle", "restarting by hand", "unlinked"],
            Idle::Killed => &["restarting by hand"],
        };
        assert_eq!(stopped, expected, "{end:?}");
        assert_eq!(report.is_some(), took.is_some(), "{end:?}");
        if let (Some(report), Some(took)) = (report, took) {
            let (stopped, killed) = match idle {
                Idle::Stopped => (2, 7),
                Idle::Killed => (0, 9),
            };
            assert_eq!(
                (report.stopped, report.killed),
                (stopped, killed),
                "{end:?}"
            );
            assert_eq!((report.failed, report.stuck), (0, 0), "{end:?}");
            assert_eq!(report.not_running, 5, "{end:?}");
            assert_eq!(report.took, took, "{end:?}");
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn our_stop_leaves_no_orphan_and_no_waiting_caller() {
    exactly(End::Stop, Idle::Stopped, Some(GRACE)).await;
    exactly(End::StopWithin, Idle::Stopped, Some(DEADLINE)).await;
    exactly(End::StopAtOnce, Idle::Killed, Some(Duration::ZERO)).await;
    exactly(End::StopThenKill, Idle::Stopped, Some(SECOND)).await;
}

#[tokio::test(start_paused = true)]
async fn a_foreign_stop_leaves_no_orphan_and_no_waiting_caller() {
    exactly(End::ForeignStop, Idle::Stopped, None).await;
    exactly(End::ForeignDrain, Idle::Stopped, None).await;
    exactly(End::ForeignStopThenStop, Idle::Stopped, Some(GRACE)).await;
    exactly(End::ForeignStopThenKill, Idle::Stopped, None).await;
}

#[tokio::test(start_paused = true)]
async fn a_foreign_kill_leaves_no_orphan_and_no_waiting_caller() {
    exactly(End::ForeignKill, Idle::Killed, None).await;
}

#[tokio::test(start_paused = true)]
async fn an_end_by_the_parent_leaves_no_orphan_and_no_waiting_caller() {
    exactly(End::ParentStopsItsChildren, Idle::Stopped, None).await;
    exactly(End::ParentStops, Idle::Killed, None).await;
    exactly(End::ParentDrains, Idle::Killed, None).await;
    exactly(End::ParentKilled, Idle::Killed, None).await;
}

/// On several threads it is not known how far each session has come, but what must be left is the
/// same: nothing.
async fn on_several_threads(end: End) {
    ending(end, Duration::from_millis(100), async |_, report| {
        assert!(report.is_none_or(|report| report.stuck == 0));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn our_stop_on_several_threads() {
    on_several_threads(End::Stop).await;
    on_several_threads(End::StopAtOnce).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_foreign_stop_on_several_threads() {
    on_several_threads(End::ForeignStop).await;
    on_several_threads(End::ForeignDrain).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_foreign_kill_on_several_threads() {
    on_several_threads(End::ForeignKill).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_by_the_parent_on_several_threads() {
    on_several_threads(End::ParentStopsItsChildren).await;
    on_several_threads(End::ParentStops).await;
    on_several_threads(End::ParentKilled).await;
}
