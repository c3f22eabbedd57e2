//! The signals with which the operating system, or a user at the terminal, ends an application.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use super::EndCause;
use super::standby::Standby;
use crate::actor::clock::Clock;
use crate::actor::unwind::{Panicked, guard};
use crate::error::StartSupervisorError;

/// A signal that ends an application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize),
    serde(rename_all = "snake_case")
)]
#[non_exhaustive]
pub enum Signal {
    /// Ctrl-C, or SIGINT.
    Interrupt,
    /// SIGTERM.
    Terminate,
    /// SIGHUP: the terminal was closed. Never on systems other than Unix.
    Hangup,
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Interrupt => "Ctrl-C",
            Self::Terminate => "SIGTERM",
            Self::Hangup => "SIGHUP",
        })
    }
}

/// Whether SIGHUP ends the application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hangups {
    Received,
    LeftAlone,
}

/// Receives signals from its creation on.
#[derive(Debug)]
pub(super) struct Signals {
    source: Source,
    first: Option<First>,
    standby: Arc<Standby>,
}

/// The first signal that was received.
#[derive(Clone, Copy, Debug)]
struct First {
    signal: Signal,
    /// It runs since the signal.
    clock: Clock,
}

impl Signals {
    pub(super) fn install(hangups: Hangups) -> Result<Self, StartSupervisorError> {
        let failed = |cause| StartSupervisorError::Failed {
            cause: Arc::new(cause),
        };
        tokio::runtime::Handle::try_current().map_err(|error| failed(error.into()))?;
        // tokio panics if the runtime was made without IO.
        match guard(|| Source::open(hangups)) {
            Ok(Ok(source)) => Ok(Self {
                source,
                first: None,
                standby: Arc::new(Standby::start().map_err(|error| failed(error.into()))?),
            }),
            Ok(Err(error)) => Err(failed(error.into())),
            Err(Panicked(text)) => Err(failed(text.into())),
        }
    }

    /// The first signal, as often as it is asked for.
    pub(super) async fn first(&mut self) -> Signal {
        match self.first {
            Some(first) => first.signal,
            None => {
                let signal = self.source.next().await;
                let clock = Clock::start();
                self.first = Some(First { signal, clock });
                signal
            }
        }
    }

    /// How much of this is left since the first signal.
    pub(super) fn left_of(&self, deadline: Duration) -> Duration {
        let gone = self.first.map(|first| first.clock.now().since_start());
        deadline.saturating_sub(gone.unwrap_or_default())
    }

    /// Returns when a start should be given up: a signal has come, and then a Ctrl-C, or the
    /// deadline.
    pub(super) async fn give_up(&mut self, deadline: Duration) -> (Signal, EndCause) {
        let signal = self.first().await;
        let standby = self.standby();
        let cause = tokio::select! {
            biased;
            () = self.interrupted() => EndCause::Interrupted,
            () = standby.sleep(deadline) => EndCause::Overdue,
        };
        (signal, cause)
    }

    /// What keeps time whatever is blocked.
    pub(super) fn standby(&self) -> Arc<Standby> {
        Arc::clone(&self.standby)
    }

    /// A Ctrl-C that comes from now on.
    pub(super) async fn interrupted_anew(&mut self) {
        self.source.forget().await;
        while self.source.next().await != Signal::Interrupt {}
    }

    /// A Ctrl-C that is not the first signal.
    pub(super) async fn interrupted(&mut self) {
        self.first().await;
        while self.source.next().await != Signal::Interrupt {}
    }
}

#[cfg(all(feature = "signal", unix))]
#[derive(Debug)]
struct Source {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    /// None if it is left to the program, or was ignored when the program was started and stays so.
    hangup: Option<tokio::signal::unix::Signal>,
}

#[cfg(all(feature = "signal", unix))]
impl Source {
    fn open(hangups: Hangups) -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let hangup = match hangups {
            Hangups::Received if !hangup_is_ignored() => Some(signal(SignalKind::hangup())?),
            Hangups::Received | Hangups::LeftAlone => None,
        };
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup,
        })
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Signal> {
        // One that answers `None` never comes again, and is not asked again by a runtime that ends.
        if let Poll::Ready(Some(())) = self.interrupt.poll_recv(context) {
            Poll::Ready(Signal::Interrupt)
        } else if let Poll::Ready(Some(())) = self.terminate.poll_recv(context) {
            Poll::Ready(Signal::Terminate)
        } else if let Some(hangup) = &mut self.hangup
            && let Poll::Ready(Some(())) = hangup.poll_recv(context)
        {
            Poll::Ready(Signal::Hangup)
        } else {
            Poll::Pending
        }
    }
}

/// Whether SIGHUP is ignored, as `nohup` has it. Only Linux tells that without unsafe code.
#[cfg(all(feature = "signal", unix))]
fn hangup_is_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    // A mask in hexadecimal digits, whose lowest bit is signal 1, which is SIGHUP.
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let lowest = mask.and_then(|mask| mask.trim().chars().last()?.to_digit(16));
    lowest.is_some_and(|digit| digit & 1 == 1)
}

#[cfg(all(feature = "signal", not(unix)))]
#[derive(Debug)]
struct Source {
    interrupt: tokio::signal::windows::CtrlC,
}

#[cfg(all(feature = "signal", not(unix)))]
impl Source {
    fn open(_: Hangups) -> io::Result<Self> {
        let interrupt = tokio::signal::windows::ctrl_c()?;
        Ok(Self { interrupt })
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Signal> {
        match self.interrupt.poll_recv(context) {
            Poll::Ready(Some(())) => Poll::Ready(Signal::Interrupt),
            _ => Poll::Pending,
        }
    }
}

/// Without the feature `signal` none ever comes.
#[cfg(not(feature = "signal"))]
#[derive(Debug)]
struct Source;

#[cfg(not(feature = "signal"))]
impl Source {
    fn open(_: Hangups) -> io::Result<Self> {
        Ok(Self)
    }

    fn poll_next(&mut self, _: &mut Context<'_>) -> Poll<Signal> {
        Poll::Pending
    }
}

impl Source {
    /// Forgets what has come.
    async fn forget(&mut self) {
        poll_fn(|context| {
            while self.poll_next(context).is_ready() {}
            Poll::Ready(())
        })
        .await;
    }

    /// Two signals of a kind that come before they are read are one.
    async fn next(&mut self) -> Signal {
        poll_fn(|context| self.poll_next(context)).await
    }
}
