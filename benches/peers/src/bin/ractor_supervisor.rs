//! ractor-supervisor's side: its `DynamicSupervisor`.
//!
//! Its one limit is for all sessions together and would end them all, so it is set above any storm.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use peers::ractor_session::{Msg, Session};
use peers::{Census, Peer, SpawnArguments, rows};
use ractor::{Actor, ActorRef};
use ractor_supervisor::core::{ChildSpec, Restart, SpawnFn};
use ractor_supervisor::dynamic::{
    DynamicSupervisor, DynamicSupervisorMsg, DynamicSupervisorOptions,
};

struct RactorSupervisor {
    supervisor: ActorRef<DynamicSupervisorMsg>,
    usual: SpawnFn,
}

fn spawn_fn(arguments: SpawnArguments) -> SpawnFn {
    SpawnFn::new(move |supervisor, id| {
        let arguments = arguments.clone();
        async move {
            let spawned = Actor::spawn_linked(Some(id), Session, arguments, supervisor).await;
            spawned.map(|(session, _)| session.get_cell())
        }
    })
}

impl Peer for RactorSupervisor {
    /// A start is answered without a reference, so the session is looked up by its name.
    type Session = String;

    async fn supervisor(census: Arc<Census>) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("supervisor-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let options = DynamicSupervisorOptions {
            max_children: None,
            max_restarts: usize::MAX,
            max_window: Duration::from_secs(5),
            reset_after: None,
        };
        let started = DynamicSupervisor::spawn(name, options).await;
        Self {
            supervisor: started.expect("a free name").0,
            usual: spawn_fn(SpawnArguments {
                census,
                pause: None,
            }),
        }
    }

    async fn start(&self, id: String, arguments: SpawnArguments) -> Self::Session {
        let spec = ChildSpec {
            id: id.clone(),
            restart: Restart::Transient,
            spawn_fn: match arguments.pause {
                None => self.usual.clone(),
                Some(_) => spawn_fn(arguments),
            },
            backoff_fn: None,
            reset_after: None,
        };
        let started = DynamicSupervisor::spawn_child(self.supervisor.clone(), spec).await;
        started.expect("a start");
        id
    }

    async fn crash(session: &Self::Session) {
        let cell = ractor::registry::where_is(session.clone()).expect("a session that runs");
        cell.send_message(Msg::Crash).expect("a session that runs");
    }

    async fn stop(&self) {
        self.supervisor
            .stop_and_wait(None, None)
            .await
            .expect("it runs");
    }
}

fn main() {
    rows::main::<RactorSupervisor>();
}
