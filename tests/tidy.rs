//! The order of the repository: which layer may name which, that no modules import each other in a
//! circle, how long a file may be, what every file says of itself, and what production code may not
//! contain.
//!
//! The layers, from below: L1 `engine` (std only), L2 the vocabulary (`error event fault id info names
//! options reason`: ractor's types, but no call of it), L3 `actor` (calls ractor and tokio), L4
//! `ask checkpoint child dashboard handle metrics spec session_supervisor supervisor survey tree
//! application` (what users hold; they may use all that is below), and `lib.rs`, which only re-exports,
//! with `guide.rs`, which is documentation. A file names nothing of a layer above its own. It reads
//! lines, which is enough since the code is formatted.

use std::collections::{BTreeMap, BTreeSet};
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
    match after.strip_prefix('{') {
        Some(group) => parts(group).iter().map(|path| name(path)).collect(),
        None => vec![name(after)],
    }
}

/// The paths between two braces, of which the first has been taken.
fn parts(group: &str) -> Vec<String> {
    let mut depth = 0;
    let mut parts = vec![String::new()];
    for c in group.chars() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            _ => {}
        }
        match c {
            ',' if depth == 0 => parts.push(String::new()),
            c => parts.last_mut().expect("one at least").push(c),
        }
    }
    parts.retain(|part| !part.trim().is_empty());
    parts
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

/// All paths that a text begins with: one, or each that is written with braces.
fn paths(text: &str) -> Vec<Vec<String>> {
    let text = text.trim_start();
    if let Some(group) = text.strip_prefix('{') {
        return parts(group).iter().flat_map(|part| paths(part)).collect();
    }
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_');
    let (name, rest) = text.split_at(end.unwrap_or(text.len()));
    let rest = match rest.strip_prefix("::") {
        Some(rest) => paths(rest),
        None => vec![Vec::new()],
    };
    let with_name = |path: Vec<String>| [vec![name.to_owned()], path].concat();
    rest.into_iter().map(with_name).collect()
}

/// The folders whose files are modules each. Elsewhere a file is one module with its folder.
const FOLDERS: [&str; 2] = ["engine", "actor"];

/// The modules of `src`, and what they import.
struct Imports {
    modules: BTreeSet<String>,
    /// Where a name is from that `lib.rs` or the file of one of [`FOLDERS`] re-exports.
    passed_on: BTreeMap<Vec<String>, Vec<String>>,
    /// What each module imports, and by which names.
    of: BTreeMap<String, BTreeMap<String, BTreeSet<String>>>,
}

impl Imports {
    fn read(sources: &[File]) -> Self {
        let place = |file: &File| -> Vec<String> {
            let path = file.path.trim_start_matches("src/").trim_end_matches(".rs");
            path.split('/').map(str::to_owned).collect()
        };
        let (fronts, files): (Vec<_>, Vec<_>) = sources.iter().partition(|file| {
            let place = place(file);
            place == ["lib"] || place.len() == 1 && FOLDERS.contains(&&*place[0])
        });
        assert_eq!(fronts.len(), 1 + FOLDERS.len(), "the fronts are found");
        let mut passed_on = BTreeMap::new();
        for front in fronts {
            let mut base = place(front);
            base.retain(|name| name != "lib");
            for (_, after) in split_all(&front.text(), "use ") {
                for path in paths(after) {
                    let name = path.last().expect("a name").clone();
                    // A function has the name of its module: the path leads there already.
                    if base.is_empty() && path.len() > 1 && path[0] == name {
                        continue;
                    }
                    let known = [base.clone(), vec![name]].concat();
                    passed_on.insert(known, [base.clone(), path].concat());
                }
            }
        }
        let mut imports = Self {
            modules: files.iter().map(|file| module(&place(file))).collect(),
            passed_on,
            of: BTreeMap::new(),
        };
        for file in files {
            let here = place(file);
            let text = file.text();
            for (root, base) in [
                ("crate::", &here[..0]),
                ("super::", &here[..here.len() - 1]),
                ("self::", &here[..]),
            ] {
                for (_, after) in split_all(&text, root) {
                    for path in paths(after) {
                        imports.add(file, module(&here), base, &path);
                    }
                }
            }
        }
        imports
    }

    fn add(&mut self, file: &File, from: String, base: &[String], path: &[String]) {
        let ups = path.iter().take_while(|name| *name == "super").count();
        let mut whole = [&base[..base.len() - ups], &path[ups..]].concat();
        whole.retain(|name| name != "self");
        if whole.is_empty() || whole.len() == 1 && FOLDERS.contains(&&*whole[0]) {
            return;
        }
        let name = whole.join("::");
        let further = |path: &[String]| {
            let longer = self.passed_on.get(&path[..path.len().min(2)]);
            let longer = longer.or_else(|| self.passed_on.get(&path[..1]));
            // What has the name of its module leads to that module, and no further.
            longer.filter(|longer| **longer != *path).cloned()
        };
        while let Some(path) = further(&whole) {
            whole = path;
        }
        let to = module(&whole);
        assert!(self.modules.contains(&to), "{}: {name}", file.path);
        if to != from {
            let names = self.of.entry(from).or_default().entry(to).or_default();
            names.insert(name);
        }
    }

    /// All that a module imports, and what that imports, and so on.
    fn reach<'a>(&'a self, from: &'a str) -> BTreeSet<&'a str> {
        let mut found = BTreeSet::new();
        let mut pending = vec![from];
        while let Some(module) = pending.pop() {
            let next = self.of.get(module).into_iter().flat_map(BTreeMap::keys);
            pending.extend(next.map(|to| &**to).filter(|to| found.insert(*to)));
        }
        found
    }

    /// The sets of modules of which each reaches each other.
    fn circles(&self) -> BTreeSet<BTreeSet<&str>> {
        let modules = self.modules.iter().map(|module| &**module);
        let reach: BTreeMap<_, _> = modules.map(|from| (from, self.reach(from))).collect();
        let mut circles = BTreeSet::new();
        for (from, reached) in &reach {
            let mut circle = reached.clone();
            circle.retain(|to| reach[to].contains(from));
            circles.insert(circle);
        }
        circles.remove(&BTreeSet::new());
        circles
    }
}

/// The module to which a path leads or in which a file is.
fn module(path: &[String]) -> String {
    let depth = 1 + usize::from(FOLDERS.contains(&&*path[0]));
    path[..path.len().min(depth)].join("/")
}

#[test]
fn no_modules_import_each_other_in_a_circle() {
    let imports = Imports::read(&sources());
    let seen: usize = imports.of.values().map(BTreeMap::len).sum();
    assert!(seen > 200, "the paths are found");
    let mut found = Vec::new();
    for circle in imports.circles() {
        found.push(format!("a circle: {circle:?}"));
        for from in &circle {
            for (to, names) in &imports.of[*from] {
                if circle.contains(&**to) {
                    found.push(format!("    {from} imports {names:?} of {to}"));
                }
            }
        }
    }
    none(&found, "imports point one way");
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

/// Methods of axum, whose names are not ours to choose.
const NAMES_OF_OTHERS: [&str; 2] = [concat!(".ne", "st("), concat!(".ne", "st_service(")];

#[test]
fn the_words_are_those_of_the_field() {
    let mut found = Vec::new();
    for file in files() {
        for (at, line) in file.whole.lines().enumerate() {
            let without = |line: String, name: &&str| line.replace(name, "");
            let line = NAMES_OF_OTHERS.iter().fold(line.to_owned(), without);
            let (line, small) = (&*line, line.to_ascii_lowercase());
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
