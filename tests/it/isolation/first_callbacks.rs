//! Before its first callback a session lets the root have its turn, but only if it may be in the root's
//! way.

use session_supervisor::Options;

use crate::support::{Order, Probe, supervisor};

/// The root was told of another start just now, and has not read of it.
#[tokio::test]
async fn a_session_that_was_started_before_handles_its_first_message_at_once() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let first = sessions.start_session("first", probe.spec()).await.unwrap();
    let notes = probe.clone();
    let second = probe.script().post_start(move |_, _| {
        let (handled, behind) = (notes.clone(), notes.clone());
        let order = Order::run(move |_| async move {
            handled.note("handled");
            Ok(())
        });
        first.cast(order).unwrap();
        tokio::spawn(async move { behind.note("behind it") });
        async { Ok(()) }
    });
    sessions
        .start_session("second", second.spec())
        .await
        .unwrap();
    probe.until(|tally| tally.notes.len() == 2).await;
    assert_eq!(probe.notes(), ["handled", "behind it"]);
    sessions.stop().await.unwrap();
}
