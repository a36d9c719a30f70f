//! What all models share: how they speak, rate limits, work-queue keys, compiled latencies.

use crate::cluster::objects::Write;
use crate::engine::{Dur, Seed, Time};
pub use crate::scenario::platform::Latencies;
use crate::scenario::{Kubernetes, Platform};

/// What a model says in answer to an event: its own later events, and writes to the API server.
#[derive(Debug)]
pub struct Out<E> {
    pub timers: Vec<(Time, E)>,
    /// With the instant of the commit.
    pub writes: Vec<(Time, Write)>,
}

impl<E> Default for Out<E> {
    fn default() -> Self {
        Out { timers: Vec::new(), writes: Vec::new() }
    }
}

impl<E> Out<E> {
    pub fn at(&mut self, time: Time, event: E) {
        self.timers.push((time, event));
    }

    pub fn is_empty(&self) -> bool {
        self.timers.is_empty() && self.writes.is_empty()
    }

    pub fn write(&mut self, time: Time, write: Write) {
        self.writes.push((time, write));
    }
}

/// A client's token bucket: requests wait, they are not dropped.
#[derive(Clone, Debug)]
pub struct TokenBucket {
    per_token: Dur,
    burst: i64,
    /// The instant at which the bucket would be exactly empty, going backwards from full: tokens at `t` are
    /// (t - empty_at) / per_token, at most `burst`.
    empty_at: Time,
}

impl TokenBucket {
    pub fn new(rate_per_s: f64, burst: i64) -> TokenBucket {
        assert!(rate_per_s > 0.0 && burst > 0, "a token bucket needs a rate and a burst");
        let per_token = Dur::from_secs_f64(1.0 / rate_per_s);
        TokenBucket { per_token, burst, empty_at: Time::ALWAYS }
    }

    /// Takes one token at `now` or as soon as there is one; returns when.
    pub fn take(&mut self, now: Time) -> Time {
        let full = Dur(self.per_token.0 * self.burst);
        self.empty_at = self.empty_at.max(now - full);
        self.empty_at += self.per_token;
        now.max(self.empty_at)
    }
}

/// The entry of an object, made when it is first asked for.
pub fn entry<T: Default>(entries: &mut Vec<T>, index: usize) -> &mut T {
    if entries.len() <= index {
        entries.resize_with(index + 1, T::default);
    }
    &mut entries[index]
}

/// One key of a work queue: de-duplicated; added while processed it runs once more afterwards.
#[derive(Clone, Copy, Debug, Default)]
pub struct WorkKey {
    queued: bool,
    busy: bool,
    again: bool,
}

impl WorkKey {
    /// True: the caller must schedule a sync now.
    pub fn add(&mut self) -> bool {
        if self.busy {
            self.again = true;
            return false;
        }
        !std::mem::replace(&mut self.queued, true)
    }

    pub fn start(&mut self) {
        assert!(!self.busy, "a key is never processed twice at once");
        self.queued = false;
        self.busy = true;
    }

    /// True: it was added meanwhile and must be synced again at once.
    pub fn done(&mut self) -> bool {
        assert!(self.busy, "done without start");
        self.busy = false;
        let again = std::mem::take(&mut self.again);
        self.queued = again;
        again
    }

    /// The sync begun at `now` is over at `end`: says so later, or leaves the event out if that is now.
    pub fn finish<E>(&mut self, now: Time, end: Time, done: E, out: &mut Out<E>) {
        if end > now {
            out.at(end, done);
        } else {
            assert!(!self.done(), "nothing is added during an instantaneous sync");
        }
    }
}

/// What every model may look at besides its own state.
#[derive(Clone, Copy)]
pub struct Ctx<'a> {
    pub now: Time,
    pub seed: Seed,
    pub latencies: &'a Latencies,
    pub platform: &'a Platform,
    /// How much longer the control plane takes now, because it shares its cores with the pods being started
    /// and stopped (1 where it does not).
    pub slowdown: f64,
    /// Minor versions: control plane, kubelet, kube-proxy.
    pub kubernetes: Kubernetes,
}

impl Ctx<'_> {
    /// One API write now, drawn by `u`.
    pub fn api_write(&self, u: f64) -> Dur {
        self.slowed(self.latencies.api_write.sample(u))
    }

    /// A latency of the control plane, as long as it takes now.
    pub fn slowed(&self, latency: Dur) -> Dur {
        Dur((latency.0 as f64 * self.slowdown) as i64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bucket_gives_the_burst_and_then_the_rate() {
        let mut bucket = TokenBucket::new(20.0, 3);
        let at = |t: Time| t.0 / 1_000_000;
        let taken: Vec<i64> = (0..5).map(|_| at(bucket.take(Time(0)))).collect();
        assert_eq!(taken, [0, 0, 0, 50, 100]);
        // A quiet second refills three tokens at most.
        let later = Time(2_000_000_000);
        let taken: Vec<i64> = (0..4).map(|_| at(bucket.take(later)) - 2000).collect();
        assert_eq!(taken, [0, 0, 0, 50]);
    }
}
