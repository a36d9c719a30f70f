//! Which setting would have saved a request, and by how much it is short.

use super::{Facts, Moment, Setting, Times, VersionFacts, times};
use crate::cluster::spec::OnSigterm;
use crate::engine::List;
use crate::timeline::{Pick, PodId, Target, Timeline, Upset, UpsetBy, Version, View, ViewId};
use crate::traffic::{Cause, Failure, LossKey};

/// What would have saved requests, and by how much it is short.
pub(super) struct Verdict {
    /// Which.
    pub setting: Setting,
    /// Seconds, above 0; None: no length of time would do, or it is not known.
    pub missing_s: Option<f64>,
}

impl Verdict {
    fn of(setting: Setting) -> Verdict {
        Verdict { setting, missing_s: None }
    }
}

/// The probe that took pods away which were well: none was left, or the pod was started anew.
fn upset(timeline: &Timeline, key: &LossKey) -> Option<Setting> {
    if timeline.upsets.is_empty() {
        return None;
    }
    let most = |killed: bool, pod: Option<PodId>| {
        let mine = |u: &&Upset| u.killed == killed && pod.is_none_or(|pod| u.pod == pod);
        let of = |by: UpsetBy| timeline.upsets.iter().filter(mine).filter(|u| u.by == by).count();
        let all = [UpsetBy::Load, UpsetBy::Dependency, UpsetBy::Hung];
        all.into_iter().filter(|&by| of(by) > 0).max_by_key(|&by| of(by))
    };
    let by_kill = |by: UpsetBy| match by {
        UpsetBy::Load => Setting::Liveness,
        UpsetBy::Dependency => Setting::ProbeDependency,
        UpsetBy::Hung => Setting::Fault,
    };
    match (key.cause, key.pod) {
        (Cause::NoBackend, _) => match (most(true, None), most(false, None)) {
            (Some(by), _) => Some(by_kill(by)),
            (None, Some(UpsetBy::Load)) => Some(Setting::ProbeTimeout),
            (None, Some(by)) => Some(by_kill(by)),
            (None, None) => None,
        },
        (Cause::Overload, _) => most(true, None).filter(|by| *by == UpsetBy::Load).map(by_kill),
        (
            Cause::CutByCrash
            | Cause::CutByExit
            | Cause::CutByKill
            | Cause::NotListeningYet
            | Cause::ListenerClosed
            | Cause::ProcessGone
            | Cause::Backlog,
            Some(pod),
        ) => most(true, Some(pod)).map(by_kill),
        _ => None,
    }
}

pub(super) fn judge(
    timeline: &Timeline,
    times: &List<PodId, Times>,
    key: &LossKey,
    facts: &Facts,
) -> Verdict {
    if let Some(setting) = upset(timeline, key) {
        return Verdict::of(setting);
    }
    let simple = match key.cause {
        Cause::RuleGap | Cause::Rehash => Some(Setting::DataPlane),
        Cause::ProxyGone => Some(Setting::ProxyGrace),
        Cause::IdleRace if key.pod.is_none() => Some(Setting::FrontKeepAlive),
        Cause::IdleRace => Some(Setting::KeepAliveTimeout),
        Cause::Overload => Some(facts.capacity),
        Cause::CircuitBreaker => Some(Setting::CircuitBreaker),
        Cause::RateLimit => Some(Setting::RateLimit),
        Cause::CutByAge => Some(Setting::ConnectionAge),
        Cause::CutByCrash => Some(Setting::Restarts),
        Cause::Fault => Some(Setting::Fault),
        Cause::NodeLost => Some(facts.lost_with_its_node),
        Cause::CutByDeregistration => Some(Setting::DeregistrationDelay),
        cause => by_sidecar(cause),
    };
    if let Some(setting) = simple {
        return Verdict::of(setting);
    }
    let Some(pod) = key.pod else { return nobody_listed(timeline, key, facts) };
    let times = &times[pod];
    let truth = &timeline.pods[pod];
    let version = &timeline.versions[truth.version as usize];
    let setup = facts.versions.get(&version.name);
    if setup.is_some_and(|s| s.refuses) {
        return Verdict::of(Setting::TargetPort);
    }
    if facts.resize_restarts && truth.restarts > 0 && times.at(Moment::Deleted).is_none() {
        let anew = matches!(
            key.cause,
            Cause::CutByExit
                | Cause::CutByKill
                | Cause::NotListeningYet
                | Cause::ListenerClosed
                | Cause::ProcessGone
                | Cause::Backlog
        );
        if anew {
            return Verdict::of(Setting::ResizePolicy);
        }
    }
    let longest_s = version.service.quantile_s(0.999).min(facts.client_timeout_s);
    match key.cause {
        Cause::SlowAnswer => too_slow(timeline, (key, pod, version), facts),
        Cause::NotListeningYet => too_early(times, truth.restarts, setup),
        Cause::CutByKill => Verdict {
            setting: Setting::GracePeriod,
            missing_s: times.last_wanted_s(longest_s).map(|wanted| wanted - times.gone_s()),
        },
        Cause::CutByExit => cut_by_exit(times, setup, longest_s),
        Cause::Backlog => in_backlog(times, setup, longest_s),
        _ => stopped_too_early(times, setup),
    }
}

/// The proxy in a pod is late, or gone too soon.
fn by_sidecar(cause: Cause) -> Option<Setting> {
    match cause {
        Cause::SidecarLate => Some(Setting::SidecarStart),
        Cause::SidecarGone | Cause::CutBySidecar => Some(Setting::SidecarStop),
        _ => None,
    }
}

/// Somebody gave an answer up: the client, or a proxy.
fn too_slow(
    timeline: &Timeline,
    (key, pod, version): (&LossKey, PodId, &Version),
    facts: &Facts,
) -> Verdict {
    let front = key.view.and_then(|view| front_timeout_s(timeline, view, pod));
    let proxy = key.view.and_then(|view| proxy_timeout_s(timeline, view, key.failure));
    let (setting, timeout_s) = match (front, proxy) {
        (Some(timeout_s), _) => (Setting::FrontTimeout, timeout_s),
        (None, Some(timeout_s)) => (Setting::ProxyTimeout, timeout_s),
        (None, None) => (Setting::ClientTimeout, facts.client_timeout_s),
    };
    let missing = version.service.quantile_s(0.999) - timeout_s;
    Verdict { setting, missing_s: Some(missing).filter(|s| *s > 0.0) }
}

/// How long the proxy waits for an answer, if it is in front of the one that sent to the pod.
fn front_timeout_s(timeline: &Timeline, view: ViewId, pod: PodId) -> Option<f64> {
    let view = &timeline.views[view];
    let timeout = view.hop.l7.as_ref()?.response_timeout?;
    (!view.targets().any(|t| t == Target::Pod(pod))).then(|| timeout.as_secs_f64())
}

/// How long the proxy that sent to the pod waits for an answer, if it was that one which gave up.
fn proxy_timeout_s(timeline: &Timeline, view: ViewId, failure: Failure) -> Option<f64> {
    let l7 = timeline.views[view].hop.l7.as_ref()?;
    let route = l7.policy.as_ref().and_then(|policy| policy.route_timeout);
    let timeouts = l7.response_timeout.into_iter().chain(route);
    let shortest = timeouts.min().filter(|_| matches!(failure, Failure::Status(_)));
    shortest.map(|timeout| timeout.as_secs_f64())
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
    Verdict { setting, missing_s }
}

/// Requests waited to be accepted when the listener closed: the hook has to outlast the routing and the wait.
fn in_backlog(times: &Times, setup: Option<&VersionFacts>, longest_s: f64) -> Verdict {
    let Verdict { setting, missing_s } = stopped_too_early(times, setup);
    Verdict { setting, missing_s: missing_s.map(|s| s.max(0.0) + longest_s) }
}

/// Requests ran when the process exited after SIGTERM.
fn cut_by_exit(times: &Times, setup: Option<&VersionFacts>, longest_s: f64) -> Verdict {
    let setting = match setup.map(|s| &s.on_sigterm) {
        Some(OnSigterm::Graceful { .. } | OnSigterm::LameDuck { .. }) => Setting::DrainTimeout,
        _ => Setting::GracefulShutdown,
    };
    let missing_s = times.last_wanted_s(longest_s).map(|wanted| wanted - times.gone_s());
    Verdict { setting, missing_s }
}

/// Requests met a data plane without any backend.
fn nobody_listed(timeline: &Timeline, key: &LossKey, facts: &Facts) -> Verdict {
    let listed = |view: ViewId| times::longest_empty_s(timeline, view) <= 0.0;
    if key.view.is_some_and(|view| ejects(timeline, view) && listed(view)) {
        return Verdict::of(Setting::OutlierDetection);
    }
    let shared = facts.weighted && key.view.is_some_and(|view| shares(timeline, view));
    let starts_empty = |view: ViewId| timeline.views[view].initial.is_empty();
    let setting = match facts.strategy_empties {
        _ if shared => Setting::Weight,
        _ if facts.never_ready && key.view.is_some_and(starts_empty) => {
            return Verdict::of(Setting::OldReadiness);
        }
        _ if facts.zones_apart => Setting::CrossZone,
        _ if !facts.rollout => facts.alone,
        Some(setting) => setting,
        None => Setting::MinReadySeconds,
    };
    let empty_s = key.view.map(|v| times::longest_empty_s(timeline, v));
    Verdict { setting, missing_s: empty_s.filter(|s| *s > 0.0) }
}

/// The view leaves out backends that fail.
fn ejects(timeline: &Timeline, view: ViewId) -> bool {
    let l7 = timeline.views[view].hop.l7.as_ref();
    l7.and_then(|l7| l7.policy.as_ref()).is_some_and(|policy| policy.outlier.is_some())
}

/// The view is one of several that another one draws from by weight.
fn shares(timeline: &Timeline, view: ViewId) -> bool {
    let lists = |v: &View| v.targets().any(|t| t == Target::View(view));
    let proxy = |v: &View| v.hop.l7.is_some() && v.hop.pick == Pick::Random;
    let own = &timeline.views[view];
    own.hop.l7.is_some() && timeline.views.iter().any(|v| proxy(v) && lists(v))
}
