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
    pub end: Time,
    pub wrote: bool,
}

impl Sync<'_> {
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

    pub fn status(&self) -> DeploymentStatus {
        let new = self.new.map(|i| self.sets[i].1.status).unwrap_or_default();
        let all = || self.sets.iter().map(|(_, s)| s.status);
        DeploymentStatus {
            replicas: all().map(|s| s.replicas).sum(),
            updated: new.replicas,
            ready: all().map(|s| s.ready).sum(),
            available: all().map(|s| s.available).sum(),
            observed_generation: self.deployment.generation,
        }
    }

    pub fn is_complete(&self, status: DeploymentStatus) -> bool {
        status::complete(self.deployment.spec.replicas, counts(status), true)
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
