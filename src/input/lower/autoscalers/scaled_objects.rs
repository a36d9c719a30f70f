//! KEDA's ScaledObjects: the autoscaler that they make, and what KEDA does itself between nothing and the
//! first pods.

use super::{Scene, metrics::Said};
use crate::cluster::workload::{Kind, Workload};
use crate::engine::Dur;
use crate::input::cards;
use crate::input::lower::lowering::Lowering;
use crate::input::raw::case::MetricCase;
use crate::input::raw::groups;
use crate::input::raw::manifest::Document;
use crate::input::text::checks;
use crate::input::text::tree::{Node, Value};
use crate::input::text::typed;
use crate::model::autoscaler::hpa::Tolerance;
use crate::model::autoscaler::limits::{Bounds, ScalingRules};
use crate::model::autoscaler::spec::{Behavior, HorizontalPodAutoscaler, Keda, Metric, Target};
use k8s_openapi::api::autoscaling::v2 as api;

/// The kind that is read here.
pub(crate) const KIND: &str = "ScaledObject";

/// Keys of a trigger's metadata that hold what the metric is held at, by how many scalers have them.
const TARGETS: [&str; 12] = [
    "threshold",
    "value",
    "targetValue",
    "queueLength",
    "lagThreshold",
    "listLength",
    "messageCount",
    "targetQueueLength",
    "pendingEntriesCount",
    "streamLength",
    "targetQueryValue",
    "targetPendingEvents",
];

/// Whether the document is one of KEDA's.
pub(crate) fn is_one(doc: &Document) -> bool {
    let version = doc.root.get("apiVersion").and_then(Node::as_str).unwrap_or("");
    doc.kind() == KIND && groups::group_of(version) == "keda.sh"
}

/// What it scales: a workload of the same namespace; of no other kind said, a Deployment.
pub(crate) fn scales(doc: &Document, kind: Kind, name: &str, namespace: &str) -> bool {
    let target = doc.root.get("spec").and_then(|s| s.get("scaleTargetRef"));
    let text = |key: &str| target.and_then(|t| t.get(key)).and_then(Node::as_str);
    is_one(doc)
        && text("name") == Some(name)
        && text("kind").unwrap_or(Kind::Deployment.name()) == kind.name()
        && doc.namespace() == namespace
}

impl Lowering<'_> {
    /// Whether one of KEDA's objects may bring pods of a Deployment that has none.
    pub fn wakes(&self, deployment: &Workload) -> bool {
        let (name, namespace) = (&deployment.name, &deployment.namespace);
        let kind = deployment.kind();
        self.input.documents.iter().filter(|d| !d.update).any(|d| {
            scales(d, kind, name, namespace) || super::knative::scales(d, kind, name, namespace)
        })
    }
}

/// A number as the API has it, or written as a text.
fn number(node: &Node) -> Option<f64> {
    match &node.value {
        Value::Int(n) => Some(*n as f64),
        Value::Float(x) => Some(*x),
        Value::Str(text) => checks::quantity_millis(text).map(|m| m as f64 / 1000.0),
        _ => None,
    }
}

impl Scene<'_, '_, '_> {
    /// The autoscaler of a ScaledObject; None: nothing of it is simulated.
    pub(super) fn scaled_object(&mut self) -> Option<HorizontalPodAutoscaler> {
        let doc = self.doc;
        let spec = doc.root.get("spec")?;
        let defaults = cards::kubernetes();
        let mut whole = |key: &str, usual: i64, least: i64| {
            let given = spec.get(key).filter(|n| !n.is_null());
            let value = given.map_or(Some(usual as f64), number);
            let found = value.filter(|n| *n >= least as f64 && *n <= 1e9);
            if found.is_none() {
                let text = given.map_or(String::new(), |n| n.to_string());
                self.low.check(doc, |check| {
                    let error = check.error(&format!("spec.{key}"), "value out of range");
                    error.found = Some(text);
                    error.allowed = Some(format!("a whole number, {least} or more"));
                });
            }
            found.unwrap_or(usual as f64) as i64
        };
        let min = whole("minReplicaCount", 0, 0) as i32;
        let max = whole("maxReplicaCount", 100, 1) as i32;
        let polling = whole("pollingInterval", defaults.keda_polling.floor_secs(), 1);
        let cooldown = whole("cooldownPeriod", defaults.keda_cooldown.floor_secs(), 0);
        let initial = whole("initialCooldownPeriod", 0, 0);
        let idle = spec.get("idleReplicaCount").map(|_| whole("idleReplicaCount", 0, 0) as i32);
        let (metrics, activation) = self.triggers(spec);
        if metrics.is_empty() {
            let text = "none of its triggers is simulated: replicas stay";
            self.low.note(format!("{KIND} {} ({text})", doc.name()));
            return None;
        }
        let flag = f64::from(defaults.hpa_tolerance_percent) / 100.0;
        Some(HorizontalPodAutoscaler {
            name: doc.name().into(),
            target: self.deployment.name.clone(),
            bounds: Bounds { min: min.max(1), max: max.max(min).max(1) },
            metrics,
            behavior: self.keda_behavior(spec),
            tolerance: Tolerance { down: flag, up: flag },
            created: None,
            keda: Some(Keda {
                polling: Dur::from_secs(polling),
                cooldown: Dur::from_secs(cooldown),
                initial_cooldown: Dur::from_secs(initial),
                idle: idle.or((min == 0).then_some(0)),
                activation,
            }),
            kpa: None,
        })
    }

    /// `advanced.horizontalPodAutoscalerConfig.behavior`.
    fn keda_behavior(&mut self, spec: &Node) -> Option<Behavior> {
        let config = spec.get("advanced")?.get("horizontalPodAutoscalerConfig")?;
        let given = config.get("behavior").filter(|n| !n.is_null())?;
        let file = &self.doc.file;
        match typed::read::<api::HorizontalPodAutoscalerBehavior>(given, file) {
            Ok(typed) => {
                let down = cards::kubernetes().hpa_downscale_stabilization;
                let (up_rules, down_rules) =
                    (typed.value.scale_up.as_ref(), typed.value.scale_down.as_ref());
                Some(Behavior {
                    up: self.rules("scaleUp", up_rules, ScalingRules::default_up()),
                    down: self.rules("scaleDown", down_rules, ScalingRules::default_down(down)),
                })
            }
            Err(error) => {
                self.low.problems.push(*error);
                None
            }
        }
    }

    /// Its triggers as metrics, and above which value each of them wakes it; None: it cannot.
    fn triggers(&mut self, spec: &Node) -> (Vec<Metric>, Vec<Option<i64>>) {
        let (mut metrics, mut activation) = (Vec::new(), Vec::new());
        let triggers = spec.get("triggers").map_or(&[][..], Node::items);
        for (i, trigger) in triggers.iter().enumerate() {
            let path = format!("spec.triggers[{i}]");
            if let Some((metric, wakes_above)) = self.trigger(&path, trigger) {
                metrics.push(metric);
                activation.push(wakes_above);
            }
        }
        (metrics, activation)
    }

    fn trigger(&mut self, path: &str, trigger: &Node) -> Option<(Metric, Option<i64>)> {
        let text = |node: Option<&Node>| node.and_then(Node::as_str).map(str::to_owned);
        let kind = text(trigger.get("type")).unwrap_or_default();
        let metadata = trigger.get("metadata");
        let held = TARGETS.iter().find_map(|key| metadata?.get(key).and_then(number));
        let resource = ["cpu", "memory"].contains(&kind.as_str());
        let Some(held) = held.filter(|held| *held > 0.0) else {
            let text = format!("{KIND} {}: its trigger {kind} is left out", self.doc.name());
            self.low.note(text);
            return None;
        };
        let metric_type = text(trigger.get("metricType"));
        let milli = libm::round(held * 1000.0) as i64;
        let target = match metric_type.as_deref() {
            Some("Utilization") => Target::Utilization((held as i32).max(1)),
            None if resource => Target::Utilization((held as i32).max(1)),
            Some("Value") => Target::Value(milli),
            _ => Target::AverageValue(milli),
        };
        if resource {
            if kind == "memory" {
                let name = self.doc.name();
                self.low.note(format!("{KIND} {name}: its trigger memory is left out"));
                return None;
            }
            // KEDA cannot wake pods by what pods use.
            return self.cpu(path, false, target).map(|metric| (metric, None));
        }
        let name = text(trigger.get("name"))
            .or_else(|| text(metadata.and_then(|m| m.get("metricName"))))
            .unwrap_or_else(|| kind.clone());
        let wakes = metadata.map_or(&[][..], Node::entries).iter();
        let wakes = wakes.filter(|e| e.key.starts_with("activation")).find_map(|e| number(&e.node));
        let said = self.said(&name, true);
        if said.is_none() {
            let text = format!(
                "{KIND} {}: its trigger {name} is left out ([metrics.\"{name}\"] of a scenario says what it \
                 counts)",
                self.doc.name()
            );
            self.low.note(text);
            return None;
        }
        let said: Said = said.unwrap_or(Said {
            key: String::new(),
            case: MetricCase::default(),
            every: Dur::ZERO,
        });
        let metric = self.metric_of(&name, said, target, true)?;
        Some((metric, Some(libm::round(wakes.unwrap_or(0.0) * 1000.0) as i64)))
    }
}
