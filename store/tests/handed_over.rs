//! What is known of the sessions of a part that comes and goes.

use std::sync::Arc;

use session_supervisor_store::engine::{End, Intent, Kept, Ledger, Standing};
use session_supervisor_store::{Change, Part, Record};

/// One of two parts, and an id that is in it.
fn half(epoch: u64) -> (Part, Arc<str>) {
    let part = Part::shard(Part::shard_of("a", 2), 2, epoch).expect("a shard");
    (part, "a".into())
}

fn running(ledger: &mut Ledger, id: &Arc<str>) -> u64 {
    let tag = ledger.next();
    ledger.admit(
        &Record::new(Arc::clone(id), "chat", "{}", 0, 0),
        tag,
        Intent::New,
    );
    tag
}

#[test]
fn however_a_session_ends_while_it_is_handed_over_it_stays_remembered() {
    let (part, id) = half(7);
    let mut ledger = Ledger::default();
    ledger.take_over(part);
    let tag = running(&mut ledger, &id);
    ledger.hand_over(part);
    assert_eq!(ledger.ended(tag, &id, End::Forget), None);
    assert_eq!(
        ledger.look(&id).expect("it is kept").1,
        &Standing::Kept(Kept::SupervisorEnded)
    );
    assert_eq!(ledger.handed_over(part), 0);
    assert_eq!(ledger.look(&id), None);
}

#[test]
fn one_that_does_not_end_is_still_known() {
    let (part, id) = half(7);
    let mut ledger = Ledger::default();
    ledger.take_over(part);
    running(&mut ledger, &id);
    ledger.hand_over(part);
    assert_eq!(ledger.handed_over(part), 1);
    assert!(ledger.look(&id).is_some());
}

#[test]
fn what_is_decided_is_decided_under_the_epoch_of_then() {
    let (part, id) = half(7);
    let mut ledger = Ledger::default();
    let forget = || Change::Forget {
        id: Arc::clone(&id),
        revision: 1,
    };
    assert_eq!(ledger.decided(forget()).epoch, 0);
    ledger.take_over(part);
    let decided = ledger.decided(forget());
    ledger.hand_over(part);
    ledger.handed_over(part);
    assert_eq!((decided.epoch, ledger.decided(forget()).epoch), (7, 0));
    ledger.take_over(half(9).0);
    // The end of the one before comes late.
    ledger.handed_over(part);
    assert_eq!(ledger.decided(forget()).epoch, 9);
}
