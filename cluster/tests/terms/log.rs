//! A log that panics once at a certain line, as the code of a user can, and one that counts lines.

use std::fmt;
use std::sync::{Mutex, Once, PoisonError};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// Texts of which the next line that holds one panics.
static ARMED: Mutex<Vec<&'static str>> = Mutex::new(Vec::new());

/// Texts, each with the number of lines that held it.
static COUNTED: Mutex<Vec<(&'static str, usize)>> = Mutex::new(Vec::new());

/// From now on the next line that holds this panics. Others are thrown away.
pub(crate) fn panics_at(text: &'static str) {
    listens();
    armed().push(text);
}

/// From now on the lines that hold this are counted, but for those of the levels debug and trace.
pub(crate) fn counts(text: &'static str) {
    listens();
    counted().push((text, 0));
}

/// How many lines have held this since then.
pub(crate) fn count_of(text: &str) -> usize {
    let counted = counted();
    let of_text = counted.iter().find(|(wanted, _)| *wanted == text);
    of_text.expect("it is counted").1
}

fn listens() {
    static SET: Once = Once::new();
    SET.call_once(|| {
        tracing::subscriber::set_global_default(Log).expect("there is no other");
    });
}

fn counted() -> std::sync::MutexGuard<'static, Vec<(&'static str, usize)>> {
    COUNTED.lock().unwrap_or_else(PoisonError::into_inner)
}

fn armed() -> std::sync::MutexGuard<'static, Vec<&'static str>> {
    ARMED.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Log;

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.push_str(&format!("{field}={value:?} "));
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("session_supervisor_cluster")
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(String::new());
        event.record(&mut line);
        if *event.metadata().level() <= Level::INFO {
            for (text, count) in counted().iter_mut() {
                *count += usize::from(line.0.contains(*text));
            }
        }
        let mut armed = armed();
        if let Some(at) = armed.iter().position(|text| line.0.contains(text)) {
            armed.remove(at);
            drop(armed);
            panic!("as it is told to: {}", line.0);
        }
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}
