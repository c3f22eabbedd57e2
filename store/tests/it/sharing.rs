//! Several supervisors over one store, each with some parts of it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use ractor::call;
use session_supervisor::Options;
use session_supervisor_store::error::{OpenError, StartError, StoreError, WriteError};
use session_supervisor_store::{
    Checkpoint, Decided, DurableSupervisor, Entry, MemoryStore, Part, SavedState, SessionStore,
};

use super::support::{Msg, chat, ids, kinds, said, say, topic};

const SECOND: Duration = Duration::from_secs(1);

async fn open(store: &MemoryStore) -> DurableSupervisor {
    open_over(store.clone()).await
}

async fn open_over(store: impl SessionStore) -> DurableSupervisor {
    let options = Options::new().unique_name();
    let opened = DurableSupervisor::open_shared(options, kinds(), store).await;
    opened.expect("it opens")
}

/// One of two parts.
fn half(number: u32, epoch: u64) -> Part {
    Part::shard(number, 2, epoch).expect("there are two")
}

/// The ids of twenty sessions that are in this one.
fn of(part: Part) -> Vec<String> {
    let all = (0..20).map(|n| format!("s{n}"));
    all.filter(|id| part.has(id)).collect()
}

async fn take_over(durable: &DurableSupervisor, part: Part) -> usize {
    let taken = durable.take_over(part).await.expect("it is read");
    taken.restored().await.expect("it runs").restored
}

async fn start_all(durable: &DurableSupervisor) {
    for part in [half(0, 1), half(1, 1)] {
        assert_eq!(take_over(durable, part).await, 0);
        for id in of(part) {
            durable
                .start_session(&id, "chat", &topic(""))
                .await
                .expect("it starts");
            say(durable, &id, "hello").await;
        }
    }
}

#[tokio::test]
async fn what_is_handed_over_stays_remembered_and_is_restored_where_it_is_taken_over() {
    let store = MemoryStore::new();
    let (one, other) = (open(&store).await, open(&store).await);
    start_all(&one).await;
    let all = ids(&store);
    assert_eq!(all.len(), 20);

    one.hand_over(half(0, 1), SECOND).await.expect("they end");
    assert_eq!(ids(&store), all);
    for id in of(half(0, 1)) {
        assert!(!one.sessions().is_running(&id));
        assert_eq!(one.remembered(&id), None);
    }
    let ours = of(half(0, 2));
    assert_eq!(take_over(&other, half(0, 2)).await, ours.len());
    for id in &ours {
        assert_eq!(said(&other, id).await.1, ["hello"]);
    }
    // The others have never noticed.
    for id in of(half(1, 1)) {
        assert!(one.sessions().is_running(&id) && !other.sessions().is_running(&id));
        say(&one, &id, "more").await;
    }
    // It is this one's now, a stop too.
    other.stop_session(&ours[0]).await.expect("it stops");
    assert!(!ids(&store).contains(&ours[0]));
}

#[tokio::test]
async fn an_older_owner_writes_nothing_and_what_else_it_owns_goes_on() {
    let store = MemoryStore::new();
    let (older, later) = (open(&store).await, open(&store).await);
    start_all(&older).await;
    let id = of(half(0, 1))[0].clone();
    assert_eq!(take_over(&later, half(0, 2)).await, of(half(0, 2)).len());

    // It does not know that it is not the owner any more.
    let saved = call!(chat(&older, &id), Msg::Say, "too late".to_owned());
    assert!(saved.expect("it answers").is_err());
    let new = (20..).map(|n| format!("s{n}"));
    let mut new = new.filter(|id| half(0, 1).has(id));
    let new = new.next().expect("there are more");
    let refused = older.start_session(&new, "chat", &topic("")).await;
    let Err(StartError::Store(WriteError::Store(why))) = refused else {
        panic!("{refused:?}");
    };
    assert!(matches!(*why, StoreError::Fenced(_)), "{why:?}");
    assert!(!ids(&store).contains(&new) && !older.sessions().is_running(&new));
    assert_eq!(said(&later, &id).await.1, ["hello"]);
    // The rest of what it owns is written all the same.
    say(&older, &of(half(1, 1))[0], "in time").await;
    // Nor can it take the part back.
    let back = older.take_over(half(0, 1)).await;
    assert!(matches!(back, Err(OpenError::Store(StoreError::Fenced(_)))));
    // What it still runs of it ends, and changes nothing.
    older.hand_over(half(0, 1), SECOND).await.expect("they end");
    assert_eq!(said(&later, &id).await.1, ["hello"]);
    say(&later, &id, "goes on").await;
}

#[tokio::test]
async fn what_has_no_time_to_end_is_killed_and_stays_remembered() {
    let store = MemoryStore::new();
    let one = open(&store).await;
    start_all(&one).await;
    let all = ids(&store);
    let killed = one.hand_over(half(0, 1), Duration::ZERO).await;
    killed.expect("they end");
    for id in of(half(0, 1)) {
        assert!(!one.sessions().is_running(&id));
    }
    assert_eq!(ids(&store), all);
}

/// A store to which the session of a checkpoint saves again whenever something is being written.
struct Restless(MemoryStore, Arc<Mutex<Option<Checkpoint<Vec<String>>>>>);

impl SessionStore for Restless {
    fn load(&mut self, part: Part, found: &mut dyn FnMut(Entry)) -> Result<(), StoreError> {
        self.0.load(part, found)
    }

    fn entry(&mut self, id: &str) -> Result<Option<Entry>, StoreError> {
        self.0.entry(id)
    }

    fn state(&mut self, id: &str, slot: &str) -> Result<Option<SavedState>, StoreError> {
        self.0.state(id, slot)
    }

    fn apply(&mut self, changes: &[Decided]) -> Result<(), StoreError> {
        if let Some(checkpoint) = &*self.1.lock().expect("it does not panic") {
            let saved = checkpoint.save(&vec!["again".to_owned()]);
            saved.expect("it is taken");
        }
        self.0.apply(changes)
    }
}

#[tokio::test]
async fn a_part_is_handed_over_while_sessions_of_others_save_without_a_pause() {
    let (store, restless) = (MemoryStore::new(), Arc::default());
    let one = open_over(Restless(store.clone(), Arc::clone(&restless))).await;
    start_all(&one).await;
    let busy = chat(&one, &of(half(1, 1))[0]);
    let checkpoint = call!(busy, Msg::Checkpoint).expect("it answers");
    *restless.lock().expect("it does not panic") = Some(checkpoint);
    let id = &of(half(0, 1))[0];
    let noted = chat(&one, id).cast(Msg::Note("the last".to_owned()));
    noted.expect("it runs");
    assert_eq!(said(&one, id).await.1, ["hello", "the last"]);
    one.hand_over(half(0, 1), SECOND).await.expect("they end");
    *restless.lock().expect("it does not panic") = None;

    let other = open(&store).await;
    take_over(&other, half(0, 2)).await;
    assert_eq!(said(&other, id).await.1, ["hello", "the last"]);
}

#[tokio::test]
async fn a_part_with_a_later_owner_hinders_none_that_are_taken_over_with_it() {
    let store = MemoryStore::new();
    let (first, later) = (open(&store).await, open(&store).await);
    start_all(&first).await;
    assert_eq!(take_over(&later, half(1, 5)).await, of(half(1, 5)).len());
    first.hand_over(half(0, 1), SECOND).await.expect("they end");

    let both = vec![half(1, 3), half(0, 3)];
    let third = open(&store).await;
    let taken = third.take_over_many(both).await;
    let (taken, refused) = taken.expect("they are read");
    let [(part, error)] = &refused[..] else {
        panic!("{refused:?}");
    };
    assert_eq!(*part, half(1, 3));
    let older = error.older_epoch().expect("it says which");
    assert_eq!((older.shard, older.epoch, older.noted), (1, 3, 5));
    let report = taken.restored().await.expect("it runs");
    assert_eq!(report.restored, of(half(0, 3)).len(), "{report:?}");
    // The later owner has never noticed.
    say(&later, &of(half(1, 5))[0], "goes on").await;
}
