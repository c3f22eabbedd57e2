//! Actors that are linked to a task.

use ractor::{Actor, ActorProcessingErr, ActorRef};
use session_supervisor::{Exit, Options, StartContext};
use tokio::time::sleep;

use super::{SECOND, Track};
use crate::support::{answered, died, sessions_of, supervisor};

/// How an actor that is linked to a task ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Error,
    Panic,
    Kill,
    Stop,
}

struct Linked;

#[cfg(feature = "cluster")]
impl ractor::Message for Way {}

#[ractor::actor(message = Way, state = (), arguments = ())]
impl Linked {
    async fn handle(
        &self,
        myself: ActorRef<Way>,
        way: Way,
        (): &mut (),
    ) -> Result<(), ActorProcessingErr> {
        match way {
            Way::Error => return Err("no ink".into()),
            Way::Panic => panic!("no ink"),
            Way::Kill => myself.kill(),
            Way::Stop => myself.stop(None),
        }
        Ok(())
    }
}

/// Links a pen to the task that asks.
async fn link(start: &StartContext, name: &str) -> Result<(), ActorProcessingErr> {
    let task = sessions_of(start).find_session(start.key());
    let task = task.ok_or("the task runs")?;
    Linked::spawn_linked(Some(name.to_owned()), Linked, (), task).await?;
    Ok(())
}

/// "An actor that is linked to it and fails or is killed fails the task at once, as a link does in
/// Erlang. One that ends in order does not."
#[tokio::test(start_paused = true)]
async fn an_actor_linked_to_it_that_fails_fails_it_at_once() {
    let sessions = supervisor(Options::new().without_session_restart_limit()).await;
    let track = Track::new();
    let (linked, mut is_linked) = tokio::sync::mpsc::unbounded_channel();
    // It does not look at its signal, and need not.
    let spec = track.task(move |start, _| {
        let linked = linked.clone();
        async move {
            link(&start, "the task's pen").await?;
            linked.send(()).ok();
            std::future::pending().await
        }
    });
    sessions.start_session("a", spec).await.unwrap();
    for (n, way) in [Way::Error, Way::Panic, Way::Kill].into_iter().enumerate() {
        is_linked.recv().await.unwrap();
        let pen: ActorRef<Way> = ractor::registry::where_is("the task's pen").unwrap().into();
        pen.cast(way).unwrap();
        track.made(n + 2).await;
        let info = sessions.session_info("a").await.unwrap().unwrap();
        let Some(Exit::Failed { cause }) = info.last_exit else {
            panic!("{way:?}: {:?}", info.last_exit);
        };
        let text = if way == Way::Kill { "killed" } else { "no ink" };
        let told = cause.to_string();
        assert!(
            told.contains("the task's pen") && told.contains(text),
            "{told}"
        );
    }
    is_linked.recv().await.unwrap();
    let pen: ActorRef<Way> = ractor::registry::where_is("the task's pen").unwrap().into();
    pen.cast(Way::Stop).unwrap();
    answered("the end of the pen", died(&pen.get_cell())).await;
    sleep(SECOND).await;
    assert!(sessions.is_running("a"));
    let lives = track.lives();
    assert_eq!((lives.made, lives.alive, lives.most), (4, 1, 1));
    sessions.stop().await.unwrap();
}

/// What is linked to it ends with it, and its name is free at the restart.
#[tokio::test(start_paused = true)]
async fn what_is_linked_to_it_is_gone_before_the_next_one_begins() {
    let sessions = supervisor(Options::new()).await;
    let track = Track::new();
    let spec = track.task(|start, stop| async move {
        link(&start, "the task's ruler").await?;
        if start.incarnation < 3 {
            return Err("no paper".into());
        }
        stop.requested().await;
        Ok(())
    });
    sessions.start_session("a", spec).await.unwrap();
    track.made(3).await;
    sleep(SECOND).await;
    let info = sessions.session_info("a").await.unwrap().unwrap();
    assert_eq!(info.incarnation, 3, "a name was not free: {info:?}");
    let ruler = ractor::registry::where_is("the task's ruler").unwrap();
    assert_eq!(sessions.stop_session("a").await, Ok(Exit::Shutdown));
    answered("the end of the ruler", died(&ruler)).await;
}
