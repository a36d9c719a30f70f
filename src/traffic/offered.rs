//! The load that clients offer, and how they behave.

use crate::engine::{Dist, Dur, Time};

/// What clients send: when, how often, and how they behave.
#[derive(Clone, Debug, PartialEq)]
pub struct Traffic {
    /// The first request is sent no earlier.
    pub start: Time,
    /// No request is sent from then on.
    pub end: Time,
    /// How requests follow each other.
    pub arrivals: Arrivals,
    /// Requests per second from each instant on (sorted, the first at or before `start`).
    pub rate: Vec<(Time, f64)>,
    /// How clients wait, retry and keep connections.
    pub client: Client,
    /// Connections that other clients keep open meanwhile; None: there are none.
    pub long_lived: Option<LongLived>,
}

impl Traffic {
    /// Requests per second at an instant.
    pub fn rate_at(&self, at: Time) -> f64 {
        self.rate.iter().rev().find(|(from, _)| *from <= at).map_or(0.0, |&(_, rate)| rate)
    }
}

/// How requests follow each other.
#[derive(Clone, Debug, PartialEq)]
pub enum Arrivals {
    /// Open loop, evenly spaced, with a random phase.
    Even,
    /// Open loop, Poisson.
    Poisson,
    /// Open loop: these send times.
    Trace(Vec<Time>),
    /// Closed loop: so many users, each waiting `think` between answer and next request.
    Closed { users: u32, think: Dist },
}

/// How a client waits, retries and keeps connections.
#[derive(Clone, Debug, PartialEq)]
pub struct Client {
    /// Connections are kept and reused (most recently freed first), opened when none is free.
    pub keep_alive: bool,
    /// It closes connections that are idle for longer; None: it keeps them.
    pub idle_timeout: Option<Dur>,
    /// It keeps no more idle ones than this, and closes what is over.
    pub most_idle: u32,
    /// A request fails when no answer is complete within this.
    pub timeout: Dur,
    /// Extra tries of the client itself after a failure.
    pub retries: u32,
    /// Wait before a retry.
    pub retry_backoff: Dur,
    /// Go's transport: a GET on a reused connection that turns out closed before any byte of the answer
    /// is sent again once on a fresh connection.
    pub retry_reused: bool,
    /// Share of requests that must not be sent twice (POST, PATCH): neither a proxy nor the client's
    /// transport does so once they were sent.
    pub non_idempotent: f64,
    /// Answers later than this count as stalled.
    pub stall_threshold: Dur,
}

/// Connections that clients keep open, and open again when they end.
#[derive(Clone, Debug, PartialEq)]
pub struct LongLived {
    /// How many.
    pub count: u32,
    /// What a pod works on a new one: the TLS handshake, the upgrade, what it has to look up.
    pub handshake: Dur,
    /// How long a client waits before it connects again.
    pub back_off: BackOff,
    /// The requests of the load go over them, as over HTTP/2: many at once on each.
    pub carry_requests: bool,
    /// Who has lost one connects at once, and waits only after an attempt that failed.
    pub first_at_once: bool,
    /// A server sends clients away from a connection of this age, longer or shorter by up to a tenth.
    pub max_age: Option<Dur>,
    /// So long after it what still goes over the connection is cut off; None: it is answered.
    pub max_age_grace: Option<Dur>,
    /// Servers close them when they are told to stop; else they end with the process.
    pub closed_at_stop: bool,
    /// When a client finds out that nobody is there any more; None: not as long as it only listens.
    pub notices: Option<Dur>,
}

/// Waits that grow with each attempt that fails.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BackOff {
    /// Before the first attempt.
    pub first: Dur,
    /// Each further one is so many times as long,
    pub factor: f64,
    /// but never longer than this,
    pub most: Dur,
    /// and by up to this share of it longer or shorter.
    pub jitter: f64,
}

impl BackOff {
    /// The wait after so many attempts that failed; `u` is from 0 to 1.
    pub fn wait(&self, failed: u32, u: f64) -> Dur {
        debug_assert!((0.0..=1.0).contains(&u), "luck is a share");
        let grown = self.first.as_secs_f64() * libm::pow(self.factor, f64::from(failed));
        let wait = grown.min(self.most.as_secs_f64()) * (1.0 + self.jitter * (2.0 * u - 1.0));
        Dur::from_secs_f64(wait.max(0.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_up_to_the_longest_and_are_spread_around_it() {
        let most = Dur::from_secs(8);
        let plain = BackOff { first: Dur::from_secs(1), factor: 2.0, most, jitter: 0.0 };
        let waits = |b: BackOff, u: f64| [0, 1, 3, 4, 1000].map(|n| b.wait(n, u).as_secs_f64());
        assert_eq!(waits(plain, 0.9), [1.0, 2.0, 8.0, 8.0, 8.0]);
        let half = BackOff { jitter: 0.5, ..plain };
        assert_eq!(waits(half, 0.0), [0.5, 1.0, 4.0, 4.0, 4.0]);
        assert_eq!(waits(half, 1.0), [1.5, 3.0, 12.0, 12.0, 12.0]);
        let none = BackOff { first: Dur::ZERO, ..plain };
        assert_eq!(waits(none, 0.3), [0.0; 5]);
    }
}
