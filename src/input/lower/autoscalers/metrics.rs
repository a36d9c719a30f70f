//! What the metrics of an autoscaler stand for: manifests name them, and only the scenario knows what they
//! count, unless their name says it.

use super::{KIND, Scene};
use crate::engine::{Dur, Time};
use crate::input::cards;
use crate::input::lower::lowering::at;
use crate::input::raw::case::{MetricCase, MetricOf};
use crate::input::text::checks;
use crate::model::autoscaler::custom::{Counted, Custom};
use crate::model::autoscaler::series::{Queue, Series};
use crate::model::autoscaler::spec::{Metric, Source, Target};
use k8s_openapi::api::autoscaling::v2 as api;

/// Parts of names by which a metric is one of requests.
const REQUESTS: [&str; 6] = ["request", "rps", "qps", "throughput", "http_", "reqs"];

/// `averageUtilization` of cpu where an object has no metric.
///
/// `pkg/apis/autoscaling/v2/defaults.go: DefaultCPUUtilization`.
const DEFAULT_UTILIZATION: i32 = 80;

/// What a scenario says of a metric, and where.
pub(super) struct Said {
    /// Its key.
    pub key: String,
    /// As it is there.
    pub case: MetricCase,
    /// How often pods report where it does not say.
    pub every: Dur,
}

impl Scene<'_, '_, '_> {
    /// Those that are simulated, and when the object is created.
    pub(super) fn metrics(
        &mut self,
        spec: &api::HorizontalPodAutoscalerSpec,
    ) -> (Vec<Metric>, Option<f64>) {
        let given = spec.metrics.as_ref().filter(|m| !m.is_empty());
        let Some(given) = given else {
            let target = Target::Utilization(DEFAULT_UTILIZATION);
            let cpu = self.cpu("spec.metrics", false, target).into_iter().collect();
            return (cpu, self.low.scaler_created_s());
        };
        let mut metrics = Vec::new();
        for (i, metric) in given.iter().enumerate() {
            metrics.extend(self.metric(&format!("spec.metrics[{i}]"), metric));
        }
        (metrics, self.low.scaler_created_s())
    }

    fn metric(&mut self, path: &str, metric: &api::MetricSpec) -> Option<Metric> {
        let missing = |scene: &mut Self, key: &str| {
            let path = format!("{path}.{key}");
            scene.low.check(scene.doc, |check| {
                check.error(&path, "the key is missing that its type asks for");
            });
        };
        match metric.type_.as_str() {
            "Resource" => match &metric.resource {
                Some(m) => self.resource(&format!("{path}.resource"), &m.name, None, &m.target),
                None => {
                    missing(self, "resource");
                    None
                }
            },
            "ContainerResource" => match &metric.container_resource {
                Some(m) => {
                    let path = format!("{path}.containerResource");
                    self.resource(&path, &m.name, Some(&m.container), &m.target)
                }
                None => {
                    missing(self, "containerResource");
                    None
                }
            },
            "Pods" => match &metric.pods {
                Some(m) => self.custom(&format!("{path}.pods"), &m.metric.name, &m.target, false),
                None => {
                    missing(self, "pods");
                    None
                }
            },
            "Object" => match &metric.object {
                Some(m) => self.custom(&format!("{path}.object"), &m.metric.name, &m.target, true),
                None => {
                    missing(self, "object");
                    None
                }
            },
            "External" => match &metric.external {
                Some(m) => {
                    self.custom(&format!("{path}.external"), &m.metric.name, &m.target, true)
                }
                None => {
                    missing(self, "external");
                    None
                }
            },
            other => {
                self.low.check(self.doc, |check| {
                    let words = ["Resource", "ContainerResource", "Pods", "Object", "External"];
                    check.one_of(&format!("{path}.type"), Some(other), &words);
                });
                None
            }
        }
    }

    /// What a metric is held at.
    fn target(&mut self, path: &str, target: &api::MetricTarget) -> Option<Target> {
        let path = format!("{path}.target");
        let quantity = |scene: &mut Self, key: &str, text: &str| {
            let path = format!("{path}.{key}");
            let milli = scene.quantity(&path, text)?;
            if milli == 0 {
                scene.out_of_range(&path, 0, "above 0");
            }
            Some(milli.max(1))
        };
        match (&target.average_utilization, &target.average_value, &target.value) {
            (Some(percent), ..) => {
                if *percent < 1 {
                    let path = format!("{path}.averageUtilization");
                    self.out_of_range(&path, i64::from(*percent), "1 or more");
                }
                Some(Target::Utilization((*percent).max(1)))
            }
            (_, Some(text), _) => quantity(self, "averageValue", &text.0).map(Target::AverageValue),
            (.., Some(text)) => quantity(self, "value", &text.0).map(Target::Value),
            (None, None, None) => {
                self.low.check(self.doc, |check| {
                    let error = check.error(&path, "it has no value");
                    let allowed = "one of averageUtilization, averageValue, value";
                    error.allowed = Some(allowed.to_owned());
                });
                None
            }
        }
    }

    fn resource(
        &mut self,
        path: &str,
        name: &str,
        container: Option<&str>,
        target: &api::MetricTarget,
    ) -> Option<Metric> {
        let target = self.target(path, target)?;
        if name != "cpu" {
            let text = format!(
                "{KIND} {}: its metric {name}, which load does not move here, is left out",
                self.doc.name()
            );
            self.low.note(text);
            return None;
        }
        let serves = &self.deployment.template.serving_container().name;
        if container.is_some_and(|name| name != serves) {
            let text = format!(
                "{KIND} {}: cpu of container {}, which serves no requests, is left out",
                self.doc.name(),
                container.unwrap_or_default()
            );
            self.low.note(text);
            return None;
        }
        self.cpu(path, container.is_some(), target)
    }

    /// CPU use. Where nobody says what a request takes, the pods are at their target before the action.
    pub(super) fn cpu(&mut self, path: &str, container: bool, target: Target) -> Option<Metric> {
        let template = &self.deployment.template;
        let serving = template.serving_container();
        let requests = match container {
            true => serving.requests.cpu_millis,
            false => template.containers.iter().map(|c| c.requests.cpu_millis).sum(),
        };
        if let (Target::Utilization(_), None) = (target, requests) {
            let text = "averageUtilization is of what containers ask for, and one asks for no cpu: nothing \
                        is ever recommended (FailedGetResourceMetric)";
            self.low.check(self.doc, |check| check.warn(path, text));
        }
        let cores = match target {
            Target::Utilization(percent) => {
                requests.unwrap_or(0) as f64 / 1000.0 * f64::from(percent) / 100.0
            }
            Target::AverageValue(milli) | Target::Value(milli) => milli as f64 / 1000.0,
        };
        let rate = self.traffic.rate.first().map_or(0.0, |step| step.1);
        let served = rate / f64::from(self.deployment.replicas.max(1));
        let idle = serving.app.cpu_idle;
        let per_request_s = if served > 0.0 { (cores - idle).max(0.0) / served } else { 0.0 };
        if serving.app.cpu_s.is_none() {
            let text = format!(
                "{} s of a processor for a request: so much that the pods are at the target of {KIND} {} \
                 before the action",
                checks::number(libm::round(per_request_s * 1e6) / 1e6),
                self.doc.name()
            );
            self.low.assume("app.cpu_s", text);
        }
        Some(Metric {
            name: "cpu".into(),
            source: Source::Cpu { container, per_request_s },
            target,
        })
    }

    /// A metric of pods, an object or something outside, by its name.
    fn custom(
        &mut self,
        path: &str,
        name: &str,
        target: &api::MetricTarget,
        whole: bool,
    ) -> Option<Metric> {
        let target = self.target(path, target)?;
        let said = self.said(name, whole);
        let by_name = REQUESTS.iter().any(|part| name.to_lowercase().contains(part));
        if said.is_none() && !by_name {
            let text = format!(
                "{KIND} {}: its metric {name} is left out ([metrics.\"{name}\"] of a scenario says what it counts)",
                self.doc.name()
            );
            self.low.note(text);
            return None;
        }
        let said = said.unwrap_or_else(|| Said {
            key: format!("metrics.{name}"),
            case: MetricCase::default(),
            every: cards::kubernetes().custom_interval,
        });
        self.metric_of(name, said, target, whole)
    }

    /// A metric of which it is known what it counts.
    pub(super) fn metric_of(
        &mut self,
        name: &str,
        said: Said,
        target: Target,
        whole: bool,
    ) -> Option<Metric> {
        let of = said.case.of.unwrap_or(MetricOf::Requests);
        if !whole && matches!(of, MetricOf::Offered | MetricOf::Queue | MetricOf::Series) {
            let error = self.low.fail(&format!("{}.of", said.key), "not a metric of pods");
            error.allowed = Some("requests, in-flight".to_owned());
            error.suggestion = Some("type: External in the autoscaler".to_owned());
            return None;
        }
        let source = match of {
            MetricOf::Requests => self.reported(&said, Counted::Served, whole),
            MetricOf::InFlight => self.reported(&said, Counted::InFlight, whole),
            MetricOf::Offered => Source::Whole(Series::Given(self.traffic.rate.clone())),
            MetricOf::Queue => Source::Whole(Series::Queue(self.queue(&said))),
            MetricOf::Series => Source::Whole(Series::Given(self.values(&said))),
        };
        Some(Metric { name: name.into(), source, target })
    }

    /// What the scenario says of a metric.
    pub(super) fn said(&self, name: &str, whole: bool) -> Option<Said> {
        let case = &self.low.input.case;
        if let Some(case) = case.metrics.get(name) {
            let every = cards::kubernetes().custom_interval;
            return Some(Said { key: format!("metrics.{name}"), case: case.clone(), every });
        }
        let case = case.metric.clone().filter(|_| !whole)?;
        Some(Said { key: "metric".to_owned(), case, every: Dur::from_secs(1) })
    }

    fn reported(&mut self, said: &Said, of: Counted, whole: bool) -> Source {
        let usual = cards::kubernetes();
        let (key, case) = (&said.key, &said.case);
        let mut seconds = |name: &str, given: Option<f64>, usual: Dur| {
            let s = self.low.seconds(&format!("{key}.{name}"), given, usual.as_secs_f64());
            Dur::from_secs_f64(s)
        };
        let window = seconds("window_s", case.window_s, usual.custom_window);
        let every = seconds("every_s", case.every_s, said.every);
        let delay = seconds("delay_s", case.delay_s, Dur::ZERO);
        if case.window_s.is_none() {
            let text = format!(
                "{} s, collected every {} s",
                checks::number(window.as_secs_f64()),
                checks::number(every.as_secs_f64())
            );
            self.low.assume(&format!("{key}.window_s"), text);
        }
        let short = Dur::from_millis(100);
        if every < short || window < every {
            let error = self.low.fail(&format!("{key}.window_s"), "the window holds no report");
            error.found = Some(checks::number(window.as_secs_f64()));
            error.allowed = Some("at least every_s, which is at least 0.1".to_owned());
        }
        let every = every.max(short);
        let custom = Custom { of, window: window.max(every), every, delay };
        if whole { Source::Whole(Series::Sum(custom)) } else { Source::Pods(custom) }
    }

    fn queue(&mut self, said: &Said) -> Queue {
        let (key, case) = (&said.key, &said.case);
        let mut amount = |name: &str, given: Option<f64>| {
            let value = given.unwrap_or(0.0);
            if !(0.0..=1e9).contains(&value) {
                let error = self.low.fail(&format!("{key}.{name}"), "value out of range");
                error.found = Some(checks::number(value));
                error.allowed = Some("0 to 1000000000".to_owned());
            }
            value.clamp(0.0, 1e9)
        };
        let per_pod_s = amount("per_pod_s", case.per_pod_s);
        let length = amount("length", case.length);
        let constant = amount("arrivals_per_s", case.arrivals_per_s);
        if case.per_pod_s.is_none() || (case.arrivals_per_s.is_none() && case.arrivals.is_none()) {
            let error = self.low.fail(key, "a queue needs what comes and what is worked off");
            error.allowed = Some("arrivals_per_s (or arrivals), and per_pod_s".to_owned());
        }
        let arrivals = match &case.arrivals {
            Some(steps) => self.rising(&format!("{key}.arrivals"), steps),
            None => vec![(Time::ALWAYS, constant)],
        };
        let every = self.low.seconds(&format!("{key}.every_s"), case.every_s, 0.0);
        Queue { arrivals, per_pod_s, length, every: Dur::from_secs_f64(every) }
    }

    fn values(&mut self, said: &Said) -> Vec<(Time, f64)> {
        let key = format!("{}.values", said.key);
        match &said.case.values {
            Some(steps) => self.rising(&key, steps),
            None => {
                let error = self.low.fail(&key, "of = \"series\" needs values");
                error.suggestion = Some("values = [[0, 10], [60, 40]]".to_owned());
                vec![(Time::ALWAYS, 0.0)]
            }
        }
    }

    /// Steps in order, each 0 or more.
    fn rising(&mut self, key: &str, steps: &[(f64, f64)]) -> Vec<(Time, f64)> {
        let wrong = |&(s, value): &(f64, f64)| {
            s.abs() > checks::SECONDS_MAX || !(0.0..=1e9).contains(&value)
        };
        let falls = steps.windows(2).any(|w| w[0].0 >= w[1].0);
        if steps.is_empty() || falls || steps.iter().any(|s| !s.0.is_finite() || wrong(s)) {
            let error = self.low.fail(key, "not a list of steps");
            error.allowed = Some("[[time, value], ...] with rising times, values 0 or more".into());
            return vec![(Time::ALWAYS, 0.0)];
        }
        steps.iter().map(|&(s, value)| (at(s), value)).collect()
    }
}
