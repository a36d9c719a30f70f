//! HAProxy in front of pods: a generic balancer with active checks. It finds its servers by looking up a
//! headless Service (`server-template`), and sends to those that its checks have not found dead.

use super::check::{self, Checked, Health, NodeRules};
use super::listing::new_view;
use super::members::Members;
use super::settings::Given;
use super::{Model, Scene};
use crate::cluster::objects::{Conditions, PodId};
use crate::engine::{Dur, Rng, Time};
use crate::model::plumbing::{Ctx, Out};
use crate::timeline::{
    Backend, ChangeKind, Empty, Hop, L7, L7Status, Pick, RetryOn, Target, Timeline, ViewChange,
    ViewId,
};

#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    pub hop: Hop,
    /// HAProxy processes, each with its own belief.
    pub processes: u32,
    /// From the end of one check to the beginning of the next.
    pub check: check::Rules,
    /// How often the servers are looked up.
    pub resolve: Dur,
}

const PICKS: [(&str, Pick); 3] = [
    ("roundrobin", Pick::RoundRobin),
    ("leastconn", Pick::LeastOutstanding),
    ("random", Pick::TwoChoices),
];

/// Card `haproxy`. With `option redispatch` a retry goes to another server at once, and to the same one (if
/// there is no other) a second later. Connections to servers are not kept.
pub fn settings(given: &mut dyn Given) -> Settings {
    let pick = PICKS[given.word("balance", None, &PICKS.map(|p| p.0))].1;
    let l7 = L7 {
        connect_timeout: given.seconds("connect_timeout", None),
        response_timeout: Some(given.seconds("server_timeout", None)),
        tries: 1 + given.count("retries", None),
        retry_on: RetryOn { refused: true, connect_timeout: true, ..RetryOn::default() },
        retry_delay: Dur::from_secs(1),
        exclude_tried: true,
        status: L7Status {
            refused: 503,
            connect_timeout: 503,
            unreachable: 503,
            reset: 502,
            response_timeout: 504,
        },
        pool: None,
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
    checked: Checked,
    generation: u32,
}

#[derive(Debug)]
struct Process {
    view: ViewId,
    /// By pod.
    servers: Vec<Option<Server>>,
    /// Pods whose endpoints changed since the last look-up.
    changed: Vec<PodId>,
}

impl Process {
    fn slot(&mut self, pod: PodId) -> &mut Option<Server> {
        if self.servers.len() <= pod.index() {
            self.servers.resize_with(pod.index() + 1, || None);
        }
        &mut self.servers[pod.index()]
    }

    /// Notes whether the process sends to the pod from `at` on.
    fn note(&self, timeline: &mut Timeline, at: Time, pod: PodId, sends: bool) {
        let kind = if sends { ChangeKind::Add { weight: 1.0 } } else { ChangeKind::Remove };
        let change = ViewChange { at, target: Target::Pod(pod), kind };
        timeline.views[self.view.0 as usize].changes.push(change);
    }
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
            Process { view, servers: Vec::new(), changed: Vec::new() }
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
        let now = scene.ctx.now;
        let mut changed = std::mem::take(&mut self.processes[id as usize].changed);
        changed.sort_unstable();
        changed.dedup();
        for pod in changed.drain(..) {
            let found = self.members.get(pod).is_some_and(|c| c.ready);
            let process = &mut self.processes[id as usize];
            if process.slot(pod).is_some() == found {
                continue;
            }
            if !found {
                if process.slot(pod).take().is_some_and(|s| s.is_up()) {
                    process.note(scene.timeline, now, pod, false);
                }
                continue;
            }
            self.generations += 1;
            let generation = self.generations;
            let checked = Checked::on_probation(&self.settings.check);
            *process.slot(pod) = Some(Server { checked, generation });
            process.note(scene.timeline, now, pod, true);
            let at = now + self.phase(self.settings.check.interval);
            out.at(at, Event::Check { process: id, pod, generation }.into());
        }
        self.processes[id as usize].changed = changed;
        out.at(now + self.settings.resolve, Event::Resolve { process: id }.into());
    }

    fn server(&mut self, process: u32, pod: PodId, generation: u32) -> Option<&mut Server> {
        let server = self.processes[process as usize].slot(pod).as_mut();
        server.filter(|s| s.generation == generation)
    }
}

impl Server {
    fn is_up(&self) -> bool {
        self.checked.health == Health::Healthy
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

    fn adopt(&mut self, scene: &mut Scene, pod: PodId, conditions: Conditions) {
        self.members.set(pod, Some(conditions));
        for process in &mut self.processes {
            self.generations += 1;
            let checked = Checked::new(Health::Healthy);
            *process.slot(pod) = Some(Server { checked, generation: self.generations });
            let view = &mut scene.timeline.views[process.view.0 as usize];
            view.initial.push(Backend { target: Target::Pod(pod), weight: 1.0 });
        }
    }

    fn start(&mut self, scene: &mut Scene, out: &mut Out<super::Event>) {
        let now = scene.ctx.now;
        for process in 0..self.processes.len() as u32 {
            out.at(now + self.phase(self.settings.resolve), Event::Resolve { process }.into());
            for pod in (0..self.processes[process as usize].servers.len() as u32).map(PodId) {
                let server = self.processes[process as usize].slot(pod);
                let Some(generation) = server.as_ref().map(|s| s.generation) else { continue };
                let phase = self.phase(self.settings.check.interval);
                out.at(now + phase, Event::Check { process, pod, generation }.into());
            }
        }
    }

    fn handle(&mut self, scene: &mut Scene, event: Event, out: &mut Out<super::Event>) {
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
                if self.server(process, pod, generation).is_some() {
                    let (rules, target) = (&self.settings.check, Target::Pod(pod));
                    let nodes = &mut NodeRules::default();
                    let (pass, at) = check::check(scene, target, rules, nodes, &mut self.rng);
                    out.at(at, Event::Result { process, pod, generation, pass }.into());
                }
            }
            Event::Result { process, pod, generation, pass } => {
                let rules = self.settings.check;
                let Some(server) = self.server(process, pod, generation) else { return };
                let was_up = server.is_up();
                server.checked.result(pass, &rules);
                let is_up = server.is_up();
                if is_up != was_up {
                    let process = &self.processes[process as usize];
                    process.note(scene.timeline, scene.ctx.now, pod, is_up);
                }
                let next = scene.ctx.now + rules.interval;
                out.at(next, Event::Check { process, pod, generation }.into());
            }
        }
    }

    fn entries(&self) -> Vec<ViewId> {
        self.processes.iter().map(|p| p.view).collect()
    }
}
