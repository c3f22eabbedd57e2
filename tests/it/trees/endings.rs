//! Every end of a tree and of what is above it, in every situation of the tree: nothing is left, and
//! whoever waited is answered.
//!
//! Absent on purpose: exact reports; see `mass` and `zombies`.

use std::time::Duration;

use ractor::ActorCell;
use session_supervisor::{ChildSpec, Options, Restart, SessionSupervisor, Supervisor, TreeSpec};
use tokio::task::JoinHandle;

use super::scenery::{Census, member_of, nothing_left};
use crate::support::{Order, Probe, answered, asked, parent};

/// What the tree is doing when the end comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scene {
    Idle,
    /// Its second member hangs in `pre_start`.
    Begins,
    /// It restarts all, and its second member hangs in `pre_start`.
    Restarts,
    /// A caller has stopped the session, and its second member hangs in `post_stop`.
    Stops,
    /// A member hangs in its handler.
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
    MemberIsKilled,
}

const SCENES: [Scene; 5] = [
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
    End::MemberIsKilled,
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

struct Stage {
    parent: ActorCell,
    sessions: SessionSupervisor,
    probe: Probe,
    census: Census,
    calls: Vec<Call>,
}

impl Stage {
    async fn new(scene: Scene) -> Self {
        let probe = Probe::default();
        let census = Census::default();
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
            let a = member_of(&sessions, "s", "a");
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
                calls.push(call(tree.start_child(role, probe.spec())).await);
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
            End::MemberIsKilled => {
                let name = session_supervisor::names::session_member(sessions.name(), "b", "s");
                if let Some(member) = ractor::registry::where_is(name) {
                    member.kill();
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
        // Whatever became of the tree, an hour later all is quiet, and the supervisor can be stopped.
        tokio::time::sleep(Duration::from_secs(3_600)).await;
        answered("the stop", stage.sessions.stop()).await.unwrap();
    }
    for (number, call) in std::mem::take(&mut stage.calls).into_iter().enumerate() {
        let what = format!("call {number} in {scene:?} at {end:?}");
        answered(&what, call).await.unwrap();
    }
    nothing_left(stage.sessions.name(), &stage.probe, &stage.census).await;
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

/// A supervisor without a parent, whose start is given up after so many polls.
#[tokio::test(start_paused = true)]
async fn a_start_that_is_dropped_in_the_middle_leaves_nothing() {
    let mut finished = 0;
    for polls in 0..200 {
        let probe = Probe::default();
        let census = Census::default();
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
            let polled = std::future::poll_fn(|context| {
                std::task::Poll::Ready(start.as_mut().poll(context))
            });
            if let std::task::Poll::Ready(tree) = polled.await {
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
        nothing_left(&name, &probe, &census).await;
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
        answered("the members", tree.which_children())
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
            let app = super::scenery::start(
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
        assert_eq!(crate::support::names_of(&name), [""; 0], "{scene:?}");
        assert_eq!(crate::support::names_of(app.name()), [""; 0], "{scene:?}");
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
