//! The values of a task, in each of its ends: what its function has captured, what its future
//! holds, its error, the payload of its panic, and the waker of another that waits for its signal.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Instant;

use ractor::ActorProcessingErr;
use session_supervisor::{
    ChildSpec, KILL_BOUND, Restart, SessionSupervisor, Shutdown, StopSignal, Task,
};
use tokio::runtime::Builder;
use tokio::sync::Semaphore;

use crate::asks::later;
use crate::ends::{End as Outer, supervisor};
use crate::harm::{Harm, Kind, LONG, Trap};
use crate::holder::plain;
use crate::others::{a_killed_one_comes_back, are_served};
use crate::table::until_none_is_stuck;

/// Where the trap is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Value {
    /// In what the function has captured: it is dropped with the spec.
    Capture,
    Future,
    Error,
    Payload,
    /// It is the waker itself that harms, when the signal is set.
    Waker,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Ok,
    Fails,
    Panics,
    FunctionPanics,
    Stop,
    BrutalStop,
    Kill,
    RestartByHand,
    SupervisorStop,
    SupervisorKill,
    ForeignStop,
    AlreadyStarted,
}

impl End {
    const ALL: [Self; 12] = [
        Self::Ok,
        Self::Fails,
        Self::Panics,
        Self::FunctionPanics,
        Self::Stop,
        Self::BrutalStop,
        Self::Kill,
        Self::RestartByHand,
        Self::SupervisorStop,
        Self::SupervisorKill,
        Self::ForeignStop,
        Self::AlreadyStarted,
    ];

    fn concerns(self, value: Value) -> bool {
        match value {
            Value::Capture => self != Self::RestartByHand,
            Value::Future | Value::Waker => {
                !matches!(self, Self::FunctionPanics | Self::AlreadyStarted)
            }
            Value::Error => self == Self::Fails,
            Value::Payload => matches!(self, Self::Panics | Self::FunctionPanics),
        }
    }

    fn leaves_the_supervisor(self) -> bool {
        !matches!(
            self,
            Self::SupervisorStop | Self::SupervisorKill | Self::ForeignStop
        )
    }
}

type Kept = Pin<Box<dyn Future<Output = ()> + Send>>;

#[derive(Clone)]
struct Plan {
    harm: Harm,
    value: Value,
    end: End,
    /// Told at the first poll of each future.
    begun: Arc<Semaphore>,
    /// Given to the futures that end by themselves.
    go: Arc<Semaphore>,
    /// What waits for a signal, outside of its task.
    kept: Arc<Mutex<Vec<Kept>>>,
}

/// A waker that harms.
struct Striking(Harm);

impl Wake for Striking {
    fn wake(self: Arc<Self>) {
        self.0.strike();
    }
}

/// A future with a trap beside it: among its locals it would be dropped while a panic unwinds, and
/// two panics end the process.
struct Holding {
    inner: Pin<Box<dyn Future<Output = Result<(), ActorProcessingErr>> + Send>>,
    _trap: Option<Trap>,
}

impl Future for Holding {
    type Output = Result<(), ActorProcessingErr>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.inner.as_mut().poll(context)
    }
}

impl Plan {
    async fn run(self, stop: StopSignal) -> Result<(), ActorProcessingErr> {
        if self.value == Value::Waker {
            let waker = Waker::from(Arc::new(Striking(self.harm.clone())));
            let mut requested: Kept = Box::pin(stop.requested());
            let polled = requested.as_mut().poll(&mut Context::from_waker(&waker));
            assert!(polled.is_pending());
            self.kept.lock().unwrap().push(requested);
        }
        self.begun.add_permits(1);
        match self.end {
            End::Ok | End::Fails | End::Panics => self.go.acquire().await?.forget(),
            _ => stop.requested().await,
        }
        match (self.end, self.value) {
            (End::Fails, Value::Error) => Err(Box::new(self.harm.trap()).into()),
            (End::Fails, _) => Err("it fails".into()),
            (End::Panics, Value::Payload) => std::panic::panic_any(self.harm.trap()),
            (End::Panics, _) => panic!("meant: it panics"),
            _ => Ok(()),
        }
    }
}

fn spec(plan: &Plan) -> ChildSpec<Task> {
    let captured = (plan.value == Value::Capture).then(|| plan.harm.trap());
    let plan = plan.clone();
    let shutdown = match plan.end {
        End::BrutalStop => Shutdown::BrutalKill,
        _ => Shutdown::default(),
    };
    let spec = ChildSpec::task(move |start, stop| {
        let _captured = &captured;
        let mut plan = plan.clone();
        match (plan.end, plan.value) {
            (End::FunctionPanics, Value::Payload) => std::panic::panic_any(plan.harm.trap()),
            (End::FunctionPanics, _) => panic!("meant: the function panics"),
            _ => {}
        }
        // A restart by hand makes another one, without a trap.
        let first = start.incarnation == 1;
        let trap = (first && plan.value == Value::Future).then(|| plan.harm.trap());
        if !first {
            plan.value = Value::Future;
        }
        let inner = Box::pin(plan.run(stop));
        Holding { inner, _trap: trap }
    });
    spec.restart(Restart::Temporary).shutdown(shutdown)
}

/// Plays a case up to the drops.
async fn play(plan: &Plan, sessions: &SessionSupervisor, ids: &[String]) {
    let mut cells = Vec::new();
    for id in ids {
        match plan.end {
            End::FunctionPanics => later(sessions.start_session(id, spec(plan))).await,
            End::AlreadyStarted => {
                sessions.start_session(id, plain()).await.unwrap();
                later(sessions.start_session(id, spec(plan))).await;
            }
            _ => cells.push(sessions.start_session(id, spec(plan)).await.unwrap()),
        }
    }
    let all = u32::try_from(cells.len()).unwrap();
    plan.begun.acquire_many(all).await.unwrap().forget();
    for (cell, id) in cells.iter().zip(ids) {
        match plan.end {
            End::Ok | End::Fails | End::Panics => plan.go.add_permits(1),
            End::Stop | End::BrutalStop => later(sessions.stop_session(id)).await,
            End::Kill => cell.kill(),
            End::RestartByHand => later(sessions.restart_session(id)).await,
            _ => {}
        }
    }
    match plan.end {
        End::SupervisorStop => later(sessions.stop()).await,
        End::SupervisorKill => sessions.get_cell().kill(),
        End::ForeignStop => sessions.get_cell().stop(None),
        _ => {}
    }
}

fn check(value: Value, end: End, kind: Kind, many: usize) {
    let what = &format!("a task: {value:?}, {end:?}, {kind:?}, {many}");
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let plan = Plan {
        harm: Harm::new(kind),
        value,
        end,
        begun: Arc::new(Semaphore::new(0)),
        go: Arc::new(Semaphore::new(0)),
        kept: Arc::default(),
    };
    let harm = &plan.harm;
    let ids: Vec<_> = (0..many).map(|n| format!("case {n}")).collect();
    let (sessions, bystanders) =
        runtime.block_on(async { (supervisor(Outer::Stop).await, supervisor(Outer::Stop).await) });
    let begun = Instant::now();
    let played = runtime.block_on(async {
        let play = play(&plan, &sessions, &ids);
        tokio::time::timeout(LONG, play).await
    });
    assert!(played.is_ok(), "{what}: it does not get there");
    harm.wait_for(1, what);
    are_served(runtime.handle(), &bystanders, what);
    if end.leaves_the_supervisor() {
        are_served(runtime.handle(), &sessions, what);
        if many == 1 {
            a_killed_one_comes_back(runtime.handle(), &sessions, what);
        }
    }
    // What is being dropped for longer than a kill may take is rightly told to be stuck.
    let rightly = kind == Kind::Blocks && begun.elapsed() >= KILL_BOUND / 2;
    harm.release();
    let stuck = runtime.block_on(async {
        let stuck = tokio::time::timeout(LONG, until_none_is_stuck(&sessions)).await;
        let stuck = stuck.unwrap_or_else(|_| panic!("{what}: an id is stuck"));
        let stop = tokio::time::timeout(LONG, sessions.stop()).await;
        let stop = stop.unwrap_or_else(|_| panic!("{what}: the stop is not answered"));
        let bystanders = tokio::time::timeout(LONG, bystanders.stop()).await;
        bystanders.unwrap().unwrap();
        stuck + stop.map_or(0, |report| report.stuck)
    });
    assert!(stuck == 0 || rightly, "{what}: {stuck} were stuck");
    drop(sessions);
    harm.all_dropped(what);
}

/// Plays all cases, and tells of all that fail.
fn each(cases: Vec<(Value, End, Kind, usize)>) {
    let failed: Vec<_> = cases
        .into_iter()
        .filter(|&(value, end, kind, many)| {
            let played = std::panic::catch_unwind(|| check(value, end, kind, many));
            played.is_err()
        })
        .collect();
    assert!(failed.is_empty(), "{failed:#?}");
}

fn check_all(kind: Kind) {
    let values = [
        Value::Capture,
        Value::Future,
        Value::Error,
        Value::Payload,
        Value::Waker,
    ];
    let all = values
        .into_iter()
        .flat_map(|value| End::ALL.map(|end| (value, end)));
    let cases = all.filter(|(value, end)| end.concerns(*value));
    let cases: Vec<_> = cases.map(|(value, end)| (value, end, kind, 1)).collect();
    assert_eq!(
        cases.len(),
        11 + 10 + 10 + 1 + 2,
        "the table has lost cases"
    );
    each(cases);
}

#[test]
fn a_value_of_a_task_that_panics_affects_no_other() {
    check_all(Kind::Panics);
}

#[test]
fn a_value_of_a_task_that_blocks_delays_no_other() {
    check_all(Kind::Blocks);
}

/// Where a worker of the runtime runs no user code that drops them.
#[test]
fn many_values_of_tasks_that_block_at_once_delay_no_other() {
    let cases = [
        (Value::Future, End::Kill),
        (Value::Future, End::BrutalStop),
        (Value::Waker, End::Kill),
        (Value::Capture, End::Stop),
        (Value::Capture, End::AlreadyStarted),
    ];
    let both = |(value, end)| [Kind::Blocks, Kind::Panics].map(|kind| (value, end, kind, 64));
    each(cases.into_iter().flat_map(both).collect());
}
