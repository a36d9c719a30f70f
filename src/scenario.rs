//! A scenario: everything a run needs, validated. `input` makes it of manifests, scenario files and cards.

mod action;
pub mod maintenance;

use crate::cluster::disruption::PodDisruptionBudget;
pub use crate::cluster::fault::{DependsOn, Fault, Trouble, Whom};
use crate::cluster::objects::{NodeId, ServiceId};
use crate::cluster::release::Release;
use crate::cluster::spec::{Ingress, Node, PodTemplate, Service};
pub use crate::cluster::workload::{Kind, Workload};
use crate::engine::{Dur, List, Time};
use crate::model::autoscaler::spec::HorizontalPodAutoscaler;
pub use crate::model::balancer::Path;
use crate::model::balancer::front;
use crate::model::balancer::services::Split;
use crate::model::gate::Gate;
use crate::model::node::provision::NodeAutoscaler;
use crate::model::platform::{Kubernetes, Platform};
use crate::model::scheduler::profile::Profile;
use crate::model::vertical::spec::VerticalPodAutoscaler;
use crate::timeline::{Asking, CallId};
use crate::traffic::offered::Traffic;
pub use action::{Action, ActionKind, Shift, Watched, When};
use std::borrow::Cow;
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
    /// What workloads ask of other Services for each request.
    pub calls: Vec<Calls>,
    /// All there are, whatever they cover.
    pub pod_disruption_budgets: Vec<Arc<PodDisruptionBudget>>,
    /// Those that scale a workload which gets requests.
    pub autoscalers: Vec<Arc<HorizontalPodAutoscaler>>,
    /// Those that recommend what pods of a workload ask for.
    pub verticals: Vec<Arc<VerticalPodAutoscaler>>,
    /// Who brings nodes for pods that fit nowhere; None: nobody does.
    pub node_autoscaler: Option<NodeAutoscaler>,
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
    /// Somebody within the cluster, who sends as many.
    Within,
    /// Pods that work on requests, as [`Scenario::calls`] says.
    Pods,
}

/// What the pods of a workload ask of a Service while they work on a request. Their templates say how often.
#[derive(Clone, Debug, PartialEq)]
pub struct Calls {
    /// The workload.
    pub from: String,
    /// The Service.
    pub to: ServiceId,
    /// The route by which they do, of those of the scenario.
    pub route: usize,
    /// How they ask.
    pub how: Asking,
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

    /// The Deployment that serves between two releases of the first one, where Flagger has made one.
    pub fn primary(&self) -> Option<&Workload> {
        self.before().release.as_ref()?.flagger()?;
        self.workloads.get(1)
    }

    /// Whether some node dies.
    pub fn loses_nodes(&self) -> bool {
        self.node_autoscaler.is_some()
            || self.actions.iter().any(|action| action.kind.loses_nodes())
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

    /// The scenario as those see it who ask whom a call leads to: their route and the workload behind it come
    /// first, and what is done to other workloads is left out. None: as clients see it.
    pub fn seen_by(&self, call: Option<CallId>) -> Cow<'_, Scenario> {
        if self.calls.is_empty() {
            return Cow::Borrowed(self);
        }
        let calls = call.and_then(|id| self.calls.get(id.index()));
        let route = calls.map_or(0, |calls| calls.route);
        let mut seen = self.clone();
        seen.routes.swap(0, route);
        let asked = |w: &Workload| seen.routes[0].to.iter().any(|&id| seen.selects(id, w));
        let first = seen.workloads.iter().position(asked).unwrap_or(0);
        seen.workloads.swap(0, first);
        let name = seen.workloads[0].name.clone();
        seen.actions.retain(|a| a.kind.brings().is_none_or(|w| w.name == name));
        if let Some(calls) = calls {
            let share = self.asked_per_request(&seen.workloads[0]);
            seen.traffic.client.timeout = calls.how.timeout;
            seen.traffic.rate.iter_mut().for_each(|(_, rate)| *rate *= share);
        }
        Cow::Owned(seen)
    }

    fn selects(&self, service: ServiceId, workload: &Workload) -> bool {
        self.services[service].selects(&workload.template)
    }

    /// How many requests come to the pods of a workload for each of the clients', in the mean and as long as
    /// nothing is tried again.
    pub fn asked_per_request(&self, workload: &Workload) -> f64 {
        let asked = |name: &str| self.workloads.iter().find(|w| *w.name == *name);
        let calls = self.calls.iter().enumerate();
        let mine = calls.filter(|(_, calls)| self.selects(calls.to, workload));
        let mut mine = mine.peekable();
        if mine.peek().is_none() {
            return 1.0;
        }
        let of = |(id, calls): (usize, &Calls)| {
            let Some(from) = asked(&calls.from) else { return 0.0 };
            let made = &from.template.serving_container().app.calls;
            let times = made.iter().filter(|made| made.index() == id).count();
            times as f64 * calls.how.share * self.asked_per_request(from)
        };
        mine.map(of).sum()
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
