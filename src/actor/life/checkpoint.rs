//! What an incarnation saves for those after it, from its first question to the end of its launch.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Life;
use super::bits::{KNOWN, LEFT};
use crate::actor::checkpoint::{Carried, Slot};

impl<C, T: Clone> Life<C, T> {
    /// Where the incarnation saves. It is made when it is first asked for; `None` if that is only
    /// after the launch is over, when nothing that is saved would be found.
    pub(crate) fn checkpoint(&self) -> Option<Arc<Slot>> {
        let mut inner = self.lock();
        if self.bits.load(Ordering::Acquire) & LEFT != 0 {
            // What others may still hold of it is the same slot, which knows who has it now.
            return inner.end.get()?.slot.clone();
        }
        let end = inner.end.or_nothing(&self.bits);
        if end.slot.is_none() && self.bits.load(Ordering::Acquire) & LEFT != 0 {
            return None;
        }
        let slot = end.slot.get_or_insert_with(|| Slot::new(self.key.launch));
        Some(Arc::clone(slot))
    }

    /// What the launch leaves to the next one. No slot is made after that.
    ///
    /// Most launches have none, and the lock is not taken for them. Who makes one sets `KNOWN` first,
    /// if it is not set, and looks for `LEFT` after that. Both bits are in one word: so either that
    /// one sees `LEFT`, or `KNOWN` is seen here. If it is, the lock decides.
    pub(super) fn leave_checkpoint(&self) -> Option<Carried> {
        let before = self.bits.fetch_or(LEFT, Ordering::AcqRel);
        if before & LEFT != 0 || before & KNOWN == 0 {
            return None;
        }
        let inner = self.lock();
        let slot = inner.end.get()?.slot.as_ref()?;
        Some(Carried::new(Arc::clone(slot)))
    }
}
