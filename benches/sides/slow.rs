//! A session whose end takes its time, and a mass stop of very many of them.

use std::time::{Duration, Instant};

use ractor::{ActorProcessingErr, ActorRef};
use session_supervisor::{ChildSpec, Shutdown, ShutdownReport};

use super::lives;

/// The longest `post_stop`, in milliseconds.
const LONGEST: u64 = 4_000;

struct Slow;

#[ractor::actor(message = (), state = Duration, arguments = Duration)]
impl Slow {
    async fn pre_start(
        &self,
        _myself: ActorRef<()>,
        pause: Duration,
    ) -> Result<Duration, ActorProcessingErr> {
        Ok(pause)
    }

    async fn post_stop(
        &self,
        _myself: ActorRef<()>,
        pause: &mut Duration,
    ) -> Result<(), ActorProcessingErr> {
        tokio::time::sleep(*pause).await;
        Ok(())
    }
}

/// Spread evenly from zero to the longest, in no order.
fn pause(n: u64) -> Duration {
    let mut mixed = (n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^= mixed >> 29;
    mixed = mixed.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed ^= mixed >> 32;
    Duration::from_millis(mixed % (LONGEST + 1))
}

/// Stops `n` sessions whose `post_stop` takes up to four seconds, with a grace of ten, within 25 s.
/// Answers the report, and how long its caller waited for it.
pub(crate) async fn mass_stop(n: usize) -> (ShutdownReport, Duration) {
    let sessions = lives::supervisor().await;
    for (i, seed) in (0..n).zip(0..) {
        let spec = ChildSpec::new(move |_| (Slow, pause(seed)))
            .shutdown(Shutdown::Timeout(Duration::from_secs(10)));
        let start = sessions.start_session(&format!("session-{i}"), spec);
        drop(start.await.expect("a start"));
    }
    let began = Instant::now();
    let report = sessions.stop_within(Duration::from_secs(25)).await;
    (report.expect("a running supervisor"), began.elapsed())
}
