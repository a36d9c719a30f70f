//! Who brings nodes, as a scenario says it.

use schemars::JsonSchema;
use serde::Deserialize;

/// Who brings nodes for pods that fit nowhere, and takes those that nobody needs. What is not given is what
/// its flags, or a NodePool among the manifests, say by default. New nodes are like those that are there.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NodeAutoscalerCase {
    /// Which. Default: Karpenter where a NodePool is among the manifests.
    pub kind: NodeAutoscalerKind,
    /// So many nodes of each group of nodes that are alike stay. Default 1; with Karpenter 0.
    pub min_nodes: Option<u32>,
    /// There are no more of each group than so many. Default: ten more than at the start.
    pub max_nodes: Option<u32>,
    /// From the launch of a machine until its node is ready. Default: as the card has it.
    pub boot_s: Option<f64>,
    /// Cluster Autoscaler's `--scan-interval`. Default 10.
    pub scan_s: Option<f64>,
    /// Its `--scale-down-enabled`. Default true.
    pub scale_down: Option<bool>,
    /// Its `--scale-down-unneeded-time`. Default 600.
    pub unneeded_s: Option<f64>,
    /// Its `--scale-down-utilization-threshold`, 0 to 1. Default 0.5.
    pub utilization: Option<f64>,
    /// Its `--scale-down-delay-after-add`. Default 600.
    pub delay_after_add_s: Option<f64>,
    /// Its `--max-graceful-termination-sec`. Default 600.
    pub max_graceful_termination_s: Option<i64>,
    /// Karpenter's `spec.disruption.consolidateAfter`, past the NodePool's. Default 0.
    pub consolidate_after_s: Option<f64>,
    /// Its `spec.disruption.budgets[].nodes`, past the NodePool's: a number, or a share such as `10%`.
    #[serde(default)]
    pub budgets: Vec<String>,
}

/// Who brings and takes nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NodeAutoscalerKind {
    /// Cluster Autoscaler.
    ClusterAutoscaler,
    /// Karpenter.
    Karpenter,
    /// Nobody, whatever is among the manifests.
    None,
}
