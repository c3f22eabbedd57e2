//! An allocator that counts while it is asked to, and else is the system's.
//!
//! What is counted is one number for all threads. Two threads that allocate at the same time take its
//! cache line from each other with each allocation, which a program that is not measured does not do:
//! it would lengthen most what uses both.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, Ordering};

use super::alloc::Counting;

#[derive(Debug)]
pub(crate) struct NowAndThen;

static ASKED: AtomicBool = AtomicBool::new(false);

/// Counts from now on.
pub(crate) fn count() {
    ASKED.store(true, Ordering::Relaxed);
}

/// Counts no more.
pub(crate) fn count_no_more() {
    ASKED.store(false, Ordering::Relaxed);
}

#[expect(unsafe_code, reason = "an allocator cannot be written without")]
// SAFETY: every call goes unchanged to one of two that give memory of the system's allocator, so that
// it does not matter to which of them it is given back.
unsafe impl GlobalAlloc for NowAndThen {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe {
            if ASKED.load(Ordering::Relaxed) {
                Counting.alloc(layout)
            } else {
                System.alloc(layout)
            }
        }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe {
            if ASKED.load(Ordering::Relaxed) {
                Counting.dealloc(pointer, layout);
            } else {
                System.dealloc(pointer, layout);
            }
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the contract of `alloc_zeroed`.
        unsafe {
            if ASKED.load(Ordering::Relaxed) {
                Counting.alloc_zeroed(layout)
            } else {
                System.alloc_zeroed(layout)
            }
        }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller keeps the contract of `realloc`.
        unsafe {
            if ASKED.load(Ordering::Relaxed) {
                Counting.realloc(pointer, layout, size)
            } else {
                System.realloc(pointer, layout, size)
            }
        }
    }
}
