//! What was answered to which request, so that one that is sent again is not carried out again.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use super::time::BootTime;

/// What tells a request from all others. One that is sent again has the same.
pub type RequestId = [u8; 16];

/// The requests of late, and what was answered.
///
/// Bounded by their number, by the bytes of all answers but the latest, and by time. An answer that is
/// older, or for which there is no room, is forgotten, the oldest first; a request that comes again
/// after that is carried out again. A request that is being carried out is never forgotten.
#[derive(Clone, Debug)]
pub struct Requests<A> {
    most: usize,
    most_bytes: usize,
    keep: Duration,
    known: HashMap<RequestId, Known<A>>,
    /// Those that are answered, in the order of their answers.
    answered: VecDeque<Answered>,
    /// Of all answers.
    bytes: usize,
}

/// When a request was answered, and with how many bytes.
#[derive(Clone, Copy, Debug)]
struct Answered {
    at: BootTime,
    id: RequestId,
    bytes: usize,
}

#[derive(Clone, Debug)]
enum Known<A> {
    Running,
    Done(A),
}

/// What is to be done with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
#[expect(
    clippy::exhaustive_enums,
    reason = "another one must be handled by all that receive requests"
)]
pub enum Begin<'a, A> {
    /// It is new: carry it out, then say [`done`](Requests::done) or [`abandoned`](Requests::abandoned).
    New,
    /// It is being carried out: wait for what it answers.
    Running,
    /// This was answered: answer it again.
    Done(&'a A),
    /// As many requests as there can be are being carried out: refuse it.
    Full,
}

impl<A> Default for Requests<A> {
    /// 4,096 requests with 32 MiB of answers, for 60 s.
    fn default() -> Self {
        Self::new(4_096, 32 << 20, Duration::from_secs(60))
    }
}

impl<A> Requests<A> {
    /// Keeps so many requests with so many bytes of answers, each for so long after it was answered.
    #[must_use]
    pub fn new(most: usize, most_bytes: usize, keep: Duration) -> Self {
        Self {
            most,
            most_bytes,
            keep,
            known: HashMap::new(),
            answered: VecDeque::new(),
            bytes: 0,
        }
    }

    /// A request has come.
    pub fn begin(&mut self, id: RequestId, now: BootTime) -> Begin<'_, A> {
        self.forget_old(now);
        if !self.known.contains_key(&id) {
            if self.known.len() >= self.most && !self.make_room() {
                return Begin::Full;
            }
            self.known.insert(id, Known::Running);
            return Begin::New;
        }
        match self.known.get(&id) {
            Some(Known::Done(answer)) => Begin::Done(answer),
            Some(Known::Running) | None => Begin::Running,
        }
    }

    /// A request that was new has been answered, with so many bytes. Nothing happens if it was not being
    /// carried out.
    pub fn done(&mut self, id: RequestId, answer: A, bytes: usize, now: BootTime) {
        if let Some(known @ Known::Running) = self.known.get_mut(&id) {
            *known = Known::Done(answer);
            self.bytes = self.bytes.saturating_add(bytes);
            self.answered.push_back(Answered { at: now, id, bytes });
        }
        // The latest one stays, however large: the same request may be waiting for it.
        while self.bytes > self.most_bytes && self.answered.len() > 1 {
            self.make_room();
        }
    }

    /// A request that was new has not been carried out: if it comes again, it is new.
    pub fn abandoned(&mut self, id: RequestId) {
        if let Some(Known::Running) = self.known.get(&id) {
            self.known.remove(&id);
        }
    }

    /// How many requests are known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Whether none is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    fn forget_old(&mut self, now: BootTime) {
        while let Some(oldest) = self.answered.front() {
            if now < oldest.at.after(self.keep) {
                return;
            }
            self.make_room();
        }
    }

    /// Forgets the oldest answer. Answers whether there was one.
    fn make_room(&mut self) -> bool {
        let Some(oldest) = self.answered.pop_front() else {
            return false;
        };
        self.bytes = self.bytes.saturating_sub(oldest.bytes);
        self.known.remove(&oldest.id).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::{Begin, RequestId, Requests};
    use crate::engine::time::BootTime;
    use std::time::Duration;

    const fn at(seconds: u64) -> BootTime {
        BootTime::new(Duration::from_secs(seconds))
    }

    const fn id(n: u8) -> RequestId {
        [n; 16]
    }

    fn small() -> Requests<&'static str> {
        Requests::new(2, 100, Duration::from_secs(60))
    }

    #[test]
    fn a_request_is_carried_out_once() {
        let mut requests = small();
        assert_eq!(requests.begin(id(1), at(0)), Begin::New);
        assert_eq!(requests.begin(id(1), at(1)), Begin::Running);
        requests.done(id(1), "started", 1, at(2));
        assert_eq!(requests.begin(id(1), at(61)), Begin::Done(&"started"));
        // The time counts from the answer, not from the last time it was asked for.
        assert_eq!(requests.begin(id(1), at(62)), Begin::New);
    }

    #[test]
    fn one_that_was_abandoned_is_new_again() {
        let mut requests = small();
        assert_eq!(requests.begin(id(1), at(0)), Begin::New);
        requests.abandoned(id(1));
        assert!(requests.is_empty());
        assert_eq!(requests.begin(id(1), at(0)), Begin::New);
        requests.done(id(1), "first", 1, at(0));
        // It has been answered: this comes too late, and so does a second answer.
        requests.abandoned(id(1));
        requests.done(id(1), "second", 1, at(1));
        assert_eq!(requests.begin(id(1), at(1)), Begin::Done(&"first"));
        requests.done(id(9), "unasked", 1, at(1));
        assert_eq!(requests.len(), 1);
    }

    #[test]
    fn the_oldest_answer_makes_room_and_what_runs_does_not() {
        let mut requests = small();
        assert_eq!(requests.begin(id(1), at(0)), Begin::New);
        assert_eq!(requests.begin(id(2), at(0)), Begin::New);
        assert_eq!(requests.begin(id(3), at(0)), Begin::Full);
        assert_eq!(requests.begin(id(2), at(0)), Begin::Running);
        requests.done(id(2), "two", 1, at(1));
        assert_eq!(requests.begin(id(3), at(1)), Begin::New);
        assert_eq!(requests.len(), 2);
        assert_eq!(requests.begin(id(1), at(1)), Begin::Running);
        assert_eq!(requests.begin(id(2), at(1)), Begin::Full);
    }

    #[test]
    fn large_answers_make_room_and_the_latest_one_stays() {
        let mut requests = Requests::new(10, 100, Duration::from_secs(60));
        for (n, bytes) in [(1, 60), (2, 40)] {
            assert_eq!(requests.begin(id(n), at(0)), Begin::New);
            requests.done(id(n), n, bytes, at(0));
        }
        assert_eq!(requests.begin(id(1), at(0)), Begin::Done(&1));
        assert_eq!(requests.begin(id(3), at(0)), Begin::New);
        requests.done(id(3), 3, 60, at(0));
        assert_eq!(requests.begin(id(1), at(0)), Begin::New);
        assert_eq!(requests.begin(id(2), at(0)), Begin::Done(&2));
        requests.done(id(1), 1, 1_000, at(0));
        assert_eq!(requests.len(), 1);
        assert_eq!(requests.begin(id(1), at(0)), Begin::Done(&1));
        // What was forgotten counts no more.
        assert_eq!(requests.begin(id(4), at(60)), Begin::New);
        requests.done(id(4), 4, 100, at(60));
        assert_eq!(requests.begin(id(4), at(60)), Begin::Done(&4));
        assert_eq!(requests.len(), 1);
    }

    #[test]
    fn what_runs_is_not_forgotten_with_time() {
        let mut requests = small();
        assert_eq!(requests.begin(id(1), at(0)), Begin::New);
        assert_eq!(requests.begin(id(1), at(100_000)), Begin::Running);
    }
}
