//! How a session is started, new or again: from what is given or remembered, by its kind, through the
//! gate.

use std::num::NonZeroU64;
use std::sync::Arc;

use ractor::ActorCell;
use serde::Serialize;
use session_supervisor::error as plain;
use session_supervisor::{ChildSpec, Ensured, SessionId};

use super::opening::standing;
use super::{DurableSupervisor, Inner};
use crate::engine::{Intent, Kept, Standing};
use crate::error::StartError;
use crate::gate::{Gate, Shut};
use crate::journal::new_record;
use crate::record::{Entry, MAX_VALUE, Record};
use crate::remembered::Remembered;
use crate::writer::chain;

impl DurableSupervisor {
    pub(super) async fn start_new(&self, input: &Input) -> Result<ActorCell, StartError> {
        let Inner {
            sessions, journal, ..
        } = &*self.inner;
        match journal.look(&input.id) {
            Some((_, Standing::Kept(kept))) => return Err(StartError::Remembered(kept)),
            Some((_, Standing::SetAside(why))) => return Err(StartError::SetAside(why)),
            Some((_, Standing::Running { .. })) | None => {}
        }
        let Made { spec, record, .. } = self.spec(input.record(), Intent::New)?;
        self.unclaimed(&record)?;
        match sessions.start_session(&input.id, spec).await {
            Ok(cell) => Ok(cell),
            Err(error) => Err(self.not_started(&input.id, error).await),
        }
    }

    pub(super) async fn ensure(&self, input: &Input) -> Result<Ensured<ActorCell>, StartError> {
        let (record, intent) = match self.inner.journal.look(&input.id) {
            Some((_, Standing::SetAside(why))) => return Err(StartError::SetAside(why)),
            Some((revision, Standing::Kept(_))) => {
                let record = self.record(Arc::clone(&input.id), revision).await?;
                (record, Intent::Resume(revision))
            }
            Some((_, Standing::Running { .. })) | None => (input.record(), Intent::New),
        };
        let ensured = async {
            let Made {
                spec,
                remembered,
                record,
            } = self.spec(record, intent)?;
            if let Intent::Resume(revision) = intent {
                remembered.is_of(revision);
            }
            self.unclaimed(&record)?;
            match self.inner.sessions.ensure_session(&input.id, spec).await {
                Ok(ensured) => Ok(ensured),
                Err(plain::EnsureError::Start(error)) => {
                    Err(self.not_started(&input.id, error).await)
                }
                Err(_) => Err(StartError::Session(plain::StartError::SupervisorDown)),
            }
        };
        let ensured = ensured.await;
        if let (Err(error), Intent::Resume(revision)) = (&ensured, intent) {
            self.not_resumed(&input.id, revision, error);
        }
        ensured
    }

    /// Starts a remembered session of this revision again. Its record is given, or is read now.
    pub(crate) fn resume(
        &self,
        id: Arc<str>,
        revision: u64,
        read: Option<Record>,
    ) -> impl Future<Output = Result<ActorCell, StartError>> + Send + 'static + use<> {
        let durable = self.clone();
        async move {
            let resumed = durable.resume_record(&id, revision, read).await;
            if let Err(error) = &resumed {
                durable.not_resumed(&id, revision, error);
            }
            resumed
        }
    }

    async fn resume_record(
        &self,
        id: &Arc<str>,
        revision: u64,
        read: Option<Record>,
    ) -> Result<ActorCell, StartError> {
        let record = match read.filter(|record| record.revision == revision) {
            Some(record) => record,
            None => self.record(Arc::clone(id), revision).await?,
        };
        let Made {
            spec,
            remembered,
            record,
        } = self.spec(record, Intent::Resume(revision))?;
        remembered.is_of(revision);
        self.unclaimed(&record)?;
        match self.inner.sessions.start_session(id, spec).await {
            Ok(cell) => Ok(cell),
            Err(error) => Err(self.not_started(id, error).await),
        }
    }

    /// Notes why a session could not be resumed, unless the error says nothing about the session.
    fn not_resumed(&self, id: &str, revision: u64, error: &StartError) {
        let why = match error {
            StartError::Remembered(_) | StartError::SetAside(_) | StartError::NotRemembered => {
                return;
            }
            StartError::Session(
                plain::StartError::AlreadyStarted { .. }
                | plain::StartError::Stopped
                | plain::StartError::Draining
                | plain::StartError::SupervisorDown,
            ) => return,
            error => chain(error).into(),
        };
        let standing = Standing::Kept(Kept::NotStarted(why));
        self.inner.journal.stands(id, revision, standing);
    }

    /// No session that is remembered and does not run has a claim of this one. The supervisor knows only
    /// of those that run, and would let it take the claims of one whose turn to be restored has not come.
    pub(super) fn unclaimed(&self, record: &Record) -> Result<(), StartError> {
        match self.inner.journal.claimed(record) {
            Some(claimed) => Err(StartError::Claimed(claimed)),
            None => Ok(()),
        }
    }

    /// The record of what is to be started again. One that is not what it was is set aside.
    pub(super) async fn record(&self, id: Arc<str>, revision: u64) -> Result<Record, StartError> {
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
    pub(super) fn spec(&self, mut record: Record, intent: Intent) -> Result<Made, StartError> {
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
        let record = Arc::new(record);
        let tag = journal.next_tag();
        let gate = Arc::new(Gate {
            journal: journal.clone(),
            follower: follower.clone(),
            record: Arc::clone(&record),
            tag,
            intent,
            remembered: remembered.clone(),
        });
        let spec = spec.before_start(move |_start| {
            let gate = Arc::clone(&gate);
            async move { gate.pass().await }
        });
        let tag = NonZeroU64::new(tag).unwrap_or(NonZeroU64::MIN);
        Ok(Made {
            spec: spec.tag(tag),
            remembered,
            record,
        })
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

/// What a session is started from.
pub(super) struct Made {
    pub(super) spec: ChildSpec,
    pub(super) remembered: Remembered,
    /// With its label and its claims.
    pub(super) record: Arc<Record>,
}

/// What a start is given.
pub(super) struct Input {
    pub(super) id: Arc<str>,
    kind: Arc<str>,
    arguments: Arc<str>,
}

impl Input {
    pub(super) fn of<T: Serialize + ?Sized>(
        id: &str,
        kind: &str,
        arguments: &T,
    ) -> Result<Self, StartError> {
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

    pub(super) fn record(&self) -> Record {
        let Self {
            id,
            kind,
            arguments,
        } = self;
        new_record(Arc::clone(id), Arc::clone(kind), Arc::clone(arguments))
    }
}
