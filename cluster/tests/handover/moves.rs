//! Shards that are given up, in order and otherwise.

use session_supervisor_cluster::engine::Effect::{Admit, Claim, Drain, Freeze, Kill, Release};
use session_supervisor_cluster::engine::{Hold, NotHere, Wait};

use crate::node::{HERE, NOTHING, Node, TTL, WITHIN, at, epoch, name, owner};

#[test]
fn a_hand_over_freezes_drains_and_releases() {
    let mut node = Node::owning(1);
    let shard = node.shard(0);
    let expected = [Freeze(shard, epoch(10)), Drain(shard, epoch(10), WITHIN)];
    assert_eq!(node.planned("there"), expected);
    assert_eq!(node.admits(0), Err(NotHere::Moving));
    // It is not taken back in the middle.
    assert_eq!(node.planned(HERE), NOTHING);
    assert_eq!(node.admits(0), Err(NotHere::Moving));
    assert_eq!(node.drained(0, 10), [Release(shard, epoch(10))]);
    assert_eq!(node.admits(0), Err(NotHere::Moving));
    assert_eq!(node.released(0, 10), [Claim(shard)]);
    assert_eq!(node.claimed(0, 13), [Admit(shard, epoch(13))]);
    assert_eq!(node.admits(0), Ok(epoch(13)));
}

#[test]
fn what_waits_to_be_drained_is_still_served() {
    let mut node = Node::limited_owning(3, 1);
    assert_eq!(node.planned("there").len(), 2);
    assert_eq!(node.hold(0), Hold::Draining(epoch(10)));
    assert_eq!(node.admits(1), Ok(epoch(11)));
    assert_eq!(node.drained(0, 10), [Release(node.shard(0), epoch(10))]);
    assert_eq!(node.admits(1), Ok(epoch(11)));
    let shard = node.shard(1);
    let next = [Freeze(shard, epoch(11)), Drain(shard, epoch(11), WITHIN)];
    assert_eq!(node.released(0, 10), next);
    assert_eq!(node.holder.moving(), 1);
    // The third is wanted again before its turn.
    assert_eq!(node.planned(HERE), [Claim(node.shard(0))]);
    assert_eq!(node.drained(1, 11), [Release(shard, epoch(11))]);
    assert_eq!(node.released(1, 11), [Claim(shard)]);
    assert_eq!(node.admits(2), Ok(epoch(12)));
}

#[test]
fn what_is_told_of_another_epoch_changes_nothing() {
    let mut node = Node::owning(1);
    assert_eq!(node.drained(0, 10), NOTHING);
    assert_eq!(node.released(0, 10), NOTHING);
    let _ = node.planned("there");
    assert_eq!(node.drained(0, 9), NOTHING);
    assert_eq!(node.released(0, 10), NOTHING);
    let _ = node.drained(0, 10);
    assert_eq!(node.drained(0, 10), NOTHING);
    assert_eq!(node.released(0, 9), NOTHING);
    assert_eq!(node.release_unknown(0, 9), NOTHING);
    assert_eq!(node.hold(0), Hold::Releasing(epoch(10), Wait::Answer));
}

#[test]
fn a_release_without_an_answer_is_made_again_until_the_key_is_gone() {
    let mut node = Node::owning(1);
    let _ = node.planned("there");
    let release = [Release(node.shard(0), epoch(10))];
    assert_eq!(node.drained(0, 10), release);
    assert_eq!(node.release_unknown(0, 10), NOTHING);
    assert_eq!(node.wait(), release);
    assert_eq!(node.release_unknown(0, 10), NOTHING);
    // The watch says so first.
    assert_eq!(node.seen(0, None, 20), NOTHING);
    assert_eq!(node.hold(0), Hold::Elsewhere);
    assert_eq!(node.released(0, 10), NOTHING);
    assert_eq!(node.holder.next_deadline(), Some(at(8_000)));
}

#[test]
fn an_epoch_that_was_given_up_is_never_served_again() {
    let mut node = Node::owning(1);
    let _ = node.planned("there");
    let _ = node.drained(0, 10);
    assert_eq!(node.released(0, 10), NOTHING);
    // A snapshot from before the release, and an answer from before it.
    assert_eq!(node.reset(vec![(0, owner(HERE, 7, 10))], 15), NOTHING);
    assert_eq!(node.planned(HERE), NOTHING);
    assert_eq!(node.claimed(0, 10), NOTHING);
    assert_eq!(node.admits(0), Err(NotHere::Elsewhere(None)));
    assert_eq!(node.seen(0, None, 16), [Claim(node.shard(0))]);
}

#[test]
fn a_key_that_is_gone_ends_what_ran_under_it_before_anything_else() {
    let mut node = Node::owning(2);
    assert_eq!(node.seen(0, None, 20), [Kill(node.shard(0), epoch(10))]);
    assert_eq!(node.admits(0), Err(NotHere::Moving));
    assert_eq!(
        node.seen(1, Some(owner("there", 1, 21)), 21),
        [Kill(node.shard(1), epoch(11))]
    );
    assert_eq!(node.drained(0, 10), [Claim(node.shard(0))]);
    assert_eq!(node.drained(1, 11), NOTHING);
    let there = Some(name("there"));
    assert_eq!(node.admits(1), Err(NotHere::Elsewhere(there)));
}

#[test]
fn another_key_of_its_own_is_served_after_the_first_has_ended() {
    let mut node = Node::owning(1);
    let _ = node.planned("there");
    let shard = node.shard(0);
    // Removed by hand while it drained, and claimed by a request that was late.
    assert_eq!(
        node.seen(0, Some(owner(HERE, 7, 25)), 25),
        [Kill(shard, epoch(10))]
    );
    assert_eq!(node.planned(HERE), NOTHING);
    assert_eq!(node.admits(0), Err(NotHere::Moving));
    assert_eq!(node.drained(0, 10), [Admit(shard, epoch(25))]);
    assert_eq!(node.admits(0), Ok(epoch(25)));
}

#[test]
fn a_snapshot_without_its_keys_is_the_end_of_them_unless_it_is_older() {
    let mut node = Node::owning(2);
    let kill = [Kill(node.shard(0), epoch(10))];
    assert_eq!(node.reset(Vec::new(), 10), kill);
    assert_eq!(node.admits(1), Ok(epoch(11)));
}

#[test]
fn an_epoch_that_the_store_refuses_is_given_up_and_the_shard_claimed_anew() {
    let mut node = Node::owning(2);
    let shard = node.shard(0);
    assert_eq!(node.outdated(0, 9), NOTHING);
    let expected = [Freeze(shard, epoch(10)), Drain(shard, epoch(10), WITHIN)];
    assert_eq!(node.outdated(0, 10), expected);
    assert_eq!(node.admits(0), Err(NotHere::Moving));
    // Once is enough, and the other shard goes on.
    assert_eq!(node.outdated(0, 10), NOTHING);
    assert_eq!(node.admits(1), Ok(epoch(11)));
    assert_eq!(node.drained(0, 10), [Release(shard, epoch(10))]);
    assert_eq!(node.released(0, 10), [Claim(shard)]);
    assert_eq!(node.claimed(0, 21), [Admit(shard, epoch(21))]);
    assert_eq!(node.admits(0), Ok(epoch(21)));
    // One that is over its time does nothing.
    node.now = TTL;
    assert!(!node.outdated(0, 21).contains(&Freeze(shard, epoch(21))));
}
