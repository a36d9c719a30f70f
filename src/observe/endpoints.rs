//! Who is to get requests: EndpointSlices, target groups, and what data planes make of them.

use super::pods::All;
use super::seen::Seen;
use super::{Endpoint, Happening, Route, Target as TargetRow};
use crate::engine::Time;
use crate::model::balancer::check::TargetState;
use crate::scenario::Scenario;
use crate::timeline::{ChangeKind, Target, Timeline};
use crate::world::Control;

/// Entries of EndpointSlices, from those there are at the start on.
pub(super) fn slices(control: &Control, scenario: &Scenario, seen: &Seen, all: &mut All) {
    for &(at, service, pod, conditions) in &seen.slices {
        let (ready, serving, terminating) = conditions.unwrap_or_default();
        let endpoint = Endpoint {
            service: scenario.services[service].name.clone(),
            pod: control.timeline.pods[pod].name.to_string(),
            ready,
            serving,
            terminating,
            gone: conditions.is_none(),
        };
        all.push((at, Happening::Endpoint(endpoint)));
    }
}

/// The states of the targets of load balancers.
pub(super) fn targets(timeline: &Timeline, scenario: &Scenario, seen: &Seen, all: &mut All) {
    for &(at, service, target, state) in &seen.targets {
        let row = TargetRow {
            group: scenario.services[service].name.clone(),
            target: name(timeline, target),
            state: match state {
                TargetState::Initial => "initial",
                TargetState::Healthy => "healthy",
                TargetState::Unhealthy => "unhealthy",
                TargetState::Draining => "draining",
                TargetState::Unused => "unused",
            }
            .to_owned(),
        };
        all.push((at, Happening::Target(row)));
    }
}

/// Where data-plane instances send requests.
pub(super) fn routes(timeline: &Timeline, all: &mut All) {
    for view in &timeline.views {
        let mut add = |at: Time, to: Target, weight: Option<f32>| {
            let (instance, to) = (view.name.clone(), name(timeline, to));
            let route = Route { instance, to, weight: weight.map(f64::from) };
            all.push((at.max(timeline.start), Happening::Route(route)));
        };
        view.initial.iter().for_each(|b| add(timeline.start, b.target, Some(b.weight)));
        for change in &view.changes {
            let weight = match change.kind {
                ChangeKind::Add { weight } => Some(weight),
                ChangeKind::Remove => None,
            };
            add(change.at, change.target, weight);
        }
    }
}

fn name(timeline: &Timeline, target: Target) -> String {
    match target {
        Target::Pod(pod) => timeline.pods[pod].name.to_string(),
        Target::View(view) => timeline.views[view].name.clone(),
    }
}
