//! What settings come to: rollouts, and what is to blame for what they lose.

use crate::blame::{Blame, Setting, Tally};
use crate::run::Replication;

/// One rollout.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// Of the control simulation.
    pub digest: u64,
    /// Lost requests, given the timeline.
    pub lost: f64,
    /// Their variance, given the timeline.
    pub variance: f64,
    /// Probability of none, given the timeline.
    pub none: f64,
    /// An action did not reach its end.
    pub stuck: bool,
    /// Until complete.
    pub complete_s: Option<f64>,
    /// Until the last pod that has to go is gone.
    pub gone_s: Option<f64>,
    /// Pods at once, at most.
    pub peak_pods: u32,
}

/// What settings come to.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Replication `i` is that of the run.
    pub samples: Vec<Sample>,
    /// Of all of them, most lost requests first.
    pub blames: Vec<Blame>,
    /// What each lost, by setting.
    tallies: Vec<Tally>,
}

impl Sample {
    /// Of a replication.
    pub fn of(r: &Replication) -> Sample {
        let seconds = |d: Option<crate::engine::Dur>| d.map(|d| d.as_secs_f64());
        Sample {
            digest: r.digest,
            lost: r.traffic.failed(),
            variance: r.traffic.variance,
            none: r.traffic.probability_none,
            stuck: !r.rollout.ends_well(),
            complete_s: seconds(r.rollout.complete),
            gone_s: seconds(r.rollout.last_pod_gone),
            peak_pods: r.rollout.peak_pods,
        }
    }

    /// Until complete, else until the last pod that has to go is gone.
    pub fn takes_s(&self) -> Option<f64> {
        self.complete_s.or(self.gone_s)
    }
}

/// Enough is lost that a change is worth its while: where fewer than one rollout in 200 loses anything, and
/// next to nothing is lost in all, there is nothing to change.
pub fn worth_changing(lost: f64, probability_none: f64) -> bool {
    lost > 0.0 && (probability_none < 0.995 || lost >= 0.5)
}

impl Outcome {
    /// Of replications, with what each lost by setting.
    pub fn of(replications: &[Replication], tallies: Vec<Tally>) -> Outcome {
        Outcome::new(replications.iter().map(Sample::of).collect(), tallies)
    }

    fn new(samples: Vec<Sample>, tallies: Vec<Tally>) -> Outcome {
        Outcome { samples, blames: Tally::finish(tallies.iter().cloned()), tallies }
    }

    /// Of replications, whatever is to blame.
    pub fn unblamed(replications: &[Replication]) -> Outcome {
        Outcome::of(replications, Vec::new())
    }

    /// The same rollouts, whatever is to blame.
    pub fn without_blame(&self) -> Outcome {
        Outcome::new(self.samples.clone(), Vec::new())
    }

    /// Of the first rollouts alone.
    pub fn first(&self, n: u32) -> Outcome {
        let first = self.samples.iter().take(n as usize).copied().collect();
        Outcome::new(first, self.tallies.iter().take(n as usize).cloned().collect())
    }

    /// With the rollouts that come after them.
    pub fn and(&self, rest: Outcome) -> Outcome {
        let samples = self.samples.iter().copied().chain(rest.samples).collect();
        Outcome::new(samples, self.tallies.iter().cloned().chain(rest.tallies).collect())
    }

    fn mean(&self, of: impl Fn(&Sample) -> Option<f64>) -> Option<f64> {
        let all: Vec<f64> = self.samples.iter().filter_map(of).collect();
        (!all.is_empty()).then(|| all.iter().sum::<f64>() / all.len() as f64)
    }

    /// Lost requests per rollout.
    pub fn lost(&self) -> f64 {
        self.mean(|s| Some(s.lost)).unwrap_or(0.0)
    }

    /// Share of rollouts that lose none.
    pub fn probability_none(&self) -> f64 {
        self.mean(|s| Some(s.none)).unwrap_or(1.0)
    }

    /// Share of rollouts that do not reach their end.
    pub fn incomplete(&self) -> f64 {
        self.mean(|s| Some(f64::from(s.stuck))).unwrap_or(0.0)
    }

    /// Until complete.
    pub fn complete_s(&self) -> Option<f64> {
        self.mean(|s| s.complete_s)
    }

    /// Until the last pod that has to go is gone.
    pub fn gone_s(&self) -> Option<f64> {
        self.mean(|s| s.gone_s)
    }

    /// Until complete, else until the last pod that has to go is gone.
    pub fn duration_s(&self) -> Option<f64> {
        self.complete_s().or_else(|| self.gone_s())
    }

    /// Pods at once, at most.
    pub fn peak_pods(&self) -> u32 {
        self.samples.iter().map(|s| s.peak_pods).max().unwrap_or(0)
    }

    /// What is lost by one setting.
    pub fn lost_by(&self, setting: Setting) -> f64 {
        self.blames.iter().filter(|b| b.setting == setting).fold(0.0, |sum, b| sum + b.lost)
    }

    /// In how many rollouts something is lost by one setting: as many as would have lost it in equal parts.
    pub fn seen_by(&self, setting: Setting) -> f64 {
        let (mut sum, mut squares) = (0.0, 0.0);
        for lost in self.tallies.iter().map(|tally| tally.lost_by(setting)) {
            sum += lost;
            squares += lost * lost;
        }
        if squares > 0.0 { sum * sum / squares } else { 0.0 }
    }

    /// It reaches its end, and nothing is left that is worth a change.
    pub fn is_good(&self) -> bool {
        self.incomplete() == 0.0 && !worth_changing(self.lost(), self.probability_none())
    }

    /// Whether it is better than `before`, on the same luck: something reaches its end that did not, or at
    /// least a fiftieth less is lost, and hardly any rollout loses more for it.
    pub fn is_better_than(&self, before: &Outcome) -> bool {
        if self.incomplete() != before.incomplete() {
            return self.incomplete() < before.incomplete();
        }
        let (mut won, mut worse, mut all) = (0.0, 0.0, 0.0);
        for (now, then) in self.samples.iter().zip(&before.samples) {
            won += (then.lost - now.lost).max(0.0);
            worse += (now.lost - then.lost).max(0.0);
            all += then.lost;
        }
        won - worse >= 0.02 * all && won > 0.0 && won >= 4.0 * worse
    }
}
