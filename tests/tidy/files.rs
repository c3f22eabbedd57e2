//! The files of a package: of the one in which this is compiled.

use std::fs;
use std::path::{Path, PathBuf};

/// A file of the package.
pub(crate) struct File {
    /// Relative to the package, with `/`.
    pub(crate) path: String,
    pub(crate) whole: String,
}

impl File {
    /// The lines of production code: no comments, nothing from the first test module on.
    pub(crate) fn code(&self) -> impl Iterator<Item = &str> {
        self.whole
            .lines()
            .take_while(|line| line.trim() != "#[cfg(test)]")
            .map(str::trim)
            .filter(|line| !line.starts_with("//"))
    }

    /// The same as one text.
    pub(crate) fn text(&self) -> String {
        self.code().collect::<Vec<_>>().join("\n")
    }
}

/// All files below a folder whose names end so.
pub(crate) fn walk(folder: &Path, end: &str, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries {
        let path = entry.expect("an entry").path();
        if path.ends_with("target") {
            continue;
        }
        if path.is_dir() {
            walk(&path, end, found);
        } else if path.extension().is_some_and(|found| found == end) {
            found.push(path);
        }
    }
}

/// All files of the package whose test this is.
pub(crate) fn files() -> Vec<File> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for folder in ["src", "tests", "examples", "benches"] {
        walk(&root.join(folder), "rs", &mut found);
    }
    found.sort();
    let relative = |path: &Path| {
        let path = path.strip_prefix(root).expect("inside the package");
        let parts: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
        parts.join("/")
    };
    found
        .iter()
        .map(|path| File {
            path: relative(path),
            whole: fs::read_to_string(path).expect("a text"),
        })
        .collect()
}

/// Those of production code: what is only compiled for tests is not.
pub(crate) fn sources() -> Vec<File> {
    let mut files = files();
    let tests = |path: &str| path.ends_with("/tests.rs") || path.contains("/tests/");
    files.retain(|file| file.path.starts_with("src/") && !tests(&file.path));
    assert!(files.len() > 30, "the sources are found");
    files
}

/// Fails with all that was found.
pub(crate) fn none(found: &[String], rule: &str) {
    assert!(found.is_empty(), "{rule}:\n{}", found.join("\n"));
}
