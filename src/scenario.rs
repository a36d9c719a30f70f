//! A scenario: everything a run needs, validated. `input` makes it of manifests, scenario files and cards.

pub use crate::cluster::fault::{DependsOn, Fault, Trouble, Whom};
use crate::cluster::objects::{NodeId, ServiceId};
use crate::cluster::release::{Figure, Release};
use crate::cluster::spec::{Ingress, Node, PodDisruptionBudget, PodTemplate, Service};
pub use crate::cluster::workload::{Kind, Workload};
use crate::engine::{Dur, List, Time};
use crate::expr::Condition;
use crate::model::autoscaler::spec::HorizontalPodAutoscaler;
pub use crate::model::balancer::Path;
use crate::model::balancer::front;
use crate::model::balancer::services::Split;
use crate::model::gate::Gate;
use crate::model::platform::{Kubernetes, Platform};
use crate::model::scheduler::profile::Profile;
use crate::model::vertical::spec::VerticalPodAutoscaler;
use crate::traffic::offered::Traffic;
use std::sync::Arc;

/// One question: this cluster, this traffic, this action.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// For people: of the scenario file, else of what was read.
    pub name: String,
    /// Versions and feature gates of the cluster's parts.
    pub kubernetes: Kubernetes,
    /// Present (with all pods running) when the run starts. Actions are done to the first, unless they name
    /// another.
    pub workloads: Vec<Workload>,
    /// Those that routes lead to.
    pub services: List<ServiceId, Arc<Service>>,
    /// How requests get to them; the clients' is the first.
    pub routes: Vec<Route>,
    /// All there are, whatever they cover.
    pub pod_disruption_budgets: Vec<Arc<PodDisruptionBudget>>,
    /// Those that scale a workload which gets requests.
    pub autoscalers: Vec<Arc<HorizontalPodAutoscaler>>,
    /// Those that recommend what pods of a workload ask for.
    pub verticals: Vec<Arc<VerticalPodAutoscaler>>,
    /// At least one.
    pub nodes: List<NodeId, Arc<Node>>,
    /// Weights and settings of kube-scheduler.
    pub scheduler: Profile,
    /// What clients send, and how they behave.
    pub traffic: Traffic,
    /// Why no requests are sent, for people.
    pub no_requests: Option<String>,
    /// What keeps the path from being made at all.
    pub unserved: Option<Unserved>,
    /// What happens to the cluster, in the order given.
    pub actions: Vec<Action>,
    /// What goes wrong with the application meanwhile.
    pub faults: Vec<Fault>,
    /// An external controller that sets the pods' readiness gates (other than a modelled one, such as the
    /// AWS Load Balancer Controller).
    pub gate: Option<Gate>,
    /// Latencies of the cluster.
    pub platform: Platform,
    /// How long pods have been up when the run starts.
    pub age: Dur,
    /// The run stops here, or follows actions that have not reached their end by then.
    pub horizon: Time,
    /// How far it follows them; None: the horizon is a bound that was given.
    pub follow: Option<Follow>,
    /// What the answer leans on and nobody measured: (card key, value and why), shown to the user.
    pub assumptions: Vec<Assumption>,
    /// Parts of the input that were recognised but are not modelled, each named once.
    pub not_modelled: Vec<String>,
    /// What of all this the input named, for the head of an answer.
    pub given: Given,
}

/// How requests get from those who send them to the pods of Services.
#[derive(Clone, Debug, PartialEq)]
pub struct Route {
    /// Who sends them.
    pub from: Caller,
    /// Who answers: at least one, and those that share its requests.
    pub to: Vec<ServiceId>,
    /// How they share them, in the order of `to`; None: there is one.
    pub split: Option<Split>,
    /// The Ingress that leads to them, if there is one.
    pub ingress: Option<Ingress>,
    /// A proxy of its own in front of the path's.
    pub in_front: Option<front::Settings>,
    /// The data planes between sender and pods.
    pub path: Path,
}

/// Who sends requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    /// Those outside, as [`Scenario::traffic`] says.
    Clients,
}

/// A load balancer that its controller refuses to make, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unserved {
    /// What does not come about.
    pub action: String,
    /// Why, as the end of a sentence.
    pub what: String,
    /// The setting to blame.
    pub setting: String,
    /// What it is.
    pub found: String,
    /// What would do.
    pub needed: String,
}

/// What the input chose by name, or left to the defaults; and what of it is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Given {
    /// Name of the app card.
    pub application: String,
    /// Whether the input chose that card.
    pub application_given: bool,
    /// Workloads that serve and are left out.
    pub not_simulated: Vec<String>,
}

/// How a run goes on past its horizon while an action has not reached its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Follow {
    /// Until nothing has got on for so long: longer than the progress deadline.
    pub patience: Dur,
    /// And once all is over, for what pods that stop still do.
    pub tail: Dur,
}

/// Something the answer leans on that nobody gave or measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assumption {
    /// The entry of a card, or the setting.
    pub key: String,
    /// What is assumed, and why.
    pub text: String,
    /// What happens where it is not so, as a sentence for the headline; empty: nothing as grave.
    pub otherwise: String,
}

impl Assumption {
    /// Without which the answer would be much the same.
    pub fn new(key: &str, text: impl Into<String>) -> Assumption {
        Assumption { key: key.to_owned(), text: text.into(), otherwise: String::new() }
    }
}

/// Something that is done to the cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct Action {
    /// When it begins.
    pub at: Time,
    /// What is done.
    pub kind: ActionKind,
    /// It does not begin before this holds; None: at its time.
    pub when: Option<When>,
    /// The table of the scenario that asks for it, as `--set` takes it (`action`, `actions[1]`); empty: none
    /// does.
    pub key: String,
}

impl Action {
    /// That nobody asked for by name so far.
    pub fn new(at: Time, kind: ActionKind) -> Action {
        Action { at, kind, when: None, key: String::new() }
    }
}

/// What an action waits for.
#[derive(Clone, Debug, PartialEq)]
pub struct When {
    /// Over `watched`, in their order.
    pub condition: Condition,
    /// What its names stand for.
    pub watched: Vec<Watched>,
    /// From when it holds until the action begins.
    pub after: Dur,
    /// As it is written.
    pub text: String,
}

impl When {
    /// It is about requests.
    pub fn measures(&self) -> bool {
        self.watched.iter().any(|w| matches!(w, Watched::Requests { .. }))
    }
}

/// A quantity that an action waits for.
#[derive(Clone, Debug, PartialEq)]
pub enum Watched {
    /// Available pods of a workload, by its name.
    Available(String),
    /// 1 once the progress deadline of a rollout has passed, 0 before.
    DeadlineExceeded,
    /// 1 while the last rollout is complete.
    Complete,
    /// A figure of requests over some time until the last reading.
    Requests {
        /// What is counted.
        figure: Figure,
        /// Of which version; empty: of all.
        version: String,
        /// Over so long.
        window: Dur,
    },
}

/// What an action does, by the command that does it on a cluster.
#[derive(Clone, Debug, PartialEq)]
pub enum ActionKind {
    /// A new pod template for the subject (`kubectl apply`, `set image`, `rollout restart`). Fields of the
    /// spec that came with it are applied too.
    Rollout {
        /// As it is to be.
        workload: Box<Workload>,
        /// What is applied says nothing of replicas: they stay as they are by then.
        keeps_replicas: bool,
    },
    /// `kubectl rollout undo` to the previous revision or a given one.
    Undo {
        /// None: the previous one.
        to_revision: Option<u32>,
    },
    /// `kubectl scale` of a workload.
    Scale {
        /// Name of one that is there, or that a switch has created by then.
        deployment: Arc<str>,
        /// How many are wanted from then on.
        replicas: i32,
    },
    /// `kubectl delete pod` of the first `count` pods by name.
    DeletePods {
        /// How many pods.
        count: u32,
        /// `--grace-period`; None: the pods' own.
        grace: Option<i64>,
    },
    /// Every pod of the subject in name order, one at a time, through the eviction API; refused ones are
    /// retried after `retry`.
    Evict {
        /// Wait after an eviction that was refused.
        retry: Dur,
        /// As of a deletion.
        grace: Option<i64>,
    },
    /// Blue/green: create the second Deployment if none of its name is there; switch the Service selector to
    /// it (after all its pods are available, or a fixed time later); scale the one that the Service selected
    /// before to 0 some time after the switch.
    SelectorSwitch {
        /// The one that requests are switched to: as it is there, or as it is to be created.
        deployment: Box<Workload>,
        /// Whether to wait until all its pods are available.
        wait_available: bool,
        /// From its creation, or from when its pods are available.
        switch_after: Dur,
        /// From the switch to scaling the first one down; None: it stays.
        scale_down_after: Option<Dur>,
    },
    /// New weights of the Services in the Ingress, in the order of [`Split::weights`].
    ShiftWeight {
        /// Relative to each other; 0 takes a Service out.
        weights: Vec<u32>,
    },
    /// The ingress controller's own pods are replaced, one after the other.
    RestartIngress,
    /// `kubectl rollout pause` / `resume`.
    Pause,
    /// `kubectl rollout resume`: what was changed meanwhile is rolled out.
    Resume,
    /// `kubectl drain` of a node; None: the first that has a pod of the subject.
    Drain {
        /// Index into the scenario's nodes.
        node: Option<NodeId>,
        /// `--grace-period`; None: the pods' own.
        grace: Option<i64>,
    },
}

impl ActionKind {
    /// The grace period in seconds that it asks for when it deletes pods; None: the pods' own.
    pub fn grace(&self) -> Option<i64> {
        match self {
            ActionKind::DeletePods { grace, .. }
            | ActionKind::Evict { grace, .. }
            | ActionKind::Drain { grace, .. } => *grace,
            _ => None,
        }
    }

    /// The workload that it applies or switches to.
    pub fn brings(&self) -> Option<&Workload> {
        match self {
            ActionKind::Rollout { workload, .. }
            | ActionKind::SelectorSwitch { deployment: workload, .. } => Some(workload),
            _ => None,
        }
    }

    /// As [`brings`](ActionKind::brings), to change it.
    pub fn brings_mut(&mut self) -> Option<&mut Workload> {
        match self {
            ActionKind::Rollout { workload, .. }
            | ActionKind::SelectorSwitch { deployment: workload, .. } => Some(workload),
            _ => None,
        }
    }

    /// Whether all it does is to change the spec of a workload.
    pub fn edits_a_workload(&self) -> bool {
        self.is_rollout() || matches!(self, ActionKind::Scale { .. } | ActionKind::Pause)
    }

    /// Whether it asks the eviction API.
    pub fn evicts(&self) -> bool {
        matches!(self, ActionKind::Evict { .. } | ActionKind::Drain { .. })
    }

    /// Whether it makes a rollout, whose end is of interest.
    pub fn is_rollout(&self) -> bool {
        matches!(self, ActionKind::Rollout { .. } | ActionKind::Undo { .. } | ActionKind::Resume)
    }
}

impl Scenario {
    /// What the actions are done to, as it is before them.
    pub fn before(&self) -> &Workload {
        &self.workloads[0]
    }

    /// What the actions are done to, as it is after them.
    pub fn after(&self) -> &Workload {
        let new = self.actions.iter().rev().find_map(|a| a.kind.brings());
        new.unwrap_or(self.before())
    }

    /// How the clients' requests come.
    pub fn route(&self) -> &Route {
        &self.routes[0]
    }

    /// A node sends requests to its own pods alone.
    pub fn answers_by_node(&self) -> bool {
        match self.route().path {
            Path::Service => self.service().internal_traffic_local,
            Path::NodePort { .. } | Path::LoadBalancer(_) | Path::MetalLb(_) => {
                self.service().external_traffic_local
            }
            _ => false,
        }
    }

    /// The Service that clients ask.
    pub fn service(&self) -> &Arc<Service> {
        &self.services[self.route().to[0]]
    }

    /// The releases of all Rollouts, as they are and as actions bring them.
    pub fn releases(&self) -> impl Iterator<Item = &Release> {
        let brought = self.actions.iter().filter_map(|a| a.kind.brings());
        self.workloads.iter().chain(brought).filter_map(|w| w.release.as_deref())
    }

    /// Every distinct behaviour version that can serve: the templates of the workloads and of the actions.
    pub fn templates(&self) -> impl Iterator<Item = &PodTemplate> {
        templates_of(&self.workloads, &self.actions)
    }
}

/// The templates of these workloads, and then of those that the actions bring.
pub(crate) fn templates_of<'a>(
    workloads: &'a [Workload],
    actions: &'a [Action],
) -> impl Iterator<Item = &'a PodTemplate> {
    let of_start = workloads.iter().map(|w| &*w.template);
    let brought = actions.iter().filter_map(|a| a.kind.brings());
    of_start.chain(brought.map(|w| &*w.template))
}
