//! How long answered requests took.

use crate::engine::{Dist, Dur};
use crate::traffic::Latency;
use crate::traffic::service;

/// Requests accepted alike by pods of one version.
#[derive(Clone, Copy)]
pub struct Class<'a> {
    /// Its place among the classes.
    pub index: usize,
    /// Index into the timeline's versions.
    pub version: u16,
    /// Service times in seconds.
    pub dist: &'a Dist,
    /// Waited before the pod accepted.
    pub after: Dur,
    /// How long anyone waits for the answer from then on.
    pub patience: Dur,
    /// The share that takes longer than that.
    pub too_slow: f64,
    /// The share that stalls.
    pub late: f64,
    /// Answered.
    pub count: f64,
}

/// Latency of the answered requests: a mixture of the versions' service times after their waits, each given
/// that somebody waited for the answer. That those cut were rather the long ones is left out.
pub fn latency(classes: &[Class]) -> Option<Latency> {
    let total: f64 = classes.iter().map(|c| c.count.max(0.0)).sum();
    if total <= 1e-9 {
        return None;
    }
    let mixture = Mixture { classes, total };
    let extreme = 1.0 / (total + 1.0);
    // No quantile of so many answers exceeds the largest, and none is below a lower one.
    let most = mixture.ends(1.0 - extreme).1;
    let mut rising = 0.0f64;
    let mut quantile = |u| {
        rising = mixture.quantile(u).min(most).max(rising);
        rising
    };
    let [p50_s, p90_s, p95_s, p99_s] = [0.5, 0.9, 0.95, 0.99].map(&mut quantile);
    let min_s = mixture.ends(extreme).0.min(p50_s);
    let mean_s = mixture.mean().clamp(min_s, most);
    Some(Latency { mean_s, min_s, p50_s, p90_s, p95_s, p99_s, max_s: most })
}

struct Mixture<'a> {
    classes: &'a [Class<'a>],
    total: f64,
}

impl Mixture<'_> {
    fn present(&self) -> impl Iterator<Item = &Class<'_>> {
        self.classes.iter().filter(|c| c.count > 1e-9)
    }

    /// The lowest and the highest `u`-quantile of all classes.
    fn ends(&self, u: f64) -> (f64, f64) {
        let (mut low, mut high) = (f64::INFINITY, 0.0f64);
        for c in self.present() {
            let x = c.after.as_secs_f64() + c.dist.quantile_s(u * (1.0 - c.too_slow));
            let x = x.min((c.after + c.patience).as_secs_f64());
            (low, high) = (low.min(x), high.max(x));
        }
        (low, high)
    }

    /// The probability that a latency exceeds `x` seconds.
    fn above(&self, x: f64) -> f64 {
        let one = |c: &Class| {
            let slower = service::survival(c.dist, x - c.after.as_secs_f64());
            let answered = (slower - c.too_slow) / (1.0 - c.too_slow).max(1e-12);
            c.count * answered.clamp(0.0, 1.0)
        };
        self.present().map(one).sum::<f64>() / self.total
    }

    fn quantile(&self, u: f64) -> f64 {
        let (mut low, mut high) = self.ends(u);
        while high - low > 1e-6 * high {
            let mid = 0.5 * (low + high);
            if self.above(mid) > 1.0 - u { low = mid } else { high = mid }
        }
        high
    }

    fn mean(&self) -> f64 {
        let mean = |c: &Class| c.after.as_secs_f64() + answered_mean(c);
        self.classes.iter().map(|c| c.count.max(0.0) * mean(c)).sum::<f64>() / self.total
    }
}

/// The mean service time of those answers that somebody waited for.
fn answered_mean(class: &Class) -> f64 {
    let patience = class.patience.as_secs_f64();
    let answered = service::limited_mean(class.dist, patience) - patience * class.too_slow;
    answered / (1.0 - class.too_slow).max(1e-12)
}
