//! A sweep as text: what was left out, the best points, the front, what matters.

use super::plan::Loaded;
use crate::report::words::plural;
use crate::stats::Estimate;
use crate::sweep::{Axis, Choice, PointCounts, Sensitivity, SweepPoint, SweepSummary, Value};
use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};
use std::fmt::Write;

/// Rows of the front that are shown.
const FRONT: usize = 12;
/// Choices that are shown.
const CHOICES: usize = 10;

/// What is printed at the end: counts, best points, best trades.
pub fn summary(loaded: &Loaded, counts: &PointCounts, summary: &SweepSummary) -> String {
    let mut text = points(loaded, counts, summary);
    let axes = &loaded.plan.axes;
    if summary.choices.are_there() {
        let title = "Best choices: fewest lost in the worst world, then in the mean";
        section(&mut text, title, &choices(axes, summary));
    } else if !summary.best.is_empty() {
        section(&mut text, "Best points: fewest lost, then fastest", &table(axes, &summary.best));
    }
    if summary.front.len() > 1 && !summary.choices.are_there() {
        let shown = &summary.front[..summary.front.len().min(FRONT)];
        let title = format!(
            "Best trades of losses, duration and peak pods ({} of {})",
            shown.len(),
            summary.front.len()
        );
        section(&mut text, &title, &table(axes, shown));
    }
    if summary.points > summary.errors {
        let (title, table) = sensitivity(axes, summary);
        section(&mut text, title, &table);
    }
    let files: Vec<&str> = loaded.formats.iter().map(|f| f.file_name()).collect();
    let _ =
        writeln!(text, "\nIn {}: {}, manifest.json", loaded.directory.display(), files.join(", "));
    text
}

fn points(loaded: &Loaded, counts: &PointCounts, summary: &SweepSummary) -> String {
    let mut text = plural(counts.run, "point");
    if counts.run != counts.design {
        let _ = write!(text, " of {}", counts.design);
    }
    let _ = writeln!(text, ", {} lose nothing", summary.lossless);
    for (constraint, dropped) in loaded.plan.constraints.iter().zip(&counts.dropped) {
        let _ = writeln!(text, "  {dropped} dropped: not {constraint}");
    }
    if counts.repeated > 0 {
        let _ = writeln!(text, "  {} left out: equal to another point", counts.repeated);
    }
    if let Some(error) = &summary.first_error {
        let first = error.lines().next().unwrap_or_default();
        let first = first.strip_prefix("error: ").unwrap_or(first);
        let _ = writeln!(text, "  {} could not be run, first: {first}", summary.errors);
    }
    if summary.approximate > 0 {
        let _ = writeln!(
            text,
            "  {} are approximate, as asked for: column evaluator in the results",
            summary.approximate
        );
    }
    if summary.capped > 0 {
        let most = loaded.plan.precision.map_or(0, |p| p.max_replications);
        let _ = writeln!(
            text,
            "  {} did not reach the wanted precision within {most} replications",
            summary.capped
        );
    }
    text
}

fn section(text: &mut String, title: &str, table: &Table) {
    let _ = writeln!(text, "\n{title}");
    for line in table.to_string().lines() {
        let _ = writeln!(text, "{}", line.trim_end());
    }
}

/// A borderless table whose columns from `numbers` on are aligned to the right.
pub fn new_table(header: Vec<String>, numbers: usize) -> Table {
    let mut table = Table::new();
    let columns = header.len();
    table.load_style(NOTHING).set_header(header);
    for i in numbers..columns {
        if let Some(column) = table.column_mut(i) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// What can be chosen, each over all worlds.
fn choices(axes: &[Axis], summary: &SweepSummary) -> Table {
    let chosen = summary.choices.axes();
    let mut header: Vec<String> = chosen.iter().map(|i| axes[*i].name.clone()).collect();
    header.extend(["lost, worst", "mean", "takes, worst", "mean", "worlds"].map(String::from));
    let seconds = |s: f64| if s.is_finite() { format!("{} s", number(s)) } else { "never".into() };
    let row = |choice: &Choice| {
        let mut cells: Vec<String> = choice.settings.iter().map(setting).collect();
        cells.extend(choice.failed.map(number));
        cells.extend(choice.duration_s.map(seconds));
        cells.push(choice.worlds.to_string());
        cells
    };
    let rows = summary.choices.best().into_iter().take(CHOICES).map(row).collect();
    fitting(header, rows, &[])
}

/// A table without those of its columns, last first, for which the terminal is too narrow.
fn fitting(mut header: Vec<String>, mut rows: Vec<Vec<String>>, spare: &[usize]) -> Table {
    let width = |header: &[String], rows: &[Vec<String>]| {
        let longest = |i: usize| rows.iter().map(|r| r[i].chars().count()).max().unwrap_or(0);
        let one = |(i, head): (usize, &String)| longest(i).max(head.chars().count()) + 2;
        header.iter().enumerate().map(one).sum::<usize>()
    };
    for &column in spare {
        if width(&header, &rows) <= super::screen::width() {
            break;
        }
        header.remove(column);
        rows.iter_mut().for_each(|row| {
            row.remove(column);
        });
    }
    let mut table = new_table(header, 0);
    rows.into_iter().for_each(|row| {
        table.add_row(row);
    });
    table
}

fn table(axes: &[Axis], points: &[SweepPoint]) -> Table {
    let mut header: Vec<String> = axes.iter().map(|a| a.name.clone()).collect();
    header.extend(
        ["lost", "95 %", "P(none)", "duration", "95 %", "peak pods", "surge pod-s"]
            .map(String::from),
    );
    let mut rows = Vec::new();
    for point in points {
        let s = &point.summary;
        let mut cells: Vec<String> = point.settings.iter().map(setting).collect();
        cells.push(number(s.failed.value));
        cells.push(range(&s.failed));
        cells.push(number(s.probability_none.value));
        cells.push(s.duration_s.map_or("never".into(), |d| format!("{} s", number(d.value))));
        cells.push(s.duration_s.as_ref().map_or(String::new(), range));
        cells.push(s.peak_pods.to_string());
        cells.push(number(s.surge_pod_seconds));
        rows.push(cells);
    }
    // Each index is that after the ones before are gone.
    let first = axes.len();
    fitting(header, rows, &[first + 6, first + 4, first + 1, first + 3])
}

/// A setting in a table.
pub fn setting(value: &Value) -> String {
    match value {
        Value::Unset => "-".into(),
        Value::Float(x) => number(*x),
        other => other.to_string(),
    }
}

fn range(estimate: &Estimate) -> String {
    format!("{} to {}", number(estimate.low), number(estimate.high))
}

/// Three significant digits, at most three decimals.
pub fn number(x: f64) -> String {
    let magnitude = x.abs();
    match magnitude {
        _ if !x.is_finite() => "∞".into(),
        m if m >= 99.95 => format!("{x:.0}"),
        m if m >= 9.995 => format!("{x:.1}"),
        m if m >= 0.9995 => format!("{x:.2}"),
        0.0 => "0".into(),
        m if m < 0.0005 => "<0.001".into(),
        _ => format!("{x:.3}"),
    }
}

fn percent(x: f64) -> String {
    // Not "-0": an estimate of nothing may fall a hair below.
    format!("{:.0} %", libm::round(100.0 * x) + 0.0)
}

fn sensitivity(axes: &[Axis], summary: &SweepSummary) -> (&'static str, Table) {
    let name = |i: usize| axes[i].name.clone();
    match summary.sensitivity() {
        Sensitivity::Main(effects) => {
            let header = ["setting", "share of variance", "lowest mean", "highest mean"];
            let mut table = new_table(header.map(String::from).to_vec(), 1);
            for (i, effect) in effects.iter().enumerate() {
                let at = |level: &crate::stats::LevelEffect| {
                    format!("{} at {}", number(level.mean), summary.level_name(i, level.level))
                };
                let by_mean = |a: &&crate::stats::LevelEffect, b: &&crate::stats::LevelEffect| {
                    a.mean.total_cmp(&b.mean)
                };
                let lowest = effect.levels.iter().min_by(by_mean).map_or(String::new(), at);
                let highest = effect.levels.iter().max_by(by_mean).map_or(String::new(), at);
                table.add_row([name(i), percent(effect.share), lowest, highest]);
            }
            ("What decides the losses (main effects)", table)
        }
        Sensitivity::Morris(effects) => {
            let header = ["setting", "mean |effect|", "mean effect", "spread"];
            let mut table = new_table(header.map(String::from).to_vec(), 1);
            for (i, e) in effects.iter().enumerate() {
                let figures = [e.mean_absolute, e.mean, e.standard_deviation].map(number);
                table.add_row([vec![name(i)], figures.to_vec()].concat());
            }
            ("What decides the losses (Morris screening, requests per full range)", table)
        }
        Sensitivity::Sobol(indices) => {
            let header = ["setting", "by itself", "95 %", "with interactions", "95 %"];
            let mut table = new_table(header.map(String::from).to_vec(), 1);
            for (i, index) in indices.iter().enumerate() {
                let within = |i: crate::stats::Interval| {
                    format!("{} to {}", percent(i.low), percent(i.high))
                };
                table.add_row([
                    name(i),
                    percent(index.first),
                    within(index.first_interval),
                    percent(index.total),
                    within(index.total_interval),
                ]);
            }
            ("What decides the losses (Sobol indices)", table)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn numbers_are_short() {
        let found = [0.0, 1e-9, 0.012_34, 0.9999, 4.1, 36.04, 99.97, 12_345.6, f64::INFINITY];
        let expected = ["0", "<0.001", "0.012", "1.00", "4.10", "36.0", "100", "12346", "∞"];
        assert_eq!(found.map(number), expected);
        assert_eq!(number(-3.5), "-3.50");
    }
}
