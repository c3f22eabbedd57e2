//! The errors: one enum for each operation, with the cause as the source.

use std::sync::Arc;

use session_supervisor::error::{StartSupervisorError, SupervisorDown};
use session_supervisor::{SessionId, error};
use thiserror::Error;

use crate::engine::{Claimed, Kept};
use crate::record::MAX_VALUE;
pub use crate::session_store::StoreError;

/// Why something was not written.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The store has refused it. What no caller can repeat is tried again: forgetting a session,
    /// and the last state of each.
    #[error("not written")]
    Store(#[source] Arc<StoreError>),
    /// The store was closed, or its thread has ended.
    #[error("the session store is closed")]
    Down,
    /// The store has not answered in the time that there was. It may still be written.
    #[error("the session store has not answered in time")]
    Unanswered,
}

/// Why no durable supervisor was opened.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The store could not be read.
    #[error("the session store could not be read")]
    Store(#[source] StoreError),
    /// The store could not be bound to the cluster, or is another one's.
    #[error("the session store could not be bound to the cluster")]
    Bind(#[source] StoreError),
    /// The thread of the store could not be started, or has ended.
    #[error("the thread of the session store does not run")]
    Thread(#[source] Option<std::io::Error>),
    /// A kind that was registered is none.
    #[error("bad kind {name:?}: {rule}")]
    InvalidKind {
        /// Its name.
        name: String,
        /// What a name must be.
        rule: &'static str,
    },
    /// The supervisor could not be started.
    #[error("the session supervisor could not be started")]
    Start(#[source] StartSupervisorError),
    /// The supervisor has ended.
    #[error(transparent)]
    Down(#[from] SupervisorDown),
}

/// Why a session was not started, or not resumed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StartError {
    /// No kind of this name is registered.
    #[error("no kind {kind:?} is registered")]
    UnknownKind {
        /// The name.
        kind: String,
    },
    /// The arguments cannot be written as JSON, or what was written cannot be read.
    #[error("the arguments are not of kind {kind:?}")]
    Arguments {
        /// The kind.
        kind: String,
        /// Why.
        #[source]
        cause: serde_json::Error,
    },
    /// The arguments are too large.
    #[error("the arguments have {size} bytes, more than {MAX_VALUE}")]
    TooLarge {
        /// How many bytes they have as JSON.
        size: usize,
    },
    /// The function of the kind panicked.
    #[error("the function of kind {kind:?} panicked: {text}")]
    KindPanicked {
        /// The kind.
        kind: String,
        /// The text of the panic.
        text: String,
    },
    /// A session of this id is remembered, and does not run. It can be ensured, resumed, discarded,
    /// or started anew.
    #[error("a session of this id is remembered: it {0}")]
    Remembered(Kept),
    /// What is stored of this id cannot be read. It is left as it is until it is discarded, or the
    /// session is started anew.
    #[error("what is stored of this id is set aside: {0}")]
    SetAside(Arc<str>),
    /// Another session has a claim that this one needs. That is remembered, and does not run.
    #[error("{0}")]
    Claimed(Claimed),
    /// Nothing of this id is remembered, or it has changed meanwhile.
    #[error("no session of this id is remembered")]
    NotRemembered,
    /// It is not remembered, so it was not started.
    #[error("the session could not be remembered")]
    Store(#[source] WriteError),
    /// The supervisor has not started it.
    #[error(transparent)]
    Session(#[from] error::StartError),
}

/// Why a session was not stopped, or is not forgotten.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum StopError {
    /// No session of this id is known.
    #[error("no such session")]
    NotFound,
    /// It is stopped, and the store could not write that it is forgotten. It is tried again; if the
    /// process ends before that, the session comes back.
    #[error("the session is stopped, but not forgotten")]
    Store(#[source] WriteError),
    /// The supervisor has not stopped it.
    #[error(transparent)]
    Session(error::StopError),
}

/// Why nothing was discarded.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum DiscardError {
    /// Nothing of this id is remembered.
    #[error("nothing of this id is remembered")]
    NotFound,
    /// It runs. Stop it instead.
    #[error("the session runs")]
    Running,
    /// It could not be written. It is tried again.
    #[error("not discarded yet")]
    Store(#[source] WriteError),
}

/// Why the checkpoint of a session was not opened.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenCheckpointError {
    /// The store could not read it. It is left as it is.
    #[error("the saved state of session {id} could not be read")]
    Store {
        /// The session.
        id: Arc<str>,
        /// Why.
        #[source]
        cause: Arc<StoreError>,
    },
    /// The codec could not read it. It is left as it is.
    #[error("the saved state of session {id}, of format {format}, is not understood")]
    Unreadable {
        /// The session.
        id: Arc<str>,
        /// Its format.
        format: u32,
        /// Why.
        #[source]
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The store was closed, or its thread has ended.
    #[error("the session store is closed")]
    Down,
    /// The context is that of another session, or the session has not been started yet.
    #[error("session {id} is not the one that is started")]
    NotStarted {
        /// The session.
        id: Arc<str>,
    },
}

/// Why a state was not saved. What was saved before stays as it is.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SaveError {
    /// The codec could not write it.
    #[error("the state of session {id} cannot be encoded")]
    Encode {
        /// The session.
        id: Arc<str>,
        /// Why.
        #[source]
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It is too large.
    #[error("the state of session {id} has {size} bytes, more than {MAX_VALUE}")]
    TooLarge {
        /// The session.
        id: Arc<str>,
        /// How many bytes it has.
        size: usize,
    },
    /// A later incarnation has the checkpoint.
    #[error("a later incarnation of session {id} has its checkpoint")]
    Superseded {
        /// The session.
        id: Arc<str>,
    },
    /// The session has ended for good.
    #[error("session {id} has ended")]
    Gone {
        /// The session.
        id: Arc<str>,
    },
    /// Too much waits to be written, since the store does not write.
    #[error("the state of session {id} is not taken: {waiting} bytes wait for the store")]
    Full {
        /// The session.
        id: Arc<str>,
        /// How many bytes wait.
        waiting: usize,
    },
    /// It is taken, but not durable: the last state of each session is tried again.
    #[error("the state of session {id} is not durable yet")]
    Store {
        /// The session.
        id: Arc<str>,
        /// Why.
        #[source]
        cause: WriteError,
    },
}

/// Why sessions were not handed over as they should.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum HandOverError {
    /// The last states of some are not written.
    #[error("not all is written that the sessions have saved")]
    Store(#[from] WriteError),
    /// How many did not end, although they were killed.
    #[error("{sessions} of the sessions are stuck")]
    Stuck {
        /// How many.
        sessions: usize,
    },
    /// The supervisor has ended.
    #[error(transparent)]
    Down(#[from] SupervisorDown),
}

/// Why a session was not restored.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NotRestored {
    /// Its id. What the store has is no id of a session if this is `None` of [`SessionId::try_from`].
    pub id: Arc<str>,
    /// Why.
    pub why: String,
}

impl NotRestored {
    /// Its id, if it is one.
    #[must_use]
    pub fn session_id(&self) -> Option<SessionId> {
        SessionId::try_from(&*self.id).ok()
    }
}
