//! Whole sweeps with a closed-form evaluator: equal bytes for any number of threads, shards and
//! interruptions; nothing finished is ever lost.

use rollsim::sweep::{
    Ended, Evaluate, Figures, Format, JOURNAL, JournalReader, Nothing, Plan, Sensitivity, Shard,
    Sweep, SweepSummary, Unwatched, Value, Watch,
};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::ops::Range;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// Loses (10 - preStop) x surge requests, give or take one by luck; grace 13 cannot be run.
struct Fake {
    pause: Duration,
}

impl Evaluate for Fake {
    fn evaluate(
        &self,
        point: &[Value],
        replications: Range<u32>,
        seed: u64,
    ) -> Result<Vec<Figures>, String> {
        std::thread::sleep(self.pause);
        let number = |i: usize| point[i].number().unwrap_or(0.0);
        let (pre_stop, grace, surge) = (number(0), number(1), number(2));
        if grace == 13.0 {
            return Err("grace 13 brings \"bad luck\", here".into());
        }
        let one = |replication: u32| {
            let luck = rollsim::engine::Seed(seed).uniform("luck", u64::from(replication));
            let failed = ((10.0 - pre_stop) * surge + (luck - 0.5) * 2.0).max(0.0);
            Figures {
                digest: luck.to_bits() ^ pre_stop.to_bits(),
                sent: 1000.0,
                failed,
                probability_none: f64::from(u8::from(failed == 0.0)),
                duration_s: Some(60.0 + 3.0 * pre_stop + luck),
                peak_pods: 3 + surge as u32,
                surge_pod_seconds: 60.0 * surge,
                ..Figures::default()
            }
        };
        Ok(replications.map(one).collect())
    }

    fn fingerprint(&self) -> u64 {
        7
    }
}

const FAKE: Fake = Fake { pause: Duration::ZERO };

/// 12 x 20 x 4 points, some dropped, some with an error, some that need more replications.
const PLAN: &str = "schema = 1
base = { scenario = 'fake.toml' }
constraints = ['grace > preStop']
replications = 12
precision = { figure = 'failed', absolute = 0.15, max_replications = 60 }
[[axis]]
path = 'app.preStop'
from = 0
to = 11
step = 1
[[axis]]
path = 'app.grace'
from = 1
to = 20
step = 1
[[axis]]
path = 'app.maxSurge'
name = 'surge'
values = [0, 0.5, 1, 2]
";

fn plan() -> Plan {
    Plan::parse("plan.toml", PLAN).unwrap()
}

fn sweep<'a>(plan: &'a Plan, directory: &'a Path, shard: Option<Shard>) -> Sweep<'a> {
    Sweep { plan, text: PLAN, evaluator: &FAKE, directory, shard }
}

fn complete(sweep: &Sweep<'_>, resume: bool) {
    match sweep.run(resume, &AtomicBool::new(false), &Unwatched).unwrap() {
        Ended::Complete(counts) => sweep.finish(&counts, &Format::ALL, &mut Nothing).unwrap(),
        other => panic!("{other:?}"),
    }
}

/// Every file of a directory, by name; shards' own directories aside.
fn files(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    std::fs::read_dir(directory)
        .unwrap()
        .map(|e| e.unwrap())
        .filter(|e| e.file_type().unwrap().is_file())
        .map(|e| (e.file_name().into_string().unwrap(), std::fs::read(e.path()).unwrap()))
        .collect()
}

/// What an uninterrupted run with one thread writes.
fn expected() -> BTreeMap<String, Vec<u8>> {
    let directory = tempfile::tempdir().unwrap();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    pool.install(|| complete(&sweep(&plan(), directory.path(), None), false));
    files(directory.path())
}

#[test]
fn the_results_are_what_they_should_be() {
    let found = expected();
    let names: Vec<&str> = found.keys().map(String::as_str).collect();
    assert_eq!(names, ["manifest.json", "results.csv", "results.jsonl", "results.parquet"]);
    let csv = String::from_utf8(found["results.csv"].clone()).unwrap();
    let lines: Vec<&str> = csv.lines().collect();
    // Of 12 x 20 pairs, those with grace above preStop: 20 + 19 + ... + 9 = 174.
    assert_eq!(lines.len(), 1 + 174 * 4);
    assert!(lines[0].starts_with("point,preStop,grace,surge,replications,capped,sent,failed,"));
    assert!(lines[1].starts_with("0,0,1,0,"), "{}", lines[1]);
    assert_eq!(csv.matches("grace 13 brings \"\"bad luck\"\", here").count(), 12 * 4);
    let manifest: serde_json::Value = serde_json::from_slice(&found["manifest.json"]).unwrap();
    assert_eq!(manifest["points"]["dropped"], (240 - 174) * 4);
    assert_eq!(manifest["constraints"][0]["dropped"], (240 - 174) * 4);
    assert_eq!(manifest["points"]["run"], 174 * 4);
    let mut rows = csv.lines().skip(1).filter(|l| !l.contains("brings"));
    let replications: Vec<u32> =
        rows.by_ref().map(|l| l.split(',').nth(4).unwrap().parse().unwrap()).collect();
    assert!(replications.iter().all(|n| (12..=60).contains(n)));
    assert!(replications.iter().any(|n| *n > 12), "the precision asks for more somewhere");
}

#[test]
fn threads_do_not_change_a_byte() {
    let expected = expected();
    for threads in [2, 7] {
        let directory = tempfile::tempdir().unwrap();
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| complete(&sweep(&plan(), directory.path(), None), false));
        assert_eq!(files(directory.path()), expected, "{threads} threads");
    }
}

#[test]
fn shards_merge_into_the_bytes_of_one_run() {
    let expected = expected();
    let plan = plan();
    for count in [1, 3, 8] {
        let directory = tempfile::tempdir().unwrap();
        let whole = sweep(&plan, directory.path(), None);
        for index in (0..count).rev() {
            let error = whole.merge(&Format::ALL, &mut Nothing).unwrap_err().to_string();
            assert!(error.contains("missing") || error.contains("holds no shard"), "{error}");
            let shard = Some(Shard::new(index, count).unwrap());
            complete(&sweep(&plan, directory.path(), shard), false);
        }
        whole.merge(&Format::ALL, &mut Nothing).unwrap();
        assert_eq!(files(directory.path()), expected, "{count} shards");
    }
}

#[test]
fn an_unfinished_shard_is_not_merged() {
    let directory = tempfile::tempdir().unwrap();
    let plan = plan();
    for index in 0..2 {
        complete(&sweep(&plan, directory.path(), Some(Shard::new(index, 2).unwrap())), false);
    }
    let journal = directory.path().join("shard-1-of-2").join(JOURNAL);
    let bytes = std::fs::read(&journal).unwrap();
    std::fs::write(&journal, &bytes[..bytes.len() / 2]).unwrap();
    let whole = sweep(&plan, directory.path(), None);
    let error = whole.merge(&Format::ALL, &mut Nothing).unwrap_err().to_string();
    assert!(error.contains("is missing: a run is not finished"), "{error}");
    assert!(!directory.path().join("results.csv").exists());
}

#[test]
fn a_finished_sweep_is_neither_overwritten_nor_run_again() {
    let directory = tempfile::tempdir().unwrap();
    let plan = plan();
    let sweep = sweep(&plan, directory.path(), None);
    complete(&sweep, false);
    let before = files(directory.path());
    let stop = AtomicBool::new(false);
    let error = sweep.run(false, &stop, &Unwatched).unwrap_err().to_string();
    assert!(error.contains("--resume"), "{error}");
    assert_eq!(sweep.run(true, &stop, &Unwatched).unwrap(), Ended::Before);
    let mut other = plan.clone();
    other.seed = 2;
    let other = Sweep { plan: &other, ..sweep };
    let error = other.run(true, &stop, &Unwatched).unwrap_err().to_string();
    assert!(error.contains("belongs to another sweep"), "{error}");
    assert_eq!(files(directory.path()), before);
}

/// The summary of a sweep of `text` with the closed-form evaluator.
fn summary(text: &str) -> SweepSummary {
    let plan = Plan::parse("plan.toml", text).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let evaluator = &FAKE;
    let sweep = Sweep { plan: &plan, text, evaluator, directory: directory.path(), shard: None };
    let mut summary = SweepSummary::new(&plan);
    match sweep.run(false, &AtomicBool::new(false), &Unwatched).unwrap() {
        Ended::Complete(counts) => sweep.finish(&counts, &[], &mut summary).unwrap(),
        other => panic!("{other:?}"),
    }
    summary
}

#[test]
fn the_summary_names_the_best_and_what_matters() {
    let found = summary(PLAN);
    assert_eq!((found.points, found.errors), (174 * 4, 48));
    assert!(found.first_error.as_ref().unwrap().contains("bad luck"));
    // Of the points that lose nothing, preStop 11 always does; the fewest seconds come first. Surge 0 loses
    // up to one by luck.
    let best = &found.best[0];
    assert_eq!(best.settings[0], Value::Int(11));
    assert_eq!(best.summary.failed_max, 0.0);
    assert_eq!(found.best.len(), 10);
    let trades: Vec<(f64, f64)> = found
        .front
        .iter()
        .map(|p| (p.summary.failed.value, p.summary.duration_s.unwrap().value))
        .collect();
    assert!(trades.windows(2).all(|w| w[0].0 <= w[1].0), "{trades:?}");
    let Sensitivity::Main(effects) = found.sensitivity() else { panic!("a grid") };
    assert!(effects[0].share > 0.2 && effects[2].share > 0.2 && effects[1].share < 0.05);
    assert_eq!(effects[0].levels.len(), 12);
}

/// With surge 1 and no floor in reach, losses fall by 1 per second of preStop over 8 seconds.
#[test]
fn screening_designs_find_the_effects() {
    let axes = "[[axis]]\npath = 'a.preStop'\nfrom = 0.0\nto = 8.0\n\
        [[axis]]\npath = 'a.grace'\nfrom = 20.0\nto = 40.0\n\
        [[axis]]\npath = 'a.surge'\nfrom = 1.0\nto = 1.0\n";
    let head = "schema = 1\nbase = { scenario = 'x' }\nreplications = 4\n";
    let morris = format!("{head}design = {{ kind = 'morris', trajectories = 12 }}\n{axes}");
    let Sensitivity::Morris(effects) = summary(&morris).sensitivity() else { panic!("Morris") };
    assert!((effects[0].mean + 8.0).abs() < 1e-9, "{effects:?}");
    assert_eq!((effects[1].mean_absolute, effects[0].trajectories), (0.0, 12));
    let sobol = format!("{head}design = {{ kind = 'sobol-indices', blocks = 64 }}\n{axes}");
    let Sensitivity::Sobol(indices) = summary(&sobol).sensitivity() else { panic!("Sobol") };
    assert!(indices[0].total > 0.95 && indices[1].total < 1e-9, "{indices:?}");
}

/// Stops after so many points.
struct StopAfter {
    left: std::sync::atomic::AtomicI64,
    stop: AtomicBool,
}

impl Watch for StopAfter {
    fn begin(&self, _: u64, _: u64) {}
    fn point(&self, _: u32) {
        use std::sync::atomic::Ordering::Relaxed;
        if self.left.fetch_sub(1, Relaxed) <= 1 {
            self.stop.store(true, Relaxed);
        }
    }
}

#[test]
fn asked_to_stop_it_goes_on_later() {
    let directory = tempfile::tempdir().unwrap();
    let plan = plan();
    let sweep = sweep(&plan, directory.path(), None);
    let mut before = 0;
    loop {
        let watch = StopAfter { left: 150.into(), stop: AtomicBool::new(false) };
        match sweep.run(true, &watch.stop, &watch).unwrap() {
            Ended::Stopped { done, points } => {
                assert!(done >= before + 150 && done < points, "{done} of {points}");
                before = done;
            }
            Ended::Complete(counts) => {
                sweep.finish(&counts, &Format::ALL, &mut Nothing).unwrap();
                break;
            }
            Ended::Before => panic!("not finished before"),
        }
    }
    assert_eq!(files(directory.path()), expected());
}

/// A plan of so many points.
fn line_plan(points: u64) -> String {
    format!(
        "schema = 1\nbase = {{ scenario = 'x' }}\nreplications = 10\n\
         [[axis]]\npath = 'a.preStop'\nfrom = 1\nto = {points}\nstep = 1\n\
         [[axis]]\npath = 'a.grace'\nvalues = [1]\n[[axis]]\npath = 'a.surge'\nvalues = [1]\n"
    )
}

/// Not a test of its own: with SWEEP_MEMORY set to a number of points, sweeps them and tells the largest
/// resident size in kB.
#[test]
fn memory_child() {
    let Ok(points) = std::env::var("SWEEP_MEMORY") else { return };
    let text = line_plan(points.parse().unwrap());
    let plan = Plan::parse("plan.toml", &text).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let sweep = Sweep {
        plan: &plan,
        text: &text,
        evaluator: &FAKE,
        directory: directory.path(),
        shard: None,
    };
    complete(&sweep, false);
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).unwrap();
    eprintln!("peak={}", peak.trim().trim_end_matches(" kB"));
}

fn peak_kb(points: u64) -> u64 {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "sweep::memory_child", "--nocapture"])
        .env("SWEEP_MEMORY", points.to_string())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let peak = text.lines().find_map(|l| l.split("peak=").nth(1));
    peak.unwrap_or_else(|| panic!("{text}")).parse().unwrap()
}

/// Fifteen times the points need only the places of their rows (some 50 bytes each) and nothing else. Both
/// have more rows than a group of a Parquet file.
#[cfg(target_os = "linux")]
#[test]
fn memory_stays_flat() {
    let (few, many) = (peak_kb(20_000), peak_kb(100_000));
    assert!(many < few + 16_000, "{few} kB for 20,000 points, {many} kB for 100,000");
    assert!(many < 100_000, "{many} kB");
}

/// Not a test of its own: with SWEEP_CHILD set, runs the sweep there in this process, for its parent to
/// kill. Writes a byte to standard error for every point that it says is finished.
#[test]
fn child() {
    let Some(directory) = std::env::var_os("SWEEP_CHILD") else { return };
    let plan = plan();
    let fake = Fake { pause: Duration::from_micros(300) };
    let sweep = Sweep {
        plan: &plan,
        text: PLAN,
        evaluator: &fake,
        directory: directory.as_ref(),
        shard: None,
    };
    struct Tell;
    impl Watch for Tell {
        fn begin(&self, _: u64, _: u64) {}
        fn point(&self, _: u32) {
            std::io::stderr().write_all(b".").expect("the parent listens");
        }
    }
    let end = sweep.run(true, &AtomicBool::new(false), &Tell).and_then(|end| match end {
        Ended::Complete(counts) => sweep.finish(&counts, &Format::ALL, &mut Nothing),
        _ => Ok(()),
    });
    let code = match end {
        Ok(()) => 0,
        Err(e) if e.to_string().contains("File too large") => 3,
        Err(_) => 4,
    };
    std::process::exit(code);
}

fn start_child(directory: &Path, limit_blocks: Option<u32>) -> Child {
    let limit = limit_blocks.map_or("unlimited".into(), |l| l.to_string());
    let script =
        format!("trap '' XFSZ; ulimit -f {limit}; exec \"$0\" --exact sweep::child --nocapture");
    Command::new("sh")
        .args(["-c", &script])
        .arg(std::env::current_exe().unwrap())
        .env("SWEEP_CHILD", directory)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Numbers of the rows in the journal; None: the journal is gone, since the results are written.
fn journalled(directory: &Path) -> Option<Vec<u64>> {
    let path = directory.join(JOURNAL);
    if directory.join("manifest.json").exists() && !path.exists() {
        return None;
    }
    match JournalReader::open(&path) {
        Ok(reader) => Some(reader.places.iter().map(|p| p.index).collect()),
        // Killed before there was a whole header.
        Err(_) => Some(vec![]),
    }
}

fn is_superset(all: &[u64], some: &[u64]) -> bool {
    some.iter().all(|i| all.binary_search(i).is_ok())
}

#[test]
fn fifty_kills_lose_nothing() {
    let expected = expected();
    let mut rng = rollsim::engine::Seed(50).stream("kill", 0);
    let (mut kills, mut finished) = (0, 0);
    while kills < 50 {
        let directory = tempfile::tempdir().unwrap();
        let mut before = Vec::new();
        loop {
            let mut child = start_child(directory.path(), None);
            std::thread::sleep(Duration::from_micros(3_000 + rng.below(60_000)));
            let was_over = child.try_wait().unwrap().is_some();
            child.kill().unwrap();
            child.wait().unwrap();
            let mut told = Vec::new();
            child.stderr.take().unwrap().read_to_end(&mut told).unwrap();
            let Some(now) = journalled(directory.path()) else { break };
            assert!(is_superset(&now, &before), "rows of an earlier run are gone");
            let told = told.iter().filter(|b| **b == b'.').count();
            assert!(
                now.len() >= before.len() + told,
                "{told} told, {} new",
                now.len() - before.len()
            );
            kills += u32::from(!was_over);
            before = now;
        }
        assert_eq!(files(directory.path()), expected, "after {kills} kills");
        finished += 1;
    }
    assert!(finished >= 1);
}

/// The file-size limit stands for a disk that is full at that point: in the journal (twice, with a torn
/// line), then in the result files.
#[test]
fn a_full_disk_loses_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let mut before = Vec::new();
    let mut failures = 0;
    for blocks in [1, 17, 90, 230, 100_000] {
        let status = start_child(directory.path(), Some(blocks)).wait().unwrap();
        let Some(now) = journalled(directory.path()) else {
            assert_eq!(status.code(), Some(0));
            break;
        };
        assert_eq!(status.code(), Some(3), "at {blocks} blocks");
        assert!(is_superset(&now, &before) && now.len() > before.len() || failures > 0);
        before = now;
        failures += 1;
    }
    assert!(failures >= 3);
    assert_eq!(files(directory.path()), expected());
}
