//! Claims: what is claimed, and when a claim is believed.

use session_supervisor_cluster::engine::Effect::{Admit, Claim, Release};
use session_supervisor_cluster::engine::{Hold, NotHere, Wait};

use crate::node::{HERE, NOTHING, Node, all_to, at, epoch, name, owner};

#[test]
fn it_claims_what_is_planned_for_it_and_free() {
    let mut node = Node::new(3);
    assert_eq!(node.seen(1, Some(owner("there", 1, 5)), 5), NOTHING);
    assert_eq!(node.planned("there"), NOTHING);
    let expected = [Claim(node.shard(0)), Claim(node.shard(2))];
    assert_eq!(node.planned(HERE), expected);
    assert_eq!(node.planned(HERE), NOTHING);
    // What is removed is claimed then.
    assert_eq!(node.seen(1, None, 6), [Claim(node.shard(1))]);
}

#[test]
fn so_many_claims_are_under_way_at_most() {
    let mut node = Node::limited(4, 2, 16);
    let expected = [Claim(node.shard(0)), Claim(node.shard(1))];
    assert_eq!(node.planned(HERE), expected);
    assert_eq!(node.claim_unknown(1), [Claim(node.shard(2))]);
    let next = Claim(node.shard(3));
    assert_eq!(node.claimed(0, 10), [Admit(node.shard(0), epoch(10)), next]);
    assert_eq!(node.holder.claims(), 2);
}

#[test]
fn a_claim_is_believed_when_it_is_confirmed() {
    let mut node = Node::new(1);
    assert_eq!(node.admits(0), Err(NotHere::Elsewhere(None)));
    assert_eq!(node.planned(HERE), [Claim(node.shard(0))]);
    assert_eq!(node.admits(0), Err(NotHere::Moving));
    assert_eq!(node.claimed(0, 10), [Admit(node.shard(0), epoch(10))]);
    assert_eq!(node.admits(0), Ok(epoch(10)));
    // The watch says the same, and an answer comes twice.
    assert_eq!(node.seen(0, Some(owner(HERE, 7, 10)), 10), NOTHING);
    assert_eq!(node.claimed(0, 10), NOTHING);
    assert_eq!(node.claim_unknown(0), NOTHING);
    assert_eq!(node.admits(0), Ok(epoch(10)));
}

#[test]
fn a_claim_without_an_answer_is_made_again_and_is_no_success() {
    let mut node = Node::new(1);
    assert_eq!(node.planned(HERE), [Claim(node.shard(0))]);
    assert_eq!(node.claim_unknown(0), NOTHING);
    assert_eq!(node.admits(0), Err(NotHere::Moving));
    assert_eq!(node.tick(), NOTHING);
    assert_eq!(node.wait(), [Claim(node.shard(0))]);
    assert_eq!(node.hold(0), Hold::Claiming(Wait::Answer));
    assert_eq!(node.claimed(0, 10), [Admit(node.shard(0), epoch(10))]);
}

#[test]
fn a_claim_without_an_answer_is_confirmed_by_the_watch() {
    let mut node = Node::new(1);
    let _ = node.planned(HERE);
    let _ = node.claim_unknown(0);
    let admit = [Admit(node.shard(0), epoch(10))];
    assert_eq!(node.seen(0, Some(owner(HERE, 7, 10)), 10), admit);
    assert_eq!(node.hold(0), Hold::Owned(epoch(10)));
    // The retry is off.
    assert_eq!(node.holder.next_deadline(), Some(at(8_000)));
}

#[test]
fn a_claim_that_is_not_wanted_any_more_is_released_at_once() {
    let mut node = Node::new(3);
    let _ = node.planned(HERE);
    let _ = node.claim_unknown(1);
    assert_eq!(node.planned("there"), NOTHING);
    assert_eq!(node.hold(1), Hold::Elsewhere);
    // By its answer, by the watch after its answer was lost, and by a snapshot.
    assert_eq!(node.claimed(0, 10), [Release(node.shard(0), epoch(10))]);
    let late = owner(HERE, 7, 11);
    assert_eq!(
        node.seen(1, Some(late), 11),
        [Release(node.shard(1), epoch(11))]
    );
    let owned = vec![
        (0, owner(HERE, 7, 10)),
        (1, owner(HERE, 7, 11)),
        (2, owner(HERE, 7, 12)),
    ];
    assert_eq!(node.reset(owned, 12), [Release(node.shard(2), epoch(12))]);
    for n in 0..3 {
        assert_eq!(node.admits(n), Err(NotHere::Moving));
    }
}

#[test]
fn a_refused_claim_says_who_owns_it() {
    let mut node = Node::new(1);
    let _ = node.planned(HERE);
    assert_eq!(node.refused(0, owner("there", 1, 5)), NOTHING);
    let there = Some(name("there"));
    assert_eq!(node.admits(0), Err(NotHere::Elsewhere(there)));
    // That it was free before is old.
    assert_eq!(node.seen(0, None, 4), NOTHING);
    assert_eq!(node.seen(0, None, 6), [Claim(node.shard(0))]);
    // It was refused before that.
    assert_eq!(
        node.refused(0, owner("there", 1, 5)),
        [Claim(node.shard(0))]
    );
}

#[test]
fn a_key_of_an_earlier_incarnation_is_not_its_own() {
    let mut node = Node::new(1);
    let _ = node.planned(HERE);
    assert_eq!(node.refused(0, owner(HERE, 6, 5)), NOTHING);
    // Nobody is sent to the node that has just said no.
    assert_eq!(node.admits(0), Err(NotHere::Elsewhere(None)));
    assert_eq!(node.seen(0, None, 6), [Claim(node.shard(0))]);
}

#[test]
fn a_plan_for_another_number_of_shards_changes_nothing() {
    let mut node = Node::owning(2);
    let plan = all_to("there", 3);
    let effects = node.told(|holder, now, out| holder.planned(plan, now, out));
    assert_eq!(effects, NOTHING);
    assert_eq!(node.admits(0), Ok(epoch(10)));
}

#[test]
fn what_is_said_of_a_hold_can_be_read() {
    let wait = Wait::Until(at(1));
    let holds = [
        Hold::Elsewhere,
        Hold::Claiming(Wait::Answer),
        Hold::Claiming(wait),
        Hold::Owned(epoch(5)),
        Hold::Draining(epoch(5)),
        Hold::Releasing(epoch(5), wait),
        Hold::Lost(epoch(5)),
    ];
    let expected = [
        "elsewhere",
        "being claimed",
        "to be claimed again",
        "owned since epoch 5",
        "draining in epoch 5",
        "being released in epoch 5",
        "lost in epoch 5",
    ];
    assert_eq!(holds.map(|hold| hold.to_string()), expected);
}
