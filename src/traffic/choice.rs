//! Which evaluator is right for a timeline and its traffic, how requests keep pace with the control plane,
//! and why.

use super::{Evaluator, EvaluatorChoice};
use crate::engine::Dur;
use crate::timeline::{Empty, Pick, Target, Timeline, View};
use crate::traffic::offered::{Arrivals, Traffic};
use crate::traffic::plan;

/// The evaluator that `choice` stands for, and the reason in words.
pub fn choose(
    timeline: &Timeline,
    traffic: &Traffic,
    choice: EvaluatorChoice,
) -> (Evaluator, String) {
    match (choice, obstacle(timeline, traffic)) {
        (EvaluatorChoice::Requests | EvaluatorChoice::Stepped, _) => {
            (Evaluator::Requests, "asked for".to_owned())
        }
        (EvaluatorChoice::Exact | EvaluatorChoice::Approximate, Some(o)) if o.computable => {
            (Evaluator::Approximate, o.why)
        }
        (_, Some(o)) => (Evaluator::Requests, o.why),
        (_, None) => {
            (Evaluator::Exact, "picks depend neither on load nor on earlier requests".to_owned())
        }
    }
}

/// How requests keep pace with the control plane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// They come when it is done.
    #[default]
    Open,
    /// Expected rates are taken `every` so often, over a window.
    Metered { every: Dur, window: Dur },
    /// Each is simulated between two events of the control plane.
    Stepped,
}

impl Mode {
    /// As answers write it.
    pub fn word(self) -> &'static str {
        match self {
            Mode::Open => "open",
            Mode::Metered { .. } => "metered",
            Mode::Stepped => "stepped",
        }
    }
}

/// What the models of a scenario read of the pods' load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reads {
    /// No model reads load.
    Nothing,
    /// Rates over a window, scraped `every` so often.
    Rates { every: Dur, window: Dur },
    /// Whatever happens to requests, as it happens.
    Everything,
}

/// The simplest mode that gives the models what they read, and the reason in words.
pub fn mode(reads: Reads, traffic: &Traffic, choice: EvaluatorChoice) -> (Mode, String) {
    let because = |mode, why: &str| (mode, why.to_owned());
    let waits = match traffic.arrivals {
        Arrivals::Closed { .. } => Some("a closed loop sends as fast as it is answered"),
        Arrivals::Trace(_) => Some("recorded send times have no rate to integrate"),
        Arrivals::Even | Arrivals::Poisson => None,
    };
    match (choice, reads, waits) {
        (EvaluatorChoice::Stepped, ..) => because(Mode::Stepped, "asked for"),
        (_, Reads::Nothing, _) => because(Mode::Open, "no component reads load"),
        (_, Reads::Rates { .. }, Some(why)) => because(Mode::Stepped, why),
        (_, Reads::Rates { every, window }, None) => {
            because(Mode::Metered { every, window }, "components read rates alone")
        }
        (_, Reads::Everything, _) => because(Mode::Stepped, "components react to single requests"),
    }
}

/// What keeps `exact` from being exact.
struct Obstacle {
    why: String,
    /// The integrals exist and are a fair approximation.
    computable: bool,
}

fn obstacle(timeline: &Timeline, traffic: &Traffic) -> Option<Obstacle> {
    let hard = |why: &str| Some(Obstacle { why: why.to_owned(), computable: false });
    match &traffic.arrivals {
        Arrivals::Closed { .. } => return hard("a closed loop waits for its answers"),
        Arrivals::Trace(_) => return hard("recorded send times have no rate to integrate"),
        Arrivals::Even | Arrivals::Poisson => {}
    }
    if traffic.long_lived.is_some() {
        return hard("connections that end are opened again, and pods work on that");
    }
    if traffic.client.keep_alive {
        return hard("kept connections stay with the pod that they were opened to");
    }
    if traffic.client.retries > 0 {
        return hard("the client tries again after a failure");
    }
    if let Some(call) = timeline.calls.iter().next() {
        return hard(&format!("requests at {} wait for what it asks of {}", call.from, call.to));
    }
    if let Some(v) = timeline.versions.iter().find(|v| v.concurrency.is_some()) {
        return hard(&format!("requests to {} wait for each other (concurrency limit)", v.name));
    }
    if timeline.views.iter().any(|v| matches!(v.hop.empty, Empty::Hold(_))) {
        return hard("requests that find no pod are held until one comes");
    }
    if timeline.versions.iter().any(|v| v.pace.quota.is_some()) {
        return hard("requests share what a processor limit leaves them");
    }
    if timeline.versions.iter().any(|v| !v.pace.is_even()) {
        return hard("a process that has just started answers more slowly");
    }
    if timeline.pods.iter().any(|pod| !pod.conditions.is_empty()) {
        return hard("a fault changes how pods answer");
    }
    if timeline.pods.iter().any(|pod| pod.proxy.is_some()) {
        return hard("a proxy in each pod answers for the process");
    }
    if !timeline.breaks.is_empty() {
        return hard("a router breaks connections as it spreads them anew");
    }
    let order = plan::flow_order(timeline);
    if let Err(why) = plan::layer7_above(timeline, &order) {
        return hard(&why);
    }
    let all: Vec<Obstacle> =
        timeline.views.iter().filter_map(|view| view_obstacle(timeline, view)).collect();
    // What cannot be computed at all is the first thing to say.
    let hard = all.iter().position(|o| !o.computable);
    all.into_iter().nth(hard.unwrap_or(0))
}

fn view_obstacle(timeline: &Timeline, view: &View) -> Option<Obstacle> {
    let name = &view.name;
    let obstacle = |why: String, computable| Some(Obstacle { why, computable });
    let (pick, l7) = (view.hop.pick, view.hop.l7.as_ref());
    if l7.is_some_and(|l7| l7.policy.is_some()) {
        return obstacle(format!("{name} decides by what has become of earlier requests"), false);
    }
    if pick.sees_load() {
        return obstacle(format!("{name} picks by load"), false);
    }
    if l7.is_some_and(|l7| l7.tries > 1) {
        return obstacle(format!("{name} tries again after a failure"), false);
    }
    let kept = l7.is_some_and(|l7| l7.pool.is_some());
    // A connection through another hop belongs to the pod that it was opened to, listed or not.
    if kept && leads_on(timeline, view) {
        let why = "keeps connections through another hop, which stay with pods that are going";
        return obstacle(format!("{name} {why}"), false);
    }
    let mut left_out: Vec<&str> = Vec::new();
    if kept {
        left_out.push("keeps connections to its backends, which may close as a request comes");
    }
    if pick == Pick::RoundRobin {
        left_out.push("picks in turn, which spreads losses evenly");
    }
    match left_out.is_empty() {
        true => None,
        false => obstacle(format!("{name} {}", left_out.join(", and ")), true),
    }
}

/// It sends to views that pass connections on.
fn leads_on(timeline: &Timeline, view: &View) -> bool {
    let passes = |target: Target| match target {
        Target::View(v) => timeline.views[v].hop.l7.is_none(),
        Target::Pod(_) => false,
    };
    view.targets().any(passes)
}
