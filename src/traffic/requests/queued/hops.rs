//! Proxies in front of proxies. The innermost hop tries; each of those around it waits for the answer within
//! an attempt of its own, with its own patience, tries, kept connections and statuses.

use super::event::RequestId;
use super::pools::Idle;
use super::{Counted, NOBODY, NOWHERE, Simulation};
use crate::engine::{List, Time};
use crate::timeline::ViewId;
use crate::traffic::{Cause, Failure};
use smallvec::SmallVec;

/// The hops that wait, of each request, from the outermost inwards.
#[derive(Default)]
pub struct Stacks(List<RequestId, SmallVec<[Waiting; 1]>>);

/// A hop that has passed its request on, as it is until it hears of it.
#[derive(Clone, Copy)]
struct Waiting {
    hop: ViewId,
    slot: u32,
    tried: [u32; 4],
    tries: u32,
    reused: bool,
    began: i64,
    deadline: i64,
    loads: [Counted; 2],
    load_count: u32,
    held: u8,
    /// The view that led to the next hop.
    through: ViewId,
}

impl Stacks {
    /// Nobody waits any longer for what the hops of a request wait for.
    pub fn give_up(&mut self, index: RequestId, now: i64) {
        let waiting = self.0.get_mut(index).into_iter().flatten();
        waiting.for_each(|hop| hop.deadline = hop.deadline.min(now));
    }
}

impl Simulation<'_> {
    /// The innermost hop has sent the request to the proxy of `view`, through `through`.
    #[cold]
    pub fn passed_on(&mut self, index: RequestId, through: ViewId) {
        let all = &mut self.stacks.0;
        if all.len() < self.requests.len() {
            all.resize_with(self.requests.len(), SmallVec::new);
        }
        let deadline = self.gives_up(index);
        let request = &mut self.requests[index];
        self.stacks.0[index].push(Waiting {
            hop: request.hop,
            slot: request.slot,
            tried: request.tried,
            tries: request.tries,
            reused: request.reused,
            began: request.began,
            deadline: request.deadline,
            loads: request.loads,
            load_count: request.load_count,
            held: request.held,
            through,
        });
        request.outer += 1;
        let waiting = self.stacks.0[index].len();
        debug_assert!(usize::from(request.outer) == waiting, "the hops that wait are counted");
        (request.load_count, request.reused, request.held) = (0, false, 0);
        (request.began, request.deadline) = (self.now, deadline);
    }

    /// The hop around the innermost one goes on; returns the proxy that it waited for, and the view that led
    /// there.
    pub fn returned(&mut self, index: RequestId) -> (ViewId, ViewId) {
        let waiting = self.stacks.0[index].pop().expect("a hop waits");
        let request = &mut self.requests[index];
        let Waiting { hop, slot, tried, tries, reused, .. } = waiting;
        let inner = std::mem::replace(&mut request.hop, hop);
        (request.slot, request.tried, request.tries, request.reused) = (slot, tried, tries, reused);
        (request.began, request.deadline) = (waiting.began, waiting.deadline);
        (request.loads, request.load_count) = (waiting.loads, waiting.load_count);
        debug_assert!(request.held == 0, "the inner hop has let go");
        request.held = waiting.held;
        debug_assert!(request.outer > 0, "a hop waits for the one that answers");
        request.outer -= 1;
        (inner, waiting.through)
    }

    /// Whoever sent the request to the innermost hop hears how it failed there: the hop around it, or the
    /// client.
    #[inline(always)]
    pub fn hop_gives_up(&mut self, index: RequestId, failure: Failure, cause: Cause) {
        let failure = match self.guards.used {
            true => self.guard_gives_up(index, failure),
            false => failure,
        };
        match self.requests[index].outer {
            0 => self.client_failed(index, failure, cause),
            _ => self.outer_hears(index, failure, cause),
        }
    }

    #[cold]
    fn outer_hears(&mut self, index: RequestId, failure: Failure, cause: Cause) {
        let late = self.now >= self.requests[index].deadline;
        let (inner, through) = self.returned(index);
        debug_assert!(inner != NOWHERE, "a proxy has answered");
        let request = &mut self.requests[index];
        if late && self.now >= request.deadline {
            // It is not this hop that had no patience.
            self.end_loads(index);
            return self.hop_gives_up(index, Failure::Timeout, cause);
        }
        match failure {
            // An answer like any other: it is passed on.
            Failure::Status(code) if !late => {
                self.end_loads(index);
                self.pool_front(index, inner, through);
                self.answered_with(index, code, cause);
            }
            _ => {
                request.view = request.hop;
                let failure = if late { Failure::Timeout } else { failure };
                self.answer_failed(index, failure, cause);
            }
        }
    }

    /// The answer goes back through the hops that wait for it.
    #[cold]
    pub fn answer_passes(&mut self, index: RequestId) {
        while self.requests[index].outer > 0 {
            let (inner, through) = self.returned(index);
            self.end_loads(index);
            self.pool_front(index, inner, through);
            if self.guards.used {
                self.guard_hears(index, 200);
                self.guard_answers(index);
            }
        }
    }

    /// A hop keeps its connection to a further proxy.
    fn pool_front(&mut self, index: RequestId, proxy: ViewId, through: ViewId) {
        let request = &self.requests[index];
        if self.l7(request.hop).is_some_and(|l7| l7.pool.is_some()) {
            let idle = Idle { since: self.now, pod: NOBODY, view: proxy, life: 0, through };
            self.pool(request.slot, request.hop, idle);
        }
    }
}

impl super::super::present::Present {
    /// When a proxy closes a connection that is idle since `since`: once what it came through leads there no
    /// more, it was closed long ago.
    pub fn front_closes_at(&self, idle: &Idle) -> i64 {
        let leads = self.views[idle.through].lists_view(idle.view);
        let timeout = self.l7(idle.view).and_then(|l7| l7.front_idle_timeout);
        match timeout {
            _ if !leads => i64::MIN,
            Some(timeout) => (Time(idle.since) + timeout).0,
            None => i64::MAX,
        }
    }
}
