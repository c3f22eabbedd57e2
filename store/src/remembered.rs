//! What a session has of the store: its checkpoints.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::sync::{Arc, OnceLock};

use session_supervisor::StartContext;
use session_supervisor::error::CheckpointError;

use crate::clock;
use crate::codec::{Codec, Json};
use crate::engine::Outcome;
use crate::error::{OpenCheckpointError, SaveError, WriteError};
use crate::journal::{Journal, NotTaken, Waits, Written};
use crate::record::{MAX_VALUE, SavedState};

/// What is remembered of one session, in its own hands. Cheap to clone. The function of its kind is
/// given it: [`Kinds::kind`](crate::Kinds::kind).
#[derive(Clone)]
pub struct Remembered(Arc<Inner>);

struct Inner {
    journal: Journal,
    id: Arc<str>,
    /// Known when the session is first launched.
    revision: OnceLock<u64>,
}

impl fmt::Debug for Remembered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remembered")
            .field("id", &self.0.id)
            .finish_non_exhaustive()
    }
}

impl Remembered {
    pub(crate) fn new(journal: Journal, id: Arc<str>) -> Self {
        Self(Arc::new(Inner {
            journal,
            id,
            revision: OnceLock::new(),
        }))
    }

    /// It is of this revision from now on.
    pub(crate) fn is_of(&self, revision: u64) {
        // A later launch of the same session is of the same one.
        self.0.revision.get_or_init(|| revision);
    }

    /// The id of the session.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.0.id
    }

    /// Opens the checkpoint of the incarnation that is started, as [`Json`]. Answers it with the state
    /// that was saved last, by an earlier incarnation or in an earlier process.
    ///
    /// Each child of a session's tree has one of its own, by its role. The role is that within its
    /// own tree: of two children with one role, in trees within the tree, only one may use it.
    ///
    /// A state is read before one can be saved, so none is overwritten that nobody has seen.
    ///
    /// # Errors
    ///
    /// The state is there, and cannot be read. It stays as it is. Let the start fail: the session is
    /// remembered, and shown as one that could not be started.
    ///
    /// # Cancel safety
    ///
    /// Safe: it changes nothing.
    pub fn checkpoint<T>(
        &self,
        start: &StartContext,
    ) -> impl Future<Output = Result<(Checkpoint<T>, Option<T>), OpenCheckpointError>>
    + Send
    + 'static
    + use<T>
    where
        Json: Codec<T>,
        T: Send + 'static,
    {
        self.checkpoint_with(Json, start)
    }

    /// The same with a codec of one's own.
    ///
    /// # Errors
    ///
    /// As [`checkpoint`](Self::checkpoint).
    ///
    /// # Cancel safety
    ///
    /// As [`checkpoint`](Self::checkpoint).
    pub fn checkpoint_with<T, C>(
        &self,
        codec: C,
        start: &StartContext,
    ) -> impl Future<Output = Result<(Checkpoint<T, C>, Option<T>), OpenCheckpointError>>
    + Send
    + 'static
    + use<T, C>
    where
        C: Codec<T>,
        T: Send + 'static,
    {
        let Inner {
            journal,
            id,
            revision,
        } = &*self.0;
        let (journal, id, revision) = (journal.clone(), Arc::clone(id), revision.get().copied());
        let own = start.id.as_deref() == Some(&*id);
        let slot = start.role.clone().unwrap_or_else(|| "".into());
        let fence = start.checkpoint::<Fence>();
        async move {
            let Some(revision) = revision.filter(|_| own) else {
                return Err(OpenCheckpointError::NotStarted { id });
            };
            let saved = journal.state(&id, &slot, revision).await?;
            let state = match saved {
                None => None,
                Some(saved) => Some(codec.decode(saved.format, &saved.bytes).map_err(|cause| {
                    OpenCheckpointError::Unreadable {
                        id: Arc::clone(&id),
                        format: saved.format,
                        cause,
                    }
                })?),
            };
            let checkpoint = Checkpoint {
                inner: Arc::new(Opened {
                    journal,
                    id,
                    revision,
                    slot,
                    fence,
                    codec,
                }),
                state: PhantomData,
            };
            Ok((checkpoint, state))
        }
    }
}

/// Nothing is saved in the checkpoint of the library; it knows which incarnation has it.
struct Fence;

/// Where an incarnation saves its state for those after it, in this process or in a later one. Cheap
/// to clone; opened by [`Remembered::checkpoint`].
///
/// Of what is saved the last state counts. States are written in the order in which they are saved,
/// and some of them not at all, if later ones come before their turn.
pub struct Checkpoint<T, C = Json> {
    inner: Arc<Opened<C>>,
    state: PhantomData<fn(&T)>,
}

struct Opened<C> {
    journal: Journal,
    id: Arc<str>,
    revision: u64,
    slot: Arc<str>,
    fence: session_supervisor::Checkpoint<Fence>,
    codec: C,
}

impl<T, C> Clone for Checkpoint<T, C> {
    fn clone(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
            state: PhantomData,
        }
    }
}

impl<T, C> fmt::Debug for Checkpoint<T, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Checkpoint")
            .field("id", &self.inner.id)
            .field("slot", &self.inner.slot)
            .finish_non_exhaustive()
    }
}

impl<T, C: Codec<T>> Checkpoint<T, C> {
    /// Saves a state, in place of the last one. It is encoded here and handed to the thread of the
    /// store; nothing is waited for. It is durable within milliseconds, unless the store fails: then
    /// the last state is tried again until it is written.
    ///
    /// # Errors
    ///
    /// [`SaveError`]: the state is not taken, and the last one stays.
    pub fn save(&self, state: &T) -> Result<(), SaveError> {
        self.put(state, Waits::No).map(drop)
    }

    /// Saves a state, and waits until it is durable, or a later one is.
    ///
    /// It is taken when this is called, not when the future is polled.
    ///
    /// # Errors
    ///
    /// As [`save`](Self::save); and `Store` if the write failed. The state is taken then all the same,
    /// and tried again.
    ///
    /// # Cancel safety
    ///
    /// Dropped, the state is saved all the same.
    pub fn save_durably(
        &self,
        state: &T,
    ) -> impl Future<Output = Result<(), SaveError>> + Send + 'static + use<T, C> {
        let put = self.put(state, Waits::Yes);
        let id = Arc::clone(&self.inner.id);
        async move {
            match put?.wait().await {
                Ok(Outcome::Withdrawn) => Err(SaveError::Gone { id }),
                Ok(_) => Ok(()),
                Err(cause) => Err(SaveError::Store { id, cause }),
            }
        }
    }

    fn put(&self, state: &T, waits: Waits) -> Result<Written, SaveError> {
        let Opened {
            journal,
            id,
            revision,
            slot,
            fence,
            codec,
        } = &*self.inner;
        let id = || Arc::clone(id);
        let bytes = codec
            .encode(state)
            .map_err(|cause| SaveError::Encode { id: id(), cause })?;
        let size = bytes.len();
        if size > MAX_VALUE {
            return Err(SaveError::TooLarge { id: id(), size });
        }
        let state = SavedState {
            slot: Arc::clone(slot),
            format: codec.format(),
            bytes: bytes.into(),
            saved: clock::now(),
        };
        // Asked under the lock of the journal: what an earlier incarnation saves is either before the
        // first state of the next one, or refused.
        let current = || match fence.get() {
            Err(CheckpointError::Superseded { .. }) => Err(SaveError::Superseded { id: id() }),
            Err(CheckpointError::Gone { .. }) => Err(SaveError::Gone { id: id() }),
            Ok(_) | Err(_) => Ok(()),
        };
        match journal.save(id(), *revision, state, current, waits)? {
            Ok(written) => Ok(written),
            Err(NotTaken::Gone) => Err(SaveError::Gone { id: id() }),
            Err(NotTaken::Full(waiting)) => Err(SaveError::Full { id: id(), waiting }),
            Err(NotTaken::Down) => Err(SaveError::Store {
                id: id(),
                cause: WriteError::Down,
            }),
        }
    }
}
