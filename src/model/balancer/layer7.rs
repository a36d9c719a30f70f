//! What HTTP proxies do at layer 7, in one description: each kind says by which numbers of its card and which
//! annotations, and where it differs.

use super::settings::{Given, Own};
use crate::engine::Dur;
use crate::timeline::{L7, L7Status, Pool, RetryOn};

/// A number of the card, or what the manifests say in its place.
pub struct Entry {
    /// The card's key.
    pub key: &'static str,
    /// None: the card's number counts.
    pub own: Option<Own>,
}

impl Entry {
    /// No annotation says it.
    pub fn card(key: &'static str) -> Entry {
        Entry { key, own: None }
    }

    fn read(self, given: &mut dyn Given) -> Dur {
        given.seconds(self.key, self.own)
    }
}

/// Where a further try goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    /// Wherever the next pick leads.
    Anywhere,
    /// Not where it was, as long as others are left.
    Elsewhere,
    /// Not where it was the last time, if there is another.
    Onwards,
    /// To the same backend.
    Same,
}

/// A proxy that reads HTTP, by the settings that one kind of it has and another has not.
pub struct Layer7 {
    /// For people, and to tell hops apart.
    pub proxy: &'static str,
    /// So long for a connection to a backend.
    pub connect_timeout: Entry,
    /// So long for the answer from then on.
    pub response_timeout: Entry,
    /// Tries in total, and which failures move on to another one.
    pub tries: u32,
    /// Which failures move on to another one.
    pub retry_on: RetryOn,
    /// Where a further try goes.
    pub again: Again,
    /// Longest wait before a further try on the same backend.
    pub retry_delay: Dur,
    /// What is answered for which failure.
    pub status: L7Status,
    /// Connections to backends are kept so long; None: each request has one of its own.
    pub idle_timeout: Option<Entry>,
    /// A kept connection that turns out closed is passed on to the client.
    pub closes_client: bool,
    /// Where another proxy is in front of it: how long that one's idle connections are kept.
    pub front_idle_timeout: Option<Entry>,
}

/// "Bad Gateway" for what a backend does, "Gateway Timeout" for what it does not do in time: what an ALB and
/// nginx answer.
pub const GATEWAY: L7Status = L7Status {
    refused: 502,
    connect_timeout: 504,
    unreachable: 502,
    reset: 502,
    response_timeout: 504,
};

impl Layer7 {
    /// One try; answers as a gateway does.
    pub fn once(proxy: &'static str, connect_timeout: Entry, response_timeout: Entry) -> Layer7 {
        Layer7 {
            proxy,
            connect_timeout,
            response_timeout,
            tries: 1,
            retry_on: RetryOn::default(),
            again: Again::Anywhere,
            retry_delay: Dur::ZERO,
            status: GATEWAY,
            idle_timeout: None,
            closes_client: false,
            front_idle_timeout: None,
        }
    }

    /// As the card and the annotations set it.
    pub fn read(self, given: &mut dyn Given) -> L7 {
        let connect_timeout = self.connect_timeout.read(given);
        let response_timeout = Some(self.response_timeout.read(given));
        let pool = self.idle_timeout.map(|idle| Pool {
            idle_timeout: idle.read(given),
            race_window: given.seconds("race_window", None),
            closes_client: self.closes_client,
        });
        let front = self.front_idle_timeout.filter(|_| given.fronted());
        let front_idle_timeout = front.map(|front| front.read(given));
        L7 {
            proxy: self.proxy,
            connect_timeout,
            response_timeout,
            tries: self.tries,
            retry_on: self.retry_on,
            retry_delay: self.retry_delay.min(connect_timeout),
            retry_same: self.again == Again::Same,
            exclude_tried: self.again == Again::Elsewhere,
            exclude_last: self.again == Again::Onwards,
            status: self.status,
            pool,
            front_idle_timeout,
            policy: None,
        }
    }
}
