//! Scenes on an owned id: how its session ends, and what follows.

use ractor::ActorRef;
use session_supervisor::error::StartError;
use session_supervisor::{Exit, Restart, SessionState, Shutdown};

use crate::ask::ask_and_leave;
use crate::owner::Owned;
use crate::rng::Rng;
use crate::session::{GRACE, Msg, Plan, StopKind};
use crate::succession::Over;
use crate::tally::{self, Deed};

/// An end that is not normal.
pub(crate) fn crash(session: &ActorRef<Msg>, rng: &mut Rng) {
    match rng.below(3) {
        0 => {
            drop(session.cast(Msg::Fail));
            tally::did(Deed::Crash);
        }
        1 => {
            drop(session.cast(Msg::Panic));
            tally::did(Deed::Crash);
        }
        _ => {
            session.kill();
            tally::did(Deed::ForeignKill);
        }
    }
}

/// Each crash is one restart, until the limit is used up.
pub(crate) async fn crashes_up_to_the_limit(own: &mut Owned<'_>) -> Result<(), Over> {
    let limit = own.rng.below(4);
    let allowed = u64::try_from(limit).unwrap_or(0);
    let plan = Plan::FINE.limit(u32::try_from(limit).unwrap_or(0));
    let mut session = own.is_started(plan).await?;
    for life in 1..=allowed {
        crash(&session, own.rng);
        session = own.came_back(life + 1, life).await?;
    }
    crash(&session, own.rng);
    if !own.instance.kind.parks() {
        own.until("forgotten", Option::is_none).await?;
        return released(own).await;
    }
    parked(own).await?;
    let start = own.start(plan).await?;
    own.check(matches!(start, Err(StartError::Parked)), || {
        format!("it is parked, and a start says {start:?}")
    })?;
    if own.rng.one_in(2) {
        // By hand it is not counted, and the limit begins anew.
        let resumed = own.is_restarted().await?;
        let mut life = allowed + 2;
        own.runs(&resumed, life).await?;
        let mut session = resumed;
        for n in 1..=allowed {
            crash(&session, own.rng);
            life += 1;
            session = own.came_back(life, allowed + n).await?;
        }
        crash(&session, own.rng);
        parked(own).await?;
    }
    let exit = own.is_stopped().await?;
    // It is parked at its exit, and a stop that comes before its release tells that exit.
    let fits = matches!(exit, Exit::NotRunning | Exit::Failed { .. } | Exit::Killed);
    own.check(fits, || format!("it was parked, and stopped: {exit}"))
}

async fn parked(own: &Owned<'_>) -> Result<(), Over> {
    own.until("parked", |info| {
        (info.as_ref()).is_some_and(|info| info.state == SessionState::Parked)
    })
    .await
}

/// The count and the list leave an id at the exit, its name and its state may be left a moment
/// longer. A stop waits for that.
async fn released(own: &Owned<'_>) -> Result<(), Over> {
    drop(own.stop().await?);
    Ok(())
}

/// What follows an end without a request to the supervisor is the rule of its restart kind.
pub(crate) async fn an_end_by_itself(own: &mut Owned<'_>) -> Result<(), Over> {
    let kinds = [Restart::Permanent, Restart::Transient, Restart::Temporary];
    let kind = own.rng.pick(&kinds);
    let session = own.is_started(Plan::FINE.restart(kind).limit(9)).await?;
    let way = own.rng.below(5);
    match way {
        0 => {
            session.stop(None);
            tally::did(Deed::ForeignStop);
        }
        1 => drop(session.cast(Msg::Leave)),
        2 => {
            drop(session.drain());
            tally::did(Deed::ForeignDrain);
        }
        _ => crash(&session, own.rng),
    }
    let normal = way < 3;
    let comes_back = match kind {
        Restart::Permanent => true,
        Restart::Transient => !normal,
        Restart::Temporary => false,
    };
    if comes_back {
        own.came_back(2, 1).await?;
        return own.is_stopped().await.map(drop);
    }
    if way == 2 && own.rng.one_in(2) {
        // A drain shows at once: a start waits for its end, and is the first life of a new session.
        let anew = own.is_started(Plan::FINE).await?;
        own.runs(&anew, 1).await?;
        return own.is_stopped().await.map(drop);
    }
    own.until("forgotten", Option::is_none).await?;
    if own.rng.one_in(2) {
        let anew = own.is_started(Plan::FINE).await?;
        own.runs(&anew, 1).await?;
        return own.is_stopped().await.map(drop);
    }
    released(own).await
}

/// How it ends when it is stopped is what it does, and what its rule says of that.
pub(crate) async fn a_stop_by_its_rule(own: &mut Owned<'_>) -> Result<(), Over> {
    let stop_kinds = [
        StopKind::Fine,
        StopKind::Fails,
        StopKind::Panics,
        StopKind::Hangs,
    ];
    let stop_kind = own.rng.pick(&stop_kinds);
    let mut plan = Plan::stopping(stop_kind).restart(Restart::Permanent);
    let brutal = own.rng.one_in(3);
    if brutal {
        plan.shutdown = Shutdown::BrutalKill;
    }
    let hangs = own.rng.one_in(6);
    if hangs && !brutal {
        plan.shutdown = Shutdown::Timeout(GRACE);
    }
    let session = own.is_started(plan).await?;
    if hangs {
        drop(session.cast(Msg::Hang));
    }
    if own.rng.one_in(8) {
        // A caller that stops it and does not wait changes nothing for one that does.
        ask_and_leave(Deed::Stop, own.instance.sessions.stop_session(own.id())).await;
        return released(own).await;
    }
    let exit = own.is_stopped().await?;
    let fits = match (brutal || stop_kind == StopKind::Hangs, hangs, stop_kind) {
        (true, ..) => exit == Exit::Killed,
        // It may be asked to stop before it has read the message.
        (_, true, StopKind::Fine) => matches!(exit, Exit::Killed | Exit::Shutdown),
        (_, true, _) => matches!(exit, Exit::Killed | Exit::Failed { .. }),
        (_, false, StopKind::Fine) => exit == Exit::Shutdown,
        (_, false, _) => matches!(exit, Exit::Failed { .. }),
    };
    own.check(fits, || format!("{plan:?} was stopped: {exit}"))
}

/// A stop is final, whatever else happens at the same time.
pub(crate) async fn a_stop_amid_a_crash(own: &mut Owned<'_>) -> Result<(), Over> {
    let plan = Plan::FINE.restart(Restart::Permanent).limit(9);
    let session = own.is_started(plan).await?;
    crash(&session, own.rng);
    if own.rng.one_in(2) {
        tokio::task::yield_now().await;
    }
    if own.rng.one_in(3) {
        drop(own.restart().await?);
    }
    own.is_stopped().await.map(drop)
}
