//! A VerticalPodAutoscaler, as its manifest has it, and what comes of its recommendation for each template of
//! its target.

use super::rules::Need;
use crate::cluster::spec::PodTemplate;
use crate::engine::Time;
use std::sync::Arc;

/// `autoscaling.k8s.io/v1`, kind VerticalPodAutoscaler.
#[derive(Clone, Debug, PartialEq)]
pub struct VerticalPodAutoscaler {
    /// `metadata.name`.
    pub name: Arc<str>,
    /// `spec.targetRef.name`: whose pods it is about.
    pub target: Arc<str>,
    /// `spec.updatePolicy.updateMode`.
    pub mode: Mode,
    /// `spec.updatePolicy.minReplicas`: groups with fewer live pods are left alone.
    pub min_replicas: i32,
    /// When its recommendation is there; pods that were made before it have what their template asks for.
    pub since: Time,
    /// The templates of the target that it changes.
    pub changes: Vec<Change>,
    /// What it recommends, for people: `app: cpu 250m → 1`.
    pub shown: Arc<str>,
}

/// `updateMode`. `Auto` is what `Recreate` was called before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// It only recommends.
    Off,
    /// New pods are admitted with what it recommends.
    Initial,
    /// The updater evicts the others.
    Recreate,
    /// The updater resizes the others where they run, and evicts those that cannot be.
    InPlaceOrRecreate,
}

impl Mode {
    /// As the manifest has it.
    pub fn name(self) -> &'static str {
        match self {
            Mode::Off => "Off",
            Mode::Initial => "Initial",
            Mode::Recreate => "Recreate",
            Mode::InPlaceOrRecreate => "InPlaceOrRecreate",
        }
    }

    /// Its updater may evict pods.
    pub fn evicts(self) -> bool {
        matches!(self, Mode::Recreate | Mode::InPlaceOrRecreate)
    }
}

/// What pods of one template are admitted as, or resized to.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// As the workload has it.
    pub from: Arc<PodTemplate>,
    /// With what is recommended.
    pub to: Arc<PodTemplate>,
    /// How urgent that is for a pod that runs as `from`.
    pub need: Need,
    /// Containers that a resize starts anew, by their place in start order (`resizePolicy`).
    pub restarts: Vec<u8>,
    /// It can be done to a running pod: the quality of service stays what it is.
    pub in_place: bool,
}
