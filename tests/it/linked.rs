//! Sessions with actors of their own linked to them, of which one fails.

use std::sync::Arc;

use ractor::{Actor, ActorCell, ActorProcessingErr, ActorRef, RpcReplyPort, SupervisionEvent};
use session_supervisor::{ChildSpec, Exit, Options, Restart, SessionSupervisor, TreeSpec};
use tracing::Level;

use crate::support::{Order, Probe, Worker, answered, back, died, end, supervisor};
use crate::traces::Capture;
use crate::trees::scenery::{child, start};

/// How an actor that is linked to a session ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Error,
    Panic,
    Kill,
    Stop,
}

struct Linked;

#[ractor::actor(message = Way, state = (), arguments = ())]
impl Linked {
    async fn pre_start(&self, _me: ActorRef<Way>, (): ()) -> Result<(), ActorProcessingErr> {
        Ok(())
    }

    async fn handle(
        &self,
        me: ActorRef<Way>,
        way: Way,
        _state: &mut (),
    ) -> Result<(), ActorProcessingErr> {
        match way {
            Way::Error => return Err("no ink".into()),
            Way::Panic => panic!("no ink"),
            Way::Kill => me.kill(),
            Way::Stop => me.stop(None),
        }
        Ok(())
    }
}

#[cfg(feature = "cluster")]
impl ractor::Message for Way {}

/// A spec of a worker, which has ractor's own supervision handler, with one actor linked to each
/// life.
fn with_linked(probe: &Probe, name: &'static str) -> ChildSpec<Worker> {
    let script = probe.script().pre_start(move |_, myself| async move {
        let linked = Linked::spawn_linked(Some(name.to_owned()), Linked, (), myself.get_cell());
        linked.await?;
        Ok(())
    });
    script.spec()
}

fn linked(name: &'static str) -> ActorRef<Way> {
    ractor::registry::where_is(name).unwrap().into()
}

/// The session ends by the end of its linked actor; how it is told to have ended.
async fn ended_with(
    sessions: &SessionSupervisor,
    id: &str,
    name: &'static str,
    way: Way,
) -> ActorCell {
    let session = sessions.find_session(id).unwrap();
    linked(name).cast(way).unwrap();
    answered("the end of the session", died(&session)).await;
    session
}

#[tokio::test(start_paused = true)]
async fn a_linked_actors_failure_is_the_sessions() {
    let (capture, _guard) = Capture::listen();
    let sessions =
        supervisor(Options::new().session_restart_limit(9, std::time::Duration::from_secs(5)))
            .await;
    let probe = Probe::default();
    let spec = with_linked(&probe, "linked-pen");
    sessions.start_session("a", spec).await.unwrap();
    for (way, text) in [
        (Way::Error, "no ink"),
        (Way::Panic, "no ink"),
        (Way::Kill, "killed"),
    ] {
        let old = ended_with(&sessions, "a", "linked-pen", way).await;
        let next = back(&sessions, "a").await;
        assert_ne!(next.get_id(), old.get_id());
        let info = sessions.session_info("a").await.unwrap().unwrap();
        let Some(Exit::Failed { cause }) = info.last_exit else {
            panic!("{way:?}: {:?}", info.last_exit);
        };
        let told = cause.to_string();
        assert!(told.contains("linked-pen") && told.contains(text), "{told}");
        capture.caught_up().await;
        let lines = capture.of("session ended abnormally");
        let line = lines.last().unwrap();
        assert_eq!((line.level, line.field("session")), (Level::WARN, "a"));
        assert!(line.field("reason").contains(text), "{line:?}");
    }
    // One that ended gracefully takes the session with it in order, as ractor's handler says.
    ended_with(&sessions, "a", "linked-pen", Way::Stop).await;
    assert_eq!(
        sessions
            .session_info("a")
            .await
            .unwrap()
            .map(|info| info.state),
        None
    );
    assert_eq!(probe.starts(), 4);
    sessions.stop().await.unwrap();
}

/// A session that handles such failures itself: it goes on, and ends when it is told.
struct Owner;

enum Told {
    Done(RpcReplyPort<()>),
    End,
}

#[cfg(feature = "cluster")]
impl ractor::Message for Told {}

#[ractor::actor(message = Told, state = Arc<Probe>, arguments = (Arc<Probe>, &'static str))]
impl Owner {
    async fn pre_start(
        &self,
        me: ActorRef<Told>,
        (probe, name): (Arc<Probe>, &'static str),
    ) -> Result<Arc<Probe>, ActorProcessingErr> {
        Linked::spawn_linked(Some(name.to_owned()), Linked, (), me.get_cell()).await?;
        Ok(probe)
    }

    async fn handle(
        &self,
        me: ActorRef<Told>,
        told: Told,
        _probe: &mut Arc<Probe>,
    ) -> Result<(), ActorProcessingErr> {
        match told {
            Told::Done(reply) => drop(reply.send(())),
            Told::End => me.stop(None),
        }
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        _me: ActorRef<Told>,
        event: SupervisionEvent,
        probe: &mut Arc<Probe>,
    ) -> Result<(), ActorProcessingErr> {
        if let SupervisionEvent::ActorFailed(_, error) = event {
            // The error is the linked actor's own.
            probe.note(error.to_string());
        }
        Ok(())
    }
}

async fn owner(sessions: &SessionSupervisor, probe: &Probe, id: &str) -> ActorRef<Told> {
    let probe = Arc::new(probe.clone());
    let spec = ChildSpec::new(move |_| (Owner, (Arc::clone(&probe), "linked-ink")));
    sessions.start_session(id, spec).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_was_coped_with_or_an_end_that_was_asked_for_is_none() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    // It took a message since: its end is its own.
    let session = owner(&sessions, &probe, "a").await;
    linked("linked-ink").cast(Way::Error).unwrap();
    probe.until(|tally| tally.notes == ["no ink"]).await;
    session.cast(Told::End).ok().unwrap();
    answered("the end", died(&session.get_cell())).await;
    assert!(sessions.session_info("a").await.unwrap().is_none());
    // We asked.
    let session = owner(&sessions, &probe, "a").await;
    linked("linked-ink").cast(Way::Error).unwrap();
    probe.until(|tally| tally.notes.len() == 2).await;
    assert_eq!(sessions.stop_session("a").await.unwrap(), Exit::Shutdown);
    drop(session);
    // It took no message since, and ended by itself.
    let session = owner(&sessions, &probe, "a").await;
    linked("linked-ink").cast(Way::Error).unwrap();
    probe.until(|tally| tally.notes.len() == 3).await;
    session.stop(None);
    answered("the end", died(&session.get_cell())).await;
    let spec = ChildSpec::new(|_| (Owner, (Arc::default(), "linked-ink")));
    let again = sessions.ensure_session("a", spec).await.unwrap();
    assert!(matches!(again, session_supervisor::Ensured::Existing(_)));
    let done = ractor::call!(again.into_inner(), Told::Done);
    assert!(done.is_ok());
    let report = sessions.stop().await.unwrap();
    assert_eq!((report.stopped, report.failed), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn it_is_the_same_for_the_children_of_a_tree() {
    let probe = Probe::default();
    let spec = with_linked(&probe, "linked-brush").restart(Restart::Transient);
    let tree = start(TreeSpec::one_for_one().child("painter", spec)).await;
    let old = child(&tree, "painter").get_cell();
    linked("linked-brush").cast(Way::Panic).unwrap();
    answered("the end", died(&old)).await;
    probe.until(|tally| tally.ready == 2).await;
    assert_ne!(child(&tree, "painter").get_id(), old.get_id());
    let children = tree.which_children().await.unwrap();
    assert!(matches!(children[0].last_exit, Some(Exit::Failed { .. })));
    tree.stop().await.unwrap();

    // The root of a tree handles its children's failures, and they are not its own.
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let worker = probe.spec();
    let spec = ChildSpec::tree(move |_| TreeSpec::one_for_one().child("a", worker.clone()));
    let tree = sessions.start_session("tree", spec).await.unwrap();
    end(&child(&tree, "a"), Order::Crash).await;
    probe.until(|tally| tally.ready == 2).await;
    let root = tree.get_cell();
    root.stop(None);
    answered("the end", died(&root)).await;
    assert!(sessions.session_info("tree").await.unwrap().is_none());
    sessions.stop().await.unwrap();
}
