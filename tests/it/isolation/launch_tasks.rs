//! A start function runs in no caller's task, and a launch waits behind no other: whether a launch
//! task is made for it or an idle one takes it.

use std::pin::pin;
use std::sync::{Arc, Barrier};

use session_supervisor::{ChildSpec, Options, SessionSupervisor, TreeSpec};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::{self, JoinSet, yield_now};

use super::{Block, block};
use crate::support::{Probe, Worker, poll, supervisor, yields};

tokio::task_local! {
    static CALLERS: u32;
}

/// Four starts in one task.
async fn four(sessions: &SessionSupervisor, name: &str, spec: &ChildSpec<Worker>) {
    let start = |n| sessions.start_session(&format!("{name} {n}"), spec.clone());
    let (a, b, c, d) = tokio::join!(start(1), start(2), start(3), start(4));
    for started in [a, b, c, d] {
        started.expect("it starts");
    }
}

/// A supervisor in which launch tasks are idle.
async fn warm() -> SessionSupervisor {
    let sessions = supervisor(Options::new()).await;
    four(&sessions, "warm", &Probe::default().spec()).await;
    sessions
}

/// A spec whose start function blocks its thread.
fn blocks(probe: &Probe, block: Block) -> ChildSpec<Worker> {
    let script = probe.script().launch(move |_| {
        block.wait();
        async { Ok(true) }
    });
    script.spec()
}

/// The caller goes on, and so does whatever it has woken in the poll of its call.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_function_that_blocks_keeps_neither_its_caller_nor_what_that_has_woken() {
    let run = async {
        let sessions = warm().await;
        let probe = Probe::default();
        for round in 0..100 {
            let (release, held) = block();
            let (wake, woken) = oneshot::channel();
            let other = tokio::spawn(async move { woken.await.expect("it is woken") });
            yield_now().await;
            let id = format!("blocks {round}");
            let mut start = pin!(sessions.start_session(&id, blocks(&probe, held)));
            wake.send(()).expect("it waits");
            assert!(poll(start.as_mut()).await.is_pending());
            other
                .await
                .expect("it runs while the start function blocks");
            let quick = sessions.start_session(&format!("quick {round}"), probe.spec());
            quick.await.expect("it starts while the other blocks");
            assert!(poll(start.as_mut()).await.is_pending());
            drop(release);
            start.await.expect("it starts in the end");
        }
    };
    tokio::spawn(run).await.expect("no panic");
}

/// Two at a time, as there are threads: each waits for another one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn as_many_launches_go_on_at_once_as_there_are_threads() {
    let run = async {
        let sessions = warm().await;
        let probe = Probe::default();
        for round in 0..100 {
            let pair = Arc::new(Barrier::new(2));
            let script = probe.script().launch(move |_| {
                pair.wait();
                async { Ok(true) }
            });
            four(&sessions, &format!("round {round}"), &script.spec()).await;
        }
        // A runtime that is shut down kills them, and the supervisor may bring one back meanwhile:
        // its start would wait for another for ever, and the runtime for that.
        sessions.stop().await.expect("it stops");
    };
    tokio::spawn(run).await.expect("no panic");
}

/// Each takes memory until the supervisor ends.
#[tokio::test]
async fn of_a_thousand_launch_tasks_sixty_four_are_kept() {
    let tasks = || Handle::current().metrics().num_alive_tasks();
    let others = tasks();
    let sessions = supervisor(Options::new()).await;
    let empty = tasks();
    let probe = Probe::default();
    let mut starts = JoinSet::new();
    for n in 0..1_000 {
        starts.spawn(sessions.start_session(&n.to_string(), probe.spec()));
    }
    while let Some(start) = starts.join_next().await {
        start.expect("no panic").expect("it starts");
    }
    sessions.stop_where(|_| true).await.expect("it runs");
    yields(1_000).await;
    assert_eq!(tasks() - empty, 64);
    sessions.stop().await.expect("it runs");
    yields(1_000).await;
    assert_eq!(tasks(), others);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_function_sees_nothing_of_its_callers_task() {
    let sessions = warm().await;
    let probe = Probe::default();
    let seen = probe.clone();
    let script = probe.script().launch(move |_| {
        seen.note(format!("{:?}", CALLERS.try_with(|caller| *caller).ok()));
        async { Ok(true) }
    });
    let spec = script.spec();
    CALLERS
        .scope(1, async {
            for id in ["a", "b", "c"] {
                sessions
                    .start_session(id, spec.clone())
                    .await
                    .expect("it starts");
            }
        })
        .await;
    assert_eq!(probe.notes(), ["None", "None", "None"]);
}

/// The launch of the tree waits for those of its children, and each of these goes on until the next
/// one is ordered. So three tasks are enough for all of them.
#[tokio::test]
async fn the_children_of_trees_are_launched_by_the_idle_tasks_of_the_session_supervisor() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let noted = probe.clone();
    let note = move || noted.note(format!("{}", task::id()));
    let of_child = note.clone();
    let script = Probe::default().script().launch(move |_| {
        of_child();
        async { Ok(true) }
    });
    let child = script.spec();
    for id in ["a", "b", "c"] {
        let (note, child) = (note.clone(), child.clone());
        let tree = ChildSpec::tree(move |_| {
            note();
            ["first", "second", "third"]
                .iter()
                .fold(TreeSpec::one_for_one(), |tree, role| {
                    tree.child(*role, child.clone())
                })
        });
        sessions.start_session(id, tree).await.expect("it starts");
    }
    let mut tasks = probe.notes();
    assert_eq!(tasks.len(), 3 * 4);
    tasks.sort();
    tasks.dedup();
    assert_eq!(tasks.len(), 3, "{tasks:?}");
    sessions.stop().await.expect("it stops");
}
