//! What goes wrong: processes that are paused or killed, nodes that are cut off, drain or leave, a store that
//! is down, watches that break, keys that somebody deletes.

use std::num::NonZeroUsize;
use std::time::Duration;

use session_supervisor_cluster::engine::{DrainOrder, Holder};

use crate::node::Process;
use crate::world::{Event, Flavour, MS, SECOND, ToNode, World};

impl World {
    /// One more thing goes wrong.
    pub(crate) fn fault(&mut self) {
        if !self.faults {
            return;
        }
        let pause = self.random.within(SECOND / 5, 4 * SECOND);
        self.after(pause, Event::Fault);
        let node = self.random.place(self.nodes.len());
        match self.random.within(0, 10) {
            0 => {
                let pause = self.random.within(MS, SECOND);
                self.pause(node, pause);
            }
            1 | 2 => {
                let pause = self.random.within(SECOND, 30 * SECOND);
                self.pause(node, pause);
            }
            3 => {
                self.end_process(node);
                let pause = self.random.within(SECOND / 10, 5 * SECOND);
                self.after(pause, Event::Start(node));
            }
            4 | 5 => {
                let pause = self.random.within(SECOND / 2, 25 * SECOND);
                self.nodes[node].cut_until = self.now + pause;
            }
            6 if self.store_is_up() => {
                let pause = self.random.within(SECOND / 2, 20 * SECOND);
                self.store_down_until = self.now + pause;
                // It comes back with a new leader, which gives all leases their full time.
                self.store.extend_all(self.store_down_until);
            }
            7 => {
                let executes = self.nodes[node].executes();
                if executes && self.nodes[node].up().is_some() {
                    match self.random.chance(500) {
                        true => self.drain(node),
                        false => self.tell(node, Holder::leave),
                    }
                }
            }
            8 if self.flavour == Flavour::Deleting => {
                let shards: Vec<_> = self.shards.all().collect();
                let shard = shards[self.random.place(shards.len())];
                self.store.delete(shard);
            }
            _ => {
                if let Some(up) = self.nodes[node].up_mut() {
                    // Its watch has broken, and it asks for a snapshot.
                    up.position = None;
                }
            }
        }
    }

    /// A node is drained, and leaves some time later.
    fn drain(&mut self, node: usize) {
        self.seen.node_drains += 1;
        let local = self.nodes[node].local(self.now);
        let within = self.random.within(0, 6 * SECOND);
        let order = DrainOrder {
            until: (within > SECOND).then(|| local.after(Duration::from_micros(within - SECOND))),
            at_most: NonZeroUsize::new(self.random.place(4)),
        };
        self.tell(node, |holder, now, out| holder.drain(order, now, out));
        let life = self.nodes[node].life;
        if self.random.chance(500) {
            let pause = self.random.within(0, SECOND);
            self.after(pause, Event::Node(node, life, ToNode::Hurry));
        }
        let pause = self.random.within(0, 12 * SECOND);
        self.after(pause, Event::Node(node, life, ToNode::Leave));
    }

    fn pause(&mut self, node: usize, pause: u64) {
        if self.nodes[node].paused_until.is_none() {
            self.nodes[node].paused_until = Some(self.now + pause);
            self.after(pause, Event::Resume(node));
        }
    }

    /// The process goes on. What it has missed comes in any order, its timers among it.
    pub(crate) fn resume(&mut self, node: usize) {
        let this = &mut self.nodes[node];
        if this.paused_until.is_none_or(|until| until > self.now) {
            return;
        }
        this.paused_until = None;
        let life = this.life;
        if let Some(up) = this.up_mut() {
            up.behind = true;
            let pause = self.random.within(0, 3 * MS);
            self.after(pause, Event::Node(node, life, ToNode::Tick));
        }
    }

    /// The process is over, with all that ran in it.
    pub(crate) fn end_process(&mut self, node: usize) {
        let this = &mut self.nodes[node];
        this.process = Process::Down;
        this.life += 1;
        this.pending.clear();
    }
}
