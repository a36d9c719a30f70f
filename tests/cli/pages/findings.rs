//! What pages quote of results: tables between marks, and sentences with figures.
//!
//! A number in "## Findings" that is in neither, nor in the plan or in the output that the page shows, is
//! quoted unchecked.

mod plans;
mod results;

use super::{Place, accuracy, read, reference, repository};
use std::path::Path;

/// What a page has to say.
#[derive(Default)]
pub struct Findings {
    tables: Vec<(&'static str, String)>,
    sentences: Vec<String>,
    /// Numbers that are no results.
    given: Vec<String>,
}

impl Findings {
    /// After the commands of the page have run in `place`; None of pages that quote nothing.
    pub fn of(page: &Path, place: &Place, text: &str) -> Option<Findings> {
        let mut findings = match page.to_str()? {
            "README.md" => accuracy::readme(),
            "docs/calibrate.md" => accuracy::calibrated(place),
            "docs/reference.md" => reference::tables(place),
            path => plans::of(path.strip_prefix("experiments/plans/")?.split('/').next()?, place)?,
        };
        let folder = repository().join(page.parent()?);
        for file in ["plan.toml", "problem.toml"].map(|name| folder.join(name)) {
            if file.is_file() {
                findings.given.extend(numbers(&read(&file)));
            }
        }
        let shown = super::blocks::lines_of_code(text);
        findings.given.extend(shown.iter().flat_map(|line| numbers(line)));
        Some(findings)
    }

    pub fn table(&mut self, name: &'static str, text: String) {
        self.tables.push((name, text));
    }

    pub fn says(&mut self, sentence: String) {
        self.sentences.push(sentence);
    }

    /// The page with its tables as they should be.
    pub fn with_tables(&self, page: &str) -> String {
        let mut page = page.to_owned();
        for (name, table) in &self.tables {
            let mark = format!("<!-- table {name} -->\n");
            let Some(from) = page.find(&mark).map(|at| at + mark.len()) else { continue };
            let Some(length) = page[from..].find("<!-- end -->") else { continue };
            page.replace_range(from..from + length, &format!("\n{table}\n"));
        }
        page
    }

    /// What the page lacks, and what it quotes that nothing checks.
    pub fn missing(&self, page: &str) -> Vec<String> {
        let marks = self.tables.iter().map(|(name, _)| format!("<!-- table {name} -->"));
        let lacks = marks.filter(|mark| !page.contains(mark));
        let mut wrong: Vec<String> = lacks.map(|m| format!("it lacks the mark {m}")).collect();
        let findings = page.split_once("## Findings").map_or("", |(_, rest)| rest);
        let mut rest = plain(findings);
        for sentence in self.sentences.iter().map(|s| plain(s)) {
            if !plain(page).contains(&sentence) {
                wrong.push(format!("it should say: {sentence}"));
            }
            rest = rest.replace(&sentence, " ");
        }
        for (name, _) in &self.tables {
            if let Some((before, after)) = rest.split_once(&format!("<!-- table {name} -->")) {
                let after = after.split_once("<!-- end -->").map_or("", |(_, after)| after);
                rest = format!("{before}{after}");
            }
        }
        let unchecked = numbers(&rest).into_iter().filter(|n| !self.given.contains(n));
        wrong.extend(unchecked.map(|n| format!("it quotes {n}, which nothing checks")));
        wrong
    }
}

/// Without the breaks of lines.
fn plain(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn numbers(text: &str) -> Vec<String> {
    let parts = text.split(|c: char| !c.is_ascii_digit() && c != '.');
    let trimmed = parts.map(|part| part.trim_matches('.'));
    trimmed.filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

#[test]
fn a_number_that_nothing_checks_is_found() {
    let mut findings = Findings::default();
    findings.says("It takes 12 s".to_owned());
    findings.table("one", "| 7 |\n".to_owned());
    let page = "## Findings\n\n<!-- table one -->\n\n| 8 |\n\n<!-- end -->\n\n- It takes\n  12 s, not 13.\n";
    let page = findings.with_tables(page);
    assert!(page.contains("| 7 |") && !page.contains("| 8 |"), "{page}");
    assert_eq!(findings.missing(&page), ["it quotes 13, which nothing checks"]);
    let other = findings.missing(&page.replace("12 s", "11 s"));
    assert!(other.iter().any(|w| w == "it should say: It takes 12 s"), "{other:?}");
}
