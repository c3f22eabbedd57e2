//! The server: an application whose root has the session supervisor and the listener, from its
//! start to its exit status.

use std::io::Write;
use std::net::SocketAddr;
use std::time::Duration;

use session_supervisor::{Application, EndCause, Ended, Options, Supervisor};
use tokio::io::BufReader;
use tokio::sync::watch;

use crate::causes::in_full;
use crate::client::{self, House};
#[cfg(feature = "dashboard")]
use crate::dashboard;
use crate::flags::{Flags, Input};
use crate::listener;
use crate::rooms::Rooms;
use crate::session::Rules;

/// How long the last news may take, and clients to read them.
const GOODBYE: Duration = Duration::from_secs(5);

/// Serves until a signal comes, standard input ends, or the application gives up.
pub(crate) async fn serve(flags: Flags) -> Result<Ended, String> {
    let (close, closing) = watch::channel(false);
    let rules = Rules::of(&flags);
    let rooms = Rooms::default();
    let told = rooms.clone();
    let house = move |root: Supervisor| House {
        root,
        rules: rules.clone(),
        rooms: rooms.clone(),
        closing: closing.clone(),
    };
    let options = Options::new().session_restart_limit(flags.restarts, flags.window);
    let application = Application::new(options)
        .name("session_server")
        .child("listener", listener::spec(flags.listen, house.clone()))
        .stop_timeout(flags.deadline);
    let application = with_dashboard(application, flags.dashboard)?;
    let running = application.start().await;
    let running = running.map_err(|error| in_full(&error))?;
    if flags.input == Input::SocketsAndStdin {
        let root = running.supervisor().clone();
        drop(tokio::spawn(obey(house(root), flags.deadline)));
    }
    drop(house);
    let ended = running.wait().await;
    if ended.cause != EndCause::Interrupted {
        // The end of each session is told before the server's.
        tokio::time::timeout(GOODBYE, told.all_told()).await.ok();
        close.send(true).ok();
        // Every client holds a receiver until it is done.
        tokio::time::timeout(GOODBYE, close.closed()).await.ok();
    }
    print(&ended);
    Ok(ended)
}

#[cfg(feature = "dashboard")]
fn with_dashboard(
    application: Application,
    address: Option<SocketAddr>,
) -> Result<Application, String> {
    Ok(match address {
        Some(address) => application.child("dashboard", dashboard::spec(address)?),
        None => application,
    })
}

#[cfg(not(feature = "dashboard"))]
fn with_dashboard(application: Application, _: Option<SocketAddr>) -> Result<Application, String> {
    Ok(application)
}

/// Takes commands from standard input, whose end stops the server.
async fn obey(house: House, deadline: Duration) {
    let root = house.root.clone();
    let stdin = BufReader::new(tokio::io::stdin());
    client::serve(house, 0, stdin, tokio::io::stdout()).await;
    // Others may have stopped it.
    root.stop_within(deadline).await.ok();
}

/// What cannot be printed, since the output is closed, does not change the exit status.
fn print(ended: &Ended) {
    let report = ended.report.map(|report| {
        format!(
            " in {:?}: {} stopped, {} failed, {} killed, {} stuck, {} not running",
            report.took,
            report.stopped,
            report.failed,
            report.killed,
            report.stuck,
            report.not_running
        )
    });
    let told = format!("{}{}\n", ended.cause, report.unwrap_or_default());
    std::io::stdout().write_all(told.as_bytes()).ok();
}
