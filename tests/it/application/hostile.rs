//! A log and values of the user's that panic or block, where the application itself meets them.

use std::fmt;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use session_supervisor::{ChildSpec, EndCause, Launch};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::DefaultGuard;
use tracing::{Event, Metadata, Subscriber};

use super::{application, noted, start};
use crate::support::{Gate, Probe, Worker, answered, asked};

/// What a subscriber does at each line that the application itself writes.
#[derive(Clone)]
enum Log {
    Panics,
    /// Until the sender is dropped.
    Blocks(Arc<Mutex<Receiver<()>>>),
}

impl Log {
    fn blocks() -> (Self, Sender<()>) {
        let (release, released) = channel();
        (Self::Blocks(Arc::new(Mutex::new(released))), release)
    }

    fn listen(self) -> DefaultGuard {
        tracing::subscriber::set_default(self)
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        // The lines of its supervisors are written in the pool, and a paused clock waits for that.
        let path = metadata.module_path().unwrap_or_default();
        metadata.is_event() && path.starts_with("session_supervisor::application")
    }

    fn new_span(&self, _span: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _span: &Id, _values: &Record<'_>) {}

    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}

    fn event(&self, _event: &Event<'_>) {
        match self {
            Self::Panics => panic!("the log has gone"),
            Self::Blocks(released) => drop(released.lock().expect("no panic").recv()),
        }
    }

    fn enter(&self, _span: &Id) {}

    fn exit(&self, _span: &Id) {}
}

#[tokio::test(start_paused = true)]
async fn a_log_that_panics_or_blocks_loses_its_lines_and_nothing_else() {
    let (blocks, release) = Log::blocks();
    for log in [Log::Panics, blocks] {
        let _guard = log.listen();
        let probe = Probe::default();
        let bad = || ChildSpec::<Worker>::from_fn(|_| async { Err("no disk".into()) });
        let running = start(
            application()
                .session("one", bad())
                .session("two", bad())
                .session("alice", noted(&probe, "alice")),
        )
        .await;
        let ended = running.stop().await;
        assert_eq!((ended.cause, ended.status()), (EndCause::Stopped, 0));
        assert_eq!(ended.report.expect("a report").stopped, 2);
        assert_eq!(probe.notes(), ["+alice", "-alice"]);
    }
    drop(release);
}

/// A value of the user's that panics when it is dropped, and, if it is an error, when it is
/// printed.
#[derive(Debug)]
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("a drop");
    }
}

impl fmt::Display for Bomb {
    fn fmt(&self, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("a text");
    }
}

impl std::error::Error for Bomb {}

#[tokio::test(start_paused = true)]
async fn an_error_that_panics_in_its_text_and_its_drop_is_a_failed_default_session_as_any() {
    let probe = Probe::default();
    let bad = ChildSpec::<Worker>::from_fn(|_| async { Err(Box::new(Bomb).into()) });
    let running = start(
        application()
            .session("bad", bad)
            .session("alice", noted(&probe, "alice")),
    )
    .await;
    assert_eq!(running.stop().await.status(), 0);
    assert_eq!(probe.notes(), ["+alice", "-alice"]);
}

/// One that blocks its thread when it is dropped, until the sender is.
struct Slow(Receiver<()>);

impl Drop for Slow {
    fn drop(&mut self) {
        self.0.recv_timeout(Duration::from_secs(60)).ok();
    }
}

/// A spec that holds a value of the user's.
fn holding<T: Send + Sync + 'static>(probe: &Probe, value: T) -> ChildSpec<Worker> {
    let spec = probe.script();
    ChildSpec::from_fn(move |_| {
        let (_held, script) = (&value, spec.clone());
        async move {
            drop(script);
            Ok(Launch::Ignore)
        }
    })
}

#[tokio::test(start_paused = true)]
async fn default_sessions_that_were_not_started_are_dropped_without_harm() {
    let (probe, gate) = (Probe::default(), Gate::closed());
    let (release, released) = channel();
    let slow = probe.script().pre_start(gate.holds()).spec();
    let name = "application-unstarted";
    let run = application()
        .name(name)
        .session("slow", slow)
        .session("never", holding(&probe, Bomb))
        .session("either", holding(&probe, Mutex::new(Slow(released))));
    let run = asked(run.run()).await;
    probe.until(|tally| tally.starts == 1).await;
    let root = session_supervisor::Supervisor::where_is(name).expect("the root is up");
    root.stop().await.expect("a report");
    let ended = answered("the run", run).await.expect("no panic");
    let ended = ended.expect("it started");
    assert_eq!((ended.cause, ended.status()), (EndCause::Stopped, 0));
    drop(release);
}
