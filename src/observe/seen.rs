//! What the API server and load balancers show, at the moments at which it changes.

use crate::cluster::objects::RsId;
use crate::cluster::objects::{
    NodeId, Owner, Pod, PodId, PodStatus, Progress, ServiceId, WorkloadId,
};
use crate::cluster::server::Cluster;
use crate::cluster::write::Change;
use crate::engine::Time;
use crate::model::balancer::check::TargetState;
use crate::timeline::Target;
use crate::world::{Event, Moment};
use std::collections::{BTreeMap, BTreeSet};

/// A pod object as it was at a moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct PodSeen {
    pub(super) at: Time,
    pub(super) pod: PodId,
    pub(super) node: Option<NodeId>,
    pub(super) status: PodStatus,
    pub(super) deleting: bool,
    pub(super) removed: bool,
    /// What made it so.
    pub(super) by: Option<Change>,
    /// Its ReplicaSet has more pods than it is to have: it is the controller that deletes.
    pub(super) surplus: bool,
}

/// An entry of a Service's slices: whether it is ready, serving, terminating; None: it is gone.
pub(super) type Slice = (Time, ServiceId, PodId, Option<(bool, bool, bool)>);

/// All that was seen on the way.
#[derive(Debug, Default)]
pub(super) struct Seen {
    begun: bool,
    pub(super) pods: Vec<PodSeen>,
    pub(super) slices: Vec<Slice>,
    pub(super) targets: Vec<(Time, ServiceId, Target, TargetState)>,
    states: BTreeMap<(ServiceId, Target), TargetState>,
    known: BTreeSet<RsId>,
    /// ReplicaSets that are made with pods to have.
    pub(super) sets: Vec<(Time, RsId, i32)>,
    /// How far each workload is, whenever that changes.
    pub(super) progress: Vec<(Time, WorkloadId, Progress)>,
}

impl Seen {
    /// Looks at the state after an event.
    pub fn look(&mut self, moment: &Moment) {
        if !self.begun {
            self.begun = true;
            self.begin(moment);
        }
        for change in moment.changes {
            self.change(moment, *change);
        }
        if let Event::Balancer(layer, _) = moment.event {
            self.ask(moment, usize::from(layer), moment.at);
        }
    }

    /// What is there before anything happens, since ever.
    fn begin(&mut self, moment: &Moment) {
        let cluster = moment.cluster;
        let new = |rs: &RsId| !moment.changes.contains(&Change::ReplicaSet(*rs));
        self.known.extend(cluster.replica_sets.ids().filter(new));
        for (pod, object) in cluster.pods.pairs().filter(|(_, p)| !p.removed) {
            self.pod(Time::ALWAYS, cluster, pod, None);
            for (service, spec) in cluster.services.pairs() {
                let ready = object.status.ready || spec.publish_not_ready_addresses;
                if spec.selects(cluster.template_of(pod)) && object.status.has_ip {
                    let conditions = Some((ready, object.status.ready, false));
                    self.slices.push((Time::ALWAYS, service, pod, conditions));
                }
            }
        }
        (0..moment.balancers.len()).for_each(|layer| self.ask(moment, layer, Time::ALWAYS));
    }

    fn change(&mut self, moment: &Moment, change: Change) {
        let (at, cluster) = (moment.at, moment.cluster);
        match change {
            Change::PodCreated(pod)
            | Change::PodBound(pod)
            | Change::PodStatus(pod)
            | Change::PodDeleting(pod)
            | Change::PodRemoved(pod) => self.pod(at, cluster, pod, Some(change)),
            Change::Slice(range) => {
                for &(pod, conditions) in &cluster.slice_log[range.from as usize..range.to as usize]
                {
                    let told = conditions.map(|c| (c.ready, c.serving, c.terminating));
                    self.slices.push((at, range.service, pod, told));
                }
            }
            Change::ReplicaSet(rs) if self.known.insert(rs) => {
                let replicas = cluster.replica_sets[rs].replicas;
                if replicas > 0 {
                    self.sets.push((at, rs, replicas));
                }
            }
            Change::Workload(id) => {
                let progress = cluster.progress(id);
                let before = self.progress.iter().rev().find(|(_, other, _)| *other == id);
                if before.is_none_or(|(_, _, known)| *known != progress) {
                    self.progress.push((at, id, progress));
                }
            }
            _ => {}
        }
    }

    fn pod(&mut self, at: Time, cluster: &Cluster, pod: PodId, by: Option<Change>) {
        let object = &cluster.pods[pod];
        let surplus = match object.owner {
            Owner::ReplicaSet(rs) => {
                let stays = |p: &&Pod| p.owner == object.owner && p.stays();
                let deletes = matches!(by, Some(Change::PodDeleting(_)));
                deletes
                    && cluster.pods.iter().filter(stays).count() as i32
                        >= cluster.replica_sets[rs].replicas
            }
            Owner::Workload(_) => false,
        };
        debug_assert!(at >= self.pods.last().map_or(at, |p| p.at), "moments come in order");
        self.pods.push(PodSeen {
            at,
            pod,
            node: object.node,
            status: object.status,
            deleting: object.deleting.is_some(),
            removed: object.removed,
            by,
            surplus,
        });
    }

    /// What a load balancer's API says of its targets, where that is new.
    fn ask(&mut self, moment: &Moment, layer: usize, at: Time) {
        let Some((service, targets)) = moment.balancers.get(layer).and_then(|b| b.targets()) else {
            return;
        };
        for (target, state) in targets {
            let known = self.states.insert((service, target), state);
            if known != Some(state) {
                self.targets.push((at, service, target, state));
            }
        }
        debug_assert!(self.states.len() <= self.targets.len(), "each state was new once");
    }
}
