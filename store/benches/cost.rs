//! What it costs that a start is remembered: a durable start beside a plain one of the same session, in
//! one run, one after another and many at once; a state that is saved; and a store of 100,000 sessions that
//! is opened.
//!
//! ```sh
//! cargo bench -p session-supervisor-store --bench cost
//! ```

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ractor::{ActorProcessingErr, ActorRef, RpcReplyPort, call};
use session_supervisor::{ChildSpec, Options, SessionSupervisor, StartContext};
use session_supervisor_store::{
    Change, Checkpoint, Decided, DurableSupervisor, Kinds, Record, Remembered, SavedState,
    SessionStore, SqliteStore,
};
use tokio::task::JoinSet;

/// How many sessions a measurement starts.
const SESSIONS: u32 = 2_000;

/// How many times each is measured; the fastest counts.
const ROUNDS: u32 = 5;

struct Plain;

#[ractor::actor(message = (), state = (), arguments = ())]
impl Plain {}

/// Saves a state of this many bytes, so many times, and says when that is done.
struct Save(usize, u32, How, RpcReplyPort<()>);

#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    Durably,
    AtOnce,
}

struct Saver;

#[ractor::actor(
    message = Save,
    state = Checkpoint<String>,
    arguments = (Remembered, StartContext)
)]
impl Saver {
    async fn pre_start(
        &self,
        _: ActorRef<Save>,
        (remembered, start): (Remembered, StartContext),
    ) -> Result<Checkpoint<String>, ActorProcessingErr> {
        Ok(remembered.checkpoint(&start).await?.0)
    }

    async fn handle(
        &self,
        _: ActorRef<Save>,
        Save(size, times, how, reply): Save,
        checkpoint: &mut Checkpoint<String>,
    ) -> Result<(), ActorProcessingErr> {
        let state = "x".repeat(size);
        for _ in 0..times {
            match how {
                How::Durably => checkpoint.save_durably(&state).await?,
                How::AtOnce => checkpoint.save(&state)?,
            }
        }
        drop(reply.send(()));
        Ok(())
    }
}

/// Starts them, so many at once. Answers how long one takes.
async fn starts<F: Future<Output = ()> + Send + 'static>(
    at_once: u32,
    start: impl Fn(u32) -> F,
) -> Duration {
    let began = Instant::now();
    let mut under_way = JoinSet::new();
    for id in 0..SESSIONS {
        if under_way.len() as u32 == at_once {
            under_way.join_next().await;
        }
        under_way.spawn(start(id));
    }
    under_way.join_all().await;
    began.elapsed() / SESSIONS
}

async fn plain(at_once: u32) -> Duration {
    let sessions = SessionSupervisor::start(Options::new().unique_name()).await;
    let sessions = sessions.expect("it starts");
    let took = starts(at_once, |id| {
        let spec = ChildSpec::new(|_| (Plain, ()));
        let start = sessions.start_session(&format!("s{id}"), spec);
        async move { drop(start.await.expect("it starts")) }
    });
    let took = took.await;
    sessions.stop().await.expect("it stops");
    took
}

async fn open(file: &Path) -> DurableSupervisor {
    let kinds = Kinds::new()
        .kind("plain", |(): (), _| ChildSpec::new(|_| (Plain, ())))
        .kind("saver", |(): (), remembered: Remembered| {
            ChildSpec::new(move |start| (Saver, (remembered.clone(), start)))
        });
    let store = SqliteStore::open(file).expect("it opens");
    let options = Options::new().unique_name();
    let opened = DurableSupervisor::open(options, kinds, store).await;
    opened.expect("it opens")
}

async fn durable(file: &Path, at_once: u32) -> Duration {
    drop(std::fs::remove_file(file));
    let durable = open(file).await;
    let took = starts(at_once, |id| {
        let start = durable.start_session(&format!("s{id}"), "plain", &());
        async move { drop(start.await.expect("it starts")) }
    });
    let took = took.await;
    durable.stop().await.expect("it is written");
    took
}

async fn restored(file: &Path) -> Duration {
    let began = Instant::now();
    let durable = open(file).await;
    let report = durable.restored().await.expect("it is done");
    let took = began.elapsed() / SESSIONS;
    assert_eq!(report.restored, SESSIONS as usize);
    durable.stop().await.expect("it is written");
    took
}

/// How many sessions are in a large store, each with a state of 1 KB.
const MANY: u64 = 100_000;

/// How long it takes until they are known, and until all of them run again.
async fn opened(file: &Path) -> (Duration, Duration) {
    drop(std::fs::remove_file(file));
    let mut store = SqliteStore::open(file).expect("it opens");
    let all: Vec<_> = (1..=MANY).collect();
    for some in all.chunks(1_000) {
        let mut changes: Vec<Decided> = Vec::new();
        for at in some {
            let id: Arc<str> = format!("s{at}").into();
            let record = Record::new(Arc::clone(&id), "plain", "null", *at, *at);
            changes.push(Change::Remember(record).into());
            let save = Change::Save {
                id,
                revision: *at,
                state: SavedState::new("", 0, vec![b'x'; 1_000], *at),
            };
            changes.push(save.into());
        }
        store.apply(&changes).expect("it is written");
    }
    drop(store);
    let began = Instant::now();
    let durable = open(file).await;
    let known = began.elapsed();
    let report = durable.restored().await.expect("it is done");
    assert_eq!(report.restored as u64, MANY);
    let all = began.elapsed();
    durable.stop().await.expect("it is written");
    (known, all)
}

fn micros(took: Duration) -> f64 {
    took.as_secs_f64() * 1e6
}

#[tokio::main]
async fn main() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cost");
    std::fs::create_dir_all(&folder).expect("a folder");
    let file = folder.join("sessions.db");
    println!("{SESSIONS} sessions, the fastest of {ROUNDS} rounds, microseconds for each");
    println!("| at once | plain start | durable start | ratio |");
    for at_once in [1, 8, 64, 512] {
        let (mut without, mut with) = (Duration::MAX, Duration::MAX);
        for _ in 0..ROUNDS {
            without = without.min(plain(at_once).await);
            with = with.min(durable(&file, at_once).await);
        }
        let (without, with) = (micros(without), micros(with));
        println!(
            "| {at_once} | {without:.1} | {with:.1} | {:.1} |",
            with / without
        );
    }
    let mut took = Duration::MAX;
    for _ in 0..ROUNDS {
        took = took.min(restored(&file).await);
    }
    println!("a session restored: {:.1}", micros(took));
    let (known, all) = opened(&file).await;
    println!(
        "{MANY} sessions: known after {:.2} s, all restored after {:.2} s",
        known.as_secs_f64(),
        all.as_secs_f64()
    );
    drop(std::fs::remove_file(&file));
    let durable = open(&file).await;
    durable
        .start_session("saver", "saver", &())
        .await
        .expect("it starts");
    let saver = durable
        .sessions()
        .find_session_as::<Save>("saver")
        .expect("it runs");
    for (how, name, times) in [
        (How::AtOnce, "save", 20_000),
        (How::Durably, "save_durably", 500),
    ] {
        let began = Instant::now();
        call!(saver, |reply| Save(1_000, times, how, reply)).expect("it answers");
        println!("{name} of 1 KB: {:.1}", micros(began.elapsed() / times));
    }
    durable.stop().await.expect("it is written");
    std::fs::remove_dir_all(&folder).expect("it is ours");
}
