//! How well a release finds out a bad version.

use super::page::{DIM, HEAD, Page, paint, shorten};
use crate::report::power::Power;
use crate::report::words::{count, percent, seconds};

/// The answer within `width` columns.
pub fn power(power: &Power, width: usize) -> String {
    let mut page = Page::new(width);
    page.line(&paint(HEAD, &shorten(&power.name, width)));
    page.wrapped(0, &power.verdict());
    page.section(
        "OVER THE BADNESS",
        "promoted all the same; requests that meet it; measurements; time",
    );
    page.line(&paint(DIM, "   badness         promoted   theory   harmed  measured  decided"));
    for row in &power.curve {
        let theory = row.promoted_by_theory.map_or("-".to_owned(), percent);
        let decided = row.decided_s.map_or("never".to_owned(), seconds);
        page.line(&format!(
            "   {:<14} {:>9} {theory:>8} {:>8} {:>9}  {decided:>7}",
            row.badness,
            percent(row.promoted),
            count(row.harmed),
            count(row.measurements),
        ));
    }
    page.line("");
    page.styled(0, DIM, &power.signature);
    page.into_text()
}
