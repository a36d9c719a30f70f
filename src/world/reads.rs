//! What the models of a scenario read of the load on the pods: the one place that says so.

use crate::cluster::spec::PodTemplate;
use crate::scenario::{Scenario, templates_brought};
use crate::traffic::Reads;

/// The most that any of them reads.
pub fn reads(scenario: &Scenario) -> Reads {
    // A kubelet whose probes wait with the requests sees each queue.
    let queued = |template: &PodTemplate| template.serving_container().probes().any(|p| p.queued);
    let of_start = scenario.workloads.iter().map(|w| &**w.template());
    match of_start.chain(templates_brought(&scenario.actions)).any(queued) {
        true => Reads::Everything,
        false => Reads::Nothing,
    }
}
