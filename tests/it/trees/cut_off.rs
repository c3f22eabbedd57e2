//! A start whose caller goes away in the middle, and a runtime that is shut down: nothing is left,
//! and who asks is answered.

use std::time::Duration;

use session_supervisor::{
    Options, SessionSupervisor, ShutdownReport, StopCause, Supervisor, TreeSpec,
};

use super::endings::{SCENES, Stage};
use super::scenery::{Census, nothing_left, start};
use crate::support::{Probe, answered, names_of, poll};

/// A supervisor without a parent, whose start is given up after so many polls.
#[tokio::test(start_paused = true)]
async fn a_start_that_is_dropped_in_the_middle_leaves_nothing() {
    let mut finished = 0;
    for polls in 0..200 {
        let probe = Probe::default();
        let (census, remains) = Census::new();
        let name = format!("dropped-{polls}");
        let slow = census.noting(&probe).post_start(|_, _| async {
            tokio::task::yield_now().await;
            Ok(())
        });
        let inner = TreeSpec::one_for_one().child("x", census.noting(&probe).spec());
        let tree = TreeSpec::one_for_one()
            .name(&name)
            .child("a", slow.spec())
            .child("b", Supervisor::child_spec(inner))
            .child(
                "c",
                SessionSupervisor::child_spec(Options::new().unique_name()),
            )
            .child("d", census.noting(&probe).spec());
        let mut start = Box::pin(Supervisor::start(tree));
        let mut done = None;
        for _ in 0..polls {
            if let std::task::Poll::Ready(tree) = poll(start.as_mut()).await {
                done = Some(tree.unwrap());
                break;
            }
            if let Some(root) = ractor::registry::where_is(name.clone()) {
                census.enter(root);
            }
            tokio::task::yield_now().await;
        }
        drop(start);
        if let Some(tree) = done {
            tree.stop().await.unwrap();
            finished += 1;
        }
        // What was under way has its turns.
        tokio::time::sleep(Duration::from_secs(3_600)).await;
        nothing_left(&name, &probe, census, remains).await;
        if finished == 3 {
            return;
        }
    }
    panic!("it takes fewer polls than that");
}

fn on_one_thread() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().start_paused(true).build().unwrap()
}

/// Here no task of it has had a turn but the root's start, which the caller polls.
#[test]
fn a_supervisor_whose_runtime_is_shut_down_at_once_answers() {
    let runtime = on_one_thread();
    let options = Options::new().unique_name();
    let sessions = runtime.block_on(SessionSupervisor::start(options)).unwrap();
    let tree = Supervisor::start(TreeSpec::one_for_one().unique_name());
    let tree = runtime.block_on(tree).unwrap();
    drop(runtime);
    on_one_thread().block_on(async {
        answered("a list", sessions.list_sessions())
            .await
            .unwrap_err();
        answered("the children", tree.which_children())
            .await
            .unwrap_err();
        answered("a stop", tree.stop()).await.unwrap_err();
    });
    assert!(SessionSupervisor::where_is(sessions.name()).is_none());
    assert!(SessionSupervisor::try_from(sessions.get_cell()).is_err());
}

/// The runtime goes away under a tree in every situation.
#[test]
fn a_runtime_that_is_shut_down_leaves_no_name_and_no_state() {
    for scene in SCENES {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let (name, probe, app) = runtime.block_on(async {
            let stage = Stage::new(scene).await;
            let app = start(
                TreeSpec::one_for_one()
                    .child(
                        "sessions",
                        SessionSupervisor::child_spec(Options::new().unique_name()),
                    )
                    .child("a", stage.census.noting(&stage.probe).spec()),
            )
            .await;
            (stage.sessions.name().to_owned(), stage.probe, app)
        });
        drop(runtime);
        assert_eq!(probe.alive(), 0, "{scene:?}");
        assert_eq!(names_of(&name), [""; 0], "{scene:?}");
        assert_eq!(names_of(app.name()), [""; 0], "{scene:?}");
        on_one_thread().block_on(async {
            answered("a question to the dead", app.which_children())
                .await
                .unwrap_err();
            let late = answered("a start at the dead", app.start_child("x", probe.spec())).await;
            late.unwrap_err();
            answered("a stop of the dead", app.stop())
                .await
                .unwrap_err();
        });
    }
}

/// Two children run and a third is starting when the tree is stopped by others.
async fn is_stopped_while_it_begins(
    name: &str,
    within: Option<Duration>,
) -> (Probe, ShutdownReport) {
    let probe = Probe::default();
    let says = |what: &'static str| {
        let notes = probe.clone();
        let script = probe.script().post_stop(move |_, _| {
            notes.note(what);
            async {
                tokio::time::sleep(Duration::from_secs(1)).await;
                Ok(())
            }
        });
        script.spec()
    };
    let never = probe.script().pre_start(|_, _| std::future::pending());
    let tree = TreeSpec::one_for_one()
        .name(name)
        .child("a", says("a stops"))
        .child("b", says("b stops"))
        .child("c", never.spec());
    let start = tokio::spawn(Supervisor::start(tree));
    probe.until(|tally| tally.starts == 3).await;
    let tree = Supervisor::where_is(name).expect("it begins");
    let report = match within {
        Some(time) => tree.stop_within(time).await,
        None => tree.stop().await,
    };
    assert!(start.await.unwrap().is_err(), "it has not started");
    assert_eq!(names_of(name), [""; 0]);
    (probe, report.unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_tree_that_is_stopped_while_it_begins_stops_what_runs_by_its_rule() {
    let (probe, report) = is_stopped_while_it_begins("stopped while it begins", None).await;
    assert_eq!(probe.notes(), ["b stops", "a stops"]);
    assert_eq!(
        (report.stopped, report.killed, report.not_running),
        (2, 0, 1)
    );
    assert_eq!((report.cause, probe.alive()), (StopCause::Requested, 0));
}

#[tokio::test(start_paused = true)]
async fn a_tree_that_is_stopped_within_a_time_while_it_begins_has_that_time() {
    let time = Some(Duration::from_millis(1_500));
    let (probe, report) = is_stopped_while_it_begins("in time while it begins", time).await;
    assert_eq!(probe.notes(), ["b stops", "a stops"]);
    assert_eq!(
        (report.stopped, report.killed, report.not_running),
        (1, 1, 1)
    );
    assert_eq!(report.took, Duration::from_millis(1_500));
}
