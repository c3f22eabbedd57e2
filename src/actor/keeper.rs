//! One task per incarnation: it calls the start function, spawns the actor, reports, answers, and
//! waits for the end.
//!
//! The report is pushed before the caller is answered, so the caller's next command finds it done.
//! The launch lives in a box of its own that is gone before the wait begins.
//!
//! Absent on purpose: aborting. A launch is cancelled by no longer polling it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, ready};
use std::time::Duration;

use ractor::{ActorCell, ActorStatus};
use tokio::task::JoinHandle;

use super::life::{Left, Life};
use super::plan::{Order, Plan, Reply, SpawnFailure, Spawned};
use super::shared::Shared;
use super::unwind::{Panicked, drop_guarded, guard, guard_future};
use crate::engine::{Failure, Input, Recall};
use crate::names;

/// How long a session's own children are waited for. Shorter than the kill bound, or their session
/// would count as a zombie.
const ORPHAN_BOUND: Duration = Duration::from_millis(500);

/// The whole life of a keeper. Written by hand, since it is there as long as the session: an `async
/// fn` would keep room for all that its launch needed.
pub(crate) struct Keeper {
    life: Arc<Life>,
    shared: Arc<Shared>,
    work: Work,
}

enum Work {
    Launch(Pin<Box<dyn Future<Output = Option<JoinHandle<()>>> + Send>>),
    Wait(JoinHandle<()>),
    /// The session is gone, its own children may not be.
    Orphans(Pin<Box<dyn Future<Output = ()> + Send>>),
    Done,
}

impl Keeper {
    pub(crate) fn new(plan: Arc<Plan>, order: Order) -> Self {
        Self {
            life: Arc::clone(&order.life),
            shared: Arc::clone(&order.shared),
            work: Work::Launch(Box::pin(launch(plan, order))),
        }
    }

    fn joined(&self) {
        let key = self.life.key();
        match self.life.joined() {
            Left::Nothing => self.shared.released(&self.life),
            Left::State | Left::Task => self.shared.report(Input::Joined { key }),
        }
    }
}

impl Future for Keeper {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut TaskContext<'_>) -> Poll<()> {
        loop {
            match &mut self.work {
                Work::Launch(launch) => {
                    self.work = match ready!(launch.as_mut().poll(context)) {
                        Some(join) => Work::Wait(join),
                        None => Work::Done,
                    };
                }
                Work::Wait(join) => {
                    // A task that panicked in its last drops is done as well.
                    drop(ready!(Pin::new(join).poll(context)));
                    let orphans = self.life.take_orphans();
                    if orphans.is_empty() {
                        self.work = Work::Done;
                        self.joined();
                    } else {
                        self.work = Work::Orphans(Box::pin(all_gone(orphans)));
                    }
                }
                Work::Orphans(gone) => {
                    ready!(gone.as_mut().poll(context));
                    self.work = Work::Done;
                    self.joined();
                }
                Work::Done => return Poll::Ready(()),
            }
        }
    }
}

/// Starts the session, reports and answers. The join handle of the actor, if there is one.
async fn launch(plan: Arc<Plan>, order: Order) -> Option<JoinHandle<()>> {
    let shared = Arc::clone(&order.shared);
    let life = Arc::clone(&order.life);
    let id = Arc::clone(&order.context.id);
    let failure = match attempt(plan, order, &life).await {
        Some(Ok(Spawned { cell, join })) => {
            let key = life.key();
            let claimed = life.report();
            let recall = match claimed {
                Some(_) => Recall::InTime,
                None => Recall::TooLate,
            };
            shared.report(Input::Started { key, recall });
            if let Some(Some(ticket)) = claimed {
                ticket.answer(Reply::Started(cell));
            }
            return Some(join);
        }
        Some(Err(failure)) => Some(failure),
        None => None,
    };
    life.unguarded().await;
    all_gone(life.take_orphans()).await;
    match failure {
        Some(failure) => report_failure(&shared, &life, &id, failure),
        None => report_cancelled(&shared, &life),
    }
    None
}

/// Waits for a session's own children, which ractor has killed without waiting: a restart would meet
/// their names. One that is stuck does not keep the session for long.
async fn all_gone(orphans: Vec<ActorCell>) {
    if orphans.is_empty() {
        return;
    }
    let each = async {
        for orphan in orphans {
            // Without a limit of its own it cannot run out of time.
            drop(orphan.wait(None).await);
        }
    };
    drop(tokio::time::timeout(ORPHAN_BOUND, each).await);
}

/// Calls the start function and spawns the actor, until that is done or cancelled. Whatever is left
/// of it is dropped when this returns.
async fn attempt(
    plan: Arc<Plan>,
    order: Order,
    life: &Life,
) -> Option<Result<Spawned, SpawnFailure>> {
    // ractor would refuse the link, after the user's code has run for nothing.
    if is_ending(&order.shared) {
        drop_guarded(plan);
        return Some(Err(SpawnFailure::Failed("the supervisor is ending".into())));
    }
    if life.is_cancelled() {
        drop_guarded((plan, order));
        return None;
    }
    let starting = guard(|| plan.starter.start(order));
    drop_guarded(plan);
    let mut starting = match starting {
        Ok(starting) => starting,
        Err(Panicked(text)) => return Some(Err(SpawnFailure::Failed(text.into()))),
    };
    let outcome = tokio::select! {
        biased;
        () = life.cancelled() => None,
        outcome = guard_future(starting.as_mut()) => Some(match outcome {
            Ok(result) => result,
            Err(Panicked(text)) => Err(SpawnFailure::Failed(text.into())),
        }),
    };
    drop_guarded(starting);
    outcome
}

fn report_failure(shared: &Arc<Shared>, life: &Life, id: &str, failure: SpawnFailure) {
    let Some(ticket) = life.report() else {
        drop_guarded(failure);
        report_cancelled(shared, life);
        return;
    };
    let key = life.key();
    // ractor refuses the link once the root is ending; that is nobody's failure.
    let ending = is_ending(shared);
    let (failure, reply) = match failure {
        SpawnFailure::Failed(_) if ending => (Failure::Cancelled, Reply::Down),
        SpawnFailure::Failed(cause) => {
            let cause = Arc::new(cause);
            (Failure::Failed(Arc::clone(&cause)), Reply::Failed(cause))
        }
        SpawnFailure::Ignored => (Failure::Ignored, Reply::Ignored),
        SpawnFailure::NameTaken => {
            let name = names::session(shared.name(), id);
            let holder = ractor::registry::where_is(name);
            (Failure::NameTaken, Reply::NameTaken(holder))
        }
    };
    shared.report(Input::StartFailed { key, failure });
    if let Some(ticket) = ticket {
        ticket.answer(reply);
    }
}

fn report_cancelled(shared: &Arc<Shared>, life: &Life) {
    let key = life.key();
    shared.report(Input::StartFailed {
        key,
        failure: Failure::Cancelled,
    });
}

fn is_ending(shared: &Shared) -> bool {
    shared.root().get_status() >= ActorStatus::Draining
}
