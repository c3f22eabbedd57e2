//! Answers: what is told of what has happened, and which of them hold although the shard was lost meanwhile.

use session_supervisor::SessionId;
use session_supervisor::error as plain;
use session_supervisor_store::StoreError;
use session_supervisor_store::error::{StartError, WriteError};

use crate::admission::NotAdmitted;
use crate::chain::chain;
use crate::wire::{Answer, Done, Refusal, RefusalKind};

/// When it is worth asking again for a shard that is on its way.
const SOON_MS: u32 = 20;

/// The same where the store has been asked, and refuses this node.
const FENCED_MS: u32 = 500;

/// Whether an answer says only how it stands here. If the shard is not this node's any more, what is not
/// here may be elsewhere, and what was stopped may come back there.
pub(super) const fn is_of_here(answer: &Answer) -> bool {
    match answer {
        Answer::Done(done) => matches!(done, Done::Found(None) | Done::Stopped(_)),
        Answer::Refused(refusal) => matches!(
            refusal.kind,
            RefusalKind::NotFound | RefusalKind::Stopping | RefusalKind::StartFailed
        ),
        _ => false,
    }
}

/// About how much memory an answer takes that is kept.
pub(super) fn size(answer: &Answer) -> usize {
    let more = match answer {
        Answer::Done(Done::Reply(reply)) => reply.as_slice().len(),
        Answer::Done(Done::Stopped(text)) => text.len(),
        Answer::Refused(refusal) => refusal.text.len(),
        _ => 0,
    };
    size_of::<Answer>() + more
}

pub(super) fn later() -> Answer {
    Answer::NobodyNow {
        retry_after_ms: SOON_MS,
    }
}

pub(super) fn refused(kind: RefusalKind, text: impl Into<String>) -> Answer {
    Answer::Refused(Refusal::new(kind, text))
}

/// Who is to be asked instead.
pub(super) fn not_here(error: NotAdmitted) -> Answer {
    match error {
        NotAdmitted::Elsewhere { node } => Answer::NotMine {
            ask: node,
            epoch: 0,
        },
        NotAdmitted::Moving
        | NotAdmitted::OlderEpoch { .. }
        | NotAdmitted::AuthorityOver
        | NotAdmitted::NotJoined => later(),
    }
}

/// What is told of a start that came to nothing. [`RefusalKind::Store`] and the like say that it may have
/// been written all the same, so what certainly was not is told as something else.
pub(super) fn not_started(error: &StartError) -> Answer {
    let kind = match error {
        StartError::UnknownKind { .. } => RefusalKind::UnknownKind,
        StartError::Arguments { .. } => RefusalKind::BadArguments,
        StartError::TooLarge { .. } => RefusalKind::TooLarge,
        StartError::Remembered(_) => RefusalKind::AlreadyRuns,
        // The function runs before anything is written.
        StartError::KindPanicked { .. }
        | StartError::SetAside(_)
        | StartError::Claimed(_)
        | StartError::NotRemembered => RefusalKind::StartFailed,
        StartError::Store(WriteError::Store(cause)) => match **cause {
            // A later owner has the shard, and this node is about to notice.
            StoreError::Fenced(_) => {
                return Answer::NobodyNow {
                    retry_after_ms: FENCED_MS,
                };
            }
            StoreError::OtherCluster(_) => RefusalKind::StartFailed,
            // Of all others nobody infers that nothing was written: so `SessionStore` has it.
            _ => RefusalKind::Store,
        },
        StartError::Store(_) => RefusalKind::Store,
        StartError::Session(error) => match error.kind() {
            plain::ErrorKind::AlreadyExists => RefusalKind::AlreadyRuns,
            plain::ErrorKind::InvalidInput => RefusalKind::BadId,
            plain::ErrorKind::LimitReached | plain::ErrorKind::Rejected => RefusalKind::Limit,
            plain::ErrorKind::Stopped | plain::ErrorKind::Draining => RefusalKind::Stopping,
            // It may have been written before, and then it runs on the next node.
            plain::ErrorKind::SupervisorDown => RefusalKind::Other,
            _ => RefusalKind::StartFailed,
        },
        _ => RefusalKind::Other,
    };
    refused(kind, chain(error))
}

/// Whether this can be the id of a session.
pub(crate) fn check_id(id: &str) -> Result<(), Refusal> {
    match SessionId::try_from(id) {
        Ok(_) => Ok(()),
        Err(error) => Err(Refusal::new(RefusalKind::BadId, error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use session_supervisor_store::{Kept, OlderEpoch, OtherCluster, StoreError};

    use super::{StartError, WriteError, is_of_here, not_started, refused};
    use crate::error::{Outcome, RequestError};
    use crate::wire::{Answer, Done, Payload, RefusalKind};

    /// What the caller of a start is told. None: it is asked again.
    fn told(error: &StartError) -> Option<Outcome> {
        match not_started(error) {
            Answer::Refused(refusal) => {
                let unanswered = None;
                let error = RequestError::Refused {
                    id: "alice".into(),
                    refusal,
                    unanswered,
                };
                Some(error.outcome())
            }
            Answer::NobodyNow { .. } => None,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_start_of_which_nothing_was_written_is_told_so() {
        let store = |error| StartError::Store(WriteError::Store(Arc::new(error)));
        let other = OtherCluster::new("theirs", "ours");
        for error in [
            StartError::Remembered(Kept::Waiting),
            StartError::SetAside("it cannot be read".into()),
            StartError::NotRemembered,
            StartError::KindPanicked {
                kind: "chat".to_owned(),
                text: "on purpose".to_owned(),
            },
            store(other.into()),
        ] {
            assert_eq!(told(&error), Some(Outcome::NotSent), "{error}");
        }
        // A later owner has the shard: it is asked.
        assert_eq!(told(&store(OlderEpoch::new(1, 2, 3).into())), None);
        // Of these a store says nothing of what it has done, or says nothing at all.
        for error in [
            store(StoreError::Unreachable("no connection".into())),
            store(StoreError::Full("no room".into())),
            store(StoreError::Failed("something".into())),
            StartError::Store(WriteError::Unanswered),
            StartError::Store(WriteError::Down),
            StartError::Session(session_supervisor::error::StartError::SupervisorDown),
        ] {
            assert_eq!(told(&error), Some(Outcome::Unknown), "{error}");
        }
    }

    #[test]
    fn what_may_have_been_done_is_told_and_not_asked_again() {
        for kind in [
            RefusalKind::NoReply,
            RefusalKind::TimedOut,
            RefusalKind::Panicked,
            RefusalKind::Store,
        ] {
            assert!(!is_of_here(&refused(kind, "")), "{kind:?}");
        }
        let reply = Done::Reply(Payload::from(Vec::new()));
        for done in [reply, Done::Delivered] {
            assert!(!is_of_here(&Answer::Done(done)));
        }
        assert!(is_of_here(&Answer::Done(Done::Found(None))));
        assert!(is_of_here(&refused(RefusalKind::NotFound, "")));
    }
}
