//! The same input under several releases of Kubernetes.

use super::page::{BAD, DIM, HEAD, Page, paint, shorten};
use crate::report::releases::Releases;
use crate::report::words::{count, percent, seconds};

/// A row for each release, and what changes the outcome.
pub fn releases(all: &Releases, width: usize) -> String {
    let mut page = Page::new(width);
    page.line(&paint(HEAD, &shorten(&all.name, width)));
    for row in &all.releases {
        match (&row.refused, row.lost) {
            (Some(why), _) => page.row(&row.version, &paint(BAD, &format!("refused: {why}"))),
            (None, lost) => {
                let none = percent(row.probability_none.unwrap_or(0.0));
                let takes = row.complete_s.map_or("does not complete".to_owned(), seconds);
                let lost = count(lost.unwrap_or(0.0));
                page.row(
                    &row.version,
                    &format!("{lost} lost, none in {none} of rollouts, {takes}"),
                );
            }
        }
    }
    page.line("");
    if all.turns.is_empty() {
        page.wrapped(2, "No release between them changes the outcome.");
    }
    for turn in &all.turns {
        page.styled(2, HEAD, &turn.sentence());
        for change in &turn.changes {
            page.wrapped(4, &format!("{}: {}", change.id, change.what));
            page.styled(6, DIM, &change.source);
        }
    }
    page.into_text()
}
