//! Envoy's configuration, as JSON or YAML: what it says of the first cluster with endpoints by EDS (else the
//! first of all), and of the route that leads there.

use super::told::{Told, not_a, seconds};
use crate::input::lower::injected::duration_s;
use crate::input::text::tree::{Node, Value};
use crate::input::text::yaml;

/// Reads a bootstrap configuration. What it leaves out is as Envoy has it.
pub(super) fn read(text: &str, told: &mut Told<'_>) {
    let documents = match yaml::parse(text) {
        Ok(documents) => documents,
        Err(error) => {
            let error = error.into_diagnostic(told.file);
            return told.problems.push(error);
        }
    };
    let root = documents.first().and_then(|d| d.get("static_resources"));
    let clusters = root.and_then(|r| r.get("clusters")).map_or(&[][..], Node::items);
    let by_eds = |c: &&Node| c.get("type").and_then(Node::as_str) == Some("EDS");
    let Some(cluster) = clusters.iter().find(by_eds).or(clusters.first()) else {
        let error = told.fail(0, "static_resources.clusters", "there is no cluster");
        error.allowed = Some("at least one".to_owned());
        return;
    };
    // As protocol buffers have it where a message is there and its fields are not.
    told.word("retry_on", "none", 0);
    told.number("num_retries", 0.0, 0);
    read_cluster(cluster, told);
    let name = cluster.get("name").and_then(Node::as_str).unwrap_or("");
    let listeners = root.and_then(|r| r.get("listeners"));
    let mut found = None;
    if let Some(listeners) = listeners {
        routes(listeners, name, told, &mut found);
    }
    if let Some(route) = found {
        read_route(route, told);
    }
}

/// The action of the first route that leads to the cluster; filters on the way are read.
fn routes<'a>(node: &'a Node, cluster: &str, told: &mut Told<'_>, found: &mut Option<&'a Node>) {
    if let Some(route) = node.get("route")
        && route.get("cluster").and_then(Node::as_str) == Some(cluster)
        && found.is_none()
    {
        *found = Some(route);
    }
    for filter in node.get("http_filters").map_or(&[][..], Node::items) {
        http_filter(filter, told);
    }
    let inside = node.entries().iter().map(|e| &e.node).chain(node.items());
    inside.for_each(|n| routes(n, cluster, told, found));
}

fn http_filter(filter: &Node, told: &mut Told<'_>) {
    let name = filter.get("name").and_then(Node::as_str).unwrap_or("");
    if name.ends_with("router") {
        return;
    }
    let limit = filter.get("typed_config").and_then(|c| c.get("token_bucket"));
    let Some(bucket) = limit.filter(|_| name.ends_with("local_ratelimit")) else {
        return told.leave_out(format!("http_filters {name}"));
    };
    told.number("rate_limit_fill", 1.0, bucket.line);
    fields(
        bucket,
        "token_bucket",
        told,
        &[
            ("max_tokens", Read::Count("rate_limit_tokens")),
            ("tokens_per_fill", Read::Count("rate_limit_fill")),
            ("fill_interval", Read::Time("rate_limit_interval")),
        ],
    );
}

/// What is made of a field.
#[derive(Clone, Copy)]
pub(super) enum Read {
    /// Seconds, such as `0.25s`.
    Time(&'static str),
    /// As Go writes them, such as `1m30s`.
    Long(&'static str),
    Count(&'static str),
    /// `{value: 50}`, in per cent.
    Percent(&'static str),
    Switch(&'static str),
    /// Read elsewhere, or without effect.
    Known,
}

/// Reads the fields of a message; others are named as left out.
pub(super) fn fields(node: &Node, of: &str, told: &mut Told<'_>, known: &[(&str, Read)]) {
    for entry in node.entries() {
        let Some((_, read)) = known.iter().find(|(key, _)| *key == entry.key) else {
            told.leave_out(format!("{of}.{}", entry.key));
            continue;
        };
        field(&entry.node, &format!("{of}.{}", entry.key), *read, told);
    }
}

/// Writes one field down as it is to be read, or that it is none of its kind.
pub(super) fn field(node: &Node, path: &str, read: Read, told: &mut Told<'_>) {
    let line = node.line;
    let plain = |node: &Node| match &node.value {
        Value::Int(n) => Some(*n as f64),
        Value::Float(x) => Some(*x),
        Value::Str(s) => s.parse().ok(),
        _ => None,
    };
    let (what, done) = match read {
        Read::Known => return,
        Read::Time(key) => {
            let text = node.as_str().and_then(|s| seconds(s, &[("s", 1.0)], f64::NAN));
            (
                "duration such as 0.25s",
                text.filter(|s| s.is_finite()).map(|s| told.number(key, s, line)),
            )
        }
        Read::Long(key) => {
            let s = node.as_str().and_then(duration_s);
            ("duration such as 1m30s", s.map(|s| told.number(key, s, line)))
        }
        Read::Count(key) => ("number", plain(node).map(|n| told.number(key, n, line))),
        Read::Percent(key) => {
            let inner = node.get("value").and_then(plain).or_else(|| plain(node));
            let empty = node.is_map() && node.entries().is_empty();
            ("percentage", inner.or(empty.then_some(0.0)).map(|n| told.number(key, n, line)))
        }
        Read::Switch(key) => match node.value {
            Value::Bool(on) => {
                told.word(key, if on { "true" } else { "false" }, line);
                ("switch", Some(()))
            }
            _ => ("switch", None),
        },
    };
    if done.is_none() {
        let (message, found) = not_a(what, &node.to_string());
        told.fail(line, path, &message).found = Some(found);
    }
}

fn read_cluster(cluster: &Node, told: &mut Told<'_>) {
    fields(
        cluster,
        "cluster",
        told,
        &[
            ("name", Read::Known),
            ("type", Read::Known),
            ("eds_cluster_config", Read::Known),
            ("alt_stat_name", Read::Known),
            ("observability_name", Read::Known),
            ("connect_timeout", Read::Time("connect_timeout")),
            ("lb_policy", Read::Known),
            ("common_lb_config", Read::Known),
            ("round_robin_lb_config", Read::Known),
            ("least_request_lb_config", Read::Known),
            ("circuit_breakers", Read::Known),
            ("outlier_detection", Read::Known),
            ("health_checks", Read::Known),
            ("ignore_health_on_host_removal", Read::Switch("ignore_health_on_host_removal")),
        ],
    );
    balancing(cluster, told);
    if let Some(thresholds) = cluster.get("circuit_breakers").and_then(|c| c.get("thresholds")) {
        breakers(thresholds, told);
    }
    if let Some(outlier) = cluster.get("outlier_detection") {
        told.word("outlier_detection", "true", outlier.line);
        fields(outlier, "outlier_detection", told, OUTLIER);
    }
    if let Some(check) = cluster.get("health_checks").and_then(|c| c.items().first()) {
        told.word("health_check", "true", check.line);
        fields(
            check,
            "health_checks",
            told,
            &[
                ("interval", Read::Time("check_interval")),
                ("timeout", Read::Time("check_timeout")),
                ("unhealthy_threshold", Read::Count("unhealthy_threshold")),
                ("healthy_threshold", Read::Count("healthy_threshold")),
                ("http_health_check", Read::Known),
                ("tcp_health_check", Read::Known),
            ],
        );
    }
}

const OUTLIER: &[(&str, Read)] = &[
    ("consecutive_5xx", Read::Count("outlier_5xx")),
    ("enforcing_consecutive_5xx", Read::Count("outlier_5xx_enforcing")),
    ("consecutive_gateway_failure", Read::Count("outlier_gateway")),
    ("enforcing_consecutive_gateway_failure", Read::Count("outlier_gateway_enforcing")),
    ("interval", Read::Time("outlier_interval")),
    ("base_ejection_time", Read::Time("outlier_base_ejection")),
    ("max_ejection_time", Read::Time("outlier_max_ejection")),
    ("max_ejection_percent", Read::Count("outlier_max_ejection_percent")),
    ("always_eject_one_host", Read::Switch("outlier_always_eject_one")),
    ("enforcing_success_rate", Read::Count("outlier_success_enforcing")),
    ("success_rate_minimum_hosts", Read::Count("outlier_success_hosts")),
    ("success_rate_request_volume", Read::Count("outlier_success_requests")),
    ("success_rate_stdev_factor", Read::Count("outlier_success_stdev")),
    ("enforcing_failure_percentage", Read::Count("outlier_failure_enforcing")),
    ("failure_percentage_threshold", Read::Count("outlier_failure_percent")),
    ("failure_percentage_minimum_hosts", Read::Count("outlier_failure_hosts")),
    ("failure_percentage_request_volume", Read::Count("outlier_failure_requests")),
];

fn balancing(cluster: &Node, told: &mut Told<'_>) {
    if let Some(policy) = cluster.get("lb_policy") {
        let word = policy.as_str().unwrap_or("").to_ascii_lowercase();
        match ["round_robin", "least_request", "random", "ring_hash"].contains(&word.as_str()) {
            true => told.word("lb_policy", &word, policy.line),
            false => {
                let error = told.fail(policy.line, "cluster.lb_policy", "not modelled");
                error.allowed = Some("ROUND_ROBIN, LEAST_REQUEST, RANDOM, RING_HASH".to_owned());
            }
        }
    }
    if let Some(common) = cluster.get("common_lb_config") {
        fields(
            common,
            "common_lb_config",
            told,
            &[("healthy_panic_threshold", Read::Percent("panic_threshold"))],
        );
    }
    for key in ["round_robin_lb_config", "least_request_lb_config"] {
        let Some(config) = cluster.get(key) else { continue };
        fields(config, key, told, &[("slow_start_config", Read::Known)]);
        if let Some(slow) = config.get("slow_start_config") {
            fields(
                slow,
                "slow_start_config",
                told,
                &[
                    ("slow_start_window", Read::Time("slow_start")),
                    ("aggression", Read::Known),
                    ("min_weight_percent", Read::Percent("slow_start_least")),
                ],
            );
            if let Some(value) = slow.get("aggression").and_then(|a| a.get("default_value")) {
                field(value, "aggression", Read::Count("slow_start_aggression"), told);
            }
        }
    }
}

/// Those of the default priority.
fn breakers(thresholds: &Node, told: &mut Told<'_>) {
    let high = |t: &&Node| t.get("priority").and_then(Node::as_str) != Some("HIGH");
    let Some(threshold) = thresholds.items().iter().find(high) else { return };
    fields(
        threshold,
        "circuit_breakers",
        told,
        &[
            ("priority", Read::Known),
            ("track_remaining", Read::Known),
            ("max_connections", Read::Count("max_connections")),
            ("max_pending_requests", Read::Count("max_pending_requests")),
            ("max_requests", Read::Count("max_requests")),
            ("max_retries", Read::Count("max_retries")),
            ("retry_budget", Read::Known),
        ],
    );
    if let Some(budget) = threshold.get("retry_budget") {
        told.number("retry_budget_percent", 20.0, budget.line);
        fields(
            budget,
            "retry_budget",
            told,
            &[
                ("budget_percent", Read::Percent("retry_budget_percent")),
                ("min_retry_concurrency", Read::Count("retry_budget_least")),
            ],
        );
    }
}

fn read_route(route: &Node, told: &mut Told<'_>) {
    fields(
        route,
        "route",
        told,
        &[
            ("cluster", Read::Known),
            ("timeout", Read::Time("route_timeout")),
            ("retry_policy", Read::Known),
        ],
    );
    let Some(policy) = route.get("retry_policy") else { return };
    // With a policy, one further try unless it says how many.
    told.number("num_retries", 1.0, policy.line);
    fields(
        policy,
        "retry_policy",
        told,
        &[
            ("retry_on", Read::Known),
            ("num_retries", Read::Count("num_retries")),
            ("per_try_timeout", Read::Time("per_try_timeout")),
            ("retriable_status_codes", Read::Known),
            ("host_selection_retry_max_attempts", Read::Count("host_selection_attempts")),
            ("retry_host_predicate", Read::Known),
            ("retry_back_off", Read::Known),
        ],
    );
    let line = policy.line;
    if let Some(on) = policy.get("retry_on").and_then(Node::as_str) {
        let on = if on.trim().is_empty() { "none" } else { on };
        told.word("retry_on", on, line);
    }
    let codes = policy.get("retriable_status_codes").map_or(&[][..], Node::items);
    if !codes.is_empty() {
        let codes: Vec<String> = codes.iter().map(ToString::to_string).collect();
        told.word("retriable_status_codes", &codes.join(","), line);
    }
    for predicate in policy.get("retry_host_predicate").map_or(&[][..], Node::items) {
        let name = predicate.get("name").and_then(Node::as_str).unwrap_or("");
        match name.ends_with("previous_hosts") {
            true => told.word("previous_hosts", "true", predicate.line),
            false => told.leave_out(format!("retry_host_predicate {name}")),
        }
    }
    let Some(back_off) = policy.get("retry_back_off") else { return };
    fields(
        back_off,
        "retry_back_off",
        told,
        &[
            ("base_interval", Read::Time("retry_back_off")),
            ("max_interval", Read::Time("retry_back_off_max")),
        ],
    );
    let base = back_off.get("base_interval").and_then(Node::as_str);
    let base = base.and_then(|s| seconds(s, &[("s", 1.0)], f64::NAN)).filter(|s| s.is_finite());
    if let (Some(base), None) = (base, back_off.get("max_interval")) {
        told.number("retry_back_off_max", 10.0 * base, back_off.line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = r#"
static_resources:
  listeners:
  - filter_chains:
    - filters:
      - typed_config:
          http_filters:
          - name: envoy.filters.http.local_ratelimit
            typed_config: {token_bucket: {max_tokens: 5, fill_interval: 0.5s}}
          - name: envoy.filters.http.router
          route_config:
            virtual_hosts:
            - routes:
              - route: {cluster: other}
              - route:
                  cluster: web
                  timeout: 0s
                  retry_policy:
                    retry_on: 5xx,retriable-status-codes
                    retriable_status_codes: [429]
                    retry_host_predicate: [{name: envoy.retry_host_predicates.previous_hosts}]
                    retry_back_off: {base_interval: 0.1s}
  clusters:
  - name: other
  - name: web
    type: EDS
    lb_policy: LEAST_REQUEST
    common_lb_config: {healthy_panic_threshold: {}}
    outlier_detection: {max_ejection_percent: 50, split_external_local_origin_errors: true}
    circuit_breakers: {thresholds: [{priority: HIGH, max_retries: 9}, {max_retries: 8}]}
"#;

    fn told(text: &str) -> Told<'static> {
        let mut told = Told::new("envoy.yaml");
        read(text, &mut told);
        told
    }

    #[test]
    fn cluster_and_route_are_read() {
        let told = told(SMALL);
        let find = |key: &str| {
            let found = told.entries.iter().find(|(k, ..)| *k == key);
            found.map(|(_, value, _)| value.clone()).unwrap_or_else(|| panic!("{key}"))
        };
        for (key, wanted) in [
            ("num_retries", 1.0),
            ("route_timeout", 0.0),
            ("retry_back_off", 0.1),
            ("retry_back_off_max", 1.0),
            ("max_retries", 8.0),
            ("panic_threshold", 0.0),
            ("outlier_max_ejection_percent", 50.0),
            ("rate_limit_tokens", 5.0),
            ("rate_limit_interval", 0.5),
        ] {
            assert_eq!(find(key), Value::Float(wanted), "{key}");
        }
        for (key, wanted) in [
            ("lb_policy", "least_request"),
            ("retriable_status_codes", "429"),
            ("previous_hosts", "true"),
            ("outlier_detection", "true"),
        ] {
            assert_eq!(find(key), Value::Str(wanted.to_owned()), "{key}");
        }
        assert!(told.problems.is_empty(), "{:?}", told.problems);
        assert_eq!(told.left_out, ["outlier_detection.split_external_local_origin_errors"]);
    }

    #[test]
    fn what_cannot_be_read_is_named_with_its_line() {
        let wrong = SMALL.replace("timeout: 0s", "timeout: soon");
        let problems = told(&wrong).problems;
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert_eq!(problems[0].path, "route.timeout");
        assert!(problems[0].line.is_some());
        let policy = told(&SMALL.replace("LEAST_REQUEST", "MAGLEV")).problems;
        assert_eq!(policy.len(), 1, "{policy:?}");
        assert_eq!(told("{}").problems.len(), 1, "no cluster");
        assert_eq!(told("{").problems.len(), 1, "no YAML");
    }
}
