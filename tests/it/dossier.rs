//! What is known of a session's past, and what would follow if it failed now (D33). The engine's own
//! tests have the rules with their times: `tests/sim/sessions/foretold.rs`.

use std::time::Duration;

use session_supervisor::{
    Backoff, Decision, EventKind, Options, Restart, SessionState, StartFailure,
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
