//! What the bits of a life mean, all in one place: two facts under one bit would pass for each other.

use super::Hold;

pub(super) const ORDERLY: u16 = 1;
pub(super) const FAILED: u16 = 1 << 1;
/// In order, but with the failure of an actor linked to it.
pub(super) const LINK_FAILED: u16 = ORDERLY | FAILED;
/// `pre_start` went well, and the actor was not ending by itself.
pub(super) const READY: u16 = 1 << 2;
// Bits 3 to 6 are those of `Hold`.
pub(super) const HELD: u16 =
    Hold::Launch as u16 | Hold::State as u16 | Hold::Task as u16 | Hold::Tree as u16;
/// It is a supervisor that used up its restart limit.
pub(super) const GAVE_UP: u16 = 1 << 7;
/// What it leaves to the next launch has been taken, so nothing more is left.
pub(super) const LEFT: u16 = 1 << 8;
/// The claim was taken by a cancellation.
pub(super) const CANCELLED: u16 = 1 << 9;
/// Whether anything is known of the end. It is looked at before the lock is taken, since of most
/// launches nothing is.
pub(super) const KNOWN: u16 = 1 << 10;
/// It has a span.
pub(super) const SPAN: u16 = 1 << 11;
/// The supervisor has asked it to stop.
pub(super) const ASKED: u16 = 1 << 12;

/// No two of them share a bit: then they add up to what they are together.
const _: () = {
    let sum = ORDERLY as u32
        + FAILED as u32
        + READY as u32
        + HELD as u32
        + GAVE_UP as u32
        + LEFT as u32
        + CANCELLED as u32
        + KNOWN as u32
        + SPAN as u32
        + ASKED as u32;
    assert!(sum == (1 << 13) - 1);
};
