//! What can be asked about the program itself, and without a file of one's own.

use crate::commands::{refused, stdout};
use std::path::Path;

const WEB: &str = "tests/cli/pages/files/web.yaml";

#[test]
fn settings_are_listed_and_found() {
    let text = stdout(&["settings", "readinessprobe", "period"]);
    assert!(text.contains("readinessProbe.periodSeconds = 10 s"), "{text}");
    let json = stdout(&["settings", "rate_per_s", "--format", "json"]);
    let all: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(all[0]["aliases"][0], "rate", "{json}");
    assert!(refused(&["settings", "nothing-like-it"]).contains("rollsim settings"));
}

#[test]
fn explanations_are_found_by_every_name_of_an_answer() {
    let text = stdout(&["explain", "address-gone"]);
    assert!(text.contains("rollsim run @alb-prestop") && text.contains("preStop.sleep"), "{text}");
    assert!(stdout(&["explain"]).contains("graceful shutdown of the application"));
    assert!(stdout(&["explain", "499"]).contains("another HTTP status"));
    assert!(stdout(&["explain", "prestop-sleep"]).contains("loses"));
    let json = stdout(&["explain", "502", "--format", "json"]);
    let topic: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(topic["id"], "502");
    assert!(refused(&["explain", "adress-gone"]).contains("did you mean \"address-gone\"?"));
}

#[test]
fn manual_pages_are_made() {
    assert!(stdout(&["man", "run"]).contains(".TH rollsim-run"));
    let folder = tempfile::tempdir().expect("a folder");
    stdout(&["man", "--out", folder.path().to_str().expect("text")]);
    for page in ["rollsim.1", "rollsim-sweep.1"] {
        assert!(folder.path().join(page).is_file(), "{page}");
    }
    assert!(refused(&["man", "walk"]).contains("no command"));
}

#[test]
fn a_shell_is_offered_values() {
    let script = stdout(&["completions", "bash"]);
    assert!(script.contains("COMPLETE"), "{script}");
}

#[test]
fn colours_are_as_asked_for() {
    let run = |color| stdout(&["run", WEB, "--replications", "5", "--no-advice", "--color", color]);
    assert!(run("always").contains("\x1b["));
    assert!(!run("never").contains('\x1b') && !run("auto").contains('\x1b'));
}

/// The target of an autoscaler, and what a probe is given, as axes under load: they make a difference.
#[test]
fn autoscalers_and_probes_are_axes_under_load() {
    let folder = tempfile::tempdir().expect("a folder");
    let target = "hpa.spec.metrics[0].resource.target.averageUtilization=30,90";
    for (name, set, axes) in [
        ("hpa-cpu-too-late", "app.cpu_s=0.006", [target, "replicas=3,6"]),
        (
            "sync-workers",
            "replicas=4",
            ["readinessProbe.timeoutSeconds=1,15", "readinessProbe.failureThreshold=1,6"],
        ),
    ] {
        let (input, out) = (format!("experiments/{name}"), folder.path().join(name));
        let out = out.to_str().expect("text");
        let axes = ["--scan", axes[0], "--scan", axes[1], "--scan", set, "--replications", "3"];
        stdout(&[&["sweep", &input, "--out", out][..], &axes].concat());
        let table = std::fs::read_to_string(Path::new(out).join("results.csv")).expect("written");
        let column = table.lines().next().expect("a header").split(',').position(|c| c == "failed");
        let column = column.expect("a column of what failed");
        let cell = |line: &str| line.split(',').nth(column).expect("a cell").to_owned();
        let failed: Vec<String> = table.lines().skip(1).map(cell).collect();
        assert_eq!(failed.len(), 4, "{table}");
        // The first axis changes slowest.
        assert!(failed[0] != failed[2] && failed[0] != failed[1], "{table}");
    }
    let idle = ["--set", &target.replace(",90", "")];
    let message = refused(&[&["run", "experiments/hpa-cpu-too-late"][..], &idle].concat());
    assert!(message.contains("app.cpu_s = N says what it takes"), "{message}");
}

/// A sweep and a map need no file but the manifests; choices are judged over the world.
#[test]
fn axes_are_given_on_the_command_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("out");
    let out = out.to_str().expect("text");
    let axes = ["--scan", "preStop=0..2:1", "--world", "rate=50,200/s", "--replications", "5"];
    let text = stdout(&[&["sweep", WEB, "--out", out][..], &axes].concat());
    assert!(text.contains("6 points") && text.contains("lost, worst"), "{text}");
    assert!(!text.contains("Best points"), "{text}");
    let header = std::fs::read_to_string(Path::new(out).join("results.csv")).expect("written");
    assert!(header.starts_with("point,preStop.sleep.seconds,rate_per_s,"), "{header}");
    assert!(refused(&["sweep", WEB]).contains("--scan"));
    let map = ["-x", "preStop=0..2", "-y", "grace=30,60", "--replications", "5"];
    let map = stdout(&[&["frontier", WEB][..], &map].concat());
    assert!(
        map.contains("terminationGracePeriodSeconds (up) against preStop.sleep.seconds (right)"),
        "{map}"
    );
    assert!(refused(&["frontier", WEB, "-x", "preStop=0..2"]).contains("both"));
    let words = ["-x", "preStop=0..2", "-y", "maxSurge=1,50%", "--report", "no.html"];
    let text = refused(&[&["frontier", WEB][..], &words].concat());
    assert!(text.contains("needs numbers"), "{text}");
}
