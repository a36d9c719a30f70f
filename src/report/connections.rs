//! What became of connections that clients keep open: how many were cut, what coming back costs, and how they
//! lie on the pods afterwards.

use super::figure::Figure;
use super::words::{count, percent, seconds};
use schemars::JsonSchema;
use serde::Serialize;

/// Connections that are kept, over all replications.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ConnectionsRow {
    /// How many clients keep.
    pub kept: u32,
    /// Those that end under their clients.
    pub cut: Figure,
    /// The same by why, most first.
    pub cut_by: Vec<CutRow>,
    /// Those that servers end for their age.
    pub renewed: Figure,
    /// Attempts to connect again.
    pub attempts: Figure,
    /// Attempts that fail.
    pub failed: Figure,
    /// Most attempts in one second.
    pub peak_per_s: Figure,
    /// Share of replications in which all are open again at the end.
    pub all_back: f64,
    /// From the first cut until all are open again, where they are.
    pub back_s: Option<Figure>,
    /// Longest time that a client is without its connection.
    pub longest_away_s: Figure,
    /// Connections of the fullest pod at the end, over the mean of all pods that serve: 1 is even.
    pub imbalance: Option<Figure>,
    /// Connections of each pod at the end of the first replication, most first.
    pub by_pod: Vec<u32>,
}

/// Connections that ended in one way.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct CutRow {
    /// A key as those of `lost.by_cause`.
    pub key: String,
    /// The same for people.
    pub label: String,
    /// Mean per rollout.
    pub mean: f64,
}

/// In a sentence or three.
pub fn sentence(row: &ConnectionsRow) -> String {
    let kept = count(f64::from(row.kept));
    if row.cut.mean == 0.0 {
        return format!("None of {kept} connections that clients keep open is cut.");
    }
    let why = row.cut_by.first().map_or(String::new(), |by| format!(" ({})", by.label));
    let cut = format!(
        "{kept} connections that clients keep open are cut {} times{why}; {} attempts to connect again, of which {} \
         fail, come at up to {} a second.",
        count(row.cut.mean),
        count(row.attempts.mean),
        count(row.failed.mean),
        count(row.peak_per_s.mean),
    );
    let away = seconds(row.longest_away_s.mean);
    let back = match &row.back_s {
        Some(after) if row.all_back >= 1.0 => format!(
            "All are open again {} after the first was cut; the longest is away for {away}.",
            seconds(after.mean)
        ),
        Some(after) => format!(
            "In {} of rollouts all are open again, {} after the first was cut; the longest is away for {away}.",
            percent(row.all_back),
            seconds(after.mean)
        ),
        None => format!("They are not all open again at the end: one is away for {away}."),
    };
    let renewed = match row.renewed.mean {
        0.0 => String::new(),
        n => format!(" Servers end {} for their age.", count(n)),
    };
    let uneven = row.imbalance.as_ref().filter(|f| f.mean >= 1.5).map(|f| {
        format!(
            " At the end the fullest pod has {} times as many as the mean of all.",
            count(f.mean)
        )
    });
    format!("{cut} {back}{renewed}{}", uneven.unwrap_or_default())
}
