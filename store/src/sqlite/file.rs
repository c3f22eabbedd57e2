//! What a file is, before SQLite touches it: opening one in the write-ahead mode may write to it.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::OpenStoreError;
use super::schema::{APPLICATION, VERSION};

/// How much of a file is its header.
const HEADER: u64 = 100;

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// No file, or an empty one.
    Nothing,
    /// A store.
    Store,
}

/// The path without links, so that one file has one lock. The file itself need not be there.
pub(super) fn canonical(path: &Path) -> Result<PathBuf, OpenStoreError> {
    let io = |cause| OpenStoreError::Io {
        path: path.to_owned(),
        cause,
    };
    match path.canonicalize() {
        Ok(whole) => return Ok(whole),
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(io(error)),
        Err(_) => {}
    }
    let Some(name) = path.file_name() else {
        return Err(io(io::ErrorKind::InvalidInput.into()));
    };
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    Ok(folder.canonicalize().map_err(io)?.join(name))
}

/// Reads the header of a file.
pub(super) fn look(path: &Path) -> Result<Found, OpenStoreError> {
    let io = |cause| OpenStoreError::Io {
        path: path.to_owned(),
        cause,
    };
    let not_a_store = |why| OpenStoreError::NotAStore {
        path: path.to_owned(),
        why,
    };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
        Err(error) => return Err(io(error)),
    };
    if !file.metadata().map_err(io)?.is_file() {
        return Err(not_a_store("it is no file"));
    }
    let mut header = Vec::new();
    file.take(HEADER).read_to_end(&mut header).map_err(io)?;
    if header.is_empty() {
        return Ok(Found::Nothing);
    }
    if !header.starts_with(b"SQLite format 3\0") {
        return Err(not_a_store("it is no file of SQLite"));
    }
    let number = |at: usize| {
        let bytes = header.get(at..at + 4)?;
        Some(u32::from_be_bytes(bytes.try_into().ok()?))
    };
    match (number(68), number(60)) {
        (Some(APPLICATION), Some(1..=VERSION)) => Ok(Found::Store),
        (Some(APPLICATION), Some(found)) if found > VERSION => Err(OpenStoreError::Newer {
            path: path.to_owned(),
            found,
            known: VERSION,
        }),
        _ => Err(not_a_store("it is another program's file of SQLite")),
    }
}
