//! What a controller reads for all that it serves: the ConfigMap of ingress-nginx, the configuration of
//! Istio's mesh in a ConfigMap or an IstioOperator.
//!
//! Source: kubernetes/ingress-nginx, `docs/user-guide/nginx-configuration/configmap.md` and the chart's
//! `controller-configmap.yaml`; istio/istio, the chart's `configmap.yaml`, MeshConfig in the reference.

use crate::input::given::Input;
use crate::input::known::{self, Fate};
use crate::input::lower::lowering::Lowering;
use crate::input::raw::manifest::{Document, Object};
use crate::input::text::diagnostics::{did_you_mean, misspelt};
use crate::input::text::tree::{Entry, Node, Value, quoted};
use crate::input::text::yaml;
use std::collections::BTreeMap;

const ANNOTATIONS: &str = "nginx.ingress.kubernetes.io/";
const OF_NGINX: &str = "ConfigMap of ingress-nginx: ";
const OF_ISTIO: &str = "mesh configuration of Istio: ";
/// What charts and manifests call that of ingress-nginx.
const NGINX: [&str; 4] = [
    "ingress-nginx-controller",
    "nginx-configuration",
    "nginx-ingress-controller",
    "ingress-nginx",
];
/// Those of the same chart whose keys are ports or names of headers.
const BESIDE: [&str; 4] = ["-tcp", "-udp", "-headers", "services"];

fn maps<'a>(input: &'a Input, kind: &'a str) -> impl Iterator<Item = &'a Document> {
    let documents = input.each_document();
    documents.filter(move |d| {
        matches!(&d.object, Object::Other { kind: other } if other == kind) && !d.update
    })
}

/// That of ingress-nginx: named by its flag, by its chart's label, or as charts call it.
pub(super) fn of_nginx(input: &Input) -> Option<&Document> {
    let named = input.each_document().filter_map(Document::pod_spec).find_map(|spec| {
        let args = spec.containers.iter().flat_map(|c| c.args.iter().flatten());
        let mut named = args.filter_map(|arg| arg.strip_prefix("--configmap="));
        named.next().map(|name| name.rsplit('/').next().unwrap_or(name))
    });
    let labelled = |d: &Document| {
        let labels = d.root.get("metadata").and_then(|m| m.get("labels"));
        let label = labels.and_then(|l| l.get("app.kubernetes.io/name")).and_then(Node::as_str);
        label == Some("ingress-nginx")
    };
    let is = |d: &&Document| match named {
        Some(name) => d.name() == name,
        None => {
            let beside = BESIDE.iter().any(|end| d.name().ends_with(end));
            NGINX.contains(&d.name()) || (labelled(d) && !beside && has_known(d))
        }
    };
    maps(input, "ConfigMap").find(is)
}

fn has_known(map: &Document) -> bool {
    data(map).iter().any(|entry| known::settings(OF_NGINX).fate(&entry.key).is_some())
}

/// What is in it.
pub(super) fn data(map: &Document) -> &[Entry] {
    map.root.get("data").map_or(&[][..], Node::entries)
}

/// Annotations of Ingresses that say nothing, as it has them.
pub(super) fn defaults(map: &Document) -> BTreeMap<String, String> {
    let texts = data(map).iter().map(|e| (format!("{ANNOTATIONS}{}", e.key), value(&e.node)));
    texts.collect()
}

/// Names what of it is not read and would matter; misspellings of what is read are refused.
pub(super) fn check_nginx(low: &mut Lowering<'_>, map: &Document) {
    let section = known::settings(OF_NGINX);
    for entry in data(map) {
        let key = &entry.key;
        let text = value(&entry.node);
        match section.fate(key) {
            Some(Fate::NotModelled(rule)) if rule.applies_to(&text) => {
                low.note(format!("ConfigMap {}: {key} ({})", map.name(), rule.effect));
            }
            Some(_) => {}
            None => {
                let modelled = section.all().filter(|(_, fate)| **fate == Fate::Modelled);
                if let Some(close) = misspelt(key, modelled.map(|(name, _)| name)) {
                    let error = map.error(&format!("data.{key}"), "unknown key");
                    let error = error.found(quoted(key));
                    low.problems.push(error.suggest(format!("did you mean \"{close}\"?")));
                    continue;
                }
                let hint = did_you_mean(key, section.all().map(|(name, _)| name));
                let hint = hint.map_or(String::new(), |close| format!(" (did you mean {close}?)"));
                low.note(format!("ConfigMap {}: unknown key {key}{hint}", map.name()));
            }
        }
    }
}

pub(super) fn value(node: &Node) -> String {
    node.as_str().map_or_else(|| node.to_string(), str::to_owned)
}

/// The mesh's configuration, and the file that it stands in.
pub(super) fn mesh<'a>(input: &'a Input) -> Option<(&'a Document, Node)> {
    let is = |d: &&Document| d.name() == "istio" || d.name().starts_with("istio-");
    let map = maps(input, "ConfigMap").filter(is).find_map(|d| {
        let text = d.root.get("data")?.get("mesh")?.as_str()?;
        Some((d, yaml::parse(text).ok()?.into_iter().next()?))
    });
    map.or_else(|| {
        let of = |d: &'a Document| Some((d, d.root.get("spec")?.get("meshConfig")?.clone()));
        maps(input, OPERATOR).find_map(of)
    })
}

/// Names what of the mesh's configuration is not read and would matter.
pub(super) fn check_mesh(low: &mut Lowering<'_>) {
    let Some((doc, mesh)) = mesh(low.input) else { return };
    let mut named = Vec::new();
    if doc.kind() == OPERATOR {
        let spec = doc.root.get("spec").map_or(&[][..], Node::entries);
        let beside = spec.iter().filter(|e| ["components", "values"].contains(&e.key.as_str()));
        named.extend(
            beside.map(|e| format!("spec.{} (what it says of istiod and gateways)", e.key)),
        );
    }
    walk(&mesh, "", &mut |path, node| {
        let section = known::settings(OF_ISTIO);
        match section.fate(path) {
            Some(Fate::NotModelled(rule)) if rule.applies_to(&value(node)) => {
                named.push(format!("{path} ({})", rule.effect));
                true
            }
            Some(_) => true,
            None if node.entries().is_empty() => {
                named.push(format!("unknown key {path}"));
                true
            }
            None => false,
        }
    });
    for what in named {
        low.note(format!("{} {}: {what}", doc.kind(), doc.name()));
    }
}

/// Each key with its way, until `seen` says that it is known.
fn walk(node: &Node, above: &str, seen: &mut impl FnMut(&str, &Node) -> bool) {
    for entry in node.entries() {
        let path = match above {
            "" => entry.key.clone(),
            above => format!("{above}.{}", entry.key),
        };
        if entry.node.value != Value::Null && !seen(&path, &entry.node) {
            walk(&entry.node, &path, seen);
        }
    }
}

/// An IstioOperator is read for its meshConfig.
pub(super) const OPERATOR: &str = "IstioOperator";

/// The mode of kube-proxy, as kubeadm's ConfigMap has it.
pub(super) fn proxy_mode(input: &Input) -> Option<String> {
    let map = maps(input, "ConfigMap").find(|d| d.name() == "kube-proxy")?;
    let text = map.root.get("data")?.get("config.conf")?.as_str()?;
    let config = yaml::parse(text).ok()?.into_iter().next()?;
    config.get("mode").and_then(Node::as_str).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use crate::input::Input;
    use crate::input::text::source::Source;
    use crate::model::balancer::{Path, envoy, ingress_nginx};
    use crate::model::platform::ProxyMode;
    use crate::scenario::Scenario;

    const WEB: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  \
        selector: {matchLabels: {app: web}}\n  template:\n    metadata: {labels: {app: web MORE}}\n    \
        spec: {containers: [{name: web, image: web, ports: [{containerPort: 80}]}]}\n---\n\
        apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {selector: {app: web}, ports: [{port: 80}]}\n";

    fn lower(labels: &str, more: &str) -> Result<Scenario, String> {
        let text = format!("{}{more}", WEB.replace(" MORE", labels));
        let input = Input::load(&[Source::Text { name: "web.yaml".into(), text }]);
        input.map_err(|e| e.to_string())?.lower().map_err(|e| e.to_string())
    }

    fn ingress(class: &str, annotations: &str, path: &str) -> String {
        format!(
            "---\napiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {{name: web, annotations: \
             {{{annotations}}}}}\nspec: {{ingressClassName: {class}, rules: [{{http: {{paths: [{{path: {path}, \
             pathType: Prefix, backend: {{service: {{name: web, port: {{number: 80}}}}}}}}]}}}}]}}\n"
        )
    }

    fn map(name: &str, data: &str) -> String {
        format!(
            "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: other}}\ndata:\n{data}"
        )
    }

    fn nginx(annotations: &str, data: &str) -> Result<ingress_nginx::Settings, String> {
        let map = map("ingress-nginx-controller", data);
        let scenario = lower("", &format!("{}{map}", ingress("nginx", annotations, "/")))?;
        let Path::IngressNginx(settings) = &scenario.route().path else { panic!("nginx") };
        Ok((**settings).clone())
    }

    #[test]
    fn the_config_map_says_what_annotations_leave_out() {
        const PREFIX: &str = "nginx.ingress.kubernetes.io";
        let data = "  proxy-next-upstream: \"off\"\n  proxy-read-timeout: \"7\"\n";
        let annotations =
            format!("{PREFIX}/proxy-next-upstream: \"off\", {PREFIX}/proxy-read-timeout: \"7\"");
        let by_map = nginx("", data).expect("good");
        assert_eq!(by_map, nginx(&annotations, "  x: y\n").expect("good"));
        assert_ne!(by_map, nginx("", "  hsts: \"false\"\n").expect("good"));
        let own =
            format!("{PREFIX}/proxy-next-upstream: error, {PREFIX}/proxy-read-timeout: \"9\"");
        let l7 = nginx(&own, data).expect("good").hop.l7.expect("layer 7");
        assert_eq!((l7.retry_on.refused, l7.retry_on.connect_timeout), (true, false));
        assert_eq!(l7.response_timeout.map(|t| t.as_secs_f64()), Some(9.0));
        let more = "  worker-processes: \"5\"\n  upstream-keepalive-timeout: 20\n  retry-non-idempotent: \"true\"\n";
        let settings = nginx("", more).expect("good");
        let l7 = settings.hop.l7.expect("layer 7");
        assert_eq!((settings.workers, l7.retry_on.non_idempotent), (5, true));
        let idle = l7.pool.map(|pool| pool.idle_timeout.as_secs_f64());
        assert_eq!(idle, Some(20.0));
    }

    #[test]
    fn what_a_config_map_has_wrong_is_said_where_it_stands() {
        for (data, words) in [
            ("  proxy-read-timeout: soon\n", "data.proxy-read-timeout"),
            ("  keep-alive: soon\n", "data.keep-alive"),
            ("  proxy-read-timeot: \"8\"\n", "did you mean \"proxy-read-timeout\"?"),
        ] {
            let error = nginx("", data).expect_err(data);
            assert!(error.contains(words) && error.contains("web.yaml:2"), "{error}");
        }
        let data = "  service-upstream: \"true\"\n  worker-shutdown-timeout: 10s\n  strange: x\n";
        let map = map("ingress-nginx-controller", data);
        let scenario = lower("", &format!("{}{map}", ingress("nginx", "", "/"))).expect("good");
        let said = scenario.not_modelled.join("\n");
        for word in ["service-upstream", "worker-shutdown-timeout", "unknown key strange"] {
            assert!(said.contains(word), "{said}");
        }
    }

    #[test]
    fn the_mesh_is_configured_by_a_config_map() {
        const MESH: &str = "  mesh: |\n    connectTimeout: 3s\n    defaultHttpRetryPolicy: {attempts: 0}\n    \
                            localityLbSetting: {enabled: false}\n    defaultConfig:\n      \
                            holdApplicationUntilProxyStarts: true\n      terminationDrainDuration: 25s\n      \
                            tracing: {sampling: 1}\n      strange: 1\n";
        let labels =
            ", sidecar.istio.io/inject: \"true\", sidecar.istio.io/nativeSidecar: \"false\"";
        let scenario = lower(labels, &map("istio", MESH)).expect("good");
        let Path::Envoy(settings) = &scenario.route().path else { panic!("proxies") };
        let settings: &envoy::Settings = settings;
        let l7 = settings.hop.l7.as_ref().expect("layer 7");
        assert_eq!((l7.tries, l7.connect_timeout.as_secs_f64()), (1, 3.0));
        let said = scenario.not_modelled.join("\n");
        assert!(
            said.contains("localityLbSetting") && said.contains("defaultConfig.strange"),
            "{said}"
        );
        assert!(!said.contains("tracing") && !said.contains("attempts"), "{said}");
        let told = |scenario: &Scenario| format!("{:?}", scenario.before().template.containers);
        let annotated = WEB
            .replace(
                "metadata: {labels: {app: web MORE}}",
                "metadata: {labels: {app: web MORE}, \
            annotations: {proxy.istio.io/config: \"{holdApplicationUntilProxyStarts: true, \
            terminationDrainDuration: 25s}\"}}",
            )
            .replace(" MORE", labels);
        let source = Source::Text { name: "web.yaml".into(), text: annotated };
        let by_pods = Input::load(&[source]).expect("good").lower().expect("good");
        assert_eq!(told(&scenario), told(&by_pods));
        assert_ne!(told(&scenario), told(&lower(labels, "").expect("good")));
    }

    #[test]
    fn kube_proxy_says_its_mode() {
        let data = "  config.conf: |\n    kind: KubeProxyConfiguration\n    mode: ipvs\n";
        let scenario = lower("", &map("kube-proxy", data)).expect("good");
        assert!(matches!(scenario.kubernetes.proxy_mode, ProxyMode::Ipvs { .. }));
        assert_eq!(lower("", "").expect("good").kubernetes.proxy_mode, ProxyMode::Iptables);
    }

    #[test]
    fn tls_that_is_passed_through_goes_to_the_address_of_the_service() {
        let passed = "nginx.ingress.kubernetes.io/ssl-passthrough: \"true\"";
        for (annotation, path, service) in [
            (passed, "/", true),
            (passed, "/api", false),
            ("nginx.ingress.kubernetes.io/ssl-passthrough: \"false\"", "/", false),
        ] {
            let scenario = lower("", &ingress("nginx", annotation, path)).expect("good");
            let found = matches!(scenario.route().path, Path::Service);
            assert_eq!(found, service, "{annotation} {path}");
            let said = scenario.not_modelled.iter().any(|n| n.contains("ssl-passthrough"));
            assert_eq!(said, path == "/api", "{:?}", scenario.not_modelled);
        }
    }

    /// Class, annotations of the Ingress and of the Service, tries, the time to connect, the longest wait.
    #[test]
    fn annotations_of_other_controllers_are_read() {
        let rows = [
            ("contour", "projectcontour.io/num-retries: \"3\"", "", (1, 2.0, None)),
            (
                "contour",
                "projectcontour.io/num-retries: \"3\", projectcontour.io/retry-on: \"5xx\", \
                 projectcontour.io/response-timeout: 1m30s",
                "",
                (4, 2.0, Some(90.0)),
            ),
            ("contour", "projectcontour.io/retry-on: gateway-error", "", (2, 2.0, None)),
            (
                "kong",
                "",
                "konghq.com/retries: \"0\", konghq.com/connect-timeout: \"1500\", konghq.com/read-timeout: \"2000\"",
                (1, 1.5, Some(2.0)),
            ),
            // Another's are not read.
            ("kong", "projectcontour.io/response-timeout: 9s", "", (6, 60.0, Some(60.0))),
        ];
        for (class, ingress_says, service_says, (tries, connect, wait)) in rows {
            let more = ingress(class, ingress_says, "/");
            let text = format!("{}{more}", WEB.replace(" MORE", "")).replace(
                "kind: Service\nmetadata: {name: web}",
                &format!("kind: Service\nmetadata: {{name: web, annotations: {{{service_says}}}}}"),
            );
            let source = Source::Text { name: "web.yaml".into(), text };
            let scenario = Input::load(&[source]).expect("good").lower();
            let scenario = scenario.unwrap_or_else(|e| panic!("{class}: {e}"));
            let Path::Envoy(settings) = &scenario.route().path else { panic!("proxies") };
            let l7 = settings.hop.l7.as_ref().expect("layer 7");
            let route = l7.policy.as_ref().expect("Envoy").route_timeout;
            assert_eq!(l7.tries, tries, "{class} {ingress_says}");
            assert_eq!(l7.connect_timeout.as_secs_f64(), connect, "{class} {ingress_says}");
            if wait.is_some() {
                assert_eq!(route.map(|t| t.as_secs_f64()), wait, "{class} {ingress_says}");
            }
        }
        let said = |annotation: &str, class: &str| {
            let scenario = lower("", &ingress(class, annotation, "/")).expect("good");
            scenario.not_modelled.join("\n")
        };
        let named = "traefik.ingress.kubernetes.io/router.middlewares: retry@kubernetescrd";
        assert!(said(named, "traefik").contains("what middlewares do"));
        let named = "haproxy-ingress.github.io/affinity: cookie";
        assert!(said(named, "haproxy").contains("sticky"));
        let source = ingress(
            "haproxy",
            "haproxy-ingress.github.io/timeout-server: 1s, \
            haproxy-ingress.github.io/balance-algorithm: leastconn",
            "/",
        );
        let scenario = lower("", &source).expect("good");
        let Path::Haproxy(settings) = &scenario.route().path else { panic!("HAProxy") };
        let l7 = settings.hop.l7.as_ref().expect("layer 7");
        assert_eq!(l7.response_timeout.map(|t| t.as_secs_f64()), Some(1.0));
        let error = lower("", &ingress("haproxy", "haproxy.org/timeout-server: soon", "/"));
        assert!(error.expect_err("no time").contains("haproxy.org/timeout-server"));
    }
}
