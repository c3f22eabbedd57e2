//! Actors that sessions have linked to themselves.

use ractor::ActorCell;
use session_supervisor::{Backoff, Options, Restart, SessionSupervisor};

use crate::actors::{Order, alone, died, id, linked, supervisor, worker};
use crate::children::{How, tree};
use crate::lives::{Lives, Row};

pub(crate) fn rows() -> Vec<Row> {
    vec![
        Row::new("a session with linked actors that is stopped", |lives| {
            with_linked(lives, How::Stop)
        }),
        Row::new("a session with linked actors that is killed", |lives| {
            with_linked(lives, How::Kill)
        }),
        Row::new(
            "a session with linked actors that is restarted by hand",
            |lives| with_linked(lives, How::ByHand),
        ),
        Row::new("linked actors that are handed over", |lives| {
            changes_hands(lives, Hands::Others)
        }),
        Row::new("linked actors that are unlinked", |lives| {
            changes_hands(lives, Hands::None)
        }),
        // The recorder and the session read fifty events in a row, and a mailbox keeps up to three
        // of the blocks that it has used, of 2,112 bytes, by where in a block it is.
        Row::new("fifty linked actors that are handed over at once", at_once).at_most(16_384),
        Row::new(
            "a session with a supervisor of ours that is killed",
            with_supervisor,
        ),
        Row::new("linked actors that end", |lives| {
            changes_hands(lives, Hands::Ended)
        }),
    ]
}

/// Has a session link an actor of this name to itself.
async fn link(session: &ractor::ActorRef<Order>, name: Option<String>) -> ActorCell {
    let (tell, told) = tokio::sync::oneshot::channel();
    let order = Order::run(|myself| async move {
        drop(tell.send(linked(name, myself.get_cell()).await.get_cell()));
        Ok(())
    });
    session.cast(order).expect("it runs");
    told.await.expect("it links")
}

async fn with_linked(mut lives: Lives, how: How) -> Lives {
    let sessions = supervisor().await;
    let spec = worker()
        .backoff(Backoff::none())
        .restart(Restart::Permanent);
    while let Some(n) = lives.next().await {
        let id = id(n);
        let start = sessions.start_session(&id, spec.clone()).await;
        let session = start.expect("starts");
        let mut all = Vec::new();
        for n in 0..3 {
            let name = (n < 2).then(|| format!("linked {n} of {id}"));
            all.push(link(&session, name).await);
        }
        match how {
            How::Kill => session.kill(),
            How::ByHand => drop(sessions.restart_session(&id).await.expect("restarts")),
            How::Stop | How::CrashOfAChild => session.stop(None),
        }
        died(&session.get_cell()).await;
        let again = sessions.ensure_session(&id, worker()).await;
        drop(again.expect("it is restarted"));
        sessions.stop_session(&id).await.expect("it stops");
        for cell in all {
            died(&cell).await;
        }
    }
    lives
}

/// What becomes of an actor that a session had linked to itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hands {
    Others,
    None,
    Ended,
}

/// The session lives on. An actor that changes hands is kept by the row: what the supervisor keeps
/// of it is what counts.
async fn changes_hands(mut lives: Lives, hands: Hands) -> Lives {
    let sessions = supervisor().await;
    let session = sessions.start_session("a", worker()).await.expect("starts");
    let recorder = alone(None).await;
    let mut named = 0;
    while let Some(n) = lives.next().await {
        let name = (n % 2 == 0).then(|| format!("linked {}", n % 10));
        named += usize::from(name.is_some());
        let child = link(&session, name).await;
        match hands {
            Hands::Others => child.link(recorder.get_cell()),
            Hands::None => child.unlink(session.get_cell()),
            Hands::Ended => {}
        }
        child.stop(None);
        died(&child).await;
        // The session reads of that end before it takes a message.
        let (tell, told) = tokio::sync::oneshot::channel();
        let order = Order::run(|_| async move {
            tell.send(()).ok();
            Ok(())
        });
        session.cast(order).expect("it runs");
        told.await.expect("it answers");
    }
    assert_eq!(named, 200, "every second one");
    lives
}

/// The session hands all of them over in one callback, and has no other after it. They live on for
/// the while.
async fn at_once(mut lives: Lives) -> Lives {
    let sessions = supervisor().await;
    let session = sessions.start_session("a", worker()).await.expect("starts");
    let recorder = alone(None).await;
    while lives.batch(50).await.is_some() {
        let mut all = Vec::new();
        for n in 0..50 {
            all.push(link(&session, Some(format!("linked {n}"))).await);
        }
        let (tell, told) = tokio::sync::oneshot::channel();
        let (recorder, these) = (recorder.get_cell(), all.clone());
        let order = Order::run(|_| async move {
            for actor in &these {
                actor.link(recorder.clone());
            }
            tell.send(()).ok();
            Ok(())
        });
        session.cast(order).expect("it runs");
        told.await.expect("it hands them over");
        for actor in all {
            actor.stop(None);
            died(&actor).await;
        }
    }
    lives
}

/// The supervisor is linked to the session in its handler, and its sessions bear fixed names.
async fn with_supervisor(mut lives: Lives) -> Lives {
    let sessions = supervisor().await;
    let spec = worker()
        .backoff(Backoff::none())
        .restart(Restart::Permanent);
    let start = sessions.start_session("a", spec).await;
    let mut session = start.expect("starts");
    while lives.next().await.is_some() {
        let (tell, told) = tokio::sync::oneshot::channel();
        let name = format!("inner of {}", sessions.name());
        let order = Order::run(|myself| async move {
            let options = Options::new().name(name);
            let inner = SessionSupervisor::start_link(myself.get_cell(), options).await?;
            for n in 0..2 {
                inner.start_session(&id(n), worker()).await?;
                inner.start_session(&format!("tree {n}"), tree(1)).await?;
            }
            tell.send(()).ok();
            Ok(())
        });
        session.cast(order).expect("it runs");
        told.await.expect("the name is free");
        session.kill();
        died(&session.get_cell()).await;
        // It runs at each count: its state is the largest thing here.
        let again = sessions.ensure_session("a", worker()).await;
        session = again.expect("it is restarted").into_inner();
    }
    lives
}
