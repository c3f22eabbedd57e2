//! The order of the repository: which layer may name which, how long a file may be, what every file
//! says of itself, and what production code may not contain.
//!
//! The layers, from below: L1 `engine` (std only), L2 the vocabulary (`error fault id info names
//! options reason`: ractor's types, but no call of it), L3 `actor` (calls ractor and tokio), L4
//! `ask child handle spec session_supervisor supervisor tree application` (what users hold; they may use
//! all that is below), and `lib.rs`, which only re-exports. A file names nothing of a layer above
//! its own. It reads lines, which is enough since the code is formatted.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The longest file, in lines.
const LONGEST: usize = 400;

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
    ("tests/tidy.rs", "all the rules of the repository"),
    (
        "benches/engine.rs",
        "one table, from its first row to its last",
    ),
    (
        "benches/scale.rs",
        "one table, from its first row to its last",
    ),
];

struct File {
    /// Relative to the package, with `/`.
    path: String,
    whole: String,
}

impl File {
    /// The lines of production code: no comments, nothing from the first test module on.
    fn code(&self) -> impl Iterator<Item = &str> {
        self.whole
            .lines()
            .take_while(|line| line.trim() != "#[cfg(test)]")
            .map(str::trim)
            .filter(|line| !line.starts_with("//"))
    }

    /// The same as one text.
    fn text(&self) -> String {
        self.code().collect::<Vec<_>>().join("\n")
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
            whole: fs::read_to_string(path).expect("a text"),
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

/// The layer of a file of `src`, or of a module at the crate's root.
fn layer(path: &str) -> u8 {
    let path = path.strip_prefix("src/").unwrap_or(path);
    let module = path.split('/').next().unwrap_or(path);
    match module.strip_suffix(".rs").unwrap_or(module) {
        "engine" => 1,
        "error" | "fault" | "id" | "info" | "names" | "options" | "reason" => 2,
        "actor" => 3,
        "application" | "ask" | "child" | "handle" | "session_supervisor" | "spec"
        | "supervisor" | "tree" => 4,
        "lib" => 5,
        other => panic!("{other} is in no layer"),
    }
}

/// The modules whose items the crate's root re-exports, by the names of those items.
fn front_page(sources: &[File]) -> BTreeMap<String, String> {
    let lib = sources.iter().find(|file| file.path == "src/lib.rs");
    let text = lib.expect("the crate's root").text();
    let mut found = BTreeMap::new();
    for (_, after) in split_all(&text, "pub use ") {
        let (module, names) = after.split_once("::").expect("a path");
        for name in heads(names) {
            found.insert(name, module.to_owned());
        }
    }
    assert!(found.contains_key("SessionSupervisor"), "{found:?}");
    found
}

/// What stands before and after each place where a text holds `path` as a whole path.
fn split_all<'a>(text: &'a str, path: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
    text.match_indices(path)
        .map(|(at, _)| (&text[..at], &text[at + path.len()..]))
        .filter(|(before, _)| {
            let last = before.chars().next_back();
            !last.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':')
        })
}

/// The first names of what follows a `::`: of one path, or of each path between braces.
fn heads(after: &str) -> Vec<String> {
    let name = |path: &str| -> String {
        let path = path.trim_start().chars();
        path.take_while(|c| c.is_alphanumeric() || *c == '_' || *c == '*')
            .collect()
    };
    let Some(group) = after.strip_prefix('{') else {
        return vec![name(after)];
    };
    let mut depth = 0;
    let mut paths = vec![String::new()];
    for c in group.chars() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => paths.push(String::new()),
            c => paths.last_mut().expect("one at least").push(c),
        }
    }
    paths.retain(|path| !path.trim().is_empty());
    paths.iter().map(|path| name(path)).collect()
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
fn every_file_says_what_it_holds() {
    let mut found = Vec::new();
    for file in files() {
        if !file.whole.starts_with("//! ") {
            found.push(format!("{} does not begin with //!", file.path));
        }
    }
    none(&found, "a file's first lines");
}

#[test]
fn a_file_holds_one_idea() {
    let mut found = Vec::new();
    for file in files() {
        let lines = file.whole.lines().count();
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

/// Words that are not used: pictures for which the field has a term, and "who" for a component.
/// They are in two halves, so that a search for one finds nothing.
const NOT_OUR_WORDS: &[&str] = &[
    concat!("zom", "bie"),
    concat!("under", "taker"),
    concat!("grav", "eyard"),
    concat!("cor", "pse"),
    concat!("unb", "orn"),
    concat!("kee", "per"),
    concat!("be", "ll"),
    concat!("bi", "rth"),
    concat!("ne", "st"),
    concat!("left", "overs"),
    concat!("p", "it"),
    concat!("dig", "ger"),
    concat!("mem", "ber"),
    concat!("who", "ever"),
    concat!("HAZ", "ARDS"),
    concat!("FAU", "LTS"),
    concat!("Absent o", "n purpose"),
];

#[test]
fn the_words_are_those_of_the_field() {
    let mut found = Vec::new();
    for file in files() {
        for (at, line) in file.whole.lines().enumerate() {
            let small = line.to_ascii_lowercase();
            for wrong in NOT_OUR_WORDS {
                // The titles of documents are in capitals; as plain words they are fine.
                let line = match wrong.starts_with(char::is_uppercase) {
                    true => line,
                    false => &small,
                };
                let mut words = line.split(|c: char| !c.is_ascii_alphanumeric());
                let plural = |word: &str| word.strip_suffix('s') == Some(*wrong);
                let has = match wrong.contains(' ') {
                    true => line.contains(wrong),
                    false => words.any(|word| word == *wrong || plural(word)),
                };
                if has {
                    found.push(format!("{}:{}: {wrong}", file.path, at + 1));
                }
            }
        }
    }
    none(&found, "one word for one thing, and no picture");
}

#[test]
fn production_code_is_plain() {
    let mut found = Vec::new();
    for file in sources() {
        let mut tell = |line: &str, rule| found.push(format!("{}: {rule}: {line}", file.path));
        for line in file.code() {
            if line.contains("::*") || line.contains("{*") || line.contains(" *}") {
                tell(line, "a glob import");
            }
            if line.contains(".unwrap()") || line.contains(".expect(") {
                tell(line, "an unwrap");
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

/// A new answer of the engine must not become "down" by itself.
#[test]
fn a_handle_matches_every_answer() {
    let handles = [
        "src/session_supervisor.rs",
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
    let mut found = Vec::new();
    for file in files().iter().filter(|file| file.path != "tests/tidy.rs") {
        for line in file.whole.lines().map(str::trim) {
            let attribute = line.starts_with("#[") || line.starts_with("#![");
            if attribute && split_all(line, "allow(").next().is_some() {
                found.push(format!("{}: {line}", file.path));
            }
        }
    }
    none(&found, "expect says why, and when it is idle");
}

#[test]
fn tests_change_nothing_in_production_code() {
    let mut found = Vec::new();
    for file in sources() {
        let lines: Vec<_> = file.whole.lines().collect();
        for (at, line) in lines.iter().enumerate() {
            if line.trim().starts_with("//") || !line.contains("cfg") {
                continue;
            }
            let module = *line == "#[cfg(test)]" && lines.get(at + 1) == Some(&"mod tests {");
            let last = || lines[at..].iter().position(|line| *line == "}");
            if module && last().map(|end| at + end + 1) == Some(lines.len()) {
                continue;
            }
            if split_all(line, "test").next().is_some() || module {
                found.push(format!("{}: {line}", file.path));
            }
        }
    }
    none(
        &found,
        "only a module of tests at a file's end is for tests",
    );
}

#[test]
fn no_function_takes_a_bool() {
    let mut found = Vec::new();
    for file in sources() {
        let text = file.text();
        for (_, after) in split_all(&text, "fn ") {
            let signature = after.split(['{', ';']).next().unwrap_or_default();
            if [": bool", ": &bool", ": &mut bool", ": Option<bool>"]
                .iter()
                .any(|bool| signature.contains(bool))
            {
                found.push(format!("{}: {signature}", file.path));
            }
        }
    }
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

#[test]
fn no_test_polls_and_none_waits_for_real_time() {
    let mut found = Vec::new();
    for file in files() {
        if !file.path.starts_with("tests/") || file.path == "tests/tidy.rs" {
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
