//! A connection whose gateway has said who it is, and what is on its way over it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ractor::concurrency::oneshot;
use ractor::{ActorRef, MessagingErr};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use super::links::ConnectionId;
use super::message::GatewayMessage;

/// What a request takes from the limits of its peer.
pub(super) type Places = [OwnedSemaphorePermit; 2];

/// A connection whose gateway has said who it is.
///
/// ractor queues what is sent without a bound. So a request keeps its places until something is heard of
/// the peer that may well be younger than it, even if its caller has given up: a peer that hangs costs
/// the memory of the requests in flight, and no more.
pub(super) struct Line {
    pub(super) connection: ConnectionId,
    pub(super) since: Instant,
    gateway: ActorRef<GatewayMessage>,
    /// When something was heard last, in microseconds after `since`.
    heard: AtomicU64,
    /// Places of requests whose callers have given up, until something is heard.
    given_up: Mutex<Vec<Places>>,
}

/// Why a frame has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lost {
    /// It was not sent: the connection had ended.
    NotSent,
    /// The connection ended.
    Ended,
    /// Time is up.
    TimedOut,
}

impl Line {
    pub(super) fn new(connection: ConnectionId, gateway: ActorRef<GatewayMessage>) -> Self {
        Self {
            connection,
            since: Instant::now(),
            gateway,
            heard: AtomicU64::new(0),
            given_up: Mutex::default(),
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.since.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// For how long nothing has been heard.
    pub(super) fn quiet(&self) -> Duration {
        let heard = self.heard.load(Ordering::Acquire);
        Duration::from_micros(self.now().saturating_sub(heard))
    }

    /// Something was heard.
    fn hear(&self) {
        self.heard.fetch_max(self.now(), Ordering::AcqRel);
        let mut given_up = self.given_up.lock().unwrap_or_else(PoisonError::into_inner);
        given_up.clear();
    }

    /// Sends a frame and waits for its answer until then.
    pub(super) async fn ask(
        self: &Arc<Self>,
        frame: Vec<u8>,
        places: Option<Places>,
        until: Instant,
    ) -> Result<Vec<u8>, Lost> {
        let waits = Waits {
            line: Arc::clone(self),
            sent: self.now(),
            places,
        };
        let answer = send(&self.gateway, frame, until).await?;
        self.hear();
        drop(waits);
        Ok(answer)
    }
}

/// Sends a frame to a gateway and waits for its answer until then.
pub(super) async fn send(
    gateway: &ActorRef<GatewayMessage>,
    frame: Vec<u8>,
    until: Instant,
) -> Result<Vec<u8>, Lost> {
    let (reply, answer) = oneshot();
    // Without a timeout of ractor's: the peer's gateway drops the port when the deadline has passed.
    let message = GatewayMessage::Ask(frame, reply.into());
    match gateway.send_message(message) {
        Ok(()) => {}
        Err(MessagingErr::SendErr(_)) | Err(_) => return Err(Lost::NotSent),
    }
    match tokio::time::timeout_at(until, answer).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(_)) => Err(Lost::Ended),
        Err(_) => Err(Lost::TimedOut),
    }
}

/// A request on its way.
struct Waits {
    line: Arc<Line>,
    sent: u64,
    places: Option<Places>,
}

impl Drop for Waits {
    fn drop(&mut self) {
        let Some(places) = self.places.take() else {
            return;
        };
        let given_up = &self.line.given_up;
        let mut given_up = given_up.lock().unwrap_or_else(PoisonError::into_inner);
        // Looked up under the lock, so that what is heard meanwhile empties the list afterwards.
        if self.line.heard.load(Ordering::Acquire) < self.sent {
            given_up.push(places);
        }
    }
}
