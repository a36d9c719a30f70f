//! A scenario: everything a run needs, validated. Parsing and lowering live in the submodules.

mod actions;
mod annotations;
mod apps;
mod binding;
pub mod cards;
pub mod case;
mod checks;
mod containers;
pub mod diagnostics;
mod edit;
pub mod field;
mod forward;
mod hooks;
pub mod input;
mod lower;
mod manifest;
mod network;
mod path;
mod placement;
pub mod platform;
mod refer;
mod set;
mod shares;
pub mod source;
mod split;
mod subject;
mod toml_text;
mod traffic;
mod tree;
mod typed;
mod workload;
mod yaml;

use crate::cluster::spec::{
    App, Deployment, Ingress, Node, PodDisruptionBudget, PodTemplate, Service,
};
use crate::engine::{Dist, Dur, Time};
pub use crate::model::balancer::Path;
pub use cards::Card;
pub use diagnostics::{Diagnostic, Diagnostics};
pub use field::{Field, FieldStep};
pub use input::Input;
pub use lower::minor_version;
pub use platform::Platform;
pub use source::Source;

/// One question: this cluster, this traffic, this action.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    pub name: String,
    pub kubernetes: Kubernetes,
    /// Present (with all pods running) when the run starts.
    pub deployments: Vec<Deployment>,
    /// The Deployment under test: an index into `deployments`.
    pub subject: usize,
    pub service: Service,
    /// Further Services that share the requests with it.
    pub split: Option<Split>,
    pub ingress: Option<Ingress>,
    pub pod_disruption_budgets: Vec<PodDisruptionBudget>,
    /// At least one.
    pub nodes: Vec<Node>,
    pub path: Path,
    pub traffic: Traffic,
    pub actions: Vec<Action>,
    /// An external controller that sets the pods' readiness gates (other than a modelled one, such as the
    /// AWS Load Balancer Controller).
    pub gate: Option<Gate>,
    pub platform: Platform,
    /// How long pods have been up when the run starts.
    pub age: Dur,
    /// The run stops here at the latest (it stops earlier when nothing more can change).
    pub horizon: Time,
    /// What the answer leans on and nobody measured: (card key, value and why), shown to the user.
    pub assumptions: Vec<Assumption>,
    /// Parts of the input that were recognised but are not modelled, each named once.
    pub not_modelled: Vec<String>,
}

/// Services that an Ingress sends to by weight.
#[derive(Clone, Debug, PartialEq)]
pub struct Split {
    /// Besides [`Scenario::service`].
    pub others: Vec<Service>,
    /// Of each Service when the run starts: first of [`Scenario::service`], then of the others.
    pub weights: Vec<u32>,
    /// The one that the others take from, if they are canaries: a place in `weights`.
    pub main: usize,
    /// Canaries of ingress-nginx; else target groups, each with a weight of its own.
    pub canary: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assumption {
    pub key: String,
    pub text: String,
}

/// Versions, where behaviour changed between them: the minor number of v1.N.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kubernetes {
    pub control_plane: u32,
    pub kubelet: u32,
    pub kube_proxy: u32,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Traffic {
    pub start: Time,
    pub end: Time,
    pub arrivals: Arrivals,
    /// Requests per second from each instant on (sorted, the first at or before `start`).
    pub rate: Vec<(Time, f64)>,
    pub client: Client,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Arrivals {
    /// Open loop, evenly spaced, with a random phase.
    Even,
    /// Open loop, Poisson.
    Poisson,
    /// Open loop: these send times.
    Trace(Vec<Time>),
    /// Closed loop: so many users, each waiting `think` between answer and next request.
    Closed { users: u32, think: Dist },
}

#[derive(Clone, Debug, PartialEq)]
pub struct Client {
    /// Connections are kept and reused (most recently freed first), opened when none is free.
    pub keep_alive: bool,
    /// A request fails when no answer is complete within this.
    pub timeout: Dur,
    /// Extra tries of the client itself after a failure.
    pub retries: u32,
    pub retry_backoff: Dur,
    /// Go's transport: a GET on a reused connection that turns out closed before any byte of the answer
    /// is sent again once on a fresh connection.
    pub retry_reused: bool,
    /// Share of requests that must not be sent twice (POST, PATCH): neither a proxy nor the client's
    /// transport does so once they were sent.
    pub non_idempotent: f64,
    /// Answers later than this count as stalled.
    pub stall_threshold: Dur,
}

/// Sets the readiness gate of each pod.
#[derive(Clone, Debug, PartialEq)]
pub struct Gate {
    /// After the controller first saw ContainersReady.
    pub delay: Dur,
    /// How often it looks.
    pub poll: Dur,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Action {
    pub at: Time,
    pub kind: ActionKind,
}

#[derive(Clone, Debug, PartialEq)]
pub enum ActionKind {
    /// A new pod template for the subject (`kubectl apply`, `set image`, `rollout restart`). Fields of the
    /// Deployment spec that came with it are applied too.
    Rollout {
        deployment: Box<Deployment>,
    },
    /// `kubectl rollout undo` to the previous revision or a given one.
    Undo {
        to_revision: Option<u32>,
    },
    /// `kubectl scale` of a Deployment (index into the scenario's Deployments).
    Scale {
        deployment: usize,
        replicas: i32,
    },
    /// `kubectl delete pod` of the first `count` pods by name.
    DeletePods {
        count: u32,
    },
    /// Every pod of the subject in name order, one at a time, through the eviction API; refused ones are
    /// retried after `retry`.
    Evict {
        retry: Dur,
    },
    /// Blue/green: create the second Deployment; switch the Service selector (after all its pods are
    /// available, or a fixed time later); scale the first one to 0 some time after the switch.
    SelectorSwitch {
        deployment: Box<Deployment>,
        wait_available: bool,
        switch_after: Dur,
        scale_down_after: Option<Dur>,
    },
    /// New weights of the Services in the Ingress, in the order of [`Split::weights`].
    ShiftWeight {
        weights: Vec<u32>,
    },
    /// The ingress controller's own pods are replaced, one after the other.
    RestartIngress,
    /// `kubectl rollout pause` / `resume`.
    Pause,
    Resume,
    /// `kubectl drain` of a node (index).
    Drain {
        node: usize,
    },
}

impl ActionKind {
    /// Whether it makes a rollout, whose end is of interest.
    pub fn is_rollout(&self) -> bool {
        matches!(self, ActionKind::Rollout { .. } | ActionKind::Undo { .. } | ActionKind::Resume)
    }
}

impl Scenario {
    /// The Services on the path, by their numbers.
    pub fn services(&self) -> impl Iterator<Item = &Service> {
        std::iter::once(&self.service).chain(self.split.iter().flat_map(|s| &s.others))
    }

    /// Every distinct behaviour version that can serve: the templates of `deployments` and of the actions.
    pub fn templates(&self) -> Vec<&PodTemplate> {
        let mut templates: Vec<&PodTemplate> =
            self.deployments.iter().map(|d| &*d.template).collect();
        for action in &self.actions {
            match &action.kind {
                ActionKind::Rollout { deployment }
                | ActionKind::SelectorSwitch { deployment, .. } => {
                    templates.push(&deployment.template)
                }
                _ => {}
            }
        }
        templates
    }
}

impl PodTemplate {
    /// The behaviour of the process that serves the Service's port: the container that declares it, else
    /// the first.
    pub fn serving_app(&self, port: Option<u16>) -> &App {
        let declares = |c: &&crate::cluster::spec::Container| {
            port.is_some_and(|p| c.ports.iter().any(|cp| cp.port == p))
        };
        &self.containers.iter().find(declares).unwrap_or(&self.containers[0]).app
    }
}
