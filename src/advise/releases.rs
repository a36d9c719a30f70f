//! The same input under several releases of Kubernetes: which of them changes the outcome first, in which
//! part, and by which of the changes that are simulated (`models/releases.toml`).

use super::outcome::Outcome;
use super::trial;
use crate::input::{self, Diagnostics, Input, minor_version};
use crate::run::RunOptions;
use serde::Deserialize;
use std::sync::OnceLock;

/// A part of a cluster that has a version of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// API server, controllers and scheduler.
    ControlPlane,
    /// Of every node.
    Kubelet,
    /// Of every node.
    KubeProxy,
}

impl Part {
    /// All of them.
    pub const ALL: [Part; 3] = [Part::ControlPlane, Part::Kubelet, Part::KubeProxy];

    /// Its name for people.
    pub fn name(self) -> &'static str {
        match self {
            Part::ControlPlane => "control plane",
            Part::Kubelet => "kubelet",
            Part::KubeProxy => "kube-proxy",
        }
    }

    fn path(self) -> &'static str {
        match self {
            Part::ControlPlane => "kubernetes.control_plane",
            Part::Kubelet => "kubernetes.kubelet",
            Part::KubeProxy => "kubernetes.kube_proxy",
        }
    }
}

/// A change of behaviour that is simulated.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// The first release with it, such as `1.34`.
    pub since: String,
    /// Which part behaves otherwise.
    pub part: Part,
    /// Its name.
    pub id: String,
    /// What is different, in a clause.
    pub what: String,
    /// Where that can be looked up.
    pub source: String,
}

/// All changes that are simulated, in the order of the file.
pub fn changes() -> &'static [Change] {
    #[derive(Deserialize)]
    struct File {
        #[serde(rename = "schema")]
        _schema: u32,
        change: Vec<Change>,
    }
    static CHANGES: OnceLock<Vec<Change>> = OnceLock::new();
    CHANGES.get_or_init(|| {
        let text = include_str!("../../models/releases.toml");
        toml::from_str::<File>(text).unwrap_or_else(|e| panic!("models/releases.toml: {e}")).change
    })
}

/// What an input comes to under one release; an error where that release refuses it.
#[derive(Clone, Debug)]
pub struct Release {
    /// Such as `1.34`.
    pub version: String,
    /// What it comes to.
    pub outcome: Result<Outcome, Diagnostics>,
}

/// A release that changes the outcome.
#[derive(Clone, Debug, PartialEq)]
pub struct Turn {
    /// The last release before it.
    pub before: String,
    /// The first one with another outcome.
    pub since: String,
    /// The parts that make the difference by themselves.
    pub parts: Vec<Part>,
    /// The changes of those parts in that release.
    pub changes: Vec<Change>,
    /// Requests lost before and since; none where a release refuses the input.
    pub lost: Option<[f64; 2]>,
    /// Seconds until complete.
    pub complete_s: [Option<f64>; 2],
}

/// The input with all parts of one version.
///
/// # Errors
/// The version is none that is modelled.
pub fn at(input: &Input, version: &str) -> Result<Input, Diagnostics> {
    let mut input = input.clone();
    Part::ALL.into_iter().try_for_each(|part| input.set(part.path(), version))?;
    Ok(input)
}

/// The outcome under one release.
pub fn release(input: &Input, version: &str, options: &RunOptions) -> Release {
    let outcome = at(input, version).and_then(|input| run(&input, options));
    Release { version: version.to_owned(), outcome }
}

fn run(input: &Input, options: &RunOptions) -> Result<Outcome, Diagnostics> {
    let scenario = input.lower()?;
    let too_much = || Diagnostics::default();
    trial::outcome(&scenario, options).ok_or_else(too_much)
}

/// The releases between the oldest and the newest of those that were tried that change the outcome.
pub fn turns(input: &Input, tried: &[Release], options: &RunOptions) -> Vec<Turn> {
    let minors = tried.iter().filter_map(|release| minor_version(&release.version));
    let (Some(from), Some(to)) = (minors.clone().min(), minors.max()) else { return Vec::new() };
    let name = |minor: u32| format!("1.{minor}");
    let of = |minor: u32| {
        let known = tried.iter().find(|release| minor_version(&release.version) == Some(minor));
        let run = || release(input, &name(minor), options);
        known.map_or_else(run, |known| Release { version: name(minor), ..known.clone() })
    };
    let mut turns = Vec::new();
    let mut before = of(from);
    for minor in from + 1..=to {
        // A release in which nothing changes that is simulated needs no run.
        let known = changes().iter().any(|change| change.since == name(minor));
        if !known && input.fields_kept_since(minor).is_empty() {
            before.version = name(minor);
            continue;
        }
        let now = of(minor);
        if differs(&before.outcome, &now.outcome) {
            turns.push(turn(input, &before, &now, options));
        }
        before = now;
    }
    turns
}

fn turn(input: &Input, before: &Release, now: &Release, options: &RunOptions) -> Turn {
    let alone = |part: &Part| {
        let Ok(mut mixed) = at(input, &before.version) else { return false };
        let set = mixed.set(part.path(), &now.version);
        set.is_ok() && differs(&before.outcome, &run(&mixed, options))
    };
    let parts: Vec<Part> = Part::ALL.into_iter().filter(alone).collect();
    let about = |change: &Change| {
        change.since == now.version && (parts.is_empty() || parts.contains(&change.part))
    };
    let both = [&before.outcome, &now.outcome].map(|outcome| outcome.as_ref().ok());
    Turn {
        before: before.version.clone(),
        since: now.version.clone(),
        changes: changes().iter().cloned().chain(of_fields(input, now)).filter(about).collect(),
        parts,
        lost: both[0].zip(both[1]).map(|(a, b)| [a.lost(), b.lost()]),
        complete_s: both.map(|outcome| outcome.and_then(Outcome::complete_s)),
    }
}

/// Fields of the input that the release is the first to keep.
fn of_fields(input: &Input, now: &Release) -> Vec<Change> {
    let fields = minor_version(&now.version).map(|minor| input.fields_kept_since(minor));
    let change = |field: &input::Since| Change {
        since: now.version.clone(),
        part: Part::ControlPlane,
        id: field.gate.clone(),
        what: format!("{} is kept; before, the API server drops it", field.field),
        source: format!("feature gate {}", field.gate),
    };
    fields.into_iter().flatten().map(change).collect()
}

/// More than a fiftieth of what is lost or of the time it takes, on the same luck; or one of them is refused.
fn differs(a: &Result<Outcome, Diagnostics>, b: &Result<Outcome, Diagnostics>) -> bool {
    let (Ok(a), Ok(b)) = (a, b) else { return a.is_ok() != b.is_ok() };
    let apart = |a: f64, b: f64, least: f64| (a - b).abs() > least.max(0.02 * a.max(b));
    let times = match (a.duration_s(), b.duration_s()) {
        (Some(a), Some(b)) => apart(a, b, 0.1),
        (a, b) => a.is_some() != b.is_some(),
    };
    times || apart(a.lost(), b.lost(), 0.05) || a.incomplete() != b.incomplete()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_change_names_a_release_and_its_source() {
        let mut ids = std::collections::BTreeSet::new();
        for change in changes() {
            assert!(minor_version(&change.since).is_some(), "{change:?}");
            assert!(!change.what.is_empty() && !change.source.is_empty(), "{change:?}");
            assert!(ids.insert(&change.id), "{} is given twice", change.id);
        }
    }
}
