//! Which crashes of one session have a line of the log each, and which are summed up (D36).
//!
//! A minute begins with a crash. The first [`WHOLE`] crashes of it have a line each; the others are
//! counted, and the next line that is told says how many there were.

use std::time::Duration;

use super::moment::Moment;

/// How many crashes of a minute have a line each.
const WHOLE: u32 = 10;

/// How long such a minute is.
const WITHIN: Duration = Duration::from_secs(60);

/// How a line of the log about a crash is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Repeat {
    /// As it is.
    #[default]
    None,
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
    /// One more crash.
    pub(super) fn crash(&mut self, now: Moment) -> Repeat {
        if self.told == 0 || now >= self.since.after(WITHIN) {
            self.since = now;
            self.told = 0;
        } else if self.told >= WHOLE {
            self.summed = self.summed.saturating_add(1);
            return Repeat::Summed;
        }
        self.told += 1;
        match self.number() {
            Repeat::None if self.told == WHOLE => Repeat::LastOfMinute,
            repeat => repeat,
        }
    }

    /// Whether it says more than that there was no crash.
    pub(super) fn matter(&self, now: Moment) -> bool {
        self.summed > 0 || (self.told > 0 && now < self.since.after(WITHIN))
    }

    /// Something that has a line in any case.
    pub(super) fn number(&mut self) -> Repeat {
        match std::mem::take(&mut self.summed) {
            0 => Repeat::None,
            summed => Repeat::After(summed),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Repeat, Repeats};
    use crate::engine::moment::Moment;

    fn at(seconds: u64, millis: u64) -> Moment {
        Moment::new(Duration::from_millis(seconds * 1_000 + millis))
    }

    #[test]
    fn ten_crashes_of_a_minute_have_a_line_each_and_the_next_line_has_the_number_of_the_others() {
        let mut repeats = Repeats::default();
        for n in 0..9 {
            assert_eq!(repeats.crash(at(7, n)), Repeat::None);
        }
        assert_eq!(repeats.crash(at(7, 9)), Repeat::LastOfMinute);
        for n in 0..500 {
            assert_eq!(repeats.crash(at(8, n)), Repeat::Summed);
        }
        assert_eq!(repeats.crash(at(66, 999)), Repeat::Summed);
        // A minute after the first one.
        assert_eq!(repeats.crash(at(67, 0)), Repeat::After(501));
        for n in 1..9 {
            assert_eq!(repeats.crash(at(67, n)), Repeat::None);
        }
        assert_eq!(repeats.crash(at(67, 9)), Repeat::LastOfMinute);
    }

    #[test]
    fn a_session_that_crashes_now_and_then_has_a_line_for_each() {
        let mut repeats = Repeats::default();
        for n in 0..1_000 {
            let repeat = repeats.crash(at(6 * n, 0));
            let expected = if n % 10 == 9 {
                Repeat::LastOfMinute
            } else {
                Repeat::None
            };
            assert_eq!(repeat, expected, "{n}");
        }
    }

    /// Whatever comes: no crash is lost from the numbers, and no minute has more than ten lines.
    #[test]
    fn the_numbers_add_up_and_no_minute_has_more_than_ten_lines() {
        let mut random = 7_u64;
        let mut repeats = Repeats::default();
        let (mut now, mut summed, mut numbers) = (0, 0, 0);
        let mut told = Vec::new();
        for _ in 0..100_000 {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            now += (random >> 33) % 9_000;
            let repeat = match (random >> 60) % 16 {
                0 => repeats.number(),
                _ => {
                    let repeat = repeats.crash(at(0, now));
                    if repeat != Repeat::Summed {
                        told.push(now);
                    }
                    repeat
                }
            };
            match repeat {
                Repeat::Summed => summed += 1,
                Repeat::After(number) => numbers += u64::from(number),
                Repeat::None | Repeat::LastOfMinute => {}
            }
        }
        assert_eq!(summed, numbers + u64::from(repeats.summed));
        assert!(summed > 1_000, "{summed}");
        // Of 21 lines in a row at most ten are of the minute of the first, and as many of the next.
        assert!(told.windows(21).all(|lines| lines[20] - lines[0] >= 60_000));
    }

    #[test]
    fn what_needs_a_line_in_any_case_has_the_number_too() {
        let mut repeats = Repeats::default();
        assert_eq!(repeats.number(), Repeat::None);
        for n in 0..13 {
            repeats.crash(at(0, n));
        }
        assert_eq!(repeats.number(), Repeat::After(3));
        assert_eq!(repeats.number(), Repeat::None);
        assert_eq!(repeats.crash(at(1, 0)), Repeat::Summed);
        assert_eq!(repeats.number(), Repeat::After(1));
    }
}
