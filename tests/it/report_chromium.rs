//! The pages in a real browser: they load without an error and what can be clicked does what it says.
//!
//! Each page checks itself when opened with `#selftest` and writes the result into the document, which is
//! read back with `--dump-dom`. Without a Chromium on the machine there is nothing to test with, and the
//! test says so. `ROLLSIM_REPORT_DIR=DIR` keeps the pages and pictures in DIR, to be looked at.

use crate::report_example::{self as example, sweeps};
use rollsim::observe;
use rollsim::report::maintenance::{Maintenance, Procedure};
use rollsim::report::{html, svg};
use rollsim::run::run;
use rollsim::{Answer, Input, RunOptions, Source};
use std::path::{Path, PathBuf};
use std::process::Command;

fn chromium() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let names = ["chromium", "chromium-browser", "google-chrome"];
    std::env::split_paths(&path)
        .flat_map(|dir| names.map(|name| dir.join(name)))
        .find(|file| file.is_file())
}

fn pages() -> Vec<(&'static str, String)> {
    let lossy = example::answer(&example::without_probe());
    let cases = [example::without_probe(), example::with_probe(), example::stuck()];
    vec![
        ("run", html::run(&lossy)),
        ("played", played()),
        ("compare", html::compare(&example::comparison(&cases))),
        ("stuck", html::run(&example::answer(&example::stuck()))),
        ("large", html::run(&example::answer(&example::large()))),
        ("sweep", html::sweep(&sweeps::small_sweep())),
        ("sweep_large", html::sweep(&sweeps::large_sweep())),
        ("optimize", html::optimize(&sweeps::optimize())),
        ("frontier", html::frontier(&sweeps::frontier())),
        ("validate", html::validate(&sweeps::validate())),
        ("maintenance", maintenance()),
    ]
}

/// The update of the nodes of an experiment, simulated.
fn maintenance() -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments/node-group-upgrade");
    let mut input = Input::load(&[Source::Path(folder)]).expect("an experiment");
    input.set("minAvailable", "2").expect("it has a budget");
    let scenario = input.lower().expect("a scenario");
    let runs = run(&scenario, &RunOptions { replications: 2, ..RunOptions::default() });
    let update = Procedure::new("update", "{ kind = \"node-group-upgrade\" }", &scenario, &runs);
    let nothing = (None, Vec::new(), Vec::new());
    html::maintenance(&Maintenance::new(&scenario, vec![update], nothing, "test".to_owned()))
}

/// A rollout that is simulated, with its log.
fn played() -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments/b2-rolling-update");
    let input = Input::load(&[Source::Path(folder)]).expect("an experiment");
    let (scenario, options) = (input.lower().expect("a scenario"), RunOptions::default());
    let answer = Answer::of(&scenario, &options).expect("an answer");
    html::run_and_log(&answer, &observe::record(&scenario, &options, 0))
}

fn pictures() -> Vec<(&'static str, String)> {
    let lossy = example::answer(&example::without_probe());
    let sweep = sweeps::small_sweep();
    vec![
        ("timeline", svg::timeline(&lossy).expect("kept")),
        ("rates", svg::rates(&lossy)),
        ("heat_map", svg::heat_map(&sweep, 0, 1, 0)),
        ("curves", svg::curves(&sweep, 0, Some(1), 0)),
        ("pareto", svg::pareto(&sweep, 0, 2)),
        ("main_effects", svg::main_effects(&sweep, 0)),
        ("sensitivity", svg::sensitivity(&sweep).expect("told")),
        ("frontier", svg::frontier(&sweeps::frontier())),
    ]
}

/// The document after the page's scripts have run.
fn dump_dom(browser: &Path, profile: &Path, url: &str) -> String {
    let output = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .arg(format!("--user-data-dir={}", profile.display()))
        .args(["--virtual-time-budget=5000", "--dump-dom", url])
        .output()
        .expect("the browser starts");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn pages_work_in_a_browser() {
    let Some(browser) = chromium() else {
        eprintln!("no Chromium found: the pages were not tried");
        return;
    };
    let scratch = tempfile::tempdir().expect("a temporary folder");
    let kept = std::env::var_os("ROLLSIM_REPORT_DIR").map(PathBuf::from);
    let dir = kept.unwrap_or_else(|| scratch.path().to_path_buf());
    for (name, picture) in pictures() {
        std::fs::write(dir.join(format!("{name}.svg")), picture).expect("written");
    }
    for (name, page) in pages() {
        let file = dir.join(format!("{name}.html"));
        std::fs::write(&file, page).expect("written");
        let url = format!("file://{}#selftest", file.display());
        let dom = dump_dom(&browser, scratch.path(), &url);
        let result = dom.find("<pre id=\"selftest\"").map(|at| &dom[at..]);
        let result =
            result.unwrap_or_else(|| panic!("{name}: the page did not finish: {dom:.2000}"));
        assert!(result.contains("data-state=\"passed\""), "{name}: {result:.3000}");
        assert!(!dom.contains("data-errors"), "{name}: script errors");
    }
}
