//! When a running session is ended by itself (D26): it has been idle for as long as its rules allow,
//! or has lived for as long as they do.
//!
//! Neither a message nor a callback is reported here. The life says when its actor was last in use,
//! and is asked when the session may have been idle for long enough: one timer for each such time,
//! however many messages there are.

use super::Engine;
use super::pace::NO_BATCH;
use crate::engine::child::{Child, Plan, Then};
use crate::engine::counts::SessionState;
use crate::engine::domain::{Domain, Ending, Life};
use crate::engine::expiry::{Expiry, Use};
use crate::engine::moment::Moment;

/// What becomes of a session that runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outlook {
    /// It is ended now.
    Expires(Expiry),
    /// It may be ended at this moment, if at all.
    Until(Option<Moment>),
}

impl<D: Domain> Engine<D> {
    /// Sets the timer of a session that runs, if it may ever be ended by itself.
    pub(super) fn watch(&mut self, now: Moment, slot: u32) {
        match self.outlook(now, slot) {
            Some(Outlook::Expires(_)) => self.set_timer(slot, Some(now)),
            Some(Outlook::Until(at)) => self.set_timer(slot, at),
            None => {}
        }
    }

    /// The timer of a session that runs has gone off.
    pub(super) fn look(&mut self, now: Moment, slot: u32) {
        match self.outlook(now, slot) {
            Some(Outlook::Expires(expiry)) => self.step(now, slot, |child, step| {
                let then = Then::Remove(expiry.into());
                child.plan_after(now, then, SessionState::Stopping, NO_BATCH);
                child.life.expire(expiry, step);
            }),
            Some(Outlook::Until(at)) => self.set_timer(slot, at),
            None => {}
        }
    }

    /// None: there is nothing to look for. A supervisor that stops asks each session itself.
    fn outlook(&self, now: Moment, slot: u32) -> Option<Outlook> {
        let child = self.table.get(slot)?;
        let Plan::Run = child.plan else {
            return None;
        };
        let policy = child.life.policy();
        if !self.serving() || !policy.may_expire() {
            return None;
        }
        let (launch, started) = child.life.run()?;
        let lifetime = policy.max_lifetime.map(|longest| {
            let end = started.after(longest.nearly(self.jitter.of(launch)));
            due(now, end, Expiry::Lifetime(longest.get()))
        });
        let outlooks = lifetime.into_iter().chain(idle(now, child, started));
        outlooks.reduce(Outlook::earlier)
    }
}

/// Whether a session is idle, or when it may be next; none if that does not matter.
fn idle<D: Domain>(now: Moment, child: &Child<D>, started: Moment) -> Option<Outlook> {
    let timeout = child.life.policy().idle_timeout?;
    let free = match child.extra() {
        Some(extra) => extra.leases.free_since()?,
        None => Moment::START,
    };
    let life = child.life.life()?;
    let since = match life.used() {
        Use::Now => now,
        Use::Until(used) => used.max(started).max(free),
    };
    let outlook = due(now, since.after(timeout.get()), Expiry::Idle(timeout.get()));
    Some(match outlook {
        // What follows is decided by how it ends.
        Outlook::Expires(_) if life.ending() == Ending::Yes => {
            Outlook::Until(Some(now.after(timeout.get())))
        }
        outlook => outlook,
    })
}

fn due(now: Moment, at: Moment, expiry: Expiry) -> Outlook {
    if at <= now {
        Outlook::Expires(expiry)
    } else {
        Outlook::Until(Some(at))
    }
}

impl Outlook {
    fn earlier(self, other: Self) -> Self {
        match (self, other) {
            (expires @ Self::Expires(_), _) | (_, expires @ Self::Expires(_)) => expires,
            (Self::Until(one), Self::Until(two)) => Self::Until(one.into_iter().chain(two).min()),
        }
    }
}
