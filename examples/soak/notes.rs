//! Listens to the library's log: what it says of restarts, kills, parks and zombies is counted.
//!
//! Absent on purpose: spans, and everybody else's events.

use std::fmt;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Metadata, Subscriber};

use crate::tally;

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
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() != "message" {
            return;
        }
        match format!("{value:?}").as_str() {
            "session restarts" => tally::RESTARTS.one(),
            "session is killed" => tally::KILLS.one(),
            "session parked" => tally::PARKS.one(),
            "session survived its kill and is a zombie" => tally::ZOMBIES.one(),
            "session start timed out" => tally::TIMEOUTS.one(),
            _ => {}
        }
    }
}
