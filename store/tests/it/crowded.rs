//! Restores of many parts at once.

use std::sync::Arc;

use session_supervisor::{ChildSpec, Launch, Options};
use session_supervisor_store::{DurableSupervisor, Kinds, MemoryStore, Part};
use tokio::sync::{Semaphore, watch};

const PARTS: u32 = 8;
const SESSIONS: usize = 400;

struct Idle;

#[ractor::actor(message = (), state = (), arguments = ())]
impl Idle {}

/// The starts that go on, how many there were at once, and what lets them go on.
#[derive(Default)]
struct Crowd {
    now_and_most: watch::Sender<(usize, usize)>,
    gate: Gate,
}

struct Gate(Semaphore);

impl Default for Gate {
    fn default() -> Self {
        Self(Semaphore::new(0))
    }
}

impl Crowd {
    async fn start(&self) {
        self.now_and_most.send_modify(|(now, most)| {
            *now += 1;
            *most = (*most).max(*now);
        });
        drop(self.gate.0.acquire().await);
        self.now_and_most.send_modify(|(now, _)| *now -= 1);
    }
}

async fn open(store: &MemoryStore, crowd: &Arc<Crowd>) -> DurableSupervisor {
    let crowd = Arc::clone(crowd);
    let kinds = Kinds::new().kind("one of many", move |(): (), _| {
        ChildSpec::from_fn_with(Arc::clone(&crowd), |crowd, _| async move {
            crowd.start().await;
            Ok(Launch::Actor(Idle, ()))
        })
    });
    let options = Options::new().unique_name();
    let opened = DurableSupervisor::open_shared(options, kinds, store.clone()).await;
    opened.expect("it opens")
}

fn parts(epoch: u64) -> Vec<Part> {
    let all = (0..PARTS).map(|number| Part::shard(number, PARTS, epoch));
    all.map(|part| part.expect("there are so many")).collect()
}

/// Each reads from the store, and its time to start runs while it waits for that: with all of them at once
/// the last would be too late.
#[tokio::test]
async fn however_many_parts_are_taken_over_64_sessions_are_restored_at_once() {
    let (store, crowd) = (MemoryStore::new(), Arc::new(Crowd::default()));
    crowd.gate.0.add_permits(1);
    let first = open(&store, &crowd).await;
    for part in parts(1) {
        first.take_over(part).await.expect("it is read");
    }
    for n in 0..SESSIONS {
        let start = first.start_session(&format!("s{n}"), "one of many", &());
        start.await.expect("it starts");
    }
    first.stop().await.expect("it stops");

    let crowd = Arc::new(Crowd::default());
    let second = open(&store, &crowd).await;
    let mut restoring = Vec::new();
    for part in parts(2) {
        restoring.push(second.take_over(part).await.expect("it is read"));
    }
    let mut seen = crowd.now_and_most.subscribe();
    let full = seen.wait_for(|(now, _)| *now >= 64).await;
    drop(full.expect("they start"));
    // What else was asked of the store has been answered then, and those that waited for that goes on.
    for _ in 0..SESSIONS {
        second.flush().await.expect("it is written");
    }
    crowd.gate.0.add_permits(1);
    let mut restored = 0;
    for part in restoring {
        restored += part.restored().await.expect("it runs").restored;
    }
    assert_eq!((restored, crowd.now_and_most.borrow().1), (SESSIONS, 64));
    second.stop().await.expect("it stops");
}
