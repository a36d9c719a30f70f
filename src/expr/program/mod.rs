//! Conditions as releases have them, over what a provider of metrics gives:
//! `len(result) == 0 || result[0] >= 0.95`.
//!
//! The language of expr-lang/expr 1.17 (`docs/language-definition.md`, `checker/checker.go`), as far as a
//! measurement can be judged by it, with the functions that `utils/evaluate/evaluate.go` of
//! argoproj/argo-rollouts adds. Unlike a [`Condition`](super::Condition) it knows lists and nothing at all,
//! and may fail: what has the wrong type fails wherever it stands, an element that is not there only if it is
//! asked for.

mod judge;
mod parse;
#[cfg(test)]
mod tests;
mod tokens;

use super::ConditionError;
use std::fmt;

/// What a provider gives, and what comes out of a part of a condition.
#[derive(Clone, Debug, PartialEq)]
pub enum Datum {
    /// `nil`.
    Nil,
    /// `true` or `false`.
    Bool(bool),
    /// Any number.
    Number(f64),
    /// A text.
    Text(String),
    /// Any number of elements.
    List(Vec<Datum>),
    /// Members by their names.
    Record(Vec<(String, Datum)>),
    /// A document of which only its number is known: that is each member and element of it, and itself.
    Document(f64),
}

/// A condition that has been read.
#[derive(Clone, Debug, PartialEq)]
pub struct Program {
    text: String,
    root: Part,
}

/// Why a condition is none that can be judged.
#[derive(Clone, Debug, PartialEq)]
pub enum Refused {
    /// It is wrong in that language too.
    Wrong(ConditionError),
    /// The language has it, but it is not modelled.
    NotModelled(ConditionError),
}

/// Why a condition has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Something has a type with which this cannot be done: found before anything is judged.
    Type,
    /// Something is not there.
    Missing,
}

#[derive(Clone, Debug, PartialEq)]
enum Part {
    Constant(Datum),
    Result,
    /// `#` of a predicate.
    Element,
    Member(Box<Part>, String),
    Index(Box<Part>, Box<Part>),
    List(Vec<Part>),
    Not(Box<Part>),
    Minus(Box<Part>),
    Binary(Binary, Box<Part>, Box<Part>),
    Choice(Box<Part>, Box<Part>, Box<Part>),
    Call(Function, Vec<Part>),
    Each(Each, Box<Part>, Box<Part>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Binary {
    Or,
    And,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    In,
    NotIn,
    Plus,
    Minus,
    Times,
    Over,
    Rest,
    Power,
    Else,
}

/// Functions of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Function {
    Len,
    Number,
    Whole,
    IsNaN,
    IsInf,
    IsNil,
    Default,
    Max,
    Min,
    Sum,
    Mean,
    Median,
    Abs,
    Ceil,
    Floor,
    Round,
    First,
    Last,
}

/// Functions of a list and a predicate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Each {
    All,
    Any,
    One,
    None,
    Count,
    Filter,
    Map,
}

impl Program {
    /// Reads `text`, which speaks of `result`.
    pub fn parse(text: &str) -> Result<Program, Refused> {
        let root = parse::parse(text)?;
        Ok(Program { text: text.to_owned(), root })
    }

    /// Whether it holds for what a provider gave.
    pub fn holds(&self, result: &Datum) -> Result<bool, Fault> {
        match judge::value(&self.root, judge::Scope { result, element: None })? {
            Datum::Bool(holds) => Ok(holds),
            _ => Err(Fault::Type),
        }
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Refused {
    /// What is wrong, and where.
    pub fn error(&self) -> &ConditionError {
        match self {
            Refused::Wrong(error) | Refused::NotModelled(error) => error,
        }
    }
}
