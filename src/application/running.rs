//! An application that runs: its handles, the wait for its end, and the stop within the deadline.
//!
//! No handle of the session supervisor is kept. It may be restarted, and is looked up anew.

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use super::apart::{Done, LITTLE_PATIENCE, PATIENCE, apart};
use super::signals::Signals;
use super::standby::Standby;
use super::{EndCause, Ended};
use crate::actor::guarded::drop_guarded;
use crate::actor::log::TARGET;
use crate::actor::unwind::guard;
use crate::engine::{Chain, KILL_BOUND};
use crate::error::{StartError, SupervisorDown};
use crate::{ChildSpec, SessionSupervisor, Supervisor, Tree};

/// How long after the deadline a root that still answers is waited for. Where many end, the kill
/// bound begins with the last of these ends, and that may take ten seconds.
const LONGEST: Duration = Duration::from_secs(12);

/// An application whose root is up. Dropped, it runs on, but without a receiver for signals.
#[derive(Debug)]
#[must_use = "signals are received by `wait` alone"]
pub struct RunningApplication {
    root: Supervisor,
    /// The name of the session supervisor.
    supervisor: Arc<str>,
    signals: Signals,
    stop_timeout: Duration,
}

/// What concerns the root no more.
pub(super) struct Rest {
    /// The name of the session supervisor.
    pub(super) supervisor: String,
    pub(super) sessions: Unstarted,
    pub(super) stop_timeout: Duration,
}

impl RunningApplication {
    /// The application, and the start of its default sessions.
    pub(super) fn of(
        root: Supervisor,
        signals: Signals,
        rest: Rest,
    ) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let supervisor: Arc<str> = rest.supervisor.into();
        let sessions = start_all(Arc::clone(&supervisor), rest.sessions);
        let running = Self {
            root,
            supervisor,
            signals,
            stop_timeout: rest.stop_timeout,
        };
        (running, sessions)
    }

    /// The root.
    #[must_use]
    pub const fn supervisor(&self) -> &Supervisor {
        &self.root
    }

    /// The session supervisor; `None` while it is restarted and when it has ended. The calls of a
    /// handle from before a restart fail with "down": look the supervisor up again.
    #[must_use]
    pub fn sessions(&self) -> Option<SessionSupervisor> {
        SessionSupervisor::where_is(&self.supervisor)
    }

    /// The application as a tree: its root, its children, their sessions and what is below these.
    /// As [`SessionSupervisor::tree`], which says how long it waits.
    ///
    /// # Errors
    ///
    /// [`SupervisorDown`] if the application has ended.
    ///
    /// # Cancel safety
    ///
    /// Safe: it changes nothing.
    pub fn tree(
        &self,
    ) -> impl Future<Output = Result<Tree, SupervisorDown>> + Send + 'static + use<> {
        self.root.tree()
    }

    /// Waits for the end of the application and returns its cause and its report.
    ///
    /// At Ctrl-C, SIGTERM or SIGHUP it stops the children, the last started first, and kills what
    /// is left at the [stop timeout](super::Application::stop_timeout). A Ctrl-C that comes then
    /// ends the wait at once; a further SIGTERM or SIGHUP changes nothing, since a closed terminal
    /// may send several. The root may also be stopped by others, or end by its restart limit. One
    /// line of the log tells how it ended.
    ///
    /// On systems other than Unix it receives Ctrl-C alone.
    ///
    /// It receives signals even if stuck sessions or a log that is not read block all threads of
    /// the runtime. It is then [`Overdue`](EndCause::Overdue) a second after the deadline. For that
    /// it must itself run on a thread that is not blocked, as in the `main` of a multi-thread
    /// runtime.
    ///
    /// # Cancel safety
    ///
    /// Dropped, the application runs on, or goes on stopping, and no signal is received any more.
    pub async fn wait(self) -> Ended {
        self.until_the_end(std::future::ready(())).await
    }

    /// Stops as a signal does, within the deadline, and says how that ended.
    ///
    /// # Cancel safety
    ///
    /// Dropped before the first poll, nothing is stopped. Dropped after it, the application is
    /// stopped all the same.
    pub async fn stop(self) -> Ended {
        self.stop_for(EndCause::Stopped).await
    }

    /// Waits for a signal or the root's end, and does something else meanwhile.
    pub(super) async fn until_the_end(mut self, work: impl Future<Output = ()>) -> Ended {
        let work = async {
            work.await;
            std::future::pending::<Infallible>().await
        };
        let signal = tokio::select! {
            biased;
            report = self.root.wait() => return Ended::of(&self.root, report, EndCause::Stopped).told(Some(&self.root), PATIENCE),
            signal = self.signals.first() => signal,
            never = work => match never {},
        };
        self.stop_timeout = self.signals.left_of(self.stop_timeout);
        self.stop_for(EndCause::Signal(signal)).await
    }

    /// Returns when a signal has come.
    pub(super) async fn signalled(&mut self) {
        self.signals.first().await;
    }

    async fn stop_for(mut self, cause: EndCause) -> Ended {
        let stop = self.root.stop_within(self.stop_timeout);
        let overdue = overdue(self.signals.standby(), self.root.clone(), self.stop_timeout);
        let ended = self.root.wait();
        let stopped = async {
            stop.await.ok();
            ended.await
        };
        let signals = &mut self.signals;
        let interrupted = async {
            match cause {
                // It is the first signal that is being followed.
                EndCause::Signal(_) => signals.interrupted().await,
                _ => signals.interrupted_anew().await,
            }
        };
        let ended = tokio::select! {
            biased;
            report = stopped => Ended::of(&self.root, report, cause),
            () = interrupted => {
                // A program that does not exit now is not left with half of it.
                self.root.get_cell().kill();
                Ended::unfinished(EndCause::Interrupted)
            }
            () = overdue => {
                self.root.get_cell().kill();
                Ended::unfinished(EndCause::Overdue)
            }
        };
        let took = ended.report.map(|report| report.took);
        let patience = match (ended.cause, took) {
            (EndCause::Interrupted | EndCause::Overdue, _) | (_, None) => LITTLE_PATIENCE,
            (_, Some(took)) => self
                .stop_timeout
                .saturating_add(KILL_BOUND)
                .saturating_sub(took)
                .clamp(LITTLE_PATIENCE, PATIENCE),
        };
        ended.told(Some(&self.root), patience)
    }
}

/// Returns when a stop with this deadline is waited for no longer: when its kills have had their
/// time, and the root has answered nothing meanwhile. One that answers is about to end what is
/// left.
async fn overdue(standby: Arc<Standby>, root: Supervisor, deadline: Duration) {
    standby.sleep(deadline).await;
    let silent = async {
        loop {
            tokio::select! {
                biased;
                counts = root.count_children() => if counts.is_err() {
                    // It has ended, and that is about to be told.
                    return standby.sleep(KILL_BOUND * 2).await;
                },
                () = standby.sleep(KILL_BOUND) => return,
            }
            standby.sleep(KILL_BOUND / 10).await;
        }
    };
    tokio::select! {
        biased;
        () = silent => {}
        () = standby.sleep(LONGEST) => {}
    }
}

/// The default sessions that are still to be started.
pub(super) struct Unstarted(std::vec::IntoIter<(String, ChildSpec)>);

impl Unstarted {
    pub(super) fn new(sessions: Vec<(String, ChildSpec)>) -> Self {
        Self(sessions.into_iter())
    }
}

impl Drop for Unstarted {
    fn drop(&mut self) {
        let rest = std::mem::take(&mut self.0);
        // They hold values of the user's.
        if rest.len() > 0 {
            apart(PATIENCE, move || rest.for_each(drop_guarded));
        }
    }
}

/// Starts the default sessions in their order.
async fn start_all(supervisor: Arc<str>, mut sessions: Unstarted) {
    let mut patience = PATIENCE;
    for (session, spec) in sessions.0.by_ref() {
        let started = match SessionSupervisor::where_is(&supervisor) {
            Some(sessions) => sessions.start_session(&session, spec).await,
            None => {
                apart(patience, move || drop_guarded(spec));
                Err(StartError::SupervisorDown)
            }
        };
        if let Err(error) = started {
            let supervisor = Arc::clone(&supervisor);
            // The text and the drop of the error may be a user's.
            let told = apart(patience, move || {
                drop(guard(|| {
                    let reason = Chain(&error).to_string();
                    tracing::error!(
                        target: TARGET,
                        event = "default_session_failed",
                        supervisor = &*supervisor,
                        session,
                        reason,
                        "default session failed to start"
                    );
                }));
                drop_guarded(error);
            });
            // A log that blocks is waited for once.
            if told == Done::NotYet {
                patience = Duration::ZERO;
            }
        }
    }
}

/// Kills what was started of an application if its start is dropped.
pub(super) struct KillOnDrop(Option<Supervisor>);

impl KillOnDrop {
    pub(super) fn new(root: &Supervisor) -> Self {
        Self(Some(root.clone()))
    }

    pub(super) fn defuse(mut self) {
        self.0 = None;
    }
}

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        if let Some(root) = &self.0 {
            root.get_cell().kill();
        }
    }
}
