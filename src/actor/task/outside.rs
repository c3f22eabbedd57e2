//! In which span a future is polled: in that of its own actor, whatever has woken it.
//!
//! With ractor's feature `message_span_propogation` a message takes the span of its sender along,
//! and its handler runs inside that (R50). Here the sender is what happened to wake the future,
//! such as a request of somebody else. ractor's span of the actor, if a subscriber wants that, lies
//! around all its callbacks.

use tracing::Span;
use tracing::span::Id;

/// Where the actor's callbacks run.
#[derive(Debug)]
pub(super) enum Place {
    /// In no span.
    Nowhere,
    In(Id),
}

impl Place {
    /// The span in which a callback without a message runs.
    pub(super) fn here() -> Self {
        Span::current().id().map_or(Self::Nowhere, Self::In)
    }

    fn is(&self, span: &Span) -> bool {
        match self {
            Self::Nowhere => span.id().is_none(),
            Self::In(id) => span.id().as_ref() == Some(id),
        }
    }

    /// Runs this outside the span of a message.
    pub(super) fn run<T>(&self, run: impl FnOnce() -> T) -> T {
        let current = Span::current();
        if self.is(&current) {
            return run();
        }
        let left = Left(current);
        left.0
            .with_subscriber(|(id, subscriber)| subscriber.exit(id));
        run()
    }
}

/// A span that is left until this is dropped.
struct Left(Span);

impl Drop for Left {
    fn drop(&mut self) {
        self.0
            .with_subscriber(|(id, subscriber)| subscriber.enter(id));
    }
}

#[cfg(test)]
mod tests {
    use tracing::span::Id;
    use tracing::subscriber::with_default;
    use tracing::{Span, info_span};
    use tracing_subscriber::registry;

    use super::Place;

    fn current() -> Option<Id> {
        Span::current().id()
    }

    #[test]
    fn it_runs_in_its_own_span_and_in_no_others() {
        with_default(registry(), || {
            let (own, other) = (info_span!("own"), info_span!("other"));
            assert!(own.id().is_some() && other.id().is_some());
            let nowhere = Place::here();
            other.in_scope(|| {
                assert_eq!(nowhere.run(current), None);
                assert_eq!(current(), other.id(), "it is entered again");
            });
            assert_eq!(nowhere.run(current), None);
            own.in_scope(|| {
                let place = Place::here();
                assert_eq!(place.run(current), own.id());
                other.in_scope(|| assert_eq!(place.run(current), own.id()));
                assert_eq!(current(), own.id());
            });
        });
    }

    #[test]
    fn without_a_subscriber_it_just_runs() {
        assert_eq!(Place::here().run(|| 7), 7);
    }

    #[test]
    fn a_panic_leaves_the_spans_as_they_were() {
        with_default(registry(), || {
            let other = info_span!("other");
            let nowhere = Place::here();
            other.in_scope(|| {
                let run = || nowhere.run::<()>(|| panic!("meant"));
                assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).is_err());
                assert_eq!(current(), other.id());
            });
        });
    }
}
