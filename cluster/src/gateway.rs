//! Messages from node to node, carried by ractor_cluster.
//!
//! Each node has one [`Gateway`]: one actor that its peers can reach, and a connection to each peer.
//! Sessions, shards and supervisors are local to their node. Requests and answers are the frames of
//! [`wire`](crate::wire).
//!
//! Which peers there are is said by [`Peers::set`], and nothing here knows of etcd. A peer is used only
//! after its gateway has said who it is, and that fits: the same cluster, protocol, shard count and hash,
//! and the very incarnation that was set.
//!
//! Requests wait only for others of their class: messages to sessions, starts, stops, and all that waits
//! for no code of a user. Each class has the limits of [`GatewayOptions`] by itself, so sessions that never
//! answer, or never end, keep nobody from looking them up, stopping them and starting others.

mod actor;
mod dial;
mod driver;
mod error;
mod events;
mod greeting;
mod limits;
mod line;
mod link;
mod links;
mod message;
mod options;
mod peers;
mod seldom;
mod serve;
mod status;
mod tls;
mod unwind;

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

pub use error::{AskError, GatewayError, Outcome};
pub use options::GatewayOptions;
pub use peers::Peers;
use ractor::{Actor, ActorCell, ActorRef, SpawnErr, pg};
use ractor_cluster::node::NodeConnectionMode;
use ractor_cluster::{IncomingEncryptionMode, NodeServer, NodeServerMessage};
pub use serve::{Serve, Serving};
pub use status::{PeerChange, PeerInfo, PeerState, PeerStatus};
pub use tls::{Tls, TlsError};
#[cfg(feature = "etcd-tls")]
pub(crate) use tls::{certificates, private_key};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;
use tokio::time::Instant;

use crate::wire::Hello;
use actor::GatewayActor;
use dial::Net;
use driver::{Driver, Open};
use events::Subscription;
use links::{Identity, Links, Timing};
use message::GatewayMessage;
use peers::Table;
use seldom::Seldom;
use serve::Server;

/// The process group of a gateway. It has the gateway alone, here and as other nodes see it: ractor tells a
/// peer of all gateways of a process, and a process may have several. It does not name the cluster, so that a
/// node of another one is found, asked, and refused with its cluster's name.
fn group(of: &Identity) -> String {
    format!("session-supervisor/gateways/{}", of.host())
}

/// The largest frame of ractor that is read: some of ours, and what ractor adds.
const LARGEST: u64 = 4 * 1024 * 1024;

/// How long the actors are waited for when a gateway is closed.
const END: Duration = Duration::from_secs(5);

/// A node's end of the connections to all other nodes. It is closed when it is dropped.
///
/// A process has one for each node that it runs, which is one as a rule.
///
/// ```
/// use std::collections::HashMap;
/// use std::sync::Arc;
/// use std::time::Duration;
///
/// use session_supervisor_cluster::engine::{Incarnation, NodeName};
/// use session_supervisor_cluster::gateway::{AskError, Gateway, GatewayOptions, Outcome, PeerInfo, Serving};
/// use session_supervisor_cluster::wire::{Answer, Ask, Done, Hello, Request};
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let hello = Hello {
///     cluster: "4c1f0f6e".to_owned(),
///     protocol: 1,
///     shards: 512,
///     hash: 1,
///     node: NodeName::try_from("node-1")?,
///     incarnation: Incarnation::new(1),
/// };
/// let serve = |_from: Option<NodeName>, _request: Request| -> Serving {
///     Box::pin(async { Answer::Done(Done::Found(None)) })
/// };
/// let gateway = Gateway::open(GatewayOptions::new("secret"), hello, Arc::new(serve)).await?;
/// println!("peers find it at {}", gateway.address());
///
/// let peer = NodeName::try_from("node-2")?;
/// let info = PeerInfo {
///     // Nothing listens there.
///     address: "127.0.0.1:1".to_owned(),
///     incarnation: Incarnation::new(1),
/// };
/// gateway.peers().set(HashMap::from([(peer.clone(), info)]));
/// let request = Request::new(Ask::Lookup { id: "alice".to_owned() });
/// let error = gateway.peers().ask(&peer, request, Duration::from_secs(1)).await.unwrap_err();
/// assert!(matches!(error, AskError::NotConnected { .. }));
/// assert_eq!(error.outcome(), Outcome::NotSent);
/// gateway.close().await;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Gateway {
    hello: Hello,
    address: SocketAddr,
    peers: Peers,
    running: Running,
    ended: watch::Receiver<Option<&'static str>>,
}

/// Ends with its gateway.
struct Running {
    tasks: [AbortHandle; 2],
    node_server: ActorRef<NodeServerMessage>,
    gateway: ActorRef<GatewayMessage>,
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Running")
    }
}

/// An actor that is stopped if what it was started for does not come about.
struct Started(Option<ActorCell>);

impl Drop for Started {
    fn drop(&mut self) {
        if let Some(actor) = self.0.take() {
            actor.stop(Some("the gateway was not opened".to_owned()));
        }
    }
}

impl Running {
    fn actors(&self) -> [ActorCell; 2] {
        [self.node_server.get_cell(), self.gateway.get_cell()]
    }

    fn stop(&self) {
        // First the tasks: the end of the actors is no news then.
        for task in &self.tasks {
            task.abort();
        }
        for actor in self.actors() {
            actor.stop(Some("the gateway is closed".to_owned()));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Gateway {
    /// Listens, and starts the actors. Peers are connected after [`Peers::set`].
    ///
    /// Beside the port of `options`, ractor listens on a free port of the loopback interface, which it
    /// cannot be told not to; what connects there is closed.
    ///
    /// # Errors
    ///
    /// The cookie is empty, the address is not to be had, or this process has such a gateway already.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, nothing listens and nothing runs any more.
    pub async fn open(
        options: GatewayOptions,
        hello: Hello,
        serve: Arc<dyn Serve>,
    ) -> Result<Self, GatewayError> {
        if options.cookie.is_empty() {
            return Err(GatewayError::NoCookie);
        }
        let listen = |cause| GatewayError::Listen {
            address: options.listen,
            cause,
        };
        let listener = TcpListener::bind(options.listen).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;

        // First the gateway, then the server: what exists when a peer connects is told to it in order.
        let server = Server::new(hello.clone(), Arc::clone(&serve), options.serving);
        let actor = GatewayActor {
            server: Arc::new(server),
        };
        let name = format!("{}/{}/{}", hello.cluster, hello.node, hello.incarnation);
        let spawned = Actor::spawn(Some(name), actor, ()).await;
        let (gateway, gateway_end) = spawned.map_err(|error| match error {
            SpawnErr::ActorAlreadyRegistered(_) => GatewayError::NameTaken {
                node: hello.node.clone(),
                incarnation: hello.incarnation,
            },
            error => GatewayError::Start(error),
        })?;
        // Stopped, if this future is dropped or fails.
        let mut started = Started(Some(gateway.get_cell()));
        let identity = Identity {
            node: hello.node.clone(),
            incarnation: hello.incarnation,
        };
        pg::join(group(&identity), vec![gateway.get_cell()]);
        let spawned = Actor::spawn(None, node_server(&options, &identity), ()).await;
        let (node_server, node_server_end) = spawned.map_err(GatewayError::Start)?;
        started.0 = None;

        let (events, received) = mpsc::unbounded_channel();
        let subscription = NodeServerMessage::SubscribeToEvents {
            id: "gateway".to_owned(),
            subscription: Box::new(Subscription(events.clone())),
        };
        // If it fails, the driver sees that the server has ended.
        drop(node_server.cast(subscription));
        let timing = Timing::usual();
        let net = Net {
            server: node_server.clone(),
            events,
            tls: options.tls.clone(),
            patience: timing.handshake,
        };
        let table = Arc::new(Table::new(hello.node.clone(), options.clone()));
        let (nodes, nodes_set) = watch::channel(peers::Nodes::new());
        let (changes, changed) = watch::channel(0);
        let (ends, ended) = watch::channel(None);
        let driver = Driver {
            own: hello.clone(),
            links: Links::new(
                hello.node.clone(),
                timing,
                RandomState::new().hash_one(&hello.cluster),
            ),
            table: Arc::clone(&table),
            net: net.clone(),
            pulse: options.pulse,
            reset_after: options.reset_after(),
            greeting: timing.greeting,
            started: Instant::now(),
            changes,
            told: serve,
            open: Open::default(),
            refused: Seldom::default(),
        };
        let driver = driver.run(received, nodes_set, [node_server_end, gateway_end]);
        let driver = tokio::spawn(async move {
            let why = driver.await;
            tracing::error!(
                why,
                "the gateway has ended: this node can be reached by no other"
            );
            ends.send_replace(Some(why));
        });
        let acceptor = tokio::spawn(net.accept(listener));
        Ok(Self {
            hello,
            address,
            peers: Peers::new(table, nodes, changed),
            running: Running {
                tasks: [driver.abort_handle(), acceptor.abort_handle()],
                node_server,
                gateway,
            },
            ended,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Who this node is.
    pub fn hello(&self) -> &Hello {
        &self.hello
    }

    /// The peers, and asking them.
    pub fn peers(&self) -> &Peers {
        &self.peers
    }

    /// Waits until the gateway has ended by itself, which it never should, and answers why.
    ///
    /// # Cancel safety
    ///
    /// It can be dropped and called again.
    pub async fn ended(&self) -> &'static str {
        let mut ended = self.ended.clone();
        let why = ended.wait_for(Option::is_some).await;
        why.ok()
            .and_then(|why| *why)
            .unwrap_or("the task of the gateway has ended")
    }

    /// Closes all connections and waits until the actors have ended, 5 s at most. Requests that peers
    /// have sent and that are still carried out get no answer.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the gateway is closed nevertheless.
    pub async fn close(self) {
        self.running.stop();
        for actor in self.running.actors() {
            if actor.wait(Some(END)).await.is_err() {
                tracing::warn!("an actor of the gateway has not ended within {END:?}");
            }
        }
    }
}

fn node_server(options: &GatewayOptions, identity: &Identity) -> NodeServer {
    let loopback = match options.listen {
        SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
    };
    let encryption = match &options.tls {
        Some(tls) => IncomingEncryptionMode::Tls(tls.acceptor.clone()),
        None => IncomingEncryptionMode::Raw,
    };
    // The other mode would dial peers of peers, and without TLS.
    let mode = NodeConnectionMode::Isolated;
    let cookie = options.cookie.clone();
    let name = identity.node.to_string();
    NodeServer::new(
        0,
        cookie,
        name,
        identity.host(),
        Some(encryption),
        Some(mode),
    )
    .with_listen_addr(loopback)
    .with_max_inbound_frame_size(LARGEST)
}
