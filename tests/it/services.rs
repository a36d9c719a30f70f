//! Which pods a Service leads to, by labels and by the name of a port, and what becomes of a rollout that
//! takes them out of it; whose load balancer it has.

use rollsim::input::{Input, Source};
use rollsim::report::Answer;
use rollsim::run::{RunOptions, run};
use rollsim::scenario::{Path, Scenario};

/// Three pods whose port is called so, with a label, behind a Service.
fn manifest(port: &str, color: &str, service: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web}}\nspec:\n  replicas: 3\n  selector: \
         {{matchLabels: {{app: web}}}}\n  template:\n    metadata: {{labels: {{app: web, color: {color}}}}}\n    \
         spec:\n      containers:\n      - {{name: web, image: \"example/web:{color}\", ports: [{port}], \
         readinessProbe: {{tcpSocket: {{port: 8080}}, periodSeconds: 1}}}}\n---\napiVersion: v1\nkind: \
         Service\nmetadata: {{name: web}}\nspec: {service}\n"
    )
}

const HTTP: &str = "{name: http, containerPort: 8080}";
const OTHER: &str = "{name: other, containerPort: 8080}";
const BY_NAME: &str = "{selector: {app: web}, ports: [{port: 80, targetPort: http}]}";
const BY_NUMBER: &str = "{selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}";
const BY_COLOR: &str =
    "{selector: {app: web, color: green}, ports: [{port: 80, targetPort: 8080}]}";

fn lowered(renders: &[String]) -> Scenario {
    input(renders).lower().unwrap_or_else(|e| panic!("{e}"))
}

fn input(renders: &[String]) -> Input {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |(i, text): (usize, &String)| {
        let path = folder.path().join(format!("{i}.yaml"));
        std::fs::write(&path, text).expect("written");
        Source::Path(path)
    };
    let sources: Vec<Source> = renders.iter().enumerate().map(write).collect();
    Input::load(&sources).unwrap_or_else(|e| panic!("{e}"))
}

fn answer(renders: &[String]) -> Answer {
    let scenario = lowered(renders);
    let options = RunOptions { replications: 4, ..RunOptions::default() };
    let replications = run(&scenario, &options);
    Answer::new(&scenario, &options, &replications, vec![])
}

fn said(answer: &Answer) -> String {
    answer.assumptions.iter().fold(String::new(), |all, a| all + &a.text + &a.otherwise + "\n")
}

/// Pods that come without the port's name, or without a label, are never found: what is lost ends only with
/// the run, and no later rollout is told of.
#[test]
fn a_rollout_that_leaves_its_service_loses_all_in_the_end() {
    for (before, after, why) in [
        (manifest(HTTP, "green", BY_NAME), manifest(OTHER, "green", BY_NAME), "is called \"http\""),
        (
            manifest(HTTP, "green", BY_COLOR),
            manifest(HTTP, "blue", BY_COLOR),
            "none of the new ones",
        ),
    ] {
        let answer = answer(&[before.clone(), after.clone()]);
        assert!(said(&answer).contains(why), "{}", said(&answer));
        let (lost, sent) = (answer.lost.total.mean, answer.requests.sent);
        assert!(lost > 0.5 * sent, "{lost} of {sent}");
        assert!(input(&[before, after]).later().is_none());
    }
    let (before, after) = (manifest(HTTP, "green", BY_NAME), manifest(HTTP, "blue", BY_NAME));
    let kept = answer(&[before.clone(), after.clone()]);
    assert!(kept.lost.total.mean < 0.1 * kept.requests.sent, "{}", kept.verdict);
    assert!(input(&[before, after]).later().is_some());
}

/// A name that no template has is refused; one that only the new one has is there late.
#[test]
fn a_port_by_a_name_that_nobody_has_is_refused() {
    let neither = [manifest(OTHER, "green", BY_NAME), manifest(OTHER, "blue", BY_NAME)];
    let refused = input(&neither).lower().expect_err("no port is called so").to_string();
    assert!(refused.contains("no container port has this name"), "{refused}");
    let late = answer(&[manifest(OTHER, "green", BY_NAME), manifest(HTTP, "blue", BY_NAME)]);
    assert!(said(&late).contains("no port of the old pods"), "{}", said(&late));
    assert!(
        late.lost.total.mean > 0.0 && late.lost.total.mean < late.requests.sent,
        "{}",
        late.verdict
    );
}

/// Declared ports are information: who declares the Service's and who does not is said.
#[test]
fn who_declares_the_port_is_said() {
    let moved = "{selector: {app: web}, ports: [{port: 80, targetPort: 9090}]}";
    let nine = "{name: http, containerPort: 9090}";
    for (before, after, words) in [
        (HTTP, nine, "which only the new pods declare"),
        (nine, HTTP, "which only the old pods declare"),
        (HTTP, HTTP, "the containers declare 8080"),
    ] {
        let answer = answer(&[manifest(before, "a", moved), manifest(after, "b", moved)]);
        assert!(said(&answer).contains(words), "{}", said(&answer));
    }
}

/// A Service that selects none of the pods is not passed over in silence.
#[test]
fn a_service_beside_the_pods_stands_in_the_headline() {
    let answer = answer(&[manifest(HTTP, "blue", BY_COLOR)]);
    assert!(answer.verdict.contains("By it every request fails."), "{}", answer.verdict);
}

/// The class decides who makes the load balancer; annotations of a vendor do not by their prefix alone.
#[test]
fn the_class_of_a_load_balancer_decides() {
    let of = |class: &str, annotations: &str| {
        let service = format!(
            "{{type: LoadBalancer, {class}selector: {{app: web}}, ports: [{{port: 80, targetPort: 8080}}]}}"
        );
        let text = manifest(HTTP, "green", &service).replace(
            "kind: Service\nmetadata: {",
            &format!("kind: Service\nmetadata: {{{annotations}"),
        );
        lowered(&[text]).route().path.clone()
    };
    for class in ["service.k8s.aws/nlb", "eks.amazonaws.com/nlb"] {
        let path = of(&format!("loadBalancerClass: {class}, "), "");
        assert!(matches!(path, Path::Nlb(_)), "{class}: {path:?}");
    }
    let other = of("loadBalancerClass: metallb.io/one, ", "");
    assert!(!matches!(other, Path::Nlb(_)), "{other:?}");
    let internal = "annotations: {networking.gke.io/load-balancer-type: Internal}, ";
    assert!(matches!(of("", internal), Path::LoadBalancer(None)));
    assert!(matches!(lowered(&[manifest(HTTP, "a", BY_NUMBER)]).route().path, Path::Service));
}
