//! Building a [`Comparison`] from what was run.

use super::answer::{Answer, HeadRow, SCHEMA};
use super::comparison::{Against, Column, Comparison, SettingRow};
use super::figure::{Estimate, Figure};
use super::measure::Measure;
use super::pairs::{Part, difference};
use super::ranking;
use super::words::printable;
use crate::input::Input;
use crate::input::differences::{self, differences};

impl Comparison {
    /// Of at least one part.
    pub fn new(name: &str, parts: &[Part<'_>]) -> Comparison {
        let inputs: Vec<&Input> = parts.iter().map(|part| part.input).collect();
        let row = |d: differences::Difference| SettingRow {
            path: printable(&d.path),
            values: d.values.into_iter().map(|v| v.map(|v| printable(&v))).collect(),
        };
        let mut comparison = Comparison {
            schema: SCHEMA,
            name: printable(name),
            verdict: String::new(),
            head: common(parts),
            best: ranking::best(parts) as u32,
            columns: parts.iter().map(|part| column(&parts[0], part)).collect(),
            settings: differences(&inputs).into_iter().map(row).collect(),
            answers: parts.iter().map(named).collect(),
        };
        comparison.verdict = ranking::verdict(&comparison);
        comparison
    }
}

/// The rows of the head that all have.
fn common(parts: &[Part<'_>]) -> Vec<HeadRow> {
    let all = |row: &&HeadRow| parts.iter().all(|part| part.answer.head.contains(row));
    parts[0].answer.head.iter().filter(all).cloned().collect()
}

fn named(part: &Part<'_>) -> Answer {
    Answer { name: printable(&part.title), ..part.answer.clone() }
}

fn column(first: &Part<'_>, part: &Part<'_>) -> Column {
    let against = |measure: Measure| Against {
        difference: difference(measure, first, part).filter(|_| !std::ptr::eq(first, part)),
        ..figure(measure, &part.answer)
    };
    Column {
        title: printable(&part.title),
        about: printable(&part.about),
        command: part.command.clone(),
        lost: against(Measure::Lost),
        probability_none: against(Measure::ProbabilityNone),
        reaches_end: against(Measure::ReachesEnd),
        complete_s: against(Measure::Complete),
        last_pod_gone_s: against(Measure::LastPodGone),
        lowest_available: against(Measure::LowestAvailable),
        peak_pods: against(Measure::PeakPods),
    }
}

/// A figure as the answer has it.
fn figure(measure: Measure, answer: &Answer) -> Against {
    let rollout = &answer.rollout;
    let value = |f: Figure| Against {
        mean: Some(f.mean),
        interval: Some(f.interval),
        range: Some(f.range),
        difference: None,
    };
    match measure {
        Measure::Lost => value(answer.lost.total),
        Measure::ProbabilityNone => {
            let Estimate { mean, low, high } = answer.lost.probability_none;
            Against { mean: Some(mean), interval: Some([low, high]), ..Against::default() }
        }
        Measure::ReachesEnd => {
            Against { mean: Some(1.0 - answer.incomplete), ..Against::default() }
        }
        Measure::Complete => rollout.duration_s.map_or(Against::default(), value),
        Measure::LastPodGone => rollout.last_pod_gone_s.map_or(Against::default(), value),
        Measure::LowestAvailable => value(rollout.lowest_available),
        Measure::PeakPods => value(rollout.peak_pods),
    }
}
