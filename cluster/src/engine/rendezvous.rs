//! Which of several nodes a shard goes to: weighted rendezvous hashing, in whole numbers.
//!
//! Each node draws a number for each shard, from its name and the shard's number, and the least cost
//! wins: the cost is `-log2(drawn) / weight`. A node that joins takes only the shards for which it draws
//! the least, one that leaves gives up only its own. There are no floating-point numbers, so that all
//! machines agree to the last bit.

use std::cmp::Ordering;

use super::hash::{fnv1a, mix};

/// How many bits of a logarithm are behind the point.
const FRACTION: u32 = 32;

/// What a node has drawn for a shard.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bid<'a> {
    /// `-log2` of the drawn number, which lies between 0 and 1.
    cost: u64,
    weight: u32,
    name: &'a str,
}

/// The part of the draw that depends on the node alone.
pub(super) fn node_hash(name: &str) -> u64 {
    mix(fnv1a(name.as_bytes()))
}

impl<'a> Bid<'a> {
    /// The bid of the node for the shard of this number.
    pub(super) const fn new(name: &'a str, node_hash: u64, weight: u32, shard: u32) -> Self {
        // The multiplication keeps the numbers of shards far from each other.
        let salt = mix((shard as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        Self {
            cost: minus_log2(mix(node_hash ^ salt)),
            weight,
            name,
        }
    }

    /// The better one is less.
    pub(super) fn compare(&self, other: &Self) -> Ordering {
        let mine = u128::from(self.cost) * u128::from(other.weight);
        let its = u128::from(other.cost) * u128::from(self.weight);
        mine.cmp(&its).then_with(|| self.name.cmp(other.name))
    }
}

/// `-log2(drawn / 2^64)` with [`FRACTION`] bits behind the point, where zero counts as one.
const fn minus_log2(drawn: u64) -> u64 {
    let drawn = if drawn == 0 { 1 } else { drawn };
    let zeros = drawn.leading_zeros();
    // As a number from 1 up to 2, with 63 bits behind the point. Squaring it doubles its logarithm, of
    // which the next bit is then the one before the point.
    let mut scaled = drawn << zeros;
    let mut log = 63 - zeros as u64;
    let mut bit = 0;
    while bit < FRACTION {
        let square = (scaled as u128 * scaled as u128) >> 63;
        log <<= 1;
        if square >> 64 == 0 {
            scaled = square as u64;
        } else {
            log |= 1;
            scaled = (square >> 1) as u64;
        }
        bit += 1;
    }
    (64 << FRACTION) - log
}

#[cfg(test)]
mod tests {
    use super::{FRACTION, minus_log2};

    #[test]
    fn it_is_the_logarithm() {
        assert_eq!(minus_log2(0), 64 << FRACTION);
        assert_eq!(minus_log2(1), 64 << FRACTION);
        assert_eq!(minus_log2(1 << 63), 1 << FRACTION);
        assert_eq!(minus_log2(1 << 32), 32 << FRACTION);
        for n in 1..50_u64 {
            let drawn = n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> n;
            let found = minus_log2(drawn) as f64 / f64::from(2_u32.pow(16)).powi(2);
            let exact = 64.0 - (drawn as f64).log2();
            assert!((found - exact).abs() < 1e-8, "{drawn}: {found}, {exact}");
        }
    }

    #[test]
    fn a_greater_number_costs_no_more() {
        let numbers = (0..10_000_u64).map(|n| n.wrapping_mul(0x001A_36E2_EB1C_432C) | 1);
        let mut sorted: Vec<_> = numbers.collect();
        sorted.sort_unstable();
        let costs: Vec<_> = sorted.iter().map(|n| minus_log2(*n)).collect();
        assert!(costs.is_sorted_by(|a, b| a >= b));
    }
}
