//! A plan: a base, axes over its settings, a design, constraints. Parsed into a raw shape, then checked.

use super::{Axis, Design, Precision, RawAxis, Value};
use crate::expr::Condition;
use serde::{Deserialize, Serialize};
use toml::Spanned;

/// A plan as written.
#[derive(Clone, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawPlan {
    /// Format version: 1.
    pub schema: u32,
    /// Shown in tables and reports.
    #[serde(default)]
    pub name: String,
    /// What is simulated where no axis says otherwise.
    pub base: Base,
    /// Which points are simulated.
    #[serde(default)]
    pub design: Design,
    /// What is varied.
    #[serde(rename = "axis", default)]
    #[schemars(with = "Vec<RawAxis>")]
    pub axes: Vec<Spanned<RawAxis>>,
    /// What must hold of a point; others are dropped and counted.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub constraints: Vec<Spanned<String>>,
    /// Rollouts per point; with `precision`, the least number (10 at least).
    #[serde(default = "default_replications")]
    pub replications: u32,
    /// The same for every point.
    #[serde(default = "default_seed")]
    pub seed: u64,
    /// How requests are evaluated.
    #[serde(default)]
    pub evaluator: EvaluatorName,
    /// How narrow intervals have to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub precision: Option<Precision>,
}

/// What every point starts from. Paths are relative to the plan.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Base {
    /// A file, relative to the plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scenario: Option<String>,
    /// Files, relative to the plan.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub manifests: Vec<String>,
}

/// As `--evaluator`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema,
)]
/// `evaluator` of a plan.
#[serde(rename_all = "kebab-case")]
pub enum EvaluatorName {
    /// Integrals where they are exact, else single requests.
    #[default]
    Auto,
    /// Refused where it is not exact.
    Exact,
    /// Integrals also where they are not exact; the results are marked.
    Approximate,
    /// Single requests.
    Requests,
    /// Single requests, in step with the control plane.
    Stepped,
}

fn default_replications() -> u32 {
    20
}

fn default_seed() -> u64 {
    1
}

/// A plan, checked.
#[derive(Clone, Debug)]
pub struct Plan {
    /// For people.
    pub name: String,
    /// What is simulated where no axis says otherwise.
    pub base: Base,
    /// What is varied.
    pub axes: Vec<Axis>,
    /// Which points are simulated.
    pub design: Design,
    /// What points must keep to.
    pub constraints: Vec<String>,
    /// Of each point.
    pub replications: u32,
    /// The same for every point.
    pub seed: u64,
    /// How requests are evaluated.
    pub evaluator: EvaluatorName,
    /// How narrow intervals have to be.
    pub precision: Option<Precision>,
    conditions: Vec<Condition>,
    whens: Vec<Option<Condition>>,
    length: u64,
}

/// A mistake in a plan: where, and what to do about it.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{file}{}: {message}", line.map(|l| format!(":{l}")).unwrap_or_default())]
pub struct PlanError {
    /// As it was given.
    pub file: String,
    /// From 1.
    pub line: Option<usize>,
    /// What is wrong.
    pub message: String,
}

/// What becomes of a point of the design.
#[derive(Clone, Debug, PartialEq)]
pub enum Point {
    /// It is simulated with these values of the axes.
    Run(Vec<Value>),
    /// The constraint (by index) that it breaks.
    Dropped(usize),
    /// Another point is the same once the axes whose condition fails are left alone.
    Repeated,
}

/// How many points a plan has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PointCounts {
    /// Of the design, before anything is left out.
    pub design: u64,
    /// Left out as equal to another because of `when`.
    pub repeated: u64,
    /// Dropped by each constraint (the first that fails).
    pub dropped: Vec<u64>,
    /// The rest.
    pub run: u64,
}

impl Plan {
    /// Parses and checks the text of the plan `file` (its name in messages).
    pub fn parse(file: &str, text: &str) -> Result<Plan, PlanError> {
        let raw: RawPlan = toml::from_str(text).map_err(|e| PlanError {
            file: file.to_owned(),
            line: e.span().map(|s| line_of(text, s.start)),
            message: e.message().to_owned(),
        })?;
        let fail = |offset: Option<usize>, message: String| PlanError {
            file: file.to_owned(),
            line: offset.map(|o| line_of(text, o)),
            message,
        };
        Plan::lower(&raw, &fail)
    }

    fn lower(
        raw: &RawPlan,
        fail: &dyn Fn(Option<usize>, String) -> PlanError,
    ) -> Result<Plan, PlanError> {
        check_scalars(raw).map_err(|m| fail(None, m))?;
        let mut axes = Vec::new();
        for axis in &raw.axes {
            let offset = axis.span().start;
            axes.push(Axis::lower(axis.get_ref()).map_err(|m| fail(Some(offset), m))?);
        }
        name_apart(&mut axes).map_err(|m| fail(None, m))?;
        let length = raw.design.len(&axes).map_err(|m| fail(None, m))?;
        let mut whens = Vec::new();
        for (i, axis) in raw.axes.iter().enumerate() {
            let parse = |text: &String| condition(text, &axes[..i], "an axis before it");
            let when = axis.get_ref().when.as_ref().map(parse).transpose();
            whens.push(when.map_err(|m| fail(Some(axis.span().start), m))?);
        }
        let mut conditions = Vec::new();
        for text in &raw.constraints {
            let parsed = condition(text.get_ref(), &axes, "an axis");
            conditions.push(parsed.map_err(|m| fail(Some(text.span().start), m))?);
        }
        Ok(Plan {
            name: raw.name.clone(),
            base: raw.base.clone(),
            axes,
            design: raw.design,
            constraints: raw.constraints.iter().map(|c| c.get_ref().clone()).collect(),
            replications: raw.replications,
            seed: raw.seed,
            evaluator: raw.evaluator,
            precision: raw.precision,
            conditions,
            whens,
            length,
        })
    }

    /// Number of points of the design, before any is left out.
    pub fn len(&self) -> u64 {
        self.length
    }

    /// Whether it has no point.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Point `index` of the design.
    pub fn point(&self, index: u64) -> Point {
        let mut values = self.design.point(&self.axes, self.length, self.seed, index);
        let mut repeated = false;
        for axis in 0..self.axes.len() {
            if let Some(when) = &self.whens[axis]
                && !when.holds(&values)
            {
                repeated |= self.is_later(axis, &values[axis]);
                values[axis] = Value::Unset;
            }
        }
        if repeated {
            return Point::Repeated;
        }
        match self.conditions.iter().position(|c| !c.holds(&values)) {
            Some(broken) => Point::Dropped(broken),
            None => Point::Run(values),
        }
    }

    /// In a grid, all values of an axis that is left alone give one point: the first stands for them.
    fn is_later(&self, axis: usize, value: &Value) -> bool {
        match self.design {
            Design::Grid => *value != self.axes[axis].domain.at(0.0),
            Design::OneAtATime => *value != self.axes[axis].base,
            _ => false,
        }
    }

    /// Visits the whole design once.
    pub fn count(&self) -> PointCounts {
        let mut counts = PointCounts {
            design: self.length,
            dropped: vec![0; self.conditions.len()],
            ..PointCounts::default()
        };
        for index in 0..self.length {
            match self.point(index) {
                Point::Run(_) => counts.run += 1,
                Point::Repeated => counts.repeated += 1,
                Point::Dropped(constraint) => counts.dropped[constraint] += 1,
            }
        }
        counts
    }
}

/// More rollouts of one point are a mistake.
pub const MOST_REPLICATIONS: u32 = 1_000_000;

/// What plans and problems have in common.
pub(super) fn check_head(schema: u32, base: &Base, replications: u32) -> Result<(), String> {
    if schema != 1 {
        return Err(format!("schema = {schema} is not known here: use schema = 1"));
    }
    if base.scenario.is_none() && base.manifests.is_empty() {
        return Err("base names neither a scenario nor manifests".into());
    }
    if replications == 0 || replications > MOST_REPLICATIONS {
        return Err(format!("replications must be 1 to {MOST_REPLICATIONS}, not {replications}"));
    }
    Ok(())
}

fn check_scalars(raw: &RawPlan) -> Result<(), String> {
    check_head(raw.schema, &raw.base, raw.replications)?;
    if raw.axes.is_empty() {
        return Err("the plan has no [[axis]]".into());
    }
    raw.precision.as_ref().map_or(Ok(()), Precision::check)
}

/// Two axes with one name take their whole path as name.
pub(super) fn name_apart(axes: &mut [Axis]) -> Result<(), String> {
    let names: Vec<String> = axes.iter().map(|a| a.name.clone()).collect();
    for (i, axis) in axes.iter_mut().enumerate() {
        if names.iter().enumerate().any(|(j, n)| j != i && *n == axis.name) {
            axis.name.clone_from(&axis.path);
        }
    }
    for (i, axis) in axes.iter().enumerate() {
        if let Some(other) = axes[..i].iter().find(|a| a.path == axis.path || a.name == axis.name) {
            return Err(format!("two axes set {} (or bear its name): merge them", other.path));
        }
        if super::row::is_column(&axis.name) {
            return Err(format!(
                "axis name {:?} is also a result column: give the axis another name",
                axis.name
            ));
        }
    }
    Ok(())
}

pub(super) fn condition(text: &str, axes: &[Axis], wanted: &str) -> Result<Condition, String> {
    let lookup = |name: &str| -> Result<usize, String> {
        let known = |a: &Axis| a.name == name || a.path == name;
        // The last key is enough where only one axis has it.
        let ends = |a: &Axis| a.path.rsplit('.').next() == Some(name);
        let only =
            || (axes.iter().filter(|a| ends(a)).count() == 1).then(|| axes.iter().position(ends));
        axes.iter().position(known).or_else(|| only().flatten()).ok_or_else(|| {
            let near = axes
                .iter()
                .map(|a| (strsim::jaro_winkler(&a.name, name), &a.name))
                .filter(|(likeness, _)| *likeness > 0.7)
                .max_by(|a, b| a.0.total_cmp(&b.0));
            let names: Vec<&str> = axes.iter().map(|a| a.name.as_str()).collect();
            match near {
                Some((_, near)) => format!("'{name}' is not {wanted}; did you mean '{near}'?"),
                None => format!("'{name}' is not {wanted}; there are: {}", names.join(", ")),
            }
        })
    };
    Condition::parse(text, &lookup).map_err(|e| e.to_string())
}

pub(super) fn line_of(text: &str, offset: usize) -> usize {
    text.as_bytes().iter().take(offset).filter(|b| **b == b'\n').count() + 1
}

#[cfg(test)]
mod tests;
