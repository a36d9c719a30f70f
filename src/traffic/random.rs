//! Random numbers in blocks: eight xoshiro256++ generators side by side, a portable logarithm, and the
//! instants at which requests are sent.
//!
//! Request `k` of a replication always uses number `k` of each stream, so that two settings compared on one
//! seed see the same arrivals, the same picks and the same service times.

use crate::engine::{Seed, Time};
use crate::traffic::offered::Arrivals;
use crate::traffic::plan::Piece;

/// Requests handled at a time.
pub const BLOCK: usize = 1024;

/// Eight independent streams, interleaved: number `k` comes from lane `k % 8`.
#[derive(Clone, Debug)]
pub struct Lanes {
    state: [[u64; 8]; 4],
}

impl Lanes {
    /// Streams of one purpose; they do not depend on those of another.
    pub fn new(seed: Seed, purpose: &'static str) -> Lanes {
        let mut stream = seed.stream(purpose, 0);
        let mut state = [[0; 8]; 4];
        state.iter_mut().flatten().for_each(|word| *word = stream.next_u64());
        Lanes { state }
    }

    /// The next numbers of the stream; `out.len()` must be a multiple of eight.
    pub fn fill(&mut self, out: &mut [u64]) {
        assert!(out.len().is_multiple_of(8), "blocks are whole rows of lanes");
        let [mut a, mut b, mut c, mut d] = self.state;
        for row in out.as_chunks_mut::<8>().0 {
            for i in 0..8 {
                row[i] = a[i].wrapping_add(d[i]).rotate_left(23).wrapping_add(a[i]);
                let t = b[i] << 17;
                c[i] ^= a[i];
                d[i] ^= b[i];
                b[i] ^= c[i];
                a[i] ^= d[i];
                c[i] ^= t;
                d[i] = d[i].rotate_left(45);
            }
        }
        self.state = [a, b, c, d];
    }
}

/// `-ln(u)` for the uniform number u in (0, 1] made of the upper 52 bits: a unit exponential. Only additions,
/// multiplications and one division, so the same bits on every machine; absolute error below 1e-14.
#[inline(always)]
pub fn unit_exponential(bits: u64) -> f64 {
    const ONE: u64 = 0x3ff0_0000_0000_0000;
    const SQRT_HALF: u64 = 0x3fe6_a09e_667f_3bcd;
    // 2^52 as a float: an integer below 2^52 put into its mantissa reads as 2^52 plus that integer.
    const MAGIC: u64 = 0x4330_0000_0000_0000;
    let u = 2.0 - f64::from_bits((bits >> 12) | ONE);
    // u = m 2^k with m in [sqrt(1/2), sqrt(2)); 1024 is added to keep the exponent positive.
    let shifted = u.to_bits().wrapping_sub(SQRT_HALF).wrapping_add(1024 << 52);
    let k = f64::from_bits((shifted >> 52) | MAGIC) - (4_503_599_627_370_496.0 + 1024.0);
    let m = f64::from_bits((shifted & ((1 << 52) - 1)).wrapping_add(SQRT_HALF));
    // ln m = 2 artanh(s), s = (m - 1) / (m + 1), |s| < 0.172.
    let s = (m - 1.0) / (m + 1.0);
    let z = s * s;
    let series = 1.0 / 19.0;
    let series = series * z + 1.0 / 17.0;
    let series = series * z + 1.0 / 15.0;
    let series = series * z + 1.0 / 13.0;
    let series = series * z + 1.0 / 11.0;
    let series = series * z + 1.0 / 9.0;
    let series = series * z + 1.0 / 7.0;
    let series = series * z + 1.0 / 5.0;
    let series = series * z + 1.0 / 3.0;
    -(k * std::f64::consts::LN_2 + 2.0 * (s + s * z * series))
}

/// Send times of an open loop, in blocks, by inversion of the cumulative rate.
#[derive(Clone, Debug)]
pub struct Sends {
    rates: Vec<Piece>,
    /// The piece that the next request falls into, and the expected requests before it.
    piece: usize,
    before: f64,
    process: Process,
}

#[derive(Clone, Debug)]
enum Process {
    /// Request `k` is sent when `k + phase` requests are due.
    Even {
        phase: f64,
        sent: u64,
    },
    /// Gaps of unit mean in expected requests.
    Poisson {
        gaps: Box<Lanes>,
        due: f64,
    },
    Trace {
        times: Vec<Time>,
        next: usize,
    },
}

impl Sends {
    /// For requests in the pieces of `rates`; a trace is taken as it is, cut to `window`.
    pub fn new(
        arrivals: &Arrivals,
        rates: Vec<Piece>,
        window: (Time, Time),
        seed: Seed,
    ) -> Option<Sends> {
        let process = match arrivals {
            Arrivals::Even => Process::Even { phase: seed.uniform("phase of sends", 0), sent: 0 },
            Arrivals::Poisson => {
                Process::Poisson { gaps: Box::new(Lanes::new(seed, "gaps")), due: 0.0 }
            }
            Arrivals::Trace(times) => {
                let inside = times.iter().filter(|t| **t >= window.0 && **t < window.1);
                let mut times: Vec<Time> = inside.copied().collect();
                times.sort_unstable();
                Process::Trace { times, next: 0 }
            }
            Arrivals::Closed { .. } => return None,
        };
        Some(Sends { rates, piece: 0, before: 0.0, process })
    }

    /// Writes the next send times, in nanoseconds and order; fewer than a block only at the end.
    pub fn fill(&mut self, out: &mut [i64; BLOCK]) -> usize {
        let mut due = [0.0; BLOCK];
        match &mut self.process {
            Process::Even { phase, sent } => {
                for (k, due) in due.iter_mut().enumerate() {
                    *due = *phase + (*sent + k as u64) as f64;
                }
                *sent += BLOCK as u64;
            }
            Process::Poisson { gaps, due: sum } => {
                let mut bits = [0; BLOCK];
                gaps.fill(&mut bits);
                for (due, bits) in due.iter_mut().zip(bits) {
                    *due = unit_exponential(bits);
                }
                for due in &mut due {
                    *sum += *due;
                    *due = *sum;
                }
            }
            Process::Trace { times, next } => {
                let block = &times[*next..(*next + BLOCK).min(times.len())];
                *next += block.len();
                block.iter().zip(out).for_each(|(t, out)| *out = t.0);
                return block.len();
            }
        }
        self.invert(&due, out)
    }

    fn invert(&mut self, due: &[f64; BLOCK], out: &mut [i64; BLOCK]) -> usize {
        let mut k = 0;
        while let Some(piece) = self.rates.get(self.piece) {
            let end = self.before + piece.count();
            let ns = 1e9 / piece.rate;
            let inside = due[k..].partition_point(|d| *d < end);
            debug_assert!(
                piece.rate > 0.0 && k + inside <= BLOCK,
                "sends are of a time when some are sent"
            );
            for (due, out) in due[k..k + inside].iter().zip(&mut out[k..]) {
                let at = piece.from.0 + ((due - self.before) * ns) as i64;
                *out = at.min(piece.to.0 - 1);
            }
            k += inside;
            if k == BLOCK {
                return k;
            }
            self.piece += 1;
            self.before = end;
        }
        k
    }
}
