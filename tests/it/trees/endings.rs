//! Every end of a tree and of what is above it, in every situation of the tree: nothing is left,
//! and callers that waited are answered.

use std::time::Duration;

use ractor::ActorCell;
use session_supervisor::{ChildSpec, Options, Restart, SessionSupervisor, Supervisor, TreeSpec};
use tokio::task::JoinHandle;

use super::scenery::{Census, child_of, nothing_left};
use crate::support::{Order, Probe, Remains, answered, asked, parent};

/// What the tree is doing when the end comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scene {
    Idle,
    /// Its second child hangs in `pre_start`.
    Begins,
    /// It restarts all, and its second child hangs in `pre_start`.
    Restarts,
    /// A caller has stopped the session, and its second child hangs in `post_stop`.
    Stops,
    /// A child hangs in its handler.
    Busy,
}

/// What comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Stop,
    StopWithin,
    ForeignStop,
    ForeignDrain,
    ForeignKill,
    ParentKilled,
    StopSession,
    RestartSession,
    TreeStops,
    TreeDrains,
    TreeIsKilled,
    TreeIsStopped,
    ChildIsKilled,
}

pub(super) const SCENES: [Scene; 5] = [
    Scene::Idle,
    Scene::Begins,
    Scene::Restarts,
    Scene::Stops,
    Scene::Busy,
];

const ENDS: [End; 13] = [
    End::Stop,
    End::StopWithin,
    End::ForeignStop,
    End::ForeignDrain,
    End::ForeignKill,
    End::ParentKilled,
    End::StopSession,
    End::RestartSession,
    End::TreeStops,
    End::TreeDrains,
    End::TreeIsKilled,
    End::TreeIsStopped,
    End::ChildIsKilled,
];

/// Notes that it hangs, and does.
async fn hang(probe: Probe) -> Result<(), ractor::ActorProcessingErr> {
    probe.note("hangs");
    std::future::pending().await
}

fn spec(scene: Scene, probe: &Probe, census: &Census) -> ChildSpec<Supervisor> {
    let (probe, census) = (probe.clone(), census.clone());
    // A tree that is restarted from outside begins without hanging.
    ChildSpec::tree(move |start| {
        let first = start.incarnation == 1;
        let hanging = (probe.clone(), probe.clone(), census.clone());
        let second = probe
            .script()
            .pre_start(move |start, myself| {
                hanging.2.enter(myself.get_cell());
                let hangs = match scene {
                    Scene::Begins => first,
                    Scene::Restarts => first && start.incarnation > 1,
                    _ => false,
                };
                let probe = hanging.0.clone();
                async move { if hangs { hang(probe).await } else { Ok(()) } }
            })
            .post_stop(move |_, _| {
                let probe = hanging.1.clone();
                async move {
                    match scene {
                        Scene::Stops if first => hang(probe).await,
                        _ => Ok(()),
                    }
                }
            });
        TreeSpec::one_for_all()
            .child("a", census.noting(&probe).spec())
            .child("b", second.spec())
            .child("c", census.noting(&probe).spec())
    })
    .restart(Restart::Permanent)
    .without_restart_limit()
}

/// A call that must be answered, whatever the answer.
type Call = JoinHandle<()>;

async fn call<F>(future: F) -> Call
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    asked(async move { drop(future.await) }).await
}

pub(super) struct Stage {
    parent: ActorCell,
    pub(super) sessions: SessionSupervisor,
    pub(super) probe: Probe,
    pub(super) census: Census,
    remains: Remains,
    calls: Vec<Call>,
}

impl Stage {
    pub(super) async fn new(scene: Scene) -> Self {
        let probe = Probe::default();
        let (census, remains) = Census::new();
        let parent = parent(&Probe::default()).await;
        let options = Options::new().unique_name();
        let sessions = SessionSupervisor::start_link(parent.clone(), options).await;
        let sessions = sessions.unwrap();
        census.enter(sessions.get_cell());
        let spec = spec(scene, &probe, &census);
        let mut calls = Vec::new();
        calls.push(call(sessions.start_session("s", spec.clone())).await);
        if scene != Scene::Begins {
            sessions.ensure_session("s", spec.clone()).await.unwrap();
            let tree: Supervisor = sessions
                .ensure_session("s", spec.clone())
                .await
                .unwrap()
                .into_inner();
            let a = child_of(&sessions, "s", "a");
            match scene {
                Scene::Restarts => a.cast(Order::Crash).unwrap(),
                Scene::Stops => calls.push(call(sessions.stop_session("s")).await),
                Scene::Busy => {
                    let probe = probe.clone();
                    a.cast(Order::run(move |_| hang(probe))).unwrap();
                }
                _ => {}
            }
            if !matches!(scene, Scene::Idle) {
                probe.until(|tally| hangs(&tally.notes)).await;
            }
            for role in ["a", "x"] {
                let spec = census.noting(&probe).spec();
                calls.push(call(tree.start_child(role, spec)).await);
                calls.push(call(tree.restart_child(role)).await);
                calls.push(call(tree.delete_child(role)).await);
            }
            calls.push(call(tree.which_children()).await);
            calls.push(call(tree.count_children()).await);
        } else {
            probe.until(|tally| hangs(&tally.notes)).await;
        }
        // The tree's actor, wherever it is.
        let name = session_supervisor::names::session(sessions.name(), "s");
        if let Some(root) = ractor::registry::where_is(name) {
            census.enter(root);
        }
        for _ in 0..2 {
            calls.push(call(sessions.start_session("s", spec.clone())).await);
        }
        Self {
            parent,
            sessions,
            probe,
            census,
            remains,
            calls,
        }
    }

    fn root(&self) -> Option<ActorCell> {
        let name = session_supervisor::names::session(self.sessions.name(), "s");
        ractor::registry::where_is(name)
    }

    async fn end(&mut self, end: End) {
        let sessions = &self.sessions;
        let root = sessions.get_cell();
        match end {
            End::Stop => self.calls.push(call(sessions.stop()).await),
            End::StopWithin => {
                let deadline = Duration::from_millis(50);
                self.calls.push(call(sessions.stop_within(deadline)).await);
            }
            End::ForeignStop => root.stop(None),
            End::ForeignDrain => root.drain().unwrap(),
            End::ForeignKill => root.kill(),
            End::ParentKilled => self.parent.kill(),
            End::StopSession => self.calls.push(call(sessions.stop_session("s")).await),
            End::RestartSession => self.calls.push(call(sessions.restart_session("s")).await),
            End::TreeStops | End::TreeDrains | End::TreeIsKilled => {
                // While it stops its name is free already.
                let Some(root) = self.root() else { return };
                match end {
                    End::TreeStops => root.stop(None),
                    End::TreeDrains => root.drain().unwrap(),
                    _ => root.kill(),
                }
            }
            End::TreeIsStopped => {
                let tree = self.root().and_then(|root| Supervisor::try_from(root).ok());
                if let Some(tree) = tree {
                    self.calls.push(call(tree.stop()).await);
                }
            }
            End::ChildIsKilled => {
                let name = session_supervisor::names::session_child(sessions.name(), "b", "s");
                if let Some(child) = ractor::registry::where_is(name) {
                    child.kill();
                }
            }
        }
    }
}

fn hangs(notes: &[String]) -> bool {
    notes.iter().any(|note| note == "hangs")
}

async fn play(scene: Scene, end: End) {
    let mut stage = Stage::new(scene).await;
    stage.end(end).await;
    let over = matches!(
        end,
        End::Stop
            | End::StopWithin
            | End::ForeignStop
            | End::ForeignDrain
            | End::ForeignKill
            | End::ParentKilled
    );
    if !over {
        // Whatever became of the tree, an hour later all is quiet, and the supervisor can be
        // stopped.
        tokio::time::sleep(Duration::from_secs(3_600)).await;
        answered("the stop", stage.sessions.stop()).await.unwrap();
    }
    for (number, call) in std::mem::take(&mut stage.calls).into_iter().enumerate() {
        let what = format!("call {number} in {scene:?} at {end:?}");
        answered(&what, call).await.unwrap();
    }
    let name = stage.sessions.name();
    nothing_left(name, &stage.probe, stage.census, stage.remains).await;
    stage.parent.kill();
}

#[tokio::test(start_paused = true)]
async fn whatever_a_session_tree_does_and_however_it_ends_nothing_is_left() {
    for scene in SCENES {
        for end in ENDS {
            play(scene, end).await;
        }
    }
}

/// The five counts add up to the tree and the children that it had, whatever they were doing; one
/// was added where that is possible.
#[tokio::test(start_paused = true)]
async fn the_report_adds_up_in_every_situation() {
    for (scene, counts) in [
        (Scene::Idle, [5, 0, 0, 0]),
        // The tree was not up, and no caller was told of its children.
        (Scene::Begins, [0, 0, 0, 1]),
        (Scene::Restarts, [2, 0, 0, 2]),
        (Scene::Stops, [3, 0, 1, 0]),
        (Scene::Busy, [4, 0, 1, 0]),
    ] {
        let stage = Stage::new(scene).await;
        let report = answered("the stop", stage.sessions.stop()).await.unwrap();
        let told = [
            report.stopped,
            report.failed,
            report.killed,
            report.not_running,
        ];
        assert_eq!(told, counts, "{scene:?}: {report:?}");
        assert_eq!(report.stuck, 0);
        stage.parent.kill();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_several_threads_a_deadline_or_a_kill_leaves_nothing_either() {
    for _ in 0..10 {
        for scene in SCENES {
            for end in [End::StopWithin, End::ForeignKill, End::ParentKilled] {
                play(scene, end).await;
            }
        }
    }
}
