//! The order of the house: which layer may name which, how long a file may be, what every file says of
//! itself, and what production code may not contain.
//!
//! The layers, from below: L1 `engine` (std only), L2 the vocabulary (`id names reason error info
//! options`: ractor's types, nothing of the shell), L3 `actor` (the only place besides L4 that calls
//! ractor or tokio), L4 `spec` and `supervisor` (what users hold). Absent on purpose: a parser. Lines are
//! enough, since the code is formatted.

use std::fs;
use std::path::{Path, PathBuf};

/// The longest file, in lines.
const LONGEST: usize = 400;

/// Files that are longer, and why.
const LONGER: &[(&str, &str)] = &[
    ("src/supervisor.rs", "the documentation of every call"),
    (
        "tests/it/support.rs",
        "the one session that all tests script",
    ),
    ("tests/it/rows/ends.rs", "the rows of one theme"),
    ("tests/it/rows/failed_starts.rs", "the rows of one theme"),
    ("tests/it/rows/layer.rs", "the rows of one theme"),
    ("tests/it/rows/names.rs", "the rows of one theme"),
    ("tests/it/rows/start.rs", "the rows of one theme"),
    ("tests/it/rows/start_promises.rs", "the rows of one theme"),
    (
        "benches/scale.rs",
        "one table, from its first row to its last",
    ),
];

struct File {
    /// Relative to the package, with `/`.
    path: String,
    text: String,
}

impl File {
    /// The lines of production code: no comments, nothing from the first test module on.
    fn code(&self) -> impl Iterator<Item = &str> {
        self.text
            .lines()
            .take_while(|line| line.trim() != "#[cfg(test)]")
            .map(str::trim)
            .filter(|line| !line.starts_with("//"))
    }
}

fn files() -> Vec<File> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        let Ok(entries) = fs::read_dir(folder) else {
            return;
        };
        for entry in entries {
            let path = entry.expect("an entry").path();
            if path.ends_with("target") {
                continue;
            }
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|end| end == "rs") {
                found.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for folder in ["src", "tests", "examples", "benches"] {
        walk(&root.join(folder), &mut found);
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
            text: fs::read_to_string(path).expect("a text"),
        })
        .collect()
}

fn sources() -> Vec<File> {
    let mut files = files();
    files.retain(|file| file.path.starts_with("src/"));
    assert!(files.len() > 30, "the sources are found");
    files
}

/// Fails with all that was found.
fn none(found: &[String], rule: &str) {
    assert!(found.is_empty(), "{rule}:\n{}", found.join("\n"));
}

fn layer(path: &str) -> u8 {
    let name = path.trim_start_matches("src/");
    match name {
        _ if name.starts_with("engine") => 1,
        "id.rs" | "names.rs" | "reason.rs" | "error.rs" | "info.rs" | "options.rs" => 2,
        _ if name.starts_with("actor") => 3,
        "spec.rs" | "supervisor.rs" => 4,
        "lib.rs" => 5,
        other => panic!("{other} is in no layer"),
    }
}

/// Whether a line of code names a path that begins so.
fn names(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':')
    })
}

#[test]
fn a_layer_names_only_what_is_below_it() {
    // The shell is handed what users hold where a user's code is told of it, by these paths alone.
    let above: [(u8, &[&str]); 3] = [
        (
            1,
            &[
                "ractor::",
                "tokio::",
                "tracing::",
                "thiserror::",
                "crate::actor",
                "crate::spec",
                "crate::supervisor",
                "crate::error",
                "crate::info",
                "crate::options",
                "crate::id",
                "crate::names",
                "crate::SessionId",
                "crate::SessionSupervisor",
            ],
        ),
        (
            2,
            &[
                "tokio::",
                "tracing::",
                "crate::actor",
                "crate::spec",
                "crate::supervisor",
                "crate::SessionSupervisor",
            ],
        ),
        (
            3,
            &[
                "crate::spec",
                "crate::supervisor",
                "crate::SessionSupervisor",
            ],
        ),
    ];
    let mut found = Vec::new();
    for file in sources() {
        let layer = layer(&file.path);
        for (of, forbidden) in above {
            if of != layer {
                continue;
            }
            for line in file.code() {
                for path in forbidden {
                    if names(line, path) {
                        found.push(format!("{} (L{layer}) names {path}: {line}", file.path));
                    }
                }
            }
        }
    }
    none(&found, "arrows point down only");
}

#[test]
fn the_engine_has_no_clock_and_no_randomness_of_its_own() {
    let mut found = Vec::new();
    for file in sources() {
        if layer(&file.path) > 1 {
            continue;
        }
        for line in file.code() {
            for path in [
                "Instant",
                "SystemTime",
                "RandomState",
                "std::thread",
                "async ",
                ".await",
            ] {
                // The shards hash ids from outside with keys that nobody can guess.
                if line.contains(path) && !line.contains("HashMap") {
                    found.push(format!("{}: {line}", file.path));
                }
            }
        }
    }
    none(&found, "time and seeds are arguments");
}

#[test]
fn the_clock_is_read_in_one_place() {
    let mut found = Vec::new();
    for file in sources() {
        for line in file.code() {
            if line.contains("Instant::now") && file.path != "src/actor/clock.rs"
                || line.contains("SystemTime")
            {
                found.push(format!("{}: {line}", file.path));
            }
        }
    }
    none(&found, "only actor/clock.rs reads a clock");
}

#[test]
fn every_file_says_what_it_holds_and_sources_what_they_leave_out() {
    let mut found = Vec::new();
    for file in files() {
        if !file.text.starts_with("//! ") {
            found.push(format!("{} does not begin with //!", file.path));
        }
        if file.path.starts_with("src/") && !file.text.contains("bsent on purpose") {
            found.push(format!(
                "{} does not say what is absent on purpose",
                file.path
            ));
        }
    }
    none(&found, "a file's first lines");
}

#[test]
fn a_file_holds_one_idea() {
    let mut found = Vec::new();
    for file in files() {
        let lines = file.text.lines().count();
        let reason = LONGER.iter().find(|(path, _)| *path == file.path);
        match reason {
            None if lines > LONGEST => found.push(format!("{}: {lines} lines", file.path)),
            Some(_) if lines <= LONGEST => {
                found.push(format!("{} needs no reason any more", file.path));
            }
            _ => {}
        }
    }
    none(&found, "at most 400 lines without a reason");
}

#[test]
fn production_code_is_plain() {
    let mut found = Vec::new();
    for file in sources() {
        let mut tell = |line: &str, rule| found.push(format!("{}: {rule}: {line}", file.path));
        for line in file.code() {
            if line.starts_with("use ") && line.ends_with("::*;") {
                tell(line, "a glob import");
            }
            if line.contains("#[allow") || line.contains("#![allow") {
                tell(line, "an allow");
            }
            if line.contains(".unwrap()") || line.contains(".expect(") {
                tell(line, "an unwrap");
            }
            if line.contains("cfg(test)") || line.contains("cfg!(test)") {
                tell(line, "other behaviour in tests");
            }
            if line.contains("unsafe ") {
                tell(line, "unsafe code");
            }
            if line.contains("panic!(") || line.contains("unreachable!(") || line.contains("todo!(")
            {
                tell(line, "a panic");
            }
        }
    }
    none(&found, "in production code");
    let lib = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/src/lib.rs"));
    assert!(lib.expect("the crate").contains("#![forbid(unsafe_code)]"));
}

#[test]
fn no_public_function_takes_a_bool() {
    let mut found = Vec::new();
    for file in sources() {
        let text: String = file.code().collect::<Vec<_>>().join(" ");
        for (at, _) in text
            .match_indices("pub fn ")
            .chain(text.match_indices("pub const fn "))
        {
            let signature = text[at..].split(['{', ';']).next().unwrap_or_default();
            let arguments = signature.split(')').next().unwrap_or_default();
            if arguments.contains(": bool") {
                found.push(format!("{}: {signature}", file.path));
            }
        }
    }
    none(&found, "two names say more than true and false");
}

#[test]
fn no_test_sleeps_in_a_loop_to_see_something_happen() {
    let mut found = Vec::new();
    for file in files() {
        if !file.path.starts_with("tests/") || file.path == "tests/tidy.rs" {
            continue;
        }
        if file.text.contains("std::thread::sleep(") || file.text.contains("thread::sleep(") {
            found.push(file.path);
        }
    }
    none(&found, "a test waits for events");
}
