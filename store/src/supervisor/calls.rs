//! What a durable supervisor can be asked.

use std::num::NonZeroU64;
use std::sync::Arc;

use ractor::ActorCell;
use serde::Serialize;
use session_supervisor::error as plain;
use session_supervisor::{ChildSpec, Ensured, Exit, SessionId, ShutdownReport};

use super::opening::standing;
use super::{DurableSupervisor, Inner};
use crate::engine::{Intent, Standing};
use crate::error::{DiscardError, StartError, StopError, WriteError};
use crate::gate::{Gate, Shut};
use crate::journal::{Forgot, new_record};
use crate::record::{Entry, MAX_VALUE, Record};
use crate::remembered::Remembered;

/// How often an ensure looks again, if what it found has changed meanwhile.
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
    /// `SetAside` if something of this id is stored and does not run; nothing is changed then. `Store`
    /// if the record could not be written; nothing was started then. Else as
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

    async fn start_new(&self, input: &Input) -> Result<ActorCell, StartError> {
        let Inner {
            sessions, journal, ..
        } = &*self.inner;
        match journal.look(&input.id) {
            Some((_, Standing::Kept(kept))) => return Err(StartError::Remembered(kept)),
            Some((_, Standing::SetAside(why))) => return Err(StartError::SetAside(why)),
            Some((_, Standing::Running { .. })) | None => {}
        }
        let (spec, _) = self.spec(input.record(), Intent::New)?;
        match sessions.start_session(&input.id, spec).await {
            Ok(cell) => Ok(cell),
            Err(error) => Err(self.not_started(&input.id, error).await),
        }
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

    async fn ensure(&self, input: &Input) -> Result<Ensured<ActorCell>, StartError> {
        let (record, intent) = match self.inner.journal.look(&input.id) {
            Some((_, Standing::SetAside(why))) => return Err(StartError::SetAside(why)),
            Some((revision, Standing::Kept(_))) => {
                let record = self.record(Arc::clone(&input.id), revision).await?;
                (record, Intent::Resume(revision))
            }
            Some((_, Standing::Running { .. })) | None => (input.record(), Intent::New),
        };
        let (spec, remembered) = self.spec(record, intent)?;
        if let Intent::Resume(revision) = intent {
            remembered.is_of(revision);
        }
        match self.inner.sessions.ensure_session(&input.id, spec).await {
            Ok(ensured) => Ok(ensured),
            Err(plain::EnsureError::Start(error)) => Err(self.not_started(&input.id, error).await),
            Err(_) => Err(StartError::Session(plain::StartError::SupervisorDown)),
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
                Some((revision, _)) => durable.resume(id, revision).await,
            }
        }
    }

    /// Starts a session again that is remembered in this revision.
    pub(crate) fn resume(
        &self,
        id: Arc<str>,
        revision: u64,
    ) -> impl Future<Output = Result<ActorCell, StartError>> + Send + 'static + use<> {
        let durable = self.clone();
        async move {
            let record = durable.record(Arc::clone(&id), revision).await?;
            let (spec, remembered) = durable.spec(record, Intent::Resume(revision))?;
            remembered.is_of(revision);
            match durable.inner.sessions.start_session(&id, spec).await {
                Ok(cell) => Ok(cell),
                Err(error) => Err(durable.not_started(&id, error).await),
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
            let Inner {
                sessions,
                journal,
                follower,
                ..
            } = &*durable.inner;
            let stopped = sessions.stop_session(&id).await;
            let exit = match stopped {
                Ok(exit) => Ok(exit),
                Err(plain::StopError::NotFound) => Err(StopError::NotFound),
                Err(down @ plain::StopError::SupervisorDown) => Err(StopError::Session(down)),
                Err(error) => return Err(StopError::Session(error)),
            };
            follower.catch_up().await;
            let (forgot, written) = journal.forget_kept(&id);
            written.wait().await.map_err(StopError::Store)?;
            match forgot {
                Forgot::Now => Ok(exit.unwrap_or(Exit::NotRunning)),
                Forgot::Nothing => exit,
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
            let journal = &durable.inner.journal;
            if let Some((_, Standing::Running { .. })) = journal.look(&id) {
                return Err(DiscardError::Running);
            }
            let (forgot, written) = journal.discard(&id);
            written.wait().await.map_err(DiscardError::Store)?;
            match forgot {
                Forgot::Now => Ok(()),
                Forgot::Nothing => Err(DiscardError::NotFound),
            }
        }
    }

    /// [Discards](Self::discard) what is stored of an id and does not run, if there is something, then
    /// [starts](Self::start_session) a session of it.
    ///
    /// # Errors
    ///
    /// As these; what is stored is discarded only if the kind and the arguments are right.
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
            drop(durable.spec(input.record(), Intent::New)?);
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
    /// remembered.
    ///
    /// # Errors
    ///
    /// `Store` if not all could be written: the last states of some sessions are lost.
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
            let flushed = durable.flush().await;
            durable.inner.journal.close().await;
            flushed.map(|()| report)
        }
    }

    /// The record of what is to be started again. One that is not what it was is set aside.
    async fn record(&self, id: Arc<str>, revision: u64) -> Result<Record, StartError> {
        let Inner { journal, kinds, .. } = &*self.inner;
        let entry = journal.entry(Arc::clone(&id)).await;
        let aside = match entry.map_err(StartError::Store)? {
            None => return Err(StartError::NotRemembered),
            Some(Entry::Unreadable { cause, .. }) => cause.into(),
            Some(Entry::Record(record)) if record.revision != revision => {
                return Err(StartError::NotRemembered);
            }
            Some(Entry::Record(record)) => match standing(kinds, &record) {
                Standing::SetAside(why) => why,
                _ => return Ok(record),
            },
        };
        journal.stands(&id, revision, Standing::SetAside(Arc::clone(&aside)));
        Err(StartError::SetAside(aside))
    }

    /// The spec of a session that is remembered before it runs.
    fn spec(
        &self,
        mut record: Record,
        intent: Intent,
    ) -> Result<(ChildSpec, Remembered), StartError> {
        let Inner {
            journal,
            kinds,
            follower,
            ..
        } = &*self.inner;
        let remembered = Remembered::new(journal.clone(), Arc::clone(&record.id));
        let spec = kinds.make(&record.kind, &record.arguments, remembered.clone())?;
        record.label = spec.get_label().map(Arc::from);
        let claims = spec.get_claims().iter();
        record.claims = claims
            .map(|claim| (claim.kind().to_owned(), claim.value().to_owned()))
            .collect();
        let tag = journal.next_tag();
        let gate = Arc::new(Gate {
            journal: journal.clone(),
            follower: follower.clone(),
            record,
            tag,
            intent,
            remembered: remembered.clone(),
        });
        let spec = spec.before_start(move |_start| {
            let gate = Arc::clone(&gate);
            async move { gate.pass().await }
        });
        let tag = NonZeroU64::new(tag).unwrap_or(NonZeroU64::MIN);
        Ok((spec.tag(tag), remembered))
    }

    /// A start came to nothing. What was remembered for it is forgotten before its caller is told.
    async fn not_started(&self, id: &str, error: plain::StartError) -> StartError {
        let told = match &error {
            plain::StartError::Failed { cause, .. } => {
                cause.downcast_ref::<Shut>().and_then(Shut::told)
            }
            plain::StartError::AlreadyStarted { .. } => return error.into(),
            _ => None,
        };
        let Inner {
            journal, follower, ..
        } = &*self.inner;
        follower.catch_up().await;
        // A failure of that is shown in the stats. The cause that is told is the first one.
        drop(journal.settled(id).wait().await);
        told.unwrap_or(StartError::Session(error))
    }
}

/// What a start is given.
struct Input {
    id: Arc<str>,
    kind: Arc<str>,
    arguments: Arc<str>,
}

impl Input {
    fn of<T: Serialize + ?Sized>(id: &str, kind: &str, arguments: &T) -> Result<Self, StartError> {
        SessionId::try_from(id).map_err(plain::StartError::InvalidId)?;
        let arguments =
            serde_json::to_string(arguments).map_err(|cause| StartError::Arguments {
                kind: kind.to_owned(),
                cause,
            })?;
        let size = arguments.len();
        if size > MAX_VALUE {
            return Err(StartError::TooLarge { size });
        }
        Ok(Self {
            id: id.into(),
            kind: kind.into(),
            arguments: arguments.into(),
        })
    }

    fn record(&self) -> Record {
        let Self {
            id,
            kind,
            arguments,
        } = self;
        new_record(Arc::clone(id), Arc::clone(kind), Arc::clone(arguments))
    }
}
