//! Callers that go away while what they wait for does not come (D13).

use std::time::Duration;

use session_supervisor::{Backoff, ChildSpec, Shutdown};

use crate::actors::{Order, Worker, died, supervisor, worker};
use crate::lives::{Lives, Row};
use crate::sessions::ask_and_go;

pub(crate) fn rows() -> Vec<Row> {
    vec![
        Row::new(
            "a caller that goes away from a start that hangs",
            from_a_start,
        ),
        Row::new("a caller that goes away from a stop", from_a_stop),
        Row::new("a caller that goes away from a pause", from_a_pause),
    ]
}

/// How many go away in each life, so that lists of all sizes are looked through.
const CALLERS: usize = 50;
const LONG: Duration = Duration::from_secs(3_600);

async fn from_a_start(mut lives: Lives) -> Lives {
    let sessions = supervisor().await;
    let spec = ChildSpec::<Worker>::from_fn(|_| std::future::pending()).start_timeout(LONG);
    ask_and_go(sessions.start_session("a", spec.clone())).await;
    while lives.next().await.is_some() {
        for _ in 0..CALLERS {
            ask_and_go(sessions.ensure_session("a", spec.clone())).await;
            ask_and_go(sessions.start_session("a", spec.clone())).await;
            ask_and_go(sessions.restart_session("a")).await;
            ask_and_go(sessions.list_page(None, 1)).await;
        }
        sessions.count_sessions().await.expect("it is up");
    }
    lives
}

async fn from_a_stop(mut lives: Lives) -> Lives {
    let sessions = supervisor().await;
    let spec = worker().shutdown(Shutdown::Infinity);
    let session = sessions.start_session("a", spec.clone()).await;
    let hangs = Order::run(|_| std::future::pending());
    session.expect("starts").cast(hangs).expect("it runs");
    while lives.next().await.is_some() {
        for _ in 0..CALLERS {
            ask_and_go(sessions.stop_session("a")).await;
            ask_and_go(sessions.start_session("a", spec.clone())).await;
            ask_and_go(sessions.restart_session("a")).await;
            ask_and_go(sessions.wait_end("a")).await;
        }
        sessions.count_sessions().await.expect("it is up");
    }
    sessions.stop_within(Duration::ZERO).await.expect("it ends");
    lives
}

async fn from_a_pause(mut lives: Lives) -> Lives {
    let sessions = supervisor().await;
    let spec = worker().backoff(Backoff::exponential(LONG, LONG));
    let session = sessions.start_session("a", spec.clone()).await;
    let session = session.expect("starts");
    session.cast(Order::crash()).expect("it runs");
    died(&session.get_cell()).await;
    while lives.next().await.is_some() {
        for _ in 0..CALLERS {
            ask_and_go(sessions.ensure_session("a", spec.clone())).await;
            ask_and_go(sessions.start_session("a", spec.clone())).await;
            ask_and_go(sessions.await_session::<Order>("a")).await;
        }
        sessions.count_sessions().await.expect("it is up");
    }
    lives
}
