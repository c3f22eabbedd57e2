//! A store that all nodes of a test reach: one in memory, behind a socket of the test's process.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use serde::{Deserialize, Serialize};
use session_supervisor_store::{
    Change, Decided, Entry, MemoryStore, OlderEpoch, Part, Record, SavedState, SessionStore,
    StoreError,
};

use crate::history::History;

/// What a node asks.
#[derive(Serialize, Deserialize)]
enum Asked {
    Load(u32, u32, u64),
    Entry(String),
    State(String, String),
    Apply(Vec<(u64, Changed)>),
    /// Something that a session has done: no question.
    Done(String),
}

/// A record as it is sent.
#[derive(Clone, Serialize, Deserialize)]
struct Kept {
    id: String,
    kind: String,
    arguments: String,
    label: Option<String>,
    claims: Vec<(String, String)>,
    revision: u64,
    started: u64,
    used: u64,
    resting: bool,
}

type Saved = (String, u32, Vec<u8>, u64);

#[derive(Serialize, Deserialize)]
enum Changed {
    Remember(Kept),
    Save(String, u64, Saved),
    Forget(String, u64),
    Rest(String, u64),
    Wake(String, u64),
    Discard(String),
}

#[derive(Serialize, Deserialize)]
enum Answered {
    Entries(Vec<Kept>),
    State(Option<Saved>),
    Applied,
    /// The shard, the epoch of who asks, and the one that is noted.
    Fenced(u32, u64, u64),
    Failed(String),
}

/// The side of the test.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) history: History,
}

impl Server {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("it listens");
        let (store, history) = (MemoryStore::new(), History::default());
        let of_nodes = history.clone();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (store, history) = (store.clone(), of_nodes.clone());
                thread::spawn(move || serve(&stream, store, &history));
            }
        });
        Self { address, history }
    }
}

fn serve(stream: &TcpStream, mut store: MemoryStore, history: &History) {
    let mut writer = stream;
    for line in BufReader::new(stream).lines() {
        let Ok(line) = line else { return };
        let answer = match serde_json::from_str(&line).expect("a question") {
            Asked::Done(what) => {
                history.add(&what);
                continue;
            }
            Asked::Load(shard, of, epoch) => {
                let part = Part::shard(shard, of, epoch).expect("a shard");
                let mut found = Vec::new();
                let loaded = store.load(part, &mut |entry| {
                    if let Entry::Record(record) = entry {
                        found.push(Kept::from(&record));
                    }
                });
                answer(loaded.map(|()| Answered::Entries(found)))
            }
            Asked::Entry(id) => answer(store.entry(&id).map(|entry| match entry {
                Some(Entry::Record(record)) => Answered::Entries(vec![Kept::from(&record)]),
                _ => Answered::Entries(Vec::new()),
            })),
            Asked::State(id, slot) => answer(store.state(&id, &slot).map(|state| {
                Answered::State(state.map(|state| {
                    let SavedState {
                        slot,
                        format,
                        bytes,
                        saved,
                        ..
                    } = state;
                    (slot.to_string(), format, bytes.to_vec(), saved)
                }))
            })),
            Asked::Apply(changes) => {
                let changes: Vec<_> = changes
                    .into_iter()
                    .map(|(epoch, change)| Decided::under(epoch, change.into()))
                    .collect();
                answer(store.apply(&changes).map(|()| Answered::Applied))
            }
        };
        if writer.write_all(&line_of(&answer)).is_err() {
            return;
        }
    }
}

fn answer(answered: Result<Answered, StoreError>) -> Answered {
    match answered {
        Ok(answer) => answer,
        Err(error) => match error.older_epoch() {
            Some(OlderEpoch {
                shard,
                epoch,
                noted,
                ..
            }) => Answered::Fenced(shard, epoch, noted),
            None => Answered::Failed(error.to_string()),
        },
    }
}

fn line_of(value: &impl Serialize) -> Vec<u8> {
    let mut line = serde_json::to_vec(value).expect("JSON");
    line.push(b'\n');
    line
}

/// The side of a node.
pub(crate) struct Client(BufReader<TcpStream>);

impl Client {
    pub(crate) fn connect(address: &str) -> Self {
        Self(BufReader::new(
            TcpStream::connect(address).expect("the test's store"),
        ))
    }

    /// Tells what a session has done.
    pub(crate) fn done(&mut self, what: String) {
        let line = line_of(&Asked::Done(what));
        // The test may be over.
        drop(self.0.get_mut().write_all(&line));
    }

    fn ask(&mut self, asked: &Asked) -> Result<Answered, StoreError> {
        let failed = |error: std::io::Error| StoreError::Failed(error.into());
        self.0
            .get_mut()
            .write_all(&line_of(asked))
            .map_err(failed)?;
        let mut line = String::new();
        self.0.read_line(&mut line).map_err(failed)?;
        match serde_json::from_str(&line) {
            Ok(Answered::Fenced(shard, epoch, noted)) => {
                Err(OlderEpoch::new(shard, epoch, noted).into())
            }
            Ok(Answered::Failed(why)) => Err(StoreError::Failed(why.into())),
            Ok(answer) => Ok(answer),
            Err(error) => Err(StoreError::Failed(error.into())),
        }
    }
}

impl SessionStore for Client {
    fn load(&mut self, part: Part, found: &mut dyn FnMut(Entry)) -> Result<(), StoreError> {
        let asked = Asked::Load(part.number(), part.count(), part.epoch());
        if let Answered::Entries(entries) = self.ask(&asked)? {
            entries
                .into_iter()
                .for_each(|kept| found(Entry::Record(kept.into())));
        }
        Ok(())
    }

    fn entry(&mut self, id: &str) -> Result<Option<Entry>, StoreError> {
        Ok(match self.ask(&Asked::Entry(id.to_owned()))? {
            Answered::Entries(mut entries) => entries.pop().map(|kept| Entry::Record(kept.into())),
            _ => None,
        })
    }

    fn state(&mut self, id: &str, slot: &str) -> Result<Option<SavedState>, StoreError> {
        Ok(
            match self.ask(&Asked::State(id.to_owned(), slot.to_owned()))? {
                Answered::State(state) => state.map(saved),
                _ => None,
            },
        )
    }

    fn apply(&mut self, changes: &[Decided]) -> Result<(), StoreError> {
        let changes = changes
            .iter()
            .map(|decided| (decided.epoch, Changed::from(&decided.change)));
        self.ask(&Asked::Apply(changes.collect())).map(drop)
    }
}

fn saved((slot, format, bytes, saved): Saved) -> SavedState {
    SavedState::new(slot, format, bytes, saved)
}

impl From<&Record> for Kept {
    fn from(record: &Record) -> Self {
        Self {
            id: record.id.to_string(),
            kind: record.kind.to_string(),
            arguments: record.arguments.to_string(),
            label: record.label.as_deref().map(str::to_owned),
            claims: record.claims.clone(),
            revision: record.revision,
            started: record.started,
            used: record.used,
            resting: record.resting,
        }
    }
}

impl From<Kept> for Record {
    fn from(kept: Kept) -> Self {
        let mut record = Self::new(
            kept.id,
            kept.kind,
            kept.arguments,
            kept.revision,
            kept.started,
        );
        record.label = kept.label.map(Arc::from);
        (record.claims, record.used, record.resting) = (kept.claims, kept.used, kept.resting);
        record
    }
}

impl From<&Change> for Changed {
    fn from(change: &Change) -> Self {
        match change {
            Change::Remember(record) => Self::Remember(record.into()),
            Change::Save {
                id,
                revision,
                state,
            } => {
                let SavedState {
                    slot,
                    format,
                    bytes,
                    saved,
                    ..
                } = state;
                let saved = (slot.to_string(), *format, bytes.to_vec(), *saved);
                Self::Save(id.to_string(), *revision, saved)
            }
            Change::Forget { id, revision } => Self::Forget(id.to_string(), *revision),
            Change::Rest { id, revision } => Self::Rest(id.to_string(), *revision),
            Change::Wake { id, revision } => Self::Wake(id.to_string(), *revision),
            Change::Discard { id } => Self::Discard(id.to_string()),
            _ => unreachable!("a later version"),
        }
    }
}

impl From<Changed> for Change {
    fn from(changed: Changed) -> Self {
        match changed {
            Changed::Remember(kept) => Self::Remember(kept.into()),
            Changed::Save(id, revision, state) => Self::Save {
                id: id.into(),
                revision,
                state: saved(state),
            },
            Changed::Forget(id, revision) => Self::Forget {
                id: id.into(),
                revision,
            },
            Changed::Rest(id, revision) => Self::Rest {
                id: id.into(),
                revision,
            },
            Changed::Wake(id, revision) => Self::Wake {
                id: id.into(),
                revision,
            },
            Changed::Discard(id) => Self::Discard { id: id.into() },
        }
    }
}
