//! What releases are decided by: metrics of the simulated requests, and when they are enough.

use crate::engine::Dur;
use crate::expr::{Condition, Value};
use crate::timeline::Buckets;

/// The metrics of the templates that it names.
#[derive(Clone, Debug, PartialEq)]
pub struct Analysis {
    /// For people: the names of its templates.
    pub name: String,
    /// At least one.
    pub metrics: Vec<Metric>,
}

/// A metric of an AnalysisTemplate.
#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    /// `name`.
    pub name: String,
    /// From one measurement to the next; None: there is one.
    pub interval: Option<Dur>,
    /// Before the first.
    pub initial_delay: Dur,
    /// When it is decided.
    pub limits: Limits,
    /// `successCondition`, over its value.
    pub success: Option<Condition>,
    /// `failureCondition`, over its value.
    pub failure: Option<Condition>,
    /// What its provider is asked for.
    pub measure: Measure,
}

/// When a metric is decided. Negative limits are none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// `count`; None: it goes on until it is stopped.
    pub count: Option<i32>,
    /// `failureLimit`: so many failures are borne.
    pub failure: i32,
    /// `inconclusiveLimit`.
    pub inconclusive: i32,
    /// `consecutiveErrorLimit`.
    pub consecutive_error: i32,
    /// `consecutiveSuccessLimit`.
    pub consecutive_success: Option<i32>,
}

/// What a metric measures of the simulated requests.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measure {
    /// The figure.
    pub what: Figure,
    /// Of whose requests.
    pub of: Side,
    /// Over so long until then.
    pub window: Dur,
    /// Conditions see it multiplied by this: 100 where they are in per cent.
    pub scale: f64,
}

/// A figure of requests.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Figure {
    /// The share that was answered well, 0 to 1.
    SuccessRate,
    /// The share that failed, 0 to 1.
    ErrorRate,
    /// Requests a second.
    Rate,
    /// Failed requests a second.
    Errors,
    /// The mean time of answers, in seconds.
    MeanLatency,
    /// The quantile, 0 to 1, of the times of answers, in seconds, as Prometheus tells it of these buckets.
    LatencyQuantile(f64, Buckets),
    /// Well, or not, whatever happens: a check that no simulation can make.
    Outcome(bool),
}

impl Figure {
    /// It is one of the requests.
    pub fn is_measured(self) -> bool {
        !matches!(self, Figure::Outcome(_))
    }

    /// For people.
    pub fn words(self) -> String {
        let fixed = match self {
            Figure::SuccessRate => "the share of well answered",
            Figure::ErrorRate => "the share of failed",
            Figure::Rate => "the rate",
            Figure::Errors => "failures a second",
            Figure::MeanLatency => "the mean time of answers",
            Figure::Outcome(true) => "well",
            Figure::Outcome(false) => "not well",
            Figure::LatencyQuantile(q, buckets) => {
                let how = match buckets {
                    Buckets::Envoy => ", between Envoy's buckets",
                    Buckets::Prometheus => ", between the buckets of Prometheus' clients",
                    Buckets::Fine => "",
                };
                return format!("the {q} quantile of the times of answers{how},");
            }
        };
        fixed.to_owned()
    }
}

/// Whose requests are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Those to pods of the new template.
    New,
    /// Those to all others.
    Old,
    /// All.
    Both,
}

impl Metric {
    /// Whether a value is a success (`Some(true)`), a failure, or neither.
    pub fn judge(&self, value: f64) -> Option<bool> {
        if let Figure::Outcome(well) = self.measure.what {
            return Some(well);
        }
        let value = value * self.measure.scale;
        let holds = |c: &Option<Condition>| c.as_ref().map(|c| c.holds(&[Value::Float(value)]));
        match (holds(&self.success), holds(&self.failure)) {
            (None, None) => Some(true),
            (Some(well), None) => Some(well),
            (None, Some(bad)) => Some(!bad),
            (_, Some(true)) => Some(false),
            (Some(true), _) => Some(true),
            (Some(false), Some(false)) => None,
        }
    }
}
