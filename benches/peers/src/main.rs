//! The workload of benches/traffic.rs on simcore: a hundred pods replaced ten at a time, round robin, with
//! a balancer and pods as components.

use serde::Serialize;
use simcore::{Event, EventHandler, Id, Simulation, SimulationContext, cast};
use std::cell::RefCell;
use std::rc::Rc;

const PODS: usize = 100;
const SERVICE_S: f64 = 0.05;
const PERIOD_S: f64 = 30.0;

#[derive(Clone, Serialize)]
struct Arrival {}

/// A request for a pod.
#[derive(Clone, Serialize)]
struct Request {}

/// A pod's own end of service.
#[derive(Clone, Serialize)]
struct Done {
    cut: bool,
}

/// A pod's answer to the balancer.
#[derive(Clone, Serialize)]
struct Answer {
    outcome: u8,
}

#[derive(Clone, Serialize)]
struct List {
    pod: usize,
}

#[derive(Clone, Serialize)]
struct Delist {
    pod: usize,
}

struct Balancer {
    context: SimulationContext,
    rate: f64,
    end: f64,
    pods: Vec<Id>,
    listed: Vec<usize>,
    cursor: usize,
    sent: u64,
    outcomes: [u64; 3],
}

fn exponential(context: &SimulationContext, mean: f64) -> f64 {
    -mean * (1.0 - context.rand()).ln()
}

impl EventHandler for Balancer {
    fn on(&mut self, event: Event) {
        cast!(match event.data {
            Arrival {} => {
                self.sent += 1;
                self.cursor = (self.cursor + 1) % self.listed.len();
                let pod = self.pods[self.listed[self.cursor]];
                self.context.emit_now(Request {}, pod);
                let gap = exponential(&self.context, 1.0 / self.rate);
                if event.time + gap < self.end {
                    self.context.emit_self(Arrival {}, gap);
                }
            }
            Answer { outcome } => {
                self.outcomes[outcome as usize] += 1;
            }
            List { pod } => {
                self.listed.push(pod);
            }
            Delist { pod } => {
                self.listed.retain(|p| *p != pod);
            }
        })
    }
}

struct Pod {
    context: SimulationContext,
    balancer: Id,
    cut_at: f64,
}

impl EventHandler for Pod {
    fn on(&mut self, event: Event) {
        cast!(match event.data {
            Request {} => {
                if event.time >= self.cut_at {
                    self.context.emit_now(Answer { outcome: 1 }, self.balancer);
                } else {
                    let service = exponential(&self.context, SERVICE_S);
                    let cut = event.time + service > self.cut_at;
                    let delay = if cut { self.cut_at - event.time } else { service };
                    self.context.emit_self(Done { cut }, delay);
                }
            }
            Done { cut } => {
                let outcome = if cut { 2 } else { 0 };
                self.context.emit_now(Answer { outcome }, self.balancer);
            }
        })
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1).filter_map(|a| a.parse().ok());
    let (rate, end) = (arguments.next().unwrap_or(10_000.0), arguments.next().unwrap_or(600.0));
    let mut simulation = Simulation::new(1);
    let context = simulation.create_context("balancer");
    let control = simulation.create_context("control");
    let balancer_id = context.id();
    let mut pods = Vec::new();
    for i in 0..2 * PODS {
        let name = format!("pod-{i}");
        let context = simulation.create_context(&name);
        pods.push(context.id());
        let mut cut_at = f64::INFINITY;
        if i < PODS {
            let begin = 30.0 + PERIOD_S * (i / 10) as f64;
            let deleted = begin + 5.0 + 0.5 * control.rand();
            cut_at = deleted + 0.5;
            control.emit(List { pod: PODS + i }, balancer_id, begin);
            let learns = deleted + 0.1 + 0.9 * control.rand();
            control.emit(Delist { pod: i }, balancer_id, learns);
        }
        let pod = Pod { context, balancer: balancer_id, cut_at };
        simulation.add_handler(&name, Rc::new(RefCell::new(pod)));
    }
    context.emit_self(Arrival {}, 0.0);
    let balancer = Rc::new(RefCell::new(Balancer {
        context,
        rate,
        end,
        pods,
        listed: (0..PODS).collect(),
        cursor: 0,
        sent: 0,
        outcomes: [0; 3],
    }));
    simulation.add_handler("balancer", balancer.clone());
    let before = processor_s();
    simulation.step_until_no_events();
    let spent = processor_s() - before;
    let b = balancer.borrow();
    let [answered, refused, cut] = b.outcomes;
    println!(
        "simcore: {} sent, {answered} answered, {refused} refused, {cut} cut, {:.0} ns/request",
        b.sent,
        spent * 1e9 / b.sent as f64
    );
}

/// Processor time of this thread on Linux.
fn processor_s() -> f64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    stat.split(' ').next().and_then(|ns| ns.parse::<f64>().ok()).expect("nanoseconds") * 1e-9
}
