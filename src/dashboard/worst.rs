//! The sessions that failed most in the last 15 minutes.
//!
//! At most [`WATCHED`] ids are watched, so the memory has a bound. A session that is not among them
//! takes the place of the one that has failed least, and takes over its count: what it shows may be
//! too high, by that count at most, and a session that fails more often than any that was replaced
//! is never missed (the algorithm "space saving"). While no more than [`WATCHED`] different sessions
//! fail, the counts are exact.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::json::{ToJson, object};
use super::view::Change;
use crate::SessionId;

/// How many ids are watched.
const WATCHED: usize = 512;

/// How many are shown.
const SHOWN: usize = 10;

/// The count of a session is kept by minutes.
const MINUTES: usize = 15;

const MINUTE: u64 = 60;

/// The counts of those that are watched.
#[derive(Debug, Default)]
pub(super) struct Worst {
    watched: HashMap<SessionId, Count>,
    /// The minute whose counts are being made.
    minute: u64,
}

#[derive(Clone, Debug)]
struct Count {
    /// By the number of the minute, modulo [`MINUTES`].
    minutes: [u64; MINUTES],
    total: u64,
    label: Option<Arc<str>>,
    last: Arc<str>,
    at: Duration,
}

/// One that is shown.
#[derive(Clone, Debug)]
pub(super) struct Offender {
    pub(super) id: SessionId,
    pub(super) label: Option<Arc<str>>,
    pub(super) failures: u64,
    /// The sentence of the last failure, and when that was.
    pub(super) last: Arc<str>,
    pub(super) at: Duration,
}

impl ToJson for Offender {
    fn write(&self, out: &mut String) {
        object(out)
            .field("id", &self.id)
            .field("label", &self.label)
            .field("failures", &self.failures)
            .field("last", &self.last)
            .field("at", &self.at)
            .end();
    }
}

impl Worst {
    /// A session has failed.
    pub(super) fn count(&mut self, failure: &Change) {
        let Some(id) = &failure.id else {
            return;
        };
        self.minute_is(failure.at);
        let slot = slot(self.minute);
        if !self.watched.contains_key(id) {
            let count = self.place();
            self.watched.insert(id.clone(), count);
        }
        let Some(count) = self.watched.get_mut(id) else {
            return;
        };
        count.minutes[slot] += 1;
        count.total += 1;
        count.label.clone_from(&failure.label);
        count.last = Arc::clone(&failure.text);
        count.at = failure.at;
    }

    /// Those that failed most until now, the worst first.
    pub(super) fn shown(&mut self, now: Duration) -> Vec<Offender> {
        self.minute_is(now);
        let mut all: Vec<_> = self.watched.iter().collect();
        all.sort_unstable_by(|(a_id, a), (b_id, b)| {
            (b.total, b.at, a_id).cmp(&(a.total, a.at, b_id))
        });
        all.truncate(SHOWN);
        let shown = all.into_iter().map(|(id, count)| Offender {
            id: id.clone(),
            label: count.label.clone(),
            failures: count.total,
            last: Arc::clone(&count.last),
            at: count.at,
        });
        shown.collect()
    }

    /// A count for a new one: that of the least, if all places are taken.
    fn place(&mut self) -> Count {
        let fresh = Count {
            minutes: [0; MINUTES],
            total: 0,
            label: None,
            last: "".into(),
            at: Duration::ZERO,
        };
        if self.watched.len() < WATCHED {
            return fresh;
        }
        let by_total = |(_, count): &(&SessionId, &Count)| (count.total, count.at);
        let least = self.watched.iter().min_by_key(by_total);
        let least = least.map(|(id, _)| id.clone());
        least
            .and_then(|id| self.watched.remove(&id))
            .unwrap_or(fresh)
    }

    /// Forgets what is older than 15 minutes.
    fn minute_is(&mut self, now: Duration) {
        let minute = now.as_secs() / MINUTE;
        if minute <= self.minute {
            return;
        }
        let passed = (minute - self.minute).min(MINUTES as u64);
        for old in (0..passed).map(|n| slot(minute - n)) {
            for count in self.watched.values_mut() {
                count.total -= std::mem::take(&mut count.minutes[old]);
            }
        }
        self.watched.retain(|_, count| count.total > 0);
        self.minute = minute;
    }
}

fn slot(minute: u64) -> usize {
    usize::try_from(minute % MINUTES as u64).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{WATCHED, Worst};
    use crate::dashboard::view::{Change, Weight};

    fn failure(id: &str, at: u64) -> Change {
        Change {
            revision: 0,
            at: Duration::from_secs(at),
            id: Some(id.parse().unwrap()),
            label: None,
            role: None,
            incarnation: 1,
            event: "exit",
            text: "it failed".into(),
            weight: Weight::Failure,
        }
    }

    fn shown(worst: &mut Worst, now: u64) -> Vec<(String, u64)> {
        let shown = worst.shown(Duration::from_secs(now));
        let short = shown.iter().map(|one| (one.id.to_string(), one.failures));
        short.collect()
    }

    #[test]
    fn the_worst_comes_first_and_old_failures_are_forgotten() {
        let mut worst = Worst::default();
        for (id, at) in [("a", 0), ("b", 10), ("b", 59), ("a", 70), ("a", 130)] {
            worst.count(&failure(id, at));
        }
        let is = |id: &str, n| (id.to_owned(), n);
        assert_eq!(shown(&mut worst, 131), [is("a", 3), is("b", 2)]);
        // The first minute is 15 minutes ago.
        assert_eq!(shown(&mut worst, 900), [is("a", 2)]);
        // So is the second, to the minute.
        assert_eq!(shown(&mut worst, 15 * 60 + 119), [is("a", 1)]);
        assert_eq!(shown(&mut worst, 86_400), []);
    }

    #[test]
    fn one_that_fails_much_is_never_missed_however_many_fail() {
        let mut worst = Worst::default();
        for n in 0..20_000 {
            worst.count(&failure(&n.to_string(), 1));
            if n % 20 == 0 {
                worst.count(&failure("bad", 1));
            }
        }
        assert_eq!(worst.watched.len(), WATCHED);
        let shown = shown(&mut worst, 2);
        let bad = shown.iter().find(|(id, _)| id == "bad");
        assert!(bad.is_some_and(|(_, n)| *n >= 1_000), "{shown:?}");
    }
}
