//! Whether the files that are open are still those of their names. What is written to a file that was
//! deleted is found by nobody, so it must not be called durable.
//!
//! It looks after each write: what was there then is what the next process opens. Without inodes, as
//! on Windows, an open file cannot be deleted, and nothing is looked at.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::session_store::StoreError;

/// A file, as it was when it was opened.
#[derive(Debug)]
pub(super) struct Opened {
    path: PathBuf,
    number: Option<Number>,
}

/// Its device and its inode.
type Number = (u64, u64);

impl Opened {
    /// The file that has this name now.
    pub(super) fn at(path: PathBuf) -> io::Result<Self> {
        let number = number(&fs::metadata(&path)?);
        Ok(Self { path, number })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it is still the one.
    pub(super) fn is_there(&self) -> io::Result<bool> {
        match fs::metadata(&self.path) {
            Ok(found) => Ok(number(&found) == self.number),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// # Errors
    ///
    /// It is not there any more.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        match self.is_there() {
            Ok(true) => Ok(()),
            Ok(false) => Err(self.gone("it was deleted, moved or replaced while it was open")),
            Err(error) => Err(StoreError::Failed(Box::new(error))),
        }
    }

    pub(super) fn gone(&self, why: &str) -> StoreError {
        StoreError::Gone(format!("{}: {why}", self.path.display()).into())
    }
}

#[cfg(unix)]
fn number(found: &fs::Metadata) -> Option<Number> {
    use std::os::unix::fs::MetadataExt;

    Some((found.dev(), found.ino()))
}

#[cfg(not(unix))]
fn number(_: &fs::Metadata) -> Option<Number> {
    None
}
