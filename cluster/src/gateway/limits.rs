//! How many requests are under way at once, for each class of them by itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use super::line::Places;
use super::options::GatewayOptions;
use crate::wire::Ask;

/// Bytes are counted in units of so many.
const UNIT: usize = 1_024;

/// How many units of a class may be in flight at each peer: 32 MiB.
const UNITS: usize = 32 * 1_024;

/// Something for each class of requests. A class is what its answers wait for: each kind of users' code has
/// one, so that code which does not end holds up requests of its own kind, and no other.
pub(super) struct Classes<T> {
    /// The sessions' code that handles messages, for as long as the caller allows.
    messages: T,
    /// Their code that starts them.
    starts: T,
    /// Their code that ends them.
    stops: T,
    /// Nothing but the supervisor.
    looks: T,
}

impl<T> Classes<T> {
    pub(super) fn of(make: impl Fn() -> T) -> Self {
        Self {
            messages: make(),
            starts: make(),
            stops: make(),
            looks: make(),
        }
    }

    pub(super) const fn get(&self, ask: &Ask) -> &T {
        match ask {
            Ask::Call { .. } => &self.messages,
            Ask::Start { .. } => &self.starts,
            Ask::Stop { .. } => &self.stops,
            Ask::Hello(_) | Ask::Lookup { .. } | Ask::List { .. } | Ask::Leave | Ask::Figures => {
                &self.looks
            }
        }
    }

    pub(super) fn sum(&self, count: impl Fn(&T) -> usize) -> usize {
        let Self {
            messages,
            starts,
            stops,
            looks,
        } = self;
        [messages, starts, stops, looks]
            .into_iter()
            .map(count)
            .sum()
    }
}

/// The requests of a class to a peer.
pub(super) struct Limits {
    most: usize,
    most_waiting: usize,
    places: Arc<Semaphore>,
    units: Arc<Semaphore>,
    waiting: AtomicUsize,
}

/// Why a request has no turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoTurn {
    /// So many wait already.
    Overloaded(usize),
    /// Time is up.
    TimedOut,
}

impl Limits {
    pub(super) fn new(options: &GatewayOptions) -> Self {
        Self {
            most: options.in_flight,
            most_waiting: options.waiting,
            places: Arc::new(Semaphore::new(options.in_flight)),
            units: Arc::new(Semaphore::new(UNITS)),
            waiting: AtomicUsize::new(0),
        }
    }

    /// Requests that have been sent and not been answered.
    pub(super) fn in_flight(&self) -> usize {
        self.most.saturating_sub(self.places.available_permits())
    }

    /// Requests that wait for their turn.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Waits for the turn of a request of so many bytes.
    pub(super) async fn turn(&self, bytes: usize, until: Instant) -> Result<Places, NoTurn> {
        let units = u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX);
        Ok([
            self.place(&self.places, 1, until).await?,
            self.place(&self.units, units, until).await?,
        ])
    }

    async fn place(
        &self,
        of: &Arc<Semaphore>,
        many: u32,
        until: Instant,
    ) -> Result<OwnedSemaphorePermit, NoTurn> {
        if let Ok(place) = Arc::clone(of).try_acquire_many_owned(many) {
            return Ok(place);
        }
        let Some(_waits) = Waiting::begin(&self.waiting, self.most_waiting) else {
            return Err(NoTurn::Overloaded(self.most_waiting));
        };
        let place = timeout_at(until, Arc::clone(of).acquire_many_owned(many)).await;
        match place {
            Ok(Ok(place)) => Ok(place),
            // These semaphores are never closed.
            Ok(Err(_)) | Err(_) => Err(NoTurn::TimedOut),
        }
    }
}

/// One that waits for its turn, counted as long as it does.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn begin(count: &'a AtomicUsize, most: usize) -> Option<Self> {
        let more = |waiting: usize| (waiting < most).then_some(waiting + 1);
        let begun = count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        // Not `then_some`: one that is made and dropped would be counted down.
        begun.is_ok().then(|| Self(count))
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
