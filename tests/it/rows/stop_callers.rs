//! Stopping the supervisor: who is told what.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use session_supervisor::error::{EnsureError, RestartError, StartError, StopError, SupervisorDown};
use session_supervisor::{
    Backoff, ChildSpec, Exit, Options, SessionState, SessionSupervisor, Shutdown, ShutdownReport,
};
use tokio::time::Instant;
use tracing::field::{Field, Visit};
use tracing::span;

use crate::support::{Ending, Gate, Order, Probe, Worker, asked, died, end, supervisor};

/// Rows of this theme without a test, and why.
pub(super) const NOT_HERE: &[(u16, &str)] = &[];

const SECOND: Duration = Duration::from_secs(1);

/// A session that ends only when the gate is opened.
fn gated(probe: &Probe, gate: &Gate) -> ChildSpec<Worker> {
    let script = probe.script().post_stop(gate.holds());
    script.spec().shutdown(Shutdown::Infinity)
}

#[tokio::test(start_paused = true)]
async fn row_106_every_call_behind_a_stop_is_answered() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let gate = Gate::closed();
    let spec = gated(&probe, &gate);
    sessions.start_session("a", spec).await.unwrap();

    let stop = asked(sessions.stop()).await;
    let mut stops = Vec::new();
    for n in 0..50 {
        let id = format!("s{n}");
        let started = sessions.start_session(&id, probe.spec()).await;
        assert!(matches!(started, Err(StartError::SupervisorDown)));
        let restarted = sessions.restart_session("a").await;
        assert!(matches!(restarted, Err(RestartError::SupervisorDown)));
        let list = sessions.list_sessions().await.unwrap();
        assert_eq!(list.len(), 1);
        assert_eq!(list[0].state, SessionState::Stopping);
        assert_eq!(sessions.count_sessions().await.unwrap().stopping, 1);
        assert!(sessions.session_info("a").await.unwrap().is_some());
        assert_eq!(
            sessions.stop_session(&id).await,
            Err(StopError::NotFound),
            "unknown ids are told so"
        );
        stops.push(asked(sessions.stop_session("a")).await);
    }
    assert!(stops.iter().all(|stop| !stop.is_finished()));
    gate.open();
    for joined in stops {
        assert_eq!(joined.await.unwrap(), Ok(Exit::Shutdown));
    }
    assert_eq!(stop.await.unwrap().unwrap().stopped, 1);

    let started = sessions.start_session("a", probe.spec()).await;
    assert!(matches!(started, Err(StartError::SupervisorDown)));
    let restarted = sessions.restart_session("a").await;
    assert!(matches!(restarted, Err(RestartError::SupervisorDown)));
    assert_eq!(
        sessions.stop_session("a").await,
        Err(StopError::SupervisorDown)
    );
    let SupervisorDown { .. } = sessions.list_sessions().await.unwrap_err();
    assert!(matches!(
        sessions.count_sessions().await,
        Err(SupervisorDown { .. })
    ));
    let SupervisorDown { .. } = sessions.session_info("a").await.unwrap_err();
    assert!(matches!(sessions.stop().await, Err(SupervisorDown { .. })));
    assert_eq!(probe.starts(), 1);
}

#[tokio::test(start_paused = true)]
async fn row_110_a_second_stop_joins_the_first_and_one_after_the_end_is_told_so() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let spec = probe.slow_to_stop(SECOND);
    sessions.start_session("a", spec).await.unwrap();
    let first = asked(sessions.stop()).await;
    tokio::time::sleep(SECOND / 2).await;
    let second = asked(sessions.stop()).await;
    let first = first.await.unwrap().unwrap();
    assert_eq!(second.await.unwrap().unwrap(), first);
    assert_eq!((first.stopped, first.took), (1, SECOND));

    let began = Instant::now();
    let other = SessionSupervisor::where_is(sessions.name());
    assert!(other.is_none(), "the name is free");
    for _ in 0..2 {
        assert!(matches!(sessions.stop().await, Err(SupervisorDown { .. })));
        assert!(matches!(
            sessions.stop_within(SECOND).await,
            Err(SupervisorDown { .. })
        ));
        died(&sessions.get_cell()).await;
    }
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn row_214_a_stopping_supervisor_refuses_starts_and_goes_on_answering() {
    for ending in Ending::ALL {
        let sessions = supervisor(Options::new()).await;
        let probe = Probe::default();
        let gate = Gate::closed();
        sessions
            .start_session("a", gated(&probe, &gate))
            .await
            .unwrap();
        // This one asks its own supervisor while it is being stopped.
        let noted = probe.clone();
        let asks = probe.script().post_stop(move |start, _| {
            let noted = noted.clone();
            async move {
                let sessions = start.supervisor.unwrap();
                let list = sessions.list_sessions().await?;
                let counts = sessions.count_sessions().await?;
                let start = sessions.start_session("c", noted.spec()).await;
                let refused = matches!(start, Err(StartError::SupervisorDown));
                noted.note(format!("{} {} {refused}", list.len(), counts.specs));
                Ok(())
            }
        });
        sessions.start_session("b", asks.spec()).await.unwrap();
        let early = asked(sessions.stop_session("a")).await;
        let queued = asked(sessions.start_session("a", probe.spec())).await;

        let began = Instant::now();
        let stop = ending.begin(&sessions).await;
        let answer = queued.await.unwrap();
        assert!(
            matches!(answer, Err(StartError::SupervisorDown)),
            "{answer:?}"
        );
        for id in ["a", "b", "new"] {
            let start = sessions.start_session(id, probe.spec()).await;
            assert!(
                matches!(start, Err(StartError::SupervisorDown)),
                "{start:?}"
            );
            let ensured = sessions.ensure_session(id, probe.spec()).await;
            assert!(
                matches!(ensured, Err(EnsureError::Start(StartError::SupervisorDown))),
                "{ensured:?}"
            );
        }
        probe.until(|tally| tally.notes == ["2 2 true"]).await;
        let list = sessions.list_sessions().await.unwrap();
        assert_eq!(list[0].id, "a");
        assert_eq!(list[0].state, SessionState::Stopping);
        let joined = asked(sessions.stop_session("a")).await;
        assert_eq!(began.elapsed(), Duration::ZERO, "no caller had to wait");
        assert!(!early.is_finished() && !joined.is_finished());
        gate.open();
        assert_eq!(early.await.unwrap(), Ok(Exit::Shutdown));
        assert_eq!(joined.await.unwrap(), Ok(Exit::Shutdown));
        died(&sessions.get_cell()).await;
        if let Some(stop) = stop {
            assert_eq!(stop.await.unwrap().unwrap().stopped, 2);
        }
        assert_eq!((probe.starts(), probe.stops(), probe.alive()), (2, 2, 0));
    }
}

/// Eight sessions, of which each ends in a way of its own.
async fn mixed(sessions: &SessionSupervisor, probe: &Probe) {
    let start = async |id: &str, spec| sessions.start_session(id, spec).await.unwrap();
    start("graceful", probe.spec()).await;
    start("slow", probe.slow_to_stop(SECOND)).await;
    let fails = probe
        .script()
        .post_stop(|_, _| async { Err("no end".into()) });
    start("fails", fails.spec()).await;
    start("brutal", probe.spec().shutdown(Shutdown::BrutalKill)).await;
    let hung = start("hung", probe.spec()).await;
    hung.cast(Order::Hang).unwrap();
    let hour = Backoff::constant(3600 * SECOND);
    let restarting = start("restarting", probe.spec().backoff(hour)).await;
    end(&restarting, Order::Crash).await;
    let parked = probe.spec().restart_limit(0, SECOND);
    let parked = start("parked", parked).await;
    end(&parked, Order::Crash).await;
    let never = probe.script().launch(|_| std::future::pending());
    drop(asked(sessions.start_session("starting", never.spec())).await);
    assert_eq!(sessions.count_sessions().await.unwrap().specs, 8);
}

fn is_of_the_mixed(report: &ShutdownReport) {
    assert_eq!((report.stopped, report.failed, report.killed), (2, 1, 2));
    assert_eq!((report.not_running, report.stuck), (3, 0));
}

#[tokio::test(start_paused = true)]
async fn row_216_the_report_says_what_became_of_each_session_and_to_all_the_same() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    mixed(&sessions, &probe).await;
    let first = asked(sessions.stop()).await;
    let second = asked(sessions.stop_within(3600 * SECOND)).await;
    let report = first.await.unwrap().unwrap();
    is_of_the_mixed(&report);
    assert_eq!(report.took, 5 * SECOND, "the grace of the one that hung");
    assert_eq!(second.await.unwrap().unwrap(), report);
}

#[tokio::test(start_paused = true)]
async fn row_216_a_session_that_ended_before_the_stop_is_not_in_the_report() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let a = sessions.start_session("a", probe.spec()).await.unwrap();
    sessions.start_session("b", probe.spec()).await.unwrap();
    a.stop(None);
    died(&a.get_cell()).await;
    sessions.stop_session("b").await.unwrap();
    let report = sessions.stop().await.unwrap();
    assert_eq!(report, ShutdownReport::default());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn row_216_a_stuck_session_is_in_the_report() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let (open, closed) = std::sync::mpsc::channel::<()>();
    let noted = probe.clone();
    let stuck = probe.spec().shutdown(Shutdown::BrutalKill);
    let stuck = sessions.start_session("stuck", stuck).await.unwrap();
    sessions.start_session("a", probe.spec()).await.unwrap();
    let block = Order::run(move |_| async move {
        noted.note("blocks");
        closed.recv().ok();
        Ok(())
    });
    stuck.cast(block).unwrap();
    probe.until(|tally| !tally.notes.is_empty()).await;
    let report = sessions.stop().await.unwrap();
    assert_eq!((report.stopped, report.stuck), (1, 1));
    assert_eq!(report.failed + report.killed + report.not_running, 0);
    drop(open);
    died(&stuck.get_cell()).await;
    probe.until(|tally| tally.alive == 0).await;
}

/// A subscriber that keeps the lines that tell of the end of a supervisor.
#[derive(Clone, Default)]
struct Capture(Arc<Mutex<Vec<String>>>);

impl Visit for Capture {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if let Some(line) = self.0.lock().unwrap().last_mut() {
            line.push_str(&format!("{field}={value:?} "));
        }
    }
}

impl tracing::Subscriber for Capture {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.is_event() && metadata.target().starts_with("session_supervisor")
    }

    fn new_span(&self, _span: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _span: &span::Id, _values: &span::Record<'_>) {}

    fn record_follows_from(&self, _span: &span::Id, _follows: &span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        self.0.lock().unwrap().push(String::new());
        event.record(&mut self.clone());
    }

    fn enter(&self, _span: &span::Id) {}

    fn exit(&self, _span: &span::Id) {}
}

#[tokio::test(start_paused = true)]
async fn row_216_the_report_goes_to_the_log_without_a_caller() {
    for ending in Ending::ALL {
        let capture = Capture::default();
        let _guard = tracing::subscriber::set_default(capture.clone());
        let sessions = supervisor(Options::new()).await;
        let probe = Probe::default();
        mixed(&sessions, &probe).await;
        drop(ending.begin(&sessions).await);
        died(&sessions.get_cell()).await;
        // While the thread of the log is at work, paused time does not pass.
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        let lines = capture.0.lock().unwrap().clone();
        let reports: Vec<_> = lines
            .iter()
            .filter(|line| line.contains("not_running="))
            .collect();
        assert_eq!(reports.len(), 1, "{lines:?}");
        for part in [
            format!("supervisor={:?}", sessions.name()),
            "stopped=2 failed=1 killed=2 stuck=0 not_running=3 ".to_owned(),
            "took_ms=5000 ".to_owned(),
        ] {
            assert!(reports[0].contains(&part), "{part} in {}", reports[0]);
        }
    }
}
