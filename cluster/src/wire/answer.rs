//! What a node answers.

use serde::{Deserialize, Serialize};

use super::{Hello, Payload, names};
use crate::engine::NodeName;

/// The answer to a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Answer {
    /// It was done.
    Done(Done),
    /// The shard of this id is not owned by the node that was asked.
    NotMine {
        /// The node to ask instead, if the answering node knows one.
        #[serde(with = "names::optional")]
        ask: Option<NodeName>,
        /// The epoch that the answering node knows of it, 0 if it knows none. An answer of a lower
        /// epoch than one that the asking node has seen is out of date.
        epoch: u64,
    },
    /// No node can do it just now: nobody owns the shard, its session is being started, or too much is
    /// being done at once.
    NobodyNow {
        /// When it is worth asking again, in milliseconds.
        retry_after_ms: u32,
    },
    /// It was not done, and why.
    Refused(Refusal),
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Done {
    /// Who the answering node is.
    Hello(Hello),
    /// The session runs.
    Started {
        /// Its incarnation.
        incarnation: u64,
        /// The epoch of its shard.
        epoch: u64,
        /// Whether this request has started it.
        how: StartedHow,
    },
    /// What there is of this id.
    Found(Option<Found>),
    /// The session has ended, and for this reason.
    Stopped(String),
    /// The session's reply.
    Reply(Payload),
    /// The message is in the session's mailbox.
    Delivered,
    /// Sessions of the answering node.
    Page {
        /// In the order of their ids.
        rows: Vec<Row>,
        /// What to give as `after` for the next page, if there is one.
        more: Option<String>,
    },
    /// The node leaves the cluster.
    Leaving,
    /// What the node tells of itself.
    Figures(Figures),
}

/// How a session came to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum StartedHow {
    /// This request has started it.
    Created,
    /// It ran before.
    Existing,
    /// Another request was starting it.
    Joined,
}

/// A session that was looked up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// The name of its kind.
    pub kind: String,
    /// Its incarnation.
    pub incarnation: u64,
    /// The epoch of its shard.
    pub epoch: u64,
    /// What it does, in a word: running, starting, stopping, parked.
    pub state: String,
}

/// What a node tells of itself, for those who look on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figures {
    /// How many sessions its supervisor knows.
    pub sessions: u64,
    /// How long ago the latest confirmed renewal of its lease was sent, in milliseconds. None: it has
    /// no lease.
    pub lease_age_ms: Option<u64>,
}

/// A session in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// Its id.
    pub id: String,
    /// The rest.
    pub found: Found,
}

/// Why something was not done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The class of it, for programs.
    pub kind: RefusalKind,
    /// The cause, for people.
    pub text: String,
    /// Whether asking again can help.
    pub retry: Retry,
}

impl Refusal {
    /// A refusal that stays.
    pub fn new(kind: RefusalKind, text: impl Into<String>) -> Self {
        Self {
            kind,
            text: text.into(),
            retry: Retry::Never,
        }
    }

    /// Says that asking again can help, after so many milliseconds.
    #[must_use]
    pub fn retry_after(mut self, ms: u32) -> Self {
        self.retry = Retry::AfterMs(ms);
        self
    }
}

/// Whether asking again can help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Retry {
    /// No: the same request is refused again.
    Never,
    /// After so many milliseconds.
    AfterMs(u32),
}

/// The class of a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum RefusalKind {
    /// The request cannot be read, or is of another version.
    BadRequest,
    /// The two nodes cannot work together.
    Mismatch,
    /// The request is too large.
    TooLarge,
    /// The deadline passed before it was done. What was begun may still be done.
    TimedOut,
    /// What carried out the request panicked. What was begun may have been done.
    Panicked,
    /// No session has this id.
    NotFound,
    /// A session with this id runs already, or is remembered.
    AlreadyRuns,
    /// The node knows no kind of this name.
    UnknownKind,
    /// The arguments or the message are not of the kind's type.
    BadArguments,
    /// The id breaks the rules of ids.
    BadId,
    /// A limit of the node was reached.
    Limit,
    /// The start of the session failed.
    StartFailed,
    /// The session did not reply.
    NoReply,
    /// The node or the session is stopping.
    Stopping,
    /// The store failed or could not be reached. What was asked may have been written.
    Store,
    /// Anything else.
    Other,
    /// The answer is too large. What was asked may have been done.
    AnswerTooLarge,
}
