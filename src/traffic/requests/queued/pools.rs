//! Connections of hops to backends, kept for further requests.

use super::super::present::Present;
use super::event::RequestId;
use super::{NOBODY, NOWHERE, Simulation};
use crate::engine::{List, Time};
use crate::timeline::{PodId, ViewId};
use crate::traffic::{Cause, Failure};

/// A connection of a hop to a backend, waiting to be used again.
#[derive(Clone, Copy)]
pub struct Idle {
    /// Nanoseconds: the last use.
    pub since: i64,
    /// NOBODY: to a further proxy, that of `view`.
    pub pod: PodId,
    /// Where it leads to, if not to a pod.
    pub view: ViewId,
    /// The run of the pod's process.
    pub life: u16,
    /// The view that led to the proxy.
    pub through: ViewId,
}

/// Idle connections by backend and hop, the latest on top.
pub struct Pools {
    /// `backend * hops + hop`; empty if no hop keeps any.
    idle: Vec<Vec<Idle>>,
    hops: usize,
    used: bool,
    /// By hop: how many are in its pools, those that have gone stale included.
    counts: List<ViewId, usize>,
}

/// What a hop finds in its pool.
enum Found {
    Nothing,
    Idle(Idle),
    /// The backend is just closing it.
    Race(Idle),
}

/// What became of a request that could use a kept connection.
pub enum Reuse {
    /// There is none.
    No,
    /// It was sent on one.
    Sent,
    /// It is at a further proxy.
    Passed(Idle),
}

impl Pools {
    /// Without idle connections.
    pub fn new(present: &Present) -> Pools {
        let used = present.hops.iter().flatten().any(|l7| l7.pool.is_some());
        let hops = present.hops.len();
        let counts = vec![0; hops].into();
        let mut pools = Pools { idle: Vec::new(), hops, used, counts };
        pools.grow(present.pods.len());
        pools
    }

    /// There are more pods now.
    pub fn grow(&mut self, pods: usize) {
        let size = if self.used { (self.hops + pods) * self.hops } else { 0 };
        assert!(size >= self.idle.len(), "backends do not go");
        self.idle.resize_with(size, Vec::new);
    }

    fn take(&mut self, present: &Present, hop: ViewId, backend: usize, now: i64) -> Found {
        let pool = present.hops[hop].as_ref().and_then(|l7| l7.pool);
        let Some(pool) = pool else { return Found::Nothing };
        let stack = &mut self.idle[backend * self.hops + hop.index()];
        while let Some(idle) = stack.pop() {
            self.counts[hop] -= 1;
            if (Time(idle.since) + pool.idle_timeout).0 <= now {
                continue;
            }
            let closes = match idle.pod {
                NOBODY => present.front_closes_at(&idle),
                pod => present.closes_at(pod, idle.life, idle.since),
            };
            if now < closes.saturating_sub(pool.race_window.0) {
                return Found::Idle(idle);
            }
            if now < closes.saturating_add(pool.race_window.0) {
                return Found::Race(idle);
            }
        }
        Found::Nothing
    }

    /// How many connections a hop keeps that are idle; exact where they are more than `enough`.
    pub fn idle(&mut self, present: &Present, hop: ViewId, enough: usize, now: i64) -> usize {
        let pool = present.hops[hop].as_ref().and_then(|l7| l7.pool);
        let Some(pool) = pool.filter(|_| self.counts[hop] >= enough) else {
            return self.counts[hop];
        };
        let mut count = 0;
        for stack in self.idle.iter_mut().skip(hop.index()).step_by(self.hops) {
            stack.retain(|idle| {
                let closes = match idle.pod {
                    NOBODY => present.front_closes_at(idle),
                    pod => present.closes_at(pod, idle.life, idle.since),
                };
                (Time(idle.since) + pool.idle_timeout).0 > now && closes > now
            });
            count += stack.len();
        }
        debug_assert!(count <= self.counts[hop], "what is idle was counted");
        self.counts[hop] = count;
        count
    }
}

impl Simulation<'_> {
    /// Sends on a pooled connection if there is one.
    #[inline(always)]
    pub fn reuse(&mut self, index: RequestId, hop: ViewId, slot: u32) -> Reuse {
        if !self.pools.used {
            return Reuse::No;
        }
        let backend = self.loads.id(slot);
        let (idle, race) = match self.pools.take(&self.present, hop, backend, self.now) {
            Found::Nothing => return Reuse::No,
            Found::Idle(idle) => (idle, false),
            Found::Race(idle) => (idle, true),
        };
        let request = &mut self.requests[index];
        debug_assert!(idle.since <= self.now, "a connection was used before");
        (request.pod, request.view, request.life) = (idle.pod, idle.view, idle.life);
        request.reused = true;
        if idle.pod != NOBODY {
            self.note_try(index);
        }
        if race {
            self.answer_failed(index, Failure::Reset, Cause::IdleRace);
        } else if idle.pod == NOBODY {
            return Reuse::Passed(idle);
        } else {
            self.admit(index);
        }
        Reuse::Sent
    }

    /// A hop keeps its connection to the backend for another request.
    #[inline(always)]
    pub fn pool_connection(&mut self, index: RequestId) {
        let request = &self.requests[index];
        if !self.pools.used || self.l7(request.hop).is_none_or(|l| l.pool.is_none()) {
            return;
        }
        let pod = &self.present.pods[request.pod];
        if pod.lives[request.life as usize].stop_accept.0 > self.now {
            let (pod, view, life) = (request.pod, request.view, request.life);
            let idle = Idle { since: self.now, pod, view, life, through: NOWHERE };
            self.pool(request.slot, request.hop, idle);
        }
    }

    /// Keeps a connection for later.
    #[inline(always)]
    pub fn pool(&mut self, slot: u32, hop: ViewId, idle: Idle) {
        let backend = self.loads.id(slot);
        self.pools.idle[backend * self.pools.hops + hop.index()].push(idle);
        self.pools.counts[hop] += 1;
    }
}
