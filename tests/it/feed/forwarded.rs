//! Events as the messages of an actor.

use std::sync::Arc;

use ractor::{Actor, ActorProcessingErr, ActorRef};
use session_supervisor::error::Lagged;
use session_supervisor::{Event, EventKind, Options};

use crate::support::{Probe, Remains, Tie, answered, died, supervisor};

/// Notes what it is told.
struct Notes;

struct Told(Arc<Event>);

#[cfg(feature = "cluster")]
impl ractor::Message for Told {}

#[ractor::actor(message = Told, state = Probe, arguments = Probe)]
impl Notes {
    async fn pre_start(
        &self,
        _myself: ActorRef<Told>,
        probe: Probe,
    ) -> Result<Probe, ActorProcessingErr> {
        Ok(probe)
    }

    async fn handle(
        &self,
        _myself: ActorRef<Told>,
        Told(event): Told,
        probe: &mut Probe,
    ) -> Result<(), ActorProcessingErr> {
        probe.note(event.kind.name());
        Ok(())
    }
}

/// Keeps what it holds until the forwarding is over.
fn map(tie: Tie) -> impl FnMut(Result<Arc<Event>, Lagged>) -> Option<Told> + Send + 'static {
    move |event| {
        let _held = &tie;
        let event = event.ok()?;
        let wanted = !matches!(event.kind, EventKind::Launching { .. });
        wanted.then_some(Told(event))
    }
}

async fn notes(probe: &Probe) -> (ActorRef<Told>, Tie, Remains) {
    let (actor, _) = Notes::spawn(None, Notes, probe.clone()).await.unwrap();
    let (tie, remains) = Tie::new();
    (actor, tie, remains)
}

#[tokio::test(start_paused = true)]
async fn an_actor_is_told_until_the_supervisor_ends() {
    let sessions = supervisor(Options::new()).await;
    let (probe, told) = (Probe::default(), Probe::default());
    let (actor, tie, remains) = notes(&told).await;
    let feed = sessions.subscribe().await.unwrap();
    feed.forward_to(actor.clone(), map(tie));
    sessions.start_session("a", probe.spec()).await.unwrap();
    sessions.stop().await.unwrap();
    remains.gone().await;
    told.until(|tally| {
        tally
            .notes
            .last()
            .is_some_and(|last| last == "supervisor_stopped")
    })
    .await;
    assert_eq!(
        told.notes(),
        [
            "started",
            "supervisor_stopping",
            "stopping",
            "exited",
            "gone",
            "supervisor_stopped"
        ]
    );
    actor.stop(None);
}

/// Also if nothing happens any more that it could be told.
#[tokio::test(start_paused = true)]
async fn it_ends_with_the_actor() {
    let sessions = supervisor(Options::new()).await;
    let told = Probe::default();
    let (actor, tie, remains) = notes(&told).await;
    let feed = sessions.subscribe().await.unwrap();
    feed.forward_to(actor.clone(), map(tie));
    tokio::task::yield_now().await;
    actor.stop(None);
    died(&actor.get_cell()).await;
    remains.gone().await;
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn it_ends_with_a_panic_of_the_users_and_others_go_on() {
    let sessions = supervisor(Options::new()).await;
    let (probe, told) = (Probe::default(), Probe::default());
    let (actor, tie, remains) = notes(&told).await;
    let panics = sessions.subscribe().await.unwrap();
    panics.forward_to(actor.clone(), move |_| {
        let _held = &tie;
        panic!("it cannot be mapped")
    });
    let (other, other_remains) = Tie::new();
    let feed = sessions.subscribe().await.unwrap();
    feed.forward_to(actor.clone(), map(other));
    sessions.start_session("a", probe.spec()).await.unwrap();
    answered("the end of the one", remains.gone()).await;
    told.until(|tally| tally.notes == ["started"]).await;
    sessions.stop().await.unwrap();
    other_remains.gone().await;
    actor.stop(None);
}
