//! Counts of single requests, kept cheap to add to, and the latency histogram.

mod times;

use crate::engine::{Dur, List, Time};
use crate::timeline::{PodId, Timeline, Times};
use crate::traffic::{Evaluator, Failure, Flags, Latency, Logged, LossKey, Second, TrafficOutcome};
use std::collections::BTreeMap;

/// Counts by logarithm of the latency: 32 cells for each doubling, exact below 64 ns.
#[derive(Clone, Debug)]
pub struct Histogram {
    cells: Box<[u64; Histogram::CELLS]>,
    min_ns: i64,
    max_ns: i64,
    sum_ns: u128,
}

impl Histogram {
    const CELLS: usize = 60 * 32;

    fn new() -> Histogram {
        Histogram { cells: Box::new([0; Histogram::CELLS]), min_ns: i64::MAX, max_ns: 0, sum_ns: 0 }
    }

    #[inline(always)]
    fn cell(ns: i64) -> usize {
        let ns = ns as u64;
        let octave = 63 - (ns | 32).leading_zeros();
        ((octave as usize - 5) << 5) + (ns >> (octave - 5)) as usize
    }

    /// Counts one latency, in nanoseconds.
    #[inline(always)]
    pub fn add(&mut self, ns: i64) {
        debug_assert!(ns >= 0, "nothing is answered before it is sent: {ns}");
        self.cells[Histogram::cell(ns)] += 1;
        self.min_ns = self.min_ns.min(ns);
        self.max_ns = self.max_ns.max(ns);
        self.sum_ns += ns as u128;
    }

    /// The middle of the cell in which the `u`-quantile lies, inside what was seen.
    fn quantile_s(&self, u: f64, count: u64) -> f64 {
        let rank = libm::ceil(u * count as f64).max(1.0) as u64;
        let mut seen = 0;
        let mut cell = 0;
        while seen + self.cells[cell] < rank {
            seen += self.cells[cell];
            cell += 1;
        }
        let octave = (cell / 32).saturating_sub(1) as u32;
        let low = ((cell - 32 * octave as usize) as u64) << octave;
        let middle = low as f64 + 0.5 * ((1u64 << octave) as f64 - 1.0);
        middle.clamp(self.min_ns as f64, self.max_ns as f64) * 1e-9
    }

    /// Takes in what another one counted.
    fn merge(&mut self, other: &Histogram) {
        self.cells.iter_mut().zip(&other.cells[..]).for_each(|(cell, n)| *cell += n);
        self.min_ns = self.min_ns.min(other.min_ns);
        self.max_ns = self.max_ns.max(other.max_ns);
        self.sum_ns += other.sum_ns;
        debug_assert!(self.max_ns >= other.max_ns, "the longest of both is kept");
    }

    fn latency(&self) -> Option<Latency> {
        let count: u64 = self.cells.iter().sum();
        (count > 0).then(|| Latency {
            mean_s: self.sum_ns as f64 / count as f64 * 1e-9,
            min_s: self.min_ns as f64 * 1e-9,
            p50_s: self.quantile_s(0.5, count),
            p90_s: self.quantile_s(0.9, count),
            p95_s: self.quantile_s(0.95, count),
            p99_s: self.quantile_s(0.99, count),
            max_s: self.max_ns as f64 * 1e-9,
        })
    }
}

/// Losses by key. Most neighbouring failures are alike, so a small table in front of the map finds them.
#[derive(Clone, Debug)]
struct Losses {
    index: BTreeMap<LossKey, u32>,
    counts: Vec<(LossKey, u64)>,
    recent: [u32; 64],
}

impl Losses {
    fn add(&mut self, key: LossKey) {
        let pod = key.pod.map_or(0, |p| p.0);
        let place = &mut self.recent[((pod ^ ((key.cause as u32) << 4)) % 64) as usize];
        if let Some((known, count)) = self.counts.get_mut(*place as usize)
            && *known == key
        {
            *count += 1;
            return;
        }
        let new = self.counts.len() as u32;
        *place = *self.index.entry(key).or_insert(new);
        if *place == new {
            self.counts.push((key, 0));
        }
        self.counts[*place as usize].1 += 1;
        debug_assert!(self.counts[*place as usize].0 == key, "a loss is counted where it belongs");
    }
}

/// What happened to the requests so far. Seconds are those of the send times.
#[derive(Clone, Debug)]
pub struct Tally {
    latency: Histogram,
    /// Of failed requests, until the failure was known. None: none failed.
    failing: Option<Histogram>,
    stall_threshold_ns: i64,
    stalled: u64,
    /// Requests so far.
    pub sent: u64,
    open: u64,
    logged: Vec<(Logged, u64)>,
    /// Answered by each pod since the second began, not yet in `answered`.
    latest: Vec<u32>,
    /// The second that `latest` belongs to, counted from the first.
    row: usize,
    sent_to: Vec<u64>,
    /// Those of them that failed.
    failed_at: List<PodId, u64>,
    /// Time of the answers of each pod, in nanoseconds.
    spent: List<PodId, i64>,
    /// How long they took, where somebody reads that.
    times: Option<Box<Times>>,
    losses: Losses,
    first_second: i64,
    /// By version and second.
    answered: Vec<u64>,
    seconds: usize,
    /// By kind and second.
    failed: Vec<(Failure, Vec<u64>)>,
    versions: Vec<u16>,
    failed_between: Option<(Time, Time)>,
}

impl Tally {
    /// Requests that are answered or have failed.
    pub fn over(&self) -> u64 {
        let failed: u64 = self.losses.counts.iter().map(|(_, n)| n).sum();
        self.latency.cells.iter().sum::<u64>() + failed
    }

    /// For requests sent in `window`.
    pub fn new(timeline: &Timeline, window: (Time, Time), stall_threshold_ns: i64) -> Tally {
        let first_second = second_of(window.0);
        let seconds = (second_of(window.1) - first_second + 1).max(1) as usize;
        let mut tally = Tally {
            latency: Histogram::new(),
            failing: None,
            stall_threshold_ns,
            stalled: 0,
            sent: 0,
            open: 0,
            logged: Vec::new(),
            latest: Vec::new(),
            row: 0,
            sent_to: Vec::new(),
            failed_at: List::new(),
            spent: List::new(),
            times: None,
            losses: Losses { index: BTreeMap::new(), counts: Vec::new(), recent: [0; 64] },
            first_second,
            answered: Vec::new(),
            seconds,
            failed: Vec::new(),
            versions: Vec::new(),
            failed_between: None,
        };
        tally.grow(timeline);
        tally
    }

    /// Takes in pods and versions that are new.
    pub fn grow(&mut self, timeline: &Timeline) {
        let pods = timeline.pods.len();
        assert!(pods >= self.versions.len(), "pods that were counted for stay");
        let known = self.versions.len();
        self.versions.extend(timeline.pods.iter().skip(known).map(|p| p.version));
        self.latest.resize(pods, 0);
        self.sent_to.resize(pods, 0);
        self.failed_at.resize(pods, 0);
        self.spent.resize(pods, 0);
        self.answered.resize(self.seconds * timeline.versions.len(), 0);
    }

    /// Counts an answer to a request of the second that was begun last.
    #[inline(always)]
    pub fn answer(&mut self, pod: usize, latency_ns: i64) {
        self.latest[pod] += 1;
        self.stalled += u64::from(latency_ns > self.stall_threshold_ns);
        self.latency.add(latency_ns);
    }

    /// To count many answers to requests of the second that was begun last.
    pub fn answers(&mut self) -> Answers<'_> {
        let Tally { latest, latency, stalled, stall_threshold_ns, .. } = self;
        Answers {
            latest,
            cells: &mut latency.cells,
            stall_threshold_ns: *stall_threshold_ns,
            sum_ns: 0,
            min_ns: i64::MAX,
            max_ns: 0,
            stalled: 0,
            total: (&mut latency.sum_ns, &mut latency.min_ns, &mut latency.max_ns, stalled),
        }
    }

    /// Counts an answer to a request sent at any time.
    #[inline(always)]
    pub fn answer_sent_at(&mut self, pod: usize, sent: Time, latency_ns: i64) {
        let row = (second_of(sent) - self.first_second) as usize;
        debug_assert!(row < self.seconds && latency_ns >= 0, "an answer follows a send");
        self.answered[self.versions[pod] as usize * self.seconds + row] += 1;
        self.sent_to[pod] += 1;
        self.spent[PodId(pod as u32)] += latency_ns;
        if let Some(times) = &mut self.times {
            times.add(PodId(pod as u32), Dur(latency_ns));
        }
        self.stalled += u64::from(latency_ns > self.stall_threshold_ns);
        self.latency.add(latency_ns);
    }

    /// Counts a failure of a request sent at `sent` to the pod `asked`, which the client knew of at `known`.
    pub fn fail(&mut self, key: LossKey, asked: Option<PodId>, sent: Time, known: Time) {
        assert!(self.first_second <= second_of(sent), "a request is sent in the window");
        self.losses.add(key);
        self.failing.get_or_insert_with(Histogram::new).add((known - sent).0.max(0));
        if let Some(pod) = asked {
            self.asked(pod, true);
        }
        let row = (second_of(sent) - self.first_second) as usize;
        match self.failed.iter_mut().find(|f| f.0 == key.failure) {
            Some(kind) => kind.1[row] += 1,
            None => self.new_kind(key.failure, row),
        }
        let (first, last) = self.failed_between.unwrap_or((sent, sent));
        self.failed_between = Some((first.min(sent), last.max(sent)));
    }

    #[cold]
    fn new_kind(&mut self, failure: Failure, row: usize) {
        let mut counts = vec![0; self.seconds];
        counts[row] = 1;
        self.failed.push((failure, counts));
    }

    /// Counts a request whose outcome lies behind the end of the timeline.
    pub fn leave_open(&mut self, pod: Option<usize>) {
        self.open += 1;
        if let Some(pod) = pod {
            self.sent_to[pod] += 1;
        }
        debug_assert!(self.open <= self.sent, "what is open was sent");
    }

    /// A proxy writes of a request into its log; few kinds of lines are the rule.
    pub fn log(&mut self, status: u16, flags: Flags, attempts: u32) {
        let line = Logged { status, flags, attempts };
        debug_assert!(status == 0 || (100..600).contains(&status), "a status is one of HTTP");
        match self.logged.iter_mut().find(|(known, _)| *known == line) {
            Some((_, count)) => *count += 1,
            None => self.logged.push((line, 1)),
        }
    }

    /// From here on requests are sent in `second`.
    pub fn begin_second(&mut self, second: i64) {
        self.close_second();
        self.row = (second - self.first_second) as usize;
    }

    fn close_second(&mut self) {
        for (pod, count) in self.latest.iter_mut().enumerate().filter(|a| *a.1 > 0) {
            let version = self.versions[pod] as usize;
            debug_assert!(self.row < self.seconds, "a second is one of the run");
            self.answered[version * self.seconds + self.row] += u64::from(*count);
            self.sent_to[pod] += u64::from(*count);
            *count = 0;
        }
    }

    /// Requests that each pod was sent and whose outcome is known, and how many of them failed.
    pub fn by_pod(&self) -> (&[u64], &List<PodId, u64>) {
        (&self.sent_to, &self.failed_at)
    }

    /// A request that was sent to a pod is over.
    fn asked(&mut self, pod: PodId, failed: bool) {
        let sent = self.sent_to.get_mut(pod.index()).expect("it is one of those there are");
        *sent += 1;
        self.failed_at[pod] += u64::from(failed);
        debug_assert!(self.failed_at[pod] <= *sent, "what failed was sent");
    }

    /// Counts what a pod has done of another one's call, as it counts requests of clients.
    pub fn call_over(&mut self, pod: PodId, failed: bool, took_ns: i64) {
        self.asked(pod, failed);
        self.spent[pod] += if failed { 0 } else { took_ns };
        debug_assert!(took_ns >= 0, "a call ends after it was made");
    }

    /// The counts as an outcome; what is still open stays open.
    pub fn finish(mut self) -> TrafficOutcome {
        self.close_second();
        let sum = |seconds: &[u64]| seconds.iter().sum::<u64>() as f64;
        let answered_by_version = self.answered.chunks(self.seconds).map(sum).collect();
        let lost = self.losses.counts.iter().map(|(key, n)| (*key, *n as f64));
        let losses: BTreeMap<LossKey, f64> = lost.collect();
        let latency = self.latency.latency();
        if let Some(failing) = &self.failing {
            self.latency.merge(failing);
        }
        let outcome = TrafficOutcome {
            evaluator: Evaluator::Requests,
            sent: self.sent as f64,
            answered_by_version,
            stalled: self.stalled as f64,
            open: self.open as f64,
            by_second: self.by_second(),
            by_pod: self.sent_to.iter().map(|n| *n as f64).collect(),
            latency,
            latency_of_all: self.latency.latency(),
            first_failure: self.failed_between.map(|f| f.0),
            last_failure: self.failed_between.map(|f| f.1),
            variance: 0.0,
            probability_none: f64::from(u8::from(losses.is_empty())),
            losses,
            connections: None,
            calls: Vec::new(),
            followed: Vec::new(),
            logged: self.logged.iter().map(|(line, n)| (*line, *n as f64)).collect(),
        };
        outcome.assert_conserved();
        outcome
    }

    fn by_second(&self) -> BTreeMap<i32, Second> {
        let mut seconds = BTreeMap::new();
        for row in 0..self.seconds {
            let answered = || self.answered.iter().skip(row).step_by(self.seconds);
            let lost = |f: &(Failure, Vec<u64>)| (f.1[row] > 0).then(|| (f.0, f.1[row] as f64));
            let failed: BTreeMap<Failure, f64> = self.failed.iter().filter_map(lost).collect();
            if !failed.is_empty() || answered().any(|n| *n > 0) {
                let answered = answered().map(|n| *n as f64).collect();
                let second = (self.first_second + row as i64) as i32;
                seconds.insert(second, Second { answered, failed });
            }
        }
        seconds
    }
}

/// A run of answers; sums that stay in registers until it is closed.
pub struct Answers<'a> {
    latest: &'a mut [u32],
    cells: &'a mut [u64; Histogram::CELLS],
    stall_threshold_ns: i64,
    sum_ns: i64,
    min_ns: i64,
    max_ns: i64,
    stalled: u64,
    total: (&'a mut u128, &'a mut i64, &'a mut i64, &'a mut u64),
}

impl Answers<'_> {
    /// As [`Tally::answer`].
    #[inline(always)]
    pub fn add(&mut self, pod: usize, latency_ns: i64) {
        debug_assert!(latency_ns >= 0, "nothing is answered before it is sent: {latency_ns}");
        self.latest[pod] += 1;
        self.cells[Histogram::cell(latency_ns)] += 1;
        self.sum_ns += latency_ns;
        self.min_ns = self.min_ns.min(latency_ns);
        self.max_ns = self.max_ns.max(latency_ns);
        self.stalled += u64::from(latency_ns > self.stall_threshold_ns);
    }

    /// Puts what was kept back into the tally.
    pub fn close(self) {
        let (sum, min, max, stalled) = self.total;
        *sum += self.sum_ns as u128;
        *min = self.min_ns.min(*min);
        *max = self.max_ns.max(*max);
        *stalled += self.stalled;
    }
}

fn second_of(at: Time) -> i64 {
    at.0.div_euclid(1_000_000_000)
}
