//! `flagger.app/v1beta1`: Canary, as its manifests have it; what is read of it. `models/keys/` says what
//! becomes of each key.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde::Deserialize;
use serde_json::Value;

/// A Canary.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Canary {
    /// Its name and namespace.
    pub metadata: ObjectMeta,
    /// What it asks for.
    pub spec: CanarySpec,
}

/// `spec`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CanarySpec {
    /// Who shares the requests.
    pub provider: Option<String>,
    /// What is released.
    pub target_ref: Reference,
    /// What scales it.
    pub autoscaler_ref: Option<Reference>,
    /// The Ingress that leads to it.
    pub ingress_ref: Option<Reference>,
    /// Seconds without pods.
    pub progress_deadline_seconds: Option<i32>,
    /// Promoted as soon as it is there.
    pub skip_analysis: Option<bool>,
    /// Nothing is looked at.
    pub suspend: Option<bool>,
    /// What clients ask.
    pub service: CanaryService,
    /// How it is decided.
    pub analysis: Option<CanaryAnalysis>,
    /// The same, as it was called before.
    pub canary_analysis: Option<CanaryAnalysis>,
}

/// Another object, by its name.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Reference {
    /// Its kind.
    pub kind: Option<String>,
    /// Its name.
    pub name: Option<String>,
}

/// `spec.service`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CanaryService {
    /// Of the Service; else the target's.
    pub name: Option<String>,
    /// Of the Service.
    pub port: Option<i32>,
    /// Of the pods.
    pub target_port: Option<IntOrString>,
    /// The Gateways that its HTTPRoute is bound to.
    pub gateway_refs: Option<Vec<GatewayRef>>,
}

/// A Gateway, by name.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct GatewayRef {
    /// Its name.
    pub name: String,
}

/// `spec.analysis`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CanaryAnalysis {
    /// From one look to the next.
    pub interval: Option<String>,
    /// Failed checks that are too many.
    pub threshold: Option<i32>,
    /// Per cent of the primary's pods.
    pub primary_ready_threshold: Option<i32>,
    /// Per cent of the canary's pods.
    pub canary_ready_threshold: Option<i32>,
    /// Looks of a blue/green or A/B release.
    pub iterations: Option<i32>,
    /// Copies of requests first.
    pub mirror: Option<bool>,
    /// What requests for the canary carry.
    pub r#match: Option<Value>,
    /// Beyond it nothing is added.
    pub max_weight: Option<i32>,
    /// What is added each time.
    pub step_weight: Option<i32>,
    /// The weights in turn.
    pub step_weights: Option<Vec<i32>>,
    /// What the primary gets back each time.
    pub step_weight_promotion: Option<i32>,
    /// What is measured.
    pub metrics: Option<Vec<CanaryMetric>>,
    /// Who is asked.
    pub webhooks: Option<Vec<CanaryWebhook>>,
}

/// One of `metrics`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CanaryMetric {
    /// `request-success-rate` and `request-duration` are Flagger's own.
    pub name: Option<String>,
    /// Over so long.
    pub interval: Option<String>,
    /// The bound, as it was called before.
    pub threshold: Option<f64>,
    /// Between which it is well.
    pub threshold_range: Option<CanaryRange>,
    /// What its provider is asked.
    pub query: Option<String>,
    /// A MetricTemplate that has it.
    pub template_ref: Option<Reference>,
}

/// `thresholdRange`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CanaryRange {
    /// No less.
    pub min: Option<f64>,
    /// No more.
    pub max: Option<f64>,
}

/// One of `webhooks`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CanaryWebhook {
    /// `name`.
    pub name: Option<String>,
    /// When it is asked.
    #[serde(rename = "type")]
    pub type_: Option<String>,
    /// What it is told: a command of the load tester.
    pub metadata: Option<Value>,
}
