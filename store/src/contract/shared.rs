//! What a store has to hold that several owners share: it refuses one whose time is over.

use super::{Open, Test, forget, ids_of, ids_of_many, of, remember, save, state, under};
use crate::part::Part;
use crate::record::Decided;
use crate::session_store::{OlderEpoch, StoreError};

pub(super) const RULES: &[(&str, Test)] = &[
    (
        "an owner writes until the next one has read its part",
        succession,
    ),
    (
        "of a call with one change of an older owner nothing is made",
        all_or_none,
    ),
    ("an owner of an older epoch reads nothing", too_late),
    (
        "the owner of a part does not hinder those of others",
        others,
    ),
    (
        "of several parts those are read that have no later owner",
        some_too_late,
    ),
    (
        "who has read several parts at once owns all of them",
        at_once,
    ),
    (
        "an owner that is refused is told of which epoch the later one is",
        told,
    ),
];

fn part(shard: u32, epoch: u64) -> Part {
    Part::shard(shard, 4, epoch).unwrap_or(Part::ALL)
}

/// An id of a shard.
fn id_of(shard: u32) -> String {
    let names = (0_u32..).map(|at| format!("s{at}"));
    let mut of = names.filter(|id| part(shard, 0).has(id));
    of.next().unwrap_or_default()
}

fn is_fenced(answer: Result<(), StoreError>) -> bool {
    matches!(answer, Err(StoreError::Fenced(_)))
}

fn succession(open: Open<'_>) {
    let (mut first, mut second) = (open(), open());
    let id = id_of(1);
    assert_eq!(ids_of(&mut *first, part(1, 3)), []);
    of(under(&mut *first, 3, &[remember(&id, 1)]));
    of(under(&mut *first, 3, &[save(&id, 1, state("", b"one", 8))]));
    assert_eq!(ids_of(&mut *second, part(1, 4)), [(id.clone(), 1)]);
    let late = [save(&id, 1, state("", b"late", 9)), forget(&id, 1)];
    assert!(is_fenced(under(&mut *first, 3, &late[..1])));
    assert!(is_fenced(under(&mut *first, 3, &late[1..])));
    assert!(is_fenced(under(&mut *first, 3, &[remember(&id, 9)])));
    assert_eq!(of(second.state(&id, "")), Some(state("", b"one", 8)));
    of(under(
        &mut *second,
        4,
        &[save(&id, 1, state("", b"two", 9))],
    ));
    // The same owner may read once more.
    assert_eq!(ids_of(&mut *second, part(1, 4)), [(id.clone(), 1)]);
    of(under(&mut *second, 4, &[forget(&id, 1)]));
    assert_eq!(of(first.entry(&id)), None);
}

fn all_or_none(open: Open<'_>) {
    let (mut first, mut second) = (open(), open());
    let (kept, lost) = (id_of(0), id_of(1));
    ids_of(&mut *first, part(0, 3));
    ids_of(&mut *first, part(1, 3));
    ids_of(&mut *second, part(1, 5));
    assert!(is_fenced(under(
        &mut *first,
        3,
        &[remember(&kept, 1), remember(&lost, 2)]
    )));
    assert_eq!(of(first.entry(&kept)), None);
    of(under(&mut *first, 3, &[remember(&kept, 1)]));
    let mixed = [
        Decided::under(3, forget(&kept, 1)),
        Decided::under(5, remember(&lost, 2)),
    ];
    of(second.apply(&mixed));
    assert_eq!(of(first.entry(&kept)), None);
}

fn too_late(open: Open<'_>) {
    let (mut first, mut second) = (open(), open());
    ids_of(&mut *second, part(2, 7));
    let mut found = 0;
    assert!(is_fenced(first.load(part(2, 6), &mut |_| found += 1)));
    assert_eq!(found, 0);
    of(under(&mut *second, 7, &[remember(&id_of(2), 1)]));
}

fn others(open: Open<'_>) {
    let (mut first, mut second) = (open(), open());
    ids_of(&mut *first, part(0, 2));
    ids_of(&mut *second, part(3, 9));
    of(under(&mut *first, 2, &[remember(&id_of(0), 1)]));
    of(under(&mut *second, 9, &[remember(&id_of(3), 2)]));
    assert_eq!(ids_of(&mut *first, part(0, 2)).len(), 1);
}

fn some_too_late(open: Open<'_>) {
    let (mut first, mut second) = (open(), open());
    ids_of_many(&mut *second, &[part(0, 5), part(1, 6), part(2, 7)]);
    let written: Vec<_> = (1..)
        .zip(0..3)
        .map(|(revision, shard)| Decided::under(7, remember(&id_of(shard), revision)))
        .collect();
    of(second.apply(&written));
    // Some under the same epochs, some under earlier ones, and in no order.
    let asked = [part(2, 6), part(3, 1), part(0, 5), part(1, 5)];
    let (found, mut refused) = ids_of_many(&mut *first, &asked);
    assert_eq!(found, [(id_of(0), 1)]);
    refused.sort_unstable_by_key(Part::number);
    assert_eq!(refused, [part(1, 5), part(2, 6)]);
    // What was refused is as it was, and what was not is owned.
    assert!(is_fenced(under(&mut *second, 5, &[forget(&id_of(1), 9)])));
    of(under(&mut *second, 6, &[forget(&id_of(1), 9)]));
    of(under(&mut *first, 1, &[remember(&id_of(3), 9)]));
}

fn at_once(open: Open<'_>) {
    let (mut first, mut second) = (open(), open());
    let all = |epoch: u64| {
        [
            part(0, epoch),
            part(1, epoch + 1),
            part(2, epoch + 2),
            part(3, epoch),
        ]
    };
    assert_eq!(ids_of_many(&mut *first, &all(3)), (vec![], vec![]));
    let written: Vec<_> = (1..)
        .zip(all(3))
        .map(|(revision, part)| {
            Decided::under(part.epoch(), remember(&id_of(part.number()), revision))
        })
        .collect();
    of(first.apply(&written));
    let (found, refused) = ids_of_many(&mut *second, &all(10));
    assert_eq!((found.len(), refused), (4, vec![]));
    for part in all(9) {
        let late = [forget(&id_of(part.number()), 9)];
        assert!(is_fenced(under(&mut *first, part.epoch(), &late)));
    }
    // The same owner may read once more.
    assert_eq!(ids_of_many(&mut *second, &all(10)).0.len(), 4);
}

fn told(open: Open<'_>) {
    let (mut first, mut second) = (open(), open());
    ids_of(&mut *second, part(2, 7));
    let expected = Some(OlderEpoch::new(2, 6, 7));
    let read = first.load(part(2, 6), &mut |_| ());
    assert_eq!(read.err().and_then(|error| error.older_epoch()), expected);
    let read = of(first.load_many(&[part(2, 6)], &mut |_| ()));
    let error = read.into_iter().next().map(|(_, error)| error);
    assert_eq!(error.and_then(|error| error.older_epoch()), expected);
    let written = under(&mut *first, 6, &[remember(&id_of(2), 1)]);
    assert_eq!(
        written.err().and_then(|error| error.older_epoch()),
        expected
    );
}
