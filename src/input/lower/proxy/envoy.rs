//! Envoy's configuration, as JSON or YAML: what it says of the first cluster with endpoints by EDS (else the
//! first of all), and of the route that leads there.

mod cluster;
mod fields;
mod route;

use super::told::Told;
use crate::input::text::tree::Node;
use crate::input::text::yaml;
pub(super) use fields::{Read, field, fields};

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
    cluster::read(cluster, told);
    let name = cluster.get("name").and_then(Node::as_str).unwrap_or("");
    let listeners = root.and_then(|r| r.get("listeners"));
    let mut found = None;
    if let Some(listeners) = listeners {
        routes(listeners, name, told, &mut found);
    }
    if let Some(route) = found {
        route::read(route, told);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::text::tree::Value;

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
