//! Errors that hold no error of a user's: each variant of each of them.

use std::any::type_name;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use ractor::ActorCell;
use session_supervisor::error::{
    AskForTimeError, AwaitError, CallError, CheckpointError, DeleteChildError, DrainError,
    EnsureError, FindChildError, FindError, LeaseError, NotTaken, RejectReason, RestartAsError,
    RestartChildError, RestartError, SiblingError, StartChildError, StartError,
    StartSupervisorError, StopError, TerminateChildError, TryNextError, WaitEndError,
};
use session_supervisor::names::NameError;
use session_supervisor::{
    ChildSpec, Drain, Options, SessionId, SessionState, SessionSupervisor, Supervisor, TreeSpec,
};

use crate::contract::{Chat, ChatArgs, SECOND};
use crate::support::supervisor;

/// An error, and the name of its type.
pub(super) struct Plain {
    pub(super) name: String,
    pub(super) error: Box<dyn Error>,
}

pub(super) fn plain_one<E: Error + 'static>(error: E) -> Plain {
    let path = type_name::<E>();
    let name = path.rsplit("::").next().unwrap_or(path).to_owned();
    let error = Box::new(error);
    Plain { name, error }
}

/// Values of several types in one list.
macro_rules! list {
    ($($error:expr),+ $(,)?) => { vec![$(plain_one($error)),+] };
}

fn chat() -> ChildSpec<Chat> {
    ChildSpec::new(|_| (Chat, ChatArgs::default()))
}

/// All of them. `cell`: any actor.
pub(super) async fn plain(
    sessions: &SessionSupervisor,
    id: SessionId,
    cell: &ActorCell,
) -> Vec<Plain> {
    let mut all = of_values(sessions).await;
    all.extend(of_sessions(id, cell).await);
    all.extend(of_children(cell).await);
    all.extend(of_references());
    all
}

/// What a bad value is told with.
async fn of_values(sessions: &SessionSupervisor) -> Vec<Plain> {
    let bad_id = "".parse::<SessionId>().unwrap_err();
    let bad_spec = chat().start_timeout(Duration::ZERO);
    let bad_spec = sessions.start_session("c", bad_spec).await.unwrap_err();
    let bad_options = SessionSupervisor::start(Options::new().name("")).await;
    let bad_role = TreeSpec::one_for_one().child("", chat());
    let bad_drain = sessions.drain(Drain::within(SECOND).at_most(0)).await;
    let of_groups = supervisor(Options::new().quota(|_: &str| Some(String::new()), 1)).await;
    let bad_group = of_groups.start_session("c", chat()).await.unwrap_err();
    of_groups.stop().await.unwrap();
    list![
        StartError::InvalidId(bad_id.clone()),
        bad_id,
        bad_spec,
        bad_options.unwrap_err(),
        Supervisor::start(bad_role).await.unwrap_err(),
        bad_group,
        bad_drain.unwrap_err(),
        of_groups.stop().await.unwrap_err(),
        NameError::Empty,
        NameError::TooLong { length: 513 },
        NameError::ControlCharacter { at: 1 },
        NameError::Slash { at: 1 },
        NameError::Reserved,
    ]
}

fn quota() -> RejectReason {
    RejectReason::Quota {
        group: "g".into(),
        max: 1,
    }
}

async fn of_sessions(id: SessionId, cell: &ActorCell) -> Vec<Plain> {
    let cell = || cell.clone();
    let rate = RejectReason::StartRate { n: 1, per: SECOND };
    let claims = supervisor(Options::new()).await;
    let spec = || chat().claim("project", "/home");
    claims.start_session("a", spec()).await.unwrap();
    let claim_taken = claims.start_session("b", spec()).await.unwrap_err();
    claims.stop().await.unwrap();
    list![
        StartSupervisorError::NameTaken {
            name: "n".to_owned(),
            cell: None,
        },
        StartError::AlreadyStarted {
            id: id.clone(),
            cell: cell(),
        },
        StartError::Ignored,
        StartError::TimedOut,
        StartError::NameTaken {
            id: id.clone(),
            cell: None,
        },
        StartError::Parked,
        claim_taken,
        StartError::MaxSessions { max: 1 },
        StartError::Rejected {
            reason: rate.clone(),
            retry_after: None,
        },
        StartError::Stopped,
        StartError::Stuck,
        StartError::Draining,
        StartError::SupervisorDown,
        rate,
        quota(),
        EnsureError::WrongMessageType {
            id: id.clone(),
            cell: cell(),
        },
        EnsureError::Start(StartError::TimedOut),
        RestartError::NotFound,
        RestartError::Ignored,
        RestartError::TimedOut,
        RestartError::NameTaken {
            id: id.clone(),
            cell: None,
        },
        RestartError::MaxSessions { max: 1 },
        RestartError::Rejected {
            reason: quota(),
            retry_after: None,
        },
        RestartError::Stopped,
        RestartError::Stuck,
        RestartError::Draining,
        RestartError::SupervisorDown,
        RestartAsError::WrongMessageType { id, cell: cell() },
        RestartAsError::Restart(RestartError::Stopped),
        StopError::NotFound,
        StopError::Stuck,
        StopError::SupervisorDown,
        LeaseError::NotFound,
        LeaseError::Stopping,
        LeaseError::Parked,
        LeaseError::Stuck,
        LeaseError::Draining,
        LeaseError::SupervisorDown,
        FindError::NotFound,
        FindError::WrongMessageType,
        AwaitError::NotFound,
        AwaitError::Parked,
        AwaitError::Stuck,
        AwaitError::WrongMessageType,
        AwaitError::Draining,
        AwaitError::SupervisorDown,
        WaitEndError::NotFound,
        WaitEndError::SupervisorDown,
        DrainError::SupervisorDown,
        AskForTimeError::NotFound,
        AskForTimeError::NotDraining,
        AskForTimeError::SupervisorDown,
    ]
}

async fn of_children(cell: &ActorCell) -> Vec<Plain> {
    let role = || Arc::<str>::from("r");
    let cell = || cell.clone();
    let tree = Supervisor::start(TreeSpec::one_for_one().unique_name())
        .await
        .unwrap();
    let bad_role = tree.start_child("a/b", chat()).await.unwrap_err();
    let bad_spec = chat().start_timeout(Duration::ZERO);
    let bad_spec = tree.start_child("a", bad_spec).await.unwrap_err();
    tree.stop().await.unwrap();
    list![
        SiblingError::NotInTree,
        SiblingError::NotFound { role: "r".into() },
        SiblingError::NotRunning { role: "r".into() },
        SiblingError::NotASessionSupervisor { role: "r".into() },
        SiblingError::SupervisorDown,
        bad_role,
        bad_spec,
        StartChildError::AlreadyStarted {
            role: role(),
            cell: cell(),
        },
        StartChildError::AlreadyPresent { role: role() },
        StartChildError::Restarting,
        StartChildError::Ignored,
        StartChildError::TimedOut,
        StartChildError::NameTaken {
            role: role(),
            cell: None,
        },
        StartChildError::Stopped,
        StartChildError::Stuck,
        StartChildError::SupervisorDown,
        RestartChildError::NotFound,
        RestartChildError::Running { cell: cell() },
        RestartChildError::Start(StartChildError::TimedOut),
        TerminateChildError::NotFound,
        TerminateChildError::Stuck,
        TerminateChildError::SupervisorDown,
        DeleteChildError::NotFound,
        DeleteChildError::Running { cell: cell() },
        DeleteChildError::Restarting,
        DeleteChildError::Stuck,
        DeleteChildError::Stopped,
        DeleteChildError::SupervisorDown,
        FindChildError::NotFound,
        FindChildError::WrongMessageType,
    ]
}

/// Of messages, checkpoints and the feed.
fn of_references() -> Vec<Plain> {
    let key = || Arc::<str>::from("c");
    let unavailable = |state| NotTaken::Unavailable { state };
    let rejected = StartError::Rejected {
        reason: quota(),
        retry_after: None,
    };
    list![
        NotTaken::NotRunning,
        unavailable(SessionState::Parked),
        NotTaken::WrongMessageType,
        NotTaken::KeepsEnding,
        NotTaken::NotStarted(EnsureError::Start(rejected)),
        NotTaken::Draining,
        NotTaken::SupervisorDown,
        CallError::NotTaken(unavailable(SessionState::Restarting)),
        CallError::Unanswered,
        CallError::NotTakenAgain(NotTaken::KeepsEnding),
        CallError::TimedOut,
        CheckpointError::WrongType {
            key: key(),
            saved: "u8",
            asked: "u16",
        },
        CheckpointError::Superseded { key: key() },
        CheckpointError::Gone { key: key() },
        TryNextError::Empty,
        TryNextError::Ended,
    ]
}
