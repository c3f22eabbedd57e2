//! Starting again what ran when the process ended.

use std::sync::Arc;

use session_supervisor::error::StartError::{AlreadyStarted, Draining, Stopped, SupervisorDown};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::engine::{Kept, Standing};
use crate::error::{NotRestored, StartError};
use crate::loaded::{Waiting, is_restored};
use crate::supervisor::DurableSupervisor;
use crate::writer::chain;

/// How many sessions of a supervisor are restored at once, however many parts it takes over: each start reads
/// from the store, one after another, and its time runs meanwhile. The supervisor's own limit of launches
/// holds too.
pub(crate) const AT_ONCE: usize = 64;

/// What became of the sessions that were remembered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RestoreReport {
    /// How many sessions run again.
    pub restored: usize,
    /// These could not be started. They are remembered, and tried again when the store is opened the
    /// next time, or when they are [ensured](DurableSupervisor::ensure_session) or
    /// [resumed](DurableSupervisor::resume_session).
    pub failed: Vec<NotRestored>,
    /// These cannot be read, and are left as they are until somebody decides:
    /// [`discard`](DurableSupervisor::discard), [`start_anew`](DurableSupervisor::start_anew).
    pub set_aside: Vec<NotRestored>,
    /// How many rest, and are started when they are used.
    pub resting: usize,
    /// How many were not tried, since the supervisor stopped or drained before their turn. They wait for
    /// the next time.
    pub left: usize,
}

/// Restores all that waits for it, the ones that were used last first.
pub(crate) async fn restore(
    durable: DurableSupervisor,
    order: Vec<Waiting>,
    mine: impl Fn(&str) -> bool + Send,
    done: watch::Sender<Option<RestoreReport>>,
) {
    let mut report = RestoreReport::default();
    let all = durable.journal().all().into_iter();
    for (id, _, standing) in all.filter(|(id, _, _)| mine(id)) {
        match standing {
            Standing::SetAside(why) => {
                let why = why.to_string();
                report.set_aside.push(NotRestored { id, why });
            }
            Standing::Kept(Kept::Resting) => report.resting += 1,
            _ => {}
        }
    }
    let mut order = order.into_iter();
    let mut starts = JoinSet::new();
    loop {
        let ended = tokio::select! {
            biased;
            Some(ended) = starts.join_next() => ended,
            place = durable.place_to_restore(), if order.len() > 0 => {
                if let Some(Waiting { id, record, .. }) = order.next() {
                    // One that was ensured meanwhile runs already.
                    match durable.journal().look(&id) {
                        Some((revision, standing)) if is_restored(&standing) => {
                            let resume = durable.resume(Arc::clone(&id), revision, record);
                            starts.spawn(async move {
                                let resumed = resume.await.map(drop);
                                drop(place);
                                (id, resumed)
                            });
                        }
                        Some((_, Standing::Running { .. })) => report.restored += 1,
                        _ => {}
                    }
                }
                continue;
            }
            else => break,
        };
        match ended {
            Ok((_, Ok(()))) => report.restored += 1,
            // It stops: what is left is restored the next time.
            Ok((_, Err(StartError::Session(SupervisorDown | Draining)))) => {
                report.left += 1 + order.len();
                order = Vec::new().into_iter();
            }
            // Somebody has stopped or resumed it meanwhile.
            Ok((_, Err(StartError::NotRemembered | StartError::Session(Stopped)))) => {}
            Ok((_, Err(StartError::Session(AlreadyStarted { .. })))) => report.restored += 1,
            Ok((id, Err(_))) if durable.journal().look(&id).is_none() => {}
            Ok((id, Err(error))) => {
                let why = chain(&error);
                tracing::error!("session {id:?} was not restored: {why}; it is remembered");
                report.failed.push(NotRestored { id, why });
            }
            // Only a runtime that is shut down ends one.
            Err(_) => {}
        }
    }
    for NotRestored { id, why } in &report.set_aside {
        tracing::error!("session {id:?} is set aside: {why}");
    }
    tracing::info!(
        restored = report.restored,
        failed = report.failed.len(),
        set_aside = report.set_aside.len(),
        "sessions restored"
    );
    done.send_replace(Some(report));
}
