//! The stop of three levels: a supervisor, a session supervisor in it, and a thousand sessions of
//! three children.

use std::collections::HashMap;

use session_supervisor::{ChildSpec, Options, SessionSupervisor, Supervisor, TreeSpec};
use tokio::task::JoinSet;

use super::scenery::{Notes, noted, session, start};
use crate::support::{Probe, answered, names_of};

const SESSIONS: usize = 1_000;

/// An application with a session supervisor between two children, and its sessions.
async fn build(probe: &Probe, name: &'static str) -> (Supervisor, SessionSupervisor) {
    let sessions = SessionSupervisor::child_spec(Options::new().name(name));
    let app = TreeSpec::rest_for_one()
        .child("before", noted(probe))
        .child("sessions", sessions)
        .child("after", noted(probe));
    let app = start(app).await;
    let sessions = SessionSupervisor::where_is(name).expect("a child of the application");
    let mut starts = JoinSet::new();
    let spec: ChildSpec<Supervisor> = session(probe, TreeSpec::one_for_all);
    for n in 0..SESSIONS {
        let start = sessions.start_session(&format!("s{n}"), spec.clone());
        starts.spawn(answered("a start", start));
    }
    while let Some(start) = starts.join_next().await {
        start.unwrap().unwrap();
    }
    (app, sessions)
}

async fn stops_in_order(name: &'static str) {
    let probe = Probe::default();
    let (app, sessions) = build(&probe, name).await;
    assert_eq!(probe.alive(), 2 + 3 * SESSIONS);
    let counts = sessions.count_sessions().await.unwrap();
    assert_eq!((counts.active, counts.supervisors), (SESSIONS, SESSIONS));
    assert_eq!(names_of(name).len(), 1 + 4 * SESSIONS);
    let mut notes = Notes::of(&probe);
    let report = answered("the stop", app.stop()).await.unwrap();
    // Two children and the session supervisor, each session, and each of its three.
    assert_eq!(report.stopped, 3 + SESSIONS + 3 * SESSIONS, "{report:?}");
    let others = (
        report.failed,
        report.killed,
        report.stuck,
        report.not_running,
    );
    assert_eq!(others, (0, 0, 0, 0));
    assert_eq!((probe.alive(), probe.stops()), (0, 2 + 3 * SESSIONS));
    assert_eq!(names_of(name), [""; 0]);
    assert_eq!(names_of(app.name()), [""; 0]);
    let told = notes.fresh();
    assert_eq!(told.first().unwrap(), "-after");
    assert_eq!(told.last().unwrap(), "-before");
    let mut orders: HashMap<&str, Vec<&str>> = HashMap::new();
    for note in &told[1..told.len() - 1] {
        let (id, role) = note[1..].split_once('/').expect("a session's child");
        orders.entry(id).or_default().push(role);
    }
    assert_eq!(orders.len(), SESSIONS);
    for (id, order) in orders {
        assert_eq!(order, ["c", "b", "a"], "{id}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_trees_stop_in_order_on_several_threads() {
    stops_in_order("trees-mass-many").await;
}

#[tokio::test(start_paused = true)]
async fn a_thousand_trees_stop_in_order_on_one_thread() {
    stops_in_order("trees-mass-one").await;
}
