//! Patterns that charts and manifests of others have, each in its smallest form: they are answered, with what
//! is not simulated named, or refused for the reason that the first lines of the file say.
//!
//! `answered`, or `refused: WORDS`; `workload`, `service`, `port` and `path` that were taken; `scaled: NAME`
//! by an autoscaler; `alone`: without another workload; `assumed: KEY`; `not modelled: WORDS`; `silent`: no
//! requests are sent.

use rollsim::input::{Diagnostics, Input, Source};
use rollsim::run::{RunOptions, run};
use rollsim::scenario::Scenario;
use std::path::{Path, PathBuf};

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/manifests/patterns");
    let entries = std::fs::read_dir(folder).expect("the folder");
    let mut files: Vec<PathBuf> = entries.map(|e| e.expect("an entry").path()).collect();
    files.sort();
    files
}

/// What the first lines of a file say of it: keys and values.
fn claims(text: &str) -> Vec<(&str, &str)> {
    let lines = text.lines().map_while(|line| line.strip_prefix("# "));
    lines.map(|line| line.split_once(": ").unwrap_or((line, ""))).collect()
}

fn lowered(path: &Path) -> Result<Scenario, Diagnostics> {
    Input::load(&[Source::Path(path.to_path_buf())])?.lower()
}

/// What is wrong with the scenario, by one claim.
fn wrong(scenario: &Scenario, key: &str, value: &str) -> Option<String> {
    let workload = &scenario.workloads[0];
    let found = match key {
        "workload" => format!("{}/{}", workload.kind().name(), workload.name),
        "service" => scenario.services[scenario.route().to[0]].name.clone(),
        "path" => {
            let path = format!("{:?}", scenario.route().path);
            path.split(|c: char| !c.is_alphanumeric()).next().unwrap_or("").to_owned()
        }
        "port" => {
            let service = &scenario.services[scenario.route().to[0]];
            format!("{:?}", service.ports[0].target_port)
        }
        "scaled" => return none_has(scenario.autoscalers.iter().map(|a| &*a.target), value),
        "assumed" => return none_has(scenario.assumptions.iter().map(|a| &*a.key), value),
        "not modelled" => return none_has(scenario.not_modelled.iter().map(|n| &**n), value),
        "alone" => scenario.workloads.iter().skip(1).map(|w| w.name.to_string()).collect(),
        "silent" => return scenario.no_requests.is_none().then(|| "requests are sent".to_owned()),
        other => return Some(format!("what is {other}?")),
    };
    (found != value).then(|| format!("{key} is {found}, not {value}"))
}

fn none_has<'a>(mut all: impl Iterator<Item = &'a str>, words: &str) -> Option<String> {
    (!all.any(|text| text.contains(words))).then(|| format!("nothing says {words}"))
}

fn judged(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).expect("readable");
    let claims = claims(&text);
    let refused = claims.iter().find(|(key, _)| *key == "refused");
    match (lowered(path), refused) {
        (Err(error), Some((_, words))) => {
            none_has([&*error.to_string()].into_iter(), words).into_iter().collect()
        }
        (Err(error), None) => vec![format!("refused: {error}")],
        (Ok(_), Some(_)) => vec!["answered".to_owned()],
        (Ok(scenario), None) => {
            let runs = run(&scenario, &RunOptions { replications: 1, ..RunOptions::default() });
            assert_eq!(runs.len(), 1);
            let more = claims.iter().filter(|(key, _)| *key != "answered");
            more.filter_map(|(key, value)| wrong(&scenario, key, value)).collect()
        }
    }
}

#[test]
fn patterns_are_answered_or_refused_as_they_say() {
    let files = files();
    assert!(files.len() >= 80, "{} files", files.len());
    let told = |path: &PathBuf| {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        judged(path).into_iter().map(move |what| format!("{name}: {what}"))
    };
    let problems: Vec<String> = files.iter().flat_map(told).collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}
