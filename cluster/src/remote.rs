//! The messages of sessions that can come from another node.

use std::any::TypeId;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use ractor::RpcReplyPort;
use serde::Serialize;
use serde::de::DeserializeOwned;
use session_supervisor::SessionSupervisor;
use session_supervisor::error::{CallError, NotTaken};

/// A message type whose messages can come from another node, as a request in bytes.
///
/// A session itself stays local: an actor that ractor can reach from elsewhere costs each other node
/// kilobytes. A request is turned into a message where the session runs.
///
/// ```
/// use ractor::RpcReplyPort;
/// use serde::{Deserialize, Serialize};
/// use session_supervisor_cluster::Remote;
///
/// enum Chat {
///     Say(String),
///     Lines(Option<RpcReplyPort<Vec<String>>>),
/// }
/// impl ractor::Message for Chat {}
///
/// #[derive(Serialize, Deserialize)]
/// enum ChatRequest { Say(String), Lines }
///
/// impl Remote for Chat {
///     const PROTOCOL: &'static str = "chat/1";
///     type Request = ChatRequest;
///     type Reply = Vec<String>;
///
///     fn of(request: ChatRequest, reply: Option<RpcReplyPort<Vec<String>>>) -> Self {
///         match request {
///             ChatRequest::Say(text) => Self::Say(text),
///             ChatRequest::Lines => Self::Lines(reply),
///         }
///     }
/// }
/// ```
pub trait Remote: ractor::Message {
    /// What the nodes call this type, with its version: a request goes only to sessions of the same
    /// name. 1 to 128 bytes, and no other type's: [`join`](crate::ClusterSupervisor::join) fails with one
    /// that is not.
    const PROTOCOL: &'static str;

    /// What can be asked.
    type Request: Serialize + DeserializeOwned + Send + 'static;

    /// What is answered.
    type Reply: Serialize + DeserializeOwned + Send + 'static;

    /// The message for a request. Without `reply` nobody waits for an answer.
    fn of(request: Self::Request, reply: Option<RpcReplyPort<Self::Reply>>) -> Self;
}

/// What became of a request that has come to the node of its session.
#[derive(Debug)]
pub(crate) enum Delivered {
    Reply(Vec<u8>),
    Taken,
    NotTaken(NotTaken),
    /// Some of it may have been done.
    Unanswered,
    /// It was not read; nothing was done.
    Unreadable(String),
}

/// A request in bytes for the session of an id.
pub(crate) struct Letter {
    pub(crate) sessions: SessionSupervisor,
    pub(crate) id: String,
    pub(crate) request: Vec<u8>,
}

type Deliver = dyn Fn(Letter, Option<Duration>) -> Pin<Box<dyn Future<Output = Delivered> + Send>>
    + Send
    + Sync;

/// How the requests of one type are delivered.
#[derive(Clone)]
pub(crate) struct Delivery {
    of: TypeId,
    deliver: Arc<Deliver>,
}

impl Delivery {
    pub(crate) fn of<M: Remote>() -> Self {
        Self {
            of: TypeId::of::<M>(),
            deliver: Arc::new(|letter, timeout| Box::pin(deliver::<M>(letter, timeout))),
        }
    }

    /// Whether it delivers messages of this type.
    pub(crate) fn is_of<M: Remote>(&self) -> bool {
        self.of == TypeId::of::<M>()
    }

    /// Delivers a request. With a timeout, it waits for the answer.
    pub(crate) fn deliver(
        &self,
        letter: Letter,
        timeout: Option<Duration>,
    ) -> impl Future<Output = Delivered> + Send + use<> {
        (self.deliver)(letter, timeout)
    }
}

async fn deliver<M: Remote>(letter: Letter, timeout: Option<Duration>) -> Delivered {
    let request: M::Request = match serde_json::from_slice(&letter.request) {
        Ok(request) => request,
        Err(error) => return Delivered::Unreadable(error.to_string()),
    };
    let session = match letter.sessions.session_ref::<M>(&letter.id) {
        Ok(session) => session,
        Err(error) => return Delivered::Unreadable(error.to_string()),
    };
    let Some(timeout) = timeout else {
        return match session.cast(M::of(request, None)).await {
            Ok(()) => Delivered::Taken,
            Err(error) => Delivered::NotTaken(error.reason),
        };
    };
    let called = session
        .call(|reply| M::of(request, Some(reply)), timeout)
        .await;
    match called {
        Ok(reply) => match serde_json::to_vec(&reply) {
            Ok(reply) => Delivered::Reply(reply),
            // The session has done it; nobody can read what it says.
            Err(_) => Delivered::Unanswered,
        },
        Err(CallError::NotTaken(reason)) => Delivered::NotTaken(reason),
        Err(_) => Delivered::Unanswered,
    }
}
