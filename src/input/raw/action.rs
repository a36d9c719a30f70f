//! What happens, as a scenario says it.

use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// What happens. `at_s` is when (default 0); with `when` it is not before this condition holds (and `after_s`
/// seconds later): `error_rate(v2, 60s) > 0.01`, `available(green) == 2`, `deadline-exceeded`, `complete`.
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
    DeletePods {
        at_s: Option<f64>,
        when: Option<String>,
        after_s: Option<f64>,
        count: Option<u32>,
        grace_period_s: Option<i64>,
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
    /// `kubectl drain`. Default of `node`: the first that has a pod of the Deployment.
    Drain {
        at_s: Option<f64>,
        when: Option<String>,
        after_s: Option<f64>,
        node: Option<String>,
        grace_period_s: Option<i64>,
    },
}

impl ActionCase {
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
            | ActionCase::Drain { when, after_s, .. } => (when.as_deref(), *after_s),
        }
    }
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
