//! How the number of failed requests spreads where requests are evenly spaced with a random phase.

use super::flow::Flow;
use super::seconds::second_of;
use super::served::Served;
use crate::engine::Time;
use crate::traffic::plan::Piece;

/// The probability over time that a request fails.
pub struct Spread<'a> {
    rates: &'a [Piece],
    /// What fails in the view that is being evaluated.
    failing: Vec<Failing>,
    /// (when, change of the failing weight) in that view.
    weights: Vec<(Time, f64)>,
    /// (when, change of the probability that a request sent then fails).
    edges: Vec<(Time, f64)>,
}

/// Requests sent to so much weight of a view from `from` until `to`.
struct Failing {
    from: Time,
    to: Time,
    weight: f64,
    /// If not all of them: those that still run at an instant, served by a version.
    running: Option<(Time, u16)>,
}

impl<'a> Spread<'a> {
    /// No request fails yet.
    pub fn new(rates: &'a [Piece]) -> Spread<'a> {
        Spread { rates, failing: Vec::new(), weights: Vec::new(), edges: Vec::new() }
    }

    /// Requests sent to so much weight of the view fail from `from` until `to`.
    pub fn fails(&mut self, from: Time, to: Time, weight: f64) {
        self.failing.push(Failing { from, to, weight, running: None });
    }

    /// Those of them fail that still run at `ends`, served by a version.
    pub fn cut(&mut self, from: Time, to: Time, weight: f64, ends: Time, version: u16) {
        if from < to {
            self.failing.push(Failing { from, to, weight, running: Some((ends, version)) });
        }
    }

    /// All requests of a piece fail.
    pub fn all_fail(&mut self, piece: &Piece) {
        let at = self.rates.partition_point(|r| r.to <= piece.from);
        let share = piece.rate / self.rates[at].rate;
        self.edges.extend([(piece.from, share), (piece.to, -share)]);
    }

    /// Cuts what fails into times of constant failing weight.
    fn divide(&mut self, flow: &Flow, served: &[Served]) {
        let crowd = Crowd::new(&self.failing, flow);
        for &Failing { from, to, weight, running } in &self.failing {
            let Some((ends, version)) = running else {
                change(&mut self.weights, from, to, weight);
                continue;
            };
            // Steps keep the mean count where requests come all the time.
            let most = if flow.steady(from, to) { crowd.most_between(from, to) } else { 1.0 };
            let shares = served[version as usize].shares_running(from, to, ends, most);
            shares
                .for_each(|(from, to, share)| change(&mut self.weights, from, to, weight * share));
        }
        self.failing.clear();
    }

    /// Turns failing weights into probabilities, now that the view is evaluated.
    pub fn close_view(&mut self, flow: &Flow, served: &[Served]) {
        self.divide(flow, served);
        self.weights.sort_by_key(|w| w.0);
        let (mut weight, mut share): (f64, f64) = (0.0, 0.0);
        let (mut piece, mut rate) = (0, 0);
        for (i, &(at, change)) in self.weights.iter().enumerate() {
            weight += change;
            let next = self.weights.get(i + 1).map_or(at, |w| w.0);
            let mut from = at;
            piece += flow.pieces[piece..].iter().take_while(|p| p.to <= at).count();
            while from < next {
                let (now, to) = match flow.pieces.get(piece) {
                    // What rounding leaves of no weight is none.
                    Some(p) if p.from <= from && weight > 1e-12 => {
                        rate += self.rates[rate..].iter().take_while(|r| r.to <= from).count();
                        (weight * p.rate / self.rates[rate].rate, p.to.min(next))
                    }
                    Some(p) if weight > 1e-12 => (0.0, p.from.min(next)),
                    _ => (0.0, next),
                };
                if now != share {
                    self.edges.push((from, now - share));
                    share = now;
                }
                piece += usize::from(flow.pieces.get(piece).is_some_and(|p| p.to <= to));
                from = to;
            }
        }
        debug_assert!(libm::fabs(weight) < 1e-6, "what begins to fail ends to: {weight}");
        if let Some(last) = self.weights.last() {
            self.edges.push((last.0, -share));
        }
        self.weights.clear();
    }

    /// Variance of the count and probability that it is zero. Over a stretch in which each request fails with
    /// probability p the requests fail independently of each other, and the number sent is the whole part of
    /// the expected number or one more. Stretches are taken as independent.
    pub fn finish(mut self) -> (f64, f64) {
        self.edges.sort_by_key(|e| e.0);
        let mut sums = Sums { variance: 0.0, log_none: 0.0, none: 1.0 };
        let (mut p, mut from): (f64, Time) = (0.0, Time::ALWAYS);
        let (mut stretch, mut rate) = (Stretch { p: 0.0, sent: 0.0 }, 0);
        for i in 0..=self.edges.len() {
            let (at, change) = self.edges.get(i).copied().unwrap_or((Time::NEVER, 0.0));
            if at > from {
                if (p - stretch.p).abs() > 1e-9 {
                    sums.add(&stretch);
                    stretch = Stretch { p, sent: 0.0 };
                }
                if p > 1e-12 {
                    rate += self.rates[rate..].iter().take_while(|r| r.to <= from).count();
                    let rates = self.rates[rate..].iter().take_while(|r| r.from < at);
                    let inside =
                        |r: &Piece| Piece { from: r.from.max(from), to: r.to.min(at), ..*r };
                    stretch.sent += rates.map(|r| inside(r).count()).sum::<f64>();
                }
                from = at;
            }
            p += change;
        }
        sums.add(&stretch);
        (sums.variance, sums.none * libm::exp(sums.log_none))
    }
}

/// A failing weight from `from` until `to`.
fn change(weights: &mut Vec<(Time, f64)>, from: Time, to: Time, weight: f64) {
    // One after the other, as the steps to the end of a run are.
    match weights.last_mut() {
        Some((last, change)) if *last == from => *change += weight,
        _ => weights.push((from, weight)),
    }
    weights.push((to, -weight));
}

/// By second, a bound on the share of a view's requests that fail at any time.
struct Crowd {
    first_second: i64,
    shares: Vec<f64>,
}

impl Crowd {
    fn new(failing: &[Failing], flow: &Flow) -> Crowd {
        let seconds = || failing.iter().map(|f| (second_of(f.from), second_of(f.to)));
        let first_second = seconds().map(|s| s.0).min().unwrap_or(0);
        let last = seconds().map(|s| s.1).max().unwrap_or(0);
        let mut shares = vec![0.0; (last - first_second + 2) as usize];
        let mut before = None;
        for (failing, (from, to)) in failing.iter().zip(seconds()) {
            // What is cut and then refused by one pod does not fail twice in the second between.
            let counted = i64::from(before == Some((failing.from, failing.weight.to_bits())));
            shares[(from + counted - first_second) as usize] += failing.weight;
            shares[(to + 1 - first_second) as usize] -= failing.weight;
            before = Some((failing.to, failing.weight.to_bits()));
        }
        let mut weight = 0.0;
        for share in &mut shares {
            weight += *share;
            *share = (weight / flow.least_weight).min(1.0);
        }
        Crowd { first_second, shares }
    }

    fn most_between(&self, from: Time, to: Time) -> f64 {
        let [from, to] = [from, to].map(|t| (second_of(t) - self.first_second) as usize);
        self.shares[from..=to].iter().copied().fold(0.0, f64::max)
    }
}

/// A time in which each request fails with probability `p`.
struct Stretch {
    p: f64,
    /// Requests sent in the mean.
    sent: f64,
}

/// What the stretches add up to.
struct Sums {
    variance: f64,
    /// The probability that none fails is `none` times the exponential of this.
    log_none: f64,
    none: f64,
}

impl Sums {
    fn add(&mut self, stretch: &Stretch) {
        if stretch.p <= 1e-12 || stretch.sent <= 0.0 {
            return;
        }
        let (p, whole) = (stretch.p.min(1.0), libm::floor(stretch.sent));
        let part = stretch.sent - whole;
        self.variance += stretch.sent * p * (1.0 - p) + p * p * part * (1.0 - part);
        let survive = if p > 1.0 - 1e-9 { 0.0 } else { 1.0 - p };
        if whole > 0.0 {
            self.log_none += whole * libm::log(survive);
        }
        self.none *= 1.0 - part * (1.0 - survive);
        if self.none < 1e-200 {
            self.log_none += libm::log(self.none);
            self.none = 1.0;
        }
        let chance = (0.0..=1.0).contains(&self.none);
        debug_assert!(chance && self.variance >= 0.0, "chances are 0 to 1, variances positive");
    }
}
