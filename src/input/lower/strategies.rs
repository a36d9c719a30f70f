//! How old pods make room for new ones, by the kind of workload.

use crate::cluster::spec::IntOrPercent;
use crate::cluster::workload::{DaemonSetStrategy, StatefulSetStrategy, Strategy};
use crate::input::cards;
use crate::input::lower::check::{Check, int_or_percent};
use crate::input::lower::release;
use crate::input::raw::manifest::Object;
use crate::input::text::tree::quoted;
use k8s_openapi::api::apps::v1::{DaemonSetUpdateStrategy, DeploymentStrategy, StatefulSetSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

/// The strategy of the workload that is looked at.
pub fn strategy(check: &mut Check<'_>) -> Strategy {
    match &check.doc.object {
        Object::Deployment(w) => {
            deployment(check, w.spec.as_ref().and_then(|s| s.strategy.as_ref()))
        }
        Object::StatefulSet(w) => Strategy::StatefulSet(stateful_set(check, w.spec.as_ref())),
        Object::DaemonSet(w) => {
            let strategy = w.spec.as_ref().and_then(|s| s.update_strategy.as_ref());
            Strategy::DaemonSet(daemon_set(check, strategy))
        }
        Object::Rollout(w) => release::strategy(check, w),
        Object::Pod(_) => Strategy::Pod,
        _ => Strategy::ReplicaSet,
    }
}

fn zero(limit: IntOrPercent) -> bool {
    matches!(limit, IntOrPercent::Int(0) | IntOrPercent::Percent(0))
}

fn deployment(check: &mut Check<'_>, strategy: Option<&DeploymentStrategy>) -> Strategy {
    let rolling = strategy.and_then(|s| s.rolling_update.as_ref());
    match strategy.and_then(|s| s.type_.as_deref()).unwrap_or("RollingUpdate") {
        "Recreate" => {
            if rolling.is_some() {
                let path = "spec.strategy.rollingUpdate";
                let error = check.error(path, "not allowed with strategy type Recreate");
                error.suggestion =
                    Some("remove rollingUpdate, or use type RollingUpdate".to_owned());
            }
            return Strategy::Recreate;
        }
        "RollingUpdate" => {}
        other => {
            let found = quoted(other);
            let error = check.error("spec.strategy.type", "unknown strategy");
            error.found = Some(found);
            error.allowed = Some("RollingUpdate, Recreate".to_owned());
        }
    }
    let defaults = cards::kubernetes();
    let percent = |p: i32| IntOrString::String(format!("{p}%"));
    let surge_default = percent(defaults.max_surge_percent);
    let unavailable_default = percent(defaults.max_unavailable_percent);
    let path = "spec.strategy.rollingUpdate";
    let surge = rolling.and_then(|r| r.max_surge.as_ref()).unwrap_or(&surge_default);
    let unavailable =
        rolling.and_then(|r| r.max_unavailable.as_ref()).unwrap_or(&unavailable_default);
    let max_surge = int_or_percent(check, &format!("{path}.maxSurge"), surge, i32::MAX);
    let max_unavailable =
        int_or_percent(check, &format!("{path}.maxUnavailable"), unavailable, 100);
    if zero(max_surge) && zero(max_unavailable) {
        let error = check.error(path, "maxSurge and maxUnavailable are both 0");
        error.allowed = Some("at least one of them above 0".to_owned());
        error.suggestion =
            Some("with both 0 no pod may be added and none removed; use maxSurge: 1".to_owned());
    }
    Strategy::RollingUpdate { max_surge, max_unavailable }
}

const TYPE: &str = "spec.updateStrategy.type";
const ROLLING: &str = "spec.updateStrategy.rollingUpdate";

/// `RollingUpdate` or `OnDelete`, which has no bounds.
fn on_delete(check: &mut Check<'_>, word: Option<&str>, bounded: bool) -> bool {
    let on_delete = check.one_of(TYPE, word, &["RollingUpdate", "OnDelete"]) == 1;
    if on_delete && bounded {
        let error = check.error(ROLLING, "not allowed with updateStrategy type OnDelete");
        error.suggestion = Some("remove rollingUpdate, or use type RollingUpdate".to_owned());
    }
    on_delete
}

fn stateful_set(check: &mut Check<'_>, spec: Option<&StatefulSetSpec>) -> StatefulSetStrategy {
    let policy = spec.and_then(|s| s.pod_management_policy.as_deref());
    let policies = ["OrderedReady", "Parallel"];
    let parallel = check.one_of("spec.podManagementPolicy", policy, &policies) == 1;
    let strategy = spec.and_then(|s| s.update_strategy.as_ref());
    let rolling = strategy.and_then(|s| s.rolling_update.as_ref());
    let word = strategy.and_then(|s| s.type_.as_deref());
    let on_delete = on_delete(check, word, rolling.is_some());
    let partition = rolling.and_then(|r| r.partition);
    let partition = check.at_least_0(&format!("{ROLLING}.partition"), partition, 0);
    let path = format!("{ROLLING}.maxUnavailable");
    let given = rolling.and_then(|r| r.max_unavailable.as_ref());
    let max_unavailable = given.map(|limit| int_or_percent(check, &path, limit, 100));
    if max_unavailable.is_some_and(zero) {
        check.error(&path, "must not be 0").allowed = Some("1 or more, or 1% to 100%".to_owned());
    }
    let claims = spec.and_then(|s| s.volume_claim_templates.as_ref());
    let claims = claims.is_some_and(|claims| !claims.is_empty());
    StatefulSetStrategy { parallel, on_delete, partition, max_unavailable, claims }
}

fn daemon_set(
    check: &mut Check<'_>,
    strategy: Option<&DaemonSetUpdateStrategy>,
) -> DaemonSetStrategy {
    let rolling = strategy.and_then(|s| s.rolling_update.as_ref());
    let word = strategy.and_then(|s| s.type_.as_deref());
    let on_delete = on_delete(check, word, rolling.is_some());
    let (surge, unavailable) = (IntOrString::Int(0), IntOrString::Int(1));
    let surge = rolling.and_then(|r| r.max_surge.as_ref()).unwrap_or(&surge);
    let unavailable = rolling.and_then(|r| r.max_unavailable.as_ref()).unwrap_or(&unavailable);
    let max_surge = int_or_percent(check, &format!("{ROLLING}.maxSurge"), surge, 100);
    let max_unavailable =
        int_or_percent(check, &format!("{ROLLING}.maxUnavailable"), unavailable, 100);
    match (zero(max_surge), zero(max_unavailable)) {
        (true, true) => {
            let error = check.error(ROLLING, "maxSurge and maxUnavailable are both 0");
            error.allowed = Some("one of them above 0".to_owned());
        }
        (false, false) => {
            let path = format!("{ROLLING}.maxSurge");
            let error = check.error(&path, "not allowed where maxUnavailable is above 0");
            error.found = Some(format!("{max_surge}, with maxUnavailable {max_unavailable}"));
            error.suggestion = Some("maxUnavailable: 0 beside it (its default is 1)".to_owned());
        }
        _ => {}
    }
    DaemonSetStrategy { on_delete, max_surge, max_unavailable }
}
