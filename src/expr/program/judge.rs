//! What a part of a condition comes to.

use super::{Binary, Datum, Each, Fault, Function, Part};

/// What names stand for.
#[derive(Clone, Copy)]
pub(super) struct Scope<'a> {
    /// `result`.
    pub result: &'a Datum,
    /// `#`, within a predicate.
    pub element: Option<&'a Datum>,
}

type Found = Result<Datum, Fault>;

pub(super) fn value(part: &Part, scope: Scope<'_>) -> Found {
    let of = |part: &Part| value(part, scope);
    match part {
        Part::Constant(datum) => Ok(datum.clone()),
        Part::Result => Ok(scope.result.clone()),
        Part::Element => scope.element.cloned().ok_or(Fault::Type),
        Part::Member(of_it, name) => member(of(of_it)?, name),
        Part::Index(list, place) => index(of(list)?, &of(place)?),
        Part::List(parts) => parts.iter().map(of).collect::<Result<_, _>>().map(Datum::List),
        Part::Not(inside) => Ok(Datum::Bool(!bool(&of(inside)?)?)),
        Part::Minus(inside) => Ok(Datum::Number(-number(&of(inside)?)?)),
        Part::Binary(Binary::Or, a, b) => either(of(a), of(b), true),
        Part::Binary(Binary::And, a, b) => either(of(a), of(b), false),
        Part::Binary(Binary::Else, a, b) => match of(a)? {
            Datum::Nil => of(b),
            found => Ok(found),
        },
        Part::Binary(op, a, b) => binary(*op, &of(a)?, &of(b)?),
        Part::Choice(asked, yes, no) => {
            let asked = bool(&of(asked)?)?;
            let (yes, no) = (of(yes), of(no));
            if [&yes, &no].contains(&&Err(Fault::Type)) {
                return Err(Fault::Type);
            }
            if asked { yes } else { no }
        }
        Part::Call(function, given) => {
            let given: Vec<Datum> = given.iter().map(of).collect::<Result<_, _>>()?;
            call(*function, &given, scope.result)
        }
        Part::Each(each, list, predicate) => {
            let Datum::List(list) = listed(of(list)?) else { return Err(Fault::Type) };
            all_of(*each, &list, &|element| {
                value(predicate, Scope { element: Some(element), ..scope })
            })
        }
    }
}

/// `||` where `ends` is true, else `&&`. The second part is not judged where the first decides, but its types
/// are.
fn either(a: Found, b: Found, ends: bool) -> Found {
    let b = b.and_then(|b| bool(&b));
    if b == Err(Fault::Type) {
        return Err(Fault::Type);
    }
    let a = bool(&a?)?;
    Ok(Datum::Bool(if a == ends { a } else { b? }))
}

fn bool(datum: &Datum) -> Result<bool, Fault> {
    match datum {
        Datum::Bool(bool) => Ok(*bool),
        _ => Err(Fault::Type),
    }
}

fn number(datum: &Datum) -> Result<f64, Fault> {
    match datum {
        Datum::Number(x) | Datum::Document(x) => Ok(*x),
        _ => Err(Fault::Type),
    }
}

/// A document is a list of one.
fn listed(datum: Datum) -> Datum {
    match datum {
        Datum::Document(_) => Datum::List(vec![datum]),
        other => other,
    }
}

fn member(of: Datum, name: &str) -> Found {
    match of {
        Datum::Record(members) => {
            let found = members.into_iter().find(|(key, _)| key == name);
            found.map(|(_, datum)| datum).ok_or(Fault::Type)
        }
        Datum::Document(_) => Ok(of),
        _ => Err(Fault::Type),
    }
}

/// Negative places count from the end.
fn index(of: Datum, place: &Datum) -> Found {
    match (of, place) {
        (of, Datum::Text(name)) => member(of, name),
        (Datum::List(list), Datum::Number(place)) => {
            let place = if *place < 0.0 { list.len() as f64 + place } else { *place };
            let there = place >= 0.0 && place < list.len() as f64;
            if there { Ok(list[place as usize].clone()) } else { Err(Fault::Missing) }
        }
        (of @ Datum::Document(_), Datum::Number(_)) => Ok(of),
        _ => Err(Fault::Type),
    }
}

fn binary(op: Binary, a: &Datum, b: &Datum) -> Found {
    if matches!(op, Binary::Equal | Binary::NotEqual) {
        return Ok(Datum::Bool(same(a, b)? == (op == Binary::Equal)));
    }
    if matches!(op, Binary::In | Binary::NotIn) {
        let Datum::List(list) = listed(b.clone()) else { return Err(Fault::Type) };
        let found = list.iter().any(|element| same(a, element) == Ok(true));
        return Ok(Datum::Bool(found == (op == Binary::In)));
    }
    if let (Datum::Text(a), Datum::Text(b)) = (a, b) {
        return match op {
            Binary::Plus => Ok(Datum::Text(format!("{a}{b}"))),
            _ => ordered(op, a, b).map(Datum::Bool).ok_or(Fault::Type),
        };
    }
    let (a, b) = (number(a)?, number(b)?);
    if let Some(holds) = ordered(op, &a, &b) {
        return Ok(Datum::Bool(holds));
    }
    Ok(Datum::Number(match op {
        Binary::Plus => a + b,
        Binary::Minus => a - b,
        Binary::Times => a * b,
        Binary::Over => a / b,
        Binary::Rest if b != 0.0 => a % b,
        Binary::Rest => return Err(Fault::Missing),
        _ => libm::pow(a, b),
    }))
}

/// None: `op` does not compare.
fn ordered<T: PartialOrd>(op: Binary, a: &T, b: &T) -> Option<bool> {
    match op {
        Binary::Less => Some(a < b),
        Binary::LessEqual => Some(a <= b),
        Binary::Greater => Some(a > b),
        Binary::GreaterEqual => Some(a >= b),
        _ => None,
    }
}

/// Anything may be asked whether it is nil; else only what has the same type is compared.
fn same(a: &Datum, b: &Datum) -> Result<bool, Fault> {
    match (a, b) {
        (Datum::Nil, _) | (_, Datum::Nil) => Ok(a == b),
        (Datum::Bool(a), Datum::Bool(b)) => Ok(a == b),
        (Datum::Text(a), Datum::Text(b)) => Ok(a == b),
        (Datum::List(_), Datum::List(_)) | (Datum::Record(_), Datum::Record(_)) => Ok(a == b),
        _ => Ok(number(a)? == number(b)?),
    }
}

fn call(function: Function, given: &[Datum], result: &Datum) -> Found {
    let first = given.first().ok_or(Fault::Type)?;
    let real = |of: fn(f64) -> f64| number(first).map(of).map(Datum::Number);
    match function {
        Function::Len => match listed(first.clone()) {
            Datum::List(list) => Ok(Datum::Number(list.len() as f64)),
            Datum::Text(text) => Ok(Datum::Number(text.chars().count() as f64)),
            Datum::Record(members) => Ok(Datum::Number(members.len() as f64)),
            _ => Err(Fault::Type),
        },
        Function::Number => as_number(first).map(Datum::Number),
        Function::Whole => match first {
            Datum::Text(text) => {
                text.parse::<i64>().map(|n| Datum::Number(n as f64)).map_err(|_| Fault::Missing)
            }
            other => as_number(other).map(libm::trunc).map(Datum::Number),
        },
        Function::IsNaN => number(first).map(|x| Datum::Bool(x.is_nan())),
        Function::IsInf => number(first).map(|x| Datum::Bool(x.is_infinite())),
        // Both look at the result, whatever they are given.
        Function::IsNil => Ok(Datum::Bool(*result == Datum::Nil)),
        Function::Default => match result {
            Datum::Nil => given.get(1).cloned().ok_or(Fault::Type),
            result => Ok(result.clone()),
        },
        Function::Abs => real(f64::abs),
        Function::Ceil => real(libm::ceil),
        Function::Floor => real(libm::floor),
        Function::Round => real(libm::round),
        Function::First => index(listed(first.clone()), &Datum::Number(0.0)),
        Function::Last => index(listed(first.clone()), &Datum::Number(-1.0)),
        Function::Max | Function::Min | Function::Sum | Function::Mean | Function::Median => {
            several(function, &numbers(given)?)
        }
    }
}

/// `asFloat`; a text that is no number fails when it is asked.
fn as_number(datum: &Datum) -> Result<f64, Fault> {
    match datum {
        Datum::Text(text) => text.parse().map_err(|_| Fault::Missing),
        Datum::Nil => Err(Fault::Missing),
        other => number(other),
    }
}

/// All numbers that are given, in lists or alone.
fn numbers(given: &[Datum]) -> Result<Vec<f64>, Fault> {
    let mut all = Vec::new();
    for one in given {
        match one {
            Datum::List(list) => all.extend(numbers(list)?),
            other => all.push(number(other)?),
        }
    }
    Ok(all)
}

fn several(function: Function, all: &[f64]) -> Found {
    let sum: f64 = all.iter().sum();
    let least = |a: f64, b: f64| if b < a { b } else { a };
    let most = |a: f64, b: f64| if b > a { b } else { a };
    Ok(Datum::Number(match function {
        Function::Sum => sum,
        Function::Max => all.iter().copied().reduce(most).ok_or(Fault::Missing)?,
        Function::Min => all.iter().copied().reduce(least).ok_or(Fault::Missing)?,
        Function::Mean if all.is_empty() => 0.0,
        Function::Mean => sum / all.len() as f64,
        _ => {
            let mut sorted = all.to_vec();
            sorted.sort_by(f64::total_cmp);
            match sorted.len() {
                0 => 0.0,
                n if n % 2 == 1 => sorted[n / 2],
                n => f64::midpoint(sorted[n / 2 - 1], sorted[n / 2]),
            }
        }
    }))
}

fn all_of(each: Each, list: &[Datum], of: &dyn Fn(&Datum) -> Found) -> Found {
    if each == Each::Map {
        return list.iter().map(of).collect::<Result<_, _>>().map(Datum::List);
    }
    let mut kept = Vec::new();
    for element in list {
        if bool(&of(element)?)? {
            kept.push(element.clone());
        }
    }
    Ok(match each {
        Each::All => Datum::Bool(kept.len() == list.len()),
        Each::Any => Datum::Bool(!kept.is_empty()),
        Each::One => Datum::Bool(kept.len() == 1),
        Each::None => Datum::Bool(kept.is_empty()),
        Each::Count => Datum::Number(kept.len() as f64),
        Each::Filter | Each::Map => Datum::List(kept),
    })
}
