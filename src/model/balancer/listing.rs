//! What one view lists, for balancers that work out their whole list anew.

use crate::engine::Time;
use crate::timeline::{Backend, ChangeKind, Hop, Target, Timeline, View, ViewChange, ViewId};

/// Enters a view without backends.
pub fn new_view(timeline: &mut Timeline, name: String, hop: Hop) -> ViewId {
    timeline.views.push(View {
        name,
        hop,
        initial: Vec::new(),
        changes: Vec::new(),
        gaps: Vec::new(),
    });
    ViewId(timeline.views.len() as u32 - 1)
}

/// Targets with their weights, sorted by target.
#[derive(Debug)]
pub struct Listing {
    pub view: ViewId,
    listed: Vec<(Target, f32)>,
}

impl Listing {
    pub fn new(view: ViewId) -> Listing {
        Listing { view, listed: Vec::new() }
    }

    pub fn targets(&self) -> impl Iterator<Item = Target> {
        self.listed.iter().map(|l| l.0)
    }

    /// Lists `wanted` as the run starts.
    pub fn begin(&mut self, timeline: &mut Timeline, mut wanted: Vec<(Target, f32)>) {
        wanted.sort_by_key(|w| w.0);
        let view = &mut timeline.views[self.view.0 as usize];
        view.initial = wanted.iter().map(|&(target, weight)| Backend { target, weight }).collect();
        self.listed = wanted;
    }

    /// Lists `wanted` from `at` on; notes what differs.
    pub fn set(&mut self, timeline: &mut Timeline, at: Time, mut wanted: Vec<(Target, f32)>) {
        wanted.sort_by_key(|w| w.0);
        let changes = &mut timeline.views[self.view.0 as usize].changes;
        let (mut old, mut new) = (self.listed.iter().peekable(), wanted.iter().peekable());
        let mut add = |target, kind| changes.push(ViewChange { at, target, kind });
        loop {
            match (old.peek(), new.peek()) {
                (None, None) => break,
                (Some(&&(target, _)), next) if next.is_none_or(|n| target < n.0) => {
                    add(target, ChangeKind::Remove);
                    old.next();
                }
                (Some(&&(target, was)), Some(&&(same, weight))) if target == same => {
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
        self.listed = wanted;
    }
}

/// What a view lists now, in the order in which it came.
pub fn listed_now(timeline: &Timeline, view: ViewId) -> Vec<Target> {
    let view = &timeline.views[view.0 as usize];
    let mut listed: Vec<Target> = view.initial.iter().map(|b| b.target).collect();
    for change in &view.changes {
        listed.retain(|t| *t != change.target);
        if change.kind != ChangeKind::Remove {
            listed.push(change.target);
        }
    }
    listed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::{Empty, Pick, PodId};

    #[test]
    fn only_differences_are_noted() {
        let mut timeline = Timeline::default();
        let hop = Hop { pick: Pick::Random, l7: None, empty: Empty::Refuse };
        let view = new_view(&mut timeline, "test".to_owned(), hop);
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
        assert_eq!(listed_now(&timeline, view), [pod(0), pod(2), pod(3)]);
    }
}
