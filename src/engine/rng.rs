//! Named random streams under one root seed.
//!
//! A stream belongs to a purpose and an index ("image pull of pod 7"), so that adding a pod or changing a
//! setting leaves every other stream alone, and two settings compared on one seed see the same luck
//! (common random numbers). The hash is ours and fixed; the generator is xoshiro256++.

use rand::{Rng as _, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

/// The root of all randomness of one replication.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seed(pub u64);

impl Seed {
    /// The seed of replication `index` under this root.
    pub fn replication(self, index: u64) -> Seed {
        Seed(mix(self.0 ^ mix(index.wrapping_add(0x9e37_79b9_7f4a_7c15))))
    }

    /// The stream named by `purpose` and `index`.
    pub fn stream(self, purpose: &'static str, index: u64) -> Rng {
        let name = mix(fnv1a(purpose) ^ mix(index));
        Rng(Xoshiro256PlusPlus::seed_from_u64(self.0 ^ name))
    }

    /// One uniform number in (0, 1) named by `purpose` and `index`: a stream used once.
    pub fn uniform(self, purpose: &'static str, index: u64) -> f64 {
        unit_open(mix(self.0 ^ mix(fnv1a(purpose) ^ mix(index))))
    }
}

/// One random stream.
#[derive(Clone, Debug)]
pub struct Rng(Xoshiro256PlusPlus);

impl Rng {
    /// The next 64 random bits of the stream.
    pub fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Uniform in the open interval (0, 1): never 0, so its logarithm is finite.
    pub fn uniform(&mut self) -> f64 {
        unit_open(self.next_u64())
    }

    /// Uniform integer in 0..n, by multiplication (bias below n / 2^64).
    pub fn below(&mut self, n: u64) -> u64 {
        assert!(n > 0, "below(0) has no value");
        ((u128::from(self.next_u64()) * u128::from(n)) >> 64) as u64
    }
}

/// 53 random bits, centred in their cell; the last of which would be rounded to 1.
pub(crate) fn unit_open(bits: u64) -> f64 {
    let u = ((bits >> 11) as f64 + 0.5) * (1.0 / 9_007_199_254_740_992.0);
    u.min(1.0 - f64::EPSILON / 2.0)
}

/// The finaliser of SplitMix64.
pub(crate) fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A number for an object of this name, to name its streams by.
pub fn hash(name: &[&str]) -> u64 {
    name.iter().fold(0, |hash, part| mix(hash ^ fnv1a(part)))
}

/// FNV-1a, evaluated at compile time for literal names.
pub(crate) const fn fnv1a(name: &str) -> u64 {
    let bytes = name.as_bytes();
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    let mut i = 0;
    while i < bytes.len() {
        hash = (hash ^ bytes[i] as u64).wrapping_mul(0x0000_0100_0000_01b3);
        i += 1;
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uniform_numbers_are_never_0_or_1() {
        let ends = [0, 1, u64::MAX - 1, u64::MAX].map(unit_open);
        assert!(ends.iter().all(|u| 0.0 < *u && *u < 1.0), "{ends:?}");
    }
}
