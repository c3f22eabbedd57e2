//! A place where the incarnations of one session, or of one child, save a value for those after
//! them.
//!
//! It is made when an incarnation first asks for it. While a launch is under way or runs, its life
//! holds the place; between two launches the engine has it, as [`Carried`]. Handles of users hold it
//! too, of earlier incarnations as well.
//!
//! Invariants:
//! 1. it has one holder at most: the launch that it was handed to last. Only handles of that one save
//!    and read;
//! 2. no value is dropped and no code of a user runs under the lock: what is replaced, taken or left
//!    is handed out;
//! 3. a place that is closed holds nothing, and never will.

use std::any::{Any, type_name};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::guarded::drop_guarded;
use crate::engine::Launch;

/// A value of the user's, whatever its type.
pub(crate) type Value = Arc<dyn Any + Send + Sync>;

/// Where a value is saved.
pub(crate) struct Slot(Mutex<Content>);

struct Content {
    /// None: the session is gone for good.
    holder: Option<Launch>,
    saved: Option<Saved>,
}

struct Saved {
    value: Value,
    /// The name of its type.
    type_name: &'static str,
}

/// Why a slot is neither read nor written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// It holds a value of another type, which is called so.
    WrongType(&'static str),
    /// A later launch has it.
    Superseded,
    /// It is closed.
    Gone,
}

impl Slot {
    pub(super) fn new(holder: Launch) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Content {
            holder: Some(holder),
            saved: None,
        })))
    }

    /// Saves a value. Answers the one before, which the caller drops; a value that is refused comes
    /// back.
    pub(crate) fn save<T: Send + Sync + 'static>(
        &self,
        by: Launch,
        value: Arc<T>,
    ) -> Result<Option<Value>, (Refused, Arc<T>)> {
        match self.open::<T>(by) {
            Ok(mut content) => {
                let type_name = type_name::<T>();
                let before = content.saved.replace(Saved { value, type_name });
                Ok(before.map(|saved| saved.value))
            }
            Err(refused) => Err((refused, value)),
        }
    }

    /// What was saved last.
    pub(crate) fn get<T: Send + Sync + 'static>(
        &self,
        by: Launch,
    ) -> Result<Option<Arc<T>>, Refused> {
        let content = self.open::<T>(by)?;
        let value = content.saved.as_ref().map(|saved| Arc::clone(&saved.value));
        drop(content);
        Ok(value.and_then(|value| value.downcast().ok()))
    }

    /// The same, which is not kept any longer.
    pub(crate) fn take<T: Send + Sync + 'static>(
        &self,
        by: Launch,
    ) -> Result<Option<Arc<T>>, Refused> {
        let saved = self.open::<T>(by)?.saved.take();
        Ok(saved.and_then(|saved| saved.value.downcast().ok()))
    }

    /// The content, if this launch has it and no value of another type is in it.
    fn open<T: Any>(&self, by: Launch) -> Result<MutexGuard<'_, Content>, Refused> {
        let content = self.lock();
        match content.holder {
            Some(holder) if holder == by => {}
            Some(_) => return Err(Refused::Superseded),
            None => return Err(Refused::Gone),
        }
        match &content.saved {
            Some(saved) if !saved.value.is::<T>() => Err(Refused::WrongType(saved.type_name)),
            Some(_) | None => Ok(content),
        }
    }

    /// The session is gone for good. Answers what is to be dropped.
    fn close(&self) -> Option<Value> {
        let mut content = self.lock();
        content.holder = None;
        content.saved.take().map(|saved| saved.value)
    }

    fn lock(&self) -> MutexGuard<'_, Content> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Its value is the user's, whose code would run under the lock.
impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slot").finish_non_exhaustive()
    }
}

/// The slot of one whose last launch is over, as the engine has it. There is one of it.
#[derive(Debug)]
pub(crate) struct Carried(Option<Arc<Slot>>);

impl Carried {
    pub(super) const fn new(slot: Arc<Slot>) -> Self {
        Self(Some(slot))
    }

    /// The next launch has it from now on, and those before it do not.
    pub(super) fn hand_over(mut self, to: Launch) -> Option<Arc<Slot>> {
        let slot = self.0.take()?;
        slot.lock().holder = Some(to);
        Some(slot)
    }

    /// No launch will follow. Answers what is to be dropped, outside of every lock.
    pub(super) fn close(mut self) -> Option<Value> {
        self.0.take()?.close()
    }
}

/// Of an engine that was not taken apart as it should be.
impl Drop for Carried {
    fn drop(&mut self) {
        if let Some(value) = self.0.take().and_then(|slot| slot.close()) {
            drop_guarded(value);
        }
    }
}
