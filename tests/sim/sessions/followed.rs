//! Histories in which somebody follows each step (D32) and asks beforehand what would follow (D33).
//!
//! What is told must be enough: the list that the events make of nothing is the engine's own after
//! every step, and so is one that begins with a snapshot of any moment. A reader that is slow knows
//! how much it has lost. What the engine decides of a failure is what it had said that it would. What
//! it keeps of the exits is what it has told of them.

mod snapshots;

use std::collections::{BTreeMap, VecDeque};

use session_supervisor::engine::{
    Decision, EndReason, EventKind, ExitCause, KEPT_EXITS, Listening, Ring, SessionState,
    StartFailure,
};

use crate::sessions::history::Plays;
use crate::sessions::model::IDS;
use crate::sessions::sim::{NAMES, Sim};
use crate::variant::{More, With};
use snapshots::Taking;

pub(crate) type Followed = With<Follows, Sim>;

/// Others wait for the ends of the sessions: they are told the same.
pub(crate) type FollowedAndWatched = With<FollowsAndWatches, Sim>;

#[derive(Debug)]
pub(crate) struct FollowsAndWatches;

impl More<Sim> for FollowsAndWatches {
    fn begin(sim: &mut Sim) {
        Follows::begin(sim);
        sim.plays = Plays::Watched;
    }

    fn end(sim: &mut Sim) {
        Follows::end(sim);
    }
}

#[derive(Debug)]
pub(crate) struct Follows;

impl More<Sim> for Follows {
    fn begin(sim: &mut Sim) {
        sim.engine.listen(Listening::On);
        sim.follower = Some(Box::new(Follower::new()));
    }

    fn end(sim: &mut Sim) {
        // Of an engine that is taken apart nothing more is told.
        if let Some(follower) = &sim.follower
            && sim.engine.entries() == 0
        {
            assert_eq!(
                follower.list,
                List::new(),
                "it follows sessions that are gone"
            );
            assert_eq!(follower.known, [false; IDS], "sessions are gone untold");
        }
    }
}

/// What a session shows: its state and its incarnation.
type Shows = (SessionState, u64);
type List = BTreeMap<usize, Shows>;

/// An event, as far as a list needs it.
#[derive(Clone, Copy, Debug)]
struct Told {
    revision: u64,
    id: usize,
    shows: Option<Shows>,
}

fn apply(list: &mut List, told: Told) {
    match told.shows {
        Some(shows) => list.insert(told.id, shows),
        None => list.remove(&told.id),
    };
}

/// What the engine says of a failure that has not happened.
#[derive(Clone, Copy, Debug)]
struct Foreseen {
    decision: Decision,
    at_least: std::time::Duration,
    state: SessionState,
}

#[derive(Debug)]
pub(crate) struct Follower {
    ring: Ring<Told>,
    /// Made of all events.
    list: List,
    /// The ids of which something was told and not yet that it is gone.
    known: [bool; IDS],
    /// Why the last session of each id was told to be over.
    over: [Option<EndReason>; IDS],
    /// One is begun before and after every event.
    snapshots: Vec<Taking>,
    begun: Option<u64>,
    slow: Slow,
    /// What would follow a failure, as of the beginning of this step; none: something was told of
    /// the id in this step.
    foreseen: [Option<Foreseen>; IDS],
    /// What was told of the exits of each id.
    past: [Vec<(u64, EventKind)>; IDS],
    compared: u64,
}

/// A reader that is slow.
#[derive(Debug, Default)]
struct Slow {
    after: u64,
    list: List,
    read: u64,
    lost: u64,
    /// What it did not need, since it took a snapshot.
    passed_over: u64,
}

/// So few are kept that a slow reader loses some, and what comes while a snapshot is taken is kept all
/// the same.
const KEPT: usize = 6;

impl Follower {
    fn new() -> Self {
        Self {
            ring: Ring::new(KEPT),
            list: List::new(),
            known: [false; IDS],
            over: [None; IDS],
            snapshots: Vec::new(),
            begun: None,
            slow: Slow::default(),
            foreseen: [None; IDS],
            past: [const { Vec::new() }; IDS],
            compared: 0,
        }
    }

    fn told(&mut self, id: usize, incarnation: u64, kind: &EventKind) {
        let shows = kind.state().map(|state| (state, incarnation));
        let mut told = Told {
            revision: 0,
            id,
            shows,
        };
        self.ring.push(|revision, _| {
            told.revision = revision;
            told
        });
        apply(&mut self.list, told);
        match kind {
            EventKind::Queued { .. } | EventKind::Launching { .. } => self.known[id] = true,
            EventKind::ClaimTaken { .. } => {}
            EventKind::Gone(why) => {
                self.over[id] = Some(*why);
                assert!(self.known[id], "one is gone that was never there");
                self.known[id] = false;
                self.past[id].clear();
            }
            kind => assert!(self.known[id], "{kind:?} of one that was not there"),
        }
    }

    fn recorded(&mut self, id: usize, incarnation: u64, kind: &EventKind) {
        let past = &mut self.past[id];
        match kind {
            EventKind::Exited { .. } | EventKind::RestartFailed { .. }
                if kind.state().is_some() =>
            {
                past.push((incarnation, kind.clone()));
            }
            EventKind::Decided(later) if kind.state().is_some() => {
                let Some((
                    _,
                    EventKind::Exited { decision, .. } | EventKind::RestartFailed { decision, .. },
                )) = past.last_mut()
                else {
                    panic!("{later:?} of nothing that was told");
                };
                let waits = matches!(decision, Decision::Undecided(_));
                assert!(waits, "{later:?} in place of {decision:?}");
                *decision = *later;
            }
            _ => {}
        }
    }

    /// Holds what the engine decides of a failure against what it had said before.
    fn compare(&mut self, id: usize, kind: &EventKind) {
        let Some(foreseen) = self.foreseen[id].take() else {
            return;
        };
        let fails = match kind {
            EventKind::Exited { cause, asked, .. } => {
                let failed = matches!(cause, ExitCause::Failed { .. } | ExitCause::Killed);
                failed && !asked && foreseen.state == SessionState::Running
            }
            EventKind::RestartFailed { failure, decision } => {
                // It is ignored for good, of a tree that leaves stuck children nothing is decided
                // yet, and of one that is stuck it is said that it is decided later.
                *failure != StartFailure::Ignored
                    && !matches!(decision, Decision::Undecided(_))
                    && foreseen.state != SessionState::Stuck
            }
            EventKind::StartFailed { .. } => {
                assert_eq!(foreseen.decision, Decision::Forget);
                false
            }
            _ => false,
        };
        if !fails {
            return;
        }
        let decided = *kind.decision().expect("a failure has a decision");
        self.compared += 1;
        assert!(
            foreseen.holds(decided),
            "foreseen {foreseen:?}, decided {decided:?}"
        );
    }
}

impl Foreseen {
    fn holds(self, decided: Decision) -> bool {
        let range = |longest| self.at_least..=longest;
        match (self.decision, decided) {
            (
                Decision::Restart {
                    after: longest,
                    restarts,
                    budget_left,
                    limit,
                },
                Decision::Restart { after, .. },
            ) => {
                let rest = Decision::Restart {
                    after,
                    restarts,
                    budget_left,
                    limit,
                };
                range(longest).contains(&after) && rest == decided
            }
            (
                Decision::Park {
                    until: Some(longest),
                    limit,
                },
                Decision::Park {
                    until: Some(until),
                    limit: used_up,
                },
            ) => range(longest).contains(&until) && limit == used_up,
            (foreseen, decided) => foreseen == decided,
        }
    }
}

impl Sim {
    /// What would follow if a session failed in the next step.
    pub(super) fn foresee(&mut self) {
        let Some(follower) = &mut self.follower else {
            return;
        };
        let now = self.world.now;
        for (id, foreseen) in follower.foreseen.iter_mut().enumerate() {
            *foreseen = self.engine.explain(now, NAMES[id]).map(|outlook| Foreseen {
                decision: outlook.decision,
                at_least: outlook.at_least,
                state: outlook.info.state,
            });
        }
    }

    /// The engine has told something.
    pub(super) fn tell_follower(&mut self, id: usize, incarnation: u64, kind: &EventKind) {
        let serving = self.model.serving;
        let Some(follower) = &mut self.follower else {
            return;
        };
        // The end of the supervisor may have come in this very step.
        if serving {
            follower.compare(id, kind);
        }
        follower.told(id, incarnation, kind);
        follower.recorded(id, incarnation, kind);
    }

    /// One that waits for the end of a session is told this.
    pub(super) fn is_told_as_followers_are(&self, id: usize, why: EndReason) {
        if let Some(follower) = &self.follower {
            assert_eq!(
                follower.over[id],
                Some(why),
                "others are told something else"
            );
        }
    }

    fn shows(&self, id: usize) -> Option<Shows> {
        let info = self.engine.info(NAMES[id])?;
        Some((info.state, info.incarnation))
    }

    fn shown(&self) -> List {
        let shows = |id| Some((id, self.shows(id)?));
        (0..IDS).filter_map(shows).collect()
    }

    /// After every step.
    pub(super) fn check_followed(&mut self) {
        let Some(mut follower) = self.follower.take() else {
            return;
        };
        assert_eq!(follower.list, self.shown(), "the events tell another list");
        self.check_exits(&follower);
        self.go_on_with_snapshots(&mut follower);
        if self.world.rng.chance(15) {
            self.read_slowly(&mut follower);
        }
        self.follower = Some(follower);
    }

    fn check_exits(&self, follower: &Follower) {
        for (id, past) in follower.past.iter().enumerate() {
            let Some(dossier) = self.engine.dossier(NAMES[id]) else {
                continue;
            };
            let kept = dossier.exits();
            let kept: Vec<_> = kept
                .map(|exit| (exit.incarnation, exit.kind.clone()))
                .collect();
            let earlier = past.len().saturating_sub(KEPT_EXITS);
            assert_eq!(
                kept,
                past[earlier..],
                "it keeps other exits than it has told"
            );
            assert_eq!(dossier.earlier(), earlier as u64);
        }
    }

    fn read_slowly(&mut self, follower: &mut Follower) {
        let most = 1 + self.world.rng.below(4);
        let (ring, slow) = (&follower.ring, &mut follower.slow);
        let mut read = VecDeque::new();
        match ring.read(slow.after, most, &mut read) {
            Ok(()) => {
                for told in read {
                    assert_eq!(told.revision, slow.after + 1, "an event is left out");
                    slow.after = told.revision;
                    slow.read += 1;
                    apply(&mut slow.list, told);
                }
                if slow.after == ring.revision() {
                    assert_eq!(slow.list, self.shown(), "what a slow reader has read");
                }
            }
            Err(lost) => {
                slow.lost += lost;
                slow.after += lost;
                // The next one is there, since it was the first that is kept.
                assert!(ring.holds(slow.after) && !ring.holds(slow.after - 1));
                slow.passed_over += ring.revision() - slow.after;
                slow.after = ring.revision();
                slow.list = self.shown();
            }
        }
        let known = slow.read + slow.lost + slow.passed_over;
        assert_eq!(known, slow.after, "it does not know how much it has lost");
    }
}

/// The comparison above is worth something.
#[test]
fn many_failures_are_foreseen() {
    use crate::frame::History;
    use crate::record::Trace;
    use crate::rng::Rng;

    let compared: u64 = (0..200)
        .map(|seed| {
            let mut sim = Sim::new(Rng::new(seed), Trace::Off);
            Follows::begin(&mut sim);
            sim.play();
            sim.follower.map_or(0, |follower| follower.compared)
        })
        .sum();
    assert!(compared > 50, "{compared} in 200 histories");
}
