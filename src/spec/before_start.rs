//! What is to be done before each start of a child, whatever the child is.

use std::future::Future;
use std::sync::Arc;

use ractor::ActorProcessingErr;

use super::{ChildSpec, StartContext};
use crate::actor::plan::{Makes, SpawnFailure, StartFunction, Starter, Starting};
use crate::actor::shared::{Found, Order};
use crate::child::Child;

/// A start function after another function.
struct After<F> {
    before: F,
    start: Arc<StartFunction<Order, Found>>,
}

impl<C: Child> ChildSpec<C> {
    /// Adds a function that is called before each start: the first one, each restart, each trial. The
    /// start function is called when the future is done. An error fails the start as one of the
    /// start function does, and that is not called then.
    ///
    /// For what has to be true before anything of a session runs, whatever its spec starts: a record
    /// of it on disk, a license, a lock. It is called when the session has been admitted: after
    /// claims, limits and the line for the launch. The start timeout counts it. If several are added,
    /// the last one is called first.
    ///
    /// ```
    /// # use session_supervisor::{ChildSpec, Options, SessionSupervisor};
    /// # struct Chat;
    /// # #[ractor::actor(message = (), state = (), arguments = ())]
    /// # impl Chat {}
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let spec = ChildSpec::new(|_start| (Chat, ())).before_start(|start| async move {
    ///     println!("{} is about to start", start.key());
    ///     Ok(())
    /// });
    /// # let sessions = SessionSupervisor::start(Options::new().unique_name()).await.unwrap();
    /// # sessions.start_session("a", spec).await.unwrap();
    /// # }
    /// ```
    pub fn before_start<F, Fut>(mut self, before: F) -> Self
    where
        F: Fn(StartContext) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), ActorProcessingErr>> + Send + 'static,
    {
        let plan = Arc::make_mut(&mut self.plan);
        let start = Arc::clone(&plan.starter);
        plan.starter = Arc::new(StartFunction::new(After { before, start }));
        self
    }
}

impl<F, Fut> Starter<Order, Found> for After<F>
where
    F: Fn(StartContext) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<(), ActorProcessingErr>> + Send + 'static,
{
    fn start(&self, order: Order) -> Starting<Found> {
        let before = (self.before)(StartContext::of(&order));
        let start = Arc::clone(&self.start);
        Box::pin(async move {
            before.await.map_err(SpawnFailure::Failed)?;
            start.start(order).await
        })
    }

    fn makes(&self) -> Makes {
        self.start.makes()
    }
}
