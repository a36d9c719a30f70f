//! From the text of a condition to its parts: tokens, then a descent with one function for each rank.

use super::{Bool, Op, Sign, Term};
use crate::expr::Value;
use std::fmt;

/// Where a text is wrong, in characters from 0, and what is wrong there.
pub(super) type Failure = (usize, String);

/// The condition in `text`; `lookup` gives the index of a name.
pub(super) fn parse(
    text: &str,
    lookup: &dyn Fn(&str) -> Result<usize, String>,
) -> Result<Bool, Failure> {
    let tokens = tokens(text)?;
    let mut parser = Parser { tokens, next: 0, depth: 0, lookup, end: text.chars().count() };
    let bool = parser.or()?;
    match parser.peek() {
        None => Ok(bool),
        Some(token) => Err((parser.at(), format!("{token} is out of place here"))),
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Number(f64),
    Text(String),
    Name(String),
    Sign(&'static str),
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Token::Number(x) => write!(f, "{x}"),
            Token::Text(t) => write!(f, "'{t}'"),
            Token::Name(n) => write!(f, "'{n}'"),
            Token::Sign(s) => write!(f, "'{s}'"),
        }
    }
}

const SIGNS: [&str; 13] = ["<=", ">=", "==", "!=", "<", ">", "=", "+", "-", "*", "/", "(", ")"];

fn tokens(text: &str) -> Result<Vec<(usize, Token)>, Failure> {
    let chars: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        let c = chars[at];
        if c.is_whitespace() {
            at += 1;
            continue;
        }
        let (token, length) = token(&chars[at..]).map_err(|message| (at, message))?;
        tokens.push((at, token));
        at += length;
    }
    Ok(tokens)
}

/// The token at the start of `chars`, which is not empty, and its length.
fn token(chars: &[char]) -> Result<(Token, usize), String> {
    let c = chars[0];
    let run =
        |keep: fn(char) -> bool| -> String { chars.iter().take_while(|c| keep(**c)).collect() };
    if c.is_ascii_digit() || (c == '.' && chars.get(1).is_some_and(char::is_ascii_digit)) {
        let word = run(|c| c.is_ascii_alphanumeric() || c == '.');
        let number = word.parse().map_err(|_| format!("'{word}' is not a number"))?;
        return Ok((Token::Number(number), word.chars().count()));
    }
    if c.is_alphabetic() || c == '_' {
        let word = run(|c| c.is_alphanumeric() || c == '_' || c == '.');
        let length = word.chars().count();
        return with_arguments(word, &chars[length..], length);
    }
    if c == '\'' || c == '"' || c == '`' {
        let inside: String = chars[1..].iter().take_while(|x| **x != c).collect();
        let length = inside.chars().count() + 2;
        if length > chars.len() {
            return Err(format!("the {c} has no end"));
        }
        // Backticks quote a name that holds other characters, such as a path with dashes.
        return Ok((if c == '`' { Token::Name(inside) } else { Token::Text(inside) }, length));
    }
    let two: String = chars.iter().take(2).collect();
    match two.as_str() {
        "&&" => return Ok((Token::Name("and".into()), 2)),
        "||" => return Ok((Token::Name("or".into()), 2)),
        _ => {}
    }
    let sign = SIGNS.iter().find(|s| two.starts_with(**s));
    sign.map(|s| (Token::Sign(s), s.len())).ok_or_else(|| format!("'{c}' is not understood"))
}

/// A name, with the arguments in brackets that follow it at once; spaces within them are none of it.
fn with_arguments(word: String, rest: &[char], length: usize) -> Result<(Token, usize), String> {
    let close = match rest.first() {
        Some('(') if !["and", "or", "not"].contains(&word.as_str()) => ')',
        Some('[') => ']',
        _ => return Ok((Token::Name(word), length)),
    };
    let Some(end) = rest.iter().position(|c| *c == close) else {
        return Err(format!("'{}' has no end", rest[0]));
    };
    let inside = rest[..=end].iter().filter(|c| !c.is_whitespace());
    Ok((Token::Name(word.chars().chain(inside.copied()).collect()), length + end + 1))
}

struct Parser<'a> {
    tokens: Vec<(usize, Token)>,
    next: usize,
    depth: u32,
    lookup: &'a dyn Fn(&str) -> Result<usize, String>,
    end: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next).map(|(_, t)| t)
    }

    fn at(&self) -> usize {
        self.tokens.get(self.next).map_or(self.end, |(at, _)| *at)
    }

    fn word(&mut self, word: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Name(n)) if n == word);
        self.next += usize::from(found);
        found
    }

    fn sign(&mut self, signs: &[&'static str]) -> Option<&'static str> {
        let found = match self.peek() {
            Some(Token::Sign(s)) if signs.contains(s) => Some(*s),
            _ => None,
        };
        self.next += usize::from(found.is_some());
        found
    }

    fn or(&mut self) -> Result<Bool, Failure> {
        let mut parts = vec![self.and()?];
        while self.word("or") {
            parts.push(self.and()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Bool::Or(parts) })
    }

    fn and(&mut self) -> Result<Bool, Failure> {
        let mut parts = vec![self.not()?];
        while self.word("and") {
            parts.push(self.not()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Bool::And(parts) })
    }

    fn not(&mut self) -> Result<Bool, Failure> {
        self.enter()?;
        let found = if self.word("not") {
            Bool::Not(Box::new(self.not()?))
        } else {
            self.bracket_or_comparison()?
        };
        self.depth -= 1;
        Ok(found)
    }

    /// Conditions nested deeper than anyone writes would overflow the stack.
    fn enter(&mut self) -> Result<(), Failure> {
        self.depth += 1;
        if self.depth > 100 { Err((self.at(), "nested too deeply".into())) } else { Ok(()) }
    }

    /// A bracket may open a condition or a sum: try the condition, then go back.
    fn bracket_or_comparison(&mut self) -> Result<Bool, Failure> {
        let start = self.next;
        if self.sign(&["("]).is_some() {
            let depth = self.depth;
            if let Ok(inside) = self.or()
                && self.sign(&[")"]).is_some()
            {
                return Ok(inside);
            }
            self.next = start;
            self.depth = depth;
        }
        self.comparison()
    }

    fn comparison(&mut self) -> Result<Bool, Failure> {
        let left = self.sum()?;
        let at = self.at();
        let op = match self.sign(&["<=", ">=", "==", "!=", "<", ">", "="]) {
            Some("<=") => Op::LessEqual,
            Some(">=") => Op::GreaterEqual,
            Some("==" | "=") => Op::Equal,
            Some("!=") => Op::NotEqual,
            Some("<") => Op::Less,
            Some(_) => Op::Greater,
            None => return Err((at, "expected a comparison: < <= > >= == !=".into())),
        };
        Ok(Bool::Compare(left, op, self.sum()?))
    }

    fn sum(&mut self) -> Result<Term, Failure> {
        let (first, mut rest) = (self.product()?, Vec::new());
        while let Some(sign) = self.sign(&["+", "-"]) {
            let sign = if sign == "+" { Sign::Plus } else { Sign::Minus };
            rest.push((sign, self.product()?));
        }
        Ok(chain(first, rest))
    }

    fn product(&mut self) -> Result<Term, Failure> {
        let (first, mut rest) = (self.atom()?, Vec::new());
        while let Some(sign) = self.sign(&["*", "/"]) {
            let sign = if sign == "*" { Sign::Times } else { Sign::Over };
            rest.push((sign, self.atom()?));
        }
        Ok(chain(first, rest))
    }

    fn atom(&mut self) -> Result<Term, Failure> {
        let at = self.at();
        if self.sign(&["-"]).is_some() {
            self.enter()?;
            let inside = self.atom()?;
            self.depth -= 1;
            return Ok(chain(Term::Constant(Value::Int(0)), vec![(Sign::Minus, inside)]));
        }
        if self.sign(&["("]).is_some() {
            self.enter()?;
            let inside = self.sum()?;
            self.depth -= 1;
            return match self.sign(&[")"]) {
                Some(_) => Ok(inside),
                None => Err((self.at(), "expected ')'".into())),
            };
        }
        let token = self.peek().cloned();
        self.next += 1;
        match token {
            Some(Token::Number(x)) => Ok(Term::Constant(Value::Float(x))),
            Some(Token::Text(t)) => Ok(Term::Constant(Value::Text(t))),
            Some(Token::Name(n)) if n == "true" || n == "false" => {
                Ok(Term::Constant(Value::Bool(n == "true")))
            }
            Some(Token::Name(n)) => (self.lookup)(&n).map(Term::Axis).map_err(|m| (at, m)),
            Some(Token::Sign(s)) => Err((at, format!("expected a name or a number, not '{s}'"))),
            None => Err((at, "ends too early: expected a name or a number".into())),
        }
    }
}

/// A term alone stays what it is.
fn chain(first: Term, rest: Vec<(Sign, Term)>) -> Term {
    if rest.is_empty() { first } else { Term::Chain(Box::new(first), rest) }
}
