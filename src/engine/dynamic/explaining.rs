//! What is known of a session's past, and what would follow if it failed now. The decision itself is
//! made in `restarts`, by the code that decides when it fails.

use std::time::Duration;

use super::Engine;
use super::restarts::{Draw, Standing};
use crate::engine::backoff::retry_pause;
use crate::engine::child::{Child, Origin, Plan, Then};
use crate::engine::decision::{Decision, Pending};
use crate::engine::dossier::{Exits, Record};
use crate::engine::exit::Mark;
use crate::engine::io::Domain;
use crate::engine::moment::Moment;
use crate::engine::restart::Restart;
use crate::engine::table::Info;

/// What is known of the past of a session.
#[derive(Debug)]
pub struct Dossier<'a, D: Domain> {
    /// What is known of it now.
    pub info: Info<'a, D>,
    exits: Option<&'a Exits>,
}

impl<'a, D: Domain> Dossier<'a, D> {
    const fn new(info: Info<'a, D>, exits: Option<&'a Exits>) -> Self {
        Self { info, exits }
    }

    /// The last exits, the oldest first.
    pub fn exits(&self) -> impl Iterator<Item = &'a Record> {
        self.exits.into_iter().flat_map(Exits::iter)
    }

    /// How many there were before those.
    #[must_use]
    pub fn earlier(&self) -> u64 {
        self.exits.map_or(0, Exits::earlier)
    }
}

/// What would follow if a session failed now.
#[derive(Debug)]
pub struct Outlook<'a, D: Domain> {
    /// What is known of it.
    pub info: Info<'a, D>,
    /// It was parked, and has not lived for long enough since.
    pub on_trial: bool,
    /// When the supervisor acts by itself, if nothing else happens.
    pub due: Option<Moment>,
    /// What is decided if it fails, with the longest pause that there may be.
    pub decision: Decision,
    /// The shortest pause that there may be.
    pub at_least: Duration,
}

/// What a failure of a session is.
enum Failing {
    /// It ends; or its launch fails, at least so long before the next one.
    Decide(Standing, Duration),
    /// That has been decided.
    Decided(Decision),
}

impl<D: Domain> Engine<D> {
    /// What is known of the past of a session.
    #[must_use]
    pub fn dossier(&self, id: &str) -> Option<Dossier<'_, D>> {
        let slot = self.table.find(id)?;
        let history = self.table.get(slot)?.history.as_ref();
        let exits = history.and_then(|history| history.exits.as_ref());
        Some(Dossier::new(self.table.info(slot)?, exits))
    }

    /// What would follow if a session, or its launch, failed now.
    #[must_use]
    pub fn explain(&self, now: Moment, id: &str) -> Option<Outlook<'_, D>> {
        let slot = self.table.find(id)?;
        let info = self.table.info(slot)?;
        let child = self.table.get(slot)?;
        let (decision, at_least) = match self.failing(now, slot, child) {
            Failing::Decided(decision) => (decision, Duration::ZERO),
            Failing::Decide(standing, pause) => {
                let decide = |draw| self.decision(now, slot, standing, pause, draw);
                let at_least = match decide(Draw::Shortest) {
                    Decision::Restart { after, .. } => after,
                    Decision::Park { until, .. } => until.unwrap_or(Duration::ZERO),
                    _ => Duration::ZERO,
                };
                (decide(Draw::Longest), at_least)
            }
        };
        let on_trial = match child.plan {
            Plan::Park { .. } => false,
            // As the decision takes it: one that has lived for long enough is not on trial any more.
            Plan::Run => self.standing_of_running(now, slot, child).is_on_trial(),
            _ => Standing::of(child).is_on_trial(),
        };
        Some(Outlook {
            info,
            on_trial,
            due: self.timers.of(slot),
            decision,
            at_least,
        })
    }

    /// As the decision would begin if it ended now.
    fn standing_of_running(&self, now: Moment, slot: u32, child: &Child<D>) -> Standing {
        let run = child.life.run();
        let lived = run.map_or(Duration::ZERO, |(_, at)| now.since(at));
        Standing::of(child).after_life(lived, self.healthy(slot))
    }

    fn failing(&self, now: Moment, slot: u32, child: &Child<D>) -> Failing {
        let restart = child.life.policy().restart;
        let attempt = child.life.attempt;
        let standing = Standing::of(child);
        let fails = |origin, attempt| match origin {
            Origin::First => Failing::Decided(Decision::Forget),
            Origin::Restart | Origin::Manual if restart == Restart::Temporary => {
                Failing::Decided(Decision::Forget)
            }
            Origin::Restart | Origin::Manual => Failing::Decide(standing, retry_pause(attempt)),
            Origin::Resume | Origin::Trial => Failing::Decide(standing.parked(), Duration::ZERO),
        };
        match &child.plan {
            _ if !self.serving() => Failing::Decided(Decision::Forget),
            Plan::Run if !restart.comes_back(Mark::Failed) => Failing::Decided(Decision::Forget),
            Plan::Run => {
                Failing::Decide(self.standing_of_running(now, slot, child), Duration::ZERO)
            }
            Plan::Launch(origin) => fails(*origin, attempt),
            Plan::InLine { origin, .. } => fails(*origin, attempt.saturating_add(1)),
            Plan::Restart { manual: None, .. } => fails(Origin::Restart, attempt.saturating_add(1)),
            Plan::Restart { .. } => fails(Origin::Manual, attempt.saturating_add(1)),
            Plan::Park { .. } => Failing::Decide(standing.tried(), Duration::ZERO),
            Plan::After { .. } if child.life.state().is_stuck() => {
                Failing::Decided(Decision::Undecided(Pending::Release))
            }
            Plan::After { then, .. } => match then {
                Then::Remove(_) => Failing::Decided(Decision::Forget),
                Then::Relaunch(_) => Failing::Decided(Decision::RestartByHand),
                Then::Retry => Failing::Decide(standing, retry_pause(attempt)),
                Then::Park => Failing::Decide(standing.parked(), Duration::ZERO),
            },
            Plan::Forget { .. } => Failing::Decided(Decision::Forget),
        }
    }
}
