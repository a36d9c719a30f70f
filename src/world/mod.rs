//! The world: the only place that knows every component. It owns the state, dispatches events, tells watchers
//! of changes with their latencies, and records the timeline.

pub mod actions;
mod audience;
mod conditions;
mod control;
mod deliver;
mod digest;
mod draining;
mod evictions;
mod goals;
mod isolation;
pub mod live;
mod nodes;
mod objects;
mod observe;
mod out;
mod outcome;
mod pace;
mod path;
mod provision;
mod random;
mod rare;
mod reads;
mod room;
mod running;
mod served;
mod setup;
mod step;
mod stuck;
mod switch;
mod upgrade;
mod upset;
pub mod vertical;
mod watches;
mod why;

use crate::cluster::objects::{NodeId, ServiceId, WorkloadId};
use crate::cluster::server::Cluster;
use crate::cluster::workload::Workload;
use crate::cluster::write::{Change, Write};
use crate::engine::rng::{hash, mix};
use crate::engine::{List, Queue, Rng, Seed, Time};
use crate::model::autoscaler::controller as autoscaler;
use crate::model::balancer::{self, Balancer, Scene};
use crate::model::informer::Informer;
use crate::model::plumbing::{Ctx, Latencies, Run};
use crate::model::{
    daemon_set, deployment, disruption, endpointslice, gate, kubelet, node, replicaset, rollout,
    scheduler, stateful_set,
};
use crate::scenario::Scenario;
use crate::timeline::{Milestone, Recorder};
use crate::traffic::Mode;
use audience::Audience;
pub use control::{Control, MARK};
use live::Load;
use out::says;
pub use outcome::{RolloutOutcome, Unschedulable, Upset};
pub use reads::reads;
use watches::Watches;
pub use why::{Stuck, Why};

/// Everything that can happen. Aligned so that slots of the queue have a power of two of bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(align(16))]
pub enum Event {
    /// A write commits.
    Write(Write),
    /// The controllers' shared cache shows a change.
    Cache(Change),
    /// Of the Deployment controller.
    Deployment(deployment::controller::Event),
    /// Of the StatefulSet controller.
    StatefulSet(stateful_set::controller::Event),
    /// Of the DaemonSet controller.
    DaemonSet(daemon_set::controller::Event),
    /// Of the controller of Argo Rollouts, and of the metrics that it decides by.
    Rollout(rollout::controller::Event),
    /// Of the ReplicaSet controller.
    ReplicaSet(replicaset::controller::Event),
    /// Of that Service.
    Slice(ServiceId, endpointslice::controller::Event),
    /// Of kube-scheduler.
    Scheduler(scheduler::controller::Event),
    /// Of the kubelet of some node.
    Kubelet(kubelet::controller::Event),
    /// Of the balancer in that layer of the path.
    Balancer(u16, balancer::Event),
    /// Of whoever sets readiness gates.
    Gate(gate::Event),
    /// Of the disruption controller.
    Disruption(disruption::controller::Event),
    /// Of the controller of HorizontalPodAutoscalers, and of the metrics that it reads.
    Autoscaler(autoscaler::Event),
    /// Of the controllers of nodes.
    Lifecycle(node::controller::Event),
    /// Of an action of the user.
    Action(actions::Step),
    /// Of the vertical pod autoscaler.
    Vertical(vertical::Event),
    /// Of whoever brings and takes nodes.
    Provision(provision::Event),
    /// A fault of the scenario, by its index, begins or is over.
    Fault { index: u32, begins: bool },
}

/// The state right after an event.
pub struct Moment<'a> {
    /// When it was.
    pub at: Time,
    /// What was due.
    pub event: Event,
    /// The objects before it.
    pub cluster: &'a Cluster,
    /// What the event changed in it.
    pub changes: &'a [Change],
    /// The layers of the path of requests after it, from the pods to the clients.
    pub balancers: &'a [Balancer],
    /// Folded over all events so far.
    pub digest: u64,
}

/// One cluster in one replication.
pub struct World<'a> {
    scenario: &'a Scenario,
    run: &'a Run<'a>,
    queue: Queue<Event>,
    cluster: Cluster,
    informer: Informer,
    deployments: deployment::controller::Controller,
    stateful_sets: stateful_set::controller::Controller,
    daemon_sets: daemon_set::controller::Controller,
    /// Where there is a release that decides.
    rollouts: Option<Box<rollout::controller::Controller>>,
    replica_sets: replicaset::controller::Controller,
    slices: List<ServiceId, endpointslice::controller::Controller>,
    scheduler: scheduler::controller::Controller<'a>,
    kubelets: kubelet::controller::Kubelets,
    /// The path, from the pods to the clients.
    balancers: Vec<Balancer>,
    /// Nodes matter to more than the scheduler.
    has_daemons: bool,
    gate: Option<gate::Controller>,
    /// Where something is evicted: nothing else reads a budget's status.
    disruption: Option<disruption::controller::Controller>,
    /// Where nodes die: it has nothing to do before.
    lifecycle: Option<Box<node::controller::Controller>>,
    /// Where there is an object for it.
    autoscaler: Option<Box<autoscaler::Controller>>,
    /// Where there is one: Cluster Autoscaler or Karpenter.
    provisioner: Option<Box<provision::Provisioner<'a>>>,
    /// VerticalPodAutoscalers.
    verticals: vertical::Verticals,
    actions: actions::Actions,
    conditions: conditions::Conditions,
    goals: goals::Goals,
    timeline: Recorder,
    tracker: outcome::Tracker,
    watches: Watches,
    audience: Audience,
    isolation: isolation::Isolation,
    /// Of the calls that actions make.
    user: Rng,
    /// Watches deliver in order: per watcher, the time of the last delivery.
    last_cache: Time,
    last_kubelet: List<NodeId, Time>,
    /// One after the other: the slice watchers of every balancer, then each balancer's watch on pods.
    last_balancer: Vec<Time>,
    digest: u64,
    marks: Vec<u64>,
    /// Events until the next mark.
    until_mark: u32,
}

/// Called after every event.
pub type Observer<'o> = &'o mut dyn FnMut(Moment<'_>);

/// Simulates the control plane of `scenario` from `seed`.
pub fn simulate(scenario: &Scenario, latencies: &Latencies, seed: Seed) -> Control {
    World::new(scenario, &run_of(scenario, latencies, seed)).run(None)
}

/// As [`simulate`], with requests that keep pace.
pub fn simulate_live(
    scenario: &Scenario,
    latencies: &Latencies,
    seed: Seed,
    mode: Mode,
) -> (Control, Load) {
    World::new(scenario, &run_of(scenario, latencies, seed)).run_live(mode, None)
}

/// As [`simulate`], with every probe: to test that those left out change nothing.
pub fn simulate_probing_always(scenario: &Scenario, latencies: &Latencies, seed: Seed) -> Control {
    let run = run_of(scenario, latencies, seed);
    let mut world = World::new(scenario, &run);
    let now = world.queue.now();
    world.kubelets.probe_always(now, &mut says(&mut world.queue, Event::Kubelet));
    world.run(None)
}

/// As [`simulate`], with every health check: to test that those left out change nothing.
pub fn simulate_checking_always(scenario: &Scenario, latencies: &Latencies, seed: Seed) -> Control {
    let run = run_of(scenario, latencies, seed);
    let mut world = World::new(scenario, &run);
    world.balancers.iter_mut().for_each(Balancer::check_always);
    world.run(None)
}

/// As [`simulate`], telling `observer` of every event.
pub fn trace(
    scenario: &Scenario,
    latencies: &Latencies,
    seed: Seed,
    observer: Observer,
) -> Control {
    World::new(scenario, &run_of(scenario, latencies, seed)).run(Some(observer))
}

/// As [`trace`], with requests that keep pace; where they are simulated on the way, each is in the outcome.
pub fn observe(
    scenario: &Scenario,
    latencies: &Latencies,
    seed: Seed,
    mode: Mode,
    observer: Observer,
) -> (Control, Load) {
    World::new(scenario, &run_of(scenario, latencies, seed)).run_live(mode, Some(observer))
}

fn run_of<'a>(scenario: &'a Scenario, latencies: &'a Latencies, seed: Seed) -> Run<'a> {
    Run { seed, latencies, platform: &scenario.platform, kubernetes: scenario.kubernetes }
}

impl World<'_> {
    #[inline(always)]
    fn dispatch(&mut self, now: Time) {
        let ctx = Ctx { run: self.run, now, slowdown: self.slowdown() };
        match *self.queue.current() {
            Event::Write(write) => {
                self.fold(now, 9);
                self.commit(now, write);
            }
            Event::Cache(change) => {
                self.fold(now, 0x10_000);
                self.observe(ctx, change);
            }
            Event::Deployment(e) => {
                self.fold(now, 1);
                let out = &mut says(&mut self.queue, Event::Deployment);
                self.deployments.handle(ctx, e, &self.cluster, &self.informer, out);
            }
            Event::ReplicaSet(e) => {
                self.fold(now, 2);
                let out = &mut says(&mut self.queue, Event::ReplicaSet);
                self.replica_sets.handle(ctx, e, &self.cluster, &self.informer, out);
            }
            Event::Slice(service, e) => {
                self.fold(now, 3);
                let slices = &mut self.slices[service];
                let log = &mut self.cluster.slice_log;
                let out = &mut says(&mut self.queue, |e| Event::Slice(service, e));
                slices.handle(ctx, e, &self.informer, log, out);
            }
            Event::Scheduler(e) => {
                self.fold(now, 4);
                let out = &mut says(&mut self.queue, Event::Scheduler);
                self.scheduler.handle(ctx, e, &self.cluster, out);
                if self.provisioner.is_some() {
                    self.pods_may_wait(now);
                }
            }
            Event::Kubelet(e) => {
                self.fold(now, 5);
                let timeline = &mut self.timeline;
                let mut scene = Scene { ctx, cluster: &self.cluster, timeline };
                let out = &mut says(&mut self.queue, Event::Kubelet);
                self.kubelets.handle(&mut scene, e, out);
                self.wake_checks(ctx);
            }
            Event::Balancer(layer, e) => {
                self.fold(now, 6);
                let timeline = &mut self.timeline;
                let mut scene = Scene { ctx, cluster: &self.cluster, timeline };
                let out = &mut says(&mut self.queue, |e| Event::Balancer(layer, e));
                self.balancers[usize::from(layer)].handle(&mut scene, e, out);
            }
            Event::Action(step) => {
                self.fold(now, 8);
                self.act(now, step);
            }
            rare => self.dispatch_rare(ctx, rare),
        }
    }

    /// Folds an event into the digest: its time, and a number for its kind. What events write is folded in at
    /// the end of the run.
    fn fold(&mut self, now: Time, tag: u64) {
        self.digest = mix(self.digest ^ (now.0 as u64)).wrapping_add(tag);
    }

    /// A Deployment appears. Its luck is its name's; the subject's is the same under any name.
    fn create_workload(&mut self, spec: Workload) -> WorkloadId {
        let is_subject = self.cluster.workloads.is_empty();
        let kind = spec.kind().name();
        let name = match is_subject {
            true => hash(&[kind]),
            false => hash(&[kind, &spec.namespace, &spec.name]),
        };
        self.cluster.create_workload(spec, self.run.seed.uid(name))
    }

    /// Commits a write; pods are entered into the timeline as they appear and go.
    fn commit(&mut self, now: Time, write: Write) {
        if self.isolates() && self.holds_write(write) {
            return;
        }
        // One from an old copy is refused.
        if let Write::ScaleReplicaSet { rs, replicas, resource_version, .. } = &write
            && self.cluster.replica_sets[*rs].resource_version == *resource_version
        {
            self.tracker.scaled(now, *rs, &self.cluster, *replicas, &mut self.timeline);
        }
        if let Write::ProgressDeadlineExceeded { .. } = &write {
            self.tracker.deadline_exceeded(now, &mut self.timeline);
        }
        self.cluster.apply(now, write);
        let made = matches!(write, Write::CreatePod { .. } | Write::CreateMember { .. });
        if made && !self.verticals.is_empty() {
            self.admit(now);
        }
    }

    /// Tells the watchers of what was committed.
    fn publish(&mut self, now: Time) {
        let told = self.cluster.log.len();
        debug_assert!(told > 0, "something was committed");
        for index in 0..told {
            let change = self.cluster.log[index];
            self.tracker.changed(now, change, &self.cluster, &mut self.timeline);
            self.reach(now, change);
            self.deliver(now, change);
        }
        debug_assert!(self.cluster.log.len() == told, "telling of changes makes none");
        if self.conditions.any() {
            self.look_at_conditions(now);
        }
        self.cluster.log.clear();
    }

    /// A change may be what an action was waiting for.
    fn reach(&mut self, now: Time, change: Change) {
        self.stir(now, change);
        match change {
            Change::PodRemoved(pod) => {
                self.goals.pod_gone(now, pod, &self.cluster);
                if !self.verticals.is_empty() {
                    self.retry_resizes(now, pod);
                }
                self.drained_of(now, pod);
                self.going_without(now, pod);
            }
            Change::Node(node) => self.node_changed(now, node),
            Change::Workload(id) if self.goals.status_changed(now, id, &self.cluster) => {
                self.timeline.mark(now, Milestone::Complete);
            }
            _ => {}
        }
    }

    /// The workload under test.
    fn subject(&self) -> WorkloadId {
        subject(self.scenario)
    }
}

/// The first workload is the first of its kind.
fn subject(scenario: &Scenario) -> WorkloadId {
    debug_assert!(!scenario.workloads.is_empty(), "a run is about a workload");
    WorkloadId(0)
}
