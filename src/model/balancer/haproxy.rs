//! HAProxy in front of pods: a generic balancer with active checks. It finds its servers by looking up a
//! headless Service (`server-template`), and sends to those that its checks have not found dead.

use super::check::{self, Checked, Health};
use super::listing::{Listing, new_view};
use super::members::Members;
use super::settings::Given;
use super::{Model, Scene};
use crate::cluster::objects::{Conditions, PodId};
use crate::engine::{Dur, Rng, Time};
use crate::model::plumbing::{Ctx, Out};
use crate::timeline::{Empty, Hop, L7, L7Status, Pick, Pool, RetryOn, Target, Timeline, ViewId};

#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    pub hop: Hop,
    /// HAProxy processes, each with its own belief.
    pub processes: u32,
    /// From the end of one check to the beginning of the next.
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

/// Card `haproxy`. With `option redispatch` a retry goes to another server at once, and to the same one (if
/// there is no other) a second later; without it always to the same one. With http-reuse `safe` the first
/// request of a client's connection has a connection of its own, and clients of a proxy open one a request.
pub fn settings(given: &mut dyn Given) -> Settings {
    let pick = PICKS[given.word("balance", None, &PICKS.map(|p| p.0))].1;
    let words = ["false", "true"];
    let redispatch = given.word("redispatch", None, &words) == 1;
    let reuses = given.word("http_reuse", None, &REUSE) >= 2;
    let connect_timeout = given.seconds("connect_timeout", None);
    let l7 = L7 {
        connect_timeout,
        response_timeout: Some(given.seconds("server_timeout", None)),
        tries: 1 + given.count("retries", None),
        retry_on: RetryOn { refused: true, connect_timeout: true, ..RetryOn::default() },
        retry_delay: Dur::from_secs(1).min(connect_timeout),
        retry_same: !redispatch,
        exclude_tried: redispatch,
        status: L7Status {
            refused: 503,
            connect_timeout: 503,
            unreachable: 503,
            reset: 502,
            response_timeout: 504,
        },
        pool: reuses.then(|| Pool {
            idle_timeout: given.seconds("pool_purge_delay", None),
            race_window: given.seconds("race_window", None),
            closes_client: true,
        }),
    };
    let inter = given.seconds("inter", None);
    Settings {
        hop: Hop { pick, l7: Some(l7), empty: Empty::Status(503) },
        processes: given.count("processes", None),
        check: check::Rules {
            interval: inter,
            timeout: inter,
            rise: given.count("rise", None),
            fall: given.count("fall", None),
            node_port_health: false,
        },
        resolve: given.seconds("resolve", None),
        slow_start: given.seconds("slowstart", None),
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    Slices {
        from: u32,
        to: u32,
    },
    Resolve {
        process: u32,
    },
    /// Void when the server's place was given up meanwhile.
    Check {
        process: u32,
        pod: PodId,
        generation: u32,
    },
    Result {
        process: u32,
        pod: PodId,
        generation: u32,
        pass: bool,
    },
}

#[derive(Debug)]
struct Server {
    pod: PodId,
    checked: Checked,
    generation: u32,
    /// Since when it is up again after having been down.
    risen: Time,
}

#[derive(Debug)]
struct Process {
    servers: Vec<Server>,
    listing: Listing,
}

#[derive(Debug)]
pub struct Haproxy {
    settings: Settings,
    members: Members,
    processes: Vec<Process>,
    generations: u32,
    rng: Rng,
}

impl Haproxy {
    pub fn new(ctx: Ctx, settings: &Settings, timeline: &mut Timeline) -> Haproxy {
        let process = |i| {
            let view = new_view(timeline, format!("HAProxy {}", i + 1), settings.hop.clone());
            Process { servers: Vec::new(), listing: Listing::new(view) }
        };
        Haproxy {
            members: Members::default(),
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
    fn resolve(&mut self, scene: &mut Scene, id: u32, out: &mut Out<super::Event>) {
        let found: Vec<PodId> = self.members.ready().collect();
        let servers = &mut self.processes[id as usize].servers;
        servers.retain(|s| found.contains(&s.pod));
        let known: Vec<PodId> = servers.iter().map(|s| s.pod).collect();
        for pod in found.into_iter().filter(|p| !known.contains(p)) {
            self.generations += 1;
            let generation = self.generations;
            let checked = Checked::on_probation(&self.settings.check);
            self.processes[id as usize].servers.push(Server {
                pod,
                checked,
                generation,
                risen: Time::ALWAYS,
            });
            let at = scene.ctx.now + self.phase(self.settings.check.interval);
            out.at(at, Event::Check { process: id, pod, generation }.into());
        }
        self.route(scene, id);
        out.at(scene.ctx.now + self.settings.resolve, Event::Resolve { process: id }.into());
    }

    fn route(&mut self, scene: &mut Scene, id: u32) {
        let Process { servers, listing } = &mut self.processes[id as usize];
        let (now, slow) = (scene.ctx.now, self.settings.slow_start);
        let share = |s: &Server| {
            let risen = now - s.risen;
            if risen >= slow { 1.0 } else { (risen.0 as f32 / slow.0 as f32).max(LEAST_SHARE) }
        };
        let up = servers.iter().filter(|s| s.checked.health == Health::Healthy);
        let wanted = up.map(|s| (Target::Pod(s.pod), share(s))).collect();
        listing.set(scene.timeline, now, wanted);
    }

    fn server(&mut self, process: u32, generation: u32) -> Option<&mut Server> {
        let servers = &mut self.processes[process as usize].servers;
        servers.iter_mut().find(|s| s.generation == generation)
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

    fn adopt(&mut self, scene: &mut Scene, _service: u8, pod: PodId, conditions: Conditions) {
        self.members.set(pod, Some(conditions));
        for process in &mut self.processes {
            self.generations += 1;
            let checked = Checked::new(Health::Healthy);
            let (generation, risen) = (self.generations, Time::ALWAYS);
            process.servers.push(Server { pod, checked, generation, risen });
            let listed = process.servers.iter().map(|s| (Target::Pod(s.pod), 1.0)).collect();
            process.listing.begin(scene.timeline, listed);
        }
    }

    fn start(&mut self, scene: &mut Scene, out: &mut Out<super::Event>) {
        let now = scene.ctx.now;
        for process in 0..self.processes.len() as u32 {
            out.at(now + self.phase(self.settings.resolve), Event::Resolve { process }.into());
            for i in 0..self.processes[process as usize].servers.len() {
                let phase = self.phase(self.settings.check.interval);
                let Server { pod, generation, .. } = self.processes[process as usize].servers[i];
                out.at(now + phase, Event::Check { process, pod, generation }.into());
            }
        }
    }

    fn handle(&mut self, scene: &mut Scene, event: Event, out: &mut Out<super::Event>) {
        match event {
            Event::Slices { from, to } => self.members.take(scene.cluster, from, to),
            Event::Resolve { process } => self.resolve(scene, process, out),
            Event::Check { process, pod, generation } => {
                if self.server(process, generation).is_some() {
                    let rules = &self.settings.check;
                    let (pass, at) = check::check(scene, Target::Pod(pod), rules, &mut self.rng);
                    out.at(at, Event::Result { process, pod, generation, pass }.into());
                }
            }
            Event::Result { process, pod, generation, pass } => {
                let rules = self.settings.check;
                let (now, slow) = (scene.ctx.now, self.settings.slow_start);
                let Some(server) = self.server(process, generation) else { return };
                let changed = server.checked.result(pass, &rules);
                if changed && pass {
                    server.risen = now;
                }
                // Shares in slow start grow at each check.
                if changed || now - server.risen <= slow + rules.interval {
                    self.route(scene, process);
                }
                let next = now + rules.interval;
                out.at(next, Event::Check { process, pod, generation }.into());
            }
        }
    }

    fn entries(&self) -> Vec<ViewId> {
        self.processes.iter().map(|p| p.listing.view).collect()
    }
}
