//! Errors that cannot be told, or that are long, and what an event holds of them.

use std::fmt;

use session_supervisor::{EventKind, ExitCause, Options};

use super::so_far;
use crate::support::{Order, Probe, Tie, back, end, supervisor};

#[derive(Debug)]
struct Unspeakable;

impl fmt::Display for Unspeakable {
    fn fmt(&self, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("it cannot be told")
    }
}

impl std::error::Error for Unspeakable {}

/// An error of many words, that holds something.
#[derive(Debug)]
struct Holds(#[expect(dead_code, reason = "only its drop counts")] Tie);

impl fmt::Display for Holds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&"ä".repeat(5_000))
    }
}

impl std::error::Error for Holds {}

#[tokio::test(start_paused = true)]
async fn an_error_whose_text_panics_is_told_without_it() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let mut feed = sessions.subscribe().await.unwrap();
    let session = sessions.start_session("a", probe.spec()).await.unwrap();
    end(&session, Order::run(|_| async { Err(Unspeakable.into()) })).await;
    back(&sessions, "a").await;
    let script = probe.script().launch(|_| async { Err(Unspeakable.into()) });
    sessions
        .start_session("b", script.spec())
        .await
        .unwrap_err();
    let events = so_far(&mut feed);
    let told = |name| {
        let mut of = events.iter().filter(|event| event.kind.name() == name);
        of.next().expect("it is told").to_string()
    };
    assert_eq!(
        told("exited"),
        "session \"a\" ended abnormally: failed: its error panicked while it was shown; restarts \
         at once, 1 of 3 in 5s"
    );
    assert_eq!(
        told("start_failed"),
        "session \"b\" failed to start: its error panicked while it was shown"
    );
    sessions.stop().await.unwrap();
}

/// Neither an event nor a dossier keeps an error alive, and of a long one a part is kept.
#[tokio::test(start_paused = true)]
async fn of_an_error_a_part_of_its_text_is_kept() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let mut feed = sessions.subscribe().await.unwrap();
    let session = sessions.start_session("a", probe.spec()).await.unwrap();
    let (tie, remains) = Tie::new();
    end(&session, Order::run(|_| async { Err(Holds(tie).into()) })).await;
    // The last exit is told to the next start; the one before is nobody's any more.
    end(&back(&sessions, "a").await, Order::Crash).await;
    back(&sessions, "a").await;
    remains.gone().await;
    let events = so_far(&mut feed);
    let dossier = sessions.dossier("a").await.unwrap().unwrap();
    let first = events.iter().find(|event| event.kind.name() == "exited");
    assert_eq!(first.unwrap().kind, dossier.exits[0].kind);
    let EventKind::Exited {
        cause: ExitCause::Failed { error },
        ..
    } = &dossier.exits[0].kind
    else {
        panic!("{dossier}");
    };
    assert!(
        error.len() <= 1_024 && error.ends_with("ä…"),
        "{} bytes",
        error.len()
    );
    sessions.stop().await.unwrap();
}
