//! Probes, as a manifest has them.

use crate::engine::Dur;

/// A startup, readiness or liveness probe, with Kubernetes' defaults filled in.
#[derive(Clone, Debug, PartialEq)]
pub struct Probe {
    /// What is asked.
    pub handler: Handler,
    /// From the start of the container to the first probe.
    pub initial_delay_seconds: i32,
    /// From one probe to the next.
    pub period_seconds: i32,
    /// An answer that takes longer is a failure.
    pub timeout_seconds: i32,
    /// So many in a row make it succeed.
    pub success_threshold: i32,
    /// So many in a row make it fail.
    pub failure_threshold: i32,
    /// Overrides the pod's grace period when this probe kills the container.
    pub termination_grace_period_seconds: Option<i64>,
    /// How long its handler takes besides the way there and back.
    pub takes: Dur,
    /// Nobody listens where it asks.
    pub refused: bool,
    /// It waits for a slot where the requests wait: what it finds depends on load.
    pub queued: bool,
    /// A handler that is still busy at the timeout has failed (not that of an exec probe before v1.20).
    pub times_out: bool,
}

impl Probe {
    /// An answer that takes longer is a failure.
    pub fn timeout(&self) -> Dur {
        Dur::from_secs(i64::from(self.timeout_seconds))
    }

    /// The process itself answers: not the kernel for it, nor a command beside it.
    pub fn asks_process(&self) -> bool {
        matches!(self.handler, Handler::HttpGet { .. } | Handler::Grpc { .. })
    }

    /// It never succeeds, whatever the application does: it fails so long after it is asked.
    pub fn fails_after(&self) -> Option<Dur> {
        let timeout = self.timeout();
        match self.refused {
            true => Some(Dur::ZERO),
            false => (self.times_out && self.takes >= timeout).then_some(timeout),
        }
    }

    /// The least failureThreshold with which it outlasts a start of `start_s`, where that of today ends the
    /// container `after_s` after its start.
    pub fn outlasting(&self, start_s: f64, after_s: f64) -> i32 {
        let period = f64::from(self.period_seconds.max(1));
        let more = libm::floor((start_s - after_s).max(0.0) / period) as i32;
        self.failure_threshold.saturating_add(more).saturating_add(1)
    }
}

/// What a probe or hook does.
#[derive(Clone, Debug, PartialEq)]
pub enum Handler {
    /// An HTTP GET to the pod: 200 to 399 is success.
    HttpGet { path: String, port: u16 },
    /// A connection to the pod's port.
    TcpSocket { port: u16 },
    /// A call of the gRPC health service on the pod's port.
    Grpc { port: u16 },
    /// A command in the container: exit status 0 is success.
    Exec { command: Vec<String> },
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The threshold lets the start pass, and one less does not.
    #[test]
    fn a_probe_outlasts_a_start_by_no_more_than_it_must() {
        let mut probe = Probe {
            handler: Handler::Grpc { port: 80 },
            initial_delay_seconds: 0,
            period_seconds: 10,
            timeout_seconds: 1,
            success_threshold: 1,
            failure_threshold: 3,
            termination_grace_period_seconds: None,
            takes: Dur::ZERO,
            refused: false,
            queued: false,
            times_out: true,
        };
        for (start_s, wanted) in [(30.0, 4), (39.9, 4), (40.0, 5), (45.0, 5), (50.0, 6), (9.0, 4)] {
            let found = probe.outlasting(start_s, 30.0);
            assert_eq!(found, wanted, "{start_s} s");
            let ends = |threshold: i32| 30.0 + 10.0 * f64::from(threshold - 3);
            assert!(ends(found) > start_s && (found == 4 || ends(found - 1) <= start_s));
        }
        probe.failure_threshold = i32::MAX;
        assert_eq!(probe.outlasting(300.0, 30.0), i32::MAX);
    }
}
