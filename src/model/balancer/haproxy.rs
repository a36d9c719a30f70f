//! HAProxy in front of pods: a generic balancer with active checks. It finds its servers by looking up a
//! headless Service (`server-template`), and sends to those that its checks have not found dead.

use super::check::{self, Checked, Health};
use super::checker::{Checker, Checks};
use super::front;
use super::layer7::{Again, Entry, Layer7};
use super::listing::Listing;
use super::members::Members;
use super::settings::Given;
use super::{Model, Scene};
use crate::cluster::objects::{Conditions, PodId, ServiceId};
use crate::engine::{Dur, List, Rng, Time};
use crate::model::plumbing::{Ctx, Out};
use crate::timeline::{Empty, Hop, L7Status, Pick, Recorder, RetryOn, Target, ViewId};

/// HAProxy as the server of an Ingress or in front of a headless Service.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// What it does with requests.
    pub hop: Hop,
    /// HAProxy processes, each with its own belief.
    pub processes: u32,
    /// When its checks change their verdict.
    pub check: check::Rules,
    /// How often the servers are looked up.
    pub resolve: Dur,
    /// The share of a server that was down grows for so long; zero: at once.
    pub slow_start: Dur,
}

/// A server in slow start is never left out altogether.
const LEAST_SHARE: f32 = 0.01;

const PICKS: [(&str, Pick); 3] = [
    ("roundrobin", Pick::RoundRobin),
    ("leastconn", Pick::LeastOutstanding),
    ("random", Pick::TwoChoices),
];

const REUSE: [&str; 4] = ["never", "safe", "aggressive", "always"];

/// With `option redispatch` a retry goes to another server at once, and to the same one (if
/// there is no other) a second later; without it always to the same one. With http-reuse `safe` the first
/// request of a client's connection has a connection of its own, and clients of a proxy open one a request.
fn hop(given: &mut dyn Given, proxy: &'static str) -> Hop {
    let pick = PICKS[given.word("balance", None, &PICKS.map(|p| p.0))].1;
    let words = ["false", "true"];
    let redispatch = given.word("redispatch", None, &words) == 1;
    let reuses = given.word("http_reuse", None, &REUSE) >= 2;
    let (connect, server) = (Entry::card("connect_timeout"), Entry::card("server_timeout"));
    let l7 = Layer7 {
        tries: 1 + given.count("retries", None),
        retry_on: RetryOn { refused: true, connect_timeout: true, ..RetryOn::default() },
        again: if redispatch { Again::Elsewhere } else { Again::Same },
        retry_delay: Dur::from_secs(1),
        status: L7Status {
            refused: 503,
            connect_timeout: 503,
            unreachable: 503,
            reset: 502,
            response_timeout: 504,
        },
        idle_timeout: reuses.then(|| Entry::card("pool_purge_delay")),
        closes_client: true,
        front_idle_timeout: Some(Entry::card("http_keep_alive")),
        ..Layer7::once(proxy, connect, server)
    };
    Hop { pick, l7: Some(l7.read(given)), empty: Empty::Status(503) }
}

/// In front of another proxy: how it chooses and tries.
pub fn in_front(given: &mut dyn Given) -> front::Settings {
    let hop = hop(given, "HAProxy in front");
    front::Settings { name: "HAProxy", hop, instances: given.count("processes", None) }
}

/// Card `haproxy`.
pub fn settings(given: &mut dyn Given) -> Settings {
    let hop = hop(given, "HAProxy");
    let inter = given.seconds("inter", None);
    Settings {
        hop,
        processes: given.count("processes", None),
        check: check::Rules {
            interval: inter,
            from_end: true,
            timeout: inter,
            rise: given.count("rise", None),
            fall: given.count("fall", None),
            node_port_health: false,
        },
        resolve: given.seconds("resolve", None),
        slow_start: given.seconds("slowstart", None),
    }
}

/// What can happen to HAProxy.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Event {
    /// Its DNS shows these entries of the log of endpoints.
    Slices { from: u32, to: u32 },
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

/// HAProxy processes that look servers up in DNS and check them.
#[derive(Debug)]
pub struct Haproxy {
    settings: Settings,
    members: Members,
    checks: Checks,
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
        Haproxy {
            members: Members::default(),
            checks: Checks::new(settings.check, ctx.latencies),
            processes: (0..settings.processes).map(process).collect(),
            generations: 0,
            rng: ctx.seed.stream("haproxy", 0),
            settings: settings.clone(),
        }
    }

    fn phase(&mut self, period: Dur) -> Dur {
        Dur((period.0 as f64 * self.rng.uniform()) as i64)
    }

    /// Servers come and go as the look-up says. A new one is up until its first check fails.
    fn resolve(&mut self, scene: &mut Scene, id: u32, out: &mut impl Out<super::Event>) {
        let now = scene.ctx.now;
        let mut changed = std::mem::take(&mut self.processes[id as usize].changed);
        changed.sort_unstable();
        changed.dedup();
        for pod in changed.drain(..) {
            let found = self.members.get(pod).is_some_and(|c| c.ready);
            debug_assert!(pod.index() < scene.cluster.pods.len(), "an endpoint is a pod");
            let process = &mut self.processes[id as usize];
            if process.slot(pod).is_some() == found {
                continue;
            }
            if !found {
                *process.slot(pod) = None;
                self.follow(scene, id, pod);
                continue;
            }
            self.generations += 1;
            let generation = self.generations;
            let mut checker = Checker::idle(Checked::on_probation(&self.checks.rules));
            let first = checker.start(now, &self.checks, self.rng.next_u64());
            let risen = Time::ALWAYS;
            *process.slot(pod) = Some(Server { checker, generation, risen });
            self.follow(scene, id, pod);
            out.at(first, Event::Check { process: id, pod, generation }.into());
        }
        self.processes[id as usize].changed = changed;
        out.at(now + self.settings.resolve, Event::Resolve { process: id }.into());
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
        let rises =
            server.rises(scene.ctx.now, self.settings.slow_start, self.checks.rules.interval);
        let turn = server.checker.turn(scene, Target::Pod(pod), &mut self.checks, rises);
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
        for (process, id) in self.processes.iter_mut().zip(0..) {
            let Some(server) = process.slot(pod) else { continue };
            if let Some(at) = server.checker.wake(ctx, &self.checks) {
                let generation = server.generation;
                out.at(at, Event::Check { process: id, pod, generation }.into());
            }
        }
    }

    fn check_always(&mut self) {
        self.checks.always = true;
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
                let health = self.checks.settled(scene, Target::Pod(pod));
                server.checker.checked = Checked::new(health);
                up.extend(server.is_up().then_some((Target::Pod(pod), 1.0)));
            }
            listing.begin(scene.timeline, up);
        }
        for process in 0..self.processes.len() as u32 {
            out.at(now + self.phase(self.settings.resolve), Event::Resolve { process }.into());
            for pod in (0..self.processes[process as usize].servers.len() as u32).map(PodId) {
                let Some(server) = self.processes[process as usize].slot(pod) else { continue };
                let first = server.checker.start(now, &self.checks, self.rng.next_u64());
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
                for process in &mut self.processes {
                    process.changed.extend(news.iter().map(|&(pod, _)| pod));
                }
            }
            Event::Resolve { process } => self.resolve(scene, process, out),
            Event::Check { process, pod, generation } => {
                self.check(scene, process, pod, generation, out);
            }
            Event::Result { process, pod, generation, pass } => {
                let (rules, slow) = (self.checks.rules, self.settings.slow_start);
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
