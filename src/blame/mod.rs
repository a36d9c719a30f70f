//! Whose setting lost the requests, and by how many seconds.
//!
//! Every loss has a cause and, mostly, a pod. From the pod's times in the timeline follows which setting,
//! had it been larger (or been there at all), would have saved it, and how much of it was missing.

pub mod facts;
mod judge;
mod times;

use crate::engine::{List, Time};
use crate::timeline::{CallId, PodId, Target, Timeline, ViewId};
use crate::traffic::{Cause, Failure, LossKey, TrafficOutcome};
pub use facts::{Facts, VersionFacts};
use judge::{Verdict, judge};
use std::collections::BTreeMap;
pub use times::{Moment, Times};

/// What would have to change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Setting {
    /// `lifecycle.preStop.sleep`: pods stop before every balancer has learned of it.
    PreStopSleep,
    /// `terminationGracePeriodSeconds`: SIGKILL comes before the last answer.
    GracePeriod,
    /// What the application does on SIGTERM: it exits with requests running.
    GracefulShutdown,
    /// The limit of the application's own graceful shutdown.
    DrainTimeout,
    /// `readinessProbe`: there is none, so a pod counts as ready before it listens.
    ReadinessProbe,
    /// The readiness probe passes although the serving port does not listen.
    ReadinessProbeTarget,
    /// The application listens on other ports than the Service sends to.
    TargetPort,
    /// The process ends by itself, or the liveness probe ends it.
    Restarts,
    /// `minReadySeconds` or a readiness gate: old pods go before balancers have learned of new ones.
    MinReadySeconds,
    /// `strategy`: Recreate stops everything first.
    Strategy,
    /// `maxUnavailable`: every pod may be away at once.
    MaxUnavailable,
    /// `maxUnavailable`: so many may be away that the others cannot answer all requests.
    PodsAway,
    /// `replicas`: there is one pod, and it was taken away.
    Replicas,
    /// The balancer's deregistration delay.
    DeregistrationDelay,
    /// The server's keep-alive timeout, against the proxy's idle timeout.
    KeepAliveTimeout,
    /// How long a proxy keeps idle connections of the one in front of it.
    FrontKeepAlive,
    /// How long a proxy in front of another waits for its answer.
    FrontTimeout,
    /// How long the proxy that sends to pods waits for their answers.
    ProxyTimeout,
    /// Replicas, or the concurrency of each.
    Capacity,
    /// The client's timeout, or the time an answer takes.
    ClientTimeout,
    /// Nothing in the workload: the data plane rewrites its rules.
    DataPlane,
    /// The weight of a Service that has no target.
    Weight,
    /// The version that runs at the start is never ready.
    OldReadiness,
    /// A load balancer node sends to its own zone alone.
    CrossZone,
    /// How long the proxy's own pods serve on when they are told to stop.
    ProxyGrace,
    /// How much a proxy lets be under way.
    CircuitBreaker,
    /// How many requests a proxy lets through.
    RateLimit,
    /// How long a server waits for what goes over a connection that it ended for its age.
    ConnectionAge,
    /// A proxy has ejected every pod.
    OutlierDetection,
    /// The way a Service is switched between Deployments, or pods are deleted by hand.
    Procedure,
    /// Nothing: the scenario has the application fail.
    Fault,
    /// `timeoutSeconds` of a probe that waits behind requests: pods leave because they are busy.
    ProbeTimeout,
    /// `livenessProbe`: it ends what is only slow.
    Liveness,
    /// What the probes ask: something that all pods share.
    ProbeDependency,
    /// `resizePolicy` of a container: a change of what it asks for starts it anew.
    ResizePolicy,
    /// Nothing of the workload: a node is lost, and only others can take over what it did.
    NodeLoss,
    /// Whether the application waits for the proxy in its pod to start.
    SidecarStart,
    /// When the proxy in a pod stops: before the application is done.
    SidecarStop,
}

/// Losses that one setting would have saved.
#[derive(Clone, Debug, PartialEq)]
pub struct Blame {
    /// The setting that would have saved them.
    pub setting: Setting,
    /// The first of the calls to the Service whose pods lost them; None: those that clients ask did.
    pub call: Option<CallId>,
    /// Lost requests in the mean of the replications.
    pub lost: f64,
    /// The same by cause and by what the client saw.
    pub parts: BTreeMap<(Cause, Failure), f64>,
    /// Pods concerned, in the mean of the replications.
    pub pods: f64,
    /// Seconds that the setting is short of, where it is a duration.
    pub missing: Option<Missing>,
    /// The pod that lost most.
    pub worst: Option<Worst>,
}

/// Seconds missing, over pods and replications.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Missing {
    /// Weighted by lost requests.
    pub mean_s: f64,
    /// With that much more nothing of this would have been lost.
    pub most_s: f64,
}

/// One pod of one replication.
#[derive(Clone, Debug, PartialEq)]
pub struct Worst {
    /// The pod's name.
    pub pod: String,
    /// Requests lost by it, in one replication.
    pub lost: f64,
    /// When what happened to it, in order.
    pub moments: Vec<(Time, Moment)>,
}

/// What replications lost, by setting. Each is judged while its timeline is there; the sums are small.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tally(BTreeMap<Lost, Group>);

/// By what requests are lost, and by which call.
type Lost = (Setting, Option<CallId>);

/// The losses of all replications by setting, the most expensive first.
pub fn blame_by(runs: &[(&Timeline, &TrafficOutcome)], facts: &Facts) -> Vec<Blame> {
    let each = runs.iter().map(|(timeline, outcome)| Tally::of(timeline, outcome, facts));
    Tally::finish(each)
}

impl Tally {
    /// Of one replication.
    pub fn of(timeline: &Timeline, outcome: &TrafficOutcome, facts: &Facts) -> Tally {
        let mut tally = Tally::default();
        if outcome.losses.is_empty() {
            return tally;
        }
        let times = Times::of_all(timeline);
        let calls = called(timeline);
        let mut by_pod: BTreeMap<(Lost, PodId), f64> = BTreeMap::new();
        for (key, &lost) in outcome.losses.iter().filter(|l| *l.1 > 0.0) {
            let call = call_of(&calls, key);
            let verdict = judge(timeline, &times, key, facts.of_call(call));
            let by = (verdict.setting, call);
            if let Some(pod) = key.pod {
                *by_pod.entry((by, pod)).or_insert(0.0) += lost;
            }
            tally.0.entry(by).or_default().add(key, lost, &verdict);
        }
        for ((by, pod), lost) in by_pod {
            let group = tally.0.get_mut(&by).expect("the pod's losses are in it");
            group.pods += 1.0;
            if group.worst.as_ref().is_none_or(|w| lost > w.lost) {
                let (pod, times) = (&timeline.pods[pod], &times[pod]);
                let mut moments: Vec<(Time, Moment)> = times.reached().collect();
                moments.sort_by_key(|&(at, _)| at);
                group.worst = Some(Worst { pod: pod.name.to_string(), lost, moments });
            }
        }
        tally
    }

    /// What is lost by one setting.
    pub fn lost_by(&self, setting: Setting) -> f64 {
        let mine = self.0.iter().filter(|(by, _)| by.0 == setting);
        mine.fold(0.0, |sum, (_, group)| sum + group.parts.values().sum::<f64>())
    }

    /// The means over all replications, the most expensive first.
    pub fn finish(each: impl IntoIterator<Item = Tally>) -> Vec<Blame> {
        let mut sum = Tally::default();
        let mut replications = 0u32;
        for tally in each {
            replications += 1;
            for (by, group) in tally.0 {
                sum.0.entry(by).or_default().join(group);
            }
        }
        let share = 1.0 / f64::from(replications.max(1));
        let finish = |(by, group): (Lost, Group)| group.finish(by, share);
        let mut blames: Vec<Blame> = sum.0.into_iter().map(finish).collect();
        blames.sort_by(|a, b| b.lost.total_cmp(&a.lost));
        blames
    }
}

/// Says of single lost requests which setting would have saved them.
pub struct Judge<'a> {
    timeline: &'a Timeline,
    facts: &'a Facts,
    times: List<PodId, Times>,
    calls: List<ViewId, Option<CallId>>,
}

/// For each view the first of the calls that come to it; empty: nobody calls.
fn called(timeline: &Timeline) -> List<ViewId, Option<CallId>> {
    let mut by_view: List<ViewId, Option<CallId>> = List::new();
    for (id, call) in timeline.calls.pairs() {
        let mut open = call.entries.clone();
        while let Some(view) = open.pop() {
            let place = by_view.entry(view);
            if place.is_none() {
                *place = Some(id);
                open.extend(timeline.views[view].targets().filter_map(|target| match target {
                    Target::View(view) => Some(view),
                    Target::Pod(_) => None,
                }));
            }
        }
    }
    by_view
}

fn call_of(calls: &List<ViewId, Option<CallId>>, key: &LossKey) -> Option<CallId> {
    *calls.get(key.view?)?
}

impl<'a> Judge<'a> {
    /// Of one replication.
    pub fn new(timeline: &'a Timeline, facts: &'a Facts) -> Judge<'a> {
        let (times, calls) = (Times::of_all(timeline), called(timeline));
        Judge { timeline, facts, times, calls }
    }

    /// The setting, and by how many seconds it is short where it is a duration.
    pub fn setting(&self, key: &LossKey) -> (Setting, Option<f64>) {
        let facts = self.facts.of_call(call_of(&self.calls, key));
        let Verdict { setting, missing_s } = judge(self.timeline, &self.times, key, facts);
        (setting, missing_s.filter(|s| *s > 0.0))
    }
}

/// Losses that share a setting.
#[derive(Clone, Debug, Default, PartialEq)]
struct Group {
    parts: BTreeMap<(Cause, Failure), f64>,
    pods: f64,
    /// Seconds times requests, requests, and the most seconds.
    missing: Option<(f64, f64, f64)>,
    worst: Option<Worst>,
}

impl Group {
    fn add(&mut self, key: &LossKey, lost: f64, verdict: &Verdict) {
        *self.parts.entry((key.cause, key.failure)).or_insert(0.0) += lost;
        if let Some(missing) = verdict.missing_s.filter(|s| *s > 0.0) {
            self.lacks((missing * lost, lost, missing));
        }
    }

    fn lacks(&mut self, (sum, weight, most): (f64, f64, f64)) {
        let so_far = self.missing.unwrap_or((0.0, 0.0, 0.0));
        self.missing = Some((so_far.0 + sum, so_far.1 + weight, so_far.2.max(most)));
    }

    /// Takes in what a later replication lost.
    fn join(&mut self, other: Group) {
        for (part, lost) in other.parts {
            *self.parts.entry(part).or_insert(0.0) += lost;
        }
        self.pods += other.pods;
        other.missing.into_iter().for_each(|missing| self.lacks(missing));
        let lost = |w: &Option<Worst>| w.as_ref().map_or(0.0, |w| w.lost);
        if lost(&other.worst) > lost(&self.worst) {
            self.worst = other.worst;
        }
    }

    fn finish(self, (setting, call): Lost, share: f64) -> Blame {
        let parts: BTreeMap<_, f64> =
            self.parts.into_iter().map(|(part, lost)| (part, lost * share)).collect();
        let missing = |(sum, weight, most_s)| Missing { mean_s: sum / weight, most_s };
        Blame {
            setting,
            call,
            lost: parts.values().fold(0.0, |sum, lost| sum + lost),
            parts,
            pods: self.pods * share,
            missing: self.missing.map(missing),
            worst: self.worst,
        }
    }
}
