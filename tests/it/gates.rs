//! Readiness gates by exact name, on both versions of the AWS Load Balancer Controller: what is set lets a
//! rollout end, what is not keeps it from its end for good and is named with what would be set.

use rollsim::input::{Input, Source};
use rollsim::report::Answer;
use rollsim::run::{RunOptions, run};

const V1: &str = "target-health.alb.ingress.k8s.aws/";
const V2: &str = "target-health.elbv2.k8s.aws/";
const LABELLED: &str = "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: default, labels: \
                        {elbv2.k8s.aws/pod-readiness-gate-inject: enabled}}\n";
const BINDING: &str = "---\napiVersion: elbv2.k8s.aws/v1beta1\nkind: TargetGroupBinding\nmetadata: \
                       {name: shop}\nspec: {serviceRef: {name: shop-front, port: 80}, targetGroupARN: \
                       \"arn:aws:x\", targetType: ip}\n";

/// A Deployment `shop` with these gates behind Service `shop-front` and Ingress `edge`.
fn manifests(gates: &[String], target: &str, kind: &str, more: &str) -> String {
    let gates: Vec<String> = gates.iter().map(|g| format!("{{conditionType: \"{g}\"}}")).collect();
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: shop}}\nspec:\n  replicas: 2\n  \
         selector: {{matchLabels: {{app: shop}}}}\n  template:\n    metadata: {{labels: {{app: shop}}}}\n    \
         spec:\n      readinessGates: [{}]\n      containers: [{{name: shop, image: shop, ports: \
         [{{containerPort: 8080}}]}}]\n---\napiVersion: v1\nkind: Service\nmetadata: {{name: shop-front}}\n\
         spec: {{type: {kind}, selector: {{app: shop}}, ports: [{{name: http, port: 80, targetPort: 8080}}]}}\n\
         ---\napiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {{name: edge, annotations: \
         {{alb.ingress.kubernetes.io/target-type: {target}}}}}\nspec: {{ingressClassName: alb, \
         defaultBackend: {{service: {{name: shop-front, port: {{name: http}}}}}}}}\n{more}",
        gates.join(", ")
    )
}

fn answer(text: String, settings: &[(&str, &str)]) -> (Answer, Vec<Vec<String>>) {
    let source = Source::Text { name: "shop.yaml".into(), text };
    let mut input = Input::load(&[source]).unwrap_or_else(|e| panic!("{e}"));
    for (key, value) in settings {
        input.set(key, value).unwrap_or_else(|e| panic!("{e}"));
    }
    let scenario = input.lower().unwrap_or_else(|e| panic!("{e}"));
    let gates = scenario.templates().map(|t| t.readiness_gates.clone()).collect();
    let options = RunOptions { replications: 4, ..RunOptions::default() };
    let replications = run(&scenario, &options);
    (Answer::new(&scenario, &options, &replications, vec![]), gates)
}

struct Row {
    gates: Vec<String>,
    target: &'static str,
    more: &'static str,
    settings: &'static [(&'static str, &'static str)],
    /// None: it ends; else what is said to be needed.
    needed: Option<&'static str>,
}

fn row(gates: &[&str]) -> Row {
    let gates = gates.iter().map(|g| (*g).to_owned()).collect();
    Row { gates, target: "ip", more: "", settings: &[], needed: None }
}

#[test]
fn a_gate_is_set_by_its_exact_name() {
    let right = format!("{V1}edge_shop-front_http");
    let hashed = format!("{V2}k8s-default-shopfron-0a1b2c3d4e");
    let is_v1: &[(&str, &str)] = &[("balancer.controller", "v1")];
    let is_v2: &[(&str, &str)] = &[("balancer.controller", "v2")];
    let label = "elbv2.k8s.aws/pod-readiness-gate-inject: enabled on the namespace";
    let rows = [
        row(&[]),
        row(&[&right]),
        row(&[&hashed]),
        Row { settings: is_v1, ..row(&[&right]) },
        Row { settings: is_v2, needed: Some(label), ..row(&[&right]) },
        Row { settings: is_v1, needed: Some("edge_shop-front_http"), ..row(&[&hashed]) },
        Row { needed: Some("edge_shop-front_http"), ..row(&[&format!("{V1}edge_shop-front_80")]) },
        Row { needed: Some("edge_shop-front_http"), ..row(&[&format!("{V1}edge_shop_http")]) },
        Row { needed: Some("edge_shop-front_http"), ..row(&[&format!("{V1}<ingress>_<service>")]) },
        Row {
            needed: Some("edge_shop-front_http"),
            ..row(&["target-helth.alb.ingress.k8s.aws/edge_shop-front_http"])
        },
        Row {
            needed: Some("k8s-default-shopfron-*"),
            ..row(&[&format!("{V2}k8s-default-shop-0a1b2c3d4e")])
        },
        Row {
            needed: Some("k8s-default-shopfron-*"),
            ..row(&[&format!("{V2}k8s-default-shopfron-0a")])
        },
        Row { needed: Some("a controller that sets it, or no gate"), ..row(&["example.com/warm"]) },
        // One of two is enough.
        Row {
            needed: Some("a controller that sets it, or no gate"),
            ..row(&[&hashed, "example.com/warm"])
        },
        // A webhook takes gates of old away, and adds its own; wrong ones of its kind it leaves.
        Row { more: LABELLED, ..row(&[]) },
        Row { more: LABELLED, ..row(&[&right]) },
        Row { more: LABELLED, ..row(&[&format!("{V1}anything")]) },
        Row {
            more: LABELLED,
            needed: Some("k8s-default-shopfron-*"),
            ..row(&[&format!("{V2}shop")])
        },
        // A binding that somebody wrote has a name of its own.
        Row { more: BINDING, ..row(&[&format!("{V2}shop")]) },
        Row { more: BINDING, needed: Some("elbv2.k8s.aws/shop"), ..row(&[&hashed]) },
        // Gates are for targets that are pods, and for load balancers of AWS.
        Row { target: "instance", needed: Some("target-type: ip"), ..row(&[&right]) },
        Row { target: "instance", ..row(&[]) },
        Row {
            settings: &[("traffic.path", "nodeport")],
            needed: Some("class alb"),
            ..row(&[&right])
        },
    ];
    for Row { gates, target, more, settings, needed } in rows {
        let (answer, found) = answer(manifests(&gates, target, "NodePort", more), settings);
        let case = format!("{gates:?} {target} {settings:?} {more}: {found:?} {}", answer.verdict);
        let row = answer.stuck.first();
        assert_eq!(row.is_some(), needed.is_some(), "{case}");
        assert_eq!(answer.incomplete, if needed.is_some() { 1.0 } else { 0.0 }, "{case}");
        if let (Some(row), Some(needed)) = (row, needed) {
            assert!(row.needed.contains(needed), "{case}: {}", row.needed);
            assert!(row.for_good && row.setting == "readinessGates", "{case}");
            assert!(
                row.what.contains(&row.found) && row.what.contains("never set"),
                "{}",
                row.what
            );
        }
        let injected = more == LABELLED;
        let own = |g: &String| *g == format!("{V2}k8s-default-shopfron-*");
        assert!(found.iter().all(|t| t.iter().any(own) == injected), "{case}");
        assert!(!injected || found.iter().flatten().all(|g| !g.starts_with(V1)), "{case}");
    }
}

/// Which version sets a gate of old is said.
#[test]
fn the_version_that_a_gate_needs_is_assumed_aloud() {
    let right = format!("{V1}edge_shop-front_http");
    let (answer, _) = answer(manifests(std::slice::from_ref(&right), "ip", "ClusterIP", ""), &[]);
    let told = answer.assumptions.iter().find(|a| a.key == "load balancer controller");
    assert!(told.is_some_and(|a| a.text.contains(&right)), "{:?}", answer.assumptions);
}

/// Nodes as targets take a port of the nodes: the controller refuses the Service, and nothing is served.
#[test]
fn a_service_without_a_node_port_has_no_load_balancer() {
    for (target, kind, served) in [
        ("ip", "ClusterIP", true),
        ("ip", "NodePort", true),
        ("instance", "NodePort", true),
        ("instance", "LoadBalancer", true),
        ("instance", "ClusterIP", false),
    ] {
        let (answer, _) = answer(manifests(&[], target, kind, ""), &[]);
        assert_eq!(answer.requests.sent > 0.0, served, "{target} {kind}: {}", answer.verdict);
        assert_eq!(answer.incomplete == 0.0, served, "{target} {kind}");
        assert_eq!(answer.stuck.is_empty(), served, "{target} {kind}");
        if !served {
            assert!(
                answer.verdict.contains("type: NodePort of Service shop-front"),
                "{}",
                answer.verdict
            );
            assert!(answer.verdict.contains("no requests are sent"), "{}", answer.verdict);
        }
    }
}

/// The load balancer has a node in each subnet that the Ingress lists.
#[test]
fn nodes_of_the_load_balancer_follow_the_subnets() {
    for (subnets, nodes) in [("a, b", 2), ("subnet-1,subnet-2,subnet-3", 3), ("a,b,c,d,", 4)] {
        let key = "ingress.metadata.annotations[alb.ingress.kubernetes.io/subnets]";
        let (answer, _) = answer(manifests(&[], "ip", "NodePort", ""), &[(key, subnets)]);
        let views = &answer.timeline.as_ref().expect("lanes").views;
        assert_eq!(views.len(), nodes, "{subnets}");
        assert!(answer.assumptions.iter().all(|a| a.key != "balancer.nodes"), "{subnets}");
    }
}

/// The load balancer's controller sets its own gate, and `[gate]` what is left, or what it names of that: a
/// pod waits for both.
#[test]
fn each_controller_sets_its_own_gates() {
    let foreign = "example.com/warm";
    let own = format!("{V2}shop");
    let both = |gates: &[&str], settings: &[(&str, &str)]| {
        let gates: Vec<String> = gates.iter().map(|g| (*g).to_owned()).collect();
        answer(manifests(&gates, "ip", "ClusterIP", BINDING), settings).0
    };
    let slow = ("gate.delay_s", "40");
    let seconds = |answer: &Answer| answer.rollout.duration_s.as_ref().expect("it ends").mean;
    // Only the foreign one is slow where it is there, and the balancer's needs no other.
    let alone = both(&[&own], &[slow]);
    let two = both(&[&own, foreign], &[slow]);
    assert!(seconds(&two) > seconds(&alone) + 8.0, "{} {}", seconds(&two), seconds(&alone));
    // Nobody sets the foreign one.
    let unset = both(&[&own, foreign], &[]);
    assert_eq!(unset.incomplete, 1.0);
    assert!(unset.stuck[0].what.contains(foreign), "{:?}", unset.stuck);
    let named = both(&[&own, foreign], &[slow, ("gate.conditions", "[example.com/other]")]);
    assert_eq!(named.incomplete, 1.0, "{:?}", named.stuck);
    let named = both(&[&own, foreign], &[slow, ("gate.conditions", "[example.com/warm]")]);
    assert!((seconds(&named) - seconds(&two)).abs() < 5.0, "{} {}", seconds(&named), seconds(&two));
}

/// The webhook finds no Service that selects a Rollout's new pods when they are created: they get no gate.
/// One that the template asks for is never set, since they are registered when they are available.
#[test]
fn new_pods_of_a_rollout_get_no_gates() {
    let routed = "strategy: {canary: {stableService: shop-front, canaryService: shop-canary, \
                  trafficRouting: {alb: {ingress: edge, servicePort: 80}}, steps: [{setWeight: 50}, \
                  {pause: {duration: 5s}}]}}";
    let rollout = |gates: &[String]| {
        let canary = "---\napiVersion: v1\nkind: Service\nmetadata: {name: shop-canary}\nspec: {selector: \
                      {app: shop}, ports: [{name: http, port: 80, targetPort: 8080}]}\n";
        let text = manifests(gates, "ip", "ClusterIP", &format!("{canary}{LABELLED}"));
        text.replace("apps/v1\nkind: Deployment", "argoproj.io/v1alpha1\nkind: Rollout")
            .replace("  replicas: 2\n", &format!("  replicas: 2\n  {routed}\n"))
    };
    let (promoted, gates) = answer(rollout(&[]), &[]);
    assert_eq!(promoted.incomplete, 0.0, "{:?}", promoted.stuck);
    assert!(gates.iter().all(Vec::is_empty), "{gates:?}");
    assert!(promoted.assumptions.iter().any(|a| a.key == "readinessGates"));
    let (asked, _) = answer(rollout(&[format!("{V2}k8s-default-shopfron-*")]), &[]);
    assert_eq!(asked.incomplete, 1.0);
}
