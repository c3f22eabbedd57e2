//! Which exits are followed by a restart.

use std::collections::HashSet;
use std::sync::Arc;

use ractor::{ActorProcessingErr, ActorRef, ActorStatus, RpcReplyPort};
use session_supervisor::error::RestartError;
use session_supervisor::{
    Backoff, ChildSpec, Ensured, Exit, Options, Restart, SessionState, SessionSupervisor, names,
};
use tokio::time::Instant;

use super::ways::{HOUR, WINDOW, Way, crash, info, running};
use crate::support::{Order, Probe, back, died, end, supervisor};

/// Rows of this theme without a test, and why.
pub(super) const NOT_HERE: &[(u16, &str)] = &[];

pub(super) async fn known(sessions: &SessionSupervisor) -> (usize, usize) {
    let counts = sessions.count_sessions().await.unwrap();
    (counts.specs, counts.active)
}

/// Each way under a supervisor of its own: the session is gone at once and for good.
pub(super) async fn stays_gone(ways: &[Way], restart: Option<Restart>) {
    for way in ways {
        let sessions = supervisor(Options::new()).await;
        let probe = Probe::default();
        let spec = match restart {
            Some(restart) => probe.spec().restart(restart),
            None => probe.spec(),
        };
        let session = sessions.start_session("a", spec).await.unwrap();
        way.end(&session).await;
        assert_eq!(known(&sessions).await, (0, 0), "{way:?}");
        tokio::time::sleep(HOUR).await;
        assert_eq!(known(&sessions).await, (0, 0), "{way:?}");
        assert_eq!((probe.starts(), probe.alive()), (1, 0), "{way:?}");
    }
}

/// Each way under a supervisor of its own: another incarnation runs after it.
async fn comes_back(ways: &[Way], restart: Restart) {
    for way in ways {
        let sessions = supervisor(Options::new()).await;
        let probe = Probe::default();
        let spec = probe.spec().restart(restart);
        let old = sessions.start_session("a", spec).await.unwrap();
        way.end(&old).await;
        let new = back(&sessions, "a").await;
        assert_ne!(new.get_id(), old.get_id(), "{way:?}");
        assert_eq!(known(&sessions).await, (1, 1), "{way:?}");
        tokio::time::sleep(HOUR).await;
        assert_eq!((probe.starts(), probe.alive()), (2, 1), "{way:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn row_028_a_temporary_session_is_removed_however_it_ends() {
    stays_gone(&Way::NORMAL, Some(Restart::Temporary)).await;
    stays_gone(&Way::ABNORMAL, Some(Restart::Temporary)).await;
}

#[tokio::test(start_paused = true)]
async fn row_029_a_transient_session_that_ends_normally_is_removed_whatever_its_reason() {
    stays_gone(&Way::NORMAL, Some(Restart::Transient)).await;
    stays_gone(&Way::NORMAL, None).await;
}

#[tokio::test(start_paused = true)]
async fn row_030_a_transient_session_that_crashes_is_restarted() {
    comes_back(&[Way::Error, Way::Panic], Restart::Transient).await;
    let probe = Probe::default();
    let fail = |start: session_supervisor::StartContext, panics: bool| async move {
        assert!(start.incarnation > 1 || !panics, "the first one panics");
        if start.incarnation == 1 {
            return Err("the first one fails".into());
        }
        Ok(())
    };
    let spec = |panics| {
        let post_start = probe
            .script()
            .post_start(move |start, _| fail(start, panics));
        let post_stop = probe
            .script()
            .post_stop(move |start, _| fail(start, panics));
        [(post_start.spec(), false), (post_stop.spec(), true)]
    };
    for (spec, stop) in spec(false).into_iter().chain(spec(true)) {
        let sessions = supervisor(Options::new()).await;
        let old = sessions.start_session("a", spec).await.unwrap();
        if stop {
            old.stop(None);
        }
        died(&old.get_cell()).await;
        let new = back(&sessions, "a").await;
        assert_ne!(new.get_id(), old.get_id());
        assert_eq!(known(&sessions).await, (1, 1));
        let last = info(&sessions, "a").await.last_exit;
        assert!(matches!(last, Some(Exit::Failed { .. })), "{last:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn row_031_a_transient_session_that_is_killed_is_restarted() {
    comes_back(&[Way::Kill], Restart::Transient).await;
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let script = probe.script().post_stop(|start, _| async move {
        if start.incarnation == 2 {
            std::future::pending::<()>().await;
        }
        Ok(())
    });
    let in_handler = sessions.start_session("a", script.spec()).await.unwrap();
    in_handler.cast(Order::Hang).unwrap();
    Way::Kill.end(&in_handler).await;
    let in_post_stop = back(&sessions, "a").await;
    assert_ne!(in_post_stop.get_id(), in_handler.get_id());
    in_post_stop.stop(None);
    tokio::task::yield_now().await;
    Way::Kill.end(&in_post_stop).await;
    let third = back(&sessions, "a").await;
    assert_ne!(third.get_id(), in_post_stop.get_id());
    let info = info(&sessions, "a").await;
    assert_eq!((info.incarnation, info.last_exit), (3, Some(Exit::Killed)));
}

#[tokio::test(start_paused = true)]
async fn row_032_a_permanent_session_that_ends_normally_is_restarted() {
    comes_back(&Way::NORMAL, Restart::Permanent).await;
}

#[tokio::test(start_paused = true)]
async fn row_033_a_permanent_session_that_crashes_or_is_killed_is_restarted() {
    comes_back(&Way::ABNORMAL, Restart::Permanent).await;
}

/// An actor with a state that can be asked for.
struct Counter {
    made_for: u64,
}

enum Tell {
    Add(u32),
    Ask(RpcReplyPort<(u32, u64)>),
    Crash,
}

#[cfg(feature = "cluster")]
impl ractor::Message for Tell {}

#[ractor::actor(message = Tell, state = u32, arguments = u32)]
impl Counter {
    async fn pre_start(
        &self,
        _myself: ActorRef<Tell>,
        first: u32,
    ) -> Result<u32, ActorProcessingErr> {
        Ok(first)
    }

    async fn handle(
        &self,
        _myself: ActorRef<Tell>,
        tell: Tell,
        count: &mut u32,
    ) -> Result<(), ActorProcessingErr> {
        match tell {
            Tell::Add(n) => *count += n,
            Tell::Ask(reply) => drop(reply.send((*count, self.made_for))),
            Tell::Crash => return Err("told to crash".into()),
        }
        Ok(())
    }
}

fn counter(first: u32) -> ChildSpec<Counter> {
    ChildSpec::new(move |start| {
        let made_for = start.incarnation;
        (Counter { made_for }, first)
    })
}

/// What the session of this id says, once it runs.
async fn ask(sessions: &SessionSupervisor, id: &str) -> (ActorRef<Tell>, (u32, u64)) {
    let found = sessions.ensure_session(id, counter(0)).await.unwrap();
    let Ensured::Existing(session) = found else {
        panic!("session {id} was gone");
    };
    let says = ractor::call!(session, Tell::Ask).unwrap();
    (session, says)
}

#[tokio::test(start_paused = true)]
async fn row_034_a_restarted_session_is_made_anew_by_the_same_start_function() {
    let sessions = supervisor(Options::new()).await;
    let old = sessions.start_session("a", counter(7)).await.unwrap();
    old.cast(Tell::Add(5)).unwrap();
    assert_eq!(ractor::call!(old, Tell::Ask).unwrap(), (12, 1));
    old.cast(Tell::Crash).unwrap();
    died(&old.get_cell()).await;
    let (new, says) = ask(&sessions, "a").await;
    assert_eq!(says, (7, 2), "the first state, an actor of its own");
    assert_ne!(new.get_id(), old.get_id());
    assert_eq!(old.get_status(), ActorStatus::Stopped);
    assert!(old.cast(Tell::Add(1)).is_err());
}

#[tokio::test(start_paused = true)]
async fn row_035_a_crash_replaces_that_session_alone() {
    let sessions = supervisor(Options::new()).await;
    let a = sessions.start_session("a", counter(1)).await.unwrap();
    let b = sessions.start_session("b", counter(2)).await.unwrap();
    b.cast(Tell::Add(40)).unwrap();
    a.cast(Tell::Crash).unwrap();
    died(&a.get_cell()).await;
    let (new, says) = ask(&sessions, "a").await;
    assert_ne!(new.get_id(), a.get_id());
    assert_eq!(says, (1, 2));
    let (sibling, says) = ask(&sessions, "b").await;
    assert_eq!(sibling.get_id(), b.get_id());
    assert_eq!(says, (42, 1));
    assert_eq!(info(&sessions, "b").await.restarts, 0);
}

#[tokio::test(start_paused = true)]
async fn row_037_a_restart_that_is_ignored_removes_the_session() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let script = probe
        .script()
        .launch(|start| async move { Ok(start.incarnation == 1) });
    let spec = script.spec().restart(Restart::Permanent);
    let session = sessions.start_session("a", spec).await.unwrap();
    end(&session, Order::Crash).await;
    probe.until(|tally| tally.starts == 2).await;
    assert_eq!(known(&sessions).await, (0, 0));
    tokio::time::sleep(HOUR).await;
    assert_eq!(probe.starts(), 2, "nothing is tried again");
    assert!(sessions.list_sessions().await.unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn row_038_the_name_leads_to_the_new_incarnation() {
    for way in [Way::Kill, Way::Error, Way::Stop] {
        let sessions = supervisor(Options::new()).await;
        let probe = Probe::default();
        let spec = probe.spec().restart(Restart::Permanent);
        let old = sessions.start_session("a", spec).await.unwrap();
        way.end(&old).await;
        let new = back(&sessions, "a").await.get_id();
        assert_ne!(new, old.get_id(), "{way:?}");
        let name = names::session(sessions.name(), "a");
        let registered = ractor::registry::where_is(name).unwrap();
        assert_eq!(registered.get_id(), new, "{way:?}");
        let found = sessions.find_session("a").unwrap();
        assert_eq!(found.get_id(), new, "{way:?}");
        let probe = &probe;
        probe.until(|tally| tally.ready == 2).await;
        assert_eq!(probe.starts(), 2, "{way:?}: no attempt met the old name");
    }
}

#[tokio::test(start_paused = true)]
async fn row_039_a_restart_sees_the_shared_context_again() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let shared: Arc<str> = "shared".into();
    let notes = probe.clone();
    let script = probe.script().pre_start(move |start, _| {
        let (notes, shared) = (notes.clone(), Arc::clone(&shared));
        async move {
            notes.note(format!("{} {} {shared}", start.key(), start.incarnation));
            Ok(())
        }
    });
    let session = sessions.start_session("a", script.spec()).await.unwrap();
    end(&session, Order::Crash).await;
    back(&sessions, "a").await;
    assert_eq!(probe.notes(), ["a 1 shared", "a 2 shared"]);
}

#[tokio::test(start_paused = true)]
async fn row_206_a_restart_by_hand_is_not_counted() {
    let options = Options::new()
        .session_restart_limit(0, WINDOW)
        .total_restart_limit(0, WINDOW);
    let sessions = supervisor(options).await;
    let probe = Probe::default();
    for (id, restart) in [("a", Restart::Transient), ("b", Restart::Temporary)] {
        let spec = probe.spec().restart(restart);
        let first = sessions.start_session(id, spec).await.unwrap();
        let mut actors = HashSet::from([first.get_id()]);
        for _ in 0..20 {
            let cell = sessions.restart_session(id).await.unwrap();
            assert_eq!(running(&sessions, id).get_id(), cell.get_id());
            actors.insert(cell.get_id());
        }
        assert_eq!(actors.len(), 21);
        let info = info(&sessions, id).await;
        assert_eq!((info.state, info.restarts), (SessionState::Running, 0));
    }
    let counts = sessions.count_sessions().await.unwrap();
    assert_eq!((counts.active, counts.parked), (2, 0));

    let starts = probe.starts();
    let unknown = sessions.restart_session("unknown").await;
    assert!(
        matches!(unknown, Err(RestartError::NotFound)),
        "{unknown:?}"
    );
    assert_eq!((known(&sessions).await, probe.starts()), ((2, 2), starts));

    crash(&sessions, "a").await;
    let info = info(&sessions, "a").await;
    assert_eq!(info.state, SessionState::Parked, "a crash is counted");
}

#[tokio::test(start_paused = true)]
async fn row_206_a_restart_by_hand_skips_the_backoff() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let spec = probe.spec().backoff(Backoff::constant(HOUR));
    let old = sessions.start_session("a", spec).await.unwrap();
    end(&old, Order::Crash).await;
    assert_eq!(info(&sessions, "a").await.state, SessionState::Restarting);
    let asked = Instant::now();
    let new = sessions.restart_session("a").await.unwrap();
    assert_eq!(asked.elapsed().as_millis(), 0);
    assert_ne!(new.get_id(), old.get_id());
    tokio::time::sleep(3 * HOUR).await;
    assert_eq!(running(&sessions, "a").get_id(), new.get_id());
    assert_eq!(
        probe.starts(),
        2,
        "the pause that was skipped starts nothing"
    );
}
