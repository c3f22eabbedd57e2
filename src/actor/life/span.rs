//! The span of the incarnation, for its callbacks. Without a subscriber that wants it there is none,
//! and a look costs one load.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Life;
use super::bits::SPAN;
use crate::actor::span::IncarnationSpan;

impl<C, T: Clone> Life<C, T> {
    /// Called once, before its actor is spawned.
    pub(in crate::actor) fn set_span(&self, span: Arc<IncarnationSpan>) {
        self.lock().end.or_nothing(&self.bits).span = Some(span);
        self.bits.fetch_or(SPAN, Ordering::AcqRel);
    }

    /// The span, if there is one, until its actor's task is done.
    #[inline]
    pub(in crate::actor) fn span(&self) -> Option<Arc<IncarnationSpan>> {
        if self.bits.load(Ordering::Acquire) & SPAN == 0 {
            return None;
        }
        self.lock().end.get()?.span.clone()
    }

    /// No callback will run any more.
    pub(in crate::actor) fn drop_span(&self) {
        if self.bits.load(Ordering::Acquire) & SPAN != 0 {
            let mut inner = self.lock();
            let span = inner.end.get_mut().and_then(|end| end.span.take());
            drop(inner);
            drop(span);
        }
    }
}
