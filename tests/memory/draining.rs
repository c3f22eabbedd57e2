//! Supervisors that drain, whatever becomes of the drain.

use std::time::Duration;

use session_supervisor::{Drain, SessionSupervisor};

use crate::actors::{died, supervisor, worker};
use crate::lives::{Lives, Row};

pub(crate) fn rows() -> Vec<Row> {
    vec![
        Row::new("a supervisor that drains, and its report", |lives| {
            drained(lives, Then::Report)
        }),
        Row::new("a drain that is followed", |lives| {
            drained(lives, Then::Progress)
        }),
        Row::new("drains that are not waited for", |lives| {
            drained(lives, Then::Nothing)
        }),
        Row::new("a drain that becomes a stop", |lives| {
            drained(lives, Then::Stop)
        }),
        Row::new("a drain that is killed", |lives| drained(lives, Then::Kill)),
        Row::new("sessions that ask for time in vain", in_vain),
    ]
    .into_iter()
    .map(Row::with_new_names)
    .collect()
}

const LONG: Duration = Duration::from_secs(3_600);

/// What becomes of a drain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    Report,
    Progress,
    Nothing,
    Stop,
    Kill,
}

async fn poll_once<F: Future>(future: F) {
    tokio::select! {
        biased;
        _ = future => {}
        () = std::future::ready(()) => {}
    }
}

async fn start_some(sessions: &SessionSupervisor) {
    for n in 0..10 {
        let start = sessions.start_session(&n.to_string(), worker()).await;
        drop(start.expect("starts"));
    }
}

async fn drained(mut lives: Lives, then: Then) -> Lives {
    while lives.next().await.is_some() {
        let sessions = supervisor().await;
        start_some(&sessions).await;
        let root = sessions.get_cell();
        let order = Drain::within(LONG).at_most(2).extend_up_to(LONG);
        let mut drain = sessions.drain(order.clone());
        match then {
            Then::Report => drop(drain.await.expect("it drains")),
            Then::Progress => {
                let mut other = sessions.drain(order);
                while drain.progress().await.is_some() {
                    poll_once(other.progress()).await;
                    sessions.ask_for_time("3", LONG).await.ok();
                }
                drop(drain.await.expect("it drains"));
            }
            Then::Nothing => {
                poll_once(drain.progress()).await;
                drop(drain);
                for _ in 0..5 {
                    poll_once(sessions.drain(order.clone())).await;
                }
            }
            Then::Stop => {
                poll_once(&mut drain).await;
                sessions.stop().await.ok();
                drop(drain.await);
            }
            Then::Kill => {
                poll_once(&mut drain).await;
                root.kill();
                drop(drain.await);
            }
        }
        died(&root).await;
    }
    lives
}

async fn in_vain(mut lives: Lives) -> Lives {
    let sessions = supervisor().await;
    start_some(&sessions).await;
    while lives.next().await.is_some() {
        for id in ["3", "unknown"] {
            sessions.ask_for_time(id, LONG).await.expect_err("no drain");
            poll_once(sessions.ask_for_time(id, LONG)).await;
        }
        drop(sessions.drain(Drain::within(LONG)));
        sessions.count_sessions().await.expect("it is up");
    }
    lives
}
