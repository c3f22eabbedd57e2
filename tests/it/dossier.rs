//! What is known of a session's past, and what would follow if it failed now (D33). The engine's own
//! tests have the rules with their times: `tests/sim/sessions/foretold.rs`.

use std::time::Duration;

use ractor::ActorProcessingErr;
use session_supervisor::{
    Backoff, Decision, EndReason, EventKind, Options, Restart, SessionState, StartContext,
    StartFailure,
};

use crate::support::{Order, Probe, asked, back, end, supervisor};

#[tokio::test(start_paused = true)]
async fn the_exits_of_a_session_are_kept_with_times_and_decisions() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let script = probe.script().launch(|start| async move {
        match start.incarnation {
            2 => Err("no paper".into()),
            _ => Ok(true),
        }
    });
    let spec = script.spec().label("Alice");
    let session = sessions.start_session("a", spec).await.unwrap();
    let fresh = sessions.dossier("a").await.unwrap().unwrap();
    assert_eq!((fresh.exits.len(), fresh.earlier), (0, 0));
    tokio::time::sleep(Duration::from_secs(7)).await;
    end(&session, Order::Crash).await;
    back(&sessions, "a").await;
    let dossier = sessions.dossier("a").await.unwrap().unwrap();
    assert_eq!(&*dossier.id, "a");
    assert_eq!(dossier.label.as_deref(), Some("Alice"));
    assert_eq!(
        (dossier.state, dossier.incarnation),
        (SessionState::Running, 3)
    );
    assert_eq!((dossier.restarts, dossier.earlier), (2, 0));
    let [crash, failure] = &dossier.exits[..] else {
        panic!("{dossier}");
    };
    assert_eq!((crash.incarnation, crash.uptime.as_secs()), (1, 7));
    assert_eq!((failure.incarnation, failure.uptime), (2, Duration::ZERO));
    assert!(failure.time >= crash.time);
    let EventKind::RestartFailed { failure, decision } = &failure.kind else {
        panic!("{dossier}");
    };
    let error = "no paper".into();
    assert_eq!(*failure, StartFailure::Failed { error });
    assert!(
        matches!(
            decision,
            Decision::Restart {
                restarts: 2,
                budget_left: Some(1),
                ..
            }
        ),
        "{decision:?}"
    );
    let text = format!(
        "session \"a\", incarnation 3, restarts: 2\n\
         incarnation 1, after {:?}: ended abnormally: failed: told to crash; restarts at once, 1 of \
         3 in 5s\n\
         incarnation 2, after 0ns: failed to restart: no paper; restarts in 10ms, 2 of 3 in 5s",
        crash.uptime
    );
    assert_eq!(dossier.to_string(), text);
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_dossier_outlives_parking_and_is_gone_with_the_session() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let spec = || probe.spec().restart_limit(9, Duration::from_secs(60));
    sessions.start_session("a", spec()).await.unwrap();
    for _ in 0..9 {
        end(&back(&sessions, "a").await, Order::Crash).await;
    }
    end(&back(&sessions, "a").await, Order::Crash).await;
    let parked = sessions.dossier("a").await.unwrap().unwrap();
    assert_eq!((parked.exits.len(), parked.earlier), (8, 2));
    assert_eq!(parked.state, SessionState::Parked);
    let last = parked.exits[7].kind.decision();
    assert!(matches!(last, Some(Decision::Park { .. })), "{parked}");
    sessions.stop_session("a").await.unwrap();
    assert_eq!(sessions.dossier("a").await, Ok(None));
    sessions.start_session("a", spec()).await.unwrap();
    let anew = sessions.dossier("a").await.unwrap().unwrap();
    assert_eq!((anew.exits.len(), anew.earlier), (0, 0));
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_would_follow_is_explained_and_follows() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let backoff = Backoff::exponential(Duration::from_millis(100), Duration::from_secs(1));
    let spec = probe
        .spec()
        .restart_limit(1, Duration::from_secs(5))
        .backoff(backoff);
    let session = sessions.start_session("a", spec).await.unwrap();
    let explained = sessions.explain("a").await.unwrap().unwrap();
    assert_eq!(
        explained.to_string(),
        "session \"a\" runs; if it fails now: restarts in 100ms, 1 of 1 in 5s"
    );
    assert_eq!((explained.due, explained.on_trial), (None, false));
    assert_eq!(explained.at_least, Duration::from_millis(100));
    end(&session, Order::Crash).await;
    let waits = sessions.explain("a").await.unwrap().unwrap();
    assert_eq!(waits.due, Some(Duration::from_millis(100)));
    assert!(
        matches!(waits.next_failure, Decision::Park { .. }),
        "{waits}"
    );
    let session = back(&sessions, "a").await;
    let explained = sessions.explain("a").await.unwrap().unwrap();
    let Decision::Park {
        until: Some(longest),
        ..
    } = explained.next_failure
    else {
        panic!("{explained}");
    };
    assert_eq!(longest, Duration::from_secs(10));
    assert_eq!(explained.at_least, Duration::from_secs(5));
    end(&session, Order::Crash).await;
    let dossier = sessions.dossier("a").await.unwrap().unwrap();
    let Some(Decision::Park {
        until: Some(until), ..
    }) = dossier.exits[1].kind.decision()
    else {
        panic!("{dossier}");
    };
    assert!((explained.at_least..=longest).contains(until), "{until:?}");
    let parked = sessions.explain("a").await.unwrap().unwrap();
    assert_eq!(
        (parked.state, parked.due),
        (SessionState::Parked, Some(*until))
    );
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_is_explained_of_sessions_that_do_not_run() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    assert_eq!(sessions.explain("nobody").await, Ok(None));
    assert_eq!(sessions.explain("").await, Ok(None));
    assert_eq!(sessions.dossier("nobody").await, Ok(None));
    let hangs = probe.script().launch(|_| std::future::pending());
    let hangs = hangs.spec().start_timeout(Duration::from_secs(3));
    let start = asked(sessions.start_session("starts", hangs)).await;
    let explained = sessions.explain("starts").await.unwrap().unwrap();
    assert_eq!(explained.state, SessionState::Starting);
    assert_eq!(explained.due, Some(Duration::from_secs(3)));
    assert_eq!(explained.next_failure, Decision::Forget);
    start.await.unwrap().unwrap_err();
    let hangs = probe.script().post_stop(|_, _| std::future::pending());
    sessions.start_session("stops", hangs.spec()).await.unwrap();
    let stop = asked(sessions.stop_session("stops")).await;
    let explained = sessions.explain("stops").await.unwrap().unwrap();
    assert_eq!(
        explained.to_string(),
        "session \"stops\" is stopping, for 5s at most"
    );
    stop.await.unwrap().unwrap();
    let once = probe.spec().restart(Restart::Temporary);
    sessions.start_session("once", once).await.unwrap();
    let explained = sessions.explain("once").await.unwrap().unwrap();
    assert_eq!(explained.next_failure, Decision::Forget);
    sessions.stop().await.unwrap();
    assert!(sessions.explain("once").await.is_err(), "it is down");
    assert!(sessions.dossier("").await.is_err(), "it is down");
}

/// A restart that times out is in the dossier as one that failed, and leaves the older entries as
/// they are.
#[tokio::test(start_paused = true)]
async fn restarts_that_time_out_are_kept_each_for_itself() {
    let sessions = supervisor(Options::new().without_session_restart_limit()).await;
    let probe = Probe::default();
    let hangs = || probe.script().launch(only_the_first).spec();
    let timeout = Duration::from_millis(10);
    let timed_out = StartFailure::TimedOut { timeout };
    let session = sessions
        .start_session("a", hangs().start_timeout(timeout))
        .await
        .unwrap();
    end(&session, Order::Crash).await;
    tokio::time::sleep(Duration::from_secs(20)).await;
    let dossier = sessions.dossier("a").await.unwrap().unwrap();
    assert_eq!(dossier.exits.len(), 8, "{dossier}");
    assert_eq!(dossier.earlier + 8, dossier.restarts, "{dossier}");
    for exit in &dossier.exits {
        let EventKind::RestartFailed { failure, decision } = &exit.kind else {
            panic!("{dossier}");
        };
        assert_eq!((failure, exit.uptime), (&timed_out, Duration::ZERO));
        assert!(matches!(decision, Decision::Restart { .. }), "{dossier}");
    }
    let last = dossier.exits[7].to_string();
    let text = "failed to restart: timed out after 10ms; restarts in 1s";
    assert_eq!(last, text);
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_restart_by_hand_or_a_trial_that_times_out_is_an_entry_of_its_own() {
    let pause = Duration::from_millis(100);
    let options = Options::new()
        .park_trial(pause, pause)
        .session_restart_limit(0, pause);
    let sessions = supervisor(options).await;
    let probe = Probe::default();
    let hangs = || probe.script().launch(only_the_first).spec();
    let timeout = Duration::from_millis(10);
    for id in ["by hand", "on trial"] {
        let spec = hangs().start_timeout(timeout);
        let session = sessions.start_session(id, spec).await.unwrap();
        if id == "by hand" {
            sessions.restart_session(id).await.unwrap_err();
        } else {
            end(&session, Order::Crash).await;
        }
        tokio::time::sleep(pause * 3).await;
        let dossier = sessions.dossier(id).await.unwrap().unwrap();
        let first = dossier.exits[0].to_string();
        let expected = if id == "by hand" {
            "ended: shutdown; restarts by hand"
        } else {
            "ended abnormally: failed: told to crash; used up 0 restarts"
        };
        assert!(first.starts_with(expected), "{dossier}");
        let failed = "failed to restart: timed out after 10ms; ";
        assert!(dossier.exits.len() > 1, "{dossier}");
        for exit in &dossier.exits[1..] {
            assert!(exit.to_string().starts_with(failed), "{dossier}");
        }
    }
    sessions.stop().await.unwrap();
}

/// What is foretold, told and counted is what happens.
#[tokio::test(start_paused = true)]
async fn with_no_place_for_parked_ones_nobody_is_told_of_a_trial() {
    let window = Duration::from_secs(5);
    let options = Options::new()
        .max_parked(0)
        .session_restart_limit(0, window);
    let sessions = supervisor(options).await;
    let mut events = sessions.subscribe().await.unwrap();
    let probe = Probe::default();
    let session = sessions.start_session("a", probe.spec()).await.unwrap();
    let explained = sessions.explain("a").await.unwrap().unwrap();
    let foretold = explained.next_failure;
    let Decision::Remove(limit) = foretold else {
        panic!("{explained}");
    };
    end(&session, Order::Crash).await;
    let exited = loop {
        let event = events.next().await.unwrap().unwrap();
        if let EventKind::Exited { .. } = event.kind {
            break event;
        }
    };
    assert_eq!(exited.kind.decision(), Some(&foretold));
    let next = events.next().await.unwrap().unwrap();
    assert_eq!(next.kind, EventKind::Gone(EndReason::Limit(limit)));
    assert_eq!(sessions.stats().parks, 0);
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn one_that_has_lived_for_the_window_is_not_explained_to_be_on_trial() {
    let (second, window) = (Duration::from_secs(1), Duration::from_secs(5));
    let options = Options::new()
        .session_restart_limit(0, window)
        .park_trial(second, second);
    let sessions = supervisor(options).await;
    let probe = Probe::default();
    let session = sessions.start_session("a", probe.spec()).await.unwrap();
    end(&session, Order::Crash).await;
    tokio::time::sleep(second).await;
    let on_trial = sessions.explain("a").await.unwrap().unwrap();
    assert!(on_trial.on_trial, "{on_trial}");
    tokio::time::sleep(window).await;
    let healthy = sessions.explain("a").await.unwrap().unwrap();
    assert!(!healthy.on_trial, "{healthy}");
    sessions.stop().await.unwrap();
}

/// The text of an error is the user's, and may come from anywhere.
#[tokio::test(start_paused = true)]
async fn whatever_an_error_says_an_entry_and_an_event_are_one_line_each() {
    let sessions = supervisor(Options::new()).await;
    let mut events = sessions.subscribe().await.unwrap();
    let session = sessions
        .start_session("a", Probe::default().spec())
        .await
        .unwrap();
    let fails = Order::run(|_| async { Err("a\nb \u{1b}[2J \u{9b} \u{202e}".into()) });
    end(&session, fails).await;
    let dossier = sessions.dossier("a").await.unwrap().unwrap();
    let text = dossier.exits[0].to_string();
    let said = "failed: a\\nb \\u{1b}[2J \\u{9b} \\u{202e}; restarts";
    assert!(text.contains(said), "{text}");
    while let Ok(event) = events.try_next() {
        let told = event.to_string();
        assert!(!told.contains(char::is_control), "{told:?}");
        if let EventKind::Exited { .. } = event.kind {
            assert!(told.contains(said), "{told}");
        }
    }
    sessions.stop().await.unwrap();
}

async fn only_the_first(start: StartContext) -> Result<bool, ActorProcessingErr> {
    match start.incarnation {
        1 => Ok(true),
        _ => std::future::pending().await,
    }
}
