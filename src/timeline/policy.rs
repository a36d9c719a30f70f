//! What a proxy such as Envoy does to requests besides choosing a backend and trying again: it backs off,
//! limits what is under way, ejects backends that fail, and limits the rate.

use crate::engine::Dur;

/// Statuses after which a request is tried again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statuses {
    /// All of 500 to 599.
    pub all_5xx: bool,
    /// Single ones; 0: none.
    pub codes: [u16; 8],
}

impl Statuses {
    /// These, of which the first eight count.
    pub fn of(codes: &[u16]) -> Statuses {
        let mut statuses = Statuses::default();
        for &code in codes {
            statuses.add(code);
        }
        statuses
    }

    /// This one too; false: there is no room for it.
    pub fn add(&mut self, code: u16) -> bool {
        if self.has(code) {
            return true;
        }
        let free = self.codes.iter_mut().find(|c| **c == 0);
        free.map(|place| *place = code).is_some()
    }

    /// Whether this status is one of them.
    pub fn has(&self, code: u16) -> bool {
        code != 0 && self.codes.contains(&code) || self.all_5xx && (500..600).contains(&code)
    }
}

/// How a proxy limits and spreads what it does.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// Before the n-th further try: up to (2^n - 1) times the first, but no more than the second, at random.
    pub back_off: (Dur, Dur),
    /// A further try draws anew, at most `selections` times, as long as it draws a backend tried before.
    pub previous_hosts: bool,
    /// `host_selection_retry_max_attempts`.
    pub selections: u32,
    /// Longest wait for the answer, over all tries; None: unlimited.
    pub route_timeout: Option<Dur>,
    /// What may be under way.
    pub breakers: Breakers,
    /// Per cent of the backends: with fewer that may be used, all are.
    pub panic_percent: f64,
    /// Backends that fail are left out for a while.
    pub outlier: Option<Outlier>,
    /// Requests that may come.
    pub rate_limit: Option<RateLimit>,
    /// What passing it adds to an answer.
    pub latency: Dur,
    /// What a new connection to a backend takes besides: mutual TLS.
    pub handshake: Dur,
}

impl Policy {
    /// What it adds to a request, over a connection that was there or a new one.
    pub fn adds(&self, reused: bool) -> Dur {
        self.latency + if reused { Dur::ZERO } else { self.handshake }
    }
}

/// Circuit breakers of one proxy and cluster. `u32::MAX`: unlimited.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Breakers {
    /// Connections, those that are idle included; each backend may have one.
    pub connections: u32,
    /// Requests that wait for a connection.
    pub pending: u32,
    /// Requests under way.
    pub requests: u32,
    /// Further tries under way.
    pub retries: Retries,
}

impl Breakers {
    /// Unlimited connections are not counted.
    pub fn limits_connections(&self) -> bool {
        self.connections < u32::MAX
    }
}

/// How many further tries may be under way at once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Retries {
    /// So many.
    Most(u32),
    /// Per cent of the requests under way and waiting, but not less than `least`.
    Budget { percent: f64, least: u32 },
}

impl Retries {
    /// How many may be under way with so many requests.
    pub fn limit(self, requests: u32) -> u32 {
        match self {
            Retries::Most(most) => most,
            Retries::Budget { percent, least } => {
                ((f64::from(requests) * percent / 100.0) as u32).max(least)
            }
        }
    }
}

/// When a backend is ejected, and for how long.
#[derive(Clone, Debug, PartialEq)]
pub struct Outlier {
    /// Between two looks, at which backends return and success rates are compared.
    pub interval: Dur,
    /// The first ejection lasts so long, the n-th n times that.
    pub base: Dur,
    /// No ejection lasts longer than this (or than `base`).
    pub longest: Dur,
    /// Per cent of the backends that may be ejected at once.
    pub max_ejection_percent: f64,
    /// One may be ejected whatever the percentage.
    pub always_one: bool,
    /// As Linkerd has it: who returns is ejected by its first failure, each time for twice as long, until it
    /// succeeds.
    pub probation: bool,
    /// Failures in a row.
    pub consecutive_5xx: Trigger,
    /// Failures in a row that a gateway would answer: 502, 503, 504.
    pub consecutive_gateway: Trigger,
    /// Success rates that are far below those of others.
    pub success_rate: Rate,
    /// Of the mean is taken so many thousandths of the standard deviation.
    pub stdev_factor: f64,
    /// Failures in per cent.
    pub failure_percentage: Rate,
    /// From which share of failures on, in per cent.
    pub failure_threshold: f64,
}

/// A number of failures in a row that ejects.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trigger {
    /// So many; 0: never.
    pub failures: u32,
    /// How often that ejects, in per cent.
    pub enforcing: f64,
}

/// When backends are compared by what they answered in an interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// How often that ejects, in per cent.
    pub enforcing: f64,
    /// So many backends with enough requests there must be.
    pub hosts: u32,
    /// Enough requests.
    pub requests: u32,
}

/// A token bucket: a request without a token is answered 429.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// When it is full.
    pub most: u32,
    /// Added at each fill.
    pub fill: u32,
    /// Between two fills.
    pub interval: Dur,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_those_named() {
        let some = Statuses::of(&[503, 429, 503]);
        assert!(some.has(503) && some.has(429) && !some.has(500) && !some.has(0));
        let all = Statuses { all_5xx: true, ..Statuses::default() };
        assert!(all.has(500) && all.has(599) && !all.has(499) && !all.has(600));
        let mut full = Statuses::of(&[1, 2, 3, 4, 5, 6, 7, 8]);
        assert!(!full.add(9) && full.add(8));
    }

    #[test]
    fn a_budget_grows_with_the_requests_and_never_below_its_least() {
        let budget = Retries::Budget { percent: 20.0, least: 3 };
        assert_eq!([0, 15, 20, 100].map(|n| budget.limit(n)), [3, 3, 4, 20]);
        assert_eq!(Retries::Most(3).limit(100), 3);
    }
}
