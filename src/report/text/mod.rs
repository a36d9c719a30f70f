//! The answer on one screen: verdict, losses, blame, rollout, a small timeline, assumptions.
//!
//! At most [`WIDTH`] columns. Colours are ANSI sequences; print through `anstream`, which takes them out
//! where nobody wants them. No meaning is carried by colour alone.

mod advice;
mod compare;
mod timeline;
mod workloads;

use super::advice::Worth;
use super::answer::{Answer, BlamePart, BlameRow, Estimate, Figure, HeadRow, LostGroup};
use super::placement;
use super::words::{count, percent, plural, range, seconds, seconds_range};
use crate::traffic::Evaluator;
use anstyle::{AnsiColor, Style};
pub use compare::compare;
use std::fmt::Write as _;
pub use workloads::workloads;

/// Columns used.
pub const WIDTH: usize = 100;
/// Lines used, as far as a timeline of fewer pods can keep to it.
const LINES: usize = 50;

const BAD: Style = AnsiColor::Red.on_default().bold();
const GOOD: Style = AnsiColor::Green.on_default().bold();
const HEAD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();

/// The whole answer.
pub fn text(answer: &Answer) -> String {
    let mut out = String::new();
    line(&mut out, &paint(HEAD, &answer.name));
    for part in wrap(&head(&answer.head), WIDTH - 2) {
        line(&mut out, &format!("  {}", paint(DIM, &part)));
    }
    verdict(&mut out, answer);
    stuck(&mut out, answer);
    if answer.requests.sent > 0.0 {
        losses(&mut out, answer);
    }
    blame(&mut out, answer, SHOWN);
    advice::fixes(&mut out, answer);
    rollout(&mut out, answer);
    advice::durations(&mut out, answer);
    let mut end = String::new();
    advice::matters(&mut end, answer);
    notes(&mut end, answer);
    if let Some(lanes) = answer.timeline.as_ref().filter(|t| !t.lanes.is_empty()) {
        section(&mut out, "TIMELINE", "of the first replication");
        let left = LINES.saturating_sub(out.lines().count() + end.lines().count());
        timeline::draw(&mut out, lanes, &answer.seconds, left);
    }
    out + &end
}

/// What was simulated; what the input does not say is marked.
fn head(rows: &[HeadRow]) -> String {
    let item = |row: &HeadRow| match row.given {
        true => row.value.clone(),
        false => format!("{} (assumed)", row.value),
    };
    rows.iter().map(item).collect::<Vec<_>>().join(" · ")
}

/// Red: enough is lost to matter, or something does not reach its end.
fn style(answer: &Answer) -> Style {
    match answer.worth_changing || answer.incomplete > 0.0 {
        true => BAD,
        false => GOOD,
    }
}

/// The answer, what it leaves out if it was asked to, and what could change it.
fn verdict(out: &mut String, answer: &Answer) {
    for part in wrap(&answer.verdict, WIDTH - 2) {
        line(out, &format!("  {}", paint(style(answer), &part)));
    }
    if answer.provenance.evaluator == Evaluator::Approximate.name() {
        let why = &answer.provenance.evaluator_reason;
        wrapped(out, 2, &format!("Approximate, as asked for: {why}. See --evaluator auto."));
    }
    for (i, a) in answer.assumptions.iter().filter(|a| a.is_warning()).enumerate() {
        let title = if i == 0 { "warning" } else { "" };
        hanging(out, title, &format!("{}: {}", a.key, a.text));
    }
    if !answer.not_modelled.is_empty() {
        hanging(out, "not modelled", &answer.not_modelled.join("; "));
    }
}

fn stuck(out: &mut String, answer: &Answer) {
    const SHOWN: usize = 3;
    if answer.stuck.is_empty() {
        return;
    }
    section(out, "STUCK", "what does not reach its end, and the setting that keeps it from there");
    for s in answer.stuck.iter().take(SHOWN) {
        let head = format!(
            "{} in {} of rollouts, since {}: {}",
            s.action,
            percent(s.share),
            seconds(s.since_s),
            s.what
        );
        wrapped(out, 2, &head);
        let fix = format!("{}: found {}, needed {}", s.setting, s.found, s.needed);
        for part in wrap(&fix, WIDTH - 6).iter().filter(|_| !s.setting.is_empty()) {
            line(out, &format!("      {}", paint(HEAD, part)));
        }
        if !s.command.is_empty() {
            wrapped(out, 6, &format!("it reaches its end with: {}", s.command));
        }
    }
    if answer.stuck.len() > SHOWN {
        let more = plural((answer.stuck.len() - SHOWN) as u64, "further reason");
        wrapped(out, 2, &format!("{more}: see --format json or --report"));
    }
}

fn losses(out: &mut String, answer: &Answer) {
    let lost = &answer.lost;
    section(out, "LOST REQUESTS", "per rollout: mean; 95 % of single rollouts");
    row(out, "total", &total(&lost.total, lost.probability_none));
    for (title, groups) in [("by kind", &lost.by_failure), ("by cause", &lost.by_cause)] {
        for (i, group) in groups.iter().take(4).enumerate() {
            row(out, if i == 0 { title } else { "" }, &group_text(group));
        }
        if groups.len() > 4 {
            row(out, "", &format!("and {} more", groups.len() - 4));
        }
    }
    let answered: Vec<String> = answer
        .requests
        .answered
        .iter()
        .map(|v| format!("{} by {}", count(v.mean), v.version))
        .collect();
    let r = &answer.requests;
    let mut text = format!("{} sent, {} answered", count(r.sent), answered.join(", "));
    if r.open > 0.0 {
        write!(text, ", {} still open", count(r.open)).expect("a string takes it");
    }
    let slow = seconds(r.stall_threshold_s);
    write!(text, "; {} slower than {slow}", count(r.stalled.mean)).expect("a string takes it");
    row(out, "requests", &text);
    if let Some(l) = &answer.latency {
        let parts = [("p50", l.p50_s), ("p90", l.p90_s), ("p99", l.p99_s), ("max", l.max_s)];
        let parts = parts.map(|(name, s)| format!("{name} {}", latency(s)));
        row(out, "latency", &format!("mean {}, {}", latency(l.mean_s), parts.join(", ")));
    }
}

fn total(f: &Figure, none: Estimate) -> String {
    if f.mean <= 0.0 {
        return "none".into();
    }
    format!(
        "{:<10} {:<16} none lost in {} of rollouts; mean {}",
        count(f.mean),
        spread(f),
        percent(none.mean),
        range(&count(f.interval[0]), &count(f.interval[1]))
    )
}

fn group_text(group: &LostGroup) -> String {
    let f = &group.count;
    format!("{:<10} {:<16} {}", count(f.mean), spread(f), group.label)
}

fn latency(s: f64) -> String {
    if s < 0.0995 { format!("{:.1} ms", s * 1e3) } else { seconds(s) }
}

/// Rows of blame that are shown.
const SHOWN: usize = 3;

fn blame(out: &mut String, answer: &Answer, shown: usize) {
    let rows = &answer.blame;
    if rows.is_empty() {
        return;
    }
    let note = match answer.worth_changing {
        true => "and the setting that would have saved them",
        false => "too little to change anything for",
    };
    section(out, "WHY", note);
    for b in rows.iter().take(shown) {
        // A hundredth of the losses is not worth a setting.
        blame_row(out, b, answer.worth_changing && b.lost >= 0.01 * answer.lost.total.mean);
    }
    if rows.len() > shown {
        let rest = rows[shown..].iter().fold(0.0, |sum, b| sum + b.lost);
        let more = plural((rows.len() - shown) as u64, "further group");
        wrapped(out, 2, &format!("{more}, {} lost: see --format json or --report", count(rest)));
    }
}

/// What was lost, of which kinds, and what would have saved it.
fn blame_row(out: &mut String, b: &BlameRow, advise: bool) {
    let pods = match (&b.example_pod, b.pods) {
        (Some(pod), 1) => format!(" ({pod})"),
        (Some(pod), n) if n > 1 => format!(" ({n} pods, such as {pod})"),
        _ => String::new(),
    };
    let what = |p: &BlamePart| format!("{}: {}", p.failure_label, p.cause_label);
    match b.parts.as_slice() {
        [one] => wrapped(out, 2, &format!("{} lost, {}{pods}", count(b.lost), what(one))),
        several => {
            wrapped(out, 2, &format!("{} lost{pods}", count(b.lost)));
            for part in several.iter().take(SHOWN) {
                wrapped(out, 4, &format!("{:<6} {}", count(part.lost), what(part)));
            }
            if several.len() > SHOWN {
                let rest = several[SHOWN..].iter().fold(0.0, |sum, p| sum + p.lost);
                wrapped(out, 4, &format!("{:<6} in other ways", count(rest)));
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
    for part in wrap(&fix, WIDTH - 6) {
        line(out, &format!("      {}", paint(HEAD, &part)));
    }
    if !b.explanation.is_empty() {
        wrapped(out, 6, &b.explanation);
    }
}

fn rollout(out: &mut String, answer: &Answer) {
    let r = &answer.rollout;
    section(out, "ROLLOUT", "");
    match &r.duration_s {
        Some(d) => row(out, "complete", &duration(d, r.completed)),
        None if r.is_rollout => row(out, "complete", "never reached"),
        None => {}
    }
    if let Some(d) = &r.last_pod_gone_s {
        row(out, "last pod gone", &duration(d, 1.0));
    }
    let phases: Vec<String> =
        r.phases.iter().map(|p| format!("{} {}", seconds(p.to_s - p.from_s), p.name)).collect();
    if !phases.is_empty() {
        hanging(out, "phases", &phases.join(" · "));
    }
    let pods = format!(
        "{} at most, {} available at least, {} wanted",
        spread(&r.peak_pods),
        spread(&r.lowest_available),
        r.desired
    );
    row(out, "pods", &pods);
    if let Some(placement) = &r.placement {
        hanging(out, "placed", &placement::text(placement));
    }
    if let Some(s) = r.progress_deadline_exceeded_s {
        let share = percent(r.progress_deadline_exceeded);
        row(out, "deadline", &format!("progress deadline exceeded in {share}, at {}", seconds(s)));
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

fn notes(out: &mut String, answer: &Answer) {
    const SHOWN: usize = 4;
    let assumed: Vec<_> = answer.assumptions.iter().filter(|a| !a.is_warning()).collect();
    if !assumed.is_empty() {
        section(out, "ASSUMED", "not measured on your cluster");
        for a in assumed.iter().take(SHOWN) {
            wrapped(out, 2, &format!("{}: {}", a.key, a.text));
        }
        if assumed.len() > SHOWN {
            wrapped(out, 2, &format!("and {} more", assumed.len() - SHOWN));
        }
    }
    out.push('\n');
    line(out, &paint(DIM, &answer.signature()));
}

/// A titled part, after an empty line.
fn section(out: &mut String, title: &str, note: &str) {
    out.push('\n');
    let note = if note.is_empty() { String::new() } else { format!("  {}", paint(DIM, note)) };
    line(out, &format!("{}{note}", paint(HEAD, title)));
}

/// A line `  title         value`.
fn row(out: &mut String, title: &str, value: &str) {
    line(out, &format!("  {title:<14} {value}"));
}

/// As `row`, continued under the value.
fn hanging(out: &mut String, title: &str, value: &str) {
    for (i, part) in wrap(value, WIDTH - 17).iter().enumerate() {
        row(out, if i == 0 { title } else { "" }, part);
    }
}

fn wrapped(out: &mut String, indent: usize, text: &str) {
    for part in wrap(text, WIDTH - indent) {
        line(out, &format!("{:indent$}{part}", ""));
    }
}

fn line(out: &mut String, text: &str) {
    out.push_str(text.trim_end());
    out.push('\n');
}

fn paint(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

/// `text` broken at spaces into lines of at most `width` characters (a longer word stays whole).
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let last = lines.last_mut().expect("never empty");
        if last.is_empty() {
            last.push_str(word);
        } else if last.chars().count() + 1 + word.chars().count() <= width {
            last.push(' ');
            last.push_str(word);
        } else {
            lines.push(word.into());
        }
    }
    lines
}

/// `text` cut to `width` characters; the end is the part that tells pods apart, so the middle goes.
fn shorten(text: &str, width: usize) -> String {
    let chars: Vec<char> = text.chars().collect();
    if chars.len() <= width {
        return text.into();
    }
    let tail = (width * 2 / 3).min(width - 1);
    let head: String = chars[..width - 1 - tail].iter().collect();
    let end: String = chars[chars.len() - tail..].iter().collect();
    format!("{head}…{end}")
}
