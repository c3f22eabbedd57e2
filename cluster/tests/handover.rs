//! What a node does about its shards, input by input.

use std::time::Duration;

use session_supervisor_cluster::engine::{
    Authority, Backoff, BootTime, Candidate, Effect, Epoch, Hold, Holder, Incarnation, Leaving, Limits,
    NodeName, NotHere, Owner, Plan, Shard, Shards, Ttl, Wait, plan,
};

use Effect::{Admit, Claim, Drain, EndAll, Freeze, Kill, KillAll, Left, Rejoin, Release};

/// The length of the lease, in milliseconds: it serves for 8 s and kills at 11 s.
const TTL: u64 = 12_000;
const WITHIN: Duration = Duration::from_secs(30);
/// Each retry waits between half of it and all of it, in milliseconds.
const PAUSE: u64 = 1_000;
const HERE: &str = "here";

fn at(ms: u64) -> BootTime {
    BootTime::new(Duration::from_millis(ms))
}

fn name(name: &str) -> NodeName {
    NodeName::try_from(name).unwrap()
}

fn shards(count: u32) -> Shards {
    Shards::new(count).unwrap()
}

fn all_to(node: &str, count: u32) -> Plan {
    let candidate = Candidate {
        name: name(node),
        weight: 1,
        leaving: Leaving::No,
    };
    plan(shards(count), &[candidate])
}

fn owner(node: &str, incarnation: u64, epoch: u64) -> Owner {
    Owner {
        node: name(node),
        incarnation: Incarnation::new(incarnation),
        epoch: Epoch::new(epoch),
    }
}

fn epoch(number: u64) -> Epoch {
    Epoch::new(number)
}

/// The node "here", in its incarnation 7, whose lease was asked for at the moment 0.
struct Node {
    holder: Holder,
    count: u32,
    now: u64,
}

impl Node {
    fn new(count: u32) -> Self {
        Self::limited(count, 64, 16)
    }

    fn limited(count: u32, claims_at_once: usize, drains_at_once: usize) -> Self {
        let pause = Duration::from_millis(PAUSE);
        let limits = Limits {
            claims_at_once,
            drains_at_once,
            drain_within: WITHIN,
            retry: Backoff::new(pause, pause).unwrap(),
        };
        let authority = Authority::granted(Ttl::new(Duration::from_millis(TTL)).unwrap(), at(0));
        let incarnation = Incarnation::new(7);
        let holder = Holder::new(name(HERE), incarnation, shards(count), authority, limits, 1);
        Self {
            holder,
            count,
            now: 100,
        }
    }

    /// One that owns all its shards, under the epochs 10, 11 and on.
    fn owning(count: u32) -> Self {
        Self::limited_owning(count, 16)
    }

    fn limited_owning(count: u32, drains_at_once: usize) -> Self {
        let mut node = Self::limited(count, 64, drains_at_once);
        let _ = node.planned(HERE);
        for n in 0..count {
            let expected = [Admit(node.shard(n), epoch(10 + u64::from(n)))];
            assert_eq!(node.claimed(n, 10 + u64::from(n)), expected);
        }
        node
    }

    fn shard(&self, n: u32) -> Shard {
        shards(self.count).get(n).unwrap()
    }

    fn told(&mut self, tell: impl FnOnce(&mut Holder, BootTime, &mut Vec<Effect>)) -> Vec<Effect> {
        let mut out = Vec::new();
        tell(&mut self.holder, at(self.now), &mut out);
        out
    }

    fn planned(&mut self, node: &str) -> Vec<Effect> {
        let plan = all_to(node, self.count);
        self.told(|holder, now, out| holder.planned(plan, now, out))
    }

    fn seen(&mut self, n: u32, owner: Option<Owner>, revision: u64) -> Vec<Effect> {
        let shard = self.shard(n);
        self.told(|holder, now, out| holder.seen(shard, owner, revision, now, out))
    }

    fn reset(&mut self, owned: Vec<(u32, Owner)>, revision: u64) -> Vec<Effect> {
        let owned: Vec<_> = owned.into_iter().map(|(n, owner)| (self.shard(n), owner)).collect();
        self.told(|holder, now, out| holder.reset(owned, revision, now, out))
    }

    fn claimed(&mut self, n: u32, number: u64) -> Vec<Effect> {
        let shard = self.shard(n);
        self.told(|holder, now, out| holder.claimed(shard, epoch(number), now, out))
    }

    fn refused(&mut self, n: u32, owner: Owner) -> Vec<Effect> {
        let shard = self.shard(n);
        self.told(|holder, now, out| holder.claim_refused(shard, owner, now, out))
    }

    fn claim_unknown(&mut self, n: u32) -> Vec<Effect> {
        let shard = self.shard(n);
        self.told(|holder, now, out| holder.claim_unknown(shard, now, out))
    }

    fn drained(&mut self, n: u32, number: u64) -> Vec<Effect> {
        let shard = self.shard(n);
        self.told(|holder, now, out| holder.drained(shard, epoch(number), now, out))
    }

    fn released(&mut self, n: u32, number: u64) -> Vec<Effect> {
        let shard = self.shard(n);
        self.told(|holder, now, out| holder.released(shard, epoch(number), now, out))
    }

    fn release_unknown(&mut self, n: u32, number: u64) -> Vec<Effect> {
        let shard = self.shard(n);
        self.told(|holder, now, out| holder.release_unknown(shard, epoch(number), now, out))
    }

    fn renewed(&mut self, sent: u64) -> Vec<Effect> {
        self.told(|holder, now, out| holder.renewed(at(sent), now, out))
    }

    fn tick(&mut self) -> Vec<Effect> {
        self.told(Holder::tick)
    }

    fn leave(&mut self) -> Vec<Effect> {
        self.told(Holder::leave)
    }

    fn ended_all(&mut self) -> Vec<Effect> {
        self.told(Holder::ended_all)
    }

    fn lease_lost(&mut self) -> Vec<Effect> {
        self.told(Holder::lease_lost)
    }

    fn admits(&self, n: u32) -> Result<Epoch, NotHere> {
        self.holder.admits(self.shard(n), at(self.now))
    }

    fn hold(&self, n: u32) -> Hold {
        self.holder.hold(self.shard(n))
    }

    /// Goes on to the next deadline, which is within the longest pause.
    fn wait(&mut self) -> Vec<Effect> {
        let due = self.holder.next_deadline().unwrap();
        let pause = due.since(at(self.now));
        let half = Duration::from_millis(PAUSE / 2);
        assert!(half <= pause && pause <= half * 2, "{pause:?}");
        self.now = u64::try_from(due.since_boot().as_millis()).unwrap() + 1;
        self.tick()
    }
}

const NOTHING: [Effect; 0] = [];

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
    assert_eq!(node.seen(1, Some(late), 11), [Release(node.shard(1), epoch(11))]);
    let owned = vec![(0, owner(HERE, 7, 10)), (1, owner(HERE, 7, 11)), (2, owner(HERE, 7, 12))];
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
    assert_eq!(node.refused(0, owner("there", 1, 5)), [Claim(node.shard(0))]);
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
    assert_eq!(node.seen(1, Some(owner("there", 1, 21)), 21), [Kill(node.shard(1), epoch(11))]);
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
    assert_eq!(node.seen(0, Some(owner(HERE, 7, 25)), 25), [Kill(shard, epoch(10))]);
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
        assert_eq!(node.leave(), NOTHING);
        assert_eq!(node.ended_all(), [Left]);
    }
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
