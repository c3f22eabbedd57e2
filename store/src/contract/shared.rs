//! What a store has to hold that several owners share: it refuses one whose time is over.

use super::{Open, Test, by, forget, ids_of, of, remember, save, state};
use crate::part::Part;
use crate::record::Decided;
use crate::session_store::StoreError;

pub(super) const RULES: &[(&str, Test)] = &[
    (
        "a shard has the sessions that were remembered in it",
        shards,
    ),
    (
        "an owner writes until the next one has read its shard",
        succession,
    ),
    (
        "of a call with one change of an older owner nothing is made",
        all_or_none,
    ),
    ("an owner of an older epoch reads nothing", too_late),
    (
        "the owner of a shard does not hinder those of others",
        others,
    ),
];

fn is_fenced(answer: Result<(), StoreError>) -> bool {
    matches!(answer, Err(StoreError::Fenced(_)))
}

fn shards(open: Open<'_>) {
    let mut store = open();
    let of_shard = |number: u32| Part::shard(number, 1);
    for (revision, id) in (1..).zip(["a", "b", "c", "d"]) {
        let number = if id < "c" { 0 } else { 511 };
        of(by(&mut *store, of_shard(number), &[remember(id, revision)]));
    }
    let of_first = [("a".to_owned(), 1), ("b".to_owned(), 2)];
    assert_eq!(ids_of(&mut *store, of_shard(0)), of_first);
    assert_eq!(ids_of(&mut *store, of_shard(511)).len(), 2);
    assert_eq!(ids_of(&mut *store, of_shard(7)), []);
    assert_eq!(ids_of(&mut *store, Part::ALL).len(), 4);
    of(by(&mut *store, of_shard(0), &[forget("a", 1)]));
    assert_eq!(ids_of(&mut *store, of_shard(0)).len(), 1);
}

fn succession(open: Open<'_>) {
    let (mut first, mut second) = (open(), open());
    let (old, new) = (Part::shard(1, 3), Part::shard(1, 4));
    assert_eq!(ids_of(&mut *first, old), []);
    of(by(&mut *first, old, &[remember("a", 1)]));
    of(by(&mut *first, old, &[save("a", 1, state("", b"one", 8))]));
    let there = [("a".to_owned(), 1)];
    assert_eq!(ids_of(&mut *second, new), there);
    let late = [save("a", 1, state("", b"late", 9)), forget("a", 1)];
    assert!(is_fenced(by(&mut *first, old, &late[..1])));
    assert!(is_fenced(by(&mut *first, old, &late[1..])));
    assert!(is_fenced(by(&mut *first, old, &[remember("a", 9)])));
    assert_eq!(of(second.state("a", "")), Some(state("", b"one", 8)));
    of(by(&mut *second, new, &[save("a", 1, state("", b"two", 9))]));
    // The same owner may read once more.
    assert_eq!(ids_of(&mut *second, new), there);
    of(by(&mut *second, new, &[forget("a", 1)]));
    assert_eq!(of(first.entry("a")), None);
}

fn all_or_none(open: Open<'_>) {
    let (mut first, mut second) = (open(), open());
    let (kept, lost, taken) = (Part::shard(0, 3), Part::shard(1, 3), Part::shard(1, 5));
    ids_of(&mut *first, kept);
    ids_of(&mut *first, lost);
    ids_of(&mut *second, taken);
    let mixed = [
        Decided::by(kept, remember("a", 1)),
        Decided::by(lost, remember("b", 2)),
    ];
    assert!(is_fenced(first.apply(&mixed)));
    assert_eq!(of(first.entry("a")), None);
    of(first.apply(&mixed[..1]));
    let mixed = [
        Decided::by(kept, forget("a", 1)),
        Decided::by(taken, remember("b", 2)),
    ];
    of(second.apply(&mixed));
    assert_eq!(of(first.entry("a")), None);
}

fn too_late(open: Open<'_>) {
    let (mut first, mut second) = (open(), open());
    ids_of(&mut *second, Part::shard(2, 7));
    of(by(&mut *second, Part::shard(2, 7), &[remember("a", 1)]));
    let mut found = 0;
    assert!(is_fenced(
        first.load(Part::shard(2, 6), &mut |_| found += 1)
    ));
    assert_eq!(found, 0);
    of(by(&mut *second, Part::shard(2, 7), &[forget("a", 1)]));
}

fn others(open: Open<'_>) {
    let (mut first, mut second) = (open(), open());
    let (one, other) = (Part::shard(0, 2), Part::shard(3, 9));
    ids_of(&mut *first, one);
    ids_of(&mut *second, other);
    of(by(&mut *first, one, &[remember("a", 1)]));
    of(by(&mut *second, other, &[remember("b", 2)]));
    assert_eq!(ids_of(&mut *first, one), [("a".to_owned(), 1)]);
}
