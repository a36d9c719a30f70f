//! Which pictures lie beside a report: none in a build without the feature `plots`.

use super::Files;
use super::answer::Answer;
use super::capacity::Capacity;
use super::data::{FrontierReport, SweepReport};
#[cfg(feature = "plots")]
use super::svg;

/// Whether this build draws.
pub const ARE_BUILT_IN: bool = cfg!(feature = "plots");

/// Of one rollout, by the stem of their names.
#[cfg(feature = "plots")]
pub(super) fn rollout(answer: &Answer) -> Files {
    let timeline = svg::timeline(answer).map(|svg| ("timeline".to_owned(), svg));
    let autoscaling = svg::autoscaling(answer).map(|svg| ("autoscaling".to_owned(), svg));
    let rates = [("requests-per-second".to_owned(), svg::rates(answer))];
    timeline.into_iter().chain(rates).chain(autoscaling).collect()
}

/// The sensitivity and, for each metric, a map, curves and effects; the front of the first metric against
/// each other one.
#[cfg(feature = "plots")]
pub(super) fn sweep(sweep: &SweepReport) -> Files {
    let several = sweep.axes.len() > 1;
    let mut files = Files::new();
    files.extend(svg::sensitivity(sweep).map(|svg| ("sensitivity.svg".to_owned(), svg)));
    for (m, metric) in sweep.metrics.iter().enumerate() {
        let mut add =
            |stem: &str, svg: String| files.push((format!("{stem}-{}.svg", metric.key), svg));
        if several {
            add("map", svg::heat_map(sweep, 0, 1, m));
        }
        if !sweep.axes.is_empty() {
            add("curves", svg::curves(sweep, 0, several.then_some(1), m));
        }
        if sweep.effects.iter().any(|e| e.metric == m) {
            add("effects", svg::main_effects(sweep, m));
        }
        if m > 0 && !sweep.pareto.is_empty() {
            add("front", svg::pareto(sweep, 0, m));
        }
    }
    files
}

/// The map.
#[cfg(feature = "plots")]
pub(super) fn frontier(report: &FrontierReport) -> Files {
    vec![("frontier.svg".to_owned(), svg::frontier(report))]
}

/// Losses and answer times over the rate.
#[cfg(feature = "plots")]
pub fn capacity(capacity: &Capacity) -> String {
    svg::capacity(capacity)
}

#[cfg(not(feature = "plots"))]
mod without {
    use super::{Answer, Capacity, Files, FrontierReport, SweepReport};

    /// None.
    pub fn capacity(_: &Capacity) -> String {
        String::new()
    }

    /// None.
    pub fn rollout(_: &Answer) -> Files {
        Files::new()
    }

    /// None.
    pub fn sweep(_: &SweepReport) -> Files {
        Files::new()
    }

    /// None.
    pub fn frontier(_: &FrontierReport) -> Files {
        Files::new()
    }
}

#[cfg(not(feature = "plots"))]
pub use without::capacity;
#[cfg(not(feature = "plots"))]
pub(super) use without::{frontier, rollout, sweep};
