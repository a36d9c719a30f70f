//! What a sweep costs around its evaluator: the same points bare and swept (journal, rows, result files), on
//! the same threads. The overhead that counts is the difference per point, against a point of 20 rollouts of
//! 100 microseconds each.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use rollsim::engine::Seed;
use rollsim::sweep::{
    Ended, Evaluate, Figures, Format, Nothing, Plan, Point, Sweep, Unwatched, Value,
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

fn swept(plan: &Plan, work: &Work) {
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
    overhead(&plan, &work);
}

/// The two interleaved, so that other load on the machine hits both alike; in elapsed time and in processor
/// time (of all threads), which other load hardly touches.
fn overhead(plan: &Plan, work: &Work) {
    let time = |f: fn(&Plan, &Work)| {
        let (start, processor) = (Instant::now(), processor_s());
        f(plan, work);
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
        "sweep overhead, median of 9 interleaved pairs: {:.1} % elapsed, {:.1} % processor time",
        median(|p| p.0),
        median(|p| p.1)
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
criterion_main!(all);
