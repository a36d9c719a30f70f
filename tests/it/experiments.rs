//! Every folder of `experiments/`: it runs, what was published comes out, and the answer stays the same.
//!
//! `expect.toml` says what to expect (its format is described in `experiments/README.md`); `golden.txt` pins
//! the answer, and `UPDATE_GOLDEN=1 cargo test --test it experiments` rewrites it.

mod expect;
mod figures;
mod pages;

use expect::{Compare, Expect, Step};
use figures::Run;
use rollsim::input::{Input, Source};
use rollsim::run::{RunOptions, run};
use rollsim::scenario::Scenario;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// A folder with the runs of its steps.
pub(super) struct Experiment {
    folder: PathBuf,
    expect: Expect,
    pub(super) runs: Vec<Run>,
}

/// All experiments by folder name, run once for all tests.
pub(super) static ALL: LazyLock<BTreeMap<String, Experiment>> = LazyLock::new(|| {
    let experiment = |folder: PathBuf| {
        let expect = Expect::read(&folder);
        let replications = expect.replications;
        let runs = expect.step.iter().map(|step| of_step(&folder, step, replications)).collect();
        (name_of(&folder), Experiment { folder, expect, runs })
    };
    folders().into_iter().map(experiment).collect()
});

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments")
}

/// All but the plans, which sweep over the others (see `tests/cli/plans.rs`).
fn folders() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root()).expect("the folder experiments");
    let mut folders: Vec<PathBuf> = entries.map(|e| e.expect("readable").path()).collect();
    folders.retain(|p| p.is_dir() && !p.ends_with("plans"));
    folders.sort();
    folders
}

fn name_of(folder: &Path) -> String {
    folder.file_name().expect("a name").to_string_lossy().into_owned()
}

/// The folder's scenario with the settings of a step.
fn scenario(folder: &Path, step: &Step) -> Scenario {
    let place = format!("{}, step {:?}", name_of(folder), step.name);
    let source = Source::Path(folder.to_path_buf());
    let mut input = Input::load(&[source]).unwrap_or_else(|e| panic!("{place}: {e}"));
    for setting in &step.set {
        let (path, value) = setting.split_once('=').expect("KEY=VALUE");
        input.set(path, value).unwrap_or_else(|e| panic!("{place}: {e}"));
    }
    input.lower().unwrap_or_else(|e| panic!("{place}: {e}"))
}

fn of_step(folder: &Path, step: &Step, replications: u32) -> Run {
    let scenario = scenario(folder, step);
    let keep_timelines = replications;
    let options = RunOptions { replications, keep_timelines, ..RunOptions::default() };
    let replications = run(&scenario, &options);
    Run { scenario, replications }
}

#[test]
fn what_was_published_comes_out() {
    let mut problems = Vec::new();
    for (name, experiment) in ALL.iter() {
        for (step, run) in experiment.expect.step.iter().zip(&experiment.runs) {
            let found = check(name, step, run);
            problems.extend(found.into_iter().map(|p| format!("{name}, {}: {p}", step.name)));
        }
    }
    assert!(problems.is_empty(), "{} expectations fail:\n{}", problems.len(), problems.join("\n"));
}

/// What of a step does not come out as expected.
fn check(folder: &str, step: &Step, run: &Run) -> Vec<String> {
    let mut problems = Vec::new();
    for (figure, range) in &step.range {
        let (low, high) = range.bounds();
        match run.figure(figure) {
            Some(x) if (low..=high).contains(&x) => {}
            found => problems.push(format!("{figure} is {found:?}, expected {low} to {high}")),
        }
    }
    for (figure, seen) in &step.one_run {
        let values = run.values(figure);
        let share = |side: fn(&f64, &f64) -> bool| {
            values.iter().filter(|x| side(x, seen)).count() as f64 / values.len().max(1) as f64
        };
        let (below, above) = (share(f64::le), share(f64::ge));
        if below.min(above) < 0.025 {
            let shares = format!("{below:.3} of rollouts show as little, {above:.3} as much");
            problems.push(format!("{figure} was {seen} in one run: {shares}"));
        }
    }
    let order = run.order_of(&step.order);
    if order != step.order {
        problems.push(format!("failures come in the order {order:?}, expected {:?}", step.order));
    }
    problems.extend(step.compare.iter().filter_map(|c| compare(folder, c, run)));
    problems
}

/// What differs from what the comparison expects.
fn compare(folder: &str, compare: &Compare, run: &Run) -> Option<String> {
    let (other, step) = compare.place(folder);
    let Some(experiment) = ALL.get(other) else { return Some(format!("no experiment {other}")) };
    let index = experiment.expect.step.iter().position(|s| s.name == step);
    let index = if step.is_empty() { Some(0) } else { index };
    let Some(index) = index else { return Some(format!("{other} has no step {step}")) };
    let Compare { figure, is, than, by } = compare;
    let (this, that) = (run.figure(figure), experiment.runs[index].figure(figure));
    match (this, that) {
        (Some(a), Some(b)) if is.holds(a, b, *by) => None,
        _ => Some(format!("{figure} is {this:?}, expected {is:?} than {that:?} of {than} by {by}")),
    }
}

#[test]
fn every_experiment_explains_itself() {
    let index = std::fs::read_to_string(root().join("README.md")).expect("experiments/README.md");
    for (name, experiment) in ALL.iter() {
        let page = std::fs::read_to_string(experiment.folder.join("README.md"));
        let page = page.unwrap_or_else(|_| panic!("{name} has no README.md"));
        for heading in ["# ", "## What it shows", "## Why", "## Try", "## Source"] {
            assert!(
                page.lines().any(|l| l.starts_with(heading)),
                "{name}/README.md lacks {heading}"
            );
        }
        assert!(page.split_whitespace().count() >= 120, "{name}/README.md explains little");
        assert!(index.contains(&format!("({name}/README.md)")), "the index lacks {name}");
        let checked = |s: &Step| {
            !s.range.is_empty()
                || !s.one_run.is_empty()
                || !s.order.is_empty()
                || !s.compare.is_empty()
        };
        let said = |s: &Step| s.seen.len() >= 5;
        let steps = || experiment.expect.step.iter();
        assert!(steps().all(checked), "{name} has a step without a check");
        assert!(steps().all(said), "{name} has a step that does not say what was seen");
        assert!(experiment.expect.source.len() >= 20, "{name} names no source");
    }
}

#[test]
fn answers_stay_the_same() {
    let mut changed = Vec::new();
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    for (name, experiment) in ALL.iter() {
        let steps = experiment.expect.step.iter().zip(&experiment.runs);
        let golden: String = steps.map(|(step, run)| run.golden(&step.name)).collect();
        let path = experiment.folder.join("golden.txt");
        if std::fs::read_to_string(&path).unwrap_or_default() == golden {
            continue;
        }
        if update {
            std::fs::write(&path, golden).expect("golden.txt can be written");
        } else {
            changed.push(format!("{name}/golden.txt should be\n{golden}"));
        }
    }
    let advice = "UPDATE_GOLDEN=1 cargo test --test it experiments accepts these answers";
    assert!(changed.is_empty(), "{}\n{advice}", changed.join("\n"));
}

/// An expectation that leaves room for anything cannot fail.
#[test]
fn ranges_are_within_a_factor_of_three_or_the_page_says_why() {
    let mut wrong = Vec::new();
    for (name, experiment) in ALL.iter() {
        let page = std::fs::read_to_string(experiment.folder.join("README.md")).expect("a page");
        let page = pages::plain(&page);
        for (step, run) in experiment.expect.step.iter().zip(&experiment.runs) {
            for (figure, range) in step.range.iter().filter(|(_, range)| !range.narrow()) {
                let why = step.wide.get(figure).map(|why| pages::plain(why));
                if !why.is_some_and(|why| why.len() > 20 && page.contains(&why)) {
                    let (range, is) = (range.bounds(), run.figure(figure));
                    wrong.push(format!("{name}, {}: {figure} {range:?}, is {is:?}", step.name));
                }
            }
            let narrow = |f: &String| step.range.get(f).is_none_or(|range| range.narrow());
            let idle = step.wide.keys().filter(|figure| narrow(figure));
            wrong.extend(idle.map(|f| format!("{name}, {}: {f} is not wide", step.name)));
        }
    }
    assert!(wrong.is_empty(), "wider than a factor of 3:\n{}", wrong.join("\n"));
}

#[test]
fn threads_do_not_change_answers() {
    let few = 20;
    let digests = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        let of =
            |(_, e): (&String, &Experiment)| of_step(&e.folder, &e.expect.step[0], few).digest();
        pool.install(|| ALL.iter().map(of).collect::<Vec<u64>>())
    };
    assert_eq!(digests(1), digests(5));
}
