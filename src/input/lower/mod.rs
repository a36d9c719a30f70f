//! From the raw input to the validated [`Scenario`].

mod actions;
mod affinity;
mod ambient;
mod annotations;
mod apps;
mod assumed;
mod autoscalers;
mod begins;
mod binding;
mod by_manifests;
pub(super) mod calls;
mod check;
mod cluster;
mod commands;
mod conditions;
mod config_maps;
mod connections;
mod containers;
mod daemons;
mod faults;
pub(super) mod flagger;
mod forward;
mod gates;
pub(super) mod gateways;
mod handlers;
mod hooks;
mod ingress_class;
mod injected;
mod istio;
mod left_out;
mod linkerd;
pub mod lowering;
mod maintenance;
mod named;
pub(super) mod network;
mod node_autoscalers;
mod node_names;
mod node_pools;
mod nodes;
mod open_ports;
mod outages;
mod path;
mod placement;
mod plans;
mod profile;
mod proxy;
pub(super) mod release;
mod revisions;
mod routes;
mod scheduler;
pub(super) mod serving;
pub(super) mod serving_container;
mod shares;
pub(super) mod sidecar;
mod since;
mod split;
mod stays;
mod stops;
mod strategies;
mod subject_objects;
mod traffic;
mod unserved;
mod used;
mod versions;
mod vertical;
mod wanted;
mod workload;

use crate::cluster::objects::{NodeId, ServiceId};
use crate::cluster::spec::{Ingress, Node, Service};
use crate::engine::Dur;
use crate::engine::List;
use crate::input::given::Input;
use crate::input::hints;
use crate::input::raw::manifest::Document;
use crate::input::subject::{self, Subject};
use crate::input::text::diagnostics::Diagnostics;
use crate::model::node::provision::NodeAutoscaler;
use crate::scenario::{Action, Caller, Calls, Kind, Route, Scenario, Workload, templates_of};
use lowering::Lowering;
pub use since::Since;
use std::sync::Arc;
pub use versions::minor_version;

impl Input {
    /// The validated scenario.
    ///
    /// # Errors
    /// Everything that Kubernetes or rollsim would refuse, together.
    pub fn lower(&self) -> Result<Scenario, Diagnostics> {
        scenario(self)
    }
}

fn scenario(input: &Input) -> Result<Scenario, Diagnostics> {
    let minor = Lowering::new(input).control_plane_minor();
    let (input, dropped) = since::kept(input, minor)?;
    let input = &*input;
    let mut low = Lowering::new(input);
    since::say(&mut low, minor, &dropped);
    (low.kubelet, low.control_plane) = (low.kubelet_minor(), minor);
    let subject = subject::choose(input)?;
    let result = low.build(&subject);
    if low.problems.has_errors() {
        // A restarted Deployment is checked twice.
        low.problems.unique();
        hints::kustomization(input, &mut low.problems);
        return Err(low.problems);
    }
    Ok(result)
}

impl Lowering<'_> {
    fn build(&mut self, subject: &Subject) -> Scenario {
        let input = self.input;
        sidecar::check(self);
        let service = serving::service(self, subject);
        let (called, apps) = self.called(subject, &service);
        let document = &input.documents[subject.asked];
        let ingress = split::ingress(self, document, &service);
        let way = path::lower(self, document, &service, ingress.as_ref());
        self.chosen_by_service(subject);
        let (mut deployments, behind, on_path) =
            self.deployments(subject, (&way.services, &called), &apps);
        let on_path = on_path + self.beside(document, &mut deployments);
        let mut actions = actions::lower(self, subject, &way, &deployments, &apps);
        outages::lean(self, &way.path, &actions);
        let path::Way { path, mut services, split } = way;
        let asked = subject.asked_of(&mut deployments, &mut actions, (behind, on_path));
        gates::settle(self, (&path, &services), ingress.as_ref(), asked);
        let platform = self.platform(&input.platform);
        let age = Dur::from_secs_f64(self.seconds("age_s", input.case.age_s, 3600.0));
        let (nodes, nodes_given, node_autoscaler) =
            self.settled_nodes(subject, age, &mut deployments, &mut actions);
        let nodes: List<NodeId, Arc<Node>> = nodes.into_iter().map(Arc::new).collect();
        let scheduler = self.scheduler(nodes.len() > 1);
        let kubernetes = self.kubernetes(&templates_of(&deployments, &actions).collect::<Vec<_>>());
        self.settle_max_unavailable(&kubernetes, &mut deployments, &mut actions);
        release::settle(&mut deployments, &mut services, &mut actions);
        let unserved = unserved::unserved(self, &path, &service, ingress.as_ref());
        let silence = serving::nothing_runs(self, &deployments, &actions)
            .or_else(|| serving::silence(input, subject, unserved.is_some()));
        let place = (&platform, &kubernetes, &*nodes);
        let rolled = (&deployments[0], silence.is_some());
        let faults = faults::lower(self, &deployments, &actions);
        let more = node_autoscaler.as_ref().map_or(Dur::ZERO, node_autoscalers::takes);
        let (traffic, horizon, follow) =
            traffic::lower(self, rolled, (&actions, &faults, more), &path, place);
        let asked = !rolled.1;
        let kubernetes = self.with_proxy_mode(kubernetes, &traffic);
        let no_requests = silence.or_else(|| serving::rate_of_0(&traffic));
        let verticals = self.verticals(&deployments, &actions, kubernetes.control_plane);
        let way = (path::Way { path, services, split }, ingress, called);
        let (services, routes, calls) = self.routes(way, &mut deployments, &mut actions);
        let scenario = Scenario {
            name: input.name.clone(),
            given: self.given(&deployments, &actions),
            kubernetes,
            pod_disruption_budgets: self.budgets(&deployments[0].template),
            autoscalers: self.autoscalers(&deployments[..on_path], &actions, &traffic, asked),
            verticals,
            gate: self.gate(),
            age,
            horizon,
            follow,
            workloads: deployments,
            routes,
            services,
            calls,
            node_autoscaler,
            nodes,
            scheduler,
            traffic,
            faults,
            no_requests,
            unserved,
            actions,
            platform,
            assumptions: Vec::new(),
            not_modelled: Vec::new(),
        };
        self.with_what_is_told(scenario, subject, nodes_given)
    }

    /// Workloads that controllers make beside the subject, and that get requests too: how many.
    fn beside(&mut self, subject: &Document, workloads: &mut Vec<Workload>) -> usize {
        let primary = usize::from(self.primary(subject, workloads));
        primary + self.revisions_before(subject, workloads)
    }

    /// All Services that requests come to, how they do, and what workloads ask of each other.
    fn routes(
        &mut self,
        (way, ingress, called): (path::Way, Option<Ingress>, Vec<Service>),
        workloads: &mut [Workload],
        actions: &mut [Action],
    ) -> (List<ServiceId, Arc<Service>>, Vec<Route>, Vec<Calls>) {
        let path::Way { path, services, split } = way;
        let mut services: List<ServiceId, _> = services.into_iter().map(Arc::new).collect();
        let (in_front, to) = (path::in_front(self, &path), services.ids().collect());
        let first = Route { from: Caller::Clients, to, split, ingress, in_front, path };
        let (called, calls) = calls::lower(self, called, &mut services, workloads, actions);
        let further = self.further_routes(&mut services, workloads);
        (services, [first].into_iter().chain(called).chain(further).collect(), calls)
    }

    /// The scenario with what is assumed for it and what is not modelled.
    fn with_what_is_told(
        &mut self,
        scenario: Scenario,
        subject: &Subject,
        nodes: bool,
    ) -> Scenario {
        if !self.problems.has_errors() {
            used::check(self, &scenario);
        }
        self.name_left_out(subject, &scenario, nodes);
        gateways::tell(self, subject);
        self.read_otherwise(scenario.kubernetes.control_plane, subject);
        assumed::first_what_was_not_given(&mut self.assumptions);
        Scenario {
            assumptions: std::mem::take(&mut self.assumptions),
            not_modelled: std::mem::take(&mut self.not_modelled),
            ..scenario
        }
    }

    /// The nodes, and what follows from them for the workloads; and whether anybody gave them.
    fn settled_nodes(
        &mut self,
        subject: &Subject,
        age: Dur,
        workloads: &mut [Workload],
        actions: &mut [Action],
    ) -> (Vec<Node>, bool, Option<NodeAutoscaler>) {
        let (mut nodes, given) = self.nodes(age);
        if !given {
            let held = self.input.documents[subject.deployment].workload();
            self.nodes_of_daemons(&mut nodes, held);
            assumed::settle(self, &nodes, workloads, actions);
        }
        daemons::settle(&nodes, workloads, actions);
        let there = nodes.len();
        self.append_joining(&mut nodes);
        let node_autoscaler = self.node_autoscaler(&mut nodes, (there, given));
        self.lean_on_volumes(&workloads[0], nodes.len());
        (nodes, given, node_autoscaler)
    }

    /// Which of several Deployments is rolled out, where nothing names it and a Service decides.
    fn chosen_by_service(&mut self, subject: &Subject) {
        let input = self.input;
        let (Some(service), None, None) = (subject.service, input.workload, &input.case.deployment)
        else {
            return;
        };
        let mut others = input.workloads();
        others.retain(|&i| i != subject.deployment);
        if !others.is_empty() {
            let name = |i: usize| input.documents[i].name();
            let others: Vec<&str> = others.into_iter().map(name).collect();
            let (chosen, service) = (name(subject.deployment), name(service));
            let who = match &input.case.service {
                Some(_) => format!("Service {service} selects no"),
                None => "no Service selects".to_owned(),
            };
            let text = format!("{chosen}: {who} pods of {}", others.join(", "));
            self.assume("deployment", text);
        }
    }

    /// Objects of API versions that the cluster no longer knows, and replicas that stand elsewhere.
    fn read_otherwise(&mut self, minor: u32, subject: &Subject) {
        let input = self.input;
        for doc in &input.documents {
            let Some(old) = doc.old.as_ref().filter(|old| minor >= old.gone) else { continue };
            let (kind, name, now) = (doc.kind(), doc.name(), old.now);
            let text = match old.gone {
                0 => format!("{} {name} is read as {now}", old.was),
                gone => format!("{kind} {name} is read as {now}: v1.{gone} took it away"),
            };
            self.assume(&format!("apiVersion {}", old.was), text);
        }
        let document = &input.documents[subject.deployment];
        let held = document.workload().filter(|held| held.kind != Kind::DaemonSet);
        let Some(replicas) = held.map(|held| held.replicas) else { return };
        let known = input.replicas.iter().find(|r| {
            r.name == document.name()
                && r.namespace == document.namespace()
                && replicas.map(i64::from) == Some(r.replicas)
        });
        match (replicas, known) {
            (Some(n), Some(known)) => self.assume("replicas", format!("{n}, by {}", known.by)),
            (None, _) => self.assume("replicas", "1, as Kubernetes has it where nothing is said"),
            _ => {}
        }
    }
}
