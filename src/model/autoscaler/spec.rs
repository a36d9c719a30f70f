//! A HorizontalPodAutoscaler, as its manifest has it, and what its metrics stand for.

use super::custom::Custom;
use super::hpa::Tolerance;
use super::limits::{Bounds, ScalingRules};
use super::series::Series;
use crate::engine::{Dur, Time};
use std::sync::Arc;

/// `autoscaling/v2`, kind HorizontalPodAutoscaler.
#[derive(Clone, Debug, PartialEq)]
pub struct HorizontalPodAutoscaler {
    /// `metadata.name`.
    pub name: Arc<str>,
    /// `spec.scaleTargetRef.name`: the Deployment whose replicas it sets.
    pub target: Arc<str>,
    /// `spec.minReplicas` and `spec.maxReplicas`.
    pub bounds: Bounds,
    /// `spec.metrics`, those that are simulated.
    pub metrics: Vec<Metric>,
    /// `spec.behavior`; None: it is not given, and other limits hold.
    pub behavior: Option<Behavior>,
    /// How far a ratio may be off without any change.
    pub tolerance: Tolerance,
    /// When it is created; None: long before the run.
    pub created: Option<Time>,
    /// It is that of a ScaledObject of KEDA.
    pub keda: Option<Keda>,
    /// It is Knative's own: its rules take the place of an HPA's.
    pub kpa: Option<Kpa>,
}

/// `autoscaling.internal.knative.dev/v1alpha1`, kind PodAutoscaler, of the class kpa.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Kpa {
    /// What its rules go by.
    pub settings: super::kpa::Settings,
    /// The window of panic.
    pub panic_window: Dur,
    /// `scale-to-zero-grace-period`: the last pods stay for so long with nothing to do.
    pub grace: Dur,
}

/// `keda.sh/v1alpha1`, kind ScaledObject: what its autoscaler does not do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keda {
    /// `spec.pollingInterval`.
    pub polling: Dur,
    /// `spec.cooldownPeriod`.
    pub cooldown: Dur,
    /// `spec.initialCooldownPeriod`.
    pub initial_cooldown: Dur,
    /// Replicas while there is no work; None: it never takes the last away.
    pub idle: Option<i32>,
    /// By metric: above which value it counts as active, in thousandths; None: it never does.
    pub activation: Vec<Option<i64>>,
}

/// `spec.behavior`, with its defaults filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Behavior {
    /// `scaleUp`.
    pub up: ScalingRules,
    /// `scaleDown`.
    pub down: ScalingRules,
}

/// An entry of `spec.metrics`.
#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    /// As people call it: `cpu`, or the metric's name.
    pub name: Arc<str>,
    /// Where its values come from.
    pub source: Source,
    /// What it is held at.
    pub target: Target,
}

/// Where the values of a metric come from.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// `Resource` and `ContainerResource`, cpu: what cAdvisor counts and metrics-server asks for.
    Cpu {
        /// Only the container that serves counts.
        container: bool,
        /// Seconds of a processor that a request takes, where the application does not say.
        per_request_s: f64,
    },
    /// `Pods`: what each pod counts itself.
    Pods(Custom),
    /// `Object` and `External`: one value for all.
    Whole(Series),
}

/// `target` of a metric. Values are in thousandths of the metric's unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// `averageUtilization`: per cent of what containers ask for.
    Utilization(i32),
    /// `averageValue`: for each pod.
    AverageValue(i64),
    /// `value`: of the whole.
    Value(i64),
}
