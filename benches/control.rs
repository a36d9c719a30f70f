//! The control simulation: rollouts a second, how the cost grows with pods, replications on two threads.
//!
//! `cargo bench --bench control` measures with criterion; with `-- --ratios` it prints the tables of
//! `benches/README.md`, each round running every row once; `-- --profile PODS NODES COUNT [PATH]` runs one
//! row for a profiler; `-- --capacity` times a question of capacity (30 rates, 20 rollouts of 10 pods each);
//! `-- --cluster [NODES,…]` updates the node group of whole clusters, of ten pods on each node.

mod cluster;
mod textbook;
mod workload;

use criterion::{BenchmarkId, Criterion, Throughput};
use rollsim::engine::{Dur, Seed, Time};
use rollsim::input::{Input, Source};
use rollsim::model::platform::Latencies;
use rollsim::run::{self, EvaluatorChoice, RunOptions};
use rollsim::scenario::Scenario;
use rollsim::timeline::Pick;
use rollsim::traffic;
use rollsim::world::{self, Control};
use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Instant;

/// What a path needs besides the Deployment and the Service: its annotations of the Service, and an Ingress.
/// "alb ip": the targets are pods; "alb": nodes.
fn network(path: &str) -> (&str, &'static str, String) {
    let ingress = |annotations: &str| {
        format!(
            "---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {{ name: web, annotations: {{ {annotations} }} }}
spec:
  rules:
  - http: {{ paths: [ {{ path: /, pathType: Prefix, backend: {{ service: {{ name: web, port: {{ number: 80 }} }} }} }} ] }}
"
        )
    };
    match path {
        "alb ip" => ("alb", "", ingress("alb.ingress.kubernetes.io/target-type: ip")),
        "nlb ip" => {
            let key = "service.beta.kubernetes.io/aws-load-balancer-nlb-target-type: ip";
            ("nlb", key, String::new())
        }
        path => (path, "", String::new()),
    }
}

/// A rollout of `pods` replicas on `nodes` nodes, by a quarter at a time, to the end.
fn scenario(pods: u32, nodes: u32, path: &str) -> Scenario {
    let (path, annotations, ingress) = network(path);
    let manifest = format!(
        "apiVersion: apps/v1
kind: Deployment
metadata: {{ name: web }}
spec:
  replicas: {pods}
  selector: {{ matchLabels: {{ app: web }} }}
  template:
    metadata: {{ labels: {{ app: web }} }}
    spec:
      containers:
      - name: app
        image: registry.example/web:v1
        ports: [ {{ containerPort: 8080 }} ]
        readinessProbe:
          httpGet: {{ path: /ready, port: 8080 }}
          periodSeconds: 2
---
apiVersion: v1
kind: Service
metadata: {{ name: web, annotations: {{ {annotations} }} }}
spec:
  selector: {{ app: web }}
  ports: [ {{ port: 80, targetPort: 8080 }} ]
{ingress}"
    );
    let case = format!(
        "schema = 1
[traffic]
path = '{path}'
rate_per_s = 100.0
[app]
start_delay_s = 3.0
on_sigterm = 'exit'
[[nodes]]
name = 'node'
count = {nodes}
max_pods = 100000
[action]
kind = 'rollout'
"
    );
    let text = |name: &str, text: String| Source::Text { name: name.to_owned(), text };
    let sources = [text("web.yaml", manifest), text("scenario.toml", case)];
    let input = Input::load(&sources).unwrap_or_else(|e| panic!("{e}"));
    let mut scenario = input.lower().unwrap_or_else(|e| panic!("{e}"));
    scenario.horizon = scenario.horizon.max(Time::from_secs_f64(f64::from(pods)));
    scenario
}

/// One row: its scenario, compiled.
struct Row {
    name: String,
    pods: u32,
    scenario: Scenario,
    latencies: Latencies,
}

impl Row {
    fn new(pods: u32, nodes: u32, path: &str) -> Row {
        let mut row = scenario(pods, nodes, path);
        let latencies = row.platform.latencies();
        if path != "service" {
            // Health checks and polls never end: they stop two minutes after the rollout.
            let control = world::simulate(&scenario(pods, nodes, "service"), &latencies, Seed(1));
            let complete = control.rollout.complete.expect("the rollout completes");
            row.horizon = Time::ZERO + complete + Dur::from_secs(120);
        }
        let scenario = row;
        let name = format!("{pods} pods on {nodes} nodes, {path}");
        Row { name, pods, scenario, latencies }
    }

    fn simulate(&self, seed: u64) -> Control {
        world::simulate(&self.scenario, &self.latencies, Seed(1).replication(seed))
    }

    /// Simulates and integrates.
    fn replicate(&self, seed: u64) -> f64 {
        let control = self.simulate(seed);
        let choice = EvaluatorChoice::Exact;
        traffic::evaluate(&control.timeline, &self.scenario.traffic, Seed(seed), choice).failed()
    }
}

fn rows() -> Vec<Row> {
    let sizes = [(10, 1), (10, 10), (100, 10), (1000, 10), (10_000, 10), (1000, 1), (10_000, 100)];
    let mut rows: Vec<Row> =
        sizes.into_iter().map(|(pods, nodes)| Row::new(pods, nodes, "service")).collect();
    let paths = ["alb", "alb ip", "nlb ip", "ingress-nginx", "haproxy", "metallb-l2"];
    for (path, pods) in paths.into_iter().flat_map(|path| [100, 1000, 10_000].map(|n| (path, n))) {
        rows.push(Row::new(pods, 10, path));
    }
    rows
}

/// Processor time of this thread in seconds where Linux tells it, else wall time.
fn clock_s(start: Instant) -> f64 {
    // Leaving the processor brings the account up to date.
    std::thread::yield_now();
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let ns = stat.and_then(|s| s.split(' ').next().and_then(|ns| ns.parse::<f64>().ok()));
    ns.map_or_else(|| start.elapsed().as_secs_f64(), |ns| ns * 1e-9)
}

fn seconds_of(work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    let before = clock_s(start);
    work();
    clock_s(start) - before
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Nanoseconds per request of the textbook loop: what ratios refer to.
fn textbook_ns() -> f64 {
    let timeline = workload::rollout(100, Pick::RoundRobin);
    let traffic = workload::poisson(10_000.0, 60.0);
    let mut sent = 1.0;
    let seconds = seconds_of(|| sent = textbook::run(&timeline, &traffic, Seed(1)).sent as f64);
    seconds * 1e9 / sent
}

/// Medians over interleaved rounds.
fn ratios() {
    let rows = rows();
    let mut textbook = Vec::new();
    let mut times: Vec<[Vec<f64>; 2]> = rows.iter().map(|_| [Vec::new(), Vec::new()]).collect();
    for round in 0..3 {
        textbook.push(textbook_ns());
        for (row, times) in rows.iter().zip(&mut times) {
            let count = u64::from((20_000 / row.pods).max(1));
            let each = |f: &dyn Fn(u64)| {
                seconds_of(|| (0..count).for_each(|i| f(round * count + i))) * 1e6 / count as f64
            };
            times[0].push(each(&|seed| drop(black_box(row.simulate(seed)))));
            times[1].push(each(&|seed| _ = black_box(row.replicate(seed))));
        }
    }
    let textbook = median(&mut textbook);
    println!("textbook loop: {textbook:.0} ns/request\n");
    println!(
        "| rollout | events | simulate, us | us/pod | ns/event | against textbook | + exact, us |"
    );
    println!("|---|---|---|---|---|---|---|");
    for (row, times) in rows.iter().zip(&mut times) {
        let control = row.simulate(0);
        assert!(control.rollout.complete.is_some(), "{}: {:?}", row.name, control.rollout);
        let (us, both) = (median(&mut times[0]), median(&mut times[1]));
        let event = us * 1e3 / control.events as f64;
        println!(
            "| {} | {} | {us:.0} | {:.1} | {event:.0} | {:.1} | {:.0} |",
            row.name,
            control.events,
            us / f64::from(row.pods),
            textbook / event,
            both - us,
        );
    }
    threads();
}

/// `run::run` on one thread and on two, interleaved; wall time.
fn threads() {
    let row = Row::new(10, 1, "service");
    let options = RunOptions {
        replications: 4000,
        keep_timelines: 0,
        evaluator: EvaluatorChoice::Exact,
        ..RunOptions::default()
    };
    let pools = [1, 2].map(|threads| {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads")
    });
    let mut ratios: Vec<f64> = (0..15)
        .map(|_| {
            let [one, two] = pools.each_ref().map(|pool| {
                let start = Instant::now();
                black_box(pool.install(|| run::run(&row.scenario, &options)));
                start.elapsed().as_secs_f64()
            });
            one / two
        })
        .collect();
    println!("\n4,000 replications of 10 pods, two threads over one: {:.2}", median(&mut ratios));
}

/// What a question of capacity asks for: 30 rates, 20 rollouts of 10 pods each, about 1,000 requests a second
/// beside probes that wait among them; wall time on all processors.
fn capacity() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/experiments/peak-load");
    let mut input = Input::load(&[Source::Path(folder.into())]).expect("an experiment");
    for (path, value) in
        [("replicas", "10"), ("app.concurrency", "16"), ("traffic.rate_per_s", "1000")]
    {
        input.set(path, value).expect("a setting");
    }
    let scenario = input.lower().expect("valid");
    let options = RunOptions { replications: 20, keep_timelines: 0, ..RunOptions::default() };
    let start = Instant::now();
    let mut sent = 0.0;
    for step in 0..30 {
        let rate = 400.0 + 40.0 * f64::from(step);
        let runs = run::run(&rollsim::sweep::capacity::at_rate(&scenario, rate), &options);
        sent += runs.iter().map(|r| r.traffic.sent).sum::<f64>();
    }
    let seconds = start.elapsed().as_secs_f64();
    let million = sent / seconds / 1e6;
    println!("capacity, 30 rates x 20 rollouts: {seconds:.1} s, {million:.2} million requests/s");
}

/// A replication of a whole cluster's maintenance, and what growth comes to against the size before.
fn clusters(sizes: &[u32]) {
    println!("| nodes | pods | workloads | events | simulate, s | + exact, s | us/pod | digest |");
    println!("|---|---|---|---|---|---|---|---|");
    for &nodes in sizes {
        let scenario = cluster::update(nodes);
        let latencies = scenario.platform.latencies();
        let options = RunOptions { replications: 1, keep_timelines: 0, ..RunOptions::default() };
        let mut events = 0;
        let seed = Seed(options.seed).replication(0);
        let simulated = seconds_of(|| events = world::simulate(&scenario, &latencies, seed).events);
        let mut digest = 0;
        let both = seconds_of(|| {
            let replication = run::replicate(&scenario, &latencies, &options, 0);
            assert_eq!(replication.rollout.stuck, [], "the update comes to its end");
            digest = replication.digest;
        });
        println!(
            "| {nodes} | {} | {} | {events} | {simulated:.2} | {:.2} | {:.0} | {digest:016x} |",
            10 * nodes,
            scenario.workloads.len(),
            both - simulated,
            both * 1e6 / f64::from(10 * nodes),
        );
    }
}

/// How often each kind of event happens in one run.
fn events(row: &Row) {
    let mut kinds: BTreeMap<String, u32> = BTreeMap::new();
    let mut count = |moment: world::Moment<'_>| {
        let name: String =
            format!("{:?}", moment.event).chars().filter(|c| !c.is_ascii_digit()).collect();
        *kinds
            .entry(name.split(&[' ', '{'][..]).next().unwrap_or_default().to_owned())
            .or_default() += 1;
    };
    world::trace(&row.scenario, &row.latencies, Seed(1), &mut count);
    kinds.iter().for_each(|(kind, count)| println!("{count:8} {kind}"));
}

fn criterion_benches(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("control");
    group.sample_size(10);
    for row in rows() {
        group.throughput(Throughput::Elements(u64::from(row.pods)));
        let mut seed = 0;
        let mut next = move || {
            seed += 1;
            seed
        };
        let id = BenchmarkId::new("simulate", &row.name);
        group.bench_function(id, |b| b.iter(|| black_box(row.simulate(next()))));
        let id = BenchmarkId::new("simulate and exact", &row.name);
        group.bench_function(id, |b| b.iter(|| black_box(row.replicate(next()))));
    }
    group.finish();
}

fn main() {
    // `cargo bench` adds an argument of its own.
    let arguments: Vec<String> = std::env::args().filter(|a| a != "--bench").collect();
    if let Some(at) = arguments.iter().position(|a| a == "--profile") {
        let number = |i: usize| arguments[at + i].parse().expect("a number");
        let path = arguments.get(at + 4).map_or("service", String::as_str);
        let row = Row::new(number(1), number(2), path);
        for seed in 0..u64::from(number(3)) {
            black_box(row.simulate(seed));
        }
        return events(&row);
    }
    if let Some(at) = arguments.iter().position(|a| a == "--cluster") {
        let sizes = arguments.get(at + 1).map_or("100,300,1000", String::as_str);
        let sizes: Vec<u32> =
            sizes.split(',').map(|n| n.parse().expect("numbers of nodes")).collect();
        return clusters(&sizes);
    }
    if arguments.iter().any(|a| a == "--capacity") {
        return capacity();
    }
    if arguments.iter().any(|a| a == "--ratios") {
        return ratios();
    }
    let mut criterion = Criterion::default().configure_from_args();
    criterion_benches(&mut criterion);
    criterion.final_summary();
}
