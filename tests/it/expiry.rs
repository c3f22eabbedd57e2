//! D26: sessions that end although nobody stops them, since they are idle or have lived for as long
//! as they may, and leases, which keep them from the former.
//!
//! The sentences that begin a test are those of the documentation.

mod idle;
mod leases;
mod lifetimes;

use std::time::Duration;

use session_supervisor::SessionSupervisor;
use tokio::time::sleep;

const SECOND: Duration = Duration::from_secs(1);

/// How long a session may be idle here.
const TIMEOUT: Duration = Duration::from_millis(40);

/// tokio's timers count in milliseconds and round up.
const TICK: Duration = Duration::from_millis(1);

/// Whether it runs now, and whether it still does when so much time has passed, and a tick more.
async fn runs_for(sessions: &SessionSupervisor, id: &str, time: Duration) -> (bool, bool) {
    sleep(time - TICK).await;
    let before = sessions.is_running(id);
    sleep(3 * TICK).await;
    (before, sessions.is_running(id))
}

/// What [`runs_for`] says of one that ends just then.
const ENDS_THEN: (bool, bool) = (true, false);
