//! What the log has summed up of the children of a session's tree, over the incarnations of the tree:
//! one that fails with its children would begin to count anew each time.
//!
//! The engine of the sessions hands it over with each launch, and the engines of the tree look into
//! it. There is one of it for each session that is a tree and has ended before.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::moment::Moment;
use super::repeats::Repeats;

/// Of so many children at most. The others have their lines as if they were no part of a tree.
const CHILDREN: usize = 256;

/// How often the children of one session's tree have crashed lately. It is the same in all clones.
#[derive(Clone, Debug, Default)]
pub struct Sums(Arc<Mutex<BTreeMap<Arc<str>, Repeats>>>);

/// Those of one supervisor within the tree.
#[derive(Clone, Debug)]
pub(super) struct SumsBelow {
    sums: Sums,
    /// The roles that lead to it, each with a `/` after it.
    place: Box<str>,
}

impl Sums {
    /// Those of the supervisor at this place: the roles that lead to it, each with a `/` after it.
    pub(super) fn below(self, place: &str) -> SumsBelow {
        let place = place.into();
        SumsBelow { sums: self, place }
    }
}

impl SumsBelow {
    /// Of one child. `None`: too many are known.
    pub(super) fn of(&self, role: &str) -> Option<Repeats> {
        let known = self.known();
        match known.get(&*self.path(role)) {
            Some(repeats) => Some(*repeats),
            None => (known.len() < CHILDREN).then(Repeats::default),
        }
    }

    /// Keeps what has become of it.
    pub(super) fn keep(&self, now: Moment, role: &str, repeats: Repeats) {
        let mut known = self.known();
        let path = self.path(role);
        if known.len() == CHILDREN && !known.contains_key(&*path) {
            known.retain(|_, repeats| repeats.matter(now));
        }
        if known.len() < CHILDREN || known.contains_key(&*path) {
            known.insert(path.into(), repeats);
        }
    }

    fn path(&self, role: &str) -> String {
        format!("{}{role}", self.place)
    }

    fn known(&self) -> std::sync::MutexGuard<'_, BTreeMap<Arc<str>, Repeats>> {
        self.sums.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{CHILDREN, Sums};
    use crate::engine::moment::Moment;
    use crate::engine::repeats::Repeat;

    #[test]
    fn what_one_incarnation_has_counted_the_next_one_goes_on_with() {
        let sums = Sums::default();
        let mut told = 0;
        for _ in 0..25 {
            let tree = sums.clone().below("a/");
            let mut repeats = tree.of("b").expect("there is room");
            if repeats.crash(Moment::START) != Repeat::Summed {
                told += 1;
            }
            tree.keep(Moment::START, "b", repeats);
        }
        assert_eq!(told, 10);
        let other = sums.below("").of("b").expect("there is room");
        assert_eq!(other, super::Repeats::default());
    }

    #[test]
    fn so_many_are_kept_and_those_that_are_over_make_room() {
        let tree = Sums::default().below("");
        let mut crashed = super::Repeats::default();
        crashed.crash(Moment::START);
        for n in 0..CHILDREN {
            tree.keep(Moment::START, &n.to_string(), crashed);
        }
        assert_eq!(tree.of("one more"), None);
        tree.keep(Moment::START, "one more", crashed);
        assert_eq!(tree.of("one more"), None);
        let later = Moment::START.after(Duration::from_secs(60));
        tree.keep(later, "one more", crashed);
        assert_eq!(tree.of("one more"), Some(crashed));
        assert!(tree.of("yet another").is_some());
    }
}
