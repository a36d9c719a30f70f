//! Requests shared among several backends by weight, one draw for each: what the weighted target groups of an
//! ALB's rule, the routes of proxies and the canaries of ingress-nginx have in common.

use super::listing::Listing;
use crate::engine::{Dur, Time};
use crate::timeline::{Hop, L7, Pick, Recorder, Target, ViewId};

/// For each instance (a load balancer node, a worker) a view that draws, and those of its backends.
#[derive(Debug)]
pub struct Split {
    instances: Vec<(Listing, Vec<ViewId>)>,
    /// Weights that were sent, by their number.
    sent: Vec<Vec<u32>>,
    /// When each instance has the latest.
    heard: Vec<Time>,
}

impl Split {
    /// `backends`: for each instance its name and its views, one for each backend; `hop` is theirs.
    pub fn new(
        timeline: &mut Recorder,
        hop: &Hop,
        backends: impl IntoIterator<Item = (String, Vec<ViewId>)>,
    ) -> Split {
        // Clients talk to the proxy here; connections to pods are the backends' views' affair.
        let l7 = hop.l7.as_ref().map(|l7| L7 { tries: 1, pool: None, ..l7.clone() });
        let hop = Hop { pick: Pick::Random, l7, empty: hop.empty };
        let mut instance = |(name, views)| {
            let listing = Listing::new(timeline.view(name, hop.clone()));
            (listing, views)
        };
        let instances: Vec<_> = backends.into_iter().map(&mut instance).collect();
        let heard = vec![Time::ALWAYS; instances.len()];
        Split { instances, sent: Vec::new(), heard }
    }

    /// The shares as the run starts.
    pub fn begin(&mut self, timeline: &mut Recorder, instance: usize, weights: &[u32]) {
        let (listing, views) = &mut self.instances[instance];
        listing.begin(timeline, targets(views, weights));
    }

    /// From `at` on the instance draws by these weights. Without any it has no backend.
    pub fn set(&mut self, timeline: &mut Recorder, at: Time, instance: usize, weights: &[u32]) {
        let (listing, views) = &mut self.instances[instance];
        listing.set(timeline, at, targets(views, weights));
    }

    /// New weights are sent; returns their number.
    pub fn send(&mut self, weights: &[u32]) -> u32 {
        self.sent.push(weights.to_vec());
        debug_assert!(weights.len() == self.instances.first().map_or(0, |i| i.1.len()));
        self.sent.len() as u32 - 1
    }

    /// When each instance hears of what is told now, `after` later: nothing overtakes what was told before.
    pub fn tell(
        &mut self,
        now: Time,
        mut after: impl FnMut() -> Dur,
    ) -> impl Iterator<Item = (u32, Time)> {
        self.heard.iter_mut().for_each(|heard| *heard = (*heard).max(now + after()));
        debug_assert!(
            self.heard.iter().all(|h| *h >= now),
            "nobody hears of what has not happened"
        );
        (0..).zip(self.heard.iter().copied())
    }

    /// From now on the instance draws by the weights of this number.
    pub fn hear(&mut self, timeline: &mut Recorder, now: Time, instance: u32, number: u32) {
        let weights = self.sent(number).to_vec();
        let (listing, views) = &mut self.instances[instance as usize];
        listing.set(timeline, now, targets(views, &weights));
    }

    /// The weights of this number.
    pub fn sent(&self, number: u32) -> &[u32] {
        self.sent.get(number as usize).expect("they were sent")
    }

    /// Where clients enter.
    pub fn entries(&self) -> Vec<ViewId> {
        self.instances.iter().map(|(listing, _)| listing.view).collect()
    }
}

/// A weight of 0 gets nothing.
fn targets(views: &[ViewId], weights: &[u32]) -> Vec<(Target, f32)> {
    let weighted = views.iter().zip(weights).filter(|(_, weight)| **weight > 0);
    weighted.map(|(view, weight)| (Target::View(*view), *weight as f32)).collect()
}
