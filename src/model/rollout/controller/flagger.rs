//! Flagger's looks at a canary, each an interval after the last: what it reads then, and the calls that
//! follow.

use super::runs::{Decided, Measured};
use super::{Controller, Event};
use crate::cluster::flagger::Flagger;
use crate::cluster::objects::{ServiceId, TemplateId, WorkloadId};
use crate::cluster::release::Analysis;
use crate::cluster::server::Cluster;
use crate::cluster::write::Write;
use crate::engine::{Dur, Luck, Time};
use crate::model::plumbing::{Ctx, Out};
use crate::model::rollout::analysis::Found;
use crate::model::rollout::flagger::{self, Act, Back, Phase, Readiness, Seen, Status, TOTAL};
use crate::model::rollout::metrics::Readings;

/// What its router calls the canary's Service.
const CANARY: ServiceId = ServiceId(1);

/// What Flagger remembers of a canary.
#[derive(Debug)]
pub(super) struct Flagging {
    status: Status,
    /// The copy that serves.
    primary: WorkloadId,
    /// `status.lastAppliedSpec`.
    applied: TemplateId,
    /// `status.lastPromotedSpec`.
    promoted: TemplateId,
    /// Since when the primary, and since when the canary, is not ready.
    waits: [Option<Time>; 2],
    /// The metric that failed last.
    worst: Option<String>,
}

impl Controller {
    /// Flagger begins to look at the canaries among the workloads, each at a time of its own.
    pub fn begin_looks(&mut self, ctx: Ctx, cluster: &Cluster, out: &mut impl Out<Event>) {
        for (id, workload) in cluster.workloads.pairs() {
            let Some(plan) = workload.spec.release.as_ref().and_then(|r| r.flagger()) else {
                continue;
            };
            let name = primary_of(&workload.spec.name);
            let mut all = cluster.workloads.pairs();
            let (primary, _) = all.find(|(_, w)| *w.spec.name == *name).expect("it was made");
            let (applied, promoted) = (workload.template, workload.template);
            let (status, waits) = (Status::default(), [None; 2]);
            let flagging = Flagging { status, primary, applied, promoted, waits, worst: None };
            debug_assert!(self.state(id).flagger.is_none(), "it is begun with once");
            self.state(id).flagger = Some(Box::new(flagging));
            let phase = ctx.seed.uniform("flagger", u64::from(id.0));
            let first = Dur::from_secs_f64(plan.interval.as_secs_f64() * phase);
            out.at(ctx.now + first, Event::Look(id));
        }
    }

    /// One look at a canary.
    pub(super) fn look(
        &mut self,
        ctx: Ctx,
        id: WorkloadId,
        cluster: &Cluster,
        out: &mut impl Out<Event>,
    ) {
        let object = &cluster.workloads[id];
        let Some(plan) = object.spec.release.as_ref().and_then(|r| r.flagger()) else { return };
        out.at(ctx.now + plan.interval, Event::Look(id));
        let Some(mut flagging) = self.state(id).flagger.take() else { return };
        let changed = object.template != flagging.applied && object.template != flagging.promoted;
        let Flagging { primary, waits, .. } = &mut *flagging;
        let [of_primary, of_canary] = waits;
        let seen = Seen {
            changed,
            primary: readiness(ctx.now, cluster, *primary, (plan, plan.primary_ready), of_primary),
            canary: readiness(ctx.now, cluster, id, (plan, plan.canary_ready), of_canary),
        };
        let (before, unseen) = (flagging.status, plan.others_ask && flagging.status.weight == 0);
        let mut taken = Taken { at: ctx.now, measured: Vec::new(), worst: None };
        let (readings, newest) = (&self.readings, object.template);
        let mut well = || unseen || taken.take(plan.checks.as_ref(), readings, newest);
        let act = flagger::look(plan, &mut flagging.status, seen, &mut well);
        let state = self.state(id);
        if matches!(act, Some(Act::ScaleUp | Act::Restart)) {
            flagging.applied = object.template;
            let measured = std::mem::take(&mut state.released.measured);
            state.released = super::Released { measured, ..super::Released::default() };
        }
        state.released.measured.append(&mut taken.measured);
        if taken.worst.is_some() {
            flagging.worst = taken.worst;
        }
        let waits = matches!(flagging.status.phase, Phase::Waiting | Phase::WaitingPromotion);
        state.released.waits = waits;
        self.tell(before, &flagging, act);
        if let Some(act) = act {
            self.carry_out(ctx, (id, cluster), (plan, &mut flagging, act), out);
        }
        debug_assert!((0..=TOTAL).contains(&flagging.status.weight), "{:?}", flagging.status);
        self.state(id).flagger = Some(flagging);
    }

    /// What changed, for people.
    fn tell(&mut self, before: Status, flagging: &Flagging, act: Option<Act>) {
        let now = flagging.status;
        let weight = now.weight;
        self.notes.extend(match act {
            Some(Act::ScaleUp) => Some("Flagger scales the canary up".to_owned()),
            Some(Act::Restart) => Some("a further revision: Flagger begins anew".to_owned()),
            Some(Act::Route) => Some(format!("the canary's weight becomes {weight} of {TOTAL}")),
            Some(Act::Promote | Act::PromoteAtOnce) => {
                Some("the primary gets the canary's template".to_owned())
            }
            Some(Act::KeepCanary) => Some("the primary does not come up".to_owned()),
            Some(Act::Finish) => Some("the release is promoted".to_owned()),
            Some(Act::RollBack(_)) => None,
            None if now.failed > before.failed => Some(format!("check {} failed", now.failed)),
            None => None,
        });
        debug_assert!(now.failed <= before.failed + 1, "a look fails once");
    }

    fn carry_out(
        &mut self,
        ctx: Ctx,
        (id, cluster): (WorkloadId, &Cluster),
        (plan, flagging, act): (&Flagger, &mut Flagging, Act),
        out: &mut impl Out<Event>,
    ) {
        let (primary, template) = (flagging.primary, cluster.workloads[id].template);
        let weight = flagging.status.weight;
        debug_assert!(primary != id, "a primary is a workload of its own");
        let route = Write::ShareWeight { to: CANARY, weight: weight as u32, of: TOTAL as u32 };
        let routed = (!cluster.weights.is_empty()).then_some(route);
        let down = Write::Scale { workload: id, replicas: 0 };
        let copy = Write::CopySpec { from: id, to: primary, sized: plan.autoscaled.is_none() };
        let over = Write::CurrentRevision { workload: id, template };
        let writes: Vec<Write> = match act {
            Act::ScaleUp => scaled_up(cluster, id, plan, primary).into_iter().collect(),
            Act::Route | Act::Restart | Act::KeepCanary => routed.into_iter().collect(),
            Act::Promote => vec![copy],
            Act::PromoteAtOnce => routed.into_iter().chain([copy, over, down]).collect(),
            Act::Finish => vec![over, down],
            Act::RollBack(_) => routed.into_iter().chain([down]).collect(),
        };
        match act {
            Act::Finish | Act::PromoteAtOnce => {
                flagging.promoted = template;
                self.state(id).released.promoted = Some(ctx.now);
            }
            Act::RollBack(why) => {
                let worst = flagging.worst.clone();
                let why = match why {
                    Back::Checks => Decided::Checks { failed: flagging.status.failed, worst },
                    Back::Deadline => Decided::Deadline,
                    Back::Asked => Decided::Asked,
                };
                self.gives_up(ctx.now, id, why);
            }
            Act::KeepCanary => self.gives_up(ctx.now, id, Decided::Deadline),
            _ => {}
        }
        let mut at = ctx.now;
        let uid = cluster.workloads[id].uid;
        for write in writes {
            let luck = &mut self.states.entry(id).luck;
            luck.get_or_insert_with(|| Luck::of(uid, "flagger"));
            at = self.bucket.call(ctx, luck, (uid, "flagger"), at);
            out.write(at, write);
        }
    }

    fn gives_up(&mut self, now: Time, id: WorkloadId, why: Decided) {
        self.notes.push(format!("the release is aborted: {why}"));
        let released = &mut self.state(id).released;
        debug_assert!(released.promoted.is_none(), "what is over does not go back");
        released.aborted = Some((now, why));
    }
}

/// The name of the copy that serves.
pub fn primary_of(target: &str) -> String {
    format!("{target}-primary")
}

/// A canary that has pods keeps them; else it gets the least that its autoscaler has, or as many as the
/// primary.
fn scaled_up(
    cluster: &Cluster,
    id: WorkloadId,
    plan: &Flagger,
    primary: WorkloadId,
) -> Option<Write> {
    let replicas = plan.autoscaled.unwrap_or(cluster.workloads[primary].spec.replicas).max(1);
    debug_assert!(replicas > 0, "a canary has a pod");
    let idle = cluster.workloads[id].spec.replicas == 0;
    idle.then_some(Write::Scale { workload: id, replicas })
}

/// How far a Deployment is, by its status; `waits`: since when it is not ready.
///
/// `pkg/canary/deployment_ready.go: isDeploymentReady`.
fn readiness(
    now: Time,
    cluster: &Cluster,
    id: WorkloadId,
    (plan, percent): (&Flagger, i32),
    waits: &mut Option<Time>,
) -> Readiness {
    let workload = &cluster.workloads[id];
    let status = workload.status;
    let enough = i64::from(status.updated) * i64::from(percent) / 100;
    let ready = status.observed_generation >= workload.generation
        && status.updated >= workload.spec.replicas
        && status.replicas <= status.updated
        && i64::from(status.available) >= enough;
    let since = *waits.get_or_insert(now);
    if ready {
        *waits = None;
        return Readiness::Ready;
    }
    debug_assert!(since <= now, "nobody waits from later on");
    if now - since > plan.deadline { Readiness::Stuck } else { Readiness::Waits }
}

/// The metrics of one look.
struct Taken {
    at: Time,
    measured: Vec<Measured>,
    /// The one that failed.
    worst: Option<String>,
}

impl Taken {
    /// One after the other, until one is not as it should be. Without a value it is not.
    fn take(&mut self, checks: Option<&Analysis>, readings: &Readings, newest: TemplateId) -> bool {
        debug_assert!(self.measured.is_empty() && self.worst.is_none(), "one look, one taking");
        for (metric, spec) in (0..).zip(checks.iter().flat_map(|a| &a.metrics)) {
            let read = readings.value(spec.measure, newest);
            let measured = Measured::of(self.at, metric, spec, read);
            self.measured.push(measured);
            if measured.found != Found::Success {
                self.worst = Some(spec.name.clone());
                return false;
            }
        }
        true
    }
}
