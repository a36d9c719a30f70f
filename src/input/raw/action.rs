//! What happens, as a scenario says it.

use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// What happens. `at_s` is when (default 0); with `when` it is not before this condition holds (and `after_s`
/// seconds later): `error_rate(v2, 60s) > 0.01`, `available(green) == 2`, `deadline-exceeded`, `complete`;
/// `begun(1)`, `over(1)` and `since(1) >= 60` are about the second action of the list.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum ActionCase {
    /// Nothing: only the load, and faults (`at_s` changes nothing).
    None { at_s: Option<f64> },
    /// As `none`: what fails is the `[dependency]`.
    DependencyDown { at_s: Option<f64> },
    /// `kubectl apply` of the update; without one, or once it is applied, `kubectl rollout restart`.
    Rollout {
        at_s: Option<f64>,
        when: Option<String>,
        after_s: Option<f64>,
        /// Which manifest. Default: the update.
        apply: Option<ApplyCase>,
    },
    /// `kubectl rollout undo`; with `undo_after_s` a rollout, and its undo some seconds later. Pods behave as
    /// those of the revision that comes back.
    Undo {
        at_s: Option<f64>,
        when: Option<String>,
        after_s: Option<f64>,
        undo_after_s: Option<f64>,
        to_revision: Option<u32>,
    },
    /// `kubectl scale` of any Deployment of the input. Default of `deployment`: the one under test; of
    /// `replicas`: those of the update.
    Scale {
        at_s: Option<f64>,
        when: Option<String>,
        after_s: Option<f64>,
        #[serde(alias = "to")]
        replicas: Option<i32>,
        deployment: Option<String>,
    },
    /// `kubectl delete pod` of the first ones by name. `grace_period_s` here and below is `--grace-period`:
    /// default the pods' own; 0 with `--force`, the objects go at once.
    /// With `random` any of them, drawn anew in each run.
    DeletePods {
        at_s: Option<f64>,
        when: Option<String>,
        after_s: Option<f64>,
        count: Option<u32>,
        grace_period_s: Option<i64>,
        random: Option<bool>,
    },
    /// Every pod, one at a time, through the eviction API; starts 1 s after `at_s`.
    Evict {
        at_s: Option<f64>,
        when: Option<String>,
        after_s: Option<f64>,
        retry_s: Option<f64>,
        grace_period_s: Option<i64>,
    },
    /// Blue/green: switch the Service's selector to another Deployment. One of the update is created for it,
    /// unless it is scaled before: then it is there from the start. Any number of switches, to and fro.
    SelectorSwitch {
        at_s: Option<f64>,
        when: Option<String>,
        after_s: Option<f64>,
        /// Name of the Deployment. Default: the one of the update, else the only other one.
        to: Option<String>,
        /// Switch when all its pods are available (default true), else after `switch_after_s`.
        wait_available: Option<bool>,
        switch_after_s: Option<f64>,
        /// The Deployment that had the Service goes to 0 replicas so long after the switch. Default: stays.
        scale_down_after_s: Option<f64>,
    },
    /// The Ingress is applied with new weights of its Services: of the target groups of an ALB's action, or
    /// of an ingress-nginx canary (the main Service gets the rest). Those not named keep theirs.
    ShiftWeight {
        at_s: Option<f64>,
        when: Option<String>,
        after_s: Option<f64>,
        weights: BTreeMap<String, u32>,
    },
    /// `kubectl rollout restart` of the ingress controller (path ingress-nginx): its pods are replaced, one
    /// after the other.
    RestartIngress { at_s: Option<f64>, when: Option<String>, after_s: Option<f64> },
    /// `kubectl rollout pause`.
    Pause { at_s: Option<f64>, when: Option<String>, after_s: Option<f64> },
    /// `kubectl rollout resume`.
    Resume { at_s: Option<f64>, when: Option<String>, after_s: Option<f64> },
    /// `kubectl drain` of a node, or of several, `parallel` at a time (default 1). Default of `node`: the
    /// first that has a pod of the Deployment. `timeout_s` is for each node: default for ever.
    Drain {
        at_s: Option<f64>,
        when: Option<String>,
        after_s: Option<f64>,
        node: Option<String>,
        #[serde(default)]
        nodes: Vec<String>,
        parallel: Option<u32>,
        grace_period_s: Option<i64>,
        timeout_s: Option<f64>,
        /// Pods that no controller makes anew go as well.
        force: Option<bool>,
        /// Pods are deleted, past budgets.
        disable_eviction: Option<bool>,
    },
    /// A node dies at once, and nobody hears of it any more. Default of `node`: the first that has a pod of
    /// the Deployment.
    NodeDown { at_s: Option<f64>, when: Option<String>, after_s: Option<f64>, node: Option<String> },
    /// All nodes of a zone die at once: those whose label `topology.kubernetes.io/zone` has this value.
    ZoneDown { at_s: Option<f64>, when: Option<String>, after_s: Option<f64>, zone: String },
    /// A node's kubelet reaches the API no more, and its processes run on: its pods serve until their
    /// endpoints are gone. Default of `node`: the first that has a pod of the Deployment.
    NodeUnreachable {
        at_s: Option<f64>,
        when: Option<String>,
        after_s: Option<f64>,
        node: Option<String>,
        /// It is back so long after. Default: it stays away.
        for_s: Option<f64>,
    },
    /// The kubelet of a node is started anew: it begins to probe as for new pods, and before v1.35 they are
    /// not ready until it has. Default of `node`: the first that has a pod of the Deployment.
    KubeletRestart {
        at_s: Option<f64>,
        when: Option<String>,
        after_s: Option<f64>,
        node: Option<String>,
    },
    /// A zone is shifted away from an ALB or NLB: its address leaves the DNS name, and with cross-zone load
    /// balancing its targets get no new requests.
    ZonalShift {
        at_s: Option<f64>,
        when: Option<String>,
        after_s: Option<f64>,
        zone: String,
        /// It expires so long after: 60 to 259200. Default: after the run.
        for_s: Option<f64>,
    },
    /// Nodes join, like one that is there (default: the first), when their machines have booted.
    NodeAdd {
        at_s: Option<f64>,
        when: Option<String>,
        after_s: Option<f64>,
        count: Option<u32>,
        like: Option<String>,
    },
    /// The update of a managed node group, as EKS does it: further nodes come, all old ones are cordoned and
    /// excluded from load balancers, each is emptied, waits a minute and ends, and the further ones go.
    NodeGroupUpgrade {
        at_s: Option<f64>,
        when: Option<String>,
        after_s: Option<f64>,
        /// Default: all nodes.
        #[serde(default)]
        nodes: Vec<String>,
        /// So many nodes at a time. Default 1.
        max_unavailable: Option<u32>,
        /// For the pods of a node. Default 900.
        timeout_s: Option<f64>,
        /// Pods that are left then are deleted; else the update fails.
        force: Option<bool>,
    },
    /// Karpenter gives up nodes whose pods fit elsewhere, within the budgets of the NodePool among the
    /// manifests, or these.
    Consolidation {
        at_s: Option<f64>,
        when: Option<String>,
        after_s: Option<f64>,
        /// Which, in this order. Default: the last fifth.
        #[serde(default)]
        nodes: Vec<String>,
        /// As `spec.disruption.budgets[].nodes`: a number, or a share such as `10%`. Default: those of the
        /// NodePool, else 10%.
        #[serde(default)]
        budgets: Vec<String>,
    },
    /// A spot instance is taken back.
    Spot {
        at_s: Option<f64>,
        when: Option<String>,
        after_s: Option<f64>,
        node: Option<String>,
        /// Who hears of the notice. Default none.
        handler: Option<HandlerCase>,
        /// From the notice to the end of the machine. Default 120; with handler gke 30.
        notice_s: Option<f64>,
    },
    /// Pods, nodes or zones fail at random.
    Chaos {
        at_s: Option<f64>,
        when: Option<String>,
        after_s: Option<f64>,
        /// Default pod.
        what: Option<StruckCase>,
        /// Between two blows. Default 60.
        every_s: Option<f64>,
        /// From the first to the last. Default 600.
        for_s: Option<f64>,
        /// How much of what is there each hits, 0 to 1: one at least. Default 0.
        share: Option<f64>,
    },
}

impl ActionCase {
    /// When it begins, if it is said.
    pub fn at_s(&self) -> Option<f64> {
        match self {
            ActionCase::None { at_s, .. }
            | ActionCase::DependencyDown { at_s, .. }
            | ActionCase::Rollout { at_s, .. }
            | ActionCase::Undo { at_s, .. }
            | ActionCase::Scale { at_s, .. }
            | ActionCase::DeletePods { at_s, .. }
            | ActionCase::Evict { at_s, .. }
            | ActionCase::SelectorSwitch { at_s, .. }
            | ActionCase::ShiftWeight { at_s, .. }
            | ActionCase::RestartIngress { at_s, .. }
            | ActionCase::Pause { at_s, .. }
            | ActionCase::Resume { at_s, .. }
            | ActionCase::Drain { at_s, .. }
            | ActionCase::NodeDown { at_s, .. }
            | ActionCase::ZoneDown { at_s, .. }
            | ActionCase::NodeUnreachable { at_s, .. }
            | ActionCase::KubeletRestart { at_s, .. }
            | ActionCase::ZonalShift { at_s, .. }
            | ActionCase::NodeAdd { at_s, .. }
            | ActionCase::NodeGroupUpgrade { at_s, .. }
            | ActionCase::Consolidation { at_s, .. }
            | ActionCase::Spot { at_s, .. }
            | ActionCase::Chaos { at_s, .. } => *at_s,
        }
    }

    /// What it waits for, and how long after that it begins.
    pub fn condition(&self) -> (Option<&str>, Option<f64>) {
        match self {
            ActionCase::None { .. } | ActionCase::DependencyDown { .. } => (None, None),
            ActionCase::Rollout { when, after_s, .. }
            | ActionCase::Undo { when, after_s, .. }
            | ActionCase::Scale { when, after_s, .. }
            | ActionCase::DeletePods { when, after_s, .. }
            | ActionCase::Evict { when, after_s, .. }
            | ActionCase::SelectorSwitch { when, after_s, .. }
            | ActionCase::ShiftWeight { when, after_s, .. }
            | ActionCase::RestartIngress { when, after_s, .. }
            | ActionCase::Pause { when, after_s, .. }
            | ActionCase::Resume { when, after_s, .. }
            | ActionCase::Drain { when, after_s, .. }
            | ActionCase::NodeDown { when, after_s, .. }
            | ActionCase::ZoneDown { when, after_s, .. }
            | ActionCase::NodeUnreachable { when, after_s, .. }
            | ActionCase::KubeletRestart { when, after_s, .. }
            | ActionCase::ZonalShift { when, after_s, .. }
            | ActionCase::NodeAdd { when, after_s, .. }
            | ActionCase::NodeGroupUpgrade { when, after_s, .. }
            | ActionCase::Consolidation { when, after_s, .. }
            | ActionCase::Spot { when, after_s, .. }
            | ActionCase::Chaos { when, after_s, .. } => (when.as_deref(), *after_s),
        }
    }
}

/// Who hears that a spot instance is about to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum HandlerCase {
    /// Nobody.
    None,
    /// aws-node-termination-handler, which drains the node.
    Nth,
    /// Karpenter, which drains it and launches another at the same time.
    Karpenter,
    /// GKE: the kubelet, by graceful node shutdown.
    Gke,
}

/// What chaos strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StruckCase {
    /// Pods of the workload are deleted.
    Pod,
    /// Nodes die.
    Node,
    /// All nodes of a zone die.
    Zone,
}

/// The manifest that a rollout applies. What is applied runs the application as it is by then, `app.v2`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ApplyCase {
    /// The update's, where there is one.
    Update,
    /// The first one again: unlike an undo, a new revision where the application has changed.
    First,
}
