//! The workload of benches/traffic.rs on nexosim, on one thread: a hundred pods replaced ten at a time, round
//! robin, with a balancer and pods as models.

use nexosim::model::{Context, Model, schedulable};
use nexosim::ports::{Output, QuerySource};
use nexosim::simulation::{Mailbox, SimInit, SimulationError};
use nexosim::time::MonotonicTime;
use serde::{Deserialize, Serialize};
use std::time::Duration;

const PODS: usize = 100;
const SERVICE_S: f64 = 0.05;
const PERIOD_S: f64 = 30.0;

/// Xorshift: models have to be serializable, with all they hold.
#[derive(Serialize, Deserialize)]
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn uniform(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((self.0 >> 11) as f64 + 0.5) / 9_007_199_254_740_992.0
    }

    fn exponential(&mut self, mean: f64) -> f64 {
        -mean * self.uniform().ln()
    }
}

/// At least a nanosecond: nothing can be scheduled for now.
fn seconds(s: f64) -> Duration {
    Duration::from_secs_f64(s).max(Duration::from_nanos(1))
}

#[derive(Serialize, Deserialize)]
struct Balancer {
    requests: Vec<Output<()>>,
    random: Random,
    rate: f64,
    end: f64,
    listed: Vec<usize>,
    cursor: usize,
    /// When pods are listed and no longer listed, in seconds.
    changes: Vec<(f64, usize, bool)>,
    /// Sent, answered, refused, cut.
    counts: [u64; 4],
}

#[Model]
impl Balancer {
    #[nexosim(init)]
    async fn init(&mut self, cx: &Context<Self>) {
        for &(at, pod, listed) in &self.changes {
            cx.schedule_event(seconds(at), schedulable!(Self::list), (pod, listed))
                .expect("later");
        }
        cx.schedule_event(seconds(0.0), schedulable!(Self::arrive), ()).expect("later");
    }

    #[nexosim(schedulable)]
    async fn arrive(&mut self, _: (), cx: &Context<Self>) {
        self.counts[0] += 1;
        self.cursor = (self.cursor + 1) % self.listed.len();
        self.requests[self.listed[self.cursor]].send(()).await;
        let gap = self.random.exponential(1.0 / self.rate);
        let now = cx.time().duration_since(MonotonicTime::EPOCH).as_secs_f64();
        if now + gap < self.end {
            cx.schedule_event(seconds(gap), schedulable!(Self::arrive), ()).expect("later");
        }
    }

    #[nexosim(schedulable)]
    async fn list(&mut self, (pod, listed): (usize, bool)) {
        match listed {
            true => self.listed.push(pod),
            false => self.listed.retain(|p| *p != pod),
        }
    }

    async fn answer(&mut self, outcome: u8) {
        self.counts[1 + usize::from(outcome)] += 1;
    }

    async fn counts(&mut self, _: ()) -> [u64; 4] {
        self.counts
    }
}

#[derive(Serialize, Deserialize)]
struct Pod {
    answers: Output<u8>,
    random: Random,
    cut_at: f64,
}

#[Model]
impl Pod {
    async fn request(&mut self, _: (), cx: &Context<Self>) {
        let now = cx.time().duration_since(MonotonicTime::EPOCH).as_secs_f64();
        if now >= self.cut_at {
            self.answers.send(1).await;
            return;
        }
        let service = self.random.exponential(SERVICE_S);
        let cut = now + service > self.cut_at;
        let delay = if cut { self.cut_at - now } else { service };
        let outcome = if cut { 2 } else { 0 };
        cx.schedule_event(seconds(delay), schedulable!(Self::done), outcome).expect("later");
    }

    #[nexosim(schedulable)]
    async fn done(&mut self, outcome: u8) {
        self.answers.send(outcome).await;
    }
}

fn main() -> Result<(), SimulationError> {
    let mut arguments = std::env::args().skip(1).filter_map(|a| a.parse().ok());
    let (rate, end) = (arguments.next().unwrap_or(10_000.0), arguments.next().unwrap_or(600.0));
    let mut control = Random::new(1);
    let mut balancer = Balancer {
        requests: Vec::new(),
        random: Random::new(2),
        rate,
        end,
        listed: (0..PODS).collect(),
        cursor: 0,
        changes: Vec::new(),
        counts: [0; 4],
    };
    let balancer_box = Mailbox::new();
    let mut bench = SimInit::with_num_threads(1);
    for i in 0..2 * PODS {
        let mut cut_at = f64::INFINITY;
        if i < PODS {
            let begin = 30.0 + PERIOD_S * (i / 10) as f64;
            let deleted = begin + 5.0 + 0.5 * control.uniform();
            cut_at = deleted + 0.5;
            let learns = deleted + 0.1 + 0.9 * control.uniform();
            balancer.changes.push((begin, PODS + i, true));
            balancer.changes.push((learns, i, false));
        }
        let mut pod =
            Pod { answers: Output::default(), random: Random::new(3 + i as u64), cut_at };
        pod.answers.connect(Balancer::answer, &balancer_box);
        let mailbox = Mailbox::new();
        let mut requests = Output::default();
        requests.connect(Pod::request, &mailbox);
        balancer.requests.push(requests);
        bench = bench.add_model(pod, mailbox, &format!("pod-{i}"));
    }
    let counts = QuerySource::new().connect(Balancer::counts, &balancer_box).register(&mut bench);
    let mut simulation =
        bench.add_model(balancer, balancer_box, "balancer").init(MonotonicTime::EPOCH)?;
    let before = processor_s();
    simulation.run()?;
    let spent = processor_s() - before;
    let [sent, answered, refused, cut] = simulation.process_query(&counts, ())?;
    println!(
        "nexosim: {sent} sent, {answered} answered, {refused} refused, {cut} cut, {:.0} ns/request",
        spent * 1e9 / sent as f64
    );
    Ok(())
}

/// Processor time of this process on Linux: the executor may run on a thread of its own.
fn processor_s() -> f64 {
    let mut spent = 0.0;
    for task in std::fs::read_dir("/proc/self/task").expect("Linux") {
        let stat = task.expect("a thread").path().join("schedstat");
        let stat = std::fs::read_to_string(stat).expect("Linux");
        let ns = stat.split(' ').next().and_then(|ns| ns.parse::<f64>().ok());
        spent += ns.expect("nanoseconds") * 1e-9;
    }
    spent
}
