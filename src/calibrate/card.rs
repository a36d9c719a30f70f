//! A calibration as a platform card, and as text for the terminal.

use super::fit::{Family, Fit, round};
use super::{Calibration, Fitted};
use crate::engine::Dist;
use std::fmt::Write as _;

/// The card: head, fitted entries, and by name the entries that keep the base card's value.
///
/// `source` says where the data come from, for people.
/// `fitted_to`: names of the cases among the data, so that validation can tell them from others.
/// `kubernetes`: versions by part, such as ("kubelet", "1.34"); without any those of the base card hold.
pub fn platform_card(
    calibration: &Calibration,
    name: &str,
    base: &str,
    source: &str,
    fitted_to: &[String],
    kubernetes: &[(&str, String)],
) -> String {
    let mut out = String::from("# Written by `rollsim calibrate`. Times in seconds.\n");
    if !calibration.kept.is_empty() {
        let _ = writeln!(out, "# No data touch these; they keep the values of the base card:");
        for line in wrapped(&calibration.kept) {
            let _ = writeln!(out, "#   {line}");
        }
    }
    let _ = write!(
        out,
        "schema = 1\nkind = \"platform\"\nname = {}\nabout = {}\nbase = {}\n",
        quoted(name),
        quoted(&format!("Fitted to {source}: {}", size(calibration))),
        quoted(base)
    );
    if !fitted_to.is_empty() {
        let names: Vec<String> = fitted_to.iter().map(|name| quoted(name)).collect();
        let _ = writeln!(out, "fitted_to = [{}]", names.join(", "));
    }
    if !kubernetes.is_empty() {
        out.push_str("\n[kubernetes]\n");
        for (part, version) in kubernetes {
            let _ = writeln!(out, "{part} = {}", quoted(version));
        }
    }
    for (entry, fitted) in &calibration.fitted {
        out.push_str(&entry_text(entry, fitted, calibration.coarse));
    }
    for (entry, number) in &calibration.numbers {
        let _ = write!(
            out,
            "\n[{entry}]\nvalue = {:?}\nsource = {}\nassumed = false\nsamples = {}\n",
            number.value,
            quoted(&format!("measured: {}", number.from)),
            number.samples
        );
    }
    out
}

fn entry_text(entry: &str, fitted: &Fitted, coarse: bool) -> String {
    let mut source = format!("measured: {}", fitted.interval);
    if !fitted.shared_with.is_empty() {
        let _ = write!(source, ", shared with {}", fitted.shared_with.join(", "));
    }
    if coarse {
        source.push_str("; partly from time stamps in whole seconds");
    }
    let (low, high) = range(&fitted.fit.dist);
    format!(
        "\n[{entry}]\ndist = {}\nunit = \"s\"\nrange = [{low:?}, {high:?}]\nsource = {}\nassumed = false\nsamples = {}\n\
         fit = {{ family = \"{}\", statistic = {:?} }}\n",
        dist_text(&fitted.fit.dist),
        quoted(&source),
        fitted.samples.len(),
        fitted.fit.family.name(),
        fitted.fit.statistic
    )
}

/// What the typical value may be elsewhere: a factor of three to both sides of the fitted median.
fn range(dist: &Dist) -> (f64, f64) {
    let median = dist.quantile_s(0.5).max(1e-6);
    (round(median / 3.0), round(median * 3.0))
}

/// A distribution as an inline table.
pub fn dist_text(dist: &Dist) -> String {
    match dist {
        Dist::Constant { mean_s } => format!("{{ kind = \"constant\", mean_s = {mean_s:?} }}"),
        Dist::Uniform { low_s, high_s } => {
            format!("{{ kind = \"uniform\", low_s = {low_s:?}, high_s = {high_s:?} }}")
        }
        Dist::Exponential { mean_s, min_s } => {
            format!("{{ kind = \"exponential\", mean_s = {mean_s:?}, min_s = {min_s:?} }}")
        }
        Dist::LogNormal { median_s, p99_s, min_s } => format!(
            "{{ kind = \"lognormal\", median_s = {median_s:?}, p99_s = {p99_s:?}, min_s = {min_s:?} }}"
        ),
        Dist::Weibull { scale_s, shape, min_s } => format!(
            "{{ kind = \"weibull\", scale_s = {scale_s:?}, shape = {shape:?}, min_s = {min_s:?} }}"
        ),
        Dist::Empirical { quantiles_s } => {
            format!("{{ kind = \"empirical\", quantiles_s = {quantiles_s:?} }}")
        }
    }
}

/// A TOML basic string.
fn quoted(text: &str) -> String {
    let escaped: String = text
        .chars()
        .map(|c| match c {
            '"' => "\\\"".to_owned(),
            '\\' => "\\\\".to_owned(),
            c if c.is_control() => " ".to_owned(),
            c => c.to_string(),
        })
        .collect();
    format!("\"{escaped}\"")
}

fn wrapped(names: &[String]) -> Vec<String> {
    let mut lines = vec![String::new()];
    for name in names {
        let line = lines.last().map_or(0, String::len);
        if line > 0 && line + name.len() > 90 {
            lines.push(String::new());
        }
        if let Some(last) = lines.last_mut() {
            if !last.is_empty() {
                last.push_str(", ");
            }
            last.push_str(name);
        }
    }
    lines
}

fn size(Calibration { pods, runs, .. }: &Calibration) -> String {
    format!("{pods} pods in {runs} {}", if *runs == 1 { "run" } else { "runs" })
}

/// One line per entry: samples, family, quantiles, goodness of fit.
pub fn text(calibration: &Calibration) -> String {
    let mut out = size(calibration) + "\n\n";
    let _ = writeln!(
        out,
        "{:<18} {:>7}  {:<12} {:>8} {:>8} {:>8}  {:>6} {:>6}  measured as",
        "latency", "samples", "family", "5 %", "50 %", "95 %", "KS", "1 %"
    );
    for (entry, fitted) in &calibration.fitted {
        let Fit { dist, family, statistic, critical } = &fitted.fit;
        let verdict = match family {
            Family::Constant | Family::Empirical => "",
            _ if statistic > critical => " (poor fit)",
            _ => "",
        };
        let _ = writeln!(
            out,
            "{entry:<18} {:>7}  {:<12} {:>8.4} {:>8.4} {:>8.4}  {statistic:>6.3} {critical:>6.3}  {}{verdict}",
            fitted.samples.len(),
            family.name(),
            dist.quantile_s(0.05),
            dist.quantile_s(0.5),
            dist.quantile_s(0.95),
            fitted.interval
        );
    }
    for (entry, number) in &calibration.numbers {
        let _ =
            writeln!(out, "{entry:<18} {:>7}  {} = {}", number.samples, number.from, number.value);
    }
    if !calibration.kept.is_empty() {
        out.push_str("\nkept from the base card, no data touch them:\n");
        for line in wrapped(&calibration.kept) {
            let _ = writeln!(out, "  {line}");
        }
    }
    if calibration.coarse {
        out.push_str(
            "\nsome logs have no times of receipt, so their times are whole seconds: record them with `jq` as docs/calibrate.md shows\n",
        );
    }
    out
}
