//! What a node does with the effects of its engine.

use session_supervisor_cluster::engine::{BootTime, Effect, Hold, Holder};

use crate::node::Ends;
use crate::world::{Event, MS, Request, SECOND, ToNode, World};

impl World {
    /// Tells the engine of a node something, and carries out what it answers.
    pub(crate) fn tell(
        &mut self,
        node: usize,
        input: impl FnOnce(&mut Holder, BootTime, &mut Vec<Effect>),
    ) {
        let local = self.nodes[node].local(self.now);
        let Some(up) = self.nodes[node].up_mut() else {
            return;
        };
        let mut effects = Vec::new();
        input(&mut up.holder, local, &mut effects);
        for effect in effects {
            self.check_effect(node, effect);
            self.carry_out(node, effect);
        }
        self.schedule(node);
    }

    fn carry_out(&mut self, node: usize, effect: Effect) {
        let life = self.nodes[node].life;
        let Some(up) = self.nodes[node].up_mut() else {
            return;
        };
        match effect {
            Effect::Claim(shard) => self.send(node, Request::Claim(shard)),
            Effect::Admit(shard, epoch) => {
                up.running.insert(shard, epoch);
                self.seen.admits += 1;
            }
            Effect::Freeze(..) => {}
            Effect::Drain(shard, epoch, within) => {
                up.draining.insert(shard, Ends::InOrder);
                self.seen.drains += 1;
                let within = u64::try_from(within.as_micros()).expect("not long");
                let pause = self.random.within(0, within.max(1));
                self.after(
                    pause,
                    Event::Node(node, life, ToNode::Drained(shard, epoch)),
                );
            }
            Effect::Kill(shard, epoch) => {
                up.running.remove(&shard);
                match up.holder.hold(shard) {
                    Hold::Draining(_) => self.seen.cuts += 1,
                    _ => self.seen.kills += 1,
                }
                if up.draining.insert(shard, Ends::Killed).is_none() {
                    let pause = self.random.within(0, 50 * MS);
                    self.after(
                        pause,
                        Event::Node(node, life, ToNode::Drained(shard, epoch)),
                    );
                }
            }
            Effect::Release(shard, epoch) => self.send(node, Request::Release(shard, epoch)),
            Effect::EndAll { .. } => {
                up.ending = true;
                self.seen.lapses += 1;
                // Some take longer than there is time.
                let pause = self.random.within(0, 8 * SECOND);
                self.after(pause, Event::Node(node, life, ToNode::Ended));
            }
            Effect::KillAll => {
                up.ending = true;
                up.running.clear();
                self.seen.kills_of_all += 1;
                let pause = self.random.within(0, 20 * MS);
                self.after(pause, Event::Node(node, life, ToNode::Ended));
            }
            Effect::Rejoin => {
                self.seen.rejoins += 1;
                self.send(node, Request::Revoke);
                self.end_process(node);
                self.after(10 * MS, Event::Start(node));
            }
            Effect::Left => {
                self.seen.left += 1;
                self.send(node, Request::Revoke);
                self.end_process(node);
                let pause = match self.faults {
                    true => self.random.within(SECOND, 10 * SECOND),
                    false => 10 * MS,
                };
                self.after(pause, Event::Start(node));
            }
        }
    }

    /// Its one timer.
    fn schedule(&mut self, node: usize) {
        let this = &self.nodes[node];
        let life = this.life;
        let Some(up) = this.up() else { return };
        let Some(due) = up.holder.next_deadline() else {
            return;
        };
        let at = this.when(due);
        if up.tick_at.is_some_and(|known| known <= at) {
            return;
        }
        if let Some(up) = self.nodes[node].up_mut() {
            up.tick_at = Some(at);
        }
        let pause = at.saturating_sub(self.now);
        self.after(pause, Event::Node(node, life, ToNode::Tick));
    }
}
