//! Nothing is kept of what is over: sessions that are started, save and are stopped, many times.
//!
//! ```sh
//! GROWTH_CYCLES=20000 cargo test --release -p session-supervisor-store --test growth -- --nocapture
//! ```

use std::path::Path;

use ractor::{ActorProcessingErr, ActorRef};
use session_supervisor::{ChildSpec, Options, StartContext};
use session_supervisor_store::{Checkpoint, DurableSupervisor, Kinds, Remembered, SqliteStore};
use tokio::task::JoinSet;

/// How many at once.
const AT_ONCE: u32 = 64;

struct Saver;

#[ractor::actor(message = (), state = Checkpoint<String>, arguments = (Remembered, StartContext))]
impl Saver {
    async fn pre_start(
        &self,
        _: ActorRef<()>,
        (remembered, start): (Remembered, StartContext),
    ) -> Result<Checkpoint<String>, ActorProcessingErr> {
        let (checkpoint, _) = remembered.checkpoint(&start).await?;
        checkpoint.save(&"x".repeat(1_000))?;
        Ok(checkpoint)
    }
}

/// The memory of this process that lies in the machine's, in KiB, where that can be read.
fn memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

fn sizes(folder: &Path) -> u64 {
    let files = std::fs::read_dir(folder).expect("a folder");
    let size = |file: std::io::Result<std::fs::DirEntry>| file.and_then(|file| file.metadata());
    files.map(|file| size(file).expect("a file").len()).sum()
}

async fn cycles(durable: &DurableSupervisor, from: u32, to: u32) {
    let mut under_way = JoinSet::new();
    for at in from..to {
        if under_way.len() as u32 == AT_ONCE {
            under_way.join_next().await.expect("some").expect("it ends");
        }
        let (durable, id) = (durable.clone(), format!("s{at}"));
        under_way.spawn(async move {
            durable
                .start_session(&id, "saver", &())
                .await
                .expect("it starts");
            durable.stop_session(&id).await.expect("it stops");
        });
    }
    under_way.join_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn neither_the_file_nor_the_memory_grows_with_sessions_that_are_over() {
    let set = std::env::var("GROWTH_CYCLES").ok();
    let count: u32 = set.map_or(2_000, |set| set.parse().expect("a number"));
    let folder =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("growth {}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let store = SqliteStore::open(folder.join("sessions.db")).expect("it opens");
    let kinds = Kinds::new().kind("saver", |(): (), remembered: Remembered| {
        ChildSpec::new(move |start| (Saver, (remembered.clone(), start)))
    });
    let options = Options::new().unique_name();
    let durable = DurableSupervisor::open(options, kinds, store)
        .await
        .expect("it opens");
    cycles(&durable, 0, count / 4).await;
    let (memory_before, size_before) = (memory(), sizes(&folder));
    cycles(&durable, count / 4, count).await;
    let (memory_after, size_after) = (memory(), sizes(&folder));
    println!(
        "{count} starts and stops: files {size_before} bytes, then {size_after}; memory {memory_before:?} KiB, then {memory_after:?}"
    );
    assert_eq!(durable.list_remembered(), []);
    let stats = durable.stats();
    assert_eq!((stats.waiting, stats.waiting_bytes), (0, 0));
    // The log is begun anew when it has a thousand pages, and cut off above 16 MiB.
    assert!(size_after < 24 << 20, "{size_after} bytes");
    if let (Some(before), Some(after)) = (memory_before, memory_after) {
        let each = (after.saturating_sub(before) << 10) / u64::from(count);
        assert!(each < 2_048, "{each} bytes for each that is over");
    }
    durable.stop().await.expect("it is written");
    let left = sizes(&folder);
    assert!(left < 1 << 20, "{left} bytes are left of nothing");
    std::fs::remove_dir_all(&folder).expect("it is ours");
}
