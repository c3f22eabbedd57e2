//! What the types promise: threads, clones, errors and their causes, constants.

use std::error::Error;
use std::fmt::{Debug, Display};
use std::hash::Hash;

use ractor::{ActorRef, call};
use session_supervisor::error::{
    AskForTimeError, CheckpointError, DrainError, EnsureError, FindError, InvalidGroup, InvalidId,
    InvalidValue, LeaseError, NotASupervisor, RejectReason, RestartError, SaveError, StartError,
    StartSupervisorError, StopError, SupervisorDown,
};
use session_supervisor::names::NameError;
use session_supervisor::{
    AnyActor, Backoff, Checkpoint, ChildSpec, Claim, Counts, Drain, DrainOutcome, DrainProgress,
    DrainReport, DrainedSession, Draining, Ensured, Exit, GroupCount, KILL_BOUND, Launch, Lease,
    OnRestartLimit, Options, Restart, SessionId, SessionInfo, SessionState, SessionSupervisor,
    Shutdown, ShutdownReport, StartContext, StopSignal, Task, names, reason,
};

use super::{Chat, ChatArgs, ChatMsg, SECOND, chat};
use crate::support::supervisor;

fn crosses_threads<T: Send + Sync + 'static>() {}

fn value<T: Clone + Debug + Send + Sync + 'static>() {}

fn error<T: Error + Clone + Send + Sync + 'static>() {}

#[test]
fn what_a_user_holds_crosses_threads_and_can_be_cloned_and_shown() {
    value::<SessionSupervisor>();
    value::<ChildSpec<Chat>>();
    value::<ChildSpec>();
    value::<ChildSpec<AnyActor>>();
    value::<ChildSpec<Task>>();
    value::<StopSignal>();
    value::<Launch<Chat>>();
    value::<StartContext>();
    value::<Checkpoint<String>>();
    value::<Options>();
    value::<Backoff>();
    value::<SessionId>();
    value::<SessionInfo>();
    value::<Claim>();
    value::<Counts>();
    value::<GroupCount>();
    value::<Ensured<ActorRef<ChatMsg>>>();
    value::<Exit>();
    value::<ShutdownReport>();
    value::<(
        Drain,
        DrainReport,
        DrainedSession,
        DrainProgress,
        DrainOutcome,
    )>();
    value::<(SessionState, Restart, Shutdown, OnRestartLimit)>();
    error::<StartSupervisorError>();
    error::<StartError>();
    error::<EnsureError>();
    error::<RestartError>();
    error::<StopError>();
    error::<FindError>();
    error::<LeaseError>();
    error::<CheckpointError>();
    error::<SaveError<String>>();
    error::<DrainError>();
    error::<AskForTimeError>();
    error::<SupervisorDown>();
    error::<NotASupervisor>();
    error::<InvalidId>();
    error::<InvalidGroup>();
    error::<RejectReason>();
    error::<InvalidValue>();
    error::<NameError>();
    // A spec crosses threads whatever its actor's messages are.
    struct Shut;
    struct NotSync(#[expect(dead_code, reason = "only its type matters")] std::cell::Cell<u8>);
    #[cfg(feature = "cluster")]
    impl ractor::Message for NotSync {}
    #[ractor::actor(message = NotSync, state = (), arguments = ())]
    impl Shut {}
    crosses_threads::<ChildSpec<Shut>>();
    // A handle does so whatever it saves.
    crosses_threads::<Checkpoint<std::cell::Cell<u8>>>();
    crosses_threads::<Lease>();
    crosses_threads::<Draining>();
    // An id is a key that is looked up by text.
    fn key<T: Eq + Ord + Hash + Display + std::borrow::Borrow<str> + AsRef<str>>() {}
    key::<SessionId>();
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct NoPaper(u8);

impl Display for NoPaper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "no paper in tray {}", self.0)
    }
}

impl Error for NoPaper {}

#[tokio::test(start_paused = true)]
async fn the_cause_of_a_failure_is_the_error_as_the_user_made_it() {
    let sessions = supervisor(Options::new()).await;
    let fails = || ChildSpec::from_fn(|_| async { Err::<Launch<Chat>, _>(NoPaper(3).into()) });
    let error = sessions.start_session("a", fails()).await.unwrap_err();
    let source = error.source().unwrap();
    assert_eq!(source.downcast_ref(), Some(&NoPaper(3)));
    let StartError::Failed { id, cause } = &error else {
        panic!("not a failure: {error:?}");
    };
    assert_eq!(*id, "a");
    assert_eq!(cause.downcast_ref(), Some(&NoPaper(3)));

    let ensured = sessions.ensure_session("a", fails()).await.unwrap_err();
    let source = ensured.source().unwrap();
    assert_eq!(
        source.downcast_ref(),
        Some(&NoPaper(3)),
        "not hidden behind the start's error"
    );

    let once = ChildSpec::from_fn(|start| async move {
        match start.incarnation {
            1 => Ok(Launch::Actor(Chat, ChatArgs::default())),
            _ => Err(NoPaper(4).into()),
        }
    });
    sessions.start_session("b", once).await.unwrap();
    let error = sessions.restart_session("b").await.unwrap_err();
    assert!(matches!(error, RestartError::Failed { .. }), "{error:?}");
    assert_eq!(error.source().unwrap().downcast_ref(), Some(&NoPaper(4)));
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_message_of_another_type_is_refused_and_the_session_left_alone() {
    struct Other;
    #[ractor::actor(message = u64, state = (), arguments = ())]
    impl Other {}
    let sessions = supervisor(Options::new()).await;
    let alice = sessions.start_session("alice", chat()).await.unwrap();
    let other = || ChildSpec::new(|_start| (Other, ()));
    let wrong = sessions.ensure_session("alice", other()).await.unwrap_err();
    let EnsureError::WrongMessageType { id, cell } = wrong else {
        panic!("not refused: {wrong:?}");
    };
    assert_eq!((id.as_str(), cell), ("alice", alice.get_cell()));
    let twice = sessions.start_session("alice", other()).await.unwrap_err();
    let StartError::AlreadyStarted { id, cell } = twice else {
        panic!("not refused: {twice:?}");
    };
    assert_eq!((id.as_str(), cell), ("alice", alice.get_cell()));
    assert_eq!(call!(alice, ChatMsg::Greeting).unwrap(), "");
    sessions.stop().await.unwrap();
}

#[test]
fn the_constants_are_what_the_documentation_says() {
    assert_eq!(KILL_BOUND, SECOND);
    assert_eq!(reason::SHUTDOWN, "shutdown");
    assert_eq!(
        reason::RESTART_LIMIT_REACHED,
        "shutdown: restart limit reached"
    );
    assert_eq!(names::MAX_LENGTH, 512);
    assert_eq!(names::session("chats", "a/b"), "chats/session/a/b");
    assert_eq!(
        names::parse_session("chats/session/a/b"),
        Some(("chats", "a/b"))
    );
    assert_eq!(Restart::default(), Restart::Transient);
    assert_eq!(Shutdown::default(), Shutdown::Timeout(5 * SECOND));
    assert_eq!(OnRestartLimit::default(), OnRestartLimit::Park);
    // D7: pauses by default.
    assert_ne!(Backoff::default(), Backoff::none());
}

/// Fails to compile if a documented variant or field is missing.
#[expect(dead_code, reason = "it is compiled, not run")]
fn every_documented_variant(
    supervisor: StartSupervisorError,
    start: StartError,
    restart: RestartError,
    stop: StopError,
    lease: LeaseError,
) {
    match supervisor {
        StartSupervisorError::InvalidOptions(InvalidValue { .. })
        | StartSupervisorError::NameTaken { name: _, cell: _ }
        | StartSupervisorError::Failed { cause: _ }
        | _ => {}
    }
    match start {
        StartError::InvalidId(InvalidId { id: _, rule: _, .. })
        | StartError::InvalidSpec(InvalidValue { .. })
        | StartError::InvalidGroup(InvalidGroup {
            id: _,
            group: _,
            rule: _,
            ..
        })
        | StartError::AlreadyStarted { id: _, cell: _ }
        | StartError::Ignored
        | StartError::Failed { id: _, cause: _ }
        | StartError::TimedOut
        | StartError::NameTaken { id: _, cell: _ }
        | StartError::Parked
        | StartError::ClaimTaken {
            claim: _,
            holder: _,
        }
        | StartError::MaxSessions { max: _ }
        | StartError::Rejected {
            reason: RejectReason::StartRate { n: _, per: _ },
            retry_after: _,
        }
        | StartError::Stopped
        | StartError::Stuck
        | StartError::Draining
        | StartError::SupervisorDown
        | _ => {}
    }
    match restart {
        RestartError::NotFound
        | RestartError::Ignored
        | RestartError::Failed { id: _, cause: _ }
        | RestartError::TimedOut
        | RestartError::NameTaken { id: _, cell: _ }
        | RestartError::MaxSessions { max: _ }
        | RestartError::Rejected {
            reason: RejectReason::Quota { group: _, max: _ },
            retry_after: _,
        }
        | RestartError::Stopped
        | RestartError::Stuck
        | RestartError::Draining
        | RestartError::SupervisorDown
        | _ => {}
    }
    match stop {
        StopError::NotFound | StopError::Stuck | StopError::SupervisorDown | _ => {}
    }
    match lease {
        LeaseError::NotFound
        | LeaseError::Stopping
        | LeaseError::Parked
        | LeaseError::Stuck
        | LeaseError::Draining
        | LeaseError::SupervisorDown
        | _ => {}
    }
}

#[test]
fn a_runtime_without_timers_is_an_error_of_the_start() {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let start = SessionSupervisor::start(Options::new().unique_name());
    let error = runtime.expect("a runtime").block_on(start).map(drop);
    let Err(StartSupervisorError::Failed { cause }) = error else {
        panic!("{error:?}");
    };
    assert!(cause.to_string().contains("timers"), "{cause}");
}
