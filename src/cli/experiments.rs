//! The folders of `experiments/`, held in the binary: what runs by name, and without an input.

use super::files;
use crate::input::{Diagnostic, Diagnostics, Source};
use anyhow::Context as _;
use serde::Deserialize;
use std::path::Path;

/// A folder: its name, and its files.
type Folder = (&'static str, &'static [(&'static str, &'static str)]);

macro_rules! file {
    ($name:literal, $file:literal) => {
        ($file, include_str!(concat!("../../experiments/", $name, "/", $file)))
    };
}

macro_rules! folder {
    ($name:literal) => {
        (
            $name,
            &[
                file!($name, "manifest.yaml"),
                file!($name, "scenario.toml"),
                file!($name, "expect.toml"),
                file!($name, "README.md"),
            ],
        )
    };
    ($name:literal, updated) => {
        (
            $name,
            &[
                file!($name, "manifest.yaml"),
                file!($name, "update.yaml"),
                file!($name, "scenario.toml"),
                file!($name, "expect.toml"),
                file!($name, "README.md"),
            ],
        )
    };
}

const FOLDERS: &[Folder] = &[
    folder!("a0-alb-defaults", updated),
    folder!("a0-author"),
    folder!("a1-alb-late-listener", updated),
    folder!("a1-author"),
    folder!("a2-alb-readiness-gate", updated),
    folder!("a2-author"),
    folder!("a3-alb-long-requests", updated),
    folder!("a3-author"),
    folder!("alb-blue-green", updated),
    folder!("alb-canary", updated),
    folder!("alb-keepalive-race", updated),
    folder!("alb-least-outstanding", updated),
    folder!("alb-one-of-two"),
    folder!("alb-one-replica", updated),
    folder!("alb-pid-1", updated),
    folder!("alb-prestop", updated),
    folder!("alb-weight-shift"),
    folder!("alb-zone-empty"),
    folder!("argo-blue-green"),
    folder!("argo-canary-aborts"),
    folder!("argo-canary-unmeasured"),
    folder!("b1-recreate", updated),
    folder!("b2-rolling-update", updated),
    folder!("b3-readiness-probe", updated),
    folder!("b4-all-at-once", updated),
    folder!("b5-surge-first", updated),
    folder!("b6-blue-green", updated),
    folder!("b7-undo", updated),
    folder!("blue-green-in-turns"),
    folder!("c1-nginx-vegeta", updated),
    folder!("c2-nginx-vegeta-rollout", updated),
    folder!("calls-inner-rollout"),
    folder!("calls-retries"),
    folder!("canary-by-hand", updated),
    folder!("chaos"),
    folder!("consolidation"),
    folder!("daemon-set-local"),
    folder!("database-down"),
    folder!("deadlock"),
    folder!("drain-anti-affinity"),
    folder!("drain-with-budget"),
    folder!("envoy-breaker", updated),
    folder!("envoy-outlier-small"),
    folder!("envoy-rate-limit", updated),
    folder!("envoy-retries", updated),
    folder!("envoy-retry-storm", updated),
    folder!("flagger-aborts"),
    folder!("flagger-promotes"),
    folder!("gateway-restart"),
    folder!("gateway-rollout"),
    folder!("gke-neg"),
    folder!("grace-30-prestop-40", updated),
    folder!("grpc-max-age"),
    folder!("haproxy-redispatch", updated),
    folder!("hops-alb-gateway-sidecar"),
    folder!("hpa-cpu-too-late"),
    folder!("hpa-custom-rollout"),
    folder!("hpa-external-queue"),
    folder!("ipvs-reused-ports"),
    folder!("istio-ambient"),
    folder!("istio-canary"),
    folder!("istio-locality-failover"),
    folder!("istio-start"),
    folder!("istio-stop"),
    folder!("istio-three-containers"),
    folder!("keda-from-zero"),
    folder!("knative-canary", updated),
    folder!("knative-revisions", updated),
    folder!("knative-scale-to-zero"),
    folder!("linkerd-stop"),
    folder!("max-unavailable-100-pods", updated),
    folder!("min-ready-550", updated),
    folder!("nginx-canary", updated),
    folder!("nginx-exit-on-sigterm", updated),
    folder!("nginx-post", updated),
    folder!("nginx-restart"),
    folder!("nginx-retries", updated),
    folder!("nlb-two-minutes", updated),
    folder!("node-group-upgrade"),
    folder!("node-loss"),
    folder!("one-replica"),
    folder!("peak-load", updated),
    folder!("prestop-sleep", updated),
    folder!("progress-deadline-waves", updated),
    folder!("readiness-probe", updated),
    folder!("roll-back", updated),
    folder!("rollback-on-deadline"),
    folder!("rollback-on-errors"),
    folder!("shell-as-pid-1", updated),
    folder!("spot"),
    folder!("start-under-limit"),
    folder!("startup-probe", updated),
    folder!("stateful-set"),
    folder!("stateful-set-broken"),
    folder!("stateful-set-parallel"),
    folder!("surge-brings-nodes"),
    folder!("sync-workers"),
    folder!("vpa-in-place"),
    folder!("vpa-recreate"),
    folder!("websocket-storm"),
    folder!("zonal-shift"),
    folder!("zone-anti-affinity"),
    folder!("zone-loss"),
    folder!("zone-spread"),
];

/// What runs without an input, side by side.
pub const DEMONSTRATION: [&str; 2] = ["a1-alb-late-listener", "a2-alb-readiness-gate"];

/// What an expect.toml says of a step; what else it says is for tests.
#[derive(Debug, Deserialize)]
pub struct Step {
    /// What it is called.
    pub name: String,
    /// Settings, as `--set` takes them.
    #[serde(default)]
    pub set: Vec<String>,
    /// What was published of it.
    #[serde(default)]
    pub seen: String,
}

#[derive(Deserialize)]
struct Expect {
    step: Vec<Step>,
}

/// The experiment that an argument such as `@one-replica` names, where no file is called so: by its name, or
/// by the beginning of it.
pub fn named(argument: &Path) -> Option<&str> {
    argument.to_str()?.strip_prefix('@').filter(|_| !argument.exists())
}

/// The names of all.
pub fn names() -> impl Iterator<Item = &'static str> {
    FOLDERS.iter().map(|(name, _)| *name)
}

/// Its folder.
///
/// # Errors
/// There is none of this name, or there are several.
pub fn source(name: &str) -> Result<Source, Diagnostics> {
    let (name, files) = folder(name)?;
    let inputs = files.iter().filter(|(file, _)| !file.ends_with(".md"));
    let files = inputs.map(|(file, text)| ((*file).to_owned(), (*text).to_owned())).collect();
    Ok(Source::Folder { name: format!("@{name}"), files })
}

/// Its files, with their texts.
///
/// # Errors
/// As [`source`].
pub fn files(name: &str) -> Result<&'static [(&'static str, &'static str)], Diagnostics> {
    Ok(folder(name)?.1)
}

/// The text of one of its files.
///
/// # Errors
/// As [`source`]; it has no such file.
pub fn file(name: &str, file: &str) -> Result<String, Diagnostics> {
    let found = files(name)?.iter().find(|(known, _)| *known == file);
    let none = || Diagnostic::error("", format!("@{name} has no {file}"));
    Ok(found.ok_or_else(none)?.1.to_owned())
}

/// What its page says under a heading; None: it has no such heading.
pub fn section(name: &str, heading: &str) -> Option<String> {
    let page = file(name, "README.md").ok()?;
    let (_, rest) = page.split_once(&format!("\n## {heading}\n"))?;
    let section = rest.split_once("\n## ").map_or(rest, |(section, _)| section);
    Some(section.trim().to_owned())
}

fn folder(name: &str) -> Result<&'static Folder, Diagnostics> {
    if let Some(folder) = FOLDERS.iter().find(|(known, _)| *known == name) {
        return Ok(folder);
    }
    let begins = |known: &str| known.strip_prefix(name).is_some_and(|rest| rest.starts_with('-'));
    let found: Vec<&Folder> = FOLDERS.iter().filter(|(known, _)| begins(known)).collect();
    match found[..] {
        [one] => Ok(one),
        _ => Err(unknown(name, &found).into()),
    }
}

fn unknown(name: &str, found: &[&Folder]) -> Diagnostic {
    let names = |folders: &mut dyn Iterator<Item = &Folder>| {
        folders.map(|(known, _)| format!("@{known}")).collect::<Vec<_>>().join(", ")
    };
    if !found.is_empty() {
        let error = Diagnostic::error("", format!("several experiments are called @{name}"));
        return error.allowed(names(&mut found.iter().copied()));
    }
    let mut error = Diagnostic::error("", format!("there is no experiment @{name}"));
    error = error.allowed(names(&mut FOLDERS.iter()));
    let known = FOLDERS.iter().map(|(known, _)| *known);
    error.suggestion = crate::input::text::diagnostics::did_you_mean(name, known)
        .map(|known| format!("did you mean @{known}?"));
    error
}

/// The steps of the experiment in a folder, or of one in the binary.
///
/// # Errors
/// There is no expect.toml, or it cannot be read.
pub fn steps(argument: &Path) -> anyhow::Result<Vec<Step>> {
    let (place, text) = match named(argument) {
        Some(name) => {
            let (name, files) = folder(name)?;
            let text = files.iter().find(|(file, _)| *file == "expect.toml").map(|(_, text)| *text);
            (format!("@{name}/expect.toml"), text.unwrap_or_default().to_owned())
        }
        None => {
            let path = argument.join("expect.toml");
            let missing = "--steps compares the steps of an experiment: of a folder with expect.toml, or \
                           @NAME";
            (path.display().to_string(), files::read_text(&path).context(missing)?)
        }
    };
    let expect: Expect = toml::from_str(&text).with_context(|| place.clone())?;
    let n = expect.step.len();
    anyhow::ensure!(
        n > 1,
        "{place}: --steps compares steps, and there is {n}: run it without --steps"
    );
    Ok(expect.step)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What was installed has the experiments that the repository has.
    #[test]
    fn every_experiment_is_in_the_binary() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments");
        let mut folders: Vec<String> = std::fs::read_dir(&root)
            .expect("the folder experiments")
            .map(|entry| entry.expect("readable"))
            .filter(|entry| entry.path().is_dir() && entry.file_name() != "plans")
            .map(|entry| entry.file_name().into_string().expect("text"))
            .collect();
        folders.sort();
        assert_eq!(folders, FOLDERS.iter().map(|(name, _)| *name).collect::<Vec<_>>());
        let is_input = |file: &str| [".toml", ".yaml"].iter().any(|end| file.ends_with(end));
        for (name, held) in FOLDERS {
            let mut there: Vec<String> = std::fs::read_dir(root.join(name))
                .expect("a folder")
                .map(|entry| entry.expect("readable").file_name().into_string().expect("text"))
                .filter(|file| is_input(file))
                .collect();
            there.sort();
            let mut held: Vec<&str> =
                held.iter().map(|(file, _)| *file).filter(|file| is_input(file)).collect();
            held.sort_unstable();
            assert_eq!(there, held, "{name}");
        }
    }

    #[test]
    fn names_may_be_short_and_are_never_guessed() {
        let name = |argument: &str| match source(argument) {
            Ok(Source::Folder { name, .. }) => name,
            other => panic!("{other:?}"),
        };
        assert_eq!(name("b2"), "@b2-rolling-update");
        assert_eq!(name("one-replica"), "@one-replica");
        let error = source("alb").expect_err("there are several").to_string();
        assert!(error.contains("several experiments") && error.contains("@alb-canary"), "{error}");
        let error = source("one-replic").expect_err("there is none").to_string();
        assert!(error.contains("did you mean @one-replica?"), "{error}");
        assert_eq!(named(Path::new("web.yaml")), None);
    }
}
