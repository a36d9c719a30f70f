//! What the access log of a proxy would say of the requests.

use crate::run::Replication;
use crate::traffic::Logged;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeSet;

/// A line of a proxy's access log, mean over replications.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct LoggedRow {
    /// HTTP status; 0: none was sent.
    pub status: u16,
    /// Response flags, such as `URX,UF`; `-`: none.
    pub flags: String,
    /// Tries, the first included.
    pub attempts: u32,
    /// Requests of a rollout that are logged so.
    pub mean: f64,
}

/// What proxies would log, the most frequent first; what went well at the first try goes without saying.
pub(super) fn rows(replications: &[Replication]) -> Vec<LoggedRow> {
    let lines: BTreeSet<Logged> =
        replications.iter().flat_map(|r| r.traffic.logged.keys().copied()).collect();
    let mean = |line: &Logged| {
        let counts = replications.iter().filter_map(|r| r.traffic.logged.get(line));
        counts.sum::<f64>() / replications.len().max(1) as f64
    };
    let row = |line: &Logged| LoggedRow {
        status: line.status,
        flags: line.flags.to_string(),
        attempts: line.attempts,
        mean: mean(line),
    };
    let mut rows: Vec<LoggedRow> = lines.iter().map(row).collect();
    rows.sort_by(|a, b| b.mean.total_cmp(&a.mean));
    rows
}
