//! Which of many failures that are alike gets a line of the log.

use std::time::Duration;

/// How long the same failure is only counted after a line of it.
const QUIET: Duration = Duration::from_secs(5);

/// The failures of something that is tried again and again. A store that is away fails each write for which
/// a caller waits, hundreds in a minute, all for one cause.
#[derive(Debug, Default)]
pub struct Repeats {
    last: Option<(String, Duration)>,
    left_out: u64,
}

impl Repeats {
    /// It has failed for this cause, at this time. Some: a line is to be written, and the number is how many
    /// failures since the last line had none.
    pub fn failed(&mut self, cause: &str, now: Duration) -> Option<u64> {
        let is_known = self
            .last
            .as_ref()
            .is_some_and(|(last, at)| last == cause && now.saturating_sub(*at) < QUIET);
        if is_known {
            self.left_out += 1;
            return None;
        }
        self.last = Some((cause.to_owned(), now));
        Some(std::mem::take(&mut self.left_out))
    }

    /// It went well: the next failure is news.
    pub fn went_well(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::{QUIET, Repeats};
    use std::time::Duration;

    #[test]
    fn the_same_failure_has_a_line_each_five_seconds_and_another_one_at_once() {
        let at = Duration::from_millis;
        let mut repeats = Repeats::default();
        assert_eq!(repeats.failed("away", at(10)), Some(0));
        for ms in 20..120 {
            assert_eq!(repeats.failed("away", at(ms)), None);
        }
        assert_eq!(repeats.failed("full", at(120)), Some(100));
        assert_eq!(repeats.failed("full", at(119) + QUIET), None);
        assert_eq!(repeats.failed("full", at(120) + QUIET), Some(1));
        repeats.went_well();
        assert_eq!(repeats.failed("full", at(121) + QUIET), Some(0));
    }
}
