//! `rollsim sweep`, `merge`, `optimize` and `frontier` on a measured case: two pods that answer after 3 s and
//! exit on SIGTERM.

use assert_cmd::Command;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

fn case() -> String {
    format!("{}/tests/validation/slow3-exit", env!("CARGO_MANIFEST_DIR"))
}

fn rollsim(folder: &Path) -> Command {
    let mut command = Command::cargo_bin("rollsim").unwrap();
    command.current_dir(folder);
    for name in ["JOB_COMPLETION_INDEX", "SLURM_ARRAY_TASK_ID", "AWS_BATCH_JOB_ARRAY_INDEX"] {
        command.env_remove(name);
    }
    command
}

fn folder(file: &str, text: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(file), text).unwrap();
    folder
}

fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    std::fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap())
        .filter(|e| e.file_type().unwrap().is_file())
        .map(|e| (e.file_name().into_string().unwrap(), std::fs::read(e.path()).unwrap()))
        .collect()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn plan(points: u32) -> String {
    format!(
        "schema = 1\nname = 'slow'\nbase = {{ scenario = '{}' }}\nevaluator = 'exact'\n\
         replications = 5\nconstraints = ['grace >= preStop']\n\
         [[axis]]\npath = 'preStop.sleep.seconds'\nname = 'preStop'\nfrom = 1\nto = {points}\nstep = 1\n\
         [[axis]]\npath = 'terminationGracePeriodSeconds'\nname = 'grace'\nvalues = [5, 30]\n\
         [[axis]]\npath = 'maxSurge'\nvalues = [1, '100%']\n",
        case()
    )
}

/// 1250 points.
fn many_points() -> String {
    plan(25).replace("values = [5, 30]", "from = 25\nto = 49\nstep = 1")
}

#[test]
fn threads_shards_and_one_run_give_the_same_bytes() {
    let folder = folder("plan.toml", &plan(8));
    let at = folder.path();
    let whole = rollsim(at).args(["sweep", "plan.toml", "--threads", "1"]).assert().success();
    let shown = text(&whole.get_output().stdout);
    assert!(shown.starts_with("26 points of 32, "), "{shown}");
    assert!(shown.contains("6 dropped: not grace >= preStop"), "{shown}");
    let expected = files(&at.join("plan.sweep"));
    assert_eq!(expected.len(), 4);
    rollsim(at).args(["sweep", "plan.toml", "--threads", "3", "--out", "b"]).assert().success();
    assert_eq!(files(&at.join("b")), expected);
    rollsim(at).args(["sweep", "plan.toml", "--shard", "0/2", "--out", "c"]).assert().success();
    rollsim(at)
        .args(["sweep", "plan.toml", "--out", "c"])
        .envs([("SLURM_ARRAY_TASK_ID", "2"), ("SLURM_ARRAY_TASK_MIN", "1")])
        .env("SLURM_ARRAY_TASK_COUNT", "2")
        .assert()
        .success();
    let merged = rollsim(at).args(["merge", "plan.toml", "--out", "c"]).assert().success();
    assert_eq!(files(&at.join("c")), expected);
    assert_eq!(text(&merged.get_output().stdout), shown.replace("plan.sweep", "c"));
}

#[test]
fn mistakes_end_with_status_2_before_anything_runs() {
    let folder = folder("plan.toml", &plan(2).replace("maxSurge", "maxSurgee"));
    let at = folder.path();
    let error = rollsim(at).args(["sweep", "plan.toml"]).assert().code(2);
    let shown = text(&error.get_output().stderr);
    assert!(shown.contains("maxSurgee") && shown.contains("did you mean"), "{shown}");
    assert!(!at.join("plan.sweep").exists());
    std::fs::write(at.join("plan.toml"), plan(2)).unwrap();
    rollsim(at).args(["sweep", "plan.toml"]).assert().success();
    let error = rollsim(at).args(["sweep", "plan.toml"]).assert().code(2);
    assert!(text(&error.get_output().stderr).contains("--resume"));
    let other =
        rollsim(at).args(["sweep", "plan.toml", "--resume", "--seed", "7"]).assert().code(2);
    assert!(text(&other.get_output().stderr).contains("belongs to another sweep"));
    rollsim(at).args(["sweep", "plan.toml", "--precision", "lost=1"]).assert().code(2);
    rollsim(at).args(["merge", "plan.toml", "--out", "nowhere"]).assert().code(2);
}

/// The real binary, stopped by a signal after a random time, until it has been stopped so often; then it is
/// let through. No line of the journal may ever be gone, and the results are those of one run.
#[cfg(unix)]
fn interrupted(signal: &'static str, times: u32) {
    let folder = folder("plan.toml", &many_points());
    let at = folder.path();
    rollsim(at).args(["sweep", "plan.toml", "--out", "whole"]).assert().success();
    let expected = files(&at.join("whole"));
    let mut rng = rollsim::engine::Seed(3).stream(signal, 0);
    let (mut rows, mut stopped, mut whole) = (0, 0, 0);
    while stopped < times {
        let mut child = std::process::Command::new(assert_cmd::cargo::cargo_bin!("rollsim"))
            .args(["sweep", "plan.toml", "--out", "part", "--resume", "--threads", "1"])
            .current_dir(at)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(5 + rng.below(40)));
        let id = child.id().to_string();
        let sent = std::process::Command::new("kill").args([signal, &id]).status().unwrap();
        assert!(sent.success());
        if child.wait().unwrap().success() {
            // It was through before the signal came.
            assert_eq!(files(&at.join("part")), expected);
            std::fs::remove_dir_all(at.join("part")).unwrap();
            (rows, whole) = (0, whole + 1);
            continue;
        }
        stopped += 1;
        let journal = std::fs::read(at.join("part/journal.jsonl")).unwrap_or_default();
        let now = journal.iter().filter(|b| **b == b'\n').count();
        let written = now == 0 && at.join("part/manifest.json").exists();
        assert!(now >= rows || written, "{rows} rows before, {now} now");
        rows = now;
    }
    rollsim(at).args(["sweep", "plan.toml", "--out", "part", "--resume"]).assert().success();
    assert_eq!(files(&at.join("part")), expected, "{stopped} interruptions, {whole} whole runs");
}

#[cfg(unix)]
#[test]
fn ctrl_c_loses_nothing() {
    interrupted("-INT", 20);
}

#[cfg(unix)]
#[test]
fn fifty_kills_of_the_program_lose_nothing() {
    interrupted("-KILL", 50);
}

/// A file system of its own that is full, in a mount namespace of its own; it grows until the sweep is
/// through. Needs the right to mount.
#[cfg(target_os = "linux")]
#[test]
fn a_full_file_system_loses_nothing() {
    let folder = folder("plan.toml", &many_points());
    let at = folder.path();
    rollsim(at).args(["sweep", "plan.toml", "--out", "whole"]).assert().success();
    std::fs::create_dir(at.join("disk")).unwrap();
    let script = r#"
        mount -t tmpfs -o size=16k none disk || exit 77
        for kib in 16 64 256 512 1024 4096; do
            mount -o remount,size=${kib}k disk || exit 77
            if "$0" sweep plan.toml --out disk/out --resume 2> error; then
                cp -r disk/out part && exit 0
            fi
            grep -q "No space left" error || { cat error >&2; exit 1; }
            lines=$(wc -l < disk/out/journal.jsonl)
            echo "full $lines"
        done
        exit 1
    "#;
    let output = std::process::Command::new("unshare")
        .args(["-m", "sh", "-c", script])
        .arg(assert_cmd::cargo::cargo_bin!("rollsim"))
        .current_dir(at)
        .output();
    let Ok(output) = output else { return };
    let shown = text(&output.stdout);
    if output.status.code() == Some(77) || text(&output.stderr).contains("unshare") {
        eprintln!("no right to mount: not tried on a full file system");
        return;
    }
    assert!(output.status.success(), "{shown}{}", text(&output.stderr));
    let rows: Vec<u32> =
        shown.lines().filter_map(|l| l.strip_prefix("full ")?.trim().parse().ok()).collect();
    assert!(rows.len() >= 3 && rows.is_sorted(), "{rows:?}");
    assert_eq!(files(&at.join("part")), files(&at.join("whole")));
}

const PROBLEM: &str = "
goal = { failed = 0 }
cost = { surge_pod_seconds = 1 }
replications = 10
evaluator = 'exact'
constraints = ['grace >= preStop']
[[setting]]
path = 'preStop.sleep.seconds'
name = 'preStop'
from = 1
to = 12
[[setting]]
path = 'terminationGracePeriodSeconds'
name = 'grace'
from = 6
to = 34
";

fn problem() -> tempfile::TempDir {
    let head = format!("schema = 1\nbase = {{ scenario = '{}' }}\n", case());
    folder("problem.toml", &(head + PROBLEM))
}

/// A request takes 3 s, and the endpoint is gone about a second after the pod is deleted: a preStop between
/// 4 and 7 s is needed, and the grace period of 30 s may stay.
#[test]
fn the_patch_of_the_optimum_loses_nothing() {
    let folder = problem();
    let at = folder.path();
    let found = rollsim(at).args(["optimize", "problem.toml", "--patch", "p.yaml"]).assert();
    let shown = text(&found.success().get_output().stdout);
    assert!(shown.starts_with("Cheapest settings that meet the goal: preStop = "), "{shown}");
    let patch = std::fs::read_to_string(at.join("p.yaml")).unwrap();
    let patch: yaml_serde::Value = yaml_serde::from_str(&patch).unwrap();
    assert_eq!(patch["kind"].as_str(), Some("Deployment"));
    assert_eq!(patch["metadata"]["name"].as_str(), Some("web"));
    let pod = &patch["spec"]["template"]["spec"];
    assert!(pod.get("terminationGracePeriodSeconds").is_none(), "it makes no difference: {shown}");
    let container = &pod["containers"][0];
    assert_eq!(container["name"].as_str(), Some("app"));
    let seconds = container["lifecycle"]["preStop"]["sleep"]["seconds"].as_i64().unwrap();
    assert!((4..=7).contains(&seconds), "{seconds}");
    let loses = |seconds: i64| {
        let set = format!("preStop.sleep.seconds={seconds}");
        let args = ["run", &case(), "--set", &set, "--seed", "99", "--fail-on-loss", "0.001"];
        rollsim(at).args(args).output().unwrap().status.code() == Some(1)
    };
    assert!(!loses(seconds) && loses(2));
}

#[test]
fn the_boundary_is_drawn() {
    let folder = problem();
    let found = rollsim(folder.path())
        .args(["frontier", "problem.toml", "--x", "grace", "--y", "preStop", "--columns", "8"])
        .assert()
        .success();
    let shown = text(&found.get_output().stdout);
    let map: Vec<&str> = shown.lines().filter(|l| l.contains('│')).collect();
    assert_eq!(map.len(), 12, "{shown}");
    assert!(map[11].trim_start().starts_with("1 │########"), "{shown}");
    assert!(map[0].ends_with("......"), "{shown}");
    assert!(map[0].contains("12 │ "), "grace 6 and 10 do not allow a preStop of 12: {shown}");
}
