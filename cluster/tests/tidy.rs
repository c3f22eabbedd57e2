//! The order of this crate: the rules of the repository's own `tests/tidy.rs`, and that what decides has
//! neither a clock nor a runtime.

#[path = "../../tests/tidy/files.rs"]
mod files;
#[path = "../../tests/tidy/imports.rs"]
mod imports;
#[path = "../../tests/tidy/paths.rs"]
#[expect(dead_code, reason = "the repository's own rules use the rest of it")]
mod paths;
#[path = "../../tests/tidy/rules.rs"]
mod rules;

use std::collections::BTreeMap;

use files::{files, none, sources};
use imports::Imports;

/// Files that are longer than the others may be, and why.
const LONGER: &[(&str, &str)] = &[];

/// The folders whose files are modules each. Elsewhere a file is one module with its folder.
const FOLDERS: [&str; 1] = ["engine"];

#[test]
fn no_modules_import_each_other_in_a_circle() {
    let imports = Imports::read(&sources(), &FOLDERS);
    let seen: usize = imports.of.values().map(BTreeMap::len).sum();
    assert!(seen > 70, "the paths are found: {seen}");
    none(&imports.told(), "imports point one way");
}

#[test]
fn every_file_says_what_it_holds() {
    none(&rules::headers(&files()), "a file's first lines");
}

#[test]
fn a_file_holds_one_idea() {
    let found = rules::lengths(&files(), LONGER);
    none(&found, "at most 400 lines without a reason");
}

#[test]
fn the_words_are_those_of_the_field() {
    let found = rules::words(&files());
    none(&found, "one word for one thing, and no picture");
}

#[test]
fn production_code_is_plain() {
    none(&rules::plain(&sources()), "in production code");
}

#[test]
fn a_lint_is_expected_with_a_reason_and_never_allowed() {
    let found = rules::lints(&files());
    none(&found, "expect says why, and when it is idle");
}

#[test]
fn tests_change_nothing_in_production_code() {
    let found = rules::test_modules(&sources());
    none(
        &found,
        "only a module of tests at a file's end is for tests",
    );
}

#[test]
fn no_function_takes_a_bool() {
    let found = rules::bools(&sources());
    none(&found, "two names say more than true and false");
}

/// What decides: which node is to own what, what this one may do, and which connection is used.
#[test]
fn what_decides_has_no_clock_no_runtime_and_no_randomness() {
    let mut found = Vec::new();
    let decides = |path: &str| {
        let folder = |of: &str| path.starts_with(&format!("src/{of}"));
        folder("engine") || folder("gateway/links")
    };
    let sources = sources();
    let engines: Vec<_> = sources.iter().filter(|file| decides(&file.path)).collect();
    assert!(engines.len() > 15, "they are found");
    for file in engines {
        for line in file.code() {
            for outside in [
                "Instant",
                "SystemTime",
                "RandomState",
                "std::thread",
                "async ",
                ".await",
                "tokio",
                "tracing",
                "etcd_client",
                "ractor",
            ] {
                if line.contains(outside) {
                    found.push(format!("{}: {line}", file.path));
                }
            }
        }
    }
    none(&found, "time and seeds are arguments");
}

/// Nodes compare moments of the clock of authority with nothing else.
#[test]
fn the_clock_of_authority_is_read_in_one_place() {
    let mut found = Vec::new();
    for file in sources() {
        for line in file.code() {
            let reads = line.contains("clock_gettime") || line.contains("SystemTime::now");
            if reads && file.path != "src/clock.rs" {
                found.push(format!("{}: {line}", file.path));
            }
        }
    }
    none(&found, "only clock.rs reads it");
}
