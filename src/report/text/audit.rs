//! What each given setting does.

use super::page::{BAD, DIM, HEAD, Page, paint, shorten};
use crate::report::audit::{Audit, AuditRow, Does};
use crate::report::words::count;

/// Every workload's settings, within `width` columns.
pub fn audit(audit: &Audit, width: usize) -> String {
    let mut page = Page::new(width);
    page.line(&paint(HEAD, &shorten(&format!("{} · {}", audit.name, audit.verdict()), width)));
    for workload in &audit.workloads {
        page.line("");
        let title = format!("{}: {} lost per rollout", workload.workload, count(workload.lost));
        page.line(&paint(HEAD, &shorten(&title, width)));
        if workload.settings.is_empty() {
            page.wrapped(2, "nothing is set that is there for a rollout's sake");
        }
        for row in &workload.settings {
            setting(&mut page, row);
        }
    }
    page.line("");
    page.styled(0, DIM, &audit.signature);
    page.into_text()
}

fn setting(page: &mut Page, row: &AuditRow) {
    let mark = match row.does {
        Does::Opposite | Does::Risk => paint(BAD, "✗"),
        Does::Nothing => "-".to_owned(),
        Does::Works | Does::Needed => " ".to_owned(),
    };
    let value = row.value.as_ref().map_or(String::new(), |value| format!("={value}"));
    let place = row.place.as_ref().map_or(String::new(), |p| format!("  {}:{}", p.file, p.line));
    let name = format!("{mark} {}{value}", row.setting);
    page.line(&format!("{name}{}", paint(DIM, &place)));
    page.wrapped(4, &row.told());
    if let (Some(rule), Some(why)) = (&row.rule, &row.why) {
        page.styled(4, DIM, &format!("{why} (rollsim explain {rule})"));
    }
}
