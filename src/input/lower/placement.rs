//! What the scheduler reads of a pod template: requests, ports, volumes, spreading, affinity.

use crate::cluster::placement::{HostPort, Placement, PodTerms, TopologySpread};
use crate::cluster::spec::Requests;
use crate::input::lower::affinity;
use crate::input::lower::check::Check;
use crate::input::raw::manifest::{Document, Object};
use crate::input::text::checks;
use crate::input::text::tree::{Node as Tree, quoted};
use k8s_openapi::api::core::v1::{Container, PodSpec, TopologySpreadConstraint};

/// Read for its access modes.
pub const CLAIM: &str = "PersistentVolumeClaim";
const SPEC: &str = "spec.template.spec";

/// What a container asks for; a limit without a request is a request as well.
pub fn requests(check: &mut Check<'_>, path: &str, container: &Container) -> Requests {
    let resources = container.resources.as_ref();
    let limits = resources.and_then(|r| r.limits.as_ref());
    let requests = resources.and_then(|r| r.requests.as_ref());
    for name in requests.into_iter().chain(limits).flat_map(|r| r.keys()) {
        if !["cpu", "memory"].contains(&name.as_str()) {
            check.note(format!("requests of {name}"));
        }
    }
    let mut amount = |name: &str| {
        let given = requests.and_then(|r| r.get(name)).or_else(|| limits.and_then(|l| l.get(name)));
        let millis = checks::quantity_millis(&given?.0).filter(|&m| m >= 0);
        if millis.is_none() {
            let path = format!("{path}.resources.requests.{name}");
            let error = check.error(&path, "not a quantity");
            error.found = Some(quoted(&given?.0));
            error.allowed = Some("a number such as 500m, 2, 256Mi or 1Gi".to_owned());
        }
        millis
    };
    Requests { cpu_millis: amount("cpu"), memory_bytes: amount("memory").map(|m| m / 1000) }
}

/// The processor time that a container gets, in thousandths of a core, where it is limited.
pub fn cpu_limit(check: &mut Check<'_>, path: &str, container: &Container) -> Option<i64> {
    let limits = container.resources.as_ref().and_then(|r| r.limits.as_ref());
    let given = limits.and_then(|l| l.get("cpu"))?;
    let millis = checks::quantity_millis(&given.0).filter(|&m| m >= 0);
    if millis.is_none() {
        let path = format!("{path}.resources.limits.cpu");
        let error = check.error(&path, "not a quantity");
        error.found = Some(quoted(&given.0));
        error.allowed = Some("a number above 0, such as 500m or 2".to_owned());
    }
    // A limit of 0 is none.
    millis.filter(|&m| m > 0)
}

/// All that says where pods of the template may go.
pub fn placement(check: &mut Check<'_>, spec: &PodSpec) -> Placement {
    let path = format!("{SPEC}.affinity");
    let empty = Default::default();
    let affinity = spec.affinity.as_ref().unwrap_or(&empty);
    let [near, apart]: [PodTerms; 2] = affinity::pod_terms(check, &path, affinity);
    let tolerations = spec.tolerations.as_deref().unwrap_or_default();
    Placement {
        node_name: spec.node_name.clone().filter(|name| !name.is_empty()),
        node_selector: spec.node_selector.clone().unwrap_or_default(),
        node_affinity: affinity::node_affinity(check, &path, affinity),
        tolerations: affinity::tolerations(check, SPEC, tolerations),
        host_ports: host_ports(spec),
        exclusive_claims: exclusive_claims(check, spec),
        topology_spread: spread(check, spec),
        affinity: near,
        anti_affinity: apart,
    }
}

/// With hostNetwork all ports are ports of the node.
fn host_ports(spec: &PodSpec) -> Vec<HostPort> {
    let sidecar = |c: &&Container| c.restart_policy.as_deref() == Some("Always");
    let containers =
        spec.containers.iter().chain(spec.init_containers.iter().flatten().filter(sidecar));
    let ports = containers.flat_map(|c| c.ports.iter().flatten());
    let host = ports.filter_map(|p| {
        let of_network = (spec.host_network == Some(true)).then_some(p.container_port);
        let port = p.host_port.filter(|n| *n > 0).or(of_network)?;
        Some(HostPort {
            ip: p.host_ip.clone().filter(|ip| !ip.is_empty()).unwrap_or("0.0.0.0".to_owned()),
            protocol: p.protocol.clone().unwrap_or("TCP".to_owned()),
            port: u16::try_from(port).ok()?,
        })
    });
    host.collect()
}

/// The claims of its volumes that one pod alone may use.
fn exclusive_claims(check: &mut Check<'_>, spec: &PodSpec) -> Vec<String> {
    let mut exclusive = Vec::new();
    for claim in spec.volumes.iter().flatten().filter_map(|v| v.persistent_volume_claim.as_ref()) {
        let name = &claim.claim_name;
        match access_modes(check, name) {
            None => check.note(format!(
                "access mode of PersistentVolumeClaim {name} (not in the input; taken as shared)"
            )),
            Some(modes) if modes.iter().any(|m| m == "ReadWriteOncePod") => {
                exclusive.push(name.clone());
            }
            Some(modes) if modes.iter().all(|m| m == "ReadWriteOnce") && several_nodes(check) => {
                check.note(format!(
                    "ReadWriteOnce volume {name} (pods on another node would wait for it)"
                ));
            }
            Some(_) => {}
        }
    }
    exclusive
}

/// What a claim among the manifests says.
fn access_modes(check: &Check<'_>, name: &str) -> Option<Vec<String>> {
    let is = |d: &Document| {
        d.kind() == CLAIM && d.name() == name && d.namespace() == check.doc.namespace()
    };
    let claim = check.input.documents.iter().find(|d| is(d))?;
    let modes = claim.root.get("spec")?.get("accessModes")?;
    Some(modes.items().iter().filter_map(Tree::as_str).map(str::to_owned).collect())
}

fn several_nodes(check: &Check<'_>) -> bool {
    let listed = check.input.case.nodes.iter().map(|n| n.count.unwrap_or(1)).sum::<u32>() as usize;
    let documents = check.input.documents.iter();
    listed + documents.filter(|d| matches!(d.object, Object::Node(_))).count() > 1
}

fn spread(check: &mut Check<'_>, spec: &PodSpec) -> Vec<TopologySpread> {
    let constraints = spec.topology_spread_constraints.iter().flatten().enumerate();
    let path = |i| format!("{SPEC}.topologySpreadConstraints[{i}]");
    constraints.map(|(i, c)| constraint(check, &path(i), c)).collect()
}

fn constraint(check: &mut Check<'_>, path: &str, c: &TopologySpreadConstraint) -> TopologySpread {
    affinity::topology_key(check, path, &c.topology_key);
    if c.max_skew < 1 {
        check.out_of_range(&format!("{path}.maxSkew"), i64::from(c.max_skew), "1 or more");
    }
    let when = Some(c.when_unsatisfiable.as_str());
    let words = ["DoNotSchedule", "ScheduleAnyway"];
    let do_not_schedule = check.one_of(&format!("{path}.whenUnsatisfiable"), when, &words) == 0;
    if let Some(domains) = c.min_domains {
        if domains < 1 {
            check.out_of_range(&format!("{path}.minDomains"), i64::from(domains), "1 or more");
        } else if !do_not_schedule {
            let error = check.error(&format!("{path}.minDomains"), "only with DoNotSchedule");
            error.suggestion = Some("remove it, or whenUnsatisfiable: DoNotSchedule".to_owned());
        }
    }
    let mut policy = |key: &str, word: &Option<String>, default: usize| {
        let words = ["Honor", "Ignore"];
        let word = word.as_deref().or(Some(words[default]));
        check.one_of(&format!("{path}.{key}"), word, &words) == 0
    };
    let honor_affinity = policy("nodeAffinityPolicy", &c.node_affinity_policy, 0);
    let honor_taints = policy("nodeTaintsPolicy", &c.node_taints_policy, 1);
    let label_selector = format!("{path}.labelSelector");
    let selector = affinity::selector(check, &label_selector, c.label_selector.as_ref());
    check.must_select(&label_selector, selector.as_ref(), true);
    TopologySpread {
        topology_key: c.topology_key.clone(),
        max_skew: c.max_skew.max(1),
        min_domains: c.min_domains,
        do_not_schedule,
        selector,
        match_label_keys: c.match_label_keys.clone().unwrap_or_default(),
        honor_affinity,
        honor_taints,
    }
}
