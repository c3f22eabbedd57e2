//! Carrying out the engine's effects, and burying what is left of the user's values.
//!
//! Absent on purpose: waiting for any of it. What comes of an effect comes back as an input.

use std::sync::Arc;

use super::drive::{Driver, Ended};
use super::keeper;
use super::log;
use super::plan::{Order, Plan, Reply, Sessions};
use super::shared::Shared;
use super::unwind::drop_guarded;
use crate::engine::{Answer, Discard, Effect, Exit, Note, Seen, StopCause};
use crate::reason::{RESTART_LIMIT_REACHED, SHUTDOWN};

/// Values whose drop may run a user's code. They are dropped in a task of their own.
#[derive(Debug, Default)]
pub(super) struct Leftovers(Vec<Leftover>);

#[derive(Debug)]
#[expect(dead_code, reason = "the values are kept only to be dropped elsewhere")]
enum Leftover {
    Plan(Arc<Plan>),
    Exit(Exit),
    Seen(Seen),
    Note(Note),
}

impl Leftovers {
    pub(super) fn bury(self, shared: &Shared) {
        if !self.0.is_empty() {
            let dropped = async move { self.0.into_iter().for_each(drop_guarded) };
            drop(shared.runtime().spawn(dropped));
        }
    }

    fn discard(&mut self, value: Discard<Sessions>) {
        match value {
            Discard::Spec(plan) => self.0.push(Leftover::Plan(plan)),
            Discard::Exit(exit @ Exit::Failed { .. }) => self.0.push(Leftover::Exit(exit)),
            Discard::Seen(seen @ Seen::Failed(_)) => self.0.push(Leftover::Seen(seen)),
            Discard::Exit(_) | Discard::Seen(_) => {}
            Discard::Life(life) => drop(life),
        }
    }
}

/// Carries out all effects that there are.
pub(super) fn out_all(shared: &Arc<Shared>, driver: &mut Driver, leftovers: &mut Leftovers) {
    while let Some(effect) = driver.engine.poll_effect() {
        match effect {
            Effect::Launch {
                context,
                spec,
                life,
                ticket,
            } => {
                life.set_ticket(ticket);
                let order = Order {
                    context,
                    life,
                    shared: Arc::clone(shared),
                };
                drop(shared.runtime().spawn(keeper::keep(spec, order)));
            }
            Effect::Cancel { life, answer } => {
                if let Some(Some(ticket)) = life.cancel() {
                    ticket.answer(reply(answer));
                }
            }
            Effect::Stop { life } => {
                if let Some(cell) = life.cell() {
                    cell.stop(Some(SHUTDOWN.to_owned()));
                }
            }
            Effect::Kill { life } => {
                if let Some(cell) = life.cell() {
                    cell.kill();
                }
            }
            Effect::Answer { ticket, answer } => ticket.answer(reply(answer)),
            Effect::Discard(value) => leftovers.discard(value),
            Effect::Note {
                id,
                incarnation,
                note,
            } => {
                log::write(shared.name(), id.as_deref(), incarnation, &note);
                if log::holds_user_values(&note) {
                    leftovers.0.push(Leftover::Note(note));
                }
            }
            Effect::Finished {
                report,
                cause,
                tickets,
            } => {
                log::stopped(shared.name(), &report);
                driver.ended = Some(Ended { report, tickets });
                match cause {
                    StopCause::Requested => shared.root().stop(Some(SHUTDOWN.to_owned())),
                    StopCause::Escalated => {
                        shared.root().stop(Some(RESTART_LIMIT_REACHED.to_owned()));
                    }
                    StopCause::Foreign | StopCause::Killed => {}
                }
                shared.finish();
            }
            Effect::JoinEnd { ticket } => match &mut driver.ended {
                Some(ended) => ended.tickets.push(ticket),
                None => ticket.answer(Reply::Down),
            },
        }
    }
}

fn reply(answer: Answer<Sessions>) -> Reply {
    match answer {
        Answer::Running(life) => match life.cell() {
            Some(cell) => Reply::Running(cell.clone()),
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
    }
}
