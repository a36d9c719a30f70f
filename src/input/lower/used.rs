//! What the user gave must do something: a `--set` that nothing reads is a mistake, and so is a key of the
//! scenario.

use crate::cluster::spec::{Container, Hook, OnSigterm};
use crate::engine::Dur;
use crate::input::known::{self, Fate};
use crate::input::lower::autoscalers::idle_target;
use crate::input::lower::lowering::Lowering;
use crate::input::raw::case::ProfileKind;
use crate::input::text::diagnostics::Diagnostic;
use crate::input::text::tree::{Node, Step, key_of, parse_path, path_text};
use crate::model::autoscaler::spec::Source;
use crate::model::balancer::{Kind, Path};
use crate::model::node::provision::By;
use crate::model::platform::ProxyMode;
use crate::scenario::{ActionKind, Fault, Scenario, Trouble};
use crate::traffic::offered::Arrivals;

/// Whether a key does something.
enum Use {
    Always,
    /// It does not, and why.
    Never(String),
}

impl Use {
    fn when(used: bool, why: &str) -> Use {
        if used { Use::Always } else { Use::Never(why.to_owned()) }
    }
}

/// Errors for settings that must be used and are not.
pub(super) fn check(low: &mut Lowering<'_>, scenario: &Scenario) {
    for path in &low.input.must_use {
        if let Some(Use::Never(why)) = of_setting(low, scenario, path) {
            let error = Diagnostic::error("", "given and not used").at(None, path);
            low.problems.push(error.suggest(why));
        }
    }
    if !low.input.whole_case {
        return;
    }
    let mut given = Vec::new();
    leaves(&low.input.case_root, &mut Vec::new(), &mut given);
    for (path, line) in given {
        // What was set over it was looked at above.
        let silent = path.starts_with("traffic") && scenario.no_requests.is_some();
        if silent || line == 0 {
            continue;
        }
        if let Some(Use::Never(why)) = of_case(low, scenario, &path) {
            let file = &low.input.case_file;
            // Who asks "what if" need not take out of the file what the question leaves idle.
            if !low.input.must_use.is_empty() {
                low.note(format!("{file}:{line}: {path} does nothing with this: {why}"));
                continue;
            }
            let error = Diagnostic::error(file, "given and not used").at(Some(line), path);
            low.problems.push(error.suggest(why));
        }
    }
}

/// The keys of a scenario that hold a value, with their lines.
fn leaves(node: &Node, above: &mut Vec<Step>, found: &mut Vec<(String, u32)>) {
    let maps = |node: &Node| node.items().iter().any(Node::is_map);
    for entry in node.entries() {
        above.push(Step::Key(entry.key.clone()));
        let inside = !entry.node.entries().is_empty() || maps(&entry.node);
        match inside {
            true => leaves(&entry.node, above, found),
            false => found.push((path_text(above), entry.line)),
        }
        above.pop();
    }
    for (i, item) in node.items().iter().enumerate() {
        above.push(Step::Index(i));
        leaves(item, above, found);
        above.pop();
    }
}

/// Of a `--set`.
fn of_setting(low: &Lowering<'_>, scenario: &Scenario, path: &str) -> Option<Use> {
    if let Some((prefix, section)) = known::annotation(path) {
        let read = low.path_kind.is_some_and(|kind| section.paths.contains(&kind));
        let name =
            path[prefix.len()..].split_once("attributes.").map_or(&path[prefix.len()..], |_| "");
        let ignored = section.fate(name).is_some_and(|fate| *fate != Fate::Modelled);
        return Some(match (section.paths.is_empty() || read, ignored) {
            (false, _) => {
                Use::Never("no controller on the path of the requests reads it".to_owned())
            }
            (true, true) => {
                Use::Never("it is not modelled, or cannot change the answer".to_owned())
            }
            (true, false) => Use::Always,
        });
    }
    // Of the limits, that of the processor counts with what the application uses of one.
    if path.ends_with("resources.limits.cpu") {
        let uses = |c: &Container| c.app.start_cpu.is_some() || c.app.cpu_s.is_some();
        let why = "neither app.cpu_s nor app.start_cpu_s says what is used of a processor";
        return Some(Use::when(containers(scenario).any(uses), why));
    }
    if let Some(why) = low.input.ignored_field(path).or_else(|| idle_target(low, path)) {
        return Some(Use::Never(why));
    }
    let steps = parse_path(path);
    match steps.iter().map(key_of).collect::<Vec<_>>()[..] {
        ["traffic", ..] if scenario.no_requests.is_some() => {
            scenario.no_requests.clone().map(Use::Never)
        }
        [whose @ ("balancer" | "in_front"), key, ..] => {
            let read = low.used.contains(&format!("{whose}.{key}"));
            let why = format!("the path of the requests does not read {key} of its card");
            Some(Use::when(read, &why))
        }
        ["scheduler", _, ..] => of_case(low, scenario, "scheduler"),
        _ => of_case(low, scenario, path),
    }
}

/// A metric of a release, or a webhook of a Canary.
fn of_analysis(scenario: &Scenario, name: &str) -> Use {
    let releases = scenario.releases();
    let mut metrics = releases.flat_map(|r| r.analyses()).flat_map(|a| &a.metrics);
    let hooks = || scenario.releases().filter_map(|r| r.flagger()).flat_map(|c| &c.hooks);
    let read = metrics.any(|m| m.name == *name) || hooks().any(|h| h.name == *name);
    Use::when(read, "no analysis of the Rollout has a metric of this name")
}

/// The controller looks for weights in an ALB's rule.
fn of_rollouts(scenario: &Scenario) -> Use {
    let is_alb = matches!(scenario.route().path, Path::Alb(_));
    let routed = scenario.releases().any(|release| release.router().is_some());
    Use::when(is_alb && routed, "no Rollout shares the requests of an ALB")
}

fn of_kernel(scenario: &Scenario) -> Use {
    let read = matches!(scenario.kubernetes.proxy_mode, ProxyMode::Ipvs { .. });
    Use::when(read, "kube-proxy does not use IPVS")
}

/// Of a key of the scenario; None: no key of it.
fn of_case(low: &Lowering<'_>, scenario: &Scenario, path: &str) -> Option<Use> {
    let steps = parse_path(path);
    let keys: Vec<&str> = steps.iter().map(key_of).collect();
    match keys[..] {
        ["app", "containers", name, ref rest @ ..] => {
            let there = containers(scenario).any(|c| c.name == name);
            match there {
                true => rest.first().and_then(|key| of_app(scenario, key)),
                false => Some(Use::Never(format!("no container is named {name}"))),
            }
        }
        ["app", "workloads", name, ref rest @ ..] => {
            let there = scenario.workloads.iter().any(|w| *w.name == *name);
            match there {
                true => rest.first().and_then(|key| of_app(scenario, key)),
                false => Some(Use::Never(format!("no workload that runs is named {name}"))),
            }
        }
        ["app", "v2", ref rest @ ..] => match scenario.templates().count() < 2 {
            true => Some(Use::Never("no action brings a second version".to_owned())),
            false => rest.first().and_then(|key| of_app(scenario, key)),
        },
        ["app", "v1", key, ..] | ["app", key, ..] => of_app(scenario, key),
        ["traffic", "profile", key, ..] => of_profile(low, key),
        ["traffic", key, ..] => of_traffic(low, scenario, key),
        ["gate", ..] => {
            let gated = scenario.templates().any(|t| !t.readiness_gates.is_empty());
            Some(Use::when(gated, "the pods have no readiness gates"))
        }
        ["metric" | "metrics", ..] => {
            let read = !scenario.autoscalers.is_empty();
            Some(Use::when(read, "no autoscaler of what gets requests reads it"))
        }
        ["vpa", name, ref rest @ ..] => {
            let read = !scenario.verticals.is_empty();
            let serves = name == "*" || containers(scenario).any(|c| c.name == name);
            Some(match (rest, read, serves) {
                (["from_s" | "target" | "lower_bound" | "upper_bound", ..], true, true) => {
                    Use::Always
                }
                (_, true, false) => Use::Never(format!("no container is named {name}")),
                _ => Use::Never("no VerticalPodAutoscaler is about these pods".to_owned()),
            })
        }
        ["analysis", name, ..] => Some(of_analysis(scenario, name)),
        ["rollouts", ..] => Some(of_rollouts(scenario)),
        ["scheduler"] => Some(Use::when(scenario.nodes.len() > 1, "there is one node to choose")),
        ["action" | "actions", .., key] => of_action(scenario, key),
        ["mesh", "version" | "locality_lb" | "caller_zone"]
            if low.path_kind == Some(Kind::Istio) =>
        {
            Some(Use::Always)
        }
        ["mesh", ..] => Some(Use::when(meshed(scenario), "no proxy is injected into the pods")),
        ["connections", key] => Some(of_connections(scenario, key)),
        ["node_autoscaler", key, ..] => Some(of_node_autoscaler(scenario, key)),
        ["kubernetes", "kernel"] => Some(of_kernel(scenario)),
        ["kubernetes" | "nodes" | "fault" | "proxy" | "dependency" | "calls", ..] => {
            Some(Use::Always)
        }
        [key] => ["schema", "name", "description", "manifests", "update", "deployment", "service"]
            .iter()
            .chain(&["platform", "age_s", "horizon_s", "action", "actions"])
            .any(|known| *known == key)
            .then_some(Use::Always),
        _ => None,
    }
}

/// Keys of `node_autoscaler`: some are of one of them alone.
fn of_node_autoscaler(scenario: &Scenario, key: &str) -> Use {
    let of_karpenter = matches!(key, "budgets" | "consolidate_after_s");
    match (key, scenario.node_autoscaler.as_ref().map(|a| &a.by)) {
        ("kind", _) | ("min_nodes" | "max_nodes" | "boot_s", Some(_)) => Use::Always,
        (_, None) => Use::Never("nobody brings nodes".to_owned()),
        (_, Some(By::Karpenter(_))) => {
            Use::when(of_karpenter, "Cluster Autoscaler has it, and Karpenter has not")
        }
        (_, Some(By::ClusterAutoscaler(_))) => {
            Use::when(!of_karpenter, "Karpenter has it, and Cluster Autoscaler has not")
        }
    }
}

/// Keys of `connections`; some count only together with another.
fn of_connections(scenario: &Scenario, key: &str) -> Use {
    let waits = scenario.traffic.long_lived.as_ref().is_some_and(|l| l.back_off.first > Dur::ZERO);
    match key {
        "back_off_factor" | "back_off_max_s" | "jitter" => {
            Use::when(waits, "it counts with connections.back_off_s")
        }
        _ => Use::Always,
    }
}

fn containers(scenario: &Scenario) -> impl Iterator<Item = &Container> {
    scenario.templates().flat_map(|t| t.init_containers.iter().chain(&t.containers))
}

/// Whether somebody keeps connections to pods.
fn keeps(scenario: &Scenario) -> bool {
    scenario.traffic.client.keep_alive
        || scenario.calls.iter().any(|call| call.how.kept.is_some())
        || scenario.route().path.idle_timeout().is_some()
}

fn probed(c: &Container) -> bool {
    [&c.startup_probe, &c.readiness_probe, &c.liveness_probe].iter().any(|p| p.is_some())
}

/// Keys of `app`; some count only together with another.
fn of_app(scenario: &Scenario, key: &str) -> Option<Use> {
    let any = |fits: &dyn Fn(&Container) -> bool| containers(scenario).any(fits);
    let timed =
        |hook: &Option<Hook>| matches!(hook, Some(Hook::Exec { .. } | Hook::HttpGet { .. }));
    let lame = |c: &Container| matches!(c.app.on_sigterm, OnSigterm::LameDuck { .. });
    let drains = |c: &Container| matches!(c.app.on_sigterm, OnSigterm::Graceful { .. }) || lame(c);
    let checked = matches!(
        scenario.route().path,
        Path::Alb(_) | Path::Registered(..) | Path::Haproxy(_) | Path::Envoy(_)
    );
    Some(match key {
        "card"
        | "start_delay_s"
        | "start_delay"
        | "start_cpu_s"
        | "service"
        | "on_sigterm"
        | "crash_after_s"
        | "needs_network_at_start"
        | "concurrency"
        | "ports"
        | "status"
        | "answer_bytes" => Use::Always,
        "lame_duck_s" | "drain_accepts" => {
            Use::when(any(&lame), "it counts with app.on_sigterm = \"lame-duck\"")
        }
        "drain_timeout_s" | "drain_poll_s" => {
            let why = "it counts with app.on_sigterm = \"graceful\" or \"lame-duck\"";
            Use::when(any(&drains), why)
        }
        "pre_stop_s" => {
            let why = "no container has an exec or httpGet preStop hook";
            Use::when(any(&|c| timed(&c.pre_stop)), why)
        }
        "post_start_s" => {
            let why = "no container has an exec or httpGet postStart hook";
            Use::when(any(&|c| timed(&c.post_start)), why)
        }
        "queue" | "waiting" | "probes_share_the_queue" => {
            Use::when(any(&|c| c.app.concurrency.is_some()), "it counts with app.concurrency")
        }
        "connections" => {
            let kept = any(&|c| c.app.concurrency.is_some() && c.app.backlog);
            Use::when(kept, "it counts with app.concurrency and app.waiting = \"backlog\"")
        }
        "warm_up" => Use::Always,
        "cpu_s" if any(&|c| c.cpu_limit_millis.is_some()) => Use::Always,
        "cpu_s" | "cpu_idle" => {
            let mut metrics = scenario.autoscalers.iter().flat_map(|a| &a.metrics);
            let read = metrics.any(|m| matches!(m.source, Source::Cpu { .. }));
            Use::when(read, "no autoscaler reads cpu, and no container has limits.cpu")
        }
        "depends_on" => {
            let of_dependency = |f: &Fault| {
                matches!(f.what, Trouble::DependencyDown | Trouble::DependencySlow { .. })
            };
            let why = "no fault concerns a dependency";
            Use::when(scenario.faults.iter().any(of_dependency), why)
        }
        "never_ready" => {
            let asked = checked || any(&|c| c.readiness_probe.is_some());
            Use::when(asked, "no readiness probe or health check asks")
        }
        "probe_s" => Use::when(any(&probed), "no container has a probe"),
        "keep_alive_timeout_s" => {
            Use::when(keeps(scenario), "no connection is kept: traffic.keep_alive")
        }
        _ => return None,
    })
}

/// Proxies of a mesh are in the pods, or are a gateway whose own pods stop.
fn meshed(scenario: &Scenario) -> bool {
    scenario.route().path.restart().is_some() || scenario.templates().any(|t| t.proxy.is_some())
}

fn of_traffic(low: &Lowering<'_>, scenario: &Scenario, key: &str) -> Option<Use> {
    let traffic = &scenario.traffic;
    let closed = matches!(traffic.arrivals, Arrivals::Closed { .. });
    let recorded = matches!(traffic.arrivals, Arrivals::Trace(_));
    let client = &traffic.client;
    let again = client.retries > 0
        || client.keep_alive
        || matches!(
            scenario.route().path,
            Path::IngressNginx(_)
                | Path::Haproxy(_)
                | Path::Envoy(_)
                | Path::Alb(_)
                | Path::Registered(..)
        );
    Some(match key {
        "path" | "arrivals" | "start_s" | "duration_s" | "client" | "keep_alive" | "timeout_s"
        | "retries" | "stall_s" | "in_front" => Use::Always,
        "balancer" => {
            let read = low.used.iter().any(|key| key.starts_with("balancer."));
            Use::when(read, "the path of the requests reads no balancer card")
        }
        "users" | "think" => Use::when(closed, "it counts with traffic.arrivals = \"closed\""),
        "trace" => Use::when(recorded, "it counts with traffic.arrivals = \"trace\""),
        "rate_per_s" | "rate" | "steps" | "profile" => {
            let why = "the arrivals are not at a rate: traffic.arrivals = \"poisson\"";
            Use::when(!closed && !recorded, why)
        }
        "retry_backoff_s" => Use::when(client.retries > 0, "it counts with traffic.retries"),
        "retry_reused" => Use::when(client.keep_alive, "it counts with traffic.keep_alive"),
        "non_idempotent" => Use::when(again, "nothing on the path sends a request twice"),
        _ => return None,
    })
}

/// Keys of a load's profile: each counts for some of its kinds.
fn of_profile(low: &Lowering<'_>, key: &str) -> Option<Use> {
    let kind = low.input.case.traffic.profile.as_ref().map(|p| p.kind);
    let of_day = matches!(kind, Some(ProfileKind::Diurnal));
    Some(match key {
        "kind" | "low_per_s" | "high_per_s" => Use::Always,
        "peak_hour" | "hour" => Use::when(of_day, "it counts with kind = \"diurnal\""),
        "from_s" | "for_s" => Use::when(!of_day, "it counts with kind = \"ramp\" or \"spike\""),
        _ => return None,
    })
}

/// Keys of actions, which their types check but for these.
fn of_action(scenario: &Scenario, key: &str) -> Option<Use> {
    let fixed =
        |a: &ActionKind| matches!(a, ActionKind::SelectorSwitch { wait_available: false, .. });
    Some(match key {
        "retry_s" => {
            let any = !scenario.pod_disruption_budgets.is_empty();
            Use::when(any, "no PodDisruptionBudget refuses an eviction")
        }
        "switch_after_s" => {
            let fixed = scenario.actions.iter().any(|a| fixed(&a.kind));
            Use::when(fixed, "the switch waits for available pods: wait_available = false")
        }
        _ => Use::Always,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::raw::case::Case;
    use crate::input::text::source::Source;
    use crate::input::{Input, subject};
    use serde_json::Value;

    /// The paths of all keys that a scenario can have.
    fn keys(root: &Value, schema: &Value, above: &str, found: &mut Vec<String>) {
        if let Some(name) = schema["$ref"].as_str() {
            let name = name.trim_start_matches("#/$defs/");
            if name != "Dist" {
                return keys(root, &root["$defs"][name], above, found);
            }
        }
        for list in ["anyOf", "oneOf"] {
            for variant in schema[list].as_array().into_iter().flatten() {
                keys(root, variant, above, found);
            }
        }
        if schema["items"].is_object() {
            keys(root, &schema["items"], &format!("{above}[0]"), found);
        }
        for (key, inside) in schema["properties"].as_object().into_iter().flatten() {
            let path = if above.is_empty() { key.clone() } else { format!("{above}.{key}") };
            let before = found.len();
            keys(root, inside, &path, found);
            if inside["additionalProperties"]["$ref"].is_string() {
                keys(root, &inside["additionalProperties"], &format!("{path}.app"), found);
            }
            if found.len() == before {
                found.push(path);
            }
        }
    }

    #[test]
    fn every_key_of_a_scenario_is_used_or_says_when() {
        let schema = serde_json::to_value(schemars::schema_for!(Case)).expect("JSON");
        let mut paths = Vec::new();
        keys(&schema, &schema, "", &mut paths);
        paths.retain(|path| !path.ends_with(".kind") && !path.ends_with(".deployment"));
        for wanted in ["app.containers.app.ports", "actions[0].retry_s", "nodes[0].labels"] {
            assert!(paths.iter().any(|p| p == wanted), "{wanted}: {paths:?}");
        }
        let text = include_str!("../../../tests/broken/good.yaml").to_owned();
        let input = Input::load(&[Source::Text { name: "web.yaml".into(), text }]).expect("good");
        let mut low = Lowering::new(&input);
        let chosen = subject::choose(&input).expect("one");
        let scenario = low.build(&chosen);
        let unlisted: Vec<&String> =
            paths.iter().filter(|path| of_case(&low, &scenario, path).is_none()).collect();
        assert!(unlisted.is_empty(), "{unlisted:?}");
    }
}
