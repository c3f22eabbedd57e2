//! The session of the load: it works, and fails in every way that it is told to.
//!
//! Absent on purpose: chance. Whoever starts it has thrown the dice, and knows what to expect.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use ractor::{ActorProcessingErr, ActorRef, RpcReplyPort};
use session_supervisor::{ChildSpec, Launch, Restart, Shutdown};

use crate::burden::{Burden, Grievance, Weight, let_go};
use crate::census::{Alive, Entry};
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
pub(crate) enum Birth {
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
pub(crate) enum Death {
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
    pub(crate) births: [Birth; 3],
    pub(crate) death: Death,
    pub(crate) restart: Restart,
    pub(crate) shutdown: Shutdown,
    pub(crate) start_timeout: Duration,
    /// So many restarts in the window; none: what the supervisor says.
    pub(crate) limit: Option<u32>,
    pub(crate) window: Duration,
    /// What the drops of its state, its errors and its spec do.
    pub(crate) burden: Burden,
    /// Whether it has children and grandchildren of its own, linked, under fixed names.
    pub(crate) has_family: bool,
}

impl Plan {
    /// A session without a fault. It has all the time that it wants to stop.
    pub(crate) const FINE: Self = Self {
        births: [Birth::Fine; 3],
        death: Death::Fine,
        restart: Restart::Transient,
        shutdown: Shutdown::Infinity,
        start_timeout: LONG,
        limit: None,
        window: LONG,
        burden: Burden::None,
        has_family: false,
    };

    /// As good, but it is not asked.
    pub(crate) const BRUTAL: Self = Self {
        shutdown: Shutdown::BrutalKill,
        ..Self::FINE
    };

    /// One whose launches go like this.
    pub(crate) fn born(births: [Birth; 3]) -> Self {
        Self {
            births,
            ..Self::FINE
        }
    }

    /// One that ends like this, and is given its grace if it does not end.
    pub(crate) fn dying(death: Death) -> Self {
        let shutdown = match death {
            Death::Hangs | Death::Lingers => Shutdown::Timeout(GRACE),
            Death::Fine | Death::Fails | Death::Panics | Death::Takes(_) => Shutdown::Infinity,
        };
        Self {
            death,
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

    pub(crate) fn burden(self, burden: Burden) -> Self {
        Self { burden, ..self }
    }

    fn birth(&self, incarnation: u64) -> Birth {
        match incarnation {
            0 | 1 => self.births[0],
            2 => self.births[1],
            _ => self.births[2],
        }
    }

    pub(crate) fn spec(self, entry: &Arc<Entry>) -> ChildSpec<Session> {
        let weight = Weight::harmless(self.burden);
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
        let birth = self.birth(incarnation);
        if entry.common.backend_is_away() {
            return Err("the backend is away".into());
        }
        match birth {
            Birth::Ignored => return Ok(Launch::Ignore),
            Birth::StartFunctionFails => return Err(self.error()),
            Birth::StartFunctionPanics => panic!("{PLANNED}told to panic"),
            Birth::Waits => entry.is_unlatched().await,
            Birth::WaitsAndFails => {
                entry.is_unlatched().await;
                return Err(self.error());
            }
            Birth::Fine | Birth::Fails | Birth::Panics | Birth::Hangs => {}
        }
        let arguments = Arguments {
            weight: Weight::new(self.burden),
            alive,
            birth,
            plan: self,
        };
        Ok(Launch::Actor(Session, arguments))
    }

    fn error(&self) -> ActorProcessingErr {
        Box::new(Grievance::new(self.burden))
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
    birth: Birth,
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
            birth,
            plan,
        } = arguments;
        match birth {
            Birth::Fails => {
                // Rust does not give back a value on its way out of a function whose locals panic in their
                // drops, so no local may be left that does.
                let_go(weight);
                return Err(plan.error());
            }
            Birth::Panics => panic!("{PLANNED}told to panic"),
            Birth::Hangs => pending().await,
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
            // Whoever asked may have gone.
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
        state.alive.says_farewell();
        match state.plan.death {
            Death::Fine => Ok(()),
            Death::Fails => Err(state.plan.error()),
            Death::Panics => panic!("{PLANNED}told to panic"),
            Death::Hangs => pending().await,
            Death::Lingers => {
                tokio::time::sleep(LINGER).await;
                Ok(())
            }
            Death::Takes(ms) => {
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
