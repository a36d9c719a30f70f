//! Connections that clients keep open, as a scenario says it.

use schemars::JsonSchema;
use serde::Deserialize;

/// Connections that clients keep open beside the requests of `traffic`: websockets.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ConnectionsCase {
    /// What goes over them. Default websocket.
    pub protocol: Option<ProtocolCase>,
    /// How many.
    pub count: Option<u32>,
    /// Client card: a name (`rollsim cards list`) or a path relative to this file. Default: websocket,
    /// grpc-go.
    pub card: Option<String>,
    /// What a pod works on a new one: TLS, the upgrade, what it looks up for its client. Default: the
    /// card's.
    pub handshake_s: Option<f64>,
    /// Wait before the first attempt to connect again. Default: the card's.
    pub back_off_s: Option<f64>,
    /// Each further wait is so many times as long, 1 or more. Default: the card's; 2 with `back_off_s`.
    pub back_off_factor: Option<f64>,
    /// Longest wait. Default: the card's; 30 with `back_off_s`.
    pub back_off_max_s: Option<f64>,
    /// Share of each wait by which it is longer or shorter at random, 0 to 1. Default: the card's.
    pub jitter: Option<f64>,
    /// When a client finds out that nobody is there any more, by pings say. Default: the card's, else
    /// never.
    pub notices_s: Option<f64>,
    /// A server sends its clients away from a connection of this age, longer or shorter by up to a tenth:
    /// gRPC's MaxConnectionAge. Default: never.
    pub max_age_s: Option<f64>,
    /// What goes over a connection of that age has so long to be answered, and is cut off then: gRPC's
    /// MaxConnectionAgeGrace. Default: any time.
    pub max_age_grace_s: Option<f64>,
    /// Servers close them when they are told to stop, rather than when they exit. Default: with grpc (its
    /// graceful stop).
    pub closed_at_stop: Option<bool>,
}

/// What goes over a connection that is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ProtocolCase {
    /// Nothing that counts: requests of `traffic` go their own way.
    Websocket,
    /// The requests of `traffic`, many at once: HTTP/2, gRPC with the policy pick_first.
    Grpc,
}

impl ConnectionsCase {
    /// The client card that is meant.
    pub fn card(&self) -> &str {
        let default = match self.protocol {
            Some(ProtocolCase::Grpc) => "grpc-go",
            Some(ProtocolCase::Websocket) | None => "websocket",
        };
        self.card.as_deref().unwrap_or(default)
    }
}
