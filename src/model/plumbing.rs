//! What all models share: how they speak, rate limits, work-queue keys, compiled latencies.

use crate::cluster::server::Cluster;
use crate::cluster::write::Write;
use crate::engine::{Bits, Dur, Luck, Seed, Time};
pub use crate::model::platform::Latencies;
use crate::model::platform::{Defaults, Kubernetes, Platform};
use crate::timeline::Recorder;
use std::ops::Deref;

/// Where a model says what follows from an event: its own later events (`E`), and writes to the API server.
pub trait Out<E> {
    /// Schedules an event of the model.
    fn at(&mut self, time: Time, event: E);

    /// With the instant of the commit.
    fn write(&mut self, time: Time, write: Write);
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
    /// A full bucket of `burst` tokens.
    pub fn new(rate_per_s: f64, burst: i64) -> TokenBucket {
        assert!(rate_per_s > 0.0 && burst > 0, "a token bucket needs a rate and a burst");
        let per_token = Dur::from_secs_f64(1.0 / rate_per_s);
        TokenBucket { per_token, burst, empty_at: Time::ALWAYS }
    }

    /// That of one controller's client.
    pub fn of_controller(defaults: &Defaults) -> TokenBucket {
        let Defaults { controller_qps, controller_burst, .. } = *defaults;
        TokenBucket::new(f64::from(controller_qps), i64::from(controller_burst))
    }

    /// Takes one token at `now` or as soon as there is one; returns when.
    pub fn take(&mut self, now: Time) -> Time {
        let full = Dur(self.per_token.0 * self.burst);
        self.empty_at = self.empty_at.max(now - full);
        self.empty_at += self.per_token;
        debug_assert!(self.empty_at > now - full, "a bucket holds no more than its burst");
        now.max(self.empty_at)
    }

    /// When a call is answered that `by`, about the object of that uid, makes at `start` or when it may.
    pub fn call(
        &mut self,
        ctx: Ctx,
        luck: &mut Option<Luck>,
        (uid, by): (u64, &'static str),
        start: Time,
    ) -> Time {
        let taken = self.take(start);
        debug_assert!(taken >= start, "calls wait, they are not made before");
        taken + ctx.api_write(luck.get_or_insert_with(|| Luck::of(uid, by)))
    }
}

/// One key of a work queue: de-duplicated; added while processed it runs once more afterwards.
#[derive(Clone, Copy, Debug)]
pub struct WorkKey {
    queued: bool,
    /// Processed until then; NEVER: until [`WorkKey::done`] tells.
    busy_until: Time,
}

impl Default for WorkKey {
    fn default() -> WorkKey {
        WorkKey { queued: false, busy_until: Time::ALWAYS }
    }
}

impl WorkKey {
    /// When the caller must schedule a sync, unless one is scheduled already or [`WorkKey::done`] will tell.
    pub fn add(&mut self, now: Time) -> Option<Time> {
        let waits = std::mem::replace(&mut self.queued, true) || self.busy_until.is_never();
        (!waits).then(|| self.busy_until.max(now))
    }

    /// The worker takes the key up.
    pub fn start(&mut self, now: Time) {
        assert!(self.busy_until <= now, "a key is never processed twice at once");
        self.queued = false;
        self.busy_until = Time::NEVER;
    }

    /// The sync is over at `end`, now or later. When to sync again, if the key was added meanwhile.
    pub fn done(&mut self, end: Time) -> Option<Time> {
        assert!(self.busy_until.is_never(), "done without start");
        self.busy_until = end;
        self.queued.then_some(end)
    }
}

/// The entry of one key in a delaying work queue: there is one at most, and it only moves earlier.
///
/// `staging/src/k8s.io/client-go/util/workqueue/delaying_queue.go: insert`.
#[derive(Clone, Copy, Debug)]
pub struct Delayed {
    /// NEVER: no entry.
    due: Time,
}

impl Default for Delayed {
    fn default() -> Delayed {
        Delayed { due: Time::NEVER }
    }
}

impl Delayed {
    /// Adds the key for `at`. When the caller must schedule its event; None: it is due no later already.
    pub fn add(&mut self, at: Time) -> Option<Time> {
        let earlier = at < self.due;
        if earlier {
            self.due = at;
        }
        debug_assert!(self.due <= at, "the earliest entry of a key is kept");
        earlier.then_some(at)
    }

    /// Whether the event scheduled for `now` is the entry's: not if it was moved earlier meanwhile.
    pub fn take(&mut self, now: Time) -> bool {
        debug_assert!(self.due >= now, "no entry is forgotten: one was due at {:?}", self.due);
        let is_due = self.due == now;
        if is_due {
            self.due = Time::NEVER;
        }
        is_due
    }
}

/// What the work queue of a controller hands to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn<Id> {
    /// The object's key is taken from the queue.
    Sync(Id),
    /// Its delayed key is due: it is to be looked at for the passing of time alone, or tried again.
    Due(Id),
}

/// One object in the work queue of a controller.
#[derive(Clone, Copy, Debug, Default)]
pub struct Queued {
    work: WorkKey,
    delayed: Delayed,
    /// Syncs in a row that were refused.
    failures: u32,
}

impl Queued {
    /// The object is to be synced as soon as may be.
    pub fn add<Id>(&mut self, now: Time, id: Id, out: &mut impl Out<Turn<Id>>) {
        if let Some(at) = self.work.add(now) {
            out.at(at, Turn::Sync(id));
        }
    }

    /// The object is to be synced at `at`, unless it is to be earlier anyway.
    pub fn add_at<Id>(&mut self, at: Time, id: Id, out: &mut impl Out<Turn<Id>>) {
        if let Some(at) = self.delayed.add(at) {
            out.at(at, Turn::Due(id));
        }
    }

    /// A write was refused because the cached copy was old: back off and try again.
    pub fn refused<Id>(&mut self, ctx: Ctx, id: Id, out: &mut impl Out<Turn<Id>>) {
        self.failures += 1;
        debug_assert!(self.failures > 0, "what is tried again has failed");
        self.add_at(ctx.now + retry_delay(&ctx.kubernetes.defaults, self.failures), id, out);
    }

    /// A sync went well: the next refusal is the first again.
    pub fn forget(&mut self) {
        self.failures = 0;
    }

    /// The object to be synced now; a delayed key only joins the queue.
    pub fn take<Id>(
        &mut self,
        now: Time,
        turn: Turn<Id>,
        out: &mut impl Out<Turn<Id>>,
    ) -> Option<Id> {
        match turn {
            Turn::Sync(id) => return Some(id),
            Turn::Due(id) if self.delayed.take(now) => self.add(now, id, out),
            Turn::Due(_) => {}
        }
        None
    }

    /// As [`WorkKey::start`].
    pub fn start(&mut self, now: Time) {
        self.work.start(now);
    }

    /// As [`WorkKey::done`], where nothing is added while a sync is made.
    pub fn done(&mut self, end: Time) {
        let again = self.work.done(end);
        debug_assert!(again.is_none(), "a sync is made at one instant");
    }
}

impl<Id: Copy> Turn<Id> {
    /// Whose it is.
    pub fn of(self) -> Id {
        match self {
            Turn::Sync(id) | Turn::Due(id) => id,
        }
    }
}

/// The wait of a key after so many failed syncs in a row.
///
/// `staging/src/k8s.io/client-go/util/workqueue/default_rate_limiters.go:
/// DefaultTypedControllerRateLimiter`.
pub fn retry_delay(defaults: &Defaults, failures: u32) -> Dur {
    doubled(defaults.retry_base, defaults.retry_max, failures)
}

/// `base` before the second try, doubled before each further one, `max` at most.
pub fn doubled(base: Dur, max: Dur, failures: u32) -> Dur {
    let doublings = failures.saturating_sub(1).min(30);
    Dur(base.0.saturating_mul(1 << doublings)).min(max)
}

/// What stays the same during one replication.
#[derive(Clone, Copy)]
pub struct Run<'a> {
    /// Of the replication.
    pub seed: Seed,
    /// Samplers of the platform's delays.
    pub latencies: &'a Latencies,
    /// The cluster as its card describes it.
    pub platform: &'a Platform,
    /// Minor versions: control plane, kubelet, kube-proxy.
    pub kubernetes: Kubernetes,
}

/// What every model may look at besides its own state: the [`Run`] and the present.
#[derive(Clone, Copy)]
pub struct Ctx<'a> {
    /// What stays the same for the whole run.
    pub run: &'a Run<'a>,
    /// The instant of the event.
    pub now: Time,
    /// How much longer the control plane takes now, because it shares its cores with the pods being started
    /// and stopped (1 where it does not).
    pub slowdown: f64,
}

/// What a model that works on pods may look at, and the timeline it writes into.
pub struct Scene<'a> {
    /// The run and the instant.
    pub ctx: Ctx<'a>,
    /// The objects as they are; a model must not look at what it has not been shown.
    pub cluster: &'a Cluster,
    /// Where truth and belief are written.
    pub timeline: &'a mut Recorder,
}

impl<'a> Deref for Ctx<'a> {
    type Target = Run<'a>;

    fn deref(&self) -> &Run<'a> {
        self.run
    }
}

impl Ctx<'_> {
    /// One API write now.
    pub fn api_write(&self, luck: &mut impl Bits) -> Dur {
        self.slowed(self.latencies.api_write.draw(luck))
    }

    /// A latency of the control plane, as long as it takes now.
    pub fn slowed(&self, latency: Dur) -> Dur {
        slowed(latency, self.slowdown)
    }
}

/// A latency, as long as it takes where everything takes `slowdown` times as long.
pub fn slowed(latency: Dur, slowdown: f64) -> Dur {
    Dur((latency.0 as f64 * slowdown) as i64)
}

/// Makes `count` calls in batches of `first`, twice that, and so on; `batch` makes that many at once and says
/// how many succeeded. Stops after the first batch with a failure. Returns how many succeeded in all.
///
/// `pkg/controller/replicaset/replica_set.go: slowStartBatch`.
pub fn slow_start_batch(count: u32, first: u32, mut batch: impl FnMut(u32) -> u32) -> u32 {
    let (mut successes, mut size) = (0, first);
    while successes < count {
        let calls = size.min(count - successes);
        let succeeded = batch(calls);
        successes += succeeded;
        if succeeded < calls {
            break;
        }
        size = size.saturating_mul(2);
    }
    successes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delayed_key_only_moves_earlier() {
        let at = Time;
        let mut key = Delayed::default();
        assert_eq!(key.add(at(50)), Some(at(50)));
        assert_eq!(key.add(at(60)), None);
        assert_eq!(key.add(at(20)), Some(at(20)));
        assert!(key.take(at(20)) && !key.take(at(50)));
        assert_eq!(key.add(at(60)), Some(at(60)));
        assert!(key.take(at(60)));
    }

    #[test]
    fn batches_double() {
        let sizes = |count| {
            let mut sizes = Vec::new();
            let made = slow_start_batch(count, 1, |size| {
                sizes.push(size);
                size
            });
            assert_eq!(made, count);
            sizes
        };
        assert_eq!(sizes(10), [1, 2, 4, 3]);
        assert!(sizes(0).is_empty());
        assert_eq!(sizes(u32::MAX).len(), 32);
    }

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
