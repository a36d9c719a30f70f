//! The subresource `scale` of workloads.

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
}
