//! The error with which a session fails is its own, too, and so is the time that its drop takes.

use std::sync::{Arc, Mutex};

use session_supervisor::{Options, Restart};

use super::{Block, block, others_are_served};
use crate::support::{Order, Probe, supervisor};

/// An error whose drop blocks its thread.
struct Sticky(Probe, Block);

impl std::fmt::Debug for Sticky {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sticky")
    }
}

impl std::fmt::Display for Sticky {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("it sticks")
    }
}

impl std::error::Error for Sticky {}

impl Drop for Sticky {
    fn drop(&mut self) {
        self.0.note("dropping");
        self.1.wait();
    }
}

/// Its last holder drops it, and that may be ractor's event in the root's hands.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_that_takes_long_to_drop() {
    for round in 0..20 {
        let sessions = supervisor(Options::new()).await;
        let probe = Probe::default();
        let (release, block) = block();
        let sticky = Arc::new(Mutex::new(Some(Sticky(probe.clone(), block))));
        let (first, last) = (Arc::clone(&sticky), sticky);
        let script = probe.script().post_stop(move |_, _| {
            let sticky = last.lock().expect("no panic").take();
            async move { sticky.map_or(Ok(()), |error| Err(error.into())) }
        });
        let spec = script.spec().restart(Restart::Temporary);
        let session = sessions.start_session("sticky", spec).await.unwrap();
        if round % 2 == 0 {
            session.stop(None);
        } else {
            let fail = Order::run(move |_| {
                let sticky = first.lock().expect("no panic").take();
                async move { sticky.map_or(Ok(()), |error| Err(error.into())) }
            });
            session.cast(fail).unwrap();
        }
        probe.until(|tally| tally.notes.len() == 1).await;
        others_are_served(&sessions).await;
        drop(release);
        sessions.stop().await.unwrap();
    }
}

/// An error whose text blocks the thread of the one who asks for it.
struct Slow(Probe, Arc<Block>);

impl std::fmt::Debug for Slow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Slow")
    }
}

impl std::fmt::Display for Slow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.note("telling");
        self.1.wait();
        f.write_str("it took long to say")
    }
}

impl std::error::Error for Slow {}

/// The text is asked for once, in the task of the session, also while others follow.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_that_takes_long_to_say() {
    for starts in [true, false] {
        let sessions = supervisor(Options::new()).await;
        let probe = Probe::default();
        let mut feed = sessions.subscribe().await.unwrap();
        let (release, block) = block();
        let block = Arc::new(block);
        let (slow, blocks) = (probe.clone(), Arc::clone(&block));
        let script = probe.script().launch(move |_| {
            let error = Slow(slow.clone(), Arc::clone(&blocks));
            async move { if starts { Ok(true) } else { Err(error.into()) } }
        });
        let spec = script.spec().restart(Restart::Temporary);
        let start = tokio::spawn(sessions.start_session("slow", spec));
        if starts {
            let session = start.await.unwrap().unwrap();
            let error = Slow(probe.clone(), block);
            let fail = Order::run(move |_| async { Err(error.into()) });
            session.cast(fail).unwrap();
            probe.until(|tally| tally.notes.len() == 1).await;
            others_are_served(&sessions).await;
            drop(release);
            sessions.wait_end("slow").await.ok();
        } else {
            probe.until(|tally| tally.notes.len() == 1).await;
            others_are_served(&sessions).await;
            drop(release);
            start.await.unwrap().unwrap_err();
        }
        let report = sessions.stop().await.unwrap();
        assert_eq!(report.stuck, 0);
        let mut told = Vec::new();
        while let Some(event) = feed.next().await {
            let event = event.unwrap();
            if event.id.as_deref() == Some("slow") {
                told.push(event.to_string());
            }
        }
        let said = told
            .iter()
            .filter(|text| text.contains("it took long to say"));
        assert_eq!(said.count(), 1, "{told:?}");
        assert_eq!(probe.notes(), ["telling"], "it is asked for once");
    }
}
