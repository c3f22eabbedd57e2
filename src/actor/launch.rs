//! The launch of an incarnation, in a task of its own: it calls the start function, spawns the
//! actor, reports and answers.
//!
//! The report is pushed before the caller is answered, so the caller's next command finds it done.
//!
//! No task waits for the end of a session. What there is of it releases its life when it is dropped
//! (`life`), and the last release reports. A launch is cancelled by no longer polling it; it is
//! never aborted.

use std::sync::Arc;
use std::task::{Context, Poll};

use ractor::ActorStatus;
use tokio::runtime::RuntimeFlavor;
use tokio::sync::oneshot;

use super::answers::Answer;
use super::drop_queue::Deferred;
use super::exit::error_text;
use super::guarded::Guarded;
use super::launch_pool::LaunchPool;
use super::life::Hold;
use super::linked;
use super::plan::{Makes, SpawnFailure, Starting};
use super::shared::{Found, Launch, Life, Order, Plan, Shared};
use super::span::{self, IncarnationSpan, guard_within};
use super::unwind::Panicked;
use crate::engine::{Failure, Input, Recall};

/// Makes a launch, and then those that are given to it.
pub(super) async fn serve(pool: Arc<LaunchPool<Launch>>, first: Launch) {
    let mut next = Some(first);
    while let Some((plan, order)) = next {
        run(plan, order).await;
        next = pool.next().await;
    }
}

/// Starts the session, reports and answers.
async fn run(plan: Arc<Plan>, order: Order) {
    let shared = Arc::clone(&order.shared);
    let life = Arc::clone(&order.life);
    // Held for as long as the launch holds it, whose task is not to drop the last of it.
    let last_exit = order.context.last_exit.clone();
    let attempted = attempt(plan, order, &shared, &life).await;
    if let Some(exit) = last_exit {
        shared.undelivered(exit);
    }
    if !matches!(attempted, Some(Ok(_))) {
        life.drop_span();
    }
    let failure = match attempted {
        Some(Ok(found)) => {
            let key = life.key();
            let claimed = life.claim();
            let recall = match claimed {
                Some(_) => Recall::InTime,
                None => Recall::TooLate,
            };
            let mut woken = shared.report_in_task(Input::Started { key, recall });
            woken += shared.release(&life, Hold::Launch);
            if life.holds(Hold::Tree) && life.is_marked_outlived() {
                shared.outlived(&life);
            }
            if let Some(Some(caller)) = claimed {
                // The caller's waker may be any code, and may block this thread.
                if woken > 0 {
                    shared.step_aside();
                }
                shared.answer_here(Answer::Reply(caller.started(found)));
            }
            return;
        }
        // The actor went through its `pre_start`, so ractor has refused the link. Its text for that is
        // no proof (docs/ractor.md).
        Some(Err(SpawnFailure::Failed(_))) if life.is_ready() => Some(SpawnFailure::Refused),
        Some(Err(failure)) => Some(failure),
        None => None,
    };
    life.alone_or_outlived().await;
    if let Some(orphans) = life.take_orphans() {
        linked::all_gone(*orphans, shared.root()).await;
    }
    if !life.holds(Hold::Tree) {
        shared.launch_gone();
        return report(&shared, &life, failure, Remains::Nothing);
    }
    report(&shared, &life, failure, Remains::Stuck);
    life.alone().await;
    shared.launch_gone();
    report(&shared, &life, None, Remains::Nothing);
}

/// What is left of a launch that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Remains {
    Nothing,
    /// It was a tree that had begun to start its children.
    Stuck,
}

/// Calls the start function and spawns the actor, until that is done or cancelled. Whatever is left
/// of it is dropped when this returns.
async fn attempt(
    plan: Arc<Plan>,
    order: Order,
    shared: &Shared,
    life: &Life,
) -> Option<Result<Found, SpawnFailure>> {
    // ractor would refuse the link, after the user's code has run for nothing.
    let refused = is_ending(shared);
    if refused || life.is_cancelled() {
        shared.discard_plan(plan);
        return refused.then_some(Err(SpawnFailure::Refused));
    }
    let span = span_of(&order);
    if let Some(span) = &span
        && plan.starter.makes() != Makes::Tree
    {
        life.set_span(Arc::clone(span));
    }
    let span = span.as_deref();
    let starting = guard_within(span, || plan.starter.start(order));
    shared.discard_plan(plan);
    let mut starting = match starting {
        Ok(starting) => Guarded::new(starting, &shared.lines),
        Err(Panicked(text)) => return Some(Err(SpawnFailure::Failed(text.into()))),
    };
    let run = starting.get_mut()?;
    let poll = |context: &mut Context<'_>| {
        let poll = || {
            let polled = run.as_mut().poll(context);
            // The subscriber may block this thread when the span is left.
            if polled.is_ready() && span.is_some() {
                shared.step_aside();
            }
            polled
        };
        match guard_within(span, poll) {
            Ok(polled) => polled,
            Err(Panicked(text)) => Poll::Ready(Err(SpawnFailure::Failed(text.into()))),
        }
    };
    let outcome = life.unless_cancelled(poll).await;
    if outcome.is_none()
        && let Some(starting) = starting.take()
    {
        dropped(shared, starting).await;
    }
    outcome
}

/// The span of the incarnation, if a subscriber wants it.
fn span_of(order: &Order) -> Option<Arc<IncarnationSpan>> {
    if !span::may_be_wanted() {
        return None;
    }
    let Order {
        context, shared, ..
    } = order;
    let (session, role) = if shared.has_sessions() {
        (Some(&*context.id), None)
    } else {
        (shared.speaker.home.as_deref(), Some(&*context.id))
    };
    let fields = span::Fields {
        supervisor: shared.name(),
        session,
        role,
        incarnation: context.incarnation,
    };
    IncarnationSpan::new(fields, &shared.lines, &shared.drops)
}

/// Drops a start that was cancelled on its way, with all that the user's code held there, and
/// returns when that is done. Many may be cancelled at once, so no worker of the runtime does it. A
/// runtime of one thread does it at once: there a caller that is told of the cancellation finds the
/// start gone.
async fn dropped(shared: &Shared, starting: Starting<Found>) {
    if shared.runtime().runtime_flavor() == RuntimeFlavor::CurrentThread {
        return shared.lines.drop_guarded(starting);
    }
    let (done, dropped) = oneshot::channel::<()>();
    // In this order.
    shared.drop_later([Deferred::of((starting, done))]);
    drop(dropped.await);
}

/// Tells of a launch that failed, or was cancelled, and answers.
fn report(shared: &Arc<Shared>, life: &Life, failure: Option<SpawnFailure>, remains: Remains) {
    let mut reply = None;
    let failure = match failure.map(|failure| (failure, life.claim())) {
        Some((failure, Some(caller))) => {
            let failure = explain(shared, failure);
            if let Failure::Failed(cause) = &failure {
                life.start_failed(error_text(&***cause));
            }
            reply = caller.map(|caller| caller.failed(failure.clone()));
            failure
        }
        Some((failure, None)) => {
            drop_later(shared, failure);
            Failure::Cancelled
        }
        None => Failure::Cancelled,
    };
    let key = life.key();
    shared.report(match remains {
        Remains::Nothing => Input::StartFailed { key, failure },
        Remains::Stuck => Input::StartOutlived { key, failure },
    });
    if let Some(reply) = reply {
        shared.deliver(Answer::Reply(reply));
    }
}

fn drop_later(shared: &Shared, failure: SpawnFailure) {
    if let SpawnFailure::Failed(cause) = failure {
        shared.drop_later([Deferred::Cause(cause)]);
    }
}

/// What a failure is to the engine.
fn explain(shared: &Shared, failure: SpawnFailure) -> Failure {
    // ractor refuses the link once the root is ending; that is no failure of the session.
    let ending = is_ending(shared);
    match failure {
        SpawnFailure::Refused => Failure::Cancelled,
        SpawnFailure::Failed(cause) if ending => {
            shared.drop_later([Deferred::Cause(cause)]);
            Failure::Cancelled
        }
        SpawnFailure::Failed(cause) => Failure::Failed(Arc::new(cause)),
        SpawnFailure::Ignored => Failure::Ignored,
        SpawnFailure::NameTaken(name) => Failure::NameTaken(name.into()),
    }
}

fn is_ending(shared: &Shared) -> bool {
    shared.root().get_status() >= ActorStatus::Draining
}
