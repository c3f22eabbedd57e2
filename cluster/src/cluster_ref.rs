//! The address of a session over all nodes.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use ractor::ActorRef;

use crate::error::RequestError;
use crate::node::Node;
use crate::remote::Remote;
use crate::route::{ask_owner, json, nonsense};
use crate::wire::{Ask, Done, Wanted};

/// An address of the session of one id, on whichever node and in whichever incarnation it runs. Cheap to
/// clone; made by [`session_ref`](crate::ClusterSupervisor::session_ref).
///
/// # What is promised
///
/// A request is handled by the session of this id under the node that owned the id when it came. `Ok` of a
/// [`cast`](Self::cast) says that it is in the session's mailbox; what becomes of it then is that of
/// [`SessionRef`](session_supervisor::SessionRef). After an error,
/// [`outcome`](RequestError::outcome) tells whether it may have been handled. It may have been handled
/// twice only if its node has changed in between: nothing is delivered exactly once.
///
/// A request to a session that is being started, restarted or restored waits for it, within the time that
/// the request has. One to a session that is not known is refused.
///
/// A request and a reply have at most 1 MiB each, as JSON and with some bytes that go with them, on whichever
/// node the session runs. A larger request is not sent ([`RequestError::Frame`]). A larger reply is not told
/// ([`AnswerTooLarge`](crate::error::RefusalKind::AnswerTooLarge)); the session has handled the request.
///
/// At most 256 casts and calls of this node to sessions of another one are without an answer at a time, those
/// to a session that is slow to reply among them; others to that node wait for their turn. Those to sessions
/// of this node do not. A node carries out at most 1,024 of all other nodes at a time. Starts, stops and what
/// only looks have limits of their own: no session that never replies keeps them waiting.
pub struct ClusterRef<M> {
    node: Arc<Node>,
    id: Arc<str>,
    message: PhantomData<fn(M)>,
}

impl<M> Clone for ClusterRef<M> {
    fn clone(&self) -> Self {
        Self {
            node: Arc::clone(&self.node),
            id: Arc::clone(&self.id),
            message: PhantomData,
        }
    }
}

impl<M> fmt::Debug for ClusterRef<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClusterRef")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl<M: Remote> ClusterRef<M> {
    pub(crate) const fn new(node: Arc<Node>, id: Arc<str>) -> Self {
        Self {
            node,
            id,
            message: PhantomData,
        }
    }

    /// The id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The actor, if the session runs on this node and this node may act for it.
    #[must_use]
    pub fn here(&self) -> Option<ActorRef<M>> {
        self.node.local.admission.epoch_of(&self.id).ok()?;
        self.node
            .sessions()
            .sessions()
            .find_session_as(&self.id)
            .ok()
    }

    /// Sends a request for which no answer is waited.
    ///
    /// It waits for a connection to the owner and for an owner, at most for the
    /// [request timeout](crate::ClusterOptions::request_timeout) of this node.
    ///
    /// # Errors
    ///
    /// [`RequestError`].
    ///
    /// # Cancel safety
    ///
    /// Dropped, it may be delivered all the same.
    pub async fn cast(&self, request: &M::Request) -> Result<(), RequestError> {
        let ask = self.call_of(request, Wanted::No)?;
        let within = self.node.options.request_timeout;
        match ask_owner(&self.node, &self.id, ask, within).await? {
            Done::Delivered => Ok(()),
            _ => Err(nonsense(&self.id, &self.node)),
        }
    }

    /// Sends a request, and waits for the session's answer, at most so long in all.
    ///
    /// # Errors
    ///
    /// [`RequestError`].
    ///
    /// # Cancel safety
    ///
    /// Dropped, it may be handled all the same.
    pub async fn call(
        &self,
        request: &M::Request,
        timeout: Duration,
    ) -> Result<M::Reply, RequestError> {
        let ask = self.call_of(request, Wanted::Yes)?;
        match ask_owner(&self.node, &self.id, ask, timeout).await? {
            Done::Reply(reply) => {
                serde_json::from_slice(reply.as_slice()).map_err(|error| RequestError::Reply {
                    id: Arc::clone(&self.id),
                    cause: Arc::new(error),
                })
            }
            _ => Err(nonsense(&self.id, &self.node)),
        }
    }

    fn call_of(&self, request: &M::Request, reply: Wanted) -> Result<Ask, RequestError> {
        Ok(Ask::Call {
            id: self.id.to_string(),
            protocol: M::PROTOCOL.to_owned(),
            request: json(&self.id, request)?,
            reply,
        })
    }
}
