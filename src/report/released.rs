//! What became of a release that decides: how often it is promoted, how often and why it is aborted, and what
//! its analyses measured.

use super::figure::Figure;
use super::words;
use schemars::JsonSchema;
use serde::Serialize;

/// A release over all replications.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ReleaseRow {
    /// Share of replications in which its template becomes the stable one.
    pub promoted: f64,
    /// Share in which it is aborted.
    pub aborted: f64,
    /// Share in which it waits for somebody to promote it.
    pub waits: f64,
    /// From the action until it is promoted, where it is, in seconds.
    pub promoted_s: Option<Figure>,
    /// From the action until it is aborted, where it is, in seconds.
    pub aborted_s: Option<Figure>,
    /// Why, most frequent first.
    pub why: Vec<String>,
    /// It has an analysis.
    pub analysed: bool,
    /// Measurements of its analyses that found something, before it was decided.
    pub measurements: Figure,
    /// Those for which there was no value.
    pub errors: Figure,
}

/// In a sentence or two.
pub fn sentence(row: &ReleaseRow) -> String {
    let of = |share: f64| match share {
        1.0 => "every rollout".to_owned(),
        share => format!("{} of rollouts", words::percent(share)),
    };
    let after = |figure: &Option<Figure>| {
        figure
            .as_ref()
            .map_or(String::new(), |f| format!(", {} after it began", words::seconds(f.mean)))
    };
    let mut parts = Vec::new();
    if row.promoted > 0.0 {
        parts.push(format!("promoted in {}{}", of(row.promoted), after(&row.promoted_s)));
    }
    if row.aborted > 0.0 {
        let why = row.why.first().map_or(String::new(), |why| format!(" ({why})"));
        parts.push(format!("aborted in {}{}{why}", of(row.aborted), after(&row.aborted_s)));
    }
    if row.waits > 0.0 {
        parts.push(format!("waiting for somebody to promote it in {}", of(row.waits)));
    }
    if parts.is_empty() {
        parts.push("neither promoted nor aborted".to_owned());
    }
    let measured = match (row.measurements.mean, row.errors.mean) {
        (0.0, 0.0) => "Nothing was measured before it was decided".to_owned(),
        (found, 0.0) => format!("Measured {} times", words::count(found)),
        (found, none) => {
            format!(
                "Measured {} times, {} without a value",
                words::count(found),
                words::count(none)
            )
        }
    };
    let decided = format!("The release is {}.", parts.join(", "));
    if row.analysed { format!("{decided} {measured}.") } else { decided }
}
