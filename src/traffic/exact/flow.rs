//! What one view receives and passes on, as step functions of time.

use super::listing::Listing;
use super::seconds::{SECOND, second_of};
use crate::engine::Time;
use crate::timeline::View;
use crate::traffic::plan::Piece;

/// The requests that a view receives, divided among what it lists.
pub struct Flow {
    /// While there is a backend: pieces with requests per second and unit of weight, in time order.
    pub pieces: Vec<Piece>,
    /// The same with neighbours as one whose rates differ by less than `ALIKE`; if there are `MANY`.
    coarse: Option<Vec<Piece>>,
    /// Requests per unit of weight before each piece, and in all.
    before: Vec<f64>,
    /// For each second from `first_second` on, the first piece that ends after it began.
    by_second: Vec<u32>,
    first_second: i64,
    /// Listed weight of each version's pods during each piece, `versions` entries a piece.
    version_weights: Vec<f64>,
    versions: usize,
    /// The least weight that is listed in any piece.
    pub least_weight: f64,
    /// The whole inflow while nothing is listed, and while the rules are rewritten.
    pub empty: Vec<Piece>,
    /// The whole inflow while the rules are rewritten.
    pub gaps: Vec<Piece>,
}

/// Up to such a share rates of neighbours count as one where the requests that still run at an instant are
/// integrated: of many pods, one more or less. What is found differs by no larger share.
const ALIKE: f64 = 1e-3;
/// A flow is steady while its highest rate is no more than this times its lowest.
const STEADY: f64 = 1.3;
/// Fewer pieces are integrated one by one.
const MANY: usize = 512;

impl Flow {
    /// What a view does with its inflow; `listing` is what it lists when.
    pub fn new(view: &View, inflow: &[Piece], listing: &Listing) -> Flow {
        let most = listing.steps.len() + inflow.len() + 2 * view.gaps.len();
        let mut flow = Flow {
            pieces: Vec::with_capacity(most),
            coarse: None,
            before: Vec::with_capacity(most + 1),
            by_second: Vec::new(),
            first_second: 0,
            version_weights: Vec::with_capacity(most * listing.versions),
            versions: listing.versions,
            least_weight: f64::INFINITY,
            empty: Vec::new(),
            gaps: Vec::new(),
        };
        for piece in inflow {
            let mut rest = *piece;
            for &(from, to) in &view.gaps {
                let (from, to) = (from.max(rest.from).min(rest.to), to.max(rest.from).min(rest.to));
                if from < to {
                    flow.divide(Piece { to: from, ..rest }, listing);
                    flow.gaps.push(Piece { from, to, ..rest });
                    rest.from = to;
                }
            }
            flow.divide(rest, listing);
        }
        flow.index();
        flow.coarse = (flow.pieces.len() >= MANY).then(|| coarse(&flow.pieces));
        flow
    }

    fn index(&mut self) {
        let (mut total, mut next) = (0.0, i64::MIN);
        for (i, piece) in self.pieces.iter().enumerate() {
            self.before.push(total);
            total += piece.count();
            if i == 0 {
                (self.first_second, next) = (second_of(piece.from), second_of(piece.from));
            }
            while next * SECOND < piece.to.0 {
                self.by_second.push(i as u32);
                next += 1;
            }
        }
        self.before.push(total);
        debug_assert!(self.before.len() == self.pieces.len() + 1, "each piece has a sum before it");
    }

    fn divide(&mut self, piece: Piece, listing: &Listing) {
        let steps = &listing.steps;
        let mut i = steps.partition_point(|s| s.from <= piece.from) - 1;
        let mut from = piece.from;
        while from < piece.to {
            let to = steps.get(i + 1).map_or(piece.to, |s| s.from.min(piece.to));
            if steps[i].listed > 0 && steps[i].weight > 0.0 {
                self.pieces.push(Piece { from, to, rate: piece.rate / steps[i].weight });
                self.least_weight = self.least_weight.min(steps[i].weight);
                let row = &listing.version_weights[i * self.versions..][..self.versions];
                self.version_weights.extend(row);
            } else {
                self.empty.push(Piece { from, to, rate: piece.rate });
            }
            from = to;
            i += 1;
        }
        let weights = self.pieces.len() * self.versions;
        debug_assert!(
            self.version_weights.len() == weights,
            "each piece has the weights of all versions"
        );
    }

    /// When the first piece begins.
    pub fn from(&self) -> Time {
        self.pieces.first().map_or(Time::NEVER, |p| p.from)
    }

    /// When the last piece ends.
    pub fn to(&self) -> Time {
        self.pieces.last().map_or(Time::ALWAYS, |p| p.to)
    }

    /// Requests per unit of weight from `a` until `b`.
    pub fn between(&self, a: Time, b: Time) -> f64 {
        if a < b { self.until(b) - self.until(a) } else { 0.0 }
    }

    /// Requests per unit of weight sent before `at`.
    pub fn until(&self, at: Time) -> f64 {
        // Most stays begin before the traffic or last beyond it.
        if at <= self.from() {
            return 0.0;
        }
        if at >= self.to() {
            return self.before[self.pieces.len()];
        }
        let i = self.piece_after(at);
        let begun = self.pieces.get(i).filter(|p| p.from < at);
        self.before[i] + begun.map_or(0.0, |p| Piece { to: at, ..*p }.count())
    }

    /// The first piece that ends after `at`.
    fn piece_after(&self, at: Time) -> usize {
        let second = second_of(at) - self.first_second;
        let of = |second: i64| match usize::try_from(second) {
            Ok(second) => self.by_second.get(second).map_or(self.pieces.len(), |i| *i as usize),
            Err(_) => 0,
        };
        let (first, last) = (of(second), of(second + 1));
        first + self.pieces[first..last].partition_point(|p| p.to <= at)
    }

    /// The pieces, or coarse ones, that end after `at`.
    pub fn coarse_after(&self, at: Time) -> &[Piece] {
        match &self.coarse {
            Some(coarse) => &coarse[coarse.partition_point(|p| p.to <= at)..],
            None => &self.pieces[self.piece_after(at)..],
        }
    }

    /// Whether requests are sent on all the time from `from` until `to`, and about as many.
    pub fn steady(&self, from: Time, to: Time) -> bool {
        let (mut at, mut low, mut high) = (from, f64::INFINITY, 0.0f64);
        for piece in self.coarse_after(from).iter().take_while(|p| p.from < to) {
            if piece.from > at {
                return false;
            }
            (at, low, high) = (piece.to, low.min(piece.rate), high.max(piece.rate));
        }
        at >= to && high <= STEADY * low
    }

    /// The pieces between `from` and `to`.
    pub fn pieces_of(&self, from: Time, to: Time) -> impl Iterator<Item = Piece> {
        let pieces = self.pieces[self.piece_after(from)..].iter().take_while(move |p| p.from < to);
        pieces.map(move |p| Piece { from: p.from.max(from), to: p.to.min(to), rate: p.rate })
    }

    /// The first and the last instant between `from` and `to` at which requests are sent on.
    pub fn bounds(&self, from: Time, to: Time) -> Option<(Time, Time)> {
        let first = self.pieces.get(self.piece_after(from))?.from.max(from);
        let after = self.piece_after(to);
        let last = match self.pieces.get(after) {
            Some(piece) if piece.from < to => to,
            _ => self.pieces[after.checked_sub(1)?].to,
        };
        (first < last).then_some((first, last))
    }

    /// The requests sent to pods, by version.
    pub fn routed(&self, mut each: impl FnMut(usize, &Piece)) {
        for (i, piece) in self.pieces.iter().enumerate() {
            let weights = &self.version_weights[i * self.versions..(i + 1) * self.versions];
            for (version, weight) in weights.iter().enumerate().filter(|w| *w.1 > 1e-9) {
                each(version, &Piece { rate: piece.rate * weight, ..*piece });
            }
        }
    }
}

/// Neighbours alike as one, with the same requests in all.
fn coarse(pieces: &[Piece]) -> Vec<Piece> {
    let mut merged: Vec<Piece> = Vec::with_capacity(pieces.len());
    let (mut low, mut high, mut count) = (0.0, 0.0, 0.0);
    for piece in pieces {
        let (lower, higher) = (piece.rate.min(low), piece.rate.max(high));
        match merged.last_mut() {
            Some(last) if last.to == piece.from && higher <= lower * (1.0 + ALIKE) => {
                (low, high, count) = (lower, higher, count + piece.count());
                last.to = piece.to;
                last.rate = count / (last.to - last.from).as_secs_f64();
            }
            _ => {
                (low, high, count) = (piece.rate, piece.rate, piece.count());
                merged.push(*piece);
            }
        }
    }
    merged
}

/// Adds up overlapping pieces.
pub fn sum(mut pieces: Vec<Piece>) -> Vec<Piece> {
    if pieces.is_sorted_by(|a, b| a.to <= b.from) {
        return pieces;
    }
    let mut edges: Vec<(Time, f64)> =
        pieces.drain(..).flat_map(|p| [(p.from, p.rate), (p.to, -p.rate)]).collect();
    edges.sort_by_key(|e| e.0);
    let (mut rate, mut open) = (0.0, 0);
    for (i, &(from, change)) in edges.iter().enumerate() {
        rate += change;
        open += if change > 0.0 { 1 } else { -1 };
        let to = edges.get(i + 1).map_or(from, |e| e.0);
        if from < to && open > 0 {
            pieces.push(Piece { from, to, rate });
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Dist, Dur};
    use crate::traffic::exact::served::Served;

    /// Of ten thousand pods, one more or less every 20 ms, and now and then a hundred.
    fn pieces() -> Vec<Piece> {
        let mut listed = 10_000.0;
        let piece = |i: i64| {
            listed +=
                if i % 97 == 0 { 100.0 } else { [-1.0, 1.0, -3.0, 2.0][(i * i % 4) as usize] };
            let at = |i: i64| Time(i * 20_000_000);
            Piece { from: at(i), to: at(i + 1), rate: 1000.0 / listed }
        };
        (0..1000).map(piece).collect()
    }

    fn flow(pieces: Vec<Piece>) -> Flow {
        let mut flow = Flow {
            pieces,
            coarse: None,
            before: Vec::new(),
            by_second: Vec::new(),
            first_second: 0,
            version_weights: Vec::new(),
            versions: 0,
            least_weight: 1.0,
            empty: Vec::new(),
            gaps: Vec::new(),
        };
        flow.index();
        flow
    }

    #[test]
    fn pauses_and_jumps_are_not_steady() {
        let at = |s: f64| Time::from_secs_f64(s);
        let piece = |from, to, rate| Piece { from: at(from), to: at(to), rate };
        let flow = flow(vec![
            piece(0.0, 1.0, 10.0),
            piece(1.0, 2.0, 12.0),
            piece(2.5, 3.5, 12.0),
            piece(3.5, 4.0, 20.0),
        ]);
        let steady = |from, to| flow.steady(at(from), at(to));
        assert!(steady(0.5, 2.0) && steady(2.5, 3.5) && steady(3.6, 3.8));
        assert!(!steady(1.5, 2.2) && !steady(1.5, 3.0) && !steady(3.0, 3.6) && !steady(3.8, 4.1));
    }

    #[test]
    fn coarse_pieces_send_the_same_requests() {
        let (fine, coarse) = (pieces(), coarse(&pieces()));
        assert!(coarse.len() < fine.len() / 8, "{}", coarse.len());
        assert!(coarse.windows(2).all(|pair| pair[0].to == pair[1].from));
        let count = |pieces: &[Piece]| pieces.iter().map(Piece::count).sum::<f64>();
        assert!((count(&coarse) / count(&fine) - 1.0).abs() < 1e-12);
        for piece in &fine {
            let i = coarse.partition_point(|c| c.to <= piece.from);
            assert!((coarse[i].rate / piece.rate - 1.0).abs() <= ALIKE);
        }
    }

    #[test]
    fn coarse_pieces_hardly_change_what_runs() {
        let dist = Dist::LogNormal { median_s: 0.02, p99_s: 0.2, min_s: 0.001 };
        let served = Served::new(&dist, 0);
        let (fine, coarse) = (pieces(), coarse(&pieces()));
        for ends in (0..200).map(|i| Time(2_000_000_000 + i * 7_700_001)) {
            let from = ends - Dur::from_secs(1);
            let running = |pieces: &[Piece]| {
                let first = pieces.partition_point(|p| p.to <= from);
                served.running_at(ends, &pieces[first..], from, ends)
            };
            let ratio = running(&coarse) / running(&fine);
            assert!((ratio - 1.0).abs() <= ALIKE, "{ratio}");
        }
    }
}
