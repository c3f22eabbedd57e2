//! The actor that the tests supervise, what it is told to do, and a tally of what became of it.
//!
//! Nothing here waits for time to pass: a test waits for an event in the tally, for an answer of
//! the supervisor, or lets paused time run.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use ractor::{Actor, ActorCell, ActorProcessingErr, ActorRef, RpcReplyPort, SupervisionEvent};
use session_supervisor::error::{SupervisorDown, WaitEndError};
use session_supervisor::{
    Backoff, ChildSpec, Ensured, Exit, Launch, Options, SessionEnd, SessionSupervisor,
    ShutdownReport, StartContext, Supervisor, TreeSpec,
};
use tokio::sync::watch;

/// What a scripted step answers.
pub(crate) type Step = Pin<Box<dyn Future<Output = Result<(), ActorProcessingErr>> + Send>>;
type Launched = Pin<Box<dyn Future<Output = Result<bool, ActorProcessingErr>> + Send>>;
type OnLaunch = Arc<dyn Fn(StartContext) -> Launched + Send + Sync>;
type OnStep = Arc<dyn Fn(StartContext, ActorRef<Order>) -> Step + Send + Sync>;
type OnDrop = Arc<dyn Fn(&StartContext) + Send + Sync>;

/// What happened to the sessions of one probe, in numbers and in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    /// Calls of the start function.
    pub(crate) starts: usize,
    /// Sessions that were linked and began to take messages (their `post_start` ran).
    pub(crate) ready: usize,
    /// `post_stop` that went through.
    pub(crate) stops: usize,
    /// States that live: made by `pre_start`, not dropped yet.
    pub(crate) alive: usize,
    /// The ids whose `post_stop` went through, in that order.
    pub(crate) stopped: Vec<String>,
    /// Whatever a test notes with [`Probe::note`].
    pub(crate) notes: Vec<String>,
}

/// Counts what happens to the sessions that are started from its specs. Clones share one tally.
#[derive(Clone, Debug)]
pub(crate) struct Probe(Arc<watch::Sender<Tally>>);

impl Default for Probe {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(Tally::default())))
    }
}

impl Probe {
    pub(crate) fn tally(&self) -> Tally {
        self.0.borrow().clone()
    }

    pub(crate) fn starts(&self) -> usize {
        self.0.borrow().starts
    }

    pub(crate) fn stops(&self) -> usize {
        self.0.borrow().stops
    }

    pub(crate) fn alive(&self) -> usize {
        self.0.borrow().alive
    }

    pub(crate) fn note(&self, note: impl Into<String>) {
        let note = note.into();
        self.0.send_modify(|tally| tally.notes.push(note));
    }

    pub(crate) fn notes(&self) -> Vec<String> {
        self.0.borrow().notes.clone()
    }

    /// Waits until the tally is as wished, woken by its changes. A minute of test time without that
    /// is a failure, not a wait.
    pub(crate) async fn until(&self, wish: impl FnMut(&Tally) -> bool) -> Tally {
        self.within(Duration::from_secs(60), wish).await
    }

    /// The same with another limit than a minute.
    pub(crate) async fn within(&self, limit: Duration, wish: impl FnMut(&Tally) -> bool) -> Tally {
        let mut changes = self.0.subscribe();
        let waiting = changes.wait_for(wish);
        match tokio::time::timeout(limit, waiting).await {
            Ok(Ok(tally)) => tally.clone(),
            Ok(Err(_)) | Err(_) => panic!("never came true: {:?}", self.tally()),
        }
    }

    /// A spec of a session that obeys its orders and does nothing of its own.
    pub(crate) fn spec(&self) -> ChildSpec<Worker> {
        self.script().spec()
    }

    /// The same with a pause in `post_stop`.
    pub(crate) fn slow_to_stop(&self, pause: Duration) -> ChildSpec<Worker> {
        self.script()
            .post_stop(move |_, _| async move {
                tokio::time::sleep(pause).await;
                Ok(())
            })
            .spec()
    }

    /// A session with steps of its own; see [`Script`].
    pub(crate) fn script(&self) -> Script {
        Script {
            probe: self.clone(),
            launch: None,
            pre_start: None,
            post_start: None,
            post_stop: None,
            on_drop: None,
        }
    }

    fn count(&self, change: impl FnOnce(&mut Tally)) {
        self.0.send_modify(change);
    }
}

/// What a session does besides counting, for each of its callbacks. Make a spec of it with
/// [`Script::spec`].
#[derive(Clone)]
pub(crate) struct Script {
    probe: Probe,
    launch: Option<OnLaunch>,
    pre_start: Option<OnStep>,
    post_start: Option<OnStep>,
    post_stop: Option<OnStep>,
    on_drop: Option<OnDrop>,
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Script").finish_non_exhaustive()
    }
}

fn step<F, Fut>(step: F) -> Option<OnStep>
where
    F: Fn(StartContext, ActorRef<Order>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<(), ActorProcessingErr>> + Send + 'static,
{
    Some(Arc::new(move |start, myself| Box::pin(step(start, myself))))
}

impl Script {
    /// Run in the start function, after it was counted; `Ok(false)` answers `Launch::Ignore`.
    pub(crate) fn launch<F, Fut>(mut self, launch: F) -> Self
    where
        F: Fn(StartContext) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<bool, ActorProcessingErr>> + Send + 'static,
    {
        self.launch = Some(Arc::new(move |start| Box::pin(launch(start))));
        self
    }

    /// Run in `pre_start`, before the state is made.
    pub(crate) fn pre_start<F, Fut>(mut self, run: F) -> Self
    where
        F: Fn(StartContext, ActorRef<Order>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), ActorProcessingErr>> + Send + 'static,
    {
        self.pre_start = step(run);
        self
    }

    /// Run in `post_start`, before the session counts as ready.
    pub(crate) fn post_start<F, Fut>(mut self, run: F) -> Self
    where
        F: Fn(StartContext, ActorRef<Order>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), ActorProcessingErr>> + Send + 'static,
    {
        self.post_start = step(run);
        self
    }

    /// Run in `post_stop`, before it is counted.
    pub(crate) fn post_stop<F, Fut>(mut self, run: F) -> Self
    where
        F: Fn(StartContext, ActorRef<Order>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), ActorProcessingErr>> + Send + 'static,
    {
        self.post_stop = step(run);
        self
    }

    /// Run when the state is dropped, after it was counted.
    pub(crate) fn on_drop(mut self, run: impl Fn(&StartContext) + Send + Sync + 'static) -> Self {
        self.on_drop = Some(Arc::new(run));
        self
    }

    /// Without pauses, as OTP has it: most of these tests restart often. The default pauses (D7)
    /// have tests of their own, which ask for [`spec_as_it_comes`](Self::spec_as_it_comes).
    pub(crate) fn spec(self) -> ChildSpec<Worker> {
        self.spec_as_it_comes().backoff(Backoff::none())
    }

    /// With the defaults of a child spec.
    pub(crate) fn spec_as_it_comes(self) -> ChildSpec<Worker> {
        ChildSpec::from_fn_with(self, |script, start| async move {
            script.probe.count(|tally| tally.starts += 1);
            let launch = match &script.launch {
                Some(launch) => launch(start.clone()).await?,
                None => true,
            };
            Ok(if launch {
                Launch::Actor(Worker, (script, start))
            } else {
                Launch::Ignore
            })
        })
    }
}

/// The session of the tests.
#[derive(Debug)]
pub(crate) struct Worker;

/// What a test tells a session to do.
pub(crate) enum Order {
    Crash,
    Panic,
    /// Waits for ever; a kill ends it.
    Hang,
    Echo(u32, RpcReplyPort<u32>),
    /// Runs this in the handler.
    Run(Box<dyn FnOnce(ActorRef<Order>) -> Step + Send>),
}

impl Order {
    pub(crate) fn run<F, Fut>(run: F) -> Self
    where
        F: FnOnce(ActorRef<Order>) -> Fut + Send + 'static,
        Fut: Future<Output = Result<(), ActorProcessingErr>> + Send + 'static,
    {
        Self::Run(Box::new(move |myself| Box::pin(run(myself))))
    }
}

impl fmt::Debug for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Order")
    }
}

#[cfg(feature = "cluster")]
impl ractor::Message for Order {}

/// The state of a [`Worker`].
pub(crate) struct Live {
    script: Script,
    start: StartContext,
}

impl Drop for Live {
    fn drop(&mut self) {
        self.script.probe.count(|tally| tally.alive -= 1);
        if let Some(run) = &self.script.on_drop {
            run(&self.start);
        }
    }
}

#[ractor::actor(message = Order, state = Live, arguments = (Script, StartContext))]
impl Worker {
    async fn pre_start(
        &self,
        myself: ActorRef<Order>,
        (script, start): (Script, StartContext),
    ) -> Result<Live, ActorProcessingErr> {
        if let Some(run) = &script.pre_start {
            run(start.clone(), myself).await?;
        }
        script.probe.count(|tally| tally.alive += 1);
        Ok(Live { script, start })
    }

    async fn post_start(
        &self,
        myself: ActorRef<Order>,
        state: &mut Live,
    ) -> Result<(), ActorProcessingErr> {
        if let Some(run) = &state.script.post_start {
            run(state.start.clone(), myself).await?;
        }
        state.script.probe.count(|tally| tally.ready += 1);
        Ok(())
    }

    async fn handle(
        &self,
        myself: ActorRef<Order>,
        order: Order,
        _state: &mut Live,
    ) -> Result<(), ActorProcessingErr> {
        match order {
            Order::Crash => Err("told to crash".into()),
            Order::Panic => panic!("told to panic"),
            Order::Hang => std::future::pending().await,
            Order::Echo(n, reply) => {
                drop(reply.send(n));
                Ok(())
            }
            Order::Run(run) => run(myself).await,
        }
    }

    async fn post_stop(
        &self,
        myself: ActorRef<Order>,
        state: &mut Live,
    ) -> Result<(), ActorProcessingErr> {
        if let Some(run) = &state.script.post_stop {
            run(state.start.clone(), myself).await?;
        }
        let id = state.start.key().to_string();
        state.script.probe.count(|tally| {
            tally.stops += 1;
            tally.stopped.push(id);
        });
        Ok(())
    }
}

pub(crate) async fn supervisor(options: Options) -> SessionSupervisor {
    SessionSupervisor::start(options.unique_name())
        .await
        .expect("a unique name is free")
}

/// Sends the order that ends the session and waits until its actor has ended.
pub(crate) async fn end(session: &ActorRef<Order>, order: Order) {
    session.cast(order).expect("the session still runs");
    died(&session.get_cell()).await;
}

/// Waits for the end of an actor. On a current-thread runtime the supervisor's next answer reflects
/// it; on several threads an answer may still be from before.
pub(crate) async fn died(cell: &ActorCell) {
    cell.wait(None).await.expect("an actor without a monitor");
}

/// The session of this id once it runs again, however long its restart takes: the question waits in
/// the id's queue, like any start. It must not be parked or forgotten.
pub(crate) async fn back(sessions: &SessionSupervisor, id: &str) -> ActorRef<Order> {
    match sessions.ensure_session(id, never()).await {
        Ok(Ensured::Existing(session)) => session,
        other => panic!("session {id} did not come back: {other:?}"),
    }
}

/// As [`back`], of a session that is a tree.
pub(crate) async fn back_tree(sessions: &SessionSupervisor, id: &str) -> Supervisor {
    let unwanted = ChildSpec::tree(|_| TreeSpec::one_for_one().child("unwanted", never()));
    match answered("the session", sessions.ensure_session(id, unwanted)).await {
        Ok(Ensured::Existing(session)) => session,
        other => panic!("session {id} did not come back: {other:?}"),
    }
}

/// A spec of a session that is not wanted.
fn never() -> ChildSpec<Worker> {
    ChildSpec::from_fn(|_| async { Err("it was gone".into()) })
}

/// Where sessions or start functions wait until a test opens it.
#[derive(Clone, Debug)]
pub(crate) struct Gate(Arc<watch::Sender<bool>>);

impl Gate {
    pub(crate) fn closed() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }

    pub(crate) fn open(&self) {
        self.0.send_replace(true);
    }

    pub(crate) async fn pass(&self) {
        let mut opened = self.0.subscribe();
        opened
            .wait_for(|open| *open)
            .await
            .expect("the gate itself keeps the channel");
    }

    /// A step of a script that passes when the gate is opened.
    pub(crate) fn holds(&self) -> impl Fn(StartContext, ActorRef<Order>) -> Step + use<> {
        let gate = self.clone();
        move |_, _| {
            let gate = gate.clone();
            Box::pin(async move {
                gate.pass().await;
                Ok(())
            })
        }
    }
}

/// How a session ended, of what one is told who waited for that.
pub(crate) fn exit(end: Result<SessionEnd, WaitEndError>) -> Result<Exit, WaitEndError> {
    end.map(|end| end.exit)
}

/// A minute of test time for an answer: reached only if no answer comes.
pub(crate) async fn answered<F: Future>(what: &str, call: F) -> F::Output {
    match tokio::time::timeout(Duration::from_secs(60), call).await {
        Ok(answer) => answer,
        Err(_) => panic!("{what} was not answered"),
    }
}

/// Asks, and goes away without the answer.
pub(crate) async fn ask_and_go<F: Future>(call: F) {
    tokio::select! {
        biased;
        _ = call => {}
        () = std::future::ready(()) => {}
    }
}

/// Lets other tasks go first, so often.
pub(crate) async fn yields(n: usize) {
    for _ in 0..n {
        tokio::task::yield_now().await;
    }
}

/// Polls a call once.
pub(crate) async fn poll<F: Future>(mut call: Pin<&mut F>) -> Poll<F::Output> {
    std::future::poll_fn(|context| Poll::Ready(call.as_mut().poll(context))).await
}

/// A call that is under way: it has been polled when this returns.
pub(crate) async fn asked<F>(call: F) -> tokio::task::JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    let (tell, polled) = tokio::sync::oneshot::channel();
    let mut call = Box::pin(call);
    let mut tell = Some(tell);
    let task = tokio::spawn(std::future::poll_fn(move |context| {
        let answer = call.as_mut().poll(context);
        if let Some(tell) = tell.take() {
            tell.send(()).expect("the caller waits for the poll");
        }
        answer
    }));
    polled.await.expect("the call is polled");
    task
}

/// Captured by a script, it lives as long as anything of the script's sessions: a spec, a launch, a
/// state.
#[derive(Clone, Debug)]
pub(crate) struct Tie {
    _sender: tokio::sync::mpsc::Sender<()>,
}

/// Knows when nothing is left that holds the [`Tie`].
#[derive(Debug)]
pub(crate) struct Remains(tokio::sync::mpsc::Receiver<()>);

impl Tie {
    pub(crate) fn new() -> (Self, Remains) {
        let (sender, receiver) = tokio::sync::mpsc::channel(1);
        (Self { _sender: sender }, Remains(receiver))
    }
}

impl Remains {
    pub(crate) fn is_gone(&mut self) -> bool {
        matches!(
            self.0.try_recv(),
            Err(tokio::sync::mpsc::error::TryRecvError::Disconnected)
        )
    }

    pub(crate) async fn gone(mut self) {
        assert!(
            answered("the drop of all that is left", self.0.recv())
                .await
                .is_none()
        );
    }
}

/// The names in ractor's registry that belong to a supervisor, its own included.
pub(crate) fn names_of(supervisor: &str) -> Vec<String> {
    let inside = format!("{supervisor}/");
    let mut names = ractor::registry::registered();
    names.retain(|name| name == supervisor || name.starts_with(&inside));
    names
}

/// No actor bears such a name, or the one that does is just ending and is waited for: ractor frees
/// the name of an actor after its state, and no event tells when all of a killed supervisor is
/// over.
pub(crate) async fn no_name_left(supervisor: &str) {
    for name in names_of(supervisor) {
        if let Some(cell) = ractor::registry::where_is(name.clone()) {
            answered(&format!("the end of {name}"), died(&cell)).await;
        }
    }
    assert_eq!(names_of(supervisor), [""; 0]);
}

/// A parent, written by hand: it lives on when a child ends, and notes how it ended.
pub(crate) struct Parent;

impl Parent {
    pub(crate) async fn start(probe: &Probe) -> (ActorRef<()>, tokio::task::JoinHandle<()>) {
        let parent = Self::spawn(None, Self, probe.clone()).await;
        parent.expect("a parent without a name")
    }
}

#[ractor::actor(message = (), state = Probe, arguments = Probe)]
impl Parent {
    async fn pre_start(
        &self,
        _myself: ActorRef<()>,
        probe: Probe,
    ) -> Result<Probe, ActorProcessingErr> {
        Ok(probe)
    }

    async fn handle_supervisor_evt(
        &self,
        _myself: ActorRef<()>,
        event: SupervisionEvent,
        probe: &mut Probe,
    ) -> Result<(), ActorProcessingErr> {
        match event {
            SupervisionEvent::ActorTerminated(_, _, Some(reason)) => probe.note(reason),
            SupervisionEvent::ActorTerminated(_, _, None) => probe.note("no reason"),
            SupervisionEvent::ActorFailed(_, cause) => probe.note(format!("failed: {cause}")),
            _ => {}
        }
        Ok(())
    }
}

/// A parent that notes the reasons with which its children end.
pub(crate) async fn parent(probe: &Probe) -> ActorCell {
    Parent::start(probe).await.0.get_cell()
}

/// The ways in which a supervisor ends gracefully.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Ours,
    ForeignStop,
    ForeignDrain,
}

impl Ending {
    pub(crate) const ALL: [Self; 3] = [Self::Ours, Self::ForeignStop, Self::ForeignDrain];

    /// Asks for it. On our own stop, what that call will answer.
    pub(crate) async fn begin(
        self,
        sessions: &SessionSupervisor,
    ) -> Option<tokio::task::JoinHandle<Result<ShutdownReport, SupervisorDown>>> {
        let root = sessions.get_cell();
        match self {
            Self::Ours => return Some(asked(sessions.stop()).await),
            Self::ForeignStop => root.stop(Some("a foreign stop".to_owned())),
            Self::ForeignDrain => root.drain().expect("the root still runs"),
        }
        None
    }
}

/// The session supervisor of a session that is being started.
pub(crate) fn sessions_of(start: &StartContext) -> &SessionSupervisor {
    start.supervisor.as_ref().expect("a session has one")
}
