//! The answers for several workloads of one input, put in order.

use super::answer::{Answer, SCHEMA};
use super::words::printable;
use schemars::JsonSchema;
use serde::Serialize;

/// Several workloads of one input, each rolled out by itself.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Workloads {
    /// Version of the format.
    pub schema: u32,
    /// Of the input.
    pub name: String,
    /// One per workload (its `name`), worst first: rollouts that do not complete, then by requests lost.
    pub workloads: Vec<Answer>,
    /// Those that were refused or are of another kind.
    pub not_simulated: Vec<NotSimulated>,
}

/// A workload without an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct NotSimulated {
    /// Such as `deployment/web`.
    pub workload: String,
    /// The reason, for people.
    pub why: String,
}

impl Workloads {
    /// Puts the worst first.
    pub fn new(
        name: &str,
        mut workloads: Vec<Answer>,
        mut not_simulated: Vec<NotSimulated>,
    ) -> Workloads {
        workloads.sort_by(|a, b| {
            let lost = || b.lost.total.mean.total_cmp(&a.lost.total.mean);
            is_stuck(b).cmp(&is_stuck(a)).then_with(lost)
        });
        for row in &mut not_simulated {
            row.workload = printable(&row.workload);
            row.why = printable(&row.why);
        }
        Workloads { schema: SCHEMA, name: printable(name), workloads, not_simulated }
    }

    /// The answer in a sentence.
    pub fn verdict(&self) -> String {
        let all = self.workloads.len();
        let lossy = self.workloads.iter().filter(|a| a.worth_changing).count();
        let stuck = self.workloads.iter().filter(|a| is_stuck(a)).count();
        let lose = if lossy == 1 { "loses" } else { "lose" };
        let first = match stuck {
            0 => "",
            1 => "1 rollout does not complete. ",
            _ => &format!("{stuck} rollouts do not complete. "),
        };
        match lossy {
            0 => format!("{first}None of {all} workloads loses requests worth a change."),
            _ => format!("{first}{lossy} of {all} workloads {lose} requests."),
        }
    }
}

/// Something does not reach its end.
pub fn is_stuck(answer: &Answer) -> bool {
    answer.incomplete > 0.0
}
