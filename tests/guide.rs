//! The guide as a whole: its pages are modules and are named where readers begin, its links lead
//! somewhere in the repository and in rustdoc, and its examples are run. What the examples do is
//! tested by themselves, as doctests.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn text(path: impl AsRef<Path>) -> String {
    fs::read_to_string(root().join(path)).expect("a text")
}

/// The pages, without `README.md`, which is the guide's table of contents.
fn pages() -> Vec<PathBuf> {
    let folder = fs::read_dir(root().join("docs/guide")).expect("the guide");
    let files =
        folder.map(|entry| Path::new("docs/guide").join(entry.expect("an entry").file_name()));
    let mut pages: Vec<_> = files.filter(|path| !path.ends_with("README.md")).collect();
    assert!(pages.len() > 10, "the pages are found");
    pages.sort();
    pages
}

/// The pages, and the two texts that lead to them.
fn texts() -> Vec<PathBuf> {
    let mut texts = pages();
    texts.extend(["README.md", "docs/guide/README.md"].map(PathBuf::from));
    texts
}

/// The lines of a text that are outside of, or within, blocks of code.
fn lines(text: &str, wanted: Part) -> Vec<&str> {
    let mut part = Part::Prose;
    let mut found = Vec::new();
    for line in text.lines() {
        match (line.starts_with("```"), part) {
            (true, Part::Prose) => part = Part::Code,
            (true, Part::Code) => part = Part::Prose,
            (false, _) if part == wanted => found.push(line),
            (false, _) => {}
        }
    }
    assert_eq!(part, Part::Prose, "a block of code has an end");
    found
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Part {
    Prose,
    Code,
}

/// The definitions of links: where a label leads to. Labels differ in more than their case.
fn definitions(text: &str) -> BTreeMap<String, &str> {
    let mut found = BTreeMap::new();
    for line in lines(text, Part::Prose) {
        let definition = line
            .strip_prefix('[')
            .and_then(|line| line.split_once("]: "));
        if let Some((label, target)) = definition {
            let before = found.insert(label.to_lowercase(), target);
            assert_eq!(before, None, "{label} is defined twice");
        }
    }
    found
}

/// The labels of the links of a text, in lower case.
fn labels(text: &str) -> BTreeSet<String> {
    let prose = lines(text, Part::Prose).into_iter();
    let prose: Vec<_> = prose
        .filter(|line| !(line.starts_with('[') && line.contains("]: ")))
        .collect();
    let prose = prose.join(" ");
    let mut found = BTreeSet::new();
    for (at, _) in prose.match_indices('[') {
        let Some(end) = prose[at..].find(']') else {
            continue;
        };
        let label = &prose[at + 1..at + end];
        let after = &prose[at + end + 1..];
        // What leads elsewhere says so beside it, and a bracket in code is none of a link.
        let code = prose[..at].matches('`').count() % 2 == 1;
        if !code && !after.starts_with('(') && !after.starts_with('[') {
            let words: Vec<_> = label.split_whitespace().collect();
            found.insert(words.join(" ").to_lowercase());
        }
    }
    found
}

#[test]
fn every_page_is_a_module_and_is_named_where_readers_begin() {
    let module = text("src/guide.rs");
    for page in pages() {
        let name = page
            .file_stem()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        let page = format!("{name}.md");
        let included = format!(
            "#[doc = include_str!(\"guide/links.md\")]\n#[doc = \"\"]\n\
             #[doc = include_str!(\"../docs/guide/{page}\")]\npub mod {name} {{}}"
        );
        assert!(module.contains(&included), "{page} is no module");
        for (begin, target) in [
            ("README.md", format!("docs/guide/{page}")),
            ("docs/guide/README.md", page.clone()),
        ] {
            let named = text(begin);
            let mut targets = definitions(&named).into_values();
            assert!(
                targets.any(|to| to == target),
                "{begin} does not name {page}"
            );
        }
    }
}

#[test]
fn every_link_leads_somewhere_in_the_repository_and_in_rustdoc() {
    let in_rustdoc = text("src/guide/links.md");
    let in_rustdoc = definitions(&in_rustdoc);
    let mut used = BTreeSet::new();
    for path in texts() {
        let text = text(&path);
        let definitions = definitions(&text);
        let labels = labels(&text);
        for label in &labels {
            assert!(
                definitions.contains_key(label),
                "{path:?}: [{label}] is not defined"
            );
        }
        for (label, target) in definitions {
            assert!(labels.contains(&label), "{path:?}: [{label}] is not used");
            let folder = root().join(&path);
            let target = folder.parent().expect("a folder").join(target);
            assert!(target.exists(), "{path:?}: [{label}] leads nowhere");
            // rustdoc itself checks the paths.
            assert!(
                in_rustdoc.contains_key(&label),
                "[{label}] is not in src/guide/links.md"
            );
            used.insert(label);
        }
    }
    let unused: Vec<_> = in_rustdoc
        .keys()
        .filter(|label| !used.contains(*label))
        .collect();
    assert!(
        unused.is_empty(),
        "in src/guide/links.md, and not used: {unused:?}"
    );
}

/// `no_run` is for a program that ends at a signal only, and what is ignored is an example of the
/// package.
#[test]
fn every_example_is_run() {
    let mut examples = 0;
    for path in texts() {
        let text = text(&path);
        let fences = text.lines().filter_map(|line| line.strip_prefix("```"));
        // Every other one begins a block.
        for kind in fences.step_by(2) {
            match kind {
                "rust" => examples += 1,
                "rust,no_run" => assert!(text.contains(".run()\n"), "{path:?}"),
                "rust,ignore" => assert_eq!(path, Path::new("README.md")),
                "text" | "toml" | "sh" => {}
                other => panic!("{path:?}: {other:?}"),
            }
        }
    }
    assert!(examples > 20, "the examples are found");
}

/// It needs a feature, and a reader of the repository sees the hidden lines of a doctest.
#[test]
fn the_program_with_a_page_is_the_example_of_that_name() {
    let (readme, example) = (text("README.md"), text("examples/page.rs"));
    let shown = readme.split("```rust,ignore\n").nth(1);
    let shown = shown.and_then(|rest| rest.split("```").next());
    let program = example.split_once('\n').map(|(_title, program)| program);
    assert_eq!(shown, program);
    assert!(program.is_some_and(|program| program.lines().count() <= 30));
}

#[test]
fn a_reader_sees_few_lines_and_no_wide_ones() {
    for path in texts() {
        let text = text(&path);
        let wide = |line: &&&str| {
            let table_or_link = line.starts_with(['|', '[', '#']) || line.contains("](");
            line.chars().count() > 100 && !table_or_link
        };
        let prose = lines(&text, Part::Prose);
        assert_eq!(prose.iter().find(wide), None, "{path:?}");
        let shown = |line: &&&str| !line.starts_with("# ") && line.chars().count() > 104;
        let code = lines(&text, Part::Code);
        assert_eq!(code.iter().find(shown), None, "{path:?}");
    }
}
