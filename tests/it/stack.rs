//! How much stack it takes to start a session whose values are large: no more than ractor alone
//! takes.
//!
//! A stack overflow ends the process. So each stack is tried in a process of its own.
//!
//! The bound is not in bytes: each side is measured in the same build.

use std::future::Future;
use std::pin::Pin;
use std::process::Command;
use std::sync::Arc;
use std::thread;

use ractor::{Actor, ActorCell, ActorProcessingErr, ActorRef, SupervisionEvent};
use session_supervisor::{ChildSpec, Launch, Options, SessionSupervisor};
use tokio::task::yield_now;

/// The size of a large value. Beside it the frames of small ones do not count.
const N: usize = 64 << 10;
/// The stacks that are tried: so many steps from none to the largest.
const STEP: usize = N / 2;
const STEPS: usize = 512;

type Large = [u8; N];

/// Its arguments become its state.
struct Plain;

#[ractor::actor(message = (), state = Large, arguments = Large)]
impl Plain {
    async fn pre_start(
        &self,
        _me: ActorRef<()>,
        first: Large,
    ) -> Result<Large, ActorProcessingErr> {
        Ok(first)
    }

    async fn handle(
        &self,
        me: ActorRef<()>,
        _message: (),
        state: &mut Large,
    ) -> Result<(), ActorProcessingErr> {
        state[1] = 1;
        me.stop(None);
        Ok(())
    }
}

/// A large actor.
struct Wide(Large);

#[ractor::actor(message = (), state = (), arguments = ())]
impl Wide {
    async fn pre_start(&self, _me: ActorRef<()>, (): ()) -> Result<(), ActorProcessingErr> {
        Ok(())
    }

    async fn handle(
        &self,
        me: ActorRef<()>,
        _message: (),
        _state: &mut (),
    ) -> Result<(), ActorProcessingErr> {
        assert_eq!(self.0[0], 0);
        me.stop(None);
        Ok(())
    }
}

/// An actor that is told much at once.
struct Listener;

struct Told(Large);

#[cfg(feature = "cluster")]
impl ractor::Message for Told {}

#[ractor::actor(message = Told, state = (), arguments = ())]
impl Listener {
    async fn pre_start(&self, _me: ActorRef<Told>, (): ()) -> Result<(), ActorProcessingErr> {
        Ok(())
    }

    async fn handle(
        &self,
        me: ActorRef<Told>,
        message: Told,
        _state: &mut (),
    ) -> Result<(), ActorProcessingErr> {
        assert_eq!(message.0[0], 0);
        me.stop(None);
        Ok(())
    }
}

/// An actor whose handler holds much while it waits.
struct Thinker;

#[ractor::actor(message = (), state = (), arguments = ())]
impl Thinker {
    async fn pre_start(&self, _me: ActorRef<()>, (): ()) -> Result<(), ActorProcessingErr> {
        Ok(())
    }

    async fn handle(
        &self,
        me: ActorRef<()>,
        _message: (),
        _state: &mut (),
    ) -> Result<(), ActorProcessingErr> {
        let mut much = [0; N];
        yield_now().await;
        much[1] += 1;
        assert_eq!(much[1], 1_u8);
        me.stop(None);
        Ok(())
    }
}

/// A supervisor by hand.
struct Root;

#[ractor::actor(message = (), state = (), arguments = ())]
impl Root {
    async fn pre_start(&self, _me: ActorRef<()>, (): ()) -> Result<(), ActorProcessingErr> {
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        _me: ActorRef<()>,
        _event: SupervisionEvent,
        _state: &mut (),
    ) -> Result<(), ActorProcessingErr> {
        Ok(())
    }
}

async fn think() -> u8 {
    let mut much = [0; N];
    yield_now().await;
    much[1] += 1;
    much[1]
}

type Run = Pin<Box<dyn Future<Output = ()>>>;

/// What is large, with ractor alone, and with ours.
type Case = (
    &'static str,
    fn(ActorCell) -> Run,
    fn(SessionSupervisor) -> Run,
);

/// Each run is a function of its own, so that none has the frame of another.
macro_rules! case {
    ($name:literal, $bare:expr, $ours:expr, $message:expr) => {
        (
            $name,
            |root| {
                Box::pin(async {
                    let session = $bare(root).await.unwrap().0;
                    session.cast($message).ok();
                    session.wait(None).await.unwrap();
                })
            },
            |sessions| {
                Box::pin(async move {
                    let session = sessions.start_session("a", $ours()).await.unwrap();
                    session.cast($message).ok();
                    session.wait(None).await.unwrap();
                    sessions.stop().await.unwrap();
                })
            },
        )
    };
}

fn name() -> Option<String> {
    Some("bare/session/a".to_owned())
}

const CASES: [Case; 6] = [
    case!(
        "arguments and state",
        |root| Plain::spawn_linked(name(), Plain, [0; N], root),
        || ChildSpec::new(|_| (Plain, [0; N])),
        ()
    ),
    case!(
        "the actor",
        |root| Wide::spawn_linked(name(), Wide([0; N]), (), root),
        || ChildSpec::new(|_| (Wide([0; N]), ())),
        ()
    ),
    case!(
        "a message",
        |root| Listener::spawn_linked(name(), Listener, (), root),
        || ChildSpec::new(|_| (Listener, ())),
        Told([0; N])
    ),
    case!(
        "what a handler holds",
        |root| Thinker::spawn_linked(name(), Thinker, (), root),
        || ChildSpec::new(|_| (Thinker, ())),
        ()
    ),
    case!(
        "what a start function holds",
        async |root| {
            assert_eq!(think().await, 1);
            Thinker::spawn_linked(name(), Thinker, (), root).await
        },
        || ChildSpec::from_fn(|_| async {
            assert_eq!(think().await, 1);
            Ok(Launch::Actor(Thinker, ()))
        }),
        ()
    ),
    case!(
        "what a spec holds",
        |root| {
            let captured = [0_u8; N];
            let spec: Arc<dyn Fn() -> (Plain, Large)> = Arc::new(move || (Plain, captured));
            let (actor, arguments) = spec();
            Plain::spawn_linked(name(), actor, arguments, root)
        },
        || {
            let captured = [0_u8; N];
            ChildSpec::new(move |_| (Plain, captured))
        },
        ()
    ),
];

async fn by_hand(run: fn(ActorCell) -> Run) {
    let (root, _) = Root::spawn(None, Root, ()).await.unwrap();
    run(root.get_cell()).await;
    root.stop_and_wait(None, None).await.unwrap();
}

async fn supervised(run: fn(SessionSupervisor) -> Run) {
    run(SessionSupervisor::start(Options::new()).await.unwrap()).await;
}

/// One run on a stack of this size; the process dies if it is too small.
fn run(stack: usize, side: &str, case: Case) {
    let supervise = side == "ours";
    let thread = thread::Builder::new().stack_size(stack).spawn(move || {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_time().build().unwrap();
        if supervise {
            runtime.block_on(supervised(case.2));
        } else {
            runtime.block_on(by_hand(case.1));
        }
    });
    thread.unwrap().join().unwrap();
}

const MEASURED: &str = "SESSION_SUPERVISOR_STACK_OF";

/// The process that measures. Without being told what, it does nothing.
#[test]
fn measurement() {
    let Ok(told) = std::env::var(MEASURED) else {
        return;
    };
    let (side, index) = told.split_once(' ').unwrap();
    let (index, stack) = index.split_once(' ').unwrap();
    let case = CASES[index.parse::<usize>().unwrap()];
    run(stack.parse().unwrap(), side, case);
}

fn suffices(side: &str, index: usize, stack: usize) -> bool {
    let process = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "stack::measurement"])
        .env(MEASURED, format!("{side} {index} {stack}"))
        .output();
    process.unwrap().status.success()
}

/// The smallest stack that suffices.
fn smallest(side: &str, index: usize) -> usize {
    let (mut fails, mut holds) = (0, STEPS);
    assert!(suffices(side, index, holds * STEP));
    while holds - fails > 1 {
        let step = usize::midpoint(fails, holds);
        if suffices(side, index, step * STEP) {
            holds = step;
        } else {
            fails = step;
        }
    }
    holds * STEP
}

#[test]
fn a_large_value_takes_no_more_stack_than_with_ractor_alone() {
    let mut more = Vec::new();
    for (index, (what, ..)) in CASES.iter().enumerate() {
        let (ours, bare) = (smallest("ours", index), smallest("bare", index));
        let line = format!(
            "{what}: {} KiB, {} with ractor alone",
            ours >> 10,
            bare >> 10
        );
        println!("{line}");
        // A message is handed on once more, by our handler to the user's, whatever that does with
        // it.
        let most = match *what {
            "a message" => bare + bare / 2,
            _ => bare,
        };
        if ours > most {
            more.push(line);
        }
    }
    assert!(more.is_empty(), "{more:#?}");
}
