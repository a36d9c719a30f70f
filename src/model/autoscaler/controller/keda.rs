//! What KEDA does itself: it looks at its triggers, and takes the Deployment from nothing to its first pods
//! and back. Between these an autoscaler of its own scales.
//!
//! Source: kedacore/keda `pkg/scaling/executor/scale_scaledobjects.go: RequestScale`.

use super::runs::{View, pods_of};
use super::{AutoscalerId, Controller, Event};
use crate::cluster::objects::Progress;
use crate::cluster::server::Cluster;
use crate::cluster::write::Write;
use crate::engine::Time;
use crate::model::autoscaler::decision::{Decision, Seen};
use crate::model::autoscaler::limits::Limit;
use crate::model::autoscaler::spec::{Keda, Source};
use crate::model::informer::Informer;
use crate::model::plumbing::{Ctx, Out};

/// What KEDA makes of one look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// Nothing.
    Stays,
    /// There is work, and nobody for it: to so many.
    Wakes(i32),
    /// There has been no work for long: to so many.
    Rests(i32),
}

/// What is known at a look.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    /// A trigger is above its activation.
    pub active: bool,
    /// `spec.replicas`.
    pub replicas: i32,
    /// The least replicas of its autoscaler.
    pub least: i32,
    /// When a trigger last was active; None: never yet.
    pub last_active: Option<Time>,
    /// When the object was made.
    pub created: Time,
}

/// What is done at a look.
pub fn look(keda: &Keda, known: Known, now: Time) -> Look {
    let Known { active, replicas, least, last_active, created } = known;
    let idle = keda.idle.unwrap_or(least);
    if active {
        return if replicas == 0 || replicas == idle && idle < least {
            Look::Wakes(least)
        } else {
            Look::Stays
        };
    }
    let quiet = match last_active {
        Some(at) => now >= at + keda.cooldown,
        None => now >= created + keda.initial_cooldown,
    };
    if keda.idle.is_some() && quiet && replicas > idle { Look::Rests(idle) } else { Look::Stays }
}

impl Controller {
    /// KEDA looks at the triggers of its object.
    pub(super) fn poll(
        &mut self,
        ctx: Ctx,
        id: AutoscalerId,
        cluster: &Cluster,
        informer: &Informer,
        out: &mut impl Out<Event>,
    ) {
        let (spec, target) = (self.objects[id].spec.clone(), self.objects[id].target);
        let Some(keda) = &spec.keda else { return };
        let Progress { desired: current, replicas: status, .. } = cluster.progress(target);
        let pods = pods_of(target, cluster, informer);
        let view = View { ctx, cluster, current, status, pods: &pods };
        let mut seen = Vec::new();
        let mut active = false;
        for (place, (metric, wakes)) in spec.metrics.iter().zip(&keda.activation).enumerate() {
            let milli = match &metric.source {
                Source::Whole(series) => self.whole(id, place, series, view),
                Source::Cpu { .. } | Source::Pods(_) => 0,
            };
            active |= wakes.is_some_and(|above| milli > above);
            let value = milli as f64 / 1000.0;
            seen.push(Seen { value: Some(value), truth: value, missing: 0 });
        }
        let object = &mut self.objects[id];
        if active {
            object.last_active = Some(ctx.now);
        }
        let least = spec.bounds.min;
        let created = object.created;
        let known =
            Known { active, replicas: current, least, last_active: object.last_active, created };
        let mut end = ctx.now;
        if let Look::Wakes(to) | Look::Rests(to) = look(keda, known, ctx.now) {
            debug_assert!(to != current, "a size that is written is another one");
            end += ctx.api_write(&mut object.rng);
            out.write(end, Write::Scale { workload: target, replicas: to });
            object.decisions.push(Decision {
                at: ctx.now,
                current,
                recommended: Some(to),
                stabilized: to,
                desired: to,
                limit: Limit::WithinRange,
                pods: view.active(),
                ready: view.ready(),
                rolling: false,
                seen,
            });
        }
        out.at(end + keda.polling, Event::Poll(id));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Dur;

    const KEDA: Keda = Keda {
        polling: Dur::from_secs(30),
        cooldown: Dur::from_secs(300),
        initial_cooldown: Dur::from_secs(60),
        idle: Some(0),
        activation: Vec::new(),
    };

    fn at(s: i64) -> Time {
        Time::ZERO + Dur::from_secs(s)
    }

    #[test]
    fn it_moves_only_between_nothing_and_the_least() {
        let known =
            Known { active: true, replicas: 0, least: 2, last_active: None, created: at(0) };
        assert_eq!(look(&KEDA, known, at(10)), Look::Wakes(2));
        assert_eq!(look(&KEDA, Known { replicas: 1, ..known }, at(10)), Look::Stays);
        let idle = Known { active: false, replicas: 5, last_active: Some(at(100)), ..known };
        assert_eq!(look(&KEDA, idle, at(399)), Look::Stays);
        assert_eq!(look(&KEDA, idle, at(400)), Look::Rests(0));
        // Never active: only the initial time counts.
        let new = Known { last_active: None, ..idle };
        assert_eq!(look(&KEDA, new, at(59)), Look::Stays);
        assert_eq!(look(&KEDA, new, at(60)), Look::Rests(0));
        assert_eq!(look(&KEDA, Known { replicas: 0, ..new }, at(60)), Look::Stays);
        let kept = Keda { idle: None, ..KEDA };
        assert_eq!(look(&kept, idle, at(400)), Look::Stays);
    }
}
