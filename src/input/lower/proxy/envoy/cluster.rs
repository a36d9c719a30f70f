//! What a cluster says: how it balances, limits, checks and ejects.

use super::fields::{Read, field, fields};
use crate::input::lower::proxy::told::Told;
use crate::input::text::tree::Node;

/// Reads the cluster.
pub(super) fn read(cluster: &Node, told: &mut Told<'_>) {
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
