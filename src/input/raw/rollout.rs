//! `argoproj.io/v1alpha1`: Rollout, as its manifests have it. What is not simulated of it is read as it
//! comes; `models/keys/` says what becomes of each key.

use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde::Deserialize;
use serde_json::Value;

/// A Rollout.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Rollout {
    /// `argoproj.io/v1alpha1`.
    pub api_version: String,
    /// `Rollout`.
    pub kind: String,
    /// Its name and namespace.
    pub metadata: ObjectMeta,
    /// What it asks for.
    pub spec: Option<RolloutSpec>,
    /// The controller writes it.
    pub status: Option<Value>,
}

/// `spec`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RolloutSpec {
    /// Pods.
    pub replicas: Option<i32>,
    /// Of its pods.
    pub selector: LabelSelector,
    /// What they are made from.
    pub template: Option<PodTemplateSpec>,
    /// The workload that has the template instead.
    pub workload_ref: Option<Value>,
    /// Seconds that a pod must have been Ready.
    pub min_ready_seconds: Option<i32>,
    /// Canary or blue/green.
    pub strategy: RolloutStrategy,
    /// ReplicaSets that are kept.
    pub revision_history_limit: Option<i32>,
    /// It waits.
    pub paused: Option<bool>,
    /// Seconds without progress.
    pub progress_deadline_seconds: Option<i32>,
    /// What follows from them.
    pub progress_deadline_abort: Option<bool>,
    /// Revisions that are gone back to without steps.
    pub rollback_window: Option<RollbackWindow>,
    /// Pods older than this are made anew.
    pub restart_at: Option<Value>,
    /// How many runs of analyses are kept.
    pub analysis: Option<Value>,
}

/// `rollbackWindow`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RollbackWindow {
    /// How many.
    pub revisions: Option<i32>,
}

/// `strategy`: one of both.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RolloutStrategy {
    /// All at once, after a preview.
    pub blue_green: Option<BlueGreenStrategy>,
    /// In steps.
    pub canary: Option<CanaryStrategy>,
}

/// `strategy.blueGreen`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BlueGreenStrategy {
    /// The Service that clients use.
    pub active_service: Option<String>,
    /// That of the new pods before.
    pub preview_service: Option<String>,
    /// New pods before the switch.
    pub preview_replica_count: Option<i32>,
    /// Nobody has to agree.
    pub auto_promotion_enabled: Option<bool>,
    /// Seconds before the switch.
    pub auto_promotion_seconds: Option<i32>,
    /// Not read by the controller any more.
    pub max_unavailable: Option<IntOrString>,
    /// Seconds from the switch until old pods go.
    pub scale_down_delay_seconds: Option<i32>,
    /// Old sets that are kept meanwhile.
    pub scale_down_delay_revision_limit: Option<i32>,
    /// Seconds from an abort until new pods go.
    pub abort_scale_down_delay_seconds: Option<i32>,
    /// Before the switch.
    pub pre_promotion_analysis: Option<RolloutAnalysis>,
    /// After it.
    pub post_promotion_analysis: Option<RolloutAnalysis>,
    /// Old and new pods apart.
    pub anti_affinity: Option<Value>,
    /// Labels of new pods.
    pub preview_metadata: Option<Value>,
    /// Labels of old pods.
    pub active_metadata: Option<Value>,
}

/// `strategy.canary`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CanaryStrategy {
    /// The Service of new pods.
    pub canary_service: Option<String>,
    /// The Service of old pods.
    pub stable_service: Option<String>,
    /// In order.
    pub steps: Option<Vec<CanaryStep>>,
    /// Who shares the requests.
    pub traffic_routing: Option<RolloutTrafficRouting>,
    /// Of pods, without a router.
    pub max_unavailable: Option<IntOrString>,
    /// Of pods, without a router.
    pub max_surge: Option<IntOrString>,
    /// Beside the steps.
    pub analysis: Option<RolloutAnalysisBackground>,
    /// Old and new pods apart.
    pub anti_affinity: Option<Value>,
    /// Labels of new pods.
    pub canary_metadata: Option<Value>,
    /// Labels of old pods.
    pub stable_metadata: Option<Value>,
    /// Seconds until old pods go.
    pub scale_down_delay_seconds: Option<i32>,
    /// Old sets that are kept meanwhile.
    pub scale_down_delay_revision_limit: Option<i32>,
    /// Seconds from an abort until new pods go.
    pub abort_scale_down_delay_seconds: Option<i32>,
    /// Old pods give way as the weight moves.
    pub dynamic_stable_scale: Option<bool>,
    /// Two Services that take turns.
    pub ping_pong: Option<PingPongSpec>,
    /// Pods at least, where there are any.
    pub min_pods_per_replica_set: Option<i32>,
    /// How many pods are enough to go on.
    pub replica_progress_threshold: Option<ReplicaProgressThreshold>,
}

/// `pingPong`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PingPongSpec {
    /// One.
    pub ping_service: Option<String>,
    /// The other.
    pub pong_service: Option<String>,
}

/// `replicaProgressThreshold`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ReplicaProgressThreshold {
    /// Percent or Pods.
    #[serde(rename = "type")]
    pub type_: Option<String>,
    /// How many.
    pub value: Option<i32>,
}

/// One entry of `steps`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CanaryStep {
    /// Of the requests.
    pub set_weight: Option<i32>,
    /// For so long.
    pub pause: Option<RolloutPause>,
    /// Pods beside the others.
    pub experiment: Option<Value>,
    /// It has to be well.
    pub analysis: Option<RolloutAnalysis>,
    /// Of pods.
    pub set_canary_scale: Option<SetCanaryScale>,
    /// Requests with a header.
    pub set_header_route: Option<Value>,
    /// Copies of requests.
    pub set_mirror_route: Option<Value>,
    /// Somebody else's step.
    pub plugin: Option<Value>,
}

/// `pause`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RolloutPause {
    /// Seconds, or with a unit; none: until it is promoted.
    pub duration: Option<IntOrString>,
}

/// `setCanaryScale`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SetCanaryScale {
    /// So many pods.
    pub replicas: Option<i32>,
    /// Per cent of the replicas.
    pub weight: Option<i32>,
    /// As the weight says.
    pub match_traffic_weight: Option<bool>,
}

/// `trafficRouting`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RolloutTrafficRouting {
    /// ingress-nginx: `stableIngress`.
    pub nginx: Option<Value>,
    /// VirtualService and DestinationRule.
    pub istio: Option<Value>,
    /// Ingress of the AWS Load Balancer Controller.
    pub alb: Option<Value>,
    /// Service Mesh Interface.
    pub smi: Option<Value>,
    /// Ambassador's Mappings.
    pub ambassador: Option<Value>,
    /// AWS App Mesh.
    pub app_mesh: Option<Value>,
    /// TraefikService.
    pub traefik: Option<Value>,
    /// ApisixRoute.
    pub apisix: Option<Value>,
    /// Routers of others: the Gateway API.
    pub plugins: Option<Value>,
    /// Routes that steps may set.
    pub managed_routes: Option<Value>,
    /// What weights are parts of.
    pub max_traffic_weight: Option<i32>,
}

/// An analysis: before or after a switch, or as a step.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RolloutAnalysis {
    /// AnalysisTemplates, by name.
    pub templates: Option<Vec<AnalysisTemplateRef>>,
    /// Values for them.
    pub args: Option<Vec<AnalysisArgument>>,
    /// Metrics that decide nothing.
    pub dry_run: Option<Value>,
    /// How many measurements are kept.
    pub measurement_retention: Option<Value>,
    /// Labels of its runs.
    pub analysis_run_metadata: Option<Value>,
}

/// An analysis beside the steps.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RolloutAnalysisBackground {
    /// AnalysisTemplates, by name.
    pub templates: Option<Vec<AnalysisTemplateRef>>,
    /// Values for them.
    pub args: Option<Vec<AnalysisArgument>>,
    /// From this step on.
    pub starting_step: Option<i32>,
    /// Metrics that decide nothing.
    pub dry_run: Option<Value>,
    /// How many measurements are kept.
    pub measurement_retention: Option<Value>,
    /// Labels of its runs.
    pub analysis_run_metadata: Option<Value>,
}

/// An AnalysisTemplate, by name.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AnalysisTemplateRef {
    /// Its name.
    pub template_name: Option<String>,
    /// It is a ClusterAnalysisTemplate.
    pub cluster_scope: Option<bool>,
}

/// A value for a template.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AnalysisArgument {
    /// As the template names it.
    pub name: Option<String>,
    /// As it is.
    pub value: Option<String>,
    /// From elsewhere.
    pub value_from: Option<Value>,
}
