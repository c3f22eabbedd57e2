//! The order of starts and stops: who waits for whom, and what does not stop in time.

use std::time::Duration;

use session_supervisor::error::{StartChildError, StartSupervisorError};
use session_supervisor::{
    ChildState, Exit, Options, Restart, SessionSupervisor, Shutdown, Supervisor, TreeSpec,
};

use super::scenery::{Notes, child, noted, noting, roles, start, those};
use crate::support::{Gate, Order, Probe, asked, died, end, names_of, supervisor};

const GRACE: Duration = Duration::from_secs(2);

#[tokio::test(start_paused = true)]
async fn each_child_waits_for_the_start_of_the_one_before() {
    let probe = Probe::default();
    let gate = Gate::closed();
    let (hold, up) = (gate.clone(), probe.clone());
    let slow = probe.script().pre_start(move |_, _| {
        up.note("b begins");
        let hold = hold.clone();
        async move {
            hold.pass().await;
            Ok(())
        }
    });
    let tree = TreeSpec::one_for_one()
        .name("trees-order-waits")
        .child("a", noted(&probe))
        .child("b", slow.spec())
        .child("c", noted(&probe));
    let begins = asked(Supervisor::start(tree)).await;
    probe.until(|tally| tally.notes.len() == 2).await;
    // It is found before its start is done, and can be asked what it does.
    let tree = Supervisor::where_is("trees-order-waits").unwrap();
    assert_eq!(those(&tree, ChildState::Running).await, ["a"]);
    assert_eq!(those(&tree, ChildState::Starting).await, ["b", "c"]);
    let counts = tree.count_children().await.unwrap();
    assert_eq!((counts.specs, counts.active, counts.starting), (3, 1, 2));
    let late = asked(tree.start_child("d", noted(&probe))).await;
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert_eq!(probe.notes(), ["+a", "b begins"]);
    gate.open();
    begins.await.unwrap().unwrap();
    late.await.unwrap().unwrap();
    assert_eq!(probe.notes(), ["+a", "b begins", "+c", "+d"]);
    tree.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_child_that_takes_too_long_to_start_fails_the_start() {
    let probe = Probe::default();
    let hangs = probe.script().pre_start(|_, _| std::future::pending());
    let tree = TreeSpec::one_for_one()
        .name("trees-order-timeout")
        .child("a", noted(&probe))
        .child("b", hangs.spec().start_timeout(GRACE))
        .child("c", noted(&probe));
    let began = tokio::time::Instant::now();
    match Supervisor::start(tree).await {
        Err(StartSupervisorError::ChildFailed { role, error }) => {
            assert_eq!(&*role, "b");
            assert!(matches!(error, StartChildError::TimedOut), "{error:?}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(began.elapsed(), GRACE);
    assert_eq!(probe.notes(), ["+a", "-a"]);
    assert_eq!(names_of("trees-order-timeout"), [""; 0]);
    assert_eq!(probe.alive(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_start_that_is_ignored_keeps_its_place_unless_it_is_temporary() {
    let probe = Probe::default();
    let ignores = |probe: &Probe| {
        let second =
            |start: session_supervisor::StartContext| async move { Ok(start.incarnation > 1) };
        noting(probe).launch(second).spec()
    };
    let tree = TreeSpec::one_for_all()
        .child("a", noted(&probe))
        .child("b", ignores(&probe))
        .child("t", ignores(&probe).restart(Restart::Temporary))
        .child("c", noted(&probe));
    let tree = start(tree).await;
    assert_eq!(roles(&tree).await, ["a", "b", "c"]);
    assert_eq!(those(&tree, ChildState::NotRunning).await, ["b"]);
    let counts = tree.count_children().await.unwrap();
    assert_eq!((counts.specs, counts.active), (3, 2));
    let present = tree.start_child("b", noted(&probe)).await;
    assert!(matches!(
        present,
        Err(StartChildError::AlreadyPresent { .. })
    ));
    // A child that is added and ignores is kept too.
    let ignored = tree.start_child("d", ignores(&probe)).await;
    assert!(
        matches!(ignored, Err(StartChildError::Ignored)),
        "{ignored:?}"
    );
    let ignored = tree.start_child("u", ignores(&probe).restart(Restart::Temporary));
    assert!(matches!(ignored.await, Err(StartChildError::Ignored)));
    assert_eq!(roles(&tree).await, ["a", "b", "c", "d"]);
    assert_eq!(those(&tree, ChildState::NotRunning).await, ["b", "d"]);
    // It keeps its place in the order of all later starts and stops.
    tree.restart_child("b").await.unwrap();
    let mut notes = Notes::of(&probe);
    end(&child(&tree, "c"), Order::Crash).await;
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(notes.fresh(), ["-b", "-a", "+a", "+b", "+c", "+d"]);
    tree.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_child_that_does_not_stop_in_time_is_killed_and_the_next_one_follows() {
    let probe = Probe::default();
    let hangs = probe.script().post_stop(|_, _| std::future::pending());
    let tree = TreeSpec::one_for_one()
        .child("a", noted(&probe))
        .child("b", hangs.spec().shutdown(Shutdown::Timeout(GRACE)))
        .child("brutal", noted(&probe).shutdown(Shutdown::BrutalKill))
        .child("c", noted(&probe));
    let tree = start(tree).await;
    let (a, b) = (child(&tree, "a"), child(&tree, "b"));
    let mut notes = Notes::of(&probe);
    let stop = asked(tree.stop()).await;
    tokio::time::sleep(GRACE / 2).await;
    assert_eq!(
        notes.fresh(),
        ["-c"],
        "a waits for b, and one is killed at once"
    );
    assert_eq!(ractor::call!(a, Order::Echo, 1).unwrap(), 1);
    died(&b.get_cell()).await;
    let report = stop.await.unwrap().unwrap();
    assert_eq!(notes.fresh(), ["-a"]);
    assert_eq!((report.stopped, report.killed, report.took), (2, 2, GRACE));
    assert_eq!(probe.alive(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_kills_what_is_left_and_the_earlier_of_two_counts() {
    let probe = Probe::default();
    let endless = || probe.slow_to_stop(Duration::from_secs(3_600));
    let tree = TreeSpec::one_for_one()
        .child("a", endless().shutdown(Shutdown::Infinity))
        .child("b", endless().shutdown(Shutdown::Infinity))
        .child("c", noted(&probe));
    let tree = start(tree).await;
    let first = asked(tree.stop()).await;
    let second = asked(tree.stop_within(3 * GRACE)).await;
    let third = tree.stop_within(GRACE).await.unwrap();
    assert_eq!((third.stopped, third.killed, third.took), (1, 2, GRACE));
    assert_eq!(first.await.unwrap().unwrap(), third, "one report for all");
    assert_eq!(second.await.unwrap().unwrap(), third);
    assert_eq!(probe.alive(), 0);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_restarted_while_the_tree_stops() {
    let probe = Probe::default();
    let gate = Gate::closed();
    let holds = probe.script().post_stop(gate.holds()).spec();
    let tree = TreeSpec::one_for_all()
        .child("a", noted(&probe))
        .child("b", noted(&probe))
        .child("c", holds.shutdown(Shutdown::Infinity));
    let tree = start(tree).await;
    let (a, b) = (child(&tree, "a"), child(&tree, "b"));
    let stop = asked(tree.stop()).await;
    end(&a, Order::Crash).await;
    b.stop(None);
    died(&b.get_cell()).await;
    tokio::time::sleep(GRACE).await;
    assert_eq!(probe.starts(), 3);
    let late = tree.start_child("d", noted(&probe)).await;
    assert!(matches!(late, Err(StartChildError::SupervisorDown)));
    assert!(tree.restart_child("a").await.is_err());
    assert_eq!(tree.terminate_child("a").await, Ok(Exit::NotRunning));
    assert_eq!(those(&tree, ChildState::Stopping).await, ["c"]);
    gate.open();
    let report = stop.await.unwrap().unwrap();
    assert_eq!((report.stopped, report.failed), (2, 1));
    assert_eq!(probe.starts(), 3);
}

/// A session's tree, a tree in a tree, a session supervisor in it: from the top down each stops the
/// last first.
#[tokio::test(start_paused = true)]
async fn several_levels_stop_in_order_and_the_report_is_of_all() {
    let probe = Probe::default();
    let inner = TreeSpec::one_for_one()
        .child("x", noted(&probe))
        .child(
            "sessions",
            SessionSupervisor::child_spec(Options::new().name("trees-order-levels")),
        )
        .child("z", noted(&probe));
    let tree = TreeSpec::one_for_one()
        .child("a", noted(&probe))
        .child("inner", Supervisor::child_spec(inner))
        .child("c", noted(&probe));
    let tree = start(tree).await;
    assert_eq!(probe.notes(), ["+a", "+x", "+z", "+c"]);
    let sessions = SessionSupervisor::where_is("trees-order-levels").unwrap();
    let chat = super::scenery::session(&probe, TreeSpec::rest_for_one);
    sessions.start_session("s", chat).await.unwrap();
    // What is nested deeper is not registered, but for what names itself.
    let mut names = names_of(tree.name());
    names.sort();
    let under = |role| format!("{}/{role}", tree.name());
    let expected = [
        tree.name().to_owned(),
        under("a"),
        under("c"),
        under("inner"),
    ];
    assert_eq!(names, expected);
    let mut notes = Notes::of(&probe);
    let report = tree.stop().await.unwrap();
    assert_eq!(
        notes.fresh(),
        ["-c", "-z", "-s/c", "-s/b", "-s/a", "-x", "-a"]
    );
    // a, inner, c; x, sessions, z; s and its three.
    assert_eq!((report.stopped, report.killed), (10, 0));
    assert_eq!(names_of(tree.name()), [""; 0]);
    assert_eq!(names_of("trees-order-levels"), [""; 0]);
    supervisor(Options::new().name("trees-order-levels"))
        .await
        .stop()
        .await
        .unwrap();
}
