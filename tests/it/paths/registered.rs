//! Load balancers of clouds with which a controller registers pods by address: how they are chosen, what the
//! manifests say of them, and their readiness gates.

use rollsim::engine::Dur;
use rollsim::input::{Input, Source};
use rollsim::model::balancer::{Kind, Path, elb};
use rollsim::run::{RunOptions, run};
use rollsim::scenario::Scenario;
use rollsim::timeline::Empty;
use rollsim::traffic::Cause;

const WEB: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  replicas: 2\n  \
    selector: {matchLabels: {app: web}}\n  template:\n    metadata: {labels: {app: web}}\n    spec:\n      \
    containers:\n      - {name: web, image: web, ports: [{containerPort: 80}], readinessProbe: \
    {httpGet: {path: /, port: 80}, periodSeconds: 7, timeoutSeconds: 2, failureThreshold: 4}}\n";

fn service(annotations: &str) -> String {
    format!(
        "---\napiVersion: v1\nkind: Service\nmetadata: {{name: web, annotations: {{{annotations}}}}}\nspec: \
         {{selector: {{app: web}}, ports: [{{port: 80}}]}}\n"
    )
}

fn ingress(class: &str, annotations: &str) -> String {
    format!(
        "---\napiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {{name: web, annotations: \
         {{{annotations}}}}}\nspec: {{{class} defaultBackend: {{service: {{name: web, port: {{number: 80}}}}}}}}\n"
    )
}

fn gateway(class: &str) -> String {
    format!(
        "---\napiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {{name: edge}}\nspec: \
         {{gatewayClassName: {class}, listeners: []}}\n---\napiVersion: gateway.networking.k8s.io/v1\n\
         kind: HTTPRoute\nmetadata: {{name: web}}\nspec:\n  parentRefs: [{{name: edge}}]\n  rules:\n  \
         - backendRefs: [{{name: web, port: 80}}]\n"
    )
}

fn policy(kind: &str, group: &str, spec: &str) -> String {
    format!(
        "---\napiVersion: {group}\nkind: {kind}\nmetadata: {{name: web}}\nspec:\n  targetRef: {{group: '', \
         kind: Service, name: web}}\n{spec}"
    )
}

fn input(more: &str, case: &str, settings: &[(&str, &str)]) -> Input {
    let text = |name: &str, text: String| Source::Text { name: name.into(), text };
    let case = format!("schema = 1\nname = \"case\"\n{case}");
    let sources = [text("web.yaml", format!("{WEB}{more}")), text("scenario.toml", case)];
    let mut input = Input::load(&sources).unwrap_or_else(|e| panic!("{e}"));
    for (key, value) in settings {
        input.set(key, value).unwrap_or_else(|e| panic!("{e}"));
    }
    input
}

fn lower(more: &str) -> Scenario {
    input(more, "", &[]).lower().unwrap_or_else(|e| panic!("{e}"))
}

fn settings(scenario: &Scenario) -> (Kind, &elb::Settings) {
    let Path::Registered(maker, settings) = &scenario.route().path else {
        panic!("{:?}", scenario.route().path)
    };
    (maker.kind, settings)
}

const NEG: &str = "cloud.google.com/neg: '{\"ingress\": true}'";

#[test]
fn classes_gateways_and_services_choose_the_load_balancer() {
    let plain = service("");
    for (more, wanted) in [
        (plain.clone() + &ingress("", "kubernetes.io/ingress.class: gce"), Kind::GkeNeg),
        (plain.clone() + &ingress("", "kubernetes.io/ingress.class: gce-internal"), Kind::GkeNeg),
        (service(NEG) + &ingress("", ""), Kind::GkeNeg),
        (service(NEG), Kind::GkeNeg),
        (plain.clone() + &gateway("gke-l7-global-external-managed"), Kind::GkeNeg),
        (plain.clone() + &gateway("amazon-vpc-lattice"), Kind::VpcLattice),
        (plain.clone() + &gateway("azure-alb-external"), Kind::Agc),
        (plain.clone() + &ingress("ingressClassName: azure-alb-external,", ""), Kind::Agc),
        (plain.clone() + &ingress("ingressClassName: azure-application-gateway,", ""), Kind::Agic),
        (
            plain.clone() + &ingress("", "kubernetes.io/ingress.class: azure/application-gateway"),
            Kind::Agic,
        ),
    ] {
        assert_eq!(settings(&lower(&more)).0, wanted, "{more}");
    }
    let haproxy = lower(&(plain + &ingress("ingressClassName: haproxy,", "")));
    let Path::Haproxy(haproxy) = &haproxy.route().path else { panic!("HAProxy") };
    assert!(format!("{:?}", haproxy.servers).starts_with("Controller"), "{:?}", haproxy.servers);
}

/// Where no backend is healthy Google's classic load balancer answers 502, those that are Envoys 503.
#[test]
fn what_gke_answers_without_a_backend_follows_from_the_class() {
    let class = |word: &str| ingress("", &format!("kubernetes.io/ingress.class: {word}"));
    for (more, status) in [
        (class("gce"), 502),
        (class("gce-internal"), 503),
        (gateway("gke-l7-gxlb"), 502),
        (gateway("gke-l7-gxlb-mc"), 502),
        (gateway("gke-l7-rilb"), 503),
        (gateway("gke-l7-regional-external-managed"), 503),
        (gateway("gke-l7-global-external-managed"), 503),
    ] {
        let scenario = lower(&(service("") + &more));
        assert_eq!(settings(&scenario).1.hop.empty, Empty::Status(status), "{more}");
    }
}

#[test]
fn objects_beside_the_service_say_what_the_card_would() {
    let s = |x: f64| Dur::from_secs_f64(x);
    let response = |s: &elb::Settings| s.hop.l7.as_ref().expect("layer 7").response_timeout;
    let named = service("cloud.google.com/backend-config: '{\"ports\": {\"80\": \"own\"}}'");
    let config = "---\napiVersion: cloud.google.com/v1\nkind: BackendConfig\nmetadata: {name: own}\nspec:\n  \
        timeoutSec: 50\n  connectionDraining: {drainingTimeoutSec: 61}\n  healthCheck: {unhealthyThreshold: 5, \
        checkIntervalSec: 3}\n";
    let scenario = lower(&(named.clone() + &ingress("", "") + config));
    let (_, own) = settings(&scenario);
    assert_eq!((own.check.interval, own.check.timeout, own.check.fall), (s(3.0), s(2.0), 5));
    assert_eq!((own.deregistration_delay, response(own)), (s(61.0), Some(s(50.0))));
    assert!(!scenario.not_modelled.join("\n").contains("BackendConfig"));
    let missing = lower(&(named + &ingress("", "")));
    let said = missing.not_modelled.join("\n");
    assert!(said.contains("BackendConfig own, which Service web names"), "{said}");
    // Without them the check follows the readiness probe.
    assert_eq!(settings(&missing).1.check.interval, s(7.0));

    let gke = "networking.gke.io/v1";
    let more = service("")
        + &gateway("gke-l7-gxlb")
        + &policy(
            "HealthCheckPolicy",
            gke,
            "  default: {checkIntervalSec: 4, config: {type: HTTP}}\n",
        )
        + &policy(
            "GCPBackendPolicy",
            gke,
            "  default: {timeoutSec: 33, connectionDraining: {drainingTimeoutSec: 20}}\n",
        );
    let scenario = lower(&more);
    let (_, own) = settings(&scenario);
    assert_eq!((own.check.interval, own.deregistration_delay), (s(4.0), s(20.0)));
    assert_eq!(response(own), Some(s(33.0)));

    let lattice = "  healthCheck: {intervalSeconds: 5, unhealthyThresholdCount: 3, path: /ok}\n";
    let group = "application-networking.k8s.aws/v1alpha1";
    let more =
        service("") + &gateway("amazon-vpc-lattice") + &policy("TargetGroupPolicy", group, lattice);
    let scenario = lower(&more);
    let (_, own) = settings(&scenario);
    assert_eq!((own.check.interval, own.check.fall), (s(5.0), 3));

    let azure = "  default: {interval: 6s, timeout: 3s, http: {path: /}}\n";
    let group = "alb.networking.azure.io/v1";
    let more =
        service("") + &gateway("azure-alb-external") + &policy("HealthCheckPolicy", group, azure);
    let scenario = lower(&more);
    let (_, own) = settings(&scenario);
    assert_eq!((own.check.interval, own.check.timeout, own.check.fall), (s(6.0), s(3.0), 4));
}

#[test]
fn an_application_gateway_drains_where_its_annotation_says_so() {
    let of = |annotations: &str| {
        let class = "kubernetes.io/ingress.class: azure/application-gateway";
        let more = service("") + &ingress("", &format!("{class}{annotations}"));
        let scenario = lower(&more);
        let (_, own) = settings(&scenario);
        (own.deregistration_delay.as_secs_f64(), own.check.interval.as_secs_f64())
    };
    let prefix = "appgw.ingress.kubernetes.io";
    assert_eq!(of(""), (0.0, 7.0));
    let draining = format!(", {prefix}/connection-draining: 'true'");
    assert_eq!(of(&draining), (30.0, 7.0));
    let more = format!(
        "{draining}, {prefix}/connection-draining-timeout: '45', {prefix}/health-probe-interval: '9'"
    );
    assert_eq!(of(&more), (45.0, 9.0));
}

#[test]
fn what_is_another_mechanism_is_named() {
    let groups = service("cloud.google.com/neg: '{\"ingress\": false}'");
    let said = lower(&(groups + &ingress("", ""))).not_modelled.join("\n");
    assert!(said.contains("instance groups"), "{said}");
    let timed = gateway("gke-l7-gxlb") + "    timeouts: {request: 3s}\n";
    let said = lower(&(service("") + &timed)).not_modelled.join("\n");
    assert!(said.contains("HTTPRoute rules.timeouts"), "{said}");
}

#[test]
fn each_controller_has_its_own_readiness_gate() {
    let gates = |more: &str| lower(more).before().template.readiness_gates.clone();
    let gke = service("") + &gateway("gke-l7-gxlb");
    assert_eq!(gates(&gke), ["cloud.google.com/load-balancer-neg-ready"]);
    let lattice = service("") + &gateway("amazon-vpc-lattice");
    assert!(gates(&lattice).is_empty());
    let labelled = "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: default, labels: \
        {application-networking.k8s.aws/pod-readiness-gate-inject: enabled}}\n";
    assert_eq!(gates(&(lattice + labelled)), ["application-networking.k8s.aws/pod-readiness-gate"]);
    let azure = service("") + &gateway("azure-alb-external");
    assert!(gates(&azure).is_empty());
}

/// A gate that its load balancer never comes to is set in the end.
#[test]
fn the_gate_of_gke_is_set_in_the_end() {
    let more = service("") + &gateway("gke-l7-gxlb");
    let took = |gate_s: &str| {
        let late = [
            ("balancer.registration.p99_s", "400"),
            ("balancer.registration.median_s", "300"),
            ("balancer.gate_timeout", gate_s),
        ];
        let scenario = input(&more, "horizon_s = 900.0\n", &late).lower().expect("fits");
        let all = run(&scenario, &RunOptions { replications: 2, ..RunOptions::default() });
        let end = |r: &rollsim::run::Replication| r.rollout.complete.expect("it ends");
        all.iter().map(|r| end(r).as_secs_f64()).fold(0.0, f64::max)
    };
    let (given_up, waited) = (took("20"), took("0"));
    assert!((40.0..=60.0).contains(&given_up), "two pods, one after the other: {given_up}");
    assert!(waited > 400.0, "{waited}");
}

/// Requests under way are cut when an endpoint is taken away, unless they may drain.
#[test]
fn draining_saves_requests_under_way() {
    let named = service("cloud.google.com/backend-config: '{\"default\": \"own\"}'");
    let cut = |drain_s: u32| {
        let config = format!(
            "---\napiVersion: cloud.google.com/v1\nkind: BackendConfig\nmetadata: {{name: own}}\nspec: \
             {{timeoutSec: 100, connectionDraining: {{drainingTimeoutSec: {drain_s}}}}}\n"
        );
        let case = "[traffic]\nrate_per_s = 10.0\nnon_idempotent = 1.0\ntimeout_s = 100.0\n[app]\nservice = { kind = \"constant\", \
                    mean_s = 20.0 }\n";
        let waits = [("preStop.sleep.seconds", "90"), ("terminationGracePeriodSeconds", "120")];
        let more = named.clone() + &ingress("", "") + &config;
        let scenario = input(&more, case, &waits).lower().expect("fits");
        let all = run(&scenario, &RunOptions { replications: 4, ..RunOptions::default() });
        let losses = all.iter().flat_map(|r| &r.traffic.losses);
        let mine = losses.filter(|(key, _)| key.cause == Cause::CutByDeregistration);
        mine.map(|(_, lost)| *lost).sum::<f64>()
    };
    let (none, enough) = (cut(0), cut(30));
    assert!(none > 50.0, "{none}");
    assert_eq!(enough, 0.0);
}
