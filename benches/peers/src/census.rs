//! Counts what becomes of the sessions, on every side alike.
//!
//! A caller that waits for a number is woken when it is reached.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

/// A number that only grows, and that can be waited for by one.
#[derive(Debug)]
pub struct Counter {
    count: AtomicUsize,
    wished: AtomicUsize,
    reached: Notify,
}

impl Default for Counter {
    fn default() -> Self {
        Self {
            count: AtomicUsize::new(0),
            wished: AtomicUsize::new(usize::MAX),
            reached: Notify::new(),
        }
    }
}

impl Counter {
    /// One more.
    pub fn add(&self) {
        let count = self.count.fetch_add(1, Ordering::SeqCst) + 1;
        if count >= self.wished.load(Ordering::SeqCst) {
            self.reached.notify_one();
        }
    }

    /// How many so far.
    pub fn count(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }

    /// Waits until there are so many.
    pub async fn reach(&self, wished: usize) {
        self.wished.store(wished, Ordering::SeqCst);
        while self.count() < wished {
            self.reached.notified().await;
        }
    }
}

/// What became of the sessions of one supervisor.
#[derive(Debug, Default)]
pub struct Census {
    /// Their first callback began.
    pub begun: Counter,
    /// It is through.
    pub up: Counter,
    /// Their last callback ran.
    pub stopped: Counter,
    /// Their state is gone.
    pub gone: Counter,
}

/// What a session is started with.
#[derive(Clone, Debug)]
pub struct SpawnArguments {
    /// Where it is counted.
    pub census: Arc<Census>,
    /// How long its first callback takes.
    pub pause: Option<Duration>,
}

impl SpawnArguments {
    /// What the first callback of a session does.
    pub async fn begin(self) -> Presence {
        self.census.begun.add();
        if let Some(pause) = self.pause {
            tokio::time::sleep(pause).await;
        }
        self.census.up.add();
        Presence {
            census: self.census,
            said: 0,
        }
    }
}

/// The state of a session.
#[derive(Debug)]
pub struct Presence {
    census: Arc<Census>,
    said: u64,
}

impl Presence {
    /// What a session does with a usual message.
    pub fn receive(&mut self, words: [u64; 4]) {
        self.said += words[0];
    }

    /// What its last callback does.
    pub fn end(&self) {
        self.census.stopped.add();
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.census.gone.add();
    }
}
