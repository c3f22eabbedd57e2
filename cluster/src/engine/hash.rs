//! The numbers that all nodes compute alike, whatever their machine, compiler and version.
//!
//! Which shard an id is in and which node a shard is planned for depend on them: a change needs another
//! [`HASH_VERSION`](super::shard::HASH_VERSION).

/// The odd number nearest to 2^64 divided by the golden ratio.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// FNV-1a with 64 bits.
pub(crate) fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01B3)
    })
}

/// Spreads what two numbers differ in over all bits (the last step of SplitMix64).
pub(super) const fn mix(z: u64) -> u64 {
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// The `n`th number of the sequence that belongs to `seed` (SplitMix64).
pub(super) const fn random(seed: u64, n: u64) -> u64 {
    mix(seed.wrapping_add(n.wrapping_add(1).wrapping_mul(GOLDEN)))
}

#[cfg(test)]
mod tests {
    use super::{fnv1a, random};

    #[test]
    fn they_are_the_published_ones() {
        // The test vectors of the FNV reference, and of SplitMix64 with the seed 0.
        assert_eq!(fnv1a(b""), 0xCBF2_9CE4_8422_2325);
        assert_eq!(fnv1a(b"a"), 0xAF63_DC4C_8601_EC8C);
        assert_eq!(fnv1a(b"foobar"), 0x8594_4171_F739_67E8);
        assert_eq!(random(0, 0), 0xE220_A839_7B1D_CDAF);
        assert_eq!(random(0, 1), 0x6E78_9E6A_A1B9_65F4);
    }
}
