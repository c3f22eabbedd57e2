//! Scenes on an owned id: sessions with actors of their own below them, with values whose drops are
//! bad, with queued work; and sessions that are parked and tried again.

use session_supervisor::{Exit, Restart, SessionState, Shutdown};

use crate::ask::{ask, within};
use crate::drop_kinds::{Careful, DropKind, drop_answer};
use crate::endings::crash;
use crate::owner::Owned;
use crate::session::{LONG, Msg, Plan, StartKind, StopKind};
use crate::succession::Over;
use crate::tally::{self, Deed};

/// Below it are actors under fixed names. Whatever ends it, the next life finds them free.
pub(crate) async fn one_with_a_family(own: &mut Owned<'_>) -> Result<(), Over> {
    let plan = Plan {
        has_family: true,
        ..Plan::FINE.limit(9)
    };
    let mut session = own.is_started(plan).await?;
    tally::FAMILIES.one();
    let (mut life, mut crashes) = (1, 0);
    for _ in 0..2 + own.rng.below(3) {
        let way = own.rng.below(3);
        life += 1;
        match way {
            0 => session = own.is_restarted().await?,
            1 => {
                own.is_stopped().await?;
                session = own.is_started(plan).await?;
                (life, crashes) = (1, 0);
            }
            _ => {
                crash(&session, own.rng);
                crashes += 1;
                session = own.came_back(life, crashes).await?;
            }
        }
        own.runs(&session, life).await?;
    }
    own.is_stopped().await.map(drop)
}

/// The failure of an actor that is linked to it is its own.
pub(crate) async fn one_whose_linked_actor_fails(own: &mut Owned<'_>) -> Result<(), Over> {
    let session = own.is_started(Plan::FINE.limit(9)).await?;
    drop(session.cast(Msg::LinkedFails));
    tally::did(Deed::Crash);
    own.came_back(2, 1).await?;
    let info = own.info().await?;
    let failed =
        (info.as_ref()).is_some_and(|info| matches!(info.last_exit, Some(Exit::Failed { .. })));
    own.check(failed, || {
        format!("an actor linked to it failed, told of {info:?}")
    })?;
    own.is_stopped().await.map(drop)
}

/// Its state, its errors and its spec panic or block when they are dropped.
pub(crate) async fn one_with_bad_drops(own: &mut Owned<'_>) -> Result<(), Over> {
    let drop_kind = match own.rng.one_in(2) {
        true => DropKind::Panics,
        false => DropKind::Blocks(1 + own.rng.next() % 20),
    };
    let fails = [StartKind::Fails, StartKind::StartFunctionFails];
    let start_kind = own.rng.pick(&fails);
    let first = own
        .start(Plan::starting([start_kind; 3]).drop_kind(drop_kind))
        .await?;
    own.check(first.is_err(), || {
        format!("{start_kind:?}, and its start succeeds")
    })?;
    drop_answer(first);
    let plan = Plan::starting([StartKind::Fine, start_kind, StartKind::Fine]);
    let session = own.is_started(plan.drop_kind(drop_kind).limit(9)).await?;
    crash(&session, own.rng);
    // Its second life fails.
    own.came_back(3, 2).await?;
    drop_answer(own.is_stopped().await?);
    let stop_kinds = [StopKind::Fine, StopKind::Fails, StopKind::Takes(5)];
    let plan = Plan::stopping(own.rng.pick(&stop_kinds)).drop_kind(drop_kind);
    own.is_started(plan).await?;
    drop_answer(own.is_stopped().await?);
    Ok(())
}

/// What is in its mailbox is done before it ends.
pub(crate) async fn one_that_drains(own: &mut Owned<'_>) -> Result<(), Over> {
    const WORK: usize = 20;
    let plan = Plan {
        shutdown: Shutdown::Drain(LONG),
        ..Plan::FINE.restart(Restart::Permanent)
    };
    let session = own.is_started(plan).await?;
    let mut calls = Vec::new();
    for _ in 0..WORK {
        let (reply, answer) = ractor::concurrency::oneshot();
        drop(session.cast(Msg::Work(reply.into())));
        calls.push(answer);
    }
    let exit = own.is_stopped().await?;
    own.check(exit == Exit::Shutdown, || format!("it was drained: {exit}"))?;
    for call in calls {
        tally::did(Deed::Work);
        let answer = within(call, || "queued work is not answered".to_owned()).await;
        own.check(answer.is_ok(), || {
            "it was drained, and queued work was not done".to_owned()
        })?;
    }
    Ok(())
}

/// In a succession where the parked are tried again soon: it is parked, comes back by itself, is
/// parked again if it crashes too early, and begins anew when it has lived for long enough.
pub(crate) async fn one_on_trial(own: &mut Owned<'_>) -> Result<(), Over> {
    let short = own.rng.one_in(2);
    let mut plan = Plan::FINE.limit(0);
    if short {
        plan.window = std::time::Duration::from_millis(5);
    }
    let session = own.is_started(plan).await?;
    crash(&session, own.rng);
    tally::TRIALS.one();
    let mut life = 2;
    for _ in 0..own.rng.below(3) {
        own.is_up(life).await?;
        let Some(session) = own.running().await? else {
            return own.is_stopped().await.map(drop);
        };
        if short {
            break;
        }
        // It has not lived for its window, and is parked again.
        crash(&session, own.rng);
        life += 1;
    }
    own.is_up(life).await?;
    // Its launch is reported, so that a stop finds it running.
    let runs = own.running().await?.is_some();
    own.check(runs, || format!("life {life} is up, but does not run"))?;
    if own.rng.one_in(2) {
        let resumed = own.is_restarted().await?;
        own.runs(&resumed, life + 1).await?;
    }
    let exit = own.is_stopped().await?;
    own.check(exit == Exit::Shutdown, || {
        format!("it is on trial, and was stopped: {exit}")
    })?;
    let late = Careful::new(ask(Deed::Info, own.instance.sessions.session_info(own.id())).await);
    own.check(
        !matches!(&*late, Ok(Some(info)) if info.state == SessionState::Parked),
        || format!("it was stopped, told of {late:?}"),
    )
}
