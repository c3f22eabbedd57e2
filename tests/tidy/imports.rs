//! Which modules of a crate import which, and whether some import each other in a circle.

use std::collections::{BTreeMap, BTreeSet};

use super::files::File;
use super::paths::{paths, split_all};

/// The modules of `src`, and what they import.
pub(crate) struct Imports {
    modules: BTreeSet<String>,
    /// The folders whose files are modules each. Elsewhere a file is one module with its folder.
    folders: &'static [&'static str],
    /// Where a name is from that `lib.rs` or the file of one of these folders re-exports.
    passed_on: BTreeMap<Vec<String>, Vec<String>>,
    /// What each module imports, and by which names.
    pub(crate) of: BTreeMap<String, BTreeMap<String, BTreeSet<String>>>,
}

impl Imports {
    pub(crate) fn read(sources: &[File], folders: &'static [&'static str]) -> Self {
        let place = |file: &File| -> Vec<String> {
            let path = file.path.trim_start_matches("src/").trim_end_matches(".rs");
            path.split('/').map(str::to_owned).collect()
        };
        let (fronts, files): (Vec<_>, Vec<_>) = sources.iter().partition(|file| {
            let place = place(file);
            place == ["lib"] || place.len() == 1 && folders.contains(&&*place[0])
        });
        assert_eq!(fronts.len(), 1 + folders.len(), "the fronts are found");
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
            modules: files
                .iter()
                .map(|file| module(&place(file), folders))
                .collect(),
            folders,
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
                        imports.add(file, module(&here, folders), base, &path);
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
        if whole.is_empty() || whole.len() == 1 && self.folders.contains(&&*whole[0]) {
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
        let to = module(&whole, self.folders);
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

    /// Each circle, with what its modules import of each other.
    pub(crate) fn told(&self) -> Vec<String> {
        let mut found = Vec::new();
        for circle in self.circles() {
            found.push(format!("a circle: {circle:?}"));
            for from in &circle {
                for (to, names) in &self.of[*from] {
                    if circle.contains(&**to) {
                        found.push(format!("    {from} imports {names:?} of {to}"));
                    }
                }
            }
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
fn module(path: &[String], folders: &[&str]) -> String {
    let depth = 1 + usize::from(folders.contains(&&*path[0]));
    path[..path.len().min(depth)].join("/")
}
