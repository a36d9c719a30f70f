//! Every folder of `experiments/`: it runs, what was published comes out, and the answer stays the same.
//!
//! `expect.toml` says what to expect (its format is described in `experiments/README.md`); `golden.txt` pins
//! the answer, and `UPDATE_GOLDEN=1 cargo test --test it experiments` rewrites it.

mod expect;
mod figures;
mod pages;

use expect::{Expect, Rule, Step};
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
    // While one is written the others need not run.
    if let Ok(only) = std::env::var("ROLLSIM_EXPERIMENTS") {
        folders.retain(|p| only.split(',').any(|name| p.ends_with(name)));
    }
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
    Run::new(scenario, &options, replications)
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
    let broken = |rule: &Rule| match rule.place(folder) {
        None => rule.broken(&run.figures, None),
        Some((other, name)) => match of(other, name) {
            Some(base) => rule.broken(&run.figures, Some(&base.figures)),
            None => Some(format!("{:?}: there is no such step", rule.than)),
        },
    };
    let mut problems: Vec<String> = step.rule.iter().filter_map(broken).collect();
    let order = run.order_of(&step.order);
    if order != step.order {
        problems.push(format!("failures come in the order {order:?}, expected {:?}", step.order));
    }
    problems
}

/// The run of a step of a folder; without a name, of its first.
fn of(folder: &str, step: &str) -> Option<&'static Run> {
    let experiment = ALL.get(folder)?;
    let index = experiment.expect.step.iter().position(|s| s.name == step || step.is_empty());
    experiment.runs.get(index?)
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
        let checked = |s: &Step| !s.rule.is_empty() || !s.order.is_empty();
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
        for step in &experiment.expect.step {
            for rule in &step.rule {
                let why = pages::plain(&rule.why);
                let said = why.len() > 20 && page.contains(&why);
                if rule.is_narrow() != why.is_empty() || !why.is_empty() && !said {
                    wrong.push(format!("{name}, {}: {} ({why:?})", step.name, rule.expect));
                }
            }
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
