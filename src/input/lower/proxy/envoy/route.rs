//! What the action of a route says: its time-out, and when it tries again.

use super::fields::{Read, fields};
use crate::input::lower::proxy::told::{Told, seconds};
use crate::input::text::tree::Node;

/// Reads the action.
pub(super) fn read(route: &Node, told: &mut Told<'_>) {
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
