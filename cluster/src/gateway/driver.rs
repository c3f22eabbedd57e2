//! The task that watches connections: it carries out what the [`Links`] decide.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use ractor::concurrency::JoinHandle;
use ractor::{ActorCell, ActorId, ActorRef, pg};
use ractor_cluster::node::NodeServerSessionInformation as Session;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::dial::Net;
use super::events::Event;
use super::greeting::{greet, pulse};
use super::group;
use super::line::Line;
use super::links::{ConnectionId, Direction, Effect, Identity, Links, Moment};
use super::message::GatewayMessage;
use super::peers::{Nodes, Table};
use super::seldom::Seldom;
use super::serve::Serve;
use super::status::PeerChange;
use crate::engine::NodeName;
use crate::wire::Hello;

pub(super) struct Driver {
    pub(super) own: Hello,
    pub(super) links: Links,
    pub(super) table: Arc<Table>,
    pub(super) net: Net,
    pub(super) pulse: Duration,
    pub(super) reset_after: Duration,
    pub(super) greeting: Duration,
    pub(super) started: Instant,
    pub(super) changes: watch::Sender<u64>,
    pub(super) told: Arc<dyn Serve>,
    pub(super) open: Open,
    pub(super) refused: Seldom,
}

/// What there is of each connection.
#[derive(Default)]
pub(super) struct Open {
    sessions: HashMap<ConnectionId, Session>,
    gateways: HashMap<ConnectionId, ActorRef<GatewayMessage>>,
    /// The places of handshakes that go on, by the address of the peer.
    handshakes: HashMap<String, OwnedSemaphorePermit>,
    pulses: HashMap<NodeName, Pulse>,
}

/// Asks a peer for signs of life until it is dropped.
struct Pulse(AbortHandle);

impl Drop for Pulse {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn id(session: &Session) -> ConnectionId {
    ConnectionId(session.actor.get_id().pid())
}

impl Driver {
    /// Runs until one of the two actors has ended. Answers which one.
    pub(super) async fn run(
        mut self,
        mut events: UnboundedReceiver<Event>,
        mut nodes: watch::Receiver<Nodes>,
        mut ends: [JoinHandle<()>; 2],
    ) -> &'static str {
        let [node_server, gateway] = &mut ends;
        loop {
            let mut out = Vec::new();
            let deadline = self
                .links
                .next_deadline()
                .map(|moment| self.started + moment);
            tokio::select! {
                event = events.recv() => match event {
                    Some(event) => self.event(event, &mut out),
                    // Not while the driver itself can send.
                    None => return "there are no events any more",
                },
                Ok(()) = nodes.changed() => {
                    let nodes = nodes.borrow_and_update().clone();
                    self.links.set(nodes, self.now(), &mut out);
                }
                () = at(deadline) => self.links.tick(self.now(), &mut out),
                _ = &mut *node_server => return "ractor's node server has ended",
                _ = &mut *gateway => return "the gateway's actor has ended",
            }
            for effect in out {
                self.carry_out(effect);
            }
            self.table.tell(self.links.states());
        }
    }

    fn now(&self) -> Moment {
        self.started.elapsed()
    }

    fn event(&mut self, event: Event, out: &mut Vec<Effect>) {
        let now = self.now();
        match event {
            Event::Accepted { address, place } => {
                self.open.handshakes.insert(address, place);
            }
            Event::NotAccepted { address, why } => {
                let text = format!("a connection from {address} was refused: no TLS: {why}");
                self.table.refused(&text);
            }
            Event::Dialled {
                node,
                attempt,
                outcome,
            } => self.links.dialled(&node, attempt, outcome, now, out),
            Event::Opened(session) => {
                let direction = if session.is_server {
                    Direction::In
                } else {
                    Direction::Out
                };
                let (id, address) = (id(&session), session.peer_addr.clone());
                let ours =
                    direction == Direction::Out || self.open.handshakes.contains_key(&address);
                self.open.sessions.insert(id, session);
                self.links.opened(id, direction, address, now);
                if !ours {
                    // ractor listens as well, and cannot be told not to.
                    let why = "it was not accepted by the gateway";
                    self.links.refuse(id, why, out);
                }
            }
            Event::Ready(session) => {
                self.open.handshakes.remove(&session.peer_addr);
                let name = session.peer_name.as_ref().map(|name| name.name.as_str());
                let identity = name.and_then(Identity::parse);
                if identity.is_none() {
                    tracing::warn!(
                        name,
                        address = session.peer_addr,
                        "a peer is refused: its name is none of a gateway"
                    );
                    if let Some(others) = self.refused.tell() {
                        let why = "its name is none of a gateway";
                        self.refuses(&session.peer_addr, why, others);
                    }
                }
                self.links.ready(id(&session), identity, now, out);
            }
            Event::Closed(session) => {
                if self.open.handshakes.remove(&session.peer_addr).is_some() {
                    self.ended_in_handshake(&session.peer_addr);
                }
                let id = id(&session);
                self.open.sessions.remove(&id);
                self.open.gateways.remove(&id);
                self.links.closed(id, now, out);
            }
            Event::Greeted {
                identity,
                connection,
                outcome,
            } => {
                let outcome = outcome.map(|gateway| {
                    self.open.gateways.insert(connection, gateway);
                });
                self.links
                    .greeted(&identity.node, connection, outcome, now, out);
            }
            Event::Silent { node, connection } => self.links.silent(&node, connection, now, out),
        }
    }

    /// Which peer it was is not known: all that dial this node and are not connected are told so.
    fn ended_in_handshake(&self, address: &str) {
        if let Some(others) = self.refused.tell() {
            tracing::warn!(
                address,
                others,
                "a connection has ended in its handshake, as it does if the cookies do not fit"
            );
            let why = "it has ended in its handshake, as it does if the cookies do not fit";
            self.refuses(address, why, others);
        }
        let text = format!(
            "a connection from {address} has ended in its handshake, as it does if the cookies do not fit"
        );
        self.table.refused(&text);
    }

    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Dial {
                node,
                attempt,
                address,
            } => {
                tokio::spawn(self.net.clone().dial(node, attempt, address));
            }
            Effect::Greet {
                identity,
                connection,
            } => self.greet(identity, connection),
            Effect::Up {
                identity,
                connection,
            } => self.up(identity, connection),
            Effect::Down { node, why } => {
                self.open.pulses.remove(&node);
                if let Some(link) = self.table.get(&node) {
                    link.set_line(None);
                }
                let why = why.into();
                self.told.told(PeerChange::Lost { node, why });
                self.changed();
            }
            Effect::Close { connection, why } => {
                self.open.gateways.remove(&connection);
                if let Some(session) = self.open.sessions.get(&connection) {
                    let (address, name) = (&session.peer_addr, &session.peer_name);
                    let name = name.as_ref().map(|name| name.name.as_str());
                    tracing::info!(name, address, why, "a connection is closed");
                    // The local actor of the connection, and no remote one: those must be left alone.
                    session.actor.stop(Some(why.to_owned()));
                }
            }
            Effect::Failed { node, text } => {
                let new = self.table.get(&node).is_none_or(|link| link.failed(&text));
                if new {
                    tracing::warn!(%node, "no connection to the node, tried again: {text}");
                    let why = text.into();
                    self.told.told(PeerChange::Failed { node, why });
                } else {
                    tracing::debug!(%node, "no connection to the node, tried again: {text}");
                }
            }
        }
    }

    fn greet(&self, identity: Identity, connection: ConnectionId) {
        let session = self.open.sessions.get(&connection);
        let gateway = session.and_then(|session| gateway_of(&identity, session.node_id));
        let events = self.net.events.clone();
        let (own, until) = (self.own.clone(), Instant::now() + self.greeting);
        tokio::spawn(async move {
            let outcome = match gateway {
                None => Err(format!("{identity} has no gateway")),
                Some(gateway) => greet(&own, &identity, gateway, until).await,
            };
            drop(events.send(Event::Greeted {
                identity,
                connection,
                outcome,
            }));
        });
    }

    fn up(&mut self, identity: Identity, connection: ConnectionId) {
        let link = self.table.get(&identity.node);
        let Some(gateway) = self.open.gateways.remove(&connection) else {
            return;
        };
        // The nodes may have been set anew, which is the next that happens here.
        let Some(link) = link.filter(|link| link.incarnation() == identity.incarnation) else {
            return;
        };
        tracing::info!(node = %identity.node, incarnation = %identity.incarnation, "the node is connected");
        let line = Arc::new(Line::new(connection, gateway));
        link.connected(Arc::clone(&line));
        self.told.told(PeerChange::Connected {
            node: identity.node.clone(),
            incarnation: identity.incarnation,
        });
        let (own, node) = (self.own.clone(), identity.node.clone());
        let (every, reset_after) = (self.pulse, self.reset_after);
        let events = self.net.events.clone();
        let task = tokio::spawn(async move {
            pulse(&own, &line, every, reset_after).await;
            let connection = line.connection;
            drop(events.send(Event::Silent { node, connection }));
        });
        self.open
            .pulses
            .insert(identity.node, Pulse(task.abort_handle()));
        self.changed();
    }

    fn refuses(&self, address: &str, why: &str, others: u64) {
        self.told.told(PeerChange::Refused {
            address: address.into(),
            why: why.into(),
            others,
        });
    }

    fn changed(&self) {
        self.changes.send_modify(|count| *count += 1);
    }
}

/// The gateway behind a connection. ractor's group is a hint: what the gateway says is asked next.
///
/// Each server of ractor counts its connections by itself, so a number is not that of one connection where a
/// process has several. All in the group lead to the same gateway.
fn gateway_of(
    identity: &Identity,
    connection: ractor_cluster::NodeId,
) -> Option<ActorRef<GatewayMessage>> {
    let cells = pg::get_members(&group(identity));
    let over = |cell: &&ActorCell| matches!(cell.get_id(), ActorId::Remote { node_id, .. } if node_id == connection);
    // Else it is of this process, and ractor has another connection to it of the same number.
    let cell = cells.iter().find(over).or_else(|| cells.first());
    cell.cloned().map(ActorRef::from)
}

async fn at(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
