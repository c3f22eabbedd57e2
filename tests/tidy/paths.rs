//! Paths in the text of a file.

/// What stands before and after each place where a text holds `path` as a whole path.
pub(crate) fn split_all<'a>(
    text: &'a str,
    path: &'a str,
) -> impl Iterator<Item = (&'a str, &'a str)> {
    text.match_indices(path)
        .map(|(at, _)| (&text[..at], &text[at + path.len()..]))
        .filter(|(before, _)| {
            let last = before.chars().next_back();
            !last.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':')
        })
}

/// The first names of what follows a `::`: of one path, or of each path between braces.
pub(crate) fn heads(after: &str) -> Vec<String> {
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
pub(crate) fn parts(group: &str) -> Vec<String> {
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

/// All paths that a text begins with: one, or each that is written with braces.
pub(crate) fn paths(text: &str) -> Vec<Vec<String>> {
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
