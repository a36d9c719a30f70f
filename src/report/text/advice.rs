//! What to change, what takes the time and which guess matters: sections of the answer.

use super::{DIM, HEAD, WIDTH, line, paint, section, shorten, wrap, wrapped};
use crate::advise::matters::LITTLE;
use crate::report::answer::Answer;
use crate::report::tried::{FixRow, MatterRow, MattersRow, OtherRow};
use crate::report::words::{count, seconds};
use anstyle::Style;

/// Columns of a name in a table.
const NAME: usize = 44;
/// Rows that are shown of durations and of guesses.
const SHOWN: usize = 3;
/// From here on a duration is worth its reasons, in seconds.
const LONG_S: f64 = 30.0;

/// Today, the changes that were tried, and how to make the last of them.
pub fn fixes(out: &mut String, answer: &Answer) {
    if answer.fixes.is_empty() && answer.later.is_none() {
        return none_found(out, answer);
    }
    let note = match answer.later {
        Some(_) => "tried on the rollouts after this one, on the same luck",
        None => "tried on the same luck before it is named",
    };
    section(out, "FIX", note);
    row(out, HEAD_CELLS, "", "");
    let r = &answer.rollout;
    let [takes, gone] = [r.duration_s, r.last_pod_gone_s].map(|d| d.map(|d| d.mean));
    let this = if answer.later.is_some() { "this rollout" } else { "today" };
    let peak = answer.rollout.peak_pods.range[1] as u32;
    row(out, cells(answer.lost.total.mean, takes, gone, peak), "", this);
    if let Some(later) = &answer.later {
        let (takes, gone) = (later.complete_s, later.last_pod_gone_s);
        row(out, cells(later.lost.mean, takes, gone, later.peak_pods), "", "every later one");
    }
    let mut before: &[String] = &[];
    for (i, fix) in answer.fixes.iter().enumerate() {
        let new: Vec<&str> =
            fix.change.iter().filter(|c| !before.contains(c)).map(String::as_str).collect();
        let and = if i > 0 { "and " } else { "" };
        row(out, of(fix), &(i + 1).to_string(), &format!("{and}{}", new.join(", ")));
        before = &fix.change;
    }
    for fix in &answer.also {
        row(out, of(fix), "", &format!("alone: {}", fix.change.join(", ")));
    }
    let Some(fix) = answer.first_change() else { return };
    if !fix.enough {
        wrapped(out, 2, "No setting was found that removes the rest.");
    }
    if let Some(lost) = fix.bringing {
        let text = format!(
            "The rollout that brings it still loses {} once: the pods before it have not got it.",
            count(lost)
        );
        wrapped(out, 2, &text);
    }
    command(out, HEAD, &fix.command, " --set ", "--set ");
    if !fix.patch.is_empty() {
        let patch = fix.command.replacen("rollsim run", "rollsim patch", 1);
        command(out, DIM, &patch, " --set ", "");
    }
}

/// A command to copy, continued where a setting would go beyond the width.
fn command(out: &mut String, style: Style, text: &str, between: &str, before: &str) {
    let mut parts = text.split(between);
    let mut now = format!("  {}", parts.next().unwrap_or_default());
    for part in parts {
        let next = format!("{before}{part}");
        // Room for the mark that a line goes on.
        if now.chars().count() + next.chars().count() + 3 > WIDTH {
            line(out, &paint(style, &format!("{now} \\")));
            now = format!("      {next}");
        } else {
            now = format!("{now} {next}");
        }
    }
    line(out, &paint(style, &now));
}

/// Losses that are worth a change, and none that helps.
fn none_found(out: &mut String, answer: &Answer) {
    if answer.tried && answer.worth_changing && !answer.blame.is_empty() {
        section(out, "FIX", "");
        wrapped(out, 2, "No setting was found that loses less.");
    }
}

const HEAD_CELLS: [&str; 4] = ["lost", "complete", "last gone", "pods"];

fn of(fix: &FixRow) -> [String; 4] {
    cells(fix.lost.mean, fix.complete_s, fix.last_pod_gone_s, fix.peak_pods)
}

fn cells(lost: f64, complete: Option<f64>, gone: Option<f64>, pods: u32) -> [String; 4] {
    let time = |s: Option<f64>| s.map_or("-".to_owned(), seconds);
    [count(lost), time(complete), time(gone), pods.to_string()]
}

/// A number, a name that may take several lines, and figures beside the last of them.
fn row(out: &mut String, cells: [impl AsRef<str>; 4], number: &str, name: &str) {
    let mut parts = wrap(name, NAME);
    let last = parts.pop().unwrap_or_default();
    let mut number = number;
    for part in parts {
        line(out, &format!("  {number:<2} {part}"));
        number = "";
    }
    let last = match last.chars().count() > NAME {
        true => {
            line(out, &format!("  {number:<2} {last}"));
            number = "";
            String::new()
        }
        false => last,
    };
    let [lost, complete, gone, pods] = cells;
    let figures = format!(
        "{:>10} {:>10} {:>10} {:>6}",
        lost.as_ref(),
        complete.as_ref(),
        gone.as_ref(),
        pods.as_ref()
    );
    line(out, &format!("  {number:<2} {last:<NAME$} {figures}"));
}

/// What the time of a long rollout goes into.
pub fn durations(out: &mut String, answer: &Answer) {
    let rollout = &answer.rollout;
    let long = rollout.duration_s.or(rollout.last_pod_gone_s).is_some_and(|d| d.mean >= LONG_S);
    if !long || answer.durations.is_empty() {
        return;
    }
    section(out, "WHY SO LONG", "the same rollouts without each");
    for d in answer.durations.iter().take(SHOWN) {
        let lost = match d.lost > answer.lost.total.mean + 0.5 {
            true => format!(", and {} are lost", count(d.lost)),
            false => String::new(),
        };
        let change = d.change.join(", ");
        let text =
            format!("{:>8} less  {} ({}): {change}{lost}", seconds(d.saves_s), d.what, d.found);
        for (i, part) in wrap(text.trim_start(), WIDTH - 16).iter().enumerate() {
            let indent = if i == 0 { 2 } else { 16 };
            line(out, &format!("{:indent$}{part}", ""));
        }
    }
}

/// The guesses that the answer hangs on.
pub fn matters(out: &mut String, answer: &Answer) {
    let matters = &answer.matters;
    let shown: Vec<&MatterRow> =
        matters.weighed.iter().filter(|m| m.influence >= LITTLE).take(SHOWN).collect();
    if shown.is_empty() {
        return;
    }
    section(out, "MATTERS MOST", "and is assumed");
    let cells = |name: &str, more: &str, less: &str, give: &str| {
        format!("  {name:<30} {more:<17} {less:<17} {give}")
    };
    line(out, &cells("", "three times", "a third", ""));
    for m in shown {
        let name = m.key.rsplit_once('.').map_or(m.key.as_str(), |(_, name)| name);
        let value = m.value.split(" (").next().unwrap_or(&m.value);
        let value = value.split(':').next().unwrap_or(value);
        let [more, less] = [&m.more, &m.less].map(|o| o.as_ref().map(|o| other(o, matters)));
        let text = |o: Option<String>| o.unwrap_or_else(|| "-".to_owned());
        let name = shorten(&format!("{name} {value}"), 30);
        line(out, &cells(&name, &text(more), &text(less), &m.give));
    }
    let more = matters.weighed.iter().filter(|m| m.influence >= LITTLE).count();
    let hidden = more.saturating_sub(SHOWN);
    let also = if hidden > 0 { format!("{hidden} more matter; ") } else { String::new() };
    wrapped(out, 2, &format!("{also}{} others change it by less than 5 %", matters.little));
}

/// `84 lost, 36 s`.
fn other(o: &OtherRow, base: &MattersRow) -> String {
    let mut parts = vec![format!("{} lost", count(o.lost))];
    if o.incomplete > 0.0 {
        parts.push("does not reach its end".to_owned());
    } else if let (Some(a), Some(b)) = (o.takes_s, base.takes_s)
        && libm::fabs(a - b) >= 0.05 * b
    {
        parts.push(seconds(a));
    }
    parts.join(", ")
}
