//! A request from its beginning to its outcome, whatever becomes of those who wait for it.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::time::Instant;

use super::{Meter, RequestKind, SentHow, ServedHow};
use crate::error::RequestError;
use crate::stats::REQUEST;
use crate::wire::{Answer, Ask, Done};

/// A request of a caller of this node that is under way. Dropped without an outcome, its caller has gone
/// away.
pub(crate) struct Asking {
    meter: Arc<Meter>,
    kind: Option<RequestKind>,
    begun: Instant,
    how: SentHow,
}

impl Asking {
    pub(crate) fn begin(meter: &Arc<Meter>, ask: &Ask) -> Self {
        meter.in_flight.fetch_add(1, Ordering::Release);
        Self {
            meter: Arc::clone(meter),
            kind: RequestKind::of(ask),
            begun: Instant::now(),
            how: SentHow::Cancelled,
        }
    }

    pub(crate) fn answered(self, answer: &Result<Done, RequestError>) {
        self.ended(match answer {
            Ok(_) => SentHow::Done,
            Err(RequestError::Refused { refusal, .. }) => SentHow::Refused(refusal.kind),
            Err(RequestError::NoOwner { .. }) => SentHow::NoOwner,
            Err(RequestError::Unanswered { .. }) => SentHow::Unanswered,
            Err(
                RequestError::Frame { .. }
                | RequestError::Json { .. }
                | RequestError::Reply { .. }
                | RequestError::Nonsense { .. },
            ) => SentHow::Failed,
        });
    }

    pub(crate) fn ended(mut self, how: SentHow) {
        self.how = how;
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        if let Some(kind) = self.kind {
            if let SentHow::Done | SentHow::Refused(_) = self.how {
                self.meter.requests.add(self.begun.elapsed(), &REQUEST);
            }
            self.meter.sent(kind, self.how);
        }
        self.meter.in_flight.fetch_sub(1, Ordering::Release);
    }
}

/// A request of another node that is carried out here. Dropped without an answer, it was given up.
pub(crate) struct Serving {
    meter: Arc<Meter>,
    kind: Option<RequestKind>,
    how: ServedHow,
}

impl Serving {
    pub(crate) fn begin(meter: &Arc<Meter>, ask: &Ask) -> Self {
        Self {
            meter: Arc::clone(meter),
            kind: RequestKind::of(ask),
            how: ServedHow::Cancelled,
        }
    }

    pub(crate) fn answered(mut self, answer: &Answer) {
        self.how = match answer {
            Answer::Done(_) => ServedHow::Done,
            Answer::Refused(_) => ServedHow::Refused,
            Answer::NotMine { .. } => ServedHow::Elsewhere,
            Answer::NobodyNow { .. } => ServedHow::NotNow,
        };
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        if let Some(kind) = self.kind {
            self.meter.served(kind, self.how);
        }
    }
}
