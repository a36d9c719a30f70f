//! Which timelines and traffic need the loop of requests that wait.

use crate::timeline::{Empty, L7, Pick, Timeline};
use crate::traffic::offered::{Arrivals, Traffic};
use crate::traffic::plan;

/// Whether a timeline and its traffic need this loop.
pub fn needed(timeline: &Timeline, traffic: &Traffic) -> bool {
    let waits = |l7: &L7| l7.tries > 1 || l7.pool.is_some() || l7.policy.is_some();
    let client = &traffic.client;
    client.keep_alive
        || !timeline.calls.is_empty()
        || traffic.long_lived.is_some()
        || !timeline.breaks.is_empty()
        || client.retries > 0
        || matches!(traffic.arrivals, Arrivals::Closed { .. })
        || timeline.versions.iter().any(|v| v.concurrency.is_some() || !v.pace.is_even())
        || timeline.pods.iter().any(|pod| !pod.conditions.is_empty())
        || timeline.views.iter().any(|v| v.hop.l7.as_ref().is_some_and(waits))
        || timeline.views.iter().any(|v| v.hop.pick == Pick::Ewma)
        || timeline.views.iter().any(|v| matches!(v.hop.empty, Empty::Hold(_)))
        || stacked(timeline)
}

/// Whether hops of layer 7 lead to each other.
fn stacked(timeline: &Timeline) -> bool {
    let any = timeline.views.iter().any(|v| v.hop.l7.is_some());
    any && plan::layer7_above(timeline, &plan::flow_order(timeline)).is_err()
}
