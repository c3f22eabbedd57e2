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
