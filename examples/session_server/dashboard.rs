//! The dashboard in the browser: a child of the application root, which serves the page of the
//! session supervisor that runs when it is started.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;

use ractor::ActorProcessingErr;
use session_supervisor::{ChildSpec, Dashboard, SessionSupervisor, StopSignal, Task};
use tokio::net::TcpListener;

type Socket = Arc<std::net::TcpListener>;

/// It only shows. All who reach the address can read it, so it is best one of loopback.
pub(crate) fn spec(address: SocketAddr) -> Result<ChildSpec<Task>, String> {
    let socket = bind(address).map_err(|error| format!("cannot listen on {address}: {error}"))?;
    Ok(ChildSpec::task_with(socket, |socket, _, stop| {
        serve(socket, stop)
    }))
}

fn bind(address: SocketAddr) -> std::io::Result<Socket> {
    let socket = std::net::TcpListener::bind(address)?;
    socket.set_nonblocking(true)?;
    Ok(Arc::new(socket))
}

async fn serve(socket: Socket, stop: StopSignal) -> Result<(), ActorProcessingErr> {
    let sessions = SessionSupervisor::where_is(SessionSupervisor::NAME);
    let sessions = sessions.ok_or("the session supervisor is down")?;
    let told = format!("dashboard on http://{}/\n", socket.local_addr()?);
    std::io::stdout().write_all(told.as_bytes()).ok();
    let page = Dashboard::new(&sessions).close_on(stop.requested());
    let server = axum::serve(
        TcpListener::from_std(socket.try_clone()?)?,
        page.router::<()>(),
    );
    let server = server.with_graceful_shutdown(stop.requested());
    tokio::select! {
        served = async { server.await } => Ok(served?),
        // If it is restarted, its page has to be another one too.
        _ = sessions.wait() => Err("the session supervisor has ended".into()),
    }
}
