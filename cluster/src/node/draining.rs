//! The drain of a node, over all of its terms.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::watch;

use super::driver::Driver;
use super::{Node, Stage};
use crate::engine::{
    DrainOrder, DrainProgress, DrainReport, DrainStage, Effect, Holder, Leaving, Shard,
};
use crate::etcd::Updated;

/// The order to drain a node, and how far the drain is.
#[derive(Debug, Default)]
pub(crate) struct Drains {
    order: watch::Sender<Option<DrainOrder>>,
    told: watch::Sender<DrainTold>,
}

/// How far the drain of a node is.
#[derive(Clone, Debug, Default)]
pub(crate) struct DrainTold {
    pub(crate) progress: Option<DrainProgress>,
    /// It is over.
    pub(crate) report: Option<Arc<DrainReport>>,
    /// How many sessions of this node had been killed before the drain began. None: it has not begun.
    killed_before: Option<u64>,
}

impl Drains {
    /// Asks for a drain, or for a sooner one.
    pub(crate) fn order(&self, order: DrainOrder) {
        self.order.send_modify(|known| {
            *known = Some(known.map_or(order, |known| known.join(order)));
        });
    }

    pub(crate) fn told(&self) -> watch::Receiver<DrainTold> {
        self.told.subscribe()
    }

    /// The order that stands. The receiver has it as a change, and gets later ones.
    pub(super) fn orders(&self) -> watch::Receiver<Option<DrainOrder>> {
        let mut orders = self.order.subscribe();
        orders.mark_changed();
        orders
    }

    /// What the node says of itself when it joins.
    pub(super) fn leaving(&self) -> Leaving {
        match *self.order.borrow() {
            Some(_) => Leaving::Yes,
            None => Leaving::No,
        }
    }
}

impl Node {
    /// How many sessions were killed since the node was started, for any reason.
    fn killed(&self) -> u64 {
        self.sessions().sessions().stats().exits.killed
    }

    /// How many sessions there are on this node, in whatever state.
    fn session_count(&self) -> usize {
        self.sessions().sessions().stats().sessions.specs
    }

    fn drain_begins(&self) {
        let (killed, sessions) = (self.killed(), self.session_count());
        self.drains.told.send_if_modified(|told| {
            let begins = told.killed_before.is_none();
            told.killed_before.get_or_insert(killed);
            begins
        });
        let feed = &self.local.feed;
        feed.tell(|picture, now, out| picture.drain_begun(sessions, now, out));
    }

    fn drain_progresses(&self, progress: DrainProgress) {
        self.drains.told.send_if_modified(|told| {
            let is_news = told.progress != Some(progress);
            told.progress = Some(progress);
            is_news
        });
        let feed = &self.local.feed;
        feed.tell(|picture, _, out| picture.drain_progressed(progress, out));
    }

    fn drain_is_over(&self) {
        let before = self.drains.told.borrow().killed_before.unwrap_or_default();
        let killed = self.killed().saturating_sub(before);
        let feed = &self.local.feed;
        let report = feed.tell(|picture, now, out| picture.drain_done(killed, now, out));
        if let Some(report) = report {
            tracing::info!(node = %self.name, "drained: {}", report.summary);
            let report = Arc::new(report);
            self.drains
                .told
                .send_modify(|told| told.report = Some(report));
        }
    }

    /// The node has no lease, so it owns nothing: a drain that was ordered is over.
    pub(super) fn drained_without_a_term(&self) {
        if self.drains.order.borrow().is_none() || self.drains.told.borrow().report.is_some() {
            return;
        }
        self.drain_begins();
        let last = self.drains.told.borrow().progress.unwrap_or_default();
        self.drain_progresses(DrainProgress {
            shards: last.shards,
            ended: last.shards,
            sessions: self.session_count(),
            ..DrainProgress::default()
        });
        self.drain_is_over();
    }
}

impl Driver {
    /// The node is to drain, or to drain sooner.
    pub(super) fn drain(&mut self, order: DrainOrder, out: &mut Vec<Effect>) {
        if self.node.now.borrow().stage != Stage::Leaving {
            self.node.stage(Stage::Draining);
        }
        self.says_that_it_leaves();
        self.node.drain_begins();
        self.tell(out, |holder, now, out| holder.drain(order, now, out));
    }

    /// The node is to leave: it drains, and ends.
    pub(super) fn leave(&mut self, out: &mut Vec<Effect>) {
        self.node.stage(Stage::Leaving);
        // It joins an order that stands, and later orders join it.
        self.node.drains.order(DrainOrder::default());
        self.drain(DrainOrder::default(), out);
        self.tell(out, Holder::leave);
    }

    fn says_that_it_leaves(&mut self) {
        if self.info.leaving == Leaving::Yes {
            return;
        }
        self.info.leaving = Leaving::Yes;
        let (keys, registered, info) = (self.keys.clone(), self.registered, self.info.clone());
        self.work.begin(async move {
            // The drain goes on in any case. Without this key the planner learns of it from free shards.
            match keys.update(registered, &info).await {
                Ok(Updated::Written | Updated::NotRegistered) => {}
                Err(error) => tracing::warn!("not told that it leaves: {error}"),
            }
            Vec::new()
        });
    }

    /// Tells how far the drain is, if there is one.
    pub(super) fn look_at_drain(&self) {
        let admission = &self.node.local.admission;
        let known =
            admission.with(|holder| Some((holder.drain_progress()?, holder.drain_stage()?)));
        let Some((mut progress, stage)) = known.flatten() else {
            return;
        };
        if self.node.drains.told.borrow().report.is_some() {
            return;
        }
        progress.stuck = self.stuck.len();
        progress.sessions = self.node.session_count();
        self.node.drain_progresses(progress);
        match stage {
            DrainStage::Open => {}
            DrainStage::Done | DrainStage::Stuck => self.node.drain_is_over(),
        }
    }
}

/// The shards with sessions that were killed and do not end.
pub(super) type StuckShards = BTreeSet<Shard>;
