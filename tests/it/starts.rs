//! Pods of any make: every container is started once at a time, and the rollout ends.

use rollsim::input::{Input, Source};
use rollsim::run::{RunOptions, run};

/// What a container's probe, image or behaviour adds to it.
const PROBES: [&str; 4] = [
    "",
    "readinessProbe: {httpGet: {path: /ready, port: 4191}}",
    "startupProbe: {httpGet: {path: /ready, port: 4191}, periodSeconds: 1}",
    "livenessProbe: {tcpSocket: {port: 4191}, periodSeconds: 1}",
];
const IMAGES: [&str; 3] = ["example/app", "example/app:1", "example/app:1, imagePullPolicy: Never"];

fn manifest(sidecars: usize, apps: usize, probe: &str, image: &str) -> String {
    let entry = |name: String, image: &str, more: &str| {
        format!(
            "      - {{name: {name}, image: {image}{}{more}}}\n",
            if more.is_empty() { "" } else { ", " }
        )
    };
    let sidecar = |i: usize| {
        let more =
            format!("restartPolicy: Always{}{probe}", if probe.is_empty() { "" } else { ", " });
        entry(format!("proxy-{i}"), "example/proxy:1", &more)
    };
    let app = |i: usize| {
        let port = if i == 0 { "ports: [{containerPort: 8080}]" } else { "" };
        entry(format!("app-{i}"), image, port)
    };
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web}}\nspec:\n  replicas: 2\n  \
         selector: {{matchLabels: {{app: web}}}}\n  template:\n    metadata: {{labels: {{app: web}}}}\n    \
         spec:\n      initContainers:\n{}      containers:\n{}",
        (0..sidecars).map(sidecar).collect::<String>(),
        (0..apps).map(app).collect::<String>()
    )
}

#[test]
fn containers_start_once_whatever_comes_between() {
    let settings = [("", ""), ("app.crash_after_s", "3"), ("kubernetes.kubelet", "1.30")];
    for (sidecars, apps) in [(1, 1), (1, 2), (3, 1)] {
        for (probe, image) in PROBES.iter().flat_map(|p| IMAGES.iter().map(move |i| (p, i))) {
            for (path, value) in settings {
                let text = manifest(sidecars, apps, probe, image);
                let source = Source::Text { name: "web.yaml".into(), text: text.clone() };
                let mut input = Input::load(&[source]).unwrap_or_else(|e| panic!("{e}\n{text}"));
                if !path.is_empty() {
                    input.set(path, value).unwrap_or_else(|e| panic!("{e}"));
                }
                let scenario = input.lower().unwrap_or_else(|e| panic!("{e}\n{text}"));
                let options = RunOptions { replications: 3, ..RunOptions::default() };
                for replication in run(&scenario, &options) {
                    let complete = replication.rollout.complete.is_some();
                    assert!(complete || path == "app.crash_after_s", "{path} {value}\n{text}");
                }
            }
        }
    }
}

/// A start that is under way is not interrupted, whichever container it has come to: the pod goes afterwards.
#[test]
fn a_pod_that_is_deleted_between_the_starts_of_its_containers_goes() {
    for at in (0..30).map(|i| f64::from(i) / 10.0) {
        let scenario = format!(
            "schema = 1\n[app]\non_sigterm = \"ignore\"\n[[actions]]\nat_s = 0.0\nkind = \"rollout\"\n\
             [[actions]]\nat_s = {at:?}\nkind = \"delete-pods\"\ncount = 4\n"
        );
        let text = manifest(0, 2, "", "example/app:1");
        let text =
            text.replace("    spec:\n", "    spec:\n      terminationGracePeriodSeconds: 1\n");
        let source = |name: &str, text: String| Source::Text { name: name.into(), text };
        let sources = [source("web.yaml", text), source("scenario.toml", scenario)];
        let input = Input::load(&sources).unwrap_or_else(|e| panic!("{e}"));
        let scenario = input.lower().unwrap_or_else(|e| panic!("{e}"));
        let options = RunOptions { replications: 5, ..RunOptions::default() };
        for replication in run(&scenario, &options) {
            assert!(replication.rollout.stuck.is_empty(), "{at}: {:?}", replication.rollout.stuck);
        }
    }
}
