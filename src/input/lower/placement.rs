//! What the scheduler reads of a pod template: requests, spreading, anti-affinity.

use crate::cluster::spec::{AntiAffinity, Labels, Resources, TopologySpread};
use crate::input::lower::check::Check;
use crate::input::text::checks;
use k8s_openapi::api::core::v1::PodSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

/// What the scheduler reserves: the larger of (containers and sidecars together) and any one init
/// container (with the sidecars before it).
pub fn requests(check: &mut Check<'_>, spec: &PodSpec) -> Resources {
    let mut sum = [0i64; 2];
    let mut sidecars = [0i64; 2];
    let mut peak = [0i64; 2];
    for (i, c) in spec.init_containers.iter().flatten().enumerate() {
        let path = format!("spec.template.spec.initContainers[{i}].resources.requests");
        let own = container_requests(check, &path, c);
        let sidecar = c.restart_policy.as_deref() == Some("Always");
        for k in 0..2 {
            peak[k] = peak[k].max(sidecars[k].saturating_add(own[k]));
            if sidecar {
                sidecars[k] = sidecars[k].saturating_add(own[k]);
            }
        }
    }
    for (i, c) in spec.containers.iter().enumerate() {
        let path = format!("spec.template.spec.containers[{i}].resources.requests");
        let own = container_requests(check, &path, c);
        for k in 0..2 {
            sum[k] = sum[k].saturating_add(own[k]);
        }
    }
    let total = |k: usize| sum[k].saturating_add(sidecars[k]).max(peak[k]);
    Resources { cpu_millis: total(0), memory_bytes: total(1) }
}

/// CPU in thousandths and memory in bytes.
fn container_requests(
    check: &mut Check<'_>,
    path: &str,
    container: &k8s_openapi::api::core::v1::Container,
) -> [i64; 2] {
    let resources = container.resources.as_ref();
    let limits = resources.and_then(|r| r.limits.as_ref());
    let mut amounts = [0, 0];
    for (k, name) in ["cpu", "memory"].iter().enumerate() {
        // A limit without a request is a request as well.
        let given = resources
            .and_then(|r| r.requests.as_ref())
            .and_then(|r| r.get(*name))
            .or_else(|| limits.and_then(|l| l.get(*name)));
        let Some(given) = given else { continue };
        match checks::quantity_millis(&given.0).filter(|&m| m >= 0) {
            Some(millis) => amounts[k] = if k == 0 { millis } else { millis / 1000 },
            None => {
                let error = check.error(&format!("{path}.{name}"), "not a quantity");
                error.found = Some(crate::input::text::tree::quoted(&given.0));
                error.allowed = Some("a number such as 500m, 2, 256Mi or 1Gi".to_owned());
            }
        }
    }
    amounts
}

fn exact_labels(check: &mut Check<'_>, selector: Option<&LabelSelector>) -> Labels {
    if selector.is_some_and(|s| s.match_expressions.as_ref().is_some_and(|e| !e.is_empty())) {
        check.note("matchExpressions of spreading and affinity terms");
    }
    selector.and_then(|s| s.match_labels.clone()).unwrap_or_default()
}

pub fn spread(check: &mut Check<'_>, spec: &PodSpec) -> Vec<TopologySpread> {
    let mut constraints = Vec::new();
    for (i, c) in spec.topology_spread_constraints.iter().flatten().enumerate() {
        let path = format!("spec.template.spec.topologySpreadConstraints[{i}]");
        if c.max_skew < 1 {
            check.out_of_range(&format!("{path}.maxSkew"), i64::from(c.max_skew), "1 or more");
        }
        let do_not_schedule = match c.when_unsatisfiable.as_str() {
            "ScheduleAnyway" => false,
            "DoNotSchedule" => true,
            other => {
                let found = crate::input::text::tree::quoted(other);
                let error = check.error(&format!("{path}.whenUnsatisfiable"), "unknown word");
                error.found = Some(found);
                error.allowed = Some("DoNotSchedule, ScheduleAnyway".to_owned());
                true
            }
        };
        let rest = [
            (c.match_label_keys.is_some(), "matchLabelKeys"),
            (c.min_domains.is_some(), "minDomains"),
            (c.node_affinity_policy.is_some(), "nodeAffinityPolicy"),
            (c.node_taints_policy.is_some(), "nodeTaintsPolicy"),
        ];
        for (_, what) in rest.iter().filter(|(there, _)| *there) {
            check.note(format!("topologySpreadConstraints.{what}"));
        }
        constraints.push(TopologySpread {
            topology_key: c.topology_key.clone(),
            max_skew: c.max_skew.max(1),
            do_not_schedule,
            selector: exact_labels(check, c.label_selector.as_ref()),
        });
    }
    constraints
}

pub fn anti_affinity(check: &mut Check<'_>, spec: &PodSpec) -> Vec<AntiAffinity> {
    let Some(anti) = spec.affinity.as_ref().and_then(|a| a.pod_anti_affinity.as_ref()) else {
        return Vec::new();
    };
    let mut terms = Vec::new();
    for term in anti.required_during_scheduling_ignored_during_execution.iter().flatten() {
        terms.push(AntiAffinity {
            topology_key: term.topology_key.clone(),
            selector: exact_labels(check, term.label_selector.as_ref()),
            required: true,
            weight: 100,
        });
    }
    let preferred = anti.preferred_during_scheduling_ignored_during_execution.iter().flatten();
    for (i, weighted) in preferred.enumerate() {
        if !(1..=100).contains(&weighted.weight) {
            let path = format!(
                "spec.template.spec.affinity.podAntiAffinity.\
                 preferredDuringSchedulingIgnoredDuringExecution[{i}].weight"
            );
            check.out_of_range(&path, i64::from(weighted.weight), "1 to 100");
        }
        let term = &weighted.pod_affinity_term;
        terms.push(AntiAffinity {
            topology_key: term.topology_key.clone(),
            selector: exact_labels(check, term.label_selector.as_ref()),
            required: false,
            weight: weighted.weight,
        });
    }
    terms
}
