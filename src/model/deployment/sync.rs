//! One sync of the Deployment controller: what it sees, with its own changes.

use super::rolling::RsSize;
use super::scaling::{self, ScaledSet};
use super::status::{self, Progressing};
use crate::cluster::objects::{ReplicaSet, RsId, Workload, WorkloadId, WorkloadStatus};
use crate::engine::Time;
use crate::model::plumbing::Ctx;

/// One sync in progress: the sets as this sync sees them (its own writes applied to the copies) and the time
/// it has used so far.
pub(super) struct Sync<'a> {
    /// Time and the platform's latencies.
    pub ctx: Ctx<'a>,
    /// The Deployment that is synced.
    pub id: WorkloadId,
    /// It, as stored at the API.
    pub deployment: &'a Workload,
    /// By creation, as cached, with this sync's own changes.
    pub sets: Vec<(RsId, ReplicaSet)>,
    /// Index of the new set in `sets`, if it exists.
    pub new: Option<usize>,
    /// A set this sync created: its id is not known to it.
    pub created: Option<i32>,
    /// What the sets' statuses add up to.
    pub status: WorkloadStatus,
    /// Condition Progressing, with this sync's own changes.
    pub progressing: Option<Progressing>,
    /// The sync has got so far: when its last call to the API returns.
    pub end: Time,
    /// It has scaled a set: failures before it are not forgotten until that is seen to have worked.
    pub wrote: bool,
    /// It does more than scale: progress counts.
    pub rolls: bool,
}

impl<'a> Sync<'a> {
    /// What one sync of the Deployment sees; `sets` are its ReplicaSets.
    pub fn new(
        ctx: Ctx<'a>,
        id: WorkloadId,
        deployment: &'a Workload,
        sets: Vec<(RsId, ReplicaSet)>,
        progressing: Option<Progressing>,
    ) -> Sync<'a> {
        let new = sets.iter().position(|(_, set)| set.template == deployment.template);
        let all = sets.iter().map(|(_, set)| set.status);
        let new_status = new.map(|i| sets[i].1.status);
        let status = status::calculate_status(all, new_status, deployment.generation);
        Sync {
            ctx,
            id,
            deployment,
            sets,
            new,
            created: None,
            status,
            progressing,
            end: ctx.now,
            wrote: false,
            rolls: false,
        }
    }

    /// The ReplicaSet of the present template, if it is there.
    pub fn new_rs(&self) -> Option<RsId> {
        self.new.map(|i| self.sets[i].0)
    }

    /// All ReplicaSets but the new one.
    pub fn old(&self) -> impl Iterator<Item = &(RsId, ReplicaSet)> {
        let new = self.new_rs();
        self.sets.iter().filter(move |(rs, _)| Some(*rs) != new)
    }

    /// The sizes of active sets were made for another spec.replicas.
    pub fn is_resized(&self, desired: i32) -> bool {
        scaling::is_scaling_event(self.sets.iter().map(|(_, set)| scaled(set)), desired)
    }

    /// Their places among the sets.
    pub fn old_indices(&self) -> impl Iterator<Item = usize> + use<> {
        let new = self.new;
        (0..self.sets.len()).filter(move |&i| Some(i) != new)
    }

    /// Whether the rollout is done, as the status that is about to be written says.
    pub fn is_complete(&self) -> bool {
        let desired = self.deployment.spec.replicas;
        status::complete(self.status.progress(desired, desired, true))
    }
}

pub(super) fn size(set: &ReplicaSet) -> RsSize {
    RsSize { spec: set.replicas, replicas: set.status.replicas, available: set.status.available }
}

pub(super) fn scaled(set: &ReplicaSet) -> ScaledSet {
    ScaledSet {
        spec: set.replicas,
        available: set.status.available,
        desired_annotation: Some(set.desired_annotation),
        max_annotation: Some(set.max_annotation),
        written: false,
    }
}
