//! A headless Service: clients connect to pods, by addresses that they looked up some time ago.

use super::listing::Listing;
use super::members::Members;
use super::settings::Given;
use super::{Model, Scene};
use crate::cluster::objects::{Conditions, PodId, ServiceId};
use crate::engine::{Dur, Rng};
use crate::model::plumbing::{Ctx, Out};
use crate::timeline::{Empty, Hop, Pick, Recorder, Target, ViewId};

/// How clients look up a headless Service.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Clients that look up for themselves.
    pub clients: u32,
    /// How old an answer of CoreDNS' cache may be.
    pub cache: Dur,
    /// A client looks up again after this.
    pub ttl: Dur,
}

/// Card `headless`.
pub fn settings(given: &mut dyn Given) -> Settings {
    Settings {
        clients: given.count("clients", None),
        cache: given.seconds("cache", None),
        ttl: given.seconds("ttl", None),
    }
}

/// What can happen to CoreDNS and its clients.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Event {
    /// CoreDNS' watch shows these entries of the log of endpoints.
    Slices { from: u32, to: u32 },
    /// CoreDNS renews its cached answer.
    Renew,
    /// A client looks the Service's name up.
    LookUp { client: u32 },
}

/// Clients that look pods up in DNS, and believe an answer until they ask again.
#[derive(Debug)]
pub struct Headless {
    settings: Settings,
    members: Members,
    /// CoreDNS' cached answer.
    cached: Vec<PodId>,
    clients: Vec<Listing>,
    rng: Rng,
}

impl Headless {
    /// Before the first look-up.
    pub fn new(ctx: Ctx, settings: &Settings, timeline: &mut Recorder) -> Headless {
        // A name without addresses fails at once, which clients see much as a refusal.
        let hop = Hop { pick: Pick::Random, l7: None, empty: Empty::Refuse };
        let client = |i| Listing::new(timeline.view(format!("client {}", i + 1), hop.clone()));
        Headless {
            members: Members::default(),
            cached: Vec::new(),
            clients: (0..settings.clients).map(client).collect(),
            rng: ctx.seed.stream("headless", 0),
            settings: settings.clone(),
        }
    }

    fn addresses(&self) -> Vec<(Target, f32)> {
        self.cached.iter().map(|pod| (Target::Pod(*pod), 1.0)).collect()
    }

    /// A first time within `period`, then every `period`. None: never, what it asks for is always fresh.
    fn phase(&mut self, period: Dur) -> Dur {
        period.part(self.rng.uniform())
    }
}

impl Model for Headless {
    type Event = Event;

    fn watchers(&self) -> u16 {
        1
    }

    fn slices(&self, _watcher: u16, from: u32, to: u32) -> Event {
        Event::Slices { from, to }
    }

    fn adopt(
        &mut self,
        _scene: &mut Scene,
        _service: ServiceId,
        pod: PodId,
        conditions: Conditions,
    ) {
        self.members.set(pod, Some(conditions));
        if conditions.ready {
            self.cached.push(pod);
        }
    }

    fn start(&mut self, scene: &mut Scene, out: &mut impl Out<super::Event>) {
        let now = scene.ctx.now;
        let addresses = self.addresses();
        for client in &mut self.clients {
            client.begin(scene.timeline, addresses.clone());
        }
        if self.settings.cache > Dur::ZERO {
            out.at(now + self.phase(self.settings.cache), Event::Renew.into());
        }
        for client in 0..self.clients.len() as u32 {
            let phase = self.phase(self.settings.ttl);
            out.at(now + phase, Event::LookUp { client }.into());
        }
    }

    fn handle(&mut self, scene: &mut Scene, event: Event, out: &mut impl Out<super::Event>) {
        let now = scene.ctx.now;
        match event {
            Event::Slices { from, to } => {
                self.members.take(scene.cluster, from, to);
                if self.settings.cache == Dur::ZERO {
                    self.cached = self.members.ready().collect();
                }
            }
            Event::Renew => {
                self.cached = self.members.ready().collect();
                out.at(now + self.settings.cache, Event::Renew.into());
            }
            Event::LookUp { client } => {
                let addresses = self.addresses();
                self.clients[client as usize].set(scene.timeline, now, addresses);
                out.at(now + self.settings.ttl, Event::LookUp { client }.into());
            }
        }
    }

    fn entries(&self) -> Vec<ViewId> {
        self.clients.iter().map(|c| c.view).collect()
    }
}
