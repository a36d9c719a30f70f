//! What a sweep costs around its evaluator: the same points bare and swept (journal, rows, result files), on
//! the same threads. First with work of 100 microseconds a rollout, then with the simulator: bare are its
//! rollouts on scenarios that are lowered already, so that reading the settings of a point counts as the
//! sweep's.
//!
//! `cargo bench --bench sweep -- --grid [POINTS]` times the grid of 10,000 points x 20 rollouts of ten pods.

use criterion::{Criterion, Throughput, criterion_group};
use rollsim::engine::Seed;
use rollsim::input::{Input, Source};
use rollsim::run::{EvaluatorChoice, RunOptions, replicate};
use rollsim::scenario::Scenario;
use rollsim::sweep::{
    Ended, Evaluate, EvaluatorName, Figures, Format, Nothing, Plan, Point, Simulator, Sweep,
    Unwatched, Value,
};
use std::hint::black_box;
use std::ops::Range;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

/// Draws random numbers for as long as a rollout of ten pods takes.
struct Work {
    draws: u32,
}

impl Evaluate for Work {
    fn evaluate(
        &self,
        point: &[Value],
        replications: Range<u32>,
        seed: u64,
    ) -> Result<Vec<Figures>, String> {
        let shift = point[0].number().unwrap_or(0.0);
        let one = |i: u32| {
            let mut rng = Seed(seed).stream("work", u64::from(i));
            let sum: f64 = (0..self.draws).map(|_| rng.uniform()).sum();
            Figures {
                digest: sum.to_bits(),
                failed: (sum - f64::from(self.draws) / 2.0 - shift).max(0.0),
                duration_s: Some(sum),
                ..Figures::default()
            }
        };
        Ok(replications.map(one).collect())
    }

    fn fingerprint(&self) -> u64 {
        u64::from(self.draws)
    }
}

const POINTS: u64 = 1000;

fn plan() -> Plan {
    let text = "schema = 1\nbase = { scenario = 'x' }\nreplications = 20\n\
        [[axis]]\npath = 'a.x'\nfrom = 1\nto = 1000\nstep = 1\n";
    Plan::parse("plan.toml", text).expect("a plan")
}

fn bare(plan: &Plan, work: &Work) {
    use rayon::prelude::*;
    (0..plan.len() as usize).into_par_iter().with_max_len(1).for_each(|i| {
        let Point::Run(settings) = plan.point(i as u64) else { return };
        black_box(work.evaluate(&settings, 0..plan.replications, plan.seed).expect("runs"));
    });
}

fn swept(plan: &Plan, work: &dyn Evaluate) {
    let directory = tempfile::tempdir().expect("a folder");
    let sweep = Sweep { plan, text: "", evaluator: work, directory: directory.path(), shard: None };
    let ended = sweep.run(false, &AtomicBool::new(false), &Unwatched).expect("runs");
    let Ended::Complete(counts) = ended else { panic!("not complete") };
    sweep.finish(&counts, &Format::ALL, &mut Nothing).expect("written");
}

/// Enough draws for 100 microseconds on this machine.
fn calibrated() -> Work {
    let work = Work { draws: 100_000 };
    let start = Instant::now();
    for _ in 0..5 {
        black_box(work.evaluate(&[Value::Int(0)], 0..1, 1).expect("runs"));
    }
    let each = start.elapsed() / 5;
    Work { draws: (100_000.0 * 1e-4 / each.as_secs_f64()) as u32 }
}

fn benches(criterion: &mut Criterion) {
    let plan = plan();
    let work = calibrated();
    let mut group = criterion.benchmark_group("sweep");
    group.sample_size(10).measurement_time(Duration::from_secs(15));
    group.throughput(Throughput::Elements(POINTS));
    group.bench_function("bare", |b| b.iter(|| bare(&plan, &work)));
    group.bench_function("swept", |b| b.iter(|| swept(&plan, &work)));
    group.finish();
    overhead("100 us a rollout", &|| swept(&plan, &work), &|| bare(&plan, &work));
    simulated();
}

/// The two interleaved, so that other load on the machine hits both alike; in elapsed time and in processor
/// time (of all threads), which other load hardly touches.
fn overhead(name: &str, swept: &dyn Fn(), bare: &dyn Fn()) {
    let time = |f: &dyn Fn()| {
        let (start, processor) = (Instant::now(), processor_s());
        f();
        (start.elapsed().as_secs_f64(), processor_s() - processor)
    };
    let pairs: Vec<(f64, f64)> = (0..9)
        .map(|_| {
            let (swept, bare) = (time(swept), time(bare));
            (swept.0 / bare.0, swept.1 / bare.1)
        })
        .collect();
    let median = |get: fn(&(f64, f64)) -> f64| {
        let mut ratios: Vec<f64> = pairs.iter().map(get).collect();
        ratios.sort_by(f64::total_cmp);
        100.0 * (ratios[ratios.len() / 2] - 1.0)
    };
    println!(
        "sweep overhead, {name}, median of 9 interleaved pairs: {:.1} % elapsed, {:.1} % processor time",
        median(|p| p.0),
        median(|p| p.1)
    );
}

const MANIFEST: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 10
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: app
        image: registry.example/web:v1
        ports: [{containerPort: 8080}]
        readinessProbe: {httpGet: {port: 8080, path: /}, periodSeconds: 2}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports: [{port: 80, targetPort: 8080}]
";
const SCENARIO: &str = "
schema = 1
[traffic]
path = 'service'
rate_per_s = 100.0
arrivals = 'poisson'
[app]
card = 'go'
[action]
kind = 'rollout'
";

/// 20 x 4 x 5 points for each value of preStop.
fn grid(pre_stops: u64) -> String {
    format!(
        "schema = 1\nbase = {{ scenario = 'x' }}\nreplications = 20\n\
         [[axis]]\npath = 'preStop.sleep.seconds'\nfrom = 1\nto = {pre_stops}\nstep = 1\n\
         [[axis]]\npath = 'terminationGracePeriodSeconds'\nfrom = 30\nto = 68\nstep = 2\n\
         [[axis]]\npath = 'maxSurge'\nvalues = ['0%', '25%', '50%', '100%']\n\
         [[axis]]\npath = 'readinessProbe.periodSeconds'\nvalues = [1, 2, 3, 5, 10]\n"
    )
}

/// The plan of [`grid`] and the simulator for it.
fn simulator(pre_stops: u64) -> (Plan, Simulator) {
    let plan = Plan::parse("plan.toml", &grid(pre_stops)).expect("a plan");
    let file =
        |name: &str, text: &str| Source::Text { name: name.to_owned(), text: text.to_owned() };
    let sources = [file("web.yaml", MANIFEST), file("scenario.toml", SCENARIO)];
    let input = Input::load(&sources).expect("an input");
    let paths = plan.axes.iter().map(|a| a.path.clone()).collect();
    (plan, Simulator::new(input, paths, EvaluatorName::Exact))
}

/// The rollouts of these scenarios and nothing else.
fn bare_rollouts(plan: &Plan, scenarios: &[Scenario]) {
    use rayon::prelude::*;
    let evaluator = EvaluatorChoice::Exact;
    let options =
        RunOptions { seed: plan.seed, evaluator, keep_timelines: 0, ..RunOptions::default() };
    // No point of this plan changes the platform.
    let latencies = scenarios[0].platform.latencies();
    scenarios.par_iter().with_max_len(1).for_each(|scenario| {
        for i in 0..plan.replications {
            black_box(Figures::from(&replicate(scenario, &latencies, &options, i)));
        }
    });
}

fn simulated() {
    let (plan, simulator) = simulator(3);
    let scenario = |i: u64| match plan.point(i) {
        Point::Run(settings) => {
            let input = simulator.input_at(&settings).expect("it can be set");
            input.lower().expect("it can be run")
        }
        other => panic!("{other:?}"),
    };
    let scenarios: Vec<Scenario> = (0..plan.len()).map(scenario).collect();
    overhead("simulator", &|| swept(&plan, &simulator), &|| bare_rollouts(&plan, &scenarios));
}

/// Elapsed and processor time of the large grid.
fn time_grid(points: u64) {
    let (plan, simulator) = simulator(points.div_ceil(400));
    let (start, processor) = (Instant::now(), processor_s());
    swept(&plan, &simulator);
    println!(
        "{} points x {} rollouts: {:.1} s elapsed, {:.1} s of processor time, {} threads",
        plan.len(),
        plan.replications,
        start.elapsed().as_secs_f64(),
        processor_s() - processor,
        rayon::current_num_threads()
    );
}

/// Processor time of this process so far, where Linux tells it; else 0.
fn processor_s() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    // User and system time, in hundredths of a second.
    fields.skip(11).take(2).filter_map(|f| f.parse::<f64>().ok()).sum::<f64>() / 100.0
}

criterion_group!(all, benches);

fn main() {
    let mut arguments = std::env::args().skip_while(|a| a != "--grid");
    if arguments.next().is_some() {
        let points = arguments.find_map(|a| a.parse().ok());
        return time_grid(points.unwrap_or(10_000));
    }
    all();
    Criterion::default().configure_from_args().final_summary();
}
