//! Makes a history that fails shorter: fewer steps, and in each step, before and after them, less
//! that is drawn, as long as it fails in the same way.

use crate::rng::Draws;

/// How many histories are tried at most.
const TRIES: usize = 20_000;

/// Searches for a history that `fails` too, is part of this one, and of which nothing more can be
/// left out.
pub(crate) fn shrink(draws: Draws, fails: impl FnMut(&Draws) -> bool) -> Draws {
    let mut search = Search {
        best: draws,
        tries: 0,
        fails,
    };
    loop {
        let before = search.best.clone();
        search.without_steps();
        for part in 0..search.best.len() {
            search.without_draws(part);
            search.smaller(part);
        }
        if search.best == before || search.tries >= TRIES {
            return search.best;
        }
    }
}

struct Search<F> {
    best: Draws,
    tries: usize,
    fails: F,
}

impl<F: FnMut(&Draws) -> bool> Search<F> {
    /// Keeps a history if it fails too.
    fn keep(&mut self, draws: Draws) -> bool {
        self.tries += 1;
        let fails = self.tries <= TRIES && (self.fails)(&draws);
        if fails {
            self.best = draws;
        }
        fails
    }

    /// Leaves out steps, many at once at first.
    fn without_steps(&mut self) {
        let mut many = self.best.len();
        while many > 0 {
            // The first part and the last are no steps.
            let mut from = 1;
            while from + many < self.best.len() {
                let mut draws = self.best.clone();
                draws.drain(from..from + many);
                if !self.keep(draws) {
                    from += many;
                }
            }
            many /= 2;
        }
    }

    /// Leaves out draws of one part. What nothing is left for draws nothing in particular.
    fn without_draws(&mut self, part: usize) {
        let mut many = self.best[part].len();
        while many > 0 {
            let mut from = 0;
            while from + many <= self.best[part].len() {
                let mut draws = self.best.clone();
                draws[part].drain(from..from + many);
                if !self.keep(draws) {
                    from += many;
                }
            }
            many /= 2;
        }
    }

    /// Draws the first of several choices where that does as well.
    fn smaller(&mut self, part: usize) {
        for draw in 0..self.best[part].len() {
            if self.best[part][draw] != 0 {
                let mut draws = self.best.clone();
                draws[part][draw] = 0;
                self.keep(draws);
            }
        }
    }
}

#[test]
fn only_the_steps_and_draws_are_left_that_a_failure_needs() {
    let draws: Draws = (0..50).map(|part| (part..part + 6).collect()).collect();
    // It needs a 20 in one step, and a 40 in a later one.
    let at = |draws: &Draws, what| draws.iter().position(|part| part.contains(&what));
    let fails = |draws: &Draws| match (at(draws, 20), at(draws, 40)) {
        (Some(first), Some(second)) => first < second,
        _ => false,
    };
    assert!(fails(&draws));
    let left = shrink(draws, fails);
    let drawn: Vec<u64> = left.iter().flatten().copied().collect();
    assert_eq!(drawn, [20, 40]);
    assert!(left.len() <= 4, "{left:?}");
}
