//! What may panic or block, and must keep nothing from its end: writing to the log and to standard
//! output, and the texts and drops of the user's values.
//!
//! Nothing here is waited for at any price: a log that blocks would block the end of its program.

use std::convert::Infallible;
use std::io::{self, Write};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use crate::actor::unwind::guard;

/// How long the log is waited for. A thread of a busy machine has had its turn by then.
pub(super) const PATIENCE: Duration = Duration::from_millis(300);

/// The same where the end of the process is late already, or was asked for by a second Ctrl-C.
pub(super) const LITTLE_PATIENCE: Duration = Duration::from_millis(50);

/// How long standard output and standard error are waited for. What is late is written by the end of
/// the process.
const FLUSH: Duration = Duration::from_millis(50);

/// Whether something was done in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Done {
    InTime,
    NotYet,
}

/// Does something on a thread of its own, with the log of this one, and waits for it at most so
/// long. The wait blocks the caller, as the work itself would; a paused clock does not go on
/// meanwhile. It is left undone if the system has no thread to give.
pub(super) fn apart(patience: Duration, work: impl FnOnce() + Send + 'static) -> Done {
    let (working, done) = channel::<Infallible>();
    let begun = guard(|| {
        let log = tracing::dispatcher::get_default(Clone::clone);
        let work = move || {
            let _working = working;
            drop(guard(move || tracing::dispatcher::with_default(&log, work)));
        };
        thread::Builder::new().spawn(work).is_ok()
    });
    match begun {
        Ok(true) => match done.recv_timeout(patience) {
            Ok(never) => match never {},
            Err(RecvTimeoutError::Disconnected) => Done::InTime,
            Err(RecvTimeoutError::Timeout) => Done::NotYet,
        },
        Ok(false) | Err(_) => Done::InTime,
    }
}

/// Writes a line to standard error. One that blocks, or that nobody reads, loses it: a macro that
/// prints would panic.
pub(super) fn complain(line: String) {
    apart(FLUSH, move || {
        drop(io::stderr().write_all(line.as_bytes()));
    });
}

/// Writes what is in the buffer of standard output. If that blocks, its lock stays taken, and then
/// the end of the process does not try it again.
pub(super) fn flush() {
    apart(FLUSH, || drop(io::stdout().flush()));
}
