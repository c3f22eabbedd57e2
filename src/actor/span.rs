//! The span of an incarnation: what the user's actor logs is inside it and carries the session, the
//! role and the number of the incarnation (D36).
//!
//! It is entered only while code of the user's is called or polled. If no subscriber wants it there
//! is none, and nothing is allocated for it.
//!
//! A subscriber is the user's code. One that panics does not change what becomes of the incarnation.
//! One that blocks, when a span is made, entered or left, blocks a thread as the user's own code
//! does there; the end of a span is told to it where values of users are dropped.

use std::sync::Arc;

use tracing::level_filters::LevelFilter;
use tracing::{Dispatch, Id, Span};

use super::drop_queue::{Deferred, DropQueue};
use super::lines::Lines;
use super::log::TARGET;
use super::unwind::{Panicked, guard};

/// The span. Its end is left to the queue of drops.
#[derive(Debug)]
pub(super) struct IncarnationSpan {
    span: Span,
    drops: DropQueue,
}

/// What the span says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields<'a> {
    pub(super) supervisor: &'a str,
    /// The session, or the one whose tree this is a part of.
    pub(super) session: Option<&'a str>,
    /// The role of a child. A session has none.
    pub(super) role: Option<&'a str>,
    pub(super) incarnation: u64,
}

/// Whether there may be a subscriber that wants a span.
pub(super) fn may_be_wanted() -> bool {
    LevelFilter::current() >= LevelFilter::ERROR
}

impl IncarnationSpan {
    /// The span, if the subscriber of these lines wants it.
    pub(super) fn new(fields: Fields<'_>, lines: &Lines, drops: &DropQueue) -> Option<Arc<Self>> {
        let Fields {
            supervisor,
            session,
            role,
            incarnation,
        } = fields;
        // Its level is the one that is wanted most, since it belongs to lines of all levels.
        let make = || {
            tracing::error_span!(
                target: TARGET,
                parent: None,
                "incarnation",
                supervisor,
                session,
                role,
                incarnation
            )
        };
        let span = guard(|| lines.in_its_subscriber(make)).ok()?;
        if span.is_disabled() {
            return None;
        }
        let drops = drops.clone();
        Some(Arc::new(Self { span, drops }))
    }

    fn tell(&self, what: impl FnOnce(&Dispatch, &Id)) {
        let tell = || {
            self.span
                .with_subscriber(|(id, subscriber)| what(subscriber, id))
        };
        drop(guard(tell));
    }
}

impl Drop for IncarnationSpan {
    fn drop(&mut self) {
        let span = std::mem::replace(&mut self.span, Span::none());
        self.drops.put(Deferred::of(span));
        self.drops.wake();
    }
}

/// Runs code of the user's within the span, if there is one.
pub(super) fn guard_within<T>(
    span: Option<&IncarnationSpan>,
    code: impl FnOnce() -> T,
) -> Result<T, Panicked> {
    let Some(span) = span else {
        return guard(code);
    };
    span.tell(Dispatch::enter);
    let value = guard(code);
    // Whatever became of the entering: what is entered and not left would be carried by others.
    span.tell(Dispatch::exit);
    value
}
