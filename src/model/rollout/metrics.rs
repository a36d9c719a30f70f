//! What the provider of a release's metrics knows: what pods of each template had done at its readings.

use crate::cluster::objects::{PodId, TemplateId};
use crate::cluster::release::{Figure, Measure, Side};
use crate::cluster::server::Cluster;
use crate::engine::{Dur, List, Time};
use crate::timeline::{PodCounters, Times};
use std::collections::VecDeque;
use std::sync::Arc;

/// What the pods of one template have done.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Done {
    /// Requests that were sent to them and whose outcome is known.
    pub sent: f64,
    /// Those that failed.
    pub failed: f64,
    /// Time of the others, from the client's send until its answer, in seconds.
    pub seconds: f64,
}

impl Done {
    fn plus(self, other: Done) -> Done {
        let Done { sent, failed, seconds } = other;
        Done {
            sent: self.sent + sent,
            failed: self.failed + failed,
            seconds: self.seconds + seconds,
        }
    }

    fn minus(self, other: Done) -> Done {
        let Done { sent, failed, seconds } = other;
        self.plus(Done { sent: -sent, failed: -failed, seconds: -seconds })
    }
}

/// What is known at one time.
#[derive(Clone, Debug)]
struct Reading {
    at: Time,
    done: List<TemplateId, Done>,
    /// Answers by bucket; empty where nobody reads times.
    times: List<TemplateId, Vec<u64>>,
}

/// The readings that a value may need.
#[derive(Clone, Debug, Default)]
pub struct Readings {
    kept: VecDeque<Reading>,
    /// Upper bounds of the buckets.
    bounds: Arc<[Dur]>,
}

impl Readings {
    /// One more: `load` is what each pod has done, and `took` how long that took.
    pub fn read(
        &mut self,
        now: Time,
        cluster: &Cluster,
        (load, took): (&List<PodId, PodCounters>, &Times),
    ) {
        debug_assert!(self.kept.back().is_none_or(|last| last.at < now), "readings come in order");
        let mut done: List<TemplateId, Done> = List::new();
        for (pod, counters) in load.pairs() {
            let PodCounters { sent, failed, seconds, .. } = *counters;
            let of = done.entry(cluster.pods[pod].template);
            *of = of.plus(Done { sent, failed, seconds });
        }
        let mut times: List<TemplateId, Vec<u64>> = List::new();
        for (pod, counts) in took.pods.pairs() {
            let of = times.entry(cluster.pods[pod].template);
            of.resize(of.len().max(counts.len()), 0);
            of.iter_mut().zip(counts).for_each(|(sum, count)| *sum += u64::from(*count));
        }
        self.bounds = took.bounds.clone();
        self.kept.push_back(Reading { at: now, done, times });
    }

    /// What a measurement finds at the last reading, and over how many requests; None: there is no value,
    /// because too little was read or nothing was ever sent. A share of nothing is not a number where
    /// requests were counted before.
    pub fn value(&self, measure: Measure, newest: TemplateId) -> Option<(f64, f64)> {
        let counted = |template: TemplateId| match measure.of {
            Side::New => template == newest,
            Side::Old => template != newest,
            Side::Both => true,
        };
        let found = self.figure(measure.what, measure.window, &counted);
        let idle = || {
            let (first, _) = self.span(measure.window)?;
            let mut rows = first.done.pairs().filter(|(template, _)| counted(*template));
            rows.any(|(_, done)| done.sent > 0.0).then_some((f64::NAN, 0.0))
        };
        found.or_else(idle)
    }

    /// The first and the last reading of a window; None: there are not two.
    fn span(&self, window: Dur) -> Option<(&Reading, &Reading)> {
        let last = self.kept.back()?;
        let begins = last.at - window;
        let before = self.kept.partition_point(|reading| reading.at < begins);
        let first = self.kept.get(before).filter(|reading| reading.at < last.at)?;
        Some((first, last))
    }

    /// As [`value`](Readings::value), of requests to the templates that `counted` names.
    pub fn figure(
        &self,
        what: Figure,
        window: Dur,
        counted: &dyn Fn(TemplateId) -> bool,
    ) -> Option<(f64, f64)> {
        if !what.is_measured() {
            return Some((0.0, 0.0));
        }
        let (first, last) = self.span(window)?;
        let sum = |of: &List<TemplateId, Done>| {
            let rows = of.pairs().filter(|(template, _)| counted(*template));
            rows.fold(Done::default(), |sum, (_, done)| sum.plus(*done))
        };
        let done = sum(&last.done).minus(sum(&first.done));
        let seconds = (last.at - first.at).as_secs_f64();
        let well = done.sent - done.failed;
        let share = |part: f64, of: f64| (of > 0.0).then(|| part / of);
        let value = match what {
            Figure::SuccessRate => share(well, done.sent),
            Figure::ErrorRate => share(done.failed, done.sent),
            Figure::Rate => Some(done.sent / seconds),
            Figure::Errors => Some(done.failed / seconds),
            Figure::MeanLatency => share(done.seconds, well),
            Figure::LatencyQuantile(q, buckets) => {
                let (last, first) = (counts(last, counted), counts(first, counted));
                let before = first.into_iter().chain(std::iter::repeat(0));
                let counts: Vec<u64> = last.iter().zip(before).map(|(n, old)| n - old).collect();
                quantile(q, &buckets.bounds(), (&self.bounds, &counts))
            }
            Figure::Outcome(_) => Some(0.0),
        };
        value.map(|value| (value, done.sent))
    }
}

/// Answers of those templates by bucket.
fn counts(of: &Reading, counted: &dyn Fn(TemplateId) -> bool) -> Vec<u64> {
    let mut sum = Vec::new();
    for (_, counts) in of.times.pairs().filter(|(template, _)| counted(*template)) {
        sum.resize(sum.len().max(counts.len()), 0);
        sum.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
    }
    sum
}

/// The quantile in seconds, as a histogram with these buckets tells it: linear within a bucket, of which the
/// first begins at 0; what is beyond the last bound counts as that. `found`: bounds, among which those of the
/// buckets are, and how many answers took as long. None: there was no answer.
///
/// `promql/quantile.go: BucketQuantile` of prometheus/prometheus.
pub fn quantile(q: f64, buckets: &[Dur], found: (&[Dur], &[u64])) -> Option<f64> {
    debug_assert!((0.0..=1.0).contains(&q), "a quantile is a share");
    let (bounds, counts) = found;
    let all: u64 = counts.iter().sum();
    let rank = q * all as f64;
    let (mut begins, mut below, mut seen) = (0.0, 0, 0);
    for bucket in buckets.iter().filter(|_| all > 0) {
        let within = bounds.partition_point(|bound| bound <= bucket);
        seen = counts.iter().take(within).sum::<u64>().max(seen);
        let ends = bucket.as_secs_f64();
        if seen as f64 >= rank && seen > below {
            return Some(begins + (ends - begins) * (rank - below as f64) / (seen - below) as f64);
        }
        (begins, below) = (ends, seen);
    }
    (all > 0).then_some(begins)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::Buckets;

    /// By `promql/quantile.go`, with bounds of 0.5, 1, 5, 10, 25, 50, 100, 250 ms and so on.
    #[test]
    fn a_quantile_lies_on_the_line_through_its_bucket() {
        let mut times = Times::new(Buckets::Envoy.bounds().into());
        let mut add = |n: usize, ms: i64| {
            (0..n).for_each(|_| times.add(PodId(0), Dur::from_millis(ms)));
        };
        add(60, 100);
        add(30, 101);
        add(10, 4_000_000);
        let counts: Vec<u64> = times.pods[PodId(0)].iter().map(|n| u64::from(*n)).collect();
        let of = |q: f64, buckets: Buckets| {
            let found = quantile(q, &buckets.bounds(), (&times.bounds, &counts));
            found.expect("there are answers")
        };
        // 100 ms are within 100; half of those 30 that are above are within 0.1 + 0.15 / 2.
        assert!((of(0.5, Buckets::Envoy) - (0.05 + 0.05 * 50.0 / 60.0)).abs() < 1e-12);
        assert!((of(0.75, Buckets::Envoy) - 0.175).abs() < 1e-12);
        // Beyond the last bound it is that bound.
        assert_eq!(of(0.99, Buckets::Envoy), 3600.0);
        let none = quantile(0.5, &Buckets::Envoy.bounds(), (&times.bounds, &[]));
        assert_eq!(none, None);
    }

    #[test]
    fn several_histograms_are_counted_as_one() {
        let mut bounds = Buckets::Fine.bounds();
        bounds.extend(Buckets::Prometheus.bounds());
        bounds.sort_unstable();
        bounds.dedup();
        let mut times = Times::new(bounds.into());
        (1..=1000).for_each(|ms| times.add(PodId(0), Dur::from_millis(ms)));
        let counts: Vec<u64> = times.pods[PodId(0)].iter().map(|n| u64::from(*n)).collect();
        let of =
            |q: f64, buckets: Buckets| quantile(q, &buckets.bounds(), (&times.bounds, &counts));
        let fine = of(0.9, Buckets::Fine).expect("there are answers");
        assert!((fine - 0.9).abs() < 0.005, "{fine}");
        // 500 of them are within 0.5 to 1.
        assert!((of(0.9, Buckets::Prometheus).expect("likewise") - 0.9).abs() < 1e-9);
        assert!((of(0.02, Buckets::Prometheus).expect("likewise") - 0.02).abs() < 1e-9);
    }
}
