//! Knative's autoscaler in the run: it samples the concurrency of a revision once a second, and looks at its
//! means every other second; from nothing it acts on what the activator holds at once. What that holds is
//! asked of the revision that the route leads to.
//!
//! Sources: knative/serving `pkg/autoscaler/metrics/collector.go`, `pkg/autoscaler/scaling/multiscaler.go`,
//! `pkg/reconciler/autoscaling/kpa/scaler.go: handleScaleToZero`.

use super::runs::{View, pods_of};
use super::{AutoscalerId, Controller, Event};
use crate::cluster::objects::{Progress, ServiceId, WorkloadId};
use crate::cluster::server::Cluster;
use crate::cluster::write::Write;
use crate::engine::{Dur, Time};
use crate::model::autoscaler::decision::{Decision, Seen};
use crate::model::autoscaler::kpa::{self, Memory, Observed};
use crate::model::autoscaler::limits::Limit;
use crate::model::informer::Informer;
use crate::model::plumbing::{Ctx, Out};
use std::collections::VecDeque;

/// What is remembered of one revision.
#[derive(Debug, Default)]
pub(super) struct Knative {
    /// Concurrency of all pods, and of what the activator holds.
    samples: VecDeque<(Time, f64)>,
    memory: Memory,
    /// Since when nothing is asked for; None: something is.
    idle: Option<Time>,
    taken: i64,
    /// A route has led to the revision.
    routed: bool,
    /// What it is to begin with; None: it has had that many ready pods.
    begins_with: Option<i32>,
}

impl Knative {
    /// One that is to begin with so many pods.
    fn new(pods: i32) -> Knative {
        Knative { begins_with: Some(pods), ..Knative::default() }
    }

    /// Whether a route leads to it or will: of one that none leads to any more nothing is kept.
    fn is_reachable(&mut self, ready: i32, led_to: bool) -> bool {
        debug_assert!(ready >= 0, "pods are counted");
        self.begins_with = self.begins_with.filter(|n| ready < *n);
        self.routed |= led_to;
        led_to || !self.routed
    }

    /// The size, of what its bounds allow. Until the grace period is over the last pods stay, with the
    /// activator in front of them; and it does not shrink before it has had what it is to begin with.
    fn desired(&mut self, bounded: i32, current: i32, now: Time, grace: Dur) -> i32 {
        debug_assert!(bounded >= 0, "no size is below none");
        self.idle = (bounded == 0).then(|| self.idle.unwrap_or(now));
        let rests = self.idle.is_some_and(|since| now >= since + grace);
        match bounded {
            0 if !rests => current,
            _ => bounded.max(self.begins_with.unwrap_or(0)),
        }
    }

    /// The mean of the samples after `since`.
    fn mean(&self, since: Time) -> f64 {
        let of = self.samples.iter().filter(|(at, _)| *at > since).map(|(_, value)| value);
        let (sum, count) = of.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
        if count > 0.0 { sum / count } else { 0.0 }
    }
}

impl Controller {
    /// A sample is taken; every other time, or when requests wait and there is no pod, it decides.
    pub(super) fn sample(
        &mut self,
        ctx: Ctx,
        id: AutoscalerId,
        (cluster, informer): (&Cluster, &Informer),
        out: &mut impl Out<Event>,
    ) {
        let defaults = &ctx.kubernetes.defaults;
        out.at(ctx.now + defaults.kpa_sample, Event::Sample(id));
        let (spec, target) = (self.objects[id].spec.clone(), self.objects[id].target);
        let Some(knative) = &spec.kpa else { return };
        let Progress { desired: current, replicas: status, .. } = cluster.progress(target);
        let pods = pods_of(target, cluster, informer);
        let view = View { ctx, cluster, current, status, pods: &pods };
        let its = self.load.pairs().filter(|(pod, _)| cluster.workload_of(*pod) == target);
        let busy: f64 = its.map(|(_, c)| c.in_service + c.waiting).sum();
        let led_to = leading_to(cluster, target).next().is_some();
        let held = leading_to(cluster, target).filter_map(|service| self.held.get(service));
        let concurrency = busy + held.sum::<f64>();
        let object = &mut self.objects[id];
        let ready = view.ready() as i32;
        let state = object.knative.get_or_insert_with(|| Box::new(Knative::new(current)));
        let reachable = state.is_reachable(ready, led_to);
        let settings = kpa::Settings { reachable, ..knative.settings };
        let least = if reachable { spec.bounds.min } else { 0 };
        let since = ctx.now - knative.settings.stable_window;
        state.samples.push_back((ctx.now, concurrency));
        state.samples.retain(|(at, _)| *at > since);
        state.taken += 1;
        debug_assert!(!state.samples.is_empty(), "the last sample is within its window");
        let wakes = current == 0 && concurrency > 0.0;
        let decides = state.taken % (defaults.kpa_tick.0 / defaults.kpa_sample.0).max(1) == 0;
        if !wakes && !decides {
            return;
        }
        let panic = state.mean(ctx.now - knative.panic_window);
        let stable = state.mean(since);
        let seen = Observed { ready, stable, panic };
        let scale = kpa::scale(&settings, &mut state.memory, seen, ctx.now);
        let asked = if wakes { scale.pods.max(1) } else { scale.pods };
        let bounded = asked.max(least).min(spec.bounds.max);
        let desired = state.desired(bounded, current, ctx.now, knative.grace);
        let (added, most) = (desired > current, scale.pods > spec.bounds.max);
        let seen = Seen { value: Some(stable), truth: concurrency, missing: 0 };
        let limit = match () {
            () if added && most => Limit::TooManyReplicas,
            () if asked < least => Limit::TooFewReplicas,
            () => Limit::WithinRange,
        };
        let decision = Decision {
            at: ctx.now,
            current,
            recommended: Some(scale.pods),
            stabilized: bounded,
            desired,
            limit,
            pods: view.active(),
            ready: view.ready(),
            rolling: object.is_rolling(ctx, &pods),
            seen: vec![seen],
        };
        object.decisions.push(decision);
        if desired != current {
            let end = ctx.now + ctx.api_write(&mut object.rng);
            out.write(end, Write::Scale { workload: target, replicas: desired });
        }
    }
}

/// The Services that select the pods which the workload makes now, and that requests are led to.
fn leading_to(cluster: &Cluster, target: WorkloadId) -> impl Iterator<Item = ServiceId> {
    let template = &cluster.templates[cluster.template_now(target)];
    let share = |id: ServiceId| cluster.weights.get(id.index()).copied();
    let all = cluster.services.pairs().filter(|(_, service)| service.selects(template));
    all.map(|(id, _)| id).filter(move |id| share(*id) != Some(0))
}
