//! Carrying out the engine's effects.
//!
//! Absent on purpose: waiting for any of it. What comes of an effect comes back as an input. Answers,
//! values of the user's and the log are left to `leftovers`.

use std::sync::Arc;

use super::drive::{Driver, Ended};
use super::keeper;
use super::leftovers::Leftovers;
use super::plan::{Actors, Found, Order, Reply};
use super::shared::Shared;
use crate::engine::{Answer, Effect, Note, StopCause};
use crate::reason::{RESTART_LIMIT_REACHED, SHUTDOWN};

/// Carries out all effects that there are.
pub(super) fn out_all(shared: &Arc<Shared>, driver: &mut Driver, leftovers: &mut Leftovers<'_>) {
    while let Some(effect) = driver.machine.poll_effect() {
        match effect {
            Effect::Launch {
                context,
                spec,
                life,
                ticket,
            } => {
                life.set_ticket(ticket);
                shared.launch_made();
                leftovers.launched();
                let order = Order {
                    context,
                    life,
                    shared: Arc::clone(shared),
                };
                drop(shared.runtime().spawn(keeper::launch(spec, order)));
            }
            Effect::Cancel { life, answer } => {
                if let Some(Some(ticket)) = life.cancel() {
                    leftovers.answer(ticket, reply(answer));
                }
            }
            Effect::Stop { life } => {
                if let Some(tree) = life.tree() {
                    tree.stop_for_parent();
                } else if let Some(cell) = life.cell() {
                    cell.stop(Some(SHUTDOWN.to_owned()));
                }
            }
            Effect::Kill { life } => {
                if let Some(cell) = life.cell() {
                    life.note_orphans();
                    cell.kill();
                }
            }
            Effect::Answer { ticket, answer } => leftovers.answer(ticket, reply(answer)),
            Effect::Discard(value) => leftovers.discard(value),
            Effect::Note {
                id,
                incarnation,
                note,
            } => {
                if let Note::SupervisorStopping(_) = note {
                    shared.begin_stop();
                }
                leftovers.note(id, incarnation, note);
            }
            Effect::Finished {
                report,
                cause,
                tickets,
            } => {
                driver.ended = Some(Ended {
                    report,
                    cause,
                    tickets,
                });
                match cause {
                    StopCause::Requested | StopCause::AutoShutdown | StopCause::FailedStart => {
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
                None => leftovers.unanswered(ticket),
            },
        }
    }
}

fn reply(answer: Answer<Actors>) -> Reply {
    match answer {
        Answer::Running(life) => match life.cell() {
            Some(cell) => Reply::Running(Found::of(&life, cell.clone())),
            None => Reply::Down,
        },
        Answer::Parked => Reply::Parked,
        Answer::MaxSessions(max) => Reply::MaxSessions(max),
        Answer::Stopped => Reply::Stopped,
        Answer::Zombie => Reply::Zombie,
        Answer::Down => Reply::Down,
        Answer::TimedOut(_) => Reply::TimedOut,
        Answer::NotFound => Reply::NotFound,
        Answer::Ended(exit) => Reply::Ended(exit),
        Answer::Begun => Reply::Begun,
        Answer::MemberFailed { role, failure } => Reply::MemberFailed { role, failure },
        Answer::Present => Reply::Present,
        Answer::Restarting => Reply::Restarting,
        Answer::Deleted => Reply::Deleted,
    }
}
