//! What an answer says of itself: its parts add up, its sentences have no holes, its numbers are possible,
//! and it names what it leaves out. Over all experiments, as the command line answers.

use assert_cmd::Command;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

fn rollsim(arguments: &[&str]) -> std::process::Output {
    let mut command = Command::cargo_bin("rollsim").expect("the binary of this package");
    command.current_dir(env!("CARGO_MANIFEST_DIR")).args(arguments).output().expect("it runs")
}

fn experiments() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments");
    let mut folders: Vec<String> = std::fs::read_dir(root)
        .expect("part of the repository")
        .map(|e| e.expect("readable").path())
        .filter(|p| p.join("scenario.toml").exists())
        .map(|p| format!("experiments/{}", p.file_name().expect("a name").to_string_lossy()))
        .collect();
    folders.sort();
    assert!(folders.len() >= 42);
    folders
}

fn answer(arguments: &[&str]) -> Value {
    let output = rollsim(&[&["run", "--format", "json"], arguments].concat());
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    let document: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{message}"));
    document["answers"][0].clone()
}

/// Of every experiment: more replications than keep their timelines.
fn answers() -> &'static [(String, Value)] {
    static ANSWERS: OnceLock<Vec<(String, Value)>> = OnceLock::new();
    ANSWERS.get_or_init(|| {
        let one = |folder: String| {
            let answer = answer(&[&folder, "--replications", "60"]);
            (folder, answer)
        };
        experiments().into_iter().map(one).collect()
    })
}

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

fn number(value: &Value) -> f64 {
    value.as_f64().expect("a number")
}

#[test]
fn why_adds_up_to_lost_by_kind_and_cause() {
    for (folder, answer) in answers() {
        let parts = || list(&answer["blame"]).iter().flat_map(|row| list(&row["parts"]));
        let same = |what: &str, blamed: f64, lost: f64| {
            assert!(
                (blamed - lost).abs() <= 1e-6 * (1.0 + lost),
                "{folder}, {what}: {blamed}, {lost}"
            );
        };
        for (part, group) in [("failure", "by_failure"), ("cause", "by_cause")] {
            for lost in list(&answer["lost"][group]) {
                let of = parts().filter(|p| p[part] == lost["key"]).map(|p| number(&p["lost"]));
                same(lost["key"].as_str().expect("text"), of.sum(), number(&lost["count"]["mean"]));
            }
        }
        let rows = list(&answer["blame"]).iter().map(|row| number(&row["lost"]));
        same("rows", rows.sum(), number(&answer["lost"]["total"]["mean"]));
        same(
            "parts",
            parts().map(|p| number(&p["lost"])).sum(),
            number(&answer["lost"]["total"]["mean"]),
        );
    }
}

#[test]
fn sentences_have_no_holes() {
    for folder in experiments() {
        let output = rollsim(&["run", &folder, "--replications", "20"]);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        for nonsense in
            ["needed ;", "found ,", "found as it is", "up to 0", " 0 of 0", "NaN", "inf "]
        {
            assert!(!text.contains(nonsense), "{folder}: {nonsense:?} in\n{text}");
        }
        let mut lines = text.lines().peekable();
        while let Some(line) = lines.next() {
            // What is needed may stand in the next line.
            let next = lines.peek().map_or("", |next| next.trim());
            assert!(!line.trim_end().ends_with("needed") || !next.is_empty(), "{folder}: {line}");
            for (i, _) in line.match_indices(" 1 ") {
                let word = line[i + 3..].split([' ', ',', '.', ')', ';']).next().unwrap_or("");
                let plural =
                    ["pods", "replicas", "requests", "seconds", "groups", "users", "rollouts"];
                assert!(!plural.contains(&word), "{folder}: {line}");
            }
        }
    }
}

#[test]
fn nothing_is_advised_where_next_to_nothing_is_lost() {
    for (folder, answer) in answers() {
        let none = number(&answer["lost"]["probability_none"]["mean"]);
        let (mean, verdict) =
            (number(&answer["lost"]["total"]["mean"]), answer["verdict"].as_str());
        // What never ends needs something else first.
        if verdict.is_some_and(|v| v.contains("Needed:")) {
            continue;
        }
        let verdict = verdict.expect("text");
        let advised =
            verdict.contains("Change first") || verdict.contains("No setting was found that helps");
        let worth = mean >= 0.5 || none < 0.995;
        assert_eq!(advised, worth && mean > 0.0, "{folder}: {verdict:?}");
    }
}

#[test]
fn numbers_are_possible() {
    for (folder, answer) in answers() {
        possible(folder, "", answer);
        let few = super::honest::answer(&[folder, "--replications", "2"]);
        possible(folder, "", &few);
        if let Some(latency) = answer["latency"].as_object() {
            let names = ["min_s", "p50_s", "p90_s", "p95_s", "p99_s", "max_s"];
            let rising = names.map(|n| number(&latency[n]));
            assert!(rising.is_sorted(), "{folder}: {latency:?}");
            let mean = number(&latency["mean_s"]);
            assert!(rising[0] <= mean && mean <= rising[5], "{folder}: {latency:?}");
        }
    }
}

/// No -0, every range and interval holds its mean, and what counts or lasts is not negative.
fn possible(folder: &str, path: &str, value: &Value) {
    match value {
        Value::Number(n) => {
            let x = n.as_f64().expect("a number");
            assert!(x != 0.0 || x.is_sign_positive(), "{folder}{path}: -0");
        }
        Value::Array(all) => {
            all.iter().enumerate().for_each(|(i, v)| possible(folder, &format!("{path}[{i}]"), v));
        }
        Value::Object(fields) => {
            if let (Some(mean), Some(range)) = (fields.get("mean"), fields.get("range")) {
                let mean = number(mean);
                for ends in [Some(range), fields.get("interval")].into_iter().flatten() {
                    let (low, high) = (number(&ends[0]), number(&ends[1]));
                    let slack = 1e-9 * mean;
                    // A range of whole requests does not hold next to nothing.
                    let nothing = mean < 0.01 && high == 0.0;
                    let holds = low <= mean + slack && (mean <= high + slack || nothing);
                    assert!(holds, "{folder}{path}: {value}");
                    assert!(low >= 0.0, "{folder}{path}: {value}");
                }
            }
            fields.iter().for_each(|(k, v)| possible(folder, &format!("{path}.{k}"), v));
        }
        _ => {}
    }
}

#[test]
fn the_head_names_what_was_simulated() {
    let heads = |arguments: &[&str]| {
        let answer = answer(&[arguments, &["--replications", "2"]].concat());
        let row =
            |row: &Value| (row["value"].as_str().expect("text").to_owned(), row["given"] == true);
        list(&answer["head"]).iter().map(row).collect::<Vec<_>>()
    };
    let good = "tests/broken/good.yaml";
    let found = heads(&[good]);
    let assumed = |found: &[(String, bool)]| -> Vec<String> {
        found.iter().filter(|row| !row.1).map(|row| row.0.clone()).collect()
    };
    assert!(found.contains(&("deployment/web".to_owned(), true)), "{found:?}");
    assert!(found.iter().any(|row| row.0.starts_with("service/web:")), "{found:?}");
    let words = assumed(&found);
    assert!(words.contains(&"100 requests/s".to_owned()), "{words:?}");
    assert!(words.contains(&"app generic".to_owned()), "{words:?}");
    assert!(words.iter().any(|w| w.starts_with("Kubernetes 1.")), "{words:?}");
    let rate = ["--set", "traffic.rate_per_s=1", "--app", "nginx"];
    let version = ["--set", "kubernetes.control_plane=1.33"];
    let found = heads(&[&[good], &rate[..], &version[..]].concat());
    assert_eq!(assumed(&found), ["rollout restart"], "{found:?}");
    assert!(found.contains(&("1 request/s".to_owned(), true)), "{found:?}");
    let text = rollsim(&["run", good, "--replications", "2"]).stdout;
    // Long heads take two lines.
    let text = String::from_utf8_lossy(&text).replacen('\n', " ", 1);
    assert!(text.lines().next().expect("a head").contains("deployment/web · "), "{text}");
    assert!(text.contains("100 requests/s (assumed)"), "{text}");
}

/// An ALB that sends to nodes keeps connections to pods that ignore SIGTERM.
const PINNED: [&str; 7] = [
    "experiments/a0-alb-defaults",
    "--set",
    "ingress.metadata.annotations[alb.ingress.kubernetes.io/target-type]=instance",
    "--set",
    "app.on_sigterm=ignore",
    "--set",
    "service.spec.type=NodePort",
];

#[test]
fn exact_is_refused_where_it_is_not_exact() {
    let asked = |arguments: &[&str], evaluator: &str| {
        rollsim(&[&["run", "--replications", "3", "--evaluator", evaluator], arguments].concat())
    };
    let words =
        |output: &std::process::Output| String::from_utf8_lossy(&output.stderr).into_owned();
    for evaluator in ["exact", "approximate"] {
        let output = asked(&PINNED, evaluator);
        assert_eq!(output.status.code(), Some(2), "{evaluator}");
        assert!(
            output.stdout.is_empty() && words(&output).contains("stay with pods that are going")
        );
        let output = asked(&["experiments/nginx-retries"], evaluator);
        assert_eq!(output.status.code(), Some(2), "{evaluator}");
        assert!(words(&output).contains("tries again after a failure"), "{}", words(&output));
    }
    let lost = number(
        &answer(&[&PINNED[..], &["--replications", "60"]].concat())["lost"]["total"]["mean"],
    );
    assert!(lost > 0.0, "requests are cut: {lost}");
    let a0 = "experiments/a0-alb-defaults";
    let output = asked(&[a0], "exact");
    assert_eq!(output.status.code(), Some(2));
    assert!(words(&output).contains("picks in turn") && words(&output).contains("approximate"));
    let text = String::from_utf8_lossy(&asked(&[a0], "approximate").stdout).into_owned();
    assert!(
        text.contains("Approximately: ") && text.contains("Approximate, as asked for: "),
        "{text}"
    );
    assert!(!text.contains("No request fails"), "{text}");
    let marked = answer(&[a0, "--replications", "3", "--evaluator", "approximate"]);
    assert_eq!(marked["provenance"]["evaluator"], "approximate");
    let b2 = asked(&["experiments/b2-rolling-update"], "exact");
    assert!(b2.status.success() && !String::from_utf8_lossy(&b2.stdout).contains("pproximate"));
}

fn plan(folder: &Path, evaluator: &str) -> PathBuf {
    let base = format!("{}/experiments/a0-alb-defaults", env!("CARGO_MANIFEST_DIR"));
    let text = format!(
        "schema = 1\nbase = {{ scenario = '{base}' }}\nevaluator = '{evaluator}'\nreplications = 2\n\
         [[axis]]\npath = 'preStop.sleep.seconds'\nvalues = [0, 5]\n"
    );
    let path = folder.join("plan.toml");
    std::fs::write(&path, text).expect("written");
    path
}

#[test]
fn sweeps_refuse_or_mark_what_is_not_exact() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("out");
    let sweep = |evaluator: &str| {
        let plan = plan(folder.path(), evaluator);
        let path = |p: &Path| p.to_str().expect("text").to_owned();
        rollsim(&["sweep", &path(&plan), "--out", &path(&out), "--threads", "1"])
    };
    let output = sweep("exact");
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{message}");
    assert!(message.contains("is not exact here") && !out.exists(), "{message}");
    let output = sweep("approximate");
    assert!(output.status.success());
    assert!(String::from_utf8_lossy(&output.stdout).contains("2 are approximate"));
    let read = |name: &str| std::fs::read_to_string(out.join(name)).expect("written");
    let rows = read("results.csv");
    assert_eq!(rows.matches(",approximate,").count(), 2, "{rows}");
    assert!(read("manifest.json").contains("\"evaluator\": \"approximate\""));
}

#[test]
fn names_cannot_break_what_they_stand_in() {
    let folder = tempfile::tempdir().expect("a folder");
    let scenario = folder.path().join("scenario.toml");
    let text = "name = \"a\\u0001b\\u202Ec\"\nmanifests = [\"web.yaml\"]\n";
    std::fs::write(&scenario, text).expect("written");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    std::fs::copy(root.join("tests/broken/good.yaml"), folder.path().join("web.yaml"))
        .expect("copied");
    let report = folder.path().join("report");
    let paths = [&scenario, &report].map(|p| p.to_str().expect("text"));
    let output = rollsim(&["run", paths[0], "--replications", "2", "--report", paths[1]]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let hidden = |c: char| c == '\u{202e}' || (c.is_control() && c != '\n');
    assert!(!String::from_utf8_lossy(&output.stdout).contains(hidden));
    for entry in std::fs::read_dir(&report).expect("written") {
        let path = entry.expect("readable").path();
        let text = std::fs::read_to_string(&path).expect("text");
        assert!(!text.contains(hidden), "{}", path.display());
    }
}
