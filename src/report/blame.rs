//! Blame in words: the setting, what it is, what it would have to be, and the chain of times behind it.

use super::answer::{BlameRow, ChainLink};
use super::words::{cause_key, cause_label, failure_key, failure_label};
use crate::blame::{Blame, Moment, Setting, Times, blame};
use crate::cluster::spec::{Deployment, Hook, OnSigterm};
use crate::engine::Time;
use crate::run::Replication;
use crate::scenario::Scenario;
use crate::timeline::{PodId, Timeline};
use crate::traffic::{Failure, TrafficOutcome};

/// The rows of an answer, the most expensive first; from the replications that kept their timelines.
pub fn rows(scenario: &Scenario, replications: &[Replication]) -> Vec<BlameRow> {
    let runs: Vec<(&Timeline, &TrafficOutcome)> = replications
        .iter()
        .filter_map(|r| r.timeline.as_ref().map(|timeline| (timeline, &r.traffic)))
        .collect();
    let blames = blame(&runs, scenario);
    blames.iter().map(|blame| row(blame, scenario, &runs)).collect()
}

fn row(blame: &Blame, scenario: &Scenario, runs: &[(&Timeline, &TrafficOutcome)]) -> BlameRow {
    let largest = |a: &f64, b: &f64| a.total_cmp(b);
    let cause = blame.by_cause.iter().max_by(|a, b| largest(a.1, b.1)).map(|(c, _)| *c);
    let failure = blame.by_failure.iter().max_by(|a, b| largest(a.1, b.1)).map(|(f, _)| *f);
    let (found, needed) = found_and_needed(blame, scenario);
    let worst = blame.worst.map(|(replication, pod)| (runs[replication].0, pod));
    BlameRow {
        cause: cause.map(cause_key).unwrap_or_default().to_owned(),
        cause_label: cause.map(cause_label).unwrap_or_default().to_owned(),
        failure: failure.map(failure_key).unwrap_or_default(),
        failure_label: failure.map(failure_label).unwrap_or_default(),
        lost: blame.lost,
        pods: libm::ceil(blame.pods) as u32,
        example_pod: worst.map(|(timeline, pod)| timeline.pods[pod.0 as usize].name.to_string()),
        setting: setting_name(blame.setting).to_owned(),
        found,
        needed,
        missing_s: blame.missing.map(|m| m.most_s),
        chain: worst.map(|(timeline, pod)| chain(timeline, pod)).unwrap_or_default(),
        explanation: format!("{}{}", explanation(blame.setting), logged(blame, scenario)),
    }
}

/// The times of the pod that lost most, in order.
fn chain(timeline: &Timeline, pod: PodId) -> Vec<ChainLink> {
    let times = Times::of_all(timeline)[pod.0 as usize];
    let mut links: Vec<(Time, Moment)> = times.reached().collect();
    links.sort_by_key(|&(at, _)| at);
    links
        .into_iter()
        .map(|(at, moment)| ChainLink {
            at_s: at.as_secs_f64(),
            what: moment_label(moment).to_owned(),
        })
        .collect()
}

fn setting_name(setting: Setting) -> &'static str {
    match setting {
        Setting::PreStopSleep => "preStop.sleep",
        Setting::GracePeriod => "terminationGracePeriodSeconds",
        Setting::GracefulShutdown => "graceful shutdown of the application",
        Setting::DrainTimeout => "drain timeout of the application",
        Setting::ReadinessProbe => "readinessProbe",
        Setting::ReadinessProbeTarget => "what the readinessProbe asks",
        Setting::Restarts => "restarts of the container",
        Setting::MinReadySeconds => "minReadySeconds",
        Setting::Strategy => "strategy.type",
        Setting::MaxUnavailable => "maxUnavailable",
        Setting::DeregistrationDelay => "deregistration delay",
        Setting::KeepAliveTimeout => "keep-alive timeout of the server",
        Setting::Capacity => "replicas or concurrency",
        Setting::ClientTimeout => "timeout of the client",
        Setting::DataPlane => "data plane",
        Setting::Weight => "weight of the Service",
        Setting::OldReadiness => "readiness of the old version",
        Setting::CrossZone => "cross-zone load balancing",
        Setting::ProxyGrace => "shutdown-grace-period of the ingress controller",
        Setting::Procedure => "order of the steps",
    }
}

/// What the proxy logs of requests whose clients went away: no client sees that status.
fn logged(blame: &Blame, scenario: &Scenario) -> String {
    let gave_up = blame.by_failure.contains_key(&Failure::Timeout);
    match scenario.path.client_gone().filter(|_| gave_up) {
        Some(status) => format!(" The proxy logs requests whose clients gave up as {status}."),
        None => String::new(),
    }
}

fn explanation(setting: Setting) -> &'static str {
    match setting {
        Setting::PreStopSleep => {
            "Pods stop accepting connections before every data plane has learned that they are going. A preStop hook \
             that sleeps longer than that closes the gap."
        }
        Setting::GracePeriod => {
            "SIGKILL comes before the last running request is answered. The grace period has to hold the preStop \
             hook and the longest request."
        }
        Setting::GracefulShutdown => {
            "The process exits on SIGTERM with requests running. It should stop listening, finish them, and then \
             exit."
        }
        Setting::DrainTimeout => {
            "The application gives up on running requests before they are answered."
        }
        Setting::ReadinessProbe => {
            "Without a readiness probe a pod counts as ready as soon as its container runs, and gets requests before \
             its process listens."
        }
        Setting::ReadinessProbeTarget => {
            "The readiness probe passes although the port that serves requests does not listen yet."
        }
        Setting::Restarts => {
            "The process ends by itself, or its liveness probe ends it, while requests are sent to it."
        }
        Setting::MinReadySeconds => {
            "Old pods go before every data plane has learned of the new ones. minReadySeconds or a readiness gate \
             makes the rollout wait."
        }
        Setting::Strategy => "Recreate stops every old pod before the first new one starts.",
        Setting::MaxUnavailable => "Every pod may be away at once.",
        Setting::DeregistrationDelay => {
            "The balancer cuts running requests when the deregistration delay ends."
        }
        Setting::KeepAliveTimeout => {
            "The server closes idle connections earlier than the balancer: a request can meet a closing connection."
        }
        Setting::Capacity => "The pods left cannot answer all requests in time.",
        Setting::ClientTimeout => "The answer takes longer than the client waits.",
        Setting::DataPlane => {
            "The data plane was rewriting its rules, or a router its routes; no setting of the workload changes that."
        }
        Setting::Weight => {
            "A Service without a target has a share of the requests: it should have weight 0 until its pods are \
             healthy, and while they go."
        }
        Setting::OldReadiness => {
            "The version that runs at the start is never ready: nothing answers until the data plane has learned of the \
             first pod that is. These losses are there before anything is done."
        }
        Setting::CrossZone => {
            "A load balancer node sends to its own zone's targets alone, and there was none. Cross-zone load balancing \
             would have sent to the others; DNS failover takes the zone out of the load balancer's name."
        }
        Setting::ProxyGrace => {
            "The ingress controller's pod closes its listener before everybody has stopped to connect to it. It \
             should serve on for that long."
        }
        Setting::Procedure => {
            "Pods were taken away, or the Service switched, before others could take over."
        }
    }
}

fn moment_label(moment: Moment) -> &'static str {
    match moment {
        Moment::Created => "pod created",
        Moment::Started => "process started",
        Moment::Listening => "listening",
        Moment::Ready => "Ready in the API",
        Moment::Listed => "first data plane sends it requests",
        Moment::Deleted => "deletion",
        Moment::Sigterm => "SIGTERM",
        Moment::Unready => "not Ready in the API",
        Moment::ListenerClosed => "stops accepting connections",
        Moment::ProcessGone => "process gone",
        Moment::AddressGone => "address gone",
        Moment::Delisted => "last data plane stops sending it requests",
    }
}

/// The setting as it is, and as it would have to be.
fn found_and_needed(blame: &Blame, scenario: &Scenario) -> (String, String) {
    let subject = &scenario.deployments[scenario.subject];
    let more = blame.missing.map(|m| m.most_s);
    let seconds = |s: f64| format!("{} s", libm::ceil(s));
    match blame.setting {
        Setting::PreStopSleep => {
            let now = pre_stop_s(subject);
            let found = now.map_or("none".to_owned(), seconds);
            (found, seconds(now.unwrap_or(0.0) + more.unwrap_or(1.0)))
        }
        Setting::GracePeriod => {
            let now = subject.template.termination_grace_period_seconds as f64;
            (seconds(now), seconds(now + more.unwrap_or(1.0)))
        }
        Setting::MinReadySeconds => {
            let now = f64::from(subject.min_ready_seconds);
            (seconds(now), seconds(now + more.unwrap_or(1.0)))
        }
        Setting::ReadinessProbe => {
            ("none".to_owned(), "a probe of the port that serves".to_owned())
        }
        Setting::Strategy => ("Recreate".to_owned(), "RollingUpdate".to_owned()),
        Setting::GracefulShutdown => {
            let app = &subject.template.serving_app(None).on_sigterm;
            let found = match app {
                OnSigterm::Exit => "exits at once",
                OnSigterm::Ignore => "ignores SIGTERM",
                _ => "stops gracefully",
            };
            (found.to_owned(), "finish running requests first".to_owned())
        }
        Setting::DeregistrationDelay | Setting::DrainTimeout | Setting::ClientTimeout => {
            ("too short".to_owned(), more.map_or("longer".to_owned(), |s| format!("{s:.1} s more")))
        }
        Setting::Weight => ("above 0".to_owned(), "0 without healthy targets".to_owned()),
        Setting::OldReadiness => ("never ready".to_owned(), "pods that are ready".to_owned()),
        Setting::CrossZone => ("off".to_owned(), "on, or DNS failover".to_owned()),
        Setting::ProxyGrace => ("too short".to_owned(), "until nobody connects to it".to_owned()),
        _ => ("as it is".to_owned(), String::new()),
    }
}

fn pre_stop_s(deployment: &Deployment) -> Option<f64> {
    let template = &deployment.template;
    let serving = usize::from(template.serving_container()) - template.init_containers.len();
    let hook = template.containers[serving].pre_stop.as_ref();
    hook.map(|hook| match hook {
        Hook::Sleep { seconds } => *seconds as f64,
        Hook::Exec { duration, .. } | Hook::HttpGet { duration, .. } => duration.as_secs_f64(),
    })
}
