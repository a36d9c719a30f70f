//! A log of one rollout in the formats of the tools that people look at every day.

mod access;
mod flow;
mod grafana;
mod instruments;
mod metrics;
mod perfetto;
mod spans;
mod tables;

use crate::observe::Log;
pub use access::{Proxy, access_log};
pub use flow::flow;
pub use grafana::dashboard;
pub use instruments::instruments;
pub use metrics::metrics;
pub use perfetto::perfetto;
pub use spans::{jaeger, otlp};
pub use tables::{events, watched};

/// The instant of the first action on the clock of those tools, in nanoseconds since 1970: a run has no date
/// of its own.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Clock(pub i64);

impl Clock {
    /// So many seconds after the action, in nanoseconds since 1970.
    pub fn nanoseconds(self, t_s: f64) -> i64 {
        self.0 + libm::round(t_s * 1e9) as i64
    }

    /// The same in seconds, to the millisecond.
    pub fn seconds(self, t_s: f64) -> f64 {
        libm::round(self.nanoseconds(t_s) as f64 / 1e6) / 1e3
    }

    /// As a format of strftime has it, in UTC.
    fn written(self, t_s: f64, format: &str) -> String {
        let at = jiff::Timestamp::from_nanosecond(i128::from(self.nanoseconds(t_s)));
        at.map_or_else(|_| String::new(), |at| at.strftime(format).to_string())
    }

    /// As RFC 3339 has it, to the millisecond.
    pub fn rfc3339(self, t_s: f64) -> String {
        self.written(t_s, "%Y-%m-%dT%H:%M:%S.%3fZ")
    }
}

/// Addresses of pods and nodes as logs show them, by their place among those that occur.
struct Addresses<'a>(Vec<&'a str>);

impl<'a> Addresses<'a> {
    fn of(log: &'a Log) -> Addresses<'a> {
        let mut pods: Vec<&str> = Vec::new();
        for pod in log.requests().flat_map(|r| &r.tries).filter_map(|t| t.pod.as_deref()) {
            if !pods.contains(&pod) {
                pods.push(pod);
            }
        }
        Addresses(pods)
    }

    fn of_pod(&self, pod: &str) -> String {
        let place = self.0.iter().position(|known| *known == pod).unwrap_or(0) + 10;
        format!("10.244.{}.{}:8080", place / 250, place % 250)
    }
}
