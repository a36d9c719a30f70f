//! Which evaluator is right for a timeline and its traffic, and why.

use super::{Evaluator, EvaluatorChoice};
use crate::timeline::{Pick, Timeline, View};
use crate::traffic::offered::{Arrivals, Traffic};
use crate::traffic::plan;

/// The evaluator that `choice` stands for, and the reason in words.
///
/// `exact` asked for where it does not hold gives it all the same when it can be computed at all (uneven
/// picks count as random then), and the reason says what it leaves out.
pub fn choose(
    timeline: &Timeline,
    traffic: &Traffic,
    choice: EvaluatorChoice,
) -> (Evaluator, String) {
    let obstacle = obstacle(timeline, traffic);
    match (choice, obstacle) {
        (EvaluatorChoice::Requests, _) => (Evaluator::Requests, "asked for".to_owned()),
        (EvaluatorChoice::Exact, Some(o)) if o.computable => {
            (Evaluator::Exact, format!("asked for, but approximate: {}", o.why))
        }
        (_, Some(o)) => (Evaluator::Requests, o.why),
        (_, None) => {
            (Evaluator::Exact, "picks depend neither on load nor on earlier requests".to_owned())
        }
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
    if traffic.client.keep_alive {
        return hard("kept connections stay with the pod that they were opened to");
    }
    if traffic.client.retries > 0 {
        return hard("the client tries again after a failure");
    }
    if let Some(v) = timeline.versions.iter().find(|v| v.concurrency.is_some()) {
        return hard(&format!("requests to {} wait for each other (concurrency limit)", v.name));
    }
    if !timeline.rehashes.is_empty() {
        return hard("a router breaks connections as it spreads them anew");
    }
    let order = plan::flow_order(timeline);
    if let Err(why) = plan::layer7_above(timeline, &order) {
        return hard(&why);
    }
    timeline.views.iter().find_map(view_obstacle)
}

fn view_obstacle(view: &View) -> Option<Obstacle> {
    let name = &view.name;
    let obstacle = |why: String, computable| Some(Obstacle { why, computable });
    let (pick, l7) = (view.hop.pick, view.hop.l7.as_ref());
    if matches!(pick, Pick::LeastOutstanding | Pick::TwoChoices | Pick::Ewma) {
        return obstacle(format!("{name} picks by load"), false);
    }
    if l7.is_some_and(|l7| l7.tries > 1) {
        return obstacle(format!("{name} tries again after a failure"), false);
    }
    if pick == Pick::RoundRobin {
        return obstacle(format!("{name} picks in turn, which spreads losses evenly"), true);
    }
    if l7.is_some_and(|l7| l7.pool.is_some()) {
        let why = "keeps connections to its backends, which may close as a request comes";
        return obstacle(format!("{name} {why}"), true);
    }
    None
}
