//! How much load a rollout bears.

use super::page::{BAD, DIM, HEAD, Page, paint, shorten};
use crate::report::capacity::{BorneRow, Capacity};
use crate::report::words::{count, percent, seconds};

/// The answer within `width` columns.
pub fn capacity(capacity: &Capacity, width: usize) -> String {
    let mut page = Page::new(width);
    page.line(&paint(HEAD, &shorten(&format!("{} · {}", capacity.name, capacity.terms()), width)));
    page.wrapped(0, &capacity.verdict());
    page.section("BORNE", "requests a second: the median; what 95 % and 5 % of rollouts bear");
    page.row("steady", &borne(&capacity.steady));
    page.row("in a rollout", &borne(&capacity.rollout));
    for row in &capacity.rollout.breaks {
        page.row("", &format!("{} of those: {}", percent(row.share), row.label));
    }
    curve(&mut page, capacity);
    page.line("");
    page.styled(0, DIM, &capacity.signature);
    page.into_text()
}

fn borne(row: &BorneRow) -> String {
    let rate = |r: Option<f64>| r.map_or("any".to_owned(), count);
    let [low, high] = row.range_per_s.map(rate);
    format!("{:<8} {low} – {high}", rate(row.rate_per_s))
}

/// Losses and answer times over the rate.
fn curve(page: &mut Page, capacity: &Capacity) {
    if capacity.curve.is_empty() {
        return;
    }
    page.section(
        "THE CLIFF",
        "requests that fail, and the 99th percentile, steady and in a rollout",
    );
    page.line(&paint(DIM, "   rate/s     steady          rollout"));
    let slow = |s: f64| if s < 0.0995 { format!("{:.0} ms", s * 1e3) } else { seconds(s) };
    for p in &capacity.curve {
        let cells = format!(
            "{:>9}  {:>7} {:>7}  {:>7} {:>7}  ",
            count(p.rate_per_s),
            percent(p.steady_lost),
            slow(p.steady_p99_s),
            percent(p.rollout_lost),
            slow(p.rollout_p99_s)
        );
        let bar = "█".repeat((p.rollout_lost * 30.0).ceil().clamp(0.0, 30.0) as usize);
        page.line(&format!("{cells}{}", paint(BAD, &bar)));
    }
}
