//! Whose setting lost the requests, and by how many seconds.
//!
//! Every loss has a cause and, mostly, a pod. From the pod's times in the timeline follows which setting,
//! had it been larger (or been there at all), would have saved it, and how much of it was missing.

mod times;

use crate::cluster::spec::{Deployment, IntOrPercent, OnSigterm, Strategy};
use crate::scenario::{ActionKind, Scenario};
use crate::timeline::{Pick, PodId, Target, Timeline, View, ViewId};
use crate::traffic::{Cause, Failure, LossKey, TrafficOutcome};
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
    /// The process ends by itself, or the liveness probe ends it.
    Restarts,
    /// `minReadySeconds` or a readiness gate: old pods go before balancers have learned of new ones.
    MinReadySeconds,
    /// `strategy`: Recreate stops everything first.
    Strategy,
    /// `maxUnavailable`: every pod may be away at once.
    MaxUnavailable,
    /// The balancer's deregistration delay.
    DeregistrationDelay,
    /// The server's keep-alive timeout, against the proxy's idle timeout.
    KeepAliveTimeout,
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
    /// The way a Service is switched between Deployments, or pods are deleted by hand.
    Procedure,
}

/// Losses that one setting would have saved.
#[derive(Clone, Debug, PartialEq)]
pub struct Blame {
    pub setting: Setting,
    /// Lost requests in the mean of the replications.
    pub lost: f64,
    pub by_cause: BTreeMap<Cause, f64>,
    pub by_failure: BTreeMap<Failure, f64>,
    /// Pods concerned, in the mean of the replications.
    pub pods: f64,
    /// Seconds that the setting is short of, where it is a duration.
    pub missing: Option<Missing>,
    /// When things happened to the pods concerned, in seconds from `anchor`, in the order of their means.
    pub anchor: Option<Moment>,
    pub chain: Vec<Link>,
    /// The pod and replication that lost most.
    pub worst: Option<(usize, PodId)>,
}

/// Seconds missing, over pods and replications.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Missing {
    /// Weighted by lost requests.
    pub mean_s: f64,
    /// With that much more nothing of this would have been lost.
    pub most_s: f64,
}

/// One point of the chain of times.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Link {
    pub moment: Moment,
    pub least_s: f64,
    pub mean_s: f64,
    pub most_s: f64,
}

/// What blame has to know of a scenario.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    pub client_timeout_s: f64,
    /// By version name.
    pub versions: BTreeMap<String, VersionFacts>,
    /// No pod may be left during a rollout: the strategy is Recreate, or maxUnavailable covers them all.
    pub strategy_empties: Option<Setting>,
    /// A rollout is among the actions.
    pub rollout: bool,
    /// Pods run at the start that are never ready.
    pub never_ready: bool,
    /// A load balancer node sends to its own zone alone, and there are several.
    pub zones_apart: bool,
    /// Several Services share the requests by weight.
    pub weighted: bool,
}

/// How pods of one version are set up.
#[derive(Clone, Debug, PartialEq)]
pub struct VersionFacts {
    pub on_sigterm: OnSigterm,
    pub readiness_probe: bool,
}

impl Facts {
    pub fn of(scenario: &Scenario) -> Facts {
        let port = scenario.service.ports.first().and_then(|p| match p.target_port {
            crate::cluster::spec::TargetPort::Number(n) => Some(n),
            crate::cluster::spec::TargetPort::Name(_) => None,
        });
        let version = |t: &&crate::cluster::spec::PodTemplate| {
            let readiness_probe = t.containers.iter().any(|c| c.readiness_probe.is_some());
            let on_sigterm = t.serving_app(port).on_sigterm.clone();
            (t.version.clone(), VersionFacts { on_sigterm, readiness_probe })
        };
        let subject = &scenario.deployments[scenario.subject];
        let strategy_empties = match subject.strategy {
            Strategy::Recreate => Some(Setting::Strategy),
            Strategy::RollingUpdate { max_unavailable, .. } => {
                let away = match max_unavailable {
                    IntOrPercent::Int(n) => n,
                    IntOrPercent::Percent(p) => subject.replicas * p / 100,
                };
                (away >= subject.replicas).then_some(Setting::MaxUnavailable)
            }
        };
        let never_ready = |d: &Deployment| d.replicas > 0 && d.template.never_ready();
        let rollout = scenario.actions.iter().any(|a| matches!(a.kind, ActionKind::Rollout { .. }));
        Facts {
            client_timeout_s: scenario.traffic.client.timeout.as_secs_f64(),
            versions: scenario.templates().iter().map(version).collect(),
            strategy_empties,
            rollout,
            never_ready: scenario.deployments.iter().any(never_ready),
            zones_apart: scenario.path.zones_apart(&scenario.nodes),
            weighted: scenario.split.is_some(),
        }
    }
}

/// The losses of all replications by setting, the most expensive first.
pub fn blame(runs: &[(&Timeline, &TrafficOutcome)], scenario: &Scenario) -> Vec<Blame> {
    blame_by(runs, &Facts::of(scenario))
}

/// As [`blame`], from the facts it needs.
pub fn blame_by(runs: &[(&Timeline, &TrafficOutcome)], facts: &Facts) -> Vec<Blame> {
    let mut groups: BTreeMap<Setting, Group> = BTreeMap::new();
    for (replication, (timeline, outcome)) in runs.iter().enumerate() {
        let times = Times::of_all(timeline);
        for (key, &lost) in outcome.losses.iter().filter(|l| *l.1 > 0.0) {
            let verdict = judge(timeline, &times, key, facts);
            let group = groups.entry(verdict.setting).or_default();
            group.add(replication, key, lost, &verdict, &times);
        }
    }
    let mut blames: Vec<Blame> =
        groups.into_iter().map(|(setting, group)| group.finish(setting, runs.len())).collect();
    blames.sort_by(|a, b| b.lost.total_cmp(&a.lost));
    blames
}

/// What would have saved requests, and by how much it is short.
struct Verdict {
    setting: Setting,
    missing_s: Option<f64>,
    anchor: Option<Moment>,
}

impl Verdict {
    fn of(setting: Setting) -> Verdict {
        Verdict { setting, missing_s: None, anchor: None }
    }
}

fn judge(timeline: &Timeline, times: &[Times], key: &LossKey, facts: &Facts) -> Verdict {
    let simple = match key.cause {
        Cause::RuleGap | Cause::Rehash => Some(Setting::DataPlane),
        Cause::ProxyGone => Some(Setting::ProxyGrace),
        Cause::IdleRace => Some(Setting::KeepAliveTimeout),
        Cause::Overload => Some(Setting::Capacity),
        Cause::CutByCrash => Some(Setting::Restarts),
        Cause::CutByDeregistration => Some(Setting::DeregistrationDelay),
        _ => None,
    };
    if let Some(setting) = simple {
        return Verdict::of(setting);
    }
    let Some(pod) = key.pod else { return nobody_listed(timeline, key, facts) };
    let times = &times[pod.0 as usize];
    let truth = &timeline.pods[pod.0 as usize];
    let version = &timeline.versions[truth.version as usize];
    let setup = facts.versions.get(&version.name);
    let longest_s = version.service.quantile_s(0.999).min(facts.client_timeout_s);
    match key.cause {
        Cause::SlowAnswer => Verdict {
            setting: Setting::ClientTimeout,
            missing_s: Some(version.service.quantile_s(0.999))
                .map(|s| s - facts.client_timeout_s)
                .filter(|s| *s > 0.0),
            anchor: None,
        },
        Cause::NotListeningYet => too_early(times, truth.restarts, setup),
        Cause::CutByKill => Verdict {
            setting: Setting::GracePeriod,
            missing_s: times.last_wanted_s(longest_s).map(|wanted| wanted - times.gone_s()),
            anchor: Some(Moment::Deleted),
        },
        Cause::CutByExit => cut_by_exit(times, setup, longest_s),
        _ => stopped_too_early(times, setup),
    }
}

/// A new pod got requests before it listened.
fn too_early(times: &Times, restarts: u32, setup: Option<&VersionFacts>) -> Verdict {
    if restarts > 0 {
        return Verdict::of(Setting::Restarts);
    }
    let probed = setup.is_some_and(|s| s.readiness_probe);
    Verdict {
        setting: if probed { Setting::ReadinessProbeTarget } else { Setting::ReadinessProbe },
        missing_s: times.between(Moment::Listed, Moment::Listening),
        anchor: Some(Moment::Created),
    }
}

/// An old pod got requests after it had stopped to accept them.
fn stopped_too_early(times: &Times, setup: Option<&VersionFacts>) -> Verdict {
    if times.at(Moment::Deleted).is_none() {
        return Verdict::of(Setting::Restarts);
    }
    let missing_s = times.between(Moment::ListenerClosed, Moment::Delisted);
    // A preStop hook cannot help a process that only SIGKILL ends: the grace period is what it lives for.
    let killed = setup.is_some_and(|s| s.on_sigterm == OnSigterm::Ignore);
    let setting = if killed { Setting::GracePeriod } else { Setting::PreStopSleep };
    Verdict { setting, missing_s, anchor: Some(Moment::Deleted) }
}

/// Requests ran when the process exited after SIGTERM.
fn cut_by_exit(times: &Times, setup: Option<&VersionFacts>, longest_s: f64) -> Verdict {
    let setting = match setup.map(|s| &s.on_sigterm) {
        Some(OnSigterm::Graceful { .. } | OnSigterm::LameDuck { .. }) => Setting::DrainTimeout,
        _ => Setting::GracefulShutdown,
    };
    let missing_s = times.last_wanted_s(longest_s).map(|wanted| wanted - times.gone_s());
    Verdict { setting, missing_s, anchor: Some(Moment::Deleted) }
}

/// Requests met a data plane without any backend.
fn nobody_listed(timeline: &Timeline, key: &LossKey, facts: &Facts) -> Verdict {
    let shared = facts.weighted && key.view.is_some_and(|view| shares(timeline, view));
    let starts_empty = |view: ViewId| timeline.views[view.0 as usize].initial.is_empty();
    let setting = match facts.strategy_empties {
        _ if shared => Setting::Weight,
        _ if facts.never_ready && key.view.is_some_and(starts_empty) => {
            return Verdict::of(Setting::OldReadiness);
        }
        _ if facts.zones_apart => Setting::CrossZone,
        _ if !facts.rollout => Setting::Procedure,
        Some(setting) => setting,
        None => Setting::MinReadySeconds,
    };
    let empty_s = key.view.map(|v| times::longest_empty_s(timeline, v));
    Verdict { setting, missing_s: empty_s.filter(|s| *s > 0.0), anchor: None }
}

/// The view is one of several that another one draws from by weight.
fn shares(timeline: &Timeline, view: ViewId) -> bool {
    let lists = |v: &View| {
        let listed = v.initial.iter().map(|b| b.target);
        let mut all = listed.chain(v.changes.iter().map(|c| c.target));
        all.any(|t| t == Target::View(view))
    };
    let proxy = |v: &View| v.hop.l7.is_some() && v.hop.pick == Pick::Random;
    let own = &timeline.views[view.0 as usize];
    own.hop.l7.is_some() && timeline.views.iter().any(|v| proxy(v) && lists(v))
}

/// Losses that share a setting.
#[derive(Default)]
struct Group {
    lost: f64,
    by_cause: BTreeMap<Cause, f64>,
    by_failure: BTreeMap<Failure, f64>,
    by_pod: BTreeMap<(usize, PodId), f64>,
    missing: Option<(f64, f64, f64)>,
    anchor: Option<Moment>,
    times: BTreeMap<(usize, PodId), Times>,
}

impl Group {
    fn add(
        &mut self,
        replication: usize,
        key: &LossKey,
        lost: f64,
        verdict: &Verdict,
        times: &[Times],
    ) {
        self.lost += lost;
        *self.by_cause.entry(key.cause).or_insert(0.0) += lost;
        *self.by_failure.entry(key.failure).or_insert(0.0) += lost;
        if let Some(missing) = verdict.missing_s.filter(|s| *s > 0.0) {
            let (sum, weight, most) = self.missing.unwrap_or((0.0, 0.0, 0.0));
            self.missing = Some((sum + missing * lost, weight + lost, most.max(missing)));
        }
        self.anchor = self.anchor.or(verdict.anchor);
        if let Some(pod) = key.pod {
            *self.by_pod.entry((replication, pod)).or_insert(0.0) += lost;
            self.times.entry((replication, pod)).or_insert(times[pod.0 as usize]);
        }
    }

    fn finish(self, setting: Setting, replications: usize) -> Blame {
        let share = 1.0 / replications.max(1) as f64;
        let mean = |n: f64| n * share;
        let worst = self.by_pod.iter().max_by(|a, b| a.1.total_cmp(b.1)).map(|w| *w.0);
        let chain = self.anchor.map_or(Vec::new(), |anchor| {
            let all: Vec<&Times> = self.times.values().collect();
            times::chain(&all, anchor)
        });
        Blame {
            setting,
            lost: mean(self.lost),
            by_cause: self.by_cause.into_iter().map(|(k, n)| (k, mean(n))).collect(),
            by_failure: self.by_failure.into_iter().map(|(k, n)| (k, mean(n))).collect(),
            pods: mean(self.by_pod.len() as f64),
            missing: self
                .missing
                .map(|(sum, weight, most)| Missing { mean_s: sum / weight, most_s: most }),
            anchor: self.anchor,
            chain,
            worst,
        }
    }
}

impl Setting {
    /// As it is written in a manifest, or in words.
    pub fn name(self) -> &'static str {
        match self {
            Setting::PreStopSleep => "lifecycle.preStop.sleep.seconds",
            Setting::GracePeriod => "terminationGracePeriodSeconds",
            Setting::GracefulShutdown => "graceful shutdown of the application",
            Setting::DrainTimeout => "the application's shutdown time limit",
            Setting::ReadinessProbe => "readinessProbe (there is none)",
            Setting::ReadinessProbeTarget => "what readinessProbe asks",
            Setting::Restarts => "restarts of the container",
            Setting::MinReadySeconds => "minReadySeconds",
            Setting::Strategy => "strategy.type",
            Setting::MaxUnavailable => "strategy.rollingUpdate.maxUnavailable",
            Setting::DeregistrationDelay => "deregistration delay",
            Setting::KeepAliveTimeout => "the server's keep-alive timeout",
            Setting::Capacity => "replicas",
            Setting::ClientTimeout => "the client's timeout",
            Setting::DataPlane => "the data plane's rule updates",
            Setting::OldReadiness => "readiness of the version that runs at the start",
            Setting::CrossZone => "cross-zone load balancing",
            Setting::Weight => "the weight of a Service without targets",
            Setting::ProxyGrace => "how long the proxy serves on",
            Setting::Procedure => "the order of the steps taken",
        }
    }
}
