//! `Options::quota`: how many sessions of a group there may be.

use session_supervisor::error::{ErrorKind, RejectReason, RestartError, StartError};
use session_supervisor::{
    Application, Options, Restart, SessionState, SessionSupervisor, TreeSpec,
};
use tokio::time::sleep;

use super::{SECOND, full_group, tenant};
use crate::support::{Gate, Order, Probe, asked, back, end, supervisor};

/// "No session is started or resumed while `max` others of its group take a place."
#[tokio::test(start_paused = true)]
async fn no_session_is_started_that_is_one_too_many_of_its_group() {
    let sessions = supervisor(Options::new().quota(tenant, 2)).await;
    let probe = Probe::default();
    for id in ["acme/a", "acme/b", "globex/a", "nobody", "none"] {
        sessions.start_session(id, probe.spec()).await.unwrap();
    }
    let full = ("acme".to_owned(), 2);
    let third = sessions.start_session("acme/c", probe.spec()).await;
    assert_eq!(
        third.as_ref().unwrap_err().to_string(),
        "the start is rejected for now: quota of 2 for group \"acme\" reached"
    );
    assert_eq!(third.as_ref().unwrap_err().kind(), ErrorKind::Rejected);
    assert_eq!(full_group(third), full);
    // What is there is never refused.
    sessions
        .ensure_session("acme/a", probe.spec())
        .await
        .unwrap();
    let again = sessions.start_session("acme/a", probe.spec()).await;
    assert!(matches!(again, Err(StartError::AlreadyStarted { .. })));
    sessions.stop_session("acme/b").await.unwrap();
    sessions
        .start_session("acme/c", probe.spec())
        .await
        .unwrap();
    assert_eq!(
        full_group(sessions.start_session("acme/b", probe.spec()).await),
        full
    );
    assert_eq!(sessions.count_group("acme").await, Ok(2));
    assert_eq!(probe.starts(), 6);
    sessions.stop().await.unwrap();
}

/// "starting, running, restarting, stopping and stuck sessions".
#[tokio::test(start_paused = true)]
async fn each_session_that_takes_a_place_counts() {
    let options = Options::new().quota(tenant, 1).max_concurrent_launches(1);
    let sessions = supervisor(options).await;
    let probe = Probe::default();
    let is_full = async || {
        let start = sessions.start_session("acme/other", probe.spec()).await;
        assert_eq!(full_group(start), ("acme".to_owned(), 1));
        assert_eq!(sessions.count_group("acme").await, Ok(1));
    };
    let gate = Gate::closed();
    let slow = probe.script().pre_start(gate.holds()).spec();
    let first = asked(sessions.start_session("first", slow)).await;
    let in_line = probe.slow_to_stop(SECOND).restart(Restart::Permanent);
    let waits = asked(sessions.start_session("acme/a", in_line)).await;
    is_full().await;
    gate.open();
    first.await.unwrap().unwrap();
    let session = waits.await.unwrap().unwrap();
    is_full().await;
    // In its own restart it keeps its place.
    end(&session, Order::Crash).await;
    is_full().await;
    back(&sessions, "acme/a").await;
    let stop = asked(sessions.stop_session("acme/a")).await;
    let info = sessions.session_info("acme/a").await.unwrap().unwrap();
    assert_eq!(info.state, SessionState::Stopping);
    is_full().await;
    stop.await.unwrap().unwrap();
    assert_eq!(sessions.count_group("acme").await, Ok(0));
    sessions.stop().await.unwrap();
}

/// "A parked session takes none and needs one to be resumed; a trial without one waits for its next
/// pause."
#[tokio::test(start_paused = true)]
async fn a_parked_session_has_left_its_place_and_needs_one_to_come_back() {
    let options = Options::new().quota(tenant, 1).park_trial(SECOND, SECOND);
    let sessions = supervisor(options).await;
    let probe = Probe::default();
    let parks = probe.spec().restart_limit(0, SECOND);
    let session = sessions.start_session("acme/a", parks).await.unwrap();
    end(&session, Order::Crash).await;
    assert_eq!(sessions.count_group("acme").await, Ok(0));
    let info = sessions.session_info("acme/a").await.unwrap().unwrap();
    assert_eq!(info.state, SessionState::Parked);
    assert_eq!(info.group.as_deref(), Some("acme"));
    sessions
        .start_session("acme/b", probe.spec())
        .await
        .unwrap();
    let error = sessions.restart_session("acme/a").await.unwrap_err();
    let RestartError::Rejected {
        reason: RejectReason::Quota { group, max: 1 },
        retry_after: None,
    } = &error
    else {
        panic!("{error:?}");
    };
    assert_eq!(&**group, "acme");
    assert_eq!(error.kind(), ErrorKind::Rejected);
    assert!(error.is_retryable());
    // It is told of its own state first.
    let start = sessions.start_session("acme/a", probe.spec()).await;
    assert!(matches!(start, Err(StartError::Parked)));
    sleep(10 * SECOND).await;
    let info = sessions.session_info("acme/a").await.unwrap().unwrap();
    assert_eq!((info.state, info.incarnation), (SessionState::Parked, 1));
    sessions.stop_session("acme/b").await.unwrap();
    sleep(2 * SECOND).await;
    assert!(sessions.is_running("acme/a"));
    assert_eq!(sessions.count_group("acme").await, Ok(1));
    sessions.stop().await.unwrap();
}

/// "A `max` of 0 is legal: only sessions without a group are started."
#[tokio::test(start_paused = true)]
async fn a_quota_of_zero_admits_sessions_without_a_group() {
    let sessions = supervisor(Options::new().quota(tenant, 0)).await;
    let probe = Probe::default();
    let start = sessions.start_session("acme/a", probe.spec()).await;
    assert_eq!(full_group(start), ("acme".to_owned(), 0));
    sessions
        .start_session("nobody", probe.spec())
        .await
        .unwrap();
    sessions.stop().await.unwrap();
}

/// One spec for all, as most programs have it.
#[tokio::test(start_paused = true)]
async fn a_spec_serves_sessions_of_any_group() {
    let sessions = supervisor(Options::new().quota(tenant, 1)).await;
    let other = supervisor(Options::new()).await;
    let probe = Probe::default();
    let spec = probe.spec().label("one for all");
    for id in ["acme/a", "globex/a", "nobody"] {
        sessions.start_session(id, spec.clone()).await.unwrap();
    }
    let address = sessions.session_ref::<Order>("initech/a").unwrap();
    let address = address.or_start(spec.clone());
    let run = || Order::run(|_| async { Ok(()) });
    address.cast(run()).await.unwrap();
    let list = sessions.list_sessions().await.unwrap();
    let groups: Vec<_> = list.iter().map(|info| info.group.as_deref()).collect();
    assert_eq!(
        groups,
        [Some("acme"), Some("globex"), None, Some("initech")]
    );
    assert!(
        list.iter()
            .all(|info| info.label.as_deref() == Some("one for all"))
    );
    // Elsewhere it has none.
    other.start_session("acme/a", spec).await.unwrap();
    let info = other.session_info("acme/a").await.unwrap().unwrap();
    assert_eq!(info.group, None);
    assert_eq!(other.count_group("acme").await, Ok(0));
    assert!(other.groups().await.unwrap().is_empty());
    other.stop().await.unwrap();
    sessions.stop().await.unwrap();
}

/// The handle does not matter: the function belongs to the supervisor, also to one that is a child
/// and restarted.
#[tokio::test(start_paused = true)]
async fn a_supervisor_that_is_a_child_has_its_quota_too() {
    let name = "quota/of/a/child".replace('/', " ");
    let options = Options::new().name(&*name).quota(tenant, 1);
    let application = Application::new(options).unique_name().start().await;
    let application = application.unwrap();
    let probe = Probe::default();
    for _ in 0..2 {
        let sessions = SessionSupervisor::where_is(&name).unwrap();
        sessions
            .start_session("acme/a", probe.spec())
            .await
            .unwrap();
        let start = sessions.start_session("acme/b", probe.spec()).await;
        assert_eq!(full_group(start), ("acme".to_owned(), 1));
        let supervisor = application.supervisor().clone();
        let restart = supervisor.restart_child(Application::SESSIONS).await;
        drop(restart.unwrap_err());
        // It begins empty.
        supervisor
            .terminate_child(Application::SESSIONS)
            .await
            .unwrap();
        supervisor
            .restart_child(Application::SESSIONS)
            .await
            .unwrap();
    }
    application.stop().await;
}

/// A session that is a tree is one session.
#[tokio::test(start_paused = true)]
async fn a_tree_is_one_session_of_its_group() {
    let sessions = supervisor(Options::new().quota(tenant, 1)).await;
    let probe = Probe::default();
    let worker = probe.spec();
    let tree = session_supervisor::ChildSpec::tree(move |_| {
        TreeSpec::one_for_one()
            .child("one", worker.clone())
            .child("two", worker.clone())
    });
    sessions
        .start_session("acme/a", tree.clone())
        .await
        .unwrap();
    assert_eq!(sessions.count_group("acme").await, Ok(1));
    let start = sessions.start_session("acme/b", tree).await.map(drop);
    assert_eq!(full_group(start), ("acme".to_owned(), 1));
    sessions.stop().await.unwrap();
}
