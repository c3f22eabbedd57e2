//! Random rules of sessions and supervisors: few values, so that they collide and their edges meet.

use std::time::Duration;

use session_supervisor::engine::{
    Backoff, ChildKind, Limit, OnRestartLimit, OwnLimit, Policy, Restart, Settings, Shutdown,
    Significance,
};

use crate::rng::Rng;

pub(crate) const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

const WINDOWS: [u64; 4] = [20, 100, 1_000, 5_000];

pub(crate) fn limit(rng: &mut Rng) -> Limit {
    let max = rng.pick(&[0, 1, 1, 2, 3]);
    Limit::new(max, ms(rng.pick(&WINDOWS))).unwrap()
}

/// A backoff as the model knows it: the engine's own hides its parts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pauses {
    pub(crate) first: Duration,
    pub(crate) max: Duration,
    pub(crate) doubles: bool,
    pub(crate) jitter: bool,
}

impl Pauses {
    pub(crate) const NONE: Self = Self {
        first: Duration::ZERO,
        max: Duration::ZERO,
        doubles: false,
        jitter: false,
    };

    /// The shortest and the longest pause that is allowed at a step.
    pub(crate) fn bounds(&self, step: u32) -> (Duration, Duration) {
        let mut full = self.first;
        if self.doubles {
            for _ in 0..step {
                full = (full * 2).min(self.max);
            }
        }
        (if self.jitter { full / 2 } else { full }, full)
    }

    fn backoff(&self) -> Backoff {
        let backoff = match (self.first.is_zero(), self.doubles) {
            (true, _) => Backoff::none(),
            (false, false) => Backoff::constant(self.first),
            (false, true) => Backoff::exponential(self.first, self.max),
        };
        if self.jitter {
            backoff.with_jitter()
        } else {
            backoff
        }
    }
}

pub(crate) fn policy(rng: &mut Rng) -> (Policy, Pauses) {
    let first = ms(rng.pick(&[0, 0, 30, 10]));
    let pauses = Pauses {
        first,
        max: if rng.chance(70) { first * 7 } else { first },
        doubles: rng.chance(60),
        jitter: rng.chance(40),
    };
    let policy = Policy {
        restart: rng.pick(&[
            Restart::Permanent,
            Restart::Permanent,
            Restart::Transient,
            Restart::Temporary,
        ]),
        shutdown: match rng.below(8) {
            0 | 1 => Shutdown::BrutalKill,
            2 => Shutdown::Infinity,
            3 => Shutdown::Timeout(Duration::ZERO),
            4 => Shutdown::Drain(ms(rng.pick(&[0, 300]))),
            _ => Shutdown::Timeout(ms(rng.pick(&[1, 300, 5_000]))),
        },
        start_timeout: ms(rng.pick(&[50, 1_000, 30_000])),
        limit: match rng.below(4) {
            0 => OwnLimit::Inherited,
            1 => OwnLimit::Unlimited,
            _ => OwnLimit::Own(limit(rng)),
        },
        backoff: Some(pauses.backoff()),
        kind: rng.pick(&[ChildKind::Worker, ChildKind::Supervisor]),
        significance: Significance::Ordinary,
        ..Policy::default()
    };
    (policy, pauses)
}

pub(crate) fn settings(rng: &mut Rng) -> Settings {
    Settings {
        max_sessions: rng.pick(&[1, 2, 2, 3, usize::MAX, usize::MAX]),
        session_limit: rng.chance(60).then(|| limit(rng)),
        on_limit: rng.pick(&[
            OnRestartLimit::Park,
            OnRestartLimit::Park,
            OnRestartLimit::Remove,
            OnRestartLimit::Escalate,
        ]),
        total_limit: rng
            .chance(25)
            .then(|| Limit::new(rng.pick(&[0, 1, 2, 3, 5]), ms(rng.pick(&WINDOWS))).unwrap()),
        park_trial: rng.chance(70).then(|| {
            let first = ms(rng.pick(&[10, 100]));
            (first, first * rng.pick(&[1, 5]))
        }),
        max_parked: rng.pick(&[0, 1, 2, usize::MAX, usize::MAX]),
        seed: rng.next(),
        // Histories of their own have these.
        max_launches: usize::MAX,
        start_rate: None,
        quota: None,
        backoff: Backoff::none(),
    }
}
