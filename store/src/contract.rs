//! What a [`SessionStore`] has to hold, as tests that any implementation can run.
//!
//! ```
//! use session_supervisor_store::{MemoryStore, contract};
//!
//! // Each call is one empty store; a call of the inner function opens the same one once more.
//! contract::check(|| {
//!     let store = MemoryStore::new();
//!     move || store.clone()
//! });
//! ```

use std::sync::Arc;

use crate::record::{Change, Entry, Record, SavedState};
use crate::session_store::{SessionStore, StoreError};

/// Runs the whole suite. `make` makes an empty store; what it answers opens that store, as often as it
/// is called, one at a time: the last one has been dropped then.
///
/// # Panics
///
/// With what the store does not hold.
pub fn check<S: SessionStore, O: FnMut() -> S>(mut make: impl FnMut() -> O) {
    let rules: [(&str, Test); 8] = [
        ("an empty store has nothing", empty),
        ("what is remembered is there when it is opened again", kept),
        ("a later session takes the place of an earlier one", later),
        ("an older change changes nothing of a later session", older),
        ("what is forgotten is gone with its states", forgotten),
        ("a state belongs to one slot of one revision", states),
        ("changes of one call are made in their order", order),
        ("entries come in pages, in the order of their ids", pages),
    ];
    for (rule, test) in rules {
        let mut open = make();
        let mut boxed = || -> Box<dyn SessionStore> { Box::new(open()) };
        let tested = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| test(&mut boxed)));
        assert!(tested.is_ok(), "the store breaks the rule: {rule}");
    }
}

type Test = fn(Open<'_>);

type Open<'a> = &'a mut dyn FnMut() -> Box<dyn SessionStore>;

fn record(id: &str, revision: u64) -> Record {
    let mut record = Record::new(id, "chat", r#"{"topic":"tea \u0000 ☕"}"#, revision, 7);
    record.label = Some("Alice's".into());
    record.claims = vec![("project".to_owned(), "/tea".to_owned())];
    record
}

fn remember(id: &str, revision: u64) -> Change {
    Change::Remember(record(id, revision))
}

fn state(slot: &str, bytes: &[u8], saved: u64) -> SavedState {
    SavedState::new(slot, 3, bytes, saved)
}

fn save(id: &str, revision: u64, state: SavedState) -> Change {
    let id = id.into();
    Change::Save {
        id,
        revision,
        state,
    }
}

fn forget(id: &str, revision: u64) -> Change {
    let id = id.into();
    Change::Forget { id, revision }
}

fn of<T>(answer: Result<T, StoreError>) -> T {
    match answer {
        Ok(answer) => answer,
        Err(error) => {
            let text = crate::writer::chain(&error);
            std::panic::panic_any(format!("the store failed: {text}"))
        }
    }
}

fn ids(store: &mut dyn SessionStore) -> Vec<(String, u64)> {
    let entries = of(store.entries(None, usize::MAX)).into_iter();
    let mut ids = Vec::new();
    for entry in entries {
        match entry {
            Entry::Record(record) => ids.push((record.id.to_string(), record.revision)),
            Entry::Unreadable { id, .. } => ids.push((id.to_string(), 0)),
        }
    }
    ids
}

fn empty(open: Open<'_>) {
    let mut store = open();
    assert_eq!(of(store.entries(None, 10)), []);
    assert_eq!(of(store.entry("a")), None);
    assert_eq!(of(store.state("a", "")), None);
    of(store.apply(&[]));
}

fn kept(open: Open<'_>) {
    let (long, most) = ("x".repeat(512), vec![0xff; crate::MAX_VALUE]);
    let first = [
        remember("a", 1),
        remember(&long, 2),
        save("a", 1, state("", &most, 9)),
        save("a", 1, state("agent", b"", 4)),
    ];
    of(open().apply(&first));
    let mut store = open();
    let mut expected = record("a", 1);
    expected.used = 9;
    assert_eq!(of(store.entry("a")), Some(Entry::Record(expected)));
    assert_eq!(of(store.state("a", "")), Some(state("", &most, 9)));
    assert_eq!(of(store.state("a", "agent")), Some(state("agent", b"", 4)));
    assert_eq!(ids(&mut *store), [("a".to_owned(), 1), (long, 2)]);
}

fn later(open: Open<'_>) {
    let mut store = open();
    of(store.apply(&[remember("a", 1), save("a", 1, state("", b"old", 8))]));
    of(store.apply(&[remember("a", 2)]));
    assert_eq!(of(store.entry("a")), Some(Entry::Record(record("a", 2))));
    assert_eq!(of(store.state("a", "")), None);
}

fn older(open: Open<'_>) {
    let mut store = open();
    of(store.apply(&[remember("a", 5), save("a", 5, state("", b"new", 8))]));
    of(store.apply(&[
        remember("a", 4),
        remember("a", 5),
        save("a", 4, state("", b"old", 9)),
        save("a", 6, state("", b"none", 9)),
        save("b", 5, state("", b"none", 9)),
        forget("a", 4),
        forget("b", 5),
    ]));
    assert_eq!(ids(&mut *store), [("a".to_owned(), 5)]);
    assert_eq!(of(store.state("a", "")), Some(state("", b"new", 8)));
    assert_eq!(of(store.state("b", "")), None);
}

fn forgotten(open: Open<'_>) {
    let mut store = open();
    for gone in [
        forget("a", 3),
        forget("a", 9),
        Change::Discard { id: "a".into() },
    ] {
        of(store.apply(&[remember("a", 3), save("a", 3, state("", b"old", 8))]));
        of(store.apply(&[remember("b", 3), save("b", 3, state("", b"kept", 8))]));
        of(store.apply(&[gone]));
        assert_eq!(ids(&mut *store), [("b".to_owned(), 3)]);
        assert_eq!(of(store.state("a", "")), None);
        // It does not come back with a new session of its id.
        of(store.apply(&[remember("a", 2)]));
        assert_eq!(of(store.state("a", "")), None);
        of(store.apply(&[forget("a", 2)]));
    }
    assert_eq!(of(store.state("b", "")), Some(state("", b"kept", 8)));
}

fn states(open: Open<'_>) {
    let mut store = open();
    of(store.apply(&[remember("a", 1), remember("b", 2)]));
    of(store.apply(&[
        save("a", 1, state("", b"one", 8)),
        save("a", 1, state("x", b"two", 9)),
        save("a", 1, state("", b"three", 7)),
    ]));
    assert_eq!(of(store.state("a", "")), Some(state("", b"three", 7)));
    assert_eq!(of(store.state("a", "x")), Some(state("x", b"two", 9)));
    assert_eq!(of(store.state("b", "")), None);
    let mut used = record("a", 1);
    used.used = 9;
    assert_eq!(of(store.entry("a")), Some(Entry::Record(used)));
}

fn order(open: Open<'_>) {
    let mut store = open();
    of(store.apply(&[
        remember("a", 1),
        save("a", 1, state("", b"one", 8)),
        forget("a", 1),
        remember("a", 2),
        save("a", 2, state("", b"two", 8)),
        save("a", 1, state("", b"late", 8)),
        forget("a", 1),
    ]));
    assert_eq!(ids(&mut *store), [("a".to_owned(), 2)]);
    assert_eq!(of(store.state("a", "")), Some(state("", b"two", 8)));
}

fn pages(open: Open<'_>) {
    let mut store = open();
    let names = ["ä", "b", "B", "a", "a0", "z z"];
    let all: Vec<_> = (1..).zip(names).map(|(at, id)| remember(id, at)).collect();
    of(store.apply(&all));
    let (mut read, mut after) = (Vec::new(), None::<Arc<str>>);
    loop {
        let page = of(store.entries(after.as_deref(), 2));
        assert!(page.len() <= 2);
        read.extend(page.iter().map(|entry| entry.id().to_string()));
        match page.last() {
            Some(entry) => after = Some(Arc::clone(entry.id())),
            None => break,
        }
    }
    assert_eq!(read, ["B", "a", "a0", "b", "z z", "ä"]);
}
