//! What happens when several ask for one id at once, or while it is ending.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use session_supervisor::error::StartError;
use session_supervisor::{Exit, Options};

use super::layer::ids;
use super::ways::{HOUR, crash, info, ms};
use crate::support::{Order, Probe, asked, end, supervisor};

/// Rows of this theme without a test, and why.
pub(super) const NOT_HERE: &[(u16, &str)] = &[];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_171_of_many_concurrent_starts_of_one_id_exactly_one_wins() {
    let sessions = supervisor(Options::new().max_sessions(1)).await;
    let probe = Probe::default();
    for round in 0..1_000 {
        let same = round % 2 == 0;
        let mut starts = tokio::task::JoinSet::new();
        for n in 0..64 {
            let id = if same {
                "a".to_owned()
            } else {
                format!("s{n}")
            };
            starts.spawn(sessions.start_session(&id, probe.spec()));
        }
        let mut won = Vec::new();
        while let Some(answer) = starts.join_next().await {
            match answer.unwrap() {
                Ok(session) => won.push(session),
                Err(StartError::AlreadyStarted { .. }) if same => {}
                Err(StartError::MaxSessions { max: 1 }) if !same => {}
                Err(other) => panic!("{other:?}"),
            }
        }
        assert_eq!(won.len(), 1);
        assert_eq!(probe.starts(), round + 1);
        let id = ids(&sessions).await.remove(0);
        sessions.stop_session(&id).await.unwrap();
    }
    sessions.stop().await.unwrap();
}

/// A session that notes when two of its lives overlap.
fn alone(probe: &Probe) -> crate::support::Script {
    let lives = Arc::new(AtomicUsize::new(0));
    let ending = Arc::clone(&lives);
    let script = probe.script().pre_start(move |_, _| {
        let others = lives.fetch_add(1, Ordering::SeqCst);
        async move {
            if others == 0 {
                Ok(())
            } else {
                Err("two lives".into())
            }
        }
    });
    script
        .post_stop(|_, _| async {
            tokio::time::sleep(ms(300)).await;
            Ok(())
        })
        .on_drop(move |_| {
            ending.fetch_sub(1, Ordering::SeqCst);
        })
}

#[tokio::test(start_paused = true)]
async fn row_172_a_start_waits_for_the_end_of_the_one_before() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let script = alone(&probe);
    let first = sessions
        .start_session("a", script.clone().spec())
        .await
        .unwrap();
    let began = tokio::time::Instant::now();
    let stop = asked(sessions.stop_session("a")).await;
    let second = sessions
        .start_session("a", script.spec())
        .await
        .expect("it waited");
    assert_eq!(began.elapsed(), ms(300));
    assert_ne!(second.get_id(), first.get_id());
    assert_eq!(stop.await.unwrap(), Ok(Exit::Shutdown));
    sessions.stop().await.unwrap();
    assert_eq!((probe.starts(), probe.alive()), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn row_190_queued_starts_are_decided_in_the_order_they_came() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    sessions
        .start_session("a", alone(&probe).spec())
        .await
        .unwrap();
    let stop = asked(sessions.stop_session("a")).await;
    let (fails, second, third) = (Probe::default(), Probe::default(), Probe::default());
    let failing = fails
        .script()
        .launch(|_| async { Err("told to fail".into()) });
    let first = asked(sessions.start_session("a", failing.spec())).await;
    let next = asked(sessions.start_session("a", second.spec())).await;
    let last = asked(sessions.start_session("a", third.spec())).await;
    stop.await.unwrap().unwrap();
    let first = first.await.unwrap();
    assert!(matches!(first, Err(StartError::Failed { .. })), "{first:?}");
    let running = next.await.unwrap().expect("its own spec");
    let last = last.await.unwrap();
    let Err(StartError::AlreadyStarted { cell, .. }) = last else {
        panic!("{last:?}");
    };
    assert_eq!(cell.get_id(), running.get_id());
    assert_eq!((fails.starts(), second.starts(), third.starts()), (1, 1, 0));
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn row_191_a_stop_answers_the_starts_before_it_and_not_those_after() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    sessions
        .start_session("a", alone(&probe).spec())
        .await
        .unwrap();
    let (before, after) = (Probe::default(), Probe::default());
    let first_stop = asked(sessions.stop_session("a")).await;
    let early = asked(sessions.start_session("a", before.spec())).await;
    let second_stop = asked(sessions.stop_session("a")).await;
    let late = asked(sessions.start_session("a", after.spec())).await;
    let early = early.await.unwrap();
    assert!(matches!(early, Err(StartError::Stopped)), "{early:?}");
    assert_eq!(first_stop.await.unwrap(), Ok(Exit::Shutdown));
    assert_eq!(second_stop.await.unwrap(), Ok(Exit::Shutdown));
    late.await.unwrap().expect("it begins anew");
    assert_eq!((before.starts(), after.starts()), (0, 1));
    sessions.stop_session("a").await.unwrap();

    let pause = session_supervisor::Backoff::constant(HOUR);
    sessions
        .start_session("b", probe.spec().backoff(pause))
        .await
        .unwrap();
    crash(&sessions, "b").await;
    let early = asked(sessions.start_session("b", before.spec())).await;
    assert_eq!(sessions.stop_session("b").await, Ok(Exit::NotRunning));
    assert!(matches!(early.await.unwrap(), Err(StartError::Stopped)));
    assert_eq!(before.starts(), 0);
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn row_192_starts_behind_a_session_that_is_parked_are_told_so() {
    let sessions = supervisor(Options::new()).await;
    let (probe, queued) = (Probe::default(), Probe::default());
    let once = probe.script().launch(|start| async move {
        match start.incarnation {
            1 => Ok(true),
            _ => Err("told to fail".into()),
        }
    });
    let session = sessions.start_session("a", once.spec()).await.unwrap();
    end(&session, Order::Crash).await;
    let mut starts = Vec::new();
    for _ in 0..3 {
        starts.push(asked(sessions.start_session("a", queued.spec())).await);
    }
    for start in starts {
        let answer = start.await.unwrap();
        assert!(matches!(answer, Err(StartError::Parked)), "{answer:?}");
    }
    assert_eq!((probe.starts(), queued.starts()), (4, 0));
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn row_193_a_start_waits_for_a_session_that_ends_by_itself() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let script = alone(&probe);
    let first = sessions
        .start_session("a", script.clone().spec())
        .await
        .unwrap();
    first.stop(None);
    let began = tokio::time::Instant::now();
    let second = sessions
        .start_session("a", script.spec())
        .await
        .expect("it waited");
    assert_eq!(began.elapsed(), ms(300));
    assert_ne!(second.get_id(), first.get_id());
    assert_eq!(info(&sessions, "a").await.incarnation, 1);
    sessions.stop().await.unwrap();
}
