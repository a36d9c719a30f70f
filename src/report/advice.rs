//! What a setting is, and what it would have to be. Both are values that cannot be empty, so that no sentence
//! made of them has a hole.

use super::words::{plural, seconds};
use crate::blame::facts::{may_be_away, pods_needed};
use crate::blame::{Blame, Setting};
use crate::cluster::spec::{Container, Handler, IntOrPercent, OnSigterm, TargetPort};
use crate::cluster::workload::{Strategy, Workload};
use crate::scenario::Scenario;
use crate::timeline::L7;
use serde::{Serialize, Serializer};
use std::fmt;

/// One side of "found ..., needed ...".
#[derive(Clone, Debug, PartialEq)]
pub enum Worth {
    /// So many seconds.
    Seconds(f64),
    /// More than so many seconds.
    MoreThan(f64),
    /// A hook of so many seconds, which needs a grace period of so many.
    SecondsWithin { hook: f64, grace: f64 },
    /// Pods, or per cent of the replicas.
    Amount(IntOrPercent),
    /// No more pods, or per cent, than these.
    AtMost(IntOrPercent),
    /// So many of what the word names.
    Count(i32, Words),
    /// So many or more of them.
    AtLeast(i32, Words),
    /// Where a Service sends to.
    Port(TargetPort),
    /// What a probe asks.
    Asks(Handler),
    /// The process ends by itself so many seconds after its start.
    EndsAfter(f64),
    /// Its liveness probe ends it so many seconds after its start.
    KilledAfter(f64),
    /// In words.
    Words(Words),
    /// A change that was tried, or that there is none.
    Text(String),
}

/// A text that is not empty; where it is a constant the compiler checks it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Words(&'static str);

impl Words {
    /// # Panics
    /// On nothing.
    pub const fn new(text: &'static str) -> Words {
        assert!(!text.is_empty(), "a sentence would have a hole");
        Words(text)
    }
}

macro_rules! words {
    ($text:literal) => {
        Worth::Words(const { Words::new($text) })
    };
}

const PODS: Words = Words::new("pod");

impl fmt::Display for Worth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let amount = |of: &IntOrPercent| match of {
            IntOrPercent::Int(n) => n.to_string(),
            IntOrPercent::Percent(p) => format!("{p} %"),
        };
        let number = |n: &i32, of: &Words| plural(u64::try_from(*n).unwrap_or(0), of.0);
        match self {
            Worth::Seconds(s) => f.write_str(&seconds(*s)),
            Worth::MoreThan(s) => write!(f, "more than {}", seconds(*s)),
            Worth::SecondsWithin { hook, grace } => {
                write!(f, "{} and terminationGracePeriodSeconds {grace}", seconds(*hook))
            }
            Worth::Amount(of) => f.write_str(&amount(of)),
            Worth::AtMost(of) => write!(f, "at most {}", amount(of)),
            Worth::Count(n, of) => f.write_str(&number(n, of)),
            Worth::AtLeast(n, of) => write!(f, "at least {}", number(n, of)),
            Worth::Port(TargetPort::Number(port)) => write!(f, "{port}"),
            Worth::Port(TargetPort::Name(name)) => f.write_str(name),
            Worth::Asks(Handler::HttpGet { path, port }) => write!(f, "httpGet :{port}{path}"),
            Worth::Asks(Handler::TcpSocket { port }) => write!(f, "tcpSocket :{port}"),
            Worth::Asks(Handler::Grpc { port }) => write!(f, "grpc :{port}"),
            Worth::Asks(Handler::Exec { .. }) => f.write_str("a command"),
            Worth::EndsAfter(s) => write!(f, "a process that ends after {}", seconds(*s)),
            Worth::KilledAfter(s) => {
                write!(f, "a livenessProbe that ends it after {}", seconds(*s))
            }
            Worth::Words(words) => f.write_str(words.0),
            Worth::Text(text) => f.write_str(text),
        }
    }
}

impl Serialize for Worth {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The setting as it is, and as it would have to be.
pub fn found_and_needed(blame: &Blame, scenario: &Scenario) -> (Worth, Worth) {
    let subject = scenario.before();
    let missing_s = blame.missing.map(|m| m.most_s);
    match blame.setting {
        Setting::PreStopSleep => pre_stop(subject, missing_s, longest_s(scenario)),
        Setting::GracePeriod => {
            let now = subject.template.termination_grace_period_seconds as f64;
            raised(now, missing_s)
        }
        Setting::MinReadySeconds => raised(f64::from(subject.min_ready_seconds), missing_s),
        Setting::DrainTimeout => match subject.template.serving_container().app.on_sigterm {
            OnSigterm::Graceful { drain_timeout } | OnSigterm::LameDuck { drain_timeout, .. } => {
                raised(drain_timeout.as_secs_f64(), missing_s)
            }
            _ => (words!("none"), Worth::MoreThan(longest_s(scenario))),
        },
        Setting::ClientTimeout => raised(scenario.traffic.client.timeout.as_secs_f64(), missing_s),
        Setting::GracefulShutdown => {
            let found = match subject.template.serving_container().app.on_sigterm {
                OnSigterm::Exit => words!("exits at once"),
                OnSigterm::Ignore => words!("ignores SIGTERM"),
                _ => words!("stops before all is answered"),
            };
            (found, words!("finish running requests first"))
        }
        Setting::ReadinessProbe
        | Setting::ReadinessProbeTarget
        | Setting::TargetPort
        | Setting::Restarts
        | Setting::OldReadiness => of_new_pods(blame.setting, scenario),
        Setting::Strategy => (words!("Recreate"), words!("RollingUpdate")),
        Setting::MaxUnavailable | Setting::PodsAway => unavailable(blame.setting, scenario),
        Setting::Replicas => (Worth::Count(subject.replicas, PODS), Worth::AtLeast(2, PODS)),
        Setting::Capacity => (Worth::Count(subject.replicas, PODS), more_pods(scenario)),
        Setting::ProbeTimeout => {
            let probe = &subject.template.serving_container().readiness_probe;
            let now_s = probe.as_ref().map_or(1.0, |p| f64::from(p.timeout_seconds));
            (Worth::Seconds(now_s), words!("as long as requests wait, or pods enough"))
        }
        Setting::Liveness => {
            (words!("ends what is only slow"), words!("one that load cannot fail"))
        }
        Setting::ResizePolicy => (words!("RestartContainer"), words!("NotRequired")),
        Setting::ProbeDependency => {
            (words!("what all pods share"), words!("probes that ask the process alone"))
        }
        Setting::Fault => {
            (words!("breaks the application"), words!("its end, or a probe that sees it"))
        }
        _ => of_the_path(blame.setting, scenario),
    }
}

/// A duration that is known, and what it lacks.
fn raised(now_s: f64, missing_s: Option<f64>) -> (Worth, Worth) {
    let needed = match missing_s {
        Some(more) => Worth::Seconds(libm::ceil(now_s + more)),
        None => Worth::MoreThan(now_s),
    };
    (Worth::Seconds(now_s), needed)
}

/// A hook counts into the grace period: what does not fit needs a longer one.
fn pre_stop(subject: &Workload, missing_s: Option<f64>, longest_s: f64) -> (Worth, Worth) {
    let now = pre_stop_s(subject.template.serving_container());
    let found = now.map_or(words!("none"), Worth::Seconds);
    let Some(more) = missing_s else { return (found, Worth::MoreThan(now.unwrap_or(0.0))) };
    let hook = libm::ceil(now.unwrap_or(0.0) + more);
    let grace = libm::ceil(hook + longest_s);
    match hook > subject.template.termination_grace_period_seconds as f64 {
        true => (found, Worth::SecondsWithin { hook, grace }),
        false => (found, Worth::Seconds(hook)),
    }
}

fn pre_stop_s(container: &Container) -> Option<f64> {
    container.pre_stop.as_ref().map(|hook| hook.length().as_secs_f64())
}

/// What decides when new pods are sent requests, and how long their processes run.
fn of_new_pods(setting: Setting, scenario: &Scenario) -> (Worth, Worth) {
    let container = scenario.after().template.serving_container();
    match setting {
        Setting::Restarts => restarts(container),
        Setting::TargetPort => {
            let port = scenario.service().ports.first().map(|p| &p.target_port);
            let found = port.map_or(words!("none"), |p| Worth::Port(p.clone()));
            (found, words!("a port of app.ports"))
        }
        Setting::OldReadiness => (words!("never ready"), words!("pods that are ready")),
        _ => {
            let probe = container.readiness_probe.as_ref();
            let found = probe.map_or(words!("none"), |p| Worth::Asks(p.handler.clone()));
            (found, words!("a probe of the port that serves"))
        }
    }
}

/// Why a process ends while requests are sent to it.
fn restarts(container: &Container) -> (Worth, Worth) {
    let stays = words!("one that runs until it is stopped");
    if let Some(after) = container.app.crash_after {
        return (Worth::EndsAfter(after.as_secs_f64()), stays);
    }
    match &container.liveness_probe {
        Some(probe) if probe.fails_after().is_some() => {
            (words!("a livenessProbe that always fails"), words!("one that can succeed"))
        }
        Some(probe) => {
            let failures = f64::from(probe.failure_threshold) * f64::from(probe.period_seconds);
            let after = f64::from(probe.initial_delay_seconds) + failures;
            (Worth::KilledAfter(after), words!("a startupProbe, or a longer livenessProbe"))
        }
        None => (words!("a process that ends"), stays),
    }
}

/// How many pods may be away: all but one, or as many as are not needed for the requests.
fn unavailable(setting: Setting, scenario: &Scenario) -> (Worth, Worth) {
    let subject = scenario.before();
    let needed = match setting {
        Setting::PodsAway => pods_needed(scenario).unwrap_or(1),
        _ => 1,
    };
    let most = (subject.replicas - needed).max(0);
    let found = match subject.strategy {
        Strategy::RollingUpdate { max_unavailable, .. } => max_unavailable,
        Strategy::StatefulSet(s) => s.max_unavailable.unwrap_or(IntOrPercent::Int(1)),
        Strategy::DaemonSet(s) => s.max_unavailable,
        _ => IntOrPercent::Int(may_be_away(subject)),
    };
    let most = match found {
        IntOrPercent::Percent(_) if subject.replicas > 0 => {
            IntOrPercent::Percent((i64::from(most) * 100 / i64::from(subject.replicas)) as i32)
        }
        _ => IntOrPercent::Int(most),
    };
    (Worth::Amount(found), Worth::AtMost(most))
}

fn more_pods(scenario: &Scenario) -> Worth {
    let replicas = scenario.before().replicas;
    match pods_needed(scenario).filter(|needed| *needed > replicas) {
        Some(needed) => Worth::AtLeast(needed, PODS),
        None => words!("more, or more requests at once in each"),
    }
}

/// What the proxy in front of the path's does.
fn front(scenario: &Scenario) -> Option<&L7> {
    scenario.route().in_front.as_ref()?.hop.l7.as_ref()
}

/// What the balancers and proxies before the pods are set to.
fn of_the_path(setting: Setting, scenario: &Scenario) -> (Worth, Worth) {
    let path = &scenario.route().path;
    let subject = scenario.before();
    let known = |s: Option<crate::engine::Dur>| {
        s.map_or(words!("too short"), |d| Worth::Seconds(d.as_secs_f64()))
    };
    match setting {
        Setting::DeregistrationDelay => {
            (known(path.deregistration_delay()), Worth::MoreThan(longest_s(scenario)))
        }
        Setting::KeepAliveTimeout => {
            let own = subject.template.serving_container().app.keep_alive_timeout;
            let idle = path.idle_timeout().map(|d| Worth::MoreThan(d.as_secs_f64()));
            (known(own), idle.unwrap_or(words!("longer than that of the proxy")))
        }
        Setting::FrontKeepAlive => {
            let idle = front(scenario).and_then(|l7| Some(l7.pool?.idle_timeout.as_secs_f64()));
            let needed = idle.map(Worth::MoreThan);
            (known(path.front_idle_timeout()), needed.unwrap_or(words!("longer than in front")))
        }
        Setting::FrontTimeout => {
            let now = front(scenario).and_then(|l7| l7.response_timeout);
            (known(now), Worth::MoreThan(longest_s(scenario)))
        }
        Setting::ProxyTimeout => {
            let route = path.policy().and_then(|policy| policy.route_timeout);
            let tries = path.l7().and_then(|l7| l7.response_timeout);
            (known(route.into_iter().chain(tries).min()), Worth::MoreThan(longest_s(scenario)))
        }
        Setting::ProxyGrace => {
            (known(path.shutdown_grace()), words!("until nobody connects to it"))
        }
        Setting::CircuitBreaker => {
            (words!("below what is under way"), words!("above what is under way in the rollout"))
        }
        Setting::SidecarStart => (words!("starts late"), words!("starts before the application")),
        Setting::SidecarStop => (words!("stops first"), words!("stops after the application")),
        Setting::RateLimit => (words!("below the load"), words!("above the load")),
        Setting::ConnectionAge => {
            let kept = scenario.traffic.long_lived.as_ref();
            (known(kept.and_then(|kept| kept.max_age_grace)), Worth::MoreThan(longest_s(scenario)))
        }
        Setting::OutlierDetection => {
            (words!("every pod ejected"), words!("some kept in use, or a panic threshold"))
        }
        Setting::Weight => (words!("above 0"), words!("0 without healthy targets")),
        Setting::CrossZone => (words!("off"), words!("on, or DNS failover")),
        Setting::DataPlane => (
            words!("rules rewritten while requests come"),
            words!("another data plane, or clients that try again"),
        ),
        _ => (words!("every pod away at once"), words!("one that is ready at any time")),
    }
}

/// Hardly any request takes longer, or is waited for longer; in seconds.
fn longest_s(scenario: &Scenario) -> f64 {
    let app = &scenario.before().template.serving_container().app;
    let longest = app.service.quantile_s(0.999);
    longest.min(scenario.traffic.client.timeout.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_needed_reads_as_people_write_it() {
        let shown = [
            Worth::MoreThan(30.0),
            Worth::SecondsWithin { hook: 41.0, grace: 50.0 },
            Worth::AtMost(IntOrPercent::Percent(50)),
            Worth::Count(1, PODS),
            Worth::AtLeast(2, PODS),
            words!("none"),
        ];
        assert_eq!(
            shown.map(|w| w.to_string()),
            [
                "more than 30 s",
                "41 s and terminationGracePeriodSeconds 50",
                "at most 50 %",
                "1 pod",
                "at least 2 pods",
                "none"
            ]
        );
    }

    #[test]
    #[should_panic(expected = "hole")]
    fn an_empty_word_is_no_word() {
        Words::new("");
    }
}
