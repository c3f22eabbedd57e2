//! What is left to do after a step of driving, when no lock is held and the token is let go: callers are
//! answered, values of the user's are dropped elsewhere, and the log is written.
//!
//! Absent on purpose: any cost of a log that nobody listens to.

use std::sync::Arc;

use tokio::runtime::RuntimeFlavor;

use super::answers::{Answer, Delivery, Telling, Told};
use super::graveyard::{Grave, Graveyard};
use super::inbox::Item;
use super::life::Life;
use super::lines::Lines;
use super::log::{self, Line, Speaker};
use super::plan::{Actors, Plan, Reply, StartFunction, Ticket};
use super::shared::Shared;
use crate::engine::{self, Cause, Discard, Exit, Failure, Input, Note, Seen};

#[derive(Debug)]
pub(super) struct Leftovers<'a> {
    graveyard: &'a Graveyard,
    lines: &'a Lines,
    speaker: &'a Arc<Speaker>,
    answers: Vec<Answer>,
    told: bool,
    /// How many tasks of others this drive has made, or woken.
    woken: usize,
}

impl<'a> Leftovers<'a> {
    pub(super) const fn of(shared: &'a Shared) -> Self {
        Self {
            graveyard: &shared.graveyard,
            lines: &shared.lines,
            speaker: &shared.speaker,
            answers: Vec::new(),
            told: false,
            woken: 0,
        }
    }

    pub(super) fn note(&mut self, session: Option<Arc<str>>, incarnation: u64, note: Note) {
        if !log::is_heard(&note) {
            return self.graveyard.put_note(note);
        }
        self.told = true;
        let line = Line::Note {
            speaker: Arc::clone(self.speaker),
            child: session,
            incarnation,
            note,
        };
        if let Some(Line::Note { note, .. }) = self.lines.push(line) {
            self.graveyard.put_note(note);
        }
    }

    pub(super) fn answer(&mut self, ticket: Ticket, reply: Reply) {
        self.answers.push(Answer::Reply(ticket, reply));
    }

    /// Of one who will not be answered.
    pub(super) fn unanswered(&mut self, ticket: Ticket) {
        self.answers.push(Answer::None(ticket));
    }

    pub(super) fn tell(&mut self, told: Told) {
        self.answers.push(Answer::Told(told));
    }

    /// A launch was ordered.
    pub(super) const fn launched(&mut self) {
        self.woken += 1;
    }

    /// What was to be told to somebody who has gone away.
    pub(super) fn untold(&self, telling: impl Telling) {
        self.graveyard.put_causes(telling);
    }

    pub(super) fn discard(&mut self, value: Discard<Actors>) {
        match value {
            Discard::Spec(plan) => self.graveyard.put_plan(plan),
            Discard::Exit(exit) => self.graveyard.put_exit(exit),
            Discard::Seen(Seen::Failed(cause)) => self.graveyard.put_cause(cause),
            Discard::Seen(Seen::Terminated(_)) => {}
            Discard::Failure(failure) => self.graveyard.put_failure(failure),
            Discard::Life(life) => self.discard_life(&life),
            Discard::Ticket(ticket) => self.unanswered(ticket),
        }
    }

    /// Nobody needs the cause any more that a session has left without being asked for it.
    fn discard_life(&mut self, life: &Arc<Life>) {
        // Only in an engine that is taken apart does a caller still wait for its launch.
        if let Some(Some(ticket)) = life.cancel() {
            self.unanswered(ticket);
        }
        if let Some(cause) = engine::Life::cause(life) {
            self.graveyard.put_cause(cause);
        }
    }

    /// An item that nobody will look at.
    pub(super) fn discard_item(&mut self, item: Item) {
        match item {
            Item::Input(input) => self.discard_input(input),
            // Whoever asked reads that the supervisor is down.
            Item::Query(query) => self.tell(Box::new(move || {
                drop(query);
                Vec::new()
            })),
            Item::Tick => {}
        }
    }

    fn discard_input(&mut self, input: Input<Actors>) {
        match input {
            Input::Asked { request, .. } => {
                let (spec, ticket) = request.into_parts();
                if let Some(plan) = spec {
                    self.graveyard.put_plan(plan);
                }
                self.unanswered(ticket);
            }
            Input::Begin { ticket } | Input::StopSupervisor { ticket, .. } => {
                self.unanswered(ticket);
            }
            Input::StartFailed { failure, .. } | Input::StartOutlived { failure, .. } => {
                self.graveyard.put_failure(failure);
            }
            Input::Exited { seen, .. } => self.discard(Discard::Seen(seen)),
            _ => {}
        }
    }

    /// Does all of it. No lock may be held. Answers how many tasks of others were made or woken on this
    /// thread.
    pub(super) fn settle(self, shared: &Shared) -> usize {
        self.graveyard.dig();
        if self.told {
            self.lines.write();
        }
        let woken = self.woken + self.answers.len();
        for answer in self.answers {
            shared.deliver(answer);
        }
        woken
    }
}

/// Only the last holder's drop runs a user's code, and `into_inner` tells who that is.
impl Graveyard {
    pub(super) fn put_plan(&self, plan: Arc<Plan>) {
        let function = Arc::into_inner(plan).and_then(|plan| Arc::into_inner(plan.starter));
        if let Some(starter) = function.and_then(StartFunction::take) {
            self.put(Grave::of(starter));
        }
    }

    /// A note that is written, or will not be.
    pub(super) fn put_note(&self, note: Note) {
        match note {
            Note::StartFailed(failure) | Note::RestartFailed { failure, .. } => {
                self.put_failure(failure)
            }
            Note::Exited { exit, .. } => self.put_exit(exit),
            _ => {}
        }
    }

    pub(super) fn put_exit(&self, exit: Exit) {
        self.put_causes(exit);
    }

    pub(super) fn put_failure(&self, failure: Failure) {
        self.put_causes(failure);
    }

    pub(super) fn put_causes(&self, telling: impl Telling) {
        telling.causes(&mut |cause| self.put_cause(cause));
    }

    pub(super) fn put_cause(&self, cause: Cause) {
        if let Some(cause) = Arc::into_inner(cause) {
            self.put(Grave::Cause(cause));
        }
    }
}

impl Shared {
    /// Has a caller answered in a task of its own. No lock may be held.
    pub(super) fn deliver(&self, answer: Answer) {
        let delivery = Delivery::new(answer, self.graveyard.clone());
        drop(self.runtime().spawn(async move { drop(delivery) }));
    }

    /// Answers a caller here and now. No lock may be held, and nothing may wait for this thread.
    pub(super) fn answer_here(&self, answer: Answer) {
        answer.give(&self.graveyard);
    }

    /// What nobody waits for. No lock may be held.
    pub(crate) fn untold(&self, telling: impl Telling) {
        self.graveyard.put_causes(telling);
        self.graveyard.dig();
    }

    /// Drops values of the user's elsewhere. No lock may be held.
    pub(super) fn bury(&self, graves: impl IntoIterator<Item = Grave>) {
        self.graveyard.bury(graves);
    }

    /// Drops a value that nobody needs. No lock may be held.
    pub(crate) fn discard(&self, value: Discard<Actors>) {
        let mut leftovers = Leftovers::of(self);
        leftovers.discard(value);
        leftovers.settle(self);
    }

    /// Drops an item that came too late. No lock may be held.
    pub(super) fn refuse(&self, item: Item) {
        let mut leftovers = Leftovers::of(self);
        leftovers.discard_item(item);
        leftovers.settle(self);
    }

    /// Pushes what this thread has woken out of the slot that no other worker of the runtime takes from.
    /// For a thread that is about to run code which may block it.
    pub(super) fn step_aside(&self) {
        if self.runtime().runtime_flavor() == RuntimeFlavor::MultiThread {
            drop(self.runtime().spawn(async {}));
        }
    }
}
