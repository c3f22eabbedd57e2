//! A scene on an owned id: the owners of a succession compete for a few claims. One who has a claim
//! is found by it, and whatever road its session goes, the claim is free when that is gone.

use session_supervisor::error::StartError;
use session_supervisor::{ChildSpec, Restart, SessionState};

use crate::ask::ask;
use crate::endings::crash;
use crate::owner::Owned;
use crate::session::{Msg, Plan, Session, StartKind};
use crate::succession::Over;
use crate::tally::{self, Deed};

const KIND: &str = "project";
/// How many claims there are for all owners of a succession.
pub(crate) const CLAIMS: usize = 2;

/// How a session goes that has a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Road {
    Stopped,
    NotStarted,
    Crashed,
    KilledForGood,
    ParkedAndDiscarded,
    Left,
}

const ROADS: [Road; 6] = [
    Road::Stopped,
    Road::NotStarted,
    Road::Crashed,
    Road::KilledForGood,
    Road::ParkedAndDiscarded,
    Road::Left,
];

fn plan(road: Road) -> Plan {
    match road {
        Road::Stopped | Road::Left => Plan::FINE,
        Road::NotStarted => Plan::starting([StartKind::Fails; 3]),
        Road::Crashed => Plan::FINE.limit(9),
        Road::KilledForGood => Plan::FINE.restart(Restart::Temporary),
        Road::ParkedAndDiscarded => Plan::FINE.limit(0),
    }
}

/// A start with a claim succeeds, or tells another holder.
pub(crate) async fn one_who_competes(own: &mut Owned<'_>) -> Result<(), Over> {
    let n = own.rng.below(CLAIMS);
    let road = own.rng.pick(&ROADS);
    let spec = plan(road).spec(own.entry).claim(KIND, n.to_string());
    let session = match started(own, spec).await? {
        Ok(session) => session,
        Err(StartError::ClaimTaken { claim, holder }) => {
            tally::CLAIMS_LOST.one();
            let told = claim.value() == n.to_string() && &*holder != own.id();
            own.check(told, || format!("claim {claim} is taken by {holder}"))?;
            return is_not_mine(own, n);
        }
        Err(error) => {
            let planned = road == Road::NotStarted && matches!(error, StartError::Failed { .. });
            own.check(planned, || format!("{road:?}, and its start says: {error}"))?;
            // Its launch has answered, and the report of that is on its way. A question comes after
            // it.
            drop(own.info().await?);
            return is_not_mine(own, n);
        }
    };
    tally::CLAIMS_WON.one();
    is_mine(own, n)?;
    own.runs(&session, 1).await?;
    // From here on others may have it, as soon as it is given up.
    match road {
        Road::Stopped => drop(own.is_stopped().await?),
        Road::Crashed => {
            crash(&session, own.rng);
            own.came_back(2, 1).await?;
            is_mine(own, n)?;
            own.is_stopped().await?;
        }
        Road::ParkedAndDiscarded if own.instance.kind.parks() => {
            crash(&session, own.rng);
            own.until("parked", |info| {
                (info.as_ref()).is_some_and(|info| info.state == SessionState::Parked)
            })
            .await?;
            is_mine(own, n)?;
            own.is_stopped().await?;
        }
        Road::KilledForGood | Road::ParkedAndDiscarded => {
            crash(&session, own.rng);
            own.until("forgotten", Option::is_none).await?;
            drop(own.stop().await?);
        }
        Road::Left => {
            drop(session.cast(Msg::Leave));
            own.until("forgotten", Option::is_none).await?;
            drop(own.stop().await?);
        }
        Road::NotStarted => own.check(false, || "it fails, and it has started".to_owned())?,
    }
    is_not_mine(own, n)
}

async fn started(
    own: &Owned<'_>,
    spec: ChildSpec<Session>,
) -> Result<Result<ractor::ActorRef<Msg>, StartError>, Over> {
    let start = own.instance.sessions.start_session(own.id(), spec);
    match ask(Deed::Start, start).await {
        Err(StartError::SupervisorDown | StartError::Draining) => {
            Err(own.instance.over("a start says that it is down"))
        }
        other => Ok(other),
    }
}

fn holder(own: &Owned<'_>, n: usize) -> Option<String> {
    tally::did(Deed::Find);
    let sessions = &own.instance.sessions;
    let holder = sessions.find_by_claim(KIND, &n.to_string());
    holder.map(|id| id.as_str().to_owned())
}

fn is_mine(own: &Owned<'_>, n: usize) -> Result<(), Over> {
    let holder = holder(own, n);
    own.check(holder.as_deref() == Some(own.id()), || {
        format!("it has claim {n}, and {holder:?} is found by it")
    })
}

fn is_not_mine(own: &Owned<'_>, n: usize) -> Result<(), Over> {
    let holder = holder(own, n);
    own.check(holder.as_deref() != Some(own.id()), || {
        format!("it is gone, and is found by claim {n}")
    })
}
