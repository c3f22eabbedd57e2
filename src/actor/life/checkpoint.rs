//! What an incarnation saves for those after it, from its first question to the end of its launch.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::{LEFT, Life};
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
        let slot = end.slot.get_or_insert_with(|| Slot::new(self.key.launch));
        Some(Arc::clone(slot))
    }

    /// What the launch leaves to the next one. A slot is made under the same lock, so none is made
    /// after that.
    pub(super) fn leave_checkpoint(&self) -> Option<Carried> {
        let inner = self.lock();
        if self.bits.fetch_or(LEFT, Ordering::AcqRel) & LEFT != 0 {
            return None;
        }
        let slot = inner.end.get()?.slot.as_ref()?;
        Some(Carried::new(Arc::clone(slot)))
    }
}
