//! Adds up what the integrals find.

use crate::engine::{Dur, Time};
use crate::scenario::{Arrivals, Traffic};
use crate::timeline::{PodId, Timeline};
use crate::traffic::plan::Piece;
use crate::traffic::service;
use crate::traffic::{Evaluator, Failure, Latency, LossKey, Second, TrafficOutcome};
use std::collections::BTreeMap;

/// How the requests of a piece are lost.
#[derive(Clone, Copy)]
pub struct Loss {
    /// None: still open at the end of the timeline.
    pub key: Option<LossKey>,
    /// Of the pod they were sent to.
    pub version: Option<u16>,
    /// The share of the piece that is lost.
    pub q: f64,
    /// The share that is lost and would have stalled.
    pub late: f64,
    /// Waited before the pod accepted (for those that would have been answered).
    pub after: Dur,
}

impl Loss {
    pub fn certain(key: Option<LossKey>, version: Option<u16>) -> Loss {
        Loss { key, version, q: 1.0, late: 0.0, after: Dur::MAX }
    }
}

/// Answered requests that waited equally long for a pod of one version.
struct Class {
    version: u16,
    after: Dur,
    count: f64,
}

pub struct Ledger<'a> {
    timeline: &'a Timeline,
    traffic: &'a Traffic,
    rates: &'a [Piece],
    losses: BTreeMap<LossKey, f64>,
    /// The last key and what it lost: neighbouring pieces mostly share it.
    latest: Option<(LossKey, f64)>,
    open: f64,
    stalled: f64,
    by_pod: Vec<f64>,
    classes: Vec<Class>,
    /// Second `i` of these starts `first_second + i` seconds after the action.
    first_second: i64,
    answered: Vec<f64>,
    kinds: Vec<(Failure, Vec<f64>)>,
    /// (when, change of the probability that a request sent then fails).
    edges: Vec<(Time, f64)>,
    first_failure: Option<Time>,
    last_failure: Option<Time>,
}

impl<'a> Ledger<'a> {
    pub fn new(timeline: &'a Timeline, traffic: &'a Traffic, rates: &'a [Piece]) -> Ledger<'a> {
        let first = rates.first().map_or(Time::ZERO, |p| p.from);
        let last = rates.last().map_or(Time::ZERO, |p| p.to);
        let first_second = second_of(first);
        let seconds = (second_of(last) - first_second + 1) as usize;
        Ledger {
            timeline,
            traffic,
            rates,
            losses: BTreeMap::new(),
            latest: None,
            open: 0.0,
            stalled: 0.0,
            by_pod: vec![0.0; timeline.pods.len()],
            classes: Vec::new(),
            first_second,
            answered: vec![0.0; seconds * timeline.versions.len()],
            kinds: Vec::new(),
            edges: Vec::new(),
            first_failure: None,
            last_failure: None,
        }
    }

    pub fn sent_to(&mut self, pod: PodId, count: f64) {
        self.by_pod[pod.0 as usize] += count;
    }

    /// Requests accepted by pods of a version after a wait; lost ones are taken off later.
    pub fn accepted(&mut self, version: u16, after: Dur, count: f64) {
        let dist = &self.timeline.versions[version as usize].service;
        self.stalled += count * service::survival(dist, self.stalls_after(after));
        let same = |c: &&mut Class| c.version == version && c.after == after;
        match self.classes.iter_mut().find(same) {
            Some(class) => class.count += count,
            None => self.classes.push(Class { version, after, count }),
        }
    }

    /// Service times above this stall, after a wait for the connection; in seconds.
    pub fn stalls_after(&self, after: Dur) -> f64 {
        (self.traffic.client.stall_threshold - after).as_secs_f64()
    }

    /// Requests sent to pods of a version, to be answered unless lost.
    pub fn routed(&mut self, version: usize, piece: Piece) {
        let (first, versions) = (self.first_second, self.timeline.versions.len());
        per_second(&piece, |second, count| {
            self.answered[(second - first) as usize * versions + version] += count;
        });
    }

    /// Loses the share `loss.q` of a piece.
    pub fn lose(&mut self, loss: &Loss, piece: &Piece) {
        self.stalled -= piece.count() * loss.late;
        let piece = Piece { rate: piece.rate * loss.q, ..*piece };
        let count = piece.count();
        if count <= 0.0 {
            return;
        }
        if let Some(version) = loss.version {
            self.routed(version as usize, Piece { rate: -piece.rate, ..piece });
            let lost = |c: &&mut Class| c.version == version && c.after == loss.after;
            if let Some(class) = self.classes.iter_mut().find(lost) {
                class.count -= count;
            }
        }
        let Some(key) = loss.key else {
            self.open += count;
            return;
        };
        match &mut self.latest {
            Some((latest, sum)) if *latest == key => *sum += count,
            _ => {
                self.flush();
                self.latest = Some((key, count));
            }
        }
        self.lost_per_second(key.failure, &piece);
        self.lost_when(&piece);
    }

    fn flush(&mut self) {
        if let Some((key, sum)) = self.latest.take() {
            *self.losses.entry(key).or_insert(0.0) += sum;
        }
    }

    fn lost_per_second(&mut self, failure: Failure, piece: &Piece) {
        let seconds = self.answered.len() / self.timeline.versions.len().max(1);
        let known = self.kinds.iter().position(|k| k.0 == failure);
        let kind = known.unwrap_or_else(|| {
            self.kinds.push((failure, vec![0.0; seconds]));
            self.kinds.len() - 1
        });
        let (first, counts) = (self.first_second, &mut self.kinds[kind].1);
        per_second(piece, |second, count| counts[(second - first) as usize] += count);
    }

    fn lost_when(&mut self, piece: &Piece) {
        if piece.count() > 1e-9 {
            let first = self.first_failure.map_or(piece.from, |t| t.min(piece.from));
            let last = self.last_failure.map_or(piece.to, |t| t.max(piece.to));
            (self.first_failure, self.last_failure) = (Some(first), Some(last));
        }
        if self.traffic.arrivals == Arrivals::Even {
            let at = self.rates.partition_point(|r| r.to <= piece.from);
            let share = piece.rate / self.rates[at].rate;
            self.edges.extend([(piece.from, share), (piece.to, -share)]);
        }
    }

    pub fn finish(mut self) -> TrafficOutcome {
        self.flush();
        let sent: f64 = self.rates.iter().map(Piece::count).sum();
        let by_second = self.by_second();
        let mut answered_by_version = vec![0.0; self.timeline.versions.len()];
        for second in by_second.values() {
            for (sum, n) in answered_by_version.iter_mut().zip(&second.answered) {
                *sum += n;
            }
        }
        let failed: f64 = self.losses.values().sum();
        let (variance, probability_none) = match self.traffic.arrivals {
            Arrivals::Even => self.even_spread(),
            _ => (failed, libm::exp(-failed)),
        };
        let latency = self.latency();
        let outcome = TrafficOutcome {
            evaluator: Evaluator::Exact,
            sent,
            answered_by_version,
            losses: self.losses,
            stalled: tidy(self.stalled),
            open: self.open,
            by_second,
            by_pod: self.by_pod,
            latency,
            first_failure: self.first_failure,
            last_failure: self.last_failure,
            variance,
            probability_none,
        };
        outcome.assert_conserved();
        outcome
    }

    fn by_second(&self) -> BTreeMap<i32, Second> {
        let versions = self.timeline.versions.len();
        let mut seconds = BTreeMap::new();
        for (i, answered) in self.answered.chunks(versions.max(1)).enumerate() {
            let answered: Vec<f64> = answered.iter().map(|a| tidy(*a)).collect();
            let lost = |k: &(Failure, Vec<f64>)| (k.1[i] > 0.0).then(|| (k.0, k.1[i]));
            let failed: BTreeMap<_, _> = self.kinds.iter().filter_map(lost).collect();
            if !failed.is_empty() || answered.iter().any(|a| *a > 0.0) {
                seconds.insert((self.first_second + i as i64) as i32, Second { answered, failed });
            }
        }
        seconds
    }

    /// Variance of the count and probability that it is zero, for evenly spaced requests with a random
    /// phase. Over a stretch in which each request fails with probability p the requests fail independently
    /// of each other, and the number sent is the whole part of the expected number or one more. Stretches
    /// are taken as independent.
    fn even_spread(&mut self) -> (f64, f64) {
        self.edges.sort_by_key(|e| e.0);
        let (mut variance, mut log_none) = (0.0, 0.0);
        let (mut p, mut from): (f64, Time) = (0.0, Time::ALWAYS);
        let mut stretch = Stretch { p: 0.0, sent: 0.0 };
        for i in 0..=self.edges.len() {
            let (at, change) = self.edges.get(i).copied().unwrap_or((Time::NEVER, 0.0));
            if at > from {
                if (p - stretch.p).abs() > 1e-9 {
                    stretch.close(&mut variance, &mut log_none);
                    stretch = Stretch { p, sent: 0.0 };
                }
                if p > 1e-12 {
                    let rate = &self.rates[self.rates.partition_point(|r| r.to <= from)];
                    stretch.sent += Piece { from, to: at, rate: rate.rate }.count();
                }
                from = at;
            }
            p += change;
        }
        stretch.close(&mut variance, &mut log_none);
        (variance, libm::exp(log_none))
    }

    /// Latency of the answered requests: a mixture of the versions' service times after their waits. That
    /// those cut were rather the long ones is left out.
    fn latency(&self) -> Option<Latency> {
        let total: f64 = self.classes.iter().map(|c| c.count.max(0.0)).sum();
        if total <= 1e-9 {
            return None;
        }
        let dist = |c: &Class| &self.timeline.versions[c.version as usize].service;
        let above = |x: f64| -> f64 {
            let one = |c: &Class| c.count * service::survival(dist(c), x - c.after.as_secs_f64());
            self.classes.iter().filter(|c| c.count > 1e-9).map(one).sum::<f64>() / total
        };
        let ends = |u: f64| {
            let at = |c: &Class| c.after.as_secs_f64() + dist(c).quantile_s(u);
            let (mut low, mut high) = (f64::INFINITY, 0.0f64);
            for x in self.classes.iter().filter(|c| c.count > 1e-9).map(at) {
                (low, high) = (low.min(x), high.max(x));
            }
            (low, high)
        };
        let quantile = |u: f64| {
            let (mut low, mut high) = ends(u);
            while high - low > 1e-6 * high {
                let mid = 0.5 * (low + high);
                if above(mid) > 1.0 - u { low = mid } else { high = mid }
            }
            high
        };
        let longest = self.traffic.client.timeout.as_secs_f64();
        let mean = |c: &Class| {
            let (wait, dist) = (c.after.as_secs_f64(), dist(c));
            let patience = longest - wait;
            let late = service::survival(dist, patience);
            let answered = service::limited_mean(dist, patience) - patience * late;
            wait + answered / (1.0 - late).max(1e-12)
        };
        let sum: f64 = self.classes.iter().map(|c| c.count.max(0.0) * mean(c)).sum();
        let extreme = 1.0 / (total + 1.0);
        // No quantile of so many answers exceeds the largest.
        let most = ends(1.0 - extreme).1.min(longest);
        Some(Latency {
            mean_s: sum / total,
            min_s: ends(extreme).0.min(longest),
            p50_s: quantile(0.5).min(most),
            p90_s: quantile(0.9).min(most),
            p95_s: quantile(0.95).min(most),
            p99_s: quantile(0.99).min(most),
            max_s: most,
        })
    }
}

/// A time in which each request fails with probability `p`.
struct Stretch {
    p: f64,
    /// Requests sent in the mean.
    sent: f64,
}

impl Stretch {
    fn close(&self, variance: &mut f64, log_none: &mut f64) {
        if self.p <= 1e-12 || self.sent <= 0.0 {
            return;
        }
        let (p, whole) = (self.p.min(1.0), libm::floor(self.sent));
        let part = self.sent - whole;
        *variance += self.sent * p * (1.0 - p) + p * p * part * (1.0 - part);
        let survive = if p > 1.0 - 1e-9 { 0.0 } else { 1.0 - p };
        let of_whole = if whole > 0.0 { whole * libm::log(survive) } else { 0.0 };
        *log_none += of_whole + libm::log1p(-part * (1.0 - survive));
    }
}

/// Rounding leaves tiny remainders where requests were first counted as answered and then as lost.
fn tidy(count: f64) -> f64 {
    if count.abs() < 1e-9 { 0.0 } else { count }
}

fn second_of(at: Time) -> i64 {
    at.0.div_euclid(1_000_000_000)
}

/// Splits a piece at whole seconds.
fn per_second(piece: &Piece, mut each: impl FnMut(i64, f64)) {
    let mut from = piece.from;
    let mut second = second_of(from);
    while from < piece.to {
        let to = Time((second + 1) * 1_000_000_000).min(piece.to);
        each(second, Piece { from, to, ..*piece }.count());
        (from, second) = (to, second + 1);
    }
}
