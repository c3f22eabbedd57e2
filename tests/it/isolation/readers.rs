//! Those who follow a supervisor affect neither it nor each other, whatever their wakers do.

use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::task::{Context, Wake, Waker};

use session_supervisor::{Options, SessionSupervisor, Subscription};

use super::{Block, block, others_are_served};
use crate::support::{Probe, answered, supervisor};

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
