//! Routes with weights that a control plane tells proxies of: an Istio VirtualService, a Gateway API
//! HTTPRoute, a TraefikService. Each proxy draws a Service for each request; what it knows of the Service's
//! endpoints is its own affair.

use super::split::Split;
use super::{Model, Scene};
use crate::engine::{Dist, Rng};
use crate::model::plumbing::{Ctx, Out};
use crate::timeline::{Hop, L7, Recorder, ViewId};

/// How far new weights have come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Event {
    /// The control plane sees them.
    Seen,
    /// A proxy draws by them.
    Told { proxy: u32, push: u32 },
}

/// The proxies' draw between Services.
#[derive(Debug)]
pub struct Router {
    delay: Dist,
    split: Split,
    rng: Rng,
}

impl Router {
    /// `services`: the views of each Service, one for each proxy; `delay`: from the control plane's sight of
    /// new weights until a proxy draws by them.
    pub fn new(
        ctx: Ctx,
        (hop, delay): (&Hop, &Dist),
        services: &[Vec<ViewId>],
        weights: &[u32],
        timeline: &mut Recorder,
    ) -> Router {
        let proxies = services.first().map_or(0, Vec::len);
        debug_assert!(services.iter().all(|views| views.len() == proxies), "a view for each");
        let views = |proxy: usize| services.iter().map(|views| views[proxy]).collect();
        let named =
            (0..proxies).map(|proxy| (format!("routes of proxy {}", proxy + 1), views(proxy)));
        // Limits and retries are those of the clusters behind it.
        let l7 = hop.l7.as_ref().map(|l7| L7 { policy: None, ..l7.clone() });
        let mut split = Split::new(timeline, &Hop { l7, ..hop.clone() }, named);
        (0..proxies).for_each(|proxy| split.begin(timeline, proxy, weights));
        Router { delay: delay.clone(), split, rng: ctx.seed.stream("router", 0) }
    }
}

impl Model for Router {
    type Event = Event;

    fn watchers(&self) -> u16 {
        0
    }

    fn slices(&self, _watcher: u16, _from: u32, _to: u32) -> Event {
        unreachable!("routes watch no slices")
    }

    fn weights(&self) -> Option<Event> {
        Some(Event::Seen)
    }

    fn handle(&mut self, scene: &mut Scene, event: Event, out: &mut impl Out<super::Event>) {
        let now = scene.ctx.now;
        match event {
            Event::Seen => {
                let push = self.split.send(&scene.cluster.weights);
                let Router { delay, split, rng } = self;
                for (proxy, at) in split.tell(now, || delay.sample(rng.uniform())) {
                    debug_assert!(at >= now, "no proxy hears of what has not happened");
                    out.at(at, Event::Told { proxy, push }.into());
                }
            }
            Event::Told { proxy, push } => {
                self.split.hear(scene.timeline, now, proxy, push);
            }
        }
    }

    fn entries(&self) -> Vec<ViewId> {
        self.split.entries()
    }
}
