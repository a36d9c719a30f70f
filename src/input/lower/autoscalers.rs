//! HorizontalPodAutoscalers: what they hold their targets at, and what their metrics stand for.

mod held;
pub(super) use held::as_held;
pub(super) mod knative;
mod metrics;
pub(super) mod scaled_objects;

use crate::cluster::workload::Workload;
use crate::engine::Dur;
use crate::input::cards;
use crate::input::lower::lowering::{Lowering, at};
use crate::input::raw::knative::LABEL;
use crate::input::raw::manifest::{Document, Object};
use crate::input::raw::renewed;
use crate::input::text::checks;
use crate::input::text::typed;
use crate::model::autoscaler::hpa::Tolerance;
use crate::model::autoscaler::limits::{Bounds, Change, Policy, ScalingRules, SelectPolicy};
use crate::model::autoscaler::spec::{Behavior, HorizontalPodAutoscaler};
use crate::scenario::{Action, ActionKind};
use crate::traffic::offered::Traffic;
use k8s_openapi::api::autoscaling::v2 as api;
use std::sync::Arc;

/// The kind that is read here.
pub(super) const KIND: &str = "HorizontalPodAutoscaler";
/// Longest `stabilizationWindowSeconds`, and longest `periodSeconds`.
///
/// `pkg/apis/autoscaling/validation/validation.go`.
const WINDOW_MAX: i32 = 3600;
const PERIOD_MAX: i32 = 1800;

/// Why another target makes no difference: what a request takes of a processor was assumed by it.
pub(super) fn idle_target(low: &Lowering<'_>, path: &str) -> Option<String> {
    let resources = [".resource.target.average", ".containerResource.target.average"];
    let is_target = resources.iter().any(|r| path.contains(r));
    let assumed = low.assumptions.iter().any(|a| a.key == "app.cpu_s");
    (is_target && assumed).then(|| {
        "what a request takes of a processor is assumed so that this target is met before the action: \
         app.cpu_s = N says what it takes"
            .to_owned()
    })
}

/// An object of the input that scales one of the workloads.
struct Scene<'a, 'b, 'c> {
    low: &'a mut Lowering<'b>,
    doc: &'c Document,
    deployment: &'c Workload,
    traffic: &'c Traffic,
}

impl Lowering<'_> {
    /// The autoscalers of those workloads that get requests. `asked`: some are sent.
    pub(super) fn autoscalers(
        &mut self,
        served: &[Workload],
        actions: &[Action],
        traffic: &Traffic,
        asked: bool,
    ) -> Vec<Arc<HorizontalPodAutoscaler>> {
        let input = self.input;
        let mut found: Vec<Arc<HorizontalPodAutoscaler>> = Vec::new();
        for doc in input.documents.iter().filter(|d| !d.update) {
            let keda = scaled_objects::is_one(doc);
            let Some(spec) = self.scaler(doc) else { continue };
            let of = |d: &&Workload| match &spec {
                Some(spec) => {
                    let target = &spec.scale_target_ref;
                    target.kind == d.kind().name()
                        && *d.name == *target.name
                        && d.namespace == doc.namespace()
                }
                None => {
                    scaled_objects::scales(doc, d.kind(), &d.name, &d.namespace)
                        || knative::scales(doc, d.kind(), &d.name, &d.namespace)
                }
            };
            let Some(deployment) = served.iter().find(of) else { continue };
            if !asked {
                let text = "no requests are sent, so that it has nothing to go by: replicas stay";
                self.note(format!("{} {} ({text})", doc.kind(), doc.name()));
                continue;
            }
            let mut scene = Scene { low: self, doc, deployment, traffic };
            let autoscaler = match &spec {
                Some(spec) => scene.lower(spec),
                None if keda => scene.scaled_object(),
                None => scene.pod_autoscaler(),
            };
            found.extend(autoscaler.map(Arc::new));
        }
        self.of_revisions((served, actions), traffic, asked, &mut found);
        self.one_for_each(&mut found);
        self.copies_of_scalers(served, &mut found);
        for action in actions {
            if let ActionKind::Rollout { workload: deployment, keeps_replicas: false } =
                &action.kind
                && let Some(scaler) = found.iter().find(|a| a.target == deployment.name)
            {
                self.fights(deployment, scaler);
            }
        }
        found
    }

    /// Each other revision of a Knative Service has an autoscaler of its own, as its template says.
    fn of_revisions(
        &mut self,
        (served, actions): (&[Workload], &[Action]),
        traffic: &Traffic,
        asked: bool,
        found: &mut Vec<Arc<HorizontalPodAutoscaler>>,
    ) {
        let input = self.input;
        let further = actions.iter().filter_map(|a| Some((a.kind.brings()?, true)));
        let before = served.iter().map(|workload| (workload, false));
        for (revision, update) in before.chain(further).filter(|_| asked) {
            let Some(service) = revision.template.labels.get(LABEL) else { continue };
            let its = |d: &&Arc<Document>| {
                let given = **service == *revision.name || (d.update && !update);
                !given && knative::scales(d, revision.kind(), service, &revision.namespace)
            };
            let Some(doc) = input.documents.iter().filter(its).max_by_key(|d| d.update) else {
                continue;
            };
            let mut scene = Scene { low: self, doc, deployment: revision, traffic };
            found.extend(scene.pod_autoscaler().map(Arc::new));
        }
    }

    /// What is applied names the size that an autoscaler keeps.
    fn fights(&mut self, deployment: &Workload, scaler: &HorizontalPodAutoscaler) {
        let input = self.input;
        let is = |d: &&Arc<Document>| {
            d.is_workload()
                && d.name() == &*deployment.name
                && d.namespace() == deployment.namespace
        };
        let applied = input.documents.iter().filter(is).max_by_key(|d| d.update);
        let Some(doc) = applied else { return };
        let (size, name) = (deployment.replicas, &scaler.name);
        let given = doc.workload().and_then(|held| held.replicas);
        let text = match given {
            Some(_) => format!(
                "applied, it sets the size to {size} at once, whatever {KIND} {name} had made of it: leave \
                 replicas out of what an autoscaler scales"
            ),
            None => format!(
                "left out here and given before: kubectl apply takes it away, and the API server makes it \
                 {size}, until {KIND} {name} puts it right"
            ),
        };
        self.check(doc, |check| check.warn("spec.replicas", text));
    }

    /// The spec of an autoscaler, or none of a ScaledObject; None: it is something else.
    fn scaler(&mut self, doc: &Document) -> Option<Option<api::HorizontalPodAutoscalerSpec>> {
        if scaled_objects::is_one(doc) || knative::is_one(doc) {
            return Some(None);
        }
        let Object::Other { kind } = &doc.object else { return None };
        if kind != KIND {
            return None;
        }
        let object = self.typed(doc)?;
        if object.spec.is_none() {
            self.problems.push(doc.error("spec", "the key \"spec\" is missing"));
        }
        object.spec.map(Some)
    }

    /// Its type, of whatever version it was written for.
    fn typed(&mut self, doc: &Document) -> Option<api::HorizontalPodAutoscaler> {
        let Some(root) = renewed::autoscaler(&doc.root) else {
            let version = doc.root.get("apiVersion").map_or(String::new(), |v| v.to_string());
            self.note(format!("{KIND} {} of {version}: replicas stay", doc.name()));
            return None;
        };
        match typed::read::<api::HorizontalPodAutoscaler>(&root, &doc.file) {
            Ok(typed) => Some(typed.value),
            Err(error) => {
                self.problems.push(*error);
                None
            }
        }
    }

    /// Pods of two autoscalers are scaled by none.
    ///
    /// `horizontal.go: reconcileAutoscaler` (AmbiguousSelector, since Kubernetes 1.27).
    fn one_for_each(&mut self, found: &mut Vec<Arc<HorizontalPodAutoscaler>>) {
        let twice = |a: &Arc<HorizontalPodAutoscaler>| {
            found.iter().filter(|b| b.target == a.target).count() > 1
        };
        let names: Vec<Arc<str>> =
            found.iter().filter(|a| twice(a)).map(|a| a.target.clone()).collect();
        if let Some(target) = names.first() {
            let text = format!(
                "several scale {target}: the controller refuses that (AmbiguousSelector), and \
                 replicas stay"
            );
            self.assume(KIND, text);
        }
        found.retain(|a| !names.contains(&a.target));
    }
}

impl Scene<'_, '_, '_> {
    fn lower(
        &mut self,
        spec: &api::HorizontalPodAutoscalerSpec,
    ) -> Option<HorizontalPodAutoscaler> {
        let bounds = self.bounds(spec);
        let (metrics, created) = self.metrics(spec);
        if metrics.is_empty() {
            let name = self.doc.name();
            let text = "none of its metrics is simulated: replicas stay";
            self.low.note(format!("{KIND} {name} ({text})"));
            return None;
        }
        let flag = f64::from(cards::kubernetes().hpa_tolerance_percent) / 100.0;
        let mut tolerance = Tolerance { down: flag, up: flag };
        let behavior = spec.behavior.as_ref().map(|given| {
            let down = cards::kubernetes().hpa_downscale_stabilization;
            let (up_rules, down_rules) = (given.scale_up.as_ref(), given.scale_down.as_ref());
            tolerance.up = self.tolerance("scaleUp", up_rules, flag);
            tolerance.down = self.tolerance("scaleDown", down_rules, flag);
            Behavior {
                up: self.rules("scaleUp", up_rules, ScalingRules::default_up()),
                down: self.rules("scaleDown", down_rules, ScalingRules::default_down(down)),
            }
        });
        Some(HorizontalPodAutoscaler {
            name: self.doc.name().into(),
            target: self.deployment.name.clone(),
            bounds,
            metrics,
            behavior,
            tolerance,
            created: created.map(at),
            keda: None,
            kpa: None,
        })
    }

    fn bounds(&mut self, spec: &api::HorizontalPodAutoscalerSpec) -> Bounds {
        let (min, max) = (spec.min_replicas.unwrap_or(1), spec.max_replicas);
        // 0 needs the gate HPAScaleToZero, and a metric that is not of pods.
        if min < 0 {
            self.out_of_range("spec.minReplicas", i64::from(min), "0 or more");
        }
        if max < 1 || max < min {
            let allowed = "at least 1, and at least minReplicas";
            self.out_of_range("spec.maxReplicas", i64::from(max), allowed);
        }
        Bounds { min: min.max(0), max: max.max(min).max(1) }
    }

    fn out_of_range(&mut self, path: &str, found: i64, allowed: &str) {
        self.low.check(self.doc, |check| check.out_of_range(path, found, allowed));
    }

    fn tolerance(&mut self, way: &str, given: Option<&api::HPAScalingRules>, flag: f64) -> f64 {
        let Some(text) = given.and_then(|rules| rules.tolerance.as_ref()) else { return flag };
        let path = format!("spec.behavior.{way}.tolerance");
        self.quantity(&path, &text.0).map_or(flag, |milli| milli as f64 / 1000.0)
    }

    /// A quantity of 0 or more, in thousandths.
    fn quantity(&mut self, path: &str, text: &str) -> Option<i64> {
        let milli = checks::quantity_millis(text).filter(|m| *m >= 0);
        if milli.is_none() {
            self.low.check(self.doc, |check| {
                let error = check.error(path, "not a quantity");
                error.found = Some(crate::input::text::tree::quoted(text));
                error.allowed = Some("such as 20, 500m or 1.5".to_owned());
            });
        }
        milli
    }

    /// `scaleUp` or `scaleDown`; what is not given is as in `default`.
    fn rules(
        &mut self,
        way: &str,
        given: Option<&api::HPAScalingRules>,
        default: ScalingRules,
    ) -> ScalingRules {
        let Some(given) = given else { return default };
        let path = format!("spec.behavior.{way}");
        let window = given.stabilization_window_seconds;
        if let Some(s) = window.filter(|s| !(0..=WINDOW_MAX).contains(s)) {
            let allowed = format!("0 to {WINDOW_MAX}");
            self.out_of_range(
                &format!("{path}.stabilizationWindowSeconds"),
                i64::from(s),
                &allowed,
            );
        }
        let words = ["Max", "Min", "Disabled"];
        let word = given.select_policy.as_deref();
        let select = [SelectPolicy::Max, SelectPolicy::Min, SelectPolicy::Disabled];
        let select = select[self
            .low
            .check(self.doc, |check| check.one_of(&format!("{path}.selectPolicy"), word, &words))];
        let policies = given.policies.as_ref().filter(|p| !p.is_empty());
        let policies = policies.map(|policies| {
            let each = policies.iter().enumerate();
            each.map(|(i, p)| self.policy(&format!("{path}.policies[{i}]"), p)).collect()
        });
        ScalingRules {
            policies: policies.unwrap_or(default.policies),
            select,
            window: window.map_or(default.window, |s| Dur::from_secs(i64::from(s.max(0)))),
        }
    }

    fn policy(&mut self, path: &str, given: &api::HPAScalingPolicy) -> Policy {
        if given.value < 1 {
            let value = i64::from(given.value);
            self.out_of_range(&format!("{path}.value"), value, "1 or more");
        }
        if !(1..=PERIOD_MAX).contains(&given.period_seconds) {
            let allowed = format!("1 to {PERIOD_MAX}");
            let found = i64::from(given.period_seconds);
            self.out_of_range(&format!("{path}.periodSeconds"), found, &allowed);
        }
        let word = Some(given.type_.as_str());
        let percent = self.low.check(self.doc, |check| {
            check.one_of(&format!("{path}.type"), word, &["Pods", "Percent"])
        });
        let change = match percent {
            1 => Change::Percent(given.value),
            _ => Change::Pods(given.value),
        };
        Policy { change, period: Dur::from_secs(i64::from(given.period_seconds)) }
    }
}
