//! A session that does what it is told, and the kinds of it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use ractor::{ActorProcessingErr, ActorRef, RpcReplyPort, call};
use serde::{Deserialize, Serialize};
use session_supervisor::{ChildSpec, Options, Restart, StartContext};
use session_supervisor_store::error::SaveError;
use session_supervisor_store::{
    Change, Checkpoint, Decided, DurableSupervisor, Entry, Kinds, MemoryStore, Part, Record,
    Remembered, SavedState, SessionStore, StoreError,
};

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Args {
    pub(crate) topic: String,
    /// `pre_start` fails.
    #[serde(default)]
    pub(crate) fails: bool,
}

pub(crate) fn topic(topic: &str) -> Args {
    Args {
        topic: topic.to_owned(),
        fails: false,
    }
}

pub(crate) enum Msg {
    /// Adds a line, saves all of them, and says whether that is durable.
    Say(String, RpcReplyPort<Result<(), SaveError>>),
    /// Adds a line and saves without waiting.
    Note(String),
    Said(RpcReplyPort<(String, Vec<String>)>),
    Checkpoint(RpcReplyPort<Checkpoint<Vec<String>>>),
    Crash,
    End,
}

/// Its arguments, its memory, and how it is started.
pub(crate) struct Chat;

pub(crate) struct State {
    topic: String,
    said: Vec<String>,
    checkpoint: Checkpoint<Vec<String>>,
}

#[ractor::actor(message = Msg, state = State, arguments = (Args, Remembered, StartContext))]
impl Chat {
    async fn pre_start(
        &self,
        _: ActorRef<Msg>,
        (args, remembered, start): (Args, Remembered, StartContext),
    ) -> Result<State, ActorProcessingErr> {
        let (checkpoint, said) = remembered.checkpoint(&start).await?;
        if args.fails {
            return Err("it was told to fail".into());
        }
        Ok(State {
            topic: args.topic,
            said: said.unwrap_or_default(),
            checkpoint,
        })
    }

    async fn handle(
        &self,
        myself: ActorRef<Msg>,
        message: Msg,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            Msg::Say(line, reply) => {
                state.said.push(line);
                let saved = state.checkpoint.save_durably(&state.said);
                drop(reply.send(saved.await));
            }
            Msg::Note(line) => {
                state.said.push(line);
                state.checkpoint.save(&state.said)?;
            }
            Msg::Said(reply) => drop(reply.send((state.topic.clone(), state.said.clone()))),
            Msg::Checkpoint(reply) => drop(reply.send(state.checkpoint.clone())),
            Msg::Crash => return Err("no paper".into()),
            Msg::End => myself.stop(None),
        }
        Ok(())
    }
}

/// `chat` is transient and claims its topic, `once` is temporary, `mortal` is both.
pub(crate) fn kinds() -> Kinds {
    let spec = |args: Args, remembered: Remembered| {
        ChildSpec::new(move |start| (Chat, (args.clone(), remembered.clone(), start)))
    };
    Kinds::new()
        .kind("chat", move |args: Args, remembered| {
            let claim = args.topic.clone();
            let spec = spec(args, remembered);
            if claim.is_empty() {
                spec
            } else {
                spec.claim("topic", &claim).label(claim)
            }
        })
        .kind("mortal", move |args: Args, remembered| {
            let claim = args.topic.clone();
            let spec = spec(args, remembered).restart(Restart::Temporary);
            spec.claim("topic", claim)
        })
        .kind("once", move |args: Args, remembered| {
            spec(args, remembered).restart(Restart::Temporary)
        })
}

pub(crate) async fn open(store: impl SessionStore) -> DurableSupervisor {
    let options = Options::new().unique_name();
    let opened = DurableSupervisor::open(options, kinds(), store).await;
    opened.expect("it opens")
}

/// Starts a chat about nothing.
pub(crate) async fn start(durable: &DurableSupervisor, id: &str) {
    let started = durable.start_session(id, "chat", &topic("")).await;
    started.expect("it starts");
}

/// All entries of a store, in the order of their ids.
pub(crate) fn entries(store: &mut dyn SessionStore) -> Vec<Entry> {
    let mut entries = Vec::new();
    let loaded = store.load(Part::ALL, &mut |entry| entries.push(entry));
    loaded.expect("it is read");
    entries.sort_unstable_by(|a, b| a.id().cmp(b.id()));
    entries
}

pub(crate) fn ids(store: &MemoryStore) -> Vec<String> {
    let entries = entries(&mut store.clone()).into_iter();
    entries.map(|entry| entry.id().to_string()).collect()
}

/// Writes a record as an earlier process has.
pub(crate) fn wrote(store: &mut dyn SessionStore, record: Record) {
    let written = store.apply(&[Change::Remember(record).into()]);
    written.expect("it is written");
}

/// The process has ended as after `kill -9`: what follows sees only what is durable.
pub(crate) fn as_stored(store: &MemoryStore) -> MemoryStore {
    let mut store = store.clone();
    let mut copy = MemoryStore::new();
    for entry in entries(&mut store) {
        let Entry::Record(record) = entry else {
            continue;
        };
        let (id, revision) = (Arc::clone(&record.id), record.revision);
        let state = store.state(&id, "").expect("in memory");
        let mut changes: Vec<Decided> = vec![Change::Remember(record).into()];
        changes.extend(state.map(|state| {
            Decided::from(Change::Save {
                id,
                revision,
                state,
            })
        }));
        copy.apply(&changes).expect("in memory");
    }
    copy
}

pub(crate) fn chat(durable: &DurableSupervisor, id: &str) -> ActorRef<Msg> {
    let found = durable.sessions().find_session_as(id);
    found.expect("it runs")
}

pub(crate) async fn say(durable: &DurableSupervisor, id: &str, line: &str) {
    let saved = call!(chat(durable, id), Msg::Say, line.to_owned());
    saved.expect("it answers").expect("it is durable");
}

pub(crate) async fn said(durable: &DurableSupervisor, id: &str) -> (String, Vec<String>) {
    call!(chat(durable, id), Msg::Said).expect("it answers")
}

/// Does something to a session, and waits until this has happened to it.
pub(crate) async fn until(durable: &DurableSupervisor, id: &str, event: &str, does: impl FnOnce()) {
    let mut feed = durable.sessions().subscribe().await.expect("it runs");
    does();
    loop {
        let told = feed.next().await.expect("it goes on").expect("few");
        if told.kind.name() == event && told.id.as_deref() == Some(id) {
            return;
        }
    }
}

/// It crashes, and is restarted.
pub(crate) async fn crash(durable: &DurableSupervisor, id: &str) {
    let session = chat(durable, id);
    until(durable, id, "started", || {
        session.cast(Msg::Crash).expect("it runs")
    })
    .await;
}

/// A store in memory that writes by a function of the test.
#[derive(Clone)]
pub(crate) struct WritesBy<F> {
    store: MemoryStore,
    write: F,
}

/// The function is given the store and what is to be written.
pub(crate) fn writes_by<F>(store: &MemoryStore, write: F) -> WritesBy<F>
where
    F: FnMut(&mut MemoryStore, &[Decided]) -> Result<(), StoreError>,
{
    let store = store.clone();
    WritesBy { store, write }
}

impl<F> SessionStore for WritesBy<F>
where
    F: FnMut(&mut MemoryStore, &[Decided]) -> Result<(), StoreError> + Send + 'static,
{
    fn load(&mut self, part: Part, found: &mut dyn FnMut(Entry)) -> Result<(), StoreError> {
        self.store.load(part, found)
    }

    fn entry(&mut self, id: &str) -> Result<Option<Entry>, StoreError> {
        self.store.entry(id)
    }

    fn state(&mut self, id: &str, slot: &str) -> Result<Option<SavedState>, StoreError> {
        self.store.state(id, slot)
    }

    fn apply(&mut self, changes: &[Decided]) -> Result<(), StoreError> {
        (self.write)(&mut self.store, changes)
    }
}

/// A store that refuses so many writes.
pub(crate) fn refuses(store: &MemoryStore, refusals: &Arc<AtomicU32>) -> impl SessionStore + use<> {
    let refusals = Arc::clone(refusals);
    let less = |left: u32| left.checked_sub(1);
    writes_by(store, move |store, changes| {
        match refusals.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less) {
            Ok(_) => Err(StoreError::Locked("a backup".into())),
            Err(_) => store.apply(changes),
        }
    })
}

/// A new folder.
pub(crate) fn folder() -> PathBuf {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    let name = format!("store {} {next}", std::process::id());
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    drop(std::fs::remove_dir_all(&folder));
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
}
