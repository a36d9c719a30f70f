//! Time in whole nanoseconds. Zero is the action (the `kubectl apply`); earlier times are negative.

use std::fmt;
use std::ops::{Add, AddAssign, Sub};

/// An instant, in nanoseconds relative to the action.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(pub i64);

/// A length of time, in nanoseconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Dur(pub i64);

impl Time {
    /// The action.
    pub const ZERO: Time = Time(0);
    /// "Never": later than any simulated instant, with room to add to it.
    pub const NEVER: Time = Time(i64::MAX / 4);
    /// Earlier than any simulated instant.
    pub const ALWAYS: Time = Time(-(i64::MAX / 4));

    /// The instant `s` seconds after the action, rounded to whole nanoseconds.
    pub fn from_secs_f64(s: f64) -> Time {
        Time(Dur::from_secs_f64(s).0)
    }

    /// Seconds since the action; negative before it.
    #[inline]
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// Whether it stands for "did not happen".
    #[inline]
    pub fn is_never(self) -> bool {
        self >= Time::NEVER
    }

    /// Cut down to a whole second of the wall clock, as API time stamps (`metav1.Time`) are. The action
    /// happens
    /// `phase` after a whole second.
    pub fn floor_s(self, phase: Dur) -> Time {
        const SECOND: i64 = 1_000_000_000;
        Time((self.0 + phase.0).div_euclid(SECOND) * SECOND - phase.0)
    }
}

impl Dur {
    /// No time at all.
    pub const ZERO: Dur = Dur(0);
    /// Longer than any run, and can still be added to an instant.
    pub const MAX: Dur = Dur(i64::MAX / 8);

    /// Whole seconds.
    pub const fn from_secs(s: i64) -> Dur {
        Dur(s.saturating_mul(1_000_000_000))
    }

    /// Whole milliseconds.
    pub const fn from_millis(ms: i64) -> Dur {
        Dur(ms.saturating_mul(1_000_000))
    }

    /// `s` seconds, rounded to whole nanoseconds; not-a-number gives zero, huge values saturate.
    pub fn from_secs_f64(s: f64) -> Dur {
        let ns = libm::round(s * 1e9);
        if ns.is_nan() {
            return Dur::ZERO;
        }
        Dur((ns as i64).clamp(-Dur::MAX.0, Dur::MAX.0))
    }

    /// In seconds.
    #[inline]
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// So much of it, cut to whole nanoseconds.
    #[inline]
    pub fn part(self, share: f64) -> Dur {
        Dur((self.0 as f64 * share) as i64)
    }

    /// Whole seconds, cut down.
    #[inline]
    pub fn floor_secs(self) -> i64 {
        self.0.div_euclid(1_000_000_000)
    }
}

impl Add<Dur> for Time {
    type Output = Time;
    #[inline]
    fn add(self, d: Dur) -> Time {
        Time(self.0.saturating_add(d.0))
    }
}

impl Sub<Dur> for Time {
    type Output = Time;
    #[inline]
    fn sub(self, d: Dur) -> Time {
        Time(self.0.saturating_sub(d.0))
    }
}

impl AddAssign<Dur> for Time {
    #[inline]
    fn add_assign(&mut self, d: Dur) {
        *self = *self + d;
    }
}

impl Sub for Time {
    type Output = Dur;
    #[inline]
    fn sub(self, other: Time) -> Dur {
        Dur(self.0.saturating_sub(other.0))
    }
}

impl Add for Dur {
    type Output = Dur;
    #[inline]
    fn add(self, d: Dur) -> Dur {
        Dur(self.0.saturating_add(d.0))
    }
}

impl Sub for Dur {
    type Output = Dur;
    #[inline]
    fn sub(self, d: Dur) -> Dur {
        Dur(self.0.saturating_sub(d.0))
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_never() {
            return f.write_str("never");
        }
        write!(f, "{:.3}s", self.as_secs_f64())
    }
}

impl fmt::Debug for Dur {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}s", self.as_secs_f64())
    }
}
