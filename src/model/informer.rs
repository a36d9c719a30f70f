//! kube-controller-manager's shared cache: what its controllers see of the API, one watch latency late.

use crate::cluster::PodPhase;
use crate::cluster::objects::{NodeId, Owner, PodId, ReplicaSet, RsId, TemplateId, WorkloadId};
use crate::cluster::server::Cluster;
use crate::engine::{Dur, List, Time};

/// A pod as the cache shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeenPod {
    /// The cache holds it.
    pub exists: bool,
    /// What made it.
    pub owner: Owner,
    /// What it was made from.
    pub template: TemplateId,
    /// Where it is bound.
    pub node: Option<NodeId>,
    /// `status.phase`.
    pub phase: PodPhase,
    /// The condition Ready.
    pub ready: bool,
    /// When Ready last changed, in whole seconds.
    pub ready_transition: Time,
    /// It can be an endpoint.
    pub has_ip: bool,
    /// It has a deletionTimestamp.
    pub deleting: bool,
}

impl SeenPod {
    /// A pod the cache does not show.
    pub const UNKNOWN: SeenPod = SeenPod {
        exists: false,
        owner: Owner::ReplicaSet(RsId(0)),
        template: TemplateId(0),
        node: None,
        phase: PodPhase::Pending,
        ready: false,
        ready_transition: Time::ALWAYS,
        has_ip: false,
        deleting: false,
    };

    fn unfinished(&self) -> i32 {
        i32::from(self.exists && !self.phase.is_terminal())
    }

    /// Counts for its ReplicaSet: not terminal and not being deleted.
    pub fn is_active(&self) -> bool {
        self.exists && !self.deleting && !self.phase.is_terminal()
    }

    /// Active, and Ready.
    pub fn counts_as_ready(&self) -> bool {
        self.ready && self.is_active()
    }

    /// Being deleted, and not terminal yet.
    pub fn is_terminating(&self) -> bool {
        self.exists && self.deleting && !self.phase.is_terminal()
    }
}

/// From when on a Ready pod counts as available; NEVER: its condition has no time, so that only a change of
/// the pod can make it so.
///
/// `pkg/api/v1/pod/util.go: IsPodAvailable`.
pub fn available_from(ready_transition: Time, min_ready_seconds: i32) -> Time {
    match min_ready_seconds {
        0 => Time::ALWAYS,
        _ if ready_transition.is_never() => Time::NEVER,
        seconds => ready_transition + Dur::from_secs(i64::from(seconds)),
    }
}

/// A pod as the cache showed it and as it shows it now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PodChange {
    /// As the cache had it.
    pub before: SeenPod,
    /// As it has it now.
    pub after: SeenPod,
}

/// The cache that the controllers of one process share.
#[derive(Clone, Debug, Default)]
pub struct Informer {
    /// As last seen.
    pub pods: List<PodId, SeenPod>,
    /// None: not seen yet.
    pub sets: List<RsId, Option<ReplicaSet>>,
    /// Those that were seen, by creation.
    of: List<WorkloadId, Vec<RsId>>,
    /// Per set: pods that exist and whose phase is not terminal.
    unfinished: List<RsId, i32>,
}

impl Informer {
    /// The pod as the cache has it.
    pub fn pod(&self, pod: PodId) -> SeenPod {
        self.pods.get(pod).copied().unwrap_or(SeenPod::UNKNOWN)
    }

    /// Takes the pod's present state into the cache; returns what was there before and what is now.
    pub fn observe_pod(&mut self, cluster: &Cluster, pod: PodId) -> PodChange {
        let p = &cluster.pods[pod];
        let now = SeenPod {
            exists: !p.removed,
            owner: p.owner,
            template: p.template,
            node: p.node,
            phase: p.status.phase,
            ready: p.status.ready,
            ready_transition: p.ready_transition,
            has_ip: p.status.has_ip,
            deleting: p.deleting.is_some(),
        };
        if self.pods.len() <= pod.index() {
            self.pods.resize(pod.index() + 1, SeenPod::UNKNOWN);
        }
        let before = std::mem::replace(&mut self.pods[pod], now);
        debug_assert!(!before.exists || before.owner == now.owner, "a pod keeps its owner");
        if let Owner::ReplicaSet(rs) = p.owner {
            let unfinished = self.unfinished.entry(rs);
            *unfinished += now.unfinished() - before.unfinished();
            debug_assert!(*unfinished >= 0, "{unfinished} pods of a set");
        }
        PodChange { before, after: now }
    }

    /// Whether a pod of the set exists whose phase is not terminal.
    pub fn has_unfinished(&self, rs: RsId) -> bool {
        self.unfinished.get(rs).is_some_and(|&count| count > 0)
    }

    /// Takes the set's present state into the cache; whether more than its status changed.
    pub fn observe_set(&mut self, cluster: &Cluster, rs: RsId) -> bool {
        let now = cluster.replica_sets[rs];
        let seen = self.sets.entry(rs);
        debug_assert!(seen.is_none_or(|before| before.resource_version <= now.resource_version));
        let spec = |set: ReplicaSet| (set.generation, set.removed);
        let changed = seen.is_none_or(|before| spec(before) != spec(now));
        if seen.replace(now).is_none() {
            let sets = self.of.entry(now.deployment);
            sets.insert(sets.partition_point(|other| *other < rs), rs);
        }
        changed
    }

    /// The sets of a Deployment, by creation.
    pub fn sets_of(&self, deployment: WorkloadId) -> impl Iterator<Item = (RsId, &ReplicaSet)> {
        let seen = self.of.get(deployment).map_or(&[][..], Vec::as_slice);
        let set = |&rs: &RsId| self.sets[rs].as_ref().map(|set| (rs, set));
        seen.iter().filter_map(set).filter(|(_, set)| !set.removed)
    }
}
