//! A scene on an owned id: what the supervisor says would follow if the session failed, and then it
//! fails.

use session_supervisor::{Decision, Explanation, SessionState};

use crate::ask::ask;
use crate::endings::crash;
use crate::owner::Owned;
use crate::session::Plan;
use crate::succession::Over;
use crate::tally::{self, Deed};

/// It fails until its limit is used up, and each time what was foretold is what is decided.
pub(crate) async fn a_failure_that_was_foretold(own: &mut Owned<'_>) -> Result<(), Over> {
    let limit = own.rng.below(3);
    let plan = Plan::FINE.limit(u32::try_from(limit).unwrap_or(0));
    let mut session = own.is_started(plan).await?;
    own.runs(&session, 1).await?;
    for restarts in 1.. {
        let foretold = explained(own).await?;
        crash(&session, own.rng);
        tally::FORETOLD.one();
        match foretold.next_failure {
            Decision::Restart { .. } => {
                session = own.came_back(restarts + 1, restarts).await?;
                came_true(own, &foretold).await?;
            }
            Decision::Park { .. } if own.instance.kind.parks() => {
                own.until("parked", |info| {
                    (info.as_ref()).is_some_and(|info| info.state == SessionState::Parked)
                })
                .await?;
                came_true(own, &foretold).await?;
                break;
            }
            Decision::Remove(_) => {
                own.until("forgotten", Option::is_none).await?;
                drop(own.stop().await?);
                return Ok(());
            }
            other => own.check(false, || format!("if it fails: {other}"))?,
        }
    }
    own.is_stopped().await.map(drop)
}

async fn explained(own: &Owned<'_>) -> Result<Explanation, Over> {
    let explain = own.instance.sessions.explain(own.id());
    match ask(Deed::Explain, explain).await {
        Ok(Some(explanation)) => Ok(explanation),
        Ok(None) => {
            own.check(false, || "it runs, and is not explained".to_owned())?;
            Err(Over)
        }
        Err(_) => Err(own.instance.over("an explanation says that it is down")),
    }
}

/// The last entry of the dossier holds the decision.
async fn came_true(own: &Owned<'_>, foretold: &Explanation) -> Result<(), Over> {
    let dossier = ask(Deed::Explain, own.instance.sessions.dossier(own.id())).await;
    let Ok(dossier) = dossier else {
        return Err(own.instance.over("a dossier says that it is down"));
    };
    let last = dossier.as_ref().and_then(|dossier| dossier.exits.last());
    let decided = last.and_then(|last| last.kind.decision());
    let fits = decided.is_some_and(|decided| fits(foretold, decided));
    own.check(fits, || {
        format!("foretold {foretold:?}, and decided {decided:?}")
    })
}

/// Apart from its pause, of which the range was told, a decision is the one that was foretold.
fn fits(foretold: &Explanation, decided: &Decision) -> bool {
    let (shortest, longest, pause) = match (&foretold.next_failure, decided) {
        (
            Decision::Restart {
                after: longest,
                restarts,
                budget_left,
                limit,
            },
            Decision::Restart {
                after,
                restarts: counted,
                budget_left: left,
                limit: of,
            },
        ) if (restarts, budget_left, limit) == (counted, left, of) => {
            (foretold.at_least, *longest, *after)
        }
        (
            Decision::Park {
                until: Some(longest),
                limit,
            },
            Decision::Park {
                until: Some(until),
                limit: of,
            },
        ) if limit == of => (foretold.at_least, *longest, *until),
        _ => return false,
    };
    shortest <= pause && pause <= longest
}
