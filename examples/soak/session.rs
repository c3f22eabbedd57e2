//! The session of the load: it works, and fails in every way that it is told to.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use ractor::{ActorProcessingErr, ActorRef, RpcReplyPort};
use session_supervisor::{ChildSpec, Launch, Restart, Shutdown};

use crate::census::{Alive, Entry};
use crate::drop_kinds::{DropKind, PlannedError, Weight, drop_answer};
use crate::family;
use crate::verdict::PLANNED;

/// The grace of one who does not stop.
pub(crate) const GRACE: Duration = Duration::from_millis(40);
/// The start timeout of one who does not start.
pub(crate) const SHORT: Duration = Duration::from_millis(60);
/// What a session takes that is slower than its grace.
const LINGER: Duration = Duration::from_millis(150);
/// Longer than any run of the load takes.
pub(crate) const LONG: Duration = Duration::from_secs(3_600);

/// How a launch goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StartKind {
    Fine,
    Fails,
    Panics,
    Hangs,
    StartFunctionFails,
    StartFunctionPanics,
    Ignored,
    /// Fine, once the latch of its id is open.
    Waits,
    /// It fails, once the latch of its id is open.
    WaitsAndFails,
}

/// How its `post_stop` goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StopKind {
    Fine,
    Fails,
    Panics,
    Hangs,
    /// It takes longer than its grace, but not for ever.
    Lingers,
    /// It takes so many milliseconds, which is less than its grace.
    Takes(u64),
}

/// What a session is and by which rules it lives.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// The first launch, the second, and all others.
    pub(crate) start_kinds: [StartKind; 3],
    pub(crate) stop_kind: StopKind,
    pub(crate) restart: Restart,
    pub(crate) shutdown: Shutdown,
    pub(crate) start_timeout: Duration,
    /// How many restarts in the window; none: what the supervisor says.
    pub(crate) limit: Option<u32>,
    pub(crate) window: Duration,
    /// What the drops of its state, its errors and its spec do.
    pub(crate) drop_kind: DropKind,
    /// Whether it has children and grandchildren of its own, linked, under fixed names.
    pub(crate) has_family: bool,
}

impl Plan {
    /// A session without a fault. It has all the time that it wants to stop.
    pub(crate) const FINE: Self = Self {
        start_kinds: [StartKind::Fine; 3],
        stop_kind: StopKind::Fine,
        restart: Restart::Transient,
        shutdown: Shutdown::Infinity,
        start_timeout: LONG,
        limit: None,
        window: LONG,
        drop_kind: DropKind::None,
        has_family: false,
    };

    /// As good, but it is not asked.
    pub(crate) const BRUTAL: Self = Self {
        shutdown: Shutdown::BrutalKill,
        ..Self::FINE
    };

    /// One whose launches go like this.
    pub(crate) fn starting(start_kinds: [StartKind; 3]) -> Self {
        Self {
            start_kinds,
            ..Self::FINE
        }
    }

    /// One that ends like this, and is given its grace if it does not end.
    pub(crate) fn stopping(stop_kind: StopKind) -> Self {
        let shutdown = match stop_kind {
            StopKind::Hangs | StopKind::Lingers => Shutdown::Timeout(GRACE),
            StopKind::Fine | StopKind::Fails | StopKind::Panics | StopKind::Takes(_) => {
                Shutdown::Infinity
            }
        };
        Self {
            stop_kind,
            shutdown,
            ..Self::FINE
        }
    }

    pub(crate) fn limit(self, limit: u32) -> Self {
        Self {
            limit: Some(limit),
            ..self
        }
    }

    pub(crate) fn restart(self, restart: Restart) -> Self {
        Self { restart, ..self }
    }

    pub(crate) fn start_timeout(self, start_timeout: Duration) -> Self {
        Self {
            start_timeout,
            ..self
        }
    }

    pub(crate) fn drop_kind(self, drop_kind: DropKind) -> Self {
        Self { drop_kind, ..self }
    }

    fn start_kind(&self, incarnation: u64) -> StartKind {
        match incarnation {
            0 | 1 => self.start_kinds[0],
            2 => self.start_kinds[1],
            _ => self.start_kinds[2],
        }
    }

    pub(crate) fn spec(self, entry: &Arc<Entry>) -> ChildSpec<Session> {
        let weight = Weight::harmless(self.drop_kind);
        let spec = ChildSpec::from_fn_with(Arc::clone(entry), move |entry, start| {
            let _captured = &weight;
            self.launch(entry, start.incarnation)
        });
        let spec = spec
            .restart(self.restart)
            .shutdown(self.shutdown)
            .start_timeout(self.start_timeout);
        match self.limit {
            Some(limit) => spec.restart_limit(limit, self.window),
            None => spec,
        }
    }

    async fn launch(
        self,
        entry: Arc<Entry>,
        incarnation: u64,
    ) -> Result<Launch<Session>, ActorProcessingErr> {
        let alive = Alive::begin(Arc::clone(&entry), incarnation);
        let start_kind = self.start_kind(incarnation);
        if entry.common.backend_is_away() {
            return Err("the backend is away".into());
        }
        match start_kind {
            StartKind::Ignored => return Ok(Launch::Ignore),
            StartKind::StartFunctionFails => return Err(self.error()),
            StartKind::StartFunctionPanics => panic!("{PLANNED}told to panic"),
            StartKind::Waits => entry.is_unlatched().await,
            StartKind::WaitsAndFails => {
                entry.is_unlatched().await;
                return Err(self.error());
            }
            StartKind::Fine | StartKind::Fails | StartKind::Panics | StartKind::Hangs => {}
        }
        let arguments = Arguments {
            weight: Weight::new(self.drop_kind),
            alive,
            start_kind,
            plan: self,
        };
        Ok(Launch::Actor(Session, arguments))
    }

    fn error(&self) -> ActorProcessingErr {
        Box::new(PlannedError::new(self.drop_kind))
    }
}

#[derive(Debug)]
pub(crate) enum Msg {
    /// Answers its incarnation.
    Work(RpcReplyPort<u64>),
    Fail,
    Panic,
    /// Never done with this message.
    Hang,
    /// Not done with it within a grace.
    Linger,
    /// It blocks its thread until the gate of its id is opened: a kill does not take effect.
    Block,
    /// It leaves the supervisor, and lives on.
    Unlink,
    /// An actor that is linked to it fails.
    LinkedFails,
    /// It ends by itself.
    Leave,
}

#[cfg(feature = "cluster")]
impl ractor::Message for Msg {}

#[derive(Debug)]
pub(crate) struct Session;

#[derive(Debug)]
pub(crate) struct Arguments {
    weight: Weight,
    alive: Alive,
    start_kind: StartKind,
    plan: Plan,
}

/// What is dropped first may panic or block; the life is over after that.
#[derive(Debug)]
pub(crate) struct State {
    _weight: Weight,
    alive: Alive,
    plan: Plan,
}

#[ractor::actor(message = Msg, state = State, arguments = Arguments)]
impl Session {
    async fn pre_start(
        &self,
        myself: ActorRef<Msg>,
        arguments: Arguments,
    ) -> Result<State, ActorProcessingErr> {
        let Arguments {
            weight,
            mut alive,
            start_kind,
            plan,
        } = arguments;
        match start_kind {
            StartKind::Fails => {
                // Rust does not give back a value on its way out of a function whose locals panic
                // in their drops, so no local may be left that does.
                drop_answer(weight);
                return Err(plan.error());
            }
            StartKind::Panics => panic!("{PLANNED}told to panic"),
            StartKind::Hangs => pending().await,
            _ => {}
        }
        if plan.has_family {
            family::found(myself.get_cell(), alive.entry()).await?;
        }
        alive.is_up();
        Ok(State {
            _weight: weight,
            alive,
            plan,
        })
    }

    async fn handle(
        &self,
        myself: ActorRef<Msg>,
        message: Msg,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            // The caller may have gone.
            Msg::Work(reply) => drop(reply.send(state.alive.incarnation)),
            Msg::Fail => return Err(state.plan.error()),
            Msg::Panic => panic!("{PLANNED}told to panic"),
            Msg::Hang => pending().await,
            Msg::Linger => tokio::time::sleep(LINGER).await,
            Msg::Block => tokio::task::block_in_place(|| state.alive.entry().gate.pass()),
            Msg::Unlink => {
                if let Some(supervisor) = myself.try_get_supervisor() {
                    myself.unlink(supervisor);
                }
            }
            Msg::LinkedFails => family::one_that_fails(myself.get_cell()).await?,
            Msg::Leave => myself.stop(None),
        }
        Ok(())
    }

    async fn post_stop(
        &self,
        _myself: ActorRef<Msg>,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        state.alive.enters_post_stop();
        match state.plan.stop_kind {
            StopKind::Fine => Ok(()),
            StopKind::Fails => Err(state.plan.error()),
            StopKind::Panics => panic!("{PLANNED}told to panic"),
            StopKind::Hangs => pending().await,
            StopKind::Lingers => {
                tokio::time::sleep(LINGER).await;
                Ok(())
            }
            StopKind::Takes(ms) => {
                tokio::time::sleep(Duration::from_millis(ms)).await;
                Ok(())
            }
        }
    }
}

/// An actor that takes messages of another type, to be refused.
#[derive(Debug)]
pub(crate) struct Stranger;

#[derive(Debug)]
pub(crate) struct Word;

#[cfg(feature = "cluster")]
impl ractor::Message for Word {}

#[ractor::actor(message = Word, state = (), arguments = ())]
impl Stranger {}
