//! What all errors have in common: a kind with a name, whether to try again, and when.

use std::collections::BTreeSet;
use std::time::Duration;

use session_supervisor::error::{
    CallError, CastError, EnsureError, ErrorKind, FindError, NotTaken, StartChildError, StartError,
    SupervisorDown,
};
use session_supervisor::{
    ChildSpec, Options, SessionId, SessionState, SessionSupervisor, Supervisor, TreeSpec,
};

use super::{SECOND, chat};
use crate::support::{Order, Probe, supervisor};
use crate::variants::assert_all;

/// "Each error has it by its `kind()`, and converts into it."
fn kind(error: impl Into<ErrorKind>) -> ErrorKind {
    error.into()
}

#[tokio::test(start_paused = true)]
async fn bad_input_has_a_kind_whichever_error_tells_of_it() {
    let sessions = supervisor(Options::new()).await;
    let invalid_id = "".parse::<SessionId>().unwrap_err();
    assert_eq!(invalid_id.kind(), ErrorKind::InvalidInput);
    assert!(!invalid_id.is_retryable());
    assert_eq!(kind(&invalid_id), ErrorKind::InvalidInput);
    let address = sessions.session_ref::<Order>("").unwrap_err();
    assert_eq!(address.kind(), ErrorKind::InvalidInput);
    let spec = chat().restart_limit(1, Duration::ZERO);
    let error = sessions.start_session("a", spec).await.unwrap_err();
    let StartError::InvalidSpec(value) = error else {
        panic!("another error: {error:?}");
    };
    assert_eq!(value.kind(), ErrorKind::InvalidInput);
    let not_one = sessions.start_session("a", chat()).await.unwrap();
    let not_one = SessionSupervisor::try_from(not_one.get_cell()).unwrap_err();
    assert_eq!(not_one.kind(), ErrorKind::InvalidInput);
    let tree = Supervisor::start(TreeSpec::one_for_one().unique_name());
    let tree = tree.await.unwrap();
    let error = tree.start_child("a/b", chat()).await.unwrap_err();
    let StartChildError::InvalidRole(role) = error else {
        panic!("another error: {error:?}");
    };
    assert_eq!(role.kind(), ErrorKind::InvalidInput);
    tree.stop().await.unwrap();
    sessions.stop().await.unwrap();
    let group = Options::new().quota(|_: &str| Some(String::new()), 1);
    let sessions = supervisor(group).await;
    let error = sessions.start_session("a", chat()).await.unwrap_err();
    let StartError::InvalidGroup(group) = error else {
        panic!("another error: {error:?}");
    };
    assert_eq!(group.kind(), ErrorKind::InvalidInput);
    sessions.stop().await.unwrap();
}

/// A limit is told as it reads in the log.
#[tokio::test(start_paused = true)]
async fn a_limit_that_a_child_may_not_have_is_told_in_words() {
    let spec = ChildSpec::new(|_| (super::Chat, super::ChatArgs::default()));
    let tree = TreeSpec::one_for_one()
        .unique_name()
        .child("a", spec.restart_limit(1, SECOND));
    let error = Supervisor::start(tree).await.unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("restart_limit is 1 restart in 1s: "),
        "{text}"
    );
}

/// "After what time the same call would succeed, if that is known."
#[tokio::test(start_paused = true)]
async fn the_time_of_a_rejection_is_told_by_every_error_that_may_hold_one() {
    let sessions = supervisor(Options::new().start_rate(1, SECOND)).await;
    let probe = Probe::default();
    sessions.start_session("a", probe.spec()).await.unwrap();
    let known: StartError = sessions.start_session("a", probe.spec()).await.unwrap_err();
    assert_eq!(known.retry_after(), None);
    let start: StartError = sessions.start_session("b", probe.spec()).await.unwrap_err();
    assert_eq!(start.retry_after(), Some(SECOND));
    let ensure: EnsureError = sessions
        .ensure_session("b", probe.spec())
        .await
        .unwrap_err();
    assert_eq!(ensure.retry_after(), Some(SECOND));
    let address = sessions.session_ref::<Order>("b").unwrap();
    let address = address.or_start(probe.spec());
    let cast: CastError<Order> = address.cast(Order::Crash).await.unwrap_err();
    assert_eq!(cast.retry_after(), Some(SECOND));
    assert_eq!(cast.reason.retry_after(), Some(SECOND));
    let call = address.call(|reply| Order::Echo(1, reply), SECOND).await;
    let call: CallError = call.unwrap_err();
    assert_eq!(call.retry_after(), Some(SECOND));
    assert_eq!(kind(&call), ErrorKind::Rejected);
    assert_eq!(CallError::TimedOut.retry_after(), None);
    assert_eq!(NotTaken::NotRunning.retry_after(), None);
    sessions.stop().await.unwrap();
}

#[test]
fn kinds_and_states_have_names_of_one_word() {
    let kinds = [
        ErrorKind::InvalidInput,
        ErrorKind::NotFound,
        ErrorKind::AlreadyExists,
        ErrorKind::WrongMessageType,
        ErrorKind::NameTaken,
        ErrorKind::ClaimTaken,
        ErrorKind::Ignored,
        ErrorKind::Failed,
        ErrorKind::TimedOut,
        ErrorKind::Parked,
        ErrorKind::LimitReached,
        ErrorKind::Rejected,
        ErrorKind::Busy,
        ErrorKind::Stopped,
        ErrorKind::Stuck,
        ErrorKind::Unanswered,
        ErrorKind::Lagged,
        ErrorKind::Nothing,
        ErrorKind::Superseded,
        ErrorKind::Draining,
        ErrorKind::SupervisorDown,
    ];
    let states = [
        SessionState::Starting,
        SessionState::Running,
        SessionState::Restarting,
        SessionState::Stopping,
        SessionState::Parked,
        SessionState::Stuck,
    ];
    assert_all("ErrorKind", &kinds);
    assert_all("SessionState", &states);
    let kinds = kinds.map(|kind| (kind.as_str(), kind.to_string(), format!("{kind:?}")));
    let states = states.map(|state| (state.as_str(), state.to_string(), format!("{state:?}")));
    for names in [&kinds[..], &states[..]] {
        let all: BTreeSet<_> = names.iter().map(|(name, ..)| name).collect();
        assert_eq!(all.len(), names.len());
        for (name, shown, variant) in names {
            assert_eq!(name, shown);
            assert_eq!(name.replace('_', ""), variant.to_lowercase());
        }
    }
}

/// A look-up that finds none is an error where one is wanted.
#[test]
fn a_look_up_goes_with_a_question_mark() {
    fn look() -> Result<SessionSupervisor, SupervisorDown> {
        let sessions = SessionSupervisor::where_is("nobody has this name");
        let sessions = sessions.ok_or(SupervisorDown)?;
        Ok(sessions)
    }
    assert_eq!(kind(&look().unwrap_err()), ErrorKind::SupervisorDown);
    assert_eq!(kind(&FindError::NotFound), ErrorKind::NotFound);
}
