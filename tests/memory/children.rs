//! Sessions that are trees, and supervisors that are children.

use ractor::ActorCell;
use session_supervisor::{
    Backoff, ChildSpec, Ensured, Exit, Options, Restart, SessionSupervisor, Supervisor, TreeSpec,
};

use crate::actors::{Order, died, id, supervisor, worker};
use crate::lives::{Lives, Row};

pub(crate) fn rows() -> Vec<Row> {
    vec![
        Row::new("a tree without children", |lives| stopped(lives, tree(0))),
        Row::new("a tree with one child", |lives| stopped(lives, tree(1))),
        Row::new("a tree with three children", |lives| {
            stopped(lives, tree(3))
        }),
        Row::new("a tree of trees of trees", |lives| stopped(lives, nested())).with_new_names(),
        Row::new("a tree that is killed and restarted", |lives| {
            ended_and_restarted(lives, tree(2), How::Kill)
        }),
        Row::new("a tree of trees that is killed and restarted", |lives| {
            ended_and_restarted(lives, nested(), How::Kill)
        }),
        Row::new("a tree that uses up its limit and is restarted", |lives| {
            ended_and_restarted(lives, without_restarts(), How::CrashOfAChild)
        }),
        Row::new("a tree that is restarted by hand", |lives| {
            ended_and_restarted(lives, tree(2), How::ByHand)
        }),
        Row::new("a tree whose child crashes and is restarted", child_crashes),
        Row::new(
            "children that are added to a tree and removed",
            added_and_removed,
        ),
        Row::new("trees that are children of a supervisor", tree_as_child),
        Row::new("session supervisors that are children", sessions_as_child).with_new_names(),
        Row::new(
            "session supervisors that are killed as children",
            sessions_killed_as_child,
        ),
    ]
}

/// A tree of so many children.
pub(crate) fn tree(children: usize) -> ChildSpec<Supervisor> {
    ChildSpec::tree(move |_| {
        let roles = (0..children).map(|n| format!("child {n}"));
        roles.fold(TreeSpec::one_for_all(), |tree, role| {
            tree.child(role, worker())
        })
    })
}

fn nested() -> ChildSpec<Supervisor> {
    let inner = |_| TreeSpec::one_for_one().child("leaf", worker());
    let middle = move |_| {
        TreeSpec::one_for_one()
            .child("inner", ChildSpec::tree(inner))
            .child("leaf", worker())
    };
    ChildSpec::tree(move |_| TreeSpec::one_for_one().child("middle", ChildSpec::tree(middle)))
}

fn without_restarts() -> ChildSpec<Supervisor> {
    ChildSpec::tree(|_| {
        TreeSpec::one_for_one()
            .child("child 0", worker())
            .child("child 1", worker())
            .restart_limit(0, std::time::Duration::from_secs(5))
    })
}

async fn stopped(mut lives: Lives, spec: ChildSpec<Supervisor>) -> Lives {
    let sessions = supervisor().await;
    while let Some(n) = lives.next().await {
        let id = id(n);
        let start = sessions.start_session(&id, spec.clone()).await;
        drop(start.expect("starts"));
        assert_eq!(sessions.stop_session(&id).await, Ok(Exit::Shutdown));
    }
    lives
}

/// How a life is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    Stop,
    Kill,
    CrashOfAChild,
    ByHand,
}

/// The tree of this id, once it runs again.
async fn back(sessions: &SessionSupervisor, id: &str) -> Supervisor {
    match sessions.ensure_session(id, tree(0)).await {
        Ok(Ensured::Existing(session)) => session,
        other => panic!("tree {id} did not come back: {other:?}"),
    }
}

async fn ended_and_restarted(mut lives: Lives, spec: ChildSpec<Supervisor>, how: How) -> Lives {
    let sessions = supervisor().await;
    let spec = spec.backoff(Backoff::none()).restart(Restart::Permanent);
    for n in 0..5 {
        let start = sessions.start_session(&id(n), spec.clone()).await;
        drop(start.expect("starts"));
    }
    while let Some(n) = lives.next().await {
        let id = id(n);
        let tree = back(&sessions, &id).await;
        let old = tree.get_cell();
        match how {
            How::Stop => tree.get_cell().stop(None),
            How::Kill => tree.get_cell().kill(),
            How::CrashOfAChild => {
                let child = sessions.find_child_as::<Order>(&id, "child 0");
                let child = child.expect("it runs");
                child.cast(Order::crash()).expect("it runs");
            }
            How::ByHand => drop(sessions.restart_session(&id).await.expect("restarts")),
        }
        drop(tree);
        died(&old).await;
        drop(back(&sessions, &id).await);
    }
    lives
}

async fn child_crashes(mut lives: Lives) -> Lives {
    let sessions = supervisor().await;
    let spec = ChildSpec::tree(|_| {
        TreeSpec::one_for_all()
            .child("child 0", worker().backoff(Backoff::none()))
            .child("child 1", worker().backoff(Backoff::none()))
            .without_restart_limit()
    });
    let tree = sessions.start_session("a", spec).await.expect("starts");
    while lives.next().await.is_some() {
        let child = sessions.find_child_as::<Order>("a", "child 1");
        let child = child.expect("it runs");
        child.cast(Order::crash()).expect("it runs");
        died(&child.get_cell()).await;
        let name = child.get_name().expect("it has one");
        drop(successor(&tree, &name, &child.get_cell()).await);
    }
    lives
}

/// The next actor of a name, once it has started. Each look is a question that the supervisor
/// answers after what came before it.
async fn successor(tree: &Supervisor, name: &str, old: &ActorCell) -> ActorCell {
    for _ in 0..1_000_000 {
        match ractor::registry::where_is(name) {
            // It bears its name before it is started, and is linked after that.
            Some(cell) if cell.get_id() != old.get_id() && cell.try_get_supervisor().is_some() => {
                return cell;
            }
            _ => {}
        }
        tree.count_children().await.expect("it is up");
        tokio::task::yield_now().await;
    }
    panic!("{name} did not come back");
}

async fn added_and_removed(mut lives: Lives) -> Lives {
    let sessions = supervisor().await;
    let tree = sessions.start_session("a", tree(1)).await.expect("starts");
    while let Some(n) = lives.next().await {
        let role = format!("role {}", n % 3);
        if n % 2 == 0 {
            tree.start_child(&role, worker()).await.expect("starts");
        } else {
            let spec = ChildSpec::tree(|_| TreeSpec::one_for_one().child("leaf", worker()));
            tree.start_child(&role, spec).await.expect("starts");
        }
        tree.terminate_child(&role).await.expect("ends");
        tree.restart_child(&role).await.expect("starts again");
        tree.terminate_child(&role).await.expect("ends");
        tree.delete_child(&role).await.expect("is forgotten");
    }
    lives
}

async fn top() -> Supervisor {
    let spec = TreeSpec::one_for_one()
        .unique_name()
        .without_restart_limit();
    Supervisor::start(spec).await.expect("it starts")
}

async fn tree_as_child(mut lives: Lives) -> Lives {
    let top = top().await;
    let spec = || {
        let tree = TreeSpec::one_for_one().child("leaf", worker());
        Supervisor::child_spec(tree)
    };
    while lives.next().await.is_some() {
        let tree = top.start_child("tree", spec()).await.expect("starts");
        drop(tree);
        top.terminate_child("tree").await.expect("ends");
        top.restart_child("tree").await.expect("starts again");
        top.terminate_child("tree").await.expect("ends");
        top.delete_child("tree").await.expect("is forgotten");
    }
    lives
}

async fn sessions_as_child(mut lives: Lives) -> Lives {
    let top = top().await;
    let name = format!("sessions of {}", top.name());
    while lives.next().await.is_some() {
        let spec = SessionSupervisor::child_spec(Options::new().name(name.clone()));
        let sessions = top.start_child("sessions", spec).await.expect("starts");
        for n in 0..2 {
            let start = sessions.start_session(&id(n), worker()).await;
            drop(start.expect("starts"));
            let start = sessions.start_session(&format!("tree {n}"), tree(1)).await;
            drop(start.expect("starts"));
        }
        drop(sessions);
        top.terminate_child("sessions").await.expect("ends");
        top.delete_child("sessions").await.expect("is forgotten");
    }
    lives
}

async fn sessions_killed_as_child(mut lives: Lives) -> Lives {
    let top = top().await;
    let name = format!("sessions of {}", top.name());
    let spec = SessionSupervisor::child_spec(Options::new().name(name.clone()));
    let spec = spec.backoff(Backoff::none());
    let sessions = top.start_child("sessions", spec).await.expect("starts");
    let mut old = sessions.get_cell();
    while lives.next().await.is_some() {
        let sessions = SessionSupervisor::where_is(&name).expect("it runs");
        for n in 0..2 {
            let start = sessions.start_session(&id(n), worker()).await;
            drop(start.expect("starts"));
        }
        sessions.get_cell().kill();
        drop(sessions);
        died(&old).await;
        old = successor(&top, &name, &old).await;
    }
    lives
}
