//! Many callers at once, on one thread and on several.

use std::time::Duration;

use session_supervisor::error::{AwaitError, CallError, ErrorKind, NotTaken};
use session_supervisor::{Ensured, Options};
use tokio::task::JoinSet;

use crate::support::{Order, Probe, answered, supervisor};

const CALLERS: usize = 1_000;
const IDS: usize = 10;

/// A thousand that ensure ten ids, half of which give up on the way: ten starts.
async fn a_thousand_ensure_ten() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let mut callers = JoinSet::new();
    for n in 0..CALLERS {
        let call = sessions.ensure_session(&format!("s{}", n % IDS), probe.spec());
        callers.spawn(async move {
            if n / IDS % 2 == 1 {
                drop(tokio::time::timeout(Duration::ZERO, call).await);
                return None;
            }
            Some(call.await.unwrap())
        });
    }
    let mut created = 0;
    while let Some(answer) = callers.join_next().await {
        if let Some(Ensured::Created(_)) = answer.unwrap() {
            created += 1;
        }
    }
    assert_eq!(probe.starts(), IDS);
    assert!(created <= IDS);
    sessions.stop().await.unwrap();
}

/// Sessions that are started, stopped and restarted, while others wait for them and send to them.
async fn whatever_is_done_at_once_everybody_is_answered() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let mut callers = JoinSet::new();
    for n in 0..60 {
        let (sessions, probe) = (sessions.clone(), probe.clone());
        callers.spawn(async move {
            let id = format!("s{}", n % 3);
            for round in 0..30 {
                match (n + round) % 6 {
                    0 => drop(sessions.ensure_session(&id, probe.spec()).await),
                    1 => drop(sessions.stop_session(&id).await),
                    2 => drop(sessions.restart_session(&id).await),
                    3 => {
                        let awaited = sessions.await_session::<Order>(&id).await;
                        assert!(matches!(awaited, Ok(_) | Err(AwaitError::NotFound)));
                    }
                    4 => {
                        let address = sessions.session_ref::<Order>(&id).unwrap();
                        let address = address.or_start(probe.spec());
                        let minute = Duration::from_secs(60);
                        let echo = |reply| Order::Echo(7, reply);
                        match address.call_again(echo, minute).await {
                            Ok(echoed) => assert_eq!(echoed, 7),
                            // A stop came while it waited for its start, or each of its starts
                            // was stopped before it took the message; that may be after one that
                            // took it and was stopped before it answered.
                            Err(
                                CallError::NotTaken(NotTaken::KeepsEnding)
                                | CallError::NotTakenAgain(NotTaken::KeepsEnding),
                            ) => {}
                            Err(error) => assert_eq!(error.kind(), ErrorKind::Stopped),
                        }
                    }
                    _ => {
                        let gone = sessions.wait_end(&id);
                        drop(tokio::time::timeout(Duration::ZERO, gone).await);
                    }
                }
            }
        });
    }
    while let Some(done) = answered("all of them", callers.join_next()).await {
        done.unwrap();
    }
    sessions.stop().await.unwrap();
    assert_eq!(probe.alive(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_thousand_callers_that_ensure_ten_ids_make_ten_starts() {
    a_thousand_ensure_ten().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_callers_that_ensure_ten_ids_make_ten_starts_on_several_threads() {
    a_thousand_ensure_ten().await;
}

#[tokio::test(start_paused = true)]
async fn those_who_wait_and_send_are_all_answered() {
    whatever_is_done_at_once_everybody_is_answered().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_who_wait_and_send_are_all_answered_on_several_threads() {
    whatever_is_done_at_once_everybody_is_answered().await;
}
