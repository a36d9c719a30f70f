//! What workloads ask of each other, gathered from all replications.

use super::calls::CallRow;
use super::spread::whole_figure;
use crate::run::Replication;
use crate::scenario::{Calls, Scenario};
use crate::traffic::CallOutcome;

/// Of all replications (at least one).
pub fn rows(scenario: &Scenario, replications: &[Replication]) -> Vec<CallRow> {
    let sent = replications.iter().fold(0.0, |sum, r| sum + r.traffic.sent);
    let calls = scenario.calls.iter().enumerate();
    let row = |(id, call): (usize, &Calls)| {
        let figure = |of: &dyn Fn(&CallOutcome) -> u64| {
            let each = replications.iter().filter_map(|r| r.traffic.calls.get(id));
            whole_figure(&each.map(|outcome| of(outcome) as f64).collect::<Vec<_>>())
        };
        let tries = figure(&|c| c.tries);
        let from = scenario.workloads.iter().find(|w| *w.name == *call.from);
        let times = from.map_or(0.0, |from| {
            let made = &from.template.serving_container().app.calls;
            let times = made.iter().filter(|made| made.index() == id).count() as f64;
            times * call.how.share * scenario.asked_per_request(from)
        });
        let to = scenario.services[call.to].name.clone();
        CallRow {
            name: format!("{}-{to}", call.from),
            from: call.from.clone(),
            to,
            made: figure(&|c| c.made),
            failed: figure(&CallOutcome::failed),
            unheard: figure(&|c| c.unheard),
            refused: figure(&|c| c.refused),
            tries_per_request: tries.mean * replications.len() as f64 / sent.max(1.0),
            usual_per_request: times,
            tries,
        }
    };
    if sent > 0.0 { calls.map(row).collect() } else { Vec::new() }
}
