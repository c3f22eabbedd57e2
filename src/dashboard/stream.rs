//! An open page: the stream of frames that it is sent. What it holds is its place among the pages
//! and its place in the frames, and both are free when it is dropped.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::{Body, Bytes};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures_core::Stream;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{OwnedSemaphorePermit, broadcast, watch};

use super::hub::{Serving, frame};
use super::json::{By, ToJson, object};

/// What a page waits for.
struct Page {
    frames: broadcast::Receiver<Bytes>,
    serving: watch::Receiver<Serving>,
    /// What it is sent first.
    first: Option<Bytes>,
    _place: OwnedSemaphorePermit,
}

impl Page {
    /// The next frame; none at the end.
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(first) = self.first.take() {
            return Some(first);
        }
        // What was sent before the end is read first.
        tokio::select! {
            biased;
            next = self.frames.recv() => match next {
                Ok(next) => Some(next),
                Err(RecvError::Lagged(frames)) => Some(lagged(frames)),
                Err(RecvError::Closed) => None,
            },
            _ = self.serving.wait_for(|serving| *serving != Serving::Open) => None,
        }
    }
}

fn lagged(frames: u64) -> Bytes {
    let lagged = By(|out: &mut String| object(out).field("frames", &frames).end());
    frame("lagged", &lagged.to_json())
}

type Next = Pin<Box<dyn Future<Output = Option<(Bytes, Page)>> + Send>>;

fn next(mut page: Page) -> Next {
    Box::pin(async move {
        let frame = page.next().await?;
        Some((frame, page))
    })
}

/// The frames as a stream.
struct Frames(Option<Next>);

impl fmt::Debug for Frames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Frames")
    }
}

impl Stream for Frames {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(waiting) = &mut self.0 else {
            return Poll::Ready(None);
        };
        let ended = ready!(waiting.as_mut().poll(cx));
        let (frame, page) = ended.unzip();
        self.0 = page.map(next);
        Poll::Ready(frame.map(Ok))
    }
}

/// The response that sends the frames.
pub(super) fn respond(
    first: Bytes,
    frames: broadcast::Receiver<Bytes>,
    serving: watch::Receiver<Serving>,
    place: OwnedSemaphorePermit,
) -> Response {
    let page = Page {
        frames,
        serving,
        first: Some(first),
        _place: place,
    };
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        // nginx holds back what it may put together.
        (header::HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    let body = Body::from_stream(Frames(Some(next(page))));
    (headers, body).into_response()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use axum::body::Bytes;
    use tokio::sync::{Semaphore, broadcast, watch};

    use super::{Page, Serving};

    fn bytes(text: &str) -> Bytes {
        Bytes::copy_from_slice(text.as_bytes())
    }

    /// A page with one of two places, and what it needs.
    fn page() -> (
        Page,
        broadcast::Sender<Bytes>,
        watch::Sender<Serving>,
        Arc<Semaphore>,
    ) {
        let (frames, serving) = (broadcast::Sender::new(4), watch::Sender::new(Serving::Open));
        let places = Arc::new(Semaphore::new(2));
        let page = Page {
            frames: frames.subscribe(),
            serving: serving.subscribe(),
            first: Some(bytes("first")),
            _place: Arc::clone(&places).try_acquire_owned().unwrap(),
        };
        (page, frames, serving, places)
    }

    #[tokio::test]
    async fn a_page_that_is_slow_loses_the_oldest_and_is_told_how_many() {
        let (mut page, frames, ..) = page();
        for n in 0..10 {
            frames.send(bytes(&n.to_string())).unwrap();
        }
        let lagged = "event: lagged\ndata: {\"frames\":6}\n\n";
        for told in ["first", lagged, "6", "7", "8", "9"] {
            assert_eq!(page.next().await, Some(bytes(told)));
        }
    }

    #[tokio::test]
    async fn what_was_sent_before_the_end_is_read_first() {
        let (mut page, frames, serving, _) = page();
        frames.send(bytes("ended")).unwrap();
        serving.send_replace(Serving::Over);
        for told in [Some("first"), Some("ended"), None] {
            assert_eq!(page.next().await, told.map(bytes));
        }
    }

    #[tokio::test]
    async fn nothing_is_kept_of_a_page_that_goes() {
        let (page, frames, serving, places) = page();
        let waiting = super::next(page);
        assert_eq!(
            (frames.receiver_count(), places.available_permits()),
            (1, 1)
        );
        drop(waiting);
        assert_eq!(
            (frames.receiver_count(), places.available_permits()),
            (0, 2)
        );
        assert_eq!(serving.receiver_count(), 0);
    }
}
