//! What a node asks of another one.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

use super::{Hello, Payload, names};
use crate::engine::{NodeName, RequestId};

/// An id that no other request has: a random number of this process, and a count.
fn unique() -> RequestId {
    static PROCESS: OnceLock<u64> = OnceLock::new();
    static COUNT: AtomicU64 = AtomicU64::new(0);
    // The keys of a `RandomState` are the randomness that std has.
    let process = PROCESS.get_or_init(|| RandomState::new().hash_one(std::process::id()));
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    (u128::from(*process) << 64 | u128::from(count)).to_be_bytes()
}

/// A request of one node to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Its id. One that is sent again, after an answer was lost, has the same, so that it is not
    /// carried out twice.
    pub id: RequestId,
    /// The node that asks. [`Peers::ask`](crate::gateway::Peers::ask) sets it.
    #[serde(with = "names::optional")]
    pub from: Option<NodeName>,
    /// How long an answer is of use, in milliseconds from the receipt. It is a duration and no time
    /// of day, since two machines have two clocks. [`Peers::ask`](crate::gateway::Peers::ask) sets it.
    pub deadline_ms: u32,
    /// What is asked.
    pub ask: Ask,
}

impl Request {
    /// A request with an id of its own.
    pub fn new(ask: Ask) -> Self {
        Self::again(unique(), ask)
    }

    /// A request that was sent before, or may have been.
    pub fn again(id: RequestId, ask: Ask) -> Self {
        Self {
            id,
            from: None,
            deadline_ms: 0,
            ask,
        }
    }
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Ask {
    /// Who are you? It says who asks. Gateways ask and answer it themselves.
    Hello(Hello),
    /// Start a session.
    Start {
        /// The id.
        id: String,
        /// The name of its kind.
        kind: String,
        /// The arguments of that kind.
        arguments: Payload,
        /// What happens if it runs already.
        how: How,
    },
    /// Is this session there, and since when?
    Lookup {
        /// The id.
        id: String,
    },
    /// Stop a session.
    Stop {
        /// The id.
        id: String,
    },
    /// Hand a message to a session.
    Call {
        /// The id.
        id: String,
        /// The name of the messages, so that a session of another kind takes none of them.
        protocol: String,
        /// The message.
        request: Payload,
        /// Whether the caller waits for a reply.
        reply: Wanted,
    },
    /// The next sessions of the node that is asked, in the order of their ids.
    List {
        /// Those after this id.
        after: Option<String>,
        /// How many at most.
        most: u32,
    },
    /// Leave the cluster in order.
    Leave,
    /// How many sessions does the node run, and how old is its lease?
    Figures,
}

impl Ask {
    /// The name of what is asked, for logs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Hello(_) => "hello",
            Self::Start { .. } => "start",
            Self::Lookup { .. } => "lookup",
            Self::Stop { .. } => "stop",
            Self::Call {
                reply: Wanted::Yes, ..
            } => "call",
            Self::Call {
                reply: Wanted::No, ..
            } => "cast",
            Self::List { .. } => "list",
            Self::Leave => "leave",
            Self::Figures => "figures",
        }
    }
}

/// What a start does when the session runs already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum How {
    /// It is refused.
    New,
    /// It answers with the one that runs.
    Ensure,
}

/// Whether a reply is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Wanted {
    /// The answer is the session's reply.
    Yes,
    /// The answer is that the message is in the session's mailbox.
    No,
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::unique;

    #[test]
    fn ids_differ() {
        let ids: HashSet<_> = (0..1_000).map(|_| unique()).collect();
        assert_eq!(ids.len(), 1_000);
    }
}
