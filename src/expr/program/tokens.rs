//! From the text of a condition to its tokens.

use super::Refused;
use crate::expr::ConditionError;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Number(f64),
    Text(String),
    Name(String),
    Sign(&'static str),
}

/// Longer ones first.
const SIGNS: [&str; 35] = [
    "...", "&&", "||", "<=", ">=", "==", "!=", "??", "?.", "?:", "**", "..", "<", ">", "!", "+",
    "-", "*", "/", "%", "^", "?", ":", "(", ")", "[", "]", "{", "}", ",", ".", "#", "|", ";", "=",
];

/// It is wrong at that place.
pub(super) fn refused(text: &str, position: usize, message: String) -> Refused {
    Refused::Wrong(ConditionError { text: text.to_owned(), position, message })
}

/// What a text consists of, each with its place in characters.
pub(super) fn tokens(text: &str) -> Result<Vec<(usize, Token)>, Refused> {
    let chars: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        if chars[at].is_whitespace() {
            at += 1;
            continue;
        }
        let found = token(&chars[at..]).map_err(|message| refused(text, at, message))?;
        tokens.push((at, found.0));
        at += found.1;
    }
    Ok(tokens)
}

/// The token at the start of `chars`, which is not empty, and its length.
fn token(chars: &[char]) -> Result<(Token, usize), String> {
    let c = chars[0];
    let run = |keep: &dyn Fn(char) -> bool| -> String {
        chars.iter().take_while(|c| keep(**c)).collect()
    };
    if c.is_ascii_digit() || (c == '.' && chars.get(1).is_some_and(char::is_ascii_digit)) {
        let mut word = run(&|c| c.is_ascii_alphanumeric() || c == '.' || c == '_');
        if word.ends_with(['e', 'E']) {
            let rest = chars[word.len()..].iter().enumerate();
            let signed =
                |(i, c): &(usize, &char)| c.is_ascii_digit() || (*i == 0 && "+-".contains(**c));
            word.extend(rest.take_while(signed).map(|(_, c)| *c));
        }
        let number = word.replace('_', "").parse();
        let number = number.map_err(|_| format!("'{word}' is not a number"))?;
        return Ok((Token::Number(number), word.chars().count()));
    }
    if c.is_alphabetic() || c == '_' || c == '$' {
        let word = run(&|c| c.is_alphanumeric() || c == '_' || c == '$');
        let length = word.chars().count();
        return Ok((Token::Name(word), length));
    }
    if ['\'', '"', '`'].contains(&c) {
        let inside: String = chars[1..].iter().take_while(|x| **x != c).collect();
        let length = inside.chars().count() + 2;
        if length > chars.len() {
            return Err(format!("the {c} has no end"));
        }
        return Ok((Token::Text(inside), length));
    }
    let three: String = chars.iter().take(3).collect();
    let sign = SIGNS.iter().find(|sign| three.starts_with(**sign));
    sign.map(|sign| (Token::Sign(sign), sign.len()))
        .ok_or_else(|| format!("'{c}' is not understood"))
}
