//! The workload of the traffic benches: a hundred pods replaced ten at a time.

use rollsim::engine::{Dist, Dur, Seed, Time};
use rollsim::timeline::{
    Backend, ChangeKind, Empty, Hop, Life, LifeEnd, NodeId, Phase, Pick, PodId, PodName, PodTruth,
    Target, Timeline, Version, View, ViewChange, ViewId,
};
use rollsim::traffic::offered::{Arrivals, Client, Traffic};

fn s(seconds: f64) -> Time {
    Time::from_secs_f64(seconds)
}

fn pod(version: u16, listening: f64, stop: f64) -> PodTruth {
    let at = |t: f64| if t < 1e6 { s(t) } else { Time::NEVER };
    let mut phases = vec![(s(listening - 2.0), Phase::Refusing), (s(listening), Phase::Serving)];
    if stop < 1e6 {
        phases.push((s(stop), Phase::Refusing));
        phases.push((s(stop + 2.0), Phase::Silent));
        phases.push((s(stop + 9.0), Phase::Unreachable));
    }
    let life = Life {
        started: s(listening - 1.0),
        listening: s(listening),
        own: Time::ALWAYS,
        sigterm: at(stop),
        stop_accept: at(stop),
        reset_until: at(stop),
        cut: at(stop),
        exit: at(stop),
        ended_by: if stop < 1e6 { LifeEnd::Sigterm } else { LifeEnd::Running },
    };
    PodTruth {
        name: PodName { deployment: "".into(), number: 0 },
        version,
        node: NodeId(0),
        created: s(listening - 3.0),
        scheduled: s(listening - 3.0),
        running_seen: s(listening),
        ready: s(listening + 1.0),
        deleted: at(stop - 0.5),
        sigterm: at(stop),
        unready: at(stop),
        removed: at(stop + 3.0),
        restarts: 0,
        phases: phases.into(),
        conditions: Vec::new(),
        cuts: Vec::new(),
        proxy: None,
        captured: false,
        lives: [life].into(),
    }
}

/// `pods` pods replaced ten at a time, a batch every thirty seconds (or as fast as 600 s need); an old pod's
/// process exits half a second after it was deleted, and the view learns of that 0.1 to 1 s after it.
pub fn rollout(pods: usize, pick: Pick) -> Timeline {
    let mut random = Seed(1).stream("workload", 0);
    let batches = pods.div_ceil(10);
    let period = (500.0 / batches as f64).min(30.0);
    let (mut truths, mut changes) = (Vec::new(), Vec::new());
    for version in 0..2 {
        for i in 0..pods {
            let begin = 30.0 + period * (i / 10) as f64;
            let (id, deleted) = (truths.len(), begin + 5.0 + 0.5 * random.uniform());
            let learns = if version == 0 { deleted + 0.1 + 0.9 * random.uniform() } else { begin };
            let (kind, truth) = if version == 0 {
                (ChangeKind::Remove, pod(0, -1000.0, deleted + 0.5))
            } else {
                (ChangeKind::Add { weight: 1.0 }, pod(1, begin - 0.5, 1e9))
            };
            truths.push(truth);
            let target = Target::Pod(PodId(id as u32));
            changes.push(ViewChange { at: s(learns), target, kind });
        }
    }
    changes.sort_by_key(|c| c.at);
    let listed = |i| Backend { target: Target::Pod(PodId(i as u32)), weight: 1.0 };
    let service = Dist::Exponential { mean_s: 0.05, min_s: 0.0 };
    let version = |name: &str| Version {
        name: name.to_owned(),
        service: service.clone(),
        concurrency: None,
        queue: None,
        backlog: false,
        keep_alive_timeout: None,
        connections: None,
        pace: rollsim::timeline::Pace::default(),
        calls: Vec::new(),
    };
    let mut timeline = Timeline {
        start: s(0.0),
        end: s(640.0),
        versions: vec![version("v1"), version("v2")],
        pods: truths.into(),
        views: vec![View {
            name: "balancer".to_owned(),
            hop: Hop { pick, l7: None, empty: Empty::Refuse },
            initial: (0..pods).map(listed).collect(),
            changes,
            gaps: Vec::new(),
            near: None,
        }]
        .into(),
        breaks: Vec::new(),
        further: Vec::new(),
        calls: Default::default(),
        nodes: Vec::new(),
        arp_failure: Dur::from_secs(3),
        tunnel: None,
        root: ViewId(0),
        upsets: Vec::new(),
        milestones: Vec::new(),
    };
    timeline.enter(&[(ViewId(0), 1.0)]);
    timeline
}

/// Poisson arrivals for `seconds`.
pub fn poisson(rate: f64, seconds: f64) -> Traffic {
    Traffic {
        start: s(0.0),
        end: s(seconds),
        arrivals: Arrivals::Poisson,
        rate: vec![(s(0.0), rate)],
        client: Client {
            keep_alive: false,
            idle_timeout: None,
            most_idle: u32::MAX,
            timeout: Dur::from_secs(10),
            retries: 0,
            retry_backoff: Dur::ZERO,
            retry_reused: false,
            non_idempotent: 0.0,
            stall_threshold: Dur::from_secs(1),
        },
        long_lived: None,
    }
}
