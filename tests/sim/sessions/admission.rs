//! Histories with a start rate and a quota (D28): what is admitted, and when. All of it is counted
//! from what the engine was asked and what it did, in the naive way: every start is kept for ever.
//!
//! What must hold:
//! 1. within no window are more sessions new than the rate says, and a start is refused for the
//!    rate only if one more were too many;
//! 2. what a refused start is told of the time is the first moment at which it were within the rate;
//! 3. no session is started or resumed that is one too many for its group, and none is refused for
//!    that without need; a group has more only by sessions that have become stuck after their end;
//! 4. no other restart and no trial is refused, and none counts as a start;
//! 5. an id that is there is never refused, and neither is one for which there is no place at all:
//!    that is told instead.

mod scenes;
pub(crate) mod world;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use session_supervisor::engine::{
    Limit, Moment, OnRestartLimit, Rejection, SessionState, Spec, StartRate,
};

use crate::domain::Ticket;
use crate::record::Trace;
use crate::rng::Rng;
use crate::rules::ms;
use crate::sessions::model::{Entry, IDS, Model};
use crate::sessions::sim::Sim;
use crate::sessions::tickets::Kind;
use crate::variant::More;

#[derive(Debug)]
pub(crate) struct Admission;

impl More<Sim> for Admission {
    fn make(mut rng: Rng, trace: Trace) -> Sim {
        let mut settings = crate::rules::settings(&mut rng);
        settings.start_rate = rng.chance(70).then(|| {
            let per = ms(rng.pick(&[20, 100, 1_000, 5_000]));
            StartRate::new(rng.pick(&[1, 1, 2, 3]), per).unwrap()
        });
        settings.quota = rng.chance(70).then(|| rng.pick(&[0, 1, 1, 1, 2]));
        if rng.chance(60) {
            settings.session_limit = Limit::new(0, ms(100));
            settings.on_limit = OnRestartLimit::Park;
            settings.max_parked = usize::MAX;
        }
        Sim::with(settings, rng, trace)
    }
}

impl Entry {
    /// Whether it takes a place of its group.
    fn is_of(&self, group: &str) -> bool {
        let takes_place = self.shown.is_some_and(|it| it != SessionState::Parked);
        takes_place && self.spec.group().is_some_and(|own| **own == *group)
    }
}

impl Model {
    /// Whether a group has no place for one more than are there beside an id.
    pub(crate) fn group_is_full(&self, group: Option<&Arc<str>>, but: usize) -> bool {
        let (Some(max), Some(group)) = (self.settings.quota, group) else {
            return false;
        };
        let others = (0..IDS).filter(|&id| id != but);
        let others = others.filter_map(|id| self.entries[id].as_ref());
        others.filter(|entry| entry.is_of(group)).count() >= max
    }

    /// How long a start has to wait for the rate, if it has to.
    fn rate_wait(&self, now: Moment) -> Option<Duration> {
        let rate = self.settings.start_rate?;
        let is_free = |at: Moment| {
            let recent = self
                .starts
                .iter()
                .filter(|start| at.since(**start) < rate.per());
            recent.count() < rate.n() as usize
        };
        if is_free(now) {
            return None;
        }
        let ends = self.starts.iter().map(|start| start.after(rate.per()));
        let first = ends.filter(|end| *end > now && is_free(*end)).min();
        Some(first.expect("each start ends to count").since(now))
    }

    /// The engine launches a session that is new.
    pub(crate) fn admit(&mut self, now: Moment, id: usize, group: Option<&Arc<str>>) {
        assert!(!self.group_is_full(group, id), "one too many of its group");
        assert_eq!(self.rate_wait(now), None, "a start above the rate");
        self.starts.push(now);
        let Some(rate) = self.settings.start_rate else {
            return;
        };
        let before = self.starts.len().checked_sub(rate.n() as usize + 1);
        let before = before.map(|at| self.starts[at]);
        let apart = before.is_none_or(|before| now.since(before) >= rate.per());
        assert!(apart, "too many starts within a window");
    }
}

impl Sim {
    /// Whether starts may be refused here that are not elsewhere.
    pub(crate) fn is_limited(&self) -> bool {
        let settings = &self.model.settings;
        settings.start_rate.is_some() || settings.quota.is_some()
    }

    /// A start, or the resumption of a session that is parked.
    pub(crate) fn ask_for_admission(&mut self) {
        let parked = |id: &usize| self.model.shown(*id) == Some(SessionState::Parked);
        let parked: Vec<_> = (0..IDS).filter(parked).collect();
        if !parked.is_empty() && self.world.rng.chance(30) {
            let id = self.world.rng.pick(&parked);
            return self.restart(id);
        }
        let id = self.world.rng.below(IDS);
        self.start(id, Kind::Start);
    }

    /// Of which group a session is to be. A user's function may say so at one time and so at
    /// another.
    pub(crate) fn draw_group(&mut self) -> Option<Arc<str>> {
        self.model.settings.quota?;
        // One that is parked is to lose its place to another.
        let parked = self.model.entries.iter().flatten();
        let parked = parked.filter(|entry| entry.parks());
        let parked = parked
            .filter_map(|entry| entry.spec.group().cloned())
            .next();
        if parked.is_some() && self.world.rng.chance(70) {
            return parked;
        }
        let groups = [None, Some("one"), Some("one"), Some("two")];
        self.world.rng.pick(&groups).map(Arc::from)
    }

    /// The moment at which a start does not count any more, or one before that.
    pub(crate) fn edge_of_rate(&mut self) -> Option<Moment> {
        let rate = self.model.settings.start_rate?;
        if self.model.starts.is_empty() || self.world.rng.chance(40) {
            return None;
        }
        let start = self.world.rng.pick(&self.model.starts);
        let short = Duration::from_nanos(u64::from(self.world.rng.chance(30)));
        Some(start.after(rate.per().saturating_sub(short)))
    }

    /// Whether there are parked sessions, and each waits for a place in its group.
    pub(crate) fn all_parked_wait_for_their_groups(&self) -> bool {
        let parked = self.model.entries.iter().flatten();
        let mut parked = parked.filter(|entry| entry.parks()).peekable();
        let waits = |entry: &Entry| self.model.group_is_full(entry.spec.group(), IDS);
        parked.peek().is_some() && parked.all(waits)
    }

    /// A start or a restart is rejected.
    pub(crate) fn judge_rejection(&self, ticket: Ticket, rejection: &Rejection) {
        let caller = &self.tickets.0[ticket];
        let (id, model) = (caller.id, &self.model);
        let shown = model.shown(id);
        let own = match caller.kind {
            Kind::Restart => {
                assert_eq!(shown, Some(SessionState::Parked), "a restart is rejected");
                let entry = model.entries[id].as_ref().expect("it is parked");
                entry.spec.group()
            }
            kind => {
                assert!(
                    kind.starts() && shown.is_none(),
                    "it is there, and rejected"
                );
                caller.spec.as_ref().expect("a start has a spec").group()
            }
        };
        let full = model.places(id) >= model.settings.max_sessions;
        assert!(!full, "that there is no place at all comes first");
        let group_is_full = model.group_is_full(own, id);
        match rejection {
            Rejection::StartRate { rate, retry_after } => {
                assert!(caller.kind.starts(), "a restart is no start");
                assert_eq!(Some(*rate), model.settings.start_rate);
                assert_eq!(Some(*retry_after), model.rate_wait(self.world.now), "wait");
                assert!(!group_is_full, "it will not be admitted then");
            }
            Rejection::Quota { group, max } => {
                assert_eq!(Some(group), own, "another group");
                assert_eq!(Some(*max), model.settings.quota);
                assert!(group_is_full, "refused although its group has a place");
            }
        }
    }

    /// The counts per group are those of the sessions.
    pub(crate) fn check_groups(&self) {
        let mut counts = BTreeMap::<Arc<str>, (usize, usize)>::new();
        for entry in self.model.entries.iter().flatten() {
            let Some(group) = entry.spec.group().filter(|group| entry.is_of(group)) else {
                continue;
            };
            let (all, back) = counts.entry(Arc::clone(group)).or_default();
            *all += 1;
            *back += usize::from(entry.came_back);
        }
        let told = self.engine.groups_after(None);
        let told: Vec<_> = told
            .map(|(group, count)| (Arc::clone(group), count))
            .collect();
        let all = counts
            .iter()
            .map(|(group, (all, _))| (Arc::clone(group), *all));
        assert_eq!(told, all.collect::<Vec<_>>(), "counts of groups");
        for (group, (all, back)) in &counts {
            assert_eq!(self.engine.count_group(group), *all);
            let max = self.model.settings.quota.expect("there are groups");
            assert!(all - back <= max, "{all} of {group}, {back} of them stuck");
        }
    }
}
