//! Sessions whose incarnations have spans, since a subscriber wants them. These rows come last: what
//! a subscriber changes for the whole process stays.

use session_supervisor::{ChildSpec, SessionSupervisor, TreeSpec};

use crate::actors::{Order, Worker, died, id, supervisor, worker};
use crate::lives::{Lives, Row};
use crate::used::OnlySpans;

pub(crate) fn rows() -> Vec<Row> {
    vec![
        Row::new("a session with a span that is stopped", |lives| {
            ended(lives, End::Stop)
        }),
        Row::new("a session with a span that is killed", |lives| {
            ended(lives, End::Kill)
        }),
        Row::new("a start with a span that fails", failed),
        Row::new("a tree whose child has a span", tree),
    ]
}

/// A supervisor whose subscriber that is.
async fn with_spans() -> SessionSupervisor {
    let _listens = tracing::subscriber::set_default(OnlySpans::default());
    supervisor().await
}

#[derive(Clone, Copy)]
enum End {
    Stop,
    Kill,
}

async fn ended(mut lives: Lives, end: End) -> Lives {
    let sessions = with_spans().await;
    while let Some(n) = lives.next().await {
        let id = id(n);
        let session = sessions.start_session(&id, worker()).await.expect("starts");
        drop(session.cast(Order::run(|_| async { Ok(()) })));
        if let End::Kill = end {
            session.kill();
            died(&session.get_cell()).await;
        }
        drop(sessions.stop_session(&id).await);
    }
    lives
}

async fn failed(mut lives: Lives) -> Lives {
    let sessions = with_spans().await;
    let fails = ChildSpec::<Worker>::from_fn(|_| async { Err("it does not start".into()) });
    while let Some(n) = lives.next().await {
        let start = sessions.start_session(&id(n), fails.clone()).await;
        assert!(start.is_err());
    }
    lives
}

async fn tree(mut lives: Lives) -> Lives {
    let sessions = with_spans().await;
    let tree = ChildSpec::tree(|_| TreeSpec::one_for_one().child("child", worker()));
    while let Some(n) = lives.next().await {
        let start = sessions.start_session(&id(n), tree.clone()).await;
        drop(start.expect("starts"));
        sessions.stop_session(&id(n)).await.expect("stops");
    }
    lives
}
