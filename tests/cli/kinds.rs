//! The commands on workloads other than Deployments, which have settings of their own.

use assert_cmd::Command;
use std::path::Path;

const POD: &str = "template: {metadata: {labels: {app: web}}, spec: {containers: [{name: app, image: 'r/web:v1', \
                   ports: [{containerPort: 8080}], readinessProbe: {httpGet: {path: /, port: 8080}, \
                   periodSeconds: 1}, lifecycle: {preStop: {sleep: {seconds: 3}}}}]}}";
const SCENARIO: &str = "schema = 1\n[traffic]\nrate_per_s = 20.0\n[app]\nstart_delay_s = 1.0\n[action]\nkind = \"rollout\"\n";
const NODES: &str = "[[nodes]]\nname = \"node-1\"\n[[nodes]]\nname = \"node-2\"\n";

fn folder(kind: &str, spec: &str, more: (&str, &str)) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let manifest = format!(
        "{{apiVersion: apps/v1, kind: {kind}, metadata: {{name: web}}, spec: {{{spec}, selector: {{matchLabels: \
         {{app: web}}}}, {POD}}}}}\n---\n{{apiVersion: v1, kind: Service, metadata: {{name: web}}, spec: \
         {{{} selector: {{app: web}}, ports: [{{port: 80, targetPort: 8080}}]}}}}\n",
        more.0
    );
    std::fs::write(folder.path().join("web.yaml"), manifest).unwrap();
    std::fs::write(folder.path().join("scenario.toml"), format!("{SCENARIO}{}", more.1)).unwrap();
    folder
}

fn stateful_set() -> tempfile::TempDir {
    folder("StatefulSet", "replicas: 2, serviceName: web", ("", ""))
}

/// Asked node by node: a node's only pod is missed while it is replaced.
fn daemon_set() -> tempfile::TempDir {
    let update = "updateStrategy: {rollingUpdate: {maxUnavailable: 1, maxSurge: 0}}";
    folder("DaemonSet", update, ("internalTrafficPolicy: Local,", NODES))
}

fn told(folder: &Path, args: &[&str]) -> String {
    let output = Command::cargo_bin("rollsim").unwrap().current_dir(folder).args(args).output();
    let output = output.unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}

fn has(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "{word} is missing in {text}");
    }
}

#[test]
fn optimize_finds_the_surge_of_a_daemon_set() {
    let folder = daemon_set();
    let text = told(folder.path(), &["optimize", ".", "--replications", "4"]);
    has(&text, &["Cheapest settings that meet the goal", "maxSurge = 1", "maxUnavailable = 0"]);
    assert!(!text.contains("could not be run"), "{text}");
}

#[test]
fn optimize_tries_the_order_of_a_stateful_set() {
    let folder = stateful_set();
    let text = told(folder.path(), &["optimize", ".", "--replications", "4"]);
    has(&text, &["podManagementPolicy"]);
}

#[test]
fn sweeps_vary_what_they_have() {
    let folder = stateful_set();
    let scan = "podManagementPolicy=OrderedReady,Parallel";
    let text = told(folder.path(), &["sweep", ".", "--scan", scan, "--replications", "4"]);
    has(&text, &["OrderedReady", "Parallel"]);
    let folder = daemon_set();
    let scan = "updateStrategy.type=RollingUpdate,OnDelete";
    let text = told(folder.path(), &["sweep", ".", "--scan", scan, "--replications", "4"]);
    has(&text, &["RollingUpdate", "OnDelete"]);
}

#[test]
fn check_says_what_saves_the_requests_of_a_daemon_set() {
    let folder = daemon_set();
    let text = told(folder.path(), &["check", ".", "--replications", "10"]);
    has(&text, &["lossless", "maxUnavailable=0, maxSurge=1"]);
    let folder = stateful_set();
    has(&told(folder.path(), &["check", ".", "--replications", "10"]), &["1 workload: 1 passes"]);
}

#[test]
fn audit_says_what_their_settings_do() {
    let folder = daemon_set();
    let text = told(folder.path(), &["audit", ".", "--replications", "10"]);
    has(&text, &["updateStrategy.rollingUpdate.maxUnavailable=1", "preStop"]);
    let folder = stateful_set();
    has(
        &told(folder.path(), &["audit", ".", "--replications", "10"]),
        &["preStop", "readinessProbe"],
    );
}

#[test]
fn explain_knows_what_they_are_blamed_for() {
    let folder = tempfile::tempdir().unwrap();
    has(&told(folder.path(), &["explain", "maxUnavailable"]), &["maxUnavailable"]);
}

/// A Knative Service whose further revision is ready with one pod, and too small.
fn knative() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let service = "{apiVersion: serving.knative.dev/v1, kind: Service, metadata: {name: web}, spec: {template: \
                   {metadata: {annotations: {autoscaling.knative.dev/initial-scale: '4'}}, spec: \
                   {containerConcurrency: 2, containers: [{image: 'r/web:v1'}]}}}}";
    let update = service.replace(":v1'", ":v2'").replace("initial-scale: '4'", "max-scale: '10'");
    std::fs::write(folder.path().join("web.yaml"), service).unwrap();
    std::fs::write(folder.path().join("update.yaml"), update).unwrap();
    let scenario = "schema = 1\n[traffic]\nrate_per_s = 40.0\nstart_s = -30.0\nduration_s = 80.0\ntimeout_s = \
                    2.0\n[app]\nstart_delay_s = 3.0\nservice = { kind = \"constant\", mean_s = 0.1 }\n[action]\nkind = \
                    \"rollout\"\n";
    std::fs::write(folder.path().join("scenario.toml"), scenario).unwrap();
    folder
}

#[test]
fn advice_and_sweeps_know_the_scale_of_a_revision() {
    let folder = knative();
    let text = told(folder.path(), &["run", ".", "--replications", "4"]);
    has(&text, &["autoscaling.knative.dev/min-scale]=3"]);
    let scan = "update.metadata.annotations[serving.knative.dev/rollout-duration]=10s,2m";
    let text = told(folder.path(), &["sweep", ".", "--replications", "2", "--scan", scan]);
    has(&text, &["2 points", "10s", "2m"]);
}

#[test]
fn bounds_of_a_rollout_are_those_of_its_canary() {
    let folder = tempfile::tempdir().unwrap();
    let rollout = format!(
        "{{apiVersion: argoproj.io/v1alpha1, kind: Rollout, metadata: {{name: web}}, spec: {{replicas: 4, selector: \
         {{matchLabels: {{app: web}}}}, strategy: {{canary: {{steps: [{{setWeight: 50}}, {{pause: {{duration: \
         5s}}}}]}}}}, {POD}}}}}\n---\n{{apiVersion: v1, kind: Service, metadata: {{name: web}}, spec: {{selector: {{app: \
         web}}, ports: [{{port: 80, targetPort: 8080}}]}}}}\n"
    );
    std::fs::write(folder.path().join("web.yaml"), rollout).unwrap();
    std::fs::write(folder.path().join("scenario.toml"), SCENARIO).unwrap();
    let scan = ["--scan", "maxSurge=1,2", "--scan", "maxUnavailable=0,1"];
    let text = told(folder.path(), &[&["sweep", ".", "--replications", "2"], &scan[..]].concat());
    has(&text, &["4 points", "maxSurge"]);
    assert!(!text.contains("could not be run"), "{text}");
    let pause = "rollout.spec.strategy.canary.steps[1].pause.duration=5s,20s";
    let text = told(
        folder.path(),
        &["sweep", ".", "--replications", "2", "--out", "pauses", "--scan", pause],
    );
    has(&text, &["2 points", "20s"]);
}
