//! One value of a setting, or one cell of a result table.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A value as TOML and JSON know it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// Not set: the base keeps its own value.
    Unset,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// A word, or a quantity with its unit.
    Text(String),
}

impl Value {
    /// Whether the point leaves the setting as it is.
    pub fn is_unset(&self) -> bool {
        matches!(self, Value::Unset)
    }

    /// Whether both mean the same setting: 5 and 5.0 do.
    pub fn same(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::Int(_) | Value::Float(_), Value::Int(_) | Value::Float(_)) => {
                self.number() == other.number()
            }
            (one, other) => one == other,
        }
    }

    /// The value as a number; None for texts and unset ones.
    pub fn number(&self) -> Option<f64> {
        match self {
            Value::Bool(b) => Some(f64::from(u8::from(*b))),
            Value::Int(i) => Some(*i as f64),
            Value::Float(f) => Some(*f),
            Value::Unset | Value::Text(_) => None,
        }
    }
}

impl fmt::Display for Value {
    /// Numbers in the shortest form that reads back as the same value; nothing where unset.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Unset => Ok(()),
            Value::Bool(b) => write!(f, "{b}"),
            Value::Int(i) => write!(f, "{i}"),
            Value::Float(x) => write!(f, "{x:?}"),
            Value::Text(t) => f.write_str(t),
        }
    }
}

impl From<i64> for Value {
    fn from(i: i64) -> Value {
        Value::Int(i)
    }
}

impl From<f64> for Value {
    fn from(x: f64) -> Value {
        Value::Float(x)
    }
}

impl From<&str> for Value {
    fn from(t: &str) -> Value {
        Value::Text(t.to_owned())
    }
}
