//! Workflow commands that GitHub turns into notes at the lines of a pull request.

use super::{Check, sentence};

/// A line for each broken rule that has a place.
pub fn annotations(check: &Check) -> String {
    let mut out = String::new();
    for row in &check.workloads {
        for rule in row.broken() {
            let place = row.place.as_ref().map_or(String::new(), |place| {
                format!(" file={},line={}", property(&place.file), place.line)
            });
            let text = format!("{}: {} {}", row.workload, sentence(rule), row.verdict);
            out.push_str(&format!("::error{place}::{}\n", data(&text)));
        }
    }
    out
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
