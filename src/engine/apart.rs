//! Taking an engine apart: every value of a user that it still holds is handed out, so that each can be
//! dropped on its own. Dropped as one, two of them that panic would end the process.
//!
//! The shell drops the values.

use super::io::{Answer, Discard, Domain, Effect, Note, Request};

/// What an effect holds that was never carried out.
pub(super) fn effect<D: Domain>(effect: Effect<D>, into: &mut Vec<Discard<D>>) {
    match effect {
        Effect::Launch {
            context,
            spec,
            life,
            ticket,
        } => {
            into.extend(context.last_exit.map(Discard::Exit));
            into.extend([Discard::Spec(spec), Discard::Life(life)]);
            into.extend(ticket.map(Discard::Ticket));
        }
        Effect::Cancel { life, answer } => {
            into.push(Discard::Life(life));
            into.extend(told(answer));
        }
        Effect::Stop { life, .. } | Effect::StopWithin { life, .. } | Effect::Kill { life } => {
            into.push(Discard::Life(life))
        }
        Effect::Answer { ticket, answer } => {
            into.push(Discard::Ticket(ticket));
            into.extend(told(answer));
        }
        Effect::Discard(value) => into.push(value),
        Effect::Note { note, .. } => match note {
            Note::StartFailed(failure) | Note::RestartFailed { failure, .. } => {
                into.push(Discard::Failure(failure));
            }
            Note::Exited { exit, .. } => into.push(Discard::Exit(exit)),
            _ => {}
        },
        Effect::Finished { tickets, .. } => into.extend(tickets.into_iter().map(Discard::Ticket)),
        Effect::JoinEnd { ticket } => into.push(Discard::Ticket(ticket)),
    }
}

fn told<D: Domain>(answer: Answer<D>) -> Option<Discard<D>> {
    match answer {
        Answer::Running(life) | Answer::Joined(life) => Some(Discard::Life(life)),
        Answer::Ended(exit) => Some(Discard::Exit(exit)),
        Answer::Failed(failure) | Answer::ChildFailed { failure, .. } => {
            Some(Discard::Failure(failure))
        }
        _ => None,
    }
}

/// What a request holds.
pub(super) fn request<D: Domain>(request: Request<D>, into: &mut Vec<Discard<D>>) {
    let (spec, ticket) = request.into_parts();
    into.extend(spec.map(Discard::Spec));
    into.push(Discard::Ticket(ticket));
}
