//! The command line as a user meets it: exit codes, streams, files.

use assert_cmd::Command;
use std::path::{Path, PathBuf};

fn rollsim() -> Command {
    let mut command = Command::cargo_bin("rollsim").expect("the binary of this package");
    command.current_dir(env!("CARGO_MANIFEST_DIR"));
    command
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}

pub fn stdout(arguments: &[&str]) -> String {
    let output = rollsim().args(arguments).assert().success().get_output().stdout.clone();
    String::from_utf8(output).expect("text")
}

pub fn refused(arguments: &[&str]) -> String {
    let assert = rollsim().args(arguments).assert().code(2);
    assert!(assert.get_output().stdout.is_empty(), "results go to standard output, errors do not");
    String::from_utf8(assert.get_output().stderr.clone()).expect("text")
}

#[test]
fn the_version_names_the_commit() {
    let version = stdout(&["--version"]);
    let commit = version.split(['(', ')']).nth(1).expect("in parentheses");
    let is_hash = commit.len() == 12 && commit.bytes().all(|b| b.is_ascii_hexdigit());
    assert!(is_hash || commit == "unknown", "{version}");
    assert!(version.starts_with(&format!("rollsim {}", env!("CARGO_PKG_VERSION"))));
}

#[test]
fn help_teaches_with_examples() {
    for arguments in [&["--help"][..], &["run", "--help"], &["cards", "--help"]] {
        assert!(stdout(arguments).contains("rollsim "), "{arguments:?}");
        assert!(stdout(arguments).contains("Examples:"), "{arguments:?}");
    }
}

#[test]
fn bad_input_is_refused_with_its_place() {
    let message = refused(&["run", "tests/broken/manifests/misspelt-replicas.yaml"]);
    assert_eq!(
        message,
        "error: tests/broken/manifests/misspelt-replicas.yaml:6: spec.replica: unknown key \"replica\"\n  \
         help    did you mean \"replicas\"?\n"
    );
    assert!(refused(&["run", "nowhere.yaml"]).contains("nowhere.yaml: no such file or folder"));
    let good = "tests/broken/good.yaml";
    assert!(refused(&["run", good, "--set", "maxSurg=1"]).contains("did you mean \"maxSurge\"?"));
    assert!(refused(&["run", good, "--set", "maxSurge"]).contains("KEY=VALUE"));
    assert!(refused(&["run", good, "--platform", "defalt"]).contains("\"default\""));
    assert!(refused(&["run", good, "--app", "nowhere.toml"]).contains("no such file"));
    assert!(refused(&["run", good, "--deployment", "wbe"]).contains("did you mean \"web\"?"));
    assert!(refused(&["run", good, "--replications", "0"]).contains("--replications"));
    assert!(refused(&["run", good, "--fail-on-loss=-1"]).contains("--fail-on-loss"));
    assert!(refused(&["rollout"]).contains("unrecognized subcommand"));
}

#[test]
fn standard_input_is_sniffed() {
    let text = std::fs::read_to_string(root().join("tests/broken/manifests/replicas-text.yaml"));
    let assert =
        rollsim().args(["run", "-"]).write_stdin(text.expect("a manifest")).assert().code(2);
    let message = String::from_utf8(assert.get_output().stderr.clone()).expect("text");
    assert!(message.starts_with("error: standard input:6: spec.replicas: "), "{message}");
    let assert = rollsim().args(["run", "-"]).write_stdin("[traffic]\nrate = 1\n").assert().code(2);
    let message = String::from_utf8(assert.get_output().stderr.clone()).expect("text");
    assert!(message.contains("standard input:2: traffic.rate"), "{message}");
}

#[test]
fn cards_are_listed_and_shown() {
    let list = stdout(&["cards", "list"]);
    for name in ["default", "spring-boot", "node-express", "gunicorn", "nginx", "generic"] {
        assert!(list.contains(name), "{name}");
    }
    let card: serde_json::Value =
        serde_json::from_str(&stdout(&["cards", "show", "spring-boot", "--format", "json"]))
            .expect("JSON");
    assert_eq!(card["kind"], "app");
    let numbers = card["numbers"].as_array().expect("a list");
    assert!(numbers.iter().any(|n| n["key"] == "on_sigterm" && n["value"] == "graceful"));
    assert!(numbers.iter().all(|n| n["source"].is_string()));
    assert!(stdout(&["cards", "show", "models/apps/go.toml"]).contains("Go net/http"));
    assert!(refused(&["cards", "show", "sprint-boot"]).contains("did you mean \"spring-boot\"?"));
}

#[test]
fn every_case_fits_the_published_schema() {
    let schema: serde_json::Value =
        serde_json::from_str(&stdout(&["schema", "scenario"])).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a good schema");
    let mut count = 0;
    for dir in ["tests/validation", "experiments"] {
        for entry in std::fs::read_dir(root().join(dir)).expect("there") {
            let folder = entry.expect("readable").path();
            for name in ["case.toml", "scenario.toml"] {
                let Ok(text) = std::fs::read_to_string(folder.join(name)) else { continue };
                let value: toml::Table = text.parse().expect("TOML");
                let value = serde_json::to_value(value).expect("JSON");
                let problems: Vec<String> =
                    validator.iter_errors(&value).map(|e| e.to_string()).collect();
                assert!(problems.is_empty(), "{}: {problems:?}", folder.display());
                count += 1;
            }
        }
    }
    assert!(count >= 42);
}

#[test]
fn completions_are_printed_for_shells() {
    for shell in ["bash", "zsh", "fish"] {
        assert!(stdout(&["completions", shell]).contains("rollsim"));
    }
}

#[test]
fn a_run_writes_its_files_and_keeps_its_bound() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = |name: &str| dir.path().join(name).to_str().expect("text").to_owned();
    let (answer, trace) = (path("answer.json"), path("trace.jsonl"));
    let input = "tests/validation/exit-r2";
    let run = ["run", input, "--replications", "5", "--format", "json"];
    let files = ["--output", &answer, "--trace", &trace, "--fail-on-loss", "0"];
    let assert = rollsim().args(run).args(files).assert().code(1);
    assert!(assert.get_output().stdout.is_empty());
    let remark = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    assert!(remark.contains("exit-r2: ") && remark.contains("the bound is 0"), "{remark}");
    let written = std::fs::read_to_string(&answer).expect("the answer");
    assert_eq!(stdout(&run), written, "the same seed gives the same answer");
    let value: serde_json::Value = serde_json::from_str(&written).expect("JSON");
    let schema: serde_json::Value =
        serde_json::from_str(&stdout(&["schema", "output"])).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a good schema");
    let problems: Vec<String> = validator.iter_errors(&value).map(|e| e.to_string()).collect();
    assert!(problems.is_empty(), "{problems:?}");
    let trace = std::fs::read_to_string(&trace).expect("the trace");
    let times: Vec<f64> = trace
        .lines()
        .skip(1)
        .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON")["t_s"].as_f64())
        .map(|t| t.expect("a time"))
        .collect();
    assert!(times.len() > 20 && times.is_sorted());
    assert!(trace.contains("SIGTERM") && trace.contains("\"kind\":\"route\""));
    let left: Vec<_> = std::fs::read_dir(dir.path()).expect("a folder").collect();
    assert_eq!(left.len(), 2, "no temporary file is left");
}

#[test]
fn the_demonstration_runs_without_input() {
    let text = stdout(&["run", "--replications", "5"]);
    assert!(text.contains("A1: ") && text.contains("A2: "), "{text}");
    assert!(!text.contains('\u{1b}'), "no colours where there is no terminal");
}

#[test]
fn an_output_that_cannot_be_written_is_reported() {
    let input = "tests/validation/singleton-exit";
    let message =
        refused(&["run", input, "--replications", "1", "--output", "/nowhere/answer.txt"]);
    assert!(message.contains("cannot write /nowhere/answer.txt"), "{message}");
}

#[test]
fn a_broken_case_does_not_keep_the_others_from_being_validated() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, extra) in [("good", ""), ("odd", "\nretries_s = 3\n")] {
        let case = folder.path().join(name);
        std::fs::create_dir(&case).expect("a folder");
        for file in ["manifest.yaml", "update.yaml", "case.toml", "measured.json"] {
            let mut text =
                std::fs::read_to_string(root().join("tests/validation/prestop-exec3").join(file))
                    .expect("a measured case");
            if file == "case.toml" {
                text.push_str(extra);
            }
            std::fs::write(case.join(file), text).expect("written");
        }
    }
    let folder = folder.path().to_str().expect("text");
    let assert = rollsim().args(["validate", folder, "--format", "json"]).assert().code(2);
    let errors = String::from_utf8_lossy(&assert.get_output().stderr);
    assert!(errors.contains("retries_s") && errors.contains("1 of 2 cases"), "{errors}");
    let answer: serde_json::Value =
        serde_json::from_slice(&assert.get_output().stdout).expect("JSON");
    assert_eq!(answer["cases"].as_array().map(Vec::len), Some(1));
    assert_eq!(answer["cases"][0]["name"], "good");
}

/// A Deployment with a Service, in a folder of its own, as `web.yaml`.
fn web(replicas: u32) -> (tempfile::TempDir, String) {
    let dir = tempfile::tempdir().expect("a folder");
    let text = std::fs::read_to_string(root().join("tests/broken/good.yaml")).expect("a manifest");
    let text = text.replace("replicas: 2", &format!("replicas: {replicas}"));
    std::fs::write(dir.path().join("web.yaml"), text).expect("written");
    let path = dir.path().join("web.yaml").to_str().expect("text").to_owned();
    (dir, path)
}

#[test]
fn nothing_to_roll_out_is_no_loss() {
    let (_dir, path) = web(0);
    let text = stdout(&["run", &path, "--replications", "3", "--fail-on-loss", "0"]);
    assert!(text.contains("web has 0 replicas: nothing runs"), "{text}");
    for part in ["WHY", "LOST REQUESTS", "Change first", "TIMELINE", "routable"] {
        assert!(!text.contains(part), "{part}: {text}");
    }
}

/// The README's command: manifests alone, and a patch that can be applied.
#[test]
fn optimize_and_frontier_take_manifests() {
    let (dir, path) = web(2);
    let patch = dir.path().join("patch.yaml");
    let arguments = ["optimize", &path, "--patch", patch.to_str().expect("text")];
    let text = stdout(&arguments);
    assert!(text.contains("meet the goal") && text.contains("preStop"), "{text}");
    assert_eq!(text, stdout(&arguments), "the same answer every time");
    if let Ok(patch) = std::fs::read_to_string(&patch) {
        assert!(patch.contains("kind: Deployment"), "{patch}");
    }
    assert!(stdout(&["frontier", &path]).contains("preStop"));
    assert!(refused(&["optimize"]).contains("rollsim optimize web.yaml"));
    assert!(
        refused(&["optimize", &path, "--set", "traffic.users=3"]).contains("given and not used")
    );
}

#[test]
fn inputs_of_other_tools_are_told_what_to_run() {
    let dir = tempfile::tempdir().expect("a folder");
    let write = |file: &str, text: &str| {
        let path = dir.path().join(file);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(path, text).expect("written");
    };
    write("chart/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n");
    write("chart/values.yaml", "replicaCount: 2\n");
    write("tree/apps/web.yaml", "apiVersion: v1\nkind: ConfigMap\n");
    write("overlay/base/kustomization.yaml", "kind: Kustomization\n");
    write(
        "overlay/prod/kustomization.yaml",
        // As many are: without kind.
        "resources: [../base]\n",
    );
    let patch =
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {replicas: 4}\n";
    write("overlay/prod/replicas.yaml", patch);
    let folder = |name: &str| dir.path().join(name).to_str().expect("text").to_owned();
    for (name, wanted) in [
        ("chart", format!("helm template {}", folder("chart"))),
        ("tree", folder("tree/apps")),
        ("overlay", format!("kubectl kustomize {}", folder("overlay/prod"))),
        ("overlay/prod", format!("kubectl kustomize {}", folder("overlay/prod"))),
    ] {
        let message = refused(&["run", &folder(name)]);
        assert!(message.contains(&wanted), "{name}: {message}");
    }
}

/// Whole objects beside a kustomization are read as they are: what it would change of them is said.
#[test]
fn what_a_kustomization_would_change_is_said() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().to_str().expect("text");
    std::fs::copy(root().join("tests/broken/good.yaml"), dir.path().join("web.yaml"))
        .expect("copied");
    for (kustomization, said) in [
        ("resources: [web.yaml]\nnamePrefix: a-\n", false),
        ("resources: [web.yaml]\nreplicas: [{name: web, count: 9}]\n", true),
        ("resources: [web.yaml, ../common]\n", true),
    ] {
        std::fs::write(dir.path().join("kustomization.yaml"), kustomization).expect("written");
        let text = stdout(&["run", path, "--replications", "2"])
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ");
        let advice = text.contains("kubectl kustomize");
        assert_eq!(advice, said, "{kustomization}: {text}");
        assert!(!text.contains("no Kubernetes object"), "{text}");
    }
}

/// A file that a value names is at fault with its own name and line, however it was named.
#[test]
fn cards_that_a_setting_names_are_refused_with_file_and_line() {
    let dir = tempfile::tempdir().expect("a folder");
    let card = dir.path().join("card.toml");
    let card = card.to_str().expect("text");
    let good = "tests/broken/good.yaml";
    for (text, line) in [
        ("not a card\n", 1),
        (
            "schema = 1\nkind = \"app\"\nname = \"x\"\nabout = \"x\"\nbase = \"generic\"\n[start_dela]\nvalue = 1.0\nunit = \"s\"\nsource = \"x\"\nassumed = true\n",
            6,
        ),
    ] {
        std::fs::write(card, text).expect("written");
        for flag in [&["--app", card][..], &["--set", &format!("app.card={card}")]] {
            let message = refused(&[&["run", good], flag].concat());
            assert!(message.contains(&format!("{card}:{line}: ")), "{flag:?}: {message}");
        }
    }
}

/// A range that reaches beyond what a cluster takes says so; it does not say that nothing meets the goal.
#[test]
fn a_setting_whose_range_cannot_be_run_is_refused() {
    let dir = tempfile::tempdir().expect("a folder");
    let problem = dir.path().join("problem.toml");
    let good = root().join("tests/broken/good.yaml");
    let text = format!(
        "schema = 1\nbase = {{ manifests = [{good:?}] }}\ngoal = {{ failed = 0 }}\nreplications = 5\n\
         cost = {{ duration_s = 1 }}\n[[setting]]\npath = \"preStop.sleep.seconds\"\nfrom = 0\nto = 1e18\n"
    );
    std::fs::write(&problem, text).expect("written");
    let message = refused(&["optimize", problem.to_str().expect("text")]);
    assert!(message.contains("most of the settings cannot be run"), "{message}");
    assert!(message.contains("value out of range"), "{message}");
}
