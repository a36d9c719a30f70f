//! What keeps pods: the kinds of workloads, as their manifests have them.

use super::spec::{Deployment, PodTemplate};
use std::sync::Arc;

/// The spec of a workload, by its kind.
#[derive(Clone, Debug, PartialEq)]
pub enum Workload {
    /// `apps/v1`, kind Deployment.
    Deployment(Deployment),
}

impl Workload {
    /// `metadata.name`.
    pub fn name(&self) -> &Arc<str> {
        let Workload::Deployment(d) = self;
        &d.name
    }

    /// `metadata.namespace`.
    pub fn namespace(&self) -> &str {
        let Workload::Deployment(d) = self;
        &d.namespace
    }

    /// How many pods are wanted, 0 or more.
    pub fn replicas(&self) -> i32 {
        let Workload::Deployment(d) = self;
        d.replicas
    }

    /// What its pods are made from.
    pub fn template(&self) -> &Arc<PodTemplate> {
        let Workload::Deployment(d) = self;
        &d.template
    }
}
