//! Random histories of the links, with what must always hold.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use super::super::{ConnectionId, Direction, Effect, Identity, Links, Timing};
use super::{id, identity, name, nodes, s};
use crate::engine::NodeName;
use crate::gateway::status::{PeerInfo, PeerState};

/// The next of a series of random numbers (splitmix64).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}

/// What must hold, whatever happens: a peer is up over one connection at a time, which is ready, not
/// told to close, and of the incarnation that was set; each connection is closed once; and what is over
/// time is.
#[derive(Default)]
struct Model {
    set: HashMap<NodeName, PeerInfo>,
    open: HashMap<ConnectionId, Option<Identity>>,
    closing: HashSet<ConnectionId>,
    up: HashMap<NodeName, ConnectionId>,
    dials: Vec<(NodeName, u64)>,
    greets: Vec<(NodeName, ConnectionId)>,
}

impl Model {
    fn see(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Dial { node, attempt, .. } => {
                    assert!(name("m") < node, "the lower name dials");
                    assert!(!self.up.contains_key(&node));
                    self.dials.push((node, attempt));
                }
                Effect::Greet {
                    identity,
                    connection,
                } => {
                    assert_eq!(self.open.get(&connection), Some(&Some(identity.clone())));
                    assert!(!self.closing.contains(&connection));
                    self.greets.push((identity.node, connection));
                }
                Effect::Up {
                    identity,
                    connection,
                } => {
                    let set = self.set.get(&identity.node).expect("a peer");
                    assert_eq!(set.incarnation, identity.incarnation);
                    assert_eq!(self.open.get(&connection), Some(&Some(identity.clone())));
                    assert!(!self.closing.contains(&connection));
                    assert_eq!(self.up.insert(identity.node, connection), None);
                }
                Effect::Down { node, .. } => assert!(self.up.remove(&node).is_some()),
                Effect::Close { connection, .. } => {
                    assert!(self.open.contains_key(&connection));
                    assert!(self.closing.insert(connection), "closed twice");
                }
                Effect::Failed { .. } => {}
            }
        }
        let used = self
            .up
            .values()
            .find(|connection| self.closing.contains(*connection));
        assert_eq!(used, None, "what is closing is not used");
    }
}

fn history(seed: u64) {
    let mut random = Random(seed);
    let mut links = Links::new(name("m"), Timing::usual(), seed);
    let (mut model, mut out) = (Model::default(), Vec::new());
    let (mut now, mut next) = (s(0), 0);
    let peers = ["a", "m", "x", "z"];
    for _ in 0..200 {
        now += Duration::from_millis(random.below(3_000));
        match random.below(10) {
            0 => {
                let list: Vec<_> = peers.into_iter().filter(|_| random.below(4) > 0).collect();
                let list: Vec<_> = list
                    .into_iter()
                    .map(|node| (node, random.below(2)))
                    .collect();
                model.set = nodes(&list);
                model.set.remove(&name("m"));
                links.set(nodes(&list), now, &mut out);
            }
            1 | 2 => {
                next += 1;
                let direction = [Direction::In, Direction::Out][usize::from(random.below(2) == 1)];
                let node = peers[usize::try_from(random.below(4)).expect("small")];
                let address = format!("{node}:{}", random.below(2));
                links.opened(id(next), direction, address, now);
                model.open.insert(id(next), None);
            }
            3..=5 if next > 0 => {
                let connection = id(1 + random.below(next));
                let node = peers[usize::try_from(random.below(4)).expect("small")];
                let who = Some(identity(node, random.below(2))).filter(|_| random.below(9) > 0);
                if model.open.get(&connection) == Some(&None) {
                    model.open.insert(connection, who.clone());
                    links.ready(connection, who, now, &mut out);
                }
            }
            6 if next > 0 => {
                let connection = id(1 + random.below(next));
                model.open.remove(&connection);
                model.closing.remove(&connection);
                links.closed(connection, now, &mut out);
            }
            7 => {
                if let Some((node, attempt)) = model.dials.pop() {
                    let outcome = match random.below(2) {
                        0 => Err("refused".to_owned()),
                        _ => Ok(format!("{node}:{}", random.below(2))),
                    };
                    links.dialled(&node, attempt, outcome, now, &mut out);
                }
            }
            8 => {
                if let Some((node, connection)) = model.greets.pop() {
                    let outcome = if random.below(4) == 0 {
                        Err("no".to_owned())
                    } else {
                        Ok(())
                    };
                    links.greeted(&node, connection, outcome, now, &mut out);
                }
            }
            _ => {
                let up: Vec<_> = model
                    .up
                    .iter()
                    .map(|(node, id)| (node.clone(), *id))
                    .collect();
                if let Some((node, connection)) = up.first() {
                    links.silent(node, *connection, now, &mut out);
                }
            }
        }
        model.see(std::mem::take(&mut out));
        while let Some(deadline) = links.next_deadline().filter(|deadline| *deadline <= now) {
            links.tick(now, &mut out);
            model.see(std::mem::take(&mut out));
            assert_ne!(
                links.next_deadline(),
                Some(deadline),
                "what is over time is dealt with"
            );
        }
        for (node, state) in links.states() {
            assert_eq!(state == PeerState::Up, model.up.contains_key(node));
        }
    }
}

#[test]
fn random_histories() {
    for seed in 0..1_000 {
        history(seed);
    }
}
