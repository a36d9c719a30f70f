//! Istio's ambient mesh: which pods and Services are in it, and what a pod that has gone means to those who
//! call through its ztunnels.

use rollsim::input::{Input, Source};
use rollsim::model::balancer::Path;
use rollsim::run::{Replication, RunOptions, run};
use rollsim::scenario::Scenario;
use rollsim::traffic::{Cause, Failure};

/// Labels of the namespace, of the pods and of the Service, and further documents.
#[derive(Clone, Copy, Default)]
struct Web<'a> {
    namespace: &'a str,
    pods: &'a str,
    service: &'a str,
    more: &'a str,
}

const AMBIENT: &str = "istio.io/dataplane-mode: ambient";

impl Web<'_> {
    fn lower(self, case: &str) -> Scenario {
        let Web { namespace, pods, service, more } = self;
        let web = format!(
            "apiVersion: v1\nkind: Namespace\nmetadata: {{name: shop, labels: {{{namespace}}}}}\n---\n\
             apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web, namespace: shop}}\nspec:\n  replicas: \
             3\n  selector: {{matchLabels: {{app: web}}}}\n  template:\n    metadata: {{labels: {{app: web, \
             {pods}}}}}\n    spec: {{containers: [{{name: app, image: 'web:1', ports: [{{containerPort: 80}}], \
             readinessProbe: {{httpGet: {{path: /, port: 80}}, periodSeconds: 1}}}}]}}\n---\napiVersion: v1\n\
             kind: Service\nmetadata: {{name: web, namespace: shop, labels: {{{service}}}}}\nspec: {{selector: \
             {{app: web}}, ports: [{{port: 80}}]}}\n{more}"
        );
        let text = |name: &str, text: String| Source::Text { name: name.into(), text };
        let case = format!("schema = 1\nname = \"case\"\n{case}");
        let sources = [text("web.yaml", web), text("scenario.toml", case)];
        let input = Input::load(&sources).unwrap_or_else(|e| panic!("{e}"));
        input.lower().unwrap_or_else(|e| panic!("{e}"))
    }

    /// What the requests pass, and whether the pods' connections are captured.
    fn passes(self) -> (String, bool) {
        let scenario = self.lower("");
        let path = match &scenario.route().path {
            Path::Envoy(settings) => settings.name.clone(),
            other => format!("{other:?}"),
        };
        (path, scenario.before().template.captured)
    }
}

#[test]
fn labels_say_who_is_in_the_mesh() {
    let of = |namespace, pods, service| Web { namespace, pods, service, more: "" }.passes();
    let ztunnel = ("Istio's ztunnel".to_owned(), true);
    let waypoint = ("Istio, ambient".to_owned(), true);
    let none = ("Service".to_owned(), false);
    assert_eq!(of(AMBIENT, "", ""), ztunnel);
    assert_eq!(of("", AMBIENT, ""), ztunnel);
    assert_eq!(of(AMBIENT, "istio.io/dataplane-mode: none", ""), none);
    assert_eq!(of("", "", "istio.io/use-waypoint: waypoint"), none);
    assert_eq!(of(AMBIENT, "", "istio.io/use-waypoint: waypoint"), waypoint);
    let both = "istio.io/dataplane-mode: ambient, istio.io/use-waypoint: waypoint";
    assert_eq!(of(both, "", ""), waypoint);
    assert_eq!(of(both, "", "istio.io/use-waypoint: none"), ztunnel);
    // A proxy in the pod is enough.
    let sidecar = of(AMBIENT, "sidecar.istio.io/inject: 'true'", "");
    assert_eq!(sidecar, ("Istio".to_owned(), false));
    let said = Web { namespace: both, ..Web::default() }.lower("").not_modelled.join("\n");
    assert!(!said.contains("ambient") && !said.contains("waypoint"), "{said}");
}

#[test]
fn a_waypoint_may_be_for_other_things_than_services() {
    let both = "istio.io/dataplane-mode: ambient, istio.io/use-waypoint: way";
    let gateway = |made_for: &str| {
        let more = format!(
            "---\napiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {{name: way, namespace: \
             shop, labels: {{istio.io/waypoint-for: {made_for}}}}}\nspec: {{gatewayClassName: istio-waypoint, \
             listeners: []}}\n"
        );
        Web { namespace: both, more: &more, ..Web::default() }.passes().0
    };
    assert_eq!(gateway("service"), "Istio, ambient");
    assert_eq!(gateway("all"), "Istio, ambient");
    assert_eq!(gateway("workload"), "Istio's ztunnel");
}

/// A VirtualService of the mesh is its waypoint's to read; without one it is named.
#[test]
fn routes_within_the_mesh_are_read_by_its_waypoint() {
    let more = "---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: web, namespace: \
                shop}\nspec:\n  hosts: [web]\n  http:\n  - timeout: 7s\n    route: [{destination: {host: web}}]\n";
    let mesh = Web { namespace: AMBIENT, more, ..Web::default() };
    let scenario = mesh.lower("");
    assert!(scenario.route().path.l7().is_none());
    let said = scenario.not_modelled.join("\n");
    assert!(said.contains("VirtualService web (a waypoint would read it"), "{said}");
    let scenario = Web { service: "istio.io/use-waypoint: waypoint", ..mesh }.lower("");
    let timeout = scenario.route().path.policy().expect("Envoy").route_timeout;
    assert_eq!(timeout.map(|t| t.as_secs_f64()), Some(7.0));
    // A gateway's route comes from outside.
    let more = more.replace("hosts: [web]", "hosts: [web.example]\n  gateways: [edge]");
    assert_eq!(Web { more: &more, ..mesh }.passes(), ("Istio, ambient".to_owned(), true));
}

fn runs(web: Web<'_>, case: &str) -> Vec<Replication> {
    let options = RunOptions { replications: 40, ..RunOptions::default() };
    let load = "[traffic]\nrate_per_s = 300.0\ntimeout_s = 15.0\n";
    let app = "[app]\nstart_delay_s = 1.0\non_sigterm = \"exit\"\nservice = { kind = \"constant\", mean_s = 0.0 }\n";
    run(&web.lower(&format!("{load}{case}{app}[action]\nkind = \"rollout\"\n")), &options)
}

/// Losses in the mean, by what those who call saw.
fn lost(all: &[Replication], failure: Failure) -> f64 {
    let failed = |r: &Replication| r.traffic.by_failure().get(&failure).copied().unwrap_or(0.0);
    all.iter().map(failed).sum::<f64>() / all.len() as f64
}

/// istio/istio 58514: the container is gone 0.2 to 0.5 s before the ztunnels hear of it. Connections are
/// accepted, and end; Envoy before them takes that for no connection that failed, and does not try again.
#[test]
fn a_pod_that_has_gone_is_met_behind_its_ztunnel() {
    let ztunnel = runs(Web { namespace: AMBIENT, ..Web::default() }, "");
    let ended = lost(&ztunnel, Failure::Eof);
    // Each of three pods is one of three to four while it is met.
    let window = ended / 3.0 / (300.0 / 3.5);
    assert!((0.15..0.6).contains(&window), "{window}");
    for failure in [Failure::Refused, Failure::NoRoute, Failure::Timeout] {
        assert_eq!(lost(&ztunnel, failure), 0.0, "{failure:?}");
    }
    for replication in &ztunnel {
        let causes = replication.traffic.by_cause();
        assert!(causes.contains_key(&Cause::ProcessGone), "{causes:?}");
    }
    let service = "istio.io/use-waypoint: waypoint";
    let waypoint = runs(Web { namespace: AMBIENT, service, ..Web::default() }, "");
    // The less loaded of two is the one that answers nobody.
    assert!(lost(&waypoint, Failure::Status(503)) >= 0.8 * ended, "{waypoint:?}");
    // Envoy alone finds another pod.
    let istio = runs(Web::default(), "path = \"istio\"\nbalancer = \"istio-waypoint\"\n");
    let all: f64 = istio.iter().map(|r| r.traffic.failed()).sum();
    assert!(all / 40.0 < 0.1 * ended, "{all}");
}
