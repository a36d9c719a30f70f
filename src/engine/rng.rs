//! Named random streams under one root seed.
//!
//! A stream belongs to a purpose and an object ("the kubelet's work on this pod"), so that adding an object
//! or changing a setting leaves every other stream alone, and two settings compared on one seed see the same
//! luck (common random numbers). The hash is ours and fixed. The generator is xoshiro256++ for what there is
//! one of, and SplitMix64 for what there are many of ([`Luck`]).

use rand::{Rng as _, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

/// The root of all randomness of one replication.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seed(pub u64);

impl Seed {
    /// The seed of replication `index` under this root.
    pub fn replication(self, index: u64) -> Seed {
        Seed(mix(self.0 ^ mix(index.wrapping_add(GOLDEN))))
    }

    /// The stream named by `purpose` and `index`.
    pub fn stream(self, purpose: &'static str, index: u64) -> Rng {
        let name = mix(fnv1a(purpose) ^ mix(index));
        Rng(Xoshiro256PlusPlus::seed_from_u64(self.0 ^ name))
    }

    /// The uid of an object that nobody makes, such as a Deployment or a node.
    pub fn uid(self, name: u64) -> u64 {
        mix(self.0 ^ mix(name))
    }

    /// One uniform number in (0, 1) named by `purpose` and `index`: a stream used once.
    pub fn uniform(self, purpose: &'static str, index: u64) -> f64 {
        unit_open(mix(self.0 ^ mix(fnv1a(purpose) ^ mix(index))))
    }
}

/// A source of random bits: a stream of either kind.
pub trait Bits {
    /// The next 64.
    fn bits(&mut self) -> u64;
}

/// One random stream.
#[derive(Clone, Debug)]
pub struct Rng(Xoshiro256PlusPlus);

impl Bits for Rng {
    fn bits(&mut self) -> u64 {
        self.next_u64()
    }
}

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

/// The stream of one object of many: a single number, and named at the cost of one exclusive or.
#[derive(Clone, Copy, Debug)]
pub struct Luck(u64);

impl Bits for Luck {
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        mix(self.0)
    }
}

impl Luck {
    /// The one of the object with this uid for `purpose`.
    #[inline]
    pub fn of(uid: u64, purpose: &'static str) -> Luck {
        Luck(uid ^ fnv1a(purpose))
    }

    /// As [`Rng::uniform`].
    pub fn uniform(&mut self) -> f64 {
        unit_open(self.bits())
    }

    /// Goes on to the object's next change: numbers for all who hear of it, each its own.
    pub fn next_change(&mut self) -> Heard {
        self.0 = self.0.wrapping_add(GOLDEN);
        Heard(self.0)
    }
}

/// The luck of one change of an object on its way to those who watch it.
#[derive(Clone, Copy, Debug)]
pub struct Heard(u64);

impl Heard {
    /// The number of one watcher: it does not matter how many others there are.
    pub fn by(self, watcher: u64) -> u64 {
        mix(self.0 ^ watcher.wrapping_mul(0xd6e8_feb8_6659_fd93))
    }
}

/// The uid of the `n`-th object that another one makes.
pub fn uid_of(owner: u64, n: u32) -> u64 {
    mix(owner.wrapping_add((u64::from(n) + 1).wrapping_mul(GOLDEN)))
}

/// 2^64 over the golden ratio, odd.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

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
