//! What to search: settings with their ranges, the goal, the cost.

use crate::sweep::plan::{check_head, condition, line_of, name_apart};
use crate::sweep::{
    Axis, Base, Condition, Domain, EvaluatorName, Figures, PlanError, RawAxis, Scale, Value,
};
use serde::{Deserialize, Serialize};
use toml::Spanned;

/// A problem as written.
#[derive(Clone, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawProblem {
    /// Format version: 1.
    pub schema: u32,
    /// For people.
    #[serde(default)]
    pub name: String,
    /// What is simulated where nothing is set.
    pub base: Base,
    /// What must be kept.
    #[serde(default)]
    pub goal: Goal,
    /// What is to be small.
    #[serde(default)]
    pub cost: Cost,
    /// As the axes of a plan; `base` is today's value, against which prices are reckoned. Default: what the
    /// base files hold.
    #[serde(rename = "setting", default)]
    #[schemars(with = "Vec<RawAxis>")]
    pub settings: Vec<Spanned<RawAxis>>,
    /// What must hold of the settings together.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub constraints: Vec<Spanned<String>>,
    /// Rollouts per point during the search; the winner is run again with five times as many, and at least
    /// 1,000 if nothing may be lost.
    #[serde(default = "default_replications")]
    pub replications: u32,
    /// The same for every candidate.
    #[serde(default = "default_seed")]
    pub seed: u64,
    /// How requests are evaluated.
    #[serde(default)]
    pub evaluator: EvaluatorName,
    /// Most points to evaluate.
    #[serde(default = "default_evaluations")]
    pub max_evaluations: u32,
}

fn default_replications() -> u32 {
    40
}

fn default_seed() -> u64 {
    1
}

fn default_evaluations() -> u32 {
    3000
}

/// What must be reached.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Goal {
    /// At most this many lost requests per rollout in expectation. "None" is read as at most one in a
    /// thousand rollouts, since the tail of a response-time distribution never ends.
    #[serde(default)]
    pub failed: f64,
    /// Instead of `failed` = 0: a rollout loses none with at least this probability.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probability_none: Option<f64>,
}

impl Default for Goal {
    fn default() -> Goal {
        Goal { failed: 0.0, probability_none: None }
    }
}

/// What counts as none, in requests per rollout.
const NONE: f64 = 0.001;

impl Goal {
    /// The bound on lost requests per rollout; None: only the probability counts.
    pub fn failed_limit(&self) -> Option<f64> {
        match self.probability_none {
            Some(_) if self.failed == 0.0 => None,
            _ => Some(self.failed.max(NONE)),
        }
    }

    /// Whether these replications, some of `total`, miss the goal however the others turn out.
    pub(super) fn is_lost<'a>(
        &self,
        figures: impl IntoIterator<Item = &'a Figures>,
        total: u32,
    ) -> bool {
        let (mut lost, mut risk) = (0.0, 0.0);
        for f in figures {
            if f.duration_s.is_none() {
                return true;
            }
            lost += f.failed;
            risk += 1.0 - f.probability_none;
        }
        let most = |limit: f64| limit * f64::from(total);
        self.failed_limit().is_some_and(|limit| lost > most(limit))
            || self.probability_none.is_some_and(|p| risk > most(1.0 - p))
    }
}

/// What is to be small: a weighted sum.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cost {
    /// Per second of rollout.
    #[serde(default)]
    pub duration_s: f64,
    /// Per pod above the desired number and second.
    #[serde(default)]
    pub surge_pod_seconds: f64,
    /// Per pod at the peak.
    #[serde(default)]
    pub peak_pods: f64,
}

impl Default for Cost {
    fn default() -> Cost {
        Cost { duration_s: 1.0, surge_pod_seconds: 0.0, peak_pods: 0.0 }
    }
}

/// A setting as it is today.
#[derive(Clone, Debug, PartialEq)]
pub struct Today {
    /// What stands in the base, else the default; unset where no default is known.
    pub value: Value,
    /// Whether a file or the problem says so.
    pub set: bool,
    /// Whether the base holds it: then it is run by leaving the base alone.
    pub in_base: bool,
}

impl Today {
    /// What the base holds: its value, or else the default that applies.
    pub fn of_base(value: Option<Value>, default: Option<Value>) -> Today {
        let set = value.is_some();
        Today { value: value.or(default).unwrap_or(Value::Unset), set, in_base: true }
    }
}

impl std::fmt::Display for Today {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.set, &self.value) {
            (true, value) => write!(f, "{value}"),
            (false, Value::Unset) => f.write_str("not set"),
            (false, default) => write!(f, "not set ({default} by default)"),
        }
    }
}

/// Stands for the level of a setting that is left as it is today, where its value is none of the levels.
pub(super) const AS_TODAY: u64 = u64::MAX;

/// A problem, checked.
#[derive(Clone, Debug)]
pub struct Problem {
    /// For people.
    pub name: String,
    /// What is simulated where nothing is set.
    pub base: Base,
    /// What must be kept.
    pub goal: Goal,
    /// What is to be small.
    pub cost: Cost,
    /// What may be changed, and how far.
    pub settings: Vec<Axis>,
    /// For each setting.
    pub today: Vec<Today>,
    /// What candidates must keep to.
    pub constraints: Vec<String>,
    /// Of each candidate.
    pub replications: u32,
    /// The same for every candidate.
    pub seed: u64,
    /// How requests are evaluated.
    pub evaluator: EvaluatorName,
    /// Candidates at most.
    pub max_evaluations: u32,
    conditions: Vec<Condition>,
}

/// A continuous setting is searched in so many equal parts of its range.
const PARTS: u64 = 4096;
/// What is evaluated is kept in memory.
const MOST_EVALUATIONS: u32 = 1_000_000;

impl Problem {
    /// Parses and checks the text of the problem `file` (its name in messages).
    pub fn parse(file: &str, text: &str) -> Result<Problem, PlanError> {
        let fail = |offset: Option<usize>, message: String| PlanError {
            file: file.to_owned(),
            line: offset.map(|o| line_of(text, o)),
            message,
        };
        let raw: RawProblem = toml::from_str(text)
            .map_err(|e| fail(e.span().map(|s| s.start), e.message().to_owned()))?;
        check_scalars(&raw).map_err(|m| fail(None, m))?;
        let mut settings = Vec::new();
        for axis in &raw.settings {
            let offset = Some(axis.span().start);
            if axis.get_ref().when.is_some() {
                return Err(fail(offset, "a setting to search takes no when".into()));
            }
            settings.push(Axis::lower(axis.get_ref()).map_err(|m| fail(offset, m))?);
        }
        name_apart(&mut settings).map_err(|m| fail(None, m))?;
        let mut conditions = Vec::new();
        for text in &raw.constraints {
            let parsed = condition(text.get_ref(), &settings, "a setting");
            conditions.push(parsed.map_err(|m| fail(Some(text.span().start), m))?);
        }
        let today = |s: &Axis| Today { value: s.base.clone(), set: true, in_base: false };
        Ok(Problem {
            today: settings.iter().map(today).collect(),
            name: raw.name,
            base: raw.base,
            goal: raw.goal,
            cost: raw.cost,
            settings,
            constraints: raw.constraints.into_iter().map(Spanned::into_inner).collect(),
            replications: raw.replications,
            seed: raw.seed,
            evaluator: raw.evaluator,
            max_evaluations: raw.max_evaluations,
            conditions,
        })
    }

    /// How many values a setting has.
    pub fn levels(&self, setting: usize) -> u64 {
        match &self.settings[setting].domain {
            Domain::List(values) => values.len() as u64,
            Domain::Integers { from, to, scale: Scale::Linear } => (to - from + 1) as u64,
            Domain::Integers { from, to, .. } => ((to - from + 1) as u64).min(PARTS + 1),
            Domain::Continuous { .. } => PARTS + 1,
        }
    }

    /// The value of a setting at one of its levels.
    pub fn value(&self, setting: usize, level: u64) -> Value {
        if level == AS_TODAY {
            return self.today[setting].value.clone();
        }
        match &self.settings[setting].domain {
            Domain::List(values) => values[level as usize].clone(),
            Domain::Integers { from, scale: Scale::Linear, .. } => Value::Int(from + level as i64),
            domain => {
                let last = (self.levels(setting) - 1).max(1);
                domain.at(level as f64 / last as f64)
            }
        }
    }

    /// The setting of each axis at these levels.
    pub fn values(&self, levels: &[u64]) -> Vec<Value> {
        levels.iter().enumerate().map(|(i, level)| self.value(i, *level)).collect()
    }

    /// What an evaluator is given: nothing for what stays as it is in the base.
    pub(super) fn run_values(&self, levels: &[u64]) -> Vec<Value> {
        let value = |(i, level): (usize, &u64)| match *level == AS_TODAY && self.today[i].in_base {
            true => Value::Unset,
            false => self.value(i, *level),
        };
        levels.iter().enumerate().map(value).collect()
    }

    /// Whether the constraints allow these settings.
    pub fn allows(&self, values: &[Value]) -> bool {
        self.conditions.iter().all(|c| c.holds(values))
    }

    /// The level that is today's value, or [`AS_TODAY`] where none is.
    pub(super) fn today_level(&self, setting: usize) -> u64 {
        let nearest = self.nearest_to_today(setting);
        match self.value(setting, nearest).same(&self.today[setting].value) {
            true => nearest,
            false => AS_TODAY,
        }
    }

    /// The level nearest to a setting's value of today; the first where nothing is near.
    pub(super) fn nearest_to_today(&self, setting: usize) -> u64 {
        let today = &self.today[setting].value;
        let levels = self.levels(setting);
        let Some(wanted) = today.number() else {
            return (0..levels).find(|l| self.value(setting, *l) == *today).unwrap_or(0);
        };
        let off = |level: u64| {
            let value = self.value(setting, level).number();
            value.map_or(f64::INFINITY, |v| libm::fabs(v - wanted))
        };
        if let Domain::List(_) = self.settings[setting].domain {
            return (0..levels).min_by(|a, b| off(*a).total_cmp(&off(*b))).unwrap_or(0);
        }
        // Values rise with the level: halve.
        let (mut low, mut high) = (0, levels - 1);
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if self.value(setting, middle).number().is_some_and(|v| v <= wanted) {
                low = middle;
            } else {
                high = middle;
            }
        }
        if off(low) <= off(high) { low } else { high }
    }
}

fn check_scalars(raw: &RawProblem) -> Result<(), String> {
    check_head(raw.schema, &raw.base, raw.replications)?;
    if raw.settings.is_empty() {
        return Err("the problem has no [[setting]]".into());
    }
    if raw.max_evaluations == 0 || raw.max_evaluations > MOST_EVALUATIONS {
        let given = raw.max_evaluations;
        return Err(format!("max_evaluations must be 1 to {MOST_EVALUATIONS}, not {given}"));
    }
    if !(raw.goal.failed >= 0.0 && raw.goal.failed.is_finite()) {
        return Err(format!("goal.failed must be 0 or more, not {}", raw.goal.failed));
    }
    if raw.goal.probability_none.is_some_and(|p| !(p > 0.0 && p <= 1.0)) {
        return Err("goal.probability_none must be above 0 and at most 1".into());
    }
    let weights = [raw.cost.duration_s, raw.cost.surge_pod_seconds, raw.cost.peak_pods];
    if weights.iter().any(|w| !(*w >= 0.0 && w.is_finite())) || weights.iter().all(|w| *w == 0.0) {
        return Err("cost: weights must be 0 or more, and one of them above 0".into());
    }
    Ok(())
}
