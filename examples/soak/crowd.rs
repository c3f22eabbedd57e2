//! The crowd: workers that do anything to the ids that they share. Of each answer they know only
//! whether it is one that could be given.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use session_supervisor::error::{EnsureError, RestartError, StartError, StopError};
use session_supervisor::{Backoff, ChildSpec, Restart, SessionState, Shutdown};

use crate::ask::ask_for_a_while;
use crate::census::Entry;
use crate::drop_kinds::{Careful, DropKind, drop_answer};
use crate::figures;
use crate::grove;
use crate::rng::Rng;
use crate::session::{GRACE, LONG, Msg, Plan, SHORT, Session, StartKind, StopKind};
use crate::stalls;
use crate::succession::{Instance, Kind, Over, PARKED, PLACES, Succession};
use crate::tally::{self, Deed};
use crate::verdict::must;

/// How many ids the crowd of a succession shares. More than [`PLACES`].
pub(crate) const SHARED: usize = 12;

/// One step of one worker.
pub(crate) async fn step(succession: &Succession, rng: &mut Rng) {
    let instance = succession.current();
    instance.step(rng).await;
    let n = rng.below(SHARED);
    let entry = Arc::clone(instance.census.entry(n));
    // Each third of them is a tree, whichever worker starts it.
    let done = match n % 3 {
        2 => grove::one(&instance, &entry, rng).await,
        _ => one(&instance, &entry, rng).await,
    };
    if done.is_err() {
        succession.renew(&instance).await;
    }
}

async fn one(instance: &Instance, entry: &Arc<Entry>, rng: &mut Rng) -> Result<(), Over> {
    match rng.below(100) {
        0..25 => start(instance, entry, rng).await,
        25..40 => ensure(instance, entry, rng).await,
        40..52 => stop(instance, entry, rng).await,
        52..62 => restart(instance, entry, rng).await,
        62..68 => info(instance, entry, rng).await,
        68..70 => list(instance, rng).await,
        70..74 => count(instance, rng).await,
        _ => {
            touch(instance, entry, rng).await;
            Ok(())
        }
    }
}

/// Mostly a sound session; else one of the others.
pub(crate) fn plan(rng: &mut Rng) -> Plan {
    const START_KINDS: [StartKind; 7] = [
        StartKind::Fine,
        StartKind::Fine,
        StartKind::Fails,
        StartKind::Panics,
        StartKind::StartFunctionFails,
        StartKind::StartFunctionPanics,
        StartKind::Ignored,
    ];
    const KINDS: [Restart; 4] = [
        Restart::Permanent,
        Restart::Transient,
        Restart::Transient,
        Restart::Temporary,
    ];
    let mut plan = Plan::FINE.restart(rng.pick(&KINDS));
    if rng.one_in(6) {
        // From the third on they are fine. One that fails for ever, but too slowly for its limit,
        // is tried again for ever, and callers that start its id wait for it, until it is stopped.
        plan.start_kinds = [
            rng.pick(&START_KINDS),
            rng.pick(&START_KINDS),
            StartKind::Fine,
        ];
    }
    if rng.one_in(24) {
        plan.start_kinds[rng.below(2)] = StartKind::Hangs;
        plan.start_timeout = SHORT;
    }
    if rng.one_in(8) {
        plan.stop_kind = rng.pick(&[StopKind::Fails, StopKind::Panics, StopKind::Fine]);
    }
    if rng.one_in(24) {
        plan.stop_kind = StopKind::Lingers;
    }
    if rng.one_in(12) {
        // What blocks a worker of the runtime delays all tasks, so it is rare and short.
        plan.drop_kind = match rng.below(8) {
            0 => DropKind::Blocks(1 + rng.next() % 10),
            _ => DropKind::Panics,
        };
    }
    // Nothing in a crowd hangs for ever: whom a stranger has drained, the supervisor gives all the
    // time that it takes, and callers that start its id wait for it, until it is stopped.
    plan.shutdown = match rng.below(8) {
        0 | 1 => Shutdown::BrutalKill,
        2 => Shutdown::Drain(GRACE),
        _ => Shutdown::Timeout(GRACE),
    };
    plan
}

fn spec(plan: Plan, entry: &Arc<Entry>, rng: &mut Rng) -> ChildSpec<Session> {
    let spec = plan.spec(entry);
    match rng.below(4) {
        0 => {
            let (first, max) = (Duration::from_millis(1), Duration::from_millis(8));
            spec.backoff(Backoff::exponential(first, max).with_jitter())
        }
        _ => spec,
    }
}

/// Whether a start with this plan may fail like this, in this succession.
pub(crate) fn start_may_fail(
    instance: &Instance,
    plan: &Plan,
    error: &StartError,
) -> Result<bool, Over> {
    let first = plan.start_kinds[0];
    Ok(match error {
        StartError::AlreadyStarted { .. } | StartError::Stopped => true,
        StartError::Ignored => first == StartKind::Ignored,
        StartError::Failed { .. } => !matches!(
            first,
            StartKind::Fine | StartKind::Ignored | StartKind::Hangs
        ),
        StartError::TimedOut => plan.start_timeout < LONG,
        StartError::NameTaken { .. } => instance.has_predecessor(),
        StartError::Parked => instance.kind.parks(),
        StartError::MaxSessions { max } => instance.kind == Kind::Crowded && *max == PLACES,
        StartError::SupervisorDown | StartError::Draining => {
            return Err(instance.over("a start says that it is down"));
        }
        StartError::Stuck => stalls::is_busy(),
        _ => false,
    })
}

async fn start(instance: &Instance, entry: &Arc<Entry>, rng: &mut Rng) -> Result<(), Over> {
    let plan = plan(rng);
    let spec = spec(plan, entry, rng);
    let start = instance.sessions.start_session(&entry.id, spec);
    let answer = ask_for_a_while(rng, Deed::Start, start).await;
    let judged = match &answer {
        Some(Err(error)) => match start_may_fail(instance, &plan, error) {
            Ok(legal) => instance.must(legal, || format!("a start of {plan:?} says: {error}")),
            Err(over) => Err(over),
        },
        Some(Ok(_)) => instance.must(
            matches!(plan.start_kinds[0], StartKind::Fine | StartKind::Hangs),
            || format!("a start of {plan:?} succeeds"),
        ),
        None => Ok(()),
    };
    drop_answer(answer);
    judged
}

async fn ensure(instance: &Instance, entry: &Arc<Entry>, rng: &mut Rng) -> Result<(), Over> {
    let plan = plan(rng);
    let spec = spec(plan, entry, rng);
    let ensure = instance.sessions.ensure_session(&entry.id, spec);
    let answer = ask_for_a_while(rng, Deed::Ensure, ensure).await;
    let judged = match &answer {
        Some(Err(EnsureError::Start(StartError::AlreadyStarted { .. }))) => {
            instance.must(false, || "an ensure says: already started".to_owned())
        }
        Some(Err(EnsureError::Start(error))) => {
            // It may have joined another one's launch, and then shares its outcome.
            let shared = matches!(
                error,
                StartError::Ignored | StartError::Failed { .. } | StartError::TimedOut
            );
            match start_may_fail(instance, &plan, error) {
                Ok(legal) => instance.must(shared || legal, || {
                    format!("an ensure of {plan:?} says: {error}")
                }),
                Err(over) => Err(over),
            }
        }
        Some(Err(error)) => instance.must(false, || format!("an ensure says: {error}")),
        Some(Ok(_)) | None => Ok(()),
    };
    drop_answer(answer);
    judged
}

pub(crate) async fn stop(
    instance: &Instance,
    entry: &Arc<Entry>,
    rng: &mut Rng,
) -> Result<(), Over> {
    let stop = instance.sessions.stop_session(&entry.id);
    let answer = ask_for_a_while(rng, Deed::Stop, stop).await;
    let judged = match &answer {
        Some(Err(StopError::SupervisorDown)) => Err(instance.over("a stop says that it is down")),
        Some(Err(StopError::Stuck)) if stalls::is_busy() => Ok(()),
        Some(Err(StopError::NotFound)) | Some(Ok(_)) | None => Ok(()),
        Some(Err(error)) => instance.must(false, || format!("a stop says: {error}")),
    };
    drop_answer(answer);
    judged
}

pub(crate) async fn restart(
    instance: &Instance,
    entry: &Arc<Entry>,
    rng: &mut Rng,
) -> Result<(), Over> {
    let restart = instance.sessions.restart_session(&entry.id);
    let answer = ask_for_a_while(rng, Deed::Restart, restart).await;
    let judged = match &answer {
        Some(Err(RestartError::SupervisorDown | RestartError::Draining)) => {
            Err(instance.over("a restart says that it is down"))
        }
        Some(Err(error)) => {
            let legal = match error {
                RestartError::NotFound
                | RestartError::Ignored
                | RestartError::Failed { .. }
                | RestartError::TimedOut
                | RestartError::Stopped => true,
                RestartError::Stuck => stalls::is_busy(),
                RestartError::NameTaken { .. } => instance.has_predecessor(),
                RestartError::MaxSessions { max } => {
                    instance.kind == Kind::Crowded && *max == PLACES
                }
                _ => false,
            };
            instance.must(legal, || format!("a restart says: {error}"))
        }
        Some(Ok(_)) | None => Ok(()),
    };
    drop_answer(answer);
    judged
}

pub(crate) async fn info(instance: &Instance, entry: &Entry, rng: &mut Rng) -> Result<(), Over> {
    let info = instance.sessions.session_info(&entry.id);
    let answer = ask_for_a_while(rng, Deed::Info, info).await;
    let judged = match &answer {
        Some(Err(_)) => Err(instance.over("an info says that it is down")),
        Some(Ok(Some(info))) => {
            must(info.id == *entry.id, || {
                format!("asked for {}, told of {}", entry.id, info.id)
            });
            let fits = match info.state {
                SessionState::Running => info.cell.is_some(),
                SessionState::Parked => info.cell.is_none() && info.last_exit.is_some(),
                _ => true,
            };
            instance.must(fits, || format!("told of {info:?}"))
        }
        Some(Ok(None)) | None => Ok(()),
    };
    drop_answer(answer);
    judged
}

async fn list(instance: &Instance, rng: &mut Rng) -> Result<(), Over> {
    let list = instance.sessions.list_sessions();
    let list = match ask_for_a_while(rng, Deed::List, list).await {
        Some(Err(_)) => return Err(instance.over("a list says that it is down")),
        Some(Ok(list)) => Careful::new(list),
        None => return Ok(()),
    };
    let ids: HashSet<_> = list.iter().map(|info| info.id.clone()).collect();
    must(ids.len() == list.len(), || {
        format!("listed twice: {list:?}")
    });
    let known: HashSet<_> = (instance.census.entries().iter())
        .map(|entry| entry.id.as_str())
        .collect();
    must(ids.iter().all(|id| known.contains(id.as_str())), || {
        format!("listed, but never started: {list:?}")
    });
    drop_answer(list);
    Ok(())
}

async fn count(instance: &Instance, rng: &mut Rng) -> Result<(), Over> {
    let count = instance.sessions.count_sessions();
    let counts = match ask_for_a_while(rng, Deed::Count, count).await {
        Some(Err(_)) => return Err(instance.over("a count says that it is down")),
        Some(Ok(counts)) => counts,
        None => return Ok(()),
    };
    let running = counts.active + counts.starting + counts.restarting + counts.stopping;
    let adds_up = counts.specs == running + counts.parked + counts.stuck
        && counts.specs == counts.workers + counts.supervisors
        && (counts.stuck == 0 || stalls::is_busy())
        && counts.specs <= instance.census.entries().len()
        && (instance.kind != Kind::Crowded || counts.places() <= PLACES)
        && (instance.kind != Kind::Discarding || counts.parked <= PARKED);
    must(adds_up, || format!("counted {counts:?}"));
    figures::look(instance);
    Ok(())
}

/// Finds a session and does something to its actor.
async fn touch(instance: &Instance, entry: &Entry, rng: &mut Rng) {
    tally::did(Deed::Find);
    let found = instance.sessions.find_session_as::<Msg>(&entry.id);
    let Ok(session) = found else {
        return;
    };
    let tell = |message| drop(session.cast(message));
    match rng.below(64) {
        0..40 => {
            let call = session.call(Msg::Work, None);
            // A session that lingers lets all callers wait.
            drop(tokio::time::timeout(GRACE, call).await);
            tally::did(Deed::Work);
        }
        40..48 => {
            tell(Msg::Fail);
            tally::did(Deed::Crash);
        }
        48..52 => {
            tell(Msg::Panic);
            tally::did(Deed::Crash);
        }
        52 => tell(Msg::Linger),
        53 => tell(Msg::Unlink),
        54 => tell(Msg::Leave),
        55..58 => {
            session.stop(Some("told by a stranger".to_owned()));
            tally::did(Deed::ForeignStop);
        }
        58..60 => {
            drop(session.drain());
            tally::did(Deed::ForeignDrain);
        }
        _ => {
            session.kill();
            tally::did(Deed::ForeignKill);
        }
    }
}
