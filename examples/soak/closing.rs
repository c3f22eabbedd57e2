//! What must hold when a supervisor has ended.

use std::time::{Duration, Instant};

use session_supervisor::error::{RestartError, StartError, StopError};

use crate::ask::{PATIENCE, ask, within};
use crate::figures::{self, Stuck};
use crate::session::Plan;
use crate::succession::{End, Instance};
use crate::tally::{self, Deed};
use crate::verdict::{contradiction, must};

/// Waits until nothing of a supervisor is left that has been ended, or has ended itself.
pub(crate) async fn close(instance: &Instance) {
    close_with(instance, Stuck(0)).await;
}

/// The same after so many sessions were given up as stuck.
pub(crate) async fn close_with(instance: &Instance, stuck: Stuck) {
    instance.root_is_gone().await;
    let name = instance.sessions.name();
    if instance.ended().is_none() {
        must(instance.kind.may_escalate(), || {
            format!("{name} has ended by itself")
        });
        tally::ESCALATED.one();
    }
    let waits_for = waits_for(instance.ended());
    if waits_for == WaitsFor::States {
        let living = instance.census.living();
        must(living.is_empty(), || {
            format!(
                "{name} has ended ({:?}) and left {living:?}",
                instance.ended()
            )
        });
    }
    // A successor's names are the same.
    if waits_for != WaitsFor::None && !instance.has_successor() {
        must(names_left(name) == 0, || {
            format!("{name} has ended ({:?}) and left names", instance.ended())
        });
    }
    until(
        || instance.census.alive() == 0,
        "sessions outlive",
        instance,
    )
    .await;
    if !instance.has_successor() {
        // The root of a tree is no life of the census, and may end after a root that was killed.
        until(|| names_left(name) == 0, "names outlive", instance).await;
    }
    until_down(instance).await;
    is_down(instance).await;
    let stats = figures::at_the_end(instance, stuck).await;
    if let Some(followers) = instance.followers() {
        followers.end(instance.sessions.name(), &stats).await;
    }
}

/// What is certain when a root is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WaitsFor {
    /// A root that was killed leaves its sessions to the driver task.
    None,
    /// All sessions have ended. The state of one that was killed lies in the root's event port,
    /// which is not read any more after a foreign stop, and is dropped after the root.
    Sessions,
    /// Their states are dropped, too.
    States,
}

const fn waits_for(end: Option<End>) -> WaitsFor {
    match end {
        Some(End::Kill) => WaitsFor::None,
        Some(End::ForeignStop | End::Drain) => WaitsFor::Sessions,
        Some(End::Stop | End::StopWithin(_) | End::StopAndLeave | End::DrainWithin(..)) | None => {
            WaitsFor::States
        }
    }
}

/// How many names of its sessions and of their children are in ractor's registry.
pub(crate) fn names_left(supervisor: &str) -> usize {
    let names = ractor::registry::registered();
    let of = |name: &str| {
        let below = name.strip_prefix(supervisor);
        below.is_some_and(|below| below.starts_with('/'))
    };
    names.iter().filter(|name| of(name)).count()
}

/// Waits for what must come, without a signal for it.
pub(crate) async fn until(holds: impl Fn() -> bool, what: &str, instance: &Instance) {
    let began = Instant::now();
    while !holds() {
        if began.elapsed() > PATIENCE {
            let name = instance.sessions.name();
            contradiction(&format!("{what} {name} for {PATIENCE:?}"));
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// The driver task may answer until it is done.
async fn until_down(instance: &Instance) {
    let down = async {
        while instance.sessions.count_sessions().await.is_ok() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    within(down, || "an ended supervisor answers".to_owned()).await;
}

/// The handle of a supervisor that has ended says so to everything, and for ever.
async fn is_down(instance: &Instance) {
    let (sessions, entry) = (&instance.sessions, instance.census.entry(0));
    let id = entry.id.as_str();
    let down = [
        ask(Deed::Count, sessions.count_sessions()).await.is_err(),
        ask(Deed::List, sessions.list_sessions()).await.is_err(),
        ask(Deed::Info, sessions.session_info(id)).await.is_err(),
        ask(Deed::Stop, sessions.stop_session(id)).await == Err(StopError::SupervisorDown),
        matches!(
            ask(Deed::Restart, sessions.restart_session(id)).await,
            Err(RestartError::SupervisorDown)
        ),
        matches!(
            ask(
                Deed::Start,
                sessions.start_session(id, Plan::FINE.spec(entry))
            )
            .await,
            Err(StartError::SupervisorDown)
        ),
        ask(Deed::StopSupervisor, sessions.stop()).await.is_err(),
        sessions.find_session(id).is_none(),
    ];
    must(down == [true; 8], || {
        format!("{} has ended and answers: {down:?}", sessions.name())
    });
}
