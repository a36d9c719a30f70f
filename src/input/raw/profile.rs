//! A load that changes over time in a way that has a name, as a scenario says it.

use schemars::JsonSchema;
use serde::Deserialize;

/// A load that changes over time, instead of `rate_per_s`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ProfileCase {
    /// How it changes.
    pub kind: ProfileKind,
    /// The lower rate, requests a second.
    pub low_per_s: Option<f64>,
    /// The higher rate, requests a second.
    pub high_per_s: Option<f64>,
    /// Of a day: the hour at which the load is highest, 0 to 24. Default 14.
    pub peak_hour: Option<f64>,
    /// Of a day: the hour of time 0. Default: `peak_hour`.
    pub hour: Option<f64>,
    /// Of the others: when it begins to change, in seconds from the action. Default 0.
    pub from_s: Option<f64>,
    /// Of a ramp: how long it takes to the higher rate; of a spike: how long it stays there. Default 60.
    pub for_s: Option<f64>,
}

/// How a load changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ProfileKind {
    /// As over a day: a wave of 24 hours between both rates.
    #[default]
    Diurnal,
    /// From the lower rate to the higher one at once.
    Step,
    /// From the lower rate to the higher one, evenly.
    Ramp,
    /// To the higher rate and back.
    Spike,
}
