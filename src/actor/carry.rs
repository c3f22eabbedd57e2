//! Carrying out the engine's effects.
//!
//! No effect is waited for: what comes of it comes back as an input. Answers, values of the user's
//! and the log are left to `outbox`.

use std::sync::Arc;

use ractor::ActorCell;

use super::driver::{Drained, Ended};
use super::launch;
use super::life::Hold;
use super::outbox::Outbox;
use super::progress::Work;
use super::publisher::Names;
use super::shared::{Driver, Order, Shared};
use crate::engine::{self, Caller, Effect, StopCause, StopWay};
use crate::reason::{RESTART_LIMIT_REACHED, SHUTDOWN};

/// Carries out all effects that there are.
pub(super) fn out_all(shared: &Arc<Shared>, driver: &mut Driver, outbox: &mut Outbox<'_>) {
    while let Some(effect) = driver.machine.poll_effect() {
        match effect {
            Effect::Launch {
                context,
                spec,
                life,
                caller,
            } => {
                if engine::Spec::policy(&spec).idle_timeout.is_some() {
                    life.in_use.record();
                }
                if let Some(caller) = caller {
                    life.set_caller(caller);
                }
                shared.launch_made();
                outbox.launched();
                let order = Order {
                    context,
                    life,
                    shared: Arc::clone(shared),
                };
                if let Err(launch) = shared.launch_pool.give((spec, order)) {
                    let pool = Arc::clone(&shared.launch_pool);
                    drop(shared.runtime().spawn(launch::serve(pool, launch)));
                }
            }
            Effect::Cancel { life, why } => {
                if let Some(Some(caller)) = life.cancel() {
                    outbox.answer(caller.cancelled(why));
                }
            }
            Effect::Stop { life, way, within } => {
                life.mark_asked();
                if let Some(tree) = life.tree() {
                    outbox.stop_tree(tree, way, within);
                } else if let Some(cell) = life.cell() {
                    ask_to_stop(cell, way);
                }
            }
            Effect::StopWithin { life, way, within } => {
                if let Some(tree) = life.tree() {
                    outbox.stop_tree(tree, way, Some(within));
                }
            }
            Effect::Kill { life } => {
                if let Some(cell) = life.cell() {
                    life.note_orphans();
                    cell.kill();
                    // The mailbox is closed, so that a message that comes later goes back to its
                    // sender: one that is stuck would take it and never handle it. To ractor that
                    // is a drain, after which `post_stop` runs; so it comes after the kill, for
                    // which ractor looks first wherever it waits. A root is sent nothing but
                    // fences.
                    if !life.holds(Hold::Tree) {
                        drop(cell.drain());
                    }
                }
            }
            Effect::Answer(reply) => outbox.answer(reply),
            Effect::Discard(value) => outbox.discard(value),
            Effect::Claimed { claim, id } => shared.claims.take(claim, id),
            Effect::Unclaimed { claim } => shared.claims.free(&claim),
            Effect::BeginStop { cause } => {
                shared.progress.work_is(match cause {
                    StopCause::Drained => Work::Draining,
                    _ => Work::Stopping,
                });
                outbox.stopping(cause);
            }
            Effect::Note {
                id,
                label,
                tag,
                incarnation,
                kind,
                error,
                repeat,
            } => {
                shared.last_failure.note(&id, incarnation, &kind);
                let names = Names { label, tag };
                outbox.note(id, names, incarnation, kind, repeat);
                if let Some(error) = error {
                    outbox.error(error);
                }
            }
            Effect::Drained { ends, tickets } => {
                let ends = Arc::new(ends);
                driver.drained = Some(Drained { ends, tickets });
            }
            Effect::Finished { report, tickets } => {
                driver.ended = Some(Ended { report, tickets });
                match report.cause {
                    StopCause::Requested
                    | StopCause::Drained
                    | StopCause::AutoShutdown
                    | StopCause::FailedStart => {
                        shared.root().stop(Some(SHUTDOWN.to_owned()));
                    }
                    StopCause::Escalated => {
                        shared.gave_up();
                        shared.root().stop(Some(RESTART_LIMIT_REACHED.to_owned()));
                    }
                    StopCause::Foreign | StopCause::Killed => {}
                }
                shared.finish();
            }
            Effect::JoinEnd { ticket } => match &mut driver.ended {
                Some(ended) => ended.tickets.push(ticket),
                None => outbox.unanswered(Caller::StopSupervisor(ticket)),
            },
            Effect::JoinDrain { ticket } => {
                driver.drained.get_or_insert_default().tickets.push(ticket);
            }
        }
    }
}

fn ask_to_stop(cell: &ActorCell, way: StopWay) {
    let draining = match way {
        StopWay::Drain => cell.drain().is_ok(),
        StopWay::AtOnce => false,
    };
    if !draining {
        cell.stop(Some(SHUTDOWN.to_owned()));
    }
}
