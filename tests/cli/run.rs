//! `rollsim run` on manifests as people have them, in a pipe, and on one thread or several.

use rollsim::input::{Input, Source};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}

fn rollsim() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rollsim"));
    command.current_dir(root());
    command
}

fn run(arguments: &[&str]) -> Output {
    let output = rollsim().arg("run").args(arguments).output().expect("it starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {errors}");
    output
}

/// The manifests of real projects, with the Deployments in each.
fn manifests() -> Vec<(String, Vec<String>)> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(root().join("tests/manifests"))
        .expect("a folder")
        .map(|entry| entry.expect("readable").path())
        .filter(|path| path.is_file())
        .collect();
    files.sort();
    let deployments = |path: &PathBuf| {
        let input = Input::load(&[Source::Path(path.clone())]);
        input.unwrap_or_else(|e| panic!("{e}")).deployment_names()
    };
    files.iter().map(|f| (f.display().to_string(), deployments(f))).collect()
}

#[test]
fn every_deployment_of_real_projects_is_simulated() {
    let manifests = manifests();
    assert!(manifests.len() >= 7, "{manifests:?}");
    for (file, deployments) in &manifests {
        assert!(!deployments.is_empty(), "{file}");
        for name in deployments {
            let arguments = [file, "--deployment", name, "--replications", "3", "--format", "json"];
            let output = run(&arguments);
            let answer: serde_json::Value =
                serde_json::from_slice(&output.stdout).expect("the answer is JSON");
            let text = answer.to_string();
            assert!(text.contains("digest"), "{file}, {name}: {text}");
        }
    }
}

#[test]
fn threads_do_not_change_a_byte() {
    let folder = "experiments/readiness-probe";
    for format in ["text", "json", "csv"] {
        let with = |threads: &str| {
            let arguments = ["run", folder, "--replications", "37", "--format", format];
            let mut command = rollsim();
            command.args(arguments).env("RAYON_NUM_THREADS", threads);
            let output = command.output().expect("it starts");
            assert!(output.status.success());
            output.stdout
        };
        let one = with("1");
        assert!(!one.is_empty());
        assert_eq!(one, with("7"), "{format}");
    }
}

#[test]
fn a_closed_pipe_ends_it_quietly() {
    let arguments = ["run", "experiments/b2-rolling-update", "--replications", "3"];
    let mut child = rollsim()
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(message.is_empty(), "{message}");
}

#[test]
fn a_folder_that_takes_no_file_is_reported() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file");
    std::fs::write(&file, "").expect("written");
    // Below a file, and in a folder that is not there: refused to every user, root included.
    for output in [file.join("answer.json"), folder.path().join("missing").join("answer.json")] {
        let path = output.display().to_string();
        let experiment = "experiments/b2-rolling-update";
        let arguments = ["run", experiment, "--replications", "1", "--output", &path];
        let result = rollsim().args(arguments).output().expect("it starts");
        let message = String::from_utf8_lossy(&result.stderr);
        assert_eq!(result.status.code(), Some(2), "{message}");
        assert!(message.contains("cannot write") && message.contains(&path), "{message}");
    }
}

#[test]
fn a_bound_on_losses_sets_the_exit_status() {
    let arguments = ["run", "experiments/b2-rolling-update", "--replications", "40"];
    let status = |bound: &str| {
        let output = rollsim().args(arguments).args(["--fail-on-loss", bound]).output();
        let output = output.expect("it starts");
        assert!(!output.stdout.is_empty(), "the answer is printed all the same");
        output.status.code()
    };
    assert_eq!(status("0.1"), Some(1));
    assert_eq!(status("60"), Some(0));
}

/// A drain that a budget never lets end, or the same without the budget.
fn drain(folder: &std::path::Path, budget: bool) {
    let mut manifest = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  \
        replicas: 1\n  selector: {matchLabels: {app: web}}\n  template:\n    metadata: \
        {labels: {app: web}}\n    spec:\n      containers:\n      - name: app\n        \
        image: example/web:1\n        ports: [{containerPort: 8080}]\n"
        .to_owned();
    if budget {
        manifest += "---\napiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: \
            {name: web}\nspec:\n  minAvailable: 1\n  selector: {matchLabels: {app: web}}\n";
    }
    let nodes = "[[nodes]]\nname = \"node\"\ncount = 2\n[action]\nkind = \"drain\"\n";
    std::fs::write(folder.join("web.yaml"), manifest).expect("written");
    std::fs::write(folder.join("scenario.toml"), nodes).expect("written");
}

#[test]
fn every_bound_fails_on_what_does_not_reach_its_end() {
    let (stuck, free) = (tempfile::tempdir().expect("one"), tempfile::tempdir().expect("two"));
    drain(stuck.path(), true);
    drain(free.path(), false);
    let code = |folder: &tempfile::TempDir, args: &[&str]| {
        let path = folder.path().to_str().expect("text");
        let run = ["run", path, "--replications", "3"];
        rollsim().args(run).args(args).output().expect("it starts").status.code()
    };
    assert_eq!(code(&stuck, &[]), Some(0));
    assert_eq!(code(&stuck, &["--fail-on-loss", "1000000"]), Some(1));
    assert_eq!(code(&stuck, &["--fail-on-incomplete"]), Some(1));
    assert_eq!(code(&stuck, &["--fail-on-incomplete", "50%"]), Some(1));
    let loose = ["--fail-on-incomplete=1", "--fail-on-loss=1000000"];
    assert_eq!(code(&stuck, &loose), Some(0));
    assert_eq!(code(&stuck, &["--fail-on-incomplete", "2"]), Some(2));
    assert_eq!(code(&free, &["--fail-on-incomplete"]), Some(0));
}
