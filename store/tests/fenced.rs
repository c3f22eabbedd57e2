//! What a later owner has is given up, and holds up nothing else: the backlog on a store that two
//! owners share.

use session_supervisor_store::engine::{Backlog, Outcome, Scope};
use session_supervisor_store::{
    Change, Decided, Entry, MemoryStore, Part, Record, SessionStore, StoreError,
};

/// How many shards.
const SHARDS: u32 = 4;

fn part(shard: u32, epoch: u64) -> Part {
    Part::shard(shard, SHARDS, epoch).expect("a shard")
}

fn take(store: &mut MemoryStore, part: Part) -> Vec<String> {
    let mut ids = Vec::new();
    let loaded = store.load(part, &mut |entry| ids.push(entry.id().to_string()));
    loaded.expect("it is the latest owner");
    ids
}

/// Writes until nothing is left. Answers who was told what.
fn write(backlog: &mut Backlog<u32>, store: &mut MemoryStore) -> Vec<(u32, Outcome)> {
    let mut told = Vec::new();
    for _ in 0..100 {
        let Some(changes) = backlog.begin() else {
            told.sort_unstable_by_key(|(waiter, _)| *waiter);
            return told;
        };
        told.extend(match store.apply(&changes) {
            Ok(()) => backlog.written(),
            Err(StoreError::Fenced(_)) => backlog.failed(Scope::Fenced),
            Err(error) => panic!("{error}"),
        });
    }
    panic!("it is tried for ever");
}

#[test]
fn what_another_owner_has_by_now_is_given_up_and_the_rest_is_written() {
    let mut store = MemoryStore::new();
    let mut backlog = Backlog::default();
    for shard in 0..SHARDS {
        take(&mut store, part(shard, 1));
    }
    let names: Vec<_> = (0..40_u32).map(|at| format!("s{at}")).collect();
    let lost = |id: &str| part(2, 0).has(id);
    // A later owner reads one of the shards before this one has written.
    take(&mut store, part(2, 2));
    for (at, id) in (0..).zip(&names) {
        let record = Record::new(id.as_str(), "k", "{}", u64::from(at) + 1, 0);
        let decided = Decided::under(1, Change::Remember(record));
        backlog.add(decided, Some(at)).expect("there is room");
    }
    let told = write(&mut backlog, &mut store);
    for ((at, outcome), id) in told.iter().zip(&names) {
        let expected = if lost(id) {
            Outcome::Failed
        } else {
            Outcome::Written
        };
        assert_eq!((*outcome, &names[*at as usize]), (expected, id));
        let there = store.entry(id).expect("in memory");
        assert_eq!(there.is_some(), !lost(id), "{id}");
    }
    assert_eq!(told.len(), names.len());
    assert!(names.iter().any(|id| lost(id)));
    assert_eq!((backlog.len(), backlog.bytes()), (0, 0));
}

#[test]
fn what_was_decided_before_a_part_was_lost_is_not_written_when_it_is_back() {
    let mut store = MemoryStore::new();
    let mut backlog = Backlog::default();
    let id = (0..)
        .map(|at| format!("s{at}"))
        .find(|id| part(0, 0).has(id));
    let id = id.expect("there are many");
    take(&mut store, part(0, 1));
    let record = Record::new(id.as_str(), "k", "{}", 1, 0);
    let mine = Decided::under(1, Change::Remember(record.clone()));
    store.apply(&[mine]).expect("it is the owner");
    let rest = Change::Rest {
        id: id.as_str().into(),
        revision: 1,
    };
    backlog
        .add(Decided::under(1, rest), Some(1))
        .expect("there is room");
    // Another one has it for a while, and then this one again.
    assert_eq!(take(&mut store, part(0, 2)), [id.as_str()]);
    assert_eq!(take(&mut store, part(0, 3)), [id.as_str()]);
    let wake = Change::Wake {
        id: id.as_str().into(),
        revision: 1,
    };
    // Together they are of the older owner, so that nothing stale is written under the later epoch.
    backlog
        .add(Decided::under(3, wake), Some(2))
        .expect("there is room");
    let told = write(&mut backlog, &mut store);
    assert_eq!(told, [(1, Outcome::Failed), (2, Outcome::Failed)]);
    assert_eq!(
        store.entry(&id).expect("in memory"),
        Some(Entry::Record(record))
    );
}

fn id_of(part: Part) -> String {
    let ids = (0..).map(|at| format!("s{at}"));
    ids.into_iter()
        .find(|id| part.has(id))
        .expect("there are many")
}

fn remember(id: &str, revision: u64) -> Decided {
    Decided::under(1, Change::Remember(Record::new(id, "k", "{}", revision, 0)))
}

/// A part that is handed over while the sessions of others go on saving, without a pause.
#[test]
fn who_waits_for_a_part_does_not_wait_for_the_others() {
    let mut store = MemoryStore::new();
    let mut backlog = Backlog::default();
    let (mine, other) = (id_of(part(0, 0)), id_of(part(1, 0)));
    // A later owner has the shard of the other one.
    take(&mut store, part(0, 1));
    take(&mut store, part(1, 2));
    for id in [&mine, &other] {
        backlog.add(remember(id, 1), None).expect("there is room");
    }
    assert!(backlog.begin().is_some());
    // Of one's own there is more, which is not under way.
    backlog
        .add(remember(&mine, 2), None)
        .expect("there is room");
    backlog.settle_part(part(0, 0), || 7);
    assert_eq!(backlog.failed(Scope::Fenced), []);
    let (mut told, mut revision) = (Vec::new(), 2);
    while told.is_empty() {
        backlog
            .add(remember(&other, revision), None)
            .expect("there is room");
        revision += 1;
        assert!(revision < 10, "it waits for the others too");
        let changes = backlog.begin().expect("there is something to write");
        told = match store.apply(&changes) {
            Ok(()) => backlog.written(),
            Err(_) => backlog.failed(Scope::Fenced),
        };
    }
    assert_eq!(told, [(7, Outcome::Written)]);
    let Some(Entry::Record(record)) = store.entry(&mine).expect("in memory") else {
        panic!("it is not there");
    };
    assert_eq!(record.revision, 2);
}

#[test]
fn who_waits_for_all_so_far_does_not_wait_for_what_comes_later() {
    let mut store = MemoryStore::new();
    let mut backlog = Backlog::default();
    let add = |backlog: &mut Backlog<u32>, id: &str| {
        let added = backlog.add(remember(id, 1), None);
        added.expect("there is room");
    };
    add(&mut backlog, "a");
    assert!(backlog.begin().is_some());
    add(&mut backlog, "b");
    assert_eq!(backlog.settle_all(7), None);
    assert_eq!(backlog.written(), []);
    let changes = backlog.begin().expect("there is something to write");
    store.apply(&changes).expect("in memory");
    add(&mut backlog, "c");
    assert_eq!(backlog.written(), [(7, Outcome::Written)]);
    assert!(!backlog.is_empty());
}
