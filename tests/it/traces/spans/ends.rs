//! Each span is left and closed, however its incarnation ends and whatever the subscriber does.

use std::time::Duration;

use session_supervisor::{ChildSpec, Options, Restart, TreeSpec};

use super::{Harm, Spans, chatty, says};
use crate::support::{Gate, Order, Probe, back, died, end, supervisor};

/// Kills, failed and cancelled starts, handlers that hang: each span is left and closed.
#[tokio::test(start_paused = true)]
async fn however_an_incarnation_ends_its_span_is_left_and_closed() {
    let spans = Spans::new(Harm::None);
    let _guard = tracing::subscriber::set_default(spans.clone());
    let probe = Probe::default();
    let sessions = supervisor(Options::new()).await;
    let once = || probe.spec().restart(Restart::Temporary);
    for (at, order) in [Order::Crash, Order::Panic, Order::Hang]
        .into_iter()
        .enumerate()
    {
        let id = format!("session {at}");
        let session = sessions.start_session(&id, once()).await.unwrap();
        session.cast(order).unwrap();
        tokio::task::yield_now().await;
        session.kill();
        died(&session.get_cell()).await;
    }
    let fails = probe
        .script()
        .launch(|_| async { Err("no ink".into()) })
        .spec();
    sessions.start_session("fails", fails).await.unwrap_err();
    let panics = probe
        .script()
        .pre_start(|_, _| async { panic!("no paper") })
        .spec();
    sessions.start_session("panics", panics).await.unwrap_err();
    let gate = Gate::closed();
    let hangs = probe.script().pre_start(gate.holds()).spec();
    let hangs = hangs.start_timeout(Duration::from_millis(5));
    sessions.start_session("hangs", hangs).await.unwrap_err();
    let session = sessions
        .start_session("stops itself", once())
        .await
        .unwrap();
    session.stop(None);
    died(&session.get_cell()).await;
    sessions.start_session("left over", once()).await.unwrap();
    sessions.get_cell().kill();
    sessions.wait().await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(spans.seen().made, 8);
    spans.all_left_and_closed().await;
}

#[tokio::test(start_paused = true)]
async fn a_subscriber_that_panics_at_a_span_changes_nothing_else() {
    for harm in [Harm::New, Harm::Enter, Harm::Exit, Harm::Close] {
        let spans = Spans::new(harm);
        let _guard = tracing::subscriber::set_default(spans.clone());
        let probe = Probe::default();
        let sessions = supervisor(Options::new()).await;
        let session = sessions.start_session("a", chatty(&probe)).await.unwrap();
        session.cast(says("it handles")).unwrap();
        // Two panics at once, the user's and the subscriber's, would end the process.
        end(&session, Order::Panic).await;
        let session = back(&sessions, "a").await;
        end(&session, Order::Crash).await;
        back(&sessions, "a").await;
        let tree = TreeSpec::one_for_one().child("agent", chatty(&probe));
        let tree = ChildSpec::tree(move |_| tree.clone());
        sessions.start_session("tree", tree).await.unwrap();
        let report = sessions.stop().await.unwrap();
        assert_eq!((report.stopped, report.failed), (3, 0), "{harm:?}");
        assert!(spans.line("it handles again").is_some() != (harm == Harm::New));
        spans.all_left_and_closed().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_subscriber_that_wants_no_span_is_told_of_none() {
    let spans = Spans::new(Harm::Off);
    let _guard = tracing::subscriber::set_default(spans.clone());
    let probe = Probe::default();
    let sessions = supervisor(Options::new()).await;
    let session = sessions.start_session("a", chatty(&probe)).await.unwrap();
    end(&session, Order::Panic).await;
    back(&sessions, "a").await;
    sessions.stop().await.unwrap();
    assert_eq!(spans.seen().made, 0);
    assert_eq!(spans.line("post_start of a"), None);
    assert!(!spans.seen().lines.is_empty());
}
