//! Every request on its own.
//!
//! Three loops, each as simple as what it covers allows:
//! - `blind`: routing ignores load, nothing waits: a request is decided when it is sent;
//! - `loaded`: routing looks at load: likewise, but its end goes to an agenda;
//! - `queued`: everything else (limits and queues, tries, retries, kept connections, closed loops): an agenda
//!   of what happens next.

mod agenda;
mod blind;
mod board;
mod heap;
mod load;
mod loaded;
mod present;
mod queued;
mod view;

use crate::engine::Seed;
use crate::timeline::Timeline;
use crate::traffic::TrafficOutcome;
use crate::traffic::offered::{Arrivals, Traffic};
use crate::traffic::plan;
use crate::traffic::random::Sends;
use crate::traffic::service::{self, Sampler};
use crate::traffic::tally::Tally;
use agenda::{Agenda, Packed};
pub use blind::Random;
use board::Board;
pub use queued::{Followed, Simulation, Try};

/// Simulates each request; the same seed gives the same arrivals whatever the timeline.
pub fn evaluate(timeline: &Timeline, traffic: &Traffic, seed: Seed) -> TrafficOutcome {
    if queued::needed(timeline, traffic) {
        return evaluate_queued(timeline, traffic, seed);
    }
    let setup = Setup::new(timeline, traffic, seed);
    let board = Board::new(timeline, traffic, seed);
    if timeline.views.iter().any(|v| v.hop.pick.sees_load()) {
        let agenda = setup.agenda();
        let sends = setup.sends.expect("a closed loop is queued");
        return loaded::run(board, sends, &setup.samplers, agenda, seed, setup.tally);
    }
    let sends = setup.sends.expect("a closed loop is queued");
    blind::run(board, sends, &setup.samplers, seed, setup.tally)
}

/// As [`evaluate`], by the general loop even where a simpler one applies. The outcome is the same.
pub fn evaluate_queued(timeline: &Timeline, traffic: &Traffic, seed: Seed) -> TrafficOutcome {
    Simulation::new(timeline, traffic, seed).finish(timeline)
}

/// As [`evaluate_queued`], with every request in the outcome.
pub fn follow(timeline: &Timeline, traffic: &Traffic, seed: Seed) -> TrafficOutcome {
    let mut simulation = Simulation::new(timeline, traffic, seed);
    simulation.follow();
    simulation.finish(timeline)
}

/// What all loops begin with.
struct Setup {
    sends: Option<Sends>,
    /// By version.
    samplers: Vec<Sampler>,
    /// About so many requests a second at most, and in flight.
    peak: f64,
    in_flight: f64,
    start_ns: i64,
    tally: Tally,
}

impl Setup {
    fn new(timeline: &Timeline, traffic: &Traffic, seed: Seed) -> Setup {
        let rates = plan::rate_pieces(timeline, traffic);
        let window = plan::window(timeline, traffic);
        let peak = rates.iter().map(|r| r.rate).fold(1e-3, f64::max);
        let mean = |d| service::limited_mean(d, traffic.client.timeout.as_secs_f64());
        let longest = timeline.versions.iter().map(|v| mean(&v.service)).fold(0.0, f64::max);
        let (peak, in_flight) = match &traffic.arrivals {
            Arrivals::Closed { users, think } => {
                let users = f64::from(*users);
                (users / (mean(think) + longest).max(1e-3), users)
            }
            Arrivals::Trace(times) => {
                let rate = times.len() as f64 / (window.1 - window.0).as_secs_f64().max(1e-3);
                (rate, rate * longest)
            }
            Arrivals::Even | Arrivals::Poisson => (peak, peak * longest),
        };
        Setup {
            sends: Sends::new(&traffic.arrivals, rates, window, seed),
            samplers: timeline.versions.iter().map(|v| Sampler::new(&v.service)).collect(),
            peak,
            in_flight,
            start_ns: window.0.0,
            tally: Tally::new(timeline, window, traffic.client.stall_threshold.0),
        }
    }

    fn agenda<E: Packed>(&self) -> Agenda<E> {
        Agenda::new(self.start_ns, 1e9 / self.peak, self.in_flight)
    }
}
