//! A log that is too slow: its queue has a bound, what finds no place is counted, and the
//! supervisor goes on meanwhile.

use std::sync::{Arc, Condvar, Mutex};

use session_supervisor::Options;
use tokio::sync::Notify;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use super::Capture;
use crate::support::{Probe, answered, supervisor};

/// How many lines may wait.
const MOST: u64 = 65_536;

/// Writes nothing until it is released, then counts.
#[derive(Clone, Default)]
struct Slow(Arc<Shared>);

#[derive(Default)]
struct Shared {
    open: Mutex<bool>,
    opened: Condvar,
    counts: Mutex<Counts>,
    told: Notify,
    /// Notified when a line has come that hangs.
    hangs: Notify,
}

#[derive(Clone, Copy, Default)]
struct Counts {
    /// What was written of anything else.
    written: u64,
    /// What the log says of itself, each time.
    lost: u64,
    tellings: u64,
}

impl Slow {
    fn open(&self) {
        *self.0.open.lock().expect("no panic") = true;
        self.0.opened.notify_all();
    }

    fn counts(&self) -> Counts {
        *self.0.counts.lock().expect("no panic")
    }

    /// Waits until the log has told what it lost, and that so many lines were written.
    async fn until(&self, wish: impl Fn(Counts) -> bool) {
        let wait = async {
            loop {
                let told = self.0.told.notified();
                if wish(self.counts()) {
                    return;
                }
                told.await;
            }
        };
        answered("the log", wait).await;
    }
}

/// The text of a line, and how many it says were lost.
#[derive(Default)]
struct Text(String, u64);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "lines" {
            self.1 = value;
        }
    }
}

impl Subscriber for Slow {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("session_supervisor")
    }
    fn new_span(&self, _span: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _span: &Id, _values: &Record<'_>) {}
    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}
    fn event(&self, event: &Event<'_>) {
        let open = self.0.open.lock().expect("no panic");
        self.0.hangs.notify_one();
        drop(self.0.opened.wait_while(open, |open| !*open));
        let mut text = Text::default();
        event.record(&mut text);
        let mut counts = self.0.counts.lock().expect("no panic");
        if text.0 == "the log was too slow, lines are lost" {
            counts.lost += text.1;
            counts.tellings += 1;
        } else {
            counts.written += 1;
        }
        drop(counts);
        self.0.told.notify_waiters();
    }
    fn enter(&self, _span: &Id) {}
    fn exit(&self, _span: &Id) {}
}

#[tokio::test]
async fn a_log_that_hangs_loses_what_exceeds_65_536_lines_and_says_how_many() {
    drop(Capture::listen());
    let slow = Slow::default();
    let _guard = tracing::subscriber::set_default(slow.clone());
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    // The log hangs at its first line, and everything else works. On a busy machine its thread may
    // come late, and would take what had been written until then with it.
    answered("the log's first line", slow.0.hangs.notified()).await;
    let lives = MOST / 2 + 1_000;
    for _ in 0..lives {
        sessions.start_session("a", probe.spec()).await.unwrap();
        sessions.stop_session("a").await.unwrap();
    }
    assert_eq!(slow.counts().written, 0);
    slow.open();
    slow.until(|counts| counts.tellings > 0).await;
    let counts = slow.counts();
    // None is missing: the start of the supervisor is one, and each life makes as many.
    assert_eq!((counts.written + counts.lost - 1) % lives, 0);
    // What waited, and the few that the thread of the log had taken with it.
    assert!((MOST..MOST + 100).contains(&counts.written));
    assert_eq!(counts.tellings, 1);

    // It writes again.
    let of_a_life = (counts.written + counts.lost - 1) / lives;
    sessions.start_session("b", probe.spec()).await.unwrap();
    sessions.stop_session("b").await.unwrap();
    slow.until(|now| now.written == counts.written + of_a_life)
        .await;
    assert_eq!(slow.counts().lost, counts.lost);
    sessions.stop().await.unwrap();
}
