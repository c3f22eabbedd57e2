//! The signals with which the operating system, or whoever sits at the terminal, ends an application.
//!
//! Absent on purpose: what follows from them. Here they are only told apart and counted.

use std::fmt;
#[cfg(unix)]
use std::future::poll_fn;
use std::io;
use std::sync::Arc;
#[cfg(unix)]
use std::task::Poll;

use crate::actor::unwind::{Panicked, guard};
use crate::error::StartSupervisorError;

/// A signal that ends an application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Signal {
    /// Ctrl-C, or SIGINT.
    Interrupt,
    /// SIGTERM.
    Terminate,
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Interrupt => "Ctrl-C",
            Self::Terminate => "SIGTERM",
        })
    }
}

/// Hears signals from its making on.
#[derive(Debug)]
pub(super) struct Signals {
    source: Source,
    first: Option<Signal>,
}

impl Signals {
    pub(super) fn install() -> Result<Self, StartSupervisorError> {
        let failed = |cause| StartSupervisorError::Failed {
            cause: Arc::new(cause),
        };
        tokio::runtime::Handle::try_current().map_err(|error| failed(error.into()))?;
        // tokio panics if the runtime was made without IO.
        match guard(Source::open) {
            Ok(Ok(source)) => Ok(Self {
                source,
                first: None,
            }),
            Ok(Err(error)) => Err(failed(error.into())),
            Err(Panicked(text)) => Err(failed(text.into())),
        }
    }

    /// The first signal, as often as it is asked for.
    pub(super) async fn first(&mut self) -> Signal {
        match self.first {
            Some(signal) => signal,
            None => *self.first.insert(self.source.next().await),
        }
    }

    /// A Ctrl-C that is not the first signal.
    pub(super) async fn interrupted(&mut self) {
        self.first().await;
        while self.source.next().await != Signal::Interrupt {}
    }
}

#[cfg(unix)]
#[derive(Debug)]
struct Source {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Source {
    fn open() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Two of a kind that come before they are heard are one.
    async fn next(&mut self) -> Signal {
        poll_fn(|context| {
            // One that answers `None` never comes again, and is not asked again by a runtime that ends.
            if let Poll::Ready(Some(())) = self.interrupt.poll_recv(context) {
                Poll::Ready(Signal::Interrupt)
            } else if let Poll::Ready(Some(())) = self.terminate.poll_recv(context) {
                Poll::Ready(Signal::Terminate)
            } else {
                Poll::Pending
            }
        })
        .await
    }
}

#[cfg(not(unix))]
#[derive(Debug)]
struct Source {
    interrupt: tokio::signal::windows::CtrlC,
}

#[cfg(not(unix))]
impl Source {
    fn open() -> io::Result<Self> {
        let interrupt = tokio::signal::windows::ctrl_c()?;
        Ok(Self { interrupt })
    }

    async fn next(&mut self) -> Signal {
        match self.interrupt.recv().await {
            Some(()) => Signal::Interrupt,
            None => std::future::pending().await,
        }
    }
}
