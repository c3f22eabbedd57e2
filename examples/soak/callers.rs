//! A scene on an owned id with many callers at once: those who ensure it make one session, although
//! half of them give up; those who wait for it get that; those who wait for its end are all told it.

use std::time::Duration;

use ractor::ActorRef;
use session_supervisor::error::{AwaitError, EnsureError, StartError, WaitEndError};
use session_supervisor::{EndReason, Ensured, Exit, Restart};
use tokio::task::JoinSet;

use crate::ask::{ask, ask_and_leave};
use crate::endings::crash;
use crate::owner::Owned;
use crate::session::{Msg, Plan};
use crate::succession::Over;
use crate::tally::{self, Deed};

const CALLERS: usize = 16;

/// One session from its first caller to its end.
pub(crate) async fn many_who_wait(own: &mut Owned<'_>) -> Result<(), Over> {
    let sessions = own.instance.sessions.clone();
    let spec = Plan::FINE.restart(Restart::Temporary).spec(own.entry);
    let before = own.entry.launches();
    let mut stay = JoinSet::new();
    let mut go = JoinSet::new();
    for n in 0..CALLERS {
        let ensure = sessions.ensure_session(own.id(), spec.clone());
        if n % 2 == 0 {
            stay.spawn(ask(Deed::Ensure, ensure));
        } else if own.rng.one_in(2) {
            go.spawn(ask_and_leave(Deed::Ensure, ensure));
        } else {
            let patience = Duration::from_micros(own.rng.next() % 300);
            go.spawn(async move {
                tally::GIVEN_UP.one();
                drop(tokio::time::timeout(patience, ensure).await);
            });
        }
    }
    let mut wait = JoinSet::new();
    for _ in 0..CALLERS / 4 {
        wait.spawn(ask(Deed::Await, sessions.await_session::<Msg>(own.id())));
    }
    let mut all: Vec<ActorRef<Msg>> = Vec::new();
    while let Some(answer) = stay.join_next().await {
        match answer {
            Ok(Ok(
                Ensured::Created(session) | Ensured::Existing(session) | Ensured::Joined(session),
            )) => all.push(session),
            Ok(Err(EnsureError::Start(StartError::SupervisorDown | StartError::Draining))) => {
                return Err(own.instance.over("an ensure says that it is down"));
            }
            other => own.check(false, || format!("one of many ensures says {other:?}"))?,
        }
    }
    while let Some(answer) = wait.join_next().await {
        match answer {
            Ok(Ok(session)) => all.push(session),
            // It came before all others.
            Ok(Err(AwaitError::NotFound)) => {}
            Ok(Err(AwaitError::SupervisorDown | AwaitError::Draining)) => {
                return Err(own.instance.over("a wait says that it is down"));
            }
            other => own.check(false, || format!("one who waits is told {other:?}"))?,
        }
    }
    drop(go.join_all().await);
    let launches = own.entry.launches() - before;
    let Some(session) = all.pop() else {
        return own.check(false, || "many ensures are not answered".to_owned());
    };
    let same = all.iter().all(|other| other.get_id() == session.get_id());
    own.check(same && launches == 1, || {
        format!("{launches} launches for many who ensure it: {session:?}, {all:?}")
    })?;
    own.runs(&session, 1).await?;
    tally::CROWDS.one();
    ends(own, &session).await
}

/// All who wait for its end are told the same.
async fn ends(own: &mut Owned<'_>, session: &ActorRef<Msg>) -> Result<(), Over> {
    let sessions = own.instance.sessions.clone();
    let mut wait = JoinSet::new();
    for n in 0..CALLERS / 2 {
        let end = sessions.wait_end(own.id());
        match n % 4 {
            3 => ask_and_leave(Deed::WaitEnd, end).await,
            _ => drop(wait.spawn(ask(Deed::WaitEnd, end))),
        }
    }
    // A question that comes after the end is told that there is nothing.
    let stopped = own.rng.one_in(2);
    match stopped {
        true => drop(own.is_stopped().await?),
        false => crash(session, own.rng),
    }
    while let Some(end) = wait.join_next().await {
        let fits = match &end {
            Ok(Ok(end)) => match (&end.exit, end.why) {
                (Exit::Shutdown, EndReason::Requested) => stopped,
                (Exit::Failed { .. } | Exit::Killed, EndReason::Itself) => !stopped,
                _ => false,
            },
            Ok(Err(WaitEndError::NotFound)) => true,
            Ok(Err(WaitEndError::SupervisorDown)) => {
                return Err(own.instance.over("a wait says that it is down"));
            }
            _ => false,
        };
        own.check(fits, || {
            format!("one who waits for its end is told {end:?}")
        })?;
    }
    own.until("forgotten", Option::is_none).await?;
    drop(own.stop().await?);
    let none = ask(Deed::Await, sessions.await_session::<Msg>(own.id())).await;
    own.check(matches!(none, Err(AwaitError::NotFound)), || {
        format!("it is gone, and a wait for it says {none:?}")
    })
}
