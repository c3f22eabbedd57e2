//! What wakes an actor that waits in its handler of an event.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use ractor::{Actor, ActorProcessingErr, ActorRef, ActorStatus, SupervisionEvent};

use crate::puppet::{Do, Plan, noted, spawn_under};

/// Counts how often its handler of an event is polled, which never ends.
struct Waits;

#[ractor::actor(message = Do, state = Arc<AtomicUsize>, arguments = Arc<AtomicUsize>)]
impl Waits {
    async fn pre_start(
        &self,
        _myself: ActorRef<Do>,
        polls: Arc<AtomicUsize>,
    ) -> Result<Arc<AtomicUsize>, ActorProcessingErr> {
        Ok(polls)
    }

    async fn handle_supervisor_evt(
        &self,
        _myself: ActorRef<Do>,
        _event: SupervisionEvent,
        polls: &mut Arc<AtomicUsize>,
    ) -> Result<(), ActorProcessingErr> {
        poll_fn(|_| {
            polls.fetch_add(1, Ordering::Relaxed);
            Poll::<()>::Pending
        })
        .await;
        Ok(())
    }
}

async fn turns() {
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn r52_no_event_wakes_a_handler_of_an_event_but_a_message_a_stop_and_a_kill_do() {
    let polls = Arc::new(AtomicUsize::new(0));
    let polled = || polls.load(Ordering::Relaxed);
    let (parent, task) = Actor::spawn(None, Waits, Arc::clone(&polls)).await.unwrap();
    // It has asked all its ports, and waits for any of them.
    turns().await;
    spawn_under(&parent, Plan::default()).await;
    turns().await;
    assert_eq!(polled(), 1);
    spawn_under(&parent, Plan::default()).await;
    turns().await;
    assert_eq!(polled(), 1, "an event");

    let (step, _) = noted();
    parent.cast(Do(step)).unwrap();
    turns().await;
    assert_eq!(polled(), 2, "a message");
    let (step, _) = noted();
    parent.cast(Do(step)).unwrap();
    turns().await;
    assert_eq!(polled(), 2, "a message behind one that is not read");

    parent.stop(None);
    turns().await;
    assert_eq!(polled(), 3, "a stop");
    assert_eq!(parent.get_status(), ActorStatus::Running);
    parent.kill();
    task.await.unwrap();
    assert_eq!(polled(), 3, "a kill ends it");
}
