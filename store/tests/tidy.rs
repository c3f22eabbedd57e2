//! The rules of the repository, for this crate: what every file says of itself, how long it may be,
//! which words it does not use, and what production code may not contain.

use std::fs;
use std::path::{Path, PathBuf};

/// The longest file, in lines.
const LONGEST: usize = 400;

/// Longer ones, and why.
const LONGER: [(&str, &str); 1] = [("src/journal.rs", "all that happens under one lock")];

fn files() -> Vec<(String, String)> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
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
    let name = |path: &Path| {
        let path = path.strip_prefix(root).expect("below it");
        path.to_string_lossy().replace('\\', "/")
    };
    found.sort();
    let read = |path: PathBuf| (name(&path), fs::read_to_string(&path).expect("text"));
    found.into_iter().map(read).collect()
}

/// Words for which the field has a term; in two halves, so that a search finds none here.
const NOT_OUR_WORDS: [&str; 8] = [
    concat!("zom", "bie"),
    concat!("under", "taker"),
    concat!("grav", "eyard"),
    concat!("cor", "pse"),
    concat!("kee", "per"),
    concat!("left", "overs"),
    concat!("mem", "ber"),
    concat!("Absent o", "n purpose"),
];

#[test]
fn the_files_are_in_order() {
    let mut found = Vec::new();
    for (path, text) in files() {
        let lines = text.lines().count();
        let reason = LONGER.iter().any(|(longer, _)| *longer == path);
        if !text.starts_with("//! ") {
            found.push(format!("{path} does not begin with //!"));
        }
        if lines > LONGEST && !reason {
            found.push(format!("{path}: {lines} lines"));
        }
        if lines <= LONGEST && reason {
            found.push(format!("{path} needs no reason any more"));
        }
        for word in NOT_OUR_WORDS {
            let mut words = text.split(|c: char| !c.is_ascii_alphanumeric());
            if words.any(|known| known == word) {
                found.push(format!("{path}: {word}"));
            }
        }
        if path.starts_with("src/") {
            production(&path, &text, &mut found);
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
    let lib = include_str!("../src/lib.rs");
    assert!(lib.contains("#![forbid(unsafe_code)]"));
}

fn production(path: &str, text: &str, found: &mut Vec<String>) {
    let code = text.lines().map(str::trim);
    for line in code.filter(|line| !line.starts_with("//")) {
        let mut tell = |rule: &str| found.push(format!("{path}: {rule}: {line}"));
        if line.contains("::*") || line.contains("{*") {
            tell("a glob import");
        }
        if line.contains(".unwrap()") || line.contains(".expect(") {
            tell("an unwrap");
        }
        if line.contains("panic!(") || line.contains("todo!(") || line.contains("unreachable!(") {
            tell("a panic");
        }
        if line.contains("fn ") && (line.contains(": bool,") || line.contains(": bool)")) {
            tell("a parameter of type bool");
        }
        if line.contains("#[allow") || line.contains("#![allow") {
            tell("a lint that is allowed");
        }
        if line.contains("SystemTime::now") && path != "src/clock.rs" {
            tell("a clock");
        }
        let pure = path.starts_with("src/engine/");
        let outside = [
            "Instant",
            "tokio",
            "std::thread",
            "async ",
            ".await;",
            ".await?",
            "rusqlite",
        ];
        if pure && outside.iter().any(|name| line.contains(name)) {
            tell("the decisions have no runtime, no clock and no disk");
        }
    }
}
