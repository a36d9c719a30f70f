//! A headless Service: clients connect to pods, by addresses that they looked up some time ago.
//!
//! Those of gRPC with the policy `round_robin` have a connection to each address. They look the name up
//! when one of them ends, and at most every 30 s: `internal/resolver/dns/dns_resolver.go`
//! (MinResolutionInterval) and `balancer/base/balancer.go` of grpc-go.

use super::listing::Listing;
use super::members::Members;
use super::settings::Given;
use super::{Model, Scene};
use crate::cluster::objects::{Conditions, PodId, ServiceId};
use crate::engine::{Dur, Rng, Time};
use crate::model::plumbing::{Ctx, Out};
use crate::timeline::{Empty, Hop, Phase, Pick, Recorder, Target, ViewId};

/// How clients look up a headless Service.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Clients that look up for themselves.
    pub clients: u32,
    /// How old an answer of CoreDNS' cache may be.
    pub cache: Dur,
    /// A client looks up again after this.
    pub ttl: Dur,
    /// Instead it keeps a connection to each address, and looks up when one of them ends.
    pub on_loss: Option<OnLoss>,
}

/// When clients look up that keep a connection to each address.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OnLoss {
    /// No sooner after the last time than this.
    pub least: Dur,
    /// Servers end a connection of this age, longer or shorter by up to a tenth; zero: never.
    pub max_age: Dur,
}

/// Card `headless`.
pub fn settings(given: &mut dyn Given) -> Settings {
    Settings {
        clients: given.count("clients", None),
        cache: given.seconds("cache", None),
        ttl: given.seconds("ttl", None),
        on_loss: (given.word("looks_up", None, &["ttl", "on-loss"]) == 1).then(|| OnLoss {
            least: given.seconds("least_between", None),
            max_age: given.seconds("max_connection_age", None),
        }),
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
    /// A connection to the pod meets something else.
    Changed(PodId),
    /// A client's connection to the pod is old enough for the server to end it.
    Aged { client: u32, pod: PodId },
}

/// After an answer without addresses a client asks again.
const NOBODY: Dur = Dur::from_secs(1);

/// What a client knows.
#[derive(Debug)]
struct Client {
    listing: Listing,
    /// The last answer.
    known: Vec<PodId>,
    asked: Time,
    /// It is going to look up.
    asks: bool,
}

/// Clients that look pods up in DNS, and believe an answer until they ask again.
#[derive(Debug)]
pub struct Headless {
    settings: Settings,
    members: Members,
    /// CoreDNS' cached answer.
    cached: Vec<PodId>,
    clients: Vec<Client>,
    rng: Rng,
}

impl Headless {
    /// Before the first look-up.
    pub fn new(ctx: Ctx, settings: &Settings, timeline: &mut Recorder) -> Headless {
        // A name without addresses fails at once, which clients see much as a refusal.
        let hop = Hop { pick: Pick::Random, l7: None, empty: Empty::Refuse };
        let client = |i| Client {
            listing: Listing::new(timeline.view(format!("client {}", i + 1), hop.clone())),
            known: Vec::new(),
            asked: Time::ALWAYS,
            asks: false,
        };
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

    fn client(&mut self, client: u32) -> &mut Client {
        &mut self.clients[client as usize]
    }

    /// The client looks up as soon as it may.
    fn wants(&mut self, now: Time, client: u32, out: &mut impl Out<super::Event>) {
        let Some(on_loss) = self.settings.on_loss else { return };
        let state = self.client(client);
        if !std::mem::replace(&mut state.asks, true) {
            let at = now.max(state.asked + on_loss.least);
            debug_assert!(at >= now, "nobody looks up in the past");
            out.at(at, Event::LookUp { client }.into());
        }
    }

    /// A connection to the pod ends, or one comes about.
    fn changed(&mut self, scene: &mut Scene, pod: PodId, out: &mut impl Out<super::Event>) {
        let now = scene.ctx.now;
        let truth = &scene.timeline.pods[pod];
        let (phase, next) = (truth.phase_at(now), truth.next_phase_after(now));
        if !next.is_never() {
            out.at(next, Event::Changed(pod).into());
        }
        for client in 0..self.clients.len() as u32 {
            let state = self.client(client);
            if !state.known.contains(&pod) {
                continue;
            }
            let there = state.listing.targets().any(|t| t == Target::Pod(pod));
            match (phase, there) {
                (Phase::Serving, false) => {
                    state.listing.change(scene.timeline, now, Target::Pod(pod), Some(1.0));
                    self.ages(now, client, pod, out);
                }
                (Phase::Refusing | Phase::ProxyAlone, true) => {
                    state.listing.change(scene.timeline, now, Target::Pod(pod), None);
                    self.wants(now, client, out);
                }
                _ => {}
            }
        }
    }

    /// A new connection ends for its age at some time.
    fn ages(&mut self, now: Time, client: u32, pod: PodId, out: &mut impl Out<super::Event>) {
        let Some(age) = self.settings.on_loss.map(|on| on.max_age).filter(|a| *a > Dur::ZERO)
        else {
            return;
        };
        let luck = self.rng.uniform();
        debug_assert!((0.0..=1.0).contains(&luck), "luck is a share");
        out.at(now + age.part(0.9 + 0.2 * luck), Event::Aged { client, pod }.into());
    }

    /// A client that keeps connections gets an answer: it connects to whom it had no connection.
    fn answered(&mut self, scene: &mut Scene, client: u32, out: &mut impl Out<super::Event>) {
        let now = scene.ctx.now;
        let answer = self.cached.clone();
        let nobody = answer.is_empty();
        let state = self.client(client);
        (state.asked, state.asks, state.known) = (now, nobody, answer);
        let before: Vec<Target> = state.listing.targets().collect();
        let there = |pod: &PodId| match scene.timeline.pods[*pod].phase_at(now) {
            Phase::Serving => true,
            Phase::Refusing | Phase::ProxyAlone => false,
            // Nobody tells who is connected that the other end is gone.
            Phase::Silent | Phase::Unreachable => before.contains(&Target::Pod(*pod)),
        };
        let connected: Vec<PodId> = state.known.iter().copied().filter(there).collect();
        let failed = connected.len() < state.known.len();
        let wanted = connected.iter().map(|pod| (Target::Pod(*pod), 1.0)).collect();
        state.listing.set(scene.timeline, now, wanted);
        for pod in connected {
            if !before.contains(&Target::Pod(pod)) {
                self.ages(now, client, pod, out);
            }
        }
        if nobody {
            out.at(now + NOBODY, Event::LookUp { client }.into());
        } else if failed {
            self.wants(now, client, out);
        }
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

    fn wake(&mut self, ctx: Ctx, pod: PodId, out: &mut impl Out<super::Event>) {
        if self.settings.on_loss.is_some() {
            out.at(ctx.now, Event::Changed(pod).into());
        }
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
            client.listing.begin(scene.timeline, addresses.clone());
            client.known.clone_from(&self.cached);
        }
        if self.settings.cache > Dur::ZERO {
            out.at(now + self.phase(self.settings.cache), Event::Renew.into());
        }
        for client in 0..self.clients.len() as u32 {
            let Some(on_loss) = self.settings.on_loss else {
                let phase = self.phase(self.settings.ttl);
                out.at(now + phase, Event::LookUp { client }.into());
                continue;
            };
            // Connections that are there from the start are of any age.
            for pod in self.cached.clone() {
                if on_loss.max_age > Dur::ZERO {
                    let left = self.phase(on_loss.max_age);
                    out.at(now + left, Event::Aged { client, pod }.into());
                }
            }
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
            Event::Changed(pod) => self.changed(scene, pod, out),
            Event::Aged { client, pod } => {
                let pod_is = |target| target == Target::Pod(pod);
                if self.client(client).listing.targets().any(pod_is) {
                    self.wants(now, client, out);
                    self.ages(now, client, pod, out);
                }
            }
            Event::LookUp { client } if self.settings.on_loss.is_some() => {
                self.answered(scene, client, out);
            }
            Event::LookUp { client } => {
                let addresses = self.addresses();
                self.client(client).listing.set(scene.timeline, now, addresses);
                out.at(now + self.settings.ttl, Event::LookUp { client }.into());
            }
        }
    }

    fn entries(&self) -> Vec<ViewId> {
        self.clients.iter().map(|c| c.listing.view).collect()
    }
}
