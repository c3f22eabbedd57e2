//! Supervisors that end, in each of their ways, with sessions and trees that they have.

use ractor::ActorStatus;
use session_supervisor::{ChildSpec, Options, SessionSupervisor, Supervisor, TreeSpec};

use crate::actors::{alone, died, supervisor, worker};
use crate::lives::{Lives, Row};
use crate::runtimes::Kind;

/// A runtime of several threads that ends leaves a constant behind for all its lives together:
/// threads of its pool that are still on their way out hold what tokio keeps for them.
const THREADS_ENDING: isize = 65_536;

pub(crate) fn rows() -> Vec<Row> {
    vec![
        Row::new("a supervisor that is stopped", |lives| {
            ends(lives, End::Stop)
        }),
        Row::new("a supervisor that is stopped by others", |lives| {
            ends(lives, End::ForeignStop)
        }),
        Row::new("a supervisor that is drained", |lives| {
            ends(lives, End::Drain)
        }),
        Row::new("a supervisor that is killed", |lives| {
            ends(lives, End::Kill)
        }),
        Row::new("a supervisor whose parent is killed", |lives| {
            ends(lives, End::Parent)
        }),
        Row::new("a static supervisor that is stopped", |lives| {
            tree_ends(lives, End::Stop)
        }),
        Row::new("a static supervisor that is drained", |lives| {
            tree_ends(lives, End::Drain)
        }),
        Row::new("a static supervisor that is killed", |lives| {
            tree_ends(lives, End::Kill)
        }),
        Row::new(
            "a supervisor dropped with its runtime of one thread",
            |lives| with_runtime(lives, Kind::CurrentThread, Before::Running),
        ),
        Row::new(
            "a supervisor dropped with its runtime of several threads",
            |lives| with_runtime(lives, Kind::SeveralThreads, Before::Running),
        )
        .at_most(THREADS_ENDING),
        Row::new(
            "a supervisor dropped with its runtime after its stop",
            |lives| with_runtime(lives, Kind::SeveralThreads, Before::Stopped),
        )
        .at_most(THREADS_ENDING),
        Row::new(
            "a supervisor dropped with its runtime during starts",
            |lives| with_runtime(lives, Kind::SeveralThreads, Before::Starting),
        )
        .at_most(THREADS_ENDING),
    ]
    .into_iter()
    .map(Row::with_new_names)
    .collect()
}

/// How a supervisor ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Stop,
    ForeignStop,
    Drain,
    Kill,
    Parent,
}

/// A tree whose spec, and whose children's specs, hold the handle of its supervisor.
fn tree(sessions: &SessionSupervisor) -> ChildSpec<Supervisor> {
    let sessions = sessions.clone();
    ChildSpec::tree(move |_| {
        TreeSpec::one_for_one()
            .child("plain", held(&sessions))
            .child(
                "inner",
                ChildSpec::tree(|_| TreeSpec::one_for_one().child("leaf", worker())),
            )
    })
}

/// A session whose spec holds the handle of its supervisor.
fn held(sessions: &SessionSupervisor) -> ChildSpec<crate::actors::Worker> {
    let sessions = sessions.clone();
    ChildSpec::new(move |_| {
        assert!(!sessions.name().is_empty(), "it is held");
        (crate::actors::Worker, ())
    })
}

async fn populate(sessions: &SessionSupervisor) {
    let start = sessions.start_session("plain", held(sessions)).await;
    drop(start.expect("starts"));
    let start = sessions.start_session("tree", tree(sessions)).await;
    drop(start.expect("starts"));
}

async fn ends(mut lives: Lives, end: End) -> Lives {
    while lives.next().await.is_some() {
        let parent = alone(None).await;
        let sessions = match end {
            End::Parent => {
                let options = Options::new().unique_name();
                let start = SessionSupervisor::start_link(parent.get_cell(), options).await;
                start.expect("it starts")
            }
            _ => supervisor().await,
        };
        populate(&sessions).await;
        let root = sessions.get_cell();
        match end {
            End::Stop => drop(sessions.stop().await.expect("it stops")),
            End::ForeignStop => root.stop(None),
            End::Drain => root.drain().expect("it runs"),
            End::Kill => root.kill(),
            End::Parent => parent.kill(),
        }
        died(&root).await;
        parent.stop(None);
        died(&parent.get_cell()).await;
        assert_eq!(root.get_status(), ActorStatus::Stopped);
    }
    lives
}

async fn tree_ends(mut lives: Lives, end: End) -> Lives {
    while let Some(n) = lives.next().await {
        // Which of few names is free again is not told when a supervisor was killed, so these are
        // new ones.
        let name = format!("below {end:?} {n:4}");
        let spec = TreeSpec::one_for_one()
            .unique_name()
            .child("plain", worker())
            .child(
                "sessions",
                SessionSupervisor::child_spec(Options::new().name(name.clone())),
            );
        let tree = Supervisor::start(spec).await.expect("it starts");
        let sessions = SessionSupervisor::where_is(&name).expect("it runs");
        populate(&sessions).await;
        let root = tree.get_cell();
        match end {
            End::Stop => drop(tree.stop().await.expect("it stops")),
            End::ForeignStop => root.stop(None),
            End::Drain => root.drain().expect("it runs"),
            End::Kill | End::Parent => root.kill(),
        }
        died(&root).await;
    }
    lives
}

/// What a supervisor does when its runtime is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Before {
    Running,
    Stopped,
    Starting,
}

async fn with_runtime(mut lives: Lives, kind: Kind, before: Before) -> Lives {
    while lives.next().await.is_some() {
        // A runtime cannot be dropped inside of another.
        let thread = std::thread::spawn(move || {
            let runtime = kind.make();
            runtime.block_on(async {
                let sessions = supervisor().await;
                populate(&sessions).await;
                match before {
                    Before::Running => {}
                    Before::Stopped => drop(sessions.stop().await.expect("it stops")),
                    Before::Starting => {
                        for n in 0..5 {
                            let call =
                                sessions.start_session(&format!("late {n}"), tree(&sessions));
                            drop(tokio::spawn(call));
                        }
                        for _ in 0..3 {
                            tokio::task::yield_now().await;
                        }
                    }
                }
            });
        });
        thread.join().expect("no panic");
    }
    lives
}
