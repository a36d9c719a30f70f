//! Conditions: over the axes of a plan (`grace > preStop + 5 and mode == 'ip'`), over the figures of
//! answers; over what a release measures, in a language of their own (`program`).
//!
//! Comparisons of numbers (with + - * / and brackets), equality of texts in quotes, `and`, `or`, `not`. A
//! name may have arguments, which are part of it: `error_rate(v2, 60s)`, `result[0]`. A comparison with an
//! axis that is not set at a point holds: it says nothing about that point.

mod grammar;
pub mod program;
#[cfg(test)]
mod tests;
mod value;

pub use program::Program;
use std::fmt;
pub use value::Value;

/// A parsed condition; names are indices into the names it was parsed with.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition(Bool);

#[derive(Clone, Debug, PartialEq)]
enum Bool {
    And(Vec<Bool>),
    Or(Vec<Bool>),
    Not(Box<Bool>),
    Compare(Term, Op, Term),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Op {
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Equal,
    NotEqual,
}

#[derive(Clone, Debug, PartialEq)]
enum Term {
    Axis(usize),
    Constant(Value),
    /// Taken from left to right. A flat list: a long sum is not a deep one.
    Chain(Box<Term>, Vec<(Sign, Term)>),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Sign {
    Plus,
    Minus,
    Times,
    Over,
}

/// What is wrong with a condition, and where (a character position).
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub struct ConditionError {
    /// The condition.
    pub text: String,
    /// Where it is wrong, in characters from 0.
    pub position: usize,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for ConditionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = " ".repeat(self.position);
        write!(f, "{}\n    {}\n    {place}^", self.message, self.text)
    }
}

impl Condition {
    /// Parses `text`; `lookup` gives the index of an axis by its name.
    pub fn parse(
        text: &str,
        lookup: &dyn Fn(&str) -> Result<usize, String>,
    ) -> Result<Condition, ConditionError> {
        let fail = |position: usize, message: String| ConditionError {
            text: text.to_owned(),
            position,
            message,
        };
        grammar::parse(text, lookup).map(Condition).map_err(|(at, message)| fail(at, message))
    }

    /// Whether the condition holds at a point (one value per name, in the order of the names).
    pub fn holds(&self, point: &[Value]) -> bool {
        self.0.eval(point)
    }
}

impl Bool {
    fn eval(&self, point: &[Value]) -> bool {
        match self {
            Bool::And(parts) => parts.iter().all(|p| p.eval(point)),
            Bool::Or(parts) => parts.iter().any(|p| p.eval(point)),
            Bool::Not(part) => !part.eval(point),
            Bool::Compare(a, op, b) => compare(&a.eval(point), *op, &b.eval(point)),
        }
    }
}

impl Term {
    fn eval(&self, point: &[Value]) -> Value {
        match self {
            Term::Axis(index) => point[*index].clone(),
            Term::Constant(value) => value.clone(),
            Term::Chain(first, rest) => {
                let more = |sum: f64, (sign, term): &(Sign, Term)| {
                    let x = term.eval(point).number()?;
                    Some(match sign {
                        Sign::Plus => sum + x,
                        Sign::Minus => sum - x,
                        Sign::Times => sum * x,
                        Sign::Over => sum / x,
                    })
                };
                let first = first.eval(point).number();
                let sum = first.and_then(|first| rest.iter().try_fold(first, more));
                sum.map_or(Value::Unset, Value::Float)
            }
        }
    }
}

fn compare(a: &Value, op: Op, b: &Value) -> bool {
    if let (Some(a), Some(b)) = (a.number(), b.number()) {
        return match op {
            Op::Less => a < b,
            Op::LessEqual => a <= b,
            Op::Greater => a > b,
            Op::GreaterEqual => a >= b,
            Op::Equal => a == b,
            Op::NotEqual => a != b,
        };
    }
    if a.is_unset() || b.is_unset() {
        return true;
    }
    // Texts: equal or not; a text and a number differ.
    match op {
        Op::Equal => a == b,
        Op::NotEqual => a != b,
        _ => match (a, b) {
            (Value::Text(a), Value::Text(b)) => match op {
                Op::Less => a < b,
                Op::LessEqual => a <= b,
                Op::Greater => a > b,
                _ => a >= b,
            },
            _ => false,
        },
    }
}
