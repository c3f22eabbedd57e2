//! How late the runtime is: a machine that is too busy to run a task for a while may also be too
//! busy to end a session within the kill bound, and then the answer "stuck" is no contradiction.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::verdict::elapsed;

const BEAT: Duration = Duration::from_millis(10);
/// So late is a busy machine.
const LATE: Duration = Duration::from_millis(150);
/// How long that is remembered: the kill bound, and a little.
const MEMORY: Duration = Duration::from_secs(3);

/// When the runtime was late for the last time, in milliseconds since the beginning; 0: never.
static LAST: AtomicU64 = AtomicU64::new(0);
static WORST: AtomicU64 = AtomicU64::new(0);

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Looks for as long as it is polled.
pub(crate) async fn watch() {
    loop {
        let began = Instant::now();
        tokio::time::sleep(BEAT).await;
        let late = began.elapsed().saturating_sub(BEAT);
        WORST.fetch_max(millis(late), Ordering::Relaxed);
        if late > LATE {
            LAST.store(millis(elapsed()), Ordering::Relaxed);
        }
    }
}

/// Whether the runtime was late a short time ago.
pub(crate) fn is_busy() -> bool {
    let last = LAST.load(Ordering::Relaxed);
    last > 0 && millis(elapsed()).saturating_sub(last) < millis(MEMORY)
}

/// The same for what has been late itself: the watch may have its turn after that.
pub(crate) async fn was_busy() -> bool {
    tokio::time::sleep(BEAT * 10).await;
    is_busy()
}

/// The latest that it was.
pub(crate) fn worst() -> Duration {
    Duration::from_millis(WORST.load(Ordering::Relaxed))
}
