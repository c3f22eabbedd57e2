//! What is done with a request: each on a task of its own, a bounded number at once, none beyond its
//! deadline, and with each panic caught.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use ractor::RpcReplyPort;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use super::limits::Classes;
use super::seldom::Seldom;
use super::status::PeerChange;
use super::unwind::Caught;
use crate::engine::NodeName;
use crate::wire::{
    Answer, Ask, Done, FrameError, Hello, Refusal, RefusalKind, Request, decode_request,
    encode_answer, unsendable,
};

/// What is answered when too much is being done.
const LATER_MS: u32 = 100;

/// The answer to come.
pub type Serving = Pin<Box<dyn Future<Output = Answer> + Send + 'static>>;

/// Carries out what other nodes ask.
///
/// Each request has a task of its own, and requests are carried out in no particular order. The future
/// is dropped when the deadline of the request has passed, and the peer is answered that it has
/// ([`RefusalKind::TimedOut`]): what must not be cut off goes into a task of its own. A panic is
/// answered too ([`RefusalKind::Panicked`]), and logged. [`Ask::Hello`] never comes here.
pub trait Serve: Send + Sync + 'static {
    /// The answer to a request of the node `from`. A name that is missing or wrong is the peer's
    /// fault: it is for logs, and proves nothing beyond the cookie.
    fn serve(&self, from: Option<NodeName>, request: Request) -> Serving;

    /// What has become of a connection. It is called in the task that watches connections, so it returns
    /// at once. Without this nothing is told.
    fn told(&self, change: PeerChange) {
        drop(change);
    }
}

impl<F> Serve for F
where
    F: Fn(Option<NodeName>, Request) -> Serving + Send + Sync + 'static,
{
    fn serve(&self, from: Option<NodeName>, request: Request) -> Serving {
        self(from, request)
    }
}

/// All that answers requests.
pub(super) struct Server {
    own: Hello,
    serve: Arc<dyn Serve>,
    places: Classes<Arc<Semaphore>>,
    bad: Seldom,
    busy: Seldom,
}

impl Server {
    pub(super) fn new(own: Hello, serve: Arc<dyn Serve>, most: usize) -> Self {
        Self {
            own,
            serve,
            places: Classes::of(|| Arc::new(Semaphore::new(most))),
            bad: Seldom::default(),
            busy: Seldom::default(),
        }
    }

    /// Takes a request. It returns at once.
    ///
    /// A request is read here, and not in a task of its own: which places it needs is known only then, and
    /// what waits to be read would need places that all classes share.
    pub(super) fn take(self: &Arc<Self>, frame: Vec<u8>, reply: RpcReplyPort<Vec<u8>>) {
        let received = Instant::now();
        let begun = self.read(&frame).and_then(|request| {
            let places = Arc::clone(self.places.get(&request.ask));
            let place = places.try_acquire_owned();
            place.map_or_else(|_| Err(self.later()), |place| Ok((request, place)))
        });
        drop(frame);
        let (request, place) = match begun {
            Ok(begun) => begun,
            Err(answer) => {
                drop(reply.send(written(&answer)));
                return;
            }
        };
        let server = Arc::clone(self);
        tokio::spawn(async move {
            let answer = server.answer(request, received).await;
            drop(reply.send(written(&answer)));
            drop(place);
        });
    }

    fn later(&self) -> Answer {
        if let Some(others) = self.busy.tell() {
            tracing::warn!(
                others,
                "requests of peers are put off: too many are carried out"
            );
        }
        Answer::NobodyNow {
            retry_after_ms: LATER_MS,
        }
    }

    fn hello(&self, theirs: &Hello) -> Answer {
        match self.own.fits(theirs) {
            Ok(()) => Answer::Done(Done::Hello(self.own.clone())),
            Err(mismatch) => refused(RefusalKind::Mismatch, mismatch.to_string()),
        }
    }

    /// What is asked, or the answer if there is nothing to carry out.
    fn read(&self, frame: &[u8]) -> Result<Request, Answer> {
        let read = decode_request(frame);
        let request = read.map_err(|error| self.unreadable(frame.len(), &error))?;
        match &request.ask {
            Ask::Hello(theirs) => Err(self.hello(theirs)),
            _ => Ok(request),
        }
    }

    async fn answer(&self, request: Request, received: Instant) -> Answer {
        let (from, asked, id) = (request.from.clone(), request.ask.name(), request.id);
        let until = received + Duration::from_millis(request.deadline_ms.into());
        let caught = Caught::of(|| self.serve.serve(request.from.clone(), request));
        let panicked = match caught {
            Err(text) => text,
            Ok(caught) => match timeout_at(until, caught).await {
                Ok(Ok(answer)) => return answer,
                Ok(Err(text)) => text,
                Err(_) => {
                    let text = format!("node {} has not done it in time", self.own.node);
                    return refused(RefusalKind::TimedOut, text);
                }
            },
        };
        let id = u128::from_be_bytes(id);
        let from = from.as_ref().map(NodeName::as_str);
        tracing::error!(
            from,
            asked,
            id = format!("{id:032x}"),
            panicked,
            "a request panicked"
        );
        refused(RefusalKind::Panicked, panicked)
    }

    fn unreadable(&self, size: usize, error: &FrameError) -> Answer {
        let text = match std::error::Error::source(error) {
            Some(cause) => format!("{error}: {cause}"),
            None => error.to_string(),
        };
        if let Some(others) = self.bad.tell() {
            tracing::warn!(size, others, "a request of a peer is refused: {text}");
        }
        let kind = match error {
            FrameError::TooLarge { .. } => RefusalKind::TooLarge,
            _ => RefusalKind::BadRequest,
        };
        refused(kind, text)
    }
}

fn refused(kind: RefusalKind, text: String) -> Answer {
    Answer::Refused(Refusal::new(kind, text))
}

/// The frame of an answer; of a refusal, if the answer is too large.
fn written(answer: &Answer) -> Vec<u8> {
    encode_answer(answer).unwrap_or_else(|error| {
        // A few bytes of text always fit.
        encode_answer(&unsendable(&error)).unwrap_or_default()
    })
}
