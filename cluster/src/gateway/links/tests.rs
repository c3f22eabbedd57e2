//! Histories of the links, one by one. [`random`] has those in which anything may happen.

mod random;

use std::collections::HashMap;
use std::time::Duration;

use super::{ConnectionId, Direction, Effect, Identity, Links, Moment, Timing};
use crate::engine::{Incarnation, NodeName};
use crate::gateway::status::{PeerInfo, PeerState};

fn name(text: &str) -> NodeName {
    NodeName::try_from(text).expect("a name")
}

fn identity(node: &str, incarnation: u64) -> Identity {
    Identity {
        node: name(node),
        incarnation: Incarnation::new(incarnation),
    }
}

fn nodes(nodes: &[(&str, u64)]) -> HashMap<NodeName, PeerInfo> {
    let info = |(node, incarnation): &(&str, u64)| {
        let info = PeerInfo {
            address: format!("{node}:{incarnation}"),
            incarnation: Incarnation::new(*incarnation),
        };
        (name(node), info)
    };
    nodes.iter().map(info).collect()
}

const fn s(seconds: u64) -> Moment {
    Duration::from_secs(seconds)
}

const fn id(n: u64) -> ConnectionId {
    ConnectionId(n)
}

/// The links of a node, and what they want done.
struct World {
    links: Links,
    out: Vec<Effect>,
}

impl World {
    fn of(own: &str) -> Self {
        Self {
            links: Links::new(name(own), Timing::usual(), 1),
            out: Vec::new(),
        }
    }

    fn out(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.out)
    }

    fn set(&mut self, list: &[(&str, u64)], now: Moment) -> Vec<Effect> {
        self.links.set(nodes(list), now, &mut self.out);
        self.out()
    }

    fn ready(&mut self, n: u64, peer: Option<Identity>, now: Moment) -> Vec<Effect> {
        self.links.ready(id(n), peer, now, &mut self.out);
        self.out()
    }

    fn accepted(&mut self, n: u64, peer: &Identity, now: Moment) -> Vec<Effect> {
        self.links
            .opened(id(n), Direction::In, format!("from:{n}"), now);
        self.ready(n, Some(peer.clone()), now)
    }

    fn greeted(
        &mut self,
        node: &str,
        n: u64,
        outcome: Result<(), &str>,
        now: Moment,
    ) -> Vec<Effect> {
        let outcome = outcome.map_err(str::to_owned);
        self.links
            .greeted(&name(node), id(n), outcome, now, &mut self.out);
        self.out()
    }

    fn closed(&mut self, n: u64, now: Moment) -> Vec<Effect> {
        self.links.closed(id(n), now, &mut self.out);
        self.out()
    }

    fn tick(&mut self, now: Moment) -> Vec<Effect> {
        self.links.tick(now, &mut self.out);
        self.out()
    }

    fn dialled(
        &mut self,
        node: &str,
        attempt: u64,
        outcome: Result<&str, &str>,
        now: Moment,
    ) -> Vec<Effect> {
        let outcome = outcome.map(str::to_owned).map_err(str::to_owned);
        self.links
            .dialled(&name(node), attempt, outcome, now, &mut self.out);
        self.out()
    }

    fn state(&self, node: &str) -> Option<PeerState> {
        let node = name(node);
        let mut states = self.links.states();
        states
            .find(|(peer, _)| **peer == node)
            .map(|(_, state)| state)
    }

    /// `node` is connected over `n`.
    fn up(&mut self, node: &str, incarnation: u64, n: u64, now: Moment) {
        let peer = identity(node, incarnation);
        let greet = Effect::Greet {
            identity: peer.clone(),
            connection: id(n),
        };
        assert_eq!(self.accepted(n, &peer, now), [greet]);
        let up = Effect::Up {
            identity: peer,
            connection: id(n),
        };
        assert_eq!(self.greeted(node, n, Ok(()), now), [up]);
    }
}

fn dial(node: &str, incarnation: u64, attempt: u64) -> Effect {
    Effect::Dial {
        node: name(node),
        attempt,
        address: format!("{node}:{incarnation}"),
    }
}

fn down(node: &str, why: &'static str) -> Effect {
    let node = name(node);
    Effect::Down { node, why }
}

fn closes(out: &[Effect]) -> Vec<u64> {
    let close = |effect: &Effect| match effect {
        Effect::Close { connection, .. } => Some(connection.0),
        _ => None,
    };
    out.iter().filter_map(close).collect()
}

fn failure(out: &[Effect]) -> &str {
    let text = out.iter().find_map(|effect| match effect {
        Effect::Failed { text, .. } => Some(text),
        _ => None,
    });
    text.expect("a failure")
}

#[test]
fn the_lower_name_dials() {
    let mut b = World::of("b");
    assert_eq!(
        b.set(&[("a", 1), ("b", 1), ("c", 1)], s(0)),
        [dial("c", 1, 1)]
    );
    assert_eq!(b.state("a"), Some(PeerState::Awaited));
    assert_eq!(b.state("b"), None);
    assert_eq!(b.dialled("c", 1, Ok("c:1"), s(0)), []);
    assert_eq!(b.state("c"), Some(PeerState::Handshaking));
    b.links
        .opened(id(1), Direction::Out, "c:1".to_owned(), s(0));
    let greet = Effect::Greet {
        identity: identity("c", 1),
        connection: id(1),
    };
    assert_eq!(b.ready(1, Some(identity("c", 1)), s(0)), [greet]);
    assert_eq!(b.greeted("c", 1, Ok(()), s(0)).len(), 1);
    assert_eq!(b.state("c"), Some(PeerState::Up));
    assert_eq!(b.links.next_deadline(), None);
}

#[test]
fn it_is_tried_again_with_growing_pauses() {
    let mut a = World::of("a");
    assert_eq!(a.set(&[("b", 1)], s(0)), [dial("b", 1, 1)]);
    let (mut now, mut pauses) = (s(0), Vec::new());
    for attempt in 1..=10 {
        let out = a.dialled("b", attempt, Err("refused"), now);
        assert_eq!(failure(&out), "refused");
        assert_eq!(a.state("b"), Some(PeerState::Pausing));
        let next = a.links.next_deadline().expect("it is tried again");
        pauses.push(next - now);
        now = next;
        assert_eq!(a.tick(now - Duration::from_nanos(1)), []);
        assert_eq!(a.tick(now), [dial("b", 1, attempt + 1)]);
        // The end of an earlier attempt is none of this one.
        assert_eq!(a.dialled("b", attempt, Err("late"), now), []);
    }
    assert!(pauses[0] <= Duration::from_millis(50), "{pauses:?}");
    assert!(pauses[9] >= s(1) && pauses[9] <= s(2), "{pauses:?}");
}

#[test]
fn only_a_connection_that_stood_begins_the_pauses_anew() {
    for (stands, soon) in [(s(1), false), (s(10), true)] {
        let mut b = World::of("a");
        b.set(&[("b", 1)], s(0));
        let mut now = s(0);
        for attempt in 1..=8 {
            b.dialled("b", attempt, Err("refused"), now);
            now = b.links.next_deadline().expect("it is tried again");
            b.tick(now);
        }
        b.up("b", 1, 1, now);
        let out = b.closed(1, now + stands);
        assert_eq!(out[0], down("b", "the connection has ended"));
        let pause = b.links.next_deadline().expect("it is tried again") - now - stands;
        assert_eq!(pause <= Duration::from_millis(50), soon, "{pause:?}");
    }
}

#[test]
fn an_attempt_has_an_end() {
    let mut a = World::of("a");
    a.set(&[("b", 1)], s(0));
    assert_eq!(failure(&a.tick(s(5))), "no connection within 5s");
    a.tick(s(6));
    a.dialled("b", 2, Ok("b:1"), s(6));
    a.links
        .opened(id(1), Direction::Out, "b:1".to_owned(), s(6));
    let out = a.tick(s(11));
    assert_eq!(failure(&out), "no end of the handshake within 5s");
    assert_eq!(closes(&out), [1]);
    a.closed(1, s(11));
    a.tick(s(12));
    a.dialled("b", 3, Ok("b:1"), s(12));
    a.links
        .opened(id(2), Direction::Out, "b:1".to_owned(), s(12));
    a.ready(2, Some(identity("b", 1)), s(12));
    let out = a.tick(s(15));
    assert_eq!(failure(&out), "its gateway has not answered within 3s");
    assert_eq!(closes(&out), [2]);
    // Too late.
    assert_eq!(a.greeted("b", 2, Ok(()), s(15)), []);
}

#[test]
fn a_handshake_that_ends_early_is_told() {
    let mut a = World::of("a");
    a.set(&[("b", 1)], s(0));
    a.dialled("b", 1, Ok("b:1"), s(0));
    a.links
        .opened(id(1), Direction::Out, "b:1".to_owned(), s(0));
    assert!(failure(&a.closed(1, s(0))).contains("cookies"));
    // One that dials this node has no peer to tell it of.
    a.links.opened(id(2), Direction::In, "x:1".to_owned(), s(0));
    assert_eq!(a.closed(2, s(0)), []);
}

#[test]
fn an_incarnation_that_is_gone_is_closed_and_the_new_one_taken() {
    let mut b = World::of("b");
    b.set(&[("a", 1)], s(0));
    b.up("a", 1, 1, s(0));
    // The new one is there before etcd tells of it.
    assert_eq!(b.accepted(2, &identity("a", 2), s(1)), []);
    let out = b.set(&[("a", 2)], s(2));
    assert_eq!(out[0], down("a", "an incarnation that is gone"));
    assert_eq!(closes(&out), [1]);
    let greet = Effect::Greet {
        identity: identity("a", 2),
        connection: id(2),
    };
    assert_eq!(out[2], greet);
    assert_eq!(b.closed(1, s(2)), []);
    b.greeted("a", 2, Ok(()), s(2));
    assert_eq!(b.state("a"), Some(PeerState::Up));
    // The old one comes back, as a process does that was stopped for a while.
    assert_eq!(b.accepted(3, &identity("a", 1), s(3)), []);
    assert_eq!(closes(&b.tick(s(13))), [3]);
    assert_eq!(b.state("a"), Some(PeerState::Up));
}

#[test]
fn a_node_that_has_left_is_closed_and_a_stranger_is_kept_for_a_while() {
    let mut b = World::of("b");
    b.set(&[("a", 1)], s(0));
    b.up("a", 1, 1, s(0));
    let out = b.set(&[], s(1));
    assert_eq!(out[0], down("a", "the node has left"));
    assert_eq!(closes(&out), [1]);
    b.closed(1, s(1));
    assert_eq!(b.accepted(2, &identity("a", 1), s(2)), []);
    assert_eq!(b.links.next_deadline(), Some(s(12)));
    assert_eq!(b.set(&[("a", 1)], s(11)).len(), 1);
    assert_eq!(closes(&b.tick(s(12))), [] as [u64; 0]);
    b.greeted("a", 2, Ok(()), s(12));
    assert_eq!(b.links.next_deadline(), None);
}

#[test]
fn what_does_not_greet_well_is_closed_and_what_is_no_gateway_too() {
    let mut b = World::of("b");
    b.set(&[("a", 1)], s(0));
    b.accepted(1, &identity("a", 1), s(0));
    let out = b.greeted("a", 1, Err("node a belongs to another cluster"), s(0));
    assert_eq!(failure(&out), "node a belongs to another cluster");
    assert_eq!(closes(&out), [1]);
    assert_eq!(b.closed(1, s(0)), []);
    b.links.opened(id(2), Direction::In, "x".to_owned(), s(0));
    assert_eq!(closes(&b.ready(2, None, s(0))), [2]);
    assert_eq!(closes(&b.accepted(3, &identity("b", 9), s(0))), [3]);
}

#[test]
fn another_node_at_the_address_of_a_peer_is_told() {
    let mut a = World::of("a");
    a.set(&[("c", 1)], s(0));
    a.dialled("c", 1, Ok("10.0.0.1:1"), s(0));
    a.links
        .opened(id(1), Direction::Out, "10.0.0.1:1".to_owned(), s(0));
    let out = a.ready(1, Some(identity("b", 7)), s(0));
    let told = "node b in incarnation 7 answers at its address 10.0.0.1:1";
    assert_eq!(failure(&out), told);
    assert_eq!(a.tick(s(9)), []);
    assert!(a.tick(s(10)).contains(&dial("c", 1, 2)));
}

#[test]
fn of_two_connections_the_one_that_ends_does_not_harm() {
    let mut a = World::of("a");
    a.set(&[("b", 1)], s(0));
    a.up("b", 1, 1, s(0));
    assert_eq!(a.accepted(2, &identity("b", 1), s(0)), []);
    assert_eq!(a.closed(2, s(0)), []);
    assert_eq!(a.accepted(3, &identity("b", 1), s(0)), []);
    let out = a.closed(1, s(1));
    assert!(
        matches!(out[..], [Effect::Down { .. }, Effect::Failed { .. }, Effect::Greet { connection, .. }] if connection == id(3))
    );
}

#[test]
fn what_is_closing_is_not_taken_when_its_handshake_ends() {
    let mut b = World::of("b");
    b.set(&[("a", 1)], s(0));
    b.links.opened(id(1), Direction::In, "x".to_owned(), s(0));
    b.links.refuse(id(1), "not wanted", &mut b.out);
    assert_eq!(closes(&b.out()), [1]);
    assert_eq!(b.ready(1, Some(identity("a", 1)), s(0)), []);
    assert_eq!(b.state("a"), Some(PeerState::Awaited));
}

#[test]
fn silence_closes() {
    let mut a = World::of("a");
    a.set(&[("b", 1)], s(0));
    a.up("b", 1, 1, s(0));
    a.links.silent(&name("b"), id(7), s(1), &mut a.out);
    assert_eq!(a.out(), []);
    a.links.silent(&name("b"), id(1), s(1), &mut a.out);
    let out = a.out();
    assert_eq!(out[0], down("b", "nothing was heard of it for too long"));
    assert_eq!(closes(&out), [1]);
    // While it closes, it is not taken again.
    assert_eq!(a.tick(s(1)), []);
    assert_eq!(a.closed(1, s(1)), []);
}

#[test]
fn a_new_address_is_tried_at_once() {
    let mut a = World::of("a");
    a.set(&[("b", 1)], s(0));
    a.dialled("b", 1, Err("refused"), s(0));
    let mut moved = nodes(&[("b", 1)]);
    moved.get_mut(&name("b")).expect("it is there").address = "elsewhere:1".to_owned();
    a.links.set(moved, s(0), &mut a.out);
    let out = a.out();
    assert!(matches!(&out[..], [Effect::Dial { address, .. }] if address == "elsewhere:1"));
}
