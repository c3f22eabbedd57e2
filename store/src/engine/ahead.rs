//! States that were read ahead, many at once, before their sessions ask for them.
//!
//! Invariant: each state here equals that of the store. It is dropped as soon as a change of its id is to be
//! written, and when its part is taken over or handed over, since another owner may write it meanwhile.

use std::sync::Arc;

use super::by_shard::ByShard;
use crate::part::Part;
use crate::record::SavedState;

/// How many bytes may be held: 64 MiB. What has no room is read when its session asks for it.
const MAX_BYTES: usize = 64 * 1024 * 1024;

/// What sessions have saved under the name that is theirs, not that of a child of their tree.
#[derive(Debug, Default)]
pub struct Ahead {
    ids: ByShard<Known>,
    bytes: usize,
}

#[derive(Debug)]
struct Known {
    revision: u64,
    /// None: the store has no state.
    state: Option<SavedState>,
}

impl Known {
    fn bytes(&self) -> usize {
        self.state.as_ref().map_or(0, |state| state.bytes.len())
    }
}

impl Ahead {
    /// The name under which a session itself saves.
    pub const SLOT: &str = "";

    /// Into how many parts the ids are divided.
    pub fn divide(&mut self, of: u32) {
        self.ids.divide(of);
    }

    /// The store has this of the session of this revision.
    pub fn put(&mut self, id: Arc<str>, revision: u64, state: Option<SavedState>) {
        self.forget(&id);
        let known = Known { revision, state };
        let with = self.bytes.saturating_add(known.bytes());
        if with <= MAX_BYTES {
            self.bytes = with;
            self.ids.insert(id, known);
        }
    }

    /// What the store has, once. None: it is to be asked.
    pub fn take(&mut self, id: &str, slot: &str, revision: u64) -> Option<Option<SavedState>> {
        if slot != Self::SLOT || self.ids.get(id)?.revision != revision {
            return None;
        }
        self.removed(id).map(|known| known.state)
    }

    /// Drops the state of an id: a change of it is to be written, or its session has started.
    pub fn forget(&mut self, id: &str) {
        drop(self.removed(id));
    }

    /// Drops the states of a part that is taken over or handed over.
    pub fn forget_part(&mut self, part: Part) {
        let ids = self.ids.of_part(part).map(|(id, _)| Arc::clone(id));
        for id in ids.collect::<Vec<_>>() {
            self.forget(&id);
        }
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    fn removed(&mut self, id: &str) -> Option<Known> {
        let (_, known) = self.ids.remove(id)?;
        self.bytes -= known.bytes();
        Some(known)
    }
}

#[cfg(test)]
mod tests {
    use super::{Ahead, MAX_BYTES};
    use crate::part::Part;
    use crate::record::{MAX_VALUE, SavedState};

    fn state(bytes: &[u8]) -> Option<SavedState> {
        Some(SavedState::new("", 1, bytes, 7))
    }

    #[test]
    fn a_state_is_taken_once_and_by_its_own_session_alone() {
        let mut ahead = Ahead::default();
        ahead.put("a".into(), 3, state(b"one"));
        ahead.put("b".into(), 4, None);
        assert_eq!(ahead.take("a", "agent", 3), None);
        assert_eq!(ahead.take("a", "", 2), None);
        assert_eq!(ahead.take("c", "", 3), None);
        assert_eq!(ahead.take("a", "", 3), Some(state(b"one")));
        assert_eq!(ahead.take("a", "", 3), None);
        assert_eq!(ahead.take("b", "", 4), Some(None));
        assert_eq!((ahead.len(), ahead.bytes), (0, 0));
    }

    #[test]
    fn nothing_is_taken_that_may_not_be_what_the_store_has() {
        let mut ahead = Ahead::default();
        for of in [1, 8] {
            ahead.divide(of);
            ahead.put("a".into(), 3, state(b"one"));
            ahead.put("a".into(), 3, state(b"two"));
            assert_eq!(ahead.take("a", "", 3), Some(state(b"two")));
            ahead.put("a".into(), 3, state(b"one"));
            ahead.forget("a");
            assert_eq!(ahead.take("a", "", 3), None);
            ahead.put("a".into(), 3, state(b"one"));
            let (own, others): (Vec<_>, Vec<_>) = (0..8)
                .filter_map(|shard| Part::shard(shard, 8, 1))
                .partition(|part| part.has("a"));
            others.into_iter().for_each(|part| ahead.forget_part(part));
            assert!(!ahead.is_empty());
            own.into_iter().for_each(|part| ahead.forget_part(part));
            assert_eq!(ahead.take("a", "", 3), None);
            assert_eq!((ahead.len(), ahead.bytes), (0, 0));
        }
    }

    #[test]
    fn what_has_no_room_is_not_held() {
        let mut ahead = Ahead::default();
        let large = vec![7; MAX_VALUE];
        for at in 0..100 {
            ahead.put(format!("s{at}").into(), 1, state(&large));
        }
        assert_eq!((ahead.len(), ahead.bytes), (64, MAX_BYTES));
        assert_eq!(ahead.take("s70", "", 1), None);
        ahead.forget("s0");
        ahead.put("s70".into(), 1, state(&large));
        assert_eq!(ahead.take("s70", "", 1), Some(state(&large)));
    }
}
