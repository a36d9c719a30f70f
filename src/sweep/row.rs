//! One row of a sweep's result: a point with its estimates, and the columns it is written in.

use super::{Axis, Figures, Precision, Value};
use crate::engine::rng::mix;
use crate::stats::{Estimate, LEVEL, count_mean, mean, probability_mean, t_mean, variance};
use crate::traffic::Evaluator;
use serde::{Deserialize, Serialize};

/// One point's result. Its settings follow from the plan and the index.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Number of the point in the design.
    #[serde(rename = "i")]
    pub index: u64,
    /// Its figures, or why there are none.
    #[serde(flatten)]
    pub outcome: RowOutcome,
}

/// What became of a point.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum RowOutcome {
    /// Its estimates.
    #[serde(rename = "s")]
    Summary(Box<Summary>),
    /// Why the point cannot be run.
    #[serde(rename = "e")]
    Error(String),
}

/// Estimates over the replications of one point, with 95 % intervals.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// How many were simulated.
    pub replications: u32,
    /// The wanted precision was not reached within the most replications allowed.
    pub capped: bool,
    /// Folded over the replications.
    pub digest: u64,
    /// The least exact one that was used.
    pub evaluator: Evaluator,
    /// Requests of a rollout, in the mean.
    pub sent: f64,
    /// Lost requests per rollout.
    pub failed: Estimate,
    /// Largest over the replications.
    pub failed_max: f64,
    /// Standard deviation of the number lost in one rollout.
    pub failed_sd: f64,
    /// Probability that a rollout loses none.
    pub probability_none: Estimate,
    /// Answers later than the stall threshold, in the mean.
    pub stalled: f64,
    /// Share of the replications that completed.
    pub complete: f64,
    /// Of those that completed; None: none did.
    pub duration_s: Option<Estimate>,
    /// The longest rollout, in seconds.
    pub duration_max_s: Option<f64>,
    /// Most pods at once in any replication.
    pub peak_pods: u32,
    /// Fewest available pods at once in any replication.
    pub lowest_available: u32,
    /// Pod-seconds above the desired replicas, in the mean.
    pub surge_pod_seconds: f64,
}

impl Summary {
    /// Sums up replications, in their order; at least one.
    pub fn of(figures: &[Figures], precision: Option<&Precision>) -> Summary {
        assert!(!figures.is_empty(), "a point has replications");
        let column = |get: fn(&Figures) -> f64| figures.iter().map(get).collect::<Vec<f64>>();
        let durations: Vec<f64> = figures.iter().filter_map(|f| f.duration_s).collect();
        let failed = column(|f| f.failed);
        let within = mean(&column(|f| f.variance));
        Summary {
            replications: figures.len() as u32,
            capped: precision.is_some_and(|p| !p.reached(figures)),
            digest: figures.iter().fold(0, |digest, f| mix(digest ^ f.digest)),
            evaluator: least_exact(figures),
            sent: mean(&column(|f| f.sent)),
            failed_max: failed.iter().copied().fold(0.0, f64::max),
            failed_sd: libm::sqrt(within + variance(&failed)),
            failed: count_mean(&failed, LEVEL),
            probability_none: probability_mean(&column(|f| f.probability_none), LEVEL),
            stalled: mean(&column(|f| f.stalled)),
            complete: durations.len() as f64 / figures.len() as f64,
            duration_s: (!durations.is_empty()).then(|| {
                let mean = t_mean(&durations, LEVEL);
                // Student's interval of few rollouts does not know that time does not run backwards.
                Estimate { low: mean.low.max(0.0), ..mean }
            }),
            duration_max_s: durations.iter().copied().reduce(f64::max),
            peak_pods: figures.iter().map(|f| f.peak_pods).max().unwrap_or(0),
            lowest_available: figures.iter().map(|f| f.lowest_available).min().unwrap_or(0),
            surge_pod_seconds: mean(&column(|f| f.surge_pod_seconds)),
        }
    }

    /// The cells in the order of [`RESULTS`], without the error.
    fn cells(&self) -> Vec<Value> {
        let number = |x: Option<f64>| x.map_or(Value::Unset, Value::Float);
        let duration = |get: fn(Estimate) -> f64| number(self.duration_s.map(get));
        vec![
            Value::Int(i64::from(self.replications)),
            Value::Bool(self.capped),
            Value::Float(self.sent),
            Value::Float(self.failed.value),
            Value::Float(self.failed.low),
            Value::Float(self.failed.high),
            Value::Float(self.failed_max),
            Value::Float(self.failed_sd),
            Value::Float(self.probability_none.value),
            Value::Float(self.probability_none.low),
            Value::Float(self.probability_none.high),
            Value::Float(self.stalled),
            Value::Float(self.complete),
            duration(|d| d.value),
            duration(|d| d.low),
            duration(|d| d.high),
            number(self.duration_max_s),
            Value::Int(i64::from(self.peak_pods)),
            Value::Int(i64::from(self.lowest_available)),
            Value::Float(self.surge_pod_seconds),
            Value::Text(format!("{:016x}", self.digest)),
            Value::Text(self.evaluator.name().to_owned()),
        ]
    }

    /// Reads back what `cells` wrote.
    fn from_cells(cells: &[Value]) -> Option<Summary> {
        let number = |i: usize| cells.get(i)?.number();
        let whole = |i: usize| u32::try_from(number(i)? as i64).ok();
        let estimate =
            |i| Some(Estimate { value: number(i)?, low: number(i + 1)?, high: number(i + 2)? });
        let Some(Value::Text(digest)) = cells.get(20) else { return None };
        let Some(Value::Text(evaluator)) = cells.get(21) else { return None };
        Some(Summary {
            replications: whole(0)?,
            capped: number(1)? != 0.0,
            sent: number(2)?,
            failed: estimate(3)?,
            failed_max: number(6)?,
            failed_sd: number(7)?,
            probability_none: estimate(8)?,
            stalled: number(11)?,
            complete: number(12)?,
            duration_s: estimate(13),
            duration_max_s: number(16),
            peak_pods: whole(17)?,
            lowest_available: whole(18)?,
            surge_pod_seconds: number(19)?,
            digest: u64::from_str_radix(digest, 16).ok()?,
            evaluator: Evaluator::ALL.into_iter().find(|e| e.name() == evaluator)?,
        })
    }
}

/// One approximation makes a row approximate; requests that were counted make it counted.
fn least_exact(figures: &[Figures]) -> Evaluator {
    let used = |e: Evaluator| figures.iter().any(|f| f.evaluator == e);
    let order = [Evaluator::Approximate, Evaluator::Requests];
    order.into_iter().find(|e| used(*e)).unwrap_or_default()
}

impl Serialize for Summary {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.cells().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Summary {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let cells = Vec::<Value>::deserialize(deserializer)?;
        Summary::from_cells(&cells).ok_or_else(|| serde::de::Error::custom("not a summary"))
    }
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// True or false.
    Bool,
    /// Whole numbers.
    Int,
    /// Numbers.
    Float,
    /// Words.
    Text,
}

/// A column of the result table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// As the file heads it.
    pub name: String,
    /// What its cells hold.
    pub kind: Kind,
}

const RESULTS: [(&str, Kind); 23] = [
    ("replications", Kind::Int),
    ("capped", Kind::Bool),
    ("sent", Kind::Float),
    ("failed", Kind::Float),
    ("failed_low", Kind::Float),
    ("failed_high", Kind::Float),
    ("failed_max", Kind::Float),
    ("failed_sd", Kind::Float),
    ("probability_none", Kind::Float),
    ("probability_none_low", Kind::Float),
    ("probability_none_high", Kind::Float),
    ("stalled", Kind::Float),
    ("complete", Kind::Float),
    ("duration_s", Kind::Float),
    ("duration_low_s", Kind::Float),
    ("duration_high_s", Kind::Float),
    ("duration_max_s", Kind::Float),
    ("peak_pods", Kind::Int),
    ("lowest_available", Kind::Int),
    ("surge_pod_seconds", Kind::Float),
    ("digest", Kind::Text),
    ("evaluator", Kind::Text),
    ("error", Kind::Text),
];

/// Whether a result column bears this name.
pub(super) fn is_column(name: &str) -> bool {
    name == "point" || RESULTS.iter().any(|(n, _)| *n == name)
}

/// The columns: the point's number, its settings, its results.
pub fn columns(axes: &[Axis]) -> Vec<Column> {
    let mut columns = vec![Column { name: "point".into(), kind: Kind::Int }];
    columns.extend(axes.iter().map(|a| Column { name: a.name.clone(), kind: a.domain.kind() }));
    columns.extend(RESULTS.iter().map(|(n, kind)| Column { name: (*n).into(), kind: *kind }));
    columns
}

/// The cells of a row, one per column.
pub fn cells(row: &Row, settings: &[Value]) -> Vec<Value> {
    let mut cells = vec![Value::Int(row.index as i64)];
    cells.extend_from_slice(settings);
    match &row.outcome {
        RowOutcome::Summary(summary) => {
            cells.extend(summary.cells());
            cells.push(Value::Unset);
        }
        RowOutcome::Error(error) => {
            cells.extend(vec![Value::Unset; RESULTS.len() - 1]);
            cells.push(Value::Text(error.clone()));
        }
    }
    cells
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(failed: f64, duration_s: Option<f64>) -> Figures {
        Figures {
            digest: failed.to_bits(),
            sent: 100.0,
            failed,
            probability_none: f64::from(u8::from(failed == 0.0)),
            duration_s,
            peak_pods: 4,
            lowest_available: 2,
            surge_pod_seconds: 30.0,
            ..Figures::default()
        }
    }

    fn summary() -> Summary {
        let all = [figures(0.0, Some(60.0)), figures(3.0, Some(62.0)), figures(0.0, None)];
        Summary::of(&all, None)
    }

    #[test]
    fn sums_up() {
        let found = summary();
        assert_eq!((found.failed.value, found.failed_max), (1.0, 3.0));
        assert_eq!(found.probability_none.value, 2.0 / 3.0);
        assert_eq!(found.duration_s.unwrap().value, 61.0);
        assert_eq!((found.complete, found.duration_max_s), (2.0 / 3.0, Some(62.0)));
        assert!((found.failed_sd - 3.0_f64.sqrt()).abs() < 1e-12);
    }

    #[test]
    fn survives_json() {
        let mut none = summary();
        none.duration_s = None;
        none.duration_max_s = None;
        for outcome in [
            RowOutcome::Summary(Box::new(summary())),
            RowOutcome::Summary(Box::new(none)),
            RowOutcome::Error("grace: must be \"positive\"\n".into()),
        ] {
            let row = Row { index: 7, outcome };
            let text = serde_json::to_string(&row).unwrap();
            assert_eq!(serde_json::from_str::<Row>(&text).unwrap(), row, "{text}");
        }
    }

    #[test]
    fn a_cell_for_each_column_of_its_kind() {
        let row = Row { index: 7, outcome: RowOutcome::Summary(Box::new(summary())) };
        let all = cells(&row, &[]);
        let columns = columns(&[]);
        assert_eq!(all.len(), columns.len());
        for (cell, column) in all.iter().zip(&columns) {
            let fits = match cell {
                Value::Unset => true,
                Value::Bool(_) => column.kind == Kind::Bool,
                Value::Int(_) => column.kind == Kind::Int,
                Value::Float(_) => column.kind == Kind::Float,
                Value::Text(_) => column.kind == Kind::Text,
            };
            assert!(fits, "{column:?} {cell:?}");
        }
        let row = Row { index: 7, outcome: RowOutcome::Error("no".into()) };
        assert_eq!(cells(&row, &[]).len(), columns.len());
    }
}
