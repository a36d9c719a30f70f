//! What must hold of every run, whatever is simulated. It reads the API objects, the changes and the timeline
//! of a run, and shares no rule with the models: each is written down here again, from Kubernetes' own words.

use super::world::{Act, Budget, Fault, Strategy, World};
use rollsim::cluster::objects::{BudgetStatus, Conditions, NodeId, Pod, PodId, RsId, TemplateId};
use rollsim::cluster::server::Cluster;
use rollsim::cluster::write::{Change, SliceRange};
use rollsim::engine::{Dur, Time};
use rollsim::scenario::{ActionKind, Scenario};
use rollsim::timeline::{ChangeKind, PodTruth, Target, Timeline, View};
use rollsim::world::actions::Step;
use rollsim::world::{Control, Event, Moment};
use std::collections::{BTreeMap, VecDeque};

pub type Verdict = Result<(), String>;

macro_rules! ensure {
    ($holds:expr, $($message:tt)+) => {
        let holds: bool = $holds;
        if !holds {
            return Err(format!($($message)+));
        }
    };
}
pub(super) use ensure;

/// A controller that has not seen the newest spec acts on the one before.
const STALE: Dur = Dur::from_secs(10);

/// The status of a ReplicaSet is written within that.
const LAG: Dur = Dur::from_secs(1);

/// So many writes are shown with a failure.
const RECENT: usize = 24;

/// Follows one run, event by event.
pub struct Checker<'a> {
    world: &'a World,
    scenario: &'a Scenario,
    last: Time,
    events: u64,
    /// The replicas that were asked for, from when on.
    wanted: Vec<(Time, u32)>,
    /// When the last undo was asked for.
    undone: Time,
    /// What the ReplicaSets asked for last.
    asked: u32,
    /// When pods were deleted.
    deleted: BTreeMap<PodId, Time>,
    /// The last writes and actions, for whoever reads a failure.
    recent: VecDeque<(Time, Event)>,
    /// The template that was asked for before the event.
    template: Option<TemplateId>,
    pub verdict: Verdict,
}

impl<'a> Checker<'a> {
    pub fn new(world: &'a World, scenario: &'a Scenario) -> Checker<'a> {
        let wanted = vec![(Time::ALWAYS, world.pods.replicas)];
        let last = Time::ALWAYS;
        Checker {
            world,
            scenario,
            last,
            events: 0,
            wanted,
            undone: Time::ALWAYS,
            asked: world.pods.replicas,
            deleted: BTreeMap::new(),
            recent: VecDeque::new(),
            template: None,
            verdict: Ok(()),
        }
    }

    /// The state after an event. The first thing that is wrong is kept.
    pub fn see(&mut self, moment: &Moment) {
        if self.verdict.is_ok() {
            let verdict = self.check(moment);
            let before = || self.recent.iter().map(|(at, event)| format!("  {at:?} {event:?}\n"));
            let place = |e| {
                let before: String = before().collect();
                let (at, event) = (moment.at, moment.event);
                format!("at {at:?}, event {}: {event:?}: {e}, after\n{before}", self.events)
            };
            self.verdict = verdict.map_err(place);
            if matches!(moment.event, Event::Write(_) | Event::Action(_)) {
                self.recent.push_back((moment.at, moment.event));
                if self.recent.len() > RECENT {
                    self.recent.pop_front();
                }
            }
        }
        self.events += 1;
    }

    fn check(&mut self, moment: &Moment) -> Verdict {
        ensure!(moment.at >= self.last, "time went back from {:?}", self.last);
        self.last = moment.at;
        let cluster = moment.cluster;
        if let Event::Action(Step::Begin(action)) = moment.event {
            let kind = &self.scenario.actions[action as usize].kind;
            self.acted(cluster, kind)?;
            if matches!(kind, ActionKind::Undo { .. }) {
                self.undone = moment.at;
            }
        }
        self.template = Some(cluster.workloads[0].template);
        for &change in moment.changes {
            match change {
                Change::Workload(id) => {
                    let replicas = cluster.workloads[id.index()].spec.replicas as u32;
                    if self.wanted.last().is_some_and(|(_, n)| *n != replicas) {
                        self.wanted.push((moment.at, replicas));
                    }
                }
                Change::PodCreated(pod) => self.created(moment.at, cluster, pod)?,
                Change::PodBound(pod) => self.bound(cluster, pod)?,
                Change::PodDeleting(pod) => self.deleting(moment.at, cluster, pod)?,
                Change::Slice(range) => self.sliced(cluster, range)?,
                Change::ReplicaSet(rs) => self.scaled(moment.at, cluster, rs)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// `kubectl rollout undo` brings back the template of the revision before the newest that a ReplicaSet
    /// bears, and without one is turned away: a rollout of the same moment has no ReplicaSet yet.
    fn acted(&self, cluster: &Cluster, kind: &ActionKind) -> Verdict {
        let Some(before) = self.template.or(first_template(cluster)) else { return Ok(()) };
        let now = cluster.workloads[0].template;
        let mut sets: Vec<_> = cluster.replica_sets.iter().filter(|set| !set.removed).collect();
        sets.sort_by_key(|set| std::cmp::Reverse(set.revision));
        let expected = match kind {
            // Without ReplicaSets there are two revisions, the first and the other one.
            ActionKind::Undo { .. } if !self.world.is_deployment() => {
                ensure!(now != before, "an undo brings no other template");
                now
            }
            ActionKind::Undo { .. } => sets.get(1).map_or(before, |set| set.template),
            ActionKind::Rollout { .. } => {
                ensure!(now != before, "a rollout brings no other template");
                now
            }
            _ => before,
        };
        ensure!(now == expected, "{kind:?}: {before:?} becomes {now:?}, not {expected:?}");
        Ok(())
    }

    /// Most pods that any spec of the last seconds allows, and fewest available ones.
    fn bounds(&self, now: Time) -> (u32, u32) {
        let old = self.wanted.iter().rposition(|(at, _)| *at <= now - STALE).unwrap_or(0);
        let all = self.wanted[old..].iter().map(|(_, n)| self.world.bounds(*n));
        all.fold((0, u32::MAX), |(most, least), (m, l)| (most.max(m), least.min(l)))
    }

    /// What the ReplicaSets ask for never exceeds replicas + maxSurge.
    fn scaled(&mut self, now: Time, cluster: &Cluster, rs: RsId) -> Verdict {
        let set = &cluster.replica_sets[rs.index()];
        let s = set.status;
        let ordered = 0 <= s.available && s.available <= s.ready && s.ready <= s.replicas;
        ensure!(ordered && set.replicas >= 0, "{set:?}");
        let sets = cluster.replica_sets.iter().filter(|set| !set.removed);
        let asked = sets.map(|set| set.replicas).sum::<i32>() as u32;
        let before = std::mem::replace(&mut self.asked, asked);
        let (most, _) = self.bounds(now);
        // What scales a Deployment, paused or within a rollout, or turns a rollout back, acts on a cache that
        // may lack its own writes before (sync.go waits for none): each set keeps the bound then. Nothing
        // takes back what that asked for too much, but the end of the rollout.
        let scaled = self.wanted.last().is_some_and(|(at, _)| *at > now - STALE);
        let lately = scaled || self.undone > now - STALE;
        let scales = lately || self.world.has(|act| act == Act::Pause);
        let fine = asked <= most.max(before) || scales && set.replicas as u32 <= most;
        ensure!(fine, "{asked} pods asked for where {most} are allowed");
        Ok(())
    }

    /// A ReplicaSet makes no more pods than anybody may ask for; with Recreate none of another template runs
    /// then. A StatefulSet makes what it lacks before those go that are too many: they do not count.
    fn created(&self, now: Time, cluster: &Cluster, new: PodId) -> Verdict {
        let (most, _) = self.bounds(now);
        let Pod { owner, number, .. } = cluster.pods[new.index()];
        let ordinals = matches!(self.world.pods.strategy, Strategy::Ordered { .. });
        let counts = |p: &&Pod| !ordinals || p.number < most || p.number == number;
        let live = |p: &&Pod| p.owner == owner && !p.removed && p.deleting.is_none() && counts(p);
        let live = cluster.pods.iter().filter(live).count();
        ensure!(live as u32 <= most, "{live} pods where {most} are allowed");
        self.created_member(now, cluster, &cluster.pods[new.index()])?;
        if let (Strategy::Recreate, true) = (&self.world.pods.strategy, self.world.rolls_only()) {
            let template = cluster.pods[new.index()].template;
            let runs = |p: &&Pod| !p.removed && !p.status.phase.is_terminal();
            let others = cluster.pods.iter().filter(runs).filter(|p| p.template != template);
            ensure!(others.count() == 0, "Recreate: a pod of another version is still there");
        }
        Ok(())
    }

    /// A pod of a StatefulSet has a name of its own, and with OrderedReady comes when those before it are
    /// there; one of a DaemonSet is for a node.
    fn created_member(&self, now: Time, cluster: &Cluster, new: &Pod) -> Verdict {
        if self.world.is_per_node() {
            ensure!(new.pinned.is_some(), "a pod of a DaemonSet for no node");
        }
        if !matches!(self.world.pods.strategy, Strategy::Ordered { .. }) {
            return Ok(());
        }
        let same = cluster.pods.iter().filter(|p| !p.removed && p.number == new.number).count();
        ensure!(same == 1, "{same} pods of ordinal {}", new.number);
        if self.world.is_ordered() && self.world.rolls_only() && self.world.is_sound() {
            for before in 0..new.number {
                let mut there = cluster.pods.iter().filter(|p| !p.removed && p.number == before);
                let min_ready = Dur::from_secs(i64::from(self.world.pods.min_ready));
                let up = there.any(|p| p.status.ready && p.ready_transition + min_ready <= now);
                ensure!(up, "ordinal {} before {before} is available", new.number);
            }
        }
        Ok(())
    }

    fn bound(&self, cluster: &Cluster, pod: PodId) -> Verdict {
        let node = cluster.pods[pod.index()].node.ok_or("bound to no node")?;
        let there = cluster.pods.iter().filter(|p| !p.removed && p.node == Some(node)).count();
        let pinned = cluster.pods[pod.index()].pinned;
        ensure!(pinned.is_none_or(|own| own == node), "bound to {node:?}, not to {pinned:?}");
        let room = self.scenario.nodes[node].max_pods as usize;
        ensure!(there <= room, "{there} pods on a node for {room}");
        Ok(())
    }

    fn deleting(&mut self, now: Time, cluster: &Cluster, gone: PodId) -> Verdict {
        let lagging = self.lagging(now, cluster);
        self.deleted.insert(gone, now);
        let stays = |p: &&Pod| !p.removed && p.deleting.is_none();
        // An update that is turned back finds pods that are not well. With Parallel the highest ordinal of
        // another revision goes all the same, and a ReplicaSet tells pods apart by the power of two of how
        // long they have been ready, not by whether they are available.
        let blind = self.world.is_parallel() || self.world.pods.min_ready > 0;
        let turns = blind && self.undone > Time::ALWAYS;
        if self.world.rolls_only() && self.world.is_sound() && !turns {
            let min_ready = Dur::from_secs(i64::from(self.world.pods.min_ready));
            let is_available = |p: &&Pod| {
                p.status.ready && (min_ready == Dur::ZERO || p.ready_transition + min_ready <= now)
            };
            let available = cluster.pods.iter().filter(stays).filter(is_available).count();
            let (_, least) = self.bounds(now);
            ensure!(
                (available + lagging) as u32 >= least,
                "{available} pods available where {least} have to be"
            );
        }
        if self.world.evicts_only()
            && let Some(budget) = self.world.budget
            && cluster.pods[gone.index()].status.ready
        {
            let healthy =
                cluster.pods.iter().filter(stays).filter(|p| p.status.ready).count() as u32;
            let desired = desired_healthy(budget, self.world.pods.replicas);
            ensure!(healthy >= desired, "{healthy} healthy pods where the budget wants {desired}");
        }
        Ok(())
    }

    /// A set that an undo makes the new one again still counts pods that are being deleted, until its status
    /// is written: the old sets are scaled by that (rolling.go: reconcileOldReplicaSets).
    fn lagging(&self, now: Time, cluster: &Cluster) -> usize {
        let undone = self.undone > now - STALE;
        let lately = self.deleted.iter().filter(|(_, at)| undone && **at > now - LAG);
        let template = cluster.workloads[0].template;
        lately.filter(|(pod, _)| cluster.pods[pod.index()].template == template).count()
    }

    /// Endpoints are pods with the Service's labels.
    fn sliced(&self, cluster: &Cluster, range: SliceRange) -> Verdict {
        let log = cluster.slice_log.get(range.from as usize..range.to as usize);
        let log = log.ok_or_else(|| format!("no such entries: {range:?}"))?;
        for (pod, conditions) in log {
            let labels = &cluster.template_of(*pod).labels;
            let selector = &self.scenario.service().selector;
            let selected = selector.iter().all(|(k, v)| labels.get(k) == Some(v));
            ensure!(selected, "{pod:?} is an endpoint and has other labels");
            if let Some(c) = conditions {
                ensure!(!(c.ready && c.terminating), "{pod:?} ready and terminating");
            }
        }
        Ok(())
    }
}

/// What the pods of the start are made from.
fn first_template(cluster: &Cluster) -> Option<TemplateId> {
    cluster.pods.iter().find(|p| p.created < Time::ZERO).map(|p| p.template)
}

fn desired_healthy(budget: Budget, replicas: u32) -> u32 {
    match budget {
        Budget::MinAvailable(amount) => amount.of(replicas, true),
        Budget::MaxUnavailable(amount) => replicas.saturating_sub(amount.of(replicas, true)),
    }
}

impl World {
    /// Nothing but rollouts and their undoing happens.
    fn rolls_only(&self) -> bool {
        self.actions.iter().all(|(_, act)| matches!(act, Act::Rollout | Act::Undo))
    }

    fn evicts_only(&self) -> bool {
        !self.has(|act| !matches!(act, Act::Evict | Act::Drain))
    }

    /// Every version works.
    fn is_sound(&self) -> bool {
        matches!(self.app.fault, Fault::None | Fault::Slow)
    }

    /// What is asked for in the end is sound.
    pub fn works(&self, cluster: &Cluster) -> bool {
        let now = cluster.workloads[0].template;
        self.is_sound() || first_template(cluster).is_none_or(|first| now == first)
    }

    /// What is asked for can come about.
    pub fn converges(&self, cluster: &Cluster) -> bool {
        let paused = self.actions.iter().rfind(|(_, a)| matches!(a, Act::Pause | Act::Resume));
        let paused = paused.is_some_and(|(_, act)| *act == Act::Pause);
        let homeless = self.nodes.count == 1 && self.has(|act| act == Act::Drain);
        // What is broken stays, and nothing comes after it.
        let held = self.keeps_broken() && !self.is_sound() && self.has(|act| act == Act::Rollout);
        // On a dead node pods stay for good, as terminating.
        let lost = self.has(|act| act == Act::NodeDown);
        self.works(cluster) && !paused && !homeless && !held && !lost && !self.may_overlook()
    }
}

/// All that must hold of a run that is over.
pub fn check_end(world: &World, scenario: &Scenario, control: &Control) -> Verdict {
    check_timeline(&control.timeline)?;
    if world.converges(&control.cluster) {
        let cluster = &control.cluster;
        converged(world, cluster).map_err(|e| format!("has not settled: {e}"))?;
        check_views(world, scenario, cluster, &control.timeline)?;
        let rolled = world.has(|act| act == Act::Rollout);
        ensure!(!rolled || control.rollout.complete.is_some(), "{:?}", control.rollout);
    }
    Ok(())
}

/// Everything that was asked for has come about, and nothing else is left.
fn converged(world: &World, cluster: &Cluster) -> Verdict {
    let d = &cluster.workloads[0];
    let (s, n) = (d.status, d.spec.replicas);
    let partition = match world.pods.strategy {
        Strategy::Ordered { partition, .. } => partition,
        _ => 0,
    };
    let counts = [s.replicas, s.ready, s.available];
    let updated = (n - partition as i32..=n).contains(&s.updated);
    ensure!(counts == [n; 3] && updated, "status {s:?} where {n} are wanted");
    ensure!(s.observed_generation == d.generation, "{s:?} of generation {}", d.generation);
    let live: Vec<_> = cluster.pods.iter().filter(|p| !p.removed).collect();
    ensure!(live.len() as i32 == n, "{} pods where {n} are wanted", live.len());
    if world.has(|act| matches!(act, Act::Evict | Act::Drain)) {
        for BudgetStatus { current_healthy, disrupted, .. } in
            cluster.budgets.iter().map(|b| b.status)
        {
            let fine = current_healthy == n && disrupted == 0;
            ensure!(fine, "{current_healthy} healthy, {disrupted} disrupted of {n}");
        }
    }
    for pod in &live {
        let of_template = pod.template == d.template || pod.number < partition;
        let fine = pod.deleting.is_none() && pod.status.ready && of_template;
        ensure!(fine, "{pod:?}");
    }
    let mut endpoints: BTreeMap<PodId, Conditions> = BTreeMap::new();
    // Those of the start are in no log.
    for (i, pod) in (0..).map(PodId).zip(&cluster.pods) {
        if pod.created < Time::ZERO && i.0 < world.pods.replicas {
            endpoints.insert(i, Conditions { ready: true, serving: true, terminating: false });
        }
    }
    for (pod, conditions) in &cluster.slice_log {
        match conditions {
            Some(conditions) => endpoints.insert(*pod, *conditions),
            None => endpoints.remove(pod),
        };
    }
    for (pod, conditions) in &endpoints {
        let fine = !cluster.pods[pod.index()].removed && conditions.ready;
        ensure!(fine, "endpoint {pod:?}: {conditions:?}");
    }
    ensure!(endpoints.len() as i32 == n, "{} endpoints of {n} pods", endpoints.len());
    Ok(())
}

/// Every data plane that lists pods lists those that are there; with the traffic policy Local, each node its
/// own.
fn check_views(
    world: &World,
    scenario: &Scenario,
    cluster: &Cluster,
    timeline: &Timeline,
) -> Verdict {
    // A node of an NLB sends to its own zone alone.
    let apart = world.path.name == "nlb" && world.nodes.zones > 1;
    let live = (0..).map(PodId).zip(&cluster.pods).filter(|(_, p)| !p.removed);
    let live: Vec<PodId> = live.map(|(id, _)| id).collect();
    for view in &timeline.views {
        let listed = listed_at_the_end(view);
        let pods: Vec<PodId> = listed.iter().filter_map(pod_of).collect();
        let of_node =
            scenario.nodes.iter().position(|n| view.name == format!("kube-proxy {}", n.name));
        let Some(node) = of_node else {
            let first = view.initial.iter().map(|b| b.target);
            let mut ever = first.chain(view.changes.iter().map(|c| c.target));
            let of_pods = ever.any(|target| pod_of(&target).is_some());
            let fine = pods == live || apart && pods.iter().all(|pod| live.contains(pod));
            ensure!(!of_pods || fine, "{} lists {pods:?}, there are {live:?}", view.name);
            continue;
        };
        let is_local =
            pods.iter().all(|p| cluster.pods[p.index()].node == Some(NodeId(node as u16)));
        let own = live.iter().filter(|p| cluster.pods[p.index()].node == Some(NodeId(node as u16)));
        let own: Vec<PodId> = own.copied().collect();
        let fine = pods == live || is_local && pods == own;
        ensure!(fine, "{} lists {pods:?}, there are {live:?}", view.name);
    }
    Ok(())
}

fn pod_of(target: &Target) -> Option<PodId> {
    match target {
        Target::Pod(pod) => Some(*pod),
        Target::View(_) => None,
    }
}

fn listed_at_the_end(view: &View) -> Vec<Target> {
    let mut listed: BTreeMap<Target, f32> =
        view.initial.iter().map(|b| (b.target, b.weight)).collect();
    for change in &view.changes {
        match change.kind {
            ChangeKind::Add { weight } => listed.insert(change.target, weight),
            ChangeKind::Remove => listed.remove(&change.target),
        };
    }
    listed.into_keys().collect()
}

/// Times are in order, and changes change something.
pub fn check_timeline(timeline: &Timeline) -> Verdict {
    for pod in &timeline.pods {
        check_truth(pod).map_err(|e| format!("{}: {e}", pod.name))?;
    }
    for view in &timeline.views {
        let mut listed: Vec<Target> = view.initial.iter().map(|b| b.target).collect();
        let mut last = timeline.start;
        for change in &view.changes {
            ensure!(change.at >= last, "{}: {change:?} comes after {last:?}", view.name);
            last = change.at;
            let there = listed.iter().position(|t| *t == change.target);
            match (change.kind, there) {
                (ChangeKind::Add { weight }, None) => {
                    ensure!(weight >= 0.0, "{}: {change:?}", view.name);
                    listed.push(change.target);
                }
                (ChangeKind::Remove, Some(place)) => drop(listed.remove(place)),
                (ChangeKind::Add { .. }, Some(_)) => {}
                (ChangeKind::Remove, None) => {
                    return Err(format!("{}: {change:?} of what is not there", view.name));
                }
            }
        }
        let gaps = view.gaps.windows(2).all(|w| w[0].1 <= w[1].0);
        ensure!(gaps && view.gaps.iter().all(|(a, b)| a <= b), "{}: {:?}", view.name, view.gaps);
    }
    let milestones = timeline.milestones.is_sorted_by_key(|(at, _)| *at);
    ensure!(milestones, "milestones are out of order: {:?}", timeline.milestones);
    Ok(())
}

fn check_truth(pod: &PodTruth) -> Verdict {
    ensure!(pod.phases.is_sorted_by_key(|(at, _)| *at), "phases {:?}", pod.phases);
    ensure!(pod.cuts.is_sorted_by_key(|cut| cut.at), "cuts {:?}", pod.cuts);
    ensure!(pod.created <= pod.deleted && pod.deleted <= pod.removed, "{pod:?}");
    let placed = pod.scheduled.is_never() || pod.created <= pod.scheduled;
    ensure!(placed, "{pod:?}");
    for life in &pod.lives {
        let born = life.started <= life.stop_accept && life.started <= life.exit;
        let ends = life.stop_accept <= life.exit && life.started <= life.cut;
        ensure!(born && ends, "{life:?}");
    }
    for two in pod.lives.windows(2) {
        ensure!(two[0].exit <= two[1].started, "two runs at once: {two:?}");
    }
    Ok(())
}
