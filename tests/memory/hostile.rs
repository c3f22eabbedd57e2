//! Values whose drops panic: a box whose content panics in its drop is to be given back all the
//! same.

use std::fmt;
use std::time::Duration;

use ractor::{ActorProcessingErr, ActorRef};
use session_supervisor::{Backoff, ChildSpec, Launch};

use crate::actors::{id, supervisor, worker};
use crate::lives::{Lives, Row};

pub(crate) fn rows() -> Vec<Row> {
    vec![
        Row::new(
            "an error of a start function that panics in its drop",
            |lives| fails(lives, failing_function()),
        ),
        Row::new("an error of pre_start that panics in its drop", |lives| {
            fails(lives, failing(Place::PreStart))
        }),
        Row::new(
            "such an error in restarts, until the session is parked",
            fails_again,
        ),
        Row::new("an error of a callback that panics in its drop", crashes),
        Row::new("arguments that panic in their drop", |lives| {
            fails(lives, failing(Place::Arguments))
        }),
        Row::new("a state that panics in its drop", stops),
        Row::new("a capture of a spec that panics in its drop", captures),
    ]
}

/// It panics in its drop, without a message, which the hook would write.
#[derive(Debug)]
struct Bomb([u64; 16]);

impl Bomb {
    const fn new() -> Self {
        Self([1; 16])
    }
}

impl Drop for Bomb {
    fn drop(&mut self) {
        if !std::thread::panicking() && self.0[0] == 1 {
            std::panic::resume_unwind(Box::new("a drop panics"));
        }
    }
}

/// An error with a bomb in it.
#[derive(Debug)]
struct Mined {
    _bomb: Bomb,
}

impl fmt::Display for Mined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("told to fail")
    }
}

impl std::error::Error for Mined {}

fn mined() -> ActorProcessingErr {
    Box::new(Mined { _bomb: Bomb::new() })
}

/// Where such a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    PreStart,
    Arguments,
    Callback,
    State,
}

struct Holder;

#[ractor::actor(message = (), state = (Place, Option<Box<Bomb>>), arguments = (Place, Option<Box<Bomb>>))]
impl Holder {
    async fn pre_start(
        &self,
        _myself: ActorRef<()>,
        arguments: (Place, Option<Box<Bomb>>),
    ) -> Result<(Place, Option<Box<Bomb>>), ActorProcessingErr> {
        match arguments.0 {
            Place::PreStart => Err(mined()),
            Place::Arguments => {
                // Before there is an error: Rust does not give back a value on its way out of a
                // function whose locals panic in their drops.
                drop(arguments);
                Err("told to fail".into())
            }
            Place::Callback | Place::State => Ok(arguments),
        }
    }

    async fn handle(
        &self,
        _myself: ActorRef<()>,
        (): (),
        _state: &mut (Place, Option<Box<Bomb>>),
    ) -> Result<(), ActorProcessingErr> {
        Err(mined())
    }
}

fn failing(place: Place) -> ChildSpec<Holder> {
    ChildSpec::new(move |_| {
        let holds = matches!(place, Place::Arguments | Place::State);
        (Holder, (place, holds.then(|| Box::new(Bomb::new()))))
    })
}

fn failing_function() -> ChildSpec<Holder> {
    ChildSpec::from_fn(|_| async { Err(mined()) })
}

/// Drops what may hold the last of a bomb.
fn drop_caught<T>(value: T) {
    let dropped = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(value)));
    drop(dropped);
}

async fn fails(mut lives: Lives, spec: ChildSpec<Holder>) -> Lives {
    let sessions = supervisor().await;
    while let Some(n) = lives.next().await {
        let start = sessions.start_session(&id(n), spec.clone()).await;
        assert!(start.is_err(), "it fails");
        drop_caught(start);
    }
    lives
}

async fn fails_again(mut lives: Lives) -> Lives {
    let sessions = supervisor().await;
    let spec = ChildSpec::from_fn(|start| async move {
        let place = match start.incarnation {
            1 if start.attempt == 1 => Place::Callback,
            _ => Place::PreStart,
        };
        Ok(Launch::Actor(Holder, (place, None)))
    });
    let spec = spec.restart_limit(2, Duration::from_secs(60));
    while let Some(n) = lives.next().await {
        let id = id(n);
        let start = sessions.start_session(&id, spec.clone()).await;
        let session = start.expect("starts");
        session.cast(()).expect("it runs");
        crate::actors::died(&session.get_cell()).await;
        drop_caught(sessions.start_session(&id, worker()).await);
        sessions.stop_session(&id).await.expect("it is known");
    }
    lives
}

async fn crashes(mut lives: Lives) -> Lives {
    let sessions = supervisor().await;
    let spec = failing(Place::Callback).backoff(Backoff::none());
    let start = sessions.start_session("a", spec).await;
    let mut session = start.expect("starts");
    while lives.next().await.is_some() {
        session.cast(()).expect("it runs");
        crate::actors::died(&session.get_cell()).await;
        let again = sessions.ensure_session("a", failing(Place::Callback)).await;
        session = again.expect("it is restarted").into_inner();
    }
    lives
}

async fn stops(mut lives: Lives) -> Lives {
    let sessions = supervisor().await;
    while let Some(n) = lives.next().await {
        let start = sessions.start_session(&id(n), failing(Place::State)).await;
        drop(start.expect("starts"));
        sessions.stop_session(&id(n)).await.expect("it runs");
    }
    lives
}

async fn captures(mut lives: Lives) -> Lives {
    let sessions = supervisor().await;
    while let Some(n) = lives.next().await {
        let bomb = Bomb::new();
        let spec = ChildSpec::new(move |_| {
            let _held = &bomb;
            (Holder, (Place::Callback, None))
        });
        let start = sessions.start_session(&id(n), spec).await;
        drop(start.expect("starts"));
        sessions.stop_session(&id(n)).await.expect("it runs");
    }
    lives
}
