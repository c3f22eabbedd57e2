//! Connects to a peer, and accepts connections. ractor is given streams that are there already.
//!
//! ractor's own listener is not used: its port cannot be learned when it is a free one, a slow handshake
//! of TLS holds up all others, and a connection that says nothing stays for ever.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use ractor::ActorRef;
use ractor_cluster::{NetworkStream, NodeServerMessage};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::timeout;

use super::events::Event;
use super::seldom::Seldom;
use super::tls::Tls;
use crate::engine::NodeName;

/// How many handshakes of peers that dial may go on at once.
const HANDSHAKES: usize = 128;

/// How long to wait when no connection can be accepted, for want of file descriptors or memory.
const PAUSE: Duration = Duration::from_millis(200);

/// What both directions need.
#[derive(Clone)]
pub(super) struct Net {
    pub(super) server: ActorRef<NodeServerMessage>,
    pub(super) events: UnboundedSender<Event>,
    pub(super) tls: Option<Tls>,
    /// How long a connection, or a handshake of TLS, may take.
    pub(super) patience: Duration,
}

impl Net {
    /// Gives ractor a stream. If its server has ended, the gateway has too.
    fn give(&self, stream: NetworkStream, is_server: Side) {
        drop(self.server.cast(NodeServerMessage::ConnectionOpened {
            stream: Box::new(stream),
            is_server: is_server == Side::Accepted,
        }));
    }

    fn tell(&self, event: Event) {
        drop(self.events.send(event));
    }

    /// Connects to a peer, and says how that went.
    pub(super) async fn dial(self, node: NodeName, attempt: u64, address: String) {
        let connected = within(self.patience, connect(&address, self.tls.as_ref())).await;
        let (outcome, stream) = match connected {
            Ok((stream, address)) => (Ok(address), Some(stream)),
            Err(error) => (Err(format!("{address}: {error}")), None),
        };
        let event = Event::Dialled {
            node,
            attempt,
            outcome,
        };
        // First this: ractor's events of the stream come after it.
        self.tell(event);
        if let Some(stream) = stream {
            self.give(stream, Side::Dialled);
        }
    }

    /// Accepts connections, for ever.
    pub(super) async fn accept(self, listener: TcpListener) {
        let places = Arc::new(Semaphore::new(HANDSHAKES));
        let (full, failed) = (Seldom::default(), Seldom::default());
        let refused = Arc::new(Seldom::default());
        loop {
            let (stream, address) = match listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    if let Some(others) = failed.tell() {
                        tracing::warn!(%error, others, "no connection can be accepted; tried again");
                    }
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
            };
            let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
                if let Some(others) = full.tell() {
                    tracing::warn!(%address, others, "a connection is refused: {HANDSHAKES} handshakes go on");
                }
                continue;
            };
            let (net, refused) = (self.clone(), Arc::clone(&refused));
            tokio::spawn(async move {
                match within(net.patience, accepted(stream, net.tls.as_ref())).await {
                    Ok(stream) => {
                        let address = address.to_string();
                        net.tell(Event::Accepted { address, place });
                        net.give(stream, Side::Accepted);
                    }
                    Err(error) => {
                        if let Some(others) = refused.tell() {
                            tracing::warn!(%address, %error, others, "a connection is refused: no handshake of TLS");
                        }
                        let (address, why) = (address.to_string(), error.to_string());
                        net.tell(Event::NotAccepted { address, why });
                    }
                }
            });
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Accepted,
    Dialled,
}

async fn within<T>(patience: Duration, work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    timeout(patience, work).await.unwrap_or_else(|_| {
        let text = format!("no connection within {patience:?}");
        Err(io::Error::new(io::ErrorKind::TimedOut, text))
    })
}

async fn connect(address: &str, tls: Option<&Tls>) -> io::Result<(NetworkStream, String)> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (peer_addr, local_addr) = (stream.peer_addr()?, stream.local_addr()?);
    let stream = match tls {
        None => NetworkStream::Raw {
            peer_addr,
            local_addr,
            stream,
        },
        Some(tls) => {
            let name = tls.name_at(address).map_err(|error| {
                let text = format!("{address:?} has no name for a certificate: {error}");
                io::Error::new(io::ErrorKind::InvalidInput, text)
            })?;
            NetworkStream::TlsClient {
                peer_addr,
                local_addr,
                stream: tls.connector.connect(name, stream).await?,
            }
        }
    };
    Ok((stream, peer_addr.to_string()))
}

async fn accepted(stream: TcpStream, tls: Option<&Tls>) -> io::Result<NetworkStream> {
    stream.set_nodelay(true)?;
    let (peer_addr, local_addr) = (stream.peer_addr()?, stream.local_addr()?);
    Ok(match tls {
        None => NetworkStream::Raw {
            peer_addr,
            local_addr,
            stream,
        },
        Some(tls) => NetworkStream::TlsServer {
            peer_addr,
            local_addr,
            stream: tls.acceptor.accept(stream).await?,
        },
    })
}
