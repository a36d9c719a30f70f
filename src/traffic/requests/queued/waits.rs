//! Connections of hops that have a policy: who may open one, who waits for one, and whose backend's load
//! counts a request that is not connected yet.

use super::super::view::VIEW;
use super::event::RequestId;
use super::guards::{Waiter, held};
use super::pools::Reuse;
use super::{NOBODY, NOWHERE, Simulation, State};
use crate::timeline::{Pick, PodId, ViewId};
use crate::traffic::{Cause, Failure};

impl Simulation<'_> {
    /// No idle connection leads to the backend: whether the request may open one. Else it waits, or is turned
    /// away.
    #[cold]
    pub fn guard_connects(&mut self, index: RequestId, hop: ViewId) -> bool {
        let slot = self.requests[index].slot;
        let Some(guard) = self.guards.of(hop) else { return true };
        let breakers = guard.policy.breakers;
        let (pending, connections) = (guard.pending, guard.connections);
        let alone = guard.busy.get(&slot).is_none_or(|n| *n <= 1);
        if pending >= breakers.pending {
            self.overflows(index);
            return false;
        }
        if !breakers.limits_connections() || alone {
            return true;
        }
        let most = breakers.connections as usize;
        let idle = self.pools.idle(&self.present, hop, most, self.now);
        if connections as usize + idle <= most {
            return true;
        }
        self.waits_for_connection(index, hop, slot);
        false
    }

    /// What becomes of the request is the hop's own affair, and no pod's.
    pub fn at_the_hop(&mut self, index: RequestId) {
        let request = &mut self.requests[index];
        (request.pod, request.view) = (NOBODY, request.hop);
    }

    fn waits_for_connection(&mut self, index: RequestId, hop: ViewId, slot: u32) {
        self.drops_connection(index, hop);
        self.uncounts(index);
        self.at_the_hop(index);
        let at = self.requests[index].deadline.max(self.now);
        self.wait_until(index, at, State::Over(Failure::Timeout, Cause::CircuitBreaker));
        let request = &mut self.requests[index];
        request.held |= held::PENDING;
        let (generation, stamp) = (request.generation, request.stamp);
        let guard = self.guards.of(hop).expect("it has a policy");
        guard.pending += 1;
        debug_assert!(guard.pending <= guard.policy.breakers.pending, "no more wait than may");
        guard.waiting.entry(slot).or_default().push_back(Waiter { index, generation, stamp });
    }

    /// Its connection is free.
    pub fn drops_connection(&mut self, index: RequestId, hop: ViewId) {
        let request = &mut self.requests[index];
        let guard = self.guards.of(hop).expect("it has a policy");
        if request.held & held::CONNECTION == 0 {
            return;
        }
        request.held &= !held::CONNECTION;
        debug_assert!(guard.connections > 0, "what is given back was counted");
        guard.connections -= 1;
        if guard.policy.breakers.limits_connections() {
            let busy = guard.busy.get_mut(&request.slot).expect("it was counted");
            *busy -= 1;
        }
    }

    /// A connection to a backend may be free: the first that waits for one goes on.
    pub fn next_goes_on(&mut self, hop: ViewId, slot: u32) {
        loop {
            let guard = self.guards.of(hop).expect("it has a policy");
            let Some(queue) = guard.waiting.get_mut(&slot) else { return };
            let Some(Waiter { index, generation, stamp }) = queue.pop_front() else { return };
            let request = &self.requests[index];
            let waits = request.held & held::PENDING != 0;
            if waits && (request.generation, request.stamp) == (generation, stamp) {
                return self.wait_until(index, self.now, State::Connects);
            }
        }
    }

    /// A request that waited for a connection takes one.
    pub fn connects_now(&mut self, index: RequestId) {
        let request = &mut self.requests[index];
        let (hop, slot) = (request.hop, request.slot);
        request.began = self.now;
        let guard = self.guards.of(hop).expect("it waited for its hop");
        debug_assert!(request.held & held::PENDING != 0, "it waited for a connection");
        request.held &= !held::PENDING;
        guard.pending -= 1;
        request.held |= held::CONNECTION;
        guard.connections += 1;
        *guard.busy.entry(slot).or_insert(0) += 1;
        self.counts_again(index);
        match self.reuse(index, hop, slot) {
            Reuse::Sent => {}
            Reuse::Passed(idle) => {
                let u = (self.requests[index].bits >> 32) as u32;
                self.forward(index, idle.through, idle.view, u);
            }
            Reuse::No if !self.guard_connects(index, hop) => {}
            Reuse::No if slot & VIEW == 0 => self.connect(index, hop, PodId(slot)),
            Reuse::No => {
                let u = (self.requests[index].bits >> 32) as u32;
                self.forward(index, hop, ViewId(slot & !VIEW), u);
            }
        }
    }

    /// A connection does not come about at once: until it does, the backend's load does not count the
    /// request.
    pub fn guard_waits(&mut self, index: RequestId) {
        let request = &mut self.requests[index];
        let Some(guard) = self.guards.of(request.hop) else { return };
        if request.held & (held::PENDING | held::CONNECTION) == held::CONNECTION {
            request.held |= held::PENDING;
            guard.pending += 1;
        }
        debug_assert!(guard.pending > 0, "who waits is counted");
        self.uncounts(index);
    }

    /// Envoy counts a request for its backend once it is connected.
    pub fn uncounts(&mut self, index: RequestId) {
        let request = &mut self.requests[index];
        let by_load = self.present.views[request.hop].pick == Pick::LeastRequest;
        debug_assert!(request.hop != NOWHERE, "it waits at a hop");
        if by_load && request.held & held::UNCOUNTED == 0 {
            request.held |= held::UNCOUNTED;
            for counted in request.counted() {
                self.loads.views[counted.view].end(counted.backend as usize);
            }
        }
    }

    /// It is connected: its backend's load counts it.
    pub fn counts_again(&mut self, index: RequestId) {
        let request = &mut self.requests[index];
        if request.held & held::UNCOUNTED != 0 {
            request.held &= !held::UNCOUNTED;
            debug_assert!(request.load_count > 0, "it was counted before");
            for counted in request.counted() {
                self.loads.views[counted.view].begin(counted.backend as usize);
            }
        }
    }

    /// The connection has come about after all.
    pub fn guard_connected(&mut self, index: RequestId) {
        self.counts_again(index);
        let request = &mut self.requests[index];
        if request.held & held::PENDING != 0 {
            request.held &= !held::PENDING;
            let guard = self.guards.of(request.hop).expect("it held something of it");
            debug_assert!(guard.pending > 0, "what is given back was counted");
            guard.pending -= 1;
        }
    }
}
