//! Scenes on an owned id: sessions that end although nobody stops them, while messages come; and
//! leases.

use std::time::{Duration, Instant};

use session_supervisor::error::{
    CastError, EnsureError, LeaseError, NotTaken, StartError, WaitEndError,
};
use session_supervisor::{ChildSpec, EndReason, Exit, Expiry, Lease, SessionEnd, SessionRef};
use tokio::task::JoinSet;

use crate::ask::{PATIENCE, ask, within};
use crate::endings::crash;
use crate::owner::Owned;
use crate::rng::Rng;
use crate::session::{Msg, Plan, Session};
use crate::stalls;
use crate::succession::Over;
use crate::tally::{self, Deed};

const IDLE: Duration = Duration::from_millis(4);
/// Longer than that by far.
const LONGER: Duration = Duration::from_millis(40);
const LIFETIME: Duration = Duration::from_millis(20);

fn idle(own: &Owned<'_>) -> ChildSpec<Session> {
    Plan::FINE.limit(9).spec(own.entry).idle_timeout(IDLE)
}

/// What one who casts has seen.
enum Cast {
    /// All that was accepted was handled.
    Handled,
    /// How many accepted messages were not handled.
    Lost(usize),
    Refused(NotTaken),
}

/// Several cast at a session that ends whenever it is idle. Each message that was accepted is
/// handled.
pub(crate) async fn messages_at_idle_ends(own: &mut Owned<'_>) -> Result<(), Over> {
    let Ok(address) = own.instance.sessions.session_ref::<Msg>(own.id()) else {
        return own.check(false, || "it is no id".to_owned());
    };
    let address = address.or_start(idle(own));
    let before = own.entry.launches();
    let mut casters = JoinSet::new();
    for _ in 0..1 + own.rng.below(3) {
        casters.spawn(casts(address.clone(), Rng::of(own.rng.next(), 0)));
    }
    while let Some(cast) = casters.join_next().await {
        match cast {
            Ok(Cast::Handled) => {}
            Ok(Cast::Lost(lost)) => own.check(false, || {
                format!("{lost} messages were accepted and not handled")
            })?,
            Ok(Cast::Refused(reason)) => {
                let legal = match &reason {
                    NotTaken::KeepsEnding => stalls::is_busy(),
                    NotTaken::SupervisorDown
                    | NotTaken::Draining
                    | NotTaken::NotStarted(EnsureError::Start(
                        StartError::SupervisorDown | StartError::Draining,
                    )) => return Err(own.instance.over("a cast says that it is down")),
                    _ => false,
                };
                own.check(legal, || format!("a message is not taken: {reason}"))?;
            }
            Err(error) => own.check(false, || format!("one who casts: {error}"))?,
        }
    }
    is_idle(own).await?;
    for _ in before..own.entry.launches() {
        tally::IDLE_ENDS.one();
    }
    Ok(())
}

async fn casts(address: SessionRef<Msg>, mut rng: Rng) -> Cast {
    let mut lost = 0;
    for _ in 0..10 + rng.below(20) {
        let (reply, answer) = ractor::concurrency::oneshot();
        let cast = ask(Deed::Cast, address.cast(Msg::Work(reply.into()))).await;
        if let Err(CastError { reason, .. }) = cast {
            return Cast::Refused(reason);
        }
        // No answer for so long is no answer.
        let answered = tokio::time::timeout(PATIENCE, answer).await;
        lost += usize::from(!matches!(answered, Ok(Ok(_))));
        let pause = match rng.below(4) {
            0 => continue,
            1 => IDLE.mul_f64(0.5),
            // The instant of the idle end.
            _ => IDLE + Duration::from_micros(rng.next() % 2_000),
        };
        tokio::time::sleep(pause).await;
    }
    match lost {
        0 => Cast::Handled,
        lost => Cast::Lost(lost),
    }
}

/// While it is leased it does not end for being idle, over a crash too. It does when the lease is
/// over.
pub(crate) async fn one_that_is_leased(own: &mut Owned<'_>) -> Result<(), Over> {
    let Some(lease) = leased(own).await? else {
        return Ok(());
    };
    let session = own.running().await?;
    let Some(session) = session else {
        return own.check(false, || "it is leased and does not run".to_owned());
    };
    tokio::time::sleep(LONGER).await;
    let before = own
        .info()
        .await?
        .as_ref()
        .map_or(0, |info| info.incarnation);
    own.runs(&session, before).await?;
    if own.rng.one_in(2) {
        crash(&session, own.rng);
        let back = own.came_back(before + 1, 1).await?;
        tokio::time::sleep(LONGER).await;
        own.runs(&back, before + 1).await?;
    }
    tally::LEASES.one();
    drop(lease);
    is_idle(own).await
}

/// Waits until it has ended for being idle. Its name and its state may be left a moment longer; a
/// stop waits for that.
async fn is_idle(own: &Owned<'_>) -> Result<(), Over> {
    own.until("idle for too long", Option::is_none).await?;
    drop(own.stop().await?);
    Ok(())
}

/// A lease of the session, which may have ended before it was leased. None: it does so all the time.
async fn leased(own: &Owned<'_>) -> Result<Option<Lease>, Over> {
    let sessions = &own.instance.sessions;
    for _ in 0..20 {
        let ensure = ask(Deed::Ensure, sessions.ensure_session(own.id(), idle(own))).await;
        match ensure {
            Ok(_) => {}
            Err(EnsureError::Start(StartError::SupervisorDown | StartError::Draining)) => {
                return Err(own.instance.over("an ensure says that it is down"));
            }
            Err(error) => own.check(false, || format!("an ensure says: {error}"))?,
        }
        match ask(Deed::Lease, sessions.lease(own.id())).await {
            Ok(lease) => return Ok(Some(lease)),
            Err(LeaseError::NotFound | LeaseError::Stopping) => {}
            Err(LeaseError::SupervisorDown | LeaseError::Draining) => {
                return Err(own.instance.over("a lease says that it is down"));
            }
            Err(error) => own.check(false, || format!("a lease says: {error}"))?,
        }
    }
    is_idle(own).await?;
    Ok(None)
}

/// It lives for nine tenths of its time at least, and is gone after that, leased or not.
pub(crate) async fn one_with_a_lifetime(own: &mut Owned<'_>) -> Result<(), Over> {
    let sessions = &own.instance.sessions;
    let spec = Plan::FINE.spec(own.entry).max_lifetime(LIFETIME);
    let began = Instant::now();
    match ask(Deed::Start, sessions.start_session(own.id(), spec)).await {
        Ok(_) => {}
        Err(StartError::SupervisorDown | StartError::Draining) => {
            return Err(own.instance.over("a start says that it is down"));
        }
        Err(error) => own.check(false, || format!("a start says: {error}"))?,
    }
    let lease = ask(Deed::Lease, sessions.lease(own.id())).await;
    let end = within(sessions.wait_end(own.id()), || {
        format!("{}: its lifetime is over and it lives", own.id())
    });
    let end = end.await;
    let lived = began.elapsed();
    tally::LIFETIMES.one();
    match end {
        Ok(SessionEnd {
            exit: Exit::Shutdown,
            why: EndReason::Expired(Expiry::Lifetime(_)),
            ..
        }) => own.nothing_is_left("its lifetime is over"),
        // It was over before the question.
        Err(WaitEndError::NotFound) => {}
        Err(WaitEndError::SupervisorDown) => {
            return Err(own.instance.over("a wait says that it is down"));
        }
        other => own.check(false, || format!("its lifetime is over: {other:?}"))?,
    }
    own.check(lived >= LIFETIME.mul_f64(0.9), || {
        format!("it may live for {LIFETIME:?}, and was ended after {lived:?}")
    })?;
    drop(lease);
    Ok(())
}
