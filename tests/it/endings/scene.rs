//! A supervisor under a parent, with one session in each situation, and a call under way wherever
//! one can be.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use ractor::{Actor, ActorCell, ActorProcessingErr, ActorRef, SupervisionEvent};
use session_supervisor::error::{RestartError, StartError, StopError, SupervisorDown};
use session_supervisor::{
    Backoff, ChildSpec, Counts, Exit, Options, SessionInfo, SessionSupervisor, Shutdown,
};
use tokio::task::JoinHandle;

use crate::support::{Order, Probe, Remains, Script, Tie, Worker, answered, asked, end};

/// A plain ractor actor that supervises the supervisor.
struct Parent;

#[ractor::actor(message = (), state = (), arguments = ())]
impl Parent {
    async fn handle_supervisor_evt(
        &self,
        _myself: ActorRef<()>,
        _event: SupervisionEvent,
        _state: &mut (),
    ) -> Result<(), ActorProcessingErr> {
        Ok(())
    }
}

/// The sessions of a scene, each named after what it is doing.
pub(super) const IDS: [&str; 14] = [
    "idle",
    "unlinked",
    "brutal",
    "in its start function",
    "in pre_start",
    "in post_start",
    "in a handler",
    "unlinked in a handler",
    "in post_stop, asked",
    "in post_stop, by itself",
    "draining",
    "in a backoff",
    "parked",
    "restarting by hand",
];

/// Those that hang somewhere.
const HANGING: [&str; 9] = [
    "in its start function",
    "in pre_start",
    "in post_start",
    "in a handler",
    "unlinked in a handler",
    "in post_stop, asked",
    "in post_stop, by itself",
    "draining",
    "restarting by hand",
];

/// The calls that are under way when the end comes.
pub(super) struct Calls {
    pub(super) starts: Vec<JoinHandle<Result<ActorRef<Order>, StartError>>>,
    pub(super) restarts: Vec<JoinHandle<Result<ActorCell, RestartError>>>,
    pub(super) stops: Vec<JoinHandle<Result<Exit, StopError>>>,
    pub(super) list: JoinHandle<Result<Vec<SessionInfo>, SupervisorDown>>,
    pub(super) count: JoinHandle<Result<Counts, SupervisorDown>>,
}

pub(super) struct Scene {
    pub(super) parent: ActorCell,
    pub(super) sessions: SessionSupervisor,
    pub(super) probe: Probe,
    pub(super) calls: Calls,
    /// Every actor that began its `pre_start`.
    pub(super) cells: Arc<Mutex<Vec<ActorCell>>>,
    pub(super) remains: Remains,
    /// Of the sessions that are asked to stop.
    pub(super) grace: Duration,
}

/// Notes where a session is, and never returns.
async fn hang(probe: Probe, id: String) -> Result<(), ActorProcessingErr> {
    probe.note(id);
    std::future::pending().await
}

/// One script for all: a session hangs where its id says.
fn script(probe: &Probe, cells: &Arc<Mutex<Vec<ActorCell>>>, tie: Tie) -> Script {
    let cells = Arc::clone(cells);
    let [launching, starting, started, stopping] = std::array::from_fn(|_| probe.clone());
    let at = move |probe: &Probe, hangs: bool, id: &str| {
        let (probe, id) = (probe.clone(), id.to_owned());
        async move { if hangs { hang(probe, id).await } else { Ok(()) } }
    };
    probe
        .script()
        .launch(move |start| {
            let hangs = start.key() == "in its start function";
            let step = at(&launching, hangs, start.key());
            async move { step.await.map(|()| true) }
        })
        .pre_start(move |start, myself| {
            cells.lock().unwrap().push(myself.get_cell());
            let again = start.key() == "restarting by hand" && start.incarnation > 1;
            at(
                &starting,
                again || start.key() == "in pre_start",
                start.key(),
            )
        })
        .post_start(move |start, _| at(&started, start.key() == "in post_start", start.key()))
        .post_stop(move |start, _| {
            at(
                &stopping,
                start.key().starts_with("in post_stop"),
                start.key(),
            )
        })
        .on_drop(move |_| {
            let _ = &tie;
        })
}

fn rules(id: &str, spec: ChildSpec<Worker>, grace: Duration) -> ChildSpec<Worker> {
    match id {
        "brutal" => spec.shutdown(Shutdown::BrutalKill),
        "in a backoff" => spec.backoff(Backoff::constant(Duration::from_secs(3_600))),
        "parked" => spec.restart_limit(0, Duration::from_secs(1)),
        _ => spec.shutdown(Shutdown::Timeout(grace)),
    }
}

impl Scene {
    pub(super) async fn new(grace: Duration) -> Self {
        let (parent, _) = Parent::spawn(None, Parent, ()).await.unwrap();
        let parent = parent.get_cell();
        let options = Options::new().unique_name();
        let sessions = SessionSupervisor::start_link(parent.clone(), options)
            .await
            .unwrap();
        let probe = Probe::default();
        let cells = Arc::default();
        let (tie, remains) = Tie::new();
        let script = script(&probe, &cells, tie);
        let start = |id| sessions.start_session(id, rules(id, script.clone().spec(), grace));
        let mut starts = Vec::new();
        let mut restarts = Vec::new();
        let mut stops = Vec::new();

        for id in IDS {
            if matches!(id, "in its start function" | "in pre_start") {
                starts.push(asked(start(id)).await);
                continue;
            }
            let session = answered(id, start(id)).await.unwrap();
            match id {
                "unlinked" => unlink(&session, None).await,
                "unlinked in a handler" => unlink(&session, Some(probe.clone())).await,
                "in a handler" => hang_in_handler(&session, &probe, id),
                "in post_stop, asked" => {
                    stops.push(asked(sessions.stop_session(id)).await);
                    stops.push(asked(sessions.stop_session(id)).await);
                }
                "in post_stop, by itself" => session.stop(None),
                "draining" => {
                    hang_in_handler(&session, &probe, id);
                    noted(&probe, &[id]).await;
                    session.drain().unwrap();
                }
                "in a backoff" => end(&session, Order::Crash).await,
                "parked" => {
                    end(&session, Order::Crash).await;
                    let parked = answered(id, start(id)).await;
                    assert!(matches!(parked, Err(StartError::Parked)), "{parked:?}");
                }
                "restarting by hand" => restarts.push(asked(sessions.restart_session(id)).await),
                _ => {}
            }
        }
        noted(&probe, &HANGING).await;
        for id in [
            "in pre_start",
            "in a backoff",
            "draining",
            "in post_stop, by itself",
        ] {
            starts.push(asked(start(id)).await);
        }
        for id in ["in pre_start", "draining", "in post_stop, asked"] {
            restarts.push(asked(sessions.restart_session(id)).await);
        }
        let list = asked(sessions.list_sessions()).await;
        let count = asked(sessions.count_sessions()).await;
        Self {
            parent,
            sessions,
            probe,
            calls: Calls {
                starts,
                restarts,
                stops,
                list,
                count,
            },
            cells,
            remains,
            grace,
        }
    }
}

async fn noted(probe: &Probe, ids: &[&str]) {
    let all = |notes: &[String]| ids.iter().all(|id| notes.iter().any(|note| note == id));
    probe.until(|tally| all(&tally.notes)).await;
}

fn hang_in_handler(session: &ActorRef<Order>, probe: &Probe, id: &str) {
    let (probe, id) = (probe.clone(), id.to_owned());
    session
        .cast(Order::run(move |_| hang(probe, id)))
        .expect("the session runs");
}

/// The session unlinks itself, and then hangs if there is a probe to note it.
async fn unlink(session: &ActorRef<Order>, hangs: Option<Probe>) {
    let (tell, done) = tokio::sync::oneshot::channel();
    let order = Order::run(move |myself| async move {
        if let Some(root) = myself.try_get_supervisor() {
            myself.unlink(root);
        }
        tell.send(()).expect("the test waits for this");
        match hangs {
            Some(probe) => hang(probe, "unlinked in a handler".to_owned()).await,
            None => Ok(()),
        }
    });
    session.cast(order).expect("the session runs");
    answered("the unlink", done).await.unwrap();
    assert!(session.try_get_supervisor().is_none());
}
