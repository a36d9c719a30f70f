//! How long answered requests took.

use crate::engine::{Dist, Dur};
use crate::traffic::service;
use crate::traffic::{Latency, exact::ledger::Class};

/// Latency of the answered requests: a mixture of the versions' service times after their waits. That
/// those cut were rather the long ones is left out.
pub fn latency(classes: &[Class], longest: Dur) -> Option<Latency> {
    let total: f64 = classes.iter().map(|c| c.count.max(0.0)).sum();
    if total <= 1e-9 {
        return None;
    }
    let mixture = Mixture { classes, total };
    let longest = longest.as_secs_f64();
    let extreme = 1.0 / (total + 1.0);
    // No quantile of so many answers exceeds the largest.
    let most = mixture.ends(1.0 - extreme).1.min(longest);
    let quantile = |u| mixture.quantile(u).min(most);
    Some(Latency {
        mean_s: mixture.mean(longest),
        min_s: mixture.ends(extreme).0.min(longest),
        p50_s: quantile(0.5),
        p90_s: quantile(0.9),
        p95_s: quantile(0.95),
        p99_s: quantile(0.99),
        max_s: most,
    })
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
        for x in self.present().map(|c| c.after.as_secs_f64() + c.dist.quantile_s(u)) {
            (low, high) = (low.min(x), high.max(x));
        }
        (low, high)
    }

    /// The probability that a latency exceeds `x` seconds.
    fn above(&self, x: f64) -> f64 {
        let one = |c: &Class| c.count * service::survival(c.dist, x - c.after.as_secs_f64());
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

    /// Of those answered within `longest` seconds.
    fn mean(&self, longest: f64) -> f64 {
        let mean = |c: &Class| answered_mean(c.dist, c.after.as_secs_f64(), longest);
        self.classes.iter().map(|c| c.count.max(0.0) * mean(c)).sum::<f64>() / self.total
    }
}

/// The mean of wait and service time of those that end within `longest` seconds.
fn answered_mean(dist: &Dist, wait: f64, longest: f64) -> f64 {
    let patience = longest - wait;
    let late = service::survival(dist, patience);
    let answered = service::limited_mean(dist, patience) - patience * late;
    wait + answered / (1.0 - late).max(1e-12)
}
