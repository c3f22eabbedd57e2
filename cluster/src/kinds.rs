//! The kinds of sessions that every node of a cluster can start.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use ractor::ActorRef;
use serde::de::DeserializeOwned;
use session_supervisor::{Child, ChildSpec};
use session_supervisor_store as store;

use crate::remote::{Delivery, Remote};
use crate::seat::{Seat, Seats};

/// The kinds of sessions of a program, each with the function that makes the spec of one. All nodes of
/// a cluster have the same.
///
/// The function is given the arguments and the [`Seat`] of the session: what it has saved, and the
/// number by which what is outside the cluster can refuse an older owner. Else it is that of
/// [`session_supervisor_store::Kinds`].
#[must_use]
pub struct Kinds {
    pub(crate) kinds: store::Kinds,
    pub(crate) deliveries: HashMap<&'static str, Delivery>,
    /// The first protocol that is none, and what it must be.
    pub(crate) bad_protocol: Option<(&'static str, &'static str)>,
    pub(crate) seats: Arc<Seats>,
}

impl Default for Kinds {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Kinds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kinds")
            .field("kinds", &self.kinds)
            .field("protocols", &self.deliveries.keys())
            .finish()
    }
}

impl Kinds {
    /// No kinds.
    pub fn new() -> Self {
        Self {
            kinds: store::Kinds::new(),
            deliveries: HashMap::new(),
            bad_protocol: None,
            seats: Arc::default(),
        }
    }

    /// Adds a kind of sessions that take messages from all nodes. Its name has 1 to 128 bytes and no
    /// control characters, and is given once; [`join`](crate::ClusterSupervisor::join) fails with the
    /// first name that is not.
    pub fn kind<T, M, C, F>(mut self, name: impl Into<Arc<str>>, make: F) -> Self
    where
        T: DeserializeOwned,
        M: Remote,
        C: Child<Ref = ActorRef<M>>,
        F: Fn(T, Seat) -> ChildSpec<C> + Send + Sync + 'static,
    {
        let protocol = M::PROTOCOL;
        let known = self.deliveries.entry(protocol);
        let delivery = known.or_insert_with(Delivery::of::<M>);
        let rule = if !(1..=128).contains(&protocol.len()) {
            Some("it must have 1 to 128 bytes")
        } else if !delivery.is_of::<M>() {
            Some("it must be that of one message type")
        } else {
            None
        };
        self.bad_protocol = self.bad_protocol.or(rule.map(|rule| (protocol, rule)));
        self.without_messages(name, make)
    }

    /// Adds a kind of sessions that take no messages from other nodes: a task, a tree, or an actor that
    /// only this node talks to.
    pub fn without_messages<T, C, F>(mut self, name: impl Into<Arc<str>>, make: F) -> Self
    where
        T: DeserializeOwned,
        C: Child,
        F: Fn(T, Seat) -> ChildSpec<C> + Send + Sync + 'static,
    {
        let seats = Arc::clone(&self.seats);
        self.kinds = self.kinds.kind(name, move |arguments: T, remembered| {
            let (seat, admitted) = seats.seat(remembered);
            make(arguments, seat).before_start(move |_start| {
                let admitted = admitted.clone();
                async move { admitted.now() }
            })
        });
        self
    }
}
