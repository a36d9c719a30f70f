//! Every table of `tests/conformance/*.toml` against the models: facts read from Kubernetes' own unit tests,
//! or derived from its formulas. A group or a key of a row that no check looks at fails the test.

mod argo_rollouts;
mod autoscaler;
mod daemon_set;
mod deployment;
mod disruption;
mod flagger;
mod knative;
mod kubelet;
mod levels;
mod network;
mod node;
mod outlier;
mod replicaset;
mod scheduler;
mod stateful_set;
mod status;
mod table;
mod topology;

/// The tables the modules above run; a file outside this list is one nobody runs.
const FILES: &[&str] = &[
    "argo_rollouts",
    "backoff",
    "cleanup_deployment",
    "cleanup_unhealthy",
    "daemonset",
    "deployment_status",
    "endpoints",
    "envoy_levels",
    "envoy_outlier",
    "fenceposts",
    "flagger",
    "grace_period",
    "hpa",
    "karpenter_budgets",
    "knative_kpa",
    "knative_rollout",
    "new_rs_replicas",
    "node_failure",
    "pdb",
    "pod_deletion_ranking",
    "prober",
    "proportional_scaling",
    "proxy_endpoints",
    "proxy_runner",
    "reconcile_old",
    "recreate",
    "replicaset",
    "rolling_trace",
    "scale_down_rolling",
    "scheduler",
    "statefulset",
    "topology_hints",
    "topology_spread",
];

#[test]
fn every_table_is_run() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/conformance");
    let mut files: Vec<String> = std::fs::read_dir(folder)
        .expect("the folder of the tables")
        .map(|entry| entry.expect("an entry of the folder").path())
        .filter(|path| path.extension().is_some_and(|ext| ext == "toml"))
        .map(|path| path.file_stem().expect("a name").to_string_lossy().into_owned())
        .collect();
    files.sort();
    assert_eq!(files, FILES);
}
