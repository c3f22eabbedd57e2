//! What a session saves for its next incarnation.

use std::any::type_name;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use crate::actor::checkpoint::{Refused, Slot};
use crate::engine;
use crate::error::{CheckpointError, SaveError};

/// Where an incarnation saves a value for those after it: the handle of one incarnation to the
/// checkpoint of its session, or of its role. Cheap to clone; made by
/// [`StartContext::checkpoint`](crate::StartContext::checkpoint), which says what is promised.
///
/// It can be used anywhere and on any thread, for as long as one likes. No call waits for anything,
/// sends a message or blocks, and none runs code of a `T`, except that a value is dropped where its
/// last holder drops it.
pub struct Checkpoint<T> {
    /// None: there was none to be had any more.
    slot: Option<Arc<Slot>>,
    launch: engine::Launch,
    /// The id of the session, or the role of the child.
    key: Arc<str>,
    value: PhantomData<fn() -> T>,
}

impl<T> Clone for Checkpoint<T> {
    fn clone(&self) -> Self {
        Self {
            slot: self.slot.clone(),
            launch: self.launch,
            key: Arc::clone(&self.key),
            value: PhantomData,
        }
    }
}

impl<T> fmt::Debug for Checkpoint<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Checkpoint")
            .field("key", &self.key)
            .field("type", &type_name::<T>())
            .finish_non_exhaustive()
    }
}

impl<T: Send + Sync + 'static> Checkpoint<T> {
    pub(crate) const fn new(
        slot: Option<Arc<Slot>>,
        launch: engine::Launch,
        key: Arc<str>,
    ) -> Self {
        Self {
            slot,
            launch,
            key,
            value: PhantomData,
        }
    }

    /// Saves a value, in place of the one that was saved before. That one is dropped here, unless
    /// it is held elsewhere.
    ///
    /// It takes a `T`, or an [`Arc`] of one that the caller goes on using: nothing is copied.
    ///
    /// # Errors
    ///
    /// [`SaveError`] with the value, if it was not saved: `Superseded` after the launch of a later
    /// incarnation, `Gone` after the end of the session, `WrongType` while the checkpoint holds a
    /// value of another type. What was saved before stays as it is.
    ///
    /// # Panics
    ///
    /// Only with the drop of the value that is replaced. The new one is saved then.
    pub fn save(&self, value: impl Into<Arc<T>>) -> Result<(), SaveError<T>> {
        let value = value.into();
        let saved = match &self.slot {
            Some(slot) => slot.save(self.launch, value),
            None => Err((Refused::Superseded, value)),
        };
        match saved {
            Ok(before) => {
                drop(before);
                Ok(())
            }
            Err((refused, value)) => {
                let reason = self.refused(refused);
                Err(SaveError { value, reason })
            }
        }
    }

    /// The value that was saved last, by this incarnation or by one before it. It stays saved.
    ///
    /// None if nothing was saved yet, or what was saved has been [taken](Self::take).
    ///
    /// # Errors
    ///
    /// [`CheckpointError`]: `Superseded` after the launch of a later incarnation, `Gone` after the
    /// end of the session, `WrongType` if it is a value of another type.
    pub fn get(&self) -> Result<Option<Arc<T>>, CheckpointError> {
        let slot = self.slot.as_ref().ok_or(Refused::Superseded);
        let got = slot.and_then(|slot| slot.get(self.launch));
        got.map_err(|refused| self.refused(refused))
    }

    /// As [`get`](Self::get), but the checkpoint is empty afterwards. If the incarnation ends
    /// before it saves again, the next one finds nothing.
    ///
    /// For a value that must not be there twice, such as a connection: [`Arc::into_inner`] yields
    /// it if nobody else holds it.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get). Nothing is taken then.
    pub fn take(&self) -> Result<Option<Arc<T>>, CheckpointError> {
        let slot = self.slot.as_ref().ok_or(Refused::Superseded);
        let taken = slot.and_then(|slot| slot.take(self.launch));
        taken.map_err(|refused| self.refused(refused))
    }

    fn refused(&self, refused: Refused) -> CheckpointError {
        let key = Arc::clone(&self.key);
        match refused {
            Refused::WrongType(saved) => CheckpointError::WrongType {
                key,
                saved,
                asked: type_name::<T>(),
            },
            Refused::Superseded => CheckpointError::Superseded { key },
            Refused::Gone => CheckpointError::Gone { key },
        }
    }
}
