//! How many sessions there were in each state, and how fast they started and failed, in the last
//! 15 minutes: one sample a second.

use std::collections::VecDeque;
use std::time::Duration;

use super::json::{By, ToJson, list, object};
use super::view::{Gauges, Totals};

/// How far it goes back.
const SPAN: Duration = Duration::from_secs(15 * 60);

/// How many samples at most, whatever the clock does.
const MOST: usize = 1_000;

/// What was seen at a moment.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sample {
    /// Since 1970.
    pub(super) at: Duration,
    pub(super) gauges: Gauges,
    pub(super) totals: Totals,
}

/// The samples, the oldest first.
#[derive(Debug, Default)]
pub(super) struct History(VecDeque<Sample>);

impl History {
    pub(super) fn add(&mut self, sample: Sample) {
        let old = |oldest: &Sample| sample.at.saturating_sub(oldest.at) > SPAN;
        while self.0.front().is_some_and(old) || self.0.len() >= MOST {
            self.0.pop_front();
        }
        self.0.push_back(sample);
    }

    pub(super) fn latest(&self) -> Option<Sample> {
        self.0.back().copied()
    }
}

/// A column for each figure. The totals are told as they were, so that a reader makes rates over any
/// time of them.
impl ToJson for History {
    fn write(&self, out: &mut String) {
        let gauge = |of: fn(&Gauges) -> u64| {
            By(move |out: &mut String| list(self.0.iter().map(|one| of(&one.gauges)), out))
        };
        let total = |of: fn(&Totals) -> u64| {
            By(move |out: &mut String| list(self.0.iter().map(|one| of(&one.totals)), out))
        };
        object(out)
            .field(
                "at",
                &By(|out: &mut String| list(self.0.iter().map(|one| one.at), out)),
            )
            .field("running", &gauge(|gauges| gauges.running))
            .field("starting", &gauge(|gauges| gauges.starting))
            .field("restarting", &gauge(|gauges| gauges.restarting))
            .field("stopping", &gauge(|gauges| gauges.stopping))
            .field("parked", &gauge(|gauges| gauges.parked))
            .field("stuck", &gauge(|gauges| gauges.stuck))
            .field("starts", &total(|totals| totals.starts))
            .field("restarts", &total(|totals| totals.restarts))
            .field(
                "failures",
                &total(|totals| totals.failures + totals.failed_starts),
            )
            .end();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{History, Sample};
    use crate::dashboard::json::ToJson;

    #[test]
    fn what_is_older_than_15_minutes_is_forgotten() {
        let mut history = History::default();
        for n in 0..5_000 {
            let mut sample = Sample {
                at: Duration::from_secs(n),
                ..Sample::default()
            };
            sample.gauges.running = n;
            history.add(sample);
        }
        assert_eq!(history.0.len(), 901);
        assert_eq!(history.0.front().map(|one| one.gauges.running), Some(4_099));
        assert_eq!(history.latest().map(|one| one.gauges.running), Some(4_999));
        // A clock that does not move keeps no more.
        let latest = history.latest().unwrap();
        (0..5_000).for_each(|_| history.add(latest));
        assert_eq!(history.0.len(), super::MOST);
    }

    #[test]
    fn it_is_told_in_columns() {
        let mut history = History::default();
        history.add(Sample::default());
        let told = history.to_json();
        assert!(
            told.starts_with(r#"{"at":[0.000],"running":[0],"#),
            "{told}"
        );
        assert!(told.ends_with(r#""failures":[0]}"#), "{told}");
    }
}
