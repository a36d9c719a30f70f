//! What can be measured of pods while they serve. The world fills it in; models read it, each with its own
//! latency.

/// Of one pod, over some time until now.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PodSignals {
    /// Requests a second that it was sent.
    pub rate: f64,
    /// Workers busy in the mean: seconds of service that it finished, a second.
    pub cpu: f64,
    /// Requests in service now, and waiting for a slot.
    pub in_service: f64,
    /// Requests that wait for a slot now.
    pub waiting: f64,
    /// Requests a second that it was sent and that failed.
    pub errors: f64,
}
