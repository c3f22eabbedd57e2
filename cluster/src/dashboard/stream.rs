//! An open page: the stream of frames that it is sent. What it holds is its place among the pages,
//! and its part of what they share; both are free when it is dropped.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::{Body, Bytes};
use axum::http::{HeaderName, header};
use axum::response::{IntoResponse, Response};
use futures_core::Stream;
use serde::Serialize;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, watch};

use super::json::json;
use super::places::{Kept, Place};
use super::sampler::{Live, Serving, frame};

/// What a page waits for.
struct Page {
    live: Arc<Live>,
    frames: broadcast::Receiver<Bytes>,
    serving: watch::Receiver<Serving>,
    /// What it is sent before anything else.
    first: VecDeque<Bytes>,
}

impl Page {
    fn new(live: Arc<Live>, serving: watch::Receiver<Serving>) -> Self {
        let (all, frames) = live.all();
        Self {
            live,
            frames,
            serving,
            first: VecDeque::from([all]),
        }
    }

    /// The next frame; none at the end.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(first) = self.first.pop_front() {
                return Some(first);
            }
            // What was sent before the end is read first.
            let next = tokio::select! {
                biased;
                next = self.frames.recv() => next,
                _ = self.serving.wait_for(|serving| *serving != Serving::Open) => {
                    Err(RecvError::Closed)
                }
            };
            match next {
                Ok(next) => return Some(next),
                Err(RecvError::Lagged(frames)) => self.again(frames),
                Err(RecvError::Closed) => return None,
            }
        }
    }

    /// It has lost frames, and with them what has changed: it is sent everything anew.
    fn again(&mut self, frames: u64) {
        #[derive(Serialize)]
        struct Lagged {
            frames: u64,
        }
        let (all, fresh) = self.live.all();
        self.frames = fresh;
        let lagged = frame("lagged", &json(&Lagged { frames }));
        self.first.extend([lagged, all]);
    }
}

type Next = Pin<Box<dyn Future<Output = Option<(Bytes, Page)>> + Send>>;

fn next(mut page: Page) -> Next {
    Box::pin(async move {
        let frame = page.next().await?;
        Some((frame, page))
    })
}

/// The frames as a stream.
struct Frames {
    next: Option<Next>,
    place: Place,
}

impl Stream for Frames {
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

/// The response that sends the frames.
pub(super) fn respond(
    live: Arc<Live>,
    serving: watch::Receiver<Serving>,
    place: Place,
) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        // nginx holds back what it may put together.
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    let next = Some(next(Page::new(live, serving)));
    let body = Body::from_stream(Frames { next, place });
    (headers, body).into_response()
}
