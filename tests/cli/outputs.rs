//! Whatever a command writes: it replaces its own earlier output and nothing else, and says so before it
//! simulates anything.

use assert_cmd::Command;
use std::path::{Path, PathBuf};

const NOTES: &str = "a person's notes\n";

/// A command with its input in `folder`, and the options that name outputs.
struct Case {
    arguments: Vec<String>,
    input: PathBuf,
    options: &'static [&'static str],
}

fn rollsim(folder: &Path) -> Command {
    let mut command = Command::cargo_bin("rollsim").expect("the binary of this package");
    command.current_dir(folder);
    command
}

fn measured() -> String {
    format!("{}/tests/validation/slow3-exit", env!("CARGO_MANIFEST_DIR"))
}

fn file(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, text).expect("written");
    path
}

fn searched(kind: &str) -> String {
    let head = format!("schema = 1\nbase = {{ scenario = '{}' }}\nreplications = 3\n", measured());
    let axis = |path: &str, from: u32, to: u32| {
        format!("[[{kind}]]\npath = '{path}'\nfrom = {from}\nto = {to}\nstep = 5\n")
    };
    let (sleep, grace) = ("preStop.sleep.seconds", "terminationGracePeriodSeconds");
    let goal = if kind == "setting" { "goal = { failed = 1000 }\n" } else { "" };
    format!("{head}{goal}{}{}", axis(sleep, 0, 5), axis(grace, 20, 25))
}

fn cases(folder: &Path) -> Vec<Case> {
    let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<String>>();
    let manifest = std::fs::read_to_string(format!("{}/manifest.yaml", measured())).expect("there");
    let case = |command: &str, input: PathBuf, options| {
        let mut arguments = words(command);
        arguments.push(input.display().to_string());
        Case { arguments, input, options }
    };
    vec![
        case(
            "run --replications 2",
            file(folder, "web.yaml", &manifest),
            &["--output", "--report", "--trace"],
        ),
        case("sweep --threads 1", file(folder, "plan.toml", &searched("axis")), &["--report"]),
        case(
            "optimize --threads 1",
            file(folder, "problem.toml", &searched("setting")),
            &["--report", "--patch"],
        ),
        case(
            "frontier --threads 1",
            file(folder, "border.toml", &searched("setting")),
            &["--report"],
        ),
        case(
            "validate --replications 2 --format json",
            PathBuf::from(measured()),
            &["--output", "--report"],
        ),
        case("calibrate", PathBuf::from(measured()), &["--output"]),
    ]
}

fn read(path: &Path) -> Option<String> {
    std::fs::read_to_string(path).ok()
}

/// Exit code 2 with a word about the option, nothing on standard output, and `path` as it was.
fn refused(case: &Case, folder: &Path, more: &[&str], path: &Path) {
    let before = read(path);
    let assert = rollsim(folder).args(&case.arguments).args(more).assert().code(2);
    let output = assert.get_output();
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(message.contains(more[0]), "{:?} {more:?}: {message}", case.arguments);
    assert!(output.stdout.is_empty(), "{:?} {more:?}: simulated first", case.arguments);
    assert_eq!(read(path), before, "{:?} {more:?}", case.arguments);
}

#[test]
fn nothing_is_replaced_but_ones_own() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    for (i, case) in cases(folder).iter().enumerate() {
        for option in case.options {
            let input = case.input.to_str().expect("text");
            refused(case, folder, &[option, input], &case.input);
            let notes = file(folder, "notes.txt", NOTES);
            refused(case, folder, &[option, "notes.txt"], &notes);
            refused(case, folder, &[option, "./notes.txt"], &notes);
            let new = format!("new-{i}{option}.html");
            for _ in 0..2 {
                let _ = std::fs::remove_dir_all(folder.join("plan.sweep"));
                let done =
                    rollsim(folder).args(&case.arguments).args([option, new.as_str()]).output();
                let done = done.expect("it runs");
                let message = String::from_utf8_lossy(&done.stderr);
                // 1: the measured case fails its comparison with so few runs.
                assert!(matches!(done.status.code(), Some(0 | 1)), "{option}: {message}");
                assert!(folder.join(&new).exists() || *option == "--patch", "{option}: {message}");
            }
        }
    }
}

#[test]
fn links_and_other_outputs_are_seen() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let run = &cases(folder)[0];
    std::os::unix::fs::symlink(&run.input, folder.join("link.yaml")).expect("a link");
    for option in run.options {
        refused(run, folder, &[option, "link.yaml"], &run.input);
    }
    let twice = ["--trace", "same", "--output", "same"];
    refused(run, folder, &twice, &folder.join("same"));
    refused(
        run,
        folder,
        &["--report", "same.html", "--output", "./same.html"],
        &folder.join("same.html"),
    );
}

#[test]
fn a_folder_is_a_reports_own_or_free() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let run = &cases(folder)[0];
    for name in ["index.html", "answer.json"] {
        let site = folder.join(format!("site-{name}"));
        std::fs::create_dir(&site).expect("a folder");
        let taken = file(&site, name, "<html>the company's</html>");
        refused(run, folder, &["--report", site.to_str().expect("text")], &taken);
    }
    for _ in 0..2 {
        rollsim(folder).args(&run.arguments).args(["--report", "report"]).assert().success();
    }
    assert!(folder.join("report/index.html").exists());
}

#[test]
fn a_sweep_leaves_the_results_of_others_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let sweep = &cases(folder)[1];
    for name in ["results.csv", "results.jsonl", "results.parquet"] {
        let out = folder.join(format!("out-{name}"));
        std::fs::create_dir(&out).expect("a folder");
        let taken = file(&out, name, NOTES);
        refused(sweep, folder, &["--out", out.to_str().expect("text")], &taken);
    }
}
