//! What workloads ask of each other: how often, with how many tries, and how many of these calls fail.

use super::figure::Figure;
use super::words::{count, percent};
use schemars::JsonSchema;
use serde::Serialize;

/// Calls of one workload to one Service, over all replications.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct CallRow {
    /// For rules of a policy: `front-stock`.
    pub name: String,
    /// The workload that calls.
    pub from: String,
    /// The Service that it calls.
    pub to: String,
    /// Calls.
    pub made: Figure,
    /// Tries, first ones included.
    pub tries: Figure,
    /// Calls that fail for a caller that waits for them.
    pub failed: Figure,
    /// Calls whose caller is gone before they are over.
    pub unheard: Figure,
    /// Further tries that the budget does not let happen.
    pub refused: Figure,
    /// Tries for each request of the clients, in the mean.
    pub tries_per_request: f64,
    /// The same as long as nothing fails.
    pub usual_per_request: f64,
}

/// Of the calls that are tried more often than they would be, were nothing to fail; empty: none.
pub fn sentence(rows: &[CallRow]) -> String {
    const MORE: f64 = 1.1;
    let more = rows.iter().filter(|r| r.tries_per_request > MORE * r.usual_per_request);
    let one = |r: &CallRow| {
        let CallRow { from, to, tries_per_request, usual_per_request, .. } = r;
        let (tries, usual) = (count(*tries_per_request), count(*usual_per_request));
        format!("{from} asks {to} {tries} times a request, where {usual} would do")
    };
    let all: Vec<String> = more.map(one).collect();
    if all.is_empty() { String::new() } else { format!("{}.", all.join("; ")) }
}

/// A line of the details.
pub fn line(row: &CallRow) -> String {
    let share = row.failed.mean / row.made.mean.max(1.0);
    let gone = match row.unheard.mean {
        0.0 => String::new(),
        n => format!(", {} without a caller", count(n)),
    };
    let refused = match row.refused.mean {
        0.0 => String::new(),
        n => format!(", {} further tries beyond the budget", count(n)),
    };
    format!(
        "{} to {}: {} ({} tries), {} failed ({}){gone}{refused}",
        row.from,
        row.to,
        count(row.made.mean),
        count(row.tries.mean),
        count(row.failed.mean),
        percent(share)
    )
}
