//! The subresource `scale` of workloads.

use super::objects::WorkloadId;
use super::server::Cluster;
use super::write::Change;

impl Cluster {
    pub(super) fn scale(&mut self, workload: WorkloadId, replicas: i32) {
        assert!(replicas >= 0, "a workload cannot have {replicas} replicas");
        let WorkloadId::Deployment(id) = workload;
        let deployment = &mut self.deployments[id];
        if deployment.spec.replicas != replicas {
            deployment.spec.replicas = replicas;
            deployment.generation += 1;
            self.log.push(Change::Deployment(id));
        }
    }
}
