//! What routes of a mesh or a gateway say of a Service, as entries of the card of the proxies that read them:
//! VirtualService and DestinationRule of Istio, HTTPRoute and GRPCRoute of the Gateway API.

use super::envoy::{Read, field, fields};
use super::told::Told;
use crate::input::lower::routes::{Found, Route, policy, subsets};
use crate::input::raw::manifest::Document;
use crate::input::text::tree::{Node, Value};

/// Fields of a route, what is made of them.
type Fields = &'static [(&'static str, Read)];

const VIRTUAL_SERVICE: Fields = &[
    ("name", Read::Known),
    ("route", Read::Known),
    ("match", Read::Known),
    ("retries", Read::Known),
    ("headers", Read::Known),
    ("rewrite", Read::Known),
    ("corsPolicy", Read::Known),
    ("timeout", Read::Long("route_timeout")),
];

const RETRIES: Fields = &[
    ("attempts", Read::Count("num_retries")),
    ("perTryTimeout", Read::Long("per_try_timeout")),
    ("retryOn", Read::Known),
    ("backoff", Read::Long("retry_back_off")),
];

const TRAFFIC_POLICY: Fields = &[
    ("connectionPool", Read::Known),
    ("outlierDetection", Read::Known),
    ("loadBalancer", Read::Known),
    ("tls", Read::Known),
];

const TCP: Fields = &[
    ("maxConnections", Read::Count("max_connections")),
    ("connectTimeout", Read::Long("connect_timeout")),
    ("tcpKeepalive", Read::Known),
    ("idleTimeout", Read::Long("idle_timeout")),
];

const HTTP: Fields = &[
    ("http1MaxPendingRequests", Read::Count("max_pending_requests")),
    ("http2MaxRequests", Read::Count("max_requests")),
    ("maxRetries", Read::Count("max_retries")),
    ("idleTimeout", Read::Long("idle_timeout")),
];

const OUTLIER: Fields = &[
    ("consecutive5xxErrors", Read::Count("outlier_5xx")),
    ("consecutiveErrors", Read::Count("outlier_gateway")),
    ("consecutiveGatewayErrors", Read::Count("outlier_gateway")),
    ("interval", Read::Long("outlier_interval")),
    ("baseEjectionTime", Read::Long("outlier_base_ejection")),
    ("maxEjectionPercent", Read::Count("outlier_max_ejection_percent")),
    ("minHealthPercent", Read::Count("panic_threshold")),
];

const LOAD_BALANCER: Fields = &[
    ("simple", Read::Known),
    ("consistentHash", Read::Known),
    ("localityLbSetting", Read::Known),
    ("warmupDurationSecs", Read::Long("slow_start")),
    ("warmup", Read::Known),
];

const WARMUP: Fields = &[
    ("duration", Read::Long("slow_start")),
    ("minimumPercent", Read::Count("slow_start_least")),
    ("aggression", Read::Count("slow_start_aggression")),
];

/// What the routes that lead to the Service say.
pub(super) fn read<'a>(found: &'a Found<'_>) -> Vec<Told<'a>> {
    let mut all = Vec::new();
    if let Some(Route { doc, rule, .. }) = &found.route {
        let mut told = Told::new(&doc.file);
        match doc.kind() {
            "VirtualService" => virtual_service(rule, &mut told),
            _ => gateway_route(rule, &mut told),
        }
        all.push(told);
    }
    if let Some(first) = found.rules.first() {
        let policy = policy(&found.rules);
        let mut told = Told::new(policy.map_or(&first.file, |(doc, _)| &doc.file));
        if let Some((_, policy)) = policy {
            destination_rule(policy, &mut told);
        }
        for subset in subsets(&found.rules) {
            if let Some(own) = subset.get("trafficPolicy") {
                told.leave_out(format!("trafficPolicy of a subset (line {})", own.line));
            }
        }
        all.push(told);
    }
    all
}

/// What a Canary has Flagger write into its VirtualService and DestinationRule.
pub(super) fn read_canary(doc: &Document) -> Told<'_> {
    let mut told = Told::new(&doc.file);
    if let Some(service) = doc.root.get("spec").and_then(|spec| spec.get("service")) {
        if let Some(timeout) = service.get("timeout") {
            field(timeout, "Canary spec.service.timeout", Read::Long("route_timeout"), &mut told);
        }
        retries(service, &mut told);
        if let Some(policy) = service.get("trafficPolicy") {
            destination_rule(policy, &mut told);
        }
    }
    told
}

fn virtual_service(http: &Node, told: &mut Told<'_>) {
    fields(http, "VirtualService http", told, VIRTUAL_SERVICE);
    retries(http, told);
}

/// What the mesh's configuration says of all routes and clusters.
pub(super) fn read_mesh<'a>(doc: &'a Document, mesh: &Node) -> Told<'a> {
    let mut told = Told::new(&doc.file);
    if let Some(wait) = mesh.get("connectTimeout") {
        field(wait, "connectTimeout", Read::Long("connect_timeout"), &mut told);
    }
    if let Some(policy) = mesh.get("defaultHttpRetryPolicy") {
        retry_policy(policy, &mut told);
    }
    // Its lines are those of a text within the file.
    let within = doc.kind() == "ConfigMap";
    for error in told.problems.iter_mut().filter(|_| within) {
        error.line = doc.root.line_of("data.mesh");
    }
    told
}

fn retries(http: &Node, told: &mut Told<'_>) {
    http.get("retries").into_iter().for_each(|policy| retry_policy(policy, told));
}

fn retry_policy(retries: &Node, told: &mut Told<'_>) {
    fields(retries, "retries", told, RETRIES);
    let Some(on) = retries.get("retryOn").and_then(Node::as_str) else { return };
    // Statuses stand among the words.
    let words = on.split(',').map(str::trim).filter(|w| !w.is_empty());
    let (codes, mut words): (Vec<&str>, Vec<&str>) =
        words.partition(|w| w.bytes().all(|b| b.is_ascii_digit()));
    if !codes.is_empty() {
        told.word("retriable_status_codes", &codes.join(","), retries.line);
        words.push("retriable-status-codes");
    }
    let words = if words.is_empty() { "none".to_owned() } else { words.join(",") };
    told.word("retry_on", &words, retries.line);
}

fn destination_rule(policy: &Node, told: &mut Told<'_>) {
    fields(policy, "trafficPolicy", told, TRAFFIC_POLICY);
    if let Some(pool) = policy.get("connectionPool") {
        fields(pool, "connectionPool", told, &[("tcp", Read::Known), ("http", Read::Known)]);
        pool.get("tcp").into_iter().for_each(|tcp| fields(tcp, "tcp", told, TCP));
        pool.get("http").into_iter().for_each(|http| fields(http, "http", told, HTTP));
    }
    if let Some(outlier) = policy.get("outlierDetection") {
        told.word("outlier_detection", "true", outlier.line);
        if outlier.get("consecutiveGatewayErrors").or(outlier.get("consecutiveErrors")).is_some() {
            told.number("outlier_gateway_enforcing", 100.0, outlier.line);
        }
        fields(outlier, "outlierDetection", told, OUTLIER);
    }
    let Some(balancer) = policy.get("loadBalancer") else { return };
    fields(balancer, "loadBalancer", told, LOAD_BALANCER);
    balancer.get("warmup").into_iter().for_each(|w| fields(w, "warmup", told, WARMUP));
    if let Some(hash) = balancer.get("consistentHash") {
        told.word("lb_policy", "ring_hash", hash.line);
    }
    let Some(simple) = balancer.get("simple") else { return };
    match simple.as_str().unwrap_or("") {
        "ROUND_ROBIN" => told.word("lb_policy", "round_robin", simple.line),
        "LEAST_REQUEST" | "LEAST_CONN" | "UNSPECIFIED" => {
            told.word("lb_policy", "least_request", simple.line);
        }
        "RANDOM" => told.word("lb_policy", "random", simple.line),
        other => told.leave_out(format!("loadBalancer.simple {other}")),
    }
}

/// What a rule of the Gateway API says of time.
pub(super) fn timeouts(rule: &Node, told: &mut Told<'_>) {
    const TIMEOUTS: Fields = &[
        ("request", Read::Long("route_timeout")),
        ("backendRequest", Read::Long("per_try_timeout")),
    ];
    rule.get("timeouts").into_iter().for_each(|t| fields(t, "timeouts", told, TIMEOUTS));
}

fn gateway_route(rule: &Node, told: &mut Told<'_>) {
    const RULE: Fields = &[
        ("name", Read::Known),
        ("matches", Read::Known),
        ("backendRefs", Read::Known),
        ("timeouts", Read::Known),
        ("retry", Read::Known),
    ];
    const RETRY: Fields = &[
        ("codes", Read::Known),
        ("attempts", Read::Count("num_retries")),
        ("backoff", Read::Long("retry_back_off")),
    ];
    fields(rule, "route", told, RULE);
    timeouts(rule, told);
    let Some(retry) = rule.get("retry") else { return };
    // One further try, where it does not say how many.
    told.number("num_retries", 1.0, retry.line);
    fields(retry, "retry", told, RETRY);
    told.word("retry_on", "connect-failure,retriable-status-codes", retry.line);
    let codes = retry.get("codes").map_or(&[][..], Node::items).iter();
    let codes: Vec<String> = codes
        .filter_map(|code| match &code.value {
            Value::Int(n) => Some(n.to_string()),
            _ => None,
        })
        .collect();
    if !codes.is_empty() {
        told.word("retriable_status_codes", &codes.join(","), retry.line);
    }
}
