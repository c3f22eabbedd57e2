//! What the project's documents name: files, and tests by their names.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::files::walk;

/// Where files of the project are.
const FOLDERS: [&str; 7] = [
    "src", "tests", "docs", "benches", "examples", "store", "cluster",
];

/// A name with so many underscores is that of a function of ours. Ractor's and tokio's are shorter.
const LONG_NAME: usize = 4;

/// What stands in a document between backticks, without code blocks.
fn quoted(text: &str) -> Vec<&str> {
    let mut quoted = Vec::new();
    for prose in text.split("```").step_by(2) {
        quoted.extend(prose.split('`').skip(1).step_by(2));
    }
    quoted
}

fn is_path(word: &str) -> bool {
    let folder = word.split('/').next().unwrap_or(word);
    let end = Path::new(word).extension();
    FOLDERS.contains(&folder)
        && word.contains('/')
        && end.is_some_and(|end| end == "rs" || end == "md")
}

fn is_long_name(word: &str) -> bool {
    let of_a_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    word.chars().all(of_a_name) && word.matches('_').count() >= LONG_NAME
}

/// The names of all functions of the project, of its tests above all.
fn functions(root: &Path) -> BTreeSet<String> {
    let mut files = Vec::new();
    for folder in FOLDERS {
        walk(&root.join(folder), "rs", &mut files);
    }
    let mut names = BTreeSet::new();
    for file in files {
        let text = fs::read_to_string(&file).expect("a text");
        names.extend(text.split("fn ").skip(1).map(|after| {
            let end = after.find(|c: char| !c.is_alphanumeric() && c != '_');
            after[..end.unwrap_or(after.len())].to_owned()
        }));
    }
    names
}

/// What the documents name, and the project does not have.
pub(crate) fn named_in_vain() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let functions = functions(root);
    let mut documents = ["README.md", "CONTRIBUTING.md", "benches/README.md"]
        .map(|path| root.join(path))
        .to_vec();
    walk(&root.join("docs"), "md", &mut documents);
    assert!(documents.len() > 10, "the documents are found");
    let mut found = Vec::new();
    for document in documents {
        let text = fs::read_to_string(&document).expect("a text");
        for word in quoted(&text) {
            let in_vain = (is_path(word) && !root.join(word).exists())
                || (is_long_name(word) && !functions.contains(word));
            if in_vain {
                found.push(format!("{}: {word}", document.display()));
            }
        }
    }
    found
}
