//! SARIF 2.1.0, which code hosts show at the line of a file.

use super::{Check, CheckRow, sentence};
use crate::policy::{Judged, Judgement};
use serde_json::{Value, json};

/// The document.
pub fn sarif(check: &Check) -> String {
    let mut rules: Vec<&Judged> = Vec::new();
    for rule in check.workloads.iter().flat_map(|row| &row.rules) {
        if !rules.iter().any(|known| known.id == rule.id) {
            rules.push(rule);
        }
    }
    let described = |rule: &&Judged| {
        json!({
            "id": rule.id,
            "shortDescription": {"text": format!("expected {}", rule.expect)},
            "defaultConfiguration": {"level": "error"},
        })
    };
    let results: Vec<Value> = check.workloads.iter().flat_map(results).collect();
    let document = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "rollsim",
                "informationUri": env!("CARGO_PKG_REPOSITORY"),
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules.iter().map(described).collect::<Vec<_>>(),
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    let mut text = serde_json::to_string_pretty(&document).expect("plain data");
    text.push('\n');
    text
}

fn results(row: &CheckRow) -> impl Iterator<Item = Value> {
    row.rules.iter().filter_map(move |rule| match rule.judgement {
        Judgement::Broken => Some(result(row, rule, None)),
        Judgement::Allowed => Some(result(row, rule, Some(&rule.remark))),
        Judgement::Kept | Judgement::NothingToCompare => None,
    })
}

fn result(row: &CheckRow, rule: &Judged, allowed: Option<&str>) -> Value {
    let remedy = row.remedy.as_ref().map_or(String::new(), |remedy| {
        format!(" Tried: {}: {}.", remedy.change.join(", "), remedy.leaves())
    });
    let text = format!("{}: {} {}{remedy}", row.workload, sentence(rule), row.verdict);
    let mut result = json!({
        "ruleId": rule.id,
        "level": "error",
        "message": {"text": text},
        "partialFingerprints": {"workloadAndRule/v1": format!("{}/{}", row.workload, rule.id)},
    });
    if let Some(place) = &row.place {
        result["locations"] = json!([{"physicalLocation": {
            "artifactLocation": {"uri": uri(&place.file)},
            "region": {"startLine": place.line.max(1)},
        }}]);
    }
    if let Some(why) = allowed {
        let accepted = json!([{"kind": "external", "status": "accepted", "justification": why}]);
        result["suppressions"] = accepted;
    }
    result
}

/// A path as a reference relative to the root of the repository.
fn uri(file: &str) -> String {
    let file = file.replace('\\', "/");
    let file = file.strip_prefix("./").unwrap_or(&file);
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~/".contains(&b);
    let one = |b: u8| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") };
    file.bytes().map(one).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_path_becomes_a_reference() {
        assert_eq!(super::uri("./render/web app.yaml"), "render/web%20app.yaml");
        assert_eq!(super::uri("a\\b.yaml"), "a/b.yaml");
    }
}
