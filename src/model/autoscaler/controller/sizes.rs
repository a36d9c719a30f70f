//! From what metrics ask for to a size: what an object remembers of its recommendations and changes.

use super::Object;
use crate::cluster::objects::PodId;
use crate::engine::{Dur, Time};
use crate::model::autoscaler::decision::Decision;
use crate::model::autoscaler::limits::{Bounds, History, Limit, behavior_limits, plain_limits};
use crate::model::autoscaler::spec::Behavior;
use crate::model::informer::SeenPod;
use crate::model::plumbing::Ctx;

impl Object {
    /// From what the metrics ask for to a size; the rest of the decision is filled in by who has it.
    pub(super) fn size(&mut self, ctx: Ctx, current: i32, recommended: Option<i32>) -> Decision {
        let (bounds, now) = (self.spec.bounds, ctx.now);
        if self.recommendations.0.is_empty() {
            self.recommendations.0.push((current, now));
        }
        debug_assert!(bounds.min <= bounds.max, "{bounds:?}");
        let outside = match current {
            0 if bounds.min != 0 => Some((0, Limit::WithinRange)),
            n if n > bounds.max => Some((bounds.max, Limit::TooManyReplicas)),
            n if n < bounds.min => Some((bounds.min, Limit::TooFewReplicas)),
            _ => None,
        };
        let (stabilized, (desired, limit)) = match (outside, recommended) {
            (Some((n, limit)), _) => (n, (n, limit)),
            (None, None) => (current, (current, Limit::WithinRange)),
            (None, Some(n)) => self.normalize(ctx, current, n, bounds),
        };
        let seen = Vec::new();
        let (pods, ready, rolling) = (0, 0, false);
        let at = now;
        Decision {
            at,
            current,
            recommended,
            stabilized,
            desired,
            limit,
            pods,
            ready,
            rolling,
            seen,
        }
    }

    /// A rollout is under way, or what its new pods have counted is not much yet.
    pub(super) fn is_rolling(&self, ctx: Ctx, pods: &[(PodId, SeenPod)]) -> bool {
        let defaults = &ctx.kubernetes.defaults;
        let windows = self.spec.metrics.iter().map(|m| match m.source.custom() {
            Some(custom) => custom.window + custom.every,
            None => defaults.metrics_resolution + defaults.metrics_resolution,
        });
        let window = windows.max().unwrap_or(Dur::ZERO);
        let mixed = pods.windows(2).any(|pair| pair[0].1.template != pair[1].1.template);
        mixed || self.rolled.is_some_and(|at| ctx.now < at + window + window)
    }

    /// `horizontal.go: normalizeDesiredReplicas, normalizeDesiredReplicasWithBehaviors`.
    pub(super) fn normalize(
        &mut self,
        ctx: Ctx,
        current: i32,
        asked: i32,
        bounds: Bounds,
    ) -> (i32, (i32, Limit)) {
        let log = &mut self.recommendations;
        let Some(Behavior { up, down }) = &self.spec.behavior else {
            let window = ctx.kubernetes.defaults.hpa_downscale_stabilization;
            let stabilized = log.stabilize(asked, window, ctx.now);
            return (stabilized, plain_limits(current, stabilized, bounds));
        };
        let stabilized =
            log.stabilize_with_behavior(current, asked, up.window, down.window, ctx.now);
        let history = History { up: &self.added, down: &self.removed };
        let size = behavior_limits(current, stabilized, bounds, history, (up, down), ctx.now);
        (stabilized, size)
    }

    /// `horizontal.go: storeScaleEvent`: only policies ask for it.
    pub(super) fn remember(&mut self, before: i32, after: i32, at: Time) {
        debug_assert!(before != after, "a size that is written is another one");
        let Some(Behavior { up, down }) = &self.spec.behavior else { return };
        let (log, rules) = match after > before {
            true => (&mut self.added, up),
            false => (&mut self.removed, down),
        };
        let longest = rules.policies.iter().map(|p| p.period).max().unwrap_or(Dur::ZERO);
        log.retain(|event| event.1 > at - longest);
        log.push(((after - before).abs(), at));
    }

    /// So many pods of the target are ready now.
    pub fn workers(&mut self, now: Time, ready: u32) {
        debug_assert!(self.backlogs.len() == self.spec.metrics.len(), "one for each metric");
        for (metric, backlog) in self.spec.metrics.iter().zip(&mut self.backlogs) {
            if let (Some(queue), Some(backlog)) = (metric.source.queue(), backlog) {
                backlog.workers(queue, now, ready);
            }
        }
    }
}
