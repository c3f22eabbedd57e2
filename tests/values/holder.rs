//! The session of this test: it holds a trap where the case wants one, and fails where the case
//! wants it.

use std::sync::Arc;

use ractor::{ActorProcessingErr, ActorRef, RpcReplyPort};
use session_supervisor::{ChildSpec, Launch, StartContext};

use crate::harm::{Harm, Trap};

/// Where the trap is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Actor,
    Arguments,
    State,
    Message,
    Spec,
    /// What it saved for its next incarnation.
    Checkpoint,
    LaunchError,
    LaunchPayload,
    PreStartError,
    PreStartPayload,
    CallbackError,
    CallbackPayload,
    PostStopError,
    PostStopPayload,
}

impl Value {
    pub(crate) const ALL: [Self; 14] = [
        Self::Actor,
        Self::Arguments,
        Self::State,
        Self::Message,
        Self::Spec,
        Self::Checkpoint,
        Self::LaunchError,
        Self::LaunchPayload,
        Self::PreStartError,
        Self::PreStartPayload,
        Self::CallbackError,
        Self::CallbackPayload,
        Self::PostStopError,
        Self::PostStopPayload,
    ];
}

/// What a start does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    Runs,
    /// It fails, where the value says or else in `pre_start`.
    Fails,
    /// It waits in its `pre_start`, for ever.
    Hangs,
    /// It waits until the test lets it, and fails.
    FailsLater,
    /// It blocks its thread until the test lets it, so that nothing comes in between any more, and
    /// fails.
    FailsAtLast,
}

/// How the sessions of one case behave.
#[derive(Clone)]
pub(crate) struct Plan {
    pub(crate) harm: Harm,
    pub(crate) value: Value,
    /// The first start, and all that follow.
    pub(crate) starts: (Start, Start),
    pub(crate) later: Arc<tokio::sync::Semaphore>,
    pub(crate) at_last: Arc<std::sync::Barrier>,
    /// What it told of its `pre_start`.
    pub(crate) began: Arc<tokio::sync::Semaphore>,
}

pub(crate) enum Msg {
    Echo(RpcReplyPort<()>),
    /// It fails or panics as the value says, with the trap if there is one.
    Fail(Option<Harm>),
    Panic(Harm),
    /// It waits for ever.
    Hang,
    /// It waits for the test.
    Wait(Arc<tokio::sync::Semaphore>),
    /// Never handled.
    Carry(#[expect(dead_code, reason = "only its drop counts")] Trap),
}

#[cfg(feature = "cluster")]
impl ractor::Message for Msg {}

pub(crate) struct Holder(#[expect(dead_code, reason = "only its drop counts")] Option<Trap>);

pub(crate) struct Arguments {
    trap: Option<Trap>,
    plan: Option<Plan>,
    start: Start,
}

pub(crate) struct State {
    plan: Option<Plan>,
    #[expect(dead_code, reason = "only its drop counts")]
    trap: Option<Trap>,
}

#[ractor::actor(message = Msg, state = State, arguments = Arguments)]
impl Holder {
    async fn pre_start(
        &self,
        _myself: ActorRef<Msg>,
        arguments: Arguments,
    ) -> Result<State, ActorProcessingErr> {
        let Arguments { plan, start, .. } = &arguments;
        let Some(plan) = plan.clone() else {
            let (plan, trap) = (None, None);
            return Ok(State { plan, trap });
        };
        plan.began.add_permits(1);
        match start {
            Start::Runs => {}
            Start::Hangs => std::future::pending().await,
            Start::FailsLater | Start::FailsAtLast | Start::Fails => {
                if *start == Start::FailsLater {
                    plan.later.acquire().await?.forget();
                }
                if *start == Start::FailsAtLast {
                    plan.at_last.wait();
                }
                return match plan.value {
                    Value::PreStartPayload => std::panic::panic_any(plan.harm.trap()),
                    Value::PreStartError => Err(Box::new(plan.harm.trap())),
                    _ => Err("it fails".into()),
                };
            }
        }
        let trap = (plan.value == Value::State).then(|| plan.harm.trap());
        // It outlives the rest of this call only in a start that hangs.
        drop(arguments.trap);
        let plan = Some(plan);
        Ok(State { plan, trap })
    }

    async fn handle(
        &self,
        _myself: ActorRef<Msg>,
        message: Msg,
        _state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            Msg::Echo(reply) => drop(reply.send(())),
            Msg::Fail(None) => return Err("it fails".into()),
            Msg::Fail(Some(harm)) => return Err(Box::new(harm.trap())),
            Msg::Panic(harm) => std::panic::panic_any(harm.trap()),
            Msg::Hang => std::future::pending().await,
            Msg::Wait(gate) => gate.acquire().await?.forget(),
            Msg::Carry(_) => {}
        }
        Ok(())
    }

    async fn post_stop(
        &self,
        _myself: ActorRef<Msg>,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        match &state.plan {
            Some(plan) if plan.value == Value::PostStopError => Err(Box::new(plan.harm.trap())),
            Some(plan) if plan.value == Value::PostStopPayload => {
                std::panic::panic_any(plan.harm.trap())
            }
            _ => Ok(()),
        }
    }
}

/// A session without any trap.
pub(crate) fn plain() -> ChildSpec<Holder> {
    ChildSpec::new(|_| quiet())
}

/// What such a session is made from.
pub(crate) fn quiet() -> (Holder, Arguments) {
    let arguments = Arguments {
        trap: None,
        plan: None,
        start: Start::Runs,
    };
    (Holder(None), arguments)
}

/// A session of a case. What the start function captures is dropped with the spec.
pub(crate) fn spec(plan: &Plan) -> ChildSpec<Holder> {
    let captured = (plan.value == Value::Spec).then(|| plan.harm.trap());
    let plan = plan.clone();
    ChildSpec::from_fn(move |context: StartContext| {
        let _captured = &captured;
        let plan = plan.clone();
        async move {
            if plan.value == Value::Checkpoint && context.incarnation == 1 {
                context.checkpoint().save(plan.harm.trap())?;
            }
            let start = match context.incarnation {
                1 => plan.starts.0,
                _ => plan.starts.1,
            };
            if matches!(plan.value, Value::LaunchError | Value::LaunchPayload) {
                match start {
                    Start::FailsLater => {
                        plan.began.add_permits(1);
                        plan.later.acquire().await?.forget();
                    }
                    Start::FailsAtLast => {
                        plan.began.add_permits(1);
                        plan.at_last.wait();
                    }
                    Start::Runs | Start::Fails | Start::Hangs => {}
                }
            }
            let fails = !matches!(start, Start::Runs | Start::Hangs);
            match plan.value {
                Value::LaunchError if fails => return Err(Box::new(plan.harm.trap()).into()),
                Value::LaunchPayload if fails => std::panic::panic_any(plan.harm.trap()),
                _ => {}
            }
            let trap = |value| (plan.value == value).then(|| plan.harm.trap());
            let actor = Holder(trap(Value::Actor));
            let trap = trap(Value::Arguments);
            let plan = Some(plan);
            Ok(Launch::Actor(actor, Arguments { trap, plan, start }))
        }
    })
}
