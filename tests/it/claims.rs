//! D27: claims, the further unique keys of sessions.
//!
//! The sentences that begin a test are those of the documentation.

mod input;
mod lookups;
mod roads;

use std::time::Duration;

use session_supervisor::error::{EnsureError, ErrorKind, StartError};
use session_supervisor::{
    ChildSpec, Ensured, Exit, Options, SessionId, SessionSupervisor, Supervisor, TreeSpec,
};

use crate::support::{Gate, Order, Probe, Worker, answered, asked, end, exit, supervisor};

const SECOND: Duration = Duration::from_secs(1);

/// A session that claims a project.
fn agent(probe: &Probe, project: &str) -> ChildSpec<Worker> {
    probe.spec().claim("project", project)
}

/// Who has the project, as a start that needs it is told.
async fn refused(sessions: &SessionSupervisor, project: &str) -> SessionId {
    let start = sessions.start_session("prober", agent(&Probe::default(), project));
    match answered("the start", start).await {
        Err(StartError::ClaimTaken { claim, holder }) => {
            assert_eq!((claim.kind(), claim.value()), ("project", project));
            let found = sessions.find_by_claim("project", project);
            assert_eq!(found.as_ref(), Some(&holder));
            holder
        }
        other => panic!("the project {project} is not taken: {other:?}"),
    }
}

/// Nobody has the project: it is found nowhere, and a start gets it.
async fn free(sessions: &SessionSupervisor, project: &str) {
    assert_eq!(sessions.find_by_claim("project", project), None);
    let start = sessions.start_session("prober", agent(&Probe::default(), project));
    answered("the start", start).await.unwrap();
    sessions.stop_session("prober").await.unwrap();
}

/// "At most one session of the supervisor has a claim of this kind and value".
#[tokio::test(start_paused = true)]
async fn one_session_at_most_has_a_claim() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let first = sessions.start_session("a", agent(&probe, "/srv/shop"));
    let first = first.await.unwrap();
    let second = sessions.start_session("b", agent(&probe, "/srv/shop"));
    let error = second.await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the claim project \"/srv/shop\" is held by session a"
    );
    assert_eq!(error.kind(), ErrorKind::ClaimTaken);
    assert!(error.is_retryable());
    let ensured = sessions.ensure_session("b", agent(&probe, "/srv/shop"));
    let error = ensured.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ClaimTaken);
    let EnsureError::Start(StartError::ClaimTaken { claim, holder }) = error else {
        panic!("{error:?}");
    };
    assert_eq!((&*holder, claim.kind()), ("a", "project"));
    // What is refused leaves nothing behind, and the holder alone.
    assert_eq!(sessions.count_sessions().await.unwrap().specs, 1);
    assert_eq!(probe.starts(), 1);
    assert_eq!(sessions.find_session("a"), Some(first.get_cell()));
    // Another value, another kind, and another supervisor.
    for (id, spec) in [
        ("b", agent(&probe, "/srv/shop/")),
        ("c", probe.spec().claim("folder", "/srv/shop")),
        ("d", probe.spec()),
    ] {
        sessions.start_session(id, spec).await.unwrap();
    }
    let others = supervisor(Options::new()).await;
    let elsewhere = others.start_session("a", agent(&probe, "/srv/shop"));
    elsewhere.await.unwrap();
    sessions.stop().await.unwrap();
    others.stop().await.unwrap();
}

/// "in one step with its id, or it is not started".
#[tokio::test(start_paused = true)]
async fn all_claims_of_a_session_are_taken_or_none() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    sessions
        .start_session("a", agent(&probe, "2"))
        .await
        .unwrap();
    let three = agent(&probe, "1")
        .claim("project", "2")
        .claim("project", "3");
    let start = sessions.start_session("b", three.clone()).await;
    let Err(StartError::ClaimTaken { claim, holder }) = start else {
        panic!("{start:?}");
    };
    assert_eq!((claim.value(), &*holder), ("2", "a"));
    free(&sessions, "1").await;
    free(&sessions, "3").await;
    sessions.stop_session("a").await.unwrap();
    sessions.start_session("b", three).await.unwrap();
    for project in ["1", "2", "3"] {
        assert_eq!(refused(&sessions, project).await, "b");
    }
    sessions.stop().await.unwrap();
}

/// "`AlreadyStarted` and `Parked` come before `ClaimTaken`, and that before `MaxSessions`."
#[tokio::test(start_paused = true)]
async fn a_known_id_is_told_before_a_claim_and_a_claim_before_the_limit() {
    let options = Options::new().max_sessions(2).without_park_trial();
    let sessions = supervisor(options).await;
    let probe = Probe::default();
    let start = async |id: &str, project: &str| {
        let spec = agent(&probe, project).restart_limit(0, SECOND);
        sessions.start_session(id, spec).await
    };
    start("a", "1").await.unwrap();
    let b = start("b", "2").await.unwrap();
    let known = start("a", "2").await;
    assert!(
        matches!(known, Err(StartError::AlreadyStarted { .. })),
        "{known:?}"
    );
    let taken = start("c", "2").await;
    assert!(
        matches!(taken, Err(StartError::ClaimTaken { .. })),
        "{taken:?}"
    );
    let full = start("c", "3").await;
    assert!(
        matches!(full, Err(StartError::MaxSessions { max: 2 })),
        "{full:?}"
    );
    end(&b, Order::Crash).await;
    let parked = start("b", "1").await;
    assert!(matches!(parked, Err(StartError::Parked)), "{parked:?}");
    sessions.stop().await.unwrap();
}

/// "A start does not wait for a claim, also when its holder is ending by itself. To wait, use
/// `wait_end` with the id of the holder and start again."
#[tokio::test(start_paused = true)]
async fn a_start_does_not_wait_for_a_claim_and_a_caller_can() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let slow = probe.slow_to_stop(SECOND).claim("project", "1");
    let session = sessions.start_session("a", slow).await.unwrap();
    session.stop(None);
    let holder = refused(&sessions, "1").await;
    assert_eq!(holder, "a");
    let ended = answered("its end", sessions.wait_end(&holder)).await;
    assert_eq!(exit(ended), Ok(Exit::Normal { reason: None }));
    let next = sessions.start_session("b", agent(&probe, "1")).await;
    next.unwrap();
    sessions.stop().await.unwrap();
}

/// "A start that follows the answer of `stop_session` gets them."
#[tokio::test(start_paused = true)]
async fn a_start_after_a_stop_gets_the_claims() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    for n in 0..50 {
        let (id, slow) = (n.to_string(), probe.slow_to_stop(SECOND));
        let start = sessions.start_session(&id, slow.claim("project", "1"));
        start.await.unwrap();
        assert_eq!(refused(&sessions, "1").await, &*id);
        sessions.stop_session(&id).await.unwrap();
        free(&sessions, "1").await;
    }
    sessions.stop().await.unwrap();
}

/// "The claims count only when the spec starts a session."
#[tokio::test(start_paused = true)]
async fn a_call_that_finds_its_id_running_passes_over_its_own_claims() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    sessions
        .start_session("a", agent(&probe, "1"))
        .await
        .unwrap();
    sessions
        .start_session("b", agent(&probe, "2"))
        .await
        .unwrap();
    let existing = sessions.ensure_session("b", agent(&probe, "1")).await;
    assert!(matches!(existing, Ok(Ensured::Existing(_))), "{existing:?}");
    // Its own claim is no obstacle either.
    let existing = sessions.ensure_session("a", agent(&probe, "1")).await;
    assert!(matches!(existing, Ok(Ensured::Existing(_))), "{existing:?}");
    let address = sessions.session_ref::<Order>("b").unwrap();
    let address = address.or_start(agent(&probe, "1"));
    let echo = address.call(|reply| Order::Echo(7, reply), SECOND).await;
    assert_eq!(echo.unwrap(), 7);
    // Those who share a start take over its claims, and not their own.
    let gate = Gate::closed();
    let gated = probe.script().pre_start(gate.holds()).spec();
    let first = asked(sessions.ensure_session("c", gated.claim("project", "3"))).await;
    let second = asked(sessions.ensure_session("c", agent(&probe, "1"))).await;
    gate.open();
    assert!(matches!(first.await.unwrap(), Ok(Ensured::Created(_))));
    assert!(matches!(second.await.unwrap(), Ok(Ensured::Joined(_))));
    assert_eq!(refused(&sessions, "1").await, "a");
    assert_eq!(refused(&sessions, "3").await, "c");
    sessions.stop().await.unwrap();
}

/// A start that waits for its id is decided when its turn comes, and those behind it in theirs.
#[tokio::test(start_paused = true)]
async fn a_start_that_waits_for_its_id_is_decided_in_its_turn() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let slow = probe.slow_to_stop(SECOND).claim("project", "1");
    sessions.start_session("a", slow).await.unwrap();
    sessions
        .start_session("b", agent(&probe, "2"))
        .await
        .unwrap();
    let stop = asked(sessions.stop_session("a")).await;
    let taken = asked(sessions.start_session("a", agent(&probe, "2"))).await;
    let own = asked(sessions.start_session("a", agent(&probe, "1"))).await;
    stop.await.unwrap().unwrap();
    let taken = taken.await.unwrap();
    assert!(
        matches!(&taken, Err(StartError::ClaimTaken { holder, .. }) if *holder == "b"),
        "{taken:?}"
    );
    own.await.unwrap().unwrap();
    assert_eq!(refused(&sessions, "1").await, "a");
    sessions.stop().await.unwrap();
}

/// A session that is a tree has claims like any other, and its children have none.
#[tokio::test(start_paused = true)]
async fn a_tree_has_claims_too() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let (tree, of_tree) = (probe.clone(), agent(&probe, "1"));
    let spec = ChildSpec::tree(move |_| TreeSpec::one_for_one().child("one", tree.spec()));
    let spec = spec.claim("project", "1");
    let _tree: Supervisor = sessions.start_session("a", spec).await.unwrap();
    let second = sessions.start_session("b", of_tree).await;
    assert!(
        matches!(second, Err(StartError::ClaimTaken { .. })),
        "{second:?}"
    );
    sessions.stop_session("a").await.unwrap();
    free(&sessions, "1").await;
    sessions.stop().await.unwrap();
}
