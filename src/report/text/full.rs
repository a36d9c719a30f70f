//! The answer with all its details: verdict, losses, blame, rollout, a timeline, assumptions.

use super::page::{DIM, HEAD, Page, paint, wrap};
use super::{advice, autoscaling, cautions, head, style, timeline};
use crate::report::advice::Worth;
use crate::report::answer::{Answer, BlamePart, BlameRow, Estimate, Figure, LostGroup};
use crate::report::calls;
use crate::report::logged::LoggedRow;
use crate::report::placement;
use crate::report::sentences::hurt_sentence;
use crate::report::words::{count, percent, plural, range, seconds, seconds_range};
use std::fmt::Write as _;

/// Pods drawn at most.
const PODS: usize = 12;

/// The whole answer.
pub fn text(answer: &Answer, width: usize) -> String {
    let mut page = Page::new(width);
    page.styled(0, HEAD, &answer.name);
    page.styled(2, DIM, &head(&answer.head));
    verdict(&mut page, answer);
    stuck(&mut page, answer);
    if answer.requests.sent > 0.0 {
        losses(&mut page, answer);
    }
    blame(&mut page, answer, SHOWN);
    advice::fixes(&mut page, answer, usize::MAX);
    rollout(&mut page, answer);
    autoscaling::draw(&mut page, answer);
    advice::durations(&mut page, answer);
    if let Some(lanes) = answer.timeline.as_ref().filter(|t| !t.lanes.is_empty()) {
        page.section("TIMELINE", "of the first replication");
        timeline::draw(&mut page, lanes, &answer.seconds, PODS);
    }
    advice::matters(&mut page, answer, usize::MAX);
    notes(&mut page, answer);
    page.into_text()
}

/// The answer, what it leaves out if it was asked to, and what could change it.
pub fn verdict(page: &mut Page, answer: &Answer) {
    page.styled(2, style(answer), &answer.verdict);
    cautions(page, answer);
}

fn stuck(page: &mut Page, answer: &Answer) {
    const SHOWN: usize = 3;
    if answer.stuck.is_empty() {
        return;
    }
    page.section("STUCK", "what does not reach its end, and the setting that keeps it from there");
    for s in answer.stuck.iter().take(SHOWN) {
        let head = format!(
            "{} in {} of rollouts, since {}: {}",
            s.action,
            percent(s.share),
            seconds(s.since_s),
            s.what
        );
        page.wrapped(2, &head);
        let fix = format!("{}: found {}, needed {}", s.setting, s.found, s.needed);
        for part in wrap(&fix, page.width - 6).iter().filter(|_| !s.setting.is_empty()) {
            page.line(&format!("      {}", paint(HEAD, part)));
        }
        if !s.command.is_empty() {
            page.wrapped(6, &format!("it reaches its end with: {}", s.command));
        }
    }
    if answer.stuck.len() > SHOWN {
        let more = plural((answer.stuck.len() - SHOWN) as u64, "further reason");
        page.wrapped(2, &format!("{more}: see --format json or --report"));
    }
}

fn losses(page: &mut Page, answer: &Answer) {
    let lost = &answer.lost;
    page.section("LOST REQUESTS", "per rollout: mean; 95 % of single rollouts");
    page.row("total", &total(&lost.total, lost.probability_none));
    if lost.total.mean > 0.0 {
        let [low, high] = lost.total.interval;
        page.row("mean", &format!("{} with 95 % certainty", range(&count(low), &count(high))));
    }
    for (title, groups) in [("by kind", &lost.by_failure), ("by cause", &lost.by_cause)] {
        for (i, group) in groups.iter().take(4).enumerate() {
            page.row(if i == 0 { title } else { "" }, &group_text(group));
        }
        if groups.len() > 4 {
            page.row("", &format!("and {} more", groups.len() - 4));
        }
    }
    // Of a workload that others call clients hear nothing.
    let heard = answer.requests.answered.iter().filter(|v| answer.calls.is_empty() || v.mean > 0.0);
    let answered: Vec<String> =
        heard.map(|v| format!("{} by {}", count(v.mean), v.version)).collect();
    let r = &answer.requests;
    let mut text = format!("{} sent, {} answered", count(r.sent), answered.join(", "));
    if r.open > 0.0 {
        write!(text, ", {} still open", count(r.open)).expect("a string takes it");
    }
    let slow = seconds(r.stall_threshold_s);
    write!(text, "; {} slower than {slow}", count(r.stalled.mean)).expect("a string takes it");
    page.row("requests", &text);
    let rare = |l: &&LoggedRow| (l.status, l.attempts) != (200, 1) && l.mean >= 0.05;
    for (i, line) in r.logged.iter().filter(rare).take(6).enumerate() {
        let tries = plural(u64::from(line.attempts), "attempt");
        let LoggedRow { status, flags, mean, .. } = line;
        let text = format!("{} of {status} {flags}, {tries}", count(*mean));
        page.row(if i == 0 { "proxy logs" } else { "" }, &text);
    }
    for (i, row) in answer.calls.iter().enumerate() {
        page.row(if i == 0 { "calls" } else { "" }, &calls::line(row));
    }
    if let Some(hurt) = &answer.hurt {
        page.row("hurts", &hurt_sentence(hurt));
    }
    if let Some(l) = &answer.latency {
        let parts = [("p50", l.p50_s), ("p90", l.p90_s), ("p99", l.p99_s), ("max", l.max_s)];
        let parts = parts.map(|(name, s)| format!("{name} {}", latency(s)));
        page.row("latency", &format!("mean {}, {}", latency(l.mean_s), parts.join(", ")));
    }
}

fn total(f: &Figure, none: Estimate) -> String {
    if f.mean <= 0.0 {
        return "none".into();
    }
    format!(
        "{:<8} {:<12} none lost in {} of rollouts",
        count(f.mean),
        spread(f),
        percent(none.mean),
    )
}

fn group_text(group: &LostGroup) -> String {
    let f = &group.count;
    format!("{:<8} {:<12} {}", count(f.mean), spread(f), group.label)
}

fn latency(s: f64) -> String {
    if s < 0.0995 { format!("{:.1} ms", s * 1e3) } else { seconds(s) }
}

/// Rows of blame that are shown.
const SHOWN: usize = 3;

fn blame(page: &mut Page, answer: &Answer, shown: usize) {
    let rows = &answer.blame;
    if rows.is_empty() {
        return;
    }
    let note = match answer.worth_changing {
        true => "and the setting that would have saved them",
        false => "too little to change anything for",
    };
    page.section("WHY", note);
    for b in rows.iter().take(shown) {
        // A hundredth of the losses is not worth a setting.
        blame_row(page, b, answer.worth_changing && b.lost >= 0.01 * answer.lost.total.mean);
    }
    if rows.len() > shown {
        let rest = rows[shown..].iter().fold(0.0, |sum, b| sum + b.lost);
        let more = plural((rows.len() - shown) as u64, "further group");
        page.wrapped(2, &format!("{more}, {} lost: see --format json or --report", count(rest)));
    }
}

/// What was lost, of which kinds, and what would have saved it.
pub fn blame_row(page: &mut Page, b: &BlameRow, advise: bool) {
    let pods = match (&b.example_pod, b.pods) {
        (Some(pod), 1) => format!(" ({pod})"),
        (Some(pod), n) if n > 1 => format!(" ({n} pods, such as {pod})"),
        _ => String::new(),
    };
    let at = b.hop.as_ref().map_or(String::new(), |hop| format!(" at {hop}"));
    let what = |p: &BlamePart| format!("{}: {}", p.failure_label, p.cause_label);
    match b.parts.as_slice() {
        [one] => page.wrapped(2, &format!("{} lost{at}, {}{pods}", count(b.lost), what(one))),
        several => {
            page.wrapped(2, &format!("{} lost{at}{pods}", count(b.lost)));
            for part in several.iter().take(SHOWN) {
                page.wrapped(4, &format!("{:<6} {}", count(part.lost), what(part)));
            }
            if several.len() > SHOWN {
                let rest = several[SHOWN..].iter().fold(0.0, |sum, p| sum + p.lost);
                page.wrapped(4, &format!("{:<6} in other ways", count(rest)));
            }
        }
    }
    if !advise {
        return;
    }
    let missing = b.missing_s.map_or(String::new(), |s| format!("; {} missing", seconds(s)));
    let needed = match &b.needed {
        Worth::Text(text) if b.removed_by.is_none() => text.clone(),
        needed => format!("needed {needed}"),
    };
    let fix = format!("{}: found {}, {needed}{missing}", b.setting, b.found);
    for part in wrap(&fix, page.width - 6) {
        page.line(&format!("      {}", paint(HEAD, &part)));
    }
    if !b.explanation.is_empty() {
        page.wrapped(6, &b.explanation);
    }
}

fn rollout(page: &mut Page, answer: &Answer) {
    let r = &answer.rollout;
    page.section("ROLLOUT", "");
    match &r.duration_s {
        Some(d) => page.row("complete", &duration(d, r.completed)),
        None if r.is_rollout => page.row("complete", "never reached"),
        None => {}
    }
    if let Some(d) = &r.last_pod_gone_s {
        page.row("last pod gone", &duration(d, 1.0));
    }
    let phases: Vec<String> =
        r.phases.iter().map(|p| format!("{} {}", seconds(p.to_s - p.from_s), p.name)).collect();
    if !phases.is_empty() {
        page.row("phases", &phases.join(" · "));
    }
    let pods = format!(
        "{} at most, {} available at least, {} wanted",
        spread(&r.peak_pods),
        spread(&r.lowest_available),
        r.desired
    );
    page.row("pods", &pods);
    if let Some(placement) = &r.placement {
        page.row("placed", &placement::text(placement));
    }
    if let Some(s) = r.progress_deadline_exceeded_s {
        let share = percent(r.progress_deadline_exceeded);
        page.row("deadline", &format!("progress deadline exceeded in {share}, at {}", seconds(s)));
    }
}

fn duration(f: &Figure, share: f64) -> String {
    let mut text = format!("{:<10} ", seconds(f.mean));
    text += &seconds_range(f.range);
    if share < 1.0 {
        write!(text, ", in {} of rollouts", percent(share)).expect("a string takes it");
    }
    text
}

fn spread(f: &Figure) -> String {
    range(&count(f.range[0]), &count(f.range[1]))
}

fn notes(page: &mut Page, answer: &Answer) {
    const SHOWN: usize = 4;
    let assumed: Vec<_> = answer.assumptions.iter().filter(|a| !a.is_warning()).collect();
    if !assumed.is_empty() {
        page.section("ASSUMED", "not measured on your cluster");
        for a in assumed.iter().take(SHOWN) {
            page.wrapped(2, &format!("{}: {}", a.key, a.text));
        }
        if assumed.len() > SHOWN {
            page.wrapped(2, &format!("and {} more", assumed.len() - SHOWN));
        }
    }
    page.line("");
    page.styled(0, DIM, &answer.signature());
}
