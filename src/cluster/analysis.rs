//! What releases are decided by: metrics of the simulated requests, and when they are enough.

use crate::engine::Dur;
use crate::expr::Program;
use crate::expr::program::Datum;
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
    pub success: Option<Program>,
    /// `failureCondition`, over its value.
    pub failure: Option<Program>,
    /// What its provider is asked for.
    pub measure: Measure,
    /// How its provider answers.
    pub answer: Answer,
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

/// How a provider puts a value, and that there is none.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Answer {
    /// What a value stands in.
    pub form: Form,
    /// What comes where there is none.
    pub empty: Empty,
    /// A share of nothing is not a number; else there is none.
    pub nan: bool,
}

/// What a value stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Itself.
    Number,
    /// A list of it.
    List,
    /// The `Values` of a list's only element.
    Values,
    /// A document that nobody knows.
    Document,
}

/// What stands for no value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Empty {
    /// That form, without it.
    List,
    /// `nil`.
    Nil,
    /// This, as the query says.
    Else(f64),
    /// The provider takes it for an error.
    Error,
}

impl Answer {
    /// A number, without which there is an error.
    pub const NUMBER: Answer = Answer { form: Form::Number, empty: Empty::Error, nan: false };

    /// What conditions see; None: the provider has an error.
    pub fn datum(self, value: Option<f64>) -> Option<Datum> {
        let value = value.filter(|x| self.nan || !x.is_nan());
        let list = |value: Option<f64>| Datum::List(value.into_iter().map(Datum::Number).collect());
        let form = |value: Option<f64>| match (self.form, value) {
            (Form::Number, Some(x)) => Datum::Number(x),
            (Form::Document, Some(x)) => Datum::Document(x),
            (Form::Values, value) => {
                Datum::List(vec![Datum::Record(vec![("Values".to_owned(), list(value))])])
            }
            (_, value) => list(value),
        };
        match (value, self.empty) {
            (Some(_), _) | (None, Empty::List) => Some(form(value)),
            (None, Empty::Nil) => Some(Datum::Nil),
            (None, Empty::Else(x)) => Some(form(Some(x))),
            (None, Empty::Error) => None,
        }
    }
}

/// What one measurement found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// `successCondition` holds, and `failureCondition` does not.
    Success,
    /// The other way round.
    Failure,
    /// Both are given, and neither holds.
    Unclear,
    /// There was no answer, or none that a condition can judge.
    Error,
}

impl Metric {
    /// What a value is taken for; NaN: a share of nothing; None: nothing was counted at all.
    ///
    /// `utils/evaluate/evaluate.go: EvaluateResult` of argoproj/argo-rollouts.
    pub fn judge(&self, value: Option<f64>) -> Found {
        if let Figure::Outcome(well) = self.measure.what {
            return if well { Found::Success } else { Found::Failure };
        }
        let Some(result) = self.answer.datum(value.map(|x| x * self.measure.scale)) else {
            return Found::Error;
        };
        let holds = |c: &Option<Program>| c.as_ref().map(|c| c.holds(&result)).transpose();
        let (Ok(success), Ok(failure)) = (holds(&self.success), holds(&self.failure)) else {
            return Found::Error;
        };
        match (success, failure) {
            (_, Some(true)) | (Some(false), None) => Found::Failure,
            (None, None | Some(false)) | (Some(true), _) => Found::Success,
            (Some(false), Some(false)) => Found::Unclear,
        }
    }
}
