//! docs/reference.md: tables written from what the program knows.

use super::Place;
use super::findings::Findings;
use rollsim::explain::{self, AUDIT_RULES, CAUSES, FAILURES, SETTINGS};
use serde_json::Value;

/// The tables of the page.
pub fn tables(place: &Place) -> Findings {
    let mut findings = Findings::default();
    let topics = |ids: &mut dyn Iterator<Item = &'static explain::Topic>| {
        table(
            &["id", "is", "what happens"],
            ids.map(|t| [code(t.id), t.name.into(), t.what.into()]),
        )
    };
    findings.table("causes", topics(&mut CAUSES.into_iter().map(explain::cause)));
    findings.table("failures", topics(&mut FAILURES.into_iter().map(explain::failure)));
    let blamed = SETTINGS.into_iter();
    let blamed = blamed.map(|s| [explain::setting_name(s).into(), explain::explanation(s).into()]);
    findings.table("blamed", table(&["setting", "loses requests where"], blamed));
    let audits = AUDIT_RULES.iter().map(|r| [code(r.id), r.name.into(), r.what.into()]);
    findings.table("audits", table(&["id", "is", "because"], audits));
    let cards = json(place, "rollsim cards list --format json");
    let row = |c: &Value| [text(c, "kind"), code(&text(c, "name")), text(c, "about")];
    findings.table("cards", table(&["kind", "name", "what it describes"], cards.iter().map(row)));
    findings.table("settings", settings(&json(place, "rollsim settings --format json")));
    findings
}

/// A table for each group, in the order of the program.
fn settings(all: &[Value]) -> String {
    let mut groups: Vec<String> = all.iter().map(|s| text(s, "group")).collect();
    groups.dedup();
    let one = |group: &String| {
        let rows = all.iter().filter(|s| text(s, "group") == *group).map(|s| {
            let aliases = s["aliases"].as_array().expect("a list").iter();
            let mut names = vec![text(s, "path")];
            names.extend(aliases.map(|a| a.as_str().expect("text").to_owned()));
            let names: Vec<String> = names.iter().map(|n| code(n)).collect();
            [names.join(", "), text(s, "default"), text(s, "unit"), text(s, "about")]
        });
        format!("### {group}\n\n{}", table(&["path", "default", "unit", "is"], rows))
    };
    groups.iter().map(one).collect::<Vec<_>>().join("\n")
}

fn json(place: &Place, line: &str) -> Vec<Value> {
    serde_json::from_slice(&place.run(line).stdout).expect("a list")
}

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_default().to_owned()
}

fn code(text: &str) -> String {
    format!("`{text}`")
}

fn table<const N: usize>(head: &[&str; N], rows: impl Iterator<Item = [String; N]>) -> String {
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let cell = |text: &String| text.replace('|', "\\|").replace('<', "&lt;").replace('\n', " ");
    let mut all = line(head.iter().map(|h| (*h).to_owned()).collect());
    all.push_str(&format!("|{}\n", "---|".repeat(N)));
    rows.for_each(|row| all.push_str(&line(row.iter().map(cell).collect())));
    all
}
