//! The horizontal pod autoscaler: from samples to a recommendation.
//!
//! Source: `pkg/controller/podautoscaler/replica_calculator.go`. What becomes of recommendations is in
//! [`super::limits`].

use crate::cluster::PodPhase;
use crate::engine::{Dur, Time};
use crate::model::platform::Defaults;

/// Settings of the controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// CPU samples of younger pods count only when taken wholly after they turned Ready.
    pub cpu_initialization: Dur,
    /// A pod whose only transition of Ready came this soon after its start never was ready.
    pub initial_readiness_delay: Dur,
}

impl Settings {
    /// The flags' own values.
    pub fn of(defaults: &Defaults) -> Settings {
        Settings {
            cpu_initialization: defaults.hpa_cpu_initialization,
            initial_readiness_delay: defaults.hpa_initial_readiness_delay,
        }
    }
}

/// The ratio of use to target may be off by this much without any change.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tolerance {
    /// Below 1 by so much nothing is scaled down.
    pub down: f64,
    /// Above 1 by so much nothing is scaled up.
    pub up: f64,
}

impl Tolerance {
    fn allows(self, ratio: f64) -> bool {
        1.0 - self.down <= ratio && ratio <= 1.0 + self.up
    }
}

/// A pod of the Deployment's selector.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct HpaPod {
    /// `status.phase`.
    pub phase: PodPhase,
    /// It has a deletionTimestamp.
    pub deleting: bool,
    /// status.startTime.
    pub started: Option<Time>,
    /// Condition Ready: its status and lastTransitionTime.
    pub ready: Option<(bool, Time)>,
    /// Requests of all containers in milli-units; None: some container has none.
    pub request_milli: Option<i64>,
    /// Its metric; None: missing.
    pub sample: Option<Sample>,
}

/// One measured value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sample {
    /// Thousandths of the metric's unit.
    pub value_milli: i64,
    /// The end of its window.
    pub at: Time,
    /// What it is the mean over.
    pub window: Dur,
}

/// How a pod counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PodGroup {
    /// Its sample is used.
    Ready,
    /// It is pending, or its CPU does not tell yet: 0 where the others would scale up, else not counted.
    Unready,
    /// It has no sample.
    Missing,
    /// It is being deleted or has failed: it does not count at all.
    Ignored,
}

/// What decides how samples count.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Look {
    /// The metric is CPU.
    pub cpu: bool,
    /// The controller's flags.
    pub settings: Settings,
    /// When the controller looks.
    pub now: Time,
}

/// A recommendation before stabilisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recommendation {
    /// How many it asks for.
    pub replicas: i32,
    /// Mean usage per pod (or the whole, for values), in milli-units.
    pub usage_milli: i64,
    /// Per cent of requests, for resources.
    pub utilization: Option<i32>,
}

/// Why there is no recommendation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoRecommendation {
    /// No pod that counts has a sample.
    NoSamples,
    /// A container has no request.
    NoRequest,
}

/// How a pod counts.
///
/// `replica_calculator.go: groupPods`.
pub fn group(pod: &HpaPod, look: Look) -> PodGroup {
    let Look { cpu, settings, now } = look;
    if pod.deleting || pod.phase == PodPhase::Failed {
        return PodGroup::Ignored;
    }
    if pod.phase == PodPhase::Pending {
        return PodGroup::Unready;
    }
    let Some(sample) = pod.sample else { return PodGroup::Missing };
    if !cpu {
        return PodGroup::Ready;
    }
    let (Some((ready, since)), Some(started)) = (pod.ready, pod.started) else {
        return PodGroup::Unready;
    };
    let unready = if started + settings.cpu_initialization > now {
        !ready || sample.at < since + sample.window
    } else {
        !ready && started + settings.initial_readiness_delay > since
    };
    if unready { PodGroup::Unready } else { PodGroup::Ready }
}

/// What the samples add up to.
#[derive(Clone, Copy, Debug, Default)]
struct Totals {
    ready: i64,
    unready: i64,
    missing: i64,
    usage: i64,
    /// Requests of ready, unready and missing pods.
    ready_requests: i64,
    unready_requests: i64,
    missing_requests: i64,
}

fn totals(pods: &[HpaPod], look: Look) -> Totals {
    let mut t = Totals::default();
    for pod in pods {
        let request = pod.request_milli.unwrap_or(0);
        match group(pod, look) {
            PodGroup::Ignored => {}
            PodGroup::Unready => {
                t.unready += 1;
                t.unready_requests += request;
            }
            PodGroup::Missing => {
                t.missing += 1;
                t.missing_requests += request;
            }
            PodGroup::Ready => {
                t.ready += 1;
                t.ready_requests += request;
                t.usage += pod.sample.map_or(0, |sample| sample.value_milli);
            }
        }
    }
    t
}

/// A metric of type Resource: utilisation of requests against `target_percent`.
///
/// `replica_calculator.go: GetResourceReplicas`.
pub fn resource_replicas(
    current: i32,
    target_percent: i32,
    tolerance: Tolerance,
    pods: &[HpaPod],
    look: Look,
) -> Result<Recommendation, NoRecommendation> {
    let t = totals(pods, look);
    if t.ready == 0 {
        return Err(NoRecommendation::NoSamples);
    }
    if t.ready_requests == 0 || pods.iter().any(|pod| pod.request_milli.is_none()) {
        return Err(NoRecommendation::NoRequest);
    }
    let ratio = |usage: i64, requests: i64| {
        let percent = usage * 100 / requests;
        (percent as f64 / f64::from(target_percent), percent as i32)
    };
    let (usage_ratio, utilization) = ratio(t.usage, t.ready_requests);
    let with_others = |with_unready: bool| {
        let fallback = i64::from(target_percent.max(100));
        let missing_usage: i64 = if usage_ratio < 1.0 {
            missing_at(pods, look, |request| request * fallback / 100)
        } else {
            0
        };
        let mut requests = t.ready_requests;
        if usage_ratio != 1.0 {
            requests += t.missing_requests;
        }
        if with_unready {
            requests += t.unready_requests;
        }
        ratio(t.usage + missing_usage, requests).0
    };
    let replicas = replicas(current, usage_ratio, tolerance, &t, with_others);
    let usage_milli = t.usage / t.ready;
    Ok(Recommendation { replicas, usage_milli, utilization: Some(utilization) })
}

/// What missing pods are taken to use, each by its own request.
fn missing_at(pods: &[HpaPod], look: Look, usage: impl Fn(i64) -> i64) -> i64 {
    let missing = pods.iter().filter(|p| group(p, look) == PodGroup::Missing);
    missing.map(|pod| usage(pod.request_milli.unwrap_or(0))).sum()
}

/// A metric of type Pods, or a resource with an averageValue: the mean against `target_milli`.
///
/// `replica_calculator.go: GetMetricReplicas, calcPlainMetricReplicas`.
pub fn pods_metric_replicas(
    current: i32,
    target_milli: i64,
    tolerance: Tolerance,
    pods: &[HpaPod],
    look: Look,
) -> Result<Recommendation, NoRecommendation> {
    let t = totals(pods, look);
    if t.ready == 0 {
        return Err(NoRecommendation::NoSamples);
    }
    let mean = t.usage / t.ready;
    let usage_ratio = mean as f64 / target_milli as f64;
    let with_others = |with_unready: bool| {
        let (mut usage, mut count) = (t.usage, t.ready);
        if usage_ratio != 1.0 {
            count += t.missing;
        }
        if usage_ratio < 1.0 {
            usage += target_milli * t.missing;
        }
        if with_unready {
            count += t.unready;
        }
        (usage / count) as f64 / target_milli as f64
    };
    let replicas = replicas(current, usage_ratio, tolerance, &t, with_others);
    Ok(Recommendation { replicas, usage_milli: mean, utilization: None })
}

/// From the ratio of use to target to a number of pods. `with_others` is the ratio once missing pods (and
/// unready ones, if its argument says so) are filled in on the side of caution.
fn replicas(
    current: i32,
    usage_ratio: f64,
    tolerance: Tolerance,
    t: &Totals,
    with_others: impl Fn(bool) -> f64,
) -> i32 {
    let up_with_unready = t.unready > 0 && usage_ratio > 1.0;
    if !up_with_unready && t.missing == 0 {
        if tolerance.allows(usage_ratio) {
            return current;
        }
        return ceil(usage_ratio * t.ready as f64);
    }
    let ratio = with_others(up_with_unready);
    let turned = (usage_ratio < 1.0 && ratio > 1.0) || (usage_ratio > 1.0 && ratio < 1.0);
    if tolerance.allows(ratio) || turned {
        return current;
    }
    let filled = if usage_ratio != 1.0 { t.missing } else { 0 };
    let counted = t.ready + filled + if up_with_unready { t.unready } else { 0 };
    let replicas = ceil(ratio * counted as f64);
    let turned = (ratio < 1.0 && replicas > current) || (ratio > 1.0 && replicas < current);
    if turned { current } else { replicas }
}

fn ceil(replicas: f64) -> i32 {
    libm::ceil(replicas) as i32
}

/// A metric of type Object or External with a target value: `usage_milli` against `target_milli`, times the
/// pods that are running and ready.
///
/// `replica_calculator.go: getUsageRatioReplicaCount`.
pub fn value_replicas(
    current: i32,
    target_milli: i64,
    tolerance: Tolerance,
    usage_milli: i64,
    pods: &[HpaPod],
) -> Recommendation {
    let ratio = usage_milli as f64 / target_milli as f64;
    let ready =
        |pod: &&HpaPod| pod.phase == PodPhase::Running && pod.ready.is_some_and(|(ready, _)| ready);
    let replicas = if current == 0 {
        ceil(ratio)
    } else if tolerance.allows(ratio) {
        current
    } else {
        ceil(ratio * pods.iter().filter(ready).count() as f64)
    };
    Recommendation { replicas, usage_milli, utilization: None }
}

/// The same with a target per pod: `status_replicas` is status.replicas of the Deployment.
///
/// `replica_calculator.go: GetObjectPerPodMetricReplicas, GetExternalPerPodMetricReplicas`.
pub fn average_replicas(
    status_replicas: i32,
    target_milli: i64,
    tolerance: Tolerance,
    usage_milli: i64,
) -> Recommendation {
    let (usage, target) = (usage_milli as f64, target_milli as f64);
    let ratio = usage / (target * f64::from(status_replicas));
    let replicas = if tolerance.allows(ratio) { status_replicas } else { ceil(usage / target) };
    let per_pod = libm::ceil(usage / f64::from(status_replicas)) as i64;
    Recommendation { replicas, usage_milli: per_pod, utilization: None }
}
