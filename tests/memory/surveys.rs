//! Trees that are asked for: of sessions that come and go, and by callers that go away.

use session_supervisor::{ChildSpec, Supervisor, TreeSpec};

use crate::actors::{id, supervisor, worker};
use crate::lives::{Lives, Row};

pub(crate) fn rows() -> Vec<Row> {
    vec![
        Row::new("a tree of sessions that live on", of_those_that_live),
        Row::new("a tree with a session that ends then", of_one_that_ends),
        Row::new("a caller that asks for a tree and goes away", given_up),
    ]
}

fn nested() -> ChildSpec<Supervisor> {
    ChildSpec::tree(|_| TreeSpec::one_for_one().child("child", worker()))
}

async fn of_those_that_live(mut lives: Lives) -> Lives {
    let sessions = supervisor().await;
    for n in 0..5 {
        let start = sessions.start_session(&id(n), nested()).await;
        drop(start.expect("starts"));
    }
    while lives.next().await.is_some() {
        let tree = sessions.tree().await.expect("it is up");
        assert_eq!(tree.children.len(), 5);
    }
    lives
}

async fn of_one_that_ends(mut lives: Lives) -> Lives {
    let sessions = supervisor().await;
    while let Some(n) = lives.next().await {
        let start = sessions.start_session(&id(n), nested()).await;
        drop(start.expect("starts"));
        let tree = sessions.tree().await.expect("it is up");
        sessions.stop_session(&id(n)).await.expect("stops");
        assert_eq!(tree.children.len(), 1);
    }
    lives
}

async fn given_up(mut lives: Lives) -> Lives {
    let sessions = supervisor().await;
    let start = sessions.start_session(&id(0), nested()).await;
    drop(start.expect("starts"));
    while lives.next().await.is_some() {
        let mut call = Box::pin(sessions.tree());
        tokio::select! {
            biased;
            tree = &mut call => drop(tree),
            () = tokio::task::yield_now() => {}
        }
        drop(call);
        sessions.count_sessions().await.expect("it is up");
    }
    lives
}
