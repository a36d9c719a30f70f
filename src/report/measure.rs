//! The figures that rollouts are compared by: names, units, and how they and their differences are written.

use super::comparison::{Against, Column, Comparison, Difference, Told};
use super::words::{count, percent, seconds};
use crate::run::Replication;

/// A figure of a rollout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Lost requests.
    Lost,
    /// Whether none is lost.
    ProbabilityNone,
    /// Whether every action reaches its end.
    ReachesEnd,
    /// Until complete.
    Complete,
    /// Until the last pod that has to go is gone.
    LastPodGone,
    /// Available pods, at least.
    LowestAvailable,
    /// Pods, at most.
    PeakPods,
}

/// What a figure counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Of a rollout.
    Requests,
    /// Of rollouts, from 0 to 1.
    Share,
    /// From the action on.
    Seconds,
    /// At once.
    Pods,
}

impl Measure {
    /// In the order in which they are shown.
    pub const ALL: [Measure; 7] = [
        Measure::Lost,
        Measure::ProbabilityNone,
        Measure::ReachesEnd,
        Measure::Complete,
        Measure::LastPodGone,
        Measure::LowestAvailable,
        Measure::PeakPods,
    ];

    /// For programs: the field of a [`Column`].
    pub fn key(self) -> &'static str {
        match self {
            Measure::Lost => "lost",
            Measure::ProbabilityNone => "probability_none",
            Measure::ReachesEnd => "reaches_end",
            Measure::Complete => "complete_s",
            Measure::LastPodGone => "last_pod_gone_s",
            Measure::LowestAvailable => "lowest_available",
            Measure::PeakPods => "peak_pods",
        }
    }

    /// For people.
    pub fn title(self) -> &'static str {
        match self {
            Measure::Lost => "lost per rollout",
            Measure::ProbabilityNone => "loses none",
            Measure::ReachesEnd => "reaches its end",
            Measure::Complete => "complete",
            Measure::LastPodGone => "last pod gone",
            Measure::LowestAvailable => "available at least",
            Measure::PeakPods => "pods at most",
        }
    }

    /// The same where there is little room.
    pub fn short(self) -> &'static str {
        match self {
            Measure::Lost => "lost",
            Measure::ProbabilityNone => "lose none",
            Measure::ReachesEnd => "end",
            Measure::Complete => "complete",
            Measure::LastPodGone => "last gone",
            Measure::LowestAvailable => "available",
            Measure::PeakPods => "pods",
        }
    }

    /// What it counts.
    pub fn unit(self) -> Unit {
        match self {
            Measure::Lost => Unit::Requests,
            Measure::ProbabilityNone | Measure::ReachesEnd => Unit::Share,
            Measure::Complete | Measure::LastPodGone => Unit::Seconds,
            Measure::LowestAvailable | Measure::PeakPods => Unit::Pods,
        }
    }

    /// Whether less of it is better.
    pub fn is_better_less(self) -> bool {
        use Measure::{Complete, LastPodGone, Lost, PeakPods};
        matches!(self, Lost | Complete | LastPodGone | PeakPods)
    }

    /// Of a column.
    pub fn of(self, column: &Column) -> &Against {
        match self {
            Measure::Lost => &column.lost,
            Measure::ProbabilityNone => &column.probability_none,
            Measure::ReachesEnd => &column.reaches_end,
            Measure::Complete => &column.complete_s,
            Measure::LastPodGone => &column.last_pod_gone_s,
            Measure::LowestAvailable => &column.lowest_available,
            Measure::PeakPods => &column.peak_pods,
        }
    }

    /// Of one rollout; None: it has no such figure.
    pub fn value(self, r: &Replication) -> Option<f64> {
        let (rollout, traffic) = (&r.rollout, &r.traffic);
        match self {
            Measure::Lost => Some(traffic.failed()),
            Measure::ProbabilityNone => Some(traffic.probability_none),
            Measure::ReachesEnd => Some(f64::from(rollout.stuck.is_empty())),
            Measure::Complete => rollout.complete.map(|d| d.as_secs_f64()),
            Measure::LastPodGone => rollout.last_pod_gone.map(|d| d.as_secs_f64()),
            Measure::LowestAvailable => Some(f64::from(rollout.lowest_available)),
            Measure::PeakPods => Some(f64::from(rollout.peak_pods)),
        }
    }

    /// `55.6`, `98 %`, `11.5 s`.
    pub fn text(self, against: &Against) -> String {
        match (against.mean, self.unit()) {
            (None, _) if self == Measure::Complete => "no end".to_owned(),
            (None, _) => "–".to_owned(),
            (Some(x), Unit::Share) => percent(x),
            (Some(x), Unit::Seconds) => seconds(x),
            (Some(x), Unit::Requests | Unit::Pods) => count(x),
        }
    }

    /// `−55.6`, `+116 s`, `+2.1 points`.
    pub fn change(self, difference: f64) -> String {
        let size = difference.abs();
        let text = match self.unit() {
            Unit::Share => format!("{} points", count(100.0 * size)),
            Unit::Seconds => seconds(size),
            Unit::Requests | Unit::Pods => count(size),
        };
        let sign = match text.split(' ').next() {
            Some("0") => "",
            _ if difference < 0.0 => "−",
            _ => "+",
        };
        format!("{sign}{text}")
    }

    /// `±3.5`: half of the interval; empty: it has hardly any width.
    pub fn reach(self, difference: &Difference) -> String {
        let [low, high] = difference.interval;
        let half = (high - difference.mean).max(difference.mean - low);
        let scale = if self.unit() == Unit::Share { 100.0 } else { 1.0 };
        match count(scale * half).as_str() {
            "0" | "<0.01" => String::new(),
            half => format!("±{half}"),
        }
    }

    /// `−55.6 ±3.5`; `+0.2 s ±0.9, chance`; `same`.
    pub fn told(self, difference: &Difference) -> String {
        let text = format!("{} {}", self.change(difference.mean), self.reach(difference));
        match difference.told {
            Told::Same => "same".to_owned(),
            Told::Chance => format!("{}, chance", text.trim_end()),
            Told::Differs => text.trim_end().to_owned(),
        }
    }

    /// Whether the column is better (worse: false) than the first; None: that cannot be told.
    pub fn is_better(self, against: &Against) -> Option<bool> {
        let difference = against.difference.filter(|d| d.told == Told::Differs)?;
        Some((difference.mean < 0.0) == self.is_better_less())
    }
}

impl Comparison {
    /// Figures that at least one column has, and of which there is something to say.
    pub fn measures(&self) -> Vec<Measure> {
        let shown = |m: &Measure| match m {
            Measure::ReachesEnd => self.columns.iter().any(|c| m.of(c).mean != Some(1.0)),
            m => self.columns.iter().any(|c| m.of(c).mean.is_some()),
        };
        Measure::ALL.into_iter().filter(shown).collect()
    }

    /// A difference that is none but for chance is shown.
    pub fn has_chance(&self) -> bool {
        let of = |c: &Column| Measure::ALL.map(|m| m.of(c).difference.map(|d| d.told));
        self.columns.iter().flat_map(of).any(|told| told == Some(Told::Chance))
    }
}
