//! What a change makes of every workload's rollouts, field by field.

use crate::report::figure::Figure;
use crate::report::words::seconds;
use schemars::JsonSchema;
use serde::Serialize;

/// All workloads of two renders.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Diff {
    /// Version of this schema: 1 or more.
    pub schema: u32,
    /// The renders: before, after.
    pub names: [String; 2],
    /// Those that lose the most more first.
    pub workloads: Vec<DiffRow>,
    /// Those that say the same in both.
    pub unchanged: Vec<String>,
    /// What could not be simulated, with the reason.
    pub not_simulated: Vec<crate::report::workloads::NotSimulated>,
    /// Which rollsim compared, with the seed.
    pub signature: String,
}

/// One workload that is not the same in both.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct DiffRow {
    /// Such as `deployment/web`.
    pub workload: String,
    /// Its rollouts before the change; none where it is new.
    pub before: Option<Side>,
    /// Its rollouts after the change; none where it is gone.
    pub after: Option<Side>,
    /// The rollout that brings the change.
    pub bringing: Option<Side>,
    /// The fields that changed, the most costly first.
    pub fields: Vec<DiffField>,
    /// The run that brings the change.
    pub command: String,
}

/// What rollouts come to.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Side {
    /// Lost requests.
    pub lost: Figure,
    /// Until complete, mean; none where they do not.
    pub complete_s: Option<f64>,
    /// Pods at once, at most.
    pub peak_pods: Figure,
    /// Share that does not reach its end.
    pub incomplete: f64,
    /// Of everything that happened, hexadecimal.
    pub digest: String,
}

impl Side {
    /// How long it takes, for people. What is no rollout, as a switch of Services, ends without completing.
    pub fn takes(&self) -> String {
        match self.complete_s {
            Some(s) => seconds(s),
            None if self.incomplete > 0.0 => "never".to_owned(),
            None => "-".to_owned(),
        }
    }
}

/// A field and its share of the difference.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct DiffField {
    /// As `--set` takes it.
    pub path: String,
    /// Before the change, where it is one value.
    pub before: Option<String>,
    /// After it.
    pub after: Option<String>,
    /// Requests that it loses more: tried alone, both ways.
    pub lost: Option<f64>,
    /// Seconds that it takes longer.
    pub seconds: Option<f64>,
}

impl Diff {
    /// Puts what loses the most more first.
    pub fn sorted(mut self) -> Diff {
        self.workloads.sort_by(|a, b| b.more().total_cmp(&a.more()));
        self
    }

    /// `2 of 12 workloads change: 1 loses more, 1 loses less`.
    pub fn verdict(&self) -> String {
        let changed = self.workloads.len();
        let all = changed + self.unchanged.len();
        let more = self.workloads.iter().filter(|row| row.is_worse()).count();
        let less = self.workloads.iter().filter(|row| row.more() < -0.5).count();
        let parts = [(more, "more"), (less, "less")].map(|(n, what)| match n {
            0 => String::new(),
            1 => format!("1 loses {what}"),
            n => format!("{n} lose {what}"),
        });
        let parts: Vec<&str> = parts.iter().map(String::as_str).filter(|p| !p.is_empty()).collect();
        let parts = if parts.is_empty() {
            "as many requests as before are lost".to_owned()
        } else {
            parts.join(", ")
        };
        match changed {
            0 => format!("none of {all} workloads changes"),
            1 if all == 1 => format!("the workload changes: {parts}"),
            1 => format!("1 of {all} workloads changes: {parts}"),
            n => format!("{n} of {all} workloads change: {parts}"),
        }
    }

    /// Whether any workload loses half a request more, or no longer reaches its end.
    pub fn is_worse(&self) -> bool {
        self.workloads.iter().any(DiffRow::is_worse)
    }
}

impl DiffRow {
    /// Requests that are lost more after the change.
    pub fn more(&self) -> f64 {
        let lost = |side: &Option<Side>| side.as_ref().map_or(0.0, |side| side.lost.mean);
        lost(&self.after) - lost(&self.before)
    }

    fn is_worse(&self) -> bool {
        let incomplete = |side: &Option<Side>| side.as_ref().map_or(0.0, |side| side.incomplete);
        self.more() > 0.5 || incomplete(&self.after) > incomplete(&self.before)
    }
}
