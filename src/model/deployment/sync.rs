//! One sync of the Deployment controller: what it sees, with its own changes.

use super::rolling::RsSize;
use super::status;
use crate::cluster::objects::{Deployment, DeploymentId, DeploymentStatus, ReplicaSet, RsId};
use crate::engine::Time;
use crate::model::plumbing::Ctx;

/// One sync in progress: the sets as this sync sees them (its own writes applied to the copies) and the time
/// it has used so far.
pub(super) struct Sync<'a> {
    pub ctx: Ctx<'a>,
    pub id: DeploymentId,
    pub deployment: &'a Deployment,
    /// By creation, as cached, with this sync's own changes.
    pub sets: Vec<(RsId, ReplicaSet)>,
    /// Index of the new set in `sets`, if it exists.
    pub new: Option<usize>,
    /// A set this sync created: its id is not known to it.
    pub created: Option<i32>,
    /// What the sets' statuses add up to.
    pub status: DeploymentStatus,
    pub end: Time,
    pub wrote: bool,
}

impl<'a> Sync<'a> {
    pub fn new(
        ctx: Ctx<'a>,
        id: DeploymentId,
        deployment: &'a Deployment,
        sets: Vec<(RsId, ReplicaSet)>,
    ) -> Sync<'a> {
        let mut status = DeploymentStatus {
            observed_generation: deployment.generation,
            ..DeploymentStatus::default()
        };
        let mut new = None;
        for (index, (_, set)) in sets.iter().enumerate() {
            status.replicas += set.status.replicas;
            status.ready += set.status.ready;
            status.available += set.status.available;
            if new.is_none() && set.template == deployment.template {
                new = Some(index);
                status.updated = set.status.replicas;
            }
        }
        let (created, end, wrote) = (None, ctx.now, false);
        Sync { ctx, id, deployment, sets, new, created, status, end, wrote }
    }

    pub fn new_rs(&self) -> Option<RsId> {
        self.new.map(|i| self.sets[i].0)
    }

    pub fn old(&self) -> impl Iterator<Item = &(RsId, ReplicaSet)> {
        let new = self.new_rs();
        self.sets.iter().filter(move |(rs, _)| Some(*rs) != new)
    }

    /// The sizes of active sets were made for another spec.replicas.
    pub fn is_resized(&self, desired: i32) -> bool {
        self.sets.iter().any(|(_, s)| s.replicas > 0 && s.desired_annotation != desired)
    }

    pub fn old_indices(&self) -> impl Iterator<Item = usize> + use<> {
        let new = self.new;
        (0..self.sets.len()).filter(move |&i| Some(i) != new)
    }

    pub fn is_complete(&self) -> bool {
        status::complete(self.deployment.spec.replicas, counts(self.status), true)
    }
}

/// What completion and progress are judged by.
pub(super) fn counts(s: DeploymentStatus) -> status::DeploymentStatus {
    let DeploymentStatus { replicas, updated, ready, available, .. } = s;
    status::DeploymentStatus { replicas, updated, ready, available }
}

pub(super) fn size(set: &ReplicaSet) -> RsSize {
    RsSize { spec: set.replicas, replicas: set.status.replicas, available: set.status.available }
}
