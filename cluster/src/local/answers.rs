//! Answers: what is told of what has happened, and which of them hold although the shard was lost meanwhile.

use session_supervisor::SessionId;
use session_supervisor::error as plain;
use session_supervisor_store::error::StartError;

use crate::admission::NotAdmitted;
pub(crate) use crate::chain::chain;
use crate::wire::{Answer, Done, Refusal, RefusalKind};

/// When it is worth asking again for a shard that is on its way.
const SOON_MS: u32 = 20;

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

pub(super) fn not_started(error: &StartError) -> Answer {
    let kind = match error {
        StartError::UnknownKind { .. } => RefusalKind::UnknownKind,
        StartError::Arguments { .. } => RefusalKind::BadArguments,
        StartError::TooLarge { .. } => RefusalKind::TooLarge,
        StartError::KindPanicked { .. } => RefusalKind::Panicked,
        StartError::Store(_) => RefusalKind::Store,
        StartError::Session(error) => match error.kind() {
            plain::ErrorKind::AlreadyExists => RefusalKind::AlreadyRuns,
            plain::ErrorKind::InvalidInput => RefusalKind::BadId,
            plain::ErrorKind::LimitReached | plain::ErrorKind::Rejected => RefusalKind::Limit,
            plain::ErrorKind::Stopped
            | plain::ErrorKind::Draining
            | plain::ErrorKind::SupervisorDown => RefusalKind::Stopping,
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
    use super::{is_of_here, refused};
    use crate::wire::{Answer, Done, Payload, RefusalKind};

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
