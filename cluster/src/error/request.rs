//! Why something was not done that was asked of the cluster for a session.

use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use crate::admission::NotAdmitted;
use crate::engine::NodeName;
use crate::gateway::{AskError, Outcome};
use crate::wire::{FrameError, Refusal, RefusalKind};

/// Why something that was asked of the cluster was not done, for a session whose id the text names.
/// [`outcome`](Self::outcome) says whether it may have been done all the same.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum RequestError {
    /// The node that owns the id has refused it.
    #[error("{}", refused(id, refusal))]
    Refused {
        /// The id.
        id: Arc<str>,
        /// Why.
        refusal: Refusal,
        /// An earlier try got no answer, and may have been carried out: its node has gone since, or was not
        /// the owner any more. What is refused now may be what it has done.
        #[source]
        unanswered: Option<AskError>,
    },
    /// No node that can be reached owned the id in time. No try begins at the very end of that time, so that
    /// one whose answer comes too late does not leave the outcome unknown.
    #[error("{}: no node took it in {within:?}", named(id))]
    NoOwner {
        /// The id.
        id: Arc<str>,
        /// For so long it was asked.
        within: Duration,
        /// Why this node did not.
        #[source]
        here: Option<NotAdmitted>,
    },
    /// The node that owns the id gave no answer.
    #[error("{}: its owner did not answer", named(id))]
    Unanswered {
        /// The id.
        id: Arc<str>,
        /// Why.
        #[source]
        cause: AskError,
    },
    /// What was asked cannot be sent.
    #[error("{}: the request cannot be sent", named(id))]
    Frame {
        /// The id.
        id: Arc<str>,
        /// Why.
        #[source]
        cause: FrameError,
    },
    /// What was given cannot be written as JSON.
    #[error("{}: the request cannot be written as JSON", named(id))]
    Json {
        /// The id.
        id: Arc<str>,
        /// Why.
        #[source]
        cause: Arc<serde_json::Error>,
    },
    /// What the session has replied cannot be read.
    #[error("{}: its reply cannot be read", named(id))]
    Reply {
        /// The id.
        id: Arc<str>,
        /// Why.
        #[source]
        cause: Arc<serde_json::Error>,
    },
    /// The node that answered speaks another language.
    #[error("{}: node {node} answered something else than was asked", named(id))]
    Nonsense {
        /// The id.
        id: Arc<str>,
        /// The node.
        node: NodeName,
    },
}

/// The longest id that there can be, in characters.
const LONGEST: usize = 512;

fn named(id: &str) -> String {
    let end = id.char_indices().nth(LONGEST).map(|(end, _)| end);
    match end.and_then(|end| id.get(..end)) {
        // It is none, and may be of any length.
        Some(part) => format!("session {part:?}…"),
        None => format!("session {id:?}"),
    }
}

fn refused(id: &str, refusal: &Refusal) -> String {
    let text = &refusal.text;
    let rest = text.strip_prefix("session ");
    let rest = rest.and_then(|text| text.strip_prefix(id));
    // Some texts name it.
    if refusal.kind == RefusalKind::BadId || rest.is_some_and(|rest| rest.starts_with(' ')) {
        text.clone()
    } else {
        format!("{}: {text}", named(id))
    }
}

impl RequestError {
    /// Whether it may have been done.
    ///
    /// It is not known either where the store has failed or not answered ([`RefusalKind::Store`]): a start
    /// may have been written, and runs after its node has ended; a session that was to be stopped has ended,
    /// and comes back if its node ends before that is written.
    ///
    /// ```
    /// use session_supervisor_cluster::error::{Outcome, RefusalKind, RequestError};
    ///
    /// /// As a handler of HTTP requests may answer it.
    /// fn status(error: &RequestError) -> u16 {
    ///     match error {
    ///         RequestError::Refused { refusal, .. } => match refusal.kind {
    ///             RefusalKind::NotFound => 404,
    ///             RefusalKind::AlreadyRuns => 409,
    ///             RefusalKind::BadId | RefusalKind::BadArguments => 400,
    ///             _ => 503,
    ///         },
    ///         // It can be sent again as it is.
    ///         _ if error.outcome() == Outcome::NotSent => 503,
    ///         // Only what may be done twice can be sent again.
    ///         _ => 504,
    ///     }
    /// }
    /// ```
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::Refused {
                unanswered: Some(_),
                ..
            } => Outcome::Unknown,
            Self::Refused { refusal, .. } => match refusal.kind {
                RefusalKind::TimedOut
                | RefusalKind::Panicked
                | RefusalKind::NoReply
                | RefusalKind::AnswerTooLarge
                // A session that was stopped and is not forgotten yet; a start of which nobody knows whether
                // it is written.
                | RefusalKind::Store
                | RefusalKind::Other => Outcome::Unknown,
                _ => Outcome::NotSent,
            },
            Self::Unanswered { cause, .. } => cause.outcome(),
            Self::NoOwner { .. } | Self::Frame { .. } | Self::Json { .. } => Outcome::NotSent,
            Self::Reply { .. } | Self::Nonsense { .. } => Outcome::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::{AskError, FrameError, Outcome, Refusal, RefusalKind, RequestError};
    use crate::engine::NodeName;

    fn refused(id: &str, kind: RefusalKind, text: &str) -> String {
        let error = RequestError::Refused {
            id: id.into(),
            refusal: Refusal::new(kind, text),
            unanswered: None,
        };
        error.to_string()
    }

    #[test]
    fn an_error_names_its_session_once() {
        let of = |text| refused("alice", RefusalKind::StartFailed, text);
        assert_eq!(of("no such session"), r#"session "alice": no such session"#);
        let named = "session alice is already started";
        assert_eq!(of(named), named);
        let other = "session alice2 has the claim";
        assert_eq!(of(other), format!(r#"session "alice": {other}"#));
        let bad = "bad id";
        assert_eq!(refused("", RefusalKind::BadId, bad), bad);
        let id: Arc<str> = "alice".into();
        let node = NodeName::try_from("b").expect("a name");
        let json = || Arc::new(serde_json::from_str::<u8>("").expect_err("no number"));
        for (error, outcome, text) in [
            (
                RequestError::NoOwner {
                    id: id.clone(),
                    within: Duration::from_secs(5),
                    here: None,
                },
                Outcome::NotSent,
                "no node took it in 5s",
            ),
            (
                RequestError::Unanswered {
                    id: id.clone(),
                    cause: AskError::UnknownNode { node: node.clone() },
                },
                Outcome::NotSent,
                "its owner did not answer",
            ),
            (
                RequestError::Frame {
                    id: id.clone(),
                    cause: FrameError::Empty,
                },
                Outcome::NotSent,
                "the request cannot be sent",
            ),
            (
                RequestError::Json {
                    id: id.clone(),
                    cause: json(),
                },
                Outcome::NotSent,
                "the request cannot be written as JSON",
            ),
            (
                RequestError::Reply {
                    id: id.clone(),
                    cause: json(),
                },
                Outcome::Unknown,
                "its reply cannot be read",
            ),
            (
                RequestError::Nonsense { id, node },
                Outcome::Unknown,
                "node b answered something else than was asked",
            ),
        ] {
            assert_eq!(error.to_string(), format!(r#"session "alice": {text}"#));
            assert_eq!(error.outcome(), outcome, "{error}");
        }
    }

    #[test]
    fn what_is_no_id_is_not_told_at_any_length() {
        let id = "é".repeat(1 << 20).into();
        let cause = FrameError::Empty;
        let text = RequestError::Frame { id, cause }.to_string();
        assert!(text.len() < 1_200, "{} bytes", text.len());
    }
}
