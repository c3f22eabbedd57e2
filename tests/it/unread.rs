//! Killed sessions of whose end ractor's event is never read, nor dropped. The same becomes of an
//! event that is sent to a root in the moment of its end (R51 in docs/ractor.md), which no test can
//! bring about. Nothing of the user's may lie in it.

use std::sync::Arc;

use ractor::{Actor, ActorCell, ActorProcessingErr, ActorRef};
use session_supervisor::{Backoff, ChildSpec, Options, Restart, SessionSupervisor, TreeSpec};
use tokio::sync::Notify;

use crate::support::{Order, Probe, answered, back, back_tree, died, supervisor};

/// An actor that reads nothing any more.
struct Unresponsive;

#[ractor::actor(message = (), state = Arc<Notify>, arguments = Arc<Notify>)]
impl Unresponsive {
    async fn pre_start(
        &self,
        _myself: ActorRef<()>,
        begins: Arc<Notify>,
    ) -> Result<Arc<Notify>, ActorProcessingErr> {
        Ok(begins)
    }

    async fn handle(
        &self,
        _myself: ActorRef<()>,
        (): (),
        begins: &mut Arc<Notify>,
    ) -> Result<(), ActorProcessingErr> {
        begins.notify_one();
        std::future::pending().await
    }
}

async fn unresponsive() -> ActorRef<()> {
    let begins = Arc::new(Notify::new());
    let (unresponsive, _) = Unresponsive::spawn(None, Unresponsive, Arc::clone(&begins))
        .await
        .unwrap();
    unresponsive.cast(()).unwrap();
    begins.notified().await;
    unresponsive
}

/// Kills a session whose event goes to another actor than its supervisor.
async fn kill(session: &ActorCell, other: &ActorRef<()>) {
    session.link(other.get_cell());
    session.kill();
    died(session).await;
}

async fn is_gone(sessions: &SessionSupervisor, probe: &Probe, other: ActorRef<()>) {
    answered("the stop", sessions.stop()).await.unwrap();
    assert_eq!(probe.alive(), 0);
    other.kill();
}

async fn a_session_comes_back() {
    let (sessions, probe) = (supervisor(Options::new()).await, Probe::default());
    let spec = probe.spec().restart(Restart::Permanent);
    let session = sessions.start_session("s", spec).await.unwrap();
    let other = unresponsive().await;
    kill(&session.get_cell(), &other).await;
    let again = answered("the restart", back(&sessions, "s")).await;
    assert_ne!(again.get_id(), session.get_id());
    assert_eq!(probe.alive(), 1, "two incarnations live at once");
    is_gone(&sessions, &probe, other).await;
}

#[tokio::test(start_paused = true)]
async fn a_session_comes_back_on_one_thread() {
    a_session_comes_back().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_comes_back_on_several_threads() {
    a_session_comes_back().await;
}

/// One of its children ends just before the tree is killed.
async fn a_tree_comes_back() {
    let (sessions, probe) = (supervisor(Options::new()).await, Probe::default());
    let inner = probe.clone();
    let spec = ChildSpec::tree(move |_| TreeSpec::one_for_one().child("a", inner.spec()));
    let spec = spec.restart(Restart::Permanent).backoff(Backoff::none());
    let tree = sessions.start_session("s", spec).await.unwrap();
    let child: ActorRef<Order> = tree.find_child_as("a").unwrap();
    let other = unresponsive().await;
    let root = tree.get_cell();
    child.link(other.get_cell());
    child.kill();
    root.kill();
    died(&root).await;
    let again = answered("the restart", back_tree(&sessions, "s")).await;
    assert_ne!(again.get_cell().get_id(), root.get_id());
    assert_eq!(probe.alive(), 1, "two incarnations live at once");
    is_gone(&sessions, &probe, other).await;
}

#[tokio::test(start_paused = true)]
async fn a_tree_comes_back_on_one_thread() {
    a_tree_comes_back().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tree_comes_back_on_several_threads() {
    a_tree_comes_back().await;
}

#[tokio::test(start_paused = true)]
async fn nothing_is_left_of_a_session_that_is_killed_in_a_callback() {
    let (sessions, probe) = (supervisor(Options::new()).await, Probe::default());
    let spec = probe.spec().restart(Restart::Temporary);
    let session = sessions.start_session("s", spec).await.unwrap();
    let other = unresponsive().await;
    session.cast(Order::Hang).unwrap();
    tokio::task::yield_now().await;
    kill(&session.get_cell(), &other).await;
    probe.until(|tally| tally.alive == 0).await;
    is_gone(&sessions, &probe, other).await;
}
