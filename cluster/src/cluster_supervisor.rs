//! The handle of a node: what can be asked of the cluster, from any node alike.

mod stats;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use session_supervisor::SessionSupervisor;
use session_supervisor_store::{DurableSupervisor, SessionStore};
use tokio::sync::{Notify, watch};

use crate::admission::Admission;
use crate::clock::Clock;
use crate::cluster_ref::ClusterRef;
use crate::engine::{HASH_VERSION, NodeName, Owner, Shards, Ttl};
use crate::error::{JoinError, RequestError};
use crate::etcd::{Etcd, WantedSettings};
use crate::feed::NodeFeed;
use crate::kinds::Kinds;
use crate::local::{Known, Local};
use crate::meter::Meter;
use crate::node::{Drains, Node, Now, PROTOCOL, begin, run};
use crate::options::ClusterOptions;
use crate::pages::{Page, Pages};
use crate::remote::Remote;
use crate::route::{ask_node, ask_owner, json, nonsense};
use crate::status::Status;
use crate::store_calls::{Noted, StoreCalls};
use crate::wire::{Ask, Done, Found, How, StartedHow};

/// A node of a cluster of session supervisors, in which at most one node runs the session of an id.
/// Cheap to clone; the node runs until it [leaves](Self::leave), also when all handles are dropped.
#[derive(Clone)]
pub struct ClusterSupervisor {
    node: Arc<Node>,
}

impl fmt::Debug for ClusterSupervisor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClusterSupervisor")
            .field("node", &self.node.name)
            .finish_non_exhaustive()
    }
}

/// The supervisor of a node that has not joined. Dropped, it is killed: nothing runs in it.
struct Unjoined(Option<SessionSupervisor>);

impl Unjoined {
    fn joined(mut self) {
        self.0 = None;
    }
}

impl Drop for Unjoined {
    fn drop(&mut self) {
        if let Some(sessions) = self.0.take() {
            sessions.get_cell().kill();
        }
    }
}

/// A session that was started or found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Started {
    /// Whether this call has started it.
    pub how: StartedHow,
    /// Its incarnation on its node.
    pub incarnation: u64,
    /// The epoch of its shard: it grows with each owner.
    pub epoch: u64,
}

impl ClusterSupervisor {
    /// Joins a cluster, or begins one. It returns when the node is known to the others; its shards come
    /// to it in the background.
    ///
    /// `store` is what the sessions outlive their node with: one that all nodes reach. With a store of
    /// this node alone, such as [`MemoryStore`](session_supervisor_store::MemoryStore), the sessions end
    /// with it.
    ///
    /// It waits for etcd's answers, and for as long as a lease lasts if a node of this name was killed.
    ///
    /// # Errors
    ///
    /// [`JoinError`]. Nothing runs then, and what was written in etcd goes with the lease.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is done, nothing runs, as with an error.
    pub async fn join(
        options: ClusterOptions,
        kinds: Kinds,
        store: impl SessionStore,
    ) -> Result<Self, JoinError> {
        Self::join_by(options, kinds, store, Clock::real()).await
    }

    /// The same, by a clock that a test moves.
    #[doc(hidden)]
    pub async fn join_by(
        options: ClusterOptions,
        kinds: Kinds,
        store: impl SessionStore,
        clock: Clock,
    ) -> Result<Self, JoinError> {
        let name = NodeName::try_from(&*options.node)?;
        NodeName::try_from(&*options.cluster)?;
        let shards = Shards::new(options.shards)?;
        let ttl = Ttl::new(options.lease)?;
        let weight = options.weight;
        if !(1..=1_000).contains(&weight) {
            return Err(JoinError::Weight { weight });
        }
        let timeout = options.request_timeout;
        if !(Duration::from_millis(10)..=Duration::from_secs(3_600)).contains(&timeout) {
            return Err(JoinError::RequestTimeout { timeout });
        }
        options.check()?;
        if let Some((protocol, rule)) = kinds.bad_protocol {
            return Err(JoinError::Protocol { protocol, rule });
        }
        if let Some(of_store) = store.shards().filter(|count| *count != options.shards) {
            return Err(JoinError::StoreShards {
                store: of_store,
                cluster: options.shards,
            });
        }
        let etcd = Etcd::connect(&options.etcd, options.of_etcd()).await?;
        let wanted = WantedSettings {
            name: &options.cluster,
            shards: options.shards,
            hash: HASH_VERSION,
            protocol: PROTOCOL,
        };
        let user = options.etcd_user.as_ref().map(|(name, _)| name);
        // The login is checked by a read: the settings are written by a transaction within another one, for
        // which etcd 3.4 asks for no user.
        let begun = etcd.begin().await;
        begun.map_err(|error| JoinError::of_etcd(error, user))?;
        let settings = etcd.settings(wanted).await;
        let settings = settings.map_err(|error| JoinError::of_settings(error, user))?;
        let admission = Admission::new(shards, clock.clone());
        kinds.seats.are_of(&admission);
        let of_node = options.sessions.clone();
        let store_calls = StoreCalls::new(clock.clone(), shards);
        let store = Noted::new(store, Arc::clone(&store_calls));
        let shared =
            DurableSupervisor::open_bound(of_node, kinds.kinds, store, settings.identity());
        let sessions = shared.await?;
        let unjoined = Unjoined(Some(sessions.sessions().clone()));
        let leave = Arc::new(Notify::new());
        let meter = Arc::new(Meter::default());
        let feed = NodeFeed::new(name.clone(), shards, clock.clone(), Arc::clone(&meter));
        let local = Local {
            admission,
            sessions: sessions.clone(),
            deliveries: Arc::new(kinds.deliveries),
            requests: Known::default(),
            leave: Arc::clone(&leave),
            meter,
            feed: Arc::new(feed),
        };
        let node = Arc::new(Node {
            name,
            options,
            ttl,
            etcd,
            settings,
            local,
            clock,
            store_calls,
            leave,
            drains: Drains::default(),
            now: watch::Sender::new(Now::default()),
        });
        let term = match begin(&node).await {
            Ok(term) => term,
            Err(error) => {
                // It runs nothing.
                drop(sessions.stop().await);
                return Err(error);
            }
        };
        unjoined.joined();
        run(Arc::clone(&node), term);
        Ok(Self { node })
    }

    /// The name of this node.
    #[must_use]
    pub fn node(&self) -> &NodeName {
        &self.node.name
    }

    /// The supervisor of the sessions of this node, to watch and list them. Nothing may be started
    /// there directly: no other node would know of it.
    #[must_use]
    pub fn sessions(&self) -> &SessionSupervisor {
        self.node.sessions().sessions()
    }

    /// Starts a session on the node that owns its id. It returns when the session runs there.
    ///
    /// # Errors
    ///
    /// [`RequestError`]; [`outcome`](RequestError::outcome) tells whether it may have been started.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it may be started all the same.
    pub async fn start_session<T: Serialize + ?Sized>(
        &self,
        id: &str,
        kind: &str,
        arguments: &T,
    ) -> Result<Started, RequestError> {
        self.start(id, kind, arguments, How::New).await
    }

    /// Returns the session of an id, or starts one of this kind on the node that owns the id.
    ///
    /// # Errors
    ///
    /// As [`start_session`](Self::start_session).
    ///
    /// # Cancel safety
    ///
    /// As [`start_session`](Self::start_session).
    pub async fn ensure_session<T: Serialize + ?Sized>(
        &self,
        id: &str,
        kind: &str,
        arguments: &T,
    ) -> Result<Started, RequestError> {
        self.start(id, kind, arguments, How::Ensure).await
    }

    async fn start<T: Serialize + ?Sized>(
        &self,
        id: &str,
        kind: &str,
        arguments: &T,
        how: How,
    ) -> Result<Started, RequestError> {
        let ask = Ask::Start {
            id: id.to_owned(),
            kind: kind.to_owned(),
            arguments: json(id, arguments)?,
            how,
        };
        match self.ask(id, ask).await? {
            Done::Started {
                incarnation,
                epoch,
                how,
            } => Ok(Started {
                how,
                incarnation,
                epoch,
            }),
            _ => Err(nonsense(id, &self.node)),
        }
    }

    /// Stops a session, wherever it runs, and has it forgotten. Answers how it ended.
    ///
    /// # Errors
    ///
    /// As [`start_session`](Self::start_session).
    ///
    /// # Cancel safety
    ///
    /// Dropped, it may be stopped all the same.
    pub async fn stop_session(&self, id: &str) -> Result<String, RequestError> {
        let ask = Ask::Stop { id: id.to_owned() };
        match self.ask(id, ask).await? {
            Done::Stopped(how) => Ok(how),
            _ => Err(nonsense(id, &self.node)),
        }
    }

    /// What is known of a session, by the node that owns its id. None: there is none.
    ///
    /// # Errors
    ///
    /// As [`start_session`](Self::start_session). A look-up changes nothing, so one without an answer has the
    /// outcome [`NotSent`](crate::error::Outcome::NotSent), sent or not: it can be asked again.
    ///
    /// # Cancel safety
    ///
    /// Safe: it changes nothing.
    pub async fn find(&self, id: &str) -> Result<Option<Found>, RequestError> {
        let ask = Ask::Lookup { id: id.to_owned() };
        match self.ask(id, ask).await? {
            Done::Found(found) => Ok(found),
            _ => Err(nonsense(id, &self.node)),
        }
    }

    /// The node that owns an id, as far as this node knows: its session runs there, if there is one.
    /// `None` while no node owns the id. It waits for nothing and sends no message, so the answer may be
    /// out of date; [`find`](Self::find) asks the owner whether there is a session.
    #[must_use]
    pub fn owner_of(&self, id: &str) -> Option<Owner> {
        let shard = self.node.local.admission.shards().of(id);
        let feed = &self.node.local.feed;
        feed.look(|picture| Some(picture.snapshot().shards.get(&shard)?.owner.clone()))
    }

    /// The next sessions of all nodes in the order of their ids: at most `most`, which is 1 to 1,000. A node
    /// that does not answer is named.
    ///
    /// A session that moves meanwhile may be missing.
    ///
    /// # Cancel safety
    ///
    /// Safe: it changes nothing.
    pub async fn list(&self, after: Option<&str>, most: u32) -> Page {
        let most = most.clamp(1, 1_000);
        let feed = &self.node.local.feed;
        let nodes: Vec<_> = feed.look(|picture| picture.snapshot().nodes.keys().cloned().collect());
        let mut missing: BTreeSet<_> = nodes.iter().cloned().collect();
        let mut asked = tokio::task::JoinSet::new();
        for name in nodes {
            let (node, after) = (Arc::clone(&self.node), after.map(str::to_owned));
            asked.spawn(async move {
                let ask = Ask::List { after, most };
                let within = node.options.request_timeout;
                let page = ask_node(&node, &name, ask, within).await;
                (name, page)
            });
        }
        let mut pages = Pages::default();
        while let Some(answered) = asked.join_next().await {
            if let Ok((name, Some(Done::Page { rows, more }))) = answered {
                missing.remove(&name);
                pages.add(&name, rows, more);
            }
        }
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        pages.first(most, missing.into_iter().collect())
    }

    /// The address of a session, wherever it runs.
    #[must_use]
    pub fn session_ref<M: Remote>(&self, id: impl Into<Arc<str>>) -> ClusterRef<M> {
        ClusterRef::new(Arc::clone(&self.node), id.into())
    }

    /// The state of the cluster, as far as this node knows. It sends no message. Nodes, owners and planner are
    /// never behind the events of [`subscribe`](Self::subscribe), nor is the stage of a node that has left.
    #[must_use]
    pub fn status(&self) -> Status {
        Status::of(&self.node)
    }

    pub(crate) const fn of_node(&self) -> &Arc<Node> {
        &self.node
    }

    async fn ask(&self, id: &str, ask: Ask) -> Result<Done, RequestError> {
        ask_owner(&self.node, id, ask, self.node.options.request_timeout).await
    }
}
