//! Those who follow a supervisor, and what is kept of the exits of a session.

use ractor::Actor;
use session_supervisor::error::TryNextError;
use session_supervisor::{SessionSupervisor, Subscription};

use crate::actors::{Order, died, id, supervisor, worker};
use crate::lives::{Lives, Row};

pub(crate) fn rows() -> Vec<Row> {
    vec![
        Row::new("a subscription that is read and dropped", read),
        Row::new("a subscription that is never read", unread),
        Row::new("a subscription that waits and is dropped", given_up),
        Row::new(
            "subscriptions that are asked for by callers that go away",
            in_vain,
        ),
        Row::new("a subscription that goes on where another was", resumed),
        Row::new(
            "a subscription that is forwarded to an actor that ends",
            forwarded,
        ),
        Row::new(
            "sessions that come and go while one is too slow",
            overflowing,
        ),
        Row::new(
            "a session whose exits are kept and that is stopped",
            kept_exits,
        ),
    ]
}

/// A session that is started, fails, and is stopped: all that there is to tell.
async fn a_life(sessions: &SessionSupervisor, n: usize) {
    let id = id(n);
    let session = sessions.start_session(&id, worker()).await.expect("starts");
    session.cast(Order::crash()).expect("it runs");
    died(&session.get_cell()).await;
    drop(session);
    sessions
        .ensure_session(&id, worker())
        .await
        .expect("it is back");
    sessions.stop_session(&id).await.expect("stops");
}

fn read_all(feed: &mut Subscription) -> usize {
    let mut events = 0;
    loop {
        match feed.try_next() {
            Ok(_) => events += 1,
            Err(TryNextError::Lagged(_)) => {}
            Err(_) => return events,
        }
    }
}

async fn read(mut lives: Lives) -> Lives {
    let sessions = supervisor().await;
    while let Some(n) = lives.next().await {
        let mut feed = sessions.subscribe().await.expect("it is up");
        a_life(&sessions, n).await;
        assert!(read_all(&mut feed) >= 8);
    }
    lives
}

async fn unread(mut lives: Lives) -> Lives {
    let sessions = supervisor().await;
    while let Some(n) = lives.next().await {
        let feed = sessions.subscribe().await.expect("it is up");
        a_life(&sessions, n).await;
        drop(feed);
    }
    lives
}

async fn given_up(mut lives: Lives) -> Lives {
    let sessions = supervisor().await;
    while let Some(n) = lives.next().await {
        let mut feed = sessions.subscribe().await.expect("it is up");
        tokio::select! {
            biased;
            _ = feed.next() => {}
            () = std::future::ready(()) => {}
        }
        drop(feed);
        a_life(&sessions, n).await;
    }
    lives
}

async fn in_vain(mut lives: Lives) -> Lives {
    let sessions = supervisor().await;
    while let Some(n) = lives.next().await {
        let mut subscribes = Box::pin(sessions.subscribe());
        tokio::select! {
            biased;
            _ = &mut subscribes => {}
            () = std::future::ready(()) => {}
        }
        drop(subscribes);
        a_life(&sessions, n).await;
    }
    lives
}

async fn resumed(mut lives: Lives) -> Lives {
    let sessions = supervisor().await;
    let mut first = sessions.subscribe().await.expect("it is up");
    while let Some(n) = lives.next().await {
        let second = sessions
            .subscribe_from(first.revision())
            .await
            .expect("it is up");
        a_life(&sessions, n).await;
        // Nothing is kept any more once both are dropped.
        drop((first, second));
        first = sessions.subscribe().await.expect("it is up");
    }
    lives
}

struct Listens;

#[ractor::actor(message = (), state = (), arguments = ())]
impl Listens {}

async fn forwarded(mut lives: Lives) -> Lives {
    let sessions = supervisor().await;
    while let Some(n) = lives.next().await {
        let (actor, task) = Actor::spawn(None, Listens, ()).await.expect("it starts");
        let feed = sessions.subscribe().await.expect("it is up");
        let (tie, mut gone) = tokio::sync::mpsc::channel::<()>(1);
        feed.forward_to(actor.clone(), move |event| {
            let _held = &tie;
            event.ok().map(|_| ())
        });
        a_life(&sessions, n).await;
        actor.stop(None);
        task.await.expect("it ends");
        drop(actor);
        assert!(gone.recv().await.is_none());
    }
    lives
}

/// How many are kept and no more, also if nobody reads them.
async fn overflowing(mut lives: Lives) -> Lives {
    let sessions = supervisor().await;
    let slow = sessions.subscribe().await.expect("it is up");
    let mut quick = sessions.subscribe().await.expect("it is up");
    let mut events = 0;
    while events <= SessionSupervisor::EVENTS_KEPT {
        a_life(&sessions, 0).await;
        events += read_all(&mut quick);
    }
    while lives.next().await.is_some() {
        a_life(&sessions, 0).await;
        read_all(&mut quick);
    }
    drop(slow);
    lives
}

async fn kept_exits(mut lives: Lives) -> Lives {
    let sessions = supervisor().await;
    while let Some(n) = lives.next().await {
        let id = id(n);
        drop(sessions.start_session(&id, worker()).await.expect("starts"));
        for _ in 0..3 {
            let session = sessions.await_session::<Order>(&id).await.expect("it runs");
            session.cast(Order::crash()).expect("it runs");
            died(&session.get_cell()).await;
        }
        let dossier = sessions.dossier(&id).await.expect("it is up");
        assert_eq!(dossier.expect("it is known").exits.len(), 3);
        drop(sessions.explain(&id).await.expect("it is up"));
        sessions.stop_session(&id).await.expect("stops");
    }
    lives
}
