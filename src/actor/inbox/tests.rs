//! The order of the inbox, and who drives.

use super::{Inbox, Item, Next, Rest, Turn};
use crate::actor::progress::{Progress, RootStage};

fn open() -> (Inbox, Progress) {
    let progress = Progress::new();
    progress.root_is(RootStage::Open);
    (Inbox::new(), progress)
}

/// How many items the driver takes before it leaves the seat.
fn drive(inbox: &Inbox, next: Next) -> usize {
    let Next::Drive(first) = next else {
        return 0;
    };
    let mut items = std::collections::VecDeque::new();
    while inbox.next(64, Rest::Nothing, &mut items) == Turn::GoOn {}
    items.len() + usize::from(first.is_some())
}

#[test]
fn an_item_waits_for_a_fence_that_the_root_takes_after_it() {
    let (inbox, progress) = open();
    let command = || inbox.push_command(Item::Tick, &progress).unwrap();
    assert!(matches!(command(), Next::SendFence));
    // The root may have taken that one already: another is needed.
    assert!(matches!(command(), Next::SendFence));
    // It cannot have taken the second.
    assert!(matches!(command(), Next::Nothing));
    assert_eq!(drive(&inbox, inbox.fence_back()), 1);
    assert!(matches!(command(), Next::SendFence));
    assert_eq!(drive(&inbox, inbox.fence_back()), 2);
    assert_eq!(drive(&inbox, inbox.fence_back()), 1);
    // A message that is none of ours brings nothing forward.
    assert_eq!(drive(&inbox, inbox.fence_back()), 0);
    assert!(matches!(command(), Next::SendFence));
    assert_eq!(drive(&inbox, inbox.fence_back()), 1);
}

#[test]
fn a_start_does_not_overtake_a_command_that_waits() {
    let (inbox, progress) = open();
    assert!(inbox.take_seat(&progress));
    assert_eq!(drive(&inbox, Next::Drive(None)), 0);
    drop(inbox.push_command(Item::Tick, &progress));
    assert!(!inbox.take_seat(&progress));
}

#[test]
fn the_release_of_a_killed_session_waits_for_the_proof_that_the_root_was_not_killed() {
    let release = |inbox: &Inbox, progress: &Progress, killed: bool| {
        inbox.push_release(Item::Tick, progress, || killed).unwrap()
    };
    let (inbox, progress) = open();
    assert!(matches!(release(&inbox, &progress, false), Next::SendFence));
    assert_eq!(drive(&inbox, inbox.root_is_deaf()), 0);
    progress.root_is(RootStage::Gone);
    assert!(matches!(release(&inbox, &progress, true), Next::Nothing));
    progress.root_is(RootStage::Reported);
    assert_eq!(drive(&inbox, inbox.pass_all()), 2);
    let (inbox, progress) = (Inbox::new(), Progress::new());
    assert_eq!(drive(&inbox, release(&inbox, &progress, false)), 1);
    assert!(matches!(release(&inbox, &progress, true), Next::Nothing));
    progress.root_is(RootStage::LoopEnded);
    assert_eq!(drive(&inbox, inbox.pass_all()), 1);
}

#[test]
fn behind_a_shut_door_nothing_is_queued_and_what_was_is_handed_back() {
    let (inbox, progress) = open();
    assert!(matches!(inbox.push(Item::Tick), Ok(Next::Drive(Some(_)))));
    assert!(matches!(inbox.push(Item::Tick), Ok(Next::Nothing)));
    drop(inbox.push_command(Item::Tick, &progress));
    assert_eq!(inbox.shut().len(), 2);
    assert!(inbox.push(Item::Tick).is_err());
    assert!(inbox.push_command(Item::Tick, &progress).is_err());
    assert!(inbox.push_release(Item::Tick, &progress, || false).is_err());
    assert!(!inbox.take_seat(&progress));
}
