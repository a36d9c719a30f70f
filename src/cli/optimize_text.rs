//! The outcome of a search as text.

use super::sweep_text::{new_table, number, setting};
use crate::report::words::plural;
use crate::stats::PairedDifference;
use crate::sweep::Value;
use crate::sweep::optimize::{Frontier, Optimum, Outcome, Price, Problem};
use std::fmt::Write;

/// Rows of the front that are shown.
const FRONT: usize = 12;

/// What is printed: the settings, what they buy, and what would break them.
pub fn answer(problem: &Problem, found: &Optimum) -> String {
    let mut text = headline(problem, found);
    outcomes(&mut text, found);
    let _ = writeln!(text, "\nWhat each setting costs and buys");
    for price in &found.prices {
        let name = &problem.settings[price.setting].name;
        let value = shown(problem, price);
        let today = match price.changed {
            true => format!(" (today {})", problem.today[price.setting]),
            false => String::new(),
        };
        let _ = writeln!(text, "  {name} {value}{today}: {}", why(problem, price));
    }
    if found.front.len() > 1 {
        front(&mut text, problem, found);
    }
    text
}

fn headline(problem: &Problem, found: &Optimum) -> String {
    let assign = |price: &Price| {
        format!("{} = {}", problem.settings[price.setting].name, shown(problem, price))
    };
    let settings: Vec<String> = found.prices.iter().map(assign).collect();
    let verdict = match (found.score.meets(), found.confirmed) {
        (_, true) => "Cheapest settings that meet the goal",
        (true, false) => "Best settings; fresh seeds did not confirm that they meet the goal",
        (false, false) => "No settings meet the goal; the nearest",
    };
    let how = if found.exhaustive { "every combination" } else { "a search" };
    let mut text = format!("{verdict}: {}\n", settings.join(", "));
    let _ = writeln!(
        text,
        "  {how}: {} of up to {}; the winner again {} times with fresh seeds ({} in all)",
        plural(found.evaluated, "point"),
        plural(found.replications, "rollout"),
        found.fresh.failed.len(),
        plural(found.rollouts, "rollout")
    );
    if let Some(error) = &found.first_error {
        let first = error.lines().next().unwrap_or_default();
        let first = first.strip_prefix("error: ").unwrap_or(first);
        let points = plural(found.errors, "point");
        let _ = writeln!(text, "  {points} could not be run, first: {first}");
    }
    if found.refuted > 0 {
        let (winners, were) = (
            plural(found.refuted, "earlier winner"),
            if found.refuted == 1 { "was" } else { "were" },
        );
        let _ = writeln!(text, "  {winners} {were} refused by fresh seeds");
    }
    text
}

fn outcomes(text: &mut String, found: &Optimum) {
    let header = ["", "lost", "P(none)", "duration", "surge pod-s", "peak pods"];
    let mut table = new_table(header.map(String::from).to_vec(), 1);
    let row = |name: &str, o: &Outcome| {
        vec![
            name.to_owned(),
            number(o.failed()),
            number(o.probability_none),
            format!("{} s", number(o.duration_s())),
            number(o.surge_pod_seconds),
            o.peak_pods.to_string(),
        ]
    };
    if let Some(present) = &found.present {
        table.add_row(row("today", present));
    }
    table.add_row(row("found", &found.outcome));
    table.add_row(row("with fresh seeds", &found.fresh));
    push(text, &table);
}

fn push(text: &mut String, table: &comfy_table::Table) {
    for line in table.to_string().lines() {
        let _ = writeln!(text, "{}", line.trim_end());
    }
}

/// The value at the optimum; what is left as it is may be no value.
pub fn shown(problem: &Problem, price: &Price) -> String {
    match price.value {
        Value::Unset => problem.today[price.setting].to_string(),
        _ => setting(&price.value),
    }
}

/// "costs 36 s, buys 4.1 requests; 11 would save 3 s and lose 0.7".
pub fn why(problem: &Problem, price: &Price) -> String {
    let mut parts = Vec::new();
    let today = &problem.today[price.setting];
    let mean = |d: &Option<PairedDifference>| d.as_ref().map(|d| d.difference.value);
    if price.changed {
        let (seconds, lost) = (mean(&price.duration_s), mean(&price.failed));
        parts.push(match (seconds, lost) {
            (Some(seconds), Some(lost)) => format!(
                "{}, {}",
                sides(seconds, "costs", "saves", "s of rollout"),
                sides(-lost, "buys", "loses", "requests"),
            ),
            (None, Some(lost)) => format!(
                "{} and a rollout that completes",
                sides(-lost, "buys", "loses", "requests")
            ),
            _ => format!("{today} cannot be run with the others"),
        });
    } else {
        parts.push("as today".into());
    }
    if let Some(binding) = &price.binding {
        let saves = number(binding.saves);
        let saves = match problem.cost == crate::sweep::optimize::Cost::default() {
            true => format!("save {saves} s"),
            false => format!("cost {saves} less"),
        };
        let (next, lost) = (setting(&binding.next), number(binding.failed));
        parts.push(format!("{next} would {saves} and lose {lost} requests"));
    }
    parts.join("; ")
}

fn sides(x: f64, more: &str, less: &str, unit: &str) -> String {
    if x.abs() < 5e-4 {
        return format!("{more} 0 {unit}");
    }
    format!("{} {} {unit}", if x > 0.0 { more } else { less }, number(x.abs()))
}

fn front(text: &mut String, problem: &Problem, found: &Optimum) {
    let shown = found.front.len().min(FRONT);
    let _ = writeln!(
        text,
        "\nBest trades of losses, duration and peak pods ({shown} of {})",
        found.front.len()
    );
    let mut header: Vec<String> = problem.settings.iter().map(|s| s.name.clone()).collect();
    header.extend(["lost", "duration", "peak pods"].map(String::from));
    let mut table = new_table(header, 0);
    // Evenly picked, both ends included.
    for i in 0..shown {
        let point = &found.front[i * (found.front.len() - 1) / (shown - 1).max(1)];
        let mut cells: Vec<String> = point.settings.iter().map(setting).collect();
        cells.push(number(point.failed));
        cells.push(format!("{} s", number(point.duration_s)));
        cells.push(point.peak_pods.to_string());
        table.add_row(cells);
    }
    push(text, &table);
}

/// The map of two settings.
pub fn frontier(problem: &Problem, found: &Frontier, rows: usize) -> String {
    let (x, y) = (&problem.settings[found.x].name, &problem.settings[found.y].name);
    let map = found.map(problem, rows);
    let labels: Vec<String> = map.iter().map(|(value, _)| setting(value)).collect();
    let width = labels.iter().map(String::len).max().unwrap_or(0);
    let mut text = format!("{y} (up) against {x} (right): . meets the goal, # does not\n\n");
    for (label, (_, line)) in labels.iter().zip(&map) {
        let _ = writeln!(text, "{label:>width$} │{line}");
    }
    let _ = writeln!(text, "{:width$} └{}", "", "─".repeat(found.columns.len()));
    let ends = [found.columns.first(), found.columns.last()];
    let ends: Vec<String> = ends.into_iter().flatten().map(|c| setting(&c.x)).collect();
    let _ = writeln!(text, "{:width$}  {}", "", ends.join(" to "));
    let _ = writeln!(
        text,
        "\nLeast {y} that meets the goal, each confirmed by {} with fresh seeds ({}, {} in all)",
        plural(found.fresh, "rollout"),
        plural(found.evaluated, "point"),
        plural(found.rollouts, "rollout")
    );
    let header = vec![x.clone(), y.clone(), "lost just below".into()];
    let mut table = new_table(header, 0);
    for column in &found.columns {
        let least = column.lowest();
        let below = least.and_then(|l| column.seen.range(..l).next_back());
        table.add_row([
            setting(&column.x),
            least.map_or("none".into(), |l| setting(&found.y_values[l as usize])),
            below.map_or(String::new(), |(_, failed)| number(*failed)),
        ]);
    }
    push(&mut text, &table);
    text
}
