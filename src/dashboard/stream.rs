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
use tokio::sync::{broadcast, watch};

use super::hub::{Serving, frame};
use super::json::{By, ToJson, object};
use super::places::{Kept, Place};

/// What an open page is sent.
pub trait Frames: Send + Sized + 'static {
    /// The next frame; none at the end.
    fn next(&mut self) -> impl Future<Output = Option<Bytes>> + Send;
}

/// What a page waits for.
pub(super) struct Page {
    frames: broadcast::Receiver<Bytes>,
    serving: watch::Receiver<Serving>,
    /// What it is sent first.
    first: Option<Bytes>,
}

impl Page {
    pub(super) const fn new(
        first: Bytes,
        frames: broadcast::Receiver<Bytes>,
        serving: watch::Receiver<Serving>,
    ) -> Self {
        Self {
            frames,
            serving,
            first: Some(first),
        }
    }
}

impl Frames for Page {
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

type Next<F> = Pin<Box<dyn Future<Output = Option<(Bytes, F)>> + Send>>;

fn next<F: Frames>(mut page: F) -> Next<F> {
    Box::pin(async move {
        let frame = page.next().await?;
        Some((frame, page))
    })
}

/// The frames as a stream.
struct Sent<F> {
    next: Option<Next<F>>,
    place: Place,
}

impl<F> fmt::Debug for Sent<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sent")
    }
}

impl<F: Frames> Stream for Sent<F> {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.place.asked() == Kept::No {
            self.next = None;
        }
        let Some(waiting) = &mut self.next else {
            return Poll::Ready(None);
        };
        let ended = ready!(waiting.as_mut().poll(cx));
        let (frame, page) = ended.unzip();
        self.next = page.map(next);
        Poll::Ready(frame.map(Ok))
    }
}

/// The response that sends the frames, as long as the page has its place.
pub fn respond<F: Frames>(page: F, place: Place) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        // nginx holds back what it may put together.
        (header::HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    let next = Some(next(page));
    let body = Body::from_stream(Sent { next, place });
    (headers, body).into_response()
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::atomic::Ordering;
    use std::task::{Context, Poll, Waker};

    use axum::body::Bytes;
    use futures_core::Stream;
    use tokio::sync::{broadcast, watch};

    use super::{Frames as _, Page, Sent, Serving};
    use crate::dashboard::places::{Places, Seconds};

    fn bytes(text: &str) -> Bytes {
        Bytes::copy_from_slice(text.as_bytes())
    }

    /// A page, and what it needs.
    fn page() -> (Page, broadcast::Sender<Bytes>, watch::Sender<Serving>) {
        let (frames, serving) = (broadcast::Sender::new(4), watch::Sender::new(Serving::Open));
        let page = Page {
            frames: frames.subscribe(),
            serving: serving.subscribe(),
            first: Some(bytes("first")),
        };
        (page, frames, serving)
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
        let (mut page, frames, serving) = page();
        frames.send(bytes("ended")).unwrap();
        serving.send_replace(Serving::Over);
        for told in [Some("first"), Some("ended"), None] {
            assert_eq!(page.next().await, told.map(bytes));
        }
    }

    #[tokio::test]
    async fn nothing_is_kept_of_a_page_that_goes() {
        let (page, frames, serving) = page();
        let places = Places::new(1, Seconds::default());
        let place = places.take().unwrap();
        let next = Some(super::next(page));
        let sent = Sent { next, place };
        assert_eq!(frames.receiver_count(), 1);
        assert!(places.take().is_none());
        drop(sent);
        assert!(places.take().is_some());
        assert_eq!((frames.receiver_count(), serving.receiver_count()), (0, 0));
    }

    #[tokio::test]
    async fn a_page_whose_place_was_given_to_another_ends() {
        let (page, frames, _serving) = page();
        let seconds = Seconds::default();
        let places = Places::new(1, seconds.clone());
        let place = places.take().unwrap();
        let next = Some(super::next(page));
        let mut sent = pin!(Sent { next, place });
        let mut context = Context::from_waker(Waker::noop());
        let first = sent.as_mut().poll_next(&mut context);
        assert_eq!(first, Poll::Ready(Some(Ok(bytes("first")))));
        seconds.fetch_add(60, Ordering::Relaxed);
        let _other = places.take().expect("it has stopped to read");
        assert_eq!(sent.as_mut().poll_next(&mut context), Poll::Ready(None));
        assert_eq!(frames.receiver_count(), 0);
    }
}
