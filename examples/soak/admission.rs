//! Private supervisors that let in only so many sessions: of a group, or within a time. No more are
//! let in, and no restart is refused.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ractor::ActorRef;
use session_supervisor::error::{RejectReason, RestartError, StartError};
use session_supervisor::{Options, SessionState};
use tokio::task::JoinSet;

use crate::ask::{ask, within};
use crate::census::Entry;
use crate::closing::close;
use crate::rng::Rng;
use crate::session::{Msg, Plan};
use crate::succession::{End, Instance, alone};
use crate::tally::{self, Deed};
use crate::verdict::{contradiction, must};

const GROUPS: usize = 3;

fn group_of(id: &str) -> Option<String> {
    let number: usize = id.strip_prefix("id-")?.parse().ok()?;
    Some(group(number))
}

fn group(number: usize) -> String {
    format!("group-{}", number % GROUPS)
}

async fn start(instance: &Instance, n: usize) -> Result<ActorRef<Msg>, StartError> {
    let entry = instance.census.entry(n);
    let spec = Plan::FINE.limit(1).spec(entry);
    ask(
        Deed::Start,
        instance.sessions.start_session(&entry.id, spec),
    )
    .await
}

async fn is_started(instance: &Instance, n: usize, what: &str) -> ActorRef<Msg> {
    match start(instance, n).await {
        Ok(session) => session,
        Err(error) => contradiction(&format!("{what}, and a start says: {error}")),
    }
}

/// It crashes, and comes back.
async fn comes_back(session: &ActorRef<Msg>, entry: &Arc<Entry>, life: u64) {
    drop(session.cast(Msg::Fail));
    tally::did(Deed::Crash);
    let up = within(entry.is_up(life), || {
        format!("{}: life {life} does not come", entry.id)
    });
    up.await;
}

async fn restarts(instance: &Instance, entry: &Entry) -> Result<(), RestartError> {
    let restart = instance.sessions.restart_session(&entry.id);
    ask(Deed::Restart, restart).await.map(drop)
}

/// Far more than may be ask at once for each group. Exactly so many get in.
pub(crate) async fn quotas(rng: &mut Rng) {
    let max = 1 + rng.below(4);
    let ids = GROUPS * (max * 3);
    let options = Options::new().unique_name().quota(group_of, max);
    let instance = Arc::new(alone(options, ids).await);
    let mut starts = JoinSet::new();
    for n in 0..ids {
        let instance = Arc::clone(&instance);
        starts.spawn(async move { (n, start(&instance, n).await) });
    }
    let mut inside: Vec<Vec<(usize, ActorRef<Msg>)>> = vec![Vec::new(); GROUPS];
    while let Some(Ok((n, answer))) = starts.join_next().await {
        match answer {
            Ok(session) => inside[n % GROUPS].push((n, session)),
            Err(error) => must(is_full(&error), || {
                format!("a quota of {max}, and a start says: {error}")
            }),
        }
        holds(&instance, n, max).await;
    }
    for group in &inside {
        must(group.len() == max, || {
            format!("a quota of {max}, and {} got in", group.len())
        });
    }
    tally::QUOTAS.one();
    let (n, session) = inside[0][0].clone();
    the_full_group(&instance, n, &session, max).await;
    instance.end(End::Stop).await;
    close(&instance).await;
}

fn is_full(error: &StartError) -> bool {
    matches!(
        error,
        StartError::Rejected {
            reason: RejectReason::Quota { .. },
            retry_after: None,
            ..
        }
    )
}

async fn holds(instance: &Instance, n: usize, max: usize) {
    let count = ask(Deed::Count, instance.sessions.count_group(&group(n))).await;
    must(count.is_ok_and(|count| count <= max), || {
        format!("a quota of {max}, and counted {count:?}")
    });
}

/// One of a group that is full: it is restarted, it is parked and makes place, and is resumed only
/// when there is one.
async fn the_full_group(instance: &Instance, n: usize, session: &ActorRef<Msg>, max: usize) {
    let entry = instance.census.entry(n);
    comes_back(session, entry, 2).await;
    let restarted = restarts(instance, entry).await;
    must(restarted.is_ok(), || {
        format!("its group is full, and a restart says {restarted:?}")
    });
    holds(instance, n, max).await;
    let Ok(session) = instance.sessions.find_session_as::<Msg>(&entry.id) else {
        contradiction("a session of a full group is restarted, and not found");
    };
    drop(session.cast(Msg::Fail));
    let parked = async {
        let is_parked = |state| state == Some(SessionState::Parked);
        while let Ok(info) = instance.sessions.session_info(&entry.id).await
            && !is_parked(info.map(|info| info.state))
        {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    within(parked, || format!("{}: not parked", entry.id)).await;
    let other = first_outside(instance, n).await;
    is_started(instance, other, "one of its group is parked").await;
    holds(instance, n, max).await;
    let resumed = restarts(instance, entry).await;
    must(
        matches!(resumed, Err(RestartError::Rejected { .. })),
        || format!("its place is taken, and a resumption says {resumed:?}"),
    );
    let stopped = instance
        .sessions
        .stop_session(&instance.census.entry(other).id);
    must(ask(Deed::Stop, stopped).await.is_ok(), || {
        "a session of a full group is not stopped".to_owned()
    });
    let resumed = restarts(instance, entry).await;
    must(resumed.is_ok(), || {
        format!("its group has a place, and a resumption says {resumed:?}")
    });
    holds(instance, n, max).await;
}

/// One of the same group that did not get in.
async fn first_outside(instance: &Instance, n: usize) -> usize {
    let all = instance.census.entries().len();
    for other in (n % GROUPS..all).step_by(GROUPS) {
        let id = &instance.census.entry(other).id;
        let info = ask(Deed::Info, instance.sessions.session_info(id)).await;
        if matches!(info, Ok(None)) {
            return other;
        }
    }
    contradiction("all of a group got in");
}

/// One caller starts as fast as it can. Within no window are there more than may be, what is told to
/// one that is rejected is true, and a restart is never refused.
pub(crate) async fn rates(rng: &mut Rng) {
    const IDS: usize = 40;
    let n = 1 + rng.below(5);
    let per = Duration::from_millis(10 + rng.next() % 40);
    let rate = u32::try_from(n).unwrap_or(1);
    let options = Options::new().unique_name().start_rate(rate, per);
    let instance = alone(options, IDS).await;
    let mut accepted: Vec<(Instant, Instant)> = Vec::new();
    let mut waited = false;
    while accepted.len() < IDS {
        let next = accepted.len();
        let asked = Instant::now();
        match start(&instance, next).await {
            Ok(session) => {
                accepted.push((asked, Instant::now()));
                within_rate(&accepted, n, per);
                waited = false;
                if rng.one_in(4) {
                    comes_back(&session, instance.census.entry(next), 2).await;
                }
            }
            Err(StartError::Rejected {
                reason: RejectReason::StartRate { .. },
                retry_after: Some(wait),
                ..
            }) => {
                must(!waited && wait <= per, || {
                    format!("{n} in {per:?}, waited: {waited}, and told to wait for {wait:?}")
                });
                tally::REJECTIONS.one();
                if next > 0 && rng.one_in(3) {
                    let last = instance.census.entry(next - 1);
                    let restarted = restarts(&instance, last).await;
                    must(restarted.is_ok(), || {
                        format!("the rate is used up, and a restart says {restarted:?}")
                    });
                }
                if rng.one_in(2) {
                    tokio::time::sleep(wait).await;
                    waited = true;
                }
            }
            Err(error) => contradiction(&format!("{n} in {per:?}, and a start says: {error}")),
        }
    }
    instance.end(End::Stop).await;
    close(&instance).await;
}

/// A start is accepted between the question and its answer.
fn within_rate(accepted: &[(Instant, Instant)], n: usize, per: Duration) {
    let Some(first) = accepted.len().checked_sub(n + 1) else {
        return;
    };
    let (last, (asked, _)) = (accepted[accepted.len() - 1].1, accepted[first]);
    let time = last.duration_since(asked);
    must(time >= per, || {
        format!(
            "{} starts were accepted within {time:?}, {n} in {per:?}",
            n + 1
        )
    });
}
