//! D30: a supervisor that drains.
//!
//! The sentences in quotes are those of the documentation.

mod ends;
mod followed;
mod granted;
mod hostile;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use session_supervisor::error::{
    AwaitError, DrainError, EnsureError, ErrorKind, LeaseError, RestartError, StartError,
    SupervisorDown,
};
use session_supervisor::{
    ChildSpec, Drain, DrainOutcome, DrainReport, EndReason, Exit, Options, Restart, SessionState,
    SessionSupervisor, Shutdown, StopCause, Supervisor, TreeSpec, reason,
};
use tokio::time::Instant;

use crate::support::{
    Gate, Order, Probe, Worker, answered, ask_and_go, asked, end, names_of, supervisor,
};

const SECOND: Duration = Duration::from_secs(1);
const LONG: Duration = Duration::from_secs(3_600);

/// What became of each session, and how many whole seconds that took.
fn outcomes(report: &DrainReport) -> BTreeMap<&str, (DrainOutcome, u64)> {
    let each = report.sessions.iter();
    let found: BTreeMap<_, _> = each
        .map(|session| {
            let took = session.took.as_millis().div_ceil(100) / 10;
            let seconds = u64::try_from(took).unwrap();
            (session.id.as_str(), (session.outcome, seconds))
        })
        .collect();
    assert_eq!(found.len(), report.sessions.len(), "each session once");
    found
}

/// Two hours of test time for a drain: reached only if it does not come to its end.
async fn over<F: Future>(drain: F) -> F::Output {
    let answer = tokio::time::timeout(2 * LONG, drain).await;
    answer.expect("the drain comes to its end")
}

async fn start_all(sessions: &SessionSupervisor, ids: &[&str], spec: ChildSpec<Worker>) {
    for id in ids {
        sessions.start_session(id, spec.clone()).await.unwrap();
    }
}

/// "It starts nothing any more, ends each session with its messages handled first, so many at a time
/// and within a deadline, and then ends itself."
#[tokio::test(start_paused = true)]
async fn each_session_ends_once_with_its_messages_handled_and_then_the_supervisor() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let (busy, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (count, seen) = (Arc::clone(&busy), Arc::clone(&most));
    let script = probe.script().post_stop(move |_, _| {
        let (count, seen) = (Arc::clone(&count), Arc::clone(&seen));
        async move {
            seen.fetch_max(count.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::time::sleep(SECOND).await;
            count.fetch_sub(1, Ordering::SeqCst);
            Ok(())
        }
    });
    let spec = script.spec();
    for n in 0..7 {
        let session = sessions.start_session(&n.to_string(), spec.clone()).await;
        let session = session.unwrap();
        for m in 0..3 {
            let note = probe.clone();
            let order = Order::run(move |_| async move {
                tokio::time::sleep(SECOND / 10).await;
                note.note(format!("{n}/{m}"));
                Ok(())
            });
            session.cast(order).unwrap();
        }
    }
    let wait = tokio::spawn(sessions.wait());
    let began = Instant::now();
    let report = sessions
        .drain(Drain::within(LONG).at_most(2))
        .await
        .unwrap();
    let took = began.elapsed();
    assert_eq!(probe.notes().len(), 21, "every message was handled");
    assert_eq!(most.load(Ordering::SeqCst), 2);
    assert!((4 * SECOND..6 * SECOND).contains(&took), "{took:?}");
    let found = outcomes(&report);
    assert_eq!(found.len(), 7);
    assert!(
        found.values().all(|end| *end == (DrainOutcome::Stopped, 1)),
        "{found:?}"
    );
    assert_eq!((report.summary.stopped, report.summary.killed), (7, 0));
    assert_eq!(wait.await.unwrap(), Some(report.summary));
    assert_eq!(probe.tally().stopped, ["0", "1", "2", "3", "4", "5", "6"]);
    assert_eq!((probe.alive(), names_of(sessions.name()).len()), (0, 0));
    // A later one of the same name takes what this one has refused.
    let next = SessionSupervisor::start(Options::new().name(sessions.name())).await;
    let next = next.unwrap();
    next.start_session("0", probe.spec()).await.unwrap();
    next.stop().await.unwrap();
    let again = sessions.drain(Drain::within(LONG)).await;
    assert_eq!(again, Err(DrainError::SupervisorDown));
}

/// "Starts and restarts by hand are refused with `Draining`, those that wait and those under way
/// too."
#[tokio::test(start_paused = true)]
async fn what_is_to_start_is_refused() {
    let sessions = supervisor(Options::new().max_concurrent_launches(1)).await;
    let (probe, gate) = (Probe::default(), Gate::closed());
    let held = probe.script().post_stop(gate.holds()).spec();
    let held = held.shutdown(Shutdown::Infinity);
    start_all(&sessions, &["a", "b"], held).await;
    let hangs = probe.script().pre_start(Gate::closed().holds()).spec();
    // One that is under way, one that shares it, one that is queued behind it, one in line.
    let under_way = asked(sessions.start_session("c", hangs.clone())).await;
    let shared = asked(sessions.ensure_session("c", probe.spec())).await;
    let queued = asked(sessions.start_session("c", probe.spec())).await;
    let in_line = asked(sessions.start_session("d", probe.spec())).await;
    let awaited = asked(sessions.await_session::<Order>("d")).await;
    let drain = asked(sessions.drain(Drain::within(LONG).at_most(1))).await;
    for start in [under_way, queued, in_line] {
        let refused = answered("a start", start).await.unwrap();
        assert!(matches!(refused, Err(StartError::Draining)), "{refused:?}");
    }
    let refused = answered("a start", shared).await.unwrap();
    let draining = matches!(refused, Err(EnsureError::Start(StartError::Draining)));
    assert!(draining, "{refused:?}");
    let refused = answered("the wait", awaited).await.unwrap();
    assert_eq!(refused.unwrap_err(), AwaitError::Draining);

    for id in ["a", "b", "c", "new"] {
        let refused = sessions.start_session(id, probe.spec()).await.unwrap_err();
        assert!(matches!(refused, StartError::Draining), "{id}: {refused:?}");
        assert_eq!(refused.kind(), ErrorKind::Draining);
        // The supervisor that drains never takes it.
        assert!(!refused.is_retryable());
        let refused = sessions.restart_session(id).await;
        assert!(
            matches!(refused, Err(RestartError::Draining)),
            "{refused:?}"
        );
        assert_eq!(sessions.lease(id).await.unwrap_err(), LeaseError::Draining);
    }
    let address = sessions.session_ref::<Order>("new").unwrap();
    let address = address.or_start(probe.spec());
    let refused = address.cast(Order::Crash).await.unwrap_err();
    assert_eq!(refused.reason.kind(), ErrorKind::Draining);

    // "Lists, counts, finds, `stop_session` and `wait_end` go on; a session serves its callers until
    // its turn comes."
    assert_eq!(sessions.count_sessions().await.unwrap().active, 1);
    let list = sessions.list_sessions().await.unwrap();
    let states: Vec<_> = list.iter().map(|info| info.state).collect();
    assert_eq!(states[..2], [SessionState::Stopping, SessionState::Running]);
    let waits = sessions.await_session::<Order>("b").await.unwrap();
    let n = ractor::call!(waits, |reply| Order::Echo(7, reply)).unwrap();
    assert_eq!(n, 7);
    let ended = sessions.await_session::<Order>("a").await;
    assert_eq!(ended.unwrap_err(), AwaitError::Draining);
    let gone = asked(sessions.wait_end("b")).await;
    gate.open();
    assert_eq!(
        answered("the stop", sessions.stop_session("b")).await,
        Ok(Exit::Shutdown)
    );
    let gone = answered("the end", gone).await.unwrap().unwrap();
    // The drain had asked it before the stop came.
    let drained = EndReason::Supervisor(StopCause::Drained);
    assert_eq!((gone.exit, gone.why), (Exit::Shutdown, drained));
    let report = answered("the drain", drain).await.unwrap().unwrap();
    assert_eq!(probe.starts(), 3, "nothing was started meanwhile");
    assert_eq!((report.summary.stopped, report.summary.not_running), (2, 2));
}

/// "A session that fails meanwhile is not brought back, and one that restarts or is parked is ended
/// as it is."
#[tokio::test(start_paused = true)]
async fn nothing_is_brought_back() {
    let sessions = supervisor(Options::new()).await;
    let (probe, gate) = (Probe::default(), Gate::closed());
    let held = probe.script().post_stop(gate.holds()).spec();
    sessions
        .start_session("held", held.shutdown(Shutdown::Infinity))
        .await
        .unwrap();
    let permanent = probe.spec().restart(Restart::Permanent);
    let fails = sessions
        .start_session("fails", permanent.clone())
        .await
        .unwrap();
    let backoff = session_supervisor::Backoff::constant(LONG);
    let pauses = sessions
        .start_session("pauses", permanent.clone().backoff(backoff))
        .await;
    end(&pauses.unwrap(), Order::Crash).await;
    let parked = sessions
        .start_session("parked", permanent.restart_limit(0, SECOND))
        .await;
    end(&parked.unwrap(), Order::Crash).await;
    let drain = asked(sessions.drain(Drain::within(LONG).at_most(1))).await;
    end(&fails, Order::Crash).await;
    tokio::time::sleep(SECOND).await;
    assert_eq!(probe.starts(), 4);
    gate.open();
    let report = answered("the drain", drain).await.unwrap().unwrap();
    let right = [
        ("fails", (DrainOutcome::Failed, 0)),
        ("held", (DrainOutcome::Stopped, 1)),
        ("parked", (DrainOutcome::NotRunning, 0)),
        ("pauses", (DrainOutcome::NotRunning, 0)),
    ];
    assert_eq!(outcomes(&report), BTreeMap::from(right));
    assert_eq!(probe.starts(), 4);
}

/// "It has the time of its shutdown rule; a rule that leaves none counts as 5 s." "At the deadline
/// what is left is killed."
#[tokio::test(start_paused = true)]
async fn what_takes_too_long_is_killed() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let hangs = probe
        .script()
        .post_stop(|_, _| std::future::pending())
        .spec();
    for (id, rule) in [
        ("two", Shutdown::Timeout(2 * SECOND)),
        ("three", Shutdown::Drain(3 * SECOND)),
        ("brutal", Shutdown::BrutalKill),
        ("ever", Shutdown::Infinity),
    ] {
        let spec = hangs.clone().shutdown(rule);
        sessions.start_session(id, spec).await.unwrap();
    }
    let report = sessions.drain(Drain::within(10 * SECOND)).await.unwrap();
    let right = [
        ("two", (DrainOutcome::Killed, 2)),
        ("three", (DrainOutcome::Killed, 3)),
        ("brutal", (DrainOutcome::Killed, 5)),
        ("ever", (DrainOutcome::Killed, 10)),
    ];
    assert_eq!(outcomes(&report), BTreeMap::from(right));
    let took = report.summary.took;
    assert!((10 * SECOND..11 * SECOND).contains(&took), "{took:?}");
}

/// "While others wait for their turn, a session may take its share of the time that is left, and is
/// killed after that, whatever its shutdown rule: so each is asked before the deadline."
#[tokio::test(start_paused = true)]
async fn one_that_hangs_does_not_use_up_the_time_of_the_others() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let hangs = probe
        .script()
        .post_stop(|_, _| std::future::pending())
        .spec();
    let hangs = hangs.shutdown(Shutdown::Infinity);
    start_all(&sessions, &["hangs"], hangs).await;
    start_all(&sessions, &["a", "b", "c"], probe.slow_to_stop(4 * SECOND)).await;
    let drain = Drain::within(40 * SECOND).at_most(1);
    let report = sessions.drain(drain).await.unwrap();
    let right = [
        ("hangs", (DrainOutcome::Killed, 10)),
        ("a", (DrainOutcome::Stopped, 4)),
        ("b", (DrainOutcome::Stopped, 4)),
        ("c", (DrainOutcome::Stopped, 4)),
    ];
    assert_eq!(outcomes(&report), BTreeMap::from(right));
}

/// "A tree is stopped in order, and its children by their own rules." The report names sessions, and
/// its summary counts their children too.
#[tokio::test(start_paused = true)]
async fn a_tree_is_drained_with_its_children() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let spec = probe.slow_to_stop(SECOND);
    let tree = ChildSpec::tree(move |_| {
        TreeSpec::one_for_one()
            .child("one", spec.clone())
            .child("two", spec.clone())
    });
    let tree: Supervisor = sessions.start_session("tree", tree).await.unwrap();
    let one = tree.find_child_as::<Order>("one").unwrap();
    let report = sessions
        .drain(Drain::within(LONG).at_most(1))
        .await
        .unwrap();
    let right = [("tree", (DrainOutcome::Stopped, 2))];
    assert_eq!(outcomes(&report), BTreeMap::from(right));
    assert_eq!(report.summary.stopped, 3);
    assert_eq!(probe.stops(), 2);
    assert!(one.cast(Order::Crash).is_err());
}

/// A bad value is told before anything is asked, and nothing is asked before the first poll.
#[tokio::test(start_paused = true)]
async fn a_bad_value_and_a_drain_that_is_not_polled_change_nothing() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    start_all(&sessions, &["a"], probe.spec()).await;
    drop(sessions.drain(Drain::within(SECOND)));
    let mut bad = sessions.drain(Drain::within(SECOND).at_most(0));
    assert_eq!(bad.progress().await, None);
    let error = bad.await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "invalid drain: at_most is 0: must be at least 1"
    );
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    tokio::time::sleep(SECOND).await;
    assert!(sessions.is_running("a"));
    sessions.stop().await.unwrap();
}

/// "Dropped after it, the supervisor is drained all the same."
#[tokio::test(start_paused = true)]
async fn a_drain_whose_caller_went_away_is_made_all_the_same() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    start_all(&sessions, &["a", "b"], probe.slow_to_stop(SECOND)).await;
    ask_and_go(sessions.drain(Drain::within(LONG).at_most(1))).await;
    let mut again = sessions.drain(Drain::within(LONG));
    assert!(again.progress().await.is_some());
    drop(again);
    let root = sessions.get_cell();
    answered("the end", root.wait(None)).await.unwrap();
    assert_eq!((probe.stops(), probe.alive()), (2, 0));
    let SupervisorDown { .. } = sessions.count_sessions().await.unwrap_err();
}

/// "A parent that restarts the supervisor by its rule does so after a drain too."
#[tokio::test(start_paused = true)]
async fn under_a_parent_another_one_follows() {
    let probe = Probe::default();
    let name = "drained, and started again";
    let child = SessionSupervisor::child_spec(Options::new().name(name));
    let parent = TreeSpec::one_for_one()
        .unique_name()
        .child("sessions", child);
    let parent = Supervisor::start(parent).await.unwrap();
    let sessions = SessionSupervisor::where_is(name).unwrap();
    start_all(&sessions, &["a"], probe.spec()).await;
    let report = sessions.drain(Drain::within(LONG)).await.unwrap();
    assert_eq!(report.sessions.len(), 1);
    // It waits until the restart is done.
    tokio::time::sleep(SECOND).await;
    let next = SessionSupervisor::where_is(name).unwrap();
    assert_ne!(next.get_cell().get_id(), sessions.get_cell().get_id());
    next.start_session("a", probe.spec()).await.unwrap();
    parent.stop().await.unwrap();
    assert_eq!(reason::SHUTDOWN, "shutdown");
}
