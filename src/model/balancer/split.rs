//! Requests shared among several backends by weight, one draw for each: what the weighted target groups of an
//! ALB's rule and the canaries of ingress-nginx have in common.

use super::listing::Listing;
use crate::engine::Time;
use crate::timeline::{Hop, L7, Pick, Recorder, Target, ViewId};

/// For each instance (a load balancer node, a worker) a view that draws, and those of its backends.
#[derive(Debug)]
pub struct Split {
    instances: Vec<(Listing, Vec<ViewId>)>,
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
        Split { instances: backends.into_iter().map(&mut instance).collect() }
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
