//! What load, or what pods depend on, did to pods that were well; and whether they come back by themselves.

use super::figure::Figure;
use super::words;
use schemars::JsonSchema;
use serde::Serialize;

/// Pods that were well and failed probes.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct UpsetRow {
    /// What the probes found: load, dependency or hung.
    pub by: String,
    /// Share of replications.
    pub share: f64,
    /// When the first pod failed, in the mean of those.
    pub since_s: f64,
    /// How often a pod lost its readiness, in one of those.
    pub unready: Figure,
    /// How often a container was killed by its liveness probe.
    pub kills: Figure,
    /// Share of those replications in which all pods are ready again while requests are sent.
    pub comes_back: f64,
    /// How long after the first failure, where they are.
    pub back_s: Option<Figure>,
}

/// In a sentence or two.
pub fn sentence(row: &UpsetRow) -> String {
    let who = match row.by.as_str() {
        "load" => "Under load",
        "dependency" => "Without what they depend on",
        _ => "With a process that hangs",
    };
    let times = |mean: f64, what: &str| {
        let times =
            if mean == 1.0 { "once".to_owned() } else { format!("{} times", words::count(mean)) };
        (mean > 0.0).then(|| format!("{what} {times}"))
    };
    let lost = [
        times(row.unready.mean, "pods lose their readiness"),
        times(row.kills.mean, "liveness probes kill containers"),
    ];
    let lost: Vec<String> = lost.into_iter().flatten().collect();
    let share = match row.share < 1.0 {
        true => format!(" (in {} of rollouts)", words::percent(row.share)),
        false => String::new(),
    };
    let back = match &row.back_s {
        Some(after) if row.comes_back >= 1.0 => {
            format!(
                "All are ready again by themselves, {} after the first.",
                words::seconds(after.mean)
            )
        }
        Some(after) => format!(
            "In {} of them all are ready again by themselves, {} after the first; else not while requests are sent.",
            words::percent(row.comes_back),
            words::seconds(after.mean)
        ),
        None => "They do not come back while requests are sent.".to_owned(),
    };
    format!("{who} {}{share}. {back}", lost.join(" and "))
}
