//! JUnit: a suite for each workload, a case for each rule.

use super::{Check, CheckRow, sentence};
use crate::policy::{Judged, Judgement};
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

/// The document. It holds no times: the same check gives the same bytes.
pub fn junit(check: &Check) -> String {
    let mut report = Report::new("rollsim check");
    for row in &check.workloads {
        let mut suite = TestSuite::new(row.workload.as_str());
        if let Some(place) = &row.place {
            // The schema has no place of a case.
            suite.extra.insert("file".into(), place.file.as_str().into());
        }
        suite.add_test_cases(row.rules.iter().map(|rule| case(row, rule)));
        report.add_test_suite(suite);
    }
    for left in &check.not_simulated {
        let mut suite = TestSuite::new(left.workload.as_str());
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
        status.set_message(left.why.as_str());
        suite.add_test_case(TestCase::new("simulated", status));
        report.add_test_suite(suite);
    }
    without_skipped(report.to_string().expect("text is XML"))
}

/// The schema counts what was skipped in suites alone, and not in the document.
fn without_skipped(mut text: String) -> String {
    const COUNT: &str = " skipped=\"";
    let root = text.find("<testsuites").and_then(|at| Some(at..at + text[at..].find('>')?));
    let count = root.and_then(|root| {
        let at = root.start + text[root].find(COUNT)?;
        let end = at + COUNT.len() + text[at + COUNT.len()..].find('"')?;
        Some(at..=end)
    });
    if let Some(count) = count {
        text.replace_range(count, "");
    }
    text
}

fn case(row: &CheckRow, rule: &Judged) -> TestCase {
    let status = match rule.judgement {
        Judgement::Kept => TestCaseStatus::success(),
        Judgement::Broken => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_message(sentence(rule)).set_type(rule.id.as_str());
            let place = row.place.as_ref().map(|p| format!("{}:{}\n", p.file, p.line));
            let place = place.unwrap_or_default();
            status.set_description(format!("{place}{}\n{}", row.verdict, row.command));
            status
        }
        Judgement::Allowed | Judgement::NothingToCompare => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(rule.remark.as_str());
            status
        }
    };
    let mut case = TestCase::new(rule.id.as_str(), status);
    case.set_classname(row.workload.as_str());
    case
}
