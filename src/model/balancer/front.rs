//! A proxy of its own in front of another: an ALB before the ingress controller, say. Its backends are the
//! instances of the one behind, which stay: what happens to pods is that one's affair.

use super::listing::Listing;
use super::{Model, Scene};
use crate::model::plumbing::Out;
use crate::timeline::{Hop, Recorder, Target, ViewId};

/// A proxy that stands in front of another one.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// For people.
    pub name: &'static str,
    /// How it chooses, and what it does at layer 7.
    pub hop: Hop,
    /// Load balancer nodes, or processes.
    pub instances: u32,
}

/// The instances of a proxy in front of another one.
#[derive(Debug)]
pub struct Front {
    views: Vec<ViewId>,
}

/// Nothing happens to it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Event;

impl Front {
    /// `behind`: where requests enter the proxy behind it.
    pub fn new(settings: &Settings, behind: &[ViewId], timeline: &mut Recorder) -> Front {
        let mut instance = |i: u32| {
            let name = format!("{} {} in front", settings.name, i + 1);
            let mut listing = Listing::new(timeline.view(name, settings.hop.clone()));
            let targets = behind.iter().map(|view| (Target::View(*view), 1.0));
            listing.begin(timeline, targets.collect());
            listing.view
        };
        Front { views: (0..settings.instances).map(&mut instance).collect() }
    }
}

impl Model for Front {
    type Event = Event;

    fn watchers(&self) -> u16 {
        0
    }

    fn slices(&self, _watcher: u16, _from: u32, _to: u32) -> Event {
        unreachable!("it watches no slices")
    }

    fn handle(&mut self, _scene: &mut Scene, event: Event, _out: &mut impl Out<super::Event>) {
        unreachable!("{event:?} is of nothing")
    }

    fn entries(&self) -> Vec<ViewId> {
        self.views.clone()
    }
}
