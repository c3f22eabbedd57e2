//! kameo's side: `supervise`, as its documentation shows it.
//!
//! A start is answered before `on_start` has run, so the rows wait until it has.

use std::sync::Arc;
use std::time::Duration;

use kameo::actor::{Actor, ActorRef, Spawn, WeakActorRef};
use kameo::error::{ActorStopReason, Infallible};
use kameo::message::{Context, Message};
use kameo::supervision::RestartPolicy;
use peers::{Census, Peer, Presence, SpawnArguments, rows};

struct Supervisor;

impl Actor for Supervisor {
    type Args = ();
    type Error = Infallible;

    async fn on_start((): (), _: ActorRef<Self>) -> Result<Self, Infallible> {
        Ok(Self)
    }
}

struct Session(Presence);

impl Actor for Session {
    type Args = SpawnArguments;
    type Error = Infallible;

    async fn on_start(arguments: SpawnArguments, _: ActorRef<Self>) -> Result<Self, Infallible> {
        Ok(Self(arguments.begin().await))
    }

    async fn on_stop(
        &mut self,
        _: WeakActorRef<Self>,
        reason: ActorStopReason,
    ) -> Result<(), Infallible> {
        // It runs after a failure too, where ractor's does not.
        if !matches!(reason, ActorStopReason::Panicked(_)) {
            self.0.end();
        }
        Ok(())
    }
}

/// What a session is told. Its size is that of a usual message.
enum Msg {
    Crash,
    #[expect(dead_code, reason = "it gives the message the size of a usual one")]
    Say([u64; 4]),
}

impl Message<Msg> for Session {
    type Reply = Result<(), &'static str>;

    async fn handle(&mut self, message: Msg, _: &mut Context<Self, Self::Reply>) -> Self::Reply {
        match message {
            Msg::Crash => Err("told to crash"),
            Msg::Say(words) => {
                self.0.receive(words);
                Ok(())
            }
        }
    }
}

struct Kameo(ActorRef<Supervisor>);

impl Peer for Kameo {
    type Session = ActorRef<Session>;

    async fn supervisor(_: Arc<Census>) -> Self {
        let supervisor = Supervisor::spawn(());
        supervisor.wait_for_startup().await;
        Self(supervisor)
    }

    async fn start(&self, _id: String, arguments: SpawnArguments) -> Self::Session {
        Session::supervise(&self.0, arguments)
            .restart_policy(RestartPolicy::Transient)
            .restart_limit(3, Duration::from_secs(5))
            .spawn()
            .await
    }

    async fn running(session: &Self::Session) {
        session.wait_for_startup().await;
    }

    async fn crash(session: &Self::Session) {
        session.tell(Msg::Crash).await.expect("a session that runs");
    }

    async fn stop(&self) {
        self.0.stop_gracefully().await.expect("it runs");
        self.0.wait_for_shutdown().await;
    }
}

fn main() {
    rows::main::<Kameo>();
}
