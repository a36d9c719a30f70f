//! A validation as text for the terminal and as Markdown for the documentation.

use super::verdict::{Verdict, main_kind};
use super::{Calibration, CaseResult, NotModelled, Summary, Tally, Validation};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// One line per case, the reasons of those that fail, and the summary.
pub fn text(validation: &Validation) -> String {
    let header = [
        "case",
        "lost",
        "predicted",
        "95 % of runs",
        "rollout s",
        "predicted",
        "kind",
        "chance",
        "card",
        "",
    ];
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    rows.extend(validation.cases.iter().map(row));
    let mut out = aligned(&rows);
    for case in validation.cases.iter().filter(|c| c.verdict == Verdict::Fail) {
        let _ = writeln!(out, "\n{} fails:", case.name);
        for reason in &case.reasons {
            let _ = writeln!(out, "  {reason}");
        }
        if let Some(known) = &case.known {
            let _ = writeln!(out, "  known: {known}");
        }
    }
    for case in &validation.not_modelled {
        let _ = write!(out, "\n{}", not_modelled(case));
    }
    if !validation.not_modelled.is_empty() {
        out.push('\n');
    }
    for (group, summary) in validation.groups() {
        let _ = writeln!(out, "\n{group}: {}", of_group(group));
        for line in summary_lines(summary) {
            let _ = writeln!(out, "  {line}");
        }
    }
    out
}

/// `name: not modelled yet: ...`.
fn not_modelled(case: &NotModelled) -> String {
    format!("{}: not modelled yet: {}", case.name, case.what.join(", "))
}

/// What a group of cases is.
fn of_group(group: &str) -> &'static str {
    match group {
        "fitted" => "cases that the platform card was fitted to",
        _ => "cases that no number was fitted to",
    }
}

/// The accuracy page: summary, matrix, every difference explained, pictures by relative link.
pub fn markdown(validation: &Validation, pictures: &str) -> String {
    let mut out = String::from(INTRODUCTION);
    for (group, summary) in validation.groups() {
        let title = of_group(group);
        let _ = writeln!(out, "\n## {}{}\n", title[..1].to_uppercase(), &title[1..]);
        for line in summary_lines(summary) {
            let _ = writeln!(out, "- {line}");
        }
    }
    out.push_str("\n## Cases\n\n");
    out.push_str("| case | lost (measured runs) | predicted mean | 95 % of runs | rollout s (measured runs) | predicted | 95 % of runs | main kind measured / predicted | chance to pass | card | verdict |\n");
    out.push_str("|---|---|---|---|---|---|---|---|---|---|---|\n");
    for case in &validation.cases {
        let _ = writeln!(out, "{}", markdown_row(case));
    }
    if !validation.not_modelled.is_empty() {
        out.push_str("\n## Not modelled yet\n\n");
        for case in &validation.not_modelled {
            let _ = writeln!(out, "- {}: {}", case.name, case.what.join(", "));
        }
    }
    out.push_str("\n## Differences\n\n");
    out.push_str(&differences(validation));
    out.push_str("\n## Losses per second\n\n");
    out.push_str("Measured runs as points, the predicted mean as a line; cases without any loss are left out.\n\n");
    for case in validation.cases.iter().filter(|c| has_losses(c)) {
        let _ = writeln!(out, "### {0}\n\n![{0}]({pictures}/{0}.svg)\n", case.name);
    }
    out.push_str(LIMITS);
    out
}

const INTRODUCTION: &str = "# Accuracy

Written by `rollsim validate --format markdown`; do not edit.

Each case was run on a real Kubernetes cluster, once or several times over (`tests/validation`), and is simulated here
with one platform card for all of them (`models/platforms/measured.toml`): no number is chosen per case. The card was
fitted to some of the cases, all together; the others are held out, and say what to expect of a case that nobody has
seen. Cases without a loss are counted apart: who always predicts none passes them. A case passes
when the mean number of lost requests and the mean rollout time agree within 5 requests (0.5 s), 20 % (10 %) or two
standard errors, every measured run lies in the predicted 95 % range of single runs, and the main kind of failure is
the same. Runs of one case differ widely on a real cluster, so a prediction is a distribution: the 50 % range should
hold about half of the measured runs, no more and no less.

With one or two runs a case, some verdicts are a matter of luck: a main kind of failure that leads by 41 requests to 39,
one run outside its 95 % range. \"Chance to pass\" is the probability that a cluster which behaves exactly as predicted
passes the same verdict with as many runs, from 200 simulated runs that take the place of the measured ones (standard
error at most 5 percentage points with two runs a case, 3.5 with one).
";

const LIMITS: &str = "## What is measured, assumed, out of reach

- Measured: the control plane, the kubelet, kube-proxy in iptables mode and the client of the clusters that the cases
  come from: one node, two cores, containerd 1.6, a bridge network; Kubernetes 1.34 with kube-proxy 1.30 (the cases that
  the card was fitted to), and Kubernetes 1.36.2 throughout (`again-*`, `rand-*`; none of its runs was fitted to).
- Assumed: what that cluster does not have. The propagation times of load balancers outside the cluster, image pulls,
  several nodes, other proxies and network plug-ins come from the published sources that their cards name.
- Out of reach: pauses of a loaded API server, failing nodes and disks, and noisy neighbours. A cluster with other
  latencies needs its own platform card: record it and run `rollsim calibrate`.
";

/// Whether there is anything to draw.
pub fn has_losses(case: &CaseResult) -> bool {
    case.measured.failed > 0.0 || case.predicted.failed.mean >= 0.5
}

fn row(case: &CaseResult) -> Vec<String> {
    let p = &case.predicted;
    vec![
        case.name.clone(),
        join(case.measured.runs.iter().map(|r| r.failed.to_string())),
        format!("{:.1}", p.failed.mean),
        format!("{:.0}-{:.0}", p.failed.low, p.failed.high),
        join(case.measured.runs.iter().map(|r| seconds(r.rollout_s))),
        p.rollout_s.map_or("-".into(), |s| format!("{:.2} ({:.2}-{:.2})", s.mean, s.low, s.high)),
        kinds(case),
        percent(case.chance),
        card(case).to_owned(),
        verdict(case).to_owned(),
    ]
}

/// Whether the platform card was fitted to the case.
fn card(case: &CaseResult) -> &'static str {
    if case.fitted { "fitted" } else { "held out" }
}

fn markdown_row(case: &CaseResult) -> String {
    let p = &case.predicted;
    let rollout = p.rollout_s.map_or(["-".to_owned(), "-".to_owned()], |s| {
        [format!("{:.2}", s.mean), format!("{:.2} to {:.2}", s.low, s.high)]
    });
    format!(
        "| {} | {} | {:.1} | {:.0} to {:.0} | {} | {} | {} | {} | {} | {} | {} |",
        case.name,
        join(case.measured.runs.iter().map(|r| r.failed.to_string())),
        p.failed.mean,
        p.failed.low,
        p.failed.high,
        join(case.measured.runs.iter().map(|r| seconds(r.rollout_s))),
        rollout[0],
        rollout[1],
        kinds(case),
        percent(case.chance),
        card(case),
        verdict(case),
    )
}

fn verdict(case: &CaseResult) -> &'static str {
    match (case.verdict, &case.known) {
        (Verdict::Pass, _) => "pass",
        (Verdict::Fail, Some(_)) => "known difference",
        (Verdict::Fail, None) => "FAIL",
    }
}

fn kinds(case: &CaseResult) -> String {
    let name = |by_kind: &BTreeMap<String, f64>| main_kind(by_kind).unwrap_or("-").to_owned();
    format!("{} / {}", name(&case.measured.by_kind), name(&case.predicted.by_kind))
}

/// A chance; "100 %" only when no trial failed, "0 %" only when all did.
fn percent(chance: f64) -> String {
    let shown = (100.0 * chance).round();
    match (shown == 0.0 && chance > 0.0, shown == 100.0 && chance < 1.0) {
        (true, _) => "<1 %".to_owned(),
        (_, true) => ">99 %".to_owned(),
        _ => format!("{shown:.0} %"),
    }
}

fn seconds(time: Option<f64>) -> String {
    time.map_or("-".to_owned(), |t| format!("{t:.2}"))
}

fn join(values: impl Iterator<Item = String>) -> String {
    values.collect::<Vec<_>>().join(", ")
}

fn summary_lines(s: &Summary) -> Vec<String> {
    let mut lines = vec![format!(
        "{} of {} cases pass ({}); {} more differ for a known reason",
        s.passed,
        s.cases,
        by_sort(s),
        s.known
    )];
    lines.push(passed_by_chance(s));
    for (name, unit, c) in [("losses", "requests", &s.losses), ("rollout time", "s", &s.rollout_s)]
    {
        if c.cases > 0 {
            lines.push(calibration_line(name, unit, c));
        }
    }
    lines
}

/// The passes among cases that lose requests and among those that lose none.
pub fn by_sort(summary: &Summary) -> String {
    let part = |tally: &Tally| format!("{} of {}", tally.passed, tally.cases);
    format!("{} with losses, {} without any", part(&summary.lossy), part(&summary.lossless))
}

/// How many cases a cluster would pass that behaves exactly as predicted, and why not all.
pub fn passed_by_chance(summary: &Summary) -> String {
    let (c, cases) = (&summary.passed_by_chance, summary.cases);
    if c.low == cases && c.error == 0.0 {
        return "a cluster that behaved exactly as predicted would always pass all of them"
            .to_owned();
    }
    format!(
        "a cluster that behaved exactly as predicted would pass {:.1} of {cases} on average (known to ±{:.1}), and \
         {} to {} in 95 of 100 repetitions: with so few runs a case, luck alone fails some",
        c.mean,
        1.96 * c.error,
        c.low,
        c.high
    )
}

fn calibration_line(name: &str, unit: &str, c: &Calibration) -> String {
    format!(
        "{name} ({} runs of {} cases): {:.0} % of runs in the predicted 50 % range, {:.0} % below and {:.0} % above it, \
         {:.0} % in the 95 % range; mean error {:.2} {unit} ({:.0} %)",
        c.runs,
        c.cases,
        100.0 * c.in_50,
        100.0 * c.below_50,
        100.0 * c.above_50,
        100.0 * c.in_95,
        c.mean_absolute_error,
        100.0 * c.relative_error
    )
}

fn differences(validation: &Validation) -> String {
    let mut out = String::new();
    for case in validation.cases.iter().filter(|c| c.verdict == Verdict::Fail) {
        let _ = writeln!(out, "### {}\n", case.name);
        for reason in &case.reasons {
            let _ = writeln!(out, "- {reason}");
        }
        let mechanism = case.known.as_deref().unwrap_or("not explained yet");
        let _ = writeln!(out, "\nMechanism: {mechanism}.\n");
    }
    if out.is_empty() {
        out.push_str("None.\n");
    }
    out
}

/// Columns padded to equal width; figures to the right.
fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |c: usize| rows.iter().filter_map(|r| r.get(c)).map(|s| s.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|c| width(c).unwrap_or(0)).collect();
    let mut out = String::new();
    for row in rows {
        let cells: Vec<String> = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell}{}", " ".repeat(width - cell.chars().count())))
            .collect();
        out.push_str(cells.join("  ").trim_end());
        out.push('\n');
    }
    out
}
