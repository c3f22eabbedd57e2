//! What becomes of a session that used up its restart limit and is set aside (D11): it is tried
//! again by itself after growing pauses, one launch at a time, until a trial lives for the limit's
//! window.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Engine;
use super::restarts::{Draw, Occasion};
use crate::engine::backoff::{grown, jittered};
use crate::engine::child::{Origin, Parking, Plan};
use crate::engine::decision::Decision;
use crate::engine::end::Over;
use crate::engine::event::EventKind;
use crate::engine::exit::Exit;
use crate::engine::io::Domain;
use crate::engine::limit::Limit;
use crate::engine::moment::Moment;

/// The parked children, the one parked longest first. One that is being tried is not among them.
#[derive(Debug, Default)]
pub(super) struct Parked {
    by_order: BTreeMap<u64, u32>,
    orders: u64,
}

impl<D: Domain> Engine<D> {
    /// Sets a session aside that used up its limit, or whose trial or resumption failed.
    pub(super) fn park(
        &mut self,
        now: Moment,
        slot: u32,
        limit: Option<Limit>,
        occasion: Occasion,
    ) {
        let next_order = self.parked.orders + 1;
        let draw = Draw::Number(self.jitter.draw());
        let Some(child) = self.table.get_mut(slot) else {
            return;
        };
        let parking = *child.history().parking.get_or_insert(Parking {
            order: next_order,
            trials: 0,
        });
        self.parked.orders = next_order;
        self.parked.by_order.insert(parking.order, slot);
        self.meter.parks();
        let decision = self.parked(limit, parking.trials, draw);
        let retry = match decision {
            Decision::Park { until, .. } => until.map(|pause| now.after(pause)),
            _ => None,
        };
        self.plan(slot, Plan::Park { retry });
        self.set_timer(slot, retry);
        self.record(now, slot, occasion.with(decision));
        self.next_in_queue(now, slot);
        self.discard_the_longest_parked(now);
    }

    fn discard_the_longest_parked(&mut self, now: Moment) {
        if self.parked.by_order.len() > self.settings.max_parked
            && let Some(&slot) = self.parked.by_order.values().next()
        {
            self.note(slot, EventKind::Discarded);
            self.leave(now, slot, Exit::NotRunning, Over::Discarded);
        }
    }

    /// A child that is parked will not be any more.
    pub(super) fn leave_parked(&mut self, slot: u32) {
        let parking = self
            .table
            .get(slot)
            .and_then(|child| child.history.as_ref())
            .and_then(|history| history.parking);
        if let Some(parking) = parking {
            self.parked.by_order.remove(&parking.order);
        }
    }

    /// The pause before the next trial, without jitter.
    pub(super) fn trial_pause(&self, trials: u32) -> Option<Duration> {
        let (first, max) = self.settings.park_trial?;
        Some(grown(first, 2, trials, max))
    }

    /// The pause of a parked child is over.
    pub(super) fn try_again(&mut self, now: Moment, slot: u32) {
        // The sweep of the supervisor's stop ends what is parked.
        if !self.serving() {
            return;
        }
        let full = self.no_place(now, slot).is_some();
        let random = self.jitter.draw();
        let Some(child) = self.table.get_mut(slot) else {
            return;
        };
        let Plan::Park { retry: Some(retry) } = &mut child.plan else {
            return;
        };
        // What is left of the last incarnation comes first; its release looks here again.
        if *retry > now || !child.life.is_down() {
            return;
        }
        let Some(parking) = child
            .history
            .as_mut()
            .and_then(|history| history.parking.as_mut())
        else {
            debug_assert!(false, "it is parked, and nothing is known of that");
            return;
        };
        if full {
            // A trial needs a place, and the others have them all.
            let trials = parking.trials;
            if let Some(full) = self.trial_pause(trials) {
                let retry = Some(now.after(jittered(full, random)));
                self.plan(slot, Plan::Park { retry });
                self.set_timer(slot, retry);
            }
            return;
        }
        parking.trials = parking.trials.saturating_add(1);
        if let Some(history) = &mut child.history {
            history.restarts += 1;
        }
        self.meter.tries();
        self.leave_parked(slot);
        self.launch(now, slot, Origin::Trial, None);
    }
}
