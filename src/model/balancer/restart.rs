//! A proxy's own pods, while they are replaced one after the other: a new one takes connections once it is
//! ready; the old one closes its listener when it is told to stop or a while later, and finishes what it has
//! accepted, or ends it.
//!
//! Source: `internal/ingress/controller/nginx.go: Stop` of kubernetes/ingress-nginx, its flag
//! shutdown-grace-period; nginx' graceful quit; `pkg/envoy/agent.go` of istio/istio
//! (terminationDrainDuration, EXIT_ON_ZERO_ACTIVE_CONNECTIONS); `internal/cmd/envoy/shutdown_manager.go` of
//! envoyproxy/gateway.

use crate::engine::{Dist, Dur, Rng, Time};
use crate::model::balancer::listing::Listing;
use crate::model::balancer::settings::Given;
use crate::model::balancer::{self, Scene};
use crate::model::plumbing::Out;
use crate::timeline::{Empty, Hop, Pick, Recorder, Target, ViewId};

/// How a proxy's own pods are replaced.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// A controller pod's creation until it is ready.
    pub start: Dist,
    /// A controller pod gets ready, or is deleted, until those in front of it follow.
    pub front: Dist,
    /// It serves on for so long after it is told to stop.
    pub grace: Dur,
    /// How it drains from then on; None: it closes its listener, and finishes what it has accepted.
    pub drain: Option<Drain>,
}

/// How a proxy drains that has an end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Drain {
    /// So long after it was told to stop it is gone, with what it has not answered.
    pub limit: Dur,
    /// It takes new connections for as long as any come.
    pub accepts: bool,
}

impl Settings {
    /// Its entries of the card.
    pub fn read(given: &mut dyn Given) -> Settings {
        Settings {
            start: given.dist("controller_start"),
            front: given.dist("front"),
            grace: given.seconds("shutdown_grace", None),
            drain: None,
        }
    }

    /// The same of proxies that end what is open at last.
    pub fn with_drain(given: &mut dyn Given) -> Settings {
        let limit = given.seconds("drain_timeout", None);
        let accepts = given.word("drain_accepts", None, &["false", "true"]) == 1;
        Settings { drain: Some(Drain { limit, accepts }), ..Settings::read(given) }
    }

    /// How long it takes to replace so many pods, slow but not extreme; in seconds.
    pub fn takes_s(&self, replicas: u32) -> f64 {
        let last = self.drain.map_or(self.grace, |drain| drain.limit.max(self.grace));
        f64::from(replicas) * self.start.quantile_s(0.95) + last.as_secs_f64()
    }

    /// When a pod closes its listener that is told to stop, and that nobody connects to from `left` on.
    fn closes(&self, told: Time, left: Time) -> Time {
        let earliest = told + self.grace;
        match self.drain.filter(|drain| drain.accepts) {
            Some(drain) => left.min(told + drain.limit).max(earliest),
            None => earliest,
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
    /// The pod's process is gone.
    Gone { replica: u16, pod: u8 },
}

/// A pod in its place.
#[derive(Debug)]
struct Pod {
    /// Its listener.
    listing: Listing,
    /// Where requests enter what runs in it.
    workers: Vec<ViewId>,
}

/// A place for a pod, with its present and its next one.
#[derive(Debug)]
struct Replica {
    pods: [Pod; 2],
    current: u8,
}

/// Whose pods they are, and how the world is told what is due.
pub type Whose<'a> = (&'a str, fn(Event) -> balancer::Event);

/// Those in front of a proxy's pods: where clients enter.
#[derive(Debug)]
pub struct Front {
    event: fn(Event) -> balancer::Event,
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
    /// `workers`: for each replica where requests enter the workers of its pod, and of the next one.
    pub fn new(
        settings: &Settings,
        (name, event): Whose,
        workers: &[[Vec<ViewId>; 2]],
        rng: Rng,
        timeline: &mut Recorder,
    ) -> Front {
        let hop = |empty| Hop { pick: Pick::Random, l7: None, empty };
        let mut replicas = Vec::new();
        for (i, [now, next]) in workers.iter().enumerate() {
            let mut pod = |which: &str, workers: &[ViewId]| {
                let name = format!("{name} {}{which}", i + 1);
                let listing = Listing::new(timeline.view(name, hop(Empty::ProxyGone)));
                Pod { listing, workers: workers.to_vec() }
            };
            let mut pods = [pod("", now), pod(", its successor", next)];
            pods[0].listing.begin(timeline, targets(now));
            replicas.push(Replica { pods, current: 0 });
        }
        let view = timeline.view(format!("in front of {name}"), hop(Empty::Refuse));
        let mut listing = Listing::new(view);
        let listed: Vec<ViewId> = replicas.iter().map(|r| r.pods[0].listing.view).collect();
        listing.begin(timeline, targets(&listed));
        Front { event, settings: settings.clone(), listing, listed, replicas, rng }
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
                self.pod(replica, pod).listing.set(scene.timeline, now, Vec::new());
            }
            Event::Left { replica, pod } => {
                let view = self.view_of(replica, pod);
                self.listed.retain(|listed| *listed != view);
                self.listing.set(scene.timeline, now, targets(&self.listed));
            }
            Event::Gone { replica, pod } => {
                for &view in &self.pod(replica, pod).workers {
                    let behind: Vec<ViewId> = views_of(scene.timeline, view);
                    for view in behind.into_iter().chain([view]) {
                        scene.timeline.proxy_gone(view, now);
                    }
                }
            }
        }
    }

    fn pod(&mut self, replica: u16, pod: u8) -> &mut Pod {
        &mut self.replicas[usize::from(replica)].pods[usize::from(pod)]
    }

    fn view_of(&mut self, replica: u16, pod: u8) -> ViewId {
        self.pod(replica, pod).listing.view
    }

    fn replace(&mut self, now: Time, replica: u16, out: &mut impl Out<balancer::Event>) {
        if usize::from(replica) < self.replicas.len() {
            let start = self.settings.start.sample(self.rng.uniform());
            out.at(now + start, (self.event)(Event::Ready { replica }));
        }
    }

    fn ready(&mut self, scene: &mut Scene, replica: u16, out: &mut impl Out<balancer::Event>) {
        let now = scene.ctx.now;
        let place = &mut self.replicas[usize::from(replica)];
        let (old, new) = (place.current, 1 - place.current);
        debug_assert!(old < 2, "a replica has an old pod and a new one");
        place.current = new;
        let pod = self.pod(replica, new);
        pod.listing.set(scene.timeline, now, targets(&pod.workers));
        let mut hears = || now + self.settings.front.sample(self.rng.uniform());
        let joined = hears();
        // Endpoints change in order: the old pod is not forgotten before the new one is known.
        let left = hears().max(joined);
        let closed = self.settings.closes(now, left);
        out.at(joined, (self.event)(Event::Joined { replica, pod: new }));
        out.at(closed, (self.event)(Event::Closed { replica, pod: old }));
        out.at(left, (self.event)(Event::Left { replica, pod: old }));
        if let Some(drain) = self.settings.drain {
            let gone = (now + drain.limit).max(closed);
            out.at(gone, (self.event)(Event::Gone { replica, pod: old }));
        }
        self.replace(now, replica + 1, out);
    }
}

/// The views of the same proxy that a view leads to: a list of endpoints for each Service.
fn views_of(timeline: &Recorder, view: ViewId) -> Vec<ViewId> {
    let inner = timeline.views[view].targets().filter_map(|target| match target {
        Target::View(view) => Some(view),
        Target::Pod(_) => None,
    });
    let mut inner: Vec<ViewId> = inner.collect();
    inner.sort_unstable();
    inner.dedup();
    inner
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_that_drains_listens_until_nobody_comes_or_its_time_is_up() {
        let s = |seconds: f64| Dur::from_secs_f64(seconds);
        let of = |grace: f64, drain: Option<(f64, bool)>| Settings {
            start: Dist::ZERO,
            front: Dist::ZERO,
            grace: s(grace),
            drain: drain.map(|(limit, accepts)| Drain { limit: s(limit), accepts }),
        };
        let closes = |settings: &Settings, left: f64| {
            (settings.closes(Time::ZERO, Time::ZERO + s(left)) - Time::ZERO).as_secs_f64()
        };
        assert_eq!(closes(&of(0.0, None), 3.0), 0.0, "nginx");
        assert_eq!(closes(&of(0.0, Some((0.0, true))), 3.0), 0.0, "Envoy by itself");
        assert_eq!(closes(&of(5.0, Some((5.0, true))), 3.0), 5.0, "Istio");
        assert_eq!(closes(&of(5.0, Some((5.0, true))), 9.0), 5.0, "Istio, before a slow balancer");
        assert_eq!(closes(&of(10.0, Some((60.0, true))), 30.0), 30.0, "Envoy Gateway");
        assert_eq!(closes(&of(10.0, Some((60.0, true))), 90.0), 60.0, "and its limit");
        assert_eq!(closes(&of(0.0, Some((10.0, false))), 30.0), 0.0, "Traefik");
    }
}
