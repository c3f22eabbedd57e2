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

use ractor::ActorStatus;
use tokio::task::JoinHandle;

use super::life::{Left, Life};
use super::plan::{Order, Plan, Reply, SpawnFailure, Spawned};
use super::shared::Shared;
use super::unwind::{Panicked, drop_guarded, guard_future};
use crate::engine::{Failure, Input, Recall};
use crate::names;

/// The whole life of a keeper.
pub(crate) async fn keep(plan: Arc<Plan>, order: Order) {
    let shared = Arc::clone(&order.shared);
    let life = Arc::clone(&order.life);
    let launch: Pin<Box<dyn Future<Output = Option<JoinHandle<()>>> + Send>> =
        Box::pin(launch(plan, order));
    let Some(join) = launch.await else {
        return;
    };
    // A task that panicked in its last drops is done as well.
    drop(join.await);
    let key = life.key();
    match life.joined() {
        Left::Nothing => shared.report(Input::Released { key }),
        Left::State | Left::Task => shared.report(Input::Joined { key }),
    }
}

/// Starts the session, reports and answers. The join handle of the actor, if there is one.
async fn launch(plan: Arc<Plan>, order: Order) -> Option<JoinHandle<()>> {
    let shared = Arc::clone(&order.shared);
    let life = Arc::clone(&order.life);
    let id = Arc::clone(&order.context.id);
    match attempt(plan, order, &life).await {
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
            Some(join)
        }
        Some(Err(failure)) => {
            life.unguarded().await;
            report_failure(&shared, &life, &id, failure);
            None
        }
        None => {
            life.unguarded().await;
            report_cancelled(&shared, &life);
            None
        }
    }
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
    // The start function runs in the first poll, so that its panic is caught here too.
    let mut starting: Pin<Box<dyn Future<Output = _> + Send>> = Box::pin(async move {
        let starting = plan.starter.start(order);
        drop_guarded(plan);
        starting.await
    });
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
