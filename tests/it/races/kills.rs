//! A kill that races with a session on another thread: the session never gets so far as to run its
//! `post_stop`, however idle it is when the kill comes.

use session_supervisor::{Exit, Options, Shutdown};
use tokio::task::JoinSet;

use crate::support::{Probe, supervisor};

/// The mailbox of a session that is killed is closed too, in which ractor sees a drain. What is
/// drained runs its `post_stop`, so the kill has to come first.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_session_that_is_killed_at_once_never_runs_its_post_stop() {
    const OWNERS: usize = 3;
    const TIMES: usize = 3_000;
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let mut owners = JoinSet::new();
    for owner in 0..OWNERS {
        let (sessions, probe) = (sessions.clone(), probe.clone());
        owners.spawn(async move {
            let id = format!("s{owner}");
            for _ in 0..TIMES {
                let spec = probe.spec().shutdown(Shutdown::BrutalKill);
                sessions.start_session(&id, spec).await.unwrap();
                assert_eq!(sessions.stop_session(&id).await, Ok(Exit::Killed));
            }
        });
    }
    while let Some(owner) = owners.join_next().await {
        owner.unwrap();
    }
    assert_eq!(probe.stops(), 0);
    sessions.stop().await.unwrap();
}
