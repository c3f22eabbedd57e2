//! The server: accepts clients until it is told to stop, then stops all sessions gracefully.
//!
//! Absent on purpose: a deadline. Every session has its own, and a second signal changes nothing.

use std::io;

use session_supervisor::error::{StartSupervisorError, SupervisorDown};
use session_supervisor::{Options, SessionSupervisor, ShutdownReport};
use tokio::io::{BufReader, BufWriter};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::client::{self, Shared};
use crate::flags::{Flags, Input};
use crate::rooms::Rooms;

/// Serves until a signal comes, or until standard input ends.
pub(crate) async fn serve(flags: Flags) -> Result<(), String> {
    let options = Options::new().session_restart_limit(flags.restarts, flags.window);
    let sessions = SessionSupervisor::start(options)
        .await
        .map_err(|error: StartSupervisorError| error.to_string())?;
    let listener = TcpListener::bind(flags.listen)
        .await
        .map_err(|error| format!("cannot listen on {}: {error}", flags.listen))?;
    let signal = stop_signal().map_err(|error| format!("cannot wait for signals: {error}"))?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    println!("listening on {address}");

    let (close, closing) = watch::channel(false);
    let shared = Shared {
        sessions: sessions.clone(),
        rooms: Rooms::default(),
        closing,
    };
    let mut clients = JoinSet::new();
    let mut script = JoinSet::new();
    if flags.input == Input::SocketsAndStdin {
        let stdin = BufReader::new(tokio::io::stdin());
        script.spawn(client::serve(shared.clone(), 0, stdin, tokio::io::stdout()));
    }
    tokio::pin!(signal);
    let mut number = 0;
    loop {
        tokio::select! {
            () = &mut signal => break,
            Some(_) = script.join_next() => break,
            Some(_) = clients.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    number += 1;
                    clients.spawn(welcome(shared.clone(), number, stream));
                }
                // Too many open files, or a client that was gone at once: the next one may do.
                Err(error) => {
                    eprintln!("a client could not be accepted: {error}");
                    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                }
            }
        }
    }
    drop(listener);
    let report = sessions.stop().await;
    close.send(true).ok();
    while clients.join_next().await.is_some() {}
    while script.join_next().await.is_some() {}
    print(report)
}

async fn welcome(shared: Shared, number: u64, stream: TcpStream) {
    // Small lines are sent at once. If that cannot be set, they come a little later.
    stream.set_nodelay(true).ok();
    let (reader, writer) = stream.into_split();
    let writer = BufWriter::new(writer);
    client::serve(shared, number, BufReader::new(reader), writer).await;
}

fn print(report: Result<ShutdownReport, SupervisorDown>) -> Result<(), String> {
    let report = report.map_err(|error| error.to_string())?;
    println!(
        "stopped in {:?}: {} stopped, {} failed, {} killed, {} zombies, {} not running",
        report.took,
        report.stopped,
        report.failed,
        report.killed,
        report.zombies,
        report.not_running
    );
    Ok(())
}

/// Returns at Ctrl-C or SIGTERM, of which both are caught from now on.
#[cfg(unix)]
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Returns at Ctrl-C.
#[cfg(not(unix))]
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    Ok(async {
        tokio::signal::ctrl_c().await.ok();
    })
}
