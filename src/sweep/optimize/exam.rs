//! Fresh seeds that a winner must stand.

use super::Goal;
use crate::sweep::Figures;
use std::ops::Range;

/// Replications with seeds of their own, that are run part by part.
#[derive(Clone, Debug)]
pub(super) struct Exam {
    /// Of its replications.
    pub seed: u64,
    /// How many.
    pub replications: u32,
    /// Replications of a part.
    part: u32,
    /// How much was lost in each part by all that failed. On the same luck neighbours lose together: the
    /// parts that told most come first.
    told: Vec<f64>,
}

/// What came of an exam.
pub(super) struct Sat {
    /// By part, in the order in which they were run.
    parts: Vec<(usize, Vec<Figures>)>,
    /// It ended where no luck in the rest could meet the goal.
    pub lost: bool,
}

impl Exam {
    /// In parts of so many replications.
    pub fn new(seed: u64, replications: u32, part: u32) -> Exam {
        let parts = replications.div_ceil(part.max(1)) as usize;
        Exam { seed, replications, part: part.max(1), told: vec![0.0; parts] }
    }

    /// Runs it; unless it is to be run `whole`, it ends where it is lost.
    pub fn sit(
        &self,
        goal: &Goal,
        whole: bool,
        run: impl Fn(Range<u32>, u64) -> Result<Vec<Figures>, String>,
    ) -> Result<Sat, String> {
        let mut order: Vec<usize> = (0..self.told.len()).collect();
        order.sort_by(|a, b| self.told[*b].total_cmp(&self.told[*a]));
        let mut sat = Sat { parts: Vec::new(), lost: false };
        for part in order {
            let from = part as u32 * self.part;
            let figures = run(from..self.replications.min(from + self.part), self.seed)?;
            sat.parts.push((part, figures));
            sat.lost = goal.is_lost(sat.parts.iter().flat_map(|(_, f)| f), self.replications);
            if sat.lost && !whole {
                break;
            }
        }
        Ok(sat)
    }

    /// Learns from one that failed where the next ones may.
    pub fn learn(&mut self, sat: &Sat) {
        let miss = |f: &Figures| match f.duration_s {
            Some(_) => f.failed + (1.0 - f.probability_none),
            None => 1e9,
        };
        for (part, figures) in &sat.parts {
            self.told[*part] += figures.iter().map(miss).sum::<f64>();
        }
    }
}

impl Sat {
    /// Of all replications that were run, in their order.
    pub fn figures(mut self) -> Vec<Figures> {
        self.parts.sort_by_key(|(part, _)| *part);
        self.parts.into_iter().flat_map(|(_, figures)| figures).collect()
    }
}
