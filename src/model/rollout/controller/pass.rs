//! What one pass of the controller sees, with its own changes.

use super::{Controller, Event, State};
use crate::cluster::objects::{ReplicaSet, RsId, TemplateId, Workload, WorkloadId, WorkloadStatus};
use crate::cluster::release::{Plan, Release};
use crate::cluster::server::Cluster;
use crate::cluster::write::Write;
use crate::engine::Time;
use crate::model::plumbing::{Ctx, Out, Turn};
use crate::model::rollout::sizes::Sized;

impl Controller {
    pub(super) fn state(&mut self, id: WorkloadId) -> &mut State {
        self.states.entry(id)
    }
}

/// One pass in progress.
pub(super) struct Pass<'a> {
    /// Time and the platform's latencies.
    pub ctx: Ctx<'a>,
    /// The Rollout that is looked at.
    pub id: WorkloadId,
    /// It, as stored at the API.
    pub object: &'a Workload,
    /// Its strategy.
    pub release: &'a Release,
    /// The shares of the load balancer's rule, where they are asked for.
    pub rule: Option<[u32; 2]>,
    /// Its sets by creation, as cached, with this pass' own changes.
    pub sets: Vec<(RsId, ReplicaSet)>,
    /// Index of the set of the present template.
    pub new: Option<usize>,
    /// Index of the set of the stable one; the same where nothing is on its way.
    pub stable: Option<usize>,
    /// When its last call to the API returns.
    pub end: Time,
    /// It has changed something: another pass follows.
    pub moved: bool,
}

impl<'a> Pass<'a> {
    /// What the cache shows.
    pub fn new(
        ctx: Ctx<'a>,
        (id, cluster): (WorkloadId, &'a Cluster),
        release: &'a Release,
        sets: Vec<(RsId, ReplicaSet)>,
    ) -> Pass<'a> {
        let (object, rule) = (&cluster.workloads[id], cluster.rule);
        let of = |template: TemplateId| sets.iter().position(|(_, s)| s.template == template);
        let (new, stable) = (of(object.template), of(object.current));
        Pass { ctx, id, object, release, rule, sets, new, stable, end: ctx.now, moved: false }
    }

    /// Nothing is on its way.
    pub fn promoted(&self) -> bool {
        self.object.current == self.object.template
    }

    /// Size and availability of a set.
    pub fn sized(&self, index: Option<usize>) -> Option<Sized> {
        let set = &self.sets[index?].1;
        Some(Sized { spec: set.replicas, available: set.status.available })
    }

    /// The new set, which is there.
    pub fn canary(&self) -> Sized {
        self.sized(self.new).unwrap_or_default()
    }

    /// Places of sets that are neither new nor stable, and have pods.
    pub fn older(&self) -> Vec<usize> {
        let older = |i: &usize| {
            let set = &self.sets[*i].1;
            Some(*i) != self.new
                && Some(*i) != self.stable
                && (set.replicas > 0 || set.status.replicas > 0)
        };
        (0..self.sets.len()).filter(older).collect()
    }

    /// How many steps a release has.
    pub fn steps(&self) -> usize {
        match &self.release.plan {
            Plan::Canary(canary) => canary.steps.len(),
            Plan::BlueGreen(_) | Plan::Flagger(_) => 0,
        }
    }

    /// Back to the stable template, or to a revision inside the rollback window: steps are left out.
    pub fn skips_steps(&self) -> bool {
        if self.promoted() {
            return true;
        }
        let (Some(new), Some(stable), Some(window)) =
            (self.new, self.stable, self.release.rollback_window)
        else {
            return false;
        };
        let (new, stable) = (&self.sets[new].1, &self.sets[stable].1);
        let between =
            |s: &&(RsId, ReplicaSet)| s.1.created > new.created && s.1.created < stable.created;
        new.created < stable.created && (self.sets.iter().filter(between).count() as u32) < window
    }

    /// What the sets' statuses add up to.
    pub fn status(&self) -> WorkloadStatus {
        let mut status = WorkloadStatus {
            observed_generation: self.object.generation,
            ..WorkloadStatus::default()
        };
        for (i, (_, set)) in self.sets.iter().enumerate() {
            status.replicas += set.status.replicas;
            status.ready += set.status.ready;
            status.available += set.status.available;
            if Some(i) == self.new {
                status.updated = set.status.replicas;
            }
        }
        status
    }
}

/// Turns of the queue are events of the controller.
pub(super) struct Turns<'o, O>(pub &'o mut O);

impl<O: Out<Event>> Out<Turn<WorkloadId>> for Turns<'_, O> {
    fn at(&mut self, time: Time, turn: Turn<WorkloadId>) {
        self.0.at(time, Event::Turn(turn));
    }

    fn write(&mut self, time: Time, write: Write) {
        self.0.write(time, write);
    }
}
