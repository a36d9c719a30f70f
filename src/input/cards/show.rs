//! A card's values as text.

use super::CardKind;
use super::{NumberEntry, Scalar};
use crate::engine::Dist;
use std::borrow::Cow;
use std::fmt;

/// A card's value for people: `0.008 s (99 %: 0.03 s)`.
pub fn show(entry: &NumberEntry) -> String {
    let unit = entry.unit.as_deref().unwrap_or("");
    match (&entry.dist, &entry.value) {
        (Some(Dist::Constant { mean_s }), _) => format!("{mean_s} {unit}"),
        (Some(dist), _) => format!(
            "{} {unit} (99 %: {} {unit})",
            three_digits(dist.quantile_s(0.5)),
            three_digits(dist.quantile_s(0.99))
        ),
        (None, Some(Scalar::Number(x))) => {
            format!("{x} {}", counted(*x, unit)).trim_end().to_owned()
        }
        (None, Some(Scalar::Word(word))) => word.clone(),
        (None, None) => String::new(),
    }
}

/// One node, two nodes; one proxy, two proxies: units of letters alone are words.
fn counted(x: f64, unit: &str) -> Cow<'_, str> {
    let word = unit.len() > 3 && unit.chars().all(char::is_alphabetic);
    if !word || x != 1.0 {
        return unit.into();
    }
    match (unit.strip_suffix("ies"), unit.strip_suffix('s')) {
        (Some(stem), _) => format!("{stem}y").into(),
        (None, singular) => singular.unwrap_or(unit).into(),
    }
}

fn three_digits(x: f64) -> f64 {
    if x == 0.0 {
        return 0.0;
    }
    let scale = libm::pow(10.0, 2.0 - libm::floor(libm::log10(x.abs())));
    libm::round(x * scale) / scale
}

impl fmt::Display for CardKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            CardKind::Platform => "platform",
            CardKind::App => "app",
            CardKind::Balancer => "balancer",
            CardKind::Kubernetes => "kubernetes",
            CardKind::Scheduler => "scheduler",
            CardKind::Client => "client",
        })
    }
}
