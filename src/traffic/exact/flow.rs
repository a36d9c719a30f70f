//! What one view receives and passes on, as step functions of time.

use crate::engine::Time;
use crate::timeline::{Target, Timeline, View};
use crate::traffic::plan::{Piece, Stay};

/// The requests that a view receives, divided among what it lists.
pub struct Flow {
    /// While there is a backend: pieces with requests per second and unit of weight, in time order.
    pieces: Vec<Piece>,
    /// Requests per unit of weight before each piece.
    before: Vec<f64>,
    /// Listed weight of each version's pods during each piece, `versions` entries a piece.
    version_weights: Vec<f64>,
    versions: usize,
    /// The whole inflow while nothing is listed, and while the rules are rewritten.
    pub empty: Vec<Piece>,
    pub gaps: Vec<Piece>,
}

/// What is listed from `from` on.
struct Step {
    from: Time,
    listed: i32,
    weight: f64,
}

impl Flow {
    pub fn new(timeline: &Timeline, view: &View, inflow: &[Piece], stays: &[Stay]) -> Flow {
        let versions = timeline.versions.len();
        let (steps, weights) = listed_steps(timeline, stays);
        let mut flow = Flow {
            pieces: Vec::with_capacity(steps.len() + inflow.len()),
            before: Vec::new(),
            version_weights: Vec::new(),
            versions,
            empty: Vec::new(),
            gaps: Vec::new(),
        };
        for piece in inflow {
            let mut rest = *piece;
            for &(from, to) in &view.gaps {
                let (from, to) = (from.max(rest.from).min(rest.to), to.max(rest.from).min(rest.to));
                if from < to {
                    flow.divide(Piece { to: from, ..rest }, &steps, &weights);
                    flow.gaps.push(Piece { from, to, ..rest });
                    rest.from = to;
                }
            }
            flow.divide(rest, &steps, &weights);
        }
        let mut total = 0.0;
        for piece in &flow.pieces {
            flow.before.push(total);
            total += piece.count();
        }
        flow
    }

    fn divide(&mut self, piece: Piece, steps: &[Step], weights: &[f64]) {
        let mut i = steps.partition_point(|s| s.from <= piece.from);
        let mut from = piece.from;
        while from < piece.to {
            let to = steps.get(i).map_or(piece.to, |s| s.from.min(piece.to));
            match i.checked_sub(1).map(|i| &steps[i]) {
                Some(step) if step.listed > 0 && step.weight > 0.0 => {
                    self.pieces.push(Piece { from, to, rate: piece.rate / step.weight });
                    let row = (i - 1) * self.versions;
                    self.version_weights.extend(&weights[row..row + self.versions]);
                }
                _ => self.empty.push(Piece { from, to, rate: piece.rate }),
            }
            from = to;
            i += 1;
        }
    }

    /// Requests per unit of weight from `a` until `b`.
    pub fn between(&self, a: Time, b: Time) -> f64 {
        if a < b { self.until(b) - self.until(a) } else { 0.0 }
    }

    fn until(&self, at: Time) -> f64 {
        let Some(i) = self.pieces.partition_point(|p| p.from <= at).checked_sub(1) else {
            return 0.0;
        };
        let piece = &self.pieces[i];
        self.before[i] + piece.rate * (at.min(piece.to) - piece.from).as_secs_f64()
    }

    /// The pieces between `from` and `to`, for a backend of weight `weight`.
    pub fn pieces_of(&self, from: Time, to: Time, weight: f64, mut each: impl FnMut(Piece)) {
        if from >= to {
            return;
        }
        let first = self.pieces.partition_point(|p| p.to <= from);
        for piece in self.pieces[first..].iter().take_while(|p| p.from < to) {
            let (from, to) = (piece.from.max(from), piece.to.min(to));
            each(Piece { from, to, rate: piece.rate * weight });
        }
    }

    /// The requests sent to pods, by version.
    pub fn routed(&self, mut each: impl FnMut(usize, Piece)) {
        for (i, piece) in self.pieces.iter().enumerate() {
            let weights = &self.version_weights[i * self.versions..(i + 1) * self.versions];
            for (version, weight) in weights.iter().enumerate().filter(|w| *w.1 > 1e-9) {
                each(version, Piece { rate: piece.rate * weight, ..*piece });
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

/// The listed weight over time: in all, and by version (a row of `versions` entries for each step).
fn listed_steps(timeline: &Timeline, stays: &[Stay]) -> (Vec<Step>, Vec<f64>) {
    let mut edges: Vec<(Time, u32)> = Vec::with_capacity(2 * stays.len());
    for (i, stay) in stays.iter().enumerate() {
        edges.push((stay.from, 2 * i as u32));
        edges.push((stay.to, 2 * i as u32 + 1));
    }
    edges.sort_unstable();
    let versions = timeline.versions.len();
    let mut row = vec![0.0; versions];
    let (mut steps, mut rows): (Vec<Step>, Vec<f64>) = (Vec::new(), Vec::new());
    let (mut listed, mut total) = (0, 0.0);
    for (at, edge) in edges {
        let stay = &stays[edge as usize / 2];
        let (sign, count) = if edge % 2 == 0 { (1.0, 1) } else { (-1.0, -1) };
        listed += count;
        total = if listed == 0 { 0.0 } else { total + sign * stay.weight };
        if let Target::Pod(pod) = stay.target {
            row[timeline.pods[pod.0 as usize].version as usize] += sign * stay.weight;
        }
        if steps.last().is_some_and(|s: &Step| s.from == at) {
            steps.pop();
            rows.truncate(rows.len() - versions);
        }
        steps.push(Step { from: at, listed, weight: total });
        rows.extend(&row);
    }
    (steps, rows)
}
