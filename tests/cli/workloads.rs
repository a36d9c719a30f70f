//! `rollsim run` on an input with several workloads.

use serde_json::Value;
use std::process::{Command, Output};

/// Two Deployments that take requests, one that takes none, a patch, a StatefulSet and a CloneSet.
const SHOP: &str = "tests/cli/workloads/shop.yaml";

fn run(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rollsim"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).args(["run"]);
    if !arguments.contains(&"--replications") {
        command.args(["--replications", "5"]);
    }
    command.args(arguments).output().expect("it starts")
}

fn text(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

fn json(arguments: &[&str]) -> Value {
    serde_json::from_str(&text(&[arguments, &["--format", "json"]].concat())).expect("JSON")
}

fn refused(arguments: &[&str]) -> String {
    let output = run(arguments);
    let message = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(2), "{message}");
    assert!(output.stdout.is_empty(), "{arguments:?}");
    message
}

fn strings(list: &Value, key: &str) -> Vec<String> {
    let rows = list.as_array().expect("a list").iter();
    rows.map(|row| row[key].as_str().expect("text").to_owned()).collect()
}

#[test]
fn every_workload_has_a_row_and_the_worst_is_told_in_full() {
    let text = text(&[SHOP]);
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    let (table, full) = text.split_once("The first in full").expect("a table before it");
    insta::assert_snapshot!(table);
    assert!(full.lines().any(|line| line.starts_with("front · ")), "{full}");
    assert!(full.contains("kind CloneSet"), "{full}");
}

#[test]
fn each_answer_is_the_one_that_the_workload_has_alone() {
    let all = json(&[SHOP]);
    let names = strings(&all["workloads"], "name");
    assert_eq!(names, ["deployment/front", "deployment/cart", "deployment/mail", "statefulset/db"]);
    let left = strings(&all["not_simulated"], "workload");
    assert_eq!(left, ["deployment/patch", "cloneset/hello"]);
    let why = &strings(&all["not_simulated"], "why")[0];
    assert!(why.contains("spec.template.spec"), "{why}");
    for answer in all["workloads"].as_array().expect("a list") {
        let name = answer["name"].as_str().expect("text");
        let mut alone = json(&[SHOP, "--workload", name]);
        assert_eq!(alone["answers"][0]["name"], SHOP);
        alone["answers"][0]["name"] = name.into();
        assert_eq!(&alone["answers"][0], answer, "{name}");
    }
}

#[test]
fn the_document_of_several_is_under_the_published_schema() {
    let schema = Command::new(env!("CARGO_BIN_EXE_rollsim")).args(["schema", "output"]).output();
    let schema = serde_json::from_slice(&schema.expect("it starts").stdout).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let mut all = json(&[SHOP]);
    let faults: Vec<String> = validator.iter_errors(&all).map(|e| e.to_string()).collect();
    assert_eq!(faults, [""; 0]);
    all["workloads"][0]["lost"]["total"]["mean"] = "many".into();
    assert!(!validator.is_valid(&all));
}

#[test]
fn workloads_are_chosen_by_name() {
    let chosen =
        |arguments: &[&str]| strings(&json(&[&[SHOP], arguments].concat())["workloads"], "name");
    let two = ["deployment/front", "deployment/cart"];
    assert_eq!(chosen(&["--workload", "cart,front"]), two);
    assert_eq!(chosen(&["--workload", "deploy/cart", "--workload", "default/front"]), two);
    assert_eq!(chosen(&["--deployment", "front", "--deployment", "cart"]), two);
    let one = json(&[SHOP, "--workload", "cart,deployment/cart"]);
    assert_eq!(one["answers"][0]["head"][0]["value"], "deployment/cart");
    assert!(refused(&[SHOP, "--workload", "fornt"]).contains("did you mean \"front\"?"));
    assert!(refused(&[SHOP, "--workload", "cart,kart"]).contains("no Deployment \"kart\""));
    assert!(refused(&[SHOP, "--workload", "other/cart"]).contains("no Deployment"));
    for name in ["hello", "cloneset/hello"] {
        let message = refused(&[SHOP, "--workload", name]);
        assert!(message.contains("is of a kind that is not simulated"), "{message}");
    }
}

#[test]
fn of_one_name_in_two_namespaces_both_are_meant() {
    let folder = tempfile::tempdir().expect("a folder");
    let shop = std::fs::read_to_string(SHOP).expect("it is there");
    let front: Vec<&str> = shop.split("---\n").filter(|d| d.contains("name: front}")).collect();
    let front = front.join("---\n");
    let elsewhere = front.replace("{name: front}", "{name: front, namespace: test}");
    let file = folder.path().join("front.yaml");
    std::fs::write(&file, format!("{front}---\n{elsewhere}")).expect("written");
    let file = file.to_str().expect("a name");
    let both = ["default/deployment/front", "test/deployment/front"];
    for arguments in [&[file][..], &[file, "--workload", "front"]] {
        assert_eq!(strings(&json(arguments)["workloads"], "name"), both);
    }
    let one = json(&[file, "--workload", "test/front"]);
    assert_eq!(one["answers"][0]["head"][0]["value"], "deployment/front");
}

#[test]
fn a_gate_fails_if_any_fails_or_was_not_simulated() {
    let gate = |workloads: &str, bound: &str| {
        let output = run(&[SHOP, "--workload", workloads, "--fail-on-loss", bound]);
        (output.status.code(), String::from_utf8(output.stderr).expect("text"))
    };
    assert_eq!(gate("cart,mail", "0.5"), (Some(0), String::new()));
    let (code, message) = gate("cart,front", "0.5");
    assert_eq!(code, Some(1));
    assert!(message.contains("deployment/front: ") && !message.contains("cart"), "{message}");
    let (code, message) = gate("cart,patch", "0.5");
    assert_eq!(code, Some(1));
    assert!(message.contains("deployment/patch: not simulated"), "{message}");
}

#[test]
fn what_shows_one_workload_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let page = folder.path().join("page.html");
    let page = page.to_str().expect("a name");
    for arguments in [["--format", "vegeta"], ["--report", page]] {
        let message = refused(&[&[SHOP], &arguments[..]].concat());
        assert!(message.contains(arguments[0]) && message.contains("--workload"), "{message}");
    }
    let table = text(&[SHOP, "--format", "csv"]);
    assert!(table.contains("\ndeployment/cart,"), "{table}");
    let metrics = text(&[SHOP, "--format", "openmetrics"]);
    assert!(metrics.contains("scenario=\"deployment/cart\""), "{metrics}");
}

#[test]
fn settings_are_those_of_every_workload_or_a_reason() {
    let all = json(&[SHOP, "--set", "readinessProbe.periodSeconds=3"]);
    assert_eq!(strings(&all["workloads"], "name"), ["deployment/cart"]);
    let message = refused(&[SHOP, "--set", "maxSurg=1"]);
    assert_eq!(message.matches("did you mean \"maxSurge\"?").count(), 1, "{message}");
}

#[test]
fn a_scenario_that_says_which_stays_about_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let case = |text: &str| {
        let file = folder.path().join("scenario.toml");
        std::fs::write(&file, text).expect("written");
        json(&[SHOP, file.to_str().expect("a name")])
    };
    let one = case("schema = 1\ndeployment = \"cart\"\n");
    let head = one["answers"][0]["head"].as_array().expect("a list");
    let left = head.iter().find(|row| row["key"] == "not simulated").expect("it is said");
    let left = left["value"].as_str().expect("text");
    for name in ["deployment/front", "deployment/mail", "statefulset/db"] {
        assert!(left.contains(name), "{left}");
    }
    let all = case("schema = 1\n[traffic]\nrate_per_s = 10.0\n");
    assert_eq!(all["workloads"].as_array().expect("a list").len(), 4);
}

#[test]
fn real_projects_are_answered_as_a_whole() {
    for (file, workloads) in [("bookinfo", 6), ("microservices-demo", 12)] {
        let all = json(&[&format!("tests/manifests/{file}.yaml"), "--replications", "2"]);
        assert_eq!(all["workloads"].as_array().expect("a list").len(), workloads, "{file}");
    }
}
