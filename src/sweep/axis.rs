//! One axis of a plan: a setting and the values it takes.

use super::Value;
use super::row::Kind;
use crate::input::{friendly, name_of};
use serde::{Deserialize, Serialize};

/// An axis as written in the plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawAxis {
    /// The setting, by its path: `deployment.spec.strategy.rollingUpdate.maxSurge`.
    pub path: String,
    /// What to call it in tables and conditions. Default: the end of the path that tells it, such as
    /// `preStop.sleep.seconds` or `rate_per_s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The values, listed. Either this or `from` and `to`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Vec<serde_json::Value>>")]
    pub values: Option<Vec<Value>>,
    /// The lowest value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<f64>")]
    pub from: Option<Value>,
    /// The highest value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<f64>")]
    pub to: Option<Value>,
    /// Distance between values (linear only); the last value is at most `to`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<f64>")]
    pub step: Option<Value>,
    /// Number of values between `from` and `to`, both included. Either this or `step`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub points: Option<u32>,
    /// How values between are spaced.
    #[serde(default)]
    pub scale: Scale,
    /// Whether one can choose it. Default: `world` for the load, the application and cards, else `choice`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// The axis varies only where this holds; elsewhere the base keeps its own value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// The value while other axes vary (one-at-a-time designs). Default: the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<serde_json::Value>")]
    pub base: Option<Value>,
}

/// Whether an axis is for the reader to choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Somebody sets it.
    Choice,
    /// It comes as it comes: choices are compared by their worst case and their mean over it.
    World,
}

impl Role {
    /// Of an axis that does not say: what stands in a manifest is a choice.
    fn of(path: &str) -> Role {
        const WORLD: [&str; 7] =
            ["traffic", "app", "platform", "scheduler", "kubernetes", "age_s", "nodes"];
        let first = path.split(['.', '[']).next().unwrap_or(path);
        if WORLD.contains(&first) { Role::World } else { Role::Choice }
    }
}

#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema,
)]
/// How the levels of an axis are spaced.
#[serde(rename_all = "kebab-case")]
pub enum Scale {
    /// By equal differences.
    #[default]
    Linear,
    /// By equal ratios: both ends are above 0.
    Log,
}

/// An axis, validated.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    /// Of the setting, as `--set` takes it.
    pub path: String,
    /// In results and conditions.
    pub name: String,
    /// Whether one can choose it.
    pub role: Role,
    /// The values that it can take.
    pub domain: Domain,
    /// The value while other axes vary.
    pub base: Value,
    /// Whether the plan says so (else it is the first value).
    pub base_given: bool,
}

/// The values an axis takes.
#[derive(Clone, Debug, PartialEq)]
pub enum Domain {
    /// These, in this order; at least one.
    List(Vec<Value>),
    /// Anything in between: random and sequence designs only.
    Continuous { from: f64, to: f64, scale: Scale },
    /// Any whole number in between: random and sequence designs only.
    Integers { from: i64, to: i64, scale: Scale },
}

/// More values than this on one axis are a mistake.
const MOST_VALUES: u64 = 1_000_000;

impl Axis {
    /// Checks an axis; the message names the key.
    pub fn lower(raw: &RawAxis) -> Result<Axis, String> {
        if raw.path.trim().is_empty() {
            return Err("path is empty: name a setting, such as preStop.sleep.seconds".into());
        }
        let domain = match (&raw.values, &raw.from, &raw.to) {
            (Some(values), None, None) => list(raw, values)?,
            (None, Some(from), Some(to)) => range(raw, from, to)?,
            (Some(_), _, _) => return Err("give either values or from and to, not both".into()),
            _ => return Err("give values = [...], or from and to".into()),
        };
        let base = raw.base.clone().unwrap_or_else(|| domain.at(0.0));
        let name = raw.name.clone().unwrap_or_else(|| name_of(&raw.path));
        let base_given = raw.base.is_some();
        // A spreadsheet takes a column named =... for a formula.
        let begins = name.starts_with(|c: char| c.is_alphanumeric() || c == '_');
        if !begins || name.contains(char::is_control) {
            return Err(format!("name {name:?} must begin with a letter, a digit or _"));
        }
        let role = raw.role.unwrap_or_else(|| Role::of(friendly::path(&raw.path)));
        Ok(Axis { path: raw.path.clone(), name, role, domain, base, base_given })
    }
}

impl Domain {
    /// Number of values; None: not countable.
    pub fn count(&self) -> Option<u64> {
        match self {
            Domain::List(values) => Some(values.len() as u64),
            _ => None,
        }
    }

    /// What a column of such values holds: text where kinds are mixed.
    pub fn kind(&self) -> Kind {
        match self {
            Domain::Continuous { .. } => Kind::Float,
            Domain::Integers { .. } => Kind::Int,
            Domain::List(values) if values.iter().all(|v| matches!(v, Value::Int(_))) => Kind::Int,
            Domain::List(values) if values.iter().all(|v| matches!(v, Value::Bool(_))) => {
                Kind::Bool
            }
            Domain::List(values)
                if values.iter().all(|v| matches!(v, Value::Int(_) | Value::Float(_))) =>
            {
                Kind::Float
            }
            Domain::List(_) => Kind::Text,
        }
    }

    /// The value at place `u` of the domain, `0 <= u <= 1`: equal shares of [0, 1) for listed values.
    pub fn at(&self, u: f64) -> Value {
        let u = u.clamp(0.0, 1.0);
        match self {
            Domain::List(values) => {
                values[((u * values.len() as f64) as usize).min(values.len() - 1)].clone()
            }
            Domain::Continuous { from, to, scale } => Value::Float(between(*from, *to, *scale, u)),
            Domain::Integers { from, to, scale: Scale::Linear } => {
                let width = (to - from + 1) as f64;
                Value::Int((from + libm::floor(u * width) as i64).min(*to))
            }
            Domain::Integers { from, to, scale } => {
                let x = between(*from as f64, *to as f64, *scale, u);
                Value::Int((libm::round(x) as i64).clamp(*from, *to))
            }
        }
    }
}

fn between(from: f64, to: f64, scale: Scale, u: f64) -> f64 {
    if u >= 1.0 {
        return to;
    }
    match scale {
        Scale::Linear => from + (to - from) * u,
        Scale::Log => from * libm::pow(to / from, u),
    }
}

fn list(raw: &RawAxis, values: &[Value]) -> Result<Domain, String> {
    if raw.step.is_some() || raw.points.is_some() || raw.scale != Scale::Linear {
        return Err("step, points and scale go with from and to, not with values".into());
    }
    if values.is_empty() {
        return Err("values is empty".into());
    }
    if let Some(twice) = values.iter().enumerate().find(|(i, v)| values[..*i].contains(v)) {
        return Err(format!("values holds {} twice", twice.1));
    }
    if values.iter().any(|v| matches!(v, Value::Float(x) if !x.is_finite())) {
        return Err("values must be finite".into());
    }
    Ok(Domain::List(values.to_vec()))
}

fn range(raw: &RawAxis, from: &Value, to: &Value) -> Result<Domain, String> {
    let (low, high) = (finite("from", from)?, finite("to", to)?);
    if low > high {
        return Err(format!("from ({from}) is above to ({to})"));
    }
    if raw.scale == Scale::Log && low <= 0.0 {
        return Err(format!("scale = \"log\" needs from above 0, not {from}"));
    }
    match (&raw.step, raw.points) {
        (Some(_), Some(_)) => Err("give either step or points, not both".into()),
        (Some(_), None) if raw.scale == Scale::Log => {
            Err("scale = \"log\" goes with points, not with step".into())
        }
        (Some(step), None) => stepped(from, to, step),
        (None, Some(points)) => spaced(raw, from, to, points),
        (None, None) => Ok(match (from, to) {
            (Value::Int(from), Value::Int(to)) => {
                Domain::Integers { from: *from, to: *to, scale: raw.scale }
            }
            _ => Domain::Continuous { from: low, to: high, scale: raw.scale },
        }),
    }
}

fn finite(key: &str, value: &Value) -> Result<f64, String> {
    match value {
        // Whole numbers beyond 2^53 would not survive the arithmetic.
        Value::Int(i) if i.unsigned_abs() <= 1 << 53 => Ok(*i as f64),
        Value::Float(x) if x.is_finite() => Ok(*x),
        other => Err(format!("{key} must be a finite number, not {other}")),
    }
}

fn stepped(from: &Value, to: &Value, step: &Value) -> Result<Domain, String> {
    let (low, high, width) = (finite("from", from)?, finite("to", to)?, finite("step", step)?);
    if width <= 0.0 {
        return Err(format!("step must be above 0, not {step}"));
    }
    // A hair of slack, so that 0 to 1 by 0.1 includes 1.
    let count = libm::floor((high - low) / width + 1e-9) + 1.0;
    if count > MOST_VALUES as f64 {
        return Err(format!("step {step} gives {count} values; at most {MOST_VALUES} are allowed"));
    }
    let value = |i: u64| match (from, step) {
        (Value::Int(from), Value::Int(step)) => Value::Int(from + step * i as i64),
        _ => Value::Float(tidy(low + width * i as f64)),
    };
    Ok(Domain::List((0..count as u64).map(value).collect()))
}

fn spaced(raw: &RawAxis, from: &Value, to: &Value, points: u32) -> Result<Domain, String> {
    if points == 0 || u64::from(points) > MOST_VALUES {
        return Err(format!("points must be 1 to {MOST_VALUES}, not {points}"));
    }
    let (low, high) = (finite("from", from)?, finite("to", to)?);
    let place = |i: u32| f64::from(i) / f64::from((points - 1).max(1));
    let value = |i: u32| between(low, high, raw.scale, place(i));
    if let (Value::Int(_), Value::Int(_)) = (from, to) {
        let mut values: Vec<i64> = (0..points).map(|i| libm::round(value(i)) as i64).collect();
        // On a logarithmic scale the small ones may round to the same number.
        values.dedup();
        return Ok(Domain::List(values.into_iter().map(Value::Int).collect()));
    }
    let mut values: Vec<f64> = (0..points).map(|i| tidy(value(i))).collect();
    values.dedup();
    Ok(Domain::List(values.into_iter().map(Value::Float).collect()))
}

/// 0.30000000000000004 as 0.3: twelve significant digits.
fn tidy(x: f64) -> f64 {
    format!("{x:.11e}").parse().expect("a formatted number reads back")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(toml: &str) -> Result<Axis, String> {
        Axis::lower(&toml::from_str(&format!("path = \"a.b\"\n{toml}")).expect("valid TOML"))
    }

    fn values(toml: &str) -> Vec<Value> {
        match axis(toml).unwrap().domain {
            Domain::List(values) => values,
            other => panic!("not a list: {other:?}"),
        }
    }

    fn ints(values: &[i64]) -> Vec<Value> {
        values.iter().map(|i| Value::Int(*i)).collect()
    }

    fn floats(values: &[f64]) -> Vec<Value> {
        values.iter().map(|x| Value::Float(*x)).collect()
    }

    #[test]
    fn lists_and_ranges() {
        assert_eq!(values("values = [1, '25%', 0.5]"), [1.into(), "25%".into(), 0.5.into()]);
        assert_eq!(values("from = 0\nto = 31\nstep = 10"), ints(&[0, 10, 20, 30]));
        assert_eq!(values("from = 0\nto = 0.3\nstep = 0.1"), floats(&[0.0, 0.1, 0.2, 0.3]));
        assert_eq!(values("from = 0\nto = 30\npoints = 4"), ints(&[0, 10, 20, 30]));
        let logs = values("from = 0.01\nto = 10.0\npoints = 4\nscale = 'log'");
        assert_eq!(logs, floats(&[0.01, 0.1, 1.0, 10.0]));
        assert_eq!(
            values("from = 1\nto = 10\npoints = 8\nscale = 'log'"),
            ints(&[1, 2, 3, 4, 5, 7, 10])
        );
        assert_eq!(values("from = 3\nto = 3\npoints = 1"), ints(&[3]));
    }

    #[test]
    fn names_and_bases() {
        let found = axis("values = [1, 2]").unwrap();
        assert_eq!((found.name.as_str(), found.base), ("b", Value::Int(1)));
        let found = axis("values = [1, 2]\nname = 'x'\nbase = 2").unwrap();
        assert_eq!((found.name.as_str(), found.base), ("x", Value::Int(2)));
        for (path, name) in [
            ("preStop.sleep.seconds", "preStop.sleep.seconds"),
            (
                "deployment.spec.template.spec.containers.app.lifecycle.preStop.sleep.seconds",
                "preStop.sleep.seconds",
            ),
            ("deployment.spec.strategy.rollingUpdate.maxSurge", "maxSurge"),
            ("surge", "maxSurge"),
            ("traffic.rate_per_s", "rate_per_s"),
            ("ingress.metadata.annotations[alb.ingress.kubernetes.io/target-type]", "target-type"),
            ("nodes[0].max_pods", "max_pods"),
        ] {
            let raw = toml::from_str(&format!("path = '{path}'\nvalues = [1]")).unwrap();
            assert_eq!(Axis::lower(&raw).unwrap().name, name, "{path}");
        }
    }

    #[test]
    fn places_in_a_domain() {
        let domain = axis("from = 1\nto = 4").unwrap().domain;
        let at: Vec<Value> = [0.0, 0.24, 0.26, 0.99, 1.0].map(|u| domain.at(u)).to_vec();
        assert_eq!(at, ints(&[1, 1, 2, 4, 4]));
        let domain = axis("from = 1.0\nto = 100.0\nscale = 'log'").unwrap().domain;
        assert!((domain.at(0.5).number().unwrap() - 10.0).abs() < 1e-12);
        assert_eq!(domain.at(1.0), Value::Float(100.0));
        assert_eq!(axis("values = ['a', 'b']").unwrap().domain.at(0.5), "b".into());
    }

    #[test]
    fn mistakes_are_named() {
        for (toml, message) in [
            ("", "give values = [...], or from and to"),
            ("values = []", "values is empty"),
            ("values = [1, 2, 1]", "values holds 1 twice"),
            ("values = [1]\nfrom = 1\nto = 2", "give either values or from and to, not both"),
            (
                "values = [1]\nstep = 1",
                "step, points and scale go with from and to, not with values",
            ),
            ("from = 5\nto = 1", "from (5) is above to (1)"),
            ("from = 0\nto = 1\nscale = 'log'", "scale = \"log\" needs from above 0, not 0"),
            ("from = 0\nto = 1\nstep = 0", "step must be above 0, not 0"),
            ("from = 0\nto = 1\nstep = 1\npoints = 2", "give either step or points, not both"),
            ("from = 'a'\nto = 1", "from must be a finite number, not a"),
            ("from = nan\nto = 1", "from must be a finite number, not NaN"),
            ("from = 0\nto = 1\npoints = 0", "points must be 1 to 1000000, not 0"),
        ] {
            assert_eq!(axis(toml).unwrap_err(), message, "{toml}");
        }
        assert!(axis("from = 0\nto = 1\nstep = 1e-12").unwrap_err().contains("at most 1000000"));
    }
}
