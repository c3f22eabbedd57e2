//! What the engines do in thousands of histories, as one number for each hundred of them. A change
//! of the code that changes no rule leaves all numbers equal.
//!
//! The hash covers every effect in its order, with its time, launch numbers, callers and answers.
//! After every step it also covers when the engine wants to be called, and its counts. The words
//! that are hashed are this file's own, so a type or a field can be renamed. The numbers are in
//! `tests/oracle`. A change of a rule writes them anew with `ORACLE=write cargo test --test sim`,
//! and its commit says which rule.

use std::fmt::{self, Write as _};
use std::time::Duration;

use session_supervisor::engine::{
    Cause, Counts, Decision, Discard, DrainEnd, DrainOutcome, Effect, EventKind, Exit, Failure,
    Kill, Life, Limit, Moment, MoreTimeAnswer, Pending, ProgressAnswer, Rejection, Seen,
    ShutdownReport, StopCause, StopWay,
};

use crate::domain::{SimDomain, SimFound, SimLife};
use crate::events;
use crate::told::{Told, launches_for, told, untold};

/// A hash under way (FNV-1a).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hash(pub(crate) u64);

impl fmt::Write for Hash {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            self.byte(byte);
        }
        Ok(())
    }
}

impl Hash {
    pub(crate) const fn new() -> Self {
        Self(0xCBF2_9CE4_8422_2325)
    }

    pub(crate) fn byte(&mut self, byte: u8) {
        self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3);
    }

    /// An effect of the engine.
    pub(crate) fn effect(&mut self, now: Moment, effect: &Effect<SimDomain>) {
        let now = nanos(now.since_start());
        let text = match effect {
            Effect::Launch {
                context,
                life,
                caller,
                ..
            } => {
                let last = context.last_exit.as_ref().map_or("none".into(), exit);
                let caller = caller
                    .as_ref()
                    .map_or(-1, |caller| number(launches_for(caller)));
                let (id, life) = (&context.id, launch(life));
                let (incarnation, attempt) = (context.incarnation, context.attempt);
                format!("launch {life} {id} {incarnation} {attempt} {last} {caller}")
            }
            Effect::Cancel { life, why } => {
                format!("cancel {} {}", launch(life), said(&Told::from(*why)))
            }
            Effect::Stop { life, way, within } => {
                let way = match way {
                    StopWay::AtOnce => "at once",
                    StopWay::Drain => "drain",
                };
                let within = within.map_or("ever".into(), nanos);
                format!("stop {} {way} {within}", launch(life))
            }
            Effect::StopWithin { life, within, .. } => {
                format!("stop within {} {}", launch(life), nanos(*within))
            }
            Effect::Kill { life } => format!("kill {}", launch(life)),
            Effect::Answer(reply) => {
                let (ticket, told) = told(reply);
                format!("answer {ticket} {}", said(&told))
            }
            Effect::Discard(value) => format!("discard {}", discarded(value)),
            Effect::Claimed { claim, id } => format!("claimed {claim} {id}"),
            Effect::Unclaimed { claim } => format!("unclaimed {claim}"),
            Effect::BeginStop { cause } => {
                format!("note - 0 supervisor stopping {}", ends(*cause))
            }
            Effect::Note {
                id,
                incarnation,
                kind,
                error,
                ..
            } => {
                format!("note {id} {incarnation} {}", noted(kind, error.as_ref()))
            }
            Effect::Finished { report, tickets } => {
                let tickets: Vec<_> = tickets.iter().map(|ticket| ticket.0).collect();
                let cause = ends(report.cause);
                format!("finished {cause} {} {tickets:?}", counted(report))
            }
            Effect::JoinEnd { ticket } => format!("join end {}", ticket.0),
            Effect::Drained { ends, tickets } => {
                let ends: Vec<_> = ends.iter().map(drained).collect();
                let tickets: Vec<_> = tickets.iter().map(|ticket| ticket.0).collect();
                format!("drained {} {tickets:?}", ends.join(" "))
            }
            Effect::JoinDrain { ticket } => format!("join drain {}", ticket.0),
        };
        let _ = writeln!(self, "{now} {text}");
    }

    /// What can be asked of the engine after a step.
    pub(crate) fn state(&mut self, due: Option<Moment>, counts: Counts) {
        let due = due.map_or("never".into(), |due| nanos(due.since_start()));
        let Counts {
            specs,
            active,
            supervisors,
            workers,
            starting,
            restarting,
            stopping,
            parked,
            stuck,
            ..
        } = counts;
        let running = [specs, active, supervisors, workers, starting];
        let others = [restarting, stopping, parked, stuck];
        let _ = writeln!(self, "state {due} {running:?} {others:?}");
    }
}

fn number(of: usize) -> i64 {
    i64::try_from(of).expect("small")
}

fn nanos(of: Duration) -> String {
    of.as_nanos().to_string()
}

fn launch(life: &SimLife) -> u64 {
    life.0.key.launch.0
}

fn launch_of(found: &SimFound) -> u64 {
    found.0.key.launch.0
}

fn text_of(cause: &Cause) -> String {
    let text = cause.to_string();
    match &*text {
        // Those of the simulation. How the engine says its own is no decision.
        "crash" | "no start" | "stale" | "panic" => text,
        _ => "own".to_owned(),
    }
}

fn exit(exit: &Exit) -> String {
    match exit {
        Exit::Normal { reason } => format!("normal {}", reason.as_deref().unwrap_or("-")),
        Exit::Shutdown => "shutdown".to_owned(),
        Exit::Killed => "killed".to_owned(),
        Exit::Failed { cause } => format!("failed {}", text_of(cause)),
        Exit::NotRunning => "not running".to_owned(),
        other => panic!("unknown {other:?}"),
    }
}

fn failure(failure: &Failure) -> String {
    match failure {
        Failure::Failed(cause) => format!("failed {}", text_of(cause)),
        Failure::Ignored => "ignored".to_owned(),
        Failure::NameTaken(name) => format!("name {name}"),
        Failure::Cancelled => "cancelled".to_owned(),
        Failure::TimedOut(after) => format!("timed out {}", nanos(*after)),
    }
}

fn seen(seen: &Seen) -> String {
    match seen {
        Seen::Terminated(reason) => format!("terminated {}", reason.as_deref().unwrap_or("-")),
        Seen::Failed(cause) => format!("failed {}", text_of(cause)),
    }
}

fn said(told: &Told) -> String {
    match told {
        Told::Running(found) => format!("running {}", launch_of(found)),
        Told::Joined(found) => format!("joined {}", launch_of(found)),
        Told::Failed(why) => format!("failed {}", failure(why)),
        Told::Parked => "parked".to_owned(),
        Told::ClaimTaken(taken) => format!("taken {} {}", taken.claim, taken.holder),
        Told::MaxSessions(max) => format!("max sessions {max}"),
        Told::Rejected(Rejection::StartRate { rate, retry_after }) => {
            let (n, per) = (rate.n(), nanos(rate.per()));
            format!("rejected {n} in {per} wait {}", nanos(*retry_after))
        }
        Told::Rejected(Rejection::Quota { group, max }) => format!("rejected {group} {max}"),
        Told::Stopped => "stopped".to_owned(),
        Told::Stuck => "stuck".to_owned(),
        Told::Down => "down".to_owned(),
        Told::TimedOut(after) => format!("timed out {}", nanos(*after)),
        Told::NotFound => "not found".to_owned(),
        Told::Ended(how) => format!("ended {}", exit(how)),
        Told::Gone(end) => format!("gone {} {}", exit(&end.exit), end.why),
        Told::Begun => "begun".to_owned(),
        Told::ChildFailed { role, failure: why } => {
            format!("child failed {role} {}", failure(why))
        }
        Told::Present => "present".to_owned(),
        Told::Restarting => "restarting".to_owned(),
        Told::Deleted => "deleted".to_owned(),
        Told::Leased => "leased".to_owned(),
        Told::Stopping => "stopping".to_owned(),
        Told::Draining => "draining".to_owned(),
        Told::Progress(ProgressAnswer::At(progress)) => format!("progress {progress}"),
        Told::Progress(ProgressAnswer::Over) => "progress over".to_owned(),
        Told::MoreTime(MoreTimeAnswer::Has(time)) => format!("more time {}", nanos(*time)),
        Told::MoreTime(MoreTimeAnswer::NotFound) => "more time not found".to_owned(),
        Told::MoreTime(MoreTimeAnswer::NotDraining) => "more time not draining".to_owned(),
        Told::MoreTime(MoreTimeAnswer::Down) => "more time down".to_owned(),
    }
}

fn drained(end: &DrainEnd) -> String {
    let outcome = match end.outcome {
        DrainOutcome::Stopped => "stopped",
        DrainOutcome::Failed => "failed",
        DrainOutcome::Killed => "killed",
        DrainOutcome::Stuck => "stuck",
        DrainOutcome::NotRunning => "not running",
        other => panic!("unknown {other:?}"),
    };
    format!("{} {outcome} {}", end.id, nanos(end.took))
}

fn discarded(value: &Discard<SimDomain>) -> String {
    match value {
        Discard::Spec(_) => "spec".to_owned(),
        Discard::Exit(how) => format!("exit {}", exit(how)),
        Discard::Seen(what) => format!("seen {}", seen(what)),
        Discard::Life(life) => {
            let actor = life.actor().map_or(-1, |actor| {
                i64::try_from(actor).expect("an actor of the simulation")
            });
            format!("life {} {actor}", launch(life))
        }
        Discard::Checkpoint(carried) => format!("checkpoint {:?}", carried.saved()),
        Discard::Failure(why) => format!("failure {}", failure(why)),
        Discard::Caller(caller) => format!("ticket {}", untold(caller)),
    }
}

fn noted(kind: &EventKind, error: Option<&Cause>) -> String {
    match kind {
        EventKind::Started { .. } => "started".to_owned(),
        EventKind::StartFailed { failure: why } => {
            format!("start failed {}", failure(&events::failure(why, error)))
        }
        EventKind::ClaimTaken { claim, holder } => format!("taken {claim} {holder}"),
        EventKind::StartTimedOut { timeout } => format!("start timed out {}", nanos(*timeout)),
        EventKind::Exited {
            cause,
            asked,
            decision,
            ..
        } => {
            let asked = if *asked { "asked" } else { "unasked" };
            let how = exit(&events::exit(cause, error));
            format!("exited {how} {asked} {}", follows(decision))
        }
        EventKind::RestartFailed {
            failure: why,
            decision,
        } => {
            let why = failure(&events::failure(why, error));
            format!("restart failed {why} {}", follows(decision))
        }
        EventKind::Decided(next) => format!("decided {}", follows(next)),
        EventKind::Discarded => "discarded".to_owned(),
        EventKind::Stopping => "stopping".to_owned(),
        EventKind::Expired(why) => format!("expired {why}"),
        EventKind::Killing(Kill::ByRule) => "killing by rule".to_owned(),
        EventKind::Killing(Kill::Grace(_) | Kill::Deadline) => "killing overdue".to_owned(),
        EventKind::Killing(Kill::Turn) => "killing for a turn".to_owned(),
        EventKind::MoreTime(time) => format!("more time {}", nanos(*time)),
        EventKind::Stuck => "stuck".to_owned(),
        EventKind::StuckEnded => "stuck ended".to_owned(),
        EventKind::Gone(why) => format!("gone {why}"),
        other => other.name().to_owned(),
    }
}

fn of_limit(limit: Limit) -> String {
    format!("{} in {}", limit.max(), nanos(limit.window()))
}

fn of_used(decision: &Decision, limit: Option<Limit>) -> String {
    let used = decision.used().zip(limit);
    used.map_or("-".into(), |(used, limit)| {
        format!("{used} of {}", of_limit(limit))
    })
}

fn follows(next: &Decision) -> String {
    match *next {
        // What a session comes to later, or by a caller's hand, follows by no rule.
        Decision::Forget
        | Decision::Nothing
        | Decision::RestartByHand
        | Decision::Undecided(Pending::Release | Pending::Attempt) => "nothing".to_owned(),
        Decision::Restart {
            after,
            restarts,
            limit,
            ..
        } => format!(
            "restart {} {restarts} {}",
            nanos(after),
            of_used(next, limit)
        ),
        Decision::RestartWithOthers {
            after,
            restarts,
            limit,
            others,
            ..
        } => {
            let used = of_used(next, limit);
            format!("restart set {} {restarts} {used} {others}", nanos(after))
        }
        Decision::WithOthers => "with others".to_owned(),
        Decision::Undecided(_) => "undecided".to_owned(),
        Decision::Park { limit, until } => {
            let limit = limit.map_or("-".into(), of_limit);
            let until = until.map_or("never".into(), nanos);
            format!("park {limit} {until}")
        }
        Decision::Remove(limit) => format!("remove {}", of_limit(limit)),
        Decision::Escalate(limit) => format!("escalate {}", of_limit(limit)),
        Decision::EscalateAll(limit) => format!("escalate all {}", of_limit(limit)),
        other => panic!("unknown {other:?}"),
    }
}

fn ends(cause: StopCause) -> &'static str {
    match cause {
        StopCause::Requested => "requested",
        StopCause::Drained => "drained",
        StopCause::Escalated => "escalated",
        StopCause::Foreign => "foreign",
        StopCause::Killed => "killed",
        StopCause::AutoShutdown => "auto shutdown",
        StopCause::FailedStart => "failed start",
        other => panic!("unknown {other:?}"),
    }
}

fn counted(report: &ShutdownReport) -> String {
    let ShutdownReport {
        stopped,
        failed,
        killed,
        stuck,
        not_running,
        took,
        ..
    } = *report;
    let counts = [stopped, failed, killed, stuck, not_running];
    format!("{counts:?} {}", nanos(took))
}
