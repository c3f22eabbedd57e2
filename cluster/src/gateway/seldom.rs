//! Log lines that others cause: one a second at most, with the number of those that were left out.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

const PAUSE: Duration = Duration::from_secs(1);

/// Says when a line may be written.
#[derive(Debug, Default)]
pub(super) struct Seldom(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    last: Option<Instant>,
    left_out: u64,
}

impl Seldom {
    /// Whether to write a line now, and how many were left out before it.
    pub(super) fn tell(&self) -> Option<u64> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.last.is_some_and(|last| last.elapsed() < PAUSE) {
            state.left_out += 1;
            return None;
        }
        state.last = Some(Instant::now());
        Some(std::mem::take(&mut state.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::{PAUSE, Seldom};

    #[tokio::test(start_paused = true)]
    async fn one_a_second() {
        let seldom = Seldom::default();
        assert_eq!(seldom.tell(), Some(0));
        assert_eq!(seldom.tell(), None);
        assert_eq!(seldom.tell(), None);
        tokio::time::advance(PAUSE).await;
        assert_eq!(seldom.tell(), Some(2));
        assert_eq!(seldom.tell(), None);
    }
}
