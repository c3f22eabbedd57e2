//! Taking an engine apart: every value of a user that it still holds is handed out, so that each
//! can be dropped on its own. Dropped as one, two of them that panic would end the process.
//!
//! The shell drops the values.

use super::drain::DrainAnswer;
use super::io::{Caller, Discard, Domain, Effect, Failure};
use super::report::ShutdownReport;

/// What an effect holds that was never carried out.
pub(super) fn effect<D: Domain>(effect: Effect<D>, into: &mut Vec<Discard<D>>) {
    match effect {
        Effect::Launch {
            context,
            spec,
            life,
            caller,
        } => {
            into.extend(context.last_exit.map(Discard::Exit));
            into.extend([Discard::Spec(spec), Discard::Life(life)]);
            into.extend(caller.map(|caller| Discard::Caller(caller.into())));
        }
        Effect::Cancel { life, .. }
        | Effect::Stop { life, .. }
        | Effect::StopWithin { life, .. }
        | Effect::Kill { life } => into.push(Discard::Life(life)),
        Effect::Answer(reply) => {
            let (caller, cause) = reply.take_apart();
            into.push(Discard::Caller(caller));
            into.extend(cause.map(|cause| Discard::Failure(Failure::Failed(cause))));
        }
        Effect::Discard(value) => into.push(value),
        Effect::Claimed { .. } | Effect::Unclaimed { .. } | Effect::BeginStop { .. } => {}
        Effect::Note { error, .. } => {
            into.extend(error.map(|error| Discard::Failure(Failure::Failed(error))));
        }
        Effect::Finished { tickets, .. } => into.extend(tickets.into_iter().map(stop)),
        Effect::JoinEnd { ticket } => into.push(stop(ticket)),
        Effect::Drained { tickets, .. } => into.extend(tickets.into_iter().map(drain)),
        Effect::JoinDrain { ticket } => into.push(drain(ticket)),
    }
}

/// A caller that waits for the end of the supervisor.
pub(super) fn stop<D: Domain>(ticket: D::Ticket<ShutdownReport>) -> Discard<D> {
    Discard::Caller(Caller::StopSupervisor(ticket))
}

/// A caller that waits for the end of a drain.
fn drain<D: Domain>(ticket: D::Ticket<DrainAnswer>) -> Discard<D> {
    Discard::Caller(Caller::Drain(ticket))
}

/// What a request holds.
pub(super) fn request<D: Domain>(
    (spec, caller): (Option<D::Spec>, Caller<D>),
    into: &mut Vec<Discard<D>>,
) {
    into.extend(spec.map(Discard::Spec));
    into.push(Discard::Caller(caller));
}
