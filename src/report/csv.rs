//! Requests per second as comma-separated values: one row a second of send time, means over replications.

use super::answer::Answer;
use std::fmt::Write as _;

/// Columns: `second`, `sent`, `answered_<version>` ..., `failed_<kind>` ...
pub fn csv(answer: &Answer) -> String {
    let mut head = vec!["second".to_owned(), "sent".into()];
    head.extend(answer.requests.answered.iter().map(|v| format!("answered_{}", v.version)));
    head.extend(answer.lost.by_failure.iter().map(|g| format!("failed_{}", g.key)));
    let mut text = head.iter().map(|h| quote(h)).collect::<Vec<_>>().join(",");
    text.push('\n');
    for row in &answer.seconds {
        let counts = || row.answered.iter().chain(&row.failed);
        let sent: f64 = counts().sum();
        write!(text, "{},{sent:.6}", row.second).expect("a string takes it");
        for n in counts() {
            write!(text, ",{n:.6}").expect("a string takes it");
        }
        text.push('\n');
    }
    text
}

/// As RFC 4180 has it: quoted where a comma, quote or line end would mislead.
fn quote(field: &str) -> String {
    if field.contains([',', '"', '\n', '\r']) {
        return format!("\"{}\"", field.replace('"', "\"\""));
    }
    field.into()
}

#[cfg(test)]
mod tests {
    #[test]
    fn awkward_names_are_quoted() {
        assert_eq!(super::quote("v1"), "v1");
        assert_eq!(super::quote("a,\"b\""), "\"a,\"\"b\"\"\"");
    }
}
