//! The sensitivity of a sweep's losses, whatever design it comes from, as rows of figures.

use super::answer::Estimate;
use super::data::{Sensitivity, SensitivityRow};
use super::gather::exact;
use crate::stats::Interval;
use crate::sweep;

/// What decides the losses, as a table.
pub fn of(found: &sweep::Sensitivity) -> Sensitivity {
    let within = |mean: f64, i: Interval| Estimate { mean, low: i.low, high: i.high };
    let (note, unit, columns, rows): (_, _, &[&str], Vec<Vec<Estimate>>) = match found {
        sweep::Sensitivity::Main(effects) => (
            "Main effects: the share of the differences between points that each setting explains by \
             itself. What is missing to 100 % comes from settings acting together.",
            "share",
            &["by itself"],
            effects.iter().map(|e| vec![exact(e.share)]).collect(),
        ),
        sweep::Sensitivity::Morris(effects) => (
            "Morris screening: how many more or fewer requests are lost over the full range of a setting. \
             A spread as large as the size means that it depends on the other settings.",
            "",
            &["size of the effect", "spread", "mean effect"],
            effects
                .iter()
                .map(|e| [e.mean_absolute, e.standard_deviation, e.mean].map(exact).to_vec())
                .collect(),
        ),
        sweep::Sensitivity::Sobol(indices) => (
            "Sobol indices: shares of the variance of lost requests that each setting explains, with 95 % \
             intervals.",
            "share",
            &["by itself", "with interactions"],
            indices
                .iter()
                .map(|i| vec![within(i.first, i.first_interval), within(i.total, i.total_interval)])
                .collect(),
        ),
    };
    let mut rows: Vec<SensitivityRow> = rows
        .into_iter()
        .enumerate()
        .map(|(axis, figures)| SensitivityRow { axis, figures })
        .collect();
    // With interactions, where that is known; the size, where it is not.
    let by = if matches!(found, sweep::Sensitivity::Sobol(_)) { 1 } else { 0 };
    rows.sort_by(|a, b| b.figures[by].mean.total_cmp(&a.figures[by].mean));
    let columns = columns.iter().map(|c| (*c).to_owned()).collect();
    Sensitivity { note: note.into(), unit: unit.into(), columns, rows }
}
