//! What a proxy's policy does to requests: it limits what is under way and how much may come, ejects backends
//! that fail, and has requests wait for a connection. A hop without a policy is not asked.

use super::event::RequestId;
use super::{NONE, NOWHERE, Request, Simulation};
use crate::engine::rng::mix;
use crate::engine::{Dur, List, Seed, Time};
use crate::timeline::{L7, Policy, RateLimit, ViewId};
use crate::traffic::outlier::Detector;
use crate::traffic::{Cause, Failure, Flags};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// What a request holds of its hop's limits; a sum of these.
pub mod held {
    /// It is under way.
    pub const REQUEST: u8 = 1;
    /// It has a connection, or is opening one.
    pub const CONNECTION: u8 = 2;
    /// It waits for a connection.
    pub const PENDING: u8 = 4;
    /// It is a further try.
    pub const RETRY: u8 = 8;
    /// Its backend's load does not count it, until it is connected.
    pub const UNCOUNTED: u8 = 16;
}

/// What is under way at the hops that have a policy.
#[derive(Default)]
pub struct Guards {
    /// None: the hop has no policy.
    pub hops: List<ViewId, Option<Box<Guard>>>,
    /// Some hop has one.
    pub used: bool,
    /// Of each request: when its client gives up, where its hop does so earlier.
    pub patience: List<RequestId, i64>,
    /// Of each request: what its hop would write of it.
    pub flags: List<RequestId, Flags>,
}

/// What is under way at one hop.
pub struct Guard {
    /// What it goes by.
    pub policy: Arc<Policy>,
    /// What it knows of its backends' failures.
    pub detector: Option<Detector>,
    tokens: Tokens,
    /// Requests under way.
    pub requests: u32,
    /// Connections that carry a request, or are being opened for one.
    pub connections: u32,
    /// Requests that wait for a connection.
    pub pending: u32,
    /// Further tries under way.
    pub retries: u32,
    /// By slot: connections that carry a request, where they are limited.
    pub busy: BTreeMap<u32, u32>,
    /// By slot: requests that wait for a connection, the first first.
    pub waiting: BTreeMap<u32, VecDeque<Waiter>>,
}

/// A use of a request's place, and the event it waits for.
#[derive(Clone, Copy)]
pub struct Waiter {
    /// Whose.
    pub index: RequestId,
    /// Of the place's use.
    pub generation: u32,
    /// Of the event.
    pub stamp: u32,
}

/// A token bucket, filled at its own instants.
#[derive(Clone, Copy, Default)]
struct Tokens {
    left: u32,
    /// When it was last filled.
    filled: i64,
}

impl Tokens {
    fn take(&mut self, limit: RateLimit, now: i64) -> bool {
        let interval = limit.interval.0.max(1);
        let fills = (now - self.filled).max(0) / interval;
        self.filled += fills * interval;
        let more = u64::from(limit.fill).saturating_mul(fills as u64);
        self.left = (u64::from(self.left) + more).min(u64::from(limit.most)) as u32;
        let some = self.left > 0;
        self.left -= u32::from(some);
        debug_assert!(self.left <= limit.most, "a bucket holds no more than it can");
        some
    }
}

impl Guards {
    /// Nothing is under way.
    pub fn new(hops: &List<ViewId, Option<L7>>, start: i64, seed: Seed) -> Guards {
        let guard = |id: ViewId| {
            let policy = hops[id].as_ref()?.policy.clone()?;
            let name = u64::from(id.0);
            let luck = mix(seed.stream("outlier", name).next_u64());
            let limit = policy.rate_limit.map_or(Dur::ZERO, |l| l.interval);
            let phase = (seed.uniform("rate limit", name) * limit.0 as f64) as i64;
            Some(Box::new(Guard {
                detector: policy.outlier.as_ref().map(|outlier| Detector::new(outlier, luck)),
                tokens: Tokens {
                    left: policy.rate_limit.map_or(0, |l| l.most),
                    filled: start - phase,
                },
                policy,
                requests: 0,
                connections: 0,
                pending: 0,
                retries: 0,
                busy: BTreeMap::new(),
                waiting: BTreeMap::new(),
            }))
        };
        let hops: List<ViewId, _> = hops.ids().map(guard).collect();
        let used = hops.iter().any(Option::is_some);
        Guards { hops, used, patience: List::new(), flags: List::new() }
    }

    /// What is under way at a hop; None: it has no policy.
    pub fn of(&mut self, hop: ViewId) -> Option<&mut Guard> {
        self.hops.get_mut(hop)?.as_deref_mut()
    }

    /// Adds to what the hop would write of the request.
    pub fn note(&mut self, index: RequestId, flag: Flags) {
        if self.used {
            let place = self.flags.entry(index);
            *place = place.with(flag);
            debug_assert!(place.has(flag), "what is noted is there");
        }
    }

    /// Looks of outlier detection, and when the first is due.
    pub fn looks(&self, start: i64, seed: Seed) -> Vec<(i64, ViewId)> {
        let look = |id: ViewId| {
            let interval = self.hops[id].as_ref()?.detector.as_ref()?.interval();
            let phase = seed.uniform("outlier look", u64::from(id.0)) * interval.0 as f64;
            Some((start + phase as i64, id))
        };
        self.hops.ids().filter_map(look).collect()
    }
}

impl Simulation<'_> {
    /// A request comes to a hop; false: it is turned away.
    #[cold]
    pub fn guard_admits(&mut self, index: RequestId, hop: ViewId) -> bool {
        let now = self.now;
        let Some(guard) = self.guards.of(hop) else { return true };
        let limit = guard.policy.rate_limit;
        let route = guard.policy.route_timeout;
        if limit.is_some_and(|limit| !guard.tokens.take(limit, now)) {
            self.guards.note(index, Flags::RL);
            self.at_the_hop(index);
            self.hop_gives_up(index, Failure::Status(429), Cause::RateLimit);
            return false;
        }
        let request = &mut self.requests[index];
        *self.guards.patience.entry(index) = request.deadline;
        if let Some(route) = route {
            request.deadline = request.deadline.min((Time(now) + route).0);
        }
        debug_assert!(request.deadline >= now, "who comes has patience");
        true
    }

    /// A request is about to go to a backend; false: too many are under way.
    #[cold]
    pub fn guard_sends(&mut self, index: RequestId, hop: ViewId) -> bool {
        let Some(guard) = self.guards.of(hop) else { return true };
        if guard.requests >= guard.policy.breakers.requests {
            self.overflows(index);
            return false;
        }
        let request = &mut self.requests[index];
        debug_assert!(request.held & !held::RETRY == 0, "a try begins with nothing in hand");
        guard.requests += 1;
        guard.connections += 1;
        if guard.policy.breakers.limits_connections() {
            *guard.busy.entry(request.slot).or_insert(0) += 1;
        }
        request.held |= held::REQUEST | held::CONNECTION;
        true
    }

    /// A circuit breaker is open: 503, and no further try.
    pub fn overflows(&mut self, index: RequestId) {
        self.end_loads(index);
        self.guards.note(index, Flags::UO);
        self.at_the_hop(index);
        self.hop_gives_up(index, Failure::Status(503), Cause::CircuitBreaker);
    }

    /// A try is over: what it held is free.
    #[cold]
    pub fn guard_lets_go(&mut self, index: RequestId) {
        let request = &mut self.requests[index];
        let (hop, slot, had) = (request.hop, request.slot, request.held);
        let Some(guard) = self.guards.of(hop) else { return };
        if had & held::UNCOUNTED != 0 {
            // The loads were given back.
            request.load_count = 0;
        }
        if had & held::PENDING != 0 {
            guard.pending -= 1;
        }
        if had & held::REQUEST != 0 {
            guard.requests -= 1;
        }
        self.drops_connection(index, hop);
        self.requests[index].held &= held::RETRY;
        debug_assert!(slot != NONE, "a try has a backend");
        self.next_goes_on(hop, slot);
    }

    /// Whether a further try may be under way now; then it is.
    #[cold]
    pub fn guard_retries(&mut self, index: RequestId) -> bool {
        let request = &mut self.requests[index];
        let Some(guard) = self.guards.of(request.hop) else { return true };
        if request.held & held::RETRY != 0 {
            request.held &= !held::RETRY;
            guard.retries -= 1;
        }
        let limit = guard.policy.breakers.retries.limit(guard.requests + guard.pending);
        if guard.retries >= limit {
            self.guards.note(index, Flags::UO);
            return false;
        }
        request.held |= held::RETRY;
        guard.retries += 1;
        debug_assert!(guard.retries <= limit, "no more are under way than may be");
        *self.guards.flags.entry(index) = Flags::default();
        true
    }

    /// How long the hop waits before its next try.
    #[cold]
    pub fn backs_off(&self, policy: &Policy, request: &Request) -> i64 {
        let (base, most) = policy.back_off;
        let retry = request.tries.saturating_sub(1).clamp(1, 31);
        let range = base.0.saturating_mul((1i64 << retry) - 1).min(most.0);
        let u = (mix(request.bits ^ 0x4241_434b) >> 11) as f64 / (1u64 << 53) as f64;
        debug_assert!(range >= 0, "a wait is no less than nothing");
        (range as f64 * u) as i64
    }

    /// The innermost hop that has a policy: nobody, where it has none.
    #[inline(always)]
    pub fn policy(&self, hop: ViewId) -> Option<&Arc<Policy>> {
        if hop == NOWHERE { None } else { self.l7(hop)?.policy.as_ref() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_filled_at_its_instants_and_never_above_its_brim() {
        let limit = RateLimit { most: 2, fill: 1, interval: Dur(10) };
        let mut tokens = Tokens { left: 2, filled: 0 };
        let took: Vec<bool> =
            [0, 1, 2, 9, 10, 11, 45, 46, 47].map(|at| tokens.take(limit, at)).into();
        assert_eq!(took, [true, true, false, false, true, false, true, true, false]);
    }
}
