//! What must hold after every step, and of every effect.

use std::collections::{BTreeMap, BTreeSet};

use session_supervisor_cluster::engine::{Effect, Epoch, Hold, Shard};

use crate::node::Ends;
use crate::world::{Flavour, TTL, World};

#[derive(Debug, Default)]
pub(crate) struct Checks {
    /// The latest epoch under which each shard was served, and by which node.
    latest: BTreeMap<Shard, (Epoch, usize)>,
}

impl World {
    /// Whether what is checked covers two owners.
    fn promised(&self) -> bool {
        self.flavour != Flavour::Deleting
    }

    pub(crate) fn check(&mut self) {
        for shard in self.shards.all() {
            let mut admitting = Vec::new();
            let mut running = Vec::new();
            for (place, node) in self.nodes.iter().enumerate() {
                let Some(up) = node.up() else { continue };
                if !node.executes() {
                    continue;
                }
                let admitted = up.holder.admits(shard, node.local(self.now));
                if let Ok(epoch) = admitted {
                    admitting.push((place, epoch));
                    let clock = node.clock(self.now);
                    assert!(
                        clock < up.sent + TTL * 2 / 3,
                        "admitted after two thirds of the lease"
                    );
                    let runs = up.running.get(&shard);
                    assert_eq!(runs, Some(&epoch), "it admits what is not open");
                    assert!(!up.ending, "it admits while all ends");
                }
                // A process that was paused acts once, until its timers have fired.
                if up.running.contains_key(&shard) && !up.behind {
                    running.push(place);
                }
            }
            if self.promised() {
                let admits = admitting.iter().map(|(place, _)| place);
                let owners: BTreeSet<_> = admits.chain(&running).collect();
                assert!(
                    owners.len() < 2,
                    "two owners: shard {shard} is admitted by {admitting:?} and runs in {running:?}"
                );
            }
            for (place, epoch) in &admitting {
                let known = self.checks.latest.entry(shard).or_insert((*epoch, *place));
                let one = known.0 != *epoch || known.1 == *place;
                assert!(one, "two nodes have one epoch");
                let grows = known.0 <= *epoch;
                // A node whose key was deleted by hand hears of it late.
                let late = self.flavour == Flavour::Deleting;
                assert!(grows || late, "an earlier epoch admits");
                if grows {
                    *known = (*epoch, *place);
                }
            }
        }
    }

    pub(crate) fn check_effect(&self, node: usize, effect: Effect) {
        let this = &self.nodes[node];
        let Some(up) = this.up() else {
            panic!("an effect of a node that is down: {effect:?}");
        };
        let clock = this.clock(self.now);
        let serving = !up.ending && clock < up.sent + TTL * 2 / 3;
        match effect {
            Effect::Claim(shard) => {
                assert!(serving, "a claim without authority");
                let plan = up.plan.as_ref().and_then(|plan| plan.owner(shard));
                assert_eq!(plan, Some(&this.name), "a claim against the plan");
                assert!(
                    !up.running.contains_key(&shard),
                    "a claim of what runs here"
                );
                assert!(
                    up.holder.claims() <= self.limits.claims_at_once,
                    "claims at once"
                );
            }
            Effect::Admit(shard, epoch) => {
                assert!(serving, "opened without authority");
                assert!(
                    up.confirmed.contains(&(shard, epoch)),
                    "opened without a confirmation"
                );
                assert!(!up.running.contains_key(&shard), "opened twice");
                let latest = self.checks.latest.get(&shard);
                assert!(
                    latest.is_none_or(|(known, _)| *known < epoch),
                    "an epoch again"
                );
            }
            Effect::Freeze(shard, epoch) => {
                assert!(serving, "a hand-over without authority");
                assert_eq!(up.running.get(&shard), Some(&epoch), "frozen, and not open");
                let admits = up.holder.admits(shard, this.local(self.now));
                assert!(admits.is_err(), "it is frozen and admits");
            }
            Effect::Drain(shard, epoch, within) => {
                // A drain with a deadline gives each shard its share.
                let drains = up.holder.drain_stage().is_some();
                assert!(drains || within == self.limits.drain_within);
                assert_eq!(
                    up.running.get(&shard),
                    Some(&epoch),
                    "drained, and not open"
                );
                let ends = |ends: &&Ends| **ends == Ends::InOrder;
                let others = up.draining.values().filter(ends).count();
                let few = others < self.limits.drains_at_once;
                assert!(drains || few, "drains at once");
            }
            Effect::Kill(shard, epoch) => {
                let within = self.flavour == Flavour::WithinTheMargin;
                let is_late = up.holder.hold(shard) == Hold::Draining(epoch);
                assert!(!within || is_late, "a key was lost within the authority");
                let known = up.running.get(&shard).is_none_or(|known| *known == epoch);
                assert!(known, "killed in another epoch");
            }
            Effect::Release(shard, epoch) => {
                assert!(serving, "a release without authority");
                assert!(!up.running.contains_key(&shard), "released while it runs");
                assert!(
                    up.confirmed.contains(&(shard, epoch)),
                    "a key that is not known"
                );
            }
            Effect::EndAll { until } => {
                assert!(!serving, "it ends within its authority");
                let ends = this.clock(self.now) < up.sent + TTL;
                assert!(
                    ends && this.when(until) > self.now,
                    "it ends after its lease"
                );
            }
            Effect::KillAll => {}
            Effect::Rejoin | Effect::Left => {
                assert!(up.running.is_empty(), "it goes while something runs");
            }
        }
    }
}
