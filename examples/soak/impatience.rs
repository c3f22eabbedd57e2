//! Scenes on an owned id with many callers at once, some of whom give up after a few milliseconds:
//! those who wait for one launch share it, and nothing is launched for callers who have gone.

use std::time::Duration;

use session_supervisor::Ensured;
use session_supervisor::error::{EnsureError, StartError};
use tokio::task::JoinSet;

use crate::ask::ask;
use crate::owner::Owned;
use crate::session::{Plan, StartKind};
use crate::succession::Over;
use crate::tally::{self, Deed};

const CALLERS: u64 = 8;

/// While a launch waits, others ask for it. Those who stay share its outcome; a start in line whose
/// caller has gone is not begun.
pub(crate) async fn callers_who_give_up(own: &mut Owned<'_>) -> Result<(), Over> {
    let sessions = &own.instance.sessions;
    let fails = own.rng.one_in(2);
    let start_kind = match fails {
        true => StartKind::WaitsAndFails,
        false => StartKind::Waits,
    };
    let spec = Plan::starting([start_kind; 3]).spec(own.entry);
    own.entry.latch.send_replace(false);
    let before = own.entry.launches();

    let mut stays = JoinSet::new();
    for _ in 0..2 {
        let call = sessions.ensure_session(own.id(), spec.clone());
        stays.spawn(ask(Deed::Ensure, call));
    }
    // The launch has begun, so that all others find it under way.
    own.until_or_over(|| own.entry.launches() > before, "launched")
        .await?;
    let mut goes = JoinSet::new();
    for n in 0..CALLERS {
        let patience = Duration::from_millis(own.rng.next() % 6);
        let (ensure, start) = (
            sessions.ensure_session(own.id(), spec.clone()),
            sessions.start_session(own.id(), spec.clone()),
        );
        goes.spawn(async move {
            let gave_up = match n % 2 {
                0 => tokio::time::timeout(patience, ensure).await.is_err(),
                _ => tokio::time::timeout(patience, start).await.is_err(),
            };
            tally::did(Deed::Ensure);
            gave_up
        });
    }
    let mut all_gave_up = true;
    while let Some(gave_up) = goes.join_next().await {
        all_gave_up &= gave_up.unwrap_or(false);
        tally::GIVEN_UP.one();
    }
    own.check(all_gave_up, || {
        "a launch waits, and one who asked for it has an answer".to_owned()
    })?;
    own.entry.latch.send_replace(true);
    let mut created = 0;
    while let Some(answer) = stays.join_next().await {
        let fits = match &answer {
            Ok(Ok(Ensured::Created(_))) => {
                created += 1;
                !fails
            }
            // The second is late, if it comes when the latch is open.
            Ok(Ok(Ensured::Joined(_) | Ensured::Existing(_))) => !fails,
            // The second may come when the first has its answer.
            Ok(Err(EnsureError::Start(StartError::Failed { .. }))) => fails,
            Ok(Err(EnsureError::Start(StartError::SupervisorDown))) => {
                return Err(own.instance.over("an ensure says that it is down"));
            }
            _ => false,
        };
        own.check(fits, || {
            format!("{start_kind:?}, and an ensure says {answer:?}")
        })?;
    }
    own.check(fails || created == 1, || {
        format!("two ensures made {created}")
    })?;
    if !fails {
        own.is_stopped().await?;
    }
    let launches = own.entry.launches() - before;
    // Both who stay have asked before it was unlatched, or the second has asked anew after a
    // failure.
    let most = if fails { 2 } else { 1 };
    own.check(launches <= most, || {
        format!("{launches} launches for two callers who share one, and others who have gone")
    })?;
    let good = own.is_started(Plan::FINE).await?;
    own.runs(&good, 1).await?;
    own.is_stopped().await.map(drop)
}

/// Restarts by hand that wait for one share it.
pub(crate) async fn many_restarts_by_hand(own: &mut Owned<'_>) -> Result<(), Over> {
    let sessions = &own.instance.sessions;
    // The second life waits; all others ask meanwhile.
    let plan = Plan::starting([StartKind::Fine, StartKind::Waits, StartKind::Fine]);
    own.entry.latch.send_replace(false);
    own.is_started(plan).await?;
    let before = own.entry.launches();
    let mut restarts = JoinSet::new();
    for _ in 0..CALLERS {
        let restart = sessions.restart_session(own.id());
        restarts.spawn(ask(Deed::Restart, restart));
    }
    own.until_or_over(|| own.entry.launches() > before, "launched")
        .await?;
    own.entry.latch.send_replace(true);
    let mut actors = Vec::new();
    while let Some(answer) = restarts.join_next().await {
        match answer {
            Ok(Ok(cell)) => actors.push(cell.get_id()),
            other => own.check(false, || format!("one of many restarts says {other:?}"))?,
        }
    }
    let launches = own.entry.launches() - before;
    // One for those who came while it was stopped or launched, one for those who came after. A
    // caller that is late on a busy machine may find it running again.
    own.check(launches <= CALLERS / 2, || {
        format!("{CALLERS} restarts at once are {launches} launches: {actors:?}")
    })?;
    own.is_stopped().await.map(drop)
}
