//! The answer as Markdown, for a pull request: verdict, losses, what to change; what is assumed is folded.
//!
//! Names from the input are text: nothing in them is markup.

mod compare;
mod gate;
mod maintenance;

use super::answer::{Answer, HeadRow, LostGroup};
use super::tried::FixRow;
use super::words::{count, percent, range, seconds, seconds_range};
use super::workloads::Workloads;
pub use compare::compare;
pub use gate::{budget, check, diff};
pub use maintenance::maintenance;
use std::fmt::Write as _;

/// Rows of a table that are shown.
const SHOWN: usize = 8;

/// The answer of one rollout.
pub fn run(answer: &Answer) -> String {
    let mut out = format!("### {}\n\n{}\n", text(&answer.name), mark(answer));
    paragraph(&mut out, &head(&answer.head));
    stuck(&mut out, answer);
    figures(&mut out, answer);
    losses(&mut out, answer);
    for sentences in answer.of_autoscalers() {
        paragraph(&mut out, &text(&sentences));
    }
    fixes(&mut out, answer);
    matters(&mut out, answer);
    notes(&mut out, answer);
    paragraph(&mut out, &format!("<sub>{}</sub>", text(&answer.signature())));
    out
}

/// A row for each workload, and the worst in full.
pub fn workloads(all: &Workloads) -> String {
    let mut out = format!("### {}\n\n**{}**\n", text(&all.name), text(&all.verdict()));
    let row = |a: &Answer| {
        let takes = a.rollout.duration_s.map_or("–".to_owned(), |d| seconds(d.mean));
        let change = a.first_change().map(|f| f.change.iter().map(|c| code(c)).collect::<Vec<_>>());
        let sign = if a.worth_changing || a.incomplete > 0.0 { "❌" } else { "✅" };
        let change = change.unwrap_or_default().join(", ");
        vec![sign.to_owned(), text(&a.name), count(a.lost.total.mean), takes, change]
    };
    let rows: Vec<Vec<String>> = all.workloads.iter().map(row).collect();
    table(&mut out, &["", "workload", "#lost per rollout", "#takes", "change first"], &rows);
    for left in &all.not_simulated {
        paragraph(
            &mut out,
            &format!("{}: not simulated: {}", text(&left.workload), text(&left.why)),
        );
    }
    out.push('\n');
    out + &run(&all.workloads[0])
}

/// What was simulated, and whether the input says so.
fn head(rows: &[HeadRow]) -> String {
    let item = |r: &HeadRow| match r.given {
        true => text(&r.value),
        false => format!("{} (assumed)", text(&r.value)),
    };
    rows.iter().map(item).collect::<Vec<_>>().join(" · ")
}

/// The verdict, with a mark that does not hang on colour.
fn mark(answer: &Answer) -> String {
    let bad = answer.worth_changing || answer.incomplete > 0.0;
    format!("{} {}", if bad { "❌" } else { "✅" }, bold(&answer.verdict))
}

/// The first sentence stands out.
fn bold(verdict: &str) -> String {
    match verdict.split_once(". ") {
        Some((first, rest)) => format!("**{}.** {}", text(first), text(rest)),
        None => format!("**{}**", text(verdict)),
    }
}

fn stuck(out: &mut String, answer: &Answer) {
    let rows: Vec<Vec<String>> = answer
        .stuck
        .iter()
        .take(SHOWN)
        .map(|s| {
            vec![
                text(&s.action),
                percent(s.share),
                text(&s.what),
                code(&s.setting),
                text(&s.found),
                text(&s.needed.to_string()),
            ]
        })
        .collect();
    let heads = ["does not reach its end", "#rollouts", "waits for", "setting", "found", "needed"];
    table(out, &heads, &rows);
}

fn figures(out: &mut String, answer: &Answer) {
    let (lost, r) = (&answer.lost, &answer.rollout);
    let spread = |f: &super::figure::Figure| range(&count(f.range[0]), &count(f.range[1]));
    let mut rows = Vec::new();
    let mut row = |name: &str, mean: String, single: String| {
        rows.push(vec![name.to_owned(), mean, single]);
    };
    if answer.requests.sent > 0.0 {
        let sent = format!("{} of {}", count(lost.total.mean), count(answer.requests.sent));
        row("requests lost per rollout", sent, spread(&lost.total));
        row("rollouts that lose none", percent(lost.probability_none.mean), String::new());
    }
    match &r.duration_s {
        Some(d) => row("complete", seconds(d.mean), seconds_range(d.range)),
        None if r.is_rollout => row("complete", "never".to_owned(), String::new()),
        None => {}
    }
    if let Some(d) = &r.last_pod_gone_s {
        row("last pod gone", seconds(d.mean), seconds_range(d.range));
    }
    let wanted = format!("{} (of {})", count(r.lowest_available.mean), r.desired);
    row("available at least", wanted, spread(&r.lowest_available));
    row("pods at most", count(r.peak_pods.mean), spread(&r.peak_pods));
    table(out, &["", "#mean", "#95 % of rollouts"], &rows);
}

/// By what the client saw, and by cause.
fn losses(out: &mut String, answer: &Answer) {
    let group = |g: &LostGroup| {
        let spread = range(&count(g.count.range[0]), &count(g.count.range[1]));
        vec![count(g.count.mean), spread, text(&g.label)]
    };
    for (what, groups) in [("kind", &answer.lost.by_failure), ("cause", &answer.lost.by_cause)] {
        let rows: Vec<Vec<String>> = groups.iter().take(SHOWN).map(group).collect();
        table(out, &["#lost", "#95 % of rollouts", what], &rows);
    }
}

/// Today, the changes that were tried, and how to make the last of them.
fn fixes(out: &mut String, answer: &Answer) {
    if answer.fixes.is_empty() && answer.later.is_none() {
        if answer.tried && answer.worth_changing && !answer.blame.is_empty() {
            paragraph(out, "No setting was found that loses less.");
        }
        return;
    }
    let time = |s: Option<f64>| s.map_or("–".to_owned(), seconds);
    let r = &answer.rollout;
    let [takes, gone] = [r.duration_s, r.last_pod_gone_s].map(|d| time(d.map(|d| d.mean)));
    let this = if answer.later.is_some() { "this rollout" } else { "today" };
    let lost = count(answer.lost.total.mean);
    let mut rows = vec![vec![this.to_owned(), lost, takes, gone, count(r.peak_pods.range[1])]];
    if let Some(l) = &answer.later {
        let (takes, gone) = (time(l.complete_s), time(l.last_pod_gone_s));
        let name = "every later one".to_owned();
        rows.push(vec![name, count(l.lost.mean), takes, gone, l.peak_pods.to_string()]);
    }
    let fix = |name: String, f: &FixRow| {
        let (takes, gone) = (time(f.complete_s), time(f.last_pod_gone_s));
        vec![name, count(f.lost.mean), takes, gone, f.peak_pods.to_string()]
    };
    let list = |c: &[String]| c.iter().map(|c| code(c)).collect::<Vec<_>>().join(", ");
    for (i, f) in answer.fixes.iter().enumerate() {
        rows.push(fix(format!("{}. {}", i + 1, list(&f.change)), f));
    }
    for f in &answer.also {
        rows.push(fix(format!("alone: {}", list(&f.change)), f));
    }
    let heads = ["change, tried on the same luck", "#lost", "#complete", "#last pod gone", "#pods"];
    table(out, &heads, &rows);
    let Some(f) = answer.first_change() else { return };
    if !f.enough {
        paragraph(out, "No setting was found that removes the rest.");
    }
    if let Some(lost) = f.bringing {
        let once = "The rollout that brings it still loses";
        paragraph(
            out,
            &format!("{once} {} once: the pods before it have not got it.", count(lost)),
        );
    }
    block(out, "sh", &f.command);
    if !f.patch.is_empty() {
        let mut patch = String::new();
        block(&mut patch, "yaml", &f.patch);
        folded(out, "The change as a patch", &patch);
    }
}

/// The guesses that the answer hangs on.
fn matters(out: &mut String, answer: &Answer) {
    let other = |o: &Option<super::tried::OtherRow>| match o {
        Some(o) if o.incomplete > 0.0 => "does not reach its end".to_owned(),
        Some(o) => {
            let takes = o.takes_s.map_or(String::new(), |s| format!(", {}", seconds(s)));
            format!("{} lost{takes}", count(o.lost))
        }
        None => "–".to_owned(),
    };
    let shown = answer.matters.weighed.iter().filter(|m| m.influence >= 0.05).take(3);
    let rows: Vec<Vec<String>> = shown
        .map(|m| vec![code(&m.key), text(&m.value), other(&m.more), other(&m.less), code(&m.give)])
        .collect();
    let heads = ["matters most, and is assumed", "value", "three times", "a third", "say better"];
    table(out, &heads, &rows);
}

/// What was assumed and what was left out, folded.
fn notes(out: &mut String, answer: &Answer) {
    let warnings = answer.assumptions.iter().filter(|a| a.is_warning());
    for a in warnings {
        paragraph(out, &format!("⚠️ {}: {}", text(&a.key), text(&a.text)));
    }
    if !answer.not_modelled.is_empty() {
        let names: Vec<String> = answer.not_modelled.iter().map(|n| text(n)).collect();
        paragraph(out, &format!("⚠️ Not modelled: {}", names.join("; ")));
    }
    let assumed: Vec<Vec<String>> = answer
        .assumptions
        .iter()
        .filter(|a| !a.is_warning())
        .map(|a| vec![code(&a.key), text(&a.text)])
        .collect();
    let mut rows = String::new();
    table(&mut rows, &["assumed", "value and why"], &assumed);
    let title = format!("{} assumptions: not measured on your cluster", assumed.len());
    folded(out, &title, &rows);
}

/// A table, if it has rows; a head that begins with `#` is one of numbers.
fn table(out: &mut String, heads: &[&str], rows: &[Vec<String>]) {
    if rows.is_empty() {
        return;
    }
    out.push('\n');
    let mut line = |cells: Vec<String>| {
        writeln!(out, "| {} |", cells.join(" | ")).expect("a string takes it");
    };
    line(heads.iter().map(|h| h.trim_start_matches('#').to_owned()).collect());
    line(
        heads.iter().map(|h| if h.starts_with('#') { "---:" } else { "---" }.to_owned()).collect(),
    );
    rows.iter().for_each(|row| line(row.clone()));
}

fn paragraph(out: &mut String, text: &str) {
    writeln!(out, "\n{text}").expect("a string takes it");
}

/// A part that is shown when it is asked for.
fn folded(out: &mut String, title: &str, inner: &str) {
    if !inner.is_empty() {
        let title = format!("<details><summary>{title}</summary>");
        writeln!(out, "\n{title}\n{inner}\n</details>").expect("a string takes it");
    }
}

/// Lines as they are; a fence is longer than any in them.
fn block(out: &mut String, language: &str, text: &str) {
    let mut fence = "```".to_owned();
    while text.contains(&fence) {
        fence.push('`');
    }
    writeln!(out, "\n{fence}{language}\n{}\n{fence}", text.trim_end()).expect("a string takes it");
}

/// A text without markup, also within a table.
fn text(words: &str) -> String {
    let mut out = String::new();
    for c in words.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\n' | '\r' => out.push(' '),
            // Nobody is called, and nothing is linked, by what stands in a manifest.
            '@' => out.push_str("&#64;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' | '!' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}

/// A name or value as it is written.
fn code(words: &str) -> String {
    let plain = |c: char| !c.is_control() && !"`|\\".contains(c);
    match words {
        "" => String::new(),
        words if words.chars().all(plain) => format!("`{words}`"),
        words => text(words),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_an_input_is_markup() {
        assert_eq!(text("a|b <img src=x> *c* @all"), "a\\|b &lt;img src=x&gt; \\*c\\* &#64;all");
        assert_eq!(code("a.b=1"), "`a.b=1`");
        assert_eq!(code("a`|b"), "a\\`\\|b");
        let mut out = String::new();
        block(&mut out, "sh", "echo '```'");
        assert!(out.starts_with("\n````sh\n"), "{out}");
    }
}
