//! Rules that all crates of the repository have. Each answers what breaks it.

use super::files::File;
use super::paths::split_all;

/// The longest file, in lines.
const LONGEST: usize = 400;

/// Every file says what it holds.
pub(crate) fn headers(files: &[File]) -> Vec<String> {
    let without = files.iter().filter(|file| !file.whole.starts_with("//! "));
    without
        .map(|file| format!("{} does not begin with //!", file.path))
        .collect()
}

/// A file has at most [`LONGEST`] lines, but for these, with why.
pub(crate) fn lengths(files: &[File], longer: &[(&str, &str)]) -> Vec<String> {
    let mut found = Vec::new();
    for file in files {
        let lines = file.whole.lines().count();
        let reason = longer.iter().find(|(path, _)| *path == file.path);
        match reason {
            None if lines > LONGEST => found.push(format!("{}: {lines} lines", file.path)),
            Some(_) if lines <= LONGEST => {
                found.push(format!("{} needs no reason any more", file.path));
            }
            _ => {}
        }
    }
    found
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

/// Functions of axum, ractor and etcd, whose names are not ours to choose.
const NAMES_OF_OTHERS: [&str; 4] = [
    concat!(".ne", "st("),
    concat!(".ne", "st_service("),
    concat!("get_mem", "bers("),
    concat!("mem", "ber_id("),
];

/// The words are those of the field.
pub(crate) fn words(files: &[File]) -> Vec<String> {
    let mut found = Vec::new();
    for file in files {
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
    found
}

/// Production code has no glob imports, no unsafe code, and nothing that panics on purpose.
pub(crate) fn plain(sources: &[File]) -> Vec<String> {
    let mut found = Vec::new();
    for file in sources {
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
    let lib = sources.iter().find(|file| file.path == "src/lib.rs");
    if lib.is_none_or(|lib| !lib.whole.contains("#![forbid(unsafe_code)]")) {
        found.push("src/lib.rs does not forbid unsafe code".to_owned());
    }
    found
}

/// A lint is expected with a reason, and never allowed.
pub(crate) fn lints(files: &[File]) -> Vec<String> {
    let mut found = Vec::new();
    for file in files
        .iter()
        .filter(|file| !file.path.contains("tests/tidy"))
    {
        for line in file.whole.lines().map(str::trim) {
            let attribute = line.starts_with("#[") || line.starts_with("#![");
            if attribute && split_all(line, "allow(").next().is_some() {
                found.push(format!("{}: {line}", file.path));
            }
        }
    }
    found
}

/// Only a module of tests at a file's end is for tests.
pub(crate) fn test_modules(sources: &[File]) -> Vec<String> {
    let mut found = Vec::new();
    for file in sources {
        let lines: Vec<_> = file.whole.lines().collect();
        for (at, line) in lines.iter().enumerate() {
            if line.trim().starts_with("//") || !line.contains("cfg") {
                continue;
            }
            let next = lines.get(at + 1).copied();
            let starts = *line == "#[cfg(test)]";
            let last = match next {
                Some("mod tests {") => lines[at..].iter().position(|line| *line == "}"),
                Some("mod tests;") => Some(1),
                _ => None,
            };
            if starts && last.map(|end| at + end + 1) == Some(lines.len()) {
                continue;
            }
            if split_all(line, "test").next().is_some() {
                found.push(format!("{}: {line}", file.path));
            }
        }
    }
    found
}

/// No function takes a bool: two names say more than true and false.
pub(crate) fn bools(sources: &[File]) -> Vec<String> {
    let mut found = Vec::new();
    for file in sources {
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
    found
}
