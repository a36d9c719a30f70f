//! A controller that keeps a target group's members like the Service's endpoints, and sets the readiness
//! gates of pods whose targets are healthy: the AWS Load Balancer Controller with ip targets, and those of
//! other clouds that work as it does.
//!
//! Source: `pkg/targetgroupbinding/resource_manager.go: reconcileWithIPTargetType`,
//! `pkg/backend/endpoint_resolver.go`, `pkg/aws/throttle/defaults.go` of
//! kubernetes-sigs/aws-load-balancer-controller.

use super::group::Group;
use crate::cluster::gates::GateSetter;
use crate::cluster::objects::{Conditions, PodId};
use crate::cluster::server::Cluster;
use crate::cluster::write::Write;
use crate::engine::{Dist, Dur, Rng, Time};
use crate::model::balancer::members::Members;
use crate::model::balancer::settings::Given;
use crate::model::balancer::{self, Scene};
use crate::model::plumbing::{Out, TokenBucket, WorkKey};
use crate::timeline::Target;
use std::collections::BTreeSet;

/// How the AWS Load Balancer Controller works through its queue and calls AWS.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// It is version 1, which sets gates of other names.
    pub legacy: bool,
    /// One call takes targets away and adds others; else one after the other.
    pub together: bool,
    /// A gate is set so long after its pod was created, whatever the target's health; None: never.
    pub give_up: Option<Dur>,
    /// One call of the ELB API.
    pub api_call: Dist,
    /// Register and deregister calls a second, and at once.
    pub register_per_s: f64,
    /// Register and deregister calls at once.
    pub register_burst: u32,
    /// Calls a second that ask for the health of targets.
    pub describe_per_s: f64,
    /// Such calls at once.
    pub describe_burst: u32,
    /// While a readiness gate is not True, it looks again after this.
    pub requeue: Dur,
    /// Share of reconciliations that fail and are tried again after a growing time.
    pub failure: f64,
    /// Wait after the first failure; it doubles.
    pub backoff_first: Dur,
    /// Longest wait after a failure.
    pub backoff_longest: Dur,
}

impl Settings {
    /// Its entries of the card.
    pub fn read(given: &mut dyn Given) -> Settings {
        Settings {
            legacy: false,
            together: false,
            give_up: None,
            api_call: given.dist("api_call"),
            register_per_s: given.number("register_per_s", None),
            register_burst: given.count("register_burst", None),
            describe_per_s: given.number("describe_per_s", None),
            describe_burst: given.count("describe_burst", None),
            requeue: given.seconds("requeue", None),
            failure: given.number("failure", None),
            backoff_first: given.seconds("backoff_first", None),
            backoff_longest: given.seconds("backoff_longest", None),
        }
    }
}

/// The readiness gate that a controller sets, where its name is the same for every pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GateName {
    /// The condition type.
    pub name: &'static str,
    /// The namespace label with which pods get it, as `enabled`; None: every pod of a target group gets it.
    pub label: Option<&'static str>,
}

/// What can happen to the controller.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Event {
    /// Its watch shows these entries of the log of endpoints.
    Slices { from: u32, to: u32 },
    /// Its watch shows a change of a pod: of interest where the pod has its gates.
    Pod(PodId),
    /// The deferred key comes back to the queue.
    Requeue,
    /// Its key is taken from the queue.
    Sync,
    /// The targets' health is read.
    Described,
    /// The call returned.
    Deregistered,
    /// The call returned.
    Registered,
    /// All calls are done: pod conditions are patched.
    Patch,
}

/// What a reconciliation is going to do.
#[derive(Debug, Default)]
struct Plan {
    deregister: Vec<PodId>,
    register: Vec<PodId>,
    /// Pods whose gate is to be set.
    healthy: Vec<PodId>,
    /// Pods whose gate has to wait.
    waiting: usize,
}

/// The AWS Load Balancer Controller: registers pods with a target group and sets their readiness
/// gates.
#[derive(Debug)]
pub struct Controller {
    settings: Settings,
    members: Members,
    /// Pods of which something may be left to do.
    unsettled: BTreeSet<PodId>,
    key: WorkKey,
    register: TokenBucket,
    describe: TokenBucket,
    /// When the deferred key is due.
    deferred: Time,
    failures: u32,
    plan: Plan,
    rng: Rng,
}

/// The label of a namespace that has readiness gates added to its pods.
pub const INJECT: &str = "elbv2.k8s.aws/pod-readiness-gate-inject";

/// What the controller calls the TargetGroupBinding that it makes for a Service, up to its hash.
pub fn binding_name(namespace: &str, service: &str) -> String {
    let short = |name: &str| -> String {
        name.chars().filter(char::is_ascii_alphanumeric).take(8).collect()
    };
    format!("k8s-{}-{}-", short(namespace), short(service))
}

/// The condition types that the controller sets.
pub const GATES: [&str; 2] = ["target-health.elbv2.k8s.aws/", "target-health.alb.ingress.k8s.aws/"];

impl Controller {
    /// Nothing is registered yet.
    pub fn new(settings: &Settings, rng: Rng) -> Controller {
        let bucket = |rate: f64, burst: u32| TokenBucket::new(rate, i64::from(burst));
        Controller {
            members: Members::default(),
            unsettled: BTreeSet::new(),
            key: WorkKey::default(),
            register: bucket(settings.register_per_s, settings.register_burst),
            describe: bucket(settings.describe_per_s, settings.describe_burst),
            deferred: Time::NEVER,
            failures: 0,
            plan: Plan::default(),
            rng,
            settings: settings.clone(),
        }
    }

    /// Takes an endpoint over; whether it is a target.
    pub fn adopt(&mut self, cluster: &Cluster, pod: PodId, conditions: Conditions) -> bool {
        self.members.set(pod, Some(conditions));
        let wanted = self.is_wanted(cluster, pod);
        if !wanted {
            self.unsettled.insert(pod);
        }
        wanted
    }

    /// Acts on what it sees of slices and pods, or on what AWS answers.
    pub fn handle(
        &mut self,
        scene: &Scene,
        event: Event,
        group: &mut Group,
        out: &mut impl Out<balancer::Event>,
    ) {
        let now = scene.ctx.now;
        match event {
            Event::Slices { from, to } => {
                self.members.take(scene.cluster, from, to);
                let news = &scene.cluster.slice_log[from as usize..to as usize];
                self.unsettled.extend(news.iter().map(|&(pod, _)| pod));
                self.enqueue(now, out);
            }
            Event::Pod(pod) if is_gated(scene.cluster, pod) => self.enqueue(now, out),
            Event::Pod(_) => {}
            Event::Requeue if now >= self.deferred => {
                self.deferred = Time::NEVER;
                self.enqueue(now, out);
            }
            Event::Requeue => {}
            Event::Sync => self.sync(scene, group, out),
            Event::Described => self.call(scene, group, out),
            Event::Deregistered => {
                for pod in std::mem::take(&mut self.plan.deregister) {
                    group.deregister(now, Target::Pod(pod), out);
                }
            }
            Event::Registered => {
                for pod in std::mem::take(&mut self.plan.register) {
                    group.register(now, Target::Pod(pod), out);
                }
            }
            Event::Patch => self.patch(scene, out),
        }
    }

    fn enqueue(&mut self, now: Time, out: &mut impl Out<balancer::Event>) {
        if let Some(at) = self.key.add(now) {
            say(out, at, Event::Sync);
        }
    }

    /// The key comes back at `at`, unless it does so earlier.
    fn defer(&mut self, at: Time, out: &mut impl Out<balancer::Event>) {
        if at < self.deferred {
            self.deferred = at;
            say(out, at, Event::Requeue);
        }
        debug_assert!(self.deferred <= at, "the earliest time to come back is kept");
    }

    fn done(&mut self, now: Time, out: &mut impl Out<balancer::Event>) {
        if let Some(at) = self.key.done(now) {
            say(out, at, Event::Sync);
        }
    }

    /// A ready endpoint, or one that only its readiness gates hold back. A terminating one is none.
    fn is_wanted(&self, cluster: &Cluster, pod: PodId) -> bool {
        let held_back = || cluster.pods[pod].status.containers_ready;
        self.members.get(pod).is_some_and(|c| c.ready || (!c.terminating && held_back()))
    }

    /// Whether a target is to come or go or a gate waits. Lets go of pods of which nothing can be left to do
    /// before their endpoints change again.
    fn settle(&mut self, cluster: &Cluster, group: &Group) -> bool {
        let mut unsettled = std::mem::take(&mut self.unsettled);
        let mut work = false;
        unsettled.retain(|&pod| {
            let wanted = self.is_wanted(cluster, pod);
            let due = wanted != group.is_registered(pod) || (wanted && is_waiting(cluster, pod));
            work |= due;
            due || self.members.get(pod).is_some_and(|c| !c.ready && !c.terminating)
        });
        debug_assert!(!work || !unsettled.is_empty(), "work is for somebody");
        self.unsettled = unsettled;
        work
    }

    /// Nothing changed and no gate waits: no call. Else health is read first.
    fn sync(&mut self, scene: &Scene, group: &Group, out: &mut impl Out<balancer::Event>) {
        let now = scene.ctx.now;
        self.key.start(now);
        if !self.settle(scene.cluster, group) {
            return self.done(now, out);
        }
        if self.settings.failure > 0.0 && self.rng.uniform() < self.settings.failure {
            let doublings = self.failures.min(40);
            let wait = self.settings.backoff_first.as_secs_f64() * (1u64 << doublings) as f64;
            self.failures += 1;
            let longest = self.settings.backoff_longest;
            self.done(now, out);
            return self.defer(now + Dur::from_secs_f64(wait).min(longest), out);
        }
        debug_assert!(self.settings.failure < 1.0, "a call succeeds at some time");
        self.failures = 0;
        let at = self.describe.take(now) + self.call_time();
        say(out, at, Event::Described);
    }

    fn call_time(&mut self) -> Dur {
        self.settings.api_call.sample(self.rng.uniform())
    }

    /// Deregisters before it registers.
    fn call(&mut self, scene: &Scene, group: &Group, out: &mut impl Out<balancer::Event>) {
        self.plan = Plan::default();
        for &pod in &self.unsettled {
            match (self.is_wanted(scene.cluster, pod), group.is_registered(pod)) {
                (false, true) => self.plan.deregister.push(pod),
                (true, false) => self.plan.register.push(pod),
                _ => {}
            }
            if self.is_wanted(scene.cluster, pod) && is_waiting(scene.cluster, pod) {
                match group.is_healthy(pod) || self.gives_up(scene, pod) {
                    true => self.plan.healthy.push(pod),
                    false => self.plan.waiting += 1,
                }
            }
        }
        let mut at = scene.ctx.now;
        if !self.plan.deregister.is_empty() {
            at = self.register.take(at) + self.call_time();
            say(out, at, Event::Deregistered);
        }
        if !self.plan.register.is_empty() {
            if !self.settings.together || self.plan.deregister.is_empty() {
                at = self.register.take(at) + self.call_time();
            }
            say(out, at, Event::Registered);
        }
        let both = |pod| self.plan.deregister.contains(pod);
        debug_assert!(!self.plan.register.iter().any(both), "nobody comes and goes at once");
        say(out, at, Event::Patch);
    }

    /// The target of the pod has not turned healthy for too long: it counts as ready all the same.
    fn gives_up(&self, scene: &Scene, pod: PodId) -> bool {
        let created = scene.cluster.pods[pod].created;
        self.settings.give_up.is_some_and(|after| scene.ctx.now >= created + after)
    }

    /// Sets the gates of healthy targets' pods, one after the other. A gate that is not True yet brings the
    /// key back.
    fn patch(&mut self, scene: &Scene, out: &mut impl Out<balancer::Event>) {
        let mut at = scene.ctx.now;
        for pod in std::mem::take(&mut self.plan.healthy) {
            at += scene.ctx.latencies.api_write.draw(&mut self.rng);
            out.write(at, Write::SetGates { pod, by: GateSetter::Balancer, value: true });
        }
        debug_assert!(at >= scene.ctx.now, "a gate is set after its target is healthy");
        if self.plan.waiting > 0 {
            self.defer(scene.ctx.now + self.settings.requeue, out);
        }
        self.done(scene.ctx.now, out);
    }
}

fn say(out: &mut impl Out<balancer::Event>, at: Time, event: Event) {
    out.at(at, super::Event::Controller(event).into());
}

/// The pod has readiness gates that this controller sets.
fn is_gated(cluster: &Cluster, pod: PodId) -> bool {
    !cluster.template_of(pod).gates.balancer
}

fn is_waiting(cluster: &Cluster, pod: PodId) -> bool {
    is_gated(cluster, pod) && !cluster.pods[pod].gates.balancer
}
