//! Conditions over the axes of a plan: `grace > preStop + 5 and mode == 'ip'`.
//!
//! Comparisons of numbers (with + - * / and brackets), equality of texts in quotes, `and`, `or`, `not`.
//! A comparison with an axis that is not set at a point holds: it says nothing about that point.

use super::Value;
use std::fmt;

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
        let tokens = tokens(text).map_err(|(at, message)| fail(at, message))?;
        let mut parser = Parser { tokens, next: 0, depth: 0, lookup, end: text.chars().count() };
        let parsed = parser.or().and_then(|bool| match parser.peek() {
            None => Ok(bool),
            Some(token) => Err((parser.at(), format!("{token} is out of place here"))),
        });
        parsed.map(Condition).map_err(|(at, message)| fail(at, message))
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

type Failure = (usize, String);

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
        return Ok((Token::Name(word), length));
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

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 3] = ["grace", "preStop.sleep.seconds", "mode"];

    fn parse(text: &str) -> Result<Condition, ConditionError> {
        let lookup = |name: &str| {
            NAMES.iter().position(|n| *n == name).ok_or_else(|| format!("no axis '{name}'"))
        };
        Condition::parse(text, &lookup)
    }

    fn holds(text: &str, grace: i64, pre_stop: f64, mode: &str) -> bool {
        parse(text).unwrap().holds(&[grace.into(), pre_stop.into(), mode.into()])
    }

    #[test]
    fn comparisons_and_connectives() {
        assert!(holds("grace > preStop.sleep.seconds", 30, 29.5, "ip"));
        assert!(!holds("grace > preStop.sleep.seconds", 30, 30.0, "ip"));
        assert!(holds("grace >= preStop.sleep.seconds + 5", 30, 25.0, "ip"));
        assert!(holds("mode == 'ip' and grace = 30", 30, 0.0, "ip"));
        assert!(holds("mode != \"ip\" || grace < 31", 30, 0.0, "ip"));
        assert!(!holds("not (grace == 30 or mode == 'x')", 30, 0.0, "ip"));
        assert!(holds("(grace - 10) * 2 == 40 and (1 < 2)", 30, 0.0, "ip"));
        assert!(holds("-grace < -(29) / 1", 30, 0.0, "ip"));
        assert!(holds("`preStop.sleep.seconds` == 0", 30, 0.0, "ip"));
        // `and` binds before `or`.
        assert!(holds("grace == 30 or grace == 1 and grace == 2", 30, 0.0, "ip"));
    }

    #[test]
    fn an_unset_axis_is_not_judged() {
        let condition = parse("grace > preStop.sleep.seconds").unwrap();
        assert!(condition.holds(&[Value::Int(1), Value::Unset, Value::Unset]));
    }

    #[test]
    fn texts_and_numbers_differ() {
        assert!(!holds("mode == 3", 30, 0.0, "3"));
        assert!(holds("mode != 3", 30, 0.0, "3"));
        assert!(!holds("mode < 3", 30, 0.0, "3"));
        assert!(holds("mode < 'j'", 30, 0.0, "ip"));
    }

    #[test]
    fn errors_point_at_the_place() {
        for (text, position, message) in [
            ("grace >", 7, "ends too early: expected a name or a number"),
            ("grace", 5, "expected a comparison: < <= > >= == !="),
            ("grase > 3", 0, "no axis 'grase'"),
            ("grace > 3 4", 10, "4 is out of place here"),
            ("grace > 3x", 8, "'3x' is not a number"),
            ("grace $ 3", 6, "'$' is not understood"),
            ("mode == 'ip", 8, "the ' has no end"),
            ("grace > )", 8, "expected a name or a number, not ')'"),
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!((error.position, error.message.as_str()), (position, message), "{text}");
        }
        assert!(parse(&"(".repeat(100_000)).is_err());
        assert!(parse(&"-".repeat(100_000)).is_err());
        assert!(parse(&"not ".repeat(100_000)).is_err());
    }

    /// Of every operator: what is long is not deep, neither to read, nor to judge, nor to drop.
    #[test]
    fn long_chains_are_judged() {
        const TERMS: usize = 200_000;
        for (sign, result) in
            [(" + 1", 200_001.0), (" - 1", -199_999.0), (" * 1", 1.0), (" / 1", 1.0)]
        {
            let text = format!("1{} == {result}", sign.repeat(TERMS));
            assert!(holds(&text, 30, 0.0, "ip"), "{sign}");
        }
        for word in [" and ", " or "] {
            assert!(holds(&vec!["1 == 1"; 50_000].join(word), 30, 0.0, "ip"), "{word}");
        }
        assert!(holds("grace - 3 - 2 * 4 / 8 + 1 == 27", 30, 0.0, "ip"));
    }
}
