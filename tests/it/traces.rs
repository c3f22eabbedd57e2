//! The events that a subscriber of tracing sees.
//!
//! Each test listens on its own threads alone, so no subscriber is set for the whole process.

mod drops;
mod labels;
mod order;
mod overflow;
mod page;
mod quiet;
mod reasons;
mod repeats;
mod spans;
mod values;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, Once};
use std::time::Duration;

use session_supervisor::error::{StartError, StopError};
use session_supervisor::{Backoff, Options, Shutdown};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::{DefaultGuard, Interest};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::support::{Order, Probe, back, died, end, supervisor};

/// One event: its level, its text, its fields.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) level: Level,
    pub(crate) text: String,
    pub(crate) fields: BTreeMap<&'static str, String>,
}

impl Seen {
    pub(crate) fn field(&self, name: &str) -> &str {
        self.fields
            .get(name)
            .unwrap_or_else(|| panic!("no field {name} in {self:?}"))
    }
}

/// Keeps the events of the crate.
#[derive(Clone, Debug, Default)]
pub(crate) struct Capture(Arc<Mutex<Vec<Seen>>>);

impl Capture {
    /// Listens on this thread until the guard is dropped.
    pub(crate) fn listen() -> (Self, DefaultGuard) {
        static WANTED: Once = Once::new();
        WANTED.call_once(|| {
            tracing::subscriber::set_global_default(Everything).expect("the only one");
        });
        let capture = Self::default();
        let guard = tracing::subscriber::set_default(capture.clone());
        (capture, guard)
    }

    /// Waits until what was logged so far is received. While the thread of the log is at work,
    /// paused time does not pass, so this is a wait for that thread.
    pub(crate) async fn caught_up(&self) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.0.lock().expect("no panic").clone()
    }

    /// The events of this text.
    pub(crate) fn of(&self, text: &str) -> Vec<Seen> {
        let mut seen = self.seen();
        seen.retain(|seen| seen.text == text);
        seen
    }

    /// What an operator sees who listens from this level on.
    pub(crate) fn from(&self, level: Level) -> Vec<String> {
        let seen = self.seen().into_iter();
        seen.filter(|seen| seen.level <= level)
            .map(|seen| seen.text)
            .collect()
    }
}

/// Discards every event, but keeps all of them enabled. whether an event is enabled is cached for
/// the whole process, and a subscriber that is set while another thread meets that event for the
/// first time may come too late.
struct Everything;

impl Subscriber for Everything {
    fn register_callsite(&self, _metadata: &'static Metadata<'static>) -> Interest {
        Interest::sometimes()
    }

    fn enabled(&self, _metadata: &Metadata<'_>) -> bool {
        false
    }

    fn new_span(&self, _span: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _span: &Id, _values: &Record<'_>) {}

    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}

    fn event(&self, _event: &Event<'_>) {}

    fn enter(&self, _span: &Id) {}

    fn exit(&self, _span: &Id) {}
}

impl Visit for Seen {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.text = format!("{value:?}");
        } else {
            self.fields.insert(field.name(), format!("{value:?}"));
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.fields.insert(field.name(), value.to_owned());
    }
}

impl Subscriber for Capture {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "session_supervisor"
    }

    fn new_span(&self, _span: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _span: &Id, _values: &Record<'_>) {}

    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut seen = Seen {
            level: *event.metadata().level(),
            text: String::new(),
            fields: BTreeMap::new(),
        };
        event.record(&mut seen);
        self.0.lock().expect("no panic").push(seen);
    }

    fn enter(&self, _span: &Id) {}

    fn exit(&self, _span: &Id) {}
}

#[tokio::test(start_paused = true)]
async fn a_healthy_system_is_quiet_at_info_but_for_the_supervisors_start_and_stop() {
    let (capture, _guard) = Capture::listen();
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    for id in ["a", "b", "c"] {
        sessions.start_session(id, probe.spec()).await.unwrap();
    }
    sessions.stop_session("a").await.unwrap();
    let b = sessions.find_session("b").unwrap();
    b.stop(None);
    died(&b).await;
    assert_eq!(sessions.count_sessions().await.unwrap().specs, 1);
    sessions.stop().await.unwrap();
    assert_eq!(
        capture.from(Level::INFO),
        ["session supervisor started", "session supervisor stopped"]
    );
    let started = &capture.of("session started");
    assert_eq!(started.len(), 3);
    assert_eq!(started[0].level, Level::DEBUG);
    assert_eq!(started[0].field("supervisor"), sessions.name());
    assert_eq!(
        (started[0].field("session"), started[0].field("incarnation")),
        ("a", "1")
    );
    let ended = &capture.of("session ended");
    assert_eq!(ended.len(), 3);
    assert_eq!(
        (ended[0].field("session"), ended[0].field("reason")),
        ("a", "shutdown")
    );
    assert_eq!(capture.of("session is to stop").len(), 2);
    let stopping = &capture.of("session supervisor is stopping")[0];
    assert_eq!(stopping.field("reason"), "requested");
    let stopped = &capture.of("session supervisor stopped")[0];
    assert_eq!(stopped.field("supervisor"), sessions.name());
    for (field, value) in [
        ("stopped", "1"),
        ("failed", "0"),
        ("killed", "0"),
        ("stuck", "0"),
        ("not_running", "0"),
        ("took_ms", "0"),
    ] {
        assert_eq!(stopped.field(field), value, "{field}");
    }
}

#[tokio::test(start_paused = true)]
async fn every_step_from_a_crash_to_being_parked_is_told() {
    let (capture, _guard) = Capture::listen();
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let script = probe.script().launch(|start| async move {
        match start.incarnation {
            1 | 2 => Ok(true),
            _ => Err("no paper".into()),
        }
    });
    let pause = Backoff::constant(Duration::from_millis(250));
    let session = sessions
        .start_session("a", script.spec().backoff(pause))
        .await
        .unwrap();
    end(&session, Order::Panic).await;
    let session = back(&sessions, "a").await;
    end(&session, Order::Crash).await;
    let parked = sessions.start_session("a", probe.spec()).await;
    assert!(matches!(parked, Err(StartError::Parked)), "{parked:?}");
    sessions.stop().await.unwrap();

    // One line for each end, with what ended, why, and what happens next.
    let warned = capture.from(Level::WARN);
    assert_eq!(
        warned,
        [
            "session ended abnormally",
            "session ended abnormally",
            "session failed to restart",
            "session failed to restart",
        ]
    );
    let exits = capture.of("session ended abnormally");
    let told = |seen: &Seen| {
        let fields = [
            "session",
            "incarnation",
            "what_next",
            "restarts",
            "delay_ms",
        ];
        (
            seen.level,
            fields.map(|name| seen.field(name).to_owned()).join(", "),
        )
    };
    assert_eq!(
        exits.iter().map(told).collect::<Vec<_>>(),
        [
            (
                Level::WARN,
                "a, 1, restarts in 250ms, 1 of 3 in 5s, 1, 250".into()
            ),
            (
                Level::WARN,
                "a, 2, restarts in 250ms, 2 of 3 in 5s, 2, 250".into()
            ),
        ]
    );
    assert!(exits[0].field("reason").contains("told to panic"));
    assert!(exits[1].field("reason").contains("told to crash"));
    let failed = capture.of("session failed to restart");
    assert_eq!(failed[0].field("reason"), "no paper");
    assert_eq!(
        told(&failed[0]),
        (
            Level::WARN,
            "a, 3, restarts in 250ms, 3 of 3 in 5s, 3, 250".into()
        )
    );
    assert_eq!(
        (failed[1].level, failed[1].field("session")),
        (Level::ERROR, "a")
    );
    let next = failed[1].field("what_next");
    assert!(
        next.starts_with("used up 3 restarts in 5s: parked, tried again in "),
        "{next}"
    );
}

#[tokio::test(start_paused = true)]
async fn failed_starts_kills_and_the_total_limit_are_told() {
    let (capture, _guard) = Capture::listen();
    let sessions = supervisor(Options::otp().total_restart_limit(0, Duration::from_secs(5))).await;
    let probe = Probe::default();
    let fails = probe.script().launch(|_| async { Err("no ink".into()) });
    sessions.start_session("a", fails.spec()).await.unwrap_err();
    let hangs = probe.script().pre_start(|_, _| std::future::pending());
    let timeout = Duration::from_millis(70);
    sessions
        .start_session("b", hangs.spec().start_timeout(timeout))
        .await
        .unwrap_err();
    let no_grace = probe.spec().shutdown(Shutdown::Timeout(Duration::ZERO));
    sessions.start_session("c", no_grace).await.unwrap();
    sessions.stop_session("c").await.unwrap();
    let fatal = sessions.start_session("d", probe.spec()).await.unwrap();
    end(&fatal, Order::Crash).await;
    died(&sessions.get_cell()).await;
    capture.caught_up().await;

    let failed = &capture.of("session failed to start")[0];
    assert_eq!((failed.level, failed.field("session")), (Level::DEBUG, "a"));
    assert_eq!(failed.field("reason"), "no ink");
    let late = &capture.of("session start timed out")[0];
    assert_eq!((late.level, late.field("timeout_ms")), (Level::WARN, "70"));
    let killed = &capture.of("session is killed")[0];
    assert_eq!((killed.level, killed.field("session")), (Level::WARN, "c"));
    assert_eq!(
        killed.field("reason"),
        "not stopped within its grace of 0ns"
    );
    assert_eq!(capture.of("session is killed").len(), 1);
    let reached = &capture.of("session ended abnormally")[0];
    assert_eq!(
        (reached.level, reached.field("session")),
        (Level::ERROR, "d")
    );
    assert_eq!(
        reached.field("what_next"),
        "all together used up 0 restarts in 5s: the supervisor stops"
    );
    let stopping = &capture.of("session supervisor is stopping")[0];
    assert_eq!(stopping.field("reason"), "restart limit reached");
    assert_eq!(capture.of("session supervisor stopped").len(), 1);
}

#[test]
fn a_stuck_session_and_its_end_are_logged() {
    let capture = Capture::default();
    let here = tracing::subscriber::set_default(capture.clone());
    let there = capture.clone();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .on_thread_start(move || {
            // As long as the thread lives.
            std::mem::forget(tracing::subscriber::set_default(there.clone()));
        })
        .build()
        .unwrap();
    runtime.block_on(async {
        let sessions = supervisor(Options::new()).await;
        let probe = Probe::default();
        let spec = probe.spec().shutdown(Shutdown::BrutalKill);
        let session = sessions.start_session("a", spec).await.unwrap();
        let (release, released) = std::sync::mpsc::channel::<()>();
        let told = probe.clone();
        let block = Order::run(move |_| async move {
            told.note("blocked");
            released.recv().ok();
            Ok(())
        });
        session.cast(block).unwrap();
        probe.until(|tally| tally.notes.len() == 1).await;
        // The kill bound passes in real time, since the thread is really blocked.
        assert_eq!(sessions.stop_session("a").await, Err(StopError::Stuck));
        let stop = sessions.stop().await.unwrap();
        assert_eq!(stop.stuck, 1);
        drop(release);
        died(&session.get_cell()).await;
    });
    drop((runtime, here));
    let stuck = &capture.of("session survived its kill and is stuck")[0];
    assert_eq!((stuck.level, stuck.field("session")), (Level::ERROR, "a"));
    let stopped = &capture.of("session supervisor stopped, but some of its children are stuck")[0];
    assert_eq!((stopped.level, stopped.field("stuck")), (Level::WARN, "1"));
}

#[tokio::test(start_paused = true)]
async fn a_foreign_end_tells_its_reason_and_its_report() {
    for (kill, reason, stopped, killed) in [
        (false, "stopped from outside", "2", "0"),
        (true, "killed", "0", "2"),
    ] {
        let (capture, _guard) = Capture::listen();
        let sessions = supervisor(Options::new()).await;
        let probe = Probe::default();
        for id in ["a", "b"] {
            sessions.start_session(id, probe.spec()).await.unwrap();
        }
        let root = sessions.get_cell();
        if kill {
            root.kill();
        } else {
            root.stop(None);
        }
        died(&root).await;
        capture.caught_up().await;
        let stopping = capture.of("session supervisor is stopping");
        assert_eq!(stopping.len(), 1);
        assert_eq!(stopping[0].field("reason"), reason);
        let report = &capture.of("session supervisor stopped")[0];
        assert_eq!(
            (report.field("stopped"), report.field("killed")),
            (stopped, killed)
        );
        for seen in capture.seen() {
            assert_eq!(seen.field("supervisor"), sessions.name());
            if !seen.text.starts_with("session supervisor") {
                assert!(["a", "b"].contains(&seen.field("session")));
                assert_eq!(seen.field("incarnation"), "1");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_whose_text_panics_costs_its_line_and_nothing_else() {
    #[derive(Debug)]
    struct Unspeakable;
    impl fmt::Display for Unspeakable {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            panic!("it cannot be told")
        }
    }
    impl std::error::Error for Unspeakable {}
    let (capture, _guard) = Capture::listen();
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let session = sessions.start_session("a", probe.spec()).await.unwrap();
    end(&session, Order::run(|_| async { Err(Unspeakable.into()) })).await;
    back(&sessions, "a").await;
    sessions.stop().await.unwrap();
    assert_eq!(capture.of("session started").len(), 2);
    assert_eq!(capture.of("session supervisor stopped").len(), 1);
}

/// The one was asked, and the other was not: their grace has nothing to do with it.
#[tokio::test(start_paused = true)]
async fn a_session_that_a_deadline_kills_says_so() {
    let (capture, _guard) = Capture::listen();
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let hangs = probe.script().post_stop(|_, _| std::future::pending());
    sessions.start_session("asked", hangs.spec()).await.unwrap();
    sessions.stop_within(Duration::from_secs(1)).await.unwrap();
    let sessions = supervisor(Options::new()).await;
    sessions
        .start_session("unasked", probe.spec())
        .await
        .unwrap();
    sessions.stop_within(Duration::ZERO).await.unwrap();
    capture.caught_up().await;

    let killed = capture.of("session is killed");
    let told: Vec<_> = killed
        .iter()
        .map(|line| (line.field("session"), line.field("reason")))
        .collect();
    let reason = "the deadline of its supervisor's stop has come";
    assert_eq!(told, [("asked", reason), ("unasked", reason)]);
}
