//! What a durable supervisor can be asked.

use std::sync::Arc;

use ractor::ActorCell;
use serde::Serialize;
use session_supervisor::error as plain;
use session_supervisor::{Ensured, Exit, ShutdownReport};

use super::DurableSupervisor;
use super::starting::Input;
use crate::engine::{Intent, Standing};
use crate::error::{DiscardError, StartError, StopError, WriteError};
use crate::journal::Forgot;

/// How often an ensure or a stop looks again, if what it found has changed meanwhile.
const TRIES: usize = 8;

impl DurableSupervisor {
    /// Starts a session of a kind, and remembers it. It returns when the record is on the disk and
    /// the session's `pre_start` is done, in this order. What the supervisor refuses (limits, claims,
    /// an id that is taken) writes nothing.
    ///
    /// The arguments are written as JSON here, and read back, so that what a later process could not
    /// read is refused now. They have at most 1 MiB.
    ///
    /// # Errors
    ///
    /// Bad input (`UnknownKind`, `Arguments`, `TooLarge`) before anything is asked. `Remembered` or
    /// `SetAside` if something of this id is stored and does not run, `Claimed` if such a session has a
    /// claim that this one needs; nothing is changed then. `Store` if the record could not be written;
    /// nothing was started then. Else as
    /// [`SessionSupervisor::start_session`](session_supervisor::SessionSupervisor::start_session): a
    /// start that fails is not remembered, once that is on the disk too.
    ///
    /// # Cancel safety
    ///
    /// Dropped before the first poll, it does nothing. Dropped after it, the session is started and
    /// remembered all the same, unless the start still waited.
    pub fn start_session<T: Serialize + ?Sized>(
        &self,
        id: &str,
        kind: &str,
        arguments: &T,
    ) -> impl Future<Output = Result<ActorCell, StartError>> + Send + 'static + use<T> {
        let durable = self.clone();
        let input = Input::of(id, kind, arguments);
        async move { durable.start_new(&input?).await }
    }

    /// Returns the session of an id: the one that runs, the one that is remembered, or a new one of
    /// this kind. What is remembered is started by its own kind and arguments.
    ///
    /// Callers that ask at once share one start, as in
    /// [`SessionSupervisor::ensure_session`](session_supervisor::SessionSupervisor::ensure_session).
    ///
    /// # Errors
    ///
    /// As [`start_session`](Self::start_session), without `Remembered`.
    ///
    /// # Cancel safety
    ///
    /// As [`start_session`](Self::start_session).
    pub fn ensure_session<T: Serialize + ?Sized>(
        &self,
        id: &str,
        kind: &str,
        arguments: &T,
    ) -> impl Future<Output = Result<Ensured<ActorCell>, StartError>> + Send + 'static + use<T>
    {
        let durable = self.clone();
        let input = Input::of(id, kind, arguments);
        async move {
            let input = input?;
            let mut tries = 0;
            loop {
                tries += 1;
                match durable.ensure(&input).await {
                    // It has ended, was started or was forgotten since it was looked at.
                    Err(StartError::Remembered(_) | StartError::NotRemembered) if tries < TRIES => {
                    }
                    ensured => return ensured,
                }
            }
        }
    }

    /// Starts a session again that is remembered and does not run: one that crashed for good, that
    /// could not be restored, that was idle.
    ///
    /// # Errors
    ///
    /// `NotRemembered` if nothing is remembered of the id; `SetAside` if it cannot be read; `Session`
    /// with `AlreadyStarted` if it runs. If the start fails, the session stays remembered.
    ///
    /// # Cancel safety
    ///
    /// As [`start_session`](Self::start_session).
    pub fn resume_session(
        &self,
        id: &str,
    ) -> impl Future<Output = Result<ActorCell, StartError>> + Send + 'static + use<> {
        let (durable, id): (_, Arc<str>) = (self.clone(), id.into());
        async move {
            let journal = &durable.inner.journal;
            match journal.look(&id) {
                None => Err(StartError::NotRemembered),
                Some((_, Standing::SetAside(why))) => Err(StartError::SetAside(why)),
                Some((revision, _)) => durable.resume(id, revision, None).await,
            }
        }
    }

    /// Stops a session and forgets it, with all that it has saved. When it returns, the session is
    /// gone and that is on the disk. One that is remembered and does not run is forgotten too
    /// (`Exit::NotRunning`).
    ///
    /// # Errors
    ///
    /// `NotFound` if nothing is known of the id, or if what is known is set aside: that is to be
    /// [discarded](Self::discard). `Store` if the session is stopped, but not forgotten yet.
    ///
    /// # Cancel safety
    ///
    /// Dropped before the first poll, it does nothing. Dropped after it, the session is stopped, and
    /// forgotten soon after; one that does not run may stay remembered.
    pub fn stop_session(
        &self,
        id: &str,
    ) -> impl Future<Output = Result<Exit, StopError>> + Send + 'static + use<> {
        let (durable, id) = (self.clone(), id.to_owned());
        async move {
            let mut tries = 0;
            loop {
                tries += 1;
                let exit = match durable.inner.sessions.stop_session(&id).await {
                    Ok(exit) => Ok(exit),
                    Err(plain::StopError::NotFound) => Err(StopError::NotFound),
                    Err(down @ plain::StopError::SupervisorDown) => Err(StopError::Session(down)),
                    Err(error) => return Err(StopError::Session(error)),
                };
                durable.inner.follower.catch_up().await;
                let (forgot, written) = durable.inner.journal.forget_kept(&id);
                written.wait().await.map_err(StopError::Store)?;
                match (forgot, exit) {
                    (Forgot::Now, exit) => return Ok(exit.unwrap_or(Exit::NotRunning)),
                    // It has been restored or resumed since it was looked for.
                    (Forgot::Running, Err(StopError::NotFound)) if tries < TRIES => {}
                    (_, exit) => return exit,
                }
            }
        }
    }

    /// Removes what is stored of an id that does not run, also what cannot be read. It returns when
    /// that is on the disk.
    ///
    /// # Errors
    ///
    /// `Running`: stop it instead. `NotFound`: there is nothing. `Store`: it is tried again.
    ///
    /// # Cancel safety
    ///
    /// Dropped before the first poll, it does nothing. Dropped after it, the removal goes on.
    pub fn discard(
        &self,
        id: &str,
    ) -> impl Future<Output = Result<(), DiscardError>> + Send + 'static + use<> {
        let (durable, id) = (self.clone(), id.to_owned());
        async move {
            let (forgot, written) = durable.inner.journal.discard(&id);
            written.wait().await.map_err(DiscardError::Store)?;
            match forgot {
                Forgot::Now => Ok(()),
                Forgot::Running => Err(DiscardError::Running),
                Forgot::Nothing => Err(DiscardError::NotFound),
            }
        }
    }

    /// [Discards](Self::discard) what is stored of an id and does not run, if there is something, then
    /// [starts](Self::start_session) a session of it.
    ///
    /// # Errors
    ///
    /// As these. What is stored is discarded only if the kind and the arguments are valid, and no session
    /// that does not run has a claim of the new one.
    ///
    /// # Cancel safety
    ///
    /// As [`start_session`](Self::start_session); dropped in between, the old state is gone and nothing
    /// is started.
    pub fn start_anew<T: Serialize + ?Sized>(
        &self,
        id: &str,
        kind: &str,
        arguments: &T,
    ) -> impl Future<Output = Result<ActorCell, StartError>> + Send + 'static + use<T> {
        let durable = self.clone();
        let input = Input::of(id, kind, arguments);
        async move {
            let input = input?;
            let made = durable.spec(input.record(), Intent::New)?;
            durable.unclaimed(&made.record)?;
            let (_, written) = durable.inner.journal.discard(&input.id);
            written.wait().await.map_err(StartError::Store)?;
            durable.start_new(&input).await
        }
    }

    /// Waits until all that was saved and forgotten so far is on the disk.
    ///
    /// # Errors
    ///
    /// A write failed meanwhile. It is tried again.
    ///
    /// # Cancel safety
    ///
    /// Safe: it changes nothing.
    pub fn flush(&self) -> impl Future<Output = Result<(), WriteError>> + Send + 'static + use<> {
        let durable = self.clone();
        async move {
            durable.inner.follower.catch_up().await;
            durable.inner.journal.flush().wait().await.map(drop)
        }
    }

    /// Stops the supervisor as
    /// [`SessionSupervisor::stop`](session_supervisor::SessionSupervisor::stop) does, writes what is
    /// left, and closes the store: it can be opened again when this returns. The sessions stay
    /// remembered. What cannot be written at once is tried again for 5 s.
    ///
    /// Of an [`Application`](session_supervisor::Application) stop the root instead: it would start the
    /// supervisor and the store again.
    ///
    /// # Errors
    ///
    /// `Store` if not all could be written: the last states of some sessions are lost. `Down` if the
    /// store was closed before.
    ///
    /// # Cancel safety
    ///
    /// Dropped before the first poll, it does nothing. Dropped after it, the supervisor is stopped all
    /// the same, and the store is closed when the last handle is dropped.
    pub fn stop(
        &self,
    ) -> impl Future<Output = Result<Option<ShutdownReport>, WriteError>> + Send + 'static + use<>
    {
        let durable = self.clone();
        async move {
            // One that has ended before is no reason to leave the store open.
            let report = durable.inner.sessions.stop().await.ok();
            durable.inner.follower.catch_up().await;
            durable.inner.journal.close().await.map(|()| report)
        }
    }
}
