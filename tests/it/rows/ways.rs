//! What several themes need: the ways in which a session ends, a parent that notes how its
//! supervisor ended, and a value that tells when the spec that holds it is dropped.

use std::time::Duration;

use ractor::ActorRef;
use session_supervisor::{Options, Restart, SessionInfo, SessionSupervisor};

use crate::support::{Order, Parent, Probe, back, died, end, supervisor};

/// Long enough for every pause, timeout and window that a test does not set itself.
pub(super) const HOUR: Duration = Duration::from_secs(3_600);

/// OTP's window.
pub(super) const WINDOW: Duration = Duration::from_secs(5);

pub(super) const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A way in which a session ends without a request to its supervisor.
#[derive(Clone, Copy, Debug)]
pub(super) enum Way {
    Stop,
    StopFor(&'static str),
    Drain,
    Error,
    Panic,
    Kill,
}

impl Way {
    /// `post_stop` goes through. A text never makes an end abnormal, whatever it says.
    pub(super) const NORMAL: [Self; 6] = [
        Self::Stop,
        Self::StopFor("shutdown"),
        Self::StopFor("killed"),
        Self::StopFor("actor_task_cancelled"),
        Self::StopFor("panicked: out of order"),
        Self::Drain,
    ];

    pub(super) const ABNORMAL: [Self; 3] = [Self::Error, Self::Panic, Self::Kill];

    /// Ends the session in this way and waits until its actor has ended.
    pub(super) async fn end(self, session: &ActorRef<Order>) {
        match self {
            Self::Stop => session.stop(None),
            Self::StopFor(reason) => session.stop(Some(reason.to_owned())),
            Self::Drain => session.drain().expect("the session still runs"),
            Self::Error => return end(session, Order::Crash).await,
            Self::Panic => return end(session, Order::Panic).await,
            Self::Kill => session.kill(),
        }
        died(&session.get_cell()).await;
    }
}

/// The running session of this id.
pub(super) fn running(sessions: &SessionSupervisor, id: &str) -> ActorRef<Order> {
    sessions.find_session_as(id).expect("the session runs")
}

/// Lets the running session of this id crash and waits until its actor has ended.
pub(super) async fn crash(sessions: &SessionSupervisor, id: &str) {
    end(&running(sessions, id), Order::Crash).await;
}

/// The same, and waits until it runs again as another incarnation.
pub(super) async fn crash_and_back(sessions: &SessionSupervisor, id: &str) {
    let old = running(sessions, id);
    end(&old, Order::Crash).await;
    let new = back(sessions, id).await;
    assert_ne!(new.get_id(), old.get_id(), "another incarnation of {id}");
}

pub(super) async fn info(sessions: &SessionSupervisor, id: &str) -> SessionInfo {
    let info = sessions.session_info(id).await;
    info.expect("the supervisor runs")
        .expect("the session is known")
}

/// A supervisor under a parent, and the probe that has one note when the supervisor has ended: its
/// reason.
pub(crate) async fn with_parent(options: Options) -> (SessionSupervisor, Probe) {
    let probe = Probe::default();
    let (parent, _) = Parent::start(&probe).await;
    let options = options.unique_name();
    let sessions = SessionSupervisor::start_link(parent.get_cell(), options)
        .await
        .expect("a unique name is free");
    (sessions, probe)
}

/// The reason with which the supervisor ended, once it has.
pub(crate) async fn reason(parent: &Probe) -> String {
    let tally = parent.until(|tally| !tally.notes.is_empty()).await;
    assert_eq!(tally.notes.len(), 1, "it ends once: {:?}", tally.notes);
    tally.notes[0].clone()
}

/// Captured by a start function, it notes when the spec is dropped.
pub(super) struct Held(Probe);

impl Held {
    const NOTE: &'static str = "the spec is dropped";

    pub(super) fn new(probe: &Probe) -> Self {
        Self(probe.clone())
    }

    pub(super) async fn dropped(probe: &Probe) {
        let noted = |note: &String| note == Self::NOTE;
        probe.until(|tally| tally.notes.iter().any(noted)).await;
    }

    /// To be called in the start function.
    pub(super) fn touch(&self) {}
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.note(Self::NOTE);
    }
}

/// Whatever else the runtime has to do, so that the caller is at times polled before the root.
#[tokio::test(start_paused = true)]
async fn who_saw_a_session_end_is_answered_as_if_it_had() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    for others in 0..100 {
        let spec = probe.spec().restart(Restart::Temporary);
        let session = sessions.start_session("a", spec).await.unwrap();
        for _ in 0..others {
            drop(tokio::spawn(async {}));
        }
        Way::Stop.end(&session).await;
        let counts = sessions.count_sessions().await.unwrap();
        assert_eq!(counts.specs, 0, "beside {others} other tasks");
    }
}
