//! The spec of a task: a future that is supervised as an actor is.

use std::future::Future;

use ractor::ActorProcessingErr;

use super::{ChildSpec, StartContext};
use crate::actor::plan::{Makes, Starter, Starting};
use crate::actor::shared::{Found, Order};
use crate::actor::task::{Job, StopSignal};
use crate::child::Task;
use crate::engine::Policy;

impl ChildSpec<Task> {
    /// A future that is supervised as an actor is: an HTTP server, a consumer, a timer.
    ///
    /// The function makes the future of each incarnation. It is given the [`StopSignal`] of that
    /// incarnation beside what every start function is told. All that a session or a child of a
    /// [`Supervisor`](crate::Supervisor) has holds for a task too: restarts and their limit, names,
    /// stops, lists.
    ///
    /// | what happens | how it ended |
    /// | --- | --- |
    /// | the future returns `Ok(())` | a normal end |
    /// | it returns an error, or panics | a failure, with that error or the text of the panic |
    /// | a stop, by the supervisor or by others | the signal is set, and the future is run to its end |
    /// | a kill | the future is dropped at its next `.await` |
    ///
    /// A stop gives the future the time of the [shutdown rule](Self::shutdown), 5 s by default, and
    /// kills it after that: a future that never looks at the signal is dropped then. One that blocks
    /// its thread is stuck until it goes on. [`Shutdown::Drain`](crate::Shutdown::Drain) is a stop
    /// here.
    ///
    /// An incarnation has ended when its future has been dropped. So two futures of one id never
    /// overlap. What a future has spawned is not waited for; the signal is set for it too, at the
    /// latest when the future is gone.
    ///
    /// A task has started when the function has returned the future, which is polled after that. A
    /// function that panics fails the start. A future that fails is a crash, also before its first
    /// `.await`. A stop that comes before the first poll does not skip that: the future finds the
    /// signal set.
    ///
    /// Give a job that is over one day [`Restart::Transient`](crate::Restart::Transient), which is
    /// the default for a session. The default for a child of a supervisor is
    /// [`Restart::Permanent`](crate::Restart::Permanent), which starts it again after `Ok(())`.
    ///
    /// # Its actor
    ///
    /// The future is polled in the task of an actor, and each wake-up is a message to that: half a
    /// microsecond to one more than in a task of tokio's. Spawn what is to run beside it. A start
    /// yields the [`ActorCell`](ractor::ActorCell), to link actors to it, to wait for it or to stop
    /// it. There is nothing to say to it: it takes messages of the type `()`, which do nothing.
    /// Since it takes no others it is never idle, and a session that is a task cannot have an
    /// [`idle_timeout`](Self::idle_timeout).
    ///
    /// An actor that is linked to it and fails or is killed fails the task at once, as a link does
    /// in Erlang. One that ends in order does not.
    ///
    /// # Examples
    ///
    /// A server with graceful shutdown. When it is stopped it takes no more connections and ends
    /// when those that it has are closed, or with its shutdown timeout.
    ///
    /// ```
    /// # use session_supervisor::{Exit, Options, SessionSupervisor};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use axum::{Router, routing::get};
    /// use session_supervisor::ChildSpec;
    /// use tokio::net::TcpListener;
    ///
    /// let server = ChildSpec::task(|_start, stop| async move {
    ///     let app = Router::new().route("/", get(async || "hello"));
    ///     let listener = TcpListener::bind("127.0.0.1:0").await?;
    ///     axum::serve(listener, app).with_graceful_shutdown(stop.requested()).await?;
    ///     Ok(())
    /// });
    /// # let sessions = SessionSupervisor::start(Options::new().unique_name()).await?;
    /// # sessions.start_session("http", server).await?;
    /// # assert_eq!(sessions.stop_session("http").await?, Exit::Shutdown);
    /// # Ok(())
    /// # }
    /// ```
    pub fn task<F, Fut>(run: F) -> Self
    where
        F: Fn(StartContext, StopSignal) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), ActorProcessingErr>> + Send + 'static,
    {
        Self::made_by(Policy::default(), Run(run))
    }

    /// As [`task`](Self::task), with a value that is cloned for every start.
    ///
    /// ```
    /// # use ractor::ActorProcessingErr;
    /// use session_supervisor::{ChildSpec, StartContext, StopSignal};
    /// use tokio::sync::watch;
    ///
    /// async fn report(
    ///     mut load: watch::Receiver<u32>,
    ///     start: StartContext,
    ///     stop: StopSignal,
    /// ) -> Result<(), ActorProcessingErr> {
    ///     while !stop.is_requested() {
    ///         tokio::select! {
    ///             changed = load.changed() => changed?,
    ///             () = stop.requested() => {}
    ///         }
    ///         println!("{}: {}", start.key(), *load.borrow());
    ///     }
    ///     Ok(())
    /// }
    ///
    /// # let (_sender, load) = watch::channel(0);
    /// let spec = ChildSpec::task_with(load, report);
    /// # drop(spec);
    /// ```
    pub fn task_with<S, F, Fut>(store: S, run: F) -> Self
    where
        S: Clone + Send + Sync + 'static,
        F: Fn(S, StartContext, StopSignal) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), ActorProcessingErr>> + Send + 'static,
    {
        Self::task(move |context, stop| run(store.clone(), context, stop))
    }
}

/// Makes a future.
struct Run<F>(F);

impl<F, Fut> Starter<Order, Found> for Run<F>
where
    F: Fn(StartContext, StopSignal) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<(), ActorProcessingErr>> + Send + 'static,
{
    fn start(&self, order: Order) -> Starting<Found> {
        let job = Job::new(&order, |stop| (self.0)(StartContext::of(&order), stop));
        Box::pin(job.spawn(order))
    }

    fn makes(&self) -> Makes {
        Makes::Task
    }
}
