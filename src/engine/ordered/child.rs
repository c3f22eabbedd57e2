//! One child: what is kept of a role, and what others see of it.
//!
//! A child that is to be started again carries the mark [`Again`]. Which child is stopped or
//! started next follows from the marks and the phases alone (`sets`).

use std::sync::Arc;

use super::settings::FirstStart;
use crate::engine::counts::SessionState;
use crate::engine::exit::Exit;
use crate::engine::io::{Checkpoint, Discard, Domain, Spec, StopAnswer};
use crate::engine::lifecycle::{Last, Lifecycle, State};
use crate::engine::moment::Moment;
use crate::engine::repeats::Repeats;
use crate::engine::restart::{ChildKind, Restart};
use crate::engine::waiters::Waiters;

/// What is kept of a role.
#[derive(Debug)]
pub(super) struct Child<D: Domain> {
    /// Its number, never reused: positions change when a child is forgotten.
    pub(super) slot: u32,
    /// What has happened to it.
    pub(super) life: Lifecycle<D>,
    pub(super) first_start: FirstStart,
    /// It has run since the group began. A temporary one begins anew with each end.
    pub(super) has_run: bool,
    /// What it means when nothing of the present launch is left.
    pub(super) then: Then,
    /// How it ended, until its release; none if the present launch was no life.
    pub(super) exit: Option<Exit>,
    /// It is to be started, and to be stopped before that if it runs.
    pub(super) again: Option<Again>,
    /// Launches by the rules since the first start.
    pub(super) restarts: u64,
    /// Steps of the backoff since it was last reset.
    pub(super) step: u32,
    /// Attempts of the present restart that have failed.
    pub(super) failures: u32,
    /// What only a child has that has ended before.
    pub(super) past: Option<Box<Past<D>>>,
    pub(super) timer: Option<Moment>,
    /// Callers that wait for its end.
    pub(super) stops: Waiters<D::Ticket<StopAnswer>>,
    /// How its end is still to be counted in the group's report.
    pub(super) tally: Tally,
}

/// What is kept of earlier incarnations.
#[derive(Debug)]
pub(super) struct Past<D: Domain> {
    pub(super) last: Option<Last>,
    /// What the last launch has left to the next one. While a launch is under way or runs, its life
    /// has it.
    checkpoint: Option<Checkpoint<D>>,
    /// How often it has crashed lately.
    pub(super) repeats: Repeats,
}

impl<D: Domain> Default for Past<D> {
    fn default() -> Self {
        Self {
            last: None,
            checkpoint: None,
            repeats: Repeats::default(),
        }
    }
}

/// A start that is to come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Again {
    pub(super) origin: Origin,
    pub(super) due: Moment,
}

/// Why a launch is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// The group begins.
    Begin,
    /// A caller adds the child.
    First,
    /// The strategy brings it back.
    Restart,
    /// A caller restarts it by hand.
    Manual,
}

/// What it means that nothing of the present launch is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// Nothing more than that.
    Rest,
    /// The launch has failed.
    Failed(Origin),
}

impl Then {
    /// Why the launch is made that may fail.
    pub(super) const fn origin(self) -> Option<Origin> {
        match self {
            Self::Rest => None,
            Self::Failed(origin) => Some(origin),
        }
    }

    /// What it means for a launch that is not wanted any more: there will be no other attempt. A
    /// child that was never started is still forgotten, since the caller that added it is told that
    /// it failed.
    pub(super) fn of_unwanted(origin: Origin) -> Self {
        match origin {
            Origin::First => Self::Failed(origin),
            Origin::Begin | Origin::Restart | Origin::Manual => Self::Rest,
        }
    }

    /// The launch is not wanted any more.
    pub(super) fn give_up(&mut self) {
        if let Self::Failed(origin) = *self {
            *self = Self::of_unwanted(origin);
        }
    }
}

/// How the group's report counts the end of a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tally {
    /// It does not, or it has.
    Skip,
    /// As it ends, and its own children with it.
    Ended,
    /// As it ended just before the stop, which was because of that.
    Reason,
    /// As one that did not run: it had ended before, and only its release was waited for.
    NotRunning,
}

/// What a child is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize),
    serde(rename_all = "snake_case")
)]
#[non_exhaustive]
pub enum ChildState {
    /// It is being started, or its turn in the start of the group has not come.
    Starting,
    /// It runs.
    Running,
    /// It is being started again, or waits for that.
    Restarting,
    /// It was told to end.
    Stopping,
    /// It does not run: it has ended, was stopped, or its start function answered ignore.
    NotRunning,
    /// It was killed, and is stuck in code that never awaits.
    Stuck,
}

impl ChildState {
    /// The state in the words of the counts; one that does not run is in none of theirs.
    pub(super) const fn counted(self) -> Option<SessionState> {
        match self {
            Self::Starting => Some(SessionState::Starting),
            Self::Running => Some(SessionState::Running),
            Self::Restarting => Some(SessionState::Restarting),
            Self::Stopping => Some(SessionState::Stopping),
            Self::NotRunning => None,
            Self::Stuck => Some(SessionState::Stuck),
        }
    }
}

/// What is known of one child.
#[derive(Debug)]
pub struct ChildView<'a, D: Domain> {
    /// Its role.
    pub role: &'a Arc<str>,
    /// What people call it.
    pub label: Option<&'a Arc<str>>,
    /// What it is doing.
    pub state: ChildState,
    /// Its present or last incarnation.
    pub incarnation: u64,
    /// How often it was restarted, by the rules; failed attempts count.
    pub restarts: u64,
    /// The present launch.
    pub life: Option<&'a D::Life>,
    /// How the last incarnation ended.
    pub last_exit: Option<&'a Exit>,
    /// Whether it is a supervisor itself.
    pub kind: ChildKind,
}

impl<D: Domain> Past<D> {
    /// What may be the user's.
    pub(super) fn into_values(self) -> impl Iterator<Item = Discard<D>> {
        let last = self.last.map(|last| Discard::Exit(last.exit));
        let checkpoint = self.checkpoint.map(Discard::Checkpoint);
        last.into_iter().chain(checkpoint)
    }
}

impl<D: Domain> Child<D> {
    pub(super) const fn new(
        slot: u32,
        role: Arc<str>,
        spec: D::Spec,
        first_start: FirstStart,
    ) -> Self {
        Self {
            slot,
            life: Lifecycle::new(role, spec),
            first_start,
            has_run: false,
            then: Then::Rest,
            exit: None,
            again: None,
            restarts: 0,
            step: 0,
            failures: 0,
            past: None,
            timer: None,
            stops: Waiters::new(),
            tally: Tally::Skip,
        }
    }

    /// How the last incarnation ended.
    pub(super) fn last_exit(&self) -> Option<&Exit> {
        let last = self.past.as_ref()?.last.as_ref()?;
        Some(&last.exit)
    }

    /// Keeps what its last launch has left for the next one.
    pub(super) fn keep(&mut self, checkpoint: Checkpoint<D>) {
        let kept = &mut self.past.get_or_insert_default().checkpoint;
        debug_assert!(kept.is_none(), "two launches have left something");
        *kept = Some(checkpoint);
    }

    /// What its last launch has left, for the next one.
    pub(super) fn take_checkpoint(&mut self) -> Option<Checkpoint<D>> {
        self.past.as_mut()?.checkpoint.take()
    }

    pub(super) fn temporary(&self) -> bool {
        self.life.policy().restart == Restart::Temporary
    }

    /// Whether its end is the last that is known of it. One on demand is a part of the tree's
    /// description.
    pub(super) fn is_forgotten_at_its_end(&self) -> bool {
        self.temporary() && self.first_start == FirstStart::WithGroup
    }

    /// Whether it is started when somebody asks, and not before. Once it has run it is as any
    /// other.
    pub(super) fn waits_for_request(&self) -> bool {
        let unmarked = self.again.is_none() && self.life.is_down();
        self.first_start == FirstStart::OnDemand && !self.has_run && unmarked
    }

    /// Whether it is to be started again. A temporary one that is marked is only to be stopped.
    pub(super) fn comes_back(&self) -> bool {
        self.again.is_some() && !self.temporary()
    }

    pub(super) fn is_stuck(&self) -> bool {
        self.life.state().is_stuck()
    }

    /// Whether something of it is left that will be gone one day, as far as is known.
    pub(super) fn alive(&self) -> bool {
        !self.life.is_down() && !self.is_stuck()
    }

    /// Why its present launch is made, from the order until it runs or is gone.
    pub(super) fn launching(&self) -> Option<Origin> {
        match self.life.state() {
            State::Launching
            | State::Cancelled { .. }
            | State::Stopping { .. }
            | State::Killed { .. }
            | State::Stuck(_) => self.then.origin(),
            State::Down | State::Running | State::Ended { .. } => None,
        }
    }

    /// Whether it is known only until its release.
    pub(super) fn to_be_forgotten(&self) -> bool {
        let ended = matches!(self.life.state(), State::Ended { .. });
        ended && (self.is_forgotten_at_its_end() || self.then == Then::Failed(Origin::First))
    }

    /// What others see of it; one that will be forgotten at its release is not seen any more.
    pub(super) fn state(&self) -> Option<ChildState> {
        let restarts = self.then == Then::Failed(Origin::Restart);
        Some(match self.life.state() {
            State::Ended { .. } if self.to_be_forgotten() => return None,
            State::Down | State::Ended { .. } => match self.again {
                Some(Again {
                    origin: Origin::Begin,
                    ..
                }) => ChildState::Starting,
                Some(_) if self.comes_back() => ChildState::Restarting,
                Some(_) | None => ChildState::NotRunning,
            },
            State::Launching if restarts => ChildState::Restarting,
            State::Launching => ChildState::Starting,
            State::Cancelled { .. } if restarts || self.again.is_some() => ChildState::Restarting,
            State::Cancelled { .. } | State::Stopping { .. } | State::Killed { .. } => {
                ChildState::Stopping
            }
            State::Running => ChildState::Running,
            State::Stuck(_) => ChildState::Stuck,
        })
    }

    pub(super) fn info(&self) -> Option<ChildView<'_, D>> {
        Some(ChildView {
            role: &self.life.id,
            label: self.life.spec.label(),
            state: self.state()?,
            incarnation: self.life.incarnation,
            restarts: self.restarts,
            life: self.life.life(),
            last_exit: self.last_exit(),
            kind: self.life.policy().kind,
        })
    }
}
