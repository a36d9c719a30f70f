//! The one writer of a timeline. Its verbs say what happens now, or is planned for later. What is past never
//! changes; what was planned may be withdrawn.

mod proxied;
#[cfg(test)]
mod tests;

use super::id::NodeId;
use super::{
    Backend, BalancerCut, Breaks, Call, ChangeKind, Condition, Hop, Life, LifeEnd, Milestone, Near,
    NodeState, Phase, PodId, PodName, PodTruth, Target, Timeline, Touched, Upset, Version, View,
    ViewChange, ViewId,
};
use crate::engine::{Dur, List, Time};
use std::ops::Deref;
use std::sync::Arc;

/// Everybody else reads: it is as good as a `&Timeline`.
#[derive(Clone, Debug)]
pub struct Recorder {
    timeline: Timeline,
    /// What is before this stays as it is. `Time::ALWAYS`: the history before the run is being written.
    now: Time,
    /// What each node was last written to be.
    nodes: List<NodeId, Option<NodeState>>,
    /// What was written since it was last asked for, and from when on it holds; None: nobody follows.
    news: Option<Vec<(Time, Touched)>>,
}

impl Deref for Recorder {
    type Target = Timeline;

    fn deref(&self) -> &Timeline {
        &self.timeline
    }
}

/// What the API shows of a pod from some instant on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// A container's state is running.
    Running,
    /// Condition Ready is True.
    Ready,
    /// Ready no longer, or terminal.
    Unready,
    /// It has a deletion time.
    Deleted,
    /// It is gone.
    Removed,
}

/// The clock, and what there is.
impl Recorder {
    /// Of a run whose history is to be written first.
    pub fn new(timeline: Timeline) -> Recorder {
        Recorder { timeline, now: Time::ALWAYS, nodes: List::new(), news: None }
    }

    /// The run is at `now`.
    #[inline]
    pub fn advance(&mut self, now: Time) {
        assert!(now >= self.now, "time never goes back");
        self.now = now;
    }

    /// Somebody follows from now on what is written.
    pub fn be_followed(&mut self) {
        assert!(self.news.is_none(), "one follows");
        self.news = Some(Vec::new());
    }

    /// Tells the one who follows what was written since.
    pub fn news(&mut self, mut tell: impl FnMut(Time, Touched)) {
        self.news.iter_mut().flat_map(|news| news.drain(..)).for_each(|(at, what)| tell(at, what));
    }

    /// Nothing is known after `at`: how far the run goes is found on the way.
    pub fn ends(&mut self, at: Time) {
        self.check(at);
        self.timeline.end = at;
    }

    /// The run is over.
    pub fn finish(self) -> Timeline {
        self.timeline
    }

    /// Only the present and the future can be written.
    #[inline]
    fn check(&self, at: Time) {
        assert!(at >= self.now, "the past is fixed: {at:?} is before {:?}", self.now);
    }

    /// Only the present and the future can be written, and who follows hears of it.
    #[inline]
    fn touch(&mut self, at: Time, what: Touched) {
        self.check(at);
        if let Some(news) = &mut self.news {
            news.push((at, what));
        }
    }

    /// Makes room for so many pods: no results depend on it.
    pub fn reserve(&mut self, pods: usize) {
        self.timeline.pods.reserve(pods);
    }

    /// Room for what a view will list.
    pub fn reserve_view(&mut self, view: ViewId, initial: usize, changes: usize) {
        let view = &mut self.timeline.views[view];
        view.initial.reserve(initial);
        view.changes.reserve(changes);
    }

    /// Enters a version of the application; gives its index.
    pub fn version(&mut self, version: Version) -> u16 {
        self.timeline.versions.push(version);
        self.timeline.versions.len() as u16 - 1
    }

    /// A pod to which nothing has happened yet.
    pub fn pod(&mut self, at: Time, name: PodName, version: u16) -> PodId {
        self.check(at);
        assert!(usize::from(version) < self.timeline.versions.len(), "{name} is of no version");
        self.timeline.pods.push(PodTruth::new(name, version, at));
        PodId(self.timeline.pods.len() as u32 - 1)
    }

    /// A view without backends.
    pub fn view(&mut self, name: String, hop: Hop) -> ViewId {
        let (initial, changes, gaps) = (Vec::new(), Vec::new(), Vec::new());
        self.timeline.views.push(View { name, hop, initial, changes, gaps, near: None });
        ViewId(self.timeline.views.len() as u32 - 1)
    }

    /// A view prefers some of its backends, from the start on.
    pub fn prefers(&mut self, view: ViewId, near: Arc<Near>) {
        debug_assert!(self.now == Time::ALWAYS, "what is preferred is no news");
        self.timeline.views[view].near = Some(near);
    }

    /// Clients enter these views, with these shares of the requests.
    pub fn clients(&mut self, entries: &[(ViewId, f32)]) {
        self.timeline.enter(entries);
    }

    /// A node is something else from now on.
    pub fn node(&mut self, now: Time, node: NodeId, state: NodeState) {
        debug_assert!(now >= self.now, "the past stays as it is");
        if self.nodes.entry(node).replace(state) != Some(state) {
            self.timeline.nodes.push((now, node, state));
        }
    }

    /// Pods make a call, whose data planes are there.
    pub fn call(&mut self, call: Call) {
        assert!(!call.entries.is_empty(), "{} asks {} by something", call.from, call.to);
        self.timeline.calls.push(call);
        debug_assert!(self.timeline.pods.is_empty(), "who calls whom is known from the start");
    }

    /// A further caller enters this view.
    pub fn further_caller(&mut self, entry: ViewId) {
        let clients = self.timeline.root;
        self.timeline.enter(&[(entry, 1.0)]);
        let root = std::mem::replace(&mut self.timeline.root, clients);
        debug_assert!(root != clients, "each caller has a view of its own");
        self.timeline.further.push(root);
    }
}

/// What pods really are.
impl Recorder {
    fn truth(&mut self, pod: PodId, at: Time) -> &mut PodTruth {
        self.touch(at, Touched::Pod(pod));
        &mut self.timeline.pods[pod]
    }

    /// The scheduler's binding, as the API shows it.
    pub fn bound(&mut self, pod: PodId, at: Time, node: NodeId) {
        let truth = self.truth(pod, at);
        assert!(truth.scheduled.is_never(), "{} was bound twice", truth.name);
        (truth.scheduled, truth.node) = (at, node);
    }

    /// The API shows this from `at` on; the first time counts.
    pub fn shows(&mut self, pod: PodId, at: Time, what: Shown) {
        self.check(at);
        let truth = &mut self.timeline.pods[pod];
        let slot = match what {
            Shown::Running => &mut truth.running_seen,
            Shown::Ready => &mut truth.ready,
            Shown::Unready => &mut truth.unready,
            Shown::Deleted => &mut truth.deleted,
            Shown::Removed => &mut truth.removed,
        };
        *slot = (*slot).min(at);
    }

    /// How often the serving container has been restarted by `at`.
    pub fn restarts(&mut self, pod: PodId, at: Time, restarts: u32) {
        self.check(at);
        let truth = &mut self.timeline.pods[pod];
        assert!(restarts >= truth.restarts, "{} has restarted less than before", truth.name);
        truth.restarts = restarts;
    }

    /// What a connection to the pod meets from `at` on; what was planned for then or later is withdrawn.
    pub fn phase(&mut self, pod: PodId, at: Time, phase: Phase) {
        let phases = &mut self.truth(pod, at).phases;
        while phases.last().is_some_and(|&(from, _)| from >= at) {
            phases.pop();
        }
        if phases.last().is_none_or(|&(_, last)| last != phase) {
            phases.push((at, phase));
        }
    }

    /// The serving process starts at `at` and listens from `listening` on, unless it ends before; never: not
    /// where requests are sent to.
    pub fn life(&mut self, pod: PodId, at: Time, listening: Time) {
        let truth = self.truth(pod, at);
        assert!(listening >= at, "{} listens before it starts", truth.name);
        let ended = truth.lives.last().is_none_or(|last| last.exit <= at);
        assert!(ended, "{}: two processes at once", truth.name);
        truth.lives.push(Life::new(at, listening));
        if truth.proxy.is_some() {
            return self.behind_proxy(pod, at);
        }
        if listening > at {
            self.phase(pod, at, Phase::Refusing);
        }
        if !listening.is_never() {
            self.phase(pod, listening, Phase::Serving);
        }
    }

    /// The process is told to stop; the first time counts.
    pub fn sigterm(&mut self, pod: PodId, at: Time) {
        let truth = self.truth(pod, at);
        truth.sigterm = truth.sigterm.min(at);
        if let Some(life) = truth.lives.last_mut() {
            assert!(life.exit.is_never(), "{}: a signal to a process that is gone", truth.name);
            life.sigterm = life.sigterm.min(at);
        }
    }

    /// What the process still works on is cut at `at`: a plan, until then.
    pub fn cut(&mut self, pod: PodId, at: Time) {
        let now = self.now;
        let truth = self.truth(pod, at);
        if truth.was_cut_by_proxy(at) {
            return;
        }
        if let Some(life) = truth.lives.last_mut() {
            assert!(life.cut >= now, "{}: what was cut stays cut", truth.name);
            life.cut = at;
        }
    }

    /// The process no longer accepts connections: they are refused.
    pub fn stops_accepting(&mut self, pod: PodId, at: Time) {
        self.phase(pod, at, Phase::Refusing);
        let truth = self.truth(pod, at);
        if let Some(life) = truth.lives.last_mut() {
            life.stop_accept = life.stop_accept.min(at);
            life.listening = if life.listening > at { Time::NEVER } else { life.listening };
        }
        if truth.proxy.is_some() {
            self.phases_behind_proxy(pod, at);
        }
    }

    /// The process is gone, and with it what it worked on. A listener that was closed before refuses at once;
    /// one that dies with its process leaves accepted connections behind, which are reset for `window`.
    pub fn exits(&mut self, pod: PodId, at: Time, end: LifeEnd, window: Dur) {
        let truth = self.truth(pod, at);
        let was_cut = truth.was_cut_by_proxy(at);
        let fronted = truth.proxy.is_some();
        if let Some(life) = truth.lives.last_mut() {
            assert!(life.exit.is_never(), "{}: a process ended twice", truth.name);
            life.exit = at;
            if life.stop_accept >= at && !fronted {
                life.reset_until = at + window;
            }
            life.ended_by = end;
            // A graceful server that has answered everything exits before its limit; nothing is cut then.
            if !was_cut && (life.cut.is_never() || end != LifeEnd::Sigterm) {
                life.cut = at;
            }
        }
        self.stops_accepting(pod, at);
    }

    /// From `at` on this is wrong with the pod's process.
    pub fn condition(&mut self, pod: PodId, at: Time, condition: Condition) {
        let before = self.timeline.pods[pod].condition_at(at);
        if before == condition {
            return;
        }
        let truth = self.truth(pod, at);
        assert!(truth.conditions.last().is_none_or(|last| last.0 <= at), "they come in order");
        truth.conditions.push((at, condition));
    }

    /// These views of a balancer cut what still runs on connections that they opened to the pod before.
    pub fn cut_connections(&mut self, pod: PodId, at: Time, (first, last): (ViewId, ViewId)) {
        let truth = self.truth(pod, at);
        assert!(truth.cuts.last().is_none_or(|last| last.at <= at), "cuts come in order");
        truth.cuts.push(BalancerCut { at, first, last });
    }
}

/// What data planes believe.
impl Recorder {
    /// What a view lists as the run starts.
    pub fn begin(&mut self, view: ViewId, backends: impl IntoIterator<Item = Backend>) {
        let start = self.timeline.start;
        self.check(start);
        let view = &mut self.timeline.views[view];
        assert!(view.changes.is_empty(), "{} has changed before it began", view.name);
        view.initial.extend(backends);
    }

    /// From `at` on a view lists the target, or no longer does.
    #[inline]
    pub fn list(&mut self, view: ViewId, at: Time, target: Target, kind: ChangeKind) {
        self.touch(at, Touched::View(view));
        let view = &mut self.timeline.views[view];
        assert!(view.changes.last().is_none_or(|last| last.at <= at), "changes come in order");
        view.changes.push(ViewChange { at, target, kind });
    }

    /// From `at` on the instance has neither a rule to reject nor one to forward, until the gap ends.
    pub fn gap_begins(&mut self, view: ViewId, at: Time) {
        self.touch(at, Touched::View(view));
        let view = &mut self.timeline.views[view];
        assert!(view.gaps.last().is_none_or(|last| last.1 <= at), "{}: a gap in a gap", view.name);
        view.gaps.push((at, Time::NEVER));
    }

    /// The rules of a view are whole again.
    pub fn gap_ends(&mut self, view: ViewId, at: Time) {
        self.touch(at, Touched::View(view));
        let view = &mut self.timeline.views[view];
        let gap = view.gaps.last_mut().expect("a gap has begun");
        assert!(gap.1.is_never() && gap.0 <= at, "{}: no gap is open", view.name);
        gap.1 = at;
    }

    /// A router spreads open connections anew, of which this share breaks.
    pub fn rehash(&mut self, at: Time, share: f32) {
        assert!((0.0..=1.0).contains(&share), "a share is no more than all: {share}");
        self.breaks(at, Breaks::Share(share));
    }

    /// The proxy of a view is gone, with what it has not answered.
    pub fn proxy_gone(&mut self, view: ViewId, at: Time) {
        assert!(view.index() < self.timeline.views.len(), "it is one of those there are");
        self.breaks(at, Breaks::Through(view));
    }

    fn breaks(&mut self, at: Time, what: Breaks) {
        self.touch(at, Touched::Routers);
        let breaks = &mut self.timeline.breaks;
        assert!(breaks.last().is_none_or(|last| last.0 <= at), "connections break in order");
        breaks.push((at, what));
    }

    /// A pod that was well fails a probe.
    pub fn upset(&mut self, upset: Upset) {
        self.check(upset.at);
        assert!(upset.pod.index() < self.timeline.pods.len(), "it is one of those there are");
        self.timeline.upsets.push(upset);
    }

    /// For people.
    pub fn mark(&mut self, at: Time, what: Milestone) {
        self.check(at);
        self.timeline.milestones.push((at, what));
    }
}
