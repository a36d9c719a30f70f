//! Requests a second of each loop, and the time of `exact`, against the textbook loop in the same process.
//!
//! `cargo bench --bench traffic` measures everything with criterion; with `-- --ratios` it prints the tables of
//! `benches/README.md` instead, each round running every row once, and with `-- --exact` the second one
//! alone; `-- --profile PODS RATE COUNT [even]` evaluates one row of `exact` for a profiler.

mod textbook;
mod workload;

use criterion::{BenchmarkId, Criterion, Throughput};
use rollsim::engine::{Dur, Seed};
use rollsim::timeline::{Asked, Pick, PodId, Timeline};
use rollsim::traffic::offered::{Arrivals, Traffic};
use rollsim::traffic::requests::Simulation;
use rollsim::traffic::{self, EvaluatorChoice};
use std::hint::black_box;
use std::time::Instant;

/// One row: a name and what to run.
struct Row {
    name: &'static str,
    timeline: Timeline,
    traffic: Traffic,
    loop_: Loop,
}

#[derive(Clone, Copy, PartialEq)]
enum Loop {
    Textbook,
    /// The one that the traffic needs.
    Fit,
    /// In steps, as with a control plane of a dozen events a second beside it.
    Stepped,
    /// The same, with a hundred probes a second that wait among the requests.
    Probed,
}

fn rows(seconds: f64) -> Vec<Row> {
    let poisson = workload::poisson(10_000.0, seconds);
    let row = |name, pick, loop_| Row {
        name,
        timeline: workload::rollout(100, pick),
        traffic: poisson.clone(),
        loop_,
    };
    let mut kept = row("kept connections", Pick::Random, Loop::Fit);
    (kept.traffic.client.keep_alive, kept.traffic.client.retry_reused) = (true, true);
    let mut rich = row("limit, queue, retry; random", Pick::RoundRobin, Loop::Fit);
    limit(&mut rich);
    let mut rich_least =
        row("limit, queue, retry; least outstanding", Pick::LeastOutstanding, Loop::Fit);
    limit(&mut rich_least);
    let mut stepped = row("stepped", Pick::RoundRobin, Loop::Stepped);
    limit(&mut stepped);
    stepped.name = "stepped: limit, queue, retry; round robin";
    let mut probed = row("stepped", Pick::RoundRobin, Loop::Probed);
    limit(&mut probed);
    probed.name = "stepped with probes: limit, queue, retry; round robin";
    vec![
        row("textbook, round robin", Pick::RoundRobin, Loop::Textbook),
        row("textbook, least outstanding", Pick::LeastOutstanding, Loop::Textbook),
        row("random", Pick::Random, Loop::Fit),
        row("round robin", Pick::RoundRobin, Loop::Fit),
        row("least outstanding", Pick::LeastOutstanding, Loop::Fit),
        row("two choices", Pick::TwoChoices, Loop::Fit),
        rich,
        rich_least,
        kept,
        stepped,
        probed,
    ]
}

/// Eight requests at a time, sixteen wait, one retry after 50 ms.
fn limit(row: &mut Row) {
    row.name = match row.timeline.views[0].hop.pick {
        Pick::RoundRobin => "limit, queue, retry; round robin",
        _ => "limit, queue, retry; least outstanding",
    };
    for version in &mut row.timeline.versions {
        (version.concurrency, version.queue) = (Some(8), Some(16));
    }
    row.traffic.client.retries = 1;
    row.traffic.client.retry_backoff = Dur::from_millis(50);
}

fn run(row: &Row) -> f64 {
    let Row { timeline, traffic, .. } = row;
    match row.loop_ {
        Loop::Textbook => textbook::run(timeline, traffic, Seed(1)).sent as f64,
        Loop::Fit => traffic::evaluate(timeline, traffic, Seed(1), EvaluatorChoice::Requests).sent,
        Loop::Stepped => {
            let mut simulation = Simulation::new(timeline, traffic, Seed(1));
            let mut now = timeline.start;
            while now < timeline.end {
                now += Dur::from_millis(80);
                simulation.advance(timeline, now);
            }
            simulation.finish(timeline).sent
        }
        Loop::Probed => probed(timeline, traffic),
    }
}

/// As in steps, and each pod is probed once a second: the loop stops for every answer.
fn probed(timeline: &Timeline, traffic: &Traffic) -> f64 {
    let mut simulation = Simulation::new(timeline, traffic, Seed(1));
    let (mut now, mut number) = (timeline.start, 0);
    while now < timeline.end {
        now += Dur::from_millis(10);
        let pod = PodId(number % timeline.pods.len() as u32);
        let (container, kind, takes, connects) = (0, 0, Dur::ZERO, false);
        simulation.ask(Asked { pod, container, kind, number, at: now, takes, connects });
        number += 1;
        loop {
            simulation.advance(timeline, now);
            if simulation.told.is_empty() {
                break;
            }
            simulation.told.clear();
        }
    }
    simulation.finish(timeline).sent
}

/// Processor time of this thread in seconds where Linux tells it (a shared machine's wall clock says little),
/// else wall time.
fn clock_s(start: Instant) -> f64 {
    // Leaving the processor brings the account up to date.
    std::thread::yield_now();
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let ns = stat.and_then(|s| s.split(' ').next().and_then(|ns| ns.parse::<f64>().ok()));
    ns.map_or_else(|| start.elapsed().as_secs_f64(), |ns| ns * 1e-9)
}

fn seconds_of(work: impl FnOnce() -> f64) -> (f64, f64) {
    let start = Instant::now();
    let before = clock_s(start);
    let result = black_box(work());
    (clock_s(start) - before, result)
}

/// Medians over interleaved rounds.
fn ratios() {
    let rows = rows(600.0);
    let mut ns: Vec<Vec<f64>> = vec![Vec::new(); rows.len()];
    for _ in 0..5 {
        for (row, ns) in rows.iter().zip(&mut ns) {
            let (seconds, sent) = seconds_of(|| run(row));
            ns.push(seconds * 1e9 / sent);
        }
    }
    let medians: Vec<f64> = ns.iter_mut().map(|ns| median(ns)).collect();
    println!("| loop | ns/request | M requests/s | against textbook |\n|---|---|---|---|");
    for (row, ns) in rows.iter().zip(&medians) {
        let (million, ratio) = (1e3 / ns, medians[0] / ns);
        println!("| {} | {ns:.1} | {million:.1} | {ratio:.1} |", row.name);
    }
    println!();
    exact_rows();
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Medians of each row of `exact`.
fn exact_rows() {
    println!("| exact | microseconds |\n|---|---|");
    for (pods, rate) in [(100, 1.0), (100, 1e3), (100, 1e6), (1000, 1e3), (10_000, 1e3)] {
        let timeline = workload::rollout(pods, Pick::Random);
        for (name, arrivals) in [("Poisson", Arrivals::Poisson), ("even", Arrivals::Even)] {
            let traffic = Traffic { arrivals, ..workload::poisson(rate, 600.0) };
            // Many at a time: the clock is read from a file, and other processes take the caches.
            let count = (2000 / pods).max(1);
            let batch = || (0..count).map(|_| exact(&timeline, &traffic)).sum();
            let mut us: Vec<f64> =
                (0..21).map(|_| seconds_of(batch).0 * 1e6 / count as f64).collect();
            println!("| {pods} pods, {rate} requests/s, {name} | {:.0} |", median(&mut us));
        }
    }
}

/// One row, again and again: pods, requests a second, how often, and perhaps "even".
fn profile(arguments: &[String]) {
    let number = |i: usize| arguments[i].parse::<f64>().expect("a number");
    let timeline = workload::rollout(number(0) as usize, Pick::Random);
    let mut traffic = workload::poisson(number(1), 600.0);
    if arguments.get(3).is_some_and(|a| a == "even") {
        traffic.arrivals = Arrivals::Even;
    }
    for _ in 0..number(2) as u64 {
        black_box(exact(&timeline, &traffic));
    }
}

fn exact(timeline: &Timeline, traffic: &Traffic) -> f64 {
    traffic::evaluate(timeline, traffic, Seed(1), EvaluatorChoice::Exact).failed()
}

fn criterion_benches(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("requests");
    group.sample_size(10);
    for row in rows(60.0) {
        group.throughput(Throughput::Elements(600_000));
        group.bench_function(row.name, |b| b.iter(|| black_box(run(&row))));
    }
    group.finish();
    let mut group = criterion.benchmark_group("exact");
    for rate in [1.0, 1e3, 1e6] {
        let timeline = workload::rollout(100, Pick::Random);
        let traffic = workload::poisson(rate, 600.0);
        let id = BenchmarkId::new("100 pods", rate);
        group.bench_function(id, |b| b.iter(|| black_box(exact(&timeline, &traffic))));
    }
    group.finish();
}

fn main() {
    // `cargo bench` adds an argument of its own.
    let arguments: Vec<String> = std::env::args().filter(|a| a != "--bench").collect();
    match arguments.get(1).map(String::as_str) {
        Some("--ratios") => return ratios(),
        Some("--exact") => return exact_rows(),
        Some("--profile") => return profile(&arguments[2..]),
        _ => {}
    }
    let mut criterion = Criterion::default().configure_from_args();
    criterion_benches(&mut criterion);
    criterion.final_summary();
}
