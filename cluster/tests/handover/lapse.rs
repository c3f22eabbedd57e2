//! The end of the node's authority, and a node that leaves.

use session_supervisor_cluster::engine::Effect::{
    Drain, EndAll, Freeze, KillAll, Left, Rejoin, Release,
};
use session_supervisor_cluster::engine::{Hold, NotHere};

use crate::node::{HERE, NOTHING, Node, WITHIN, at, epoch, owner};

#[test]
fn after_two_thirds_of_the_lease_nothing_is_admitted() {
    let mut node = Node::owning(1);
    node.now = 7_999;
    assert_eq!(node.admits(0), Ok(epoch(10)));
    node.now = 8_000;
    // Nobody has told it of the time yet.
    assert_eq!(node.admits(0), Err(NotHere::AuthorityOver));
    let until = at(11_000);
    assert_eq!(node.tick(), [EndAll { until }]);
    assert_eq!(node.tick(), NOTHING);
    assert_eq!(node.holder.next_deadline(), Some(until));
    // A renewal comes too late, and so does all else.
    assert_eq!(node.renewed(7_900), NOTHING);
    assert_eq!(node.admits(0), Err(NotHere::AuthorityOver));
    assert_eq!(node.seen(0, None, 20), NOTHING);
    node.now = 11_000;
    assert_eq!(node.tick(), [KillAll]);
    assert_eq!(node.tick(), NOTHING);
    assert_eq!(node.holder.next_deadline(), None);
    assert_eq!(node.ended_all(), [Rejoin]);
    assert_eq!(node.ended_all(), NOTHING);
    assert_eq!(node.leave(), NOTHING);
    assert_eq!(node.lease_lost(), NOTHING);
}

#[test]
fn a_renewal_in_time_goes_on() {
    let mut node = Node::owning(1);
    node.now = 7_999;
    assert_eq!(node.renewed(7_000), NOTHING);
    node.now = 14_999;
    assert_eq!(node.admits(0), Ok(epoch(10)));
    assert_eq!(node.tick(), NOTHING);
    assert_eq!(node.holder.next_deadline(), Some(at(15_000)));
    // An older one takes nothing back.
    assert_eq!(node.renewed(6_000), NOTHING);
    assert_eq!(node.holder.next_deadline(), Some(at(15_000)));
}

#[test]
fn a_node_that_slept_past_its_lease_kills_first() {
    let mut node = Node::owning(1);
    node.now = 60_000;
    // Whatever it hears first.
    assert_eq!(node.renewed(7_000), [KillAll]);
    assert_eq!(node.admits(0), Err(NotHere::AuthorityOver));
    assert_eq!(node.ended_all(), [Rejoin]);
}

#[test]
fn what_ends_in_time_rejoins_in_time() {
    let mut node = Node::owning(1);
    node.now = 8_000;
    let until = at(11_000);
    assert_eq!(node.tick(), [EndAll { until }]);
    node.now = 8_100;
    assert_eq!(node.ended_all(), [Rejoin]);
    node.now = 11_000;
    assert_eq!(node.tick(), NOTHING);
}

#[test]
fn no_retry_outlives_the_authority() {
    let mut node = Node::new(3);
    let _ = node.planned(HERE);
    let _ = node.claimed(0, 10);
    let _ = node.planned("there");
    let _ = node.drained(0, 10);
    let _ = node.planned(HERE);
    node.now = 7_990;
    assert_eq!(node.release_unknown(0, 10), NOTHING);
    assert_eq!(node.claim_unknown(1), NOTHING);
    // The pause ends after the authority, which is looked at first.
    assert_eq!(node.holder.next_deadline(), Some(at(8_000)));
    node.now = 9_500;
    let until = at(11_000);
    assert_eq!(node.tick(), [EndAll { until }]);
    assert_eq!(node.hold(1), Hold::Elsewhere);
    assert_eq!(node.claim_unknown(2), NOTHING);
    assert_eq!(node.release_unknown(0, 10), NOTHING);
    node.now = 10_900;
    assert_eq!(node.tick(), NOTHING);
    node.now = 30_000;
    assert_eq!(node.tick(), [KillAll]);
}

#[test]
fn an_answer_after_the_authority_is_not_believed() {
    let mut node = Node::new(1);
    let _ = node.planned(HERE);
    node.now = 8_000;
    let until = at(11_000);
    assert_eq!(node.claimed(0, 10), [EndAll { until }]);
    assert!(node.admits(0).is_err());
    assert_eq!(node.seen(0, Some(owner(HERE, 7, 10)), 10), NOTHING);
    assert!(node.admits(0).is_err());
}

#[test]
fn a_lease_that_does_not_exist_any_more_kills_at_once() {
    let mut node = Node::owning(1);
    assert_eq!(node.lease_lost(), [KillAll]);
    assert_eq!(node.admits(0), Err(NotHere::AuthorityOver));
    assert_eq!(node.lease_lost(), NOTHING);
    assert_eq!(node.renewed(90), NOTHING);
    assert_eq!(node.admits(0), Err(NotHere::AuthorityOver));
    assert_eq!(node.ended_all(), [Rejoin]);
}

#[test]
fn a_lease_that_is_lost_while_all_ends_kills_at_once() {
    let mut node = Node::owning(1);
    node.now = 8_000;
    let until = at(11_000);
    assert_eq!(node.lease_lost(), [EndAll { until }, KillAll]);
    assert_eq!(node.ended_all(), [Rejoin]);
}

#[test]
fn a_node_that_leaves_hands_over_all_and_then_has_left() {
    let mut node = Node::limited(3, 2, 1);
    let _ = node.planned(HERE);
    let _ = node.claimed(0, 10);
    let freeze = Freeze(node.shard(0), epoch(10));
    let drain = Drain(node.shard(0), epoch(10), WITHIN);
    assert_eq!(node.leave(), [freeze, drain]);
    assert_eq!(node.leave(), NOTHING);
    // Claims that are under way are waited for, and no others are made.
    assert_eq!(node.planned(HERE), NOTHING);
    assert_eq!(node.claimed(1, 11), [Release(node.shard(1), epoch(11))]);
    assert_eq!(node.released(1, 11), NOTHING);
    assert_eq!(node.drained(0, 10), [Release(node.shard(0), epoch(10))]);
    assert_eq!(node.released(0, 10), NOTHING);
    assert_eq!(node.claim_unknown(2), [Left]);
    assert_eq!(node.seen(0, None, 30), NOTHING);
    assert_eq!(node.ended_all(), NOTHING);
}

#[test]
fn a_node_with_nothing_leaves_at_once() {
    assert_eq!(Node::new(3).leave(), [Left]);
}

#[test]
fn a_node_whose_authority_lapses_while_it_leaves_has_left_when_all_has_ended() {
    for left_later in [false, true] {
        let mut node = Node::owning(1);
        if !left_later {
            assert_eq!(node.leave().len(), 2);
        }
        node.now = 8_000;
        let until = at(11_000);
        assert_eq!(node.tick(), [EndAll { until }]);
        if left_later {
            assert_eq!(node.leave(), NOTHING);
        }
        node.now = 11_000;
        assert_eq!(node.tick(), [KillAll]);
        assert_eq!(node.ended_all(), [Left]);
    }
    // It is asked when all has been killed already.
    let mut node = Node::owning(1);
    node.now = 11_000;
    assert_eq!(node.tick(), [KillAll]);
    assert_eq!(node.leave(), NOTHING);
    assert_eq!(node.ended_all(), [Left]);
}
