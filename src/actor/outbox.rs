//! What is left to do after a drive, when no lock is held and the seat is free again. Callers are
//! answered, values of the user's are dropped elsewhere, and the log is written.
//!
//! A log line that no subscriber wants costs nothing.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::RuntimeFlavor;

use super::answers::{Answer, Delivery, Telling};
use super::clock::Clock;
use super::drop_queue::{Deferred, DropQueue};
use super::item::Told;
use super::life::Hold;
use super::lines::Lines;
use super::log::{self, Line, Speaker};
use super::plan::StartFunction;
use super::publisher::{Names, Publisher};
use super::shared::{Actors, Item, Life, Plan, Shared};
use super::ticket::Ticket;
use crate::engine::{
    Caller, Cause, Discard, EventKind, Input, Moment, Repeat, Reply, Seen, ShutdownReport,
    StopCause, StopWay,
};
use crate::event::Event;

#[derive(Debug)]
pub(super) struct Outbox<'a> {
    drops: &'a DropQueue,
    lines: &'a Lines,
    speaker: &'a Arc<Speaker>,
    publisher: Publisher<'a>,
    /// Absent, if nothing is left to do but the log and the drops. Most drives are of that kind.
    later: Option<Box<Later>>,
    told: bool,
    /// How many tasks of others this drive has made, or woken.
    woken: usize,
}

/// What few drives leave to do.
#[derive(Debug, Default)]
struct Later {
    answers: Vec<Answer>,
    /// Child supervisors to stop, each in its own driver, in what way, and how long that may take.
    stops: Vec<(Arc<Shared>, StopWay, Option<Duration>)>,
}

impl<'a> Outbox<'a> {
    pub(super) const fn of(shared: &'a Shared) -> Self {
        Self {
            drops: &shared.drops,
            lines: &shared.lines,
            speaker: &shared.speaker,
            publisher: Publisher::of(shared),
            later: None,
            told: false,
            woken: 0,
        }
    }

    fn later(&mut self) -> &mut Later {
        self.later.get_or_insert_default()
    }

    fn give(&mut self, answer: Answer) {
        self.later().answers.push(answer);
    }

    /// What is told from now on happens at this moment.
    pub(super) const fn at(&mut self, now: Moment) {
        self.publisher.at(now);
    }

    /// The supervisor's clock.
    pub(super) fn clock(&self) -> Clock {
        self.publisher.clock()
    }

    /// The supervisor has ended: nothing more is told.
    pub(super) fn ended(&mut self, report: Option<ShutdownReport>) {
        self.publisher.end(self.speaker, report);
    }

    /// Makes the events of the drive where those of the drive before it were.
    #[inline]
    pub(super) const fn take_room(&mut self, room: &mut Vec<Event>) {
        self.publisher.take_room(room);
    }

    /// Leaves that to the next drive. All events have to be published.
    #[inline]
    pub(super) fn leave_room(&mut self, room: &mut Vec<Event>) {
        self.publisher.leave_room(self.speaker, room);
    }

    /// Puts what was told so far into the feed. The driver's lock is held.
    pub(super) fn publish(&mut self) {
        self.publisher.publish();
    }

    pub(super) fn stopping(&mut self, cause: StopCause) {
        self.publisher
            .supervisor(self.speaker, EventKind::SupervisorStopping(cause));
        self.told = true;
        drop(
            self.lines
                .push(Line::Stopping(Arc::clone(self.speaker), cause)),
        );
    }

    /// Something has happened to a child.
    pub(super) fn note(
        &mut self,
        child: Arc<str>,
        names: Names,
        incarnation: u64,
        kind: EventKind,
        repeat: Repeat,
    ) {
        self.publisher
            .child(self.speaker, &child, &names, incarnation, &kind);
        if log::is_enabled(&kind, repeat) {
            self.told = true;
            drop(self.lines.push(Line::Note {
                speaker: Arc::clone(self.speaker),
                child,
                label: names.label,
                incarnation,
                kind,
                repeat,
            }));
        }
    }

    /// A user's error that the engine has released.
    pub(super) fn error(&self, error: Cause) {
        self.drops.put_cause(error);
    }

    pub(super) fn answer(&mut self, reply: Reply<Actors>) {
        self.give(Answer::Reply(reply));
    }

    /// The supervisor has ended.
    pub(super) fn report<R: Send + 'static>(&mut self, ticket: Ticket<R>, report: R) {
        self.tell(Box::new(move || {
            ticket.answer(report);
            Vec::new()
        }));
    }

    /// Of one who will not be answered.
    pub(super) fn unanswered(&mut self, caller: Caller<Actors>) {
        self.give(Answer::None(caller));
    }

    pub(super) fn tell(&mut self, told: Told) {
        self.give(Answer::Told(told));
    }

    pub(super) fn stop_tree(&mut self, tree: Arc<Shared>, way: StopWay, within: Option<Duration>) {
        self.later().stops.push((tree, way, within));
    }

    /// A launch was ordered.
    pub(super) const fn launched(&mut self) {
        self.woken += 1;
    }

    /// What was to be told to somebody who has gone away.
    pub(super) fn undelivered(&self, telling: impl Telling) {
        self.drops.put_causes(telling);
    }

    pub(super) fn discard(&mut self, value: Discard<Actors>) {
        match value {
            Discard::Spec(plan) => self.drops.put_plan(plan),
            Discard::Exit(exit) => self.drops.put_causes(exit),
            Discard::Seen(Seen::Failed(cause)) => self.drops.put_cause(cause),
            Discard::Seen(Seen::Terminated(_)) => {}
            Discard::Failure(failure) => self.drops.put_causes(failure),
            Discard::Life(life) => self.discard_life(&life),
            Discard::Checkpoint(checkpoint) => {
                if let Some(value) = checkpoint.close() {
                    self.drops.put(Deferred::of(value));
                }
            }
            Discard::Caller(caller) => self.unanswered(caller),
        }
    }

    /// The cause that a session has left is not needed any more.
    fn discard_life(&mut self, life: &Arc<Life>) {
        // Only in an engine that is taken apart does a caller still wait for its launch.
        if life.holds(Hold::Launch)
            && let Some(Some(caller)) = life.cancel()
        {
            self.unanswered(caller.into());
        }
        if let Some(cause) = life.take_cause() {
            self.drops.put_cause(cause);
        }
    }

    /// An item that will not be handled.
    pub(super) fn discard_item(&mut self, item: Item) {
        match item {
            Item::Input(input) => self.discard_input(input),
            // The caller is answered that the supervisor is down.
            Item::Query(query) => self.tell(Box::new(move || {
                drop(query);
                Vec::new()
            })),
            Item::Tick => {}
        }
    }

    fn discard_input(&mut self, input: Input<Actors>) {
        match input {
            Input::Asked { request, .. } => self.discard_request(request.into_parts()),
            Input::AskedChild { request, .. } => self.discard_request(request.into_parts()),
            Input::Begin { ticket } => self.unanswered(Caller::Begin(ticket)),
            Input::StopSupervisor { ticket, .. } => {
                self.unanswered(Caller::StopSupervisor(ticket));
            }
            Input::Drain { ticket, .. } => self.unanswered(Caller::Drain(ticket)),
            Input::DrainProgress { ticket, .. } => self.unanswered(Caller::DrainProgress(ticket)),
            Input::StartFailed { failure, .. } | Input::StartOutlived { failure, .. } => {
                self.drops.put_causes(failure);
            }
            Input::Exited { seen, .. } => self.discard(Discard::Seen(seen)),
            Input::LeaseEnded { .. }
            | Input::Started { .. }
            | Input::PostStop { .. }
            | Input::Ended { .. }
            | Input::Joined { .. }
            | Input::Released { .. }
            | Input::Outlived { .. }
            | Input::LoopEnded
            | Input::RootGone => {}
        }
    }

    fn discard_request(&mut self, (plan, caller): (Option<Arc<Plan>>, Caller<Actors>)) {
        if let Some(plan) = plan {
            self.drops.put_plan(plan);
        }
        self.unanswered(caller);
    }

    /// Does all of it. No lock may be held. Answers how many tasks of others were made or woken on
    /// this thread.
    pub(super) fn flush(&mut self, shared: &Shared) -> usize {
        self.drops.wake();
        if self.told {
            self.lines.write();
        }
        self.woken += self.publisher.wake();
        let Some(later) = self.later.take() else {
            return self.woken;
        };
        let woken = self.woken + later.answers.len() + later.stops.len();
        for (tree, way, within) in later.stops {
            tree.stop_for_parent(way, within);
        }
        for answer in later.answers {
            if answer.is_for_a_root() && shared.parent_link.is_some() {
                shared.answer_here(answer);
            } else {
                shared.deliver(answer);
            }
        }
        woken
    }
}

/// Only the last holder's drop runs a user's code, and `into_inner` tells who that is.
impl DropQueue {
    pub(super) fn put_plan(&self, plan: Arc<Plan>) {
        let function = Arc::into_inner(plan).and_then(|plan| Arc::into_inner(plan.starter));
        if let Some(starter) = function.and_then(StartFunction::take) {
            self.put(Deferred::of(starter));
        }
    }

    pub(super) fn put_causes(&self, telling: impl Telling) {
        telling.causes(&mut |cause| self.put_cause(cause));
    }

    pub(super) fn put_cause(&self, cause: Cause) {
        if let Some(cause) = Arc::into_inner(cause) {
            self.put(Deferred::Cause(cause));
        }
    }
}

impl Shared {
    /// Has a caller answered in a task of its own. No lock may be held.
    pub(super) fn deliver(&self, answer: Answer) {
        let delivery = Delivery::new(answer, self.drops.clone());
        drop(self.runtime().spawn(async move { drop(delivery) }));
    }

    /// As [`deliver`](Self::deliver).
    pub(super) fn tell(&self, told: Told) {
        self.deliver(Answer::Told(told));
    }

    /// Answers a caller here and now. No lock may be held, and nothing may wait for this thread.
    pub(super) fn answer_here(&self, answer: Answer) {
        answer.give(&self.drops);
    }

    /// What nobody waits for. No lock may be held.
    pub(crate) fn undelivered(&self, telling: impl Telling) {
        self.drops.put_causes(telling);
        self.drops.wake();
    }

    /// Drops values of the user's elsewhere. No lock may be held.
    pub(super) fn drop_later(&self, values: impl IntoIterator<Item = Deferred>) {
        self.drops.drop_later(values);
    }

    /// Drops a spec that nobody needs. No lock may be held.
    pub(super) fn discard_plan(&self, plan: Arc<Plan>) {
        self.drops.put_plan(plan);
        self.drops.wake();
    }

    /// Drops a value that nobody needs. No lock may be held.
    pub(crate) fn discard(&self, value: Discard<Actors>) {
        let mut outbox = Outbox::of(self);
        outbox.discard(value);
        outbox.flush(self);
    }

    /// Drops an item that came too late, if there is one. No lock may be held.
    pub(super) fn refuse(&self, item: Option<Item>) {
        let Some(item) = item else {
            return;
        };
        let mut outbox = Outbox::of(self);
        outbox.discard_item(item);
        outbox.flush(self);
    }

    /// Pushes what this thread has woken out of the slot that no other worker of the runtime takes
    /// from. For a thread that is about to run code which may block it.
    pub(super) fn step_aside(&self) {
        if self.runtime().runtime_flavor() == RuntimeFlavor::MultiThread {
            drop(self.runtime().spawn(async {}));
        }
    }
}
