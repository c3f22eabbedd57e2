//! An actor that does what it is told, and what can be seen of its end.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use ractor::{Actor, ActorCell, ActorProcessingErr, ActorRef, ActorStatus, SupervisionEvent};
use tokio::sync::{mpsc, oneshot};

type Next = Pin<Box<dyn Future<Output = Result<(), ActorProcessingErr>> + Send>>;
pub(crate) type Step = Box<dyn FnOnce(ActorRef<Do>) -> Next + Send>;

/// What a puppet is told to do.
pub(crate) struct Do(pub(crate) Step);

#[cfg(feature = "cluster")]
impl ractor::Message for Do {}

pub(crate) fn step<F>(run: impl FnOnce(ActorRef<Do>) -> F + Send + 'static) -> Step
where
    F: Future<Output = Result<(), ActorProcessingErr>> + Send + 'static,
{
    Box::new(move |myself| Box::pin(run(myself)))
}

/// What a puppet does in its callbacks, and where it says what it is told of others. It is its state.
#[derive(Default)]
pub(crate) struct Plan {
    pub(crate) pre_start: Option<Step>,
    pub(crate) post_start: Option<Step>,
    pub(crate) post_stop: Option<Step>,
    pub(crate) told: Option<mpsc::UnboundedSender<SupervisionEvent>>,
    #[expect(dead_code, reason = "what matters is when it is dropped")]
    pub(crate) remains: Option<Remains>,
}

/// An actor that does what it is told. The value is its own, beside the state.
#[derive(Default)]
pub(crate) struct Puppet(
    #[expect(dead_code, reason = "what matters is when it is dropped")] pub(crate) Option<Remains>,
);

async fn run(step: Option<Step>, myself: ActorRef<Do>) -> Result<(), ActorProcessingErr> {
    match step {
        Some(step) => step(myself).await,
        None => Ok(()),
    }
}

#[ractor::actor(message = Do, state = Plan, arguments = Plan)]
impl Puppet {
    async fn pre_start(
        &self,
        myself: ActorRef<Do>,
        mut plan: Plan,
    ) -> Result<Plan, ActorProcessingErr> {
        run(plan.pre_start.take(), myself).await?;
        Ok(plan)
    }

    async fn post_start(
        &self,
        myself: ActorRef<Do>,
        plan: &mut Plan,
    ) -> Result<(), ActorProcessingErr> {
        run(plan.post_start.take(), myself).await
    }

    async fn handle(
        &self,
        myself: ActorRef<Do>,
        message: Do,
        _plan: &mut Plan,
    ) -> Result<(), ActorProcessingErr> {
        message.0(myself).await
    }

    async fn handle_supervisor_evt(
        &self,
        _myself: ActorRef<Do>,
        event: SupervisionEvent,
        plan: &mut Plan,
    ) -> Result<(), ActorProcessingErr> {
        if let Some(told) = &plan.told {
            // A test that is over reads no more.
            drop(told.send(event));
        }
        Ok(())
    }

    async fn post_stop(
        &self,
        myself: ActorRef<Do>,
        plan: &mut Plan,
    ) -> Result<(), ActorProcessingErr> {
        run(plan.post_stop.take(), myself).await
    }
}

/// Notes, when it is dropped, which status the actor has by then.
pub(crate) struct Remains(Watch);

/// Looks at when what an actor held is dropped.
#[derive(Clone, Default)]
pub(crate) struct Watch {
    whose: Arc<Mutex<Option<ActorCell>>>,
    dropped_at: Arc<Mutex<Vec<ActorStatus>>>,
}

impl Watch {
    pub(crate) fn remains(&self) -> Remains {
        Remains(self.clone())
    }

    /// They are of this one.
    pub(crate) fn looks_at(&self, actor: &ActorRef<Do>) {
        *self.whose.lock().unwrap() = Some(actor.get_cell());
    }

    /// Which status the actor had at each drop.
    pub(crate) fn dropped_at(&self) -> Vec<ActorStatus> {
        self.dropped_at.lock().unwrap().clone()
    }
}

impl Drop for Remains {
    fn drop(&mut self) {
        let Watch { whose, dropped_at } = &self.0;
        let cell = whose.lock().unwrap().clone();
        let status = cell.map_or(ActorStatus::Unstarted, |cell| cell.get_status());
        dropped_at.lock().unwrap().push(status);
    }
}

pub(crate) async fn spawn(plan: Plan) -> ActorRef<Do> {
    let (puppet, _) = Actor::spawn(None, Puppet::default(), plan).await.unwrap();
    puppet
}

pub(crate) async fn spawn_under(parent: &ActorRef<Do>, plan: Plan) -> ActorRef<Do> {
    let spawned = Actor::spawn_linked(None, Puppet::default(), plan, parent.get_cell()).await;
    spawned.unwrap().0
}

/// A supervisor, and what it is told.
pub(crate) async fn supervisor() -> (ActorRef<Do>, mpsc::UnboundedReceiver<SupervisionEvent>) {
    let (told, events) = mpsc::unbounded_channel();
    let plan = Plan {
        told: Some(told),
        ..Plan::default()
    };
    (spawn(plan).await, events)
}

/// How the actor ended, the beginning of its life aside.
pub(crate) async fn end(
    events: &mut mpsc::UnboundedReceiver<SupervisionEvent>,
) -> SupervisionEvent {
    loop {
        match events.recv().await.unwrap() {
            SupervisionEvent::ActorStarted(_) => {}
            event => return event,
        }
    }
}

/// The text of an end that is no failure, and whether the state came with it.
#[track_caller]
pub(crate) fn terminated(event: SupervisionEvent) -> (Option<String>, bool) {
    match event {
        SupervisionEvent::ActorTerminated(_, state, reason) => (reason, state.is_some()),
        other => panic!("{other:?}"),
    }
}

/// A step that says that it has begun, and ends when it is released.
pub(crate) fn held() -> (Step, oneshot::Receiver<()>, oneshot::Sender<()>) {
    let (begins, begun) = oneshot::channel();
    let (release, gone) = oneshot::channel::<()>();
    let held = step(move |_| async move {
        begins.send(()).unwrap();
        gone.await?;
        Ok(())
    });
    (held, begun, release)
}

/// A step that notes that it was taken.
pub(crate) fn noted() -> (Step, Arc<Mutex<bool>>) {
    let taken = Arc::new(Mutex::new(false));
    let note = Arc::clone(&taken);
    let noted = step(move |_| async move {
        *note.lock().unwrap() = true;
        Ok(())
    });
    (noted, taken)
}

pub(crate) async fn fail(actor: &ActorRef<Do>) {
    let fails = step(|_| async { Err("told to fail".into()) });
    actor.cast(Do(fails)).unwrap();
    actor.wait(None).await.unwrap();
}
