//! No end of another actor ends a supervisor of ours: not a child's, not a stranger's that linked
//! itself to it. ractor's default supervision handler would do that (docs/ractor.md).

use std::time::Duration;

use ractor::{Actor, ActorCell, ActorProcessingErr, ActorRef};
use session_supervisor::error::{RestartChildError, StartChildError, StartSupervisorError};
use session_supervisor::{
    Backoff, ChildState, Exit, Options, Restart, SessionSupervisor, Supervisor, TreeSpec,
};

use super::scenery::{noted, session, start, those, three};
use crate::support::{Order, Probe, died, supervisor};

/// An actor with ractor's own handlers.
struct Stranger;

#[ractor::actor(message = (), state = (), arguments = ())]
impl Stranger {
    async fn handle(
        &self,
        _myself: ActorRef<()>,
        _message: (),
        _state: &mut (),
    ) -> Result<(), ActorProcessingErr> {
        Err("a stranger fails".into())
    }
}

#[derive(Clone, Copy, Debug)]
enum Way {
    Stop,
    Drain,
    Crash,
    Kill,
}

const WAYS: [Way; 4] = [Way::Stop, Way::Drain, Way::Crash, Way::Kill];

/// Links a stranger to the actor, and ends it.
async fn stranger_ends(root: &ActorCell, way: Way) {
    let (stranger, _) = Stranger::spawn(None, Stranger, ()).await.unwrap();
    stranger.link(root.clone());
    match way {
        Way::Stop => stranger.stop(None),
        Way::Drain => stranger.drain().unwrap(),
        Way::Crash => stranger.cast(()).unwrap(),
        Way::Kill => stranger.kill(),
    }
    died(&stranger.get_cell()).await;
}

async fn until_idle() {
    tokio::time::sleep(std::time::Duration::from_millis(1)).await;
}

#[tokio::test(start_paused = true)]
async fn the_ends_of_strangers_end_no_supervisor_of_any_kind() {
    let probe = Probe::default();
    let inner = three(TreeSpec::one_for_all(), &probe);
    let sessions = SessionSupervisor::child_spec(Options::new().name("trees-strangers"));
    let app = TreeSpec::one_for_all()
        .child("inner", Supervisor::child_spec(inner))
        .child("sessions", sessions)
        .child("worker", noted(&probe));
    let app = start(app).await;
    let sessions = SessionSupervisor::where_is("trees-strangers").unwrap();
    let spec = session(&probe, TreeSpec::one_for_all);
    let tree = sessions.start_session("s", spec).await.unwrap();
    let roots = [
        app.get_cell(),
        app.find_child("inner").unwrap(),
        sessions.get_cell(),
        tree.get_cell(),
    ];
    let before = probe.notes();
    for root in &roots {
        for way in WAYS {
            stranger_ends(root, way).await;
        }
    }
    until_idle().await;
    assert_eq!(probe.notes(), before, "nothing was stopped or started");
    let running = those(&app, ChildState::Running).await;
    assert_eq!(running, ["inner", "sessions", "worker"]);
    assert_eq!(those(&tree, ChildState::Running).await, ["a", "b", "c"]);
    assert_eq!(tree.count_children().await.unwrap().specs, 3);
    assert_eq!(app.stop().await.unwrap().failed, 0);
}

#[tokio::test(start_paused = true)]
async fn the_ends_of_children_end_no_supervisor() {
    let probe = Probe::default();
    let sessions = supervisor(Options::new()).await;
    for way in WAYS {
        for kind in [Restart::Permanent, Restart::Transient, Restart::Temporary] {
            let inner = probe.clone();
            let spec = session_supervisor::ChildSpec::tree(move |_| {
                TreeSpec::one_for_one()
                    .child("a", noted(&inner).restart(kind))
                    .child("b", noted(&inner).restart(kind))
            });
            let tree = sessions.start_session("s", spec).await.unwrap();
            for role in ["a", "b"] {
                let child: ActorRef<Order> = tree.find_child_as(role).unwrap();
                match way {
                    Way::Stop => child.stop(None),
                    Way::Drain => child.drain().unwrap(),
                    Way::Crash => child.cast(Order::Crash).unwrap(),
                    Way::Kill => child.kill(),
                }
                died(&child.get_cell()).await;
            }
            until_idle().await;
            let orderly = matches!(way, Way::Stop | Way::Drain);
            let active = match kind {
                Restart::Permanent => 2,
                Restart::Transient if !orderly => 2,
                _ => 0,
            };
            let counts = tree.count_children().await.unwrap();
            assert_eq!(counts.active, active, "{way:?} {kind:?}");
            let root = sessions.find_session("s").unwrap();
            assert_eq!(root.get_id(), tree.get_cell().get_id(), "{way:?} {kind:?}");
            sessions.stop_session("s").await.unwrap();
        }
    }
    assert_eq!(probe.alive(), 0);
    sessions.stop().await.unwrap();
}

/// An actor that bears a child's name, or sends an event about one, is not taken for it.
#[tokio::test(start_paused = true)]
async fn a_stranger_on_a_children_name_is_not_adopted() {
    let probe = Probe::default();
    let sessions = supervisor(Options::new()).await;
    let spec = session(&probe, TreeSpec::one_for_one).without_restart_limit();
    let tree = sessions.start_session("s", spec).await.unwrap();
    tree.terminate_child("b").await.unwrap();
    let name = session_supervisor::names::session_child(sessions.name(), "b", "s");
    let (squatter, _) = Stranger::spawn(Some(name), Stranger, ()).await.unwrap();
    squatter.link(tree.get_cell());
    let restart = tree.restart_child("b").await;
    match restart {
        Err(RestartChildError::Start(StartChildError::NameTaken { role, cell })) => {
            assert_eq!(&*role, "b");
            assert_eq!(cell.unwrap().get_id(), squatter.get_id());
        }
        other => panic!("{other:?}"),
    }
    squatter.stop(None);
    died(&squatter.get_cell()).await;
    until_idle().await;
    assert_eq!(those(&tree, ChildState::NotRunning).await, ["b"]);
    tree.restart_child("b").await.unwrap();
    assert_eq!(those(&tree, ChildState::Running).await, ["a", "b", "c"]);
    sessions.stop().await.unwrap();
}

/// ractor kills the children with their supervisor. That is no crash of theirs: without a restart
/// left it would be a reason to give up, which is no reason for a transient tree to come back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tree_that_is_killed_does_not_take_the_deaths_of_its_children_for_crashes() {
    let probe = Probe::default();
    let spec = probe.spec();
    let tree = (0..10).fold(TreeSpec::one_for_one(), |tree, n| {
        tree.child(format!("m{n}"), spec.clone())
    });
    let tree = tree.restart_limit(0, Duration::from_secs(5));
    let tree = Supervisor::child_spec(tree)
        .restart(Restart::Transient)
        .backoff(Backoff::none());
    let top = TreeSpec::one_for_one().without_restart_limit();
    let top = start(top.child("tree", tree)).await;
    for incarnation in 1..=400 {
        let child = loop {
            let child = top.which_children().await.unwrap().remove(0);
            match child.state {
                ChildState::Running if child.incarnation == incarnation => break child,
                ChildState::NotRunning => panic!("it stays down: {child:?}"),
                _ => tokio::task::yield_now().await,
            }
        };
        if incarnation > 1 {
            assert_eq!(child.last_exit, Some(Exit::Killed));
        }
        let cell = child.cell.expect("it runs");
        cell.kill();
        died(&cell).await;
    }
    top.stop().await.unwrap();
}

/// The name that is taken may be a child's own, not the one that follows from its role.
#[tokio::test(start_paused = true)]
async fn a_child_whose_own_name_is_taken_tells_who_has_it() {
    let sessions = supervisor(Options::new()).await;
    let name = sessions.name().to_owned();
    let tree = TreeSpec::one_for_one().unique_name();
    let spec = SessionSupervisor::child_spec(Options::new().name(name));
    let Err(StartSupervisorError::ChildFailed { error, .. }) =
        Supervisor::start(tree.child("sessions", spec)).await
    else {
        panic!("the name is taken");
    };
    let StartChildError::NameTaken { role, cell } = error else {
        panic!("{error:?}");
    };
    assert_eq!(&*role, "sessions");
    assert_eq!(
        cell.map(|cell| cell.get_id()),
        Some(sessions.get_cell().get_id())
    );
    sessions.stop().await.unwrap();
}
