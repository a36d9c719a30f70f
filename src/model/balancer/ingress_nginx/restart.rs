//! The controller's own pods, while they are replaced one after the other: a new one takes connections once
//! it is ready; the old one closes its listener when it is told to stop, and finishes what it has accepted.
//!
//! Source: `internal/ingress/controller/nginx.go: Stop` of kubernetes/ingress-nginx, its flag
//! shutdown-grace-period; nginx' graceful quit.

use crate::engine::{Dist, Dur, Rng, Time};
use crate::model::balancer::listing::Listing;
use crate::model::balancer::settings::Given;
use crate::model::balancer::{self, Scene};
use crate::model::plumbing::Out;
use crate::timeline::{Empty, Hop, Pick, Recorder, Target, ViewId};

/// How the controller's own pods are replaced.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// A controller pod's creation until it is ready.
    pub start: Dist,
    /// A controller pod gets ready, or is deleted, until those in front of it follow.
    pub front: Dist,
    /// It serves on for so long after it is told to stop.
    pub grace: Dur,
}

impl Settings {
    /// Its entries of the card.
    pub fn read(given: &mut dyn Given) -> Settings {
        Settings {
            start: given.dist("controller_start"),
            front: given.dist("front"),
            grace: given.seconds("shutdown_grace", None),
        }
    }
}

/// How far the replacement of the controller's pods has come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Event {
    /// The replacement begins.
    Begin,
    /// The replica's new pod is ready: its old one is deleted.
    Ready { replica: u16 },
    /// Connections come to the new pod.
    Joined { replica: u16, pod: u8 },
    /// The pod closes its listener.
    Closed { replica: u16, pod: u8 },
    /// Nobody connects to the pod any more.
    Left { replica: u16, pod: u8 },
}

/// A place for a controller pod, with its present and its next one.
#[derive(Debug)]
struct Replica {
    pods: [Listing; 2],
    current: u8,
    workers: Vec<ViewId>,
}

/// Those in front of the controller's pods: where clients enter.
#[derive(Debug)]
pub struct Front {
    settings: Settings,
    listing: Listing,
    listed: Vec<ViewId>,
    replicas: Vec<Replica>,
    rng: Rng,
}

fn targets(views: &[ViewId]) -> Vec<(Target, f32)> {
    views.iter().map(|view| (Target::View(*view), 1.0)).collect()
}

impl Front {
    /// `workers`: for each replica where requests enter its workers.
    pub fn new(
        settings: &Settings,
        workers: &[Vec<ViewId>],
        rng: Rng,
        timeline: &mut Recorder,
    ) -> Front {
        let hop = |empty| Hop { pick: Pick::Random, l7: None, empty };
        let mut replicas = Vec::new();
        for (i, workers) in workers.iter().enumerate() {
            let mut pod = |name: &str| {
                let name = format!("ingress-nginx {}{name}", i + 1);
                Listing::new(timeline.view(name, hop(Empty::ProxyGone)))
            };
            let mut pods = [pod(""), pod(", its successor")];
            pods[0].begin(timeline, targets(workers));
            replicas.push(Replica { pods, current: 0, workers: workers.clone() });
        }
        let view = timeline.view("in front of ingress-nginx".to_owned(), hop(Empty::Refuse));
        let mut listing = Listing::new(view);
        let listed: Vec<ViewId> = replicas.iter().map(|r| r.pods[0].view).collect();
        listing.begin(timeline, targets(&listed));
        Front { settings: settings.clone(), listing, listed, replicas, rng }
    }

    /// Where clients enter.
    pub fn view(&self) -> ViewId {
        self.listing.view
    }

    /// Replaces one pod after the other.
    pub fn handle(&mut self, scene: &mut Scene, event: Event, out: &mut impl Out<balancer::Event>) {
        let now = scene.ctx.now;
        match event {
            Event::Begin => self.replace(now, 0, out),
            Event::Ready { replica } => self.ready(scene, replica, out),
            Event::Joined { replica, pod } => {
                let view = self.view_of(replica, pod);
                debug_assert!(!self.listed.contains(&view), "a pod joins once");
                self.listed.push(view);
                self.listing.set(scene.timeline, now, targets(&self.listed));
            }
            Event::Closed { replica, pod } => {
                let pods = &mut self.replicas[usize::from(replica)].pods;
                pods[usize::from(pod)].set(scene.timeline, now, Vec::new());
            }
            Event::Left { replica, pod } => {
                let view = self.view_of(replica, pod);
                self.listed.retain(|listed| *listed != view);
                self.listing.set(scene.timeline, now, targets(&self.listed));
            }
        }
    }

    fn view_of(&self, replica: u16, pod: u8) -> ViewId {
        self.replicas[usize::from(replica)].pods[usize::from(pod)].view
    }

    fn replace(&mut self, now: Time, replica: u16, out: &mut impl Out<balancer::Event>) {
        if usize::from(replica) < self.replicas.len() {
            let start = self.settings.start.sample(self.rng.uniform());
            say(out, now + start, Event::Ready { replica });
        }
    }

    fn ready(&mut self, scene: &mut Scene, replica: u16, out: &mut impl Out<balancer::Event>) {
        let now = scene.ctx.now;
        let place = &mut self.replicas[usize::from(replica)];
        let (old, new) = (place.current, 1 - place.current);
        debug_assert!(old < 2, "a replica has an old pod and a new one");
        place.current = new;
        place.pods[usize::from(new)].set(scene.timeline, now, targets(&place.workers));
        let mut hears = || now + self.settings.front.sample(self.rng.uniform());
        let joined = hears();
        // Endpoints change in order: the old pod is not forgotten before the new one is known.
        let left = hears().max(joined);
        say(out, joined, Event::Joined { replica, pod: new });
        say(out, now + self.settings.grace, Event::Closed { replica, pod: old });
        say(out, left, Event::Left { replica, pod: old });
        self.replace(now, replica + 1, out);
    }
}

fn say(out: &mut impl Out<balancer::Event>, at: Time, event: Event) {
    out.at(at, super::Event::Restart(event).into());
}
