//! HAProxy in front of pods: a generic balancer with active checks. It finds its servers by looking up a
//! headless Service (`server-template`), or a controller writes them over the runtime API; it sends to those
//! that its checks have not found dead.

mod settings;

use super::check::{Checked, Health};
use super::checker::{Checker, Checks};
use super::listing::Listing;
use super::members::Members;
use super::pushes::Pushes;
use super::{Model, Scene};
use crate::cluster::objects::{Conditions, PodId, ServiceId};
use crate::engine::{Dur, List, Rng, Time};
use crate::model::plumbing::{Ctx, Out};
use crate::timeline::{Recorder, Target, ViewId};
pub use settings::{Servers, Settings, in_front, settings};

/// A server in slow start is never left out altogether.
const LEAST_SHARE: f32 = 0.01;

/// What can happen to HAProxy.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Event {
    /// Its DNS, or its controller's watch, shows these entries of the log of endpoints.
    Slices { from: u32, to: u32 },
    /// The controller looks whether changes have settled.
    Look,
    /// The process has a list of the controller's.
    Told { process: u32, push: u32 },
    /// The process looks the Service's name up.
    Resolve { process: u32 },
    /// Void when the server's place was given up meanwhile.
    Check { process: u32, pod: PodId, generation: u32 },
    /// The outcome of a check is known.
    Result { process: u32, pod: PodId, generation: u32, pass: bool },
}

#[derive(Debug)]
struct Server {
    checker: Checker,
    generation: u32,
    /// Since when it is up again after having been down.
    risen: Time,
}

#[derive(Debug)]
struct Process {
    listing: Listing,
    /// By pod.
    servers: List<PodId, Option<Server>>,
    /// Pods whose endpoints changed since the last look-up.
    changed: Vec<PodId>,
    /// Not all had their whole share when shares were last worked out.
    rising: bool,
}

impl Process {
    fn slot(&mut self, pod: PodId) -> &mut Option<Server> {
        self.servers.entry(pod)
    }

    fn route(&mut self, scene: &mut Scene, slow_start: Dur) {
        let now = scene.ctx.now;
        let share = |server: &Option<Server>| server.as_ref()?.share(now, slow_start);
        let servers = (0..).map(PodId).zip(&self.servers);
        let up = servers.filter_map(|(pod, s)| Some((Target::Pod(pod), share(s)?)));
        let wanted: Vec<(Target, f32)> = up.collect();
        self.rising = wanted.iter().any(|&(_, share)| share < 1.0);
        let share = |&(_, share): &(Target, f32)| (0.0..=1.0).contains(&share);
        debug_assert!(wanted.iter().all(share), "a share is of a whole: {wanted:?}");
        self.listing.set(scene.timeline, now, wanted);
    }
}

/// HAProxy processes, each with its own belief of which servers there are and which of them are up.
#[derive(Debug)]
pub struct Haproxy {
    settings: Settings,
    members: Members,
    /// None: servers are not checked.
    checks: Option<Checks>,
    /// Of the controller, if it is one that tells of servers; and so many slots it has prepared.
    told: Option<(Pushes, u32)>,
    processes: Vec<Process>,
    generations: u32,
    rng: Rng,
}

impl Haproxy {
    /// Before the first look-up.
    pub fn new(ctx: Ctx, settings: &Settings, timeline: &mut Recorder) -> Haproxy {
        let process = |i| {
            let view = timeline.view(format!("HAProxy {}", i + 1), settings.hop.clone());
            let (servers, changed) = (List::new(), Vec::new());
            Process { listing: Listing::new(view), servers, changed, rising: false }
        };
        let told = match &settings.servers {
            Servers::Dns { .. } => None,
            Servers::Controller { pushes, slots, .. } => {
                Some((Pushes::new(ctx, pushes, settings.processes), *slots))
            }
        };
        Haproxy {
            members: Members::default(),
            checks: settings.check.map(|rules| Checks::new(rules, ctx.latencies)),
            told,
            processes: (0..settings.processes).map(process).collect(),
            generations: 0,
            rng: ctx.seed.stream("haproxy", 0),
            settings: settings.clone(),
        }
    }

    fn phase(&mut self, period: Dur) -> Dur {
        period.part(self.rng.uniform())
    }

    /// The process looks the name up: servers come and go as the answer says.
    fn resolve(&mut self, scene: &mut Scene, id: u32, out: &mut impl Out<super::Event>) {
        let Servers::Dns { resolve } = self.settings.servers else { return };
        let now = scene.ctx.now;
        let mut changed = std::mem::take(&mut self.processes[id as usize].changed);
        changed.sort_unstable();
        changed.dedup();
        debug_assert!(resolve > Dur::ZERO, "the next look-up is later");
        for pod in changed.drain(..) {
            let found = self.members.get(pod).is_some_and(|c| c.ready);
            self.take_up(scene, id, (pod, found), out);
        }
        self.processes[id as usize].changed = changed;
        out.at(now + resolve, Event::Resolve { process: id }.into());
    }

    /// The controller writes the servers once changes have settled.
    fn look(&mut self, now: Time, out: &mut impl Out<super::Event>) {
        let Servers::Controller { reload, slots, .. } = self.settings.servers else { return };
        let (pushes, prepared) = self.told.as_mut().expect("a controller tells");
        if let Err(later) = pushes.look(now) {
            return out.at(later, Event::Look.into());
        }
        let mut more = Dur::ZERO;
        while self.members.ready().count() > *prepared as usize {
            (*prepared, more) = (*prepared + slots.max(1), reload);
        }
        let members = &self.members;
        let push = pushes.push(|pod| members.get(pod).is_some_and(|c| c.ready));
        for process in 0..self.processes.len() as u32 {
            out.at(pushes.arrives(process, now, more), Event::Told { process, push }.into());
        }
    }

    fn told(
        &mut self,
        scene: &mut Scene,
        process: u32,
        push: u32,
        out: &mut impl Out<super::Event>,
    ) {
        let list = self.told.as_ref().expect("a controller tells").0.list(push).clone();
        for change in list {
            self.take_up(scene, process, change, out);
        }
    }

    /// A server comes, or goes. A new one is up until its first check fails.
    fn take_up(
        &mut self,
        scene: &mut Scene,
        id: u32,
        (pod, found): (PodId, bool),
        out: &mut impl Out<super::Event>,
    ) {
        debug_assert!(pod.index() < scene.cluster.pods.len(), "an endpoint is a pod");
        let process = &mut self.processes[id as usize];
        if process.slot(pod).is_some() == found {
            return;
        }
        if !found {
            *process.slot(pod) = None;
            return self.follow(scene, id, pod);
        }
        self.generations += 1;
        let (generation, risen) = (self.generations, Time::ALWAYS);
        let first = self.checks.as_ref().map(|checks| {
            let mut checker = Checker::idle(Checked::on_probation(&checks.rules));
            (checker.start(scene.ctx.now, checks, self.rng.next_u64()), checker)
        });
        let checker = first.map_or(Checker::idle(Checked::new(Health::Healthy)), |(_, c)| c);
        *process.slot(pod) = Some(Server { checker, generation, risen });
        self.follow(scene, id, pod);
        if let Some((first, _)) = first {
            out.at(first, Event::Check { process: id, pod, generation }.into());
        }
    }

    /// What the process sends to, as its checks and its look-ups say of one pod.
    fn follow(&mut self, scene: &mut Scene, id: u32, pod: PodId) {
        let (now, slow) = (scene.ctx.now, self.settings.slow_start);
        let process = &mut self.processes[id as usize];
        let share = process.slot(pod).as_ref().and_then(|server| server.share(now, slow));
        if process.rising || share.is_some_and(|share| share < 1.0) {
            // The shares of all follow from the time.
            return process.route(scene, slow);
        }
        process.listing.change(scene.timeline, now, Target::Pod(pod), share);
    }

    fn check(
        &mut self,
        scene: &Scene,
        process: u32,
        pod: PodId,
        generation: u32,
        out: &mut impl Out<super::Event>,
    ) {
        let server = self.processes[process as usize].slot(pod).as_mut();
        let Some(server) = server.filter(|s| s.generation == generation) else { return };
        let checks = self.checks.as_mut().expect("it checks");
        let rises = server.rises(scene.ctx.now, self.settings.slow_start, checks.rules.interval);
        let turn = server.checker.turn(scene, Target::Pod(pod), checks, rises);
        if let Some((pass, known)) = turn.result {
            out.at(known, Event::Result { process, pod, generation, pass }.into());
        }
        out.at(turn.next, Event::Check { process, pod, generation }.into());
    }

    fn server(&mut self, process: u32, pod: PodId, generation: u32) -> Option<&mut Server> {
        let server = self.processes[process as usize].slot(pod).as_mut();
        server.filter(|s| s.generation == generation)
    }
}

impl Server {
    /// Its share grows at each check.
    fn rises(&self, now: Time, slow_start: Dur, interval: Dur) -> bool {
        slow_start > Dur::ZERO && now - self.risen <= slow_start + interval
    }

    /// Of the requests; None: it is down.
    fn share(&self, now: Time, slow_start: Dur) -> Option<f32> {
        let risen = now - self.risen;
        let whole = risen >= slow_start;
        let part = || (risen.0 as f32 / slow_start.0 as f32).max(LEAST_SHARE);
        self.is_up().then(|| if whole { 1.0 } else { part() })
    }

    fn is_up(&self) -> bool {
        self.checker.checked.health == Health::Healthy
    }
}

impl Model for Haproxy {
    type Event = Event;

    fn watchers(&self) -> u16 {
        1
    }

    fn slices(&self, _watcher: u16, from: u32, to: u32) -> Event {
        Event::Slices { from, to }
    }

    fn wake(&mut self, ctx: Ctx, pod: PodId, out: &mut impl Out<super::Event>) {
        let Some(checks) = &self.checks else { return };
        for (process, id) in self.processes.iter_mut().zip(0..) {
            let Some(server) = process.slot(pod) else { continue };
            if let Some(at) = server.checker.wake(ctx, checks) {
                let generation = server.generation;
                out.at(at, Event::Check { process: id, pod, generation }.into());
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
        _service: ServiceId,
        pod: PodId,
        conditions: Conditions,
    ) {
        self.members.set(pod, Some(conditions));
        if !conditions.ready {
            return;
        }
        for process in &mut self.processes {
            self.generations += 1;
            let checker = Checker::idle(Checked::INITIAL);
            let (generation, risen) = (self.generations, Time::ALWAYS);
            debug_assert!(process.slot(pod).is_none(), "a pod is adopted once");
            *process.slot(pod) = Some(Server { checker, generation, risen });
        }
    }

    fn start(&mut self, scene: &mut Scene, out: &mut impl Out<super::Event>) {
        let now = scene.ctx.now;
        for process in 0..self.processes.len() as u32 {
            let Process { servers, listing, .. } = &mut self.processes[process as usize];
            let mut up = Vec::new();
            for (pod, server) in (0..).map(PodId).zip(servers.iter_mut()) {
                let Some(server) = server else { continue };
                let checks = self.checks.as_mut();
                let health = checks.map(|checks| checks.settled(scene, Target::Pod(pod)));
                server.checker.checked = Checked::new(health.unwrap_or(Health::Healthy));
                up.extend(server.is_up().then_some((Target::Pod(pod), 1.0)));
            }
            listing.begin(scene.timeline, up);
        }
        for process in 0..self.processes.len() as u32 {
            if let Servers::Dns { resolve } = self.settings.servers {
                out.at(now + self.phase(resolve), Event::Resolve { process }.into());
            }
            let Some(checks) = &self.checks else { continue };
            for pod in (0..self.processes[process as usize].servers.len() as u32).map(PodId) {
                let Some(server) = self.processes[process as usize].slot(pod) else { continue };
                let first = server.checker.start(now, checks, self.rng.next_u64());
                let generation = server.generation;
                out.at(first, Event::Check { process, pod, generation }.into());
            }
        }
        debug_assert!(
            self.processes.iter().all(|p| p.changed.is_empty()),
            "nothing has changed before"
        );
    }

    fn handle(&mut self, scene: &mut Scene, event: Event, out: &mut impl Out<super::Event>) {
        match event {
            Event::Slices { from, to } => {
                self.members.take(scene.cluster, from, to);
                let news = &scene.cluster.slice_log[from as usize..to as usize];
                let pods = news.iter().map(|&(pod, _)| pod);
                if let Some((pushes, _)) = &mut self.told {
                    let looks = pushes.changes(scene.ctx.now, pods);
                    looks.into_iter().for_each(|at| out.at(at, Event::Look.into()));
                    return;
                }
                for process in &mut self.processes {
                    process.changed.extend(pods.clone());
                }
            }
            Event::Look => self.look(scene.ctx.now, out),
            Event::Told { process, push } => self.told(scene, process, push, out),
            Event::Resolve { process } => self.resolve(scene, process, out),
            Event::Check { process, pod, generation } => {
                self.check(scene, process, pod, generation, out);
            }
            Event::Result { process, pod, generation, pass } => {
                let rules = self.checks.as_ref().expect("it checks").rules;
                let slow = self.settings.slow_start;
                let now = scene.ctx.now;
                let Some(server) = self.server(process, pod, generation) else { return };
                let changed = server.checker.checked.result(pass, &rules);
                if changed && pass {
                    server.risen = now;
                }
                if changed || server.rises(now, slow, rules.interval) {
                    self.follow(scene, process, pod);
                }
            }
        }
    }

    fn entries(&self) -> Vec<ViewId> {
        self.processes.iter().map(|p| p.listing.view).collect()
    }
}
