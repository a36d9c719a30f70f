//! Names and numbers for people: one place for every label and for how a figure is rounded.

pub use crate::explain::{cause_key, cause_label, failure_key, failure_label};

/// Text as HTML and SVG take it between tags.
pub fn markup(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// A name from the input without what is not meant to be seen: control characters, which end an XML document
/// or move a cursor, and marks that turn the direction of writing.
pub fn printable(name: &str) -> String {
    let hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
            || matches!(c, '\u{fffe}' | '\u{ffff}')
    };
    name.chars().map(|c| if hidden(c) { '\u{fffd}' } else { c }).collect()
}

/// A number of requests: whole from 100 on, with digit groups; one digit below; never a false zero.
pub fn count(n: f64) -> String {
    let size = n.abs();
    if size < 5e-7 {
        "0".into()
    } else if size < 0.01 {
        "<0.01".into()
    } else if size < 0.995 {
        trim(format!("{n:.2}"))
    } else if size < 99.95 {
        trim(format!("{n:.1}"))
    } else {
        group(libm::round(n) as i64)
    }
}

/// What a change comes to, in a clause: `then 0.4 are lost`.
pub fn leaves(lost: f64) -> String {
    match count(lost).as_str() {
        "0" => "then none is lost".to_owned(),
        lost => format!("then {lost} are lost"),
    }
}

/// Seconds with a digit that still means something: `0.35 s`, `23.1 s`, `215 s`.
pub fn seconds(s: f64) -> String {
    let digits = if s.abs() < 0.995 {
        trim(format!("{s:.2}"))
    } else if s.abs() < 99.95 {
        trim(format!("{s:.1}"))
    } else {
        format!("{s:.0}")
    };
    format!("{digits} s")
}

/// A share as a percentage that never rounds to a false 0 % or 100 %.
pub fn percent(share: f64) -> String {
    let p = share * 100.0;
    if p <= 0.0 {
        "0 %".into()
    } else if p >= 100.0 {
        "100 %".into()
    } else if p < 0.1 {
        "<0.1 %".into()
    } else if p > 99.9 {
        ">99.9 %".into()
    } else if !(10.0..=99.0).contains(&p) {
        format!("{} %", trim(format!("{p:.1}")))
    } else {
        format!("{p:.0} %")
    }
}

/// `low–high`, or one number where both read the same.
pub fn range(low: &str, high: &str) -> String {
    if low == high { low.into() } else { format!("{low}–{high}") }
}

/// `2.7–4.1 s`.
pub fn seconds_range([low, high]: [f64; 2]) -> String {
    let (low, high) = (seconds(low), seconds(high));
    if low == high { low } else { format!("{}–{high}", low.trim_end_matches(" s")) }
}

/// `pods` or `pod` with its number.
pub fn plural(n: impl Into<u64>, one: &str) -> String {
    let n = n.into();
    if n == 1 { format!("1 {one}") } else { format!("{} {one}s", group(n as i64)) }
}

/// The same of a mean.
pub fn plural_of(mean: f64, one: &str) -> String {
    let s = if mean == 1.0 { "" } else { "s" };
    format!("{} {one}{s}", count(mean))
}

fn trim(digits: String) -> String {
    match digits.contains('.') {
        true => digits.trim_end_matches('0').trim_end_matches('.').into(),
        false => digits,
    }
}

fn group(n: i64) -> String {
    let digits = n.unsigned_abs().to_string();
    let mut text = String::from(if n < 0 { "-" } else { "" });
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(c);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_what_matters() {
        let shown: Vec<String> =
            [0.0, 1e-9, 0.004, 0.05, 0.999, 2.0, 41.23, 99.96, 1234.4, 1e6].map(count).into();
        assert_eq!(
            shown,
            ["0", "0", "<0.01", "0.05", "1", "2", "41.2", "100", "1,234", "1,000,000"]
        );
        assert_eq!(
            [0.0, 0.0003, 0.034, 0.5, 0.9995, 1.0].map(percent),
            ["0 %", "<0.1 %", "3.4 %", "50 %", ">99.9 %", "100 %"]
        );
        assert_eq!([0.351, 23.14, 214.6].map(seconds), ["0.35 s", "23.1 s", "215 s"]);
    }
}
