//! What one view lists, for balancers that work out their whole list anew.

use crate::engine::{List, Time};
use crate::timeline::{Backend, ChangeKind, PodId, Recorder, Target, Timeline, ViewId};
use std::collections::BTreeMap;

/// Targets with their weights.
#[derive(Debug)]
pub struct Listing {
    /// Whose list it is.
    pub view: ViewId,
    listed: BTreeMap<Target, f32>,
}

impl Listing {
    /// Of a view that lists nothing yet.
    pub fn new(view: ViewId) -> Listing {
        Listing { view, listed: BTreeMap::new() }
    }

    /// Those that are listed, in the order of the targets.
    pub fn targets(&self) -> impl Iterator<Item = Target> {
        self.listed.keys().copied()
    }

    /// Lists `wanted` as the run starts.
    pub fn begin(&mut self, timeline: &mut Recorder, wanted: Vec<(Target, f32)>) {
        self.listed = wanted.into_iter().collect();
        let backends = self.listed.iter().map(|(&target, &weight)| Backend { target, weight });
        timeline.begin(self.view, backends);
    }

    /// Lists `wanted` from `at` on; notes what differs.
    pub fn set(&mut self, timeline: &mut Recorder, at: Time, mut wanted: Vec<(Target, f32)>) {
        wanted.sort_by_key(|w| w.0);
        let first = timeline.views[self.view].changes.len();
        {
            let (mut old, mut new) = (self.listed.iter().peekable(), wanted.iter().peekable());
            let mut add = |target, kind| timeline.list(self.view, at, target, kind);
            loop {
                match (old.peek(), new.peek()) {
                    (None, None) => break,
                    (Some(&(&target, _)), next) if next.is_none_or(|n| target < n.0) => {
                        add(target, ChangeKind::Remove);
                        old.next();
                    }
                    (Some(&(&target, was)), Some(&&(same, weight))) if target == same => {
                        if was.to_bits() != weight.to_bits() {
                            add(target, ChangeKind::Add { weight });
                        }
                        old.next();
                        new.next();
                    }
                    (_, Some(&&(target, weight))) => {
                        add(target, ChangeKind::Add { weight });
                        new.next();
                    }
                    (Some(_), None) => unreachable!("removed above"),
                }
            }
        }
        for change in &timeline.views[self.view].changes[first..] {
            match change.kind {
                ChangeKind::Add { weight } => self.listed.insert(change.target, weight),
                ChangeKind::Remove => self.listed.remove(&change.target),
            };
        }
        debug_assert!(self.listed.len() == wanted.len(), "what is listed is what was wanted");
    }

    /// Lists `target` with this weight from `at` on, or no longer; notes it if it differs.
    pub fn change(
        &mut self,
        timeline: &mut Recorder,
        at: Time,
        target: Target,
        weight: Option<f32>,
    ) {
        debug_assert!(
            weight.is_none_or(|w| w >= 0.0),
            "a weight is no less than nothing: {weight:?}"
        );
        let (was, kind) = match weight {
            Some(weight) => (self.listed.insert(target, weight), ChangeKind::Add { weight }),
            None => (self.listed.remove(&target), ChangeKind::Remove),
        };
        if was.map(f32::to_bits) != weight.map(f32::to_bits) {
            timeline.list(self.view, at, target, kind);
        }
    }
}

/// What another balancer's view lists, for those that ask it again and again.
#[derive(Debug, Default)]
pub struct Followed {
    /// Changes of the view taken in so far; None: not even what it began with.
    read: Option<usize>,
    targets: Vec<Target>,
    /// Where each pod and each view is among the targets.
    pods: List<PodId, Option<u32>>,
    views: List<ViewId, Option<u32>>,
}

impl Followed {
    /// What the view lists now, in some order.
    pub fn now(&mut self, timeline: &Timeline, view: ViewId) -> &[Target] {
        let view = &timeline.views[view];
        let read = self.read.replace(view.changes.len()).unwrap_or_else(|| {
            view.initial.iter().for_each(|backend| self.add(backend.target));
            0
        });
        debug_assert!(read <= view.changes.len(), "each change is read once");
        for change in &view.changes[read..] {
            match change.kind {
                ChangeKind::Add { .. } => self.add(change.target),
                ChangeKind::Remove => self.remove(change.target),
            }
        }
        &self.targets
    }

    fn place(&mut self, target: Target) -> &mut Option<u32> {
        match target {
            Target::Pod(pod) => self.pods.entry(pod),
            Target::View(view) => self.views.entry(view),
        }
    }

    fn add(&mut self, target: Target) {
        let last = self.targets.len() as u32;
        let place = self.place(target);
        debug_assert!(place.is_none_or(|place| place < last), "a place is one of the list");
        if place.is_none() {
            *place = Some(last);
            self.targets.push(target);
        }
    }

    /// The last one takes its place.
    fn remove(&mut self, target: Target) {
        let Some(place) = self.place(target).take() else { return };
        debug_assert!(self.targets[place as usize] == target, "a place is its target's");
        self.targets.swap_remove(place as usize);
        if let Some(&moved) = self.targets.get(place as usize) {
            *self.place(moved) = Some(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::{Empty, Hop, Pick};

    #[test]
    fn only_differences_are_noted() {
        let mut timeline = Recorder::new(Timeline::default());
        let hop = Hop { pick: Pick::Random, l7: None, empty: Empty::Refuse };
        let view = timeline.view("test".to_owned(), hop);
        let pod = |n| Target::Pod(PodId(n));
        let mut listing = Listing::new(view);
        listing.begin(&mut timeline, vec![(pod(2), 1.0), (pod(1), 1.0)]);
        listing.set(&mut timeline, Time(5), vec![(pod(3), 1.0), (pod(2), 0.5), (pod(0), 1.0)]);
        let noted: Vec<(Target, ChangeKind)> =
            timeline.views[0].changes.iter().map(|c| (c.target, c.kind)).collect();
        assert_eq!(
            noted,
            [
                (pod(0), ChangeKind::Add { weight: 1.0 }),
                (pod(1), ChangeKind::Remove),
                (pod(2), ChangeKind::Add { weight: 0.5 }),
                (pod(3), ChangeKind::Add { weight: 1.0 }),
            ]
        );
        let mut followed = Followed::default();
        assert_eq!(followed.now(&timeline, view), [pod(0), pod(2), pod(3)]);
        listing.change(&mut timeline, Time(6), pod(3), Some(1.0));
        assert_eq!(timeline.views[0].changes.len(), 4);
        for weight in [None, Some(1.0), None] {
            listing.change(&mut timeline, Time(6), pod(3), weight);
        }
        listing.change(&mut timeline, Time(6), pod(0), None);
        listing.change(&mut timeline, Time(7), pod(0), Some(1.0));
        assert_eq!(followed.now(&timeline, view), [pod(2), pod(0)]);
        assert_eq!(Followed::default().now(&timeline, view), [pod(2), pod(0)]);
    }
}
