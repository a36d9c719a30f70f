//! Requests that go over connections that are kept, many at once on each: HTTP/2, gRPC. While a client
//! connects they wait for it; after an attempt that failed they fail with it, until one comes about.

use super::client::Connection;
use super::event::{RequestId, SessionId};
use super::faults::drawn;
use super::guards::Waiter;
use super::sessions::Overstayed;
use super::{NONE, Request, Simulation, State};
use crate::traffic::{Cause, Failure};

/// The client that sends a request, by the luck of its try.
fn channel(bits: u64, clients: usize) -> SessionId {
    let client = (drawn(bits, 6) * clients as f64) as u32;
    SessionId(client.min(clients as u32 - 1))
}

impl Simulation<'_> {
    /// A request of one of the clients goes over its connection.
    #[cold]
    pub fn send_on_channel(&mut self, index: RequestId) {
        let request = &self.requests[index];
        let id = channel(request.bits, self.sessions.all.len());
        debug_assert!(!request.opens, "what opens a connection goes over none");
        if self.send_on_open(index, id) {
            return;
        }
        match self.sessions.all[id].refused {
            Some((failure, cause)) => self.hop_gives_up(index, failure, cause),
            None => self.waits_for_channel(index, id),
        }
    }

    /// What was sent over a client's connection to a pod until it came of age, and is not answered yet.
    pub fn cut_overstayed(&mut self, id: SessionId, old: Overstayed) {
        let Overstayed { pod, life, aged } = old;
        let timeout = self.traffic.client.timeout.0;
        let clients = self.sessions.all.len();
        debug_assert!(self.sessions.carry, "requests go over channels");
        let over = |r: &Request| {
            let sent = r.deadline.saturating_sub(timeout);
            let same = r.pod == pod && r.life == life && !r.opens && sent <= aged;
            same && channel(r.bits, clients) == id
        };
        self.break_connections(over, Cause::CutByAge);
    }

    fn send_on_open(&mut self, index: RequestId, id: SessionId) -> bool {
        let open = self.sessions.all[id].request.map(|kept| &self.requests[kept]);
        let Some(kept) = open.filter(|kept| kept.state == State::Open) else { return false };
        let (pod, view, life) = (kept.pod, kept.view, kept.life);
        debug_assert!(self.requests[index].outer == 0, "a client sends it");
        self.send_on(index, Connection { pod, view, life, since: self.now });
        true
    }

    fn waits_for_channel(&mut self, index: RequestId, id: SessionId) {
        let deadline = self.requests[index].deadline.max(self.now);
        let cause = match self.sessions.all[id].silent {
            true => Cause::NodeLost,
            false => Cause::Overload,
        };
        self.wait_until(index, deadline, State::Over(Failure::Timeout, cause));
        let request = &self.requests[index];
        let (generation, stamp) = (request.generation, request.stamp);
        debug_assert!(deadline >= self.now, "who waits has patience");
        self.sessions.all[id].waiting.push(Waiter { index, generation, stamp });
    }

    fn still_waits(&self, waiter: &Waiter) -> bool {
        let request = &self.requests[waiter.index];
        let same = (request.generation, request.stamp) == (waiter.generation, waiter.stamp);
        same && matches!(request.state, State::Over(..))
    }

    /// The connection is there: what waited for it goes over it.
    pub fn channel_opens(&mut self, id: SessionId) {
        for waiter in std::mem::take(&mut self.sessions.all[id].waiting) {
            if self.still_waits(&waiter) {
                let sent = self.send_on_open(waiter.index, id);
                debug_assert!(sent, "it has just been opened");
            }
        }
    }

    /// The attempt has failed, and with it what waited for it.
    pub fn channel_fails(&mut self, waiting: Vec<Waiter>, failure: Failure, cause: Cause) {
        for waiter in waiting {
            if self.still_waits(&waiter) {
                debug_assert!(!self.requests[waiter.index].opens, "it goes over a connection");
                self.requests[waiter.index].stamp = NONE;
                self.hop_gives_up(waiter.index, failure, cause);
            }
        }
    }
}
