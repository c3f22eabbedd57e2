//! The variants of the enums of the crate, as its sources list them. They are `#[non_exhaustive]`, so
//! no match in a test can be full: a list that lacks one is found here instead.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::fs;
use std::path::{Path, PathBuf};

/// All that a public enum of this name may be. The code is formatted, so a variant is a line that
/// begins with a capital behind four spaces.
pub(crate) fn variants(name: &str) -> BTreeSet<String> {
    let head = format!("pub enum {name} {{");
    let found: Vec<_> = sources()
        .into_iter()
        .filter_map(|text| {
            let (_, rest) = text.split_once(&head)?;
            let (body, _) = rest.split_once("\n}")?;
            Some(body.to_owned())
        })
        .collect();
    let [body] = &found[..] else {
        panic!("{} enums are called {name}", found.len());
    };
    let lines = body.lines().filter_map(|line| line.strip_prefix("    "));
    let variants: BTreeSet<_> = lines
        .filter(|line| line.starts_with(char::is_uppercase))
        .map(first_word)
        .collect();
    assert!(!variants.is_empty(), "{name} has no variants");
    variants
}

/// Which variant it is, if its `Debug` is the derived one.
pub(crate) fn variant(value: &(impl Debug + ?Sized)) -> String {
    first_word(&format!("{value:?}"))
}

/// A list of values has each variant of their enum.
pub(crate) fn assert_all<T: Debug>(name: &str, values: &[T]) {
    let listed: BTreeSet<_> = values.iter().map(variant).collect();
    assert_eq!(listed, variants(name), "the variants of {name}");
}

fn first_word(text: &str) -> String {
    let word = text.split(|end: char| !end.is_alphanumeric()).next();
    word.unwrap_or_default().to_owned()
}

fn sources() -> Vec<String> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|end| end == "rs") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
        &mut found,
    );
    found
        .iter()
        .map(|path| fs::read_to_string(path).unwrap())
        .collect()
}
