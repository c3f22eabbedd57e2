//! The places of open pages. There are so many at most, and one that has stopped to read gives its
//! place up if another page wants it.
//!
//! A page is sent something each second. A server asks for what is to be sent next when its client has
//! taken what came before. So a page that nothing was asked for in [`STALLED`] seconds is one whose
//! client does not read any more, such as a computer that sleeps. Without a limit its connection could
//! hold its place for ever.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many seconds a page may leave what it is sent alone.
const STALLED: u64 = 30;

/// The seconds of a dashboard in which there was a page, as its task counts them.
pub type Seconds = Arc<AtomicU64>;

/// All places.
#[derive(Debug)]
pub struct Places {
    most: usize,
    taken: Mutex<Vec<Arc<Mark>>>,
    seconds: Seconds,
}

/// What is known of a page.
#[derive(Debug)]
struct Mark {
    /// The second in which something was asked for it last.
    asked: AtomicU64,
    given_up: AtomicBool,
}

/// The place of one page, free when it is dropped.
#[derive(Debug)]
pub struct Place {
    places: Arc<Places>,
    mark: Arc<Mark>,
}

impl Places {
    /// So many of them.
    #[must_use]
    pub fn new(most: usize, seconds: Seconds) -> Arc<Self> {
        let taken = Mutex::default();
        Arc::new(Self {
            most,
            taken,
            seconds,
        })
    }

    /// A place, if one is free or stalled.
    #[must_use]
    pub fn take(self: &Arc<Self>) -> Option<Place> {
        let now = self.now();
        let mut taken = self.lock();
        if taken.len() >= self.most {
            let asked = |mark: &Mark| mark.asked.load(Ordering::Relaxed);
            let (at, longest) = taken
                .iter()
                .enumerate()
                .min_by_key(|(_, mark)| asked(mark))?;
            if now.saturating_sub(asked(longest)) < STALLED {
                return None;
            }
            let stalled = taken.swap_remove(at);
            stalled.given_up.store(true, Ordering::Relaxed);
        }
        let mark = Arc::new(Mark {
            asked: AtomicU64::new(now),
            given_up: AtomicBool::new(false),
        });
        taken.push(Arc::clone(&mark));
        drop(taken);
        let places = Arc::clone(self);
        Some(Place { places, mark })
    }

    fn now(&self) -> u64 {
        self.seconds.load(Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arc<Mark>>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a page still has its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    Yes,
    /// Another page has it now.
    No,
}

impl Place {
    /// Something is asked for this page.
    pub(super) fn asked(&self) -> Kept {
        let now = self.places.now();
        self.mark.asked.store(now, Ordering::Relaxed);
        match self.mark.given_up.load(Ordering::Relaxed) {
            false => Kept::Yes,
            true => Kept::No,
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.lock();
        taken.retain(|mark| !Arc::ptr_eq(mark, &self.mark));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::{Kept, Places, STALLED, Seconds};

    #[test]
    fn a_place_is_free_when_its_page_goes() {
        let places = Places::new(2, Seconds::default());
        let first = places.take().unwrap();
        let _second = places.take().unwrap();
        assert!(places.take().is_none());
        drop(first);
        let _third = places.take().unwrap();
        assert!(places.take().is_none());
        assert!(Places::new(0, Seconds::default()).take().is_none());
    }

    #[test]
    fn a_page_that_does_not_read_gives_its_place_to_another() {
        let seconds = Seconds::default();
        let places = Places::new(2, seconds.clone());
        let (reads, stalled) = (places.take().unwrap(), places.take().unwrap());
        for _ in 1..STALLED {
            seconds.fetch_add(1, Ordering::Relaxed);
            assert_eq!(reads.asked(), Kept::Yes);
        }
        assert!(places.take().is_none());
        seconds.fetch_add(1, Ordering::Relaxed);
        let next = places.take().unwrap();
        assert!(places.take().is_none());
        assert_eq!(
            [&reads, &stalled, &next].map(super::Place::asked),
            [Kept::Yes, Kept::No, Kept::Yes]
        );
        // That it goes at last frees no place of another.
        drop(stalled);
        assert!(places.take().is_none());
    }
}
