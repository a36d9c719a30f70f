//! What one data-plane instance lists now, and how it picks.

mod parts;

use crate::engine::Seed;
use crate::timeline::{ChangeKind, Empty, Pick, Target, Timeline, ViewId};

/// What one view lists now.
#[derive(Clone, Debug)]
pub struct ViewNow {
    /// How it chooses.
    pub pick: Pick,
    /// What happens where it lists nothing.
    pub empty: Empty,
    /// Index into `Board::rules` and factor of `Board::pods`.
    pub context: u32,
    /// Pod index, or `VIEW` plus view index.
    pub slots: Vec<u32>,
    weights: Vec<f32>,
    /// Running sums of the weights where they differ; empty: all alike.
    cumulative: Vec<f32>,
    /// Round robin: the slot that is next.
    pub cursor: u32,
    /// Its rules are being rewritten: nothing is listed.
    pub in_gap: bool,
    /// How many of the slots are views.
    pub nested: u32,
    /// Slots that are known and not used, with their weights: those of an ejection.
    masked: Vec<(u32, f32)>,
    /// Where requests go to parts of what it lists, by shares.
    parts: Option<Box<parts::Parts>>,
}

impl Pick {
    /// Whether the choice depends on requests that are still running.
    pub fn sees_load(self) -> bool {
        matches!(self, Pick::LeastOutstanding | Pick::TwoChoices | Pick::LeastRequest | Pick::Ewma)
    }
}

/// Marks a slot that names a view.
pub const VIEW: u32 = 1 << 31;

impl ViewNow {
    /// View `v` at the start of the timeline.
    pub fn new(timeline: &Timeline, v: ViewId, context: u32, seed: Seed) -> ViewNow {
        let view = &timeline.views[v];
        let mut now = ViewNow {
            pick: view.hop.pick,
            empty: view.hop.empty,
            context,
            slots: Vec::with_capacity(view.initial.len() + 16),
            weights: Vec::with_capacity(view.initial.len() + 16),
            cumulative: Vec::new(),
            cursor: (seed.uniform("round robin", u64::from(v.0)) * 4_294_967_296.0) as u32,
            in_gap: false,
            nested: 0,
            masked: Vec::new(),
            parts: None,
        };
        for backend in &view.initial {
            now.change(slot_of(backend.target), ChangeKind::Add { weight: backend.weight });
        }
        now
    }

    /// Tells whether the slot came or went.
    pub fn change(&mut self, slot: u32, kind: ChangeKind) -> bool {
        if let Some(i) = self.masked.iter().position(|m| m.0 == slot) {
            match kind {
                ChangeKind::Add { weight } => self.masked[i].1 = weight,
                ChangeKind::Remove => drop(self.masked.remove(i)),
            }
            return false;
        }
        let before = self.slots.len();
        assert!(before == self.weights.len(), "each slot has a weight");
        if let ChangeKind::Add { weight } = kind {
            assert!(weight >= 0.0, "a weight is no less than nothing: {weight}");
        }
        let place = self.slots.iter().position(|s| *s == slot);
        match (kind, place) {
            (ChangeKind::Add { weight }, Some(i)) => self.weights[i] = weight,
            (ChangeKind::Add { weight }, None) => {
                self.slots.push(slot);
                self.weights.push(weight);
            }
            (ChangeKind::Remove, Some(i)) => {
                self.slots.remove(i);
                self.weights.remove(i);
            }
            (ChangeKind::Remove, None) => {}
        }
        if self.cursor as usize >= self.slots.len() && !self.slots.is_empty() {
            self.cursor %= self.slots.len() as u32;
        }
        self.cumulative.clear();
        if self.weights.iter().any(|w| *w != self.weights[0]) {
            let mut sum = 0.0;
            self.cumulative.extend(self.weights.iter().map(|w| {
                sum += w;
                sum
            }));
        }
        self.nested = self.slots.iter().filter(|s| **s & VIEW != 0).count() as u32;
        self.slots.len() != before
    }

    /// Leaves a slot out without forgetting it, until it is used again.
    pub fn mask(&mut self, slot: u32) {
        let Some(i) = self.slots.iter().position(|s| *s == slot) else { return };
        let weight = self.weights[i];
        self.change(slot, ChangeKind::Remove);
        self.masked.push((slot, weight));
        debug_assert!(!self.slots.contains(&slot), "what is left out is not used");
    }

    /// Uses a slot again that was left out.
    pub fn unmask(&mut self, slot: u32) {
        let Some(i) = self.masked.iter().position(|m| m.0 == slot) else { return };
        let (slot, weight) = self.masked.remove(i);
        self.change(slot, ChangeKind::Add { weight });
    }

    /// All slots that are known, those left out too.
    pub fn known(&self) -> impl Iterator<Item = u32> {
        self.slots.iter().copied().chain(self.masked.iter().map(|m| m.0))
    }

    /// Whether it leads to this view.
    pub fn lists_view(&self, view: ViewId) -> bool {
        self.slots.contains(&(view.0 | VIEW))
    }

    /// Whether it lists nobody, or its rules are being rewritten.
    #[inline(always)]
    pub fn cannot_forward(&self) -> bool {
        self.slots.is_empty() || self.in_gap
    }

    /// The slot that a view picks which does not look at load, and what is left of `u`.
    #[inline(always)]
    pub fn next_slot(&mut self, u: u32) -> (u32, u32) {
        if self.pick == Pick::RoundRobin {
            let place = self.turn();
            return (self.slots[place], u);
        }
        let (place, rest) = self.place(u);
        (self.slots[place], rest)
    }

    /// Two different places (the same one twice if there is no other), and what is left of `u`.
    #[inline(always)]
    pub fn two_places(&self, u: u32) -> (usize, usize, u32) {
        let (a, u) = self.place(u);
        if self.slots.len() == 1 {
            return (a, a, u);
        }
        let scaled = u64::from(u) * (self.slots.len() as u64 - 1);
        let b = (scaled >> 32) as usize;
        (a, if b >= a { b + 1 } else { b }, scaled as u32)
    }

    /// Two places, perhaps the same one twice, and what is left of `u`.
    #[inline(always)]
    pub fn any_two_places(&self, u: u32) -> (usize, usize, u32) {
        let (a, u) = self.place(u);
        let (b, u) = self.place(u);
        (a, b, u)
    }

    /// The slot with the lowest load for its weight, the first among equals.
    pub fn lightest(&self, load: impl Fn(u32) -> u32) -> u32 {
        let pressure =
            |i: usize| (f64::from(load(self.slots[i])) + 1.0) / f64::from(self.weights[i]);
        let best = (0..self.slots.len()).min_by(|a, b| pressure(*a).total_cmp(&pressure(*b)));
        self.slots[best.expect("a view that forwards lists something")]
    }

    /// Whether all backends have the same weight.
    #[inline(always)]
    pub fn even(&self) -> bool {
        self.cumulative.is_empty()
    }

    /// The place for the number `u` / 2^32 by weight, and what is left of the number for a further choice.
    #[inline(always)]
    pub fn place(&self, u: u32) -> (usize, u32) {
        if self.even() {
            let scaled = u64::from(u) * self.slots.len() as u64;
            return ((scaled >> 32) as usize, scaled as u32);
        }
        self.weighted_place(u)
    }

    fn weighted_place(&self, u: u32) -> (usize, u32) {
        let total = self.cumulative[self.cumulative.len() - 1];
        let target = (f64::from(u) * (1.0 / 4_294_967_296.0)) as f32 * total;
        let last = self.slots.len() - 1;
        let place = self.cumulative.partition_point(|c| *c <= target).min(last);
        let low = if place == 0 { 0.0 } else { self.cumulative[place - 1] };
        let part = (target - low) / (self.cumulative[place] - low);
        (place, (f64::from(part).clamp(0.0, 1.0) * 4_294_967_295.0) as u32)
    }

    /// The next place in turn. Uneven weights are served by the golden-ratio sequence, which spreads each
    /// backend's turns evenly.
    #[inline(always)]
    pub fn turn(&mut self) -> usize {
        if self.even() {
            let place = self.cursor as usize;
            let next = self.cursor + 1;
            self.cursor = if next as usize >= self.slots.len() { 0 } else { next };
            debug_assert!(place < self.slots.len(), "who is next is listed");
            return place;
        }
        self.cursor = self.cursor.wrapping_add(2_654_435_769);
        self.weighted_place(self.cursor).0
    }
}

/// A target in one number.
pub fn slot_of(target: Target) -> u32 {
    match target {
        Target::Pod(p) => p.0,
        Target::View(v) => v.0 | VIEW,
    }
}
