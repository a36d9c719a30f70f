use crate::input::Input;
use crate::input::text::source::Source;
use crate::model::balancer::{Path, envoy};
use crate::scenario::Scenario;
use crate::timeline::Pick;

const WEB: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  \
    selector: {matchLabels: {app: web}}\n  template:\n    metadata: {labels: {app: web, v: a}}\n    \
    spec: {containers: [{name: web, image: web, ports: [{containerPort: 80}]}]}\n---\n\
    apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {selector: {app: web}, ports: [{port: 80}]}\n";

fn lower(more: &str) -> Result<Scenario, String> {
    let source = Source::Text { name: "web.yaml".into(), text: format!("{WEB}{more}") };
    let input = Input::load(&[source]).map_err(|e| e.to_string())?;
    input.lower().map_err(|e| e.to_string())
}

fn settings(scenario: &Scenario) -> &envoy::Settings {
    let Path::Envoy(settings) = &scenario.route().path else { panic!("proxies") };
    settings
}

const MESH: &str = "---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: web}\n\
    spec:\n  hosts: [web]\n  http:\n  - timeout: 1m30s\n    fault: {abort: {httpStatus: 500}}\n    \
    retries: {attempts: 4, perTryTimeout: 250ms, retryOn: \"503,connect-failure\"}\n    \
    route: [{destination: {host: web.default.svc.cluster.local}}]\n---\n\
    apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: web}\nspec:\n  host: web\n  \
    trafficPolicy:\n    loadBalancer: {simple: ROUND_ROBIN, warmup: {duration: 30s}}\n    connectionPool:\n      \
    tcp: {maxConnections: 7, connectTimeout: 2s}\n      http: {http2MaxRequests: 9, maxRequestsPerConnection: 1}\n    \
    outlierDetection: {consecutive5xxErrors: 3, maxEjectionPercent: 40, minHealthPercent: 30}\n";

#[test]
fn a_virtual_service_and_a_destination_rule_are_read_in_full() {
    let scenario = lower(MESH).expect("good");
    let s = settings(&scenario);
    let l7 = s.hop.l7.as_ref().expect("layer 7");
    let policy = l7.policy.as_ref().expect("Envoy");
    assert_eq!(
        (s.hop.pick, l7.tries, l7.connect_timeout.as_secs_f64()),
        (Pick::RoundRobin, 5, 0.25)
    );
    assert_eq!(policy.route_timeout.map(|t| t.as_secs_f64()), Some(90.0));
    assert_eq!(l7.response_timeout.map(|t| t.as_secs_f64()), Some(0.25));
    assert!(l7.retry_on.statuses.has(503) && l7.retry_on.refused && !l7.retry_on.reset);
    assert_eq!((policy.breakers.connections, policy.breakers.requests), (7, 9));
    let outlier = policy.outlier.as_ref().expect("it ejects");
    assert_eq!((outlier.consecutive_5xx.failures, outlier.max_ejection_percent), (3, 40.0));
    assert_eq!((policy.panic_percent, s.slow_start.window.as_secs_f64()), (30.0, 30.0));
    let said = scenario.not_modelled.join("\n");
    assert!(said.contains("http.fault") && said.contains("maxRequestsPerConnection"), "{said}");
    assert!(!said.contains("kind "), "{said}");
}

#[test]
fn subsets_are_services_of_their_own() {
    let routed = MESH.replace(
        "{host: web.default.svc.cluster.local}",
        "{host: web, subset: a}, weight: 90}, {destination: {host: web, subset: b}, weight: 10",
    );
    let error = lower(&routed).expect_err("there are none");
    assert!(error.contains("has the subset \"a\""), "{error}");
    let subsets = "  subsets: [{name: a, labels: {v: a}}, {name: b, labels: {v: b}}]\n";
    let scenario = lower(&format!("{routed}{subsets}")).expect("good");
    let names: Vec<&str> = scenario.services.iter().map(|s| s.name.as_str()).collect();
    assert_eq!(names, ["web/a", "web/b"]);
    assert_eq!(scenario.route().split.as_ref().expect("shared").weights, [90, 10]);
    let template = &scenario.before().template;
    let selected: Vec<bool> = scenario.services.iter().map(|s| s.selects(template)).collect();
    assert_eq!(selected, [true, false]);
}

fn gateway(class: &str, rule: &str) -> String {
    format!(
        "---\napiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {{name: edge}}\nspec: \
         {{gatewayClassName: {class}, listeners: []}}\n---\napiVersion: gateway.networking.k8s.io/v1\n\
         kind: HTTPRoute\nmetadata: {{name: web}}\nspec:\n  parentRefs: [{{name: edge}}]\n  rules:\n  \
         - backendRefs: [{{name: web, port: 80}}]\n{rule}"
    )
}

/// Class, what a refused connection is answered with, tries, and the least wait of the control plane.
#[test]
fn the_class_of_the_gateway_decides() {
    let rows = [
        ("eg", 503, 1, 0.0),
        ("istio", 503, 3, 0.1),
        ("cilium", 503, 1, 0.5),
        ("traefik", 502, 1, 2.0),
        ("nginx", 502, 3, 0.1),
        ("kong", 502, 6, 0.0),
        ("contour", 503, 1, 0.1),
        ("another", 503, 1, 0.1),
    ];
    for (class, status, tries, debounce_s) in rows {
        let scenario = lower(&gateway(class, "")).unwrap_or_else(|e| panic!("{class}: {e}"));
        let s = settings(&scenario);
        let l7 = s.hop.l7.as_ref().expect("layer 7");
        let found = (l7.status.refused, l7.tries, s.pushes.debounce.as_secs_f64());
        assert_eq!(found, (status, tries, debounce_s), "{class}");
        let told = scenario.assumptions.iter().any(|a| a.key == "traffic.path");
        assert_eq!(told, class == "another", "{class}");
    }
}

#[test]
fn a_route_of_the_gateway_api_has_limits_and_retries() {
    let rule = "    timeouts: {request: 10s, backendRequest: 3s}\n    \
                retry: {codes: [500, 504], attempts: 3, backoff: 100ms}\n";
    let scenario = lower(&gateway("eg", rule)).expect("good");
    let l7 = settings(&scenario).hop.l7.as_ref().expect("layer 7");
    let policy = l7.policy.as_ref().expect("Envoy");
    assert_eq!(policy.route_timeout.map(|t| t.as_secs_f64()), Some(10.0));
    assert_eq!((l7.tries, l7.response_timeout.map(|t| t.as_secs_f64())), (4, Some(3.0)));
    assert!([500, 504].iter().all(|c| l7.retry_on.statuses.has(*c)) && l7.retry_on.refused);
    assert_eq!(policy.back_off.0.as_secs_f64(), 0.1);
}

/// A VirtualService with these rules, and a DestinationRule with two subsets.
fn mesh(rules: &str) -> String {
    format!(
        "---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: web}}\nspec:\n  \
         hosts: [web]\n  http:\n{rules}---\napiVersion: networking.istio.io/v1\nkind: DestinationRule\n\
         metadata: {{name: web}}\nspec: {{host: web, subsets: [{{name: a, labels: {{v: a}}}}, \
         {{name: b, labels: {{v: b}}}}]}}\n"
    )
}

/// Rules; the Services of the path, the number of rules that are named as passed over, and what clients are
/// taken to send.
#[test]
fn the_first_rule_that_takes_a_plain_request_counts() {
    const A: &str = "route: [{destination: {host: web, subset: a}}]";
    const B: &str = "route: [{destination: {host: web, subset: b}}]";
    const OTHER: &str = "route: [{destination: {host: other}}]";
    let rows = [
        (
            format!("  - match: [{{headers: {{user: {{exact: x}}}}}}]\n    {B}\n  - {A}\n"),
            "web/a",
            1,
            "",
        ),
        (format!("  - match: [{{uri: {{prefix: /admin}}}}]\n    {B}\n  - {A}\n"), "web/a", 1, ""),
        (format!("  - match: [{{uri: {{prefix: /}}}}]\n    {A}\n  - {B}\n"), "web/a", 1, ""),
        (format!("  - match: [{{uri: {{regex: .*}}}}]\n    {A}\n  - {B}\n"), "web/a", 1, ""),
        (format!("  - match: [{{method: {{exact: POST}}}}]\n    {A}\n  - {B}\n"), "web/b", 1, ""),
        (
            format!("  - match: [{{withoutHeaders: {{user: {{}}}}}}]\n    {A}\n  - {OTHER}\n"),
            "web/a",
            0,
            "",
        ),
        (format!("  - match: [{{gateways: [edge]}}]\n    {B}\n  - {A}\n"), "web/a", 1, ""),
        (
            format!("  - match: [{{uri: {{prefix: /api}}}}]\n    {A}\n  - {OTHER}\n"),
            "web/a",
            0,
            "path /api",
        ),
        (
            format!("  - match: [{{headers: {{user: {{exact: x}}}}}}]\n    {A}\n  - {OTHER}\n"),
            "web/a",
            0,
            "path /, headers user",
        ),
    ];
    for (rules, services, passed, asked) in rows {
        let scenario = lower(&mesh(&rules)).unwrap_or_else(|e| panic!("{rules}{e}"));
        let names: Vec<&str> = scenario.services.iter().map(|s| s.name.as_str()).collect();
        assert_eq!(names, [services], "{rules}");
        let said = scenario.not_modelled.iter().filter(|n| n.contains("other requests than"));
        assert_eq!(said.count(), passed, "{rules}{:?}", scenario.not_modelled);
        let told = scenario.assumptions.iter().find(|a| a.key == "VirtualService web");
        let told = told.map_or("", |a| a.text.split(": ").nth(1).expect("what"));
        assert_eq!(told, asked, "{rules}");
    }
}

#[test]
fn what_no_request_reaches_is_said() {
    let rules =
        "  - route: [{destination: {host: other}}]\n  - route: [{destination: {host: web}}]\n";
    let scenario = lower(&mesh(rules)).expect("good");
    assert!(matches!(scenario.route().path, Path::Service), "{:?}", scenario.route().path);
    assert!(scenario.not_modelled.iter().any(|n| n.contains("no request reaches")));
}

/// Matches of two rules of an HTTPRoute; whose time limit holds, in seconds.
#[test]
fn the_gateway_api_takes_what_asks_for_most() {
    let rows = [
        ("{path: {type: PathPrefix, value: /}}", "{path: {type: Exact, value: /}}", 2.0),
        ("{path: {type: Exact, value: /}}", "{path: {type: PathPrefix, value: /}}", 1.0),
        ("{path: {value: /}}", "{path: {value: /api}}", 1.0),
        ("{path: {value: /}}", "{path: {value: /}, method: GET}", 2.0),
        ("{path: {value: /}}", "{path: {value: /}, headers: [{name: user, value: x}]}", 1.0),
        ("{method: POST}", "{}", 2.0),
    ];
    for (first, second, wanted) in rows {
        let rule =
            |m: &str, s: u32| format!("    matches: [{m}]\n    timeouts: {{request: {s}s}}\n");
        let second = format!("  - backendRefs: [{{name: web, port: 80}}]\n{}", rule(second, 2));
        let scenario = lower(&gateway("eg", &format!("{}{second}", rule(first, 1)))).expect("good");
        let l7 = settings(&scenario).hop.l7.as_ref().expect("layer 7");
        let limit = l7.policy.as_ref().expect("Envoy").route_timeout.map(|t| t.as_secs_f64());
        assert_eq!(limit, Some(wanted), "{first} {second}");
    }
}

/// Marks of the pods, whose numbers the path has, the time limit, and whether the route is named as unread.
#[test]
fn a_route_of_a_service_is_the_meshs() {
    let route = "---\napiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: web}\nspec:\n  \
                 parentRefs: [{kind: Service, group: \"\", name: web, port: 80}]\n  rules: [{backendRefs: \
                 [{name: web, port: 80}], timeouts: {request: 300ms}, retry: {attempts: 3}}]\n";
    let marked = |labels: &str, annotations: &str| {
        let text = format!("{WEB}{route}");
        text.replace(
            "metadata: {labels: {app: web, v: a}}",
            &format!("metadata: {{labels: {{app: web{labels}}}, annotations: {{{annotations}}}}}"),
        )
    };
    let load = |text: String| {
        let source = Source::Text { name: "web.yaml".into(), text };
        let input = Input::load(&[source]).unwrap_or_else(|e| panic!("{e}"));
        input.lower().unwrap_or_else(|e| panic!("{e}"))
    };
    let limit = |scenario: &Scenario| {
        let l7 = settings(scenario).hop.l7.as_ref().expect("layer 7");
        let policy = l7.policy.as_ref().expect("Envoy");
        (policy.route_timeout.map(|t| t.as_secs_f64()), l7.tries)
    };
    let istio = load(marked(", sidecar.istio.io/inject: \"true\"", ""));
    assert_eq!(limit(&istio), (Some(0.3), 4));
    let linkerd = load(marked("", "linkerd.io/inject: enabled"));
    // It reads no retries of the route but its annotations.
    assert_eq!(limit(&linkerd), (Some(0.3), 3));
    assert!(linkerd.not_modelled.iter().any(|n| n.contains("rules.retry")));
    let annotated = marked("", "linkerd.io/inject: enabled").replace(
        "kind: HTTPRoute\nmetadata: {name: web}",
        "kind: HTTPRoute\nmetadata: {name: web, annotations: {timeout.linkerd.io/request: 2s, \
         retry.linkerd.io/http: 5xx}}",
    );
    assert_eq!(limit(&load(annotated)), (Some(2.0), 2));
    let plain = load(marked("", ""));
    assert!(matches!(plain.route().path, Path::Service), "{:?}", plain.route().path);
    assert!(plain.not_modelled.iter().any(|n| n.contains("of callers in a mesh")));
}

/// Hosts of two DestinationRules and what comes after them, whose limit holds, and what is said of the other.
#[test]
fn the_destination_rule_of_the_most_specific_host_counts() {
    let rule = |(name, host, more): (&str, &str, &str), limit: u32| {
        let other = more.strip_prefix("ns=");
        let (namespace, more) = other.map_or(("default", more), |other| (other, ""));
        format!(
            "---\napiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {{name: {name}, \
             namespace: {namespace}}}\nspec: {{host: \"{host}\", {more} trafficPolicy: {{connectionPool: \
             {{tcp: {{maxConnections: {limit}}}}}}}}}\n"
        )
    };
    const ALL: &str = "*.default.svc.cluster.local";
    let rows = [
        (("a", ALL, ""), ("b", "other", ""), 1, ""),
        (("a", ALL, ""), ("b", "web", ""), 2, ""),
        (("a", "*", ""), ("b", "*.local", ""), 2, ""),
        (("a", "*.other.svc.cluster.local", ""), ("b", "*", ""), 2, ""),
        (
            ("a", ALL, ""),
            ("b", "web.default.svc.cluster.local", "ns=istio-system"),
            1,
            "for callers there",
        ),
        (("a", "web", "ns=other"), ("b", "*.local", "ns=istio-system"), 2, ""),
        (("a", "web", "exportTo: [other],"), ("b", "*", ""), 2, "exportTo"),
        (("a", "web.default", ""), ("b", "*", ""), 2, "not the full name"),
    ];
    for (a, b, wanted, said) in rows {
        let text = format!("{MESH}{}{}", rule(a, 1), rule(b, 2));
        let text = text.replace(
            "kind: DestinationRule\nmetadata: {name: web}",
            "kind: Other\nmetadata: {name: x}",
        );
        let scenario = lower(&text).unwrap_or_else(|e| panic!("{a:?} {b:?}: {e}"));
        let l7 = settings(&scenario).hop.l7.as_ref().expect("layer 7");
        assert_eq!(l7.policy.as_ref().expect("Envoy").breakers.connections, wanted, "{a:?} {b:?}");
        let told = scenario.not_modelled.join("\n");
        assert!(told.contains(said), "{a:?} {b:?}: {told}");
    }
}
