//! Advice is kept: what is named was tried, and does what it says on other luck too.
//!
//! `ROLLSIM_ADVICE=all cargo test --test it advice` looks at every experiment and every measured case;
//! without it at some of each. `ROLLSIM_ADVICE_INPUTS=FOLDER` adds each file or folder of a folder, as far as
//! it can be run: manifests that others wrote.

use rollsim::advise::{Advice, Change, LEFT, Outcome, advise, outcome, worth_changing};
use rollsim::blame::Tally;
use rollsim::input::{Input, Source};
use rollsim::report::Answer;
use rollsim::report::blame::setting_name;
use rollsim::run::{RunOptions, run_seeing};
use std::path::{Path, PathBuf};

/// Every cause that has ways of its own, and one that none helps.
const SOME: [&str; 10] = [
    "a1-alb-late-listener",
    "alb-canary",
    "b1-recreate",
    "b4-all-at-once",
    "drain-with-budget",
    "nginx-exit-on-sigterm",
    "nginx-restart",
    "nlb-two-minutes",
    "one-replica",
    "prestop-sleep",
];
const CASES: usize = 4;
const SOME_ROLLOUTS: u32 = 60;

fn all() -> bool {
    std::env::var_os("ROLLSIM_ADVICE").is_some()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}

fn below(folder: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root().join(folder)).expect("a folder of the repository");
    let mut folders: Vec<PathBuf> = entries.map(|e| e.expect("readable").path()).collect();
    folders.retain(|p| p.is_dir() && !p.ends_with("plans"));
    folders.sort();
    folders
}

/// Experiments and measured cases, by name.
fn inputs() -> Vec<(String, Input)> {
    let name = |p: &Path| p.file_name().expect("a name").to_string_lossy().into_owned();
    let experiments =
        below("experiments").into_iter().filter(|p| all() || SOME.contains(&name(p).as_str()));
    let experiments = experiments.map(|p| {
        let input =
            Input::load(&[Source::Path(p.clone())]).unwrap_or_else(|e| panic!("{p:?}: {e}"));
        (name(&p), input)
    });
    let cases: Vec<PathBuf> =
        below("tests/validation").into_iter().filter(|p| p.join("case.toml").exists()).collect();
    let step = if all() { 1 } else { (cases.len() / CASES).max(1) };
    let cases = cases
        .into_iter()
        .step_by(step)
        .map(|p| (name(&p), Input::load_case(&p).unwrap_or_else(|e| panic!("{p:?}: {e}"))));
    experiments.chain(cases).chain(others()).collect()
}

/// What a folder outside the repository holds, where one is named.
fn others() -> Vec<(String, Input)> {
    let Some(folder) = std::env::var_os("ROLLSIM_ADVICE_INPUTS") else { return Vec::new() };
    let entries = std::fs::read_dir(folder).expect("a folder");
    let mut paths: Vec<PathBuf> = entries.map(|e| e.expect("readable").path()).collect();
    paths.sort();
    let named = |path: PathBuf| {
        let name = path.file_name()?.to_string_lossy().into_owned();
        Some((name, Input::load(&[Source::Path(path)]).ok()?))
    };
    paths.into_iter().filter_map(named).collect()
}

/// An input with what was tried for it.
struct Advised {
    input: Input,
    today: Outcome,
    advice: Advice,
}

fn advised(input: Input, options: &RunOptions) -> Option<Advised> {
    let scenario = input.lower().ok()?;
    let facts = rollsim::blame::Facts::of(&scenario);
    let tally = |timeline: &_, outcome: &_| Tally::of(timeline, outcome, &facts);
    let (replications, tallies) = run_seeing(&scenario, options, tally);
    let today = Outcome::of(&replications, tallies);
    let advice = advise(&input, &scenario, options, &replications, &today);
    Some(Advised { input, today, advice })
}

/// The change as the command line makes it, on other luck.
fn again(input: &Input, change: &Change, options: &RunOptions) -> Outcome {
    let mut with = input.clone();
    for edit in &change.0 {
        with.set(&edit.path, &edit.value).unwrap_or_else(|e| panic!("{edit}: {e}"));
        with.must_use(&edit.path);
    }
    let scenario = with.lower().unwrap_or_else(|e| panic!("{change}: {e}"));
    outcome(&scenario, &RunOptions { seed: 2, ..options.clone() }).expect("within bounds")
}

/// What of an advice does not hold.
fn broken(name: &str, advised: &Advised, options: &RunOptions) -> Vec<String> {
    let Advised { input, today, advice } = advised;
    let mut problems = Vec::new();
    let other = again(input, &Change::default(), options);
    for fix in advice.fixes.steps.iter().chain(&advice.fixes.others) {
        let then = again(input, &fix.change, options);
        if then.lost() >= other.lost() && then.incomplete() >= other.incomplete() {
            let (a, b) = (other.lost(), then.lost());
            problems.push(format!("{name}: {} does not help: {a:.2} to {b:.2} lost", fix.change));
        }
        for setting in &fix.removes {
            let (before, left) = (other.lost_by(*setting), then.lost_by(*setting));
            // What is seldom lost is lost by other luck in other numbers.
            if left > 3.0 * LEFT * before && left > 0.02 * other.lost() && left > 0.5 {
                let setting = setting_name(*setting);
                problems.push(format!(
                    "{name}: {} leaves {left:.2} of {before:.2} lost by {setting}",
                    fix.change
                ));
            }
        }
    }
    for end in &advice.ends {
        let Some((change, _)) = &end.found else { continue };
        let left = again(input, change, options).incomplete();
        if left > 3.0 * LEFT * other.incomplete() {
            problems.push(format!("{name}: with {change} {left} do not reach their end"));
        }
    }
    let wanted = worth_changing(today.lost(), today.probability_none());
    if !wanted && !advice.fixes.steps.is_empty() {
        problems.push(format!("{name}: advice where nothing is worth a change"));
    }
    problems
}

/// What the named change removes is gone with it; with `--nocapture` a row for each input.
#[test]
fn what_is_named_helps_on_other_luck_too() {
    let mut problems = Vec::new();
    let mut helped = 0;
    let replications = if all() { 200 } else { SOME_ROLLOUTS };
    let options = RunOptions { replications, ..RunOptions::default() };
    for (name, input) in inputs() {
        let Some(advised) = advised(input, &options) else { continue };
        problems.extend(broken(&name, &advised, &options));
        let today = advised.today.lost();
        match advised.advice.fixes.steps.last() {
            Some(fix) => {
                helped += 1;
                println!("| {name} | {today:.2} | {} | {:.2} |", fix.change, fix.outcome.lost());
            }
            None => println!("| {name} | {today:.2} | none | |"),
        }
    }
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
    assert!(helped >= 8, "{helped} were helped");
}

const WEB: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: app
        image: registry.example/web:v1
        ports: [{containerPort: 8080}]
        readinessProbe: {tcpSocket: {port: 8080}}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
";

fn text(name: &str, text: &str) -> Source {
    Source::Text { name: name.into(), text: text.into() }
}

/// A hook that does not fit comes with the grace period that it needs; the guesses that decide come first.
#[test]
fn settings_that_need_each_other_come_together() {
    let options = RunOptions { replications: 40, ..RunOptions::default() };
    let mut input = Input::load(&[text("web.yaml", WEB)]).unwrap();
    input.set("terminationGracePeriodSeconds", "1").unwrap();
    let found = advised(input, &options).unwrap();
    let change = found.advice.fixes.steps[0].change.to_string();
    assert_eq!(change, "preStop.sleep.seconds=2, terminationGracePeriodSeconds=2");
    let keys = found.advice.matters.weighed.iter().map(|w| w.key.as_str()).collect::<Vec<_>>();
    assert!(keys[..4].contains(&"traffic.rate_per_s"), "{keys:?}");
    assert!(keys[..4].contains(&"app.start_delay"), "{keys:?}");
    // 200 of the run, and of each guess no more than it needs.
    assert!(found.advice.rollouts < 1600, "{} rollouts for advice", found.advice.rollouts);
}

/// Of two renders the later one counts object by object, and what it brings is judged by the rollouts after
/// it.
#[test]
fn a_change_that_brings_a_hook_is_not_blamed() {
    let new = WEB.replace(
        "        readinessProbe",
        "        lifecycle: {preStop: {sleep: {seconds: 5}}}\n        readinessProbe",
    );
    let options = RunOptions { replications: 40, ..RunOptions::default() };
    let input = Input::load(&[text("old.yaml", WEB), text("new.yaml", &new)]).unwrap();
    assert!(input.is_pair());
    let this = outcome(&input.lower().unwrap(), &options).unwrap();
    let later = outcome(&input.later().unwrap().lower().unwrap(), &options).unwrap();
    assert!(this.lost() > 10.0 && later.lost() < 0.1, "{} {}", this.lost(), later.lost());
    let alone = Input::load(&[text("new.yaml", &new)]).unwrap();
    let restart = outcome(&alone.lower().unwrap(), &options).unwrap();
    assert_eq!(restart.lost(), later.lost(), "the rollouts after it are restarts of what is new");
    let twice = format!("{new}---{WEB}");
    assert!(Input::load(&[text("twice.yaml", &twice)]).is_err(), "twice in one file");
}

/// What does harm because of how settings fit together is found, with the run that shows it.
#[test]
fn an_audit_finds_what_does_harm_with_others() {
    type Case = (&'static str, &'static [(&'static str, &'static str)], &'static str);
    let cases: [Case; 4] = [
        ("sync-workers", &[], "probe-below-queue"),
        (
            "database-down",
            &[
                ("app.depends_on.probes", "[\"liveness\"]"),
                ("livenessProbe.httpGet", "{path: /live, port: 8080}"),
            ],
            "liveness-on-dependency",
        ),
        ("hpa-custom-rollout", &[], "hpa-shrinks-in-rollout"),
        ("envoy-outlier-small", &[("balancer.outlier_detection", "true")], "outlier-few-hosts"),
    ];
    for (name, settings, rule) in cases {
        let folder =
            std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments").join(name);
        let mut input = Input::load(&[Source::Path(folder)]).unwrap_or_else(|e| panic!("{e}"));
        for (path, value) in settings {
            input.set(path, value).unwrap_or_else(|e| panic!("{name}: {e}"));
        }
        let scenario = input.lower().unwrap_or_else(|e| panic!("{name}: {e}"));
        let options = RunOptions { replications: 8, ..RunOptions::default() };
        let (_, replications, today) =
            Answer::seen(&scenario, &options, &|| {}).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(replications.len(), 8);
        let found = rollsim::advise::audit::audit(&input, (&scenario, &today), &options);
        let rules: Vec<_> = found.iter().filter_map(|a| a.rule).collect();
        assert!(rules.contains(&rule), "{name}: {rules:?}");
        assert!(rollsim::explain::audit_rule(rule).is_some());
    }
}
