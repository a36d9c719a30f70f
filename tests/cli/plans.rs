//! The plans of `experiments/plans`: each runs, and what its page says holds.

use assert_cmd::Command;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

fn plans() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments/plans")
}

fn rollsim(folder: &Path) -> Command {
    let mut command = Command::cargo_bin("rollsim").unwrap();
    command.current_dir(folder);
    for name in ["JOB_COMPLETION_INDEX", "SLURM_ARRAY_TASK_ID", "AWS_BATCH_JOB_ARRAY_INDEX"] {
        command.env_remove(name);
    }
    command
}

type Row = BTreeMap<String, String>;

/// The rows of a plan with few replications; a report is written too.
fn sweep(name: &str, replications: u32) -> (Vec<Row>, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let plan = plans().join(name).join("plan.toml");
    rollsim(folder.path())
        .args(["sweep", plan.to_str().unwrap(), "--out", "out", "--report", "report"])
        .args(["--replications", &replications.to_string()])
        .assert()
        .success();
    let text = std::fs::read_to_string(folder.path().join("out/results.jsonl")).unwrap();
    let row = |line: &str| {
        let row: BTreeMap<String, serde_json::Value> = serde_json::from_str(line).unwrap();
        row.into_iter().map(|(k, v)| (k, v.as_str().map_or(v.to_string(), str::to_owned))).collect()
    };
    (text.lines().map(row).collect(), folder)
}

fn number(row: &Row, column: &str) -> f64 {
    row[column].parse().unwrap_or_else(|_| panic!("{column}: {row:?}"))
}

/// Mean of a column over the rows that have these values.
fn mean(rows: &[Row], column: &str, with: &[(&str, &str)]) -> f64 {
    let fits = |row: &&Row| with.iter().all(|(key, value)| row[*key] == *value);
    let all: Vec<f64> = rows.iter().filter(fits).map(|row| number(row, column)).collect();
    assert!(!all.is_empty(), "no row with {with:?}");
    all.iter().sum::<f64>() / all.len() as f64
}

fn without_errors(rows: &[Row]) {
    assert!(rows.iter().all(|row| !row.contains_key("error")), "{rows:?}");
}

#[test]
fn a_hook_does_not_help_who_ignores_sigterm_and_saves_who_exits() {
    let (rows, folder) = sweep("prestop-propagation-request-time", 3);
    without_errors(&rows);
    assert_eq!(rows.len(), 270);
    let lost = |with: &[(&str, &str)]| mean(&rows, "failed", with);
    let long = [("request_s", "30"), ("grace", "90"), ("propagation_s", "20")];
    let at = |more: [(&'static str, &'static str); 2]| lost(&[&long[..], &more].concat());
    assert_eq!(at([("on_sigterm", "ignore"), ("preStop", "1")]), 0.0);
    assert!(at([("on_sigterm", "exit"), ("preStop", "10")]) > 50.0);
    assert_eq!(at([("on_sigterm", "exit"), ("preStop", "60")]), 0.0);
    let files = std::fs::read_dir(folder.path().join("report")).unwrap();
    let names: Vec<String> = files.map(|f| f.unwrap().file_name().into_string().unwrap()).collect();
    for name in ["index.html", "map-lost.svg", "curves-rollout.svg"] {
        assert!(names.iter().any(|n| n == name), "{name} in {names:?}");
    }
    // Points of different worlds do not compete.
    assert!(!names.iter().any(|n| n.starts_with("front")), "{names:?}");
}

#[test]
fn surge_buys_time_with_pods_and_unavailable_with_capacity() {
    let (rows, _) = sweep("surge-unavailable-start-up", 1);
    without_errors(&rows);
    assert_eq!(rows.len(), 116);
    let at = |column: &str, surge: &str, unavailable: &str| {
        let with = [("maxSurge", surge), ("maxUnavailable", unavailable), ("start_up_s", "60")];
        mean(&rows, column, &with)
    };
    assert!(at("duration_s", "5", "0") > 4.0 * at("duration_s", "25", "25"));
    assert!(at("duration_s", "25", "25") > 1.3 * at("duration_s", "100", "0"));
    assert_eq!(at("lowest_available", "25", "0"), 100.0);
    assert_eq!(at("lowest_available", "0", "25"), 75.0);
    assert_eq!(at("peak_pods", "100", "0"), 200.0);
}

#[test]
fn thresholds_of_a_readiness_probe_cost_time_and_save_nothing() {
    let (rows, _) = sweep("probe-period-thresholds", 5);
    without_errors(&rows);
    assert_eq!(rows.len(), 120);
    for period in ["1", "20"] {
        let at = |column: &str, with: [(&str, &str); 2]| {
            let period = [("period", period)];
            mean(&rows, column, &[&period[..], &with].concat())
        };
        let slow = at("duration_s", [("successes", "5"), ("failures", "3")]);
        let quick = at("duration_s", [("successes", "1"), ("failures", "3")]);
        // Three pods, one after the other, wait for four more periods each.
        let extra = 12.0 * period.parse::<f64>().unwrap();
        assert!((slow - quick - extra).abs() < 2.0 + 0.1 * extra, "{quick} to {slow}");
        assert!(at("failed", [("successes", "5"), ("preStop", "1")]) > 0.0);
        assert!(at("failed", [("successes", "1"), ("preStop", "5")]) < 0.01);
    }
}

#[test]
fn a_readiness_gate_saves_late_pods_and_the_interval_is_its_price() {
    let (rows, _) = sweep("alb-interval-readiness-gate", 5);
    without_errors(&rows);
    assert_eq!(rows.len(), 90);
    let gate = r#"[{"conditionType":"target-health.alb.ingress.k8s.aws/web_web_80"}]"#;
    let at = |column: &str, gate: &str, interval: &str| {
        let with = [("gate", gate), ("interval_s", interval), ("start_up_s", "30")];
        mean(&rows, column, &with)
    };
    for interval in ["5", "60"] {
        assert!(at("failed", "[]", interval) > 100.0);
        assert_eq!(at("failed", gate, interval), 0.0);
    }
    let (short, long) = (at("duration_s", gate, "5"), at("duration_s", gate, "60"));
    assert!(long > short + 25.0, "{short} and {long}");
}

/// Merges a strategic merge patch: mappings key by key, lists of named things by name.
fn merge(value: &mut yaml_serde::Value, patch: &yaml_serde::Value) {
    use yaml_serde::Value;
    match (value, patch) {
        (Value::Mapping(into), Value::Mapping(patch)) => {
            for (key, new) in patch {
                match into.get_mut(key) {
                    Some(old) => merge(old, new),
                    None => {
                        into.insert(key.clone(), new.clone());
                    }
                }
            }
        }
        (Value::Sequence(into), Value::Sequence(patch)) => {
            for new in patch {
                match into.iter_mut().find(|old| old.get("name") == new.get("name")) {
                    Some(old) => merge(old, new),
                    None => into.push(new.clone()),
                }
            }
        }
        (value, patch) => *value = patch.clone(),
    }
}

/// The documents of a file, the Deployment patched.
fn patched(file: &Path, patch: &yaml_serde::Value) -> String {
    use serde::Deserialize;
    let text = std::fs::read_to_string(file).unwrap();
    let documents = yaml_serde::Deserializer::from_str(&text).map(|document| {
        let mut value = yaml_serde::Value::deserialize(document).unwrap();
        if value["kind"] == patch["kind"] {
            merge(&mut value, patch);
        }
        yaml_serde::to_string(&value).unwrap()
    });
    documents.collect::<Vec<_>>().join("---\n")
}

/// A3 with an application that exits on SIGTERM needs a hook, and its manifests have none: today that is
/// "not set", and the hook is in the patch.
#[test]
fn a_hook_that_was_not_there_is_in_the_patch_for_a3() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let a3 = plans().join("../a3-alb-long-requests");
    std::fs::create_dir(at.join("a3")).unwrap();
    for file in ["manifest.yaml", "update.yaml"] {
        std::fs::copy(a3.join(file), at.join("a3").join(file)).unwrap();
    }
    let scenario = std::fs::read_to_string(a3.join("scenario.toml")).unwrap();
    let exits = "on_sigterm = \"exit\"\nkeep_alive_timeout_s = 70.0\nstart_delay_s";
    let scenario = scenario.replace("start_delay_s", exits);
    std::fs::write(at.join("a3/scenario.toml"), scenario).unwrap();
    let problem = r#"
schema = 1
base = { scenario = "a3" }
constraints = ["grace > preStop"]
replications = 40
[[setting]]
path = "preStop.sleep.seconds"
name = "preStop"
values = [15, 30, 60, 90]
[[setting]]
path = "terminationGracePeriodSeconds"
name = "grace"
values = [30, 45, 100]
"#;
    std::fs::write(at.join("problem.toml"), problem).unwrap();
    let found = rollsim(at)
        .args(["optimize", "problem.toml", "--patch", "patch.yaml", "--report", "found.html"])
        .assert()
        .success();
    let shown = String::from_utf8_lossy(&found.get_output().stdout).into_owned();
    assert!(shown.contains("(today not set): "), "{shown}");
    assert!(shown.contains("(today not set (30 by default)): "), "{shown}");
    let text = std::fs::read_to_string(at.join("patch.yaml")).unwrap();
    let patch: yaml_serde::Value = yaml_serde::from_str(&text).unwrap();
    let container = &patch["spec"]["template"]["spec"]["containers"][0];
    assert!(container["lifecycle"]["preStop"]["sleep"]["seconds"].as_i64() >= Some(30), "{text}");
    for file in ["manifest.yaml", "update.yaml"] {
        std::fs::write(at.join("a3").join(file), patched(&a3.join(file), &patch)).unwrap();
    }
    let args = ["run", "a3", "--seed", "99", "--fail-on-loss", "0.001"];
    rollsim(at).args(args).assert().success();
    std::fs::copy(a3.join("manifest.yaml"), at.join("a3/manifest.yaml")).unwrap();
    std::fs::copy(a3.join("update.yaml"), at.join("a3/update.yaml")).unwrap();
    rollsim(at).args(args).assert().code(1);
}

#[test]
fn the_patch_for_a3_loses_nothing_when_applied() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let problem = plans().join("a3-optimum/problem.toml");
    let found = rollsim(at)
        .args(["optimize", problem.to_str().unwrap(), "--patch", "patch.yaml"])
        .args(["--report", "found.html"])
        .assert()
        .success();
    let shown = String::from_utf8_lossy(&found.get_output().stdout).into_owned();
    assert!(shown.starts_with("Cheapest settings that meet the goal: "), "{shown}");
    // What belongs to the application is in no manifest: the command says what to set.
    let remark = String::from_utf8_lossy(&found.get_output().stderr).into_owned();
    let by_hand = remark.lines().find_map(|l| l.split_once("to be set by hand: ")).unwrap().1;
    assert_eq!(by_hand, "app.keep_alive_timeout_s = 70");
    let page = std::fs::read_to_string(at.join("found.html")).unwrap();
    assert!(page.contains("terminationGracePeriodSeconds"));
    let patch = std::fs::read_to_string(at.join("patch.yaml")).unwrap();
    let patch: yaml_serde::Value = yaml_serde::from_str(&patch).unwrap();
    let a3 = plans().join("../a3-alb-long-requests");
    std::fs::create_dir(at.join("a3")).unwrap();
    std::fs::copy(a3.join("scenario.toml"), at.join("a3/scenario.toml")).unwrap();
    let lost = |patch: &yaml_serde::Value| {
        for file in ["manifest.yaml", "update.yaml"] {
            std::fs::write(at.join("a3").join(file), patched(&a3.join(file), patch)).unwrap();
        }
        let set = by_hand.replace(' ', "");
        let args = ["run", "a3", "--set", &set, "--seed", "99", "--fail-on-loss", "0.001"];
        rollsim(at).args(args).output().unwrap().status.code() == Some(1)
    };
    let nothing = yaml_serde::from_str("kind: Deployment").unwrap();
    assert!(lost(&nothing), "A3 as it is loses requests");
    assert!(!lost(&patch), "{patch:?}");
}
