//! What an observer would have seen of one rollout: every object's changes in kubectl's words, what load
//! balancers say of their targets, every request. One log, in order of time; the trace, the panes, the page
//! and the exports are made from it alone.

mod endpoints;
mod entry;
mod events;
pub mod kubectl;
pub mod panes;
mod pods;
mod requests;
mod seen;
mod shell;
pub mod words;

use crate::engine::{Seed, Time};
use crate::run::{self, RunOptions};
use crate::scenario::Scenario;
use crate::traffic;
use crate::world::{self, live::Load};
pub use entry::{
    Action, Connect, Endpoint, Entry, Happening, Header, KubernetesEvent, Line, PodRow, Process,
    Request, Route, SCHEMA, Target, Try,
};
use seen::Seen;

/// Everything that was to be seen of one rollout.
#[derive(Clone, Debug, PartialEq)]
pub struct Log {
    /// What the log is of.
    pub header: Header,
    /// In order of time.
    pub entries: Vec<Entry>,
}

/// Runs one replication and writes down what is to be seen of it. Its objects are those of this replication
/// in an answer to the same scenario and options. Requests are sent one by one, whichever way the answer
/// takes.
pub fn record(scenario: &Scenario, options: &RunOptions, replication: u32) -> Log {
    let latencies = scenario.platform.latencies();
    let seed = Seed(options.seed).replication(u64::from(replication));
    let (mode, _) = run::mode(scenario, options);
    let mut seen = Seen::default();
    let (control, load) =
        world::observe(scenario, &latencies, seed, mode, &mut |moment| seen.look(&moment));
    let timeline = &control.timeline;
    let outcome = match load {
        Load::Stepped(outcome) => *outcome,
        Load::Open | Load::Metered(_) => {
            traffic::requests::follow(timeline, &scenario.traffic, seed)
        }
    };
    let mut all: Vec<(Time, Happening)> = Vec::new();
    shell::commands(scenario, timeline, &seen, &mut all);
    pods::rows(&control, &seen, &mut all);
    events::of(&control, &seen, &mut all);
    endpoints::slices(&control, scenario, &seen, &mut all);
    endpoints::targets(timeline, scenario, &seen, &mut all);
    endpoints::routes(timeline, &mut all);
    pods::processes(timeline, &mut all);
    requests::of(scenario, timeline, &outcome, &mut all);
    all.iter_mut().for_each(|(at, _)| *at = timeline.start.max(*at));
    all.retain(|(at, _)| *at <= timeline.end);
    // Stable: what happens at one instant keeps the order above.
    all.sort_by_key(|(at, _)| *at);
    let entry = |(at, what): (Time, Happening)| Entry { t_s: at.as_secs_f64(), what };
    let header = Header::of(scenario, timeline, (options.seed, replication));
    Log { header, entries: all.into_iter().map(entry).collect() }
}

impl Log {
    /// One JSON object a line, the header first.
    pub fn lines(&self) -> String {
        let mut text = json(&self.header);
        text.push('\n');
        for entry in &self.entries {
            text.push_str(&json(entry));
            text.push('\n');
        }
        text
    }

    /// Every request, in the order of their ends.
    pub fn requests(&self) -> impl Iterator<Item = &Request> {
        self.entries.iter().filter_map(|entry| match &entry.what {
            Happening::Request(request) => Some(request),
            _ => None,
        })
    }
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("plain data can be written")
}
