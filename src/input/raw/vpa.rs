//! What a VerticalPodAutoscaler recommends, as a scenario says it.

use schemars::JsonSchema;
use serde::Deserialize;

/// What is recommended for the containers of one name, in the place of what the object's status says.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct VpaCase {
    /// What they are to ask for.
    pub target: AmountsCase,
    /// Pods that ask for less are updated at the next look. Default: the target.
    pub lower_bound: Option<AmountsCase>,
    /// Pods that ask for more are updated at the next look. Default: the target.
    pub upper_bound: Option<AmountsCase>,
    /// From when on it is recommended. Default 0: pods that are there by then have what their template asks
    /// for.
    pub from_s: Option<f64>,
}

/// Amounts of what containers ask for.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AmountsCase {
    /// Such as "500m" or 2.
    pub cpu: Option<AmountCase>,
    /// Such as "512Mi".
    pub memory: Option<AmountCase>,
}

/// A quantity as Kubernetes has it.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum AmountCase {
    /// With a unit, or without.
    Text(String),
    /// A plain number.
    Number(f64),
}

impl AmountCase {
    /// As a manifest has it.
    pub fn text(&self) -> String {
        match self {
            AmountCase::Text(text) => text.clone(),
            AmountCase::Number(number) => format!("{number}"),
        }
    }
}
