//! ingress-nginx: a controller that passes endpoint changes on at a limited rate, and worker processes that
//! each pick them up at their own polls.
//!
//! Source: `internal/ingress/controller/nginx.go`, `internal/task/queue.go`,
//! `rootfs/etc/nginx/lua/balancer.lua` of kubernetes/ingress-nginx; `ngx_http_upstream_next` of nginx.

use super::layer7::{Again, Entry, Layer7};
use super::listing::Listing;
use super::members::Members;
use super::restart;
use super::services;
use super::settings::{Given, Own};
use super::split::Split;
use super::{Model, Scene};
use crate::cluster::objects::{Conditions, PodId, ServiceId};
use crate::engine::{Dist, Dur, Rng, Time};
use crate::model::plumbing::{Ctx, Out, TokenBucket};
use crate::timeline::{Empty, Hop, Pick, Recorder, RetryOn, Statuses, Target, ViewId};

/// ingress-nginx: its controller's pods, their workers, and nginx' own settings.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// What a worker does with requests.
    pub hop: Hop,
    /// Controller pods, and nginx workers in each.
    pub replicas: u32,
    /// nginx workers in each controller pod.
    pub workers: u32,
    /// Synchronisations a second.
    pub sync_per_s: f64,
    /// A synchronisation until its backends are in nginx's shared memory.
    pub sync: Dist,
    /// How often a worker looks there.
    pub poll: Dur,
    /// Where the controller's own pods are replaced.
    pub restart: Option<restart::Settings>,
}

const PREFIX: &str = "nginx.ingress.kubernetes.io/";
const FAILURES: [&str; 2] = ["error", "timeout"];
/// What else proxy-next-upstream may name.
const OTHER_FAILURES: [&str; 11] = [
    "off",
    "non_idempotent",
    "invalid_header",
    "http_500",
    "http_502",
    "http_503",
    "http_504",
    "http_403",
    "http_404",
    "http_429",
    "updating",
];

/// Card `ingress-nginx`, and the Ingress' annotations.
pub fn settings(given: &mut dyn Given) -> Settings {
    let own = |given: &dyn Given, key: &str| given.annotation(&format!("{PREFIX}{key}"));
    let algorithm = own(given, "load-balance");
    let picks = ["round_robin", "ewma"];
    let ewma = picks[given.word("load_balance", algorithm, &picks)] == "ewma";
    let next = own(given, "proxy-next-upstream");
    let moves_on = |failure: &str| {
        next.as_ref().is_none_or(|own| own.text.split_whitespace().any(|w| w == failure))
    };
    let (error, timeout) = (moves_on(FAILURES[0]), moves_on(FAILURES[1]));
    let again = |own: &&Own| own.text.split_whitespace().any(|w| w == "non_idempotent");
    let again = next.as_ref().filter(again).map(|n| Own { text: "true".to_owned(), ..n.clone() });
    let non_idempotent = given.word("retry_non_idempotent", again, &["false", "true"]) == 1;
    if let Some(next) = &next {
        check_failures(given, next);
    }
    let tries = own(given, "proxy-next-upstream-tries");
    let (connect, read) = (own(given, "proxy-connect-timeout"), own(given, "proxy-read-timeout"));
    // 0 tries: no limit.
    let tries = match given.count("next_upstream_tries", tries) {
        0 => 1000,
        tries => tries,
    };
    let connect = Entry { key: "connect_timeout", own: connect };
    let read = Entry { key: "read_timeout", own: read };
    let l7 = Layer7 {
        tries,
        retry_on: RetryOn {
            refused: error,
            connect_timeout: timeout,
            reset: error,
            reused_reset: error,
            response_timeout: timeout,
            non_idempotent,
            only_idempotent: false,
            statuses: Statuses::default(),
        },
        again: if ewma { Again::Elsewhere } else { Again::Anywhere },
        idle_timeout: Some(Entry::card("keepalive_timeout")),
        front_idle_timeout: Some(Entry::card("keep_alive")),
        ..Layer7::once("ingress-nginx", connect, read)
    };
    let l7 = l7.read(given);
    let pick = if ewma { Pick::Ewma } else { Pick::RoundRobin };
    Settings {
        hop: Hop { pick, l7: Some(l7), empty: Empty::Status(503) },
        replicas: given.count("replicas", None),
        workers: given.count("workers", None),
        sync_per_s: given.number("sync_per_s", None),
        sync: given.dist("sync"),
        poll: given.seconds("poll", None),
        restart: given.restarts().then(|| restart::Settings::read(given)),
    }
}

/// Every word is one that nginx knows.
fn check_failures(given: &mut dyn Given, own: &Own) {
    let known: Vec<&str> = FAILURES.iter().chain(&OTHER_FAILURES).copied().collect();
    if let Some(word) = own.text.split_whitespace().find(|w| !known.contains(w)) {
        let own = Own { text: word.to_owned(), ..own.clone() };
        given.refuse(&own, &known.join(", "));
    }
}

/// What can happen to ingress-nginx.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Event {
    /// The replica's watch shows these entries of the log of the Service's endpoints.
    Slices { replica: u16, service: ServiceId, from: u32, to: u32 },
    /// Every replica sees new weights of the Ingresses.
    Weights,
    /// The queue's worker has its token.
    Sync { replica: u16 },
    /// nginx has the backends that the synchronisation read at its start.
    Posted { replica: u16, post: u32 },
    /// The worker's timer: it takes up the backends that were posted last.
    Poll { worker: u16 },
    /// To the controller's own pods.
    Restart(restart::Event),
}

/// What a synchronisation posts, by Service.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Backends {
    ready: Vec<Vec<PodId>>,
    weights: Vec<u32>,
}

#[derive(Debug)]
struct Replica {
    /// By Service.
    members: Vec<Members>,
    weights: Vec<u32>,
    tokens: TokenBucket,
    /// A synchronisation waits for its token, and will read what is known then.
    queued: bool,
    /// What it sent to its proxy; empty once posted.
    sent: Vec<Backends>,
    shared: Backends,
    /// How often `shared` was written.
    posts: u32,
}

#[derive(Debug)]
struct Worker {
    /// Of each Service.
    lists: Vec<Listing>,
    /// It has read so many posts.
    read: u32,
}

/// The replicas of ingress-nginx, each with its own belief and its workers.
#[derive(Debug)]
pub struct IngressNginx {
    settings: Settings,
    replicas: Vec<Replica>,
    /// `replica * workers + worker`.
    workers: Vec<Worker>,
    /// The Service that gets what the canary leaves, and the draw between them.
    main: usize,
    canary: Option<Split>,
    front: Option<restart::Front>,
    /// Where requests enter each worker.
    entries: Vec<ViewId>,
    rng: Rng,
}

impl IngressNginx {
    /// `services`: their names; `split`: how they share the requests, if there are several.
    pub fn new(
        ctx: Ctx,
        settings: &Settings,
        services: &[&str],
        split: Option<&services::Split>,
        timeline: &mut Recorder,
    ) -> IngressNginx {
        let weights = split.map_or(vec![1], |s| s.weights.clone());
        let replica = |_| Replica {
            members: services.iter().map(|_| Members::default()).collect(),
            weights: weights.clone(),
            tokens: TokenBucket::new(settings.sync_per_s, 1),
            queued: false,
            sent: Vec::new(),
            shared: Backends { ready: vec![Vec::new(); services.len()], weights: weights.clone() },
            posts: 0,
        };
        let name = |i: u32| {
            let (pod, worker) = (i / settings.workers + 1, i % settings.workers + 1);
            format!("ingress-nginx {pod} worker {worker}")
        };
        let mut worker = |i: u32| {
            let mut list = |service: &&str| {
                let of = split.map_or(String::new(), |_| format!(", {service}"));
                let name = format!("{}{of}", name(i));
                Listing::new(timeline.view(name, settings.hop.clone()))
            };
            Worker { lists: services.iter().map(&mut list).collect(), read: 0 }
        };
        let count = settings.replicas * settings.workers;
        let workers: Vec<Worker> = (0..count).map(&mut worker).collect();
        let views =
            (0..).zip(&workers).map(|(i, w)| (name(i), w.lists.iter().map(|l| l.view).collect()));
        let canary = split.map(|_| Split::new(timeline, &settings.hop, views));
        let entries: Vec<ViewId> = match &canary {
            Some(canary) => canary.entries(),
            None => workers.iter().flat_map(|w| w.lists.iter().map(|l| l.view)).collect(),
        };
        let front = settings.restart.as_ref().map(|restart| {
            // Its successor goes on with what the workers of the pod know.
            let pods: Vec<[Vec<ViewId>; 2]> = entries
                .chunks(settings.workers as usize)
                .map(|workers| [workers.to_vec(), workers.to_vec()])
                .collect();
            let rng = ctx.seed.stream("ingress-nginx restart", 0);
            let whose: restart::Whose<'_> = ("ingress-nginx", |e| Event::Restart(e).into());
            restart::Front::new(restart, whose, &pods, rng, timeline)
        });
        IngressNginx {
            entries,
            replicas: (0..settings.replicas).map(replica).collect(),
            workers,
            main: split.map_or(0, |s| s.main),
            canary,
            front,
            rng: ctx.seed.stream("ingress-nginx", 0),
            settings: settings.clone(),
        }
    }

    /// A worker takes in what its controller posted since it last looked.
    fn poll(&mut self, scene: &mut Scene, worker: u16) {
        let now = scene.ctx.now;
        let worker = usize::from(worker);
        let Replica { shared, posts, .. } = &self.replicas[worker / self.settings.workers as usize];
        let Worker { lists, read } = &mut self.workers[worker];
        if std::mem::replace(read, *posts) == *posts {
            return;
        }
        for (list, pods) in lists.iter_mut().zip(&shared.ready) {
            list.set(scene.timeline, now, targets(pods));
        }
        let shares = self.shares(shared);
        if let Some(canary) = &mut self.canary {
            canary.set(scene.timeline, now, worker, &shares);
        }
    }

    fn services(&self) -> usize {
        self.replicas[0].members.len()
    }

    fn enqueue(&mut self, id: u16, now: Time, out: &mut impl Out<super::Event>) {
        let replica = &mut self.replicas[usize::from(id)];
        if !std::mem::replace(&mut replica.queued, true) {
            out.at(replica.tokens.take(now), Event::Sync { replica: id }.into());
        }
    }

    /// How a worker draws. A backend without endpoints is none: a canary's share falls to the main backend,
    /// and without that there is nothing to take a canary's place of.
    ///
    /// `rootfs/etc/nginx/lua/balancer.lua: route_to_alternative_balancer`.
    fn shares(&self, backends: &Backends) -> Vec<u32> {
        let empty = |i: usize| backends.ready[i].is_empty();
        let mut weights = backends.weights.clone();
        for i in (0..weights.len()).filter(|i| *i != self.main) {
            if empty(self.main) || empty(i) {
                weights[self.main] += std::mem::take(&mut weights[i]);
            }
        }
        if empty(self.main) {
            weights[self.main] = 0;
        }
        weights
    }
}

fn targets(pods: &[PodId]) -> Vec<(Target, f32)> {
    pods.iter().map(|pod| (Target::Pod(*pod), 1.0)).collect()
}

impl Model for IngressNginx {
    type Event = Event;

    fn watchers(&self) -> u16 {
        (self.replicas.len() * self.services()) as u16
    }

    fn watched(&self, watcher: u16) -> ServiceId {
        ServiceId((usize::from(watcher) % self.services()) as u16)
    }

    fn slices(&self, watcher: u16, from: u32, to: u32) -> Event {
        let replica = watcher / self.services() as u16;
        Event::Slices { replica, service: self.watched(watcher), from, to }
    }

    fn weights(&self) -> Option<Event> {
        self.canary.as_ref().map(|_| Event::Weights)
    }

    fn restart(&self) -> Option<Event> {
        self.front.as_ref().map(|_| Event::Restart(restart::Event::Begin))
    }

    fn adopt(
        &mut self,
        _scene: &mut Scene,
        service: ServiceId,
        pod: PodId,
        conditions: Conditions,
    ) {
        let service = service.index();
        for replica in &mut self.replicas {
            replica.members[service].set(pod, Some(conditions));
            if conditions.ready {
                replica.shared.ready[service].push(pod);
            }
        }
    }

    fn start(&mut self, scene: &mut Scene, out: &mut impl Out<super::Event>) {
        for worker in &mut self.workers {
            for (list, pods) in worker.lists.iter_mut().zip(&self.replicas[0].shared.ready) {
                list.begin(scene.timeline, targets(pods));
            }
        }
        let shares = self.shares(&self.replicas[0].shared);
        if let Some(canary) = &mut self.canary {
            (0..self.workers.len()).for_each(|w| canary.begin(scene.timeline, w, &shares));
        }
        for worker in 0..self.workers.len() as u16 {
            let phase = self.settings.poll.part(self.rng.uniform());
            out.at(scene.ctx.now + phase, Event::Poll { worker }.into());
        }
    }

    fn handle(&mut self, scene: &mut Scene, event: Event, out: &mut impl Out<super::Event>) {
        let now = scene.ctx.now;
        match event {
            Event::Slices { replica, service, from, to } => {
                let members = &mut self.replicas[usize::from(replica)].members;
                members[service.index()].take(scene.cluster, from, to);
                self.enqueue(replica, now, out);
            }
            Event::Weights => {
                for replica in 0..self.replicas.len() as u16 {
                    let weights = &mut self.replicas[usize::from(replica)].weights;
                    weights.clone_from(&scene.cluster.weights);
                    self.enqueue(replica, now, out);
                }
            }
            Event::Sync { replica: id } => {
                let took = self.settings.sync.sample(self.rng.uniform());
                let replica = &mut self.replicas[usize::from(id)];
                replica.queued = false;
                let ready = replica.members.iter().map(|m| m.ready().collect()).collect();
                let post = replica.sent.len() as u32;
                replica.sent.push(Backends { ready, weights: replica.weights.clone() });
                out.at(now + took, Event::Posted { replica: id, post }.into());
            }
            Event::Posted { replica, post } => {
                let replica = &mut self.replicas[usize::from(replica)];
                replica.shared = std::mem::take(&mut replica.sent[post as usize]);
                replica.posts += 1;
            }
            Event::Restart(event) => {
                let front = self.front.as_mut().expect("it asked to be told");
                front.handle(scene, event, out);
            }
            Event::Poll { worker } => {
                self.poll(scene, worker);
                out.at(now + self.settings.poll, Event::Poll { worker }.into());
            }
        }
    }

    fn entries(&self) -> Vec<ViewId> {
        self.front.as_ref().map_or(self.entries.clone(), |front| vec![front.view()])
    }
}
