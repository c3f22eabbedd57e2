//! Sessions that outlive their process: [`DurableSupervisor`] starts again what ran, with what it has
//! saved, after a crash or a `kill -9` as after an orderly stop.
#![doc = ""]
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod application;
mod clock;
mod codec;
pub mod contract;
#[doc(hidden)]
pub mod engine;
pub mod error;
mod follow;
mod gate;
mod journal;
mod kinds;
mod loaded;
mod memory;
mod part;
mod record;
mod remembered;
mod restore;
mod session_store;
#[cfg(feature = "sqlite")]
mod sqlite;
mod stats;
mod supervisor;
mod writer;

pub use application::DurableApplication;
pub use codec::{Codec, Json};
pub use engine::{Claimed, Intent, Kept, Standing};
pub use kinds::Kinds;
pub use memory::MemoryStore;
pub use part::Part;
pub use record::{Change, Decided, Entry, MAX_VALUE, Record, SavedState};
pub use remembered::{Checkpoint, Remembered};
pub use restore::RestoreReport;
pub use session_store::{OlderEpoch, OtherCluster, SessionStore, StoreError};
#[cfg(feature = "sqlite")]
pub use sqlite::{OpenStoreError, SqliteStore};
pub use stats::{Stats, Writes};
pub use supervisor::{DurableSupervisor, ReadParts, RememberedInfo, TakenOver};
