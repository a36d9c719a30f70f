//! How much an input may ask for. All of it is checked before memory is taken for it or time is spent on it,
//! so that no input hangs or takes the machine.

use crate::engine::{Dur, Seed, Time, law};
use crate::input::text::checks::number;
use crate::input::text::diagnostics::{Diagnostic, Diagnostics};
use crate::input::text::tree::{Node, Step, Value, path_text, quoted};
use crate::run::{RunOptions, mode};
use crate::scenario::Scenario;
use crate::timeline::Timeline;
use crate::traffic::offered::{Arrivals, Traffic};
use crate::traffic::{self, Evaluator, Mode};
use crate::world;

/// Longest file, and most of standard input.
pub const FILE_BYTES: u64 = 64 << 20;
/// Longest TOML text: reading one takes some 30 times its size.
pub const TOML_BYTES: usize = 4 << 20;
/// Longest key of a mapping. Kubernetes' own have at most 317 characters.
pub const KEY_BYTES: usize = 4096;
/// Deepest nesting of YAML (a pod template needs about 20).
pub const DEPTH: usize = 64;
/// Most values in one YAML file, keys not counted, aliases expanded.
pub const VALUES: usize = 500_000;
/// Most values that anchors and aliases may copy, and most bytes of text.
pub const COPIED_VALUES: usize = 200_000;
/// As [`COPIED_VALUES`], in bytes of text.
pub const COPIED_BYTES: usize = 16 << 20;
/// Most keys that are given twice in one file.
pub const TWICE: usize = 1000;
/// Most unknown keys of a scenario that messages are made of.
pub const UNKNOWN: usize = 100;
/// Most items of a list in a scenario.
pub const ITEMS: usize = 10_000;
/// Most objects, and most values in one that is read: the API server takes about 1.5 MB of text.
pub const OBJECTS: usize = 5_000;
/// Values (texts, numbers, lists, maps) that one Kubernetes object may hold.
pub const OBJECT_VALUES: usize = 20_000;
/// Most replicas of a Deployment.
pub const REPLICAS: i32 = 10_000;
/// Most nodes, as Kubernetes itself supports.
pub const NODES: usize = 5_000;
/// Longest time from the first request to the last: a row is kept for each second.
pub const WINDOW: Dur = Dur::from_secs(200_000);
/// Longest time that a run goes on after its last request and action.
pub const AFTERWARDS: Dur = Dur::from_secs(1_000_000);
/// Most requests of one rollout, and most where each is simulated on its own.
pub const REQUESTS: f64 = 1e10;
/// Most requests of a rollout in which each is simulated on its own.
pub const SINGLE_REQUESTS: f64 = 3e7;
/// Most rows, one for each second of each rollout.
pub const ROWS: f64 = 1e7;

/// What values a key takes, where its type takes more.
pub fn range_of(key: &str) -> Option<String> {
    (key == "replicas").then(|| format!("0 to {REPLICAS} (a limit of rollsim)"))
}

/// No list of a scenario may be longer than [`ITEMS`].
pub fn lists(file: &str, root: &Node) -> Result<(), Box<Diagnostic>> {
    let mut open: Vec<(Vec<Step>, u32, &Node)> = vec![(Vec::new(), root.line, root)];
    while let Some((path, line, node)) = open.pop() {
        let below = |step: Step| path.iter().cloned().chain([step]).collect::<Vec<Step>>();
        match &node.value {
            Value::List(items) if items.len() > ITEMS => {
                let error = Diagnostic::error(file, "the list is too long")
                    .at(Some(line).filter(|l| *l > 0), path_text(&path))
                    .found(format!("{} items", items.len()));
                return Err(Box::new(error.allowed(format!("at most {ITEMS}"))));
            }
            Value::List(items) => {
                let nested = items.iter().enumerate().filter(|(_, n)| is_collection(n));
                open.extend(nested.map(|(i, n)| (below(Step::Index(i)), n.line, n)));
            }
            Value::Map(entries) => {
                let nested = entries.iter().filter(|e| is_collection(&e.node));
                open.extend(nested.map(|e| (below(Step::Key(e.key.clone())), e.line, &e.node)));
            }
            _ => {}
        }
    }
    Ok(())
}

fn is_collection(node: &Node) -> bool {
    matches!(node.value, Value::List(_) | Value::Map(_))
}

/// An object that is read is of a size that the API server takes.
pub fn object(file: &str, root: &Node, kind: &str) -> Result<(), Box<Diagnostic>> {
    let (mut values, mut open) = (0, vec![root]);
    while let Some(node) = open.pop() {
        values += 1;
        open.extend(node.items().iter().chain(node.entries().iter().map(|e| &e.node)));
    }
    if values <= OBJECT_VALUES {
        return Ok(());
    }
    let name = root.get("metadata").and_then(|m| m.get("name")).and_then(Node::as_str);
    let message = match name {
        Some(name) => format!("the object is too large ({kind} {})", quoted(name)),
        None => format!("the object is too large ({kind})"),
    };
    let error = Diagnostic::error(file, message).at(Some(root.line).filter(|l| *l > 0), "");
    let allowed = format!("at most {OBJECT_VALUES}: clusters take about 1.5 MB");
    Err(Box::new(error.found(format!("{values} values")).allowed(allowed)))
}

/// As many objects as can be looked up in each other; `first` is the file of the first.
pub fn objects(count: usize, first: &str) -> Result<(), Box<Diagnostic>> {
    if count <= OBJECTS {
        return Ok(());
    }
    let error = Diagnostic::error(first, "too many Kubernetes objects")
        .found(count.to_string())
        .allowed(format!("at most {OBJECTS} together"))
        .suggest("one namespace, or only the Deployment and what belongs to it");
    Err(Box::new(error))
}

/// The requests of an open loop, in the mean; none are known of a closed one.
pub fn requests(traffic: &Traffic) -> f64 {
    match &traffic.arrivals {
        Arrivals::Trace(times) => times.len() as f64,
        Arrivals::Closed { .. } => 0.0,
        Arrivals::Even | Arrivals::Poisson => {
            let ends = traffic.rate.iter().skip(1).map(|step| step.0).chain([Time::NEVER]);
            let steps = traffic.rate.iter().zip(ends);
            let count = |(&(from, rate), to): (&(Time, f64), Time)| {
                let (from, to) = (from.max(traffic.start), to.min(traffic.end));
                if from < to { rate * (to - from).as_secs_f64() } else { 0.0 }
            };
            steps.map(count).sum()
        }
    }
}

/// Refuses a run that would take more memory than anybody has: a row is kept for each second of each rollout.
/// And what [`rollout`] refuses.
///
/// # Errors
/// Says which setting asks for how much, and what is allowed.
pub fn run(scenario: &Scenario, options: &RunOptions) -> Result<(), Diagnostics> {
    let Traffic { start, end, .. } = scenario.traffic;
    let seconds = (end - start).as_secs_f64().max(1.0);
    if seconds * f64::from(options.replications) <= ROWS {
        return rollout(scenario, options);
    }
    let most = libm::floor(ROWS / seconds);
    let error = Diagnostic::error("", "too many rollouts that last so long");
    let found = format!("{} of {seconds:.0} s each", options.replications);
    let allowed = format!("at most {} seconds together: {most} rollouts", number(ROWS));
    Err(error.at(None, "replications").found(found).allowed(allowed).into())
}

/// Of a closed loop, each of whose users has the next answer (or refusal) `answer_s` after asking.
fn of_users(traffic: &Traffic, answer_s: f64) -> f64 {
    let Arrivals::Closed { users, think } = &traffic.arrivals else { return 0.0 };
    let cycle = law::limited_mean(think, law::longest(think)) + answer_s;
    f64::from(*users) * ((traffic.end - traffic.start).as_secs_f64() / cycle + 1.0)
}

/// Requests that are simulated singly, and which setting asks for them. Users of a closed loop who are
/// refused ask again at once, which costs less than an answer: of these ten times as many are allowed.
fn single(traffic: &Traffic, timeline: &Timeline, refusal_s: f64) -> (f64, &'static str) {
    if !matches!(traffic.arrivals, Arrivals::Closed { .. }) {
        return (requests(traffic), "traffic.rate_per_s");
    }
    let means =
        timeline.versions.iter().map(|v| law::limited_mean(&v.service, law::longest(&v.service)));
    let answer = means.fold(f64::INFINITY, f64::min).min(traffic.client.timeout.as_secs_f64());
    let answered = of_users(traffic, answer.max(refusal_s));
    (answered.max(of_users(traffic, refusal_s) / 10.0), "traffic.users")
}

/// Refuses a rollout with more requests than can be simulated one by one, where nothing can be integrated.
///
/// # Errors
/// As [`run`].
pub fn rollout(scenario: &Scenario, options: &RunOptions) -> Result<(), Diagnostics> {
    let traffic = &scenario.traffic;
    let refusal = scenario.platform.request_overhead_s.max(1e-6);
    if requests(traffic).max(of_users(traffic, refusal)) <= SINGLE_REQUESTS {
        return Ok(());
    }
    let seed = Seed(options.seed).replication(0);
    // Without requests: to let them keep pace might take as long as what is to be refused.
    let latencies = scenario.platform.latencies();
    let (control, _) = world::simulate_live(scenario, &latencies, seed, Mode::Open);
    let (requests, key) = single(traffic, &control.timeline, refusal);
    if requests <= SINGLE_REQUESTS {
        return Ok(());
    }
    let too_many = |why: String| {
        let message = format!("too many requests in each rollout, and each is simulated: {why}");
        let error = Diagnostic::error("", message).at(None, key);
        let allowed = format!("at most {} requests", number(SINGLE_REQUESTS));
        Err(error.found(format!("{requests:.0}")).allowed(allowed).into())
    };
    if let (Mode::Stepped, why) = mode(scenario, options) {
        return too_many(why);
    }
    match traffic::choose(&control.timeline, traffic, options.evaluator) {
        (Evaluator::Requests, why) => too_many(why),
        _ => Ok(()),
    }
}
