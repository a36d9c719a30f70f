//! The state in which a run starts: every Deployment complete, its pods running, ready and routed for some
//! time; those of a version that is never ready running, unready and routed nowhere.

use super::audience::Audience;
use super::objects::new_cluster;
use super::watches::Watches;
use super::{Event, World, actions, conditions, goals, isolation, outcome, path, says, vertical};
use crate::cluster::PodPhase;
use crate::cluster::fault::Fault;
use crate::cluster::gates::GateSetter;
use crate::cluster::objects::{
    Member, NodeId, Owner, PodId, PodStatus, RsId, RsStatus, ServiceId, Workload as WorkloadObject,
    WorkloadId, WorkloadStatus,
};
use crate::cluster::spec::Service;
use crate::cluster::write::Write;
use crate::engine::{Dur, List, Queue, Time};
use crate::model::autoscaler::controller as autoscaler;
use crate::model::balancer::Scene;
use crate::model::daemon_set::rules::runs_on;
use crate::model::deployment::rolling;
use crate::model::informer::Informer;
use crate::model::plumbing::{Ctx, Run};
use crate::model::{
    daemon_set, deployment, disruption, endpointslice, gate, kubelet, node, replicaset, rollout,
    scheduler, stateful_set,
};
use crate::scenario::{Action, Kind, Scenario};
use crate::timeline::{Recorder, Shown, Timeline, Version, ViewId};
use std::sync::Arc;

impl<'a> World<'a> {
    pub(super) fn new(scenario: &'a Scenario, run: &'a Run<'a>) -> World<'a> {
        assert!(!scenario.nodes.is_empty(), "a scenario has at least one node");
        let start = scenario.traffic.start.min(Time::ZERO);
        let (ctx, seed) = (Ctx { run, now: start, slowdown: 1.0 }, run.seed);
        let (nodes, defaults) = (scenario.nodes.len(), &scenario.kubernetes.defaults);
        let mut timeline = new_timeline(scenario, start);
        let mut balancers = path::build(scenario, scenario.route(), ctx, &mut timeline);
        let entries = balancers.last().expect("a path has a balancer").entries();
        timeline.clients(&entries.into_iter().map(|view| (view, 1.0)).collect::<Vec<_>>());
        balancers.extend(path::of_others(scenario, ctx, &mut timeline));
        let watchers = balancers.iter().map(|b| usize::from(b.watchers()) + 1).sum();
        let slices = |(id, service): (ServiceId, &Arc<Service>)| {
            let rng = seed.stream("slice", u64::from(id.0));
            let kubernetes = &scenario.kubernetes;
            endpointslice::controller::Controller::new(id, rng, service.clone(), kubernetes)
        };
        let cluster = new_cluster(scenario, Dur((seed.uniform("wall clock", 0) * 1e9) as i64));
        let mut world = World {
            scenario,
            run,
            queue: Queue::new(start),
            scheduler: scheduler::controller::Controller::new(ctx, &scenario.scheduler, &cluster),
            cluster,
            informer: Informer::default(),
            deployments: deployment::controller::Controller::new(defaults),
            stateful_sets: stateful_set::controller::Controller::new(defaults),
            daemon_sets: daemon_set::controller::Controller::new(defaults),
            has_daemons: scenario.workloads.iter().any(|w| w.kind() == Kind::DaemonSet),
            rollouts: rollouts(scenario),
            replica_sets: replicaset::controller::Controller::new(defaults),
            slices: scenario.services.pairs().map(slices).collect(),
            kubelets: kubelet::controller::Kubelets::new(ctx, &scenario.nodes),
            audience: Audience::new(&balancers),
            isolation: isolation::Isolation::default(),
            balancers,
            gate: scenario.gate.clone().map(|g| gate::Controller::new(g, seed.stream("gate", 0))),
            disruption: None,
            lifecycle: None,
            autoscaler: None,
            provisioner: None,
            verticals: vertical::Verticals::default(),
            actions: actions::Actions::default(),
            conditions: conditions::Conditions::new(scenario),
            goals: goals::Goals::default(),
            timeline,
            tracker: outcome::Tracker::new(scenario),
            watches: Watches::default(),
            user: seed.stream("user", 0),
            last_cache: Time::ALWAYS,
            last_kubelet: vec![Time::ALWAYS; nodes].into(),
            last_balancer: vec![Time::ALWAYS; watchers],
            digest: seed.0,
            marks: Vec::new(),
            until_mark: super::MARK,
        };
        world.reserve();
        world.populate();
        world.start_balancers();
        world.start_autoscalers();
        world.start_verticals();
        world.start_provisioner();
        world.start_metrics();
        world.start_conditions();
        world.schedule_actions();
        world
    }

    fn start_autoscalers(&mut self) {
        let Scenario { autoscalers, traffic, age, .. } = self.scenario;
        let target = |name: &str| {
            let is = |id: &WorkloadId| *self.cluster.workloads[*id].spec.name == *name;
            self.cluster.workloads.ids().find(is)
        };
        let objects: Vec<_> =
            autoscalers.iter().filter_map(|a| Some((a.clone(), target(&a.target)?))).collect();
        if objects.is_empty() {
            return;
        }
        let now = self.queue.now();
        let rate = traffic.rate.first().filter(|_| traffic.start <= now).map_or(0.0, |step| step.1);
        let ready = self.informer.pods.iter().filter(|p| p.counts_as_ready()).count().max(1) as f64;
        let start = autoscaler::Start {
            cluster: &self.cluster,
            informer: &self.informer,
            served_s: rate / ready,
            since: now - *age,
        };
        let ctx = Ctx { run: self.run, now, slowdown: 1.0 };
        let out = &mut says(&mut self.queue, Event::Autoscaler);
        let controller = autoscaler::Controller::new(ctx, objects, start, out);
        debug_assert!(self.autoscaler.is_none(), "there is one controller");
        self.autoscaler = Some(Box::new(controller));
    }

    fn populate(&mut self) {
        // Initial images are on the nodes; a new one has to be pulled.
        for template in self.scenario.workloads.iter().map(|w| &w.template) {
            for container in template.init_containers.iter().chain(&template.containers) {
                self.kubelets.add_image(&container.image);
            }
        }
        for workload in &self.scenario.workloads {
            let mut spec = workload.clone();
            // Between two releases Flagger's primary has the pods.
            if spec.release.as_ref().is_some_and(|r| r.flagger().is_some()) {
                spec.replicas = 0;
            }
            let id = self.create_workload(spec);
            match workload.kind() {
                Kind::Deployment | Kind::ReplicaSet | Kind::Rollout => {
                    self.populate_deployment(id);
                }
                Kind::StatefulSet | Kind::DaemonSet | Kind::Pod => self.populate_members(id),
            }
        }
        let workloads = self.scenario.workloads.len();
        debug_assert!(self.cluster.workloads.len() == workloads, "each workload is there once");
        self.cluster.log.clear();
        let subject = self.scenario.before();
        let rate = self.scenario.traffic.rate.first().map_or(0.0, |&(_, rate)| rate);
        let rate = rate * self.scenario.asked_per_request(subject);
        self.kubelets.requests_per_pod_s = rate / f64::from(subject.replicas.max(1));
        self.tracker.start(&self.cluster);
        if self.scenario.loses_nodes() {
            let ctx = Ctx { run: self.run, now: self.queue.now(), slowdown: 1.0 };
            let lifecycle = node::controller::Controller::new(ctx, &self.cluster);
            self.lifecycle = Some(Box::new(lifecycle));
        }
        let by_updater = self.scenario.verticals.iter().any(|v| v.mode.evicts());
        let by_nodes = self.scenario.node_autoscaler.is_some();
        if by_updater || by_nodes || self.scenario.actions.iter().any(|a| a.kind.evicts()) {
            let ctx = Ctx { run: self.run, now: self.queue.now(), slowdown: 1.0 };
            let cluster = &mut self.cluster;
            let disruption = disruption::controller::Controller::new(ctx, cluster, &self.informer);
            self.disruption = Some(disruption);
        }
    }

    fn populate_deployment(&mut self, id: WorkloadId) {
        let started = self.queue.now() - self.scenario.age;
        let (replicas, template) = {
            let deployment = &self.cluster.workloads[id];
            (deployment.spec.replicas, deployment.template)
        };
        let spec = &self.cluster.workloads[id].spec;
        let max = replicas + rolling::max_surge(spec.strategy, spec.replicas);
        // The evaluators count answers by version: there is one even while there is no pod.
        self.tracker.version_of(&self.cluster, template, &mut self.timeline);
        let rs = RsId(self.cluster.replica_sets.len() as u32);
        let create =
            Write::CreateReplicaSet { deployment: id, template, revision: 1, replicas, max };
        self.cluster.apply(started, create);
        let mut pods = Vec::with_capacity(replicas.max(0) as usize);
        for left in (0..replicas).rev() {
            let asked = self.node_to_drain(id).filter(|_| left == 0);
            let create = Write::CreatePod { owner: Owner::ReplicaSet(rs) };
            pods.push(self.populate_pod(create, started, asked));
        }
        let ready = |p: &&PodId| self.cluster.pods[**p].status.ready;
        let ready = pods.iter().filter(ready).count() as i32;
        debug_assert!(ready <= replicas.max(0), "no more pods are ready than there are");
        let status =
            RsStatus { replicas, ready, available: ready, terminating: 0, observed_generation: 1 };
        self.cluster.apply(started, Write::ReplicaSetStatus { rs, status });
        let deployment_status = WorkloadStatus {
            desired: 0,
            replicas,
            updated: replicas,
            ready,
            available: ready,
            observed_generation: 1,
        };
        self.cluster.workloads[id].status = deployment_status;
        self.informer.observe_set(&self.cluster, rs);
        self.replica_sets.adopt(rs, &pods, status);
        let deployment = &self.cluster.workloads[id];
        match &mut self.rollouts {
            _ if deployment.spec.kind() == Kind::Deployment => {
                self.deployments.adopt(id, deployment, replicas, started);
            }
            Some(rollouts) if deployment.spec.kind() == Kind::Rollout => {
                rollouts.adopt(id, &self.cluster, started);
            }
            _ => {}
        }
    }

    /// The pods of a workload that makes its own.
    fn populate_members(&mut self, id: WorkloadId) {
        let started = self.queue.now() - self.scenario.age;
        let WorkloadObject { spec, template, .. } = &self.cluster.workloads[id];
        let (kind, template) = (spec.kind(), *template);
        let members: Vec<Member> = match kind {
            Kind::DaemonSet => {
                let nodes = self.cluster.nodes.pairs();
                let on = nodes.filter(|(_, node)| runs_on(&spec.template, node));
                on.map(|(node, _)| Member::On(node)).collect()
            }
            Kind::StatefulSet => (0..spec.replicas.max(0) as u32).map(Member::Ordinal).collect(),
            _ => vec![Member::Alone],
        };
        self.tracker.version_of(&self.cluster, template, &mut self.timeline);
        let (count, last) = (members.len() as i32, members.len().saturating_sub(1));
        let mut pods = Vec::with_capacity(members.len());
        for (i, member) in members.into_iter().enumerate() {
            let asked = self.node_to_drain(id).filter(|_| i == last && kind != Kind::DaemonSet);
            let create = Write::CreateMember { workload: id, template, member };
            pods.push(self.populate_pod(create, started, asked));
        }
        let ready = pods.iter().filter(|p| self.cluster.pods[**p].status.ready).count() as i32;
        let status = WorkloadStatus {
            desired: if kind == Kind::DaemonSet { count } else { 0 },
            replicas: count,
            updated: count,
            ready,
            available: ready,
            observed_generation: 1,
        };
        debug_assert!(ready <= count, "no more pods are ready than there are");
        self.cluster.workloads[id].status = status;
        match kind {
            Kind::StatefulSet => self.stateful_sets.adopt(id, &pods, status),
            Kind::DaemonSet => self.daemon_sets.adopt(id, &pods, status),
            _ => {}
        }
    }

    /// The node of a drain that has no pod of the subject yet: what is asked is how its pods come off it.
    fn node_to_drain(&self, id: WorkloadId) -> Option<NodeId> {
        let node = self.scenario.actions.iter().find_map(|a| a.kind.names_node())?;
        let mut there = self.pods_on(node).filter(|&p| self.cluster.workload_of(p) == id);
        (id == self.subject() && there.next().is_none()).then_some(node)
    }

    /// A pod that has been there for long: running, or waiting for a node.
    fn populate_pod(&mut self, create: Write, started: Time, asked: Option<NodeId>) -> PodId {
        self.cluster.apply(started, create);
        let pod = PodId(self.cluster.pods.len() as u32 - 1);
        debug_assert!(self.cluster.pods[pod].created == started, "the last pod is the new one");
        let template = self.cluster.pods[pod].template;
        let version = self.tracker.version_of(&self.cluster, template, &mut self.timeline);
        let name = outcome::name_of(&self.cluster, pod);
        self.timeline.pod(started, name, version);
        let node = self.scheduler.adopt(self.queue.now(), pod, asked, &self.cluster);
        if let Some(node) = node {
            self.populate_status(pod, node, started);
        }
        self.cluster.log.clear();
        self.informer.observe_pod(&self.cluster, pod);
        if let Some(node) = node {
            self.populate_belief(pod, node, started);
        }
        pod
    }

    fn populate_status(&mut self, pod: PodId, node: NodeId, started: Time) {
        self.cluster.apply(started, Write::BindPod { pod, node });
        let template = self.cluster.template_of(pod);
        let containers_ready = !template.never_ready();
        let gates = containers_ready && template.unset_gates.is_empty();
        if gates {
            for by in [GateSetter::Balancer, GateSetter::External] {
                self.cluster.apply(started, Write::SetGates { pod, by, value: true });
            }
        }
        let ready = containers_ready && gates;
        let status = PodStatus {
            phase: PodPhase::Running,
            ready,
            containers_ready,
            has_ip: true,
            restarts: 0,
        };
        self.cluster.apply(started, Write::PodStatus { pod, status });
        self.timeline.bound(pod, started, node);
        self.timeline.shows(pod, started, Shown::Running);
        if ready {
            self.timeline.shows(pod, started, Shown::Ready);
        }
    }

    fn populate_belief(&mut self, pod: PodId, node: NodeId, started: Time) {
        let ready = self.cluster.pods[pod].status.ready;
        let ctx = Ctx { run: self.run, now: started, slowdown: 1.0 };
        let mut scene = Scene { ctx, cluster: &self.cluster, timeline: &mut self.timeline };
        self.kubelets.adopt(&mut scene, pod, node, started);
        let now = Ctx { now: self.queue.now(), ..ctx };
        self.kubelets.wake_failing(now, pod, &mut says(&mut self.queue, Event::Kubelet));
        let template = self.cluster.pods[pod].spec;
        for &service in self.audience.selecting(template, &self.slices, &self.cluster) {
            let conditions = self.slices[service].adopt(pod, ready);
            let (cluster, timeline) = (&self.cluster, &mut self.timeline);
            let mut scene = Scene { ctx, cluster, timeline };
            for balancer in &mut self.balancers {
                balancer.adopt(&mut scene, service, pod, conditions);
            }
        }
    }

    fn start_balancers(&mut self) {
        let ctx = Ctx { run: self.run, now: self.queue.now(), slowdown: 1.0 };
        let (cluster, timeline) = (&self.cluster, &mut self.timeline);
        let mut scene = Scene { ctx, cluster, timeline };
        for (layer, balancer) in (0..).zip(&mut self.balancers) {
            let out = &mut says(&mut self.queue, |e| Event::Balancer(layer, e));
            balancer.start(&mut scene, out);
        }
    }

    fn schedule_actions(&mut self) {
        for (index, Action { at, .. }) in self.scenario.actions.iter().enumerate() {
            self.queue.schedule(*at, Event::Action(actions::Step::Begin(index as u32)));
        }
        for (index, Fault { from, until, .. }) in (0..).zip(&self.scenario.faults) {
            self.queue.schedule(*from, Event::Fault { index, begins: true });
            self.queue.schedule(*until, Event::Fault { index, begins: false });
        }
    }
}

/// Their controller, where there is a release.
fn rollouts(scenario: &Scenario) -> Option<Box<rollout::controller::Controller>> {
    let there = scenario.releases().next().is_some();
    let (defaults, until) = (&scenario.kubernetes.defaults, scenario.traffic.end);
    there.then(|| Box::new(rollout::controller::Controller::new(defaults, until)))
}

fn new_timeline(scenario: &Scenario, start: Time) -> Recorder {
    Recorder::new(Timeline {
        start,
        // Where unfinished actions are followed past the horizon, the run ends later than that.
        end: if scenario.follow.is_some() { Time::NEVER } else { scenario.horizon },
        versions: Vec::<Version>::new(),
        pods: List::new(),
        views: List::new(),
        root: ViewId::default(),
        further: Vec::new(),
        calls: List::new(),
        nodes: Vec::new(),
        milestones: Vec::with_capacity(32),
        breaks: Vec::new(),
        upsets: Vec::new(),
        arp_failure: Dur::from_secs_f64(scenario.platform.arp_failure_s),
        tunnel: scenario.route().path.tunnel(),
    })
}
