//! Sequential stopping: replications until an interval is narrow enough.
//!
//! Batches are fixed and decisions are taken in replication order, so that the answer is the same on any
//! machine.

use super::Figures;
use super::plan::MOST_REPLICATIONS;
use crate::stats::{Estimate, LEVEL, count_mean, probability_mean, t_mean};
use serde::{Deserialize, Serialize};
use std::str::FromStr;

/// Replications per batch, and the least number before a decision.
pub const BATCH: u32 = 10;

/// When to stop.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Precision {
    /// Whose interval is meant.
    #[serde(default)]
    pub figure: Figure,
    /// Largest half-width as a share of the estimate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relative: Option<f64>,
    /// Largest half-width in the figure's own unit. With both, either suffices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub absolute: Option<f64>,
    /// No more, however wide it still is.
    #[serde(default = "default_cap")]
    pub max_replications: u32,
}

fn default_cap() -> u32 {
    1000
}

/// A figure with an interval.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema,
)]
/// What `--precision` can make narrow.
#[serde(rename_all = "snake_case")]
pub enum Figure {
    /// Lost requests per rollout.
    #[default]
    Failed,
    /// Probability that a rollout loses none.
    ProbabilityNone,
    /// Seconds until complete.
    DurationS,
    /// Pods above the desired number, times seconds.
    SurgePodSeconds,
}

impl Figure {
    /// Every one, by the name that `--precision` takes.
    pub const ALL: [(&'static str, Figure); 4] = [
        ("failed", Figure::Failed),
        ("probability_none", Figure::ProbabilityNone),
        ("duration_s", Figure::DurationS),
        ("surge_pod_seconds", Figure::SurgePodSeconds),
    ];

    /// As `--precision` takes it.
    pub fn name(self) -> &'static str {
        Figure::ALL.iter().find(|(_, f)| *f == self).expect("all are listed").0
    }

    /// The estimate over replications.
    pub fn estimate(self, figures: &[Figures]) -> Estimate {
        let column = |get: fn(&Figures) -> f64| figures.iter().map(get).collect::<Vec<f64>>();
        match self {
            Figure::Failed => count_mean(&column(|f| f.failed), LEVEL),
            Figure::ProbabilityNone => probability_mean(&column(|f| f.probability_none), LEVEL),
            Figure::SurgePodSeconds => t_mean(&column(|f| f.surge_pod_seconds), LEVEL),
            Figure::DurationS => {
                let durations: Vec<f64> = figures.iter().filter_map(|f| f.duration_s).collect();
                t_mean(&durations, LEVEL)
            }
        }
    }
}

impl Precision {
    /// Says what is wrong with the settings, if anything.
    pub fn check(&self) -> Result<(), String> {
        for (key, bound) in [("relative", self.relative), ("absolute", self.absolute)] {
            if let Some(bound) = bound
                && !(bound.is_finite() && bound > 0.0)
            {
                return Err(format!("precision.{key} must be above 0, not {bound}"));
            }
        }
        if self.relative.is_none() && self.absolute.is_none() {
            return Err("precision needs relative or absolute".into());
        }
        if !(BATCH..=MOST_REPLICATIONS).contains(&self.max_replications) {
            return Err(format!(
                "precision.max_replications must be {BATCH} to {MOST_REPLICATIONS}, not {}",
                self.max_replications
            ));
        }
        Ok(())
    }

    /// Whether the figure's interval is narrow enough.
    pub fn reached(&self, figures: &[Figures]) -> bool {
        let estimate = self.figure.estimate(figures);
        let half_width = estimate.interval().half_width();
        let small = |bound: Option<f64>, unit: f64| bound.is_some_and(|b| half_width <= b * unit);
        small(self.absolute, 1.0) || small(self.relative, libm::fabs(estimate.value))
    }
}

impl FromStr for Precision {
    type Err = String;

    /// `failed=10%` (relative) or `failed=0.5` (absolute), optionally `:CAP` for the most replications.
    fn from_str(text: &str) -> Result<Precision, String> {
        let form = "expected FIGURE=WIDTH, such as failed=10% or failed=0.5 or duration_s=1:500";
        let (name, rest) = text.split_once('=').ok_or(form)?;
        let (width, cap) = match rest.split_once(':') {
            Some((width, cap)) => (width, cap.parse().map_err(|_| form)?),
            None => (rest, default_cap()),
        };
        let figure = Figure::ALL.iter().find(|(n, _)| *n == name.trim()).ok_or_else(|| {
            let names: Vec<&str> = Figure::ALL.iter().map(|(n, _)| *n).collect();
            format!("'{name}' is not a figure; there are: {}", names.join(", "))
        })?;
        let number = |t: &str| t.trim().parse::<f64>().map_err(|_| form.to_owned());
        let (relative, absolute) = match width.trim().strip_suffix('%') {
            Some(percent) => (Some(number(percent)? / 100.0), None),
            None => (None, Some(number(width)?)),
        };
        let found = Precision { figure: figure.1, relative, absolute, max_replications: cap };
        found.check()?;
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn read_from_the_command_line() {
        let found: Precision = "failed=10%".parse().unwrap();
        assert_eq!((found.relative, found.absolute), (Some(0.1), None));
        let found: Precision = "duration_s=0.5:200".parse().unwrap();
        assert_eq!(found.figure, Figure::DurationS);
        assert_eq!((found.absolute, found.max_replications), (Some(0.5), 200));
        for wrong in ["failed", "lost=1", "failed=-1", "failed=x", "failed=1:3", "failed=0%"] {
            assert!(wrong.parse::<Precision>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn widths_are_judged_in_either_unit() {
        let figures: Vec<Figures> = (0..100)
            .map(|i| Figures { duration_s: Some(60.0 + f64::from(i % 5)), ..Figures::default() })
            .collect();
        // Mean 62, standard deviation 1.421, t(99) = 1.984: half-width 0.282, which is 0.455 %.
        let reached = |text: &str| text.parse::<Precision>().unwrap().reached(&figures);
        assert!(reached("duration_s=0.283") && !reached("duration_s=0.281"));
        assert!(reached("duration_s=0.46%") && !reached("duration_s=0.45%"));
    }
}
