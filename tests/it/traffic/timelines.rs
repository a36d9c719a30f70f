//! Hand-made timelines: rollouts with random times, and small building blocks.

use rollsim::engine::{Dist, Dur, Rng, Seed, Time};
use rollsim::timeline::{
    Backend, BalancerCut, ChangeKind, Empty, Hop, L7, L7Status, Life, LifeEnd, NodeId, Phase, Pick,
    PodId, PodName, PodTruth, RetryOn, Target, Timeline, Version, View, ViewChange, ViewId,
};
use rollsim::traffic::offered::{Arrivals, Client, Traffic};

pub fn s(seconds: f64) -> Time {
    Time::from_secs_f64(seconds)
}

/// A balancer of these views, whichever they are, cuts what it sent.
pub fn cut_at(at: Time) -> BalancerCut {
    BalancerCut { at, first: ViewId(0), last: ViewId(u32::MAX) }
}

pub fn d(seconds: f64) -> Dur {
    Dur::from_secs_f64(seconds)
}

/// A pod that listens from `listening`, stops accepting at `stop`, cuts what runs at `cut`, whose namespace
/// goes a second later and whose address is unknown four seconds after that.
pub fn pod(version: u16, listening: f64, stop: f64, cut: f64) -> PodTruth {
    let forever = stop >= 1e6;
    let at = |t: f64| if forever { Time::NEVER } else { s(t) };
    let sandbox = s(listening - 2.0);
    let mut phases = vec![(sandbox, Phase::Refusing), (s(listening), Phase::Serving)];
    if !forever {
        phases.push((s(stop), Phase::Refusing));
        phases.push((s(cut + 1.0), Phase::Silent));
        phases.push((s(cut + 5.0), Phase::Unreachable));
    }
    let life = Life {
        started: s(listening - 1.0),
        listening: s(listening),
        own: Time::ALWAYS,
        sigterm: at(stop),
        stop_accept: at(stop),
        reset_until: at(stop + 0.003),
        cut: at(cut),
        exit: at(cut),
        ended_by: if forever { LifeEnd::Running } else { LifeEnd::Sigterm },
    };
    PodTruth {
        name: PodName { deployment: "".into(), number: 0 },
        version,
        node: NodeId(0),
        created: sandbox,
        scheduled: sandbox,
        running_seen: sandbox,
        ready: s(listening),
        deleted: at(stop),
        sigterm: at(stop),
        unready: at(stop),
        removed: at(cut + 5.0),
        restarts: 0,
        phases: phases.into(),
        conditions: Vec::new(),
        proxy: None,
        captured: false,
        cuts: Vec::new(),
        lives: [life].into(),
    }
}

pub fn version(name: &str, service: Dist) -> Version {
    Version {
        name: name.to_owned(),
        service,
        concurrency: None,
        queue: None,
        backlog: false,
        keep_alive_timeout: None,
        connections: None,
        pace: rollsim::timeline::Pace::default(),
        calls: Vec::new(),
    }
}

pub fn view(initial: &[usize], changes: Vec<ViewChange>) -> View {
    View {
        name: "kube-proxy".to_owned(),
        hop: Hop { pick: Pick::Random, l7: None, empty: Empty::Refuse },
        initial: initial.iter().map(|&p| backend(p)).collect(),
        changes,
        gaps: Vec::new(),
        near: None,
    }
}

/// A proxy that tries once and keeps no connections.
pub fn l7() -> L7 {
    L7 {
        proxy: "proxy",
        connect_timeout: d(5.0),
        response_timeout: Some(d(60.0)),
        tries: 1,
        retry_on: RetryOn::default(),
        retry_delay: Dur::ZERO,
        retry_same: false,
        exclude_tried: false,
        exclude_last: false,
        status: L7Status {
            refused: 502,
            connect_timeout: 504,
            unreachable: 502,
            reset: 502,
            response_timeout: 504,
        },
        pool: None,
        front_idle_timeout: None,
        policy: None,
    }
}

pub fn backend(pod: usize) -> Backend {
    Backend { target: Target::Pod(PodId(pod as u32)), weight: 1.0 }
}

pub fn add(at: f64, pod: usize) -> ViewChange {
    let kind = ChangeKind::Add { weight: 1.0 };
    ViewChange { at: s(at), target: Target::Pod(PodId(pod as u32)), kind }
}

pub fn remove(at: f64, pod: usize) -> ViewChange {
    ViewChange { at: s(at), target: Target::Pod(PodId(pod as u32)), kind: ChangeKind::Remove }
}

pub fn timeline(pods: Vec<PodTruth>, views: Vec<View>, service: Dist, end: f64) -> Timeline {
    let entries: Vec<_> = (0..views.len()).map(|v| (ViewId(v as u32), 1.0)).collect();
    let mut timeline = Timeline {
        start: s(-10.0),
        end: s(end),
        versions: vec![version("v1", service.clone()), version("v2", service)],
        pods: pods.into(),
        root: ViewId(0),
        views: views.into(),
        upsets: Vec::new(),
        milestones: Vec::new(),
        breaks: Vec::new(),
        nodes: Vec::new(),
        arp_failure: d(3.0),
        tunnel: None,
        further: Vec::new(),
        calls: Default::default(),
    };
    timeline.enter(&entries);
    timeline
}

/// Puts an instance of a proxy in front of each view that clients enter.
pub fn in_front(timeline: &mut Timeline, outer: &L7) {
    let root = timeline.root.index();
    for entry in 0..timeline.views[root].initial.len() {
        let behind = timeline.views[root].initial[entry].target;
        let mut instance = view(&[], Vec::new());
        instance.hop.l7 = Some(outer.clone());
        instance.initial = vec![Backend { target: behind, weight: 1.0 }];
        let id = ViewId(timeline.views.len() as u32);
        timeline.views.push(instance);
        timeline.views[root].initial[entry].target = Target::View(id);
    }
}

/// All views but that of the clients.
pub fn instances(timeline: &mut Timeline) -> impl Iterator<Item = &mut View> {
    let root = timeline.root.index();
    timeline.views.iter_mut().take(root)
}

pub fn traffic(arrivals: Arrivals, rate: f64, start: f64, end: f64) -> Traffic {
    Traffic {
        start: s(start),
        end: s(end),
        arrivals,
        rate: vec![(s(start), rate)],
        client: Client {
            keep_alive: false,
            idle_timeout: None,
            most_idle: u32::MAX,
            timeout: d(10.0),
            retries: 0,
            retry_backoff: Dur::ZERO,
            retry_reused: false,
            non_idempotent: 0.0,
            stall_threshold: d(1.0),
        },
        long_lived: None,
    }
}

/// A rolling update with random times: each of `pods` old pods is replaced by a new one, and every view
/// learns of each change on its own.
pub fn random_rollout(seed: u64, service: Dist) -> Timeline {
    let mut rng = Seed(seed).stream("test timeline", 0);
    let count = 1 + rng.below(5) as usize;
    let views = 1 + rng.below(3) as usize;
    let mut pods = Vec::new();
    let mut changes: Vec<Vec<ViewChange>> = vec![Vec::new(); views];
    for i in 0..count {
        let deleted = 1.0 + 2.0 * i as f64 + 2.0 * rng.uniform();
        let stop = deleted + 0.5 * rng.uniform();
        pods.push(pod(0, -100.0, stop, stop + drain(&mut rng)));
        for c in &mut changes {
            c.push(remove(deleted + 3.0 * rng.uniform(), i));
        }
    }
    for i in 0..count {
        let listening = 2.0 * i as f64 + 3.0 * rng.uniform();
        pods.push(pod(1, listening, 1e9, 1e9));
        for c in &mut changes {
            c.push(add(listening - 0.5 + 2.0 * rng.uniform(), count + i));
        }
    }
    let old: Vec<usize> = (0..count).collect();
    let mut made = Vec::new();
    for mut c in changes {
        c.sort_by_key(|c| c.at);
        let mut v = view(&old, c);
        if rng.below(3) == 0 {
            let at = 5.0 * rng.uniform();
            v.gaps.push((s(at), s(at + 0.2)));
        }
        made.push(v);
    }
    timeline(pods, made, service, 40.0)
}

fn drain(rng: &mut Rng) -> f64 {
    if rng.below(2) == 0 { 0.0 } else { rng.uniform() }
}

/// A service time of a random kind.
pub fn random_service(seed: u64) -> Dist {
    let mut rng = Seed(seed).stream("test service", 0);
    let mean_s = 0.005 + 0.5 * rng.uniform();
    match rng.below(6) {
        0 => Dist::Constant { mean_s },
        1 => Dist::Uniform { low_s: 0.2 * mean_s, high_s: 1.8 * mean_s },
        2 => Dist::Exponential { mean_s, min_s: 0.3 * mean_s },
        3 => Dist::LogNormal { median_s: mean_s, p99_s: 5.0 * mean_s, min_s: 0.001 },
        4 => Dist::Weibull { scale_s: mean_s, shape: 0.5 + 2.0 * rng.uniform(), min_s: 0.0 },
        _ => Dist::Empirical { quantiles_s: vec![0.001, 0.4 * mean_s, mean_s, 3.0 * mean_s] },
    }
}
