//! A scene on an owned id: a session that saves a value. After a crash the next life has the value
//! that was saved last, and never that of another id; after a stop there is none.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ractor::{ActorProcessingErr, ActorRef, RpcReplyPort};
use session_supervisor::error::{CheckpointError, StartError};
use session_supervisor::{Checkpoint, ChildSpec, Launch, Shutdown};

use crate::ask::ask;
use crate::census::{Alive, Entry};
use crate::owner::Owned;
use crate::session::LONG;
use crate::succession::Over;
use crate::tally::{self, Deed};
use crate::verdict::PLANNED;

/// What is saved.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Saved {
    id: String,
    number: u64,
}

enum Ask {
    /// Saves a value, and answers its number.
    Save(RpcReplyPort<u64>),
    /// Answers what it found when it was started: none, or the id and the number.
    Found(RpcReplyPort<Option<Arc<Saved>>>),
    /// Answers its handle.
    Handle(RpcReplyPort<Checkpoint<Saved>>),
    Fail,
    Panic,
}

#[cfg(feature = "cluster")]
impl ractor::Message for Ask {}

#[derive(Debug)]
struct Saver;

#[derive(Debug)]
struct State {
    alive: Alive,
    checkpoint: Checkpoint<Saved>,
    found: Option<Arc<Saved>>,
}

#[ractor::actor(message = Ask, state = State, arguments = State)]
impl Saver {
    async fn pre_start(
        &self,
        _myself: ActorRef<Ask>,
        mut state: State,
    ) -> Result<State, ActorProcessingErr> {
        state.alive.is_up();
        Ok(state)
    }

    async fn handle(
        &self,
        _myself: ActorRef<Ask>,
        message: Ask,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        match message {
            Ask::Save(reply) => {
                let number = NUMBER.fetch_add(1, Ordering::Relaxed);
                let id = state.alive.entry().id.clone();
                state.checkpoint.save(Saved { id, number })?;
                drop(reply.send(number));
            }
            Ask::Found(reply) => drop(reply.send(state.found.clone())),
            Ask::Handle(reply) => drop(reply.send(state.checkpoint.clone())),
            Ask::Fail => return Err("told to fail".into()),
            Ask::Panic => panic!("{PLANNED}told to panic"),
        }
        Ok(())
    }
}

fn spec(entry: &Arc<Entry>) -> ChildSpec<Saver> {
    let spec = ChildSpec::from_fn_with(Arc::clone(entry), |entry, start| async move {
        let alive = Alive::begin(entry, start.incarnation);
        let checkpoint = start.checkpoint();
        let found = checkpoint.get()?;
        let state = State {
            alive,
            checkpoint,
            found,
        };
        Ok(Launch::Actor(Saver, state))
    });
    spec.restart_limit(9, LONG).shutdown(Shutdown::Infinity)
}

/// Two sessions after another under one id, each of which crashes several times.
pub(crate) async fn one_that_saves(own: &mut Owned<'_>) -> Result<(), Over> {
    for _ in 0..2 {
        let mut saver = started(own).await?;
        found(own, &saver, None).await?;
        let mut last = None;
        let mut handle = None;
        for life in 2..3 + own.rng.next() % 3 {
            for _ in 0..own.rng.below(3) {
                last = Some(told(own, &saver, Ask::Save).await?);
            }
            handle = Some(told(own, &saver, Ask::Handle).await?);
            saver = next_life(own, saver, life).await?;
            tally::SAVES.one();
            found(own, &saver, last).await?;
            let late = handle.as_ref().map(Checkpoint::get);
            let superseded = matches!(late, Some(Err(CheckpointError::Superseded { .. })));
            own.check(superseded, || {
                format!("life {life} has the checkpoint, and the handle before it {late:?}")
            })?;
        }
        own.is_stopped().await?;
        let late = handle.as_ref().map(Checkpoint::get);
        let refused = matches!(late, None | Some(Err(_)));
        own.check(refused, || format!("it is gone, and a handle has {late:?}"))?;
    }
    Ok(())
}

async fn started(own: &Owned<'_>) -> Result<ActorRef<Ask>, Over> {
    let start = own
        .instance
        .sessions
        .start_session(own.id(), spec(own.entry));
    match ask(Deed::Start, start).await {
        Ok(saver) => Ok(saver),
        Err(StartError::SupervisorDown | StartError::Draining) => {
            Err(own.instance.over("a start says that it is down"))
        }
        Err(error) => {
            own.check(false, || format!("a start says: {error}"))?;
            Err(Over)
        }
    }
}

/// Ends a life, and waits for the next.
async fn next_life(
    own: &mut Owned<'_>,
    saver: ActorRef<Ask>,
    life: u64,
) -> Result<ActorRef<Ask>, Over> {
    match own.rng.below(4) {
        0 => drop(saver.cast(Ask::Fail)),
        1 => drop(saver.cast(Ask::Panic)),
        2 => saver.kill(),
        _ => {
            let restart = own.instance.sessions.restart_session(own.id());
            let restarted = ask(Deed::Restart, restart).await;
            own.check(restarted.is_ok(), || {
                format!("a restart says {restarted:?}")
            })?;
        }
    }
    tally::did(Deed::Crash);
    own.is_up(life).await?;
    let next = own.instance.sessions.await_session::<Ask>(own.id());
    match ask(Deed::Await, next).await {
        Ok(next) => Ok(next),
        Err(error) => {
            own.check(false, || format!("life {life} is up, and is not: {error}"))?;
            Err(Over)
        }
    }
}

async fn told<T: Send + 'static>(
    own: &Owned<'_>,
    saver: &ActorRef<Ask>,
    question: impl FnOnce(RpcReplyPort<T>) -> Ask,
) -> Result<T, Over> {
    match ask(Deed::Work, saver.call(question, None)).await {
        Ok(ractor::rpc::CallResult::Success(answer)) => Ok(answer),
        _ => {
            own.check(false, || "it runs, and does not answer".to_owned())?;
            Err(Over)
        }
    }
}

/// What it found is what was saved last under its id.
async fn found(own: &Owned<'_>, saver: &ActorRef<Ask>, last: Option<u64>) -> Result<(), Over> {
    let found = told(own, saver, Ask::Found).await?;
    let saved = last.map(|number| Saved {
        id: own.id().to_owned(),
        number,
    });
    own.check(found.as_deref() == saved.as_ref(), || {
        format!("{saved:?} was saved, and {found:?} is found")
    })
}
