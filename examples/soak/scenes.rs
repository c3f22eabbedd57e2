//! Scenes on an owned id: starts, restarts by hand, and callers of all kinds.

use session_supervisor::error::{EnsureError, RestartError, StartError, StopError};
use session_supervisor::{ChildSpec, Ensured, Exit, Restart};

use crate::ask::{ask, ask_and_leave, never_ask};
use crate::owner::Owned;
use crate::session::{Msg, Plan, SHORT, StartKind, StopKind, Stranger};
use crate::succession::Over;
use crate::tally::{self, Deed};

/// Started, found by a second start, restarted by hand, stopped.
pub(crate) async fn an_uneventful_life(own: &mut Owned<'_>) -> Result<(), Over> {
    let first = own.is_started(Plan::FINE).await?;
    own.runs(&first, 1).await?;
    let again = own.start(Plan::FINE).await?;
    let told = match &again {
        Err(error @ StartError::AlreadyStarted { .. }) => error.already_started::<Msg>(),
        _ => None,
    };
    own.check(
        told.is_some_and(|told| told.get_id() == first.get_id()),
        || format!("it runs, and a start says {again:?}"),
    )?;
    let spec = ChildSpec::new(|_| (Stranger, ()));
    let ensure = ask(
        Deed::Ensure,
        own.instance.sessions.ensure_session(own.id(), spec),
    );
    let wrong = ensure.await;
    own.check(
        matches!(wrong, Err(EnsureError::WrongMessageType { .. })),
        || format!("it takes other messages, and an ensure says {wrong:?}"),
    )?;
    let mut last = first;
    for life in 2..4 {
        let next = own.is_restarted().await?;
        own.check(last.cast(Msg::Leave).is_err(), || {
            format!("life {life} runs, and the one before takes messages")
        })?;
        own.runs(&next, life).await?;
        last = next;
    }
    let exit = own.is_stopped().await?;
    own.check(exit == Exit::Shutdown, || {
        format!("a good one was stopped: {exit}")
    })
}

/// A first start that fails leaves nothing behind.
pub(crate) async fn a_failed_start(own: &mut Owned<'_>) -> Result<(), Over> {
    let start_kind = own.rng.pick(&[
        StartKind::Fails,
        StartKind::Panics,
        StartKind::StartFunctionFails,
        StartKind::StartFunctionPanics,
        StartKind::Ignored,
        StartKind::Hangs,
    ]);
    let plan = Plan::starting([start_kind; 3]).restart(Restart::Permanent);
    if start_kind == StartKind::Hangs {
        let answer = own.start(plan.start_timeout(SHORT)).await?;
        own.check(matches!(answer, Err(StartError::TimedOut)), || {
            format!("it hangs, and its start says {answer:?}")
        })?;
        // The starter is told at once, and the id is free when the launch is really gone.
        return match own.stop().await? {
            Ok(Exit::NotRunning) | Err(StopError::NotFound) => Ok(()),
            other => own.check(false, || format!("it never ran, and a stop says {other:?}")),
        };
    }
    let answer = own.start(plan).await?;
    let fits = match start_kind {
        StartKind::Ignored => matches!(answer, Err(StartError::Ignored)),
        _ => matches!(answer, Err(StartError::Failed { .. })),
    };
    own.check(fits, || {
        format!("{start_kind:?}, and its start says {answer:?}")
    })
}

/// A restart that fails is told, and tried again.
pub(crate) async fn a_failed_restart(own: &mut Owned<'_>) -> Result<(), Over> {
    let start_kind = own.rng.pick(&[
        StartKind::Fails,
        StartKind::Panics,
        StartKind::StartFunctionFails,
        StartKind::StartFunctionPanics,
    ]);
    let plan = Plan::starting([StartKind::Fine, start_kind, StartKind::Fine]).limit(9);
    let first = own.is_started(plan).await?;
    let by_hand = own.rng.one_in(2);
    if by_hand {
        let answer = own.restart().await?;
        own.check(matches!(answer, Err(RestartError::Failed { .. })), || {
            format!("{start_kind:?}, and its restart says {answer:?}")
        })?;
    } else {
        drop(first.cast(Msg::Fail));
        tally::did(Deed::Crash);
    }
    own.is_up(3).await?;
    let info = own.info().await?;
    let restarts = if by_hand { 1 } else { 2 };
    let fits =
        (info.as_ref()).is_some_and(|info| (info.incarnation, info.restarts) == (3, restarts));
    own.check(fits, || format!("{restarts} restarts, told of {info:?}"))?;
    own.is_stopped().await.map(drop)
}

/// A restart that hangs is told when its time is over, and tried again until it is stopped.
pub(crate) async fn a_hung_restart(own: &mut Owned<'_>) -> Result<(), Over> {
    let plan = Plan::starting([StartKind::Fine, StartKind::Hangs, StartKind::Hangs]).limit(9);
    // The time of the first launch is as short, and may be too short on a busy machine.
    if let Err(StartError::TimedOut) = own.start(plan.start_timeout(SHORT)).await? {
        drop(own.stop().await?);
        return Ok(());
    }
    let answer = own.restart().await?;
    own.check(matches!(answer, Err(RestartError::TimedOut)), || {
        format!("it hangs, and its restart says {answer:?}")
    })?;
    let exit = own.is_stopped().await?;
    own.check(exit == Exit::NotRunning, || {
        format!("it hung, and was stopped: {exit}")
    })
}

/// What was asked is done although no caller waits for it; what was not polled was not asked.
pub(crate) async fn callers_who_leave(own: &mut Owned<'_>) -> Result<(), Over> {
    let sessions = &own.instance.sessions;
    let spec = Plan::FINE.spec(own.entry);
    never_ask(sessions.start_session(own.id(), spec.clone()));
    let info = own.info().await?;
    own.check(info.is_none(), || format!("never asked, told of {info:?}"))?;

    ask_and_leave(Deed::Start, sessions.start_session(own.id(), spec.clone())).await;
    let ensure = sessions.ensure_session(own.id(), spec.clone());
    let found = ask(Deed::Ensure, ensure).await;
    let Ok(Ensured::Existing(first) | Ensured::Joined(first)) = found else {
        return own.check(false, || {
            format!("a start was left, and an ensure says {found:?}")
        });
    };
    own.runs(&first, 1).await?;

    ask_and_leave(Deed::Restart, sessions.restart_session(own.id())).await;
    let next = own.start(Plan::FINE).await?;
    let restarted = matches!(&next, Err(error @ StartError::AlreadyStarted { .. })
        if error.already_started::<Msg>().is_some_and(|next| next.get_id() != first.get_id()));
    own.check(restarted, || {
        format!("a restart was left, and a start says {next:?}")
    })?;

    ask_and_leave(Deed::Stop, sessions.stop_session(own.id())).await;
    let anew = own.is_started(Plan::FINE).await?;
    own.runs(&anew, 1).await?;
    own.is_stopped().await?;

    let hung = Plan::starting([StartKind::Hangs; 3]).spec(own.entry);
    ask_and_leave(Deed::Start, sessions.start_session(own.id(), hung)).await;
    let exit = own.is_stopped().await?;
    own.check(exit == Exit::NotRunning, || {
        format!("it hung in its start, and was stopped: {exit}")
    })
}

/// One start for all who ensure at once, one winner among those who start, one end for all who
/// stop.
pub(crate) async fn many_callers_at_once(own: &mut Owned<'_>) -> Result<(), Over> {
    let sessions = &own.instance.sessions;
    let ensure = || {
        let spec = Plan::FINE.spec(own.entry);
        ask(Deed::Ensure, sessions.ensure_session(own.id(), spec))
    };
    let (a, b, c) = tokio::join!(ensure(), ensure(), ensure());
    let (mut made, mut actors) = (0, Vec::new());
    for answer in [a, b, c] {
        match answer {
            Ok(found) => {
                made += usize::from(matches!(found, Ensured::Created(_)));
                actors.push(found.into_inner().get_id());
            }
            Err(error) => own.check(false, || format!("an ensure says: {error}"))?,
        }
    }
    actors.dedup();
    own.check(made == 1 && actors.len() == 1, || {
        format!("{made} of three ensures made {actors:?}")
    })?;
    let stop = || ask(Deed::Stop, sessions.stop_session(own.id()));
    let (a, b, c) = tokio::join!(stop(), stop(), stop());
    let all = [a, b, c];
    let fits = all[0] == Ok(Exit::Shutdown)
        && (all.iter()).all(|stop| matches!(stop, Ok(Exit::Shutdown) | Err(StopError::NotFound)));
    own.check(fits, || format!("three stops say {all:?}"))?;
    own.nothing_is_left("three have stopped it");
    let start = || {
        let spec = Plan::FINE.spec(own.entry);
        ask(Deed::Start, sessions.start_session(own.id(), spec))
    };
    let (a, b, c) = tokio::join!(start(), start(), start());
    let all = [a, b, c];
    let won = all.iter().filter(|start| start.is_ok()).count();
    let lost = (all.iter())
        .filter(|start| matches!(start, Err(StartError::AlreadyStarted { .. })))
        .count();
    own.check((won, lost) == (1, 2), || {
        format!("three starts say {all:?}")
    })?;
    own.is_stopped().await.map(drop)
}

/// A stop ends a launch that would never have been done, and its starter is told.
pub(crate) async fn a_stop_before_the_start_is_done(own: &mut Owned<'_>) -> Result<(), Over> {
    let sessions = &own.instance.sessions;
    let hung = Plan::starting([StartKind::Hangs; 3]).spec(own.entry);
    let queued = Plan::FINE.spec(own.entry);
    let (start, second, stop) = tokio::join!(
        ask(Deed::Start, sessions.start_session(own.id(), hung)),
        ask(Deed::Start, sessions.start_session(own.id(), queued)),
        ask(Deed::Stop, sessions.stop_session(own.id())),
    );
    let fits = matches!(start, Err(StartError::Stopped))
        && matches!(second, Err(StartError::Stopped))
        && stop == Ok(Exit::NotRunning);
    own.check(fits, || {
        format!("it hung and was stopped: {start:?}, {second:?}, {stop:?}")
    })
}

/// It is not found any more, but listed and stopped.
pub(crate) async fn one_that_leaves_its_supervisor(own: &mut Owned<'_>) -> Result<(), Over> {
    let stop_kind = own.rng.pick(&[StopKind::Fine, StopKind::Fails]);
    let session = own.is_started(Plan::stopping(stop_kind)).await?;
    drop(session.cast(Msg::Unlink));
    // Its answer comes after it has left.
    drop(ask(Deed::Work, session.call(Msg::Work, None)).await);
    tally::did(Deed::Find);
    let found = own.instance.sessions.find_session(own.id());
    own.check(found.is_none(), || format!("it left, found {found:?}"))?;
    let info = own.info().await?;
    own.check(
        info.as_ref().is_some_and(|info| info.cell.is_some()),
        || "it left and lives, but is not known".to_owned(),
    )?;
    let exit = own.is_stopped().await?;
    let fits = match stop_kind {
        StopKind::Fine => exit == Exit::Shutdown,
        _ => matches!(exit, Exit::Failed { .. }),
    };
    own.check(fits, || format!("it left, and was stopped: {exit}"))
}
