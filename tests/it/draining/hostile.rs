//! Sessions that misbehave while their supervisor drains.

use std::sync::{Arc, Mutex, mpsc};

use session_supervisor::{Drain, DrainOutcome, Options, Shutdown};

use super::{LONG, SECOND, outcomes, over, start_all};
use crate::support::{Order, Probe, answered, ask_and_go, supervisor};

/// One whose `post_stop` panics, fails or hangs affects no other.
#[tokio::test(start_paused = true)]
async fn a_post_stop_that_panics_fails_or_hangs() {
    for at_most in [1, 2, 100] {
        let sessions = supervisor(Options::new()).await;
        let probe = Probe::default();
        let script = || probe.script();
        let panics = script().post_stop(|_, _| async { panic!("in its post_stop") });
        let fails = script().post_stop(|_, _| async { Err("no disk".into()) });
        let hangs = script().post_stop(|_, _| std::future::pending());
        start_all(&sessions, &["panics"], panics.spec()).await;
        start_all(&sessions, &["fails"], fails.spec()).await;
        let hangs = hangs.spec().shutdown(Shutdown::Timeout(3 * SECOND));
        start_all(&sessions, &["hangs"], hangs).await;
        start_all(&sessions, &["a", "b"], probe.slow_to_stop(SECOND)).await;
        let drain = sessions.drain(Drain::within(LONG).at_most(at_most));
        let report = answered("the drain", drain).await.unwrap();
        let found = outcomes(&report);
        assert_eq!(found["panics"], (DrainOutcome::Failed, 0));
        assert_eq!(found["fails"], (DrainOutcome::Failed, 0));
        assert_eq!(found["hangs"], (DrainOutcome::Killed, 3));
        assert_eq!(found["a"], (DrainOutcome::Stopped, 1));
        assert_eq!(found["b"], (DrainOutcome::Stopped, 1));
        assert_eq!(probe.alive(), 0);
    }
}

/// A message that panics while the mailbox is emptied ends the session; those behind it are lost with
/// it, as always.
#[tokio::test(start_paused = true)]
async fn a_message_that_panics_meanwhile() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    start_all(&sessions, &["a", "b"], probe.spec()).await;
    let a = sessions.find_session_as::<Order>("a").unwrap();
    let slow = Order::run(|_| async {
        tokio::time::sleep(SECOND).await;
        Ok(())
    });
    a.cast(slow).unwrap();
    a.cast(Order::Panic).unwrap();
    let drain = sessions.drain(Drain::within(LONG).at_most(1));
    let report = answered("the drain", drain).await.unwrap();
    let found = outcomes(&report);
    assert_eq!(found["a"], (DrainOutcome::Failed, 1));
    assert_eq!(found["b"], (DrainOutcome::Stopped, 0));
}

/// It asks again and again and goes away without the answer, and one asks for all that there is.
#[tokio::test(start_paused = true)]
async fn sessions_that_ask_without_end() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let asking = sessions.clone();
    let greedy = probe.script().post_stop(move |start, _| {
        let sessions = asking.clone();
        async move {
            let id = start.key().to_owned();
            for n in 0..200 {
                ask_and_go(sessions.ask_for_time(&id, n * SECOND)).await;
                let time = sessions.ask_for_time(&id, std::time::Duration::MAX).await?;
                assert!(time <= 65 * SECOND, "{time:?}");
            }
            std::future::pending().await
        }
    });
    start_all(&sessions, &["a", "b"], greedy.spec()).await;
    let drain = Drain::within(60 * SECOND).extend_up_to(60 * SECOND);
    let report = over(sessions.drain(drain)).await.unwrap();
    let found = outcomes(&report);
    assert!(
        found.values().all(|end| *end == (DrainOutcome::Killed, 65)),
        "{found:?}"
    );
}

/// One that blocks its thread is stuck, and then no other waits for its turn any more.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_post_stop_that_blocks_its_thread() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let (release, blocked) = mpsc::channel::<()>();
    let blocked = Arc::new(Mutex::new(blocked));
    let script = probe.script().post_stop(move |_, _| {
        let blocked = Arc::clone(&blocked);
        async move {
            blocked.lock().unwrap().recv().ok();
            Ok(())
        }
    });
    let blocks = script.spec().shutdown(Shutdown::Timeout(SECOND / 10));
    start_all(&sessions, &["blocks"], blocks).await;
    start_all(&sessions, &["a", "b"], probe.spec()).await;
    let drain = sessions.drain(Drain::within(60 * SECOND).at_most(1));
    let report = answered("the drain", drain).await.unwrap();
    drop(release);
    let found = outcomes(&report);
    assert_eq!(found["blocks"].0, DrainOutcome::Stuck);
    assert_eq!(
        (found["a"].0, found["b"].0),
        (DrainOutcome::Stopped, DrainOutcome::Stopped)
    );
    assert_eq!(report.summary.stuck, 1);
}
