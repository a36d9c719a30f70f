//! What the manifests of all kinds of workloads have: a view, so that nobody else has to ask which kind it
//! is.

use super::manifest::{Document, Object};
use crate::cluster::workload::Kind;
use k8s_openapi::api::core::v1::{PodSpec, PodTemplateSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

/// A workload as its manifest has it.
#[derive(Clone, Copy, Debug)]
pub struct Held<'a> {
    /// Its kind.
    pub kind: Kind,
    /// `spec.replicas`, of the kinds that have it.
    pub replicas: Option<i32>,
    /// `spec.selector`; a pod has none.
    pub selector: Option<&'a LabelSelector>,
    /// What its pods are made from; None: the manifest has no `spec`.
    pub template: Option<&'a PodTemplateSpec>,
}

impl Document {
    /// The workload in it, if it is one.
    pub fn workload(&self) -> Option<Held<'_>> {
        let held = |kind, replicas, selector, template| Held { kind, replicas, selector, template };
        Some(match &self.object {
            Object::Deployment(w) => {
                let spec = w.spec.as_ref();
                let (selector, template) = (spec.map(|s| &s.selector), spec.map(|s| &s.template));
                held(Kind::Deployment, spec.and_then(|s| s.replicas), selector, template)
            }
            Object::StatefulSet(w) => {
                let spec = w.spec.as_ref();
                let (selector, template) = (spec.map(|s| &s.selector), spec.map(|s| &s.template));
                held(Kind::StatefulSet, spec.and_then(|s| s.replicas), selector, template)
            }
            Object::DaemonSet(w) => {
                let spec = w.spec.as_ref();
                let (selector, template) = (spec.map(|s| &s.selector), spec.map(|s| &s.template));
                held(Kind::DaemonSet, None, selector, template)
            }
            Object::ReplicaSet(w) => {
                let spec = w.spec.as_ref();
                let template = spec.and_then(|s| s.template.as_ref());
                let replicas = spec.and_then(|s| s.replicas);
                held(Kind::ReplicaSet, replicas, spec.map(|s| &s.selector), template)
            }
            Object::Rollout(w) => {
                let spec = w.spec.as_ref();
                let template = spec.and_then(|s| s.template.as_ref());
                let replicas = spec.and_then(|s| s.replicas);
                held(Kind::Rollout, replicas, spec.map(|s| &s.selector), template)
            }
            Object::Pod(template) => held(Kind::Pod, Some(1), None, Some(template)),
            _ => return None,
        })
    }

    /// Whether it is one.
    pub fn is_workload(&self) -> bool {
        self.workload().is_some()
    }

    /// The spec of its pods, if it is a workload.
    pub fn pod_spec(&self) -> Option<&PodSpec> {
        self.workload()?.template?.spec.as_ref()
    }

    /// `spec.replicas` of a workload becomes this.
    pub(crate) fn set_replicas(&mut self, replicas: i32) {
        match &mut self.object {
            Object::Deployment(w) => w.spec.get_or_insert_default().replicas = Some(replicas),
            Object::StatefulSet(w) => w.spec.get_or_insert_default().replicas = Some(replicas),
            Object::ReplicaSet(w) => w.spec.get_or_insert_default().replicas = Some(replicas),
            Object::Rollout(w) => w.spec.get_or_insert_default().replicas = Some(replicas),
            _ => {}
        }
    }

    /// Where its pods' spec stands, as messages about it have it.
    pub fn place_in_pod<'p>(&self, path: &'p str) -> &'p str {
        match &self.object {
            Object::Pod(_) => path.strip_prefix("spec.template.").unwrap_or(path),
            _ => path,
        }
    }
}
