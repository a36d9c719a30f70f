//! The pods of proxies of their own, which may be replaced: those of a gateway, say. What they know of
//! endpoints is the affair of the proxies behind.

use super::restart::{Event, Front, Settings};
use super::{Model, Scene};
use crate::model::plumbing::{Ctx, Out};
use crate::timeline::{Recorder, ViewId};

/// A proxy's pods, and those that take their places.
#[derive(Debug)]
pub struct Pods {
    front: Front,
}

impl Pods {
    /// `behind`: where requests enter the proxies, those of the pods that are there and then as many of those
    /// that follow them.
    pub fn new(
        ctx: Ctx,
        (settings, name): (&Settings, &str),
        behind: &[ViewId],
        timeline: &mut Recorder,
    ) -> Pods {
        let (now, next) = behind.split_at(behind.len() / 2);
        assert!(now.len() == next.len(), "each pod has one that follows it");
        let pods: Vec<[Vec<ViewId>; 2]> =
            now.iter().zip(next).map(|(now, next)| [vec![*now], vec![*next]]).collect();
        let rng = ctx.seed.stream("proxy restart", 0);
        Pods { front: Front::new(settings, (name, Into::into), &pods, rng, timeline) }
    }
}

impl Model for Pods {
    type Event = Event;

    fn watchers(&self) -> u16 {
        0
    }

    fn slices(&self, _watcher: u16, _from: u32, _to: u32) -> Event {
        unreachable!("they watch no slices")
    }

    fn restart(&self) -> Option<Event> {
        Some(Event::Begin)
    }

    fn handle(&mut self, scene: &mut Scene, event: Event, out: &mut impl Out<super::Event>) {
        self.front.handle(scene, event, out);
    }

    fn entries(&self) -> Vec<ViewId> {
        vec![self.front.view()]
    }
}
