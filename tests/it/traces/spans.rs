//! The span of an incarnation (D36): what the user's code logs is inside it, and nothing else is.

mod callbacks;
mod ends;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use session_supervisor::{ChildSpec, Options};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber, info};

use super::Capture;
use crate::support::{Order, Probe, supervisor, yields};

/// What a span is about.
type Fields = BTreeMap<&'static str, String>;

/// What was seen.
#[derive(Debug, Default)]
struct Seen {
    /// The spans that were made; `None`: closed.
    spans: Vec<Option<Fields>>,
    /// How often a span was made.
    made: usize,
    /// Those that are entered, and in which thread.
    entered: Vec<(std::thread::ThreadId, u64)>,
    /// Lines of the tests, with the fields of the span that they are in.
    lines: Vec<(String, Option<Fields>)>,
    /// A line of the supervisor's was within a span.
    inside: Vec<String>,
}

/// The span of others, such as ractor's.
const FOREIGN: u64 = 1_000_000;

/// Where it harms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Harm {
    None,
    New,
    Enter,
    Exit,
    Close,
    /// It wants no span.
    Off,
}

#[derive(Clone, Debug)]
struct Spans(Arc<Mutex<Seen>>, Harm);

#[derive(Default)]
struct Values(Fields);

impl Visit for Values {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }
}

impl Spans {
    fn new(harm: Harm) -> Self {
        drop(Capture::listen());
        Self(Arc::default(), harm)
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.0.lock().expect("no panic under the lock")
    }

    /// What was logged with this text, with the span around it.
    fn line(&self, text: &str) -> Option<Fields> {
        let seen = self.seen();
        let mut found = seen.lines.iter().filter(|(line, _)| line == text);
        let found = found
            .next()
            .unwrap_or_else(|| panic!("no {text} in {seen:?}"));
        found.1.clone()
    }

    /// Nothing is entered, no line of ours was inside a span, and all spans are closed.
    async fn all_left_and_closed(&self) {
        yields(100).await;
        let seen = self.seen();
        assert_eq!(seen.entered, []);
        assert_eq!(seen.inside, [""; 0]);
        assert!(seen.spans.iter().all(Option::is_none), "{:?}", seen.spans);
    }
}

impl Subscriber for Spans {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        !(metadata.is_span() && self.1 == Harm::Off)
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        if span.metadata().target() != "session_supervisor" {
            return Id::from_u64(FOREIGN);
        }
        assert!(self.1 != Harm::New, "at a new span");
        assert_eq!(span.metadata().name(), "incarnation");
        assert!(span.is_root());
        let mut values = Values::default();
        span.record(&mut values);
        let mut seen = self.seen();
        seen.made += 1;
        seen.spans.push(Some(values.0));
        Id::from_u64(seen.spans.len() as u64)
    }

    fn record(&self, _span: &Id, _values: &Record<'_>) {}

    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let here = std::thread::current().id();
        let mut values = Values::default();
        event.record(&mut values);
        let text = values.0.remove("message").unwrap_or_default();
        let mut seen = self.seen();
        let mine = seen
            .entered
            .iter()
            .rev()
            .find(|(thread, _)| *thread == here);
        let around = mine.and_then(|(_, id)| seen.spans[*id as usize - 1].clone());
        if !event.metadata().target().starts_with("session_supervisor") {
            seen.lines.push((text, around));
        } else if around.is_some() && event.is_contextual() {
            seen.inside.push(text);
        }
    }

    fn enter(&self, span: &Id) {
        if span.into_u64() == FOREIGN {
            return;
        }
        let here = std::thread::current().id();
        self.seen().entered.push((here, span.into_u64()));
        assert!(self.1 != Harm::Enter, "at an entering");
    }

    fn exit(&self, span: &Id) {
        if span.into_u64() == FOREIGN {
            return;
        }
        let here = std::thread::current().id();
        let mut seen = self.seen();
        let entered = seen
            .entered
            .iter()
            .rposition(|it| *it == (here, span.into_u64()));
        seen.entered
            .remove(entered.expect("it was entered on this thread"));
        drop(seen);
        assert!(self.1 != Harm::Exit, "at a leaving");
    }

    fn try_close(&self, span: Id) -> bool {
        if span.into_u64() != FOREIGN {
            self.seen().spans[span.into_u64() as usize - 1] = None;
            assert!(self.1 != Harm::Close, "at a close");
        }
        true
    }
}

fn fields(expected: &[(&'static str, &str)]) -> Option<Fields> {
    let fields = expected
        .iter()
        .map(|(name, value)| (*name, (*value).to_owned()));
    Some(fields.collect())
}

/// Logs in each callback, before and after a wait.
fn chatty(probe: &Probe) -> ChildSpec<crate::support::Worker> {
    probe
        .script()
        .launch(|start| async move {
            info!("start of {}", start.key());
            tokio::task::yield_now().await;
            info!("start of {} again", start.key());
            Ok(true)
        })
        .pre_start(|start, _| async move {
            info!("pre_start of {}", start.key());
            tokio::task::yield_now().await;
            info!("pre_start of {} again", start.key());
            Ok(())
        })
        .post_start(|start, _| async move {
            info!("post_start of {}", start.key());
            Ok(())
        })
        .post_stop(|start, _| async move {
            tokio::task::yield_now().await;
            info!("post_stop of {}", start.key());
            Ok(())
        })
        .spec()
}

fn says(text: &'static str) -> Order {
    Order::run(move |_| async move {
        info!("{text}");
        tokio::task::yield_now().await;
        info!("{text} again");
        Ok(())
    })
}

/// The recipe of `docs/log.md` that switches the spans off.
#[tokio::test]
async fn a_filter_by_name_and_target_switches_the_spans_off_and_leaves_the_lines() {
    use tracing_subscriber::filter::filter_fn;
    use tracing_subscriber::prelude::*;

    for off in [false, true] {
        drop(Capture::listen());
        let text = Text::default();
        let written = text.clone();
        let lines = tracing_subscriber::fmt::layer()
            .with_ansi(false)
            .with_writer(move || written.clone());
        let recipe = filter_fn(move |what| {
            !(off
                && what.is_span()
                && what.target() == "session_supervisor"
                && what.name() == "incarnation")
        });
        let guard = tracing_subscriber::registry()
            .with(lines)
            .with(recipe)
            .set_default();
        let sessions = supervisor(Options::new()).await;
        let logs = Probe::default().script().launch(|_| async {
            info!("a line of the session");
            Ok(true)
        });
        sessions.start_session("alice", logs.spec()).await.unwrap();
        drop(guard);
        sessions.stop().await.unwrap();
        let text = text.0.lock().unwrap();
        let text = String::from_utf8_lossy(&text);
        let line = text.lines().find(|line| line.contains("a line of the"));
        let line = line.expect("what the session logs is written");
        assert_eq!(line.contains("incarnation{"), !off, "{line}");
    }
}

/// What is written.
#[derive(Clone, Debug, Default)]
struct Text(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Text {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
