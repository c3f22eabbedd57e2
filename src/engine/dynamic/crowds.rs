//! Many callers that are told the same.
//!
//! An answer costs the shell about as much as a small input. So of all who have waited for one
//! session at most [`STEP`] are answered in one step, and the rest in the next ones, between which
//! others have their turns. What follows for the session does not wait for that. The supervisor ends
//! when all are answered.

use std::collections::VecDeque;
use std::sync::Arc;

use super::{Engine, STEP};
use crate::engine::apart;
use crate::engine::end::SessionEnd;
use crate::engine::io::{
    AwaitAnswer, Caller, Discard, Domain, Failure, GoneAnswer, NotStarted, Refusal, Reply,
    StopAnswer,
};
use crate::engine::moment::Moment;
use crate::engine::waiters::{Waiters, Waits};
use crate::engine::waiting::{Queued, ShareCaller, StartCaller};

/// Those who could not be answered yet, and how many more may be in this step.
#[derive(Debug)]
pub(super) struct Crowds<D: Domain> {
    waiting: VecDeque<Crowd<D>>,
    left: usize,
}

impl<D: Domain> Default for Crowds<D> {
    fn default() -> Self {
        Self {
            waiting: VecDeque::new(),
            left: STEP,
        }
    }
}

/// Callers, and what all of them are told. None of these lists is empty.
#[derive(Debug)]
pub(super) enum Crowd<D: Domain> {
    /// The turn of those who waited for an id that is free now, or was when the first of them had
    /// theirs.
    Queue(Arc<str>, Waiters<Queued<D>>),
    Refused(Waiters<Queued<D>>, Refusal),
    Starts(VecDeque<(D::Spec, StartCaller<D>)>, Start<D>),
    Joined(Waiters<ShareCaller<D>>, Shared<D>),
    Stops(Waiters<D::Ticket<StopAnswer>>, StopAnswer),
    Gone(Waiters<D::Ticket<GoneAnswer>>, SessionEnd),
    Awaits(Waiters<D::Ticket<AwaitAnswer<D>>>, AwaitAnswer<D>),
    /// Those who share a launch: their own specs are not needed.
    Specs(VecDeque<D::Spec>),
}

/// What a start is told without a launch.
#[derive(Debug)]
pub(super) enum Start<D: Domain> {
    Running(D::Found),
    Parked,
    Stuck,
}

/// What those are told who share a launch.
#[derive(Debug)]
pub(super) enum Shared<D: Domain> {
    Runs(D::Found),
    Failed(Failure),
    Refused(Refusal),
}

impl<D: Domain> Shared<D> {
    fn tell(self, caller: ShareCaller<D>) -> Reply<D> {
        match self {
            Self::Runs(found) => caller.joined(found),
            Self::Failed(failure) => caller.failed(failure),
            Self::Refused(refusal) => caller.refused(refusal),
        }
    }
}

impl<D: Domain> Clone for Shared<D> {
    fn clone(&self) -> Self {
        match self {
            Self::Runs(found) => Self::Runs(found.clone()),
            Self::Failed(failure) => Self::Failed(failure.clone()),
            Self::Refused(refusal) => Self::Refused(*refusal),
        }
    }
}

impl<D: Domain> Engine<D> {
    /// A step begins, in which so many may be answered.
    pub(super) const fn begin_step(&mut self) {
        self.crowds.left = STEP;
        self.line.begin_step();
    }

    /// When to go on.
    pub(super) fn crowds_wake(&self) -> Option<Moment> {
        self.is_telling().then_some(Moment::START)
    }

    /// Whether some are left who have not been answered.
    pub(super) fn is_telling(&self) -> bool {
        !self.crowds.waiting.is_empty()
    }

    /// Answers all of them, if they are not too many for this step.
    pub(super) fn tell_all(&mut self, crowd: Crowd<D>) {
        if let Some(rest) = self.tell_some(crowd) {
            self.crowds.waiting.push_back(rest);
        }
    }

    /// Goes on with those who are left from earlier steps.
    pub(super) fn tell_rest(&mut self, now: Moment) {
        while self.crowds.left > 0
            && let Some(crowd) = self.crowds.waiting.pop_front()
        {
            let rest = match crowd {
                Crowd::Queue(id, queue) => self.serve_some(now, id, queue),
                crowd => self.tell_some(crowd),
            };
            if let Some(rest) = rest {
                self.crowds.waiting.push_front(rest);
            }
        }
    }

    /// A session is stopped: those who wait for their turn with its id came before that.
    pub(super) fn stop_in_crowds(&mut self, stopped: &str) {
        for crowd in &mut self.crowds.waiting {
            if let Crowd::Queue(id, queue) = crowd
                && &**id == stopped
            {
                *crowd = Crowd::Refused(std::mem::take(queue), Refusal::Stopped);
            }
        }
    }

    /// One more caller has its turn in this step, if that is not one too many.
    pub(super) const fn may_serve(&mut self) -> bool {
        let may = self.crowds.left > 0;
        self.crowds.left = self.crowds.left.saturating_sub(1);
        may
    }

    /// Decides on some of those who wait for an id, as if they came now.
    fn serve_some(
        &mut self,
        now: Moment,
        id: Arc<str>,
        mut queue: Waiters<Queued<D>>,
    ) -> Option<Crowd<D>> {
        while self.may_serve() {
            match queue.pop_front()? {
                request if request.is_gone() => self.discard_request(request.into_parts()),
                Queued::Start { spec, caller } => self.start(now, Arc::clone(&id), spec, caller),
                Queued::Restart(ticket) => self.restart(now, &id, ticket),
            }
        }
        (!queue.is_empty()).then_some(Crowd::Queue(id, queue))
    }

    /// Answers some of them. Answers the others.
    fn tell_some(&mut self, crowd: Crowd<D>) -> Option<Crowd<D>> {
        match crowd {
            Crowd::Queue(..) => Some(crowd),
            Crowd::Refused(mut queue, refusal) => {
                while !queue.is_empty() && self.may_serve() {
                    if let Some(request) = queue.pop_front() {
                        self.refuse_queued(request, refusal);
                    }
                }
                (!queue.is_empty()).then_some(Crowd::Refused(queue, refusal))
            }
            Crowd::Starts(mut starts, answer) => {
                while !starts.is_empty() && self.may_serve() {
                    if let Some((spec, caller)) = starts.pop_front() {
                        if caller.is_gone() {
                            let request = Queued::Start { spec, caller };
                            self.discard_request(request.into_parts());
                            continue;
                        }
                        let reply = match &answer {
                            Start::Running(found) => caller.running(found.clone()),
                            Start::Parked => caller.not_started(NotStarted::Parked),
                            Start::Stuck => caller.not_started(Refusal::Stuck),
                        };
                        self.refuse(spec, reply);
                    }
                }
                (!starts.is_empty()).then_some(Crowd::Starts(starts, answer))
            }
            Crowd::Joined(mut joined, shared) => {
                let left =
                    self.tell_each(&mut joined, shared, |caller, shared| shared.tell(caller));
                left.map(|shared| Crowd::Joined(joined, shared))
            }
            Crowd::Specs(mut specs) => {
                while !specs.is_empty() && self.may_serve() {
                    let spec = specs.pop_front();
                    spec.into_iter()
                        .for_each(|spec| self.discard(Discard::Spec(spec)));
                }
                (!specs.is_empty()).then_some(Crowd::Specs(specs))
            }
            Crowd::Stops(mut stops, answer) => {
                let left = self.tell_each(&mut stops, answer, Reply::Stop);
                left.map(|answer| Crowd::Stops(stops, answer))
            }
            Crowd::Gone(mut watchers, end) => {
                let tell = |ticket, end| Reply::Gone(ticket, GoneAnswer::Ended(end));
                let left = self.tell_each(&mut watchers, end, tell);
                left.map(|end| Crowd::Gone(watchers, end))
            }
            Crowd::Awaits(mut awaits, answer) => {
                let left = self.tell_each(&mut awaits, answer, Reply::Await);
                left.map(|answer| Crowd::Awaits(awaits, answer))
            }
        }
    }

    /// Answers some. Answers what the others are to be told, if there are others. What may be a
    /// user's is moved to the last of them and so never dropped here.
    fn tell_each<T, A: Clone>(
        &mut self,
        callers: &mut Waiters<T>,
        answer: A,
        tell: impl Fn(T, A) -> Reply<D>,
    ) -> Option<A> {
        while self.may_serve() {
            let Some(caller) = callers.pop_front() else {
                debug_assert!(false, "nobody is to be told this");
                return Some(answer);
            };
            if callers.is_empty() {
                self.answer(tell(caller, answer));
                return None;
            }
            self.answer(tell(caller, answer.clone()));
        }
        Some(answer)
    }

    /// Hands out every value that may be a user's, and every ticket.
    pub(super) fn take_crowds_apart(&mut self, into: &mut Vec<Discard<D>>) {
        for crowd in std::mem::take(&mut self.crowds.waiting) {
            match crowd {
                Crowd::Queue(_, queue) | Crowd::Refused(queue, _) => {
                    for request in queue {
                        apart::request(request.into_parts(), into);
                    }
                }
                Crowd::Starts(starts, _) => {
                    for (spec, caller) in starts {
                        let request = Queued::Start { spec, caller };
                        apart::request(request.into_parts(), into);
                    }
                }
                Crowd::Joined(joined, shared) => {
                    let callers = joined.into_iter().map(Caller::from);
                    into.extend(callers.map(Discard::Caller));
                    if let Shared::Failed(failure) = shared {
                        into.push(Discard::Failure(failure));
                    }
                }
                Crowd::Stops(stops, answer) => {
                    let callers = stops.into_iter().map(Caller::Stop);
                    into.extend(callers.map(Discard::Caller));
                    if let StopAnswer::Ended(exit) = answer {
                        into.push(Discard::Exit(exit));
                    }
                }
                Crowd::Gone(watchers, end) => {
                    let callers = watchers.into_iter().map(Caller::Gone);
                    into.extend(callers.map(Discard::Caller));
                    into.push(Discard::Exit(end.exit));
                }
                Crowd::Specs(specs) => into.extend(specs.into_iter().map(Discard::Spec)),
                Crowd::Awaits(awaits, _) => {
                    into.extend(awaits.into_iter().map(Caller::Await).map(Discard::Caller));
                }
            }
        }
    }
}
