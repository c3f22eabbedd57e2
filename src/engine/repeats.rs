//! Which crashes of one session have a line of the log each, and which are summed up (D36).
//!
//! A minute begins with a crash. The first [`WHOLE`] crashes of it have a line each; the others are
//! counted, and the next line that is told says how many there were.

use std::time::Duration;

use super::moment::Moment;

/// So many crashes of a minute have a line each.
pub const WHOLE: u32 = 10;

/// How long such a minute is.
pub const WITHIN: Duration = Duration::from_secs(60);

/// How a line of the log about a crash is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Telling {
    /// As it is.
    #[default]
    Plain,
    /// As it is, with the number of those before it that were summed up.
    After(u32),
    /// As it is; further ones of this minute are summed up.
    LastOfMinute,
    /// In the next number only.
    Summed,
}

/// How often one session has crashed lately.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Repeats {
    /// When its minute began.
    since: Moment,
    /// How many crashes of this minute were told; 0: no minute has begun.
    told: u32,
    /// How many were summed up and are in no number yet.
    summed: u32,
}

impl Repeats {
    /// One more crash, after which the session comes back.
    pub(super) fn crash(&mut self, now: Moment) -> Telling {
        if self.told == 0 || now >= self.since.after(WITHIN) {
            self.since = now;
            self.told = 0;
        } else if self.told >= WHOLE {
            self.summed = self.summed.saturating_add(1);
            return Telling::Summed;
        }
        self.told += 1;
        match self.number() {
            Telling::Plain if self.told == WHOLE => Telling::LastOfMinute,
            telling => telling,
        }
    }

    /// Something else is told of the session, that needs a line in any case.
    pub(super) fn number(&mut self) -> Telling {
        match std::mem::take(&mut self.summed) {
            0 => Telling::Plain,
            summed => Telling::After(summed),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Repeats, Telling};
    use crate::engine::moment::Moment;

    fn at(seconds: u64, millis: u64) -> Moment {
        Moment::new(Duration::from_millis(seconds * 1_000 + millis))
    }

    #[test]
    fn ten_crashes_of_a_minute_have_a_line_each_and_the_next_line_has_the_number_of_the_others() {
        let mut repeats = Repeats::default();
        for n in 0..9 {
            assert_eq!(repeats.crash(at(7, n)), Telling::Plain);
        }
        assert_eq!(repeats.crash(at(7, 9)), Telling::LastOfMinute);
        for n in 0..500 {
            assert_eq!(repeats.crash(at(8, n)), Telling::Summed);
        }
        assert_eq!(repeats.crash(at(66, 999)), Telling::Summed);
        // A minute after the first one.
        assert_eq!(repeats.crash(at(67, 0)), Telling::After(501));
        for n in 1..9 {
            assert_eq!(repeats.crash(at(67, n)), Telling::Plain);
        }
        assert_eq!(repeats.crash(at(67, 9)), Telling::LastOfMinute);
    }

    #[test]
    fn a_session_that_crashes_now_and_then_has_a_line_for_each() {
        let mut repeats = Repeats::default();
        for n in 0..1_000 {
            let telling = repeats.crash(at(6 * n, 0));
            let expected = if n % 10 == 9 {
                Telling::LastOfMinute
            } else {
                Telling::Plain
            };
            assert_eq!(telling, expected, "{n}");
        }
    }

    #[test]
    fn what_needs_a_line_in_any_case_has_the_number_too() {
        let mut repeats = Repeats::default();
        assert_eq!(repeats.number(), Telling::Plain);
        for n in 0..13 {
            repeats.crash(at(0, n));
        }
        assert_eq!(repeats.number(), Telling::After(3));
        assert_eq!(repeats.number(), Telling::Plain);
        assert_eq!(repeats.crash(at(1, 0)), Telling::Summed);
        assert_eq!(repeats.number(), Telling::After(1));
    }
}
