//! Those who follow a supervisor affect neither it nor each other, whatever their wakers do.

use std::sync::mpsc::Sender;
use std::sync::{Arc, Condvar, Mutex};
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use session_supervisor::{EventKind, Options, SessionSupervisor, Subscription};

use super::{Block, block, others_are_served};
use crate::support::{Probe, Script, answered, supervisor};

/// A waker that notes its call and then does harm.
struct Harm {
    probe: Probe,
    block: Option<Block>,
}

impl Wake for Harm {
    fn wake(self: Arc<Self>) {
        self.probe.note("woken");
        match &self.block {
            Some(block) => block.wait(),
            None => panic!("a waker panics"),
        }
    }
}

/// A subscription that waits with such a waker.
async fn waits(sessions: &SessionSupervisor, harm: Harm) -> Subscription {
    let mut feed = sessions.subscribe().await.unwrap();
    let waker = Waker::from(Arc::new(harm));
    let next = feed.poll_next(&mut Context::from_waker(&waker));
    assert!(next.is_pending());
    feed
}

async fn others_read_on(probe: Probe, block: Option<Block>, release: Option<Sender<()>>) {
    let sessions = supervisor(Options::new()).await;
    let harm = Harm {
        probe: probe.clone(),
        block,
    };
    let mut bad = waits(&sessions, harm).await;
    let mut good = sessions.subscribe().await.unwrap();
    let reads = tokio::spawn(async move {
        let mut count = 0_u32;
        while let Some(event) = good.next().await {
            event.unwrap();
            count += 1;
        }
        count
    });
    others_are_served(&sessions).await;
    probe.until(|tally| tally.notes.len() == 1).await;
    others_are_served(&sessions).await;
    sessions.stop().await.unwrap();
    let read = answered("the other reader", reads).await.unwrap();
    drop(release);
    // It has missed nothing either.
    let mut count = 0;
    while let Some(event) = bad.next().await {
        event.unwrap();
        count += 1;
    }
    assert_eq!(read, count);
    assert_eq!(probe.notes(), ["woken"], "a waker is called once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_waker_that_blocks_its_thread() {
    let (release, block) = block();
    others_read_on(Probe::default(), Some(block), Some(release)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_waker_that_panics_on_several_threads() {
    others_read_on(Probe::default(), None, None).await;
}

#[tokio::test(start_paused = true)]
async fn a_waker_that_panics() {
    others_read_on(Probe::default(), None, None).await;
}

/// What a reader was told of, of one session.
#[derive(Clone, Default)]
struct Told(Arc<(Mutex<Vec<EventKind>>, Condvar)>);

impl Told {
    fn note(&self, kind: EventKind) {
        self.0.0.lock().unwrap().push(kind);
        self.0.1.notify_all();
    }

    /// Blocks its thread until then. Answers whether that was soon.
    fn wait(&self, is_meant: impl Fn(&EventKind) -> bool) -> bool {
        let kinds = self.0.0.lock().unwrap();
        let missing = |kinds: &mut Vec<EventKind>| !kinds.iter().any(&is_meant);
        let limit = Duration::from_secs(20);
        let (_kinds, timeout) = self.0.1.wait_timeout_while(kinds, limit, missing).unwrap();
        !timeout.timed_out()
    }
}

/// Sessions that block their threads until a reader was told of what has just happened to them. What
/// wakes the reader may wait on that very thread.
async fn a_reader_is_told(script: impl Fn(Script, Told, Probe) -> Script) {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    for round in 0..20 {
        let told = Told::default();
        let mut feed = sessions.subscribe().await.unwrap();
        let notes = told.clone();
        let reads = tokio::spawn(async move {
            while let Some(event) = feed.next().await {
                notes.note(event.unwrap().kind.clone());
            }
        });
        let id = format!("blocks {round}");
        let spec = script(probe.script(), told, probe.clone()).spec();
        // By a worker of the runtime.
        let start = tokio::spawn(sessions.start_session(&id, spec));
        start.await.unwrap().unwrap();
        sessions.stop_session(&id).await.unwrap();
        reads.abort();
    }
    assert_eq!(probe.notes(), [""; 0]);
    sessions.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_function_that_blocks_its_thread_keeps_no_reader_waiting() {
    a_reader_is_told(|script, told, probe| {
        script.launch(move |_| {
            if !told.wait(|kind| matches!(kind, EventKind::Launching { .. })) {
                probe.note("not told of its launch");
            }
            async { Ok(true) }
        })
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_post_stop_that_blocks_its_thread_keeps_no_reader_waiting() {
    a_reader_is_told(|script, told, probe| {
        script.post_stop(move |_, _| {
            if !told.wait(|kind| matches!(kind, EventKind::Stopping)) {
                probe.note("not told of its stop");
            }
            async { Ok(()) }
        })
    })
    .await;
}
