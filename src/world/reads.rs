//! What the models of a scenario read of the load on the pods: the one place that says so.

use crate::cluster::release::{Figure, Release};
use crate::engine::Dur;
use crate::model::autoscaler::spec::Source;
use crate::scenario::{Action, Scenario, Watched, When};
use crate::timeline::Buckets;
use crate::traffic::Reads;

/// Counters of expected rates are kept so often; an autoscaler's are read whenever it asks.
const EVERY: Dur = Dur::from_secs(15);

/// The most that any of them reads.
pub fn reads(scenario: &Scenario) -> Reads {
    // Errors and latencies are those of single requests.
    let waits = |a: &Action| a.when.as_ref().is_some_and(When::measures);
    // A process that is told to stop goes when its calls are over.
    if !scenario.calls.is_empty() {
        return Reads::Everything;
    }
    if scenario.releases().any(Release::measures) || scenario.actions.iter().any(waits) {
        return Reads::Everything;
    }
    // A kubelet whose probes wait with the requests sees each queue.
    match scenario.templates().any(|t| t.serving_container().probes().any(|p| p.queued)) {
        true => Reads::Everything,
        false => autoscalers(scenario),
    }
}

/// The buckets, by their upper bounds, of all quantiles that releases and actions wait for.
pub fn bounds(scenario: &Scenario) -> Vec<Dur> {
    let analyses = scenario.releases().flat_map(Release::analyses);
    let measured = analyses.flat_map(|a| &a.metrics).map(|metric| metric.measure.what);
    let watched = scenario.actions.iter().flat_map(|a| &a.when).flat_map(|when| &when.watched);
    let watched = watched.filter_map(|watched| match watched {
        Watched::Requests { figure, .. } => Some(*figure),
        _ => None,
    });
    let buckets = measured.chain(watched).filter_map(|figure| match figure {
        Figure::LatencyQuantile(_, buckets) => Some(buckets),
        _ => None,
    });
    let mut bounds: Vec<Dur> = buckets.flat_map(Buckets::bounds).collect();
    bounds.sort_unstable();
    bounds.dedup();
    bounds
}

/// What autoscalers read: a metric that pods count is of single requests, and who is saturated serves less
/// than it is sent. The processor time of pods that never wait is in proportion to what they are sent.
fn autoscalers(scenario: &Scenario) -> Reads {
    if scenario.autoscalers.is_empty() {
        return Reads::Nothing;
    }
    let metrics = || scenario.autoscalers.iter().flat_map(|a| &a.metrics);
    let client = &scenario.traffic.client;
    let waits = scenario.templates().any(|t| t.serving_container().app.concurrency.is_some());
    let single = waits || client.keep_alive || client.retries > 0;
    if metrics().any(|m| m.source.custom().is_some()) {
        return Reads::Everything;
    }
    match metrics().any(|m| matches!(m.source, Source::Cpu { .. })) {
        true if single => Reads::Everything,
        true => Reads::Rates { every: EVERY, window: EVERY },
        false => Reads::Nothing,
    }
}
