//! The order of the repository: which layer may name which, that no modules import each other in a
//! circle, how long a file may be, what every file says of itself, what production code may not
//! contain, and that the documents name what there is.
//!
//! The layers, from below: L1 `engine` (std only), L2 the vocabulary (`error event fault id info names
//! options reason`: ractor's types, but no call of it), L3 `actor` (calls ractor and tokio), L4
//! `ask checkpoint child dashboard handle metrics spec session_supervisor supervisor survey tree
//! application` (what users hold; they may use all that is below), and `lib.rs`, which only re-exports,
//! with `guide.rs`, which is documentation. A file names nothing of a layer above its own. It reads
//! lines, which is enough since the code is formatted. The rules in `tidy` are those of `cluster/` too.

#[path = "tidy/documents.rs"]
mod documents;
#[path = "tidy/files.rs"]
mod files;
#[path = "tidy/imports.rs"]
mod imports;
#[path = "tidy/paths.rs"]
mod paths;
#[path = "tidy/rules.rs"]
mod rules;

use std::collections::BTreeMap;

use files::{File, files, none, sources};
use imports::Imports;
use paths::{heads, split_all};

/// Files that are longer, and why.
const LONGER: &[(&str, &str)] = &[
    (
        "src/session_supervisor.rs",
        "the documentation of every call",
    ),
    ("src/supervisor.rs", "the documentation of every call"),
    (
        "tests/it/traces.rs",
        "the one log capture, and what it sees of one session",
    ),
    (
        "tests/sim/sessions/model.rs",
        "what should be, in one piece",
    ),
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
        "benches/engine.rs",
        "one table, from its first row to its last",
    ),
    (
        "benches/scale.rs",
        "one table, from its first row to its last",
    ),
];

/// The layer of a file of `src`, or of a module at the crate's root.
fn layer(path: &str) -> u8 {
    let path = path.strip_prefix("src/").unwrap_or(path);
    let module = path.split('/').next().unwrap_or(path);
    match module.strip_suffix(".rs").unwrap_or(module) {
        "engine" => 1,
        "error" | "event" | "fault" | "id" | "info" | "names" | "options" | "reason" => 2,
        "actor" => 3,
        "application" | "ask" | "checkpoint" | "child" | "dashboard" | "handle" | "metrics"
        | "session_ref" | "session_supervisor" | "spec" | "supervisor" | "survey" | "tree" => 4,
        "guide" | "lib" => 5,
        other => panic!("{other} is in no layer"),
    }
}

/// The modules whose items the crate's root re-exports, by the names of those items.
fn front_page(sources: &[File]) -> BTreeMap<String, String> {
    let lib = sources.iter().find(|file| file.path == "src/lib.rs");
    let text = lib.expect("the crate's root").text();
    let mut found = BTreeMap::new();
    for (_, after) in split_all(&text, "pub use ") {
        let item = after.split(';').next().expect("what is exported");
        // A whole crate is in no layer.
        let Some((module, names)) = item.split_once("::") else {
            assert_eq!(item, "ractor");
            continue;
        };
        for name in heads(names) {
            found.insert(name, module.to_owned());
        }
    }
    assert!(found.contains_key("SessionSupervisor"), "{found:?}");
    found
}

/// The names that a file takes from the crate's root, by `crate::` or by enough `super::`.
fn taken_from_the_root(file: &File) -> Vec<String> {
    let up = "super::".repeat(file.path.matches('/').count());
    let text = file.text();
    ["crate::", up.as_str()]
        .into_iter()
        .flat_map(|root| split_all(&text, root))
        .flat_map(|(_, after)| heads(after))
        .collect()
}

#[test]
fn a_layer_names_only_itself_and_what_is_below_it() {
    let sources = sources();
    let front_page = front_page(&sources);
    let mut found = Vec::new();
    let mut seen = 0;
    for file in sources.iter().filter(|file| file.path != "src/lib.rs") {
        for name in taken_from_the_root(file) {
            seen += 1;
            let module = front_page.get(&name).unwrap_or(&name);
            if layer(module) > layer(&file.path) {
                found.push(format!("{} names {name}", file.path));
            }
        }
    }
    assert!(seen > 50, "the paths are found");
    none(&found, "arrows point down only");
}

/// The folders whose files are modules each. Elsewhere a file is one module with its folder.
const FOLDERS: [&str; 2] = ["engine", "actor"];

#[test]
fn no_modules_import_each_other_in_a_circle() {
    let imports = Imports::read(&sources(), &FOLDERS);
    let seen: usize = imports.of.values().map(BTreeMap::len).sum();
    assert!(seen > 200, "the paths are found");
    none(&imports.told(), "imports point one way");
}

#[test]
fn only_the_shell_and_what_users_hold_call_ractor_and_tokio() {
    /// The types of ractor that the vocabulary speaks of.
    const TYPES: [&str; 2] = ["ActorCell", "ActorProcessingErr"];
    let mut found = Vec::new();
    for file in sources() {
        let forbidden: &[&str] = match layer(&file.path) {
            1 => &["ractor", "tokio", "tracing", "thiserror", "futures"],
            2 => &["tokio", "tracing"],
            _ => continue,
        };
        for line in file.code() {
            for name in forbidden {
                if split_all(line, name).any(|(_, after)| heads(after) == [""]) {
                    found.push(format!("{} names {name}: {line}", file.path));
                }
            }
        }
        let text = file.text();
        let called = split_all(&text, "ractor::").flat_map(|(_, after)| heads(after));
        for name in called.filter(|name| !TYPES.contains(&name.as_str())) {
            found.push(format!("{} takes {name} from ractor", file.path));
        }
    }
    none(&found, "the layers below the shell");
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
                // Ids come from outside, and are hashed with keys that nobody can guess.
                let hashes_ids = file.path == "src/engine/index.rs" && path == "RandomState";
                if line.contains(path) && !hashes_ids {
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
            let reads = line.contains("Instant::now") || line.contains("SystemTime::now");
            if reads && file.path != "src/actor/clock.rs" {
                found.push(format!("{}: {line}", file.path));
            }
        }
    }
    none(&found, "only actor/clock.rs reads a clock");
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

/// A new answer of the engine must not become "down" by itself.
#[test]
fn a_handle_matches_every_answer() {
    let handles = [
        "src/session_supervisor.rs",
        "src/session_supervisor/admission.rs",
        "src/session_supervisor/draining.rs",
        "src/session_supervisor/leases.rs",
        "src/session_supervisor/several.rs",
        "src/session_supervisor/watching.rs",
        "src/supervisor.rs",
        "src/ask.rs",
    ];
    let mut found = Vec::new();
    for file in sources() {
        let heads = ["_ =>", "Ok(_) ", "other =>"];
        let catches_all = |line: &&str| heads.iter().any(|head| line.starts_with(head));
        let caught = file.code().filter(catches_all);
        if handles.contains(&&*file.path) {
            found.extend(caught.map(|line| format!("{}: {line}", file.path)));
        }
    }
    none(&found, "a handle matches its answers without a catch-all");
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

/// The lines of a block, from the one that opens it to the one that closes it.
fn block<'a>(lines: &'a [&'a str], opens: usize) -> &'a [&'a str] {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let closes = lines[opens + 1..]
        .iter()
        .position(|line| !line.is_empty() && indent(line) <= indent(lines[opens]));
    let end = closes.map_or(lines.len(), |at| opens + 1 + at);
    &lines[opens..end]
}

/// A reader follows them.
#[test]
fn the_documents_name_what_there_is() {
    none(
        &documents::named_in_vain(),
        "no such file, or no such function",
    );
}

#[test]
fn no_test_polls_and_none_waits_for_real_time() {
    let mut found = Vec::new();
    for file in files() {
        if !file.path.starts_with("tests/") || file.path.starts_with("tests/tidy") {
            continue;
        }
        let lines: Vec<_> = file.whole.lines().collect();
        for (at, line) in lines.iter().enumerate() {
            let code = line.trim();
            let sleeps = |from| {
                block(&lines, from)
                    .iter()
                    .any(|line| line.contains("sleep("))
            };
            let mut tell = |rule| found.push(format!("{}:{}: {rule}", file.path, at + 1));
            if code.contains("thread::sleep(") {
                tell("a thread sleeps");
            }
            let polls = code.starts_with("while ") || code == "loop {";
            if polls && code.ends_with('{') && sleeps(at) {
                tell("a loop sleeps");
            }
            let test = code == "#[test]" || code.starts_with("#[tokio::test");
            if test && !code.contains("start_paused = true") {
                let body = lines[at..].iter().position(|line| line.contains("fn "));
                if body.is_some_and(|body| sleeps(at + body)) {
                    tell("a test sleeps while time is not paused");
                }
            }
        }
    }
    none(&found, "a test waits for events");
}
