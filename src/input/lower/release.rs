//! The strategy of a Rollout, with the controller's defaults and checks.

mod analyses;
mod figures;
mod invalid;
mod judged;
mod scene;

pub use figures::{check_quantile, figure as given_figure, guess, time_scale};

use self::invalid::{BLUE_GREEN, CANARY};
use crate::cluster::labels::ROLLOUT_HASH;
use crate::cluster::objects::ServiceId;
use crate::cluster::release::{
    AbortDelay, BlueGreen, Canary, Plan, Release, Router, Scale, Step, Threshold,
};
use crate::cluster::spec::{IntOrPercent, PodTemplate, Service};
use crate::cluster::workload::{Kind, Strategy, Workload};
use crate::engine::Dur;
use crate::engine::rng::hash;
use crate::input::cards;
use crate::input::friendly::seconds;
use crate::input::lower::check::{Check, int_or_percent};
use crate::input::lower::flagger;
use crate::input::lower::revisions;
use crate::input::lower::routes;
use crate::input::raw::manifest::{Document, Object};
use crate::input::raw::rollout::{
    BlueGreenStrategy, CanaryStep, CanaryStrategy, Rollout, RolloutSpec, RolloutTrafficRouting,
};
use crate::input::text::checks;
use crate::input::text::tree::quoted;
use crate::model::balancer;
use crate::scenario::Action;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use std::sync::Arc;

/// The Rollout in a document.
pub fn rollout(doc: &Document) -> Option<&Rollout> {
    match &doc.object {
        Object::Rollout(rollout) => Some(rollout),
        _ => None,
    }
}

/// The Services that a Rollout is about: whose pods are stable or active, and whose are new.
pub fn services(doc: &Document) -> Option<(Option<&str>, Option<&str>)> {
    let strategy = &rollout(doc)?.spec.as_ref()?.strategy;
    if let Some(b) = &strategy.blue_green {
        return Some((b.active_service.as_deref(), b.preview_service.as_deref()));
    }
    let canary = strategy.canary.as_ref()?;
    Some(match &canary.ping_pong {
        Some(p) => (p.ping_service.as_deref(), p.pong_service.as_deref()),
        None => (canary.stable_service.as_deref(), canary.canary_service.as_deref()),
    })
}

/// It goes in steps.
pub fn is_canary(doc: &Document) -> bool {
    let spec = rollout(doc).and_then(|r| r.spec.as_ref());
    spec.is_some_and(|spec| spec.strategy.canary.is_some())
}

/// The data plane that the router of a Rollout is, and its card where it is not that of the kind. None: there
/// is no router, or the routes that it writes to say which.
pub fn path(doc: &Document) -> Option<(balancer::Kind, Option<&'static str>)> {
    let routing = routing(doc)?;
    if routing.alb.is_some() {
        Some((balancer::Kind::Alb, None))
    } else if routing.nginx.is_some() {
        Some((balancer::Kind::IngressNginx, None))
    } else if routing.istio.is_some() {
        routes::called("istio")
    } else if routing.traefik.is_some() {
        routes::called("traefik")
    } else {
        None
    }
}

/// The Ingresses that a router writes to, by name.
pub fn ingresses(doc: &Document) -> Vec<&str> {
    let Some(routing) = routing(doc) else { return Vec::new() };
    let mut names = Vec::new();
    for (router, key) in [(&routing.nginx, "stableIngress"), (&routing.alb, "ingress")] {
        names.extend(router.as_ref().and_then(|v| v.get(key)).and_then(|v| v.as_str()));
        let list =
            router.as_ref().and_then(|v| v.get(format!("{key}s"))).and_then(|v| v.as_array());
        names.extend(list.into_iter().flatten().filter_map(|v| v.as_str()));
    }
    names
}

/// Who shares the requests of a canary, if a router does.
pub fn routing(doc: &Document) -> Option<&RolloutTrafficRouting> {
    rollout(doc)?.spec.as_ref()?.strategy.canary.as_ref()?.traffic_routing.as_ref()
}

/// The bounds of a canary without a router.
pub fn strategy(check: &mut Check<'_>, w: &Rollout) -> Strategy {
    let canary = w.spec.as_ref().and_then(|s| s.strategy.canary.as_ref());
    let defaults = cards::kubernetes();
    let surge = IntOrPercent::Percent(defaults.max_surge_percent);
    let unavailable = IntOrPercent::Percent(defaults.max_unavailable_percent);
    let mut limit = |key: &str, given: Option<&IntOrString>, most, usual| match given {
        Some(given) => int_or_percent(check, &format!("{CANARY}.{key}"), given, most),
        None => usual,
    };
    let given = canary.and_then(|c| c.max_surge.as_ref());
    let max_surge = limit("maxSurge", given, i32::MAX, surge);
    let given = canary.and_then(|c| c.max_unavailable.as_ref());
    let max_unavailable = limit("maxUnavailable", given, 100, unavailable);
    Strategy::Rollout { max_surge, max_unavailable }
}

/// How it goes on. None: it is no Rollout, and no Canary is about it.
pub fn release(check: &mut Check<'_>) -> Option<Arc<Release>> {
    if rollout(check.doc).is_none() {
        return flagger::release(check);
    }
    let spec = rollout(check.doc)?.spec.clone().unwrap_or_default();
    invalid::refuse(check, &spec);
    let strategy = spec.strategy.clone();
    let (plan, delay, abort) = match (&strategy.canary, &strategy.blue_green) {
        (Some(canary), None) => {
            let delay = canary.scale_down_delay_seconds;
            let abort = canary.abort_scale_down_delay_seconds;
            (Plan::Canary(self::canary(check, canary)), delay, abort)
        }
        (None, Some(blue_green)) => {
            let delay = blue_green.scale_down_delay_seconds;
            let abort = blue_green.abort_scale_down_delay_seconds;
            (Plan::BlueGreen(self::blue_green(check, blue_green)), delay, abort)
        }
        (both, _) => {
            let (text, all) = match both {
                Some(_) => ("canary and blueGreen are both given", "one of them"),
                None => ("a Rollout needs a strategy", "canary or blueGreen"),
            };
            check.error("spec.strategy", text).allowed = Some(all.to_owned());
            let canary = CanaryStrategy::default();
            (Plan::Canary(self::canary(check, &canary)), None, None)
        }
    };
    let usual = cards::kubernetes().rollout_scale_down_delay;
    let routed = match &plan {
        Plan::Canary(canary) => canary.router.is_some(),
        Plan::BlueGreen(_) | Plan::Flagger(_) => true,
    };
    let delay = delay.map_or(usual, |s| Dur::from_secs(i64::from(s.max(0))));
    let abort_delay = match abort {
        None => AbortDelay::Default,
        Some(s) if s <= 0 => AbortDelay::Never,
        Some(s) => AbortDelay::After(Dur::from_secs(i64::from(s))),
    };
    Some(Arc::new(Release {
        plan,
        rollback_window: rollback_window(check, &spec),
        progress_deadline_abort: spec.progress_deadline_abort.unwrap_or(false),
        scale_down_delay: routed.then_some(delay),
        abort_delay,
    }))
}

fn rollback_window(check: &mut Check<'_>, spec: &RolloutSpec) -> Option<u32> {
    let revisions = spec.rollback_window.as_ref()?.revisions;
    let path = "spec.rollbackWindow.revisions";
    Some(check.at_least_0(path, revisions, 0) as u32)
}

fn canary(check: &mut Check<'_>, given: &CanaryStrategy) -> Canary {
    let routing = given.traffic_routing.as_ref();
    let max_weight = routing.and_then(|r| r.max_traffic_weight).unwrap_or(100);
    if max_weight < 1 {
        let path = format!("{CANARY}.trafficRouting.maxTrafficWeight");
        check.out_of_range(&path, i64::from(max_weight), "1 or more");
    }
    let max_weight = max_weight.max(1);
    let ping_pong = given.ping_pong.is_some();
    if routing.is_some() && !ping_pong {
        for (key, name) in
            [("canaryService", &given.canary_service), ("stableService", &given.stable_service)]
        {
            if name.is_none() {
                let path = format!("{CANARY}.{key}");
                check.error(&path, format!("trafficRouting needs {key}"));
            }
        }
    }
    let verifies = routing.is_some_and(|r| r.alb.is_some()) && verifies(check);
    // On the path the stable one comes first.
    let router = Router { stable: ServiceId(0), canary: ServiceId(1), ping_pong, verifies };
    let steps = given.steps.clone().unwrap_or_default();
    let steps = steps.iter().enumerate().map(|(i, step)| self::step(check, i, step, max_weight));
    let steps: Vec<Step> = steps.collect();
    let background = given.analysis.as_ref().and_then(|b| {
        let from = b.starting_step.unwrap_or(0).max(0) as usize;
        let path = format!("{CANARY}.analysis");
        let named = (b.templates.as_deref(), b.args.as_deref());
        analyses::analysis(check, &path, named, true).map(|analysis| (analysis, from))
    });
    Canary {
        steps,
        router: routing.map(|_| router),
        background,
        dynamic_stable_scale: given.dynamic_stable_scale.unwrap_or(false) && routing.is_some(),
        min_pods: given.min_pods_per_replica_set.unwrap_or(0).max(0),
        threshold: threshold(check, given),
        max_weight,
    }
}

/// Whether the controller looks for weights in the ALB's rule before it goes on.
fn verifies(check: &mut Check<'_>) -> bool {
    let verifies = check.input.case.rollouts.aws_verify_target_group.unwrap_or(false);
    let text = match verifies {
        true => {
            "the controller looks for them in the rule before it goes on; that all pods are registered in the \
             stable target group it would verify too before old pods go, which is not simulated"
        }
        false => {
            "the controller does not verify them (its flag --aws-verify-target-group is off by default): a step \
             goes on while load balancer nodes still draw by the weights before"
        }
    };
    check.assume("trafficRouting.alb weights", text);
    verifies
}

fn threshold(check: &mut Check<'_>, given: &CanaryStrategy) -> Option<Threshold> {
    let given = given.replica_progress_threshold.as_ref()?;
    let path = format!("{CANARY}.replicaProgressThreshold");
    let kind = check.one_of(&format!("{path}.type"), given.type_.as_deref(), &["Percent", "Pods"]);
    let value = given.value.filter(|n| *n >= 0)?;
    Some(if kind == 0 { Threshold::Percent(value) } else { Threshold::Pods(value) })
}

fn step(check: &mut Check<'_>, index: usize, given: &CanaryStep, max_weight: i32) -> Step {
    let path = format!("{CANARY}.steps[{index}]");
    if let Some(weight) = given.set_weight {
        if !(0..=max_weight).contains(&weight) {
            let allowed = format!("0 to {max_weight}");
            check.out_of_range(&format!("{path}.setWeight"), i64::from(weight), &allowed);
        }
        return Step::SetWeight(weight.clamp(0, max_weight));
    }
    if let Some(pause) = &given.pause {
        let path = format!("{path}.pause.duration");
        return Step::Pause(pause.duration.as_ref().map(|d| duration(check, &path, d)));
    }
    if let Some(scale) = &given.set_canary_scale {
        return Step::SetCanaryScale(
            match (scale.match_traffic_weight, scale.replicas, scale.weight) {
                (Some(true), ..) => Scale::MatchWeight,
                (_, Some(n), _) => Scale::Replicas(n.max(0)),
                (_, None, Some(weight)) => Scale::Weight(weight.max(0)),
                _ => Scale::MatchWeight,
            },
        );
    }
    if let Some(analysis) = &given.analysis {
        let path = format!("{path}.analysis");
        let named = (analysis.templates.as_deref(), analysis.args.as_deref());
        return analyses::analysis(check, &path, named, false).map_or(Step::Free, Step::Analysis);
    }
    let others =
        [&given.experiment, &given.plugin, &given.set_mirror_route, &given.set_header_route];
    if others.into_iter().all(Option::is_none) {
        check.error(&path, "a step that does nothing").allowed = Some(
            "setWeight, pause, setCanaryScale, analysis, experiment, setHeaderRoute, setMirrorRoute"
                .to_owned(),
        );
    }
    Step::Free
}

fn blue_green(check: &mut Check<'_>, given: &BlueGreenStrategy) -> BlueGreen {
    if given.active_service.is_none() {
        let path = format!("{BLUE_GREEN}.activeService");
        check.error(&path, "blueGreen needs activeService");
    }
    let mut analysis = |key: &str, given: Option<&crate::input::raw::rollout::RolloutAnalysis>| {
        let given = given?;
        let named = (given.templates.as_deref(), given.args.as_deref());
        analyses::analysis(check, &format!("{BLUE_GREEN}.{key}"), named, false)
    };
    BlueGreen {
        active: ServiceId(0),
        before: analysis("prePromotionAnalysis", given.pre_promotion_analysis.as_ref()),
        after: analysis("postPromotionAnalysis", given.post_promotion_analysis.as_ref()),
        auto: given.auto_promotion_enabled.unwrap_or(true),
        auto_after: Dur::from_secs(i64::from(given.auto_promotion_seconds.unwrap_or(0).max(0))),
        preview_replicas: given.preview_replica_count.map(|n| n.max(0)),
    }
}

/// Seconds, or a text with units: `30`, `"30s"`, `"1h30m"`.
fn duration(check: &mut Check<'_>, path: &str, given: &IntOrString) -> Dur {
    let (found, seconds) = match given {
        IntOrString::Int(s) => (s.to_string(), Some(f64::from(*s))),
        IntOrString::String(text) => {
            let plain = text.parse::<f64>().ok();
            (quoted(text), plain.or_else(|| seconds(text)))
        }
    };
    match seconds.filter(|s| (0.0..=checks::SECONDS_MAX).contains(s)) {
        Some(s) => Dur::from_secs_f64(s),
        None => {
            let error = check.error(path, "not a duration");
            error.found = Some(found);
            error.allowed = Some("seconds, or a text such as 30s, 5m, 1h".to_owned());
            Dur::ZERO
        }
    }
}

/// Each template of a Rollout is labelled with what it alone has, and the Services that it is about select by
/// that: first all of them the stable pods. So do those of Knative's revisions.
pub fn settle(workloads: &mut [Workload], services: &mut [Service], actions: &mut [Action]) {
    revisions::settle(workloads, services, actions);
    let Some(subject) = workloads.first_mut().filter(|w| w.kind() == Kind::Rollout) else { return };
    let label = |workload: &mut Workload| {
        let hash = hash_of(&workload.template);
        let template = Arc::make_mut(&mut workload.template);
        template.labels.insert(ROLLOUT_HASH.to_owned(), hash.clone());
        hash
    };
    let hash = label(subject);
    actions.iter_mut().filter_map(|a| a.kind.brings_mut()).for_each(|workload| {
        label(workload);
    });
    let release = subject.release.as_ref();
    let held = match release.map(|r| &r.plan) {
        Some(Plan::Canary(canary)) if canary.router.is_some() => 2,
        Some(Plan::BlueGreen(_)) => 1,
        _ => 0,
    };
    for service in services.iter_mut().take(held) {
        service.selector.insert(ROLLOUT_HASH.to_owned(), hash.clone());
    }
}

fn hash_of(template: &PodTemplate) -> String {
    format!("{:010x}", hash(&[&format!("{template:?}")]) >> 24)
}
