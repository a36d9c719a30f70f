//! Writes to the specs of workloads by controllers: the subresource `scale`, and copies of others.

use super::objects::WorkloadId;
use super::server::Cluster;
use super::workload::Workload as WorkloadSpec;

impl Cluster {
    pub(super) fn scale(&mut self, workload: WorkloadId, replicas: i32) {
        assert!(replicas >= 0, "a workload cannot have {replicas} replicas");
        if self.workloads[workload].spec.replicas != replicas {
            let spec = WorkloadSpec { replicas, ..self.workloads[workload].spec.clone() };
            self.set_workload(workload, spec);
        }
    }

    /// What a copy is labelled by stays: the labels that have its name in the place of the other's.
    pub(super) fn copy_spec(&mut self, from: WorkloadId, to: WorkloadId, sized: bool) {
        debug_assert!(from != to, "a workload is no copy of itself");
        let (like, own) = (&self.workloads[from].spec, &self.workloads[to].spec);
        let mut template = (*like.template).clone();
        for (key, value) in &own.template.labels {
            let renamed =
                |other: &String| value.strip_prefix(other.as_str()).is_some_and(|s| !s.is_empty());
            if template.labels.get(key).is_some_and(renamed) {
                template.labels.insert(key.clone(), value.clone());
            }
        }
        let spec = WorkloadSpec {
            name: own.name.clone(),
            replicas: if sized { like.replicas } else { own.replicas },
            template: template.into(),
            release: None,
            ..like.clone()
        };
        if *own != spec {
            self.set_workload(to, spec);
        }
    }
}
