//! What a program needs to act on an answer: every type of the public interface has a public name, and
//! a program learns from any node where an id belongs.

use std::time::Duration;

use session_supervisor::ChildSpec;
use session_supervisor_cluster::error::{
    AskError, JoinError, Outcome, RefusalKind, RequestError, Retry,
};
use session_supervisor_cluster::{
    ClusterOptions, ClusterSupervisor, Found, Kinds, PeerState, PeerStatus, Standing, StartedHow,
};
use session_supervisor_store::MemoryStore;

#[path = "support/etcd.rs"]
#[expect(dead_code, reason = "other tests use the rest of it")]
mod etcd;
#[path = "support/wait.rs"]
#[expect(dead_code, reason = "other tests use the rest of it")]
mod wait;

/// As an HTTP handler would answer it.
fn http_status(error: &RequestError) -> u16 {
    match error {
        RequestError::Refused { refusal, .. } => match (refusal.kind, refusal.retry) {
            (RefusalKind::NotFound, _) => 404,
            (RefusalKind::AlreadyRuns, _) => 409,
            (RefusalKind::BadId | RefusalKind::BadArguments, _) => 400,
            (_, Retry::AfterMs(_)) => 503,
            _ => 500,
        },
        RequestError::Unanswered {
            cause: AskError::TimedOut { .. },
            ..
        } => 504,
        _ if error.outcome() == Outcome::NotSent => 503,
        _ => 500,
    }
}

async fn join(
    etcd: &etcd::Cluster,
    cluster: &str,
    name: &str,
) -> Result<ClusterSupervisor, JoinError> {
    let kinds = Kinds::new().without_messages("task", |(): (), _seat| {
        ChildSpec::task(|_start, stop| async move {
            stop.requested().await;
            Ok(())
        })
    });
    let options = ClusterOptions::new(cluster, name, "a cookie")
        .etcd(etcd.endpoints())
        .request_timeout(Duration::from_secs(60))
        .shards(8);
    ClusterSupervisor::join(options, kinds, MemoryStore::new()).await
}

#[tokio::test]
async fn a_program_learns_where_an_id_belongs_and_why_something_was_refused() {
    let Some(etcd) = etcd::Cluster::start(1) else {
        return;
    };
    let one = join(&etcd, "public", "one").await.expect("it joins");
    wait::until(&one, |status| status.unowned == 0).await;
    for number in 0..32 {
        let id = format!("session-{number}");
        let started = one.start_session(&id, "task", &()).await.expect("a start");
        assert_eq!(started.how, StartedHow::Created);
    }
    let page = one.list(None, 100).await;
    assert_eq!(page.sessions.len(), 32);
    for (node, row) in &page.sessions {
        let owner = one.owner_of(&row.id).expect("it is owned");
        assert_eq!(&owner.node, node, "{}", row.id);
        assert_eq!(owner.epoch.number(), row.found.epoch, "{}", row.id);
    }
    let found: Option<Found> = one.find("session-0").await.expect("an answer");
    assert_eq!(found.expect("it runs").kind, "task");
    let again = one.start_session("session-0", "task", &()).await;
    assert_eq!(http_status(&again.expect_err("it runs")), 409);
    let none = one.stop_session("nothing").await.expect_err("it is not");
    assert_eq!(http_status(&none), 404);
    let status = one.status();
    assert_eq!(status.standing, Some(Standing::Serving));
    let up = |peer: &PeerStatus| peer.state == PeerState::Up;
    assert!(!status.peers.iter().any(up), "it is alone");
    one.leave().await;
    assert_eq!(http_status(&one.find("a").await.expect_err("left")), 503);
    assert_eq!(one.owner_of("session-0"), None);
    let status = one.status().to_string();
    assert!(status.starts_with("one: left, without a lease"), "{status}");
}
