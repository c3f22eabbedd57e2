//! The actors whose lives are counted.

use std::future::Future;
use std::pin::Pin;

use ractor::{Actor, ActorCell, ActorProcessingErr, ActorRef, SupervisionEvent};
use session_supervisor::{ChildSpec, Options, SessionSupervisor};

type Step = Pin<Box<dyn Future<Output = Result<(), ActorProcessingErr>> + Send>>;

/// What an actor is told to do: this, in its handler.
pub(crate) struct Order(Box<dyn FnOnce(ActorRef<Order>) -> Step + Send>);

#[cfg(feature = "cluster")]
impl ractor::Message for Order {}

impl Order {
    pub(crate) fn run<F, Fut>(run: F) -> Self
    where
        F: FnOnce(ActorRef<Self>) -> Fut + Send + 'static,
        Fut: Future<Output = Result<(), ActorProcessingErr>> + Send + 'static,
    {
        Self(Box::new(move |myself| Box::pin(run(myself))))
    }

    pub(crate) fn crash() -> Self {
        Self::run(|_| async { Err("told to crash".into()) })
    }
}

/// An actor that does what it is told, and lives on when an actor that is linked to it ends.
pub(crate) struct Worker;

#[ractor::actor(message = Order, state = Vec<u8>, arguments = ())]
impl Worker {
    async fn pre_start(
        &self,
        _myself: ActorRef<Order>,
        (): (),
    ) -> Result<Vec<u8>, ActorProcessingErr> {
        // What is kept of a state shows.
        Ok(vec![0; 100_000])
    }

    async fn handle(
        &self,
        myself: ActorRef<Order>,
        order: Order,
        _state: &mut Vec<u8>,
    ) -> Result<(), ActorProcessingErr> {
        (order.0)(myself).await
    }

    async fn handle_supervisor_evt(
        &self,
        _myself: ActorRef<Order>,
        _event: SupervisionEvent,
        _state: &mut Vec<u8>,
    ) -> Result<(), ActorProcessingErr> {
        Ok(())
    }
}

pub(crate) fn worker() -> ChildSpec<Worker> {
    ChildSpec::new(|_| (Worker, ()))
}

/// A worker that is no session.
pub(crate) async fn alone(name: Option<String>) -> ActorRef<Order> {
    let spawned = Worker::spawn(name, Worker, ()).await;
    spawned.expect("the name is free").0
}

pub(crate) async fn linked(name: Option<String>, parent: ActorCell) -> ActorRef<Order> {
    let spawned = Worker::spawn_linked(name, Worker, (), parent).await;
    spawned.expect("the name is free").0
}

pub(crate) async fn supervisor() -> SessionSupervisor {
    let options = Options::new().unique_name().without_session_restart_limit();
    SessionSupervisor::start(options).await.expect("it starts")
}

/// One of few ids: the tables of the registry and of the engine have room for them after the first
/// lives.
pub(crate) fn id(n: usize) -> String {
    format!("session {}", n % 5)
}

/// Waits for the end of an actor.
pub(crate) async fn died(cell: &ActorCell) {
    cell.wait(None).await.expect("it is local");
}
