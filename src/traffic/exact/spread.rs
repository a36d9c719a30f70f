//! How the number of failed requests spreads where requests are evenly spaced with a random phase.

use super::flow::Flow;
use crate::engine::Time;
use crate::traffic::plan::Piece;

/// The probability over time that a request fails.
pub struct Spread<'a> {
    rates: &'a [Piece],
    /// (when, change of the failing weight) in the view that is being evaluated.
    weights: Vec<(Time, f64)>,
    /// (when, change of the probability that a request sent then fails).
    edges: Vec<(Time, f64)>,
}

impl<'a> Spread<'a> {
    pub fn new(rates: &'a [Piece]) -> Spread<'a> {
        Spread { rates, weights: Vec::new(), edges: Vec::new() }
    }

    /// Requests sent to so much weight of the view fail from `from` until `to`.
    pub fn fails(&mut self, from: Time, to: Time, weight: f64) {
        // One after the other, as the steps to the end of a run are.
        match self.weights.last_mut() {
            Some((last, change)) if *last == from => *change += weight,
            _ => self.weights.push((from, weight)),
        }
        self.weights.push((to, -weight));
    }

    /// All requests of a piece fail.
    pub fn all_fail(&mut self, piece: &Piece) {
        let at = self.rates.partition_point(|r| r.to <= piece.from);
        let share = piece.rate / self.rates[at].rate;
        self.edges.extend([(piece.from, share), (piece.to, -share)]);
    }

    /// Turns failing weights into probabilities, now that the view is evaluated.
    pub fn close_view(&mut self, flow: &Flow) {
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
        let (mut variance, mut log_none) = (0.0, 0.0);
        let (mut p, mut from): (f64, Time) = (0.0, Time::ALWAYS);
        let (mut stretch, mut rate) = (Stretch { p: 0.0, sent: 0.0 }, 0);
        for i in 0..=self.edges.len() {
            let (at, change) = self.edges.get(i).copied().unwrap_or((Time::NEVER, 0.0));
            if at > from {
                if (p - stretch.p).abs() > 1e-9 {
                    stretch.close(&mut variance, &mut log_none);
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
        stretch.close(&mut variance, &mut log_none);
        (variance, libm::exp(log_none))
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
