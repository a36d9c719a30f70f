//! What maintenance does to every workload, for a pull request or a page.

use super::text;
use crate::report::maintenance::Maintenance;
use crate::report::words::count;
use std::fmt::Write as _;

/// A table for each procedure.
pub fn maintenance(all: &Maintenance) -> String {
    let mut out = format!("# {}: maintenance of {} nodes\n", text(&all.name), all.nodes);
    let mut write = |line: String| writeln!(out, "{line}").expect("a string takes it");
    for one in &all.procedures {
        write(format!("\n## {}\n\n{}.\n", text(&one.name), one.verdict()));
        for row in &one.stuck {
            let line =
                format!("{}: {} {}, needed: {}", row.what, row.setting, row.found, row.needed);
            write(format!("- {}", text(&line)));
        }
        let touched: Vec<_> = one.workloads.iter().filter(|w| w.is_touched()).collect();
        if touched.is_empty() {
            write("No workload is below its replicas at any time.".to_owned());
            continue;
        }
        write("\n| workload | lowest available | of | lost | budget |".to_owned());
        write("|---|---|---|---|---|".to_owned());
        for w in touched {
            let lost = if w.service.is_some() { count(w.lost) } else { "-".to_owned() };
            let (lowest, budgets) = (w.lowest_available, text(&w.budgets.join(", ")));
            let name = text(&w.workload);
            write(format!("| {name} | {lowest} | {} | {lost} | {budgets} |", w.replicas));
        }
    }
    if !all.advice.is_empty() {
        write("\n## What to do\n".to_owned());
        all.advice.iter().for_each(|line| write(format!("- {}", text(line))));
    }
    write(format!("\n{}", all.signature));
    out
}
