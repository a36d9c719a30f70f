//! Views that first draw a part of what they list, then somebody in it: Envoy's levels and localities.

use super::ViewNow;
use crate::timeline::ChangeKind;

/// Parts with their shares of the requests.
#[derive(Clone, Debug)]
pub struct Parts {
    all: Vec<Part>,
}

#[derive(Clone, Debug)]
struct Part {
    /// Of the shares up to this one, the sum.
    up_to: f64,
    /// It alone.
    view: ViewNow,
}

impl ViewNow {
    /// Shares requests among these parts of the slots that are used.
    pub fn divide(&mut self, shares: &[(f64, Vec<u32>)]) {
        let before = self.parts.take();
        let mut up_to = 0.0;
        let mut all: Vec<Part> = Vec::with_capacity(shares.len());
        for (share, slots) in shares {
            debug_assert!(*share > 0.0, "a part has a share");
            let mut view = self.empty();
            for (slot, weight) in self.slots.iter().zip(&self.weights) {
                if slots.contains(slot) {
                    view.change(*slot, ChangeKind::Add { weight: *weight });
                }
            }
            // Its turn goes on where it was.
            let same = before.iter().flat_map(|b| &b.all).find(|p| p.view.slots == view.slots);
            view.cursor = same.map_or(view.cursor, |part| part.view.cursor);
            debug_assert!(!view.slots.is_empty(), "somebody is in a part");
            up_to += share;
            all.push(Part { up_to, view });
        }
        debug_assert!(all.is_empty() == self.slots.is_empty(), "who is used is in a part");
        self.parts = (!all.is_empty()).then(|| Box::new(Parts { all }));
    }

    /// As this one, before it lists anybody.
    fn empty(&self) -> ViewNow {
        ViewNow {
            pick: self.pick,
            empty: self.empty,
            context: self.context,
            slots: Vec::new(),
            weights: Vec::new(),
            cumulative: Vec::new(),
            cursor: self.cursor,
            in_gap: false,
            nested: 0,
            masked: Vec::new(),
            parts: None,
        }
    }

    /// Who is drawn from for the number `u` / 2^32, and what is left of the number.
    #[inline(always)]
    pub fn part(&mut self, u: u32) -> (&mut ViewNow, u32) {
        if self.parts.is_none() { (self, u) } else { self.drawn(u) }
    }

    fn drawn(&mut self, u: u32) -> (&mut ViewNow, u32) {
        let all = &mut self.parts.as_mut().expect("it has parts").all;
        let last = all.len() - 1;
        if last == 0 {
            return (&mut all[0].view, u);
        }
        let target = f64::from(u) / 4_294_967_296.0 * all[last].up_to;
        let place = all.partition_point(|part| part.up_to <= target).min(last);
        let low = if place == 0 { 0.0 } else { all[place - 1].up_to };
        let rest = (target - low) / (all[place].up_to - low);
        (&mut all[place].view, (rest.clamp(0.0, 1.0) * 4_294_967_295.0) as u32)
    }
}
