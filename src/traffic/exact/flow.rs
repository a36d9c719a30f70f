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
    /// Requests per unit of weight before each piece, and in all.
    before: Vec<f64>,
    /// For each second from `first_second` on, the first piece that ends after it began.
    by_second: Vec<u32>,
    first_second: i64,
    /// Listed weight of each version's pods during each piece, `versions` entries a piece.
    version_weights: Vec<f64>,
    versions: usize,
    /// The whole inflow while nothing is listed, and while the rules are rewritten.
    pub empty: Vec<Piece>,
    pub gaps: Vec<Piece>,
}

impl Flow {
    pub fn new(view: &View, inflow: &[Piece], listing: &Listing) -> Flow {
        let most = listing.steps.len() + inflow.len() + 2 * view.gaps.len();
        let mut flow = Flow {
            pieces: Vec::with_capacity(most),
            before: Vec::with_capacity(most + 1),
            by_second: Vec::new(),
            first_second: 0,
            version_weights: Vec::with_capacity(most * listing.versions),
            versions: listing.versions,
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
    }

    fn divide(&mut self, piece: Piece, listing: &Listing) {
        let steps = &listing.steps;
        let mut i = steps.partition_point(|s| s.from <= piece.from) - 1;
        let mut from = piece.from;
        while from < piece.to {
            let to = steps.get(i + 1).map_or(piece.to, |s| s.from.min(piece.to));
            if steps[i].listed > 0 && steps[i].weight > 0.0 {
                self.pieces.push(Piece { from, to, rate: piece.rate / steps[i].weight });
                let row = &listing.version_weights[i * self.versions..][..self.versions];
                self.version_weights.extend(row);
            } else {
                self.empty.push(Piece { from, to, rate: piece.rate });
            }
            from = to;
            i += 1;
        }
    }

    /// Requests per unit of weight from `a` until `b`.
    pub fn between(&self, a: Time, b: Time) -> f64 {
        if a < b { self.until(b) - self.until(a) } else { 0.0 }
    }

    /// Requests per unit of weight sent before `at`.
    pub fn until(&self, at: Time) -> f64 {
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

    /// The pieces between `from` and `to`.
    pub fn pieces_of(&self, from: Time, to: Time) -> impl Iterator<Item = Piece> {
        let pieces = self.pieces[self.piece_after(from)..].iter().take_while(move |p| p.from < to);
        pieces.map(move |p| Piece { from: p.from.max(from), to: p.to.min(to), rate: p.rate })
    }

    /// The first and the last instant between `from` and `to` at which requests are sent on.
    pub fn bounds(&self, from: Time, to: Time) -> Option<(Time, Time)> {
        let first = self.pieces.get(self.piece_after(from))?.from.max(from);
        let last = self.pieces.partition_point(|p| p.from < to).checked_sub(1)?;
        let last = self.pieces[last].to.min(to);
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
