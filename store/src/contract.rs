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

mod shared;
mod states;

use crate::part::Part;
use crate::record::{Change, Decided, Entry, Record, SavedState};
use crate::session_store::{SessionStore, StoreError};

/// Runs what any store has to hold. `make` makes an empty store; what it answers opens that store, as
/// often as it is called, one at a time: the last one has been dropped then.
///
/// # Panics
///
/// With what the store does not hold.
pub fn check<S: SessionStore, O: FnMut() -> S>(make: impl FnMut() -> O) {
    run(
        make,
        &[
            ("an empty store has nothing", empty),
            ("what is remembered is there when it is opened again", kept),
            ("a later session takes the place of an earlier one", later),
            ("an older change changes nothing of a later session", older),
            ("what is forgotten is gone with its states", forgotten),
            ("a state belongs to one slot of one revision", states::one),
            (
                "the states of several are read as each of them is",
                states::many,
            ),
            ("a session rests until it is used or replaced", rest),
            ("changes of one call are made in their order", order),
            ("a part has the entries of its own ids, each once", parts),
            ("several parts are read as each of them is", many),
            ("ids are as they are, also odd ones", odd),
        ],
    );
}

/// Runs what a store has to hold besides [`check`] if several owners share it: that it refuses one whose
/// time is over. What `make` answers opens the store for several at once.
///
/// # Panics
///
/// With what the store does not hold.
///
/// ```
/// use session_supervisor_store::{MemoryStore, contract};
///
/// contract::check_shared(|| {
///     let store = MemoryStore::new();
///     move || store.clone()
/// });
/// ```
pub fn check_shared<S: SessionStore, O: FnMut() -> S>(make: impl FnMut() -> O) {
    run(make, shared::RULES);
}

fn run<S: SessionStore, O: FnMut() -> S>(mut make: impl FnMut() -> O, rules: &[(&str, Test)]) {
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

/// Writes changes of the only owner.
fn write(store: &mut dyn SessionStore, changes: &[Change]) {
    of(under(store, 0, changes));
}

fn under(store: &mut dyn SessionStore, epoch: u64, changes: &[Change]) -> Result<(), StoreError> {
    let changes = changes.iter().cloned();
    let decided: Vec<_> = changes
        .map(|change| Decided::under(epoch, change))
        .collect();
    store.apply(&decided)
}

/// The ids of a part with their revisions, in their order.
fn ids_of(store: &mut dyn SessionStore, part: Part) -> Vec<(String, u64)> {
    let mut ids = Vec::new();
    of(store.load(part, &mut |entry| match entry {
        Entry::Record(record) => ids.push((record.id.to_string(), record.revision)),
        Entry::Unreadable { id, .. } => ids.push((id.to_string(), 0)),
    }));
    ids.sort_unstable();
    ids
}

/// The same of several parts, and those that are refused.
fn ids_of_many(store: &mut dyn SessionStore, parts: &[Part]) -> (Vec<(String, u64)>, Vec<Part>) {
    let mut ids = Vec::new();
    let refused = of(store.load_many(parts, &mut |entry| match entry {
        Entry::Record(record) => ids.push((record.id.to_string(), record.revision)),
        Entry::Unreadable { id, .. } => ids.push((id.to_string(), 0)),
    }));
    ids.sort_unstable();
    let fenced = |(part, error): (Part, StoreError)| match error {
        StoreError::Fenced(_) => part,
        error => std::panic::panic_any(format!("it is refused for something else: {error}")),
    };
    (ids, refused.into_iter().map(fenced).collect())
}

fn ids(store: &mut dyn SessionStore) -> Vec<(String, u64)> {
    ids_of(store, Part::ALL)
}

fn empty(open: Open<'_>) {
    let mut store = open();
    assert_eq!(ids(&mut *store), []);
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
    write(&mut *open(), &first);
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
    write(
        &mut *store,
        &[remember("a", 1), save("a", 1, state("", b"old", 8))],
    );
    write(&mut *store, &[remember("a", 2)]);
    assert_eq!(of(store.entry("a")), Some(Entry::Record(record("a", 2))));
    assert_eq!(of(store.state("a", "")), None);
}

fn older(open: Open<'_>) {
    let mut store = open();
    write(
        &mut *store,
        &[remember("a", 5), save("a", 5, state("", b"new", 8))],
    );
    write(
        &mut *store,
        &[
            remember("a", 4),
            remember("a", 5),
            save("a", 4, state("", b"old", 9)),
            save("a", 6, state("", b"none", 9)),
            save("b", 5, state("", b"none", 9)),
            forget("a", 4),
            forget("b", 5),
        ],
    );
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
        write(
            &mut *store,
            &[remember("a", 3), save("a", 3, state("", b"old", 8))],
        );
        write(
            &mut *store,
            &[remember("b", 3), save("b", 3, state("", b"kept", 8))],
        );
        write(&mut *store, &[gone]);
        assert_eq!(ids(&mut *store), [("b".to_owned(), 3)]);
        assert_eq!(of(store.state("a", "")), None);
        // It does not come back with a new session of its id.
        write(&mut *store, &[remember("a", 2)]);
        assert_eq!(of(store.state("a", "")), None);
        write(&mut *store, &[forget("a", 2)]);
    }
    assert_eq!(of(store.state("b", "")), Some(state("", b"kept", 8)));
}

fn order(open: Open<'_>) {
    let mut store = open();
    write(
        &mut *store,
        &[
            remember("a", 1),
            save("a", 1, state("", b"one", 8)),
            forget("a", 1),
            remember("a", 2),
            save("a", 2, state("", b"two", 8)),
            save("a", 1, state("", b"late", 8)),
            forget("a", 1),
        ],
    );
    assert_eq!(ids(&mut *store), [("a".to_owned(), 2)]);
    assert_eq!(of(store.state("a", "")), Some(state("", b"two", 8)));
}

fn rest(open: Open<'_>) {
    let mut store = open();
    let (id, revision) = ("a".into(), 1);
    let rests = Change::Rest { id, revision };
    let (id, revision) = ("a".into(), 1);
    let wakes = Change::Wake { id, revision };
    let is_resting = |store: &mut dyn SessionStore| match of(store.entry("a")) {
        Some(Entry::Record(record)) => record.resting,
        other => std::panic::panic_any(format!("it is not there: {other:?}")),
    };
    write(&mut *store, &[rests.clone(), wakes.clone()]);
    assert_eq!(ids(&mut *store), []);
    write(
        &mut *store,
        &[
            remember("a", 1),
            save("a", 1, state("", b"one", 8)),
            rests.clone(),
        ],
    );
    assert!(is_resting(&mut *store));
    assert_eq!(of(store.state("a", "")), Some(state("", b"one", 8)));
    write(&mut *store, &[save("a", 1, state("", b"two", 9))]);
    assert!(is_resting(&mut *store));
    write(&mut *store, std::slice::from_ref(&wakes));
    assert!(!is_resting(&mut *store));
    write(
        &mut *store,
        &[rests.clone(), remember("a", 2), rests.clone()],
    );
    assert!(!is_resting(&mut *store));
    let (id, revision) = ("a".into(), 2);
    write(&mut *store, &[Change::Rest { id, revision }, wakes]);
    drop(store);
    assert!(is_resting(&mut *open()));
}

fn parts(open: Open<'_>) {
    let mut store = open();
    let names: Vec<_> = (0..40).map(|at| format!("s{at}")).collect();
    let all: Vec<_> = (1..).zip(&names).map(|(at, id)| remember(id, at)).collect();
    write(&mut *store, &all);
    assert_eq!(ids(&mut *store).len(), 40);
    let mut found = 0;
    for part in (0..4).filter_map(|shard| Part::shard(shard, 4, 0)) {
        let of_part = ids_of(&mut *store, part);
        assert!(of_part.iter().all(|(id, _)| part.has(id)));
        found += of_part.len();
    }
    assert_eq!(found, 40);
}

fn many(open: Open<'_>) {
    let mut store = open();
    let names: Vec<_> = (0..40).map(|at| format!("s{at}")).collect();
    let all: Vec<_> = (1..).zip(&names).map(|(at, id)| remember(id, at)).collect();
    write(&mut *store, &all);
    let of = |shards: &[u32]| -> Vec<_> {
        let parts = shards.iter();
        parts
            .filter_map(|shard| Part::shard(*shard, 4, 0))
            .collect()
    };
    for shards in [&[][..], &[2], &[3, 0], &[0, 1, 2, 3]] {
        let mut expected: Vec<_> = of(shards)
            .iter()
            .flat_map(|part| ids_of(&mut *store, *part))
            .collect();
        expected.sort_unstable();
        assert_eq!(ids_of_many(&mut *store, &of(shards)), (expected, vec![]));
    }
    let whole = ids(&mut *store);
    assert_eq!(ids_of_many(&mut *store, &[Part::ALL]), (whole, vec![]));
}

fn odd(open: Open<'_>) {
    let mut store = open();
    let names = ["ä", "b", "B", "a", "a%", "a_", "a'", "z z", "\u{10ffff}"];
    let all: Vec<_> = (1..).zip(names).map(|(at, id)| remember(id, at)).collect();
    write(&mut *store, &all);
    for (at, id) in (1..).zip(names) {
        assert_eq!(of(store.entry(id)), Some(Entry::Record(record(id, at))));
    }
    assert_eq!(of(store.entry("A")), None);
    write(&mut *store, &[forget("a%", 99), forget("a_", 99)]);
    assert_eq!(ids(&mut *store).len(), names.len() - 2);
}
