//! Every request on its own.
//!
//! Three loops, each as simple as what it covers allows:
//! - `blind`: routing ignores load, nothing waits: a request is decided when it is sent;
//! - `loaded`: routing looks at load: likewise, but its end goes to an unsorted wheel;
//! - `queued`: everything else (limits and queues, tries, retries, kept connections, closed loops): a small
//!   heap of what happens next.

mod blind;
mod board;
mod heap;
mod load;
mod loaded;
mod queued;
mod wheel;

use crate::engine::Seed;
use crate::scenario::Traffic;
use crate::timeline::Timeline;
use crate::traffic::TrafficOutcome;
use crate::traffic::plan;
use crate::traffic::random::Sends;
use crate::traffic::service::{self, Sampler};
use crate::traffic::tally::Tally;
pub use blind::Random;
use board::Board;
use wheel::Wheel;

/// Simulates each request; the same seed gives the same arrivals whatever the timeline.
pub fn evaluate(timeline: &Timeline, traffic: &Traffic, seed: Seed) -> TrafficOutcome {
    let setup = Setup::new(timeline, traffic, seed);
    if queued::needed(timeline, traffic) {
        return setup.queued(traffic, seed);
    }
    let sends = setup.sends.expect("a closed loop is queued");
    if timeline.views.iter().any(|v| v.hop.pick.sees_load()) {
        return loaded::run(setup.board, sends, &setup.samplers, setup.wheel, seed, setup.tally);
    }
    blind::run(setup.board, sends, &setup.samplers, seed, setup.tally)
}

/// As [`evaluate`], by the general loop even where a simpler one applies. The outcome is the same.
pub fn evaluate_queued(timeline: &Timeline, traffic: &Traffic, seed: Seed) -> TrafficOutcome {
    Setup::new(timeline, traffic, seed).queued(traffic, seed)
}

struct Setup<'a> {
    board: Board<'a>,
    sends: Option<Sends>,
    samplers: Vec<Sampler>,
    wheel: Wheel,
    tally: Tally,
}

impl<'a> Setup<'a> {
    fn new(timeline: &'a Timeline, traffic: &Traffic, seed: Seed) -> Setup<'a> {
        let rates = plan::rate_pieces(timeline, traffic);
        let window = plan::window(timeline, traffic);
        let peak = rates.iter().map(|r| r.rate).fold(1e-3, f64::max);
        let mean = |d| service::limited_mean(d, traffic.client.timeout.as_secs_f64());
        let longest = timeline.versions.iter().map(|v| mean(&v.service)).fold(0.0, f64::max);
        Setup {
            board: Board::new(timeline, traffic, seed),
            sends: Sends::new(&traffic.arrivals, rates, window, seed),
            samplers: timeline.versions.iter().map(|v| Sampler::new(&v.service)).collect(),
            wheel: Wheel::new(window.0.0, 1e9 / peak, peak * longest),
            tally: Tally::new(timeline, window, traffic.client.stall_threshold.0),
        }
    }

    fn queued(self, traffic: &Traffic, seed: Seed) -> TrafficOutcome {
        queued::run(self.board, traffic, self.sends, &self.samplers, seed, self.tally)
    }
}
