//! What the rollout looks like from outside: completion, phases, peaks. Reads the API, changes nothing.

use super::goals::Goal;
use super::objects::placed;
use super::pace::pace;
use super::served::Served;
pub use super::upset::Upset;
use super::upset::upset;
use super::why::Stuck;
use super::{Control, World, digest};
use crate::cluster::objects::{Pod, RsId, TemplateId, WorkloadId};
use crate::cluster::server::Cluster;
use crate::cluster::workload::Kind;
use crate::cluster::write::Change;
use crate::engine::{Dur, List, Time};
use crate::model::autoscaler::Scaling;
use crate::model::node::provision::Turnover;
use crate::model::rollout::controller::Released;
use crate::model::scheduler::choice::Failure;
use crate::model::vertical::Updates;
use crate::scenario::{ActionKind, Scenario};
use crate::timeline::{Milestone, PodId, PodName, Recorder, Shown, Version};

/// The rollout itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RolloutOutcome {
    /// When the Deployment's status first said complete (all updated, all available, none old), from the
    /// action; None: it never did.
    pub complete: Option<Dur>,
    /// When the last pod that was to go was gone from the API.
    pub last_pod_gone: Option<Dur>,
    /// Most pods (running or terminating) at once: of the workload under test and of those that actions scale
    /// or create.
    pub peak_pods: u32,
    /// Fewest available pods at once, of those that the Service selects.
    pub lowest_available: u32,
    /// When the progress deadline was exceeded, if it was.
    pub progress_deadline_exceeded: Option<Time>,
    /// Pod-seconds above the desired replicas, from the action to the last pod gone.
    pub surge_pod_seconds: f64,
    /// Actions that did not reach their end, and what they wait for.
    pub stuck: Vec<Stuck>,
    /// Actions that changed nothing, by their index in the scenario.
    pub idle: Vec<u32>,
    /// Actions that never began, because what they waited for did not come about, by their index.
    pub never_begun: Vec<u32>,
    /// Pods that have no node at the end.
    pub unschedulable: Vec<Unschedulable>,
    /// What each HorizontalPodAutoscaler saw and did.
    pub scaling: Vec<Scaling>,
    /// What each VerticalPodAutoscaler did.
    pub updates: Vec<Updates>,
    /// Pods that were well failed probes for load or for what they depend on; None: none did.
    pub upset: Option<Upset>,
    /// What became of the release of a Rollout under test; None: it is of another kind.
    pub released: Option<Box<Released>>,
    /// Fewest available pods at once of each workload that is there from the start, in their order.
    pub lowest: Vec<u32>,
    /// How long each action took that has begun, by its index in the scenario; None: it has not reached its
    /// end.
    pub took: Vec<(u32, Option<Dur>)>,
    /// Pods of the Deployment under test by node, when the run starts and at its end; empty with one node.
    pub placed: [Vec<u32>; 2],
    /// What became of the nodes; None: nobody brings or takes any.
    pub turnover: Option<Box<Turnover>>,
}

impl RolloutOutcome {
    /// All actions reached their end, and pods that load or a dependency had taken came back.
    pub fn ends_well(&self) -> bool {
        self.stuck.is_empty() && self.upset.is_none_or(|upset| upset.back.is_some())
    }
}

/// A pod that no node takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unschedulable {
    /// Its place in the timeline.
    pub pod: PodId,
    /// As the event FailedScheduling has it: "0/3 nodes are available: ...".
    pub message: String,
}

#[derive(Debug)]
pub(super) struct Tracker {
    subject: WorkloadId,
    /// Those whose pods are counted: the subject, and what actions scale or create.
    counted: Vec<WorkloadId>,
    /// When a pod last came, was placed or went.
    pub progressed: Time,
    last_gone: Option<Time>,
    peak: u32,
    lowest: u32,
    deadline: Option<Time>,
    present: u32,
    available: i32,
    /// Pods above the desired number, integrated over time.
    surge: f64,
    since: Time,
    versions: Vec<(TemplateId, u16)>,
    request_overhead_s: f64,
    /// The subject's pods by node at the start; empty with one node.
    placed: Vec<u32>,
    /// Requests are sent until then.
    sent_until: Time,
    /// Since when all of the subject's pods are ready, once one was upset.
    back: Option<Time>,
    /// Fewest available pods at once of each workload.
    lowest_of: List<WorkloadId, u32>,
    served: Served,
}

impl Tracker {
    /// Before the run starts.
    pub fn new(scenario: &Scenario) -> Tracker {
        let called = |name: &str| {
            let found = scenario.workloads.iter().position(|w| &*w.name == name)?;
            Some(WorkloadId(found as u32))
        };
        let scaled = scenario.actions.iter().filter_map(|a| match &a.kind {
            ActionKind::Scale { deployment, .. } => called(deployment),
            ActionKind::SelectorSwitch { deployment, .. } => called(&deployment.name),
            _ => None,
        });
        let subject = super::subject(scenario);
        let primary = scenario.primary().and_then(|w| called(&w.name));
        let all = std::iter::once(subject).chain(scaled).chain(primary);
        let mut counted: Vec<WorkloadId> = all.collect();
        counted.sort_unstable();
        counted.dedup();
        Tracker {
            subject,
            counted,
            progressed: Time::ZERO,
            last_gone: None,
            peak: 0,
            lowest: 0,
            deadline: None,
            present: 0,
            available: 0,
            surge: 0.0,
            since: Time::ZERO,
            versions: Vec::new(),
            request_overhead_s: scenario.platform.request_overhead_s,
            placed: Vec::new(),
            sent_until: scenario.traffic.end,
            back: None,
            lowest_of: List::new(),
            served: Served::default(),
        }
    }

    /// Counts what is there when the run starts.
    pub fn start(&mut self, cluster: &Cluster) {
        self.present =
            cluster.pods.iter().filter(|p| self.counts(cluster.workload(p.owner))).count() as u32;
        self.peak = self.present;
        self.available = self.available_behind(cluster);
        self.lowest = self.available.max(0) as u32;
        self.placed = placed(cluster, self.subject);
        let available = |id| cluster.available(id).max(0) as u32;
        self.lowest_of = cluster.workloads.ids().map(available).collect();
        debug_assert!(self.lowest <= self.present, "no more pods are available than there are");
    }

    /// From now on its pods are counted as well.
    pub fn counts_too(&mut self, id: WorkloadId) {
        if !self.counts(id) {
            self.counted.push(id);
        }
    }

    /// Available pods of those that are counted and that a Service selects now: who has it where Deployments
    /// take turns. The workload under test where none is selected.
    fn available_behind(&mut self, cluster: &Cluster) -> i32 {
        let (mut any, mut behind) = (false, 0);
        for index in 0..self.counted.len() {
            let id = self.counted[index];
            if self.served.is_selected(cluster.template_now(id), cluster) {
                (any, behind) = (true, behind + cluster.available(id));
            }
        }
        if any { behind } else { cluster.available(self.subject) }
    }

    fn counts(&self, id: WorkloadId) -> bool {
        self.counted.contains(&id)
    }

    /// Takes in one change of the API's objects.
    pub fn changed(
        &mut self,
        now: Time,
        change: Change,
        cluster: &Cluster,
        timeline: &mut Recorder,
    ) {
        self.look_at_workload(change, cluster);
        match change {
            Change::PodCreated(pod) => {
                let counts = self.counts(cluster.workload_of(pod));
                self.count(now, i32::from(counts), cluster);
                let object = &cluster.pods[pod];
                let version = self.version_of(cluster, object.template, timeline);
                // Admission may have changed how fast it answers.
                let admitted = object.spec;
                let paced = || pace(cluster.templates[admitted].serving_container());
                let known = timeline.versions.get(usize::from(version));
                let same = object.template == admitted || known.is_some_and(|v| v.pace == paced());
                let version =
                    if same { version } else { self.version_of(cluster, admitted, timeline) };
                timeline.pod(now, name_of(cluster, pod), version);
            }
            Change::PodBound(pod) => {
                self.progressed = now;
                debug_assert!(cluster.pods[pod].node.is_some(), "a pod that was bound has a node");
                timeline.bound(pod, now, cluster.pods[pod].node.unwrap_or_default());
            }
            Change::PodDeleting(pod) => timeline.shows(pod, now, Shown::Deleted),
            Change::PodRemoved(pod) => {
                let counts = self.counts(cluster.workload_of(pod));
                self.count(now, -i32::from(counts), cluster);
                timeline.shows(pod, now, Shown::Removed);
                self.last_gone = Some(now);
            }
            Change::PodStatus(_) if !timeline.upsets.is_empty() && now < self.sent_until => {
                let mine = |p: &&Pod| cluster.workload(p.owner) == self.subject;
                let ready = cluster.pods.iter().filter(mine).filter(|p| p.status.ready);
                let desired = cluster.progress(self.subject).desired;
                let all = ready.filter(|p| p.deleting.is_none()).count() as i32 >= desired;
                self.back = all.then(|| self.back.unwrap_or(now));
            }
            Change::Workload(id) if cluster.workloads[id].spec.kind() == Kind::Deployment => {}
            Change::Service(_) => {
                self.served = Served::default();
                self.look_at_available(cluster);
            }
            Change::ReplicaSet(rs) if !self.counts(cluster.replica_sets[rs].deployment) => {}
            Change::Workload(id) if !self.counts(id) => {}
            Change::ReplicaSet(_) | Change::Workload(_) => self.look_at_available(cluster),
            _ => {}
        }
    }

    fn look_at_available(&mut self, cluster: &Cluster) {
        self.available = self.available_behind(cluster);
        self.lowest = self.lowest.min(self.available.max(0) as u32);
    }

    /// One of its pods may have become available, or no longer be.
    fn look_at_workload(&mut self, change: Change, cluster: &Cluster) {
        let id = match change {
            Change::ReplicaSet(rs) => cluster.replica_sets[rs].deployment,
            Change::Workload(id) if cluster.workloads[id].spec.kind() != Kind::Deployment => id,
            _ => return,
        };
        let available = cluster.available(id).max(0) as u32;
        if let Some(lowest) = self.lowest_of.get_mut(id) {
            *lowest = (*lowest).min(available);
        }
        debug_assert!(self.lowest_of.len() <= cluster.workloads.len(), "each counts once");
    }

    fn count(&mut self, now: Time, by: i32, cluster: &Cluster) {
        self.progressed = now;
        let desired: i32 = self.counted.iter().map(|&w| cluster.progress(w).desired).sum();
        let above = f64::from((self.present as i32 - desired).max(0));
        self.surge += above * (now - self.since).as_secs_f64().max(0.0);
        self.since = now.max(Time::ZERO);
        debug_assert!(self.present as i32 + by >= 0, "no more pods go than there were");
        self.present = self.present.saturating_add_signed(by);
        self.peak = self.peak.max(self.present);
    }

    /// A ReplicaSet is about to be scaled.
    pub fn scaled(
        &mut self,
        now: Time,
        rs: RsId,
        cluster: &Cluster,
        to: i32,
        timeline: &mut Recorder,
    ) {
        let set = &cluster.replica_sets[rs];
        if set.replicas != to {
            let deployment = cluster.workloads[set.deployment].spec.name.clone();
            let (revision, from) = (set.revision, set.replicas);
            let scaled = Milestone::Scaled { deployment, revision, from, to };
            timeline.mark(now, scaled);
        }
    }

    /// When the progress deadline was first exceeded.
    pub fn deadline(&self) -> Option<Time> {
        self.deadline
    }

    /// The controller has found that progress took too long.
    pub fn deadline_exceeded(&mut self, now: Time, timeline: &mut Recorder) {
        self.deadline.get_or_insert(now);
        timeline.mark(now, Milestone::ProgressDeadlineExceeded);
    }

    /// The version of a template, entering it into the timeline when it is new.
    pub fn version_of(
        &mut self,
        cluster: &Cluster,
        template: TemplateId,
        timeline: &mut Recorder,
    ) -> u16 {
        if let Some(&(_, version)) = self.versions.iter().find(|(t, _)| *t == template) {
            return version;
        }
        let spec = &cluster.templates[template];
        let container = spec.serving_container();
        let app = &container.app;
        let version = Version {
            name: spec.version.clone(),
            service: app.service.longer_by(self.request_overhead_s),
            // What waits for calls is counted: a process that stops goes with the last.
            concurrency: app.concurrency.or((!app.calls.is_empty()).then_some(u32::MAX)),
            queue: app.queue,
            backlog: app.backlog,
            keep_alive_timeout: app.keep_alive_timeout,
            connections: app.connections,
            pace: pace(container),
            calls: app.calls.clone(),
        };
        // A copy under other labels answers as the original does.
        let same = timeline.versions.iter().position(|v| *v == version);
        let version = same.map_or_else(|| timeline.version(version), |index| index as u16);
        debug_assert!(usize::from(version) < timeline.versions.len(), "a version is in the list");
        self.versions.push((template, version));
        version
    }
}

pub(super) fn name_of(cluster: &Cluster, pod: PodId) -> PodName {
    let id = cluster.workload_of(pod);
    PodName {
        deployment: cluster.workloads[id].spec.name.clone(),
        number: cluster.pods[pod].number,
    }
}

impl World<'_> {
    pub(super) fn finish(mut self) -> Control {
        let stuck = self.stuck();
        self.tracker.count(self.timeline.end, 0, &self.cluster);
        let unschedulable = self.unschedulable();
        let updates = self.updates();
        let turnover = self.turnover().map(Box::new);
        let placed_at_end = placed(&self.cluster, self.subject());
        let since_action = |t: Time| t - Time::ZERO;
        let rollout = self.goals.rollout().filter(|goal| self.crashing(goal).is_none());
        let complete = rollout.and_then(|goal| goal.over);
        let (subject, never_begun) = (self.subject(), self.never_begun());
        let took = |goal: &Goal| (goal.action, goal.over.map(|over| over - goal.since));
        let took = self.goals.all().map(took).collect();
        let tracker = self.tracker;
        let rollout = RolloutOutcome {
            complete: complete.map(since_action),
            last_pod_gone: tracker.last_gone.map(since_action).filter(|d| *d > Dur::ZERO),
            peak_pods: tracker.peak,
            lowest_available: tracker.lowest,
            progress_deadline_exceeded: tracker.deadline,
            surge_pod_seconds: tracker.surge,
            stuck,
            idle: self.actions.idle,
            never_begun,
            upset: upset(&self.timeline, tracker.back),
            unschedulable,
            released: self
                .rollouts
                .as_ref()
                .and_then(|r| r.released(subject))
                .cloned()
                .map(Box::new),
            scaling: self.autoscaler.map_or_else(Vec::new, |a| a.finish()),
            updates,
            placed: [tracker.placed, placed_at_end],
            lowest: tracker.lowest_of.into(),
            took,
            turnover,
        };
        let events = self.queue.scheduled();
        let digest = digest::of_state(self.digest, &self.cluster);
        let (timeline, marks, cluster) = (self.timeline.finish(), self.marks, self.cluster);
        Control { timeline, rollout, digest, marks, events, cluster }
    }

    fn unschedulable(&self) -> Vec<Unschedulable> {
        let waiting = self.scheduler.unschedulable();
        let row = |(pod, failure): (PodId, &Failure)| {
            let message = failure.message.to_string();
            Unschedulable { pod, message }
        };
        waiting.map(row).collect()
    }
}
