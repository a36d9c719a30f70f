//! Hand-made rollouts for the renderers: small enough to check by eye, consistent in themselves.
//!
//! Each case is played by a few lines of arithmetic: new pods come in waves, the old pod of each wave is
//! deleted when the new one is ready, every data plane learns of it a little later, and each request goes
//! to a pod at random among those its data plane believes in.

pub mod sweeps;

use rollsim::engine::{Dist, Dur, Seed, Time};
use rollsim::input::{Input, Source};
use rollsim::report::advice::{Words, Worth};
use rollsim::report::answer::{Answer, BlamePart, BlameRow, ChainLink};
use rollsim::report::comparison::Comparison;
use rollsim::report::pairs::Part;
use rollsim::run::{Replication, RunOptions};
use rollsim::scenario::{Assumption, Scenario};
use rollsim::timeline::*;
use rollsim::traffic::*;
use rollsim::world::{RolloutOutcome, Stuck, Why};
use std::collections::BTreeMap;

/// What distinguishes the cases.
#[derive(Clone, Debug)]
pub struct Case {
    pub name: &'static str,
    pub replicas: u32,
    /// Seconds from process start until it listens.
    pub listens_after: f64,
    /// Whether readiness waits for the listener.
    pub probe: bool,
    /// Seconds between deletion and SIGTERM.
    pub pre_stop: f64,
    /// Seconds until a data plane learns of a change.
    pub propagation: f64,
    pub views: u32,
    /// New pods never turn ready.
    pub stuck: bool,
    pub rate: f64,
    pub end: f64,
}

/// Without a probe: new pods are ready before they listen, old ones die while still routed.
pub fn without_probe() -> Case {
    Case {
        name: "B2 rolling update without a probe",
        replicas: 2,
        listens_after: 6.0,
        probe: false,
        pre_stop: 0.0,
        propagation: 0.4,
        views: 2,
        stuck: false,
        rate: 20.0,
        end: 40.0,
    }
}

/// With a readiness probe and a preStop sleep: nothing is lost.
pub fn with_probe() -> Case {
    Case { name: "B3 with a readiness probe", probe: true, pre_stop: 5.0, ..without_probe() }
}

pub fn stuck() -> Case {
    Case { name: "never ready", probe: true, stuck: true, pre_stop: 5.0, ..without_probe() }
}

pub fn large() -> Case {
    Case {
        name: "30 pods behind a slow balancer",
        replicas: 30,
        probe: true,
        propagation: 2.5,
        pre_stop: 1.0,
        views: 3,
        rate: 400.0,
        end: 320.0,
        ..without_probe()
    }
}

pub fn options() -> RunOptions {
    RunOptions { replications: 20, ..RunOptions::default() }
}

pub fn answer(case: &Case) -> Answer {
    let replications = replications(case);
    let blame = blame(&replications);
    Answer::new(&scenario(case), &options(), &replications, blame)
}

pub fn replications(case: &Case) -> Vec<Replication> {
    (0..20).map(|i| replication(case, Seed(1).replication(i))).collect()
}

fn at(s: f64) -> Time {
    Time::from_secs_f64(s)
}

pub fn replication(case: &Case, seed: Seed) -> Replication {
    let timeline = timeline(case, seed);
    let traffic = traffic(case, &timeline);
    let ready = timeline.pods.iter().filter(|p| p.created >= Time::ZERO).map(|p| p.ready).max();
    let gone = timeline.pods.iter().filter(|p| p.created < Time::ZERO).map(|p| p.removed).max();
    let done = !case.stuck;
    Replication {
        seed: seed.0,
        digest: seed.uniform("digest", 0).to_bits(),
        further: Vec::new(),
        rollout: RolloutOutcome {
            complete: ready.filter(|_| done).map(|t| t - Time::ZERO),
            last_pod_gone: gone.filter(|_| done).map(|t| t - Time::ZERO),
            peak_pods: case.replicas + 1 + u32::from(case.pre_stop > 2.0),
            lowest_available: case.replicas,
            progress_deadline_exceeded: case.stuck.then(|| at(30.0)),
            surge_pod_seconds: 12.5,
            stuck: case.stuck.then(stuck_probe).into_iter().collect(),
            ..RolloutOutcome::default()
        },
        traffic,
        timeline: Some(timeline),
    }
}

/// Its new pods are not ready in time.
fn stuck_probe() -> Stuck {
    Stuck {
        action: 0,
        since: at(1.2),
        until: at(60.0),
        for_good: false,
        deployment: None,
        why: Why::Starting { pods: 1 },
    }
}

fn timeline(case: &Case, seed: Seed) -> Timeline {
    let mut pods = Vec::new();
    let mut now = 0.1;
    for i in 0..case.replicas {
        let luck = seed.uniform("start", u64::from(i));
        let started = now + 1.0 + luck;
        let listening = started + case.listens_after;
        let ready = match (case.stuck, case.probe) {
            (true, _) => f64::INFINITY,
            (false, true) => listening + 1.0 + 2.0 * seed.uniform("probe", u64::from(i)),
            (false, false) => started + 0.1,
        };
        let deleted = ready + 0.05;
        pods.push(pod(name("old", i), 0, [-60.0, -58.0, -55.0], Some(deleted), case));
        pods.push(pod(name("new", i), 1, [now, started, listening], None, case));
        let new = pods.last_mut().expect("just pushed");
        new.ready = if ready.is_finite() { at(ready) } else { Time::NEVER };
        if case.stuck {
            let old = pods.len() - 2;
            pods[old] = pod(name("old", i), 0, [-60.0, -58.0, -55.0], None, case);
            if i > 0 {
                pods.pop();
            }
        }
        now = if case.stuck { now } else { deleted };
    }
    let views = (0..case.views).map(|v| view(case, &pods, v, seed)).collect();
    let complete = pods.iter().map(|p| p.ready).filter(|t| !t.is_never()).max();
    let mut milestones = vec![(Time::ZERO, Milestone::Action("rollout restart".into()))];
    match case.stuck {
        true => milestones.push((at(30.0), Milestone::ProgressDeadlineExceeded)),
        false => milestones.extend(complete.map(|t| (t, Milestone::Complete))),
    }
    let mut timeline = Timeline {
        start: at(-10.0),
        end: at(case.end),
        versions: vec![version("v1"), version("v2")],
        pods: pods.into(),
        views,
        milestones,
        ..Timeline::default()
    };
    timeline.enter(&(0..case.views).map(|v| (ViewId(v), 1.0)).collect::<Vec<_>>());
    timeline
}

fn version(name: &str) -> Version {
    Version {
        name: name.into(),
        service: Dist::constant(0.02),
        concurrency: None,
        queue: None,
        backlog: false,
        keep_alive_timeout: None,
        connections: None,
        pace: rollsim::timeline::Pace::default(),
        calls: Vec::new(),
    }
}

fn name(set: &str, number: u32) -> PodName {
    PodName { deployment: format!("web-{set}").into(), number }
}

/// A pod created, started and listening at these times, and deleted or not.
fn pod(name: PodName, version: u16, t: [f64; 3], deleted: Option<f64>, case: &Case) -> PodTruth {
    let sigterm = deleted.map_or(Time::NEVER, |d| at(d + case.pre_stop + 0.02));
    let exit = if sigterm.is_never() { Time::NEVER } else { sigterm + Dur::from_millis(300) };
    let removed = if exit.is_never() { Time::NEVER } else { exit + Dur::from_millis(900) };
    let mut phases = vec![(at(t[1] - 0.5), Phase::Refusing), (at(t[2]), Phase::Serving)];
    if !exit.is_never() {
        phases.push((sigterm, Phase::Refusing));
        phases.push((exit + Dur::from_millis(500), Phase::Unreachable));
    }
    PodTruth {
        name,
        version,
        node: NodeId(version),
        created: at(t[0]),
        scheduled: at(t[0] + 0.02),
        running_seen: at(t[1] + 0.08),
        ready: at(t[2] + 0.5),
        deleted: deleted.map_or(Time::NEVER, at),
        sigterm,
        unready: exit,
        removed,
        restarts: 0,
        phases: phases.into(),
        conditions: Vec::new(),
        proxy: None,
        captured: false,
        cuts: Vec::new(),
        lives: [Life {
            started: at(t[1]),
            listening: at(t[2]),
            own: Time::ALWAYS,
            sigterm,
            stop_accept: sigterm,
            reset_until: Time::ALWAYS,
            cut: exit,
            exit,
            ended_by: if exit.is_never() { LifeEnd::Running } else { LifeEnd::Sigterm },
        }]
        .into(),
    }
}

fn view(case: &Case, pods: &[PodTruth], index: u32, seed: Seed) -> View {
    let delay = |i: usize| {
        let luck = seed.uniform("view", u64::from(index) * 1000 + i as u64);
        Dur::from_secs_f64(case.propagation * (0.5 + luck))
    };
    let mut initial = Vec::new();
    let mut changes = Vec::new();
    for (i, pod) in pods.iter().enumerate() {
        let target = Target::Pod(PodId(i as u32));
        if pod.created < Time::ZERO {
            initial.push(Backend { target, weight: 1.0 });
        } else if !pod.ready.is_never() {
            let kind = ChangeKind::Add { weight: 1.0 };
            changes.push(ViewChange { at: pod.ready + delay(i), target, kind });
        }
        if !pod.deleted.is_never() {
            changes.push(ViewChange {
                at: pod.deleted + delay(i),
                target,
                kind: ChangeKind::Remove,
            });
        }
    }
    changes.sort_by_key(|c| c.at);
    let name = format!("kube-proxy on node-{}", ["a", "b", "c"][index as usize]);
    let hop = Hop { pick: Pick::Random, l7: None, empty: Empty::Refuse };
    View { name, hop, initial, changes, gaps: vec![], near: None }
}

/// Expected losses in steps of 20 ms.
fn traffic(case: &Case, timeline: &Timeline) -> TrafficOutcome {
    const STEP: f64 = 0.02;
    let mut out = TrafficOutcome {
        answered_by_version: vec![0.0; 2],
        by_pod: vec![0.0; timeline.pods.len()],
        ..TrafficOutcome::default()
    };
    let steps = ((timeline.end - timeline.start).as_secs_f64() / STEP) as i64;
    for i in 0..steps {
        let now = timeline.start + Dur::from_secs_f64(i as f64 * STEP);
        for (id, share) in timeline.entries() {
            let backends = backends(&timeline.views[id.0 as usize], now);
            let n = case.rate * STEP * share / backends.len() as f64;
            for pod in backends {
                request(&mut out, timeline, now, (pod, id), n);
            }
        }
    }
    out.sent = case.rate * (timeline.end - timeline.start).as_secs_f64();
    out.variance = out.failed();
    out.probability_none = libm::exp(-out.failed());
    out.latency = Some(Latency {
        mean_s: 0.0204,
        min_s: 0.02,
        p50_s: 0.0201,
        p90_s: 0.021,
        p95_s: 0.0218,
        p99_s: 0.024,
        max_s: 0.031,
    });
    out
}

fn backends(view: &View, now: Time) -> Vec<PodId> {
    let mut set: std::collections::BTreeSet<Target> =
        view.initial.iter().map(|b| b.target).collect();
    for change in view.changes.iter().filter(|c| c.at <= now) {
        match change.kind {
            ChangeKind::Add { .. } => set.insert(change.target),
            ChangeKind::Remove => set.remove(&change.target),
        };
    }
    set.into_iter().filter_map(|t| if let Target::Pod(p) = t { Some(p) } else { None }).collect()
}

fn request(
    out: &mut TrafficOutcome,
    timeline: &Timeline,
    now: Time,
    (pod, view): (PodId, ViewId),
    n: f64,
) {
    let truth = &timeline.pods[pod.0 as usize];
    let second = out.by_second.entry((now.0.div_euclid(1_000_000_000)) as i32).or_default();
    second.answered.resize(2, 0.0);
    out.by_pod[pod.0 as usize] += n;
    let failure = match truth.phase_at(now) {
        Phase::Serving => {
            out.answered_by_version[usize::from(truth.version)] += n;
            second.answered[usize::from(truth.version)] += n;
            return;
        }
        Phase::Refusing | Phase::ProxyAlone => Failure::Refused,
        Phase::Unreachable => Failure::NoRoute,
        Phase::Silent => Failure::Timeout,
    };
    let cause = match truth.lives[0].listening <= now {
        false => Cause::NotListeningYet,
        true if failure == Failure::NoRoute => Cause::AddressGone,
        true => Cause::ProcessGone,
    };
    *second.failed.entry(failure).or_insert(0.0) += n;
    let key = LossKey { failure, cause, pod: Some(pod), view: Some(view) };
    *out.losses.entry(key).or_insert(0.0) += n;
    out.first_failure = out.first_failure.or(Some(now));
    out.last_failure = Some(now);
}

/// Two rows as blame would write them.
pub fn blame(replications: &[Replication]) -> Vec<BlameRow> {
    let mut means: BTreeMap<(Cause, Failure), f64> = BTreeMap::new();
    for r in replications {
        for (key, n) in &r.traffic.losses {
            *means.entry((key.cause, key.failure)).or_default() += n / replications.len() as f64;
        }
    }
    let timeline = replications[0].timeline.as_ref().expect("kept");
    means.into_iter().map(|((cause, failure), lost)| row(timeline, cause, failure, lost)).collect()
}

fn row(timeline: &Timeline, cause: Cause, failure: Failure, lost: f64) -> BlameRow {
    let early = cause == Cause::NotListeningYet;
    let pod = timeline.pods.iter().find(|p| (p.version == 1) == early).expect("there is one");
    let link = |at: Time, what: &str| ChainLink { at_s: at.as_secs_f64(), what: what.into() };
    let life = &pod.lives[0];
    let chain = if early {
        vec![
            link(pod.created, "created"),
            link(life.started, "process started"),
            link(pod.ready, "ready: a container without a probe counts as ready once it runs"),
            link(pod.ready + Dur::from_millis(400), "kube-proxy on node-a routes to it"),
            link(life.listening, "listens"),
        ]
    } else {
        vec![
            link(pod.deleted, "deleted, endpoint removed"),
            link(pod.sigterm, "SIGTERM: the listener closes"),
            link(pod.deleted + Dur::from_millis(500), "kube-proxy on node-b stops routing to it"),
            link(life.exit, "process gone"),
        ]
    };
    let none = Worth::Words(Words::new("none"));
    let one = Worth::Words(Words::new("one that passes only when the application listens"));
    let (setting, found, needed) = match early {
        true => ("readinessProbe", none, one),
        false => ("lifecycle.preStop.sleep.seconds", none, Worth::Seconds(1.0)),
    };
    let part = BlamePart {
        cause: rollsim::report::words::cause_key(cause).into(),
        cause_label: rollsim::report::words::cause_label(cause).into(),
        failure: rollsim::report::words::failure_key(failure),
        failure_label: rollsim::report::words::failure_label(failure),
        lost,
    };
    BlameRow {
        cause: part.cause.clone(),
        cause_label: part.cause_label.clone(),
        failure: part.failure.clone(),
        failure_label: part.failure_label.clone(),
        lost,
        parts: vec![part],
        pods: 2,
        example_pod: Some(pod.name.to_string()),
        setting: setting.into(),
        found,
        needed,
        removed_by: None,
        missing_s: Some(if early { 5.9 } else { 0.58 }),
        hop: None,
        chain,
        explanation: if early {
            "The pod is announced before its process listens, so the balancer sends requests to a \
             closed port."
                .into()
        } else {
            "SIGTERM arrives before the data planes have learned that the pod is going away.".into()
        },
    }
}

/// The scenario as a user would write it, read by the parser.
pub fn scenario(case: &Case) -> Scenario {
    let mut scenario = input(case).lower().unwrap_or_else(|e| panic!("{e}"));
    // Cards change; what the renderers are shown does not.
    let assumption = Assumption::new;
    scenario.assumptions = vec![
        assumption("watch_proxy", "5 ms from commit until kube-proxy sees it (not measured here)"),
        assumption("app.service", "20 ms to answer a request (nobody said)"),
    ];
    scenario.not_modelled = vec!["spec.template.spec.dnsPolicy".into()];
    scenario
}

/// The cases beside each other.
pub fn comparison(cases: &[Case]) -> Comparison {
    let read: Vec<(Input, Scenario)> = cases.iter().map(|c| (input(c), scenario(c))).collect();
    let part = |(case, (input, scenario)): (&Case, _)| Part {
        title: case.name.into(),
        about: String::new(),
        command: format!("rollsim run '{}'", case.name),
        input,
        scenario,
        answer: answer(case),
        replications: replications(case),
    };
    let parts: Vec<Part<'_>> =
        cases.iter().zip(&read).map(|(c, (i, s))| part((c, (i, s)))).collect();
    Comparison::new("rolling updates", &parts)
}

fn input(case: &Case) -> Input {
    let file = |name: &str, text: String| (name.to_owned(), text);
    let files = vec![
        file("manifest.yaml", manifest(case, "v1")),
        file("update.yaml", manifest(case, "v2")),
        file("case.toml", case_toml(case)),
    ];
    let source = Source::Folder { name: "example".into(), files };
    Input::load(&[source]).unwrap_or_else(|e| panic!("{e}"))
}

fn manifest(case: &Case, version: &str) -> String {
    let probe = case.probe.then_some(
        "\n        readinessProbe: {httpGet: {path: /ready, port: 8080}, periodSeconds: 2}",
    );
    let hook = (case.pre_stop > 0.0).then(|| {
        format!("\n        lifecycle: {{preStop: {{sleep: {{seconds: {}}}}}}}", case.pre_stop)
    });
    format!(
        "apiVersion: apps/v1
kind: Deployment
metadata: {{name: web}}
spec:
  replicas: {}
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web, version: {version}}}}}
    spec:
      containers:
      - name: web
        image: web:{version}
        ports: [{{containerPort: 8080}}]{}{}
---
apiVersion: v1
kind: Service
metadata: {{name: web}}
spec:
  selector: {{app: web}}
  ports: [{{port: 80, targetPort: 8080}}]
",
        case.replicas,
        probe.unwrap_or_default(),
        hook.unwrap_or_default()
    )
}

fn case_toml(case: &Case) -> String {
    format!(
        "schema = 1
name = '{}'
update = 'update.yaml'
horizon_s = 600
[traffic]
rate_per_s = {}
start_s = -10
duration_s = {}
[app]
start_delay_s = {}
service = {{ kind = 'constant', mean_s = 0.02 }}
on_sigterm = 'exit'
[action]
kind = 'rollout'
",
        case.name,
        case.rate,
        case.end + 10.0,
        case.listens_after
    )
}
