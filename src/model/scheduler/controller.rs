//! What the scheduler sees and does: pods without a node are decided on one after the other, from what its
//! watches have shown it; binding is asynchronous.

use super::backoff::Limits;
use super::cache::{Cache, Share};
use super::choice::{Chooser, Failure};
use super::plan::Plan;
use super::profile::Profile;
use super::queue::{Next, Queue};
use super::trial::Trial;
use crate::cluster::objects::{NodeId, PodId, TemplateId};
use crate::cluster::server::Cluster;
use crate::cluster::write::{Change, Write};
use crate::engine::{Dur, List, Luck, Seed, Time};
use crate::model::plumbing::{Ctx, Out, TokenBucket};
use std::collections::VecDeque;

/// What can happen to the scheduler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A pod without a node is seen.
    Pending(PodId),
    /// Back-off of an unschedulable pod is over.
    Retry(PodId),
    /// The next of the pods that were woken.
    Next,
    /// A change is seen that may wake one.
    Seen,
    /// Pods that nothing has woken for long are looked for.
    Flush(PodId),
}

/// So many pods are taken away in turn to see whether that makes room.
const TRIED: usize = 64;

/// kube-scheduler: its queue, and what its cache knows of nodes and pods.
#[derive(Debug)]
pub struct Controller<'a> {
    profile: &'a Profile,
    seed: Seed,
    cache: Cache,
    /// Changes on their way to it, with when it sees them. Where nothing waits for one it is taken in when
    /// the next pod is decided on: a change that nobody asks about is no event.
    inbox: VecDeque<(Time, Change)>,
    /// When the next of them is an event.
    seen_at: Option<Time>,
    last_seen: Time,
    /// By template.
    plans: List<TemplateId, Plan>,
    chooser: Chooser,
    /// The last failure holds for all pods of the template until something changes.
    failed: Option<(TemplateId, u64, Failure)>,
    queue: Queue,
    /// An event is scheduled for the next pod that was woken.
    next: bool,
    /// Before v1.32 every update of a pod wakes those that spreading turned down.
    hints: bool,
    /// When the first flush of long-parked pods was due.
    flush_phase: Dur,
    free: Time,
    bucket: TokenBucket,
}

impl<'a> Controller<'a> {
    /// With an empty queue.
    pub fn new(ctx: Ctx, profile: &'a Profile, cluster: &Cluster) -> Controller<'a> {
        let (seed, minor) = (ctx.seed, ctx.kubernetes.control_plane);
        let phase = seed.uniform("scheduler flush", 0);
        Controller {
            profile,
            seed,
            cache: Cache::new(&cluster.nodes),
            inbox: VecDeque::new(),
            seen_at: None,
            last_seen: Time::ALWAYS,
            plans: List::new(),
            chooser: Chooser::default(),
            failed: None,
            queue: Queue::new(Limits::of(profile), cluster.second_phase, minor >= 33),
            next: false,
            hints: minor >= 32,
            flush_phase: Dur((profile.flush_every.0 as f64 * phase) as i64),
            free: Time::ALWAYS,
            bucket: TokenBucket::new(profile.client_rate, profile.client_burst),
        }
    }

    /// Pods that fitted nowhere, with why.
    pub fn unschedulable(&self) -> impl Iterator<Item = (PodId, &Failure)> {
        self.queue.pods().map(|(pod, waiting)| (pod, &waiting.failure))
    }

    /// Whether a pod that waits would fit if one running pod of its Deployment were gone.
    pub fn fits_instead(&self, pod: PodId, cluster: &Cluster) -> bool {
        let workload = cluster.workload_of(pod);
        let running = (0..cluster.pods.len() as u32).map(PodId).filter(|&p| {
            let object = &cluster.pods[p];
            !object.removed
                && object.deleting.is_none()
                && self.cache.node_of(p).is_some()
                && cluster.workload_of(p) == workload
        });
        running.take(TRIED).any(|old| {
            let mut cache = self.cache.clone();
            let held = cache.held(old).unwrap_or(cluster.pods[old].spec);
            let share = Plan::new(held, cluster, &mut cache, self.profile).share;
            cache.deleting(old);
            cache.release(old, share);
            let template = cluster.pods[pod].spec;
            let plan = Plan::new(template, cluster, &mut cache, self.profile);
            let luck = || self.seed.stream("placement", 0);
            Chooser::default().choose(&plan, &cache, self.profile, luck).is_some()
        })
    }

    /// A copy of what it knows, to try things on.
    pub fn trial(&self) -> Trial<'a> {
        Trial::new(self.profile, self.seed, self.cache.clone())
    }

    /// Whether no pod waits for a node that fits.
    pub fn nothing_waits(&self) -> bool {
        self.queue.is_empty()
    }

    /// Room for so many pods.
    pub fn reserve(&mut self, pods: usize) {
        self.cache.reserve(pods);
    }

    /// Places a pod that is there when the run starts; on `asked`, where it fits there. None: it fits
    /// nowhere, and waits.
    pub fn adopt(
        &mut self,
        now: Time,
        pod: PodId,
        asked: Option<NodeId>,
        cluster: &Cluster,
    ) -> Option<NodeId> {
        match self.choose(pod, cluster) {
            Ok(node) => Some(asked.map_or(node, |asked| self.prefer(pod, node, asked, cluster))),
            Err(failure) => {
                self.queue.park(pod, now, failure);
                None
            }
        }
    }

    /// Moves a pod that was just placed to another node, if it fits there.
    fn prefer(&mut self, pod: PodId, node: NodeId, asked: NodeId, cluster: &Cluster) -> NodeId {
        let template = cluster.pods[pod].spec;
        let share = self.share(template, cluster);
        self.cache.deleting(pod);
        self.cache.release(pod, share);
        let plan = &self.plans[template];
        let fits = self.chooser.passes(plan, &self.cache, asked);
        let node = if fits { asked } else { node };
        self.cache.hold(pod, template, node, share);
        node
    }

    /// A change was committed: it is seen later, by `latency` and in order.
    pub fn tell(&mut self, now: Time, change: Change, latency: Dur, out: &mut impl Out<Event>) {
        if matches!(change, Change::PodBound(_)) && self.queue.is_empty() {
            return;
        }
        self.last_seen = self.last_seen.max(now + latency);
        let last = self.inbox.back().map(|seen| seen.0);
        debug_assert!(last.is_none_or(|at| at <= self.last_seen), "changes are seen in order");
        self.inbox.push_back((self.last_seen, change));
        self.look_out(out);
    }

    /// Where pods wait, the next change that is seen is an event.
    fn look_out(&mut self, out: &mut impl Out<Event>) {
        if let Some(&(at, _)) = self.inbox.front()
            && !self.queue.is_empty()
            && self.seen_at.is_none_or(|scheduled| at < scheduled)
        {
            debug_assert!(at <= self.last_seen, "what waits was seen");
            self.seen_at = Some(at);
            out.at(at, Event::Seen);
        }
    }

    /// Acts on what its watches show, or takes the next pod off its queue.
    pub fn handle(&mut self, ctx: Ctx, event: Event, cluster: &Cluster, out: &mut impl Out<Event>) {
        let now = self.looks_at(ctx, event, cluster);
        self.take_in(now, cluster, out);
        match event {
            Event::Pending(pod) => self.attempt(ctx, pod, cluster, out),
            Event::Retry(pod) => {
                self.queue.activate(pod);
                self.go_on(ctx.now, out);
            }
            Event::Next => {
                self.next = false;
                if let Some(pod) = self.queue.pop() {
                    self.attempt(ctx, pod, cluster, out);
                }
                self.go_on(ctx.now, out);
            }
            Event::Seen => {}
            Event::Flush(pod) => {
                if self.queue.is_due(pod, ctx.now, self.profile.flush_after) {
                    self.queue.activate(pod);
                    self.go_on(ctx.now, out);
                }
            }
        }
        self.look_out(out);
    }

    /// What a new pod is decided by was seen when the pod itself was: its latency counts as part of binding.
    fn looks_at(&self, ctx: Ctx, event: Event, cluster: &Cluster) -> Time {
        match event {
            Event::Pending(pod) if !self.inbox.is_empty() => {
                let mut luck = Luck::of(cluster.pods[pod].uid, "scheduler watch");
                ctx.now + ctx.slowed(ctx.latencies.watch_controller.draw(&mut luck))
            }
            _ => ctx.now,
        }
    }

    /// The next of the pods that were woken, when the scheduler is free.
    fn go_on(&mut self, now: Time, out: &mut impl Out<Event>) {
        if self.queue.has_active() && !std::mem::replace(&mut self.next, true) {
            out.at(now.max(self.free), Event::Next);
        }
    }

    /// Takes in what has been seen until now.
    fn take_in(&mut self, now: Time, cluster: &Cluster, out: &mut impl Out<Event>) {
        if self.seen_at.is_some_and(|at| at <= now) {
            self.seen_at = None;
        }
        while let Some((_, change)) = self.inbox.pop_front_if(|(at, _)| *at <= now) {
            match change {
                Change::PodDeleting(pod) => self.cache.deleting(pod),
                Change::PodRemoved(pod) => {
                    self.release(pod, cluster);
                    self.queue.forget(pod);
                }
                Change::PodResized(pod) => self.resized(pod, cluster),
                Change::Node(node) => {
                    self.cache.node_changed(node, cluster.nodes[node].clone());
                }
                _ => {}
            }
            if !self.queue.is_empty() {
                self.wake(now, change, cluster, out);
            }
        }
        debug_assert!(
            self.inbox.front().is_none_or(|seen| seen.0 > now),
            "all that is seen is taken in"
        );
    }

    /// A pod's room is free, as much as it was held with.
    fn release(&mut self, pod: PodId, cluster: &Cluster) {
        if let Some(held) = self.cache.held(pod) {
            let share = self.share(held, cluster);
            self.cache.release(pod, share);
        }
    }

    /// A pod takes another share of its node than it did.
    fn resized(&mut self, pod: PodId, cluster: &Cluster) {
        let (Some(node), now) = (self.cache.node_of(pod), cluster.pods[pod].spec) else { return };
        if self.cache.held(pod) == Some(now) {
            return;
        }
        self.cache.deleting(pod);
        self.release(pod, cluster);
        let share = self.share(now, cluster);
        self.cache.hold(pod, now, node, share);
    }

    /// Wakes the pods that a change might help.
    fn wake(&mut self, now: Time, change: Change, cluster: &Cluster, out: &mut impl Out<Event>) {
        // Brings the plans of all that wait up to date.
        let waiting: Vec<PodId> = self.queue.parked(|_, _| true);
        let mut templates: Vec<TemplateId> =
            waiting.iter().map(|p| cluster.pods[*p].spec).collect();
        templates.sort_unstable();
        templates.dedup();
        for template in templates {
            self.plan(template, cluster);
        }
        let helps = |pod: PodId, failure: &Failure| {
            let plan = &self.plans[cluster.pods[pod].spec];
            plan.may_profit(failure.rejected, change, self.hints, cluster)
        };
        let woken = self.queue.parked(helps);
        let (phase, every) = (self.flush_phase, self.profile.flush_every);
        for pod in waiting {
            if woken.binary_search(&pod).is_ok() {
                if let Next::At(until) = self.queue.wake(pod, now) {
                    out.at(until, Event::Retry(pod));
                }
            } else if let Some(due) = self.queue.flush(pod, self.profile.flush_after) {
                // At the first look after that.
                let since = (due - Time::ZERO - phase).0;
                let looks = since.div_euclid(every.0) + i64::from(since.rem_euclid(every.0) > 0);
                out.at(now.max(Time::ZERO + phase + Dur(looks * every.0)), Event::Flush(pod));
            }
        }
        self.go_on(now, out);
    }

    /// Decides on one pod.
    fn attempt(&mut self, ctx: Ctx, pod: PodId, cluster: &Cluster, out: &mut impl Out<Event>) {
        let start = ctx.now.max(self.free);
        match self.choose(pod, cluster) {
            Err(failure) => self.queue.park(pod, ctx.now, failure),
            Ok(node) => {
                self.queue.forget(pod);
                let mut luck = Luck::of(cluster.pods[pod].uid, "scheduler");
                let latency = ctx.slowed(ctx.latencies.schedule.draw(&mut luck));
                let bind = self.bucket.take(start) + latency;
                out.write(bind, Write::BindPod { pod, node });
            }
        }
        // Binding is asynchronous: only the decision itself is serial.
        debug_assert!(start >= self.free, "decisions follow each other");
        self.free = start + self.profile.decision;
    }

    /// The best node for the pod, on which it counts from now on.
    fn choose(&mut self, pod: PodId, cluster: &Cluster) -> Result<NodeId, Failure> {
        let object = &cluster.pods[pod];
        let template = object.spec;
        debug_assert!(object.node.is_none(), "a pod is placed once");
        if let Some(node) = object.pinned {
            return self.choose_pinned(pod, node, cluster);
        }
        if let Some((of, changes, failure)) = &self.failed
            && (*of, *changes) == (template, self.cache.changes)
        {
            return Err(failure.clone());
        }
        self.plan(template, cluster);
        let plan = &self.plans[template];
        let luck = || self.seed.stream("placement", object.uid);
        let Some(node) = self.chooser.choose(plan, &self.cache, self.profile, luck) else {
            let placement = &cluster.template_of(pod).placement;
            let failure = self.chooser.failure(plan, &self.cache, placement);
            self.failed = Some((template, self.cache.changes, failure.clone()));
            return Err(failure);
        };
        self.cache.hold(pod, template, node, plan.share);
        Ok(node)
    }

    /// A pod of a DaemonSet has its node: the scheduler says whether it fits there.
    fn choose_pinned(
        &mut self,
        pod: PodId,
        node: NodeId,
        cluster: &Cluster,
    ) -> Result<NodeId, Failure> {
        let template = cluster.pods[pod].spec;
        debug_assert!(node.index() < cluster.nodes.len(), "a pod is for a node that is there");
        self.plan(template, cluster);
        let plan = &self.plans[template];
        if !self.chooser.passes(plan, &self.cache, node) {
            let placement = &cluster.template_of(pod).placement;
            return Err(self.chooser.failure(plan, &self.cache, placement));
        }
        self.cache.hold(pod, template, node, plan.share);
        Ok(node)
    }

    /// What each pod of a template takes of its node, whatever has become of the nodes.
    fn share(&mut self, template: TemplateId, cluster: &Cluster) -> Share {
        match self.plans.get(template).filter(|plan| plan.is_made()) {
            Some(plan) => plan.share,
            None => self.plan(template, cluster).share,
        }
    }

    /// The plan of a template, up to date.
    fn plan(&mut self, template: TemplateId, cluster: &Cluster) -> &Plan {
        let plan = self.plans.entry(template);
        if !plan.is_current(&self.cache, cluster) {
            *plan = Plan::new(template, cluster, &mut self.cache, self.profile);
        }
        debug_assert!(plan.is_made(), "it is up to date");
        plan
    }
}
