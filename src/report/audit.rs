//! What each given setting does for the rollouts.

use super::answer::SCHEMA;
use super::gate::Place;
use super::words::{count, plural};
use schemars::JsonSchema;
use serde::Serialize;

/// The settings of all workloads.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Audit {
    /// Version of this schema: 1 or more.
    pub schema: u32,
    /// Of the input.
    pub name: String,
    /// In the order of the input.
    pub workloads: Vec<AuditedWorkload>,
    /// Version and seed.
    pub signature: String,
}

/// The settings of one workload.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct AuditedWorkload {
    /// Such as `deployment/web`.
    pub workload: String,
    /// Requests that a rollout loses.
    pub lost: f64,
    /// Those that do the opposite, nothing, something.
    pub settings: Vec<AuditRow>,
}

/// What a setting does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Does {
    /// Less is lost without it.
    Opposite,
    /// Every rollout is the same without it.
    Nothing,
    /// Something else.
    Works,
    /// It cannot be left out.
    Needed,
    /// It does harm, and less with another value.
    Risk,
}

/// One setting.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct AuditRow {
    /// As `--set` takes it.
    pub setting: String,
    /// As it is, where it is one value.
    pub value: Option<String>,
    /// Where it stands.
    pub place: Option<Place>,
    /// What it does.
    pub does: Does,
    /// Requests that it saves; below 0: loses.
    pub saves: Option<f64>,
    /// Seconds that the rollout takes longer for it.
    pub seconds: Option<f64>,
    /// The rule that says why it does not work (`rollsim explain ID`).
    pub rule: Option<String>,
    /// The same in a sentence.
    pub why: Option<String>,
    /// What is tried instead, where something is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(default)]
    pub with: Option<String>,
    /// The run that shows it.
    pub command: String,
}

impl AuditRow {
    /// What it does, in a clause.
    pub fn told(&self) -> String {
        let saves = self.saves.unwrap_or(0.0);
        let seconds = self.seconds.unwrap_or(0.0);
        match self.does {
            Does::Needed => "cannot be left out".to_owned(),
            Does::Risk => {
                let with = self.with.as_deref().unwrap_or("another value");
                match self.saves {
                    Some(s) if s < -5e-3 => {
                        format!("does harm: with {with} {} fewer are lost", count(-s))
                    }
                    _ => format!("does harm: with {with} it happens less"),
                }
            }
            Does::Nothing => "does nothing: every rollout is the same without it".to_owned(),
            Does::Opposite if self.saves.is_some_and(|s| s < -5e-3) => {
                format!("does the opposite: without it {} fewer are lost", count(-saves))
            }
            Does::Opposite => "does the opposite: without it the rollout ends".to_owned(),
            Does::Works => {
                let lost = match saves {
                    s if s > 5e-3 => format!("saves {}", count(s)),
                    s if s < -5e-3 => format!("loses {}", count(-s)),
                    _ => "saves none".to_owned(),
                };
                match seconds {
                    s if s.abs() < 0.05 => lost,
                    s if s > 0.0 => format!("{lost}, takes {} longer", super::words::seconds(s)),
                    s => format!("{lost}, is {} faster", super::words::seconds(-s)),
                }
            }
        }
    }
}

impl Audit {
    /// The audit of all workloads.
    pub fn new(name: &str, workloads: Vec<AuditedWorkload>, signature: String) -> Audit {
        Audit { schema: SCHEMA, name: super::words::printable(name), workloads, signature }
    }

    /// How many do nothing or the opposite, in a sentence.
    pub fn verdict(&self) -> String {
        let all = self.workloads.iter().flat_map(|w| &w.settings);
        let number = |does: Does| all.clone().filter(|row| row.does == does).count() as u64;
        let (nothing, opposite) = (number(Does::Nothing), number(Does::Opposite));
        let total = plural(all.clone().count() as u64, "setting");
        let risks = match number(Does::Risk) {
            0 => String::new(),
            n => format!(", {n} that {} harm", if n == 1 { "does" } else { "do" }),
        };
        format!("{total}: {nothing} without effect, {opposite} with the opposite one{risks}")
    }

    /// Some setting does the opposite of what it is for.
    pub fn has_opposite(&self) -> bool {
        let mut all = self.workloads.iter().flat_map(|w| &w.settings);
        all.any(|row| row.does == Does::Opposite)
    }
}
