//! Starting again what ran when the process ended.

use std::sync::Arc;

use session_supervisor::error::StartError::{AlreadyStarted, Draining, Stopped, SupervisorDown};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::engine::Standing;
use crate::error::{NotRestored, StartError};
use crate::journal::Journal;
use crate::loaded::{Waiting, is_restored};
use crate::part::{Part, Parts};
use crate::supervisor::DurableSupervisor;
use crate::writer::chain;

/// How many sessions of a supervisor are restored at once, however many parts it takes over. Each start reads
/// from the store, which answers one read after another, and the start's timeout runs meanwhile. The
/// supervisor's own limit of launches applies too.
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

impl RestoreReport {
    /// With what another part says.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.restored += other.restored;
        self.failed.extend(other.failed);
        self.set_aside.extend(other.set_aside);
        self.resting += other.resting;
        self.left += other.left;
        self
    }
}

/// Where the report of a part is sent when the part is restored.
pub(crate) type Done = watch::Sender<Option<RestoreReport>>;

/// Restores all sessions that wait for it, the latest used first. Each part gets a report of its own.
pub(crate) async fn restore(
    durable: DurableSupervisor,
    order: Vec<Waiting>,
    parts: Vec<(Part, Done)>,
) {
    let journal = durable.journal();
    let mut reports = Reports::of(journal, parts, &order);
    let mut order = order.into_iter();
    // How many of the next sessions have had their states read already.
    let mut ahead = 0;
    let mut starts = JoinSet::new();
    loop {
        let ended = tokio::select! {
            biased;
            Some(ended) = starts.join_next() => ended,
            place = durable.place_to_restore(), if order.len() > 0 => {
                if ahead == 0 {
                    let next = order.as_slice().iter().take(AT_ONCE);
                    ahead = next.len();
                    let waits = |id: &str| {
                        journal.look(id).is_some_and(|(_, standing)| is_restored(&standing))
                    };
                    let next = next.map(|waiting| &waiting.id).filter(|id| waits(id));
                    journal.read_ahead(next.cloned().collect()).await;
                }
                ahead -= 1;
                if let Some(Waiting { id, record, .. }) = order.next() {
                    // A session that was ensured meanwhile runs already.
                    match journal.look(&id) {
                        Some((revision, standing)) if is_restored(&standing) => {
                            let resume = durable.resume(Arc::clone(&id), revision, record);
                            starts.spawn(async move {
                                let resumed = resume.await.map(drop);
                                drop(place);
                                (id, resumed)
                            });
                        }
                        Some((_, Standing::Running { .. })) => {
                            reports.done(&id, |report| report.restored += 1);
                        }
                        _ => reports.done(&id, |_| {}),
                    }
                }
                continue;
            }
            else => break,
        };
        // A start has no result only if the runtime is being shut down.
        let Ok((id, resumed)) = ended else {
            continue;
        };
        journal.is_started(&id);
        match resumed {
            Ok(()) => reports.done(&id, |report| report.restored += 1),
            // The supervisor stops. The remaining sessions are restored the next time.
            Err(StartError::Session(SupervisorDown | Draining)) => {
                reports.done(&id, |report| report.left += 1);
                for waiting in order.by_ref() {
                    reports.done(&waiting.id, |report| report.left += 1);
                }
            }
            // A caller has stopped or resumed the session meanwhile.
            Err(StartError::NotRemembered | StartError::Session(Stopped)) => {
                reports.done(&id, |_| {});
            }
            Err(StartError::Session(AlreadyStarted { .. })) => {
                reports.done(&id, |report| report.restored += 1);
            }
            Err(_) if journal.look(&id).is_none() => reports.done(&id, |_| {}),
            Err(error) => {
                let why = chain(&error);
                tracing::error!("session {id:?} was not restored: {why}; it is remembered");
                let failed = NotRestored {
                    id: Arc::clone(&id),
                    why,
                };
                reports.done(&id, |report| report.failed.push(failed.clone()));
            }
        }
    }
    reports.end();
}

/// The reports of some parts, while their sessions are being restored.
struct Reports(Parts<OfPart>);

struct OfPart {
    report: RestoreReport,
    /// How many sessions of the part are not decided yet.
    open: usize,
    /// None: the report has been sent.
    done: Option<Done>,
}

impl Reports {
    fn of(journal: &Journal, parts: Vec<(Part, Done)>, order: &[Waiting]) -> Self {
        let parts = parts.into_iter().map(|(part, done)| {
            let (set_aside, resting) = journal.not_restored(part);
            for NotRestored { id, why } in &set_aside {
                tracing::error!("session {id:?} is set aside: {why}");
            }
            let report = RestoreReport {
                set_aside,
                resting,
                ..RestoreReport::default()
            };
            let of_part = OfPart {
                report,
                open: 0,
                done: Some(done),
            };
            (part, of_part)
        });
        let mut reports = Self(parts.collect());
        for waiting in order {
            for of_part in reports.0.of(&waiting.id) {
                of_part.open += 1;
            }
        }
        let parts = reports.0.values_mut();
        parts
            .filter(|of_part| of_part.open == 0)
            .for_each(OfPart::tell);
        reports
    }

    /// A session is decided: `how` notes that in the report of each part that has its id.
    fn done(&mut self, id: &str, mut how: impl FnMut(&mut RestoreReport)) {
        for of_part in self.0.of(id) {
            how(&mut of_part.report);
            of_part.open = of_part.open.saturating_sub(1);
            if of_part.open == 0 {
                of_part.tell();
            }
        }
    }

    fn end(mut self) {
        self.0.values_mut().for_each(OfPart::tell);
    }
}

impl OfPart {
    fn tell(&mut self) {
        if let Some(done) = self.done.take() {
            let report = std::mem::take(&mut self.report);
            tracing::info!(
                restored = report.restored,
                failed = report.failed.len(),
                set_aside = report.set_aside.len(),
                "sessions restored"
            );
            done.send_replace(Some(report));
        }
    }
}
