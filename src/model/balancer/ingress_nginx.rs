//! ingress-nginx: a controller that passes endpoint changes on at a limited rate, and worker processes that
//! each pick them up at their own polls.
//!
//! Source: `internal/ingress/controller/nginx.go`, `internal/task/queue.go`,
//! `rootfs/etc/nginx/lua/balancer.lua` of kubernetes/ingress-nginx; `ngx_http_upstream_next` of nginx.

use super::listing::{Listing, new_view};
use super::members::Members;
use super::settings::Given;
use super::{Model, Scene};
use crate::cluster::objects::{Conditions, PodId};
use crate::engine::{Dist, Dur, Rng};
use crate::model::plumbing::{Ctx, Out, TokenBucket};
use crate::timeline::{Empty, Hop, L7, L7Status, Pick, Pool, RetryOn, Target, Timeline, ViewId};

#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    pub hop: Hop,
    /// Controller pods, and nginx workers in each.
    pub replicas: u32,
    pub workers: u32,
    /// Synchronisations a second.
    pub sync_per_s: f64,
    /// A synchronisation until its backends are in nginx's shared memory.
    pub sync: Dist,
    /// How often a worker looks there.
    pub poll: Dur,
}

const PREFIX: &str = "nginx.ingress.kubernetes.io/";
const FAILURES: [&str; 3] = ["error", "timeout", "off"];

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
    let tries = own(given, "proxy-next-upstream-tries");
    let (connect, read) = (own(given, "proxy-connect-timeout"), own(given, "proxy-read-timeout"));
    // 0 tries: no limit.
    let tries = match given.count("next_upstream_tries", tries) {
        0 => 1000,
        tries => tries,
    };
    let l7 = L7 {
        connect_timeout: given.seconds("connect_timeout", connect),
        response_timeout: Some(given.seconds("read_timeout", read)),
        tries,
        retry_on: RetryOn {
            refused: error,
            connect_timeout: timeout,
            reset: error,
            reused_reset: error,
            response_timeout: timeout,
        },
        retry_delay: Dur::ZERO,
        exclude_tried: ewma,
        status: L7Status {
            refused: 502,
            connect_timeout: 504,
            unreachable: 502,
            reset: 502,
            response_timeout: 504,
        },
        pool: Some(Pool {
            idle_timeout: given.seconds("keepalive_timeout", None),
            race_window: given.seconds("race_window", None),
        }),
    };
    let pick = if ewma { Pick::Ewma } else { Pick::RoundRobin };
    Settings {
        hop: Hop { pick, l7: Some(l7), empty: Empty::Status(503) },
        replicas: given.count("replicas", None),
        workers: given.count("workers", None),
        sync_per_s: given.number("sync_per_s", None),
        sync: given.dist("sync"),
        poll: given.seconds("poll", None),
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    Slices {
        replica: u16,
        from: u32,
        to: u32,
    },
    /// The queue's worker has its token.
    Sync {
        replica: u16,
    },
    /// nginx has the backends that the synchronisation read at its start.
    Posted {
        replica: u16,
        backends: Vec<PodId>,
    },
    Poll {
        worker: u16,
    },
}

#[derive(Debug)]
struct Replica {
    members: Members,
    tokens: TokenBucket,
    /// A synchronisation waits for its token, and will read what is known then.
    queued: bool,
    shared: Vec<PodId>,
    /// How often `shared` was written.
    posts: u32,
}

#[derive(Debug)]
struct Worker {
    listing: Listing,
    /// It has read so many posts.
    read: u32,
}

#[derive(Debug)]
pub struct IngressNginx {
    settings: Settings,
    replicas: Vec<Replica>,
    /// `replica * workers + worker`.
    workers: Vec<Worker>,
    rng: Rng,
}

impl IngressNginx {
    pub fn new(ctx: Ctx, settings: &Settings, timeline: &mut Timeline) -> IngressNginx {
        let replica = |_| Replica {
            members: Members::default(),
            tokens: TokenBucket::new(settings.sync_per_s, 1),
            queued: false,
            shared: Vec::new(),
            posts: 0,
        };
        let worker = |i: u32| {
            let (pod, worker) = (i / settings.workers + 1, i % settings.workers + 1);
            let name = format!("ingress-nginx {pod} worker {worker}");
            let listing = Listing::new(new_view(timeline, name, settings.hop.clone()));
            Worker { listing, read: 0 }
        };
        IngressNginx {
            replicas: (0..settings.replicas).map(replica).collect(),
            workers: (0..settings.replicas * settings.workers).map(worker).collect(),
            rng: ctx.seed.stream("ingress-nginx", 0),
            settings: settings.clone(),
        }
    }
}

fn targets(pods: &[PodId]) -> Vec<(Target, f32)> {
    pods.iter().map(|pod| (Target::Pod(*pod), 1.0)).collect()
}

impl Model for IngressNginx {
    type Event = Event;

    fn watchers(&self) -> u16 {
        self.replicas.len() as u16
    }

    fn slices(&self, replica: u16, from: u32, to: u32) -> Event {
        Event::Slices { replica, from, to }
    }

    fn adopt(&mut self, _scene: &mut Scene, pod: PodId, conditions: Conditions) {
        for replica in &mut self.replicas {
            replica.members.set(pod, Some(conditions));
            replica.shared.push(pod);
        }
    }

    fn start(&mut self, scene: &mut Scene, out: &mut Out<super::Event>) {
        for worker in &mut self.workers {
            worker.listing.begin(scene.timeline, targets(&self.replicas[0].shared));
        }
        for worker in 0..self.workers.len() as u16 {
            let phase = Dur((self.settings.poll.0 as f64 * self.rng.uniform()) as i64);
            out.at(scene.ctx.now + phase, Event::Poll { worker }.into());
        }
    }

    fn handle(&mut self, scene: &mut Scene, event: Event, out: &mut Out<super::Event>) {
        let now = scene.ctx.now;
        match event {
            Event::Slices { replica: id, from, to } => {
                let replica = &mut self.replicas[usize::from(id)];
                replica.members.take(scene.cluster, from, to);
                if !std::mem::replace(&mut replica.queued, true) {
                    out.at(replica.tokens.take(now), Event::Sync { replica: id }.into());
                }
            }
            Event::Sync { replica: id } => {
                let took = self.settings.sync.sample(self.rng.uniform());
                let replica = &mut self.replicas[usize::from(id)];
                replica.queued = false;
                let backends = replica.members.ready().collect();
                out.at(now + took, Event::Posted { replica: id, backends }.into());
            }
            Event::Posted { replica, backends } => {
                let replica = &mut self.replicas[usize::from(replica)];
                replica.shared = backends;
                replica.posts += 1;
            }
            Event::Poll { worker } => {
                let replica = usize::from(worker) / self.settings.workers as usize;
                let Replica { shared, posts, .. } = &self.replicas[replica];
                let state = &mut self.workers[usize::from(worker)];
                if std::mem::replace(&mut state.read, *posts) != *posts {
                    state.listing.set(scene.timeline, now, targets(shared));
                }
                out.at(now + self.settings.poll, Event::Poll { worker }.into());
            }
        }
    }

    fn entries(&self) -> Vec<ViewId> {
        self.workers.iter().map(|w| w.listing.view).collect()
    }
}
