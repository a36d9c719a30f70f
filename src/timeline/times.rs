//! How long answers took, by pod and bucket, as histograms of metrics count them.

use super::PodId;
use crate::engine::{Dur, List};
use std::sync::Arc;

/// Buckets of a histogram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Buckets {
    /// Envoy's, which Istio and others have from it.
    Envoy,
    /// Those of Prometheus' client libraries, which ingress-nginx has.
    Prometheus,
    /// So many that they make no difference.
    Fine,
}

/// Milliseconds; `source/common/stats/histogram_impl.cc` of envoyproxy/envoy.
const ENVOY: [f64; 19] = [
    0.5, 1.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1e3, 2.5e3, 5e3, 1e4, 3e4, 6e4, 3e5, 6e5,
    1.8e6, 3.6e6,
];
/// Milliseconds; `prometheus/histogram.go: DefBuckets` of prometheus/client_golang.
const PROMETHEUS: [f64; 11] = [5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1e3, 2.5e3, 5e3, 1e4];
/// The finest begin here, and double so often, in so many steps each.
const FINEST: Dur = Dur(100_000);
const DOUBLINGS: u32 = 23;
const STEPS: i64 = 16;

impl Buckets {
    /// Their upper bounds, rising. What is longer than the last is in a further one.
    pub fn bounds(self) -> Vec<Dur> {
        let given = |ms: &f64| Dur::from_secs_f64(ms / 1000.0);
        match self {
            Buckets::Envoy => ENVOY.iter().map(given).collect(),
            Buckets::Prometheus => PROMETHEUS.iter().map(given).collect(),
            Buckets::Fine => {
                let all = (0..DOUBLINGS).flat_map(|d| (0..STEPS).map(move |step| (d, step)));
                all.map(|(d, step)| Dur((FINEST.0 << d) * (STEPS + step) / STEPS)).collect()
            }
        }
    }
}

/// How many answers each pod has given, by how long they took.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Times {
    /// Upper bounds, rising; those of all who read.
    pub bounds: Arc<[Dur]>,
    /// One more than there are bounds: the last is of what is longer. Empty: no answer so far.
    pub pods: List<PodId, Vec<u32>>,
}

impl Times {
    /// Nothing so far.
    pub fn new(bounds: Arc<[Dur]>) -> Times {
        debug_assert!(bounds.is_sorted(), "bounds rise");
        Times { bounds, pods: List::new() }
    }

    /// One more answer.
    pub fn add(&mut self, pod: PodId, took: Dur) {
        debug_assert!(took >= Dur::ZERO, "nothing is answered before it is sent");
        let counts = self.pods.entry(pod);
        counts.resize(self.bounds.len() + 1, 0);
        counts[self.bounds.partition_point(|bound| *bound < took)] += 1;
    }
}
