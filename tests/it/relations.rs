//! Relations between inputs: what may not change an answer, and what must lose nothing.

use rollsim::input::{Input, Source};
use rollsim::model::balancer::Kind;
use rollsim::run::{Replication, RunOptions, run};
use rollsim::scenario::Scenario;

fn text(name: &str, text: String) -> Source {
    Source::Text { name: name.to_owned(), text }
}

fn lower(scenario: &str, manifest: &str, set: &[(&str, &str)]) -> Scenario {
    let sources =
        [text("scenario.toml", scenario.to_owned()), text("web.yaml", manifest.to_owned())];
    let mut input = Input::load(&sources).unwrap_or_else(|e| panic!("{e}\n{scenario}{manifest}"));
    for (key, value) in set {
        input.set(key, value).unwrap_or_else(|e| panic!("{key}={value}: {e}"));
    }
    input.lower().unwrap_or_else(|e| panic!("{e}\n{scenario}\n{manifest}"))
}

fn replications(scenario: &Scenario, count: u32) -> Vec<Replication> {
    run(scenario, &RunOptions { replications: count, ..RunOptions::default() })
}

fn failed(scenario: &Scenario, count: u32) -> f64 {
    let runs = replications(scenario, count);
    runs.iter().map(|r| r.traffic.failed()).sum::<f64>() / f64::from(count)
}

/// A Deployment of two pods with these containers, and a Service for `port`.
fn manifest(containers: &[&str], service: &str, port: u16) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  replicas: 2\n  selector:\n    \
         matchLabels: {{app: web}}\n  template:\n    metadata:\n      labels: {{app: web}}\n    spec:\n      \
         containers:\n{}---\napiVersion: v1\nkind: Service\nmetadata:\n  name: web\nspec:\n  selector: \
         {{app: web}}\n{service}  ports:\n  - port: 80\n    targetPort: {port}\n",
        containers.concat()
    )
}

const APP: &str = "      - name: app\n        image: registry.example/web:v1\n        ports: [{containerPort: \
                   8080}]\n        readinessProbe: {httpGet: {path: /, port: 8080}, periodSeconds: 5}\n        \
                   lifecycle: {preStop: {exec: {command: [sleep, \"16\"]}}}\n";
const PROXY: &str = "      - name: proxy\n        image: registry.example/proxy:v1\n        ports: \
                     [{containerPort: 9000}, {containerPort: 9901}]\n";
const ADMIN: &str = "      - name: admin\n        image: registry.example/admin:v1\n        ports: \
                     [{containerPort: 9900}]\n";

#[test]
fn the_order_of_containers_changes_nothing() {
    // From 1.36 on the probe of the container that starts last often finds nobody yet, and Ready is later.
    let scenario = "schema = 1\n[kubernetes]\ncontrol_plane = \"1.34\"\n[traffic]\nrate_per_s = 50.0\n[app]\n\
                    start_delay_s = 2.0\n";
    for port in [8080, 9000, 9900] {
        let of = |containers: [&str; 3], set: &[(&str, &str)]| {
            lower(scenario, &manifest(&containers, "", port), set)
        };
        for set in
            [&[][..], &[("preStop.sleep.seconds", "3")], &[("image", "registry.example/x:1")]]
        {
            let one = of([APP, PROXY, ADMIN], set);
            for other in [[PROXY, ADMIN, APP], [ADMIN, APP, PROXY]] {
                let other = of(other, set);
                let serving = |s: &Scenario| s.before().template.serving_container().clone();
                assert_eq!(serving(&one), serving(&other), "{port} {set:?}");
                // Containers start one after the other, so that it is not the same to the bit.
                let (a, b) = (failed(&one, 20), failed(&other, 20));
                assert!((a - b).abs() <= 0.35 * a.max(b) + 0.5, "{port} {set:?}: {a} and {b}");
            }
        }
    }
    // The hook is on the application, and requests come through the proxy: it stops at once.
    let through_proxy = lower(scenario, &manifest(&[APP, PROXY], "", 9000), &[]);
    assert!(failed(&through_proxy, 10) > 10.0);
}

/// Nothing happens: it has always been so, and every balancer knows.
#[test]
fn what_has_settled_loses_nothing() {
    use Kind::*;
    let kinds = [
        Service,
        NodePort,
        LoadBalancer,
        Alb,
        Nlb,
        IngressNginx,
        Headless,
        MetalLbL2,
        MetalLbBgp,
        Haproxy,
    ];
    let word = |kind: Kind| serde_json::to_value(kind).expect("a word");
    for kind in kinds {
        for policy in ["Cluster", "Local"] {
            for target in ["ip", "instance"] {
                for nodes in 1..=4 {
                    // A node's port on a node without a pod leads nowhere with Local: as documented.
                    if (kind, policy) == (NodePort, "Local") && nodes > 2
                        || !matches!(kind, Alb | Nlb) && target == "instance"
                    {
                        continue;
                    }
                    let scenario = format!(
                        "schema = 1\n[traffic]\npath = {}\nrate_per_s = 20.0\nstart_s = -30.0\nduration_s = \
                         90.0\n[[nodes]]\nname = \"node\"\ncount = {nodes}\n[action]\nkind = \"scale\"\nreplicas = \
                         2\n",
                        word(kind)
                    );
                    let lb = "service.beta.kubernetes.io/aws-load-balancer-nlb-target-type";
                    let service =
                        format!("  type: LoadBalancer\n  externalTrafficPolicy: {policy}\n");
                    let service = match kind {
                        Headless => "  clusterIP: None\n".to_owned(),
                        _ => service,
                    };
                    let mut manifest = manifest(&[APP], &service, 8080);
                    if kind == Nlb {
                        manifest = manifest.replace(
                            "kind: Service\nmetadata:\n",
                            &format!(
                                "kind: Service\nmetadata:\n  annotations: {{{lb}: {target}}}\n"
                            ),
                        );
                    }
                    if kind == Alb {
                        manifest += &format!(
                            "---\napiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: web\n  \
                             annotations: {{alb.ingress.kubernetes.io/target-type: {target}}}\nspec:\n  \
                             ingressClassName: alb\n  defaultBackend: {{service: {{name: web, port: {{number: \
                             80}}}}}}\n"
                        );
                    }
                    let lost = failed(&lower(&scenario, &manifest, &[]), 3);
                    assert_eq!(lost, 0.0, "{kind:?} {policy} {target} {nodes} nodes");
                }
            }
        }
    }
}

/// Pods of the restored revision behave as that revision did.
#[test]
fn undo_brings_back_the_behaviour_of_the_revision() {
    let scenario = |action: &str| {
        let text = format!(
            "schema = 1\n[traffic]\nrate_per_s = 20.0\nduration_s = 200.0\n[app]\nstart_delay_s = 1.0\n[app.v2]\n\
             start_delay_s = 30.0\nnever_ready = true\n{action}"
        );
        lower(&text, &manifest(&[APP], "", 8080), &[])
    };
    let one = scenario("[action]\nkind = \"undo\"\nundo_after_s = 60.0\n");
    let two =
        scenario("[[actions]]\nkind = \"rollout\"\n[[actions]]\nkind = \"undo\"\nat_s = 60.0\n");
    for (a, b) in replications(&one, 5).iter().zip(&replications(&two, 5)) {
        assert_eq!(a.digest, b.digest);
        let complete = a.rollout.complete.expect("the old revision is ready soon").as_secs_f64();
        assert!((60.0..75.0).contains(&complete), "{complete}");
    }
}
