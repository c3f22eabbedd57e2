//! An open page: the frames that it is sent. What it holds of what all pages share is free when it is
//! dropped.

use std::collections::VecDeque;
use std::sync::Arc;

use axum::body::Bytes;
use serde::Serialize;
use session_supervisor::dashboard::page::Frames;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, watch};

use super::json::json;
use super::sampler::{Live, Serving, frame};

/// What a page waits for.
pub(super) struct Page {
    live: Arc<Live>,
    frames: broadcast::Receiver<Bytes>,
    serving: watch::Receiver<Serving>,
    /// What it is sent before anything else.
    first: VecDeque<Bytes>,
}

impl Page {
    pub(super) fn new(live: Arc<Live>, serving: watch::Receiver<Serving>) -> Self {
        let (all, frames) = live.all();
        Self {
            live,
            frames,
            serving,
            first: VecDeque::from([all]),
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

impl Frames for Page {
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
}
