//! Sessions that end by themselves since they are idle or have lived for long enough, and leases.

use std::time::Duration;

use session_supervisor::error::{LeaseError, StopError};
use session_supervisor::{ChildSpec, Exit};

use crate::actors::{Order, Worker, died, id, supervisor, worker};
use crate::lives::{Lives, Row};

pub(crate) fn rows() -> Vec<Row> {
    vec![
        Row::new("a session that is idle and ends", |lives| {
            expired(lives, worker().idle_timeout(TICK))
        }),
        Row::new("a session whose lifetime is over", |lives| {
            expired(lives, worker().max_lifetime(TICK))
        }),
        Row::new("a session that is leased and stopped", leased),
        Row::new("leases of a session that lives on", returned),
        Row::new("leases that are refused or not waited for", in_vain),
    ]
}

const TICK: Duration = Duration::from_millis(1);
const LONG: Duration = Duration::from_secs(3_600 * 10_000);

async fn expired(mut lives: Lives, spec: ChildSpec<Worker>) -> Lives {
    let sessions = supervisor().await;
    while let Some(n) = lives.next().await {
        let id = id(n);
        let session = sessions.start_session(&id, spec.clone()).await;
        let session = session.expect("starts");
        // It may have ended by now.
        drop(session.cast(Order::run(|_| async { Ok(()) })));
        died(&session.get_cell()).await;
        // It waits for the release.
        let stop = sessions.stop_session(&id).await;
        let gone = matches!(stop, Ok(Exit::Shutdown) | Err(StopError::NotFound));
        assert!(gone, "{stop:?}");
    }
    lives
}

async fn leased(mut lives: Lives) -> Lives {
    let sessions = supervisor().await;
    let spec = worker().idle_timeout(LONG);
    while let Some(n) = lives.next().await {
        let id = id(n);
        let start = sessions.start_session(&id, spec.clone()).await;
        drop(start.expect("starts"));
        let one = sessions.lease(&id).await.expect("it runs");
        let two = sessions.lease(&id).await.expect("it runs");
        drop(one);
        sessions.stop_session(&id).await.expect("stops");
        drop(two);
    }
    lives
}

async fn returned(mut lives: Lives) -> Lives {
    let sessions = supervisor().await;
    let spec = worker().idle_timeout(LONG);
    for n in 0..5 {
        let start = sessions.start_session(&id(n), spec.clone()).await;
        drop(start.expect("starts"));
    }
    while let Some(n) = lives.next().await {
        let mut leases = Vec::new();
        for _ in 0..20 {
            leases.push(sessions.lease(&id(n)).await.expect("it runs"));
        }
        drop(leases);
        // It is handled after those drops.
        sessions.count_sessions().await.expect("it is up");
    }
    lives
}

async fn in_vain(mut lives: Lives) -> Lives {
    let sessions = supervisor().await;
    let start = sessions.start_session("here", worker()).await;
    drop(start.expect("starts"));
    while lives.next().await.is_some() {
        let refused = sessions.lease("elsewhere").await;
        assert_eq!(refused.err(), Some(LeaseError::NotFound));
        let mut lease = Box::pin(sessions.lease("here"));
        tokio::select! {
            biased;
            _ = &mut lease => {}
            () = std::future::ready(()) => {}
        }
        drop(lease);
        sessions.count_sessions().await.expect("it is up");
    }
    lives
}
