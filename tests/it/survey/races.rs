//! Trees that are asked for while what they show comes and goes.

use std::time::Duration;

use session_supervisor::{
    ChildSpec, Options, SessionSupervisor, Supervisor, Tree, TreeKind, TreeSpec, Unseen,
};
use tokio::runtime::Builder;
use tokio::task::JoinSet;

use super::all;
use crate::support::{Probe, supervisor};

/// What holds of each tree, whatever happens meanwhile.
fn check(tree: &Tree) {
    for tree in all(tree) {
        let known = tree.counts.is_some();
        match tree.kind {
            TreeKind::Actor => {
                assert!(tree.children.is_empty() && !known, "{tree}");
                assert!(tree.unseen.is_none() && tree.supervisor.is_none(), "{tree}");
            }
            _ => {
                assert_ne!(known, tree.unseen.is_some(), "{tree}");
                assert!(
                    known || tree.children.is_empty() && tree.more == 0,
                    "{tree}"
                );
                assert!(tree.supervisor.is_some(), "{tree}");
            }
        }
        assert!(tree.children.len() <= Tree::WIDEST, "{tree}");
        assert!(!matches!(tree.unseen, Some(Unseen::LeftOut)), "{tree}");
    }
    let lines = tree.to_string().lines().count();
    let more = all(tree).iter().filter(|tree| tree.more > 0).count();
    assert_eq!(lines, all(tree).len() + more);
}

fn nested(probe: &Probe) -> ChildSpec<Supervisor> {
    let worker = probe.spec();
    ChildSpec::tree(move |_| {
        let inner = TreeSpec::one_for_one().child("leaf", worker.clone());
        TreeSpec::one_for_one()
            .child("below", Supervisor::child_spec(inner))
            .child("worker", worker.clone())
    })
}

/// Starts, stops and kills a few sessions, over and over.
async fn stir(sessions: SessionSupervisor, probe: Probe, mine: usize) {
    for round in 0..30 {
        let id = format!("{mine}-{}", round % 3);
        drop(sessions.start_session(&id, nested(&probe)).await);
        if round % 4 == mine % 4 {
            if let Some(session) = sessions.find_session(&id) {
                session.kill();
            }
        } else if round % 2 == 0 {
            drop(sessions.stop_session(&id).await);
        }
        tokio::task::yield_now().await;
    }
}

async fn race() {
    let probe = Probe::default();
    let sessions = supervisor(Options::new()).await;
    let mut tasks = JoinSet::new();
    for mine in 0..4 {
        tasks.spawn(stir(sessions.clone(), probe.clone(), mine));
    }
    for _ in 0..8 {
        let sessions = sessions.clone();
        tasks.spawn(async move {
            // Until the supervisor is down.
            while let Ok(tree) = sessions.tree().await {
                check(&tree);
                tokio::task::yield_now().await;
            }
        });
    }
    for _ in 0..4 {
        tasks.join_next().await.unwrap().unwrap();
    }
    let report = sessions.stop_within(Duration::from_secs(60)).await.unwrap();
    assert_eq!(report.stuck, 0);
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
}

#[test]
fn trees_are_sound_while_sessions_come_and_go_on_one_thread() {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(race());
}

#[test]
fn trees_are_sound_while_sessions_come_and_go_on_several_threads() {
    let runtime = Builder::new_multi_thread()
        .worker_threads(4)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(race());
}
