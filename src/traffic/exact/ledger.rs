//! Adds up what the integrals find.

use super::flow::Flow;
use super::latency::{self, Class};
use super::seconds::{SECOND, Seconds};
use super::served::Served;
use super::spread::Spread;
use crate::engine::{Dur, List, Time};
use crate::timeline::{PodId, Timeline, ViewId};
use crate::traffic::offered::{Arrivals, Traffic};
use crate::traffic::plan::Piece;
use crate::traffic::service;
use crate::traffic::{Cause, Evaluator, Failure, LossKey, Second, TrafficOutcome};
use smallvec::SmallVec;
use std::collections::BTreeMap;

/// How requests are lost.
#[derive(Clone, Copy)]
pub struct Loss {
    /// None: still open at the end of the timeline.
    pub key: Option<LossKey>,
    /// Of the pod they were sent to.
    pub version: Option<u16>,
    /// Index of the class that would have answered them.
    pub class: Option<usize>,
}

/// Where a loss is counted.
#[derive(Clone, Copy)]
pub struct Account {
    class: Option<usize>,
    version: Option<u16>,
    /// Unless still open: the row of `losses` and the place in it, and the row of `kinds`.
    failed: Option<(usize, usize, usize)>,
}

/// Where expectations are added up.
pub struct Ledger<'a> {
    timeline: &'a Timeline,
    traffic: &'a Traffic,
    rates: &'a [Piece],
    /// By failure and cause: counts by pod (or none, last) and view.
    losses: Vec<((Failure, Cause), Vec<f64>)>,
    open: f64,
    stalled: f64,
    by_pod: List<PodId, f64>,
    classes: Vec<Class<'a>>,
    /// By version.
    answered: Vec<Seconds>,
    kinds: Vec<(Failure, Seconds)>,
    /// (row of `kinds` or open, version, second, change of the weight that is lost from it on) in one view.
    lasting: Vec<(Option<usize>, Option<u16>, i64, f64)>,
    /// Where the spread of the count is wanted beyond that of a Poisson number.
    pub spread: Option<Spread<'a>>,
    first_failure: Option<Time>,
    last_failure: Option<Time>,
}

impl<'a> Ledger<'a> {
    /// With nothing in it.
    pub fn new(timeline: &'a Timeline, traffic: &'a Traffic, rates: &'a [Piece]) -> Ledger<'a> {
        let even = traffic.arrivals == Arrivals::Even;
        let mut ledger = Ledger {
            timeline,
            traffic,
            rates,
            losses: Vec::new(),
            open: 0.0,
            stalled: 0.0,
            by_pod: vec![0.0; timeline.pods.len()].into(),
            classes: Vec::new(),
            answered: Vec::new(),
            kinds: Vec::new(),
            lasting: Vec::new(),
            spread: even.then(|| Spread::new(rates)),
            first_failure: None,
            last_failure: None,
        };
        ledger.answered = vec![ledger.seconds(); timeline.versions.len()];
        ledger
    }

    fn seconds(&self) -> Seconds {
        let first = self.rates.first().map_or(Time::ZERO, |p| p.from);
        Seconds::new(first, self.rates.last().map_or(Time::ZERO, |p| p.to))
    }

    /// So many requests go to the pod.
    pub fn sent_to(&mut self, pod: PodId, count: f64) {
        self.by_pod[pod] += count;
    }

    /// Requests that a pod accepts after a wait, for clients or hops of so much patience; lost ones are taken
    /// off later.
    pub fn accepted(&mut self, pod: PodId, after: Dur, patience: Dur, count: f64) -> Class<'a> {
        debug_assert!(count >= 0.0, "no fewer requests than none: {count}");
        self.sent_to(pod, count);
        let version = self.timeline.pods[pod].version;
        let same =
            |c: &&mut Class| c.version == version && c.after == after && c.patience == patience;
        let class = match self.classes.iter_mut().find(same) {
            Some(class) => class,
            None => {
                let dist = &self.timeline.versions[version as usize].service;
                let stalls = self.traffic.client.stall_threshold - after;
                self.classes.push(Class {
                    index: self.classes.len(),
                    version,
                    dist,
                    after,
                    patience,
                    too_slow: service::survival(dist, patience.as_secs_f64()),
                    late: service::survival(dist, stalls.as_secs_f64()),
                    count: 0.0,
                });
                self.classes.last_mut().expect("just added")
            }
        };
        class.count += count;
        self.stalled += count * class.late;
        *class
    }

    /// Service times above this stall, after a wait for the connection.
    pub fn stalls_after(&self, after: Dur) -> Dur {
        self.traffic.client.stall_threshold - after
    }

    /// What a view sends to pods, to be answered unless lost.
    pub fn routed(&mut self, flow: &Flow) {
        flow.routed(|version, piece| self.answered[version].add_piece(piece));
    }

    /// Where to count requests that are lost so.
    pub fn account(&mut self, loss: &Loss) -> Account {
        let failed = loss.key.map(|key| {
            let (pods, views) = (self.timeline.pods.len(), self.timeline.views.len());
            let place = key.pod.map_or(pods, |p| p.0 as usize) * views;
            let place = place + key.view.expect("the view that lost it").0 as usize;
            debug_assert!(place < (pods + 1) * views, "a loss has a pod, or none, and a view");
            let alike = (key.failure, key.cause);
            let known = self.losses.iter().position(|l| l.0 == alike);
            let row = known.unwrap_or_else(|| {
                self.losses.push((alike, vec![0.0; (pods + 1) * views]));
                self.losses.len() - 1
            });
            (row, place, self.kind(key.failure))
        });
        Account { class: loss.class, version: loss.version, failed }
    }

    fn kind(&mut self, failure: Failure) -> usize {
        self.kinds.iter().position(|k| k.0 == failure).unwrap_or_else(|| {
            self.kinds.push((failure, self.seconds()));
            self.kinds.len() - 1
        })
    }

    /// Loses requests, of which `stalled` would have stalled; `lose_in` and `lose_throughout` say when.
    pub fn lose(&mut self, account: Account, count: f64, stalled: f64) {
        debug_assert!(count.is_finite() && stalled.is_finite(), "{count} lost, {stalled} stalled");
        self.stalled -= stalled;
        if count <= 0.0 {
            return;
        }
        if let Some(class) = account.class {
            self.classes[class].count -= count;
        }
        match account.failed {
            Some((row, place, _)) => self.losses[row].1[place] += count,
            None => self.open += count,
        }
    }

    /// Requests sent in a second are lost.
    pub fn lose_in(&mut self, account: Account, second: i64, count: f64) {
        let kind = account.failed.map(|f| f.2);
        self.count_lost(kind, account.version, second, count);
    }

    fn count_lost(&mut self, kind: Option<usize>, version: Option<u16>, second: i64, count: f64) {
        if count <= 0.0 {
            return;
        }
        if let Some(version) = version {
            self.answered[version as usize].add(second, -count);
        }
        if let Some(kind) = kind {
            self.kinds[kind].1.add(second, count);
        }
    }

    /// Of what the view sends from one second until another, that to so much weight is lost.
    pub fn lose_throughout(&mut self, account: Account, from: i64, to: i64, weight: f64) {
        debug_assert!(weight >= 0.0, "nothing is lost twice: {weight}");
        if from < to {
            let (kind, version) = (account.failed.map(|f| f.2), account.version);
            self.lasting.extend([(kind, version, from, weight), (kind, version, to, -weight)]);
        }
    }

    /// A view has been evaluated: counts what it lost in whole seconds.
    pub fn close_view(&mut self, flow: &Flow, served: &[Served]) {
        let mut lasting = std::mem::take(&mut self.lasting);
        lasting.sort_by_key(|l| (l.0, l.1, l.2));
        for alike in lasting.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
            let mut weight = 0.0;
            for pair in alike.windows(2) {
                let (kind, version, from, change) = pair[0];
                weight += change;
                // What rounding leaves of no weight is none.
                let seconds = if weight > 1e-12 { from..pair[1].2 } else { 0..0 };
                let mut before = flow.until(Time(seconds.start * SECOND));
                for second in seconds {
                    let after = flow.until(Time((second + 1) * SECOND));
                    self.count_lost(kind, version, second, weight * (after - before));
                    before = after;
                }
            }
        }
        debug_assert!(self.lasting.is_empty(), "each view closes its own losses");
        if let Some(spread) = &mut self.spread {
            spread.close_view(flow, served);
        }
    }

    /// What a view sends on from `from` until `to` fails.
    pub fn failing(&mut self, flow: &Flow, from: Time, to: Time) {
        let known = self.first_failure.is_some_and(|t| t <= from)
            && self.last_failure.is_some_and(|t| to <= t);
        if !known && let Some((from, to)) = flow.bounds(from, to) {
            self.failing_between(from, to);
        }
    }

    /// Requests fail from `from` until `to`.
    pub fn failing_between(&mut self, from: Time, to: Time) {
        self.first_failure = Some(self.first_failure.map_or(from, |t| t.min(from)));
        self.last_failure = Some(self.last_failure.map_or(to, |t| t.max(to)));
    }

    /// The sums as an outcome.
    pub fn finish(mut self) -> TrafficOutcome {
        let sent: f64 = self.rates.iter().map(Piece::count).sum();
        let by_second = self.by_second();
        let mut answered_by_version = vec![0.0; self.timeline.versions.len()];
        for (_, second) in &by_second {
            for (sum, n) in answered_by_version.iter_mut().zip(&second.answered) {
                *sum += n;
            }
        }
        let losses = by_key(&mut self.losses, self.timeline);
        let failed = losses.iter().fold(0.0, |sum, l| sum + l.1);
        let (variance, probability_none) =
            self.spread.map_or_else(|| (failed, libm::exp(-failed)), Spread::finish);
        let outcome = TrafficOutcome {
            logged: BTreeMap::new(),
            evaluator: Evaluator::Exact,
            sent,
            answered_by_version,
            losses: losses.into_iter().collect(),
            stalled: tidy(self.stalled),
            open: self.open,
            by_second: by_second.into_iter().collect(),
            by_pod: self.by_pod.into(),
            latency: latency::latency(&self.classes),
            latency_of_all: None,
            connections: None,
            calls: Vec::new(),
            followed: Vec::new(),
            first_failure: self.first_failure,
            last_failure: self.last_failure,
            variance,
            probability_none,
        };
        outcome.assert_conserved_with(failed);
        outcome
    }

    /// In order.
    fn by_second(&self) -> Vec<(i32, Second)> {
        // What rounding leaves of the highest rate, and less, is nothing.
        let least = 1e-9 * self.rates.iter().map(|r| r.rate).fold(0.0, f64::max);
        let answered: Vec<Vec<f64>> = self.answered.iter().map(Seconds::totals).collect();
        let kinds: Vec<_> = self.kinds.iter().map(|k| (k.0, k.1.totals())).collect();
        let every = self.seconds();
        let mut seconds = Vec::with_capacity(every.len());
        for i in 0..every.len() {
            let tidy = |n: f64| if n.abs() < least { 0.0 } else { n };
            let mut row = SmallVec::new();
            answered.iter().for_each(|v| row.push(tidy(v[i])));
            let mut failed = BTreeMap::new();
            for (failure, lost) in kinds.iter().filter(|k| k.1[i] > 0.0) {
                failed.insert(*failure, lost[i]);
            }
            if !failed.is_empty() || row.iter().any(|a| *a > 0.0) {
                seconds.push(((every.first + i as i64) as i32, Second { answered: row, failed }));
            }
        }
        seconds
    }
}

/// The losses that there are, found in the order of their keys.
fn by_key(losses: &mut [((Failure, Cause), Vec<f64>)], timeline: &Timeline) -> Vec<(LossKey, f64)> {
    let (pods, views) = (timeline.pods.len(), timeline.views.len());
    losses.sort_by_key(|l| l.0);
    let mut found = Vec::new();
    for ((failure, cause), counts) in losses {
        // Those of no pod come first.
        for row in std::iter::once(pods).chain(0..pods) {
            let pod = (row < pods).then_some(PodId(row as u32));
            for (view, count) in counts[row * views..][..views].iter().enumerate() {
                if *count > 0.0 {
                    let view = Some(ViewId(view as u32));
                    found.push((LossKey { failure: *failure, cause: *cause, pod, view }, *count));
                }
            }
        }
    }
    found
}

/// Rounding leaves tiny remainders where requests were first counted as answered and then as lost.
fn tidy(count: f64) -> f64 {
    if count.abs() < 1e-9 { 0.0 } else { count }
}
