//! Connections that take time to come about: a SYN that nobody answers is sent again, until one is answered
//! or nobody waits for it any longer.

use super::event::RequestId;
use super::{NOBODY, Simulation, State};
use crate::engine::{Dur, Time};
use crate::timeline::Phase;
use crate::timeline::PodId;
use crate::traffic::fate::{nobody_listens, nobody_there, sent_again};
use crate::traffic::plan::Rules;
use crate::traffic::{Cause, Failure};

/// An attempt to connect to a pod.
#[derive(Clone, Copy, Debug)]
pub struct Attempt {
    /// Whose address it goes to.
    pub pod: PodId,
    /// The first SYN.
    pub sent: i64,
    /// How often it was sent again.
    pub again: u8,
    /// It is given up so long after the first SYN, and at the request's deadline.
    pub limit: Dur,
    /// Nanoseconds: nobody waits any longer.
    pub deadline: i64,
}

/// What a SYN meets.
#[derive(Clone, Copy, Debug)]
pub enum Met {
    /// This run of the pod's process accepts.
    Accepted(u16),
    /// That is known at `at`.
    Failed { at: i64, failure: Failure, cause: Cause },
    /// Nothing: it is sent again at `at`.
    Silence { at: i64 },
}

impl Met {
    /// Whether it is not known at once what becomes of the connection.
    fn takes_time(&self, now: i64) -> bool {
        match self {
            Met::Accepted(_) => false,
            Met::Failed { at, .. } | Met::Silence { at } => *at > now,
        }
    }
}

impl Simulation<'_> {
    /// A request's SYN reaches its pod, for the first time or again.
    #[cold]
    pub fn knock(&mut self, index: RequestId, again: u8) {
        let request = &self.requests[index];
        let limit = Rules::new(self.patience(index), self.l7(request.hop)).connect;
        let (pod, sent, deadline) = (request.pod, request.began, request.deadline);
        debug_assert!(deadline >= self.now, "nobody knocks whom nobody waits for");
        let attempt = Attempt { pod, sent, again, limit, deadline };
        let met = self.meets(&attempt);
        if self.guards.used && met.takes_time(self.now) {
            self.guard_waits(index);
        }
        match met {
            Met::Accepted(life) => {
                if self.guards.used {
                    self.guard_connected(index);
                }
                self.requests[index].life = life;
                self.admit(index);
            }
            Met::Failed { failure: Failure::Status(code), cause, .. } => {
                // Its proxy took the connection.
                if self.guards.used {
                    self.guard_connected(index);
                }
                self.end_loads(index);
                self.answered_with(index, code, cause);
            }
            Met::Failed { at, failure, cause } if at <= self.now => {
                self.connect_failed(index, failure, cause);
            }
            Met::Failed { at, failure, cause } => {
                self.wait_or_dial(index, attempt, at, State::Failing(failure, cause));
            }
            Met::Silence { at } => self.wait_or_dial(index, attempt, at, State::Syn(again + 1)),
        }
    }

    /// What an attempt meets at the pod's address now.
    pub fn meets(&self, attempt: &Attempt) -> Met {
        assert!(attempt.pod != NOBODY && attempt.sent <= self.now, "a SYN goes to a pod, in time");
        let pod = &self.present.pods[attempt.pod];
        let (now, sent) = (Time(self.now), Time(attempt.sent));
        let arp = now + self.present.arp_failure;
        let tunnel = self.present.tunnel.filter(|_| pod.captured);
        let limit = tunnel.map_or(attempt.limit, |tunnel| tunnel.min(attempt.limit));
        // The end of a tunnel is no answer to whoever is before it.
        let through = |failure| match tunnel {
            Some(tunnel) if tunnel <= attempt.limit || failure == Failure::NoRoute => Failure::Eof,
            _ => failure,
        };
        let again = sent_again(sent, attempt.again, limit);
        let drops = self.pods.states[attempt.pod].drops();
        let (at, failure, cause) = match (pod.phase, again) {
            (Phase::Serving, _) if !drops => return Met::Accepted(pod.life),
            (Phase::Serving, Some(at)) if at.0 < attempt.deadline => {
                return Met::Silence { at: at.0 };
            }
            (Phase::Serving, _) => (sent + limit, through(Failure::Timeout), Cause::Overload),
            (Phase::Refusing | Phase::ProxyAlone, _) => {
                let (failure, cause) = nobody_listens(&pod.lives, (pod.proxy, pod.captured), now);
                (now, failure, cause)
            }
            (Phase::Unreachable, _) if arp - sent < limit => {
                (arp, through(Failure::NoRoute), nobody_there(&pod.lives, sent))
            }
            (Phase::Silent, Some(at)) if at.0 < attempt.deadline => {
                return Met::Silence { at: at.0 };
            }
            (Phase::Silent | Phase::Unreachable, _) => {
                (sent + limit, through(Failure::Timeout), nobody_there(&pod.lives, sent))
            }
        };
        let failure = if at.0 > attempt.deadline { Failure::Timeout } else { failure };
        Met::Failed { at: at.0.min(attempt.deadline), failure, cause }
    }
}
