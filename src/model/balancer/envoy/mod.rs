//! Envoy in front of pods: its control plane tells it of endpoints (EDS) once changes have settled, and it
//! may check them. What it does to requests by what has become of others (retries, circuit breakers, outlier
//! detection) is a policy of its hop, which follows the requests.
//!
//! Source: `source/common/upstream` and `source/common/router` of envoyproxy/envoy.

mod checking;
mod locality;
mod settings;

use super::check::{Checked, Health};
use super::checker::{Checker, Checks};
use super::listing::Listing;
use super::members::Members;
use super::pushes::{ProxyId, PushId, Pushes};
use super::{Model, Scene};
use crate::cluster::objects::{Conditions, NodeId, PodId, ServiceId};
use crate::cluster::spec::Node;
use crate::engine::{Dur, List, Rng, Time};
use crate::model::plumbing::{Ctx, Out};
use crate::timeline::{Near, Recorder, Target, ViewId};
use crate::traffic::levels::{Backends, levels};
pub use locality::{Localities, PLACES, Prefers, Shares};
pub use settings::{RETRY_ON, Settings, SlowStart, gateway, istio, settings, ztunnel};
use std::sync::Arc;

/// What can happen to Envoy.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Event {
    /// The control plane's watch shows these entries of the log of endpoints.
    Slices { from: u32, to: u32 },
    /// The control plane looks whether changes have settled.
    Look,
    /// The proxy has a list of the control plane's.
    Told { proxy: u32, push: u32 },
    /// Void when the host was given up meanwhile.
    Check { proxy: u32, pod: PodId, generation: u32 },
    /// The outcome of a check is known; `says_no`: the application itself said so.
    Result { proxy: u32, pod: PodId, generation: u32, pass: bool, says_no: bool },
    /// Shares of new hosts grow.
    Grow { proxy: u32 },
}

/// So often the share of a new host grows within its window.
const STEPS: i64 = 20;

/// An endpoint, as a proxy knows it.
#[derive(Debug)]
struct Host {
    /// EDS names it.
    listed: bool,
    /// EDS says that it is unhealthy: it gets requests where all do.
    unready: bool,
    checker: Checker,
    generation: u32,
    /// It may be used since then; never: it may not.
    usable: Time,
}

#[derive(Debug)]
struct Proxy {
    listing: Listing,
    hosts: List<PodId, Option<Host>>,
    /// It will look at its hosts' shares again.
    grows: bool,
    /// Which hosts it prefers by where they run; None: all are alike.
    near: Option<Arc<Near>>,
}

impl Proxy {
    /// The control plane tells it of hosts on that node.
    fn hears_of(&self, node: Option<NodeId>) -> bool {
        let Some(near) = &self.near else { return true };
        node.is_some_and(|node| near.of(node).is_some())
    }
}

/// Envoy proxies, each with its own belief.
#[derive(Debug)]
pub struct Envoy {
    settings: Settings,
    /// Whose endpoints it is told of.
    service: ServiceId,
    members: Members,
    pushes: Pushes,
    checks: Option<Checks>,
    proxies: List<ProxyId, Proxy>,
    /// Of each push: endpoints that are named though they are not ready.
    unready: List<PushId, Vec<PodId>>,
    generations: u32,
    rng: Rng,
}

impl Envoy {
    /// Before the control plane has told of anything.
    ///
    /// `named`: where routes share the requests among Services, the name of this one.
    pub fn new(
        ctx: Ctx,
        settings: &Settings,
        (service, named): (ServiceId, Option<&str>),
        timeline: &mut Recorder,
    ) -> Envoy {
        let proxy = |i| {
            let of = named.map_or(String::new(), |name| format!(", {name}"));
            let what = if settings.hop.l7.is_some() { "Envoy" } else { "ztunnel" };
            let view = timeline.view(format!("{what} {}{of}", i + 1), settings.hop.clone());
            Proxy { listing: Listing::new(view), hosts: List::new(), grows: false, near: None }
        };
        Envoy {
            members: Members::default(),
            pushes: Pushes::new(ctx, &settings.pushes, settings.proxies),
            checks: settings.check.map(|rules| Checks::new(rules, ctx.latencies)),
            proxies: (0..settings.proxies).map(proxy).collect(),
            unready: List::new(),
            generations: 0,
            rng: ctx.seed.stream("envoy", u64::from(service.0)),
            service,
            settings: settings.clone(),
        }
    }

    /// Its proxies prefer hosts by where they run, as `localities` has it; as many as `callers` are in
    /// different places, and those that follow are where these are.
    pub fn prefer(
        &mut self,
        (localities, callers): (&Localities, u32),
        nodes: &List<NodeId, Arc<Node>>,
        timeline: &mut Recorder,
    ) {
        let from = localities.callers(nodes);
        debug_assert!(callers as usize <= self.proxies.len(), "each caller has a proxy");
        for (proxy, i) in self.proxies.iter_mut().zip(0..) {
            let place = (i % callers.max(1)) as usize;
            let Some(&caller) = from.get(place % from.len().max(1)) else { continue };
            let Some(near) = localities.near(nodes, caller).map(Arc::new) else { continue };
            timeline.prefers(proxy.listing.view, near.clone());
            proxy.near = Some(near);
        }
    }

    /// The control plane pushes once changes have settled.
    fn look(&mut self, now: Time, out: &mut impl Out<super::Event>) {
        if let Err(later) = self.pushes.look(now) {
            return out.at(later, Event::Look.into());
        }
        let members = &self.members;
        let all = self.settings.unready;
        let push = self.pushes.push(|pod| members.get(pod).is_some_and(|c| c.ready || all));
        let unready = |pod: &PodId| members.get(*pod).is_some_and(|c| !c.ready);
        let named = self.pushes.list(push).iter().filter(|(_, named)| *named);
        self.unready.push(named.map(|(pod, _)| *pod).filter(unready).collect());
        debug_assert!(!self.pushes.list(push).is_empty(), "a push tells of something");
        for proxy in 0..self.proxies.len() as u32 {
            let at = self.pushes.arrives(proxy, now, Dur::ZERO);
            out.at(at, Event::Told { proxy, push }.into());
        }
    }

    /// EDS names other hosts.
    fn told(&mut self, scene: &mut Scene, id: u32, push: u32, out: &mut impl Out<super::Event>) {
        let list = self.pushes.list(push).clone();
        for (pod, found) in list {
            debug_assert!(pod.index() < scene.cluster.pods.len(), "an endpoint is a pod");
            match found {
                true => {
                    let unready = self.unready[PushId(push)].contains(&pod);
                    self.comes(scene, id, (pod, unready), out);
                }
                false => self.goes(id, pod),
            }
        }
        self.route(scene, id, out);
    }

    fn comes(
        &mut self,
        scene: &Scene,
        id: u32,
        (pod, unready): (PodId, bool),
        out: &mut impl Out<super::Event>,
    ) {
        let now = scene.ctx.now;
        let place = self.proxies[ProxyId(id)].hosts.entry(pod);
        if let Some(host) = place {
            (host.listed, host.unready) = (true, unready);
            return;
        }
        self.generations += 1;
        let generation = self.generations;
        let mut checker = Checker::idle(Checked::INITIAL);
        let mut usable = now;
        if let Some(checks) = &self.checks {
            // It is not used before its first check has passed.
            let first = checker.start(now, checks, self.rng.next_u64());
            out.at(first, Event::Check { proxy: id, pod, generation }.into());
            usable = Time::NEVER;
        }
        debug_assert!(
            self.checks.is_some() == usable.is_never(),
            "an unchecked host is used at once"
        );
        *place = Some(Host { listed: true, unready, checker, generation, usable });
    }

    /// With health checks a healthy host is used until a check fails, named or not.
    fn goes(&mut self, id: u32, pod: PodId) {
        let keeps = self.checks.is_some() && !self.settings.ignore_health_on_removal;
        let place = self.proxies[ProxyId(id)].hosts.entry(pod);
        let Some(host) = place else { return };
        debug_assert!(keeps || host.listed, "who is no longer named is gone, or is checked");
        host.listed = false;
        if !keeps || host.usable.is_never() {
            *place = None;
        }
    }

    /// What the proxy sends to: hosts that may be used, by their shares; all, where too few may.
    fn route(&mut self, scene: &mut Scene, id: u32, out: &mut impl Out<super::Event>) {
        let now = scene.ctx.now;
        let Settings { slow_start, panic_percent, .. } = self.settings;
        let proxy = &mut self.proxies[ProxyId(id)];
        let known = (0..).map(PodId).zip(&proxy.hosts);
        let hosts: Vec<(PodId, Option<f64>)> = known
            .filter_map(|(pod, host)| {
                let host = host.as_ref()?;
                if !proxy.hears_of(scene.cluster.pods[pod].node) {
                    return None;
                }
                let usable = !host.usable.is_never() && !host.unready;
                Some((pod, usable.then(|| slow_start.share(now - host.usable))))
            })
            .collect();
        let usable = hosts.iter().filter(|h| h.1.is_some()).count();
        let all = Backends { usable: usable as u32, all: hosts.len() as u32 };
        let panic = levels(&[all], panic_percent)[0].panics;
        let share = |share: Option<f64>| if panic { Some(share.unwrap_or(1.0)) } else { share };
        let wanted: Vec<(Target, f32)> = hosts
            .iter()
            .filter_map(|&(pod, part)| Some((Target::Pod(pod), share(part)? as f32)))
            .collect();
        debug_assert!(wanted.iter().all(|w| (0.0..=1.0).contains(&w.1)), "a share is of a whole");
        let grows = wanted.iter().any(|w| w.1 < 1.0);
        proxy.listing.set(scene.timeline, now, wanted);
        if grows && !std::mem::replace(&mut proxy.grows, true) {
            let step = Dur((slow_start.window.0 / STEPS).max(1));
            out.at(now + step, Event::Grow { proxy: id }.into());
        }
    }
}

impl Model for Envoy {
    type Event = Event;

    fn watchers(&self) -> u16 {
        1
    }

    fn watched(&self, _watcher: u16) -> ServiceId {
        self.service
    }

    fn slices(&self, _watcher: u16, from: u32, to: u32) -> Event {
        Event::Slices { from, to }
    }

    fn wake(&mut self, ctx: Ctx, pod: PodId, out: &mut impl Out<super::Event>) {
        let Some(checks) = &self.checks else { return };
        for (proxy, id) in self.proxies.iter_mut().zip(0..) {
            let Some(host) = proxy.hosts.entry(pod) else { continue };
            if let Some(at) = host.checker.wake(ctx, checks) {
                let generation = host.generation;
                out.at(at, Event::Check { proxy: id, pod, generation }.into());
            }
        }
    }

    fn check_always(&mut self) {
        if let Some(checks) = &mut self.checks {
            checks.always = true;
        }
    }

    fn adopt(
        &mut self,
        _scene: &mut Scene,
        service: ServiceId,
        pod: PodId,
        conditions: Conditions,
    ) {
        if service != self.service {
            return;
        }
        self.members.set(pod, Some(conditions));
        if !conditions.ready {
            return;
        }
        for proxy in &mut self.proxies {
            self.generations += 1;
            let checker = Checker::idle(Checked::INITIAL);
            let (generation, usable) = (self.generations, Time::ALWAYS);
            let place = proxy.hosts.entry(pod);
            debug_assert!(place.is_none(), "a pod is adopted once");
            *place = Some(Host { listed: true, unready: false, checker, generation, usable });
        }
    }

    fn start(&mut self, scene: &mut Scene, out: &mut impl Out<super::Event>) {
        let now = scene.ctx.now;
        for id in 0..self.proxies.len() as u32 {
            let proxy = &mut self.proxies[ProxyId(id)];
            let mut usable = Vec::new();
            for pod in (0..proxy.hosts.len() as u32).map(PodId) {
                let heard = proxy.hears_of(scene.cluster.pods[pod].node);
                let Some(host) = proxy.hosts[pod].as_mut().filter(|_| heard) else { continue };
                if let Some(checks) = &mut self.checks {
                    host.checker.checked = Checked::new(checks.settled(scene, Target::Pod(pod)));
                    let first = host.checker.start(now, checks, self.rng.next_u64());
                    let generation = host.generation;
                    out.at(first, Event::Check { proxy: id, pod, generation }.into());
                    if host.checker.checked.health != Health::Healthy {
                        host.usable = Time::NEVER;
                        continue;
                    }
                }
                usable.push((Target::Pod(pod), 1.0));
            }
            debug_assert!(usable.len() <= proxy.hosts.len(), "who may be used is known");
            proxy.listing.begin(scene.timeline, usable);
        }
    }

    fn handle(&mut self, scene: &mut Scene, event: Event, out: &mut impl Out<super::Event>) {
        let now = scene.ctx.now;
        match event {
            Event::Slices { from, to } => {
                self.members.take(scene.cluster, from, to);
                let log = scene.cluster.slice_log.iter();
                let news = log.skip(from as usize).take((to - from) as usize);
                let looks = self.pushes.changes(now, news.map(|&(pod, _)| pod));
                looks.into_iter().for_each(|at| out.at(at, Event::Look.into()));
            }
            Event::Look => self.look(now, out),
            Event::Told { proxy, push } => self.told(scene, proxy, push, out),
            Event::Check { proxy, pod, generation } => {
                self.check(scene, proxy, (pod, generation), out);
            }
            Event::Result { proxy, pod, generation, pass, says_no } => {
                if self.result(now, proxy, (pod, generation), pass, says_no) {
                    self.route(scene, proxy, out);
                }
            }
            Event::Grow { proxy } => {
                self.proxies[ProxyId(proxy)].grows = false;
                self.route(scene, proxy, out);
            }
        }
    }

    fn entries(&self) -> Vec<ViewId> {
        self.proxies.iter().map(|p| p.listing.view).collect()
    }
}
