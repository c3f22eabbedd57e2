//! What is kept while a supervisor drains (D30): for whose end it waits, what became of the others,
//! and who is to be told.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::turns::{Load, Turns};
use crate::engine::child::{Child, Plan};
use crate::engine::drain::{
    DrainAnswer, DrainEnd, DrainEnds, DrainOrder, DrainOutcome, DrainProgress, ProgressAnswer,
};
use crate::engine::exit::Exit;
use crate::engine::io::{Caller, Domain};
use crate::engine::moment::Moment;
use crate::engine::shutdown::Shutdown;
use crate::engine::waiters::Waiters;

/// A drain under way. It costs nothing while there is none.
#[derive(Debug)]
pub(super) struct Draining<D: Domain> {
    pub(super) manner: Manner,
    began: Moment,
    /// How many sessions it is about: those that were known when it began, and since then.
    known: usize,
    sessions: usize,
    swept: Swept,
    pub(super) turns: Turns,
    /// Whatever sessions are granted, the deadline does not move beyond this.
    latest: Moment,
    /// How much more time than by its rule a session may be granted.
    more: Duration,
    /// The sessions for whose end it waits, by their slots. No slot is given to another session
    /// meanwhile, since nothing is started.
    waits: BTreeMap<u32, Wait>,
    ends: DrainEnds,
    tickets: Waiters<D::Ticket<DrainAnswer>>,
    /// Who wants to know when it has come further than `told`.
    pub(super) readers: Waiters<D::Ticket<ProgressAnswer>>,
    pub(super) told: DrainProgress,
}

/// Whether each session has been looked at. Before that one may still be starting, and so may come
/// to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Swept {
    No,
    Yes,
}

/// In what manner the sessions are ended that have not been asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// They handle their messages first.
    Gently,
    /// By their own rules: it has become a stop, or has joined one.
    AsInAStop,
}

/// The wait for the end of one session.
#[derive(Debug)]
struct Wait {
    since: Moment,
    turn: Option<Turn>,
    /// When it was known that it is stuck.
    gave_up: Option<Moment>,
}

impl Wait {
    const fn new(since: Moment) -> Self {
        Self {
            since,
            turn: None,
            gave_up: None,
        }
    }
}

/// The turn of a session that the drain has asked to end.
#[derive(Clone, Copy, Debug)]
struct Turn {
    asked: Moment,
    /// When it is over, as far as was known when it was last looked at.
    end: Moment,
    /// Until when the session was granted more time.
    granted: Option<Moment>,
}

impl Turn {
    /// When it is over.
    fn end(&self, turns: &Turns, load: Load) -> Moment {
        let end = turns.end(self.asked, load);
        self.granted.map_or(end, |granted| granted.max(end))
    }
}

impl<D: Domain> Draining<D> {
    pub(super) fn new(
        now: Moment,
        sessions: usize,
        manner: Manner,
        order: DrainOrder,
        ticket: D::Ticket<DrainAnswer>,
    ) -> Self {
        Self {
            manner,
            began: now,
            known: sessions,
            sessions,
            swept: Swept::No,
            turns: Turns::new(order.at_most.filter(|_| manner == Manner::Gently)),
            latest: now.after(order.within).after(order.more),
            more: order.more,
            waits: BTreeMap::new(),
            ends: DrainEnds::default(),
            tickets: ticket.into(),
            readers: Waiters::default(),
            told: DrainProgress::default(),
        }
    }

    /// Another one joins it: what either forbids is not done. Answers the callers that have gone
    /// away.
    #[must_use]
    pub(super) fn join(
        &mut self,
        now: Moment,
        order: DrainOrder,
        ticket: D::Ticket<DrainAnswer>,
    ) -> Vec<D::Ticket<DrainAnswer>> {
        self.latest = self.latest.min(now.after(order.within).after(order.more));
        self.more = self.more.min(order.more);
        if self.manner == Manner::Gently {
            self.turns.limit(order.at_most);
        }
        self.tickets.add(ticket)
    }

    /// The shares of all turns are other ones now.
    pub(super) fn share_anew(&mut self, load: Load) {
        self.turns.clear();
        let asked = self
            .waits
            .iter_mut()
            .filter(|(_, wait)| wait.gave_up.is_none());
        let mut taken: Vec<_> = asked
            .filter_map(|(slot, wait)| Some((*slot, wait.turn.as_mut()?)))
            .collect();
        for (slot, turn) in &taken {
            self.turns.take(turn.end, *slot);
        }
        // A share depends on how many have their turn.
        for (slot, turn) in &mut taken {
            let end = turn.end(&self.turns, load);
            self.turns.prolong(turn.end, end, *slot);
            turn.end = end;
        }
    }

    /// It becomes a stop.
    pub(super) fn stop(&mut self) {
        self.manner = Manner::AsInAStop;
        self.turns.lift();
    }

    /// The end of a session is waited for from now on, if it is not already.
    pub(super) fn wait_for(&mut self, now: Moment, slot: u32, child: &Child<D>) {
        let since = self.waits_since(now, child);
        let wait = self.waits.entry(slot).or_insert(Wait::new(since));
        if child.life.state().is_stuck() {
            wait.gave_up.get_or_insert(since);
        }
    }

    /// A session does not end as was thought: its start had succeeded.
    pub(super) fn runs_after_all(&mut self, slot: u32) {
        self.waits.remove(&slot);
    }

    /// Since when the drain waits for a session that it has neither asked nor found yet.
    fn waits_since(&self, now: Moment, child: &Child<D>) -> Moment {
        match child.plan {
            // It was ending already.
            Plan::After { .. } => self.began,
            Plan::InLine { .. }
            | Plan::Launch(_)
            | Plan::Run
            | Plan::Restart { .. }
            | Plan::Park { .. }
            | Plan::Forget { .. } => now,
        }
    }

    /// The drain asks a session to end. Answers when its turn is over.
    pub(super) fn ask(&mut self, now: Moment, slot: u32, load: Load) -> Moment {
        let end = self.turns.begin(now, slot, load);
        let wait = self.waits.entry(slot).or_insert(Wait::new(now));
        wait.turn = Some(Turn {
            asked: now,
            end,
            granted: None,
        });
        end
    }

    /// Ends a turn that is over and that others wait for.
    pub(super) fn end_turn(&mut self, now: Moment, load: Load) -> Option<u32> {
        let waits = &mut self.waits;
        self.turns.end_one(now, load, |turns, slot| {
            let Some(turn) = waits.get_mut(&slot).and_then(|wait| wait.turn.as_mut()) else {
                debug_assert!(false, "a turn that nobody has");
                return now;
            };
            turn.end = turn.end(turns, load);
            turn.end
        })
    }

    /// A session is known to be stuck: it delays no other. One that had ended before the drain
    /// began, and was not known any more, is known again.
    pub(super) fn give_up(&mut self, now: Moment, slot: u32, child: &Child<D>) {
        if let (Plan::Forget { .. }, None) = (&child.plan, self.waits.get(&slot)) {
            self.sessions += 1;
        }
        self.wait_for(now, slot, child);
        if let Some(wait) = self.waits.get_mut(&slot) {
            wait.gave_up = Some(now);
            if let Some(turn) = wait.turn {
                self.turns.leave(turn.end, slot);
            }
        }
    }

    /// Nothing is left of a session.
    pub(super) fn ended(&mut self, now: Moment, slot: u32, child: &Child<D>, exit: &Exit) {
        let since = match (self.waits.remove(&slot), &child.plan) {
            (Some(wait), _) => {
                if let Some(turn) = wait.turn {
                    self.turns.leave(turn.end, slot);
                }
                wait.since
            }
            // It had ended before, and was not known any more.
            (None, Plan::Forget { .. }) => return,
            (None, _) => self.waits_since(now, child),
        };
        self.ends.push(DrainEnd {
            id: Arc::clone(&child.life.id),
            outcome: exit.into(),
            took: now.since(since),
        });
    }

    /// All that are left are stuck: they are told of as well.
    pub(super) fn finish<'a>(&mut self, now: Moment, child: impl Fn(u32) -> Option<&'a Child<D>>)
    where
        D: 'a,
    {
        for (slot, wait) in std::mem::take(&mut self.waits) {
            let Some(child) = child(slot) else {
                debug_assert!(false, "a session is waited for that is gone");
                continue;
            };
            self.ends.push(DrainEnd {
                id: Arc::clone(&child.life.id),
                outcome: DrainOutcome::Stuck,
                took: wait.gave_up.unwrap_or(now).since(wait.since),
            });
        }
    }

    /// Each session has been looked at.
    pub(super) const fn swept(&mut self) {
        self.swept = Swept::Yes;
    }

    /// How far it is. `running`: how many sessions run and have not been asked.
    pub(super) fn progress(&self, running: usize) -> DrainProgress {
        let ended = self.ends.count();
        let waiting = match self.swept {
            Swept::No => self.known.saturating_sub(ended),
            Swept::Yes => running,
        };
        DrainProgress {
            sessions: self.sessions,
            waiting,
            ending: self.sessions.saturating_sub(waiting + ended),
            ended,
        }
    }

    /// What became of all, and who is to be told that, and how far it is.
    pub(super) fn into_parts(self) -> Parts<D> {
        (self.ends, self.tickets, self.readers)
    }

    pub(super) fn into_callers(self) -> impl Iterator<Item = Caller<D>> {
        let tickets = self.tickets.into_iter().map(Caller::Drain);
        tickets.chain(self.readers.into_iter().map(Caller::DrainProgress))
    }
}

/// What is left of a drain that is over.
type Parts<D> = (
    DrainEnds,
    Waiters<<D as Domain>::Ticket<DrainAnswer>>,
    Waiters<<D as Domain>::Ticket<ProgressAnswer>>,
);

/// More time for a session that asks.
impl<D: Domain> Draining<D> {
    fn turn(&self, slot: u32) -> Option<&Turn> {
        self.waits.get(&slot)?.turn.as_ref()
    }

    /// Whether the drain has asked this session to end.
    pub(super) fn has_asked(&self, slot: u32) -> bool {
        self.turn(slot).is_some()
    }

    /// Until when a session may take that was asked, whatever its own rule is.
    pub(super) fn due(&self, slot: u32, load: Load) -> Moment {
        let end = self.turn(slot).map(|turn| turn.end(&self.turns, load));
        end.map_or(load.deadline, |end| end.min(load.deadline))
    }

    /// Until when a session may be granted time whose own rule is this: not longer than by that
    /// rule and what is granted to one at most, and so that no other has a smaller share for it.
    pub(super) fn most(&self, slot: u32, rule: Shutdown, load: Load) -> Moment {
        let Some(Turn { asked, .. }) = self.turn(slot) else {
            return load.deadline;
        };
        let by_rule = rule.within(*asked, None);
        let by_rule = by_rule.map_or(Moment::NEVER, |grace| asked.after(grace));
        let latest = Load {
            deadline: self.latest,
            ..load
        };
        let turn = self.turns.end(*asked, latest);
        by_rule.after(self.more).min(turn).min(self.latest)
    }

    /// Grants a session time until then. Answers when the drain is to be over now: as much later as
    /// others wait longer for their turns, or as the session takes longer than all of them may.
    pub(super) fn grant(&mut self, slot: u32, until: Moment, load: Load) -> Moment {
        let due = self.due(slot, load);
        let wait = self.waits.get_mut(&slot);
        if let Some(turn) = wait.and_then(|wait| wait.turn.as_mut()) {
            let end = turn.end.max(until);
            self.turns.prolong(turn.end, end, slot);
            turn.end = end;
            turn.granted = Some(until);
        }
        let deadline = if self.turns.is_short(load.waiting) {
            load.deadline.after(until.since(due))
        } else {
            load.deadline.max(until)
        };
        deadline.min(self.latest)
    }
}
