//! Routes of a mesh or a gateway that lead to a Service: how the requests come, and with which other
//! Services, or subsets of its pods, it shares them.

use crate::cluster::spec::Service;
use crate::input::given::Input;
use crate::input::lower::lowering::Lowering;
use crate::input::lower::{ingress_class, network};
use crate::input::raw::manifest::{Document, Object};
use crate::input::text::tree::{Node, Value, quoted};
use crate::model::balancer::Kind;
use crate::model::balancer::services::Split;

const KINDS: [&str; 6] =
    ["VirtualService", "DestinationRule", "HTTPRoute", "GRPCRoute", "Gateway", "GatewayClass"];

/// The kind is read.
pub(super) fn is_read(kind: &str) -> bool {
    KINDS.contains(&kind)
}

/// A rule that leads to the Service.
pub(super) struct Route<'a> {
    /// The object that it stands in.
    pub doc: &'a Document,
    /// An entry of its `http` or `rules`.
    pub rule: &'a Node,
    /// Those it shares the requests among.
    shares: Vec<Share>,
}

impl Route<'_> {
    /// There are several, or only some of the pods.
    pub fn is_shared(&self) -> bool {
        self.shares.len() > 1 || self.shares.iter().any(|share| share.subset.is_some())
    }
}

/// One of those that a route shares the requests among.
struct Share {
    service: String,
    subset: Option<String>,
    weight: u32,
}

/// What routes say of a Service.
pub(super) struct Found<'a> {
    /// The first rule that leads there.
    pub route: Option<Route<'a>>,
    /// The DestinationRule for it.
    pub rule: Option<&'a Document>,
}

/// What is said of the Service by this name.
pub(super) fn of<'a>(input: &'a Input, service: &Service) -> Found<'a> {
    let others = || {
        let documents = input.each_document();
        documents.filter(|d| matches!(&d.object, Object::Other { .. }) && !d.update)
    };
    let leads = |doc: &'a Document| {
        let shares = match doc.kind() {
            "VirtualService" => virtual_shares,
            "HTTPRoute" | "GRPCRoute" => gateway_shares,
            _ => return None,
        };
        let spec = doc.root.get("spec")?;
        let rules = spec.get("http").or(spec.get("rules")).map_or(&[][..], Node::items);
        rules.iter().find_map(|rule| {
            let shares = shares(rule);
            let mine = |s: &Share| is_host(&s.service, doc, service);
            shares.iter().any(mine).then_some(Route { doc, rule, shares })
        })
    };
    let is_rule = |doc: &&Document| {
        let host = doc.root.get("spec").and_then(|s| s.get("host")).and_then(Node::as_str);
        doc.kind() == "DestinationRule" && host.is_some_and(|host| is_host(host, doc, service))
    };
    Found { route: others().find_map(leads), rule: others().find(is_rule) }
}

/// The host is that of the Service: its name, or that with its namespace.
fn is_host(host: &str, doc: &Document, service: &Service) -> bool {
    let mut parts = host.split('.');
    let name = parts.next() == Some(&*service.name);
    name && parts.next().unwrap_or(doc.namespace()) == service.namespace
}

fn virtual_shares(rule: &Node) -> Vec<Share> {
    let routes = rule.get("route").map_or(&[][..], Node::items);
    let share = |route: &Node| {
        let to = route.get("destination")?;
        let text = |key: &str| to.get(key).and_then(Node::as_str).map(str::to_owned);
        let weight = weight(route).unwrap_or(if routes.len() == 1 { 100 } else { 0 });
        Some(Share { service: text("host")?, subset: text("subset"), weight })
    };
    routes.iter().filter_map(share).collect()
}

fn gateway_shares(rule: &Node) -> Vec<Share> {
    let backends = rule.get("backendRefs").map_or(&[][..], Node::items);
    let share = |backend: &Node| {
        let text = |key: &str| backend.get(key).and_then(Node::as_str);
        if text("kind").is_some_and(|kind| kind != "Service") {
            return None;
        }
        let namespace = text("namespace").map_or(String::new(), |ns| format!(".{ns}"));
        let service = format!("{}{namespace}", text("name")?);
        Some(Share { service, subset: None, weight: weight(backend).unwrap_or(1) })
    };
    backends.iter().filter_map(share).collect()
}

fn weight(node: &Node) -> Option<u32> {
    match &node.get("weight")?.value {
        Value::Int(n) => u32::try_from(*n).ok(),
        _ => None,
    }
}

/// The proxies that the route is read by, and their card where it is not that of the kind.
pub(super) fn path(
    low: &mut Lowering<'_>,
    service: &Service,
) -> Option<(Kind, Option<&'static str>)> {
    let input = low.input;
    let route = of(input, service).route?;
    if route.doc.kind() == "VirtualService" {
        return Some((Kind::Istio, None));
    }
    let class = gateway_of(route.doc).and_then(|gateway| class_of(input, gateway));
    let found = class.as_deref().and_then(|class| implementer(input, class));
    if found.is_none() {
        let class = class.map_or("unknown".to_owned(), |class| quoted(&class));
        let text =
            format!("envoy: {} is of class {class}, which names none known", route.doc.kind());
        low.assume("traffic.path", text);
        return Some((Kind::Envoy, None));
    }
    found
}

/// The Gateway that a route is bound to.
fn gateway_of(route: &Document) -> Option<&str> {
    let parent = route.root.get("spec")?.get("parentRefs")?.items().first()?;
    parent.get("name").and_then(Node::as_str)
}

/// The class of the Gateway by this name.
fn class_of(input: &Input, gateway: &str) -> Option<String> {
    let documents = input.each_document();
    let mut gateways = documents.filter(|d| d.kind() == "Gateway" && d.name() == gateway);
    let class = gateways.find_map(|g| g.root.get("spec")?.get("gatewayClassName"))?;
    class.as_str().map(str::to_owned)
}

/// The route that leads to the Service is a gateway's: bound to one, and not to the Service or the mesh.
pub(super) fn at_gateway(input: &Input, service: &Service) -> bool {
    let Some(Route { doc, .. }) = of(input, service).route else { return false };
    let list = |key: &str| {
        let spec = doc.root.get("spec");
        spec.and_then(|spec| spec.get(key)).map_or(&[][..], Node::items)
    };
    let text = |node: &'_ Node, key: &str| node.get(key).and_then(Node::as_str).map(str::to_owned);
    match doc.kind() {
        "VirtualService" => list("gateways").iter().any(|g| g.as_str() != Some("mesh")),
        _ => list("parentRefs").iter().any(|p| text(p, "kind").as_deref() != Some("Service")),
    }
}

/// The proxies of the Gateway by this name, if it is among the manifests and its class is known.
pub(super) fn of_gateway(input: &Input, gateway: &str) -> Option<(Kind, Option<&'static str>)> {
    implementer(input, &class_of(input, gateway)?)
}

/// Fields of Gateways and their routes that are read where requests pass them, and named as left out else.
const PASSED: [&str; 5] = [
    "spec.gatewayClassName",
    "spec.parentRefs",
    "spec.rules.backendRefs.weight",
    "spec.rules.retry",
    "spec.rules.timeouts",
];

/// Those of a Canary for whom Flagger writes a VirtualService and a DestinationRule.
const PASSED_ON: [&str; 3] =
    ["spec.service.retries", "spec.service.timeout", "spec.service.trafficPolicy"];

/// Whether a field that is named as left out is read: the path is that of the Gateway, or of the route.
pub(super) fn passes(low: &Lowering<'_>, service: &Service, doc: &Document, field: &str) -> bool {
    let Some(kind) = low.path_kind.filter(|kind| is_proxied(*kind)) else { return false };
    let keys = || field.split('.').map(|key| key.split('[').next().unwrap_or(key));
    let is_one_of = |all: &[&str]| all.iter().any(|known| known.split('.').eq(keys()));
    if doc.kind() == "Canary" {
        return kind == Kind::Istio && is_one_of(&PASSED_ON);
    }
    let read = is_one_of(&PASSED);
    let Some(route) = of(low.input, service).route.filter(|_| read) else { return false };
    let gateway = || gateway_of(route.doc).is_some_and(|name| doc.name() == name);
    std::ptr::eq(route.doc, doc) || (doc.kind() == "Gateway" && gateway())
}

fn is_proxied(kind: Kind) -> bool {
    matches!(kind, Kind::Envoy | Kind::Istio) || kind.maker().is_some()
}

/// By the controller that a class names, else by what the class is called.
const IMPLEMENTERS: [(&str, &str, Kind, Option<&str>); 7] = [
    ("istio.io/", "istio", Kind::Istio, None),
    ("gateway.envoyproxy.io/", "eg", Kind::Envoy, Some("envoy-gateway")),
    ("gateway.nginx.org/", "nginx", Kind::Envoy, Some("nginx-gateway-fabric")),
    ("io.cilium/", "cilium", Kind::Envoy, Some("cilium-gateway")),
    ("traefik.io/", "traefik", Kind::Envoy, Some("traefik")),
    ("konghq.com/", "kong", Kind::Envoy, Some("kong")),
    ("projectcontour.io/", "contour", Kind::Envoy, Some("contour")),
];

/// The proxies that go by this name: of a class, of a router, of a provider.
pub(super) fn called(name: &str) -> Option<(Kind, Option<&'static str>)> {
    let found = IMPLEMENTERS.iter().find(|(_, known, ..)| *known == name);
    found.map(|(.., kind, card)| (*kind, *card))
}

fn implementer(input: &Input, class: &str) -> Option<(Kind, Option<&'static str>)> {
    let documents = input.each_document();
    let mut classes = documents.filter(|d| d.kind() == "GatewayClass" && d.name() == class);
    let controller = classes
        .find_map(|d| d.root.get("spec")?.get("controllerName")?.as_str().map(str::to_owned));
    let by_controller = |prefix: &str| controller.as_deref().is_some_and(|c| c.starts_with(prefix));
    let found = IMPLEMENTERS.iter().find(|(prefix, ..)| by_controller(prefix));
    let found = found.map(|(.., kind, card)| (*kind, *card)).or_else(|| called(class));
    let names = controller.as_deref().into_iter().chain([class]);
    found.or_else(|| names.into_iter().find_map(ingress_class::made_by).map(|kind| (kind, None)))
}

/// All Services on the path and how they share the requests: with those that an Ingress or a release names,
/// else as a route has it.
pub(super) fn together(
    low: &mut Lowering<'_>,
    kind: Kind,
    service: &Service,
    beside: Option<(Vec<Service>, Split)>,
) -> (Vec<Service>, Option<Split>) {
    let routed = beside.is_none() && is_proxied(kind);
    if let Some((all, split)) = routed.then(|| shares(low, service)).flatten() {
        return (all, Some(split));
    }
    let (others, split) = beside.map_or((Vec::new(), None), |(o, split)| (o, Some(split)));
    (std::iter::once(service.clone()).chain(others).collect(), split)
}

/// All that the route shares the requests among; None: it is the only one.
fn shares(low: &mut Lowering<'_>, service: &Service) -> Option<(Vec<Service>, Split)> {
    let input = low.input;
    let found = of(input, service);
    let route = found.route.as_ref()?;
    let subsets = route.shares.iter().any(|share| share.subset.is_some());
    if route.shares.len() < 2 && !subsets {
        return None;
    }
    let mut services = Vec::new();
    let mut weights = Vec::new();
    for share in &route.shares {
        let whole = match is_host(&share.service, route.doc, service) {
            true => service.clone(),
            false => other(low, route.doc, &share.service)?,
        };
        services.push(match &share.subset {
            None => whole,
            Some(subset) => of_subset(low, found.rule, whole, route.doc, subset)?,
        });
        weights.push(share.weight);
    }
    Some((services, Split { weights, main: 0, canary: false }))
}

/// A Service that a route names.
fn other(low: &mut Lowering<'_>, by: &Document, host: &str) -> Option<Service> {
    let name = host.split('.').next().unwrap_or(host);
    let input = low.input;
    let documents = input.each_document();
    let mut services = documents.filter(|d| d.service().is_some() && !d.update);
    let Some(doc) = services.find(|d| d.name() == name) else {
        let message = format!("Service {} is not among the manifests", quoted(name));
        low.problems.push(by.error("spec", message));
        return None;
    };
    let api = doc.service().expect("chosen among Services");
    Some(low.check(doc, |check| network::service(check, api)))
}

/// The pods of a Service that have a subset's labels besides.
fn of_subset(
    low: &mut Lowering<'_>,
    rule: Option<&Document>,
    whole: Service,
    by: &Document,
    subset: &str,
) -> Option<Service> {
    let spec = rule.and_then(|rule| rule.root.get("spec"));
    let subsets = spec.and_then(|spec| spec.get("subsets")).map_or(&[][..], Node::items);
    let named = |s: &&Node| s.get("name").and_then(Node::as_str) == Some(subset);
    let Some(found) = subsets.iter().find(named) else {
        let names = subsets.iter().filter_map(|s| s.get("name").and_then(Node::as_str));
        let message =
            format!("no DestinationRule of {} has the subset {}", whole.name, quoted(subset));
        let error = by.error("spec.http", message).allowed(names.collect::<Vec<_>>().join(", "));
        low.problems.push(error);
        return None;
    };
    let mut made = Service { name: format!("{}/{subset}", whole.name), ..whole };
    for label in found.get("labels").map_or(&[][..], Node::entries) {
        let value = label.node.as_str().unwrap_or("").to_owned();
        made.selector.insert(label.key.clone(), value);
    }
    Some(made)
}

#[cfg(test)]
mod tests {
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
}
