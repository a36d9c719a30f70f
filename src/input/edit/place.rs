//! Where a short name leads to in the document of a workload.

use crate::cluster::workload::Kind;
use crate::input::given::Input;
use crate::input::lower::serving_container;
use crate::input::ports;
use crate::input::raw::manifest::Document;
use crate::input::raw::workload::Held;
use crate::input::subject;
use crate::input::text::tree::{Step, key_of, parse_path};

/// Short names: the first key, and where it stands in the workload (`@` is the serving container). Of the
/// kinds with an `updateStrategy`, that takes the place of the Deployment's `strategy`.
pub(crate) const SHORT: &[(&str, &str)] = &[
    ("replicas", "spec"),
    ("strategy", "spec"),
    ("updateStrategy", "spec"),
    ("podManagementPolicy", "spec"),
    ("partition", "spec.updateStrategy.rollingUpdate"),
    ("minReadySeconds", "spec"),
    ("progressDeadlineSeconds", "spec"),
    ("revisionHistoryLimit", "spec"),
    ("paused", "spec"),
    ("rollingUpdate", "spec.strategy"),
    ("maxSurge", "spec.strategy.rollingUpdate"),
    ("maxUnavailable", "spec.strategy.rollingUpdate"),
    ("terminationGracePeriodSeconds", "spec.template.spec"),
    ("readinessGates", "spec.template.spec"),
    ("containers", "spec.template.spec"),
    ("initContainers", "spec.template.spec"),
    ("nodeSelector", "spec.template.spec"),
    ("affinity", "spec.template.spec"),
    ("topologySpreadConstraints", "spec.template.spec"),
    ("automountServiceAccountToken", "spec.template.spec"),
    ("image", "@"),
    ("imagePullPolicy", "@"),
    ("resources", "@"),
    ("resizePolicy", "@"),
    ("readinessProbe", "@"),
    ("livenessProbe", "@"),
    ("startupProbe", "@"),
    ("lifecycle", "@"),
    ("preStop", "@.lifecycle"),
    ("postStart", "@.lifecycle"),
];

/// The same for Services and PodDisruptionBudgets.
pub(crate) const SHORT_OTHER: &[(&str, &str, &str)] = &[
    ("publishNotReadyAddresses", "Service", "spec"),
    ("externalTrafficPolicy", "Service", "spec"),
    ("sessionAffinity", "Service", "spec"),
    ("minAvailable", "PodDisruptionBudget", "spec"),
    ("unhealthyPodEvictionPolicy", "PodDisruptionBudget", "spec"),
];

/// The path of a setting within a Deployment's document; None: it is not one of a Deployment.
pub(crate) fn deployment_path(
    input: &Input,
    document: &Document,
    steps: &[Step],
) -> Option<Vec<Step>> {
    let first = key_of(steps.first()?);
    let known = SHORT.iter().any(|(short, _)| *short == first);
    if !known && !["spec", "metadata"].contains(&first) {
        return None;
    }
    Some(long_path(steps, &serving_container(input, document), document.workload()))
}

/// Where the container stands that serves the clients' port.
pub(crate) fn serving_container(input: &Input, document: &Document) -> String {
    let service = subject::choose(input).ok().and_then(|s| s.own);
    let port = service.and_then(|i| ports::target_port(input, &input.documents[i]));
    let pod = document.pod_spec();
    let number = pod.map_or(0, |pod| serving_container::number(pod, port.as_ref()));
    serving_container::path(pod, number)
}

/// Whether objects of this kind are workloads.
pub(crate) fn is_workload_kind(kind: &str) -> bool {
    use Kind::{DaemonSet, Deployment, Pod, ReplicaSet, Rollout, StatefulSet};
    [Deployment, StatefulSet, DaemonSet, Rollout, ReplicaSet, Pod].iter().any(|k| k.name() == kind)
}

/// The full path of a short one within a workload.
pub(super) fn long_path(steps: &[Step], serving: &str, held: Option<Held<'_>>) -> Vec<Step> {
    let kind = held.map_or(Kind::Deployment, |held| held.kind);
    let mut long = path_in_deployment(steps, serving);
    let updates = matches!(kind, Kind::StatefulSet | Kind::DaemonSet);
    match &mut long[..] {
        [first, second, third, ..] if updates && key_of(second) == "strategy" => {
            debug_assert!(key_of(first) == "spec" && !key_of(third).is_empty());
            *second = Step::Key("updateStrategy".to_owned());
        }
        // The bounds of a Rollout are those of its canary.
        [_, second, third, ..]
            if kind == Kind::Rollout
                && (key_of(second), key_of(third)) == ("strategy", "rollingUpdate") =>
        {
            *third = Step::Key("canary".to_owned());
        }
        // A pod is its own template.
        [_, second, ..] if kind == Kind::Pod && key_of(second) == "template" => {
            long.drain(..2);
        }
        _ => {}
    }
    long
}

/// The same within a Deployment.
fn path_in_deployment(steps: &[Step], serving: &str) -> Vec<Step> {
    let home = SHORT.iter().find(|(short, _)| *short == key_of(&steps[0])).map(|(_, home)| *home);
    let mut long = match home {
        None => Vec::new(),
        Some(home) => match home.strip_prefix('@') {
            Some(rest) => parse_path(&format!("{serving}{rest}")),
            None => parse_path(home),
        },
    };
    long.extend(steps.iter().cloned());
    long
}
