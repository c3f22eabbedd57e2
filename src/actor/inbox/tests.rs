//! What waits for what.

use super::{Inbox, Next, Refused, Rest, Turn};
use crate::actor::progress::{Progress, RootStage};

#[derive(Debug)]
enum Item {
    Tick,
}

fn open() -> (Inbox<Item>, Progress) {
    let progress = Progress::new();
    progress.root_is(RootStage::Open);
    (Inbox::new(), progress)
}

/// Pushes an item. Answers as well whether it is left to the pusher.
fn push(inbox: &Inbox<Item>) -> Result<(Next, bool), Refused> {
    let mut item = Some(Item::Tick);
    let next = inbox.push(&mut item)?;
    Ok((next, item.is_some()))
}

fn command(inbox: &Inbox<Item>, progress: &Progress) -> Result<Next, Refused> {
    inbox.push_command(&mut Some(Item::Tick), progress)
}

/// How many items the driver takes from the queue before it leaves the seat.
fn drive(inbox: &Inbox<Item>, next: Next) -> usize {
    if next != Next::Drive {
        return 0;
    }
    let mut items = std::collections::VecDeque::new();
    while inbox.next(64, Rest::Nothing, &mut items) == Turn::GoOn {}
    items.len()
}

#[test]
fn an_item_waits_for_a_fence_that_the_root_takes_after_it() {
    let (inbox, progress) = open();
    let command = || command(&inbox, &progress).unwrap();
    // The root may take the first one without having asked for exits since.
    assert_eq!(command(), Next::SendFences(2));
    // It may have taken the first one already, and not the second.
    assert_eq!(command(), Next::Nothing);
    assert_eq!(drive(&inbox, inbox.fence_back()), 0);
    assert_eq!(command(), Next::SendFences(1));
    assert_eq!(drive(&inbox, inbox.fence_back()), 2);
    assert_eq!(drive(&inbox, inbox.fence_back()), 1);
    // A message that is none of ours brings nothing forward.
    assert_eq!(drive(&inbox, inbox.fence_back()), 0);
    assert_eq!(command(), Next::SendFences(2));
    assert_eq!(drive(&inbox, inbox.fence_back()), 0);
    assert_eq!(drive(&inbox, inbox.fence_back()), 1);
}

#[test]
fn while_a_command_waits_only_what_came_before_the_last_fence_is_driven() {
    let (inbox, progress) = open();
    assert!(command(&inbox, &progress).is_ok());
    assert_eq!(push(&inbox), Ok((Next::Nothing, false)));
    // The item.
    assert_eq!(drive(&inbox, inbox.fence_back()), 1);
    assert!(command(&inbox, &progress).is_ok());
    assert_eq!(push(&inbox), Ok((Next::Nothing, false)));
    // The item and the first command.
    assert_eq!(drive(&inbox, inbox.fence_back()), 2);
    assert_eq!(push(&inbox), Ok((Next::Nothing, false)));
    assert_eq!(drive(&inbox, inbox.fence_back()), 2);
    assert_eq!(push(&inbox), Ok((Next::Drive, true)));
}

#[test]
fn a_start_does_not_overtake_a_command_that_waits() {
    let (inbox, progress) = open();
    assert!(inbox.take_seat(&progress));
    assert_eq!(drive(&inbox, Next::Drive), 0);
    assert!(command(&inbox, &progress).is_ok());
    assert!(!inbox.take_seat(&progress));
}

#[test]
fn the_release_of_a_killed_session_waits_for_the_proof_that_the_root_was_not_killed() {
    let release = |inbox: &Inbox<Item>, progress: &Progress, killed: bool| {
        let mut item = Some(Item::Tick);
        let next = inbox.push_release(&mut item, progress, || killed);
        (next.unwrap(), item.is_some())
    };
    let (inbox, progress) = open();
    assert_eq!(
        release(&inbox, &progress, false),
        (Next::SendFences(2), false)
    );
    assert_eq!(drive(&inbox, inbox.root_is_deaf()), 0);
    progress.root_is(RootStage::Gone);
    assert_eq!(release(&inbox, &progress, true), (Next::Nothing, false));
    progress.root_is(RootStage::Reported);
    assert_eq!(drive(&inbox, inbox.pass_all()), 2);
    let (inbox, progress) = (Inbox::new(), Progress::new());
    assert_eq!(release(&inbox, &progress, false), (Next::Drive, true));
    assert_eq!(drive(&inbox, Next::Drive), 0);
    assert_eq!(release(&inbox, &progress, true), (Next::Nothing, false));
    progress.root_is(RootStage::LoopEnded);
    assert_eq!(drive(&inbox, inbox.pass_all()), 1);
}

#[test]
fn behind_a_shut_door_nothing_is_queued_and_what_was_is_handed_back() {
    let (inbox, progress) = open();
    assert_eq!(push(&inbox), Ok((Next::Drive, true)));
    assert_eq!(push(&inbox), Ok((Next::Nothing, false)));
    assert!(command(&inbox, &progress).is_ok());
    assert_eq!(inbox.shut().len(), 2);
    assert!(push(&inbox).is_err());
    assert!(command(&inbox, &progress).is_err());
    assert!(inbox.push_release(&mut None, &progress, || false).is_err());
    assert!(!inbox.take_seat(&progress));
}
