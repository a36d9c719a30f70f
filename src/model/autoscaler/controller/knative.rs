//! Knative's autoscaler in the run: it samples the concurrency of a revision once a second, and looks at its
//! means every other second; from nothing it acts on what the activator holds at once.
//!
//! Sources: knative/serving `pkg/autoscaler/metrics/collector.go`, `pkg/autoscaler/scaling/multiscaler.go`,
//! `pkg/reconciler/autoscaling/kpa/scaler.go: handleScaleToZero`.

use super::runs::{View, pods_of};
use super::{AutoscalerId, Controller, Event};
use crate::cluster::objects::Progress;
use crate::cluster::server::Cluster;
use crate::cluster::write::Write;
use crate::engine::{Dur, Time};
use crate::model::autoscaler::decision::{Decision, Seen};
use crate::model::autoscaler::kpa::{self, Memory, Observed};
use crate::model::autoscaler::limits::Limit;
use crate::model::informer::Informer;
use crate::model::plumbing::{Ctx, Out};
use std::collections::VecDeque;

/// From one sample to the next.
const SAMPLE: Dur = Dur::from_secs(1);
/// It looks at every so many of them (`tick-interval` 2 s).
const TICK: u32 = 2;

/// What is remembered of one revision.
#[derive(Debug, Default)]
pub(super) struct Knative {
    /// Concurrency of all pods, and of what the activator holds.
    samples: VecDeque<(Time, f64)>,
    memory: Memory,
    /// Since when nothing is asked for; None: something is.
    idle: Option<Time>,
    taken: u32,
}

impl Knative {
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
        out.at(ctx.now + SAMPLE, Event::Sample(id));
        let (spec, target) = (self.objects[id].spec.clone(), self.objects[id].target);
        let Some(knative) = &spec.kpa else { return };
        let Progress { desired: current, replicas: status, .. } = cluster.progress(target);
        let pods = pods_of(target, cluster, informer);
        let view = View { ctx, cluster, current, status, pods: &pods };
        let its = self.load.pairs().filter(|(pod, _)| cluster.workload_of(*pod) == target);
        let busy: f64 = its.map(|(_, c)| c.in_service + c.waiting).sum();
        let concurrency = busy + self.held;
        let object = &mut self.objects[id];
        let state = object.knative.get_or_insert_default();
        let since = ctx.now - knative.settings.stable_window;
        state.samples.push_back((ctx.now, concurrency));
        state.samples.retain(|(at, _)| *at > since);
        state.taken += 1;
        debug_assert!(!state.samples.is_empty(), "the last sample is within its window");
        let wakes = current == 0 && concurrency > 0.0;
        if !wakes && !state.taken.is_multiple_of(TICK) {
            return;
        }
        let panic = state.mean(ctx.now - knative.panic_window);
        let stable = state.mean(since);
        let seen = Observed { ready: view.ready() as i32, stable, panic };
        let scale = kpa::scale(&knative.settings, &mut state.memory, seen, ctx.now);
        let asked = if wakes { scale.pods.max(1) } else { scale.pods };
        let bounded = asked.max(spec.bounds.min).min(spec.bounds.max);
        state.idle = (bounded == 0).then(|| state.idle.unwrap_or(ctx.now));
        let rests = state.idle.is_some_and(|since| ctx.now >= since + knative.grace);
        // Until the grace period is over the last pods stay, with the activator in front of them.
        let desired = if bounded == 0 && !rests { current } else { bounded };
        let (added, most) = (desired > current, scale.pods > spec.bounds.max);
        let seen = Seen { value: Some(stable), truth: concurrency, missing: 0 };
        let limit = match () {
            () if added && most => Limit::TooManyReplicas,
            () if asked < spec.bounds.min => Limit::TooFewReplicas,
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
