//! `sessionAffinity: ClientIP`: clients stay with the endpoint that they were sent to, and are sent to
//! another when it is gone from the rules. An endpoint that comes has no clients at first, and gets its part
//! of those that others leave behind.
//!
//! `pkg/proxy/iptables/proxier.go` (a rule of each endpoint for the addresses that it has seen lately).
//! Clients are taken to be many, and to come back within `timeoutSeconds`.

use crate::cluster::objects::PodId;
use crate::engine::Time;
use crate::timeline::{ChangeKind, Recorder, Target, ViewId};

/// How many of the clients are with each endpoint of one node's rules.
#[derive(Clone, Debug, Default)]
pub struct Affinity {
    /// Relative to each other.
    shares: Vec<(PodId, f32)>,
    /// What a run changes: who comes, who goes.
    comes: Vec<PodId>,
    goes: Vec<PodId>,
}

impl Affinity {
    /// An endpoint that is there from the start has clients as others have.
    pub fn begins(&mut self, pod: PodId) {
        debug_assert!(self.shares.iter().all(|(other, _)| *other != pod), "it begins once");
        self.shares.push((pod, 1.0));
    }

    /// The run puts an endpoint into the rules, or takes it out.
    pub fn changes(&mut self, pod: PodId, kind: ChangeKind) {
        debug_assert!(!self.goes.contains(&pod), "an endpoint changes once in a run");
        match kind {
            ChangeKind::Add { .. } => self.comes.push(pod),
            ChangeKind::Remove => self.goes.push(pod),
        }
    }

    /// The rules are in force: those whose endpoint has gone spread over all.
    pub fn settle(&mut self, view: ViewId, now: Time, timeline: &mut Recorder) {
        let (comes, goes) = (std::mem::take(&mut self.comes), std::mem::take(&mut self.goes));
        let before = self.shares.clone();
        let leaves = |pod: PodId| goes.contains(&pod);
        let left = before.iter().filter(|(pod, _)| leaves(*pod)).fold(0.0, |sum, (_, w)| sum + w);
        self.shares.retain(|(pod, _)| !leaves(*pod));
        self.shares.extend(comes.iter().map(|pod| (*pod, 0.0)));
        let each = left / self.shares.len().max(1) as f32;
        self.shares.iter_mut().for_each(|(_, share)| *share += each);
        if self.shares.iter().all(|(_, share)| *share <= 0.0) {
            // Nobody was with anybody.
            self.shares.iter_mut().for_each(|(_, share)| *share = 1.0);
        }
        for pod in goes {
            timeline.list(view, now, Target::Pod(pod), ChangeKind::Remove);
        }
        for &(pod, weight) in self.shares.iter().filter(|share| !before.contains(share)) {
            timeline.list(view, now, Target::Pod(pod), ChangeKind::Add { weight });
        }
        debug_assert!(self.shares.iter().all(|(_, share)| *share >= 0.0), "nobody owes clients");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::{Backend, Empty, Hop, Pick, Timeline};

    #[test]
    fn who_comes_gets_a_part_of_those_that_others_leave() {
        let mut timeline = Recorder::new(Timeline::default());
        let hop = Hop { pick: Pick::Random, l7: None, empty: Empty::Refuse };
        let view = timeline.view("node".to_owned(), hop);
        let mut affinity = Affinity::default();
        for pod in [0, 1] {
            let backend = Backend { target: Target::Pod(PodId(pod)), weight: 1.0 };
            timeline.begin(view, [backend]);
            affinity.begins(PodId(pod));
        }
        let add = ChangeKind::Add { weight: 1.0 };
        affinity.changes(PodId(2), add);
        affinity.settle(view, Time(1), &mut timeline);
        affinity.changes(PodId(0), ChangeKind::Remove);
        affinity.settle(view, Time(2), &mut timeline);
        assert_eq!(affinity.shares, [(PodId(1), 1.5), (PodId(2), 0.5)]);
        let at_first = timeline.views[0].changes[0];
        assert_eq!(
            (at_first.target, at_first.kind),
            (Target::Pod(PodId(2)), ChangeKind::Add { weight: 0.0 })
        );
        for pod in [1, 2] {
            affinity.changes(PodId(pod), ChangeKind::Remove);
        }
        affinity.settle(view, Time(3), &mut timeline);
        affinity.changes(PodId(3), add);
        affinity.settle(view, Time(4), &mut timeline);
        assert_eq!(affinity.shares, [(PodId(3), 1.0)], "all that come meet it");
    }
}
