//! Knative's PodAutoscalers, which its Services make: what they hold their pods at, and how many requests a
//! pod works on.

use super::Scene;
use crate::cluster::workload::{Kind, Workload};
use crate::engine::Dur;
use crate::input::cards;
use crate::input::given::Input;
use crate::input::raw::groups;
use crate::input::raw::knative::PREFIX;
use crate::input::raw::manifest::Document;
use crate::input::text::checks;
use crate::input::text::diagnostics::did_you_mean;
use crate::input::text::tree::{Node, Value, quoted};
use crate::model::autoscaler::custom::{Counted, Custom};
use crate::model::autoscaler::hpa::Tolerance;
use crate::model::autoscaler::kpa;
use crate::model::autoscaler::limits::Bounds;
use crate::model::autoscaler::spec::{HorizontalPodAutoscaler, Kpa, Metric, Source, Target};
use std::sync::Arc;

/// The kind that is read here.
pub(crate) const KIND: &str = "PodAutoscaler";
/// Annotations that are read, of `pkg/apis/autoscaling/register.go`.
const READ: [&str; 14] = [
    "class",
    "metric",
    "min-scale",
    "max-scale",
    "initial-scale",
    "activation-scale",
    "target",
    "target-utilization-percentage",
    "target-burst-capacity",
    "window",
    "panic-window-percentage",
    "panic-threshold-percentage",
    "scale-down-delay",
    "scale-to-zero-pod-retention-period",
];
/// How samples of the window are weighted: not read.
const AGGREGATION: &str = "metric-aggregation-algorithm";
/// No bound.
const MANY: i32 = 1_000_000;

/// Whether the document is one.
pub(crate) fn is_one(doc: &Document) -> bool {
    let version = doc.root.get("apiVersion").and_then(Node::as_str).unwrap_or("");
    doc.kind() == KIND && groups::group_of(version) == "autoscaling.internal.knative.dev"
}

/// Whether it is about this workload.
pub(crate) fn scales(doc: &Document, kind: Kind, name: &str, namespace: &str) -> bool {
    let own = kind == Kind::Deployment && doc.name() == name && doc.namespace() == namespace;
    own && is_one(doc)
}

/// `containerConcurrency` of the Knative Service that a workload is of; 0: there is none, or no limit.
fn container_concurrency(doc: &Document) -> i64 {
    match doc.root.get("spec").and_then(|s| s.get("containerConcurrency")).map(|n| &n.value) {
        Some(Value::Int(n)) => (*n).max(0),
        _ => 0,
    }
}

/// The queue proxy lets so many requests to the container at once, and ten times as many wait.
pub(crate) fn limit(input: &Input, workload: &mut Workload) {
    let of = |d: &&Arc<Document>| scales(d, workload.kind(), &workload.name, &workload.namespace);
    let limit = input.documents.iter().find(of).map_or(0, |doc| container_concurrency(doc));
    if limit <= 0 {
        return;
    }
    let limit = limit.min(100_000) as u32;
    let template = Arc::make_mut(&mut workload.template);
    let serving = usize::from(template.serving);
    let mut all = template.init_containers.iter_mut().chain(&mut template.containers);
    let Some(container) = all.nth(serving) else { return };
    let app = &mut container.app;
    app.concurrency = Some(app.concurrency.map_or(limit, |own| own.min(limit)));
    app.queue = Some(app.queue.unwrap_or(10 * limit));
}

/// Pods that the revision which the last template of this workload makes has at least when it begins:
/// `min-scale` and `initial-scale`; 0 where nothing is said, and where what is said is no number.
pub(crate) fn least(input: &Input, workload: &Workload) -> i32 {
    let of = |d: &&Arc<Document>| scales(d, workload.kind(), &workload.name, &workload.namespace);
    let Some(doc) = input.documents.iter().filter(of).max_by_key(|doc| doc.update) else {
        return 0;
    };
    let given = ["min-scale", "initial-scale"].into_iter().filter_map(|key| word(doc, key));
    given.filter_map(|text| text.parse().ok()).max().unwrap_or(0)
}

/// What the autoscaler of a Knative Service's Deployment is told, as it is written.
pub(crate) fn settings(input: &Input, workload: &Document) -> Vec<(String, String)> {
    let its = |d: &&Document| {
        let own = is_one(d) && d.update == workload.update;
        own && (d.name(), d.namespace()) == (workload.name(), workload.namespace())
    };
    let Some(doc) = input.each_document().find(its) else { return Vec::new() };
    let annotations = doc.root.get("metadata").and_then(|m| m.get("annotations"));
    let spec = doc.root.get("spec").into_iter().flat_map(Node::entries);
    let limit = spec.filter(|e| e.key == "containerConcurrency");
    let all = annotations.map_or(&[][..], Node::entries).iter().chain(limit);
    let mut all: Vec<_> = all.map(|e| (e.key.clone(), e.node.to_string())).collect();
    all.sort_unstable();
    all
}

/// An annotation of the autoscaler.
fn word(doc: &Document, key: &str) -> Option<String> {
    let annotations = doc.root.get("metadata").and_then(|m| m.get("annotations"));
    let all = annotations.map_or(&[][..], Node::entries);
    let is = |name: &str| name.strip_prefix(PREFIX).is_some_and(|rest| same(rest, key));
    let found = all.iter().find(|e| is(&e.key))?;
    Some(found.node.as_str().map_or_else(|| found.node.to_string(), str::to_owned))
}

impl Scene<'_, '_, '_> {
    /// The autoscaler that it asks for; None: it is an HPA's, which it names.
    pub(super) fn pod_autoscaler(&mut self) -> Option<HorizontalPodAutoscaler> {
        if let Some(class) = self.word("class").filter(|c| c != "kpa.autoscaling.knative.dev") {
            let name = self.doc.name();
            self.low.note(format!("{KIND} {name} (class {class}: replicas stay)"));
            return None;
        }
        if self.word("metric").is_some_and(|metric| metric != "concurrency") {
            let text = format!("{KIND} {}: its metric is taken as concurrency", self.doc.name());
            self.low.note(text);
        }
        self.name_the_rest();
        let defaults = cards::kubernetes();
        let limit = container_concurrency(self.doc) as f64;
        let share = self.number("target-utilization-percentage", (1.0, 100.0));
        let share = share.unwrap_or(defaults.kpa_target_percent.into()) / 100.0;
        let soft = self.number("target", (0.01, 1e6));
        // A soft target is below the limit; without either the default holds.
        let total = match (soft, limit > 0.0) {
            (Some(soft), true) => soft.min(limit),
            (Some(soft), false) => soft,
            (None, true) => limit,
            (None, false) => f64::from(defaults.kpa_target_default),
        };
        let stable = self.number("window", (6.0, 3600.0));
        let stable_window = stable.map_or(defaults.kpa_stable_window, Dur::from_secs_f64);
        let panic_part = self.number("panic-window-percentage", (1.0, 100.0)).unwrap_or(10.0);
        let threshold = self.number("panic-threshold-percentage", (110.0, 1000.0));
        let settings = kpa::Settings {
            target: (total * share).max(0.01),
            total,
            burst: self
                .number("target-burst-capacity", (-1.0, 1e6))
                .unwrap_or(defaults.kpa_target_burst.into()),
            max_up: defaults.kpa_max_scale_up.into(),
            max_down: defaults.kpa_max_scale_down.into(),
            panic_threshold: threshold.unwrap_or(200.0) / 100.0,
            stable_window,
            activation: self.number("activation-scale", (1.0, 1e6)).unwrap_or(1.0) as i32,
            down_delay: self.length("scale-down-delay"),
            reachable: true,
        };
        // The last pod stays until both are over.
        let grace = defaults.kpa_grace.max(self.length("scale-to-zero-pod-retention-period"));
        let least = self.number("min-scale", (0.0, 1e6)).unwrap_or(0.0) as i32;
        let most = self.number("max-scale", (0.0, 1e6)).unwrap_or(0.0) as i32;
        let window = Dur::from_secs_f64(stable_window.as_secs_f64() * panic_part / 100.0);
        let (every, delay) = (Dur::from_secs(1), Dur::ZERO);
        let custom = Custom { of: Counted::InFlight, window: stable_window, every, delay };
        let target = Target::AverageValue((settings.target * 1000.0) as i64);
        Some(HorizontalPodAutoscaler {
            name: self.deployment.name.clone(),
            target: self.deployment.name.clone(),
            bounds: Bounds { min: least, max: if most > 0 { most.max(least) } else { MANY } },
            metrics: vec![Metric {
                name: "concurrency".into(),
                source: Source::Pods(custom),
                target,
            }],
            behavior: None,
            tolerance: Tolerance { down: 0.0, up: 0.0 },
            created: None,
            keda: None,
            kpa: Some(Kpa { settings, panic_window: window, grace }),
        })
    }

    /// Annotations of the autoscaler that are not read: those that change the answer, and those that Knative
    /// does not know.
    fn name_the_rest(&mut self) {
        let annotations = self.doc.root.get("metadata").and_then(|m| m.get("annotations"));
        let all = annotations.map_or(&[][..], Node::entries).iter();
        let keys: Vec<&str> = all.filter_map(|e| e.key.strip_prefix(PREFIX)).collect();
        for key in keys {
            if READ.iter().any(|known| same(key, known)) {
                continue;
            }
            let near = did_you_mean(key, READ).filter(|_| !same(key, AGGREGATION));
            let what = match near {
                _ if same(key, AGGREGATION) => "the mean of the window is taken".to_owned(),
                Some(near) => format!("Knative does not know it: did you mean {near}?"),
                None => "Knative does not know it".to_owned(),
            };
            self.low.note(format!("{KIND} {}: {PREFIX}{key} ({what})", self.doc.name()));
        }
    }

    /// A length of up to an hour; none where nothing is said.
    fn length(&mut self, key: &str) -> Dur {
        self.number(key, (0.0, 3600.0)).map_or(Dur::ZERO, Dur::from_secs_f64)
    }

    fn word(&self, key: &str) -> Option<String> {
        word(self.doc, key)
    }

    /// The same as a number; of a window in seconds, as Go writes durations.
    fn number(&mut self, key: &str, (least, most): (f64, f64)) -> Option<f64> {
        let text = self.word(key)?;
        let plain = checks::quantity_millis(&text).map(|m| m as f64 / 1000.0);
        let number = crate::input::edit::friendly::seconds(&text).or(plain);
        let found = number.filter(|x| (least..=most).contains(x));
        if found.is_none() {
            let path = format!("metadata.annotations[{PREFIX}{key}]");
            self.low.check(self.doc, |check| {
                let error = check.error(&path, "value out of range");
                error.found = Some(quoted(&text));
                error.allowed = Some(format!("{least} to {most}"));
            });
        }
        found
    }
}

/// `min-scale` was `minScale` before.
fn same(written: &str, key: &str) -> bool {
    let plain = |text: &str| text.replace('-', "").to_lowercase();
    plain(written) == plain(key)
}
