//! The listener: a child of the application root that lets clients in. It starts after the session
//! supervisor and stops before it, so that no client comes in while sessions are stopped.
//!
//! Clients stay connected until the end, and are told how it comes.

use std::io::Write;
use std::net::SocketAddr;
use std::time::Duration;

use ractor::{ActorProcessingErr, ActorRef};
use session_supervisor::{ChildSpec, Launch};
use tokio::io::{BufReader, BufWriter};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::client::{self, House};

#[derive(Debug)]
pub(crate) struct Listener;

#[ractor::actor(message = (), state = JoinSet<()>, arguments = (TcpListener, House))]
impl Listener {
    /// The task ends with the state.
    async fn pre_start(
        &self,
        _myself: ActorRef<()>,
        (listener, house): (TcpListener, House),
    ) -> Result<JoinSet<()>, ActorProcessingErr> {
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, house));
        Ok(tasks)
    }
}

async fn accept(listener: TcpListener, house: House) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                drop(tokio::spawn(welcome(house.clone(), stream)));
            }
            // Too many open files, or a client that was gone at once: the next one may do.
            Err(error) => {
                let told = format!("a client could not be accepted: {error}\n");
                std::io::stderr().write_all(told.as_bytes()).ok();
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

async fn welcome(house: House, stream: TcpStream) {
    // Small lines are sent at once. If that cannot be set, they come a little later.
    stream.set_nodelay(true).ok();
    let number = house.rooms.number();
    let (reader, writer) = stream.into_split();
    let writer = BufWriter::new(writer);
    client::serve(house, number, BufReader::new(reader), writer).await;
}

/// `house`: what the clients share, but for the root, which is known when it starts the listener.
pub(crate) fn spec<H>(address: SocketAddr, house: H) -> ChildSpec<Listener>
where
    H: Fn(session_supervisor::Supervisor) -> House + Clone + Send + Sync + 'static,
{
    ChildSpec::from_fn_with(house, move |house, start| async move {
        let root = start.tree.ok_or("the listener is a child of the root")?;
        let listener = TcpListener::bind(address)
            .await
            .map_err(|error| format!("cannot listen on {address}: {error}"))?;
        // It may not be read, as when it is restarted after the caller that started the server has
        // gone.
        let told = format!("listening on {}\n", listener.local_addr()?);
        std::io::stdout().write_all(told.as_bytes()).ok();
        Ok(Launch::Actor(Listener, (listener, house(root))))
    })
}
