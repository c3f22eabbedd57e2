//! Listens to the library's log: what it says of restarts, kills, parks and stuck sessions is
//! counted.
//!
//! The listener fails for a while now and then, as a log does whose disk is full or whose reader is
//! gone: it panics at each line, or blocks its thread.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Metadata, Subscriber};

use crate::rng::Rng;
use crate::tally;
use crate::verdict::PLANNED;

const SOUND: u64 = 0;
const PANICS: u64 = u64::MAX;

/// What becomes of a line: sound, panics, or blocks for so many milliseconds.
static MOOD: AtomicU64 = AtomicU64::new(SOUND);

/// Lets the log fail for a while now and then. Dropped, the log is sound.
pub(crate) async fn spoil_the_log(mut rng: Rng) {
    let _sound_at_last = Sound;
    loop {
        let quiet = Duration::from_millis(200 + rng.next() % 1_500);
        tokio::time::sleep(quiet).await;
        let mood = if rng.one_in(2) {
            PANICS
        } else {
            1 + rng.next() % 30
        };
        MOOD.store(mood, Ordering::Relaxed);
        let bad = Duration::from_millis(20 + rng.next() % 300);
        tokio::time::sleep(bad).await;
        MOOD.store(SOUND, Ordering::Relaxed);
    }
}

struct Sound;

impl Drop for Sound {
    fn drop(&mut self) {
        MOOD.store(SOUND, Ordering::Relaxed);
    }
}

#[derive(Debug)]
pub(crate) struct Listener;

impl Subscriber for Listener {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.enabled(metadata) {
            Interest::always()
        } else {
            Interest::never()
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && metadata.target().starts_with("session_supervisor")
    }

    fn event(&self, event: &Event<'_>) {
        event.record(&mut Message);
        match MOOD.load(Ordering::Relaxed) {
            SOUND => {}
            PANICS => {
                tally::LOG_PANICS.one();
                panic!("{PLANNED}the log fails");
            }
            ms => {
                tally::LOG_BLOCKS.one();
                std::thread::sleep(Duration::from_millis(ms));
            }
        }
    }

    // No span is ever enabled.
    fn new_span(&self, _span: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _span: &Id, _values: &Record<'_>) {}
    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}
    fn enter(&self, _span: &Id) {}
    fn exit(&self, _span: &Id) {}
}

struct Message;

impl Visit for Message {
    fn record_u64(&mut self, field: &Field, _value: u64) {
        // Only what follows an end has this field, and only if it is a restart.
        if field.name() == "restarts" {
            tally::RESTARTS.one();
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "what_next" && value.contains("parked") {
            tally::PARKS.one();
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() != "message" {
            return;
        }
        match format!("{value:?}").as_str() {
            "session is killed" | "child is killed" => tally::KILLS.one(),
            "session survived its kill and is stuck" => tally::STUCK.one(),
            "session start timed out" => tally::TIMEOUTS.one(),
            _ => {}
        }
    }
}
