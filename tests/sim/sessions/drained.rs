//! What a drain must come to: of which sessions it tells, since when it waits for the end of each,
//! and what became of them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use session_supervisor::engine::{
    DrainOrder, DrainOutcome, DrainProgress, Moment, SessionState, StopCause,
};

use crate::sessions::model::{Entry, Model, Outcome};
use crate::world::Run;

#[derive(Debug)]
pub(crate) struct Drain {
    /// It has not become a stop, and has not joined one.
    pub(crate) gently: bool,
    pub(crate) at_most: Option<usize>,
    pub(crate) more: Duration,
    /// Whatever is granted, it is over by then.
    pub(crate) latest: Moment,
    /// The lives that it is about, and how many there were at first.
    pub(crate) lives: BTreeSet<u64>,
    known: usize,
    /// Time has gone on since it began, so that each session has been looked at.
    pub(crate) swept: bool,
    since: BTreeMap<u64, Moment>,
    gave_up: BTreeMap<u64, Moment>,
    pub(crate) ended: Vec<(usize, DrainOutcome, Duration)>,
    /// The runs whose turn is over, until they are killed for that.
    pub(crate) over: BTreeSet<usize>,
    /// The runs whose start had succeeded when it was refused.
    pub(crate) after_all: BTreeSet<usize>,
    /// What was told last.
    pub(crate) told: Option<DrainProgress>,
}

impl Drain {
    pub(crate) fn join(&mut self, now: Moment, order: DrainOrder) {
        self.latest = self.latest.min(latest(now, order));
        self.more = self.more.min(order.more);
        if self.gently {
            let other = order.at_most.map(usize::from);
            self.at_most = self.at_most.into_iter().chain(other).min();
        }
    }

    /// Nothing is left of a session.
    pub(crate) fn ended(&mut self, now: Moment, id: usize, entry: &Entry) {
        if !self.lives.contains(&entry.life) {
            return;
        }
        let outcome = match entry.outcome {
            Outcome::Stopped => DrainOutcome::Stopped,
            Outcome::Failed => DrainOutcome::Failed,
            Outcome::Killed => DrainOutcome::Killed,
            Outcome::NotRunning => DrainOutcome::NotRunning,
        };
        let since = self.since.get(&entry.life);
        let took = since.map_or(Duration::ZERO, |since| now.since(*since));
        self.ended.push((id, outcome, took));
    }

    /// A session does not end as was thought: its start had succeeded.
    pub(crate) fn runs_after_all(&mut self, index: usize, life: u64) {
        self.after_all.insert(index);
        self.since.remove(&life);
    }

    /// How long the end of one was waited for that is stuck.
    pub(crate) fn stuck_after(&self, entry: &Entry) -> Duration {
        self.gave_up[&entry.life].since(self.since[&entry.life])
    }
}

fn latest(now: Moment, order: DrainOrder) -> Moment {
    now.after(order.within).after(order.more)
}

impl Model {
    /// A drain begins, or joins a stop.
    pub(crate) fn drain(&mut self, now: Moment, order: DrainOrder, runs: &[Run]) {
        let gently = self.serving;
        self.stop(StopCause::Drained);
        let mut drain = Drain {
            gently,
            at_most: order.at_most.map(usize::from).filter(|_| gently),
            more: order.more,
            latest: latest(now, order),
            lives: BTreeSet::new(),
            known: 0,
            swept: false,
            since: BTreeMap::new(),
            gave_up: BTreeMap::new(),
            ended: Vec::new(),
            over: BTreeSet::new(),
            after_all: BTreeSet::new(),
            told: None,
        };
        for entry in self.entries.iter().flatten() {
            let run = &runs[entry.run];
            if entry.shown.is_none() {
                continue;
            }
            drain.lives.insert(entry.life);
            let asked = run.stopped.or(run.killed).or(run.cancelled).is_some();
            if run.gone() || !run.stuck && (!asked || run.judged()) {
                continue;
            }
            // It is ending already.
            drain.since.insert(entry.life, now);
            if run.stuck {
                drain.gave_up.insert(entry.life, now);
            }
        }
        drain.known = drain.lives.len();
        self.drain = Some(drain);
    }

    /// Whether it drains, and does not stop.
    pub(crate) fn drains(&self) -> bool {
        self.drain.as_ref().is_some_and(|drain| drain.gently)
    }

    /// The drain waits for the end of a session, if it does not already.
    pub(crate) fn drain_waits(&mut self, now: Moment, id: usize) {
        if let (Some(drain), Some(entry)) = (&mut self.drain, &self.entries[id]) {
            drain.since.entry(entry.life).or_insert(now);
        }
    }

    /// A session is known to be stuck.
    pub(crate) fn drain_gives_up(&mut self, now: Moment, id: usize) {
        self.drain_waits(now, id);
        if let (Some(drain), Some(entry)) = (&mut self.drain, &self.entries[id]) {
            // It may have ended before the drain began.
            drain.lives.insert(entry.life);
            drain.gave_up.insert(entry.life, now);
        }
    }

    /// How many sessions run, so that they wait for their turn in a drain.
    pub(crate) fn running(&self) -> usize {
        let shown = self.entries.iter().flatten().map(|entry| entry.shown);
        shown
            .filter(|shown| *shown == Some(SessionState::Running))
            .count()
    }

    /// How far the drain is.
    pub(crate) fn progress(&self) -> DrainProgress {
        let mut progress = DrainProgress::default();
        if let Some(drain) = &self.drain {
            progress.sessions = drain.lives.len();
            progress.ended = drain.ended.len();
            progress.waiting = match drain.swept {
                true => self.running(),
                false => drain.known - progress.ended,
            };
            progress.ending = progress.sessions - progress.waiting - progress.ended;
        }
        progress
    }
}
