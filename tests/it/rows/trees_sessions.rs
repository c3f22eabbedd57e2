//! A session that is a tree of a manager, a state recorder and an agent that comes later.

use session_supervisor::error::{FindChildError, StartChildError, StartError, TerminateChildError};
use session_supervisor::{
    ChildKind, ChildSpec, Exit, Options, Restart, SessionSupervisor, Supervisor, TreeSpec, names,
};

use super::ways::{WINDOW, ms};
use crate::support::{Order, Probe, Worker, back_tree, died, end, names_of, supervisor};
use crate::trees::scenery::{child_of, label, noted, noting};

/// Rows of this theme without a test, and why.
pub(super) const NOT_HERE: &[(u16, &str)] = &[];

/// A manager and a state recorder; the agent comes later.
fn chat(probe: &Probe) -> ChildSpec<Supervisor> {
    let probe = probe.clone();
    ChildSpec::tree(move |_| {
        TreeSpec::one_for_one()
            .child("manager", noted(&probe))
            .child("state", noted(&probe))
    })
}

fn agent(probe: &Probe) -> ChildSpec<Worker> {
    noted(probe).restart(Restart::Temporary)
}

#[tokio::test]
async fn row_176_the_tree_is_found_under_the_sessions_id_and_refuses_a_second() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let tree = sessions.start_session("alice", chat(&probe)).await.unwrap();
    let name = names::session(sessions.name(), "alice");
    assert_eq!(tree.name(), name);
    let cell = ractor::registry::where_is(name).unwrap();
    assert_eq!(cell.get_id(), tree.get_cell().get_id());
    assert_eq!(
        sessions.find_session("alice").unwrap().get_id(),
        cell.get_id()
    );
    match sessions.start_session("alice", chat(&probe)).await {
        Err(StartError::AlreadyStarted { id, cell: there }) => {
            assert_eq!((&*id, there.get_id()), ("alice", cell.get_id()));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(probe.starts(), 2, "the second has started nothing");
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn row_177_a_temporary_tree_is_a_supervisor_and_is_not_restarted() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let spec = chat(&probe).restart(Restart::Temporary);
    let tree = sessions.start_session("alice", spec.clone()).await.unwrap();
    let counts = sessions.count_sessions().await.unwrap();
    assert_eq!((counts.supervisors, counts.workers), (1, 0));
    tree.get_cell().kill();
    died(&tree.get_cell()).await;
    tokio::time::sleep(ms(10)).await;
    assert_eq!(sessions.count_sessions().await.unwrap().specs, 0);
    assert_eq!((probe.starts(), probe.alive()), (2, 0));
    assert_eq!(names_of(sessions.name()), [sessions.name()]);
    // The kind can be overridden, as any child's.
    let spec = spec.kind(ChildKind::Worker);
    sessions.start_session("alice", spec).await.unwrap();
    assert_eq!(sessions.count_sessions().await.unwrap().workers, 1);
    sessions.stop().await.unwrap();
}

#[tokio::test]
async fn row_178_the_children_run_under_their_own_names_and_know_their_session() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let alice = sessions.start_session("alice", chat(&probe)).await.unwrap();
    sessions.start_session("bob", chat(&probe)).await.unwrap();
    let counts = alice.count_children().await.unwrap();
    assert_eq!((counts.specs, counts.active, counts.workers), (2, 2, 2));
    assert_eq!(
        probe.notes(),
        [
            "+alice/manager",
            "+alice/state",
            "+bob/manager",
            "+bob/state"
        ]
    );
    let mut ids = Vec::new();
    for id in ["alice", "bob"] {
        for role in ["manager", "state"] {
            let name = names::session_child(sessions.name(), role, id);
            assert_eq!(name, format!("{}/{role}/{id}", sessions.name()));
            let cell = ractor::registry::where_is(name).unwrap();
            assert_eq!(cell.get_id(), child_of(&sessions, id, role).get_id());
            ids.push(cell.get_id());
        }
        assert!(sessions.find_child(id, "agent").is_none());
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 4);
    // The tree itself finds them by their roles alone.
    assert_eq!(alice.find_child("manager").unwrap().get_id(), ids[0]);
    sessions.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_179_children_are_found_while_the_session_runs() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    for _ in 0..200 {
        let tree = sessions.start_session("alice", chat(&probe)).await.unwrap();
        tree.start_child("agent", agent(&probe)).await.unwrap();
        for role in ["manager", "state", "agent"] {
            let child = child_of(&sessions, "alice", role);
            assert_eq!(ractor::call!(child, Order::Echo, 1).unwrap(), 1);
            let wrong = sessions.find_child_as::<u64>("alice", role);
            assert_eq!(wrong.unwrap_err(), FindChildError::WrongMessageType);
        }
        for (id, role) in [
            ("alice", "nobody"),
            ("bob", "state"),
            ("alice", "session"),
            ("", ""),
        ] {
            let unknown = sessions.find_child_as::<Order>(id, role);
            assert_eq!(unknown.unwrap_err(), FindChildError::NotFound);
        }
        assert_eq!(sessions.stop_session("alice").await, Ok(Exit::Shutdown));
        for role in ["manager", "state", "agent"] {
            let gone = sessions.find_child_as::<Order>("alice", role);
            assert_eq!(gone.unwrap_err(), FindChildError::NotFound);
        }
        assert_eq!(names_of(sessions.name()), [sessions.name()]);
        assert_eq!(probe.alive(), 0);
    }
    sessions.stop().await.unwrap();
}

async fn children(sessions: &SessionSupervisor) -> Vec<ractor::ActorId> {
    let roles = ["manager", "state", "agent"];
    roles
        .map(|role| child_of(sessions, "alice", role).get_id())
        .to_vec()
}

#[tokio::test(start_paused = true)]
async fn row_180_only_the_child_that_crashes_is_replaced() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let inner = probe.clone();
    let spec = ChildSpec::tree(move |_| {
        TreeSpec::one_for_one()
            .without_restart_limit()
            .child("manager", noted(&inner))
            .child("state", noted(&inner))
    });
    let tree = sessions.start_session("alice", spec).await.unwrap();
    tree.start_child("agent", noted(&probe)).await.unwrap();
    for (place, role) in ["manager", "state", "agent"].into_iter().enumerate() {
        for kill in [false, true] {
            let before = children(&sessions).await;
            let child = child_of(&sessions, "alice", role);
            if kill {
                child.kill();
                died(&child.get_cell()).await;
            } else {
                end(&child, Order::Crash).await;
            }
            // The default pause before the second restart is 10 ms (D7).
            tokio::time::sleep(ms(20)).await;
            let after = children(&sessions).await;
            for at in 0..3 {
                assert_eq!(before[at] == after[at], at != place, "{role} {kill}");
            }
            let root = sessions.find_session("alice").unwrap();
            assert_eq!(root.get_id(), tree.get_cell().get_id());
        }
    }
    assert_eq!(
        sessions
            .session_info("alice")
            .await
            .unwrap()
            .unwrap()
            .restarts,
        0
    );
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn row_181_lookups_give_the_new_child_and_nothing_else_has_changed() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    sessions.start_session("alice", chat(&probe)).await.unwrap();
    let state = child_of(&sessions, "alice", "state");
    let listed = |list: Vec<session_supervisor::SessionInfo>| {
        let told = list.into_iter();
        told.map(|info| {
            (
                info.id.to_string(),
                info.incarnation,
                info.cell.map(|c| c.get_id()),
            )
        })
        .collect::<Vec<_>>()
    };
    let before = listed(sessions.list_sessions().await.unwrap());
    let old = child_of(&sessions, "alice", "manager");
    end(&old, Order::Crash).await;
    tokio::time::sleep(ms(1)).await;
    let new = child_of(&sessions, "alice", "manager");
    assert_ne!(new.get_id(), old.get_id());
    assert_eq!(
        probe.notes()[2..],
        ["+alice/manager"],
        "it was told its session"
    );
    assert_eq!(listed(sessions.list_sessions().await.unwrap()), before);
    // The state recorder is the same incarnation, with the state that it had.
    assert_eq!(
        child_of(&sessions, "alice", "state").get_id(),
        state.get_id()
    );
    assert_eq!((probe.alive(), probe.stops()), (2, 0));
    sessions.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_182_an_agent_is_started_on_demand_and_stays_away_when_stopped() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    assert!(
        sessions.find_session("alice").is_none(),
        "no session, no agent"
    );
    let tree = sessions.start_session("alice", chat(&probe)).await.unwrap();
    for _ in 0..200 {
        assert_eq!(
            tree.terminate_child("agent").await,
            Err(TerminateChildError::NotFound)
        );
        let (one, two) = tokio::join!(
            tokio::spawn(tree.start_child("agent", agent(&probe))),
            tokio::spawn(tree.start_child("agent", agent(&probe))),
        );
        let (started, refused) = match (one.unwrap(), two.unwrap()) {
            (Ok(started), Err(refused)) | (Err(refused), Ok(started)) => (started, refused),
            other => panic!("exactly one starts: {other:?}"),
        };
        match refused {
            StartChildError::AlreadyStarted { cell, .. } => {
                assert_eq!(cell.get_id(), started.get_id());
            }
            other => panic!("{other:?}"),
        }
        assert!(sessions.find_child("alice", "agent").is_some());
        assert_eq!(tree.terminate_child("agent").await, Ok(Exit::Shutdown));
        assert!(sessions.find_child("alice", "agent").is_none());
        assert_eq!(tree.count_children().await.unwrap().specs, 2);
    }
    sessions.stop().await.unwrap();
    let late = tree.start_child("agent", agent(&probe)).await;
    assert!(
        matches!(late, Err(StartChildError::SupervisorDown)),
        "{late:?}"
    );
    assert_eq!(probe.alive(), 0);
}

#[tokio::test(start_paused = true)]
async fn row_183_a_child_that_keeps_crashing_ends_its_session_alone() {
    let options = Options::new().total_restart_limit(0, WINDOW);
    let sessions = supervisor(options).await;
    let probe = Probe::default();
    let spec = chat(&probe).restart(Restart::Temporary);
    sessions.start_session("alice", spec.clone()).await.unwrap();
    let bob = sessions.start_session("bob", spec).await.unwrap();
    for crash in 1..=4 {
        let manager = child_of(&sessions, "alice", "manager");
        end(&manager, Order::Crash).await;
        // The default pause before the third restart is 40 ms (D7).
        tokio::time::sleep(ms(50)).await;
        assert_eq!(sessions.is_running("alice"), crash < 4);
    }
    assert!(sessions.session_info("alice").await.unwrap().is_none());
    assert_eq!(
        probe.notes().last().unwrap(),
        "-alice/state",
        "stopped in order"
    );
    let mut names = names_of(sessions.name());
    names.sort();
    let of_bob = |role| names::session_child(sessions.name(), role, "bob");
    let mut expected = vec![
        sessions.name().to_owned(),
        names::session(sessions.name(), "bob"),
        of_bob("manager"),
        of_bob("state"),
    ];
    expected.sort();
    assert_eq!(names, expected);
    assert_eq!(bob.count_children().await.unwrap().active, 2);
    sessions.stop().await.unwrap();
}

/// The child's name in a note is the session's and its role.
#[tokio::test(start_paused = true)]
async fn row_181_a_restarted_tree_is_told_its_session_again() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let inner = probe.clone();
    let spec = ChildSpec::tree(move |tree| {
        inner.note(format!("tree {} {}", label(&tree), tree.incarnation));
        TreeSpec::one_for_all().child("a", noting(&inner).spec())
    });
    let tree = sessions.start_session("alice", spec).await.unwrap();
    tree.get_cell().kill();
    died(&tree.get_cell()).await;
    let again = back_tree(&sessions, "alice").await;
    assert_ne!(again.get_cell().get_id(), tree.get_cell().get_id());
    assert_eq!(
        probe.notes(),
        ["tree alice 1", "+alice/a", "tree alice 2", "+alice/a"]
    );
    sessions.stop().await.unwrap();
}
