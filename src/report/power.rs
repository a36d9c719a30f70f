//! How well a release finds out a bad version, for people and programs.

use super::answer::SCHEMA;
use super::words::{count, percent, printable, seconds};
use crate::stats::clopper_pearson;
use crate::sweep::power::{Badness, Enough, Point};
use schemars::JsonSchema;
use serde::Serialize;

/// The answer of `rollsim canary`.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Power {
    /// Version of this schema: 1 or more.
    pub schema: u32,
    /// Of the scenario, or of what was read.
    pub name: String,
    /// Over how bad the new version is.
    pub curve: Vec<PowerRow>,
    /// The wanted probability that a bad version is aborted, 0 to 1; none: nobody asked.
    pub wanted: Option<f64>,
    /// The shortest steps with which it is, for the last badness of the curve that is given for it; none:
    /// nobody asked, or none of those that were tried.
    pub enough: Option<EnoughRow>,
    /// All pauses of the release as it is given, in seconds.
    pub pauses_s: f64,
    /// Version, seed and replications: enough to get the same answer again.
    pub signature: String,
}

/// One badness.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct PowerRow {
    /// For people: `5 % errors`, `50 ms slower`.
    pub badness: String,
    /// Share of errors of the new version, 0 to 1; none: it is slower.
    pub errors: Option<f64>,
    /// By so much slower, in seconds; none: it has errors.
    pub slower_s: Option<f64>,
    /// Probability that it is promoted.
    pub promoted: f64,
    /// 95 % of what that may be, by the number of rollouts.
    pub promoted_range: [f64; 2],
    /// The same in closed form; none: there is none for these metrics.
    pub promoted_by_theory: Option<f64>,
    /// Probability that it is aborted.
    pub aborted: f64,
    /// Requests that met what is wrong, in the mean.
    pub harmed: f64,
    /// Measurements that found something, in the mean.
    pub measurements: f64,
    /// Until it was decided, in seconds, in the mean; none: it never was.
    pub decided_s: Option<f64>,
}

/// Steps that are enough.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct EnoughRow {
    /// So many times as long as those that are given.
    pub times: f64,
    /// Weights of the steps are so many times as large as those that are given.
    pub weights_times: f64,
    /// From one measurement to the next it is so many times as long as is given.
    pub interval_times: f64,
    /// All of them together, in seconds.
    pub pauses_s: f64,
    /// What comes of them.
    pub row: PowerRow,
}

impl PowerRow {
    /// Of what was found.
    pub fn new(point: &Point) -> PowerRow {
        let (badness, errors, slower_s) = match point.badness {
            Badness::Errors(share) => (format!("{} errors", percent(share)), Some(share), None),
            Badness::Slower(by) => {
                let s = by.as_secs_f64();
                (format!("{:.0} ms slower", s * 1e3), None, Some(s))
            }
        };
        let n = f64::from(point.rollouts.max(1));
        let range = clopper_pearson(f64::from(point.promoted), n, 0.95);
        PowerRow {
            badness,
            errors,
            slower_s,
            promoted: f64::from(point.promoted) / n,
            promoted_range: [range.low, range.high],
            promoted_by_theory: point.promoted_by_theory,
            aborted: f64::from(point.aborted) / n,
            harmed: point.harmed,
            measurements: point.measurements,
            decided_s: point.decided_s,
        }
    }
}

impl EnoughRow {
    /// What else is changed, behind what is said of the pauses.
    fn besides(&self) -> String {
        let changed = [("weights", self.weights_times), ("intervals", self.interval_times)];
        let changed = changed.into_iter().filter(|(_, times)| *times != 1.0);
        let parts: Vec<String> =
            changed.map(|(what, times)| format!("{what} {times} times")).collect();
        if parts.is_empty() { String::new() } else { format!(", with {}", parts.join(" and ")) }
    }
}

impl Power {
    /// Of what was found.
    pub fn new(
        name: &str,
        curve: &[Point],
        (wanted, enough): (Option<f64>, Option<Enough>),
        pauses_s: f64,
        signature: String,
    ) -> Power {
        let enough = enough.map(|enough| EnoughRow {
            times: enough.steps.pauses,
            weights_times: enough.steps.weights,
            interval_times: enough.steps.interval,
            pauses_s: enough.pauses_s,
            row: PowerRow::new(&enough.point),
        });
        let curve = curve.iter().map(PowerRow::new).collect();
        Power { schema: SCHEMA, name: printable(name), curve, wanted, enough, pauses_s, signature }
    }

    /// What it finds out and what not, in sentences.
    pub fn verdict(&self) -> String {
        let mut sentences = Vec::new();
        let unmeasured = self.curve.iter().all(|row| row.measurements == 0.0);
        if let Some(row) = self.curve.first().filter(|row| unmeasured && row.aborted >= 0.5) {
            let after = row.decided_s.map_or(String::new(), |s| format!(" after {}", seconds(s)));
            sentences.push(format!(
                "Every version is aborted{after}, whatever it is like: no measurement of its metrics finds a value."
            ));
        } else if unmeasured {
            sentences.push(
                "The release is over before anything is measured: every version is promoted."
                    .to_owned(),
            );
        } else if let Some(worst) = self.curve.iter().rev().find(|row| row.promoted > 0.05) {
            sentences.push(format!(
                "With {} it is promoted all the same with probability {}, and {} requests meet it.",
                worst.badness,
                percent(worst.promoted),
                count(worst.harmed)
            ));
        }
        let found = |row: &&PowerRow| row.aborted >= 0.95 && row.measurements > 0.0;
        if let Some(found) = self.curve.iter().find(found) {
            let after = found.decided_s.map_or(String::new(), |s| format!(" after {}", seconds(s)));
            sentences.push(format!(
                "From {} on it is aborted nearly always{after}, when {} requests have met it.",
                found.badness,
                count(found.harmed)
            ));
        }
        match (self.wanted, &self.enough) {
            (Some(wanted), Some(enough)) => sentences.push(format!(
                "For a probability of {} to abort {}, pauses of {} together are enough: {} times those given{}. \
                 {} requests meet it.",
                percent(wanted),
                enough.row.badness,
                seconds(enough.pauses_s),
                enough.times,
                enough.besides(),
                count(enough.row.harmed)
            )),
            (Some(wanted), None) => sentences.push(format!(
                "No pauses up to eight times those given, with half or twice the weights and intervals, abort it with a probability of {}.",
                percent(wanted)
            )),
            _ => {}
        }
        sentences.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(aborted: u32, measurements: f64) -> String {
        let point = Point {
            badness: Badness::Errors(0.05),
            rollouts: 20,
            promoted: 20 - aborted,
            aborted,
            harmed: 0.0,
            measurements,
            decided_s: Some(40.0),
            promoted_by_theory: None,
        };
        Power::new("web", &[point], (None, None), 60.0, String::new()).verdict()
    }

    #[test]
    fn what_is_aborted_unmeasured_is_not_aborted_for_its_errors() {
        let text = "Every version is aborted after 40 s, whatever it is like: no measurement of its metrics finds a \
                    value.";
        assert_eq!(said(20, 0.0), text);
        assert_eq!(
            said(0, 0.0),
            "The release is over before anything is measured: every version is promoted."
        );
        assert!(
            said(20, 3.0).starts_with("From 5 % errors on it is aborted nearly always after 40 s")
        );
    }
}
