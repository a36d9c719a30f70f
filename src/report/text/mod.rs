//! The answer as text: on one screen, or with all its details.
//!
//! Within the columns that are given. Colours are ANSI sequences; print through `anstream`, which takes them
//! out where nobody wants them. No meaning is carried by colour alone.

mod advice;
mod audit;
mod autoscaling;
mod budget;
mod capacity;
mod check;
mod compare;
mod diff;
mod full;
mod maintenance;
mod page;
mod power;
mod releases;
mod screen;
mod timeline;
mod workloads;

use super::answer::{Answer, HeadRow};
use super::sentences;
use crate::traffic::Evaluator;
use anstyle::Style;
pub use audit::audit;
pub use budget::budget;
pub use capacity::capacity;
pub use check::check;
pub use compare::compare;
pub use diff::diff;
pub use maintenance::maintenance;
use page::{BAD, DOUBTFUL, GOOD};
pub use page::{DIM, HEAD, Page, WIDTH, WIDTHS};
pub use power::power;
pub use releases::releases;
pub use workloads::workloads;

/// Lines of the screen.
pub const LINES: usize = 24;

/// How an answer is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Screen {
    /// Columns, within [`WIDTHS`].
    pub width: usize,
    /// Everything, not what fits on one screen.
    pub details: bool,
}

impl Default for Screen {
    fn default() -> Screen {
        Screen { width: WIDTH, details: false }
    }
}

/// The answer, on one screen or whole.
pub fn text(answer: &Answer, screen: Screen) -> String {
    match screen.details {
        true => full::text(answer, screen.width),
        false => screen::text(answer, screen.width),
    }
}

/// What was simulated; what the input does not say is marked.
fn head(rows: &[HeadRow]) -> String {
    rows.iter().map(head_item).collect::<Vec<_>>().join(" · ")
}

fn head_item(row: &HeadRow) -> String {
    match row.given {
        true => row.value.clone(),
        false => format!("{} (assumed)", row.value),
    }
}

/// Red: enough is lost to matter, or something does not reach its end. Yellow: it would be so, were something
/// not as it is assumed.
fn style(answer: &Answer) -> Style {
    let bad = answer.worth_changing || answer.incomplete > 0.0;
    let doubtful = answer.assumptions.iter().any(|a| !a.otherwise.is_empty());
    match (bad, doubtful) {
        (true, _) => BAD,
        (false, true) => DOUBTFUL,
        (false, false) => GOOD,
    }
}

/// What an approximation leaves out, what is most likely a mistake, what is not modelled.
fn cautions(page: &mut Page, answer: &Answer) {
    if answer.provenance.evaluator == Evaluator::Approximate.name() {
        let why = &answer.provenance.evaluator_reason;
        page.wrapped(2, &format!("Approximate, as asked for: {why}. See --evaluator auto."));
    }
    for (i, a) in answer.assumptions.iter().filter(|a| a.is_warning()).enumerate() {
        let title = if i == 0 { "warning" } else { "" };
        page.row(title, &format!("{}: {}", a.key, a.text));
    }
    if !answer.not_modelled.is_empty() {
        page.row("not modelled", &answer.not_modelled.join("; "));
    }
}

/// For how long it hurts.
fn hurt(page: &mut Page, indent: usize, answer: &Answer) {
    if let Some(hurt) = &answer.hurt {
        page.wrapped(indent, &sentences::hurt_sentence(hurt));
    }
}
