//! From the tokens of a condition to its parts: operators by their ranks.

use super::tokens::{Token, refused, tokens};
use super::{Binary, Datum, Each, Function, Part, Refused};
use crate::expr::ConditionError;

/// Operators and how tightly they bind (`parser/operator/operator.go`).
const RANKS: [(&str, Binary, u32); 21] = [
    ("or", Binary::Or, 10),
    ("||", Binary::Or, 10),
    ("and", Binary::And, 15),
    ("&&", Binary::And, 15),
    ("==", Binary::Equal, 20),
    ("!=", Binary::NotEqual, 20),
    ("<", Binary::Less, 20),
    ("<=", Binary::LessEqual, 20),
    (">", Binary::Greater, 20),
    (">=", Binary::GreaterEqual, 20),
    ("in", Binary::In, 20),
    ("not in", Binary::NotIn, 20),
    ("+", Binary::Plus, 30),
    ("-", Binary::Minus, 30),
    ("*", Binary::Times, 60),
    ("/", Binary::Over, 60),
    ("%", Binary::Rest, 60),
    ("**", Binary::Power, 100),
    ("^", Binary::Power, 100),
    ("??", Binary::Else, 500),
    ("?:", Binary::Else, 1),
];
const RANK_OF_NOT: u32 = 50;
const RANK_OF_MINUS: u32 = 90;

/// Operators and functions of the language that no measurement is judged by here.
const OTHERS: [&str; 46] = [
    ":",
    "{",
    "let",
    "if",
    "matches",
    "contains",
    "startsWith",
    "endsWith",
    "..",
    "...",
    "|",
    ";",
    "?.",
    "find",
    "findIndex",
    "findLast",
    "findLastIndex",
    "groupBy",
    "sortBy",
    "sort",
    "reduce",
    "reverse",
    "flatten",
    "uniq",
    "concat",
    "join",
    "split",
    "take",
    "keys",
    "values",
    "get",
    "toPairs",
    "fromPairs",
    "string",
    "trim",
    "upper",
    "lower",
    "replace",
    "now",
    "date",
    "duration",
    "timezone",
    "toJSON",
    "fromJSON",
    "type",
    "indexOf",
];

/// How deep a condition may be nested, and how long its chains may be.
const DEEPEST: u32 = 100;
const LONGEST: usize = 1_000;

fn function(name: &str) -> Option<Function> {
    Some(match name {
        "len" => Function::Len,
        "asFloat" | "float" => Function::Number,
        "asInt" | "int" => Function::Whole,
        "isNaN" => Function::IsNaN,
        "isInf" => Function::IsInf,
        "isNil" => Function::IsNil,
        "default" => Function::Default,
        "max" => Function::Max,
        "min" => Function::Min,
        "sum" => Function::Sum,
        "mean" => Function::Mean,
        "median" => Function::Median,
        "abs" => Function::Abs,
        "ceil" => Function::Ceil,
        "floor" => Function::Floor,
        "round" => Function::Round,
        "first" => Function::First,
        "last" => Function::Last,
        _ => return None,
    })
}

fn each(name: &str) -> Option<Each> {
    Some(match name {
        "all" => Each::All,
        "any" => Each::Any,
        "one" => Each::One,
        "none" => Each::None,
        "count" => Each::Count,
        "filter" => Each::Filter,
        "map" => Each::Map,
        _ => return None,
    })
}

pub(super) fn parse(text: &str) -> Result<Part, Refused> {
    let tokens = tokens(text)?;
    let mut parser = Parser { text, tokens, next: 0, depth: 0, within: 0 };
    if parser.tokens.len() > LONGEST {
        return Err(parser.wrong("too long"));
    }
    let part = parser.expression()?;
    if parser.next < parser.tokens.len() {
        return Err(parser.out_of_place());
    }
    Ok(part)
}

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<(usize, Token)>,
    next: usize,
    depth: u32,
    /// Predicates around what is read.
    within: u32,
}

impl Parser<'_> {
    fn wrong(&self, message: &str) -> Refused {
        let end = self.text.chars().count();
        let at = self.tokens.get(self.next).map_or(end, |(at, _)| *at);
        refused(self.text, at, message.to_owned())
    }

    /// What is next does not belong here, or is not modelled.
    fn out_of_place(&self) -> Refused {
        let Some(word) = self.word() else { return self.wrong("ends too early") };
        match self.wrong(&format!("'{word}' is out of place here")) {
            Refused::Wrong(error) if OTHERS.contains(&word.as_str()) => {
                Refused::NotModelled(ConditionError {
                    message: format!("'{word}' is not modelled"),
                    ..error
                })
            }
            other => other,
        }
    }

    /// The next token in letters.
    fn word(&self) -> Option<String> {
        self.tokens.get(self.next).map(|(_, token)| match token {
            Token::Number(x) => x.to_string(),
            Token::Text(text) => text.clone(),
            Token::Name(name) => name.clone(),
            Token::Sign(sign) => (*sign).to_owned(),
        })
    }

    fn is(&mut self, word: &str) -> bool {
        let found = match self.tokens.get(self.next) {
            Some((_, Token::Name(name))) => name == word,
            Some((_, Token::Sign(sign))) => *sign == word,
            _ => false,
        };
        self.next += usize::from(found);
        found
    }

    fn expect(&mut self, sign: &str) -> Result<(), Refused> {
        if self.is(sign) { Ok(()) } else { Err(self.out_of_place()) }
    }

    fn expression(&mut self) -> Result<Part, Refused> {
        self.deeper(|parser| {
            let asked = parser.ranked(0)?;
            if !parser.is("?") {
                return Ok(asked);
            }
            let yes = parser.expression()?;
            parser.expect(":")?;
            Ok(Part::Choice(asked.into(), yes.into(), parser.expression()?.into()))
        })
    }

    /// Conditions nested deeper than anyone writes would overflow the stack.
    fn deeper(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<Part, Refused>,
    ) -> Result<Part, Refused> {
        if self.depth >= DEEPEST {
            return Err(self.wrong("nested too deeply"));
        }
        self.depth += 1;
        let part = read(self);
        self.depth -= 1;
        part
    }

    /// Operators that bind at least so tightly.
    fn ranked(&mut self, least: u32) -> Result<Part, Refused> {
        let mut left = self.unary()?;
        while let Some((op, rank, length)) = self.operator().filter(|(_, rank, _)| *rank >= least) {
            self.next += length;
            let tighter = if op == Binary::Power { rank } else { rank + 1 };
            let right = self.deeper(|parser| parser.ranked(tighter))?;
            left = Part::Binary(op, left.into(), right.into());
        }
        Ok(left)
    }

    /// The next operator, how tightly it binds and of how many tokens it is.
    fn operator(&self) -> Option<(Binary, u32, usize)> {
        let (word, length) = match self.word()?.as_str() {
            "not" if matches!(self.tokens.get(self.next + 1), Some((_, Token::Name(n))) if n == "in") => {
                ("not in".to_owned(), 2)
            }
            word => (word.to_owned(), 1),
        };
        if matches!(self.tokens[self.next].1, Token::Text(_) | Token::Number(_)) {
            return None;
        }
        let found = RANKS.iter().find(|(sign, ..)| *sign == word);
        found.map(|(_, op, rank)| (*op, *rank, length))
    }

    fn unary(&mut self) -> Result<Part, Refused> {
        if self.is("!") || self.is("not") {
            let inside = self.deeper(|parser| parser.ranked(RANK_OF_NOT))?;
            return Ok(Part::Not(inside.into()));
        }
        if self.is("-") {
            let inside = self.deeper(|parser| parser.ranked(RANK_OF_MINUS))?;
            return Ok(Part::Minus(inside.into()));
        }
        let mut part = self.primary()?;
        loop {
            if self.is(".") {
                part = Part::Member(part.into(), self.name()?);
            } else if self.is("[") {
                let place = self.expression()?;
                self.expect("]")?;
                part = Part::Index(part.into(), place.into());
            } else {
                return Ok(part);
            }
        }
    }

    fn name(&mut self) -> Result<String, Refused> {
        match self.tokens.get(self.next) {
            Some((_, Token::Name(name))) => {
                self.next += 1;
                Ok(name.clone())
            }
            _ => Err(self.out_of_place()),
        }
    }

    fn primary(&mut self) -> Result<Part, Refused> {
        if self.is("(") {
            let inside = self.expression()?;
            self.expect(")")?;
            return Ok(inside);
        }
        if self.is("[") {
            return self.list("]").map(Part::List);
        }
        // A name after a dot alone is a member of the element.
        let element = self.within > 0;
        if element && self.is("#") {
            return Ok(Part::Element);
        }
        if element && self.is(".") {
            return Ok(Part::Member(Part::Element.into(), self.name()?));
        }
        let token = self.tokens.get(self.next).map(|(_, token)| token.clone());
        match token {
            Some(Token::Number(x)) => self.constant(Datum::Number(x)),
            Some(Token::Text(text)) => self.constant(Datum::Text(text)),
            Some(Token::Name(name)) => match name.as_str() {
                "true" | "false" => self.constant(Datum::Bool(name == "true")),
                "nil" => self.constant(Datum::Nil),
                "result" => {
                    self.next += 1;
                    Ok(Part::Result)
                }
                _ => self.call(&name),
            },
            _ => Err(self.out_of_place()),
        }
    }

    fn constant(&mut self, datum: Datum) -> Result<Part, Refused> {
        self.next += 1;
        Ok(Part::Constant(datum))
    }

    fn call(&mut self, name: &str) -> Result<Part, Refused> {
        if OTHERS.contains(&name) {
            return Err(self.out_of_place());
        }
        let (function, each) = (function(name), each(name));
        if function.is_none() && each.is_none() {
            return Err(self.wrong(&format!("unknown name '{name}': the value is result")));
        }
        self.next += 1;
        self.expect("(")?;
        if let Some(function) = function {
            return self.list(")").map(|given| Part::Call(function, given));
        }
        let list = self.expression()?;
        self.expect(",")?;
        self.within += 1;
        let braces = self.is("{");
        let predicate = self.expression()?;
        if braces {
            self.expect("}")?;
        }
        self.within -= 1;
        self.expect(")")?;
        Ok(Part::Each(each.expect("one of the two"), list.into(), predicate.into()))
    }

    /// Up to `end`, with commas between.
    fn list(&mut self, end: &str) -> Result<Vec<Part>, Refused> {
        let mut parts = Vec::new();
        if self.is(end) {
            return Ok(parts);
        }
        loop {
            parts.push(self.expression()?);
            if !self.is(",") {
                self.expect(end)?;
                return Ok(parts);
            }
        }
    }
}
