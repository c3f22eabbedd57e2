//! Random specs of children: those of sessions, and what only children have.

use session_supervisor::engine::{Policy, Restart, Shutdown, Significance};

use crate::domain::SimSpec;
use crate::rng::Rng;

pub(crate) fn spec(rng: &mut Rng) -> SimSpec {
    let (policy, pauses) = crate::rules::policy(rng);
    let significant = policy.restart != Restart::Permanent && rng.chance(40);
    let shutdown = match policy.shutdown {
        Shutdown::Timeout(grace) if rng.chance(30) => Shutdown::Drain(grace),
        other => other,
    };
    let policy = Policy {
        shutdown,
        backoff: policy.backoff.filter(|_| rng.chance(75)),
        significance: if significant {
            Significance::Significant
        } else {
            Significance::Ordinary
        },
        ..policy
    };
    SimSpec::new(policy, pauses)
}
