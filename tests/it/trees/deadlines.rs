//! Stops in order under a deadline: each child is asked to stop before it is killed (D12).

use std::collections::BTreeSet;
use std::time::Duration;

use session_supervisor::{
    Application, ChildSpec, Options, SessionSupervisor, Shutdown, Supervisor, TreeSpec,
};
use tokio::time::Instant;

use super::scenery::{child, label, noted, start};
use crate::support::{Order, Probe, Worker, asked, end};

const fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// A child that notes that it was asked to stop, and takes so long for it. Its own rule waits.
fn slow(probe: &Probe, pause: Duration) -> ChildSpec<Worker> {
    let asked = probe.clone();
    let script = probe.script().post_stop(move |start, _| {
        asked.note(label(&start));
        async move {
            tokio::time::sleep(pause).await;
            Ok(())
        }
    });
    script.spec().shutdown(Shutdown::Infinity)
}

/// The children of these names, each so slow.
fn slow_ones(probe: &Probe, tree: TreeSpec, prefix: &str, pause: Duration) -> TreeSpec {
    let roles = ["x", "y", "z"].map(|role| format!("{prefix}{role}"));
    let slow = |tree: TreeSpec, role| tree.child(role, slow(probe, pause));
    roles.into_iter().fold(tree, slow)
}

fn all_asked(probe: &Probe) -> BTreeSet<String> {
    probe.notes().into_iter().collect()
}

/// Row 6: ten session supervisors, each with one slow session and a hundred quick ones.
#[tokio::test(start_paused = true)]
async fn sessions_of_several_supervisors_are_all_asked_before_the_deadline() {
    const SUPERVISORS: usize = 10;
    const QUICK: usize = 100;
    let probe = Probe::default();
    let name = |n: usize| format!("trees-deadlines-{n}");
    let mut app = TreeSpec::one_for_one();
    for n in 0..SUPERVISORS {
        let options = Options::new().name(name(n));
        app = app.child(format!("s{n}"), SessionSupervisor::child_spec(options));
    }
    let app = start(app).await;
    for n in 0..SUPERVISORS {
        let sessions = SessionSupervisor::where_is(&name(n)).unwrap();
        let one = slow(&probe, seconds(4));
        let id = format!("{n}/slow");
        sessions.start_session(&id, one).await.unwrap();
        for quick in 0..QUICK {
            let id = format!("{n}/{quick}");
            let quick = slow(&probe, Duration::ZERO);
            sessions.start_session(&id, quick).await.unwrap();
        }
    }
    let report = app.stop_within(seconds(10)).await.unwrap();
    let sessions = SUPERVISORS * (QUICK + 1);
    assert_eq!(all_asked(&probe).len(), sessions, "{report:?}");
    assert_eq!(probe.alive(), 0);
    // The slow ones that were asked in the last four seconds, and their supervisors.
    assert!(report.killed <= 2 * 4, "{report:?}");
    assert!(probe.stops() >= sessions - 4, "{report:?}");
    assert!(report.took <= seconds(10), "{report:?}");
}

#[tokio::test(start_paused = true)]
async fn three_levels_share_one_deadline() {
    let probe = Probe::default();
    let mut top = TreeSpec::one_for_all();
    for a in ["a", "b", "c"] {
        let mut middle = TreeSpec::rest_for_one();
        for b in ["k", "l", "m"] {
            let low = slow_ones(
                &probe,
                TreeSpec::one_for_one(),
                &format!("{a}{b}"),
                seconds(4),
            );
            middle = middle.child(b, Supervisor::child_spec(low));
        }
        top = top.child(a, Supervisor::child_spec(middle));
    }
    let top = start(top).await;
    let report = top.stop_within(seconds(9)).await.unwrap();
    assert_eq!(all_asked(&probe).len(), 27, "{report:?}");
    assert_eq!(report.took, seconds(9));
    // The first that was asked, of each level, had the time that it needed.
    assert!(report.stopped > 0, "{report:?}");
}

#[tokio::test(start_paused = true)]
async fn a_supervisor_shares_out_the_time_of_its_own_rule() {
    let probe = Probe::default();
    let inner = slow_ones(&probe, TreeSpec::one_for_one(), "", seconds(3));
    let inner = Supervisor::child_spec(inner).shutdown(Shutdown::Timeout(seconds(6)));
    let tree = start(
        TreeSpec::one_for_one()
            .child("a", noted(&probe))
            .child("inner", inner),
    )
    .await;
    let stop = asked(tree.stop()).await;
    let began = Instant::now();
    // The last at once, the others two seconds and one and a half later.
    probe.until(|tally| tally.notes.contains(&"y".into())).await;
    assert_eq!(began.elapsed(), seconds(2));
    probe.until(|tally| tally.notes.contains(&"x".into())).await;
    assert_eq!(began.elapsed(), seconds(4));
    let report = stop.await.unwrap().unwrap();
    assert_eq!(report.took, seconds(6));
    // Of the inner ones `x` had two seconds alone, and its supervisor was killed with it.
    assert_eq!(probe.notes(), ["+a", "z", "y", "x", "-a"]);
    assert_eq!(probe.stops(), 3, "{report:?}");
}

#[tokio::test(start_paused = true)]
async fn in_time_all_are_stopped_in_strict_order() {
    let probe = Probe::default();
    let tree = slow_ones(&probe, TreeSpec::one_for_one(), "", seconds(1));
    let tree = start(tree).await;
    let report = tree.stop_within(seconds(10)).await.unwrap();
    assert_eq!((report.stopped, report.took), (3, seconds(3)));
    assert_eq!(probe.notes(), ["z", "y", "x"]);
}

/// The deadline of a stop that joins reaches what stops already, all levels down.
#[tokio::test(start_paused = true)]
async fn a_deadline_that_comes_later_reaches_the_supervisors_that_stop_already() {
    let probe = Probe::default();
    let low = slow_ones(&probe, TreeSpec::one_for_one(), "low-", seconds(3_600));
    let middle = TreeSpec::one_for_one()
        .child("under", slow(&probe, seconds(3_600)))
        .child("low", Supervisor::child_spec(low));
    let top = TreeSpec::one_for_one()
        .child("a", slow(&probe, seconds(3_600)))
        .child("middle", Supervisor::child_spec(middle));
    let top = start(top).await;
    let first = asked(top.stop()).await;
    tokio::time::sleep(seconds(100)).await;
    assert_eq!(probe.notes(), ["low-z"]);
    let second = asked(top.stop_within(seconds(40))).await;
    tokio::time::sleep(seconds(1)).await;
    let third = top.stop_within(seconds(8)).await.unwrap();
    assert_eq!(third.took, seconds(109));
    assert_eq!(first.await.unwrap().unwrap(), third, "one report for all");
    assert_eq!(second.await.unwrap().unwrap(), third);
    let names = ["a", "low-x", "low-y", "low-z", "under"];
    assert_eq!(all_asked(&probe), names.map(String::from).into());
}

#[tokio::test(start_paused = true)]
async fn those_who_are_killed_by_rule_take_no_time_from_the_others() {
    let probe = Probe::default();
    let mut tree = TreeSpec::one_for_one().child("a", slow(&probe, seconds(4)));
    for n in 0..9 {
        let brutal = slow(&probe, seconds(4)).shutdown(Shutdown::BrutalKill);
        tree = tree.child(format!("brutal-{n}"), brutal);
    }
    let tree = start(tree.child("z", slow(&probe, seconds(3_600)))).await;
    let report = tree.stop_within(seconds(10)).await.unwrap();
    assert_eq!(probe.notes(), ["z", "a"]);
    assert_eq!((report.stopped, report.killed), (1, 10), "{report:?}");
}

#[tokio::test(start_paused = true)]
async fn no_time_at_all_asks_no_child() {
    let probe = Probe::default();
    let inner = slow_ones(&probe, TreeSpec::one_for_one(), "", seconds(1));
    let tree = TreeSpec::one_for_one()
        .child("a", slow(&probe, seconds(1)))
        .child("inner", Supervisor::child_spec(inner));
    let tree = start(tree).await;
    let report = tree.stop_within(Duration::ZERO).await.unwrap();
    assert_eq!(report.killed, 5, "{report:?}");
    assert_eq!(probe.notes(), [""; 0]);
}

/// One whose set is being taken down has been asked, and holds up the others no longer than its
/// share.
#[tokio::test(start_paused = true)]
async fn a_set_that_is_being_taken_down_is_stopped_in_time() {
    for tree in [TreeSpec::one_for_all(), TreeSpec::rest_for_one()] {
        let probe = Probe::default();
        let inner = slow_ones(&probe, TreeSpec::one_for_one(), "", seconds(3_600));
        let tree = tree
            .child("a", noted(&probe))
            .child("b", slow(&probe, seconds(1)))
            .child("inner", Supervisor::child_spec(inner));
        let tree = start(tree).await;
        end(&child(&tree, "a"), Order::Crash).await;
        probe.until(|tally| tally.notes.contains(&"z".into())).await;
        let report = tree.stop_within(seconds(9)).await.unwrap();
        let names = ["+a", "b", "x", "y", "z"];
        assert_eq!(
            all_asked(&probe),
            names.map(String::from).into(),
            "{report:?}"
        );
        assert_eq!(report.took, seconds(9));
    }
}

#[tokio::test(start_paused = true)]
async fn an_application_asks_all_within_its_deadline() {
    let probe = Probe::default();
    let inner = slow_ones(&probe, TreeSpec::one_for_one(), "", seconds(3_600));
    let app = Application::new(Options::new().name("trees-deadlines-app"))
        .name("trees-deadlines-root")
        .stop_timeout(seconds(20))
        .child_before("before", slow(&probe, seconds(1)))
        .child("after", slow(&probe, seconds(3_600)))
        .child("inner", Supervisor::child_spec(inner))
        .session("s", slow(&probe, seconds(3_600)));
    let app = app.start().await.unwrap();
    let ended = app.stop().await;
    let names = ["after", "before", "s", "x", "y", "z"];
    assert_eq!(
        all_asked(&probe),
        names.map(String::from).into(),
        "{ended:?}"
    );
}
