//! Proxies whose own pods are rolled out: who is one, how its manifests say that it stops, and what that
//! loses.

use rollsim::cluster::spec::{App, OnSigterm};
use rollsim::engine::Dur;
use rollsim::input::cards::{Card, CardKind};
use rollsim::input::{Input, Source};
use rollsim::run::{Replication, RunOptions, run};
use rollsim::scenario::Scenario;
use rollsim::traffic::Failure;

/// A Deployment of such a proxy and its Service, of type LoadBalancer; `pod` are lines of the pod's spec.
fn gateway(labels: &str, annotations: &str, pod: &str, more: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: edge, namespace: edge}}\nspec:\n  replicas: \
         2\n  selector: {{matchLabels: {{app: edge}}}}\n  template:\n    metadata: {{labels: {{app: edge{labels}}}, \
         annotations: {{{annotations}}}}}\n    spec:\n      terminationGracePeriodSeconds: 300\n{pod}---\n\
         apiVersion: v1\nkind: Service\nmetadata: {{name: edge, namespace: edge}}\nspec: {{type: LoadBalancer, \
         selector: {{app: edge}}, ports: [{{name: http, port: 80, targetPort: 8080}}]}}\n{more}"
    )
}

fn lower(manifest: &str, case: &str, settings: &[(&str, &str)]) -> Result<Scenario, String> {
    let text = |name: &str, text: String| Source::Text { name: name.into(), text };
    let case = format!("schema = 1\nname = \"case\"\n{case}");
    let sources = [text("edge.yaml", manifest.to_owned()), text("scenario.toml", case)];
    let mut input = Input::load(&sources).map_err(|e| e.to_string())?;
    for (key, value) in settings {
        input.set(key, value).map_err(|e| e.to_string())?;
    }
    input.lower().map_err(|e| e.to_string())
}

fn good(manifest: &str) -> Scenario {
    lower(manifest, "", &[]).unwrap_or_else(|e| panic!("{e}"))
}

fn app(scenario: &Scenario) -> &App {
    &scenario.before().template.serving_container().app
}

/// Seconds that it serves on for, and that it may take from then on; and whether it accepts until nobody
/// comes.
fn stops(scenario: &Scenario) -> (f64, f64, bool) {
    let app = app(scenario);
    let OnSigterm::LameDuck { delay, drain_timeout } = app.on_sigterm else {
        panic!("{:?}", app.on_sigterm)
    };
    (delay.as_secs_f64(), drain_timeout.as_secs_f64(), app.drain_accepts.is_some())
}

const PORT: &str = "ports: [{containerPort: 8080}]";

fn one(name: &str, image: &str, more: &str) -> String {
    format!("      containers:\n      - {{name: {name}, image: '{image}', {PORT}{more}}}\n")
}

const NGINX: &str = "registry.k8s.io/ingress-nginx/controller:v1.12.1";
const WAITS: &str = ", lifecycle: {preStop: {exec: {command: [/wait-shutdown]}}}";

fn envoy_gateway(flags: &str) -> String {
    let hook = ", lifecycle: {preStop: {httpGet: {path: /shutdown/ready, port: 19002}}}";
    let envoy = one("envoy", "docker.io/envoyproxy/envoy:distroless-v1.33.0", hook);
    format!(
        "{envoy}      - {{name: shutdown-manager, image: 'docker.io/envoyproxy/gateway:v1.3.0', command: \
         [envoy-gateway], args: [envoy, shutdown-manager], lifecycle: {{preStop: {{exec: {{command: \
         [envoy-gateway, envoy, shutdown{flags}]}}}}}}}}\n"
    )
}

/// Containers of a gateway's pod, its labels, further documents, and what [`stops`] makes of it.
type Row<'a> = (String, &'a str, &'a str, (f64, f64, bool));

#[test]
fn manifests_of_published_charts_tell_how_a_proxy_stops() {
    let config = "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: edge, namespace: edge}\ndata: \
                  {worker-shutdown-timeout: 30s}\n";
    let elsewhere = config.replace("namespace: edge", "namespace: other");
    let grace = ", args: [/nginx-ingress-controller, --shutdown-grace-period=10]";
    let nginx = format!("{grace}{WAITS}");
    let labels = ", app.kubernetes.io/name: ingress-nginx, app.kubernetes.io/component: controller";
    let traefik = ", args: [--entryPoints.web.transport.lifeCycle.requestAcceptGraceTimeout=20, \
                   --entryPoints.web.transport.lifeCycle.graceTimeOut=1m]";
    let contour = |flags: &str| {
        one("envoy", "envoyproxy/envoy:v1.33.0", "")
            + &format!(
                "      - {{name: shutdown-manager, image: 'ghcr.io/projectcontour/contour:v1.30.0', lifecycle: \
                 {{preStop: {{exec: {{command: [/bin/contour, envoy, shutdown{flags}]}}}}}}}}\n"
            )
    };
    let kong = ", lifecycle: {preStop: {exec: {command: [kong, quit, '--wait=15']}}}";
    let rows: [Row; 11] = [
        (one("controller", NGINX, WAITS), "", "", (0.0, 240.0, false)),
        (one("controller", NGINX, &nginx), "", config, (10.0, 30.0, false)),
        (one("controller", NGINX, ""), "", &elsewhere, (0.0, 240.0, false)),
        (one("controller", "mirror.example/edge:1", ""), labels, "", (0.0, 240.0, false)),
        (envoy_gateway(""), "", "", (10.0, 50.0, true)),
        (
            envoy_gateway(", --drain-timeout=90s, --min-drain-duration=15s"),
            "",
            "",
            (15.0, 75.0, true),
        ),
        (envoy_gateway(", --drain-timeout=90s"), "", "", (10.0, 80.0, true)),
        (contour(", --check-delay=30s"), "", "", (30.0, 300.0, true)),
        (one("traefik", "traefik:v3.3", ""), "", "", (0.0, 10.0, false)),
        (one("traefik", "docker.io/traefik:v3.3", traefik), "", "", (20.0, 60.0, false)),
        (one("proxy", "kong:3.9", kong), "", "", (15.0, 10.0, false)),
    ];
    for (pod, labels, more, wanted) in rows {
        let scenario = good(&gateway(labels, "", &pod, more));
        assert_eq!(stops(&scenario), wanted, "{pod}");
        assert!(scenario.assumptions.iter().any(|a| a.key == "gateway"), "{pod}");
    }
    // Who is no proxy stays what it is, and what the scenario says comes first.
    for (image, is) in [("web:1", false), ("hongkong:1", false), ("envoyproxy/envoy:v1.33.0", true)]
    {
        let scenario = good(&gateway("", "", &one("app", image, ""), ""));
        assert_eq!(scenario.assumptions.iter().any(|a| a.key == "gateway"), is, "{image}");
        assert_eq!(app(&scenario).on_sigterm, OnSigterm::Exit, "{image}");
    }
    let said = [("app.on_sigterm", "graceful"), ("app.drain_timeout_s", "7")];
    let scenario = lower(&gateway("", "", &one("c", NGINX, WAITS), ""), "", &said).expect("lowers");
    assert_eq!(app(&scenario).on_sigterm, OnSigterm::Graceful { drain_timeout: Dur::from_secs(7) });
    let other = one("c", "registry.example/controller:1", "");
    let scenario =
        lower(&gateway("", "", &other, ""), "", &[("app.card", "traefik")]).expect("lowers");
    assert_eq!(stops(&scenario), (0.0, 10.0, false));
}

/// The manifests that Istio's chart has: its webhook writes image and probes.
#[test]
fn a_gateway_of_istio_is_no_pod_with_a_sidecar() {
    let auto = |more: &str| one("istio-proxy", "auto", more);
    let inject = ", sidecar.istio.io/inject: 'true'";
    let templates = "inject.istio.io/templates: gateway";
    let drains =
        |s: u32| format!("{templates}, proxy.istio.io/config: 'terminationDrainDuration: {s}s'");
    let idle = ", env: [{name: EXIT_ON_ZERO_ACTIVE_CONNECTIONS, value: 'true'}, {name: \
                MINIMUM_DRAIN_DURATION, value: 8s}]";
    for (pod, marks, wanted) in [
        (auto(""), templates.to_owned(), (5.0, 0.0, false)),
        (auto(""), drains(40), (40.0, 0.0, false)),
        (auto(idle), templates.to_owned(), (8.0, 86_400.0, true)),
    ] {
        let scenario = good(&gateway(inject, &marks, &pod, ""));
        let template = &scenario.before().template;
        assert_eq!(stops(&scenario), wanted, "{pod}");
        assert_eq!((template.containers.len(), template.init_containers.len()), (1, 0));
        assert!(template.proxy.is_none(), "requests end there");
        assert!(template.containers[0].readiness_probe.is_some(), "the webhook adds it");
    }
    // Beside an application it is a sidecar.
    let both =
        one("app", "web:1", "") + "      - {name: istio-proxy, image: 'istio/proxyv2:1.29.0'}\n";
    let scenario = good(&gateway("", "", &both, ""));
    assert!(scenario.before().template.proxy.is_some());
    assert!(!scenario.assumptions.iter().any(|a| a.key == "gateway"));
}

#[test]
fn how_a_proxy_stops_that_is_not_known_is_named() {
    let pod = one("haproxy", "docker.io/haproxytech/kubernetes-ingress:3.1", "");
    let scenario = good(&gateway("", "", &pod, ""));
    assert!(
        scenario.not_modelled.iter().any(|n| n.contains("how the proxy of Deployment edge stops"))
    );
    let said = lower(&gateway("", "", &pod, ""), "", &[("app.card", "nginx")]).expect("lowers");
    assert!(
        !said.not_modelled.iter().any(|n| n.contains("how the proxy")),
        "{:?}",
        said.not_modelled
    );
}

/// One fact, two cards: what replaces a gateway's pods in front of the pods that are rolled out, and what is
/// rolled out itself.
#[test]
fn cards_of_a_proxy_agree_on_how_it_stops() {
    for (app, balancer) in [
        ("envoy-gateway", "envoy-gateway"),
        ("contour-envoy", "contour"),
        ("istio-gateway", "istio"),
        ("traefik", "traefik"),
        ("kong", "kong"),
        ("ingress-nginx", "ingress-nginx"),
    ] {
        let card = |kind, name| Card::embedded(kind, name).unwrap_or_else(|e| panic!("{e}"));
        let (app, balancer) = (card(CardKind::App, app), card(CardKind::Balancer, balancer));
        let of = |card: &Card, key: &str| card.number(key);
        let least = of(&app, "lame_duck").expect("it has one");
        assert_eq!(of(&balancer, "shutdown_grace"), Some(least), "{}", app.name);
        if let Some(whole) = of(&balancer, "drain_timeout") {
            let more = of(&app, "drain_timeout").expect("it has one");
            assert_eq!(whole, least + more, "{}", app.name);
        }
    }
}

fn lost(all: &[Replication], failure: Option<Failure>) -> f64 {
    let losses = all.iter().flat_map(|r| &r.traffic.losses);
    let mine = losses.filter(|(key, _)| failure.is_none_or(|failure| key.failure == failure));
    mine.map(|(_, lost)| *lost).sum::<f64>() / all.len() as f64
}

fn runs(pod: &str, settings: &[(&str, &str)]) -> Vec<Replication> {
    let case = "[traffic]\nrate_per_s = 20.0\npath = \"nlb\"\n[app]\nservice = { kind = \"constant\", mean_s = 0.02 }\n";
    let mut all = vec![("balancer.target_type", "ip"), ("balancer.deregistration.mean_s", "20")];
    all.extend(settings);
    let gates = "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: edge, labels: \
                 {elbv2.k8s.aws/pod-readiness-gate-inject: enabled}}\n";
    let manifest = gateway("", "", pod, gates);
    let scenario = lower(&manifest, case, &all).unwrap_or_else(|e| panic!("{e}"));
    run(&scenario, &RunOptions { replications: 20, ..RunOptions::default() })
}

/// Behind a load balancer that sends to an old pod for 20 s more: one that waits until nobody comes loses
/// nothing, whatever its least drain; one that closes earlier, or is cut by its limit, does.
#[test]
fn a_proxy_that_drains_until_nobody_comes_outlasts_a_slow_load_balancer() {
    let pod = envoy_gateway("");
    assert_eq!(lost(&runs(&pod, &[]), None), 0.0);
    let closes = runs(&pod, &[("app.drain_accepts", "false")]);
    assert!(lost(&closes, None) > 20.0, "{}", lost(&closes, None));
    let limited = runs(&envoy_gateway(", --drain-timeout=12s"), &[]);
    assert!(lost(&limited, None) > 20.0, "{}", lost(&limited, None));
    let traefik = runs(&one("traefik", "traefik:v3.3", ""), &[]);
    assert!(
        lost(&traefik, Some(Failure::Refused)) + lost(&traefik, Some(Failure::Timeout)) > 100.0
    );
    let waits = ", args: [--entrypoints.web.transport.lifecycle.requestacceptgracetimeout=40s]";
    let waits = runs(&one("traefik", "traefik:v3.3", waits), &[]);
    assert_eq!(lost(&waits, None), 0.0);
}

/// The proxies beside callers are not a gateway's: no action of the scenario replaces them.
#[test]
fn proxies_of_callers_are_not_restarted_as_a_gateway() {
    let pod =
        one("app", "web:1", "") + "      - {name: istio-proxy, image: 'istio/proxyv2:1.29.0'}\n";
    let manifest = gateway("", "", &pod, "").replace("type: LoadBalancer, ", "");
    let case = "[action]\nkind = \"restart-ingress\"\n";
    let error = lower(&manifest, case, &[]).expect_err("it is refused");
    assert!(error.contains("those of the callers' pods"), "{error}");
    let route = "---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: edge, namespace: \
                 edge}\nspec: {hosts: ['*'], gateways: [public], http: [{route: [{destination: {host: edge}}]}]}\n";
    lower(&format!("{manifest}{route}"), case, &[]).unwrap_or_else(|e| panic!("{e}"));
}
