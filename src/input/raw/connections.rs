//! Connections that clients keep open, as a scenario says it.

use schemars::JsonSchema;
use serde::Deserialize;

/// Connections that clients keep open beside the requests of `traffic`: websockets.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ConnectionsCase {
    /// How many.
    pub count: Option<u32>,
    /// Client card: a name (`rollsim cards list`) or a path relative to this file. Default websocket.
    pub card: Option<String>,
    /// What a pod works on a new one: TLS, the upgrade, what it looks up for its client. Default: the card's.
    pub handshake_s: Option<f64>,
    /// Wait before the first attempt to connect again. Default: the card's.
    pub back_off_s: Option<f64>,
    /// Each further wait is so many times as long, 1 or more. Default: the card's; 2 with `back_off_s`.
    pub back_off_factor: Option<f64>,
    /// Longest wait. Default: the card's; 30 with `back_off_s`.
    pub back_off_max_s: Option<f64>,
    /// Share of each wait by which it is longer or shorter at random, 0 to 1. Default: the card's.
    pub jitter: Option<f64>,
    /// When a client finds out that nobody is there any more, by pings say. Default: the card's, else never.
    pub notices_s: Option<f64>,
    /// Servers close them when they are told to stop, rather than when they exit. Default false.
    pub closed_at_stop: Option<bool>,
}
