//! A succession: a name under which one supervisor after another instances, with the same options.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use session_supervisor::{OnRestartLimit, Options, SessionSupervisor, ShutdownReport};

use crate::ask::{ask, ask_and_leave, within};
use crate::census::Census;
use crate::closing;
use crate::drains;
use crate::feed::Followers;
use crate::rng::Rng;
use crate::tally::{self, Deed};
use crate::verdict::{contradiction, must};

/// How the supervisors of a succession work and end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The defaults, with a short window.
    Calm,
    /// It forgets a session that used up its limit.
    Removing,
    /// It has few places.
    Crowded,
    /// A session that used up its limit ends it.
    Escalating,
    /// All sessions together have a limit.
    Limited,
    /// Its parked sessions are tried again soon.
    Trying,
    /// As well, and few may be parked.
    Discarding,
    /// It launches few at a time.
    Narrow,
    /// It is ended from outside in the middle.
    EndsEarly,
    /// As well, and its successor comes before all of its sessions are gone.
    Hasty,
}

pub(crate) const PLACES: usize = 6;
/// How many sessions may be parked in a succession that discards the others.
pub(crate) const PARKED: usize = 3;
const LAUNCHES: usize = 2;
const FIRST_TRIAL: Duration = Duration::from_millis(20);
const LONGEST_TRIAL: Duration = Duration::from_millis(200);

impl Kind {
    fn options(self, name: &str) -> Options {
        let options = Options::new()
            .name(name)
            .session_restart_limit(3, Duration::from_millis(200))
            // No owner waits for it.
            .park_trial(Duration::from_secs(60), Duration::from_secs(300))
            .seed(1);
        match self {
            Self::Calm | Self::EndsEarly | Self::Hasty => options,
            Self::Removing => options.on_restart_limit(OnRestartLimit::Remove),
            Self::Crowded => options.max_sessions(PLACES),
            Self::Escalating => options.on_restart_limit(OnRestartLimit::Escalate),
            Self::Trying => options.park_trial(FIRST_TRIAL, LONGEST_TRIAL),
            Self::Discarding => options
                .park_trial(FIRST_TRIAL, LONGEST_TRIAL)
                .max_parked(PARKED),
            Self::Narrow => options.max_concurrent_launches(LAUNCHES),
            Self::Limited => options.total_restart_limit(60, Duration::from_millis(200)),
        }
    }

    /// Whether the load may make it end by itself.
    pub(crate) const fn may_escalate(self) -> bool {
        matches!(self, Self::Escalating | Self::Limited)
    }

    /// Whether a session that used up its limit is parked.
    pub(crate) const fn parks(self) -> bool {
        !matches!(self, Self::Removing | Self::Escalating)
    }

    const fn ends_early(self) -> bool {
        matches!(self, Self::EndsEarly | Self::Hasty)
    }
}

/// How a supervisor is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Stop,
    StopWithin(Duration),
    StopAndLeave,
    ForeignStop,
    Drain,
    Kill,
    /// By the supervisor's own drain: so many at a time.
    DrainWithin(Duration, usize),
}

impl End {
    pub(crate) const ALL: [Self; 9] = [
        Self::Stop,
        Self::StopWithin(Duration::ZERO),
        Self::StopWithin(Duration::from_millis(20)),
        Self::StopAndLeave,
        Self::ForeignStop,
        Self::Drain,
        Self::Kill,
        Self::DrainWithin(Duration::from_millis(50), 1),
        Self::DrainWithin(Duration::from_secs(5), 4),
    ];
}

/// One supervisor, from its start to its end.
#[derive(Debug)]
pub(crate) struct Instance {
    number: u64,
    pub(crate) kind: Kind,
    pub(crate) sessions: SessionSupervisor,
    pub(crate) census: Census,
    /// Sessions of the one before may still hold names.
    has_predecessor: bool,
    /// Its name is used by another one, and not all of its sessions may be gone.
    has_successor: AtomicBool,
    ending: AtomicBool,
    end: Mutex<Option<End>>,
    steps: AtomicU64,
    last_step: u64,
    followers: OnceLock<Followers>,
}

/// The instance is over: whatever was to be checked, there is no supervisor left to ask.
#[derive(Debug)]
pub(crate) struct Over;

impl Instance {
    pub(crate) fn of(kind: Kind, sessions: SessionSupervisor, ids: usize) -> Self {
        Self {
            number: 0,
            kind,
            sessions,
            census: Census::new(ids),
            has_predecessor: false,
            has_successor: AtomicBool::new(false),
            ending: AtomicBool::new(false),
            end: Mutex::default(),
            steps: AtomicU64::new(0),
            last_step: u64::MAX,
            followers: OnceLock::new(),
        }
    }

    /// From now on it is followed.
    async fn follow(&self, seed: u64) {
        let followers = Followers::begin(&self.sessions, seed).await;
        must(self.followers.set(followers).is_ok(), || {
            "it is followed already".to_owned()
        });
    }

    pub(crate) fn followers(&self) -> Option<&Followers> {
        self.followers.get()
    }

    /// Whether an answer may say that the supervisor is down.
    pub(crate) fn may_be_down(&self) -> bool {
        self.kind.may_escalate() || self.ending.load(Ordering::SeqCst)
    }

    /// Says that it is over, which must not be a surprise.
    pub(crate) fn over(&self, what: &str) -> Over {
        must(self.may_be_down(), || {
            format!("{}: {what}, but it was not ended", self.sessions.name())
        });
        Over
    }

    /// A contradiction unless it holds, or unless the supervisor has been ended meanwhile.
    pub(crate) fn check(&self, holds: bool, what: impl FnOnce() -> String) -> Result<(), Over> {
        if holds {
            Ok(())
        } else if self.may_be_down() {
            Err(Over)
        } else {
            contradiction(&format!("{}: {}", self.sessions.name(), what()))
        }
    }

    /// A contradiction unless it holds, whatever became of the supervisor.
    pub(crate) fn must(&self, holds: bool, what: impl FnOnce() -> String) -> Result<(), Over> {
        must(holds, || format!("{}: {}", self.sessions.name(), what()));
        Ok(())
    }

    /// Whether a name may be held by a session of the supervisor before.
    pub(crate) fn has_predecessor(&self) -> bool {
        self.has_predecessor
    }

    pub(crate) fn has_successor(&self) -> bool {
        self.has_successor.load(Ordering::SeqCst)
    }

    /// Counts a step; the one that is the last of this instance ends it.
    pub(crate) async fn step(&self, rng: &mut Rng) {
        let step = self.steps.fetch_add(1, Ordering::SeqCst) + 1;
        if self.kind.ends_early() && step == self.last_step {
            let _unread = self.end(rng.pick(&End::ALL)).await;
        }
    }

    /// Ends the supervisor. The report, if it was asked for and given.
    pub(crate) async fn end(&self, how: End) -> Option<ShutdownReport> {
        self.will_end(how);
        let root = self.sessions.get_cell();
        match how {
            End::Stop | End::StopWithin(_) | End::StopAndLeave => tally::STOPPED.one(),
            End::ForeignStop => tally::STOPPED_FROM_OUTSIDE.one(),
            End::Drain => tally::DRAINED.one(),
            End::Kill => tally::KILLED.one(),
            End::DrainWithin(..) => {}
        }
        match how {
            End::Stop => ask(Deed::StopSupervisor, self.sessions.stop()).await.ok(),
            End::StopWithin(time) => {
                let stop = self.sessions.stop_within(time);
                ask(Deed::StopSupervisor, stop).await.ok()
            }
            End::StopAndLeave => {
                ask_and_leave(Deed::StopSupervisor, self.sessions.stop()).await;
                None
            }
            End::ForeignStop => {
                root.stop(Some("stopped by others".to_owned()));
                None
            }
            End::Drain => {
                drop(root.drain());
                None
            }
            End::Kill => {
                root.kill();
                None
            }
            End::DrainWithin(time, at_most) => drains::drain(self, time, at_most).await,
        }
    }

    /// To be said before it is ended, so that no check is surprised.
    pub(crate) fn will_end(&self, how: End) {
        self.ending.store(true, Ordering::SeqCst);
        *self.end.lock().unwrap_or_else(PoisonError::into_inner) = Some(how);
    }

    /// How it was ended; none if not yet, or by itself.
    pub(crate) fn ended(&self) -> Option<End> {
        *self.end.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the root.
    pub(crate) async fn root_is_gone(&self) {
        let root = self.sessions.get_cell();
        let gone = within(root.wait(None), || "a root does not end".to_owned()).await;
        must(gone.is_ok(), || "a root cannot be waited for".to_owned());
    }
}

#[derive(Debug)]
pub(crate) struct Succession {
    kind: Kind,
    name: String,
    ids: usize,
    current: Mutex<Arc<Instance>>,
    /// Those that had a successor before all of their sessions were gone.
    late: Mutex<Vec<Arc<Instance>>>,
    /// Through it goes one successor at a time, and the seed decides its end.
    renewal: tokio::sync::Mutex<Rng>,
}

impl Succession {
    pub(crate) async fn open(kind: Kind, name: String, ids: usize, mut rng: Rng) -> Self {
        let first = instance(kind, &name, ids, 0, Predecessor::Gone, &mut rng).await;
        Self {
            kind,
            name,
            ids,
            current: Mutex::new(Arc::new(first)),
            late: Mutex::default(),
            renewal: tokio::sync::Mutex::new(rng),
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    fn lock(&self) -> MutexGuard<'_, Arc<Instance>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn current(&self) -> Arc<Instance> {
        Arc::clone(&self.lock())
    }

    /// Puts a supervisor in the place of one that is down, unless another worker did.
    pub(crate) async fn renew(&self, old: &Instance) {
        let mut rng = self.renewal.lock().await;
        let last = self.current();
        if last.number != old.number {
            return;
        }
        last.root_is_gone().await;
        let predecessor = if self.kind == Kind::Hasty {
            last.has_successor.store(true, Ordering::SeqCst);
            let mut late = self.late.lock().unwrap_or_else(PoisonError::into_inner);
            late.push(Arc::clone(&last));
            Predecessor::Late
        } else {
            closing::close(&last).await;
            Predecessor::Gone
        };
        let number = last.number + 1;
        let next = instance(
            self.kind,
            &self.name,
            self.ids,
            number,
            predecessor,
            &mut rng,
        );
        let next = Arc::new(next.await);
        *self.lock() = next;
    }

    /// The last instance, and those whose sessions were not waited for.
    pub(crate) fn into_reigns(self) -> (Arc<Instance>, Vec<Arc<Instance>>) {
        let late = self.late.into_inner();
        let current = self.current.into_inner();
        (
            current.unwrap_or_else(PoisonError::into_inner),
            late.unwrap_or_else(PoisonError::into_inner),
        )
    }
}

/// What is left of the supervisor before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Predecessor {
    Gone,
    Late,
}

async fn instance(
    kind: Kind,
    name: &str,
    ids: usize,
    number: u64,
    predecessor: Predecessor,
    rng: &mut Rng,
) -> Instance {
    let start = SessionSupervisor::start(kind.options(name));
    let sessions = match ask(Deed::StartSupervisor, start).await {
        Ok(sessions) => sessions,
        Err(error) => contradiction(&format!("{name} does not start: {error}")),
    };
    let of = Instance::of(kind, sessions, ids);
    of.follow(rng.next()).await;
    if kind == Kind::Narrow {
        of.census.common.launches_at_most(LAUNCHES);
    }
    Instance {
        number,
        has_predecessor: predecessor == Predecessor::Late,
        last_step: 200 + rng.next() % 2_000,
        ..of
    }
}

/// An instance outside all successions, for one who wants to know exactly.
pub(crate) async fn alone(options: Options, ids: usize) -> Instance {
    let start = SessionSupervisor::start(options);
    match ask(Deed::StartSupervisor, start).await {
        Ok(sessions) => {
            let instance = Instance::of(Kind::Calm, sessions, ids);
            // What nobody follows is told less of, and is to be right too.
            let number = instance.census.common.number;
            if number.is_multiple_of(2) {
                instance.follow(number).await;
            }
            instance
        }
        Err(error) => contradiction(&format!("a supervisor does not start: {error}")),
    }
}
