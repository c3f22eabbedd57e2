//! What an idle session takes, and what each capability takes more: a session that uses none of them
//! pays for none, and each costs at most so many bytes where it is used.

use crate::used::{self, Used};

/// How many sessions share the tables of their supervisor, whose sizes are powers of two.
const SESSIONS: usize = 1_024;

/// A plain session may take so much, of which ractor and tokio need most. Where features of ractor are
/// switched on they need more.
const PLAIN: isize = if cfg!(any(
    feature = "cluster",
    feature = "monitors",
    feature = "async-trait"
)) {
    isize::MAX
} else {
    7_168
};

/// Counts what each capability takes, if it is wanted. Answers which take too much.
pub(crate) fn failed(wanted: impl Fn(&str) -> bool) -> Vec<String> {
    let name = |used: Used| format!("what {} takes", used.name());
    if !Used::ALL.iter().any(|used| wanted(&name(*used))) {
        return Vec::new();
    }
    // The tables of the process have their size from then on.
    used::taken(Used::Nothing, SESSIONS);
    let plain = used::taken(Used::Nothing, SESSIONS);
    let mut failed = Vec::new();
    let mut look = |name: String, count: isize, unit: &str, bound: isize| {
        let verdict = if count > bound { "MORE" } else { "ok" };
        println!("{verdict:4} {count:8} {unit} of {bound} at most: {name}");
        if count > bound {
            failed.push(name);
        }
    };
    let what = "what a plain session takes".to_owned();
    look(what, plain.bytes, "B", PLAIN);
    for used in Used::ALL.into_iter().filter(|used| wanted(&name(*used))) {
        let taken = used::taken(used, SESSIONS);
        look(name(used), taken.bytes - plain.bytes, "B", used.bound());
        if used == Used::Followed {
            // Its events lie where earlier ones have been.
            let what = "what a start allocates that is followed".to_owned();
            let more = taken.allocations - plain.allocations;
            look(what, more, "allocations", 0);
        }
    }
    failed
}
