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
