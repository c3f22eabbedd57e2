//! One process at a time: a lock file beside the store, with the number of the process that has it.
//!
//! The operating system releases the lock with the process, however that ends. The file stays: it is
//! the lock that counts. It is not the store itself that is locked, since a process that closes any
//! handle to a file loses the locks by which SQLite keeps its readers apart.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::process;

use super::OpenStoreError;
use super::whole::Opened;
use crate::session_store::StoreError;

pub(super) struct Lock {
    file: File,
    opened: Opened,
}

impl Lock {
    /// Takes the lock of the store in this file.
    pub(super) fn take(path: &Path) -> Result<Self, OpenStoreError> {
        let lock = beside(path);
        let io = |cause| OpenStoreError::Io {
            path: lock.clone(),
            cause,
        };
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(&lock).map_err(io)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(in_use(path, &mut file)),
            Err(TryLockError::Error(cause)) => return Err(io(cause)),
        }
        let pid = format!("{}\n", process::id());
        file.set_len(0).map_err(io)?;
        file.rewind().map_err(io)?;
        file.write_all(pid.as_bytes()).map_err(io)?;
        let opened = Opened::at(lock.clone()).map_err(io)?;
        Ok(Self { file, opened })
    }

    /// The lock of the store in this file is still the one that others find. One that was deleted is
    /// made anew.
    ///
    /// # Errors
    ///
    /// Another process has it by now.
    pub(super) fn renew(&mut self, path: &Path) -> Result<(), StoreError> {
        match self.opened.is_there() {
            Ok(true) => return Ok(()),
            Ok(false) => {}
            Err(error) => return Err(StoreError::Failed(Box::new(error))),
        }
        tracing::warn!(
            "{} was deleted, and is made anew",
            self.opened.path().display()
        );
        match Self::take(path) {
            Ok(anew) => {
                *self = anew;
                Ok(())
            }
            Err(taken) => Err(StoreError::Gone(Box::new(taken))),
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // It is released with the file all the same.
        drop(self.file.unlock());
    }
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    name.into()
}

fn in_use(path: &Path, file: &mut File) -> OpenStoreError {
    let path = path.to_owned();
    let mut text = String::new();
    let read = file.read_to_string(&mut text);
    match read.ok().and_then(|_| text.trim().parse().ok()) {
        Some(pid) => OpenStoreError::InUse { path, pid },
        None => OpenStoreError::InUseByUnknown { path },
    }
}
