//! Starts that come to nothing, of an actor and of a tree.

use std::time::Duration;

use ractor::{ActorProcessingErr, ActorRef};
use session_supervisor::error::StartError;
use session_supervisor::{ChildSpec, Launch, Options, SessionSupervisor, TreeSpec, names};

use crate::actors::{Worker, alone, died, id, linked, supervisor, worker};
use crate::lives::{Lives, Row};
use crate::sessions::ask_and_go;

pub(crate) fn rows() -> Vec<Row> {
    vec![
        Row::new("a start that fails in the start function", |lives| {
            fails(lives, failing_function(), "failed")
        }),
        Row::new("a start whose start function panics", |lives| {
            fails(lives, panicking_function(), "failed")
        }),
        Row::new("a start that fails in pre_start", |lives| {
            fails(lives, failing_actor(Fault::Error), "failed")
        }),
        Row::new(
            "a start that fails in pre_start with linked actors",
            |lives| fails(lives, failing_actor(Fault::ErrorWithLinked), "failed"),
        ),
        Row::new("a start that is ignored", |lives| {
            fails(lives, ignoring(), "ignored")
        }),
        Row::new("a start that times out in the start function", |lives| {
            let spec = hanging_function().start_timeout(Duration::from_millis(5));
            fails(lives, spec, "timed out")
        }),
        Row::new("a start that times out in pre_start", |lives| {
            let spec = failing_actor(Fault::Hangs).start_timeout(Duration::from_millis(5));
            fails(lives, spec, "timed out")
        }),
        Row::new("a start that is cancelled in the start function", |lives| {
            cancelled(lives, hanging_function())
        }),
        Row::new("a start that is cancelled in pre_start", |lives| {
            cancelled(lives, failing_actor(Fault::Hangs))
        }),
        Row::new("a start whose name is taken", |lives| {
            name_taken(lives, worker())
        }),
        Row::new("a start of a tree whose name is taken", |lives| {
            name_taken(lives, tree(worker()))
        }),
        Row::new(
            "a start of a tree whose child fails in its start function",
            |lives| fails(lives, tree(failing_function()), "failed"),
        ),
        Row::new(
            "a start of a tree whose child fails in pre_start",
            |lives| fails(lives, tree(failing_actor(Fault::Error)), "failed"),
        ),
        Row::new("a start of a tree of trees whose child fails", |lives| {
            fails(lives, tree(tree(failing_function())), "failed")
        }),
        Row::new("a start of a tree that times out", |lives| {
            let spec = tree(hanging_function()).start_timeout(Duration::from_millis(5));
            fails(lives, spec, "timed out")
        }),
        Row::new("a start of a tree that is cancelled", |lives| {
            cancelled(lives, tree(failing_actor(Fault::Hangs)))
        }),
        Row::new("a start of a tree with two children of one role", |lives| {
            let spec = ChildSpec::tree(|_| {
                TreeSpec::one_for_one()
                    .child("a", worker())
                    .child("a", worker())
            });
            fails(lives, spec, "failed")
        }),
        Row::new(
            "a restart that fails, until the session is parked",
            fails_again,
        ),
        Row::new(
            "a start that is refused, since all places are taken",
            refused,
        ),
        Row::new("a supervisor whose name is taken", supervisor_name_taken),
    ]
}

/// A tree of one child that starts and one that may not.
fn tree<C: session_supervisor::Child>(
    other: ChildSpec<C>,
) -> ChildSpec<session_supervisor::Supervisor> {
    ChildSpec::tree(move |_| {
        TreeSpec::one_for_one()
            .child("first", worker())
            .child("other", other.clone())
    })
}

fn failing_function() -> ChildSpec<Worker> {
    ChildSpec::from_fn(|_| async { Err("told to fail".into()) })
}

fn panicking_function() -> ChildSpec<Worker> {
    ChildSpec::from_fn(|_| async {
        // Without a panic's message, which the hook would write.
        std::panic::resume_unwind(Box::new("told to panic"))
    })
}

fn hanging_function() -> ChildSpec<Worker> {
    ChildSpec::from_fn(|_| std::future::pending())
}

fn ignoring() -> ChildSpec<Worker> {
    ChildSpec::from_fn(|_| async { Ok(Launch::Ignore) })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fault {
    Error,
    ErrorWithLinked,
    Hangs,
}

struct Faulty(Fault);

#[ractor::actor(message = (), state = (), arguments = Vec<u8>)]
impl Faulty {
    async fn pre_start(
        &self,
        myself: ActorRef<()>,
        _arguments: Vec<u8>,
    ) -> Result<(), ActorProcessingErr> {
        match self.0 {
            Fault::Error => {}
            Fault::ErrorWithLinked => {
                for _ in 0..2 {
                    drop(linked(None, myself.get_cell()).await);
                }
            }
            Fault::Hangs => std::future::pending().await,
        }
        Err("told to fail".into())
    }
}

fn failing_actor(fault: Fault) -> ChildSpec<Faulty> {
    ChildSpec::new(move |_| (Faulty(fault), vec![0; 10_000]))
}

fn name_of(error: &StartError) -> &'static str {
    match error {
        StartError::Failed { .. } => "failed",
        StartError::Ignored => "ignored",
        StartError::TimedOut => "timed out",
        StartError::NameTaken { .. } => "name taken",
        StartError::Stopped => "stopped",
        _ => "another",
    }
}

async fn fails<C>(mut lives: Lives, spec: ChildSpec<C>, how: &'static str) -> Lives
where
    C: session_supervisor::Child,
{
    let sessions = supervisor().await;
    while let Some(n) = lives.next().await {
        match sessions.start_session(&id(n), spec.clone()).await {
            Ok(_) => panic!("it starts"),
            Err(error) => assert_eq!(name_of(&error), how, "{error:?}"),
        }
    }
    lives
}

async fn cancelled<C: session_supervisor::Child>(mut lives: Lives, spec: ChildSpec<C>) -> Lives {
    let sessions = supervisor().await;
    while let Some(n) = lives.next().await {
        let id = id(n);
        ask_and_go(sessions.start_session(&id, spec.clone())).await;
        // Some are cancelled before anything of theirs ran, and some in the middle of it.
        for _ in 0..n % 64 {
            tokio::task::yield_now().await;
        }
        drop(sessions.stop_session(&id).await.expect("it was starting"));
    }
    lives
}

async fn name_taken<C: session_supervisor::Child>(mut lives: Lives, spec: ChildSpec<C>) -> Lives {
    let sessions = supervisor().await;
    let mut holders = Vec::new();
    for n in 0..5 {
        let name = names::session(sessions.name(), &id(n));
        holders.push(alone(Some(name)).await);
    }
    while let Some(n) = lives.next().await {
        match sessions.start_session(&id(n), spec.clone()).await {
            Ok(_) => panic!("it starts"),
            Err(error) => assert_eq!(name_of(&error), "name taken", "{error:?}"),
        }
    }
    drop(holders);
    lives
}

async fn fails_again(mut lives: Lives) -> Lives {
    let sessions = supervisor().await;
    let spec = ChildSpec::from_fn(|start| async move {
        if start.attempt == 1 && start.incarnation == 1 {
            return Ok(Launch::Actor(Worker, ()));
        }
        Err("told to fail".into())
    });
    let spec = spec.restart_limit(2, Duration::from_secs(60));
    while let Some(n) = lives.next().await {
        let id = id(n);
        let start = sessions.start_session(&id, spec.clone()).await;
        let session = start.expect("starts");
        session.kill();
        died(&session.get_cell()).await;
        let next = sessions.start_session(&id, worker()).await;
        assert!(
            next.is_err(),
            "it waits until the session is parked: {next:?}"
        );
        sessions.stop_session(&id).await.expect("it is known");
    }
    lives
}

async fn refused(mut lives: Lives) -> Lives {
    let options = Options::new().unique_name().max_sessions(0);
    let sessions = SessionSupervisor::start(options).await.expect("it starts");
    while let Some(n) = lives.next().await {
        let start = sessions.start_session(&id(n), tree(worker())).await;
        drop(start.expect_err("there is no place"));
    }
    lives
}

async fn supervisor_name_taken(mut lives: Lives) -> Lives {
    let sessions = supervisor().await;
    while lives.next().await.is_some() {
        let options = Options::new().name(sessions.name());
        let second = SessionSupervisor::start(options).await;
        drop(second.expect_err("the name is taken"));
    }
    lives
}
