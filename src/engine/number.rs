//! Numbers that one writer at a time changes and anybody reads, and distributions made of them.
//!
//! What is loaded to be changed is what was stored last, since nobody else writes. So a number is
//! loaded, changed and stored: three plain instructions, where an atomic addition would hold the
//! processor up. It is stored with `Release` and read with `Acquire`, which costs nothing on most
//! processors: who sees a number sees all that was counted before it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::stats::{BOUNDS, Histogram};

/// A number with one writer at a time.
#[derive(Debug, Default)]
pub(super) struct Number(AtomicU64);

impl Number {
    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }

    pub(super) fn set(&self, value: u64) {
        self.0.store(value, Ordering::Release);
    }

    pub(super) fn add(&self, more: u64) {
        let before = self.0.load(Ordering::Relaxed);
        self.set(before.wrapping_add(more));
    }

    pub(super) fn size(&self) -> usize {
        usize::try_from(self.get()).unwrap_or(usize::MAX)
    }
}

/// In what the sum of a distribution is counted. One of nanoseconds is full after 584 years, which a
/// million sessions have lived in five hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Nanosecond,
    Microsecond,
}

/// How durations are counted in a distribution.
#[derive(Debug)]
pub(super) struct Shape {
    bounds: &'static [Duration; BOUNDS],
    /// The same in nanoseconds, which are cheaper to compare.
    nanos: [u64; BOUNDS],
    unit: Unit,
}

impl Shape {
    pub(super) const fn new(bounds: &'static [Duration; BOUNDS], unit: Unit) -> Self {
        let mut nanos = [0; BOUNDS];
        let mut at = 0;
        while at < BOUNDS {
            let bound = bounds[at];
            nanos[at] = bound.as_secs() * 1_000_000_000 + bound.subsec_nanos() as u64;
            at += 1;
        }
        Self {
            bounds,
            nanos,
            unit,
        }
    }
}

/// A distribution of durations. How many there were is the sum of the buckets.
#[derive(Debug, Default)]
pub(super) struct Distribution {
    buckets: [Number; BOUNDS + 1],
    sum: Number,
}

impl Distribution {
    pub(super) fn add(&self, nanos: u64, shape: &Shape) {
        // Before the bucket, so that who sees the bucket sees this.
        self.sum.add(match shape.unit {
            Unit::Nanosecond => nanos,
            Unit::Microsecond => nanos / 1_000,
        });
        let bucket = shape.nanos.partition_point(|bound| *bound < nanos);
        if let Some(bucket) = self.buckets.get(bucket) {
            bucket.add(1);
        }
    }

    pub(super) fn read(&self, shape: &Shape) -> Histogram {
        let buckets = self.buckets.each_ref().map(Number::get);
        let sum = self.sum.get();
        Histogram {
            bounds: shape.bounds,
            buckets,
            sum: match shape.unit {
                Unit::Nanosecond => Duration::from_nanos(sum),
                Unit::Microsecond => Duration::from_micros(sum),
            },
        }
    }
}
