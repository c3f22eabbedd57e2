//! This crate's side.

use std::sync::Arc;

use peers::ractor_session::{Msg, Session};
use peers::{Census, Peer, SpawnArguments, rows};
use ractor::ActorRef;
use session_supervisor::{ChildSpec, Options, SessionSupervisor};

struct Ours {
    supervisor: SessionSupervisor,
    usual: ChildSpec<Session>,
}

fn spec(arguments: SpawnArguments) -> ChildSpec<Session> {
    ChildSpec::new(move |_| (Session, arguments.clone()))
}

impl Peer for Ours {
    type Session = ActorRef<Msg>;

    async fn supervisor(census: Arc<Census>) -> Self {
        let options = Options::new().unique_name();
        let supervisor = SessionSupervisor::start(options).await;
        Self {
            supervisor: supervisor.expect("a free name"),
            usual: spec(SpawnArguments {
                census,
                pause: None,
            }),
        }
    }

    async fn start(&self, id: String, arguments: SpawnArguments) -> Self::Session {
        let spec = match arguments.pause {
            None => self.usual.clone(),
            Some(_) => spec(arguments),
        };
        let start = self.supervisor.start_session(&id, spec);
        start.await.expect("a start")
    }

    async fn crash(session: &Self::Session) {
        session.cast(Msg::Crash).expect("a session that runs");
    }

    async fn stop(&self) {
        self.supervisor.stop().await.expect("a running supervisor");
    }
}

fn main() {
    rows::main::<Ours>();
}
