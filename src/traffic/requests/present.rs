//! What is the case now on a timeline that may still be growing, followed change by change. It holds copies
//! of what has come to pass, so that whoever looks at it cannot see the future.

use super::view::{VIEW, ViewNow, slot_of};
use crate::engine::{Dur, List, Seed, Time};
use crate::timeline::{
    BalancerCut, Breaks, ChangeKind, Condition, L7, Life, LifeEnd, Near, NodeId, Phase, PodId,
    PodProxy, PodTruth, Timeline, Touched, Version, ViewId,
};
use smallvec::SmallVec;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

/// What has come to pass by now: what the loop in step may know.
pub struct Present {
    /// What each data plane lists.
    pub views: List<ViewId, ViewNow>,
    /// Of each view, what it does at layer 7.
    pub hops: List<ViewId, Option<L7>>,
    /// Of each view, what it prefers by where its backends run.
    pub near: List<ViewId, Option<Arc<Near>>>,
    /// Of each view, a number of its proxy.
    proxies: List<ViewId, u32>,
    /// What each pod is.
    pub pods: List<PodId, PodNow>,
    /// Those of the timeline so far.
    pub versions: Vec<Version>,
    root: ViewId,
    /// How long a connection to an address that is gone takes to fail where its node answers for the link.
    pub arp_failure: Dur,
    /// How long those who call wait for a tunnel to a captured pod.
    pub tunnel: Option<Dur>,
    /// The end of the timeline.
    pub end: Time,
    /// What is to be looked at, and when: something changes there then, if it is not withdrawn.
    due: BinaryHeap<Reverse<(Time, Touched)>>,
    next_ns: i64,
    /// The latest change.
    at: Time,
    /// Changes of each view taken in so far.
    read: List<ViewId, usize>,
    breaks: Vec<(Time, Breaks)>,
}

/// What a pod is now.
#[derive(Clone, Debug)]
pub struct PodNow {
    /// Index into the timeline's versions.
    pub version: u16,
    /// Where it runs.
    pub node: NodeId,
    /// While it serves: the run that accepts connections.
    pub life: u16,
    /// What a connection meets.
    pub phase: Phase,
    /// What requests pass in it, as far as that has come.
    pub proxy: Option<PodProxy>,
    /// A proxy of its node accepts for it.
    pub captured: bool,
    /// Runs that have begun, as far as they have come: what has not happened yet is never.
    pub lives: SmallVec<[Life; 1]>,
    /// What is wrong with its process.
    pub condition: Condition,
    /// Deregistration delays that are over.
    cuts: usize,
    /// What the simulation has to do about it.
    pub pending: SmallVec<[Ending; 2]>,
}

/// What ends requests that a pod works on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// This run of its process accepts no more connections, and closes idle ones.
    Closes { life: u16 },
    /// What this run works on is cut.
    Cut { life: u16 },
    /// This run is over.
    Exits { life: u16 },
    /// A deregistration delay is over, of a target group with the views from `first` to `last`.
    Deregistered(BalancerCut),
    /// Something else is wrong with its process.
    Condition,
}

/// What the simulation is to see to at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happened {
    /// It has been seen to.
    Nothing,
    /// The pod has endings pending.
    Endings(PodId),
    /// Connections break on their way: the n-th time.
    Breaks(u32),
}

impl Present {
    /// Before anything has happened, with all that the timeline holds already still to come.
    pub fn new(timeline: &Timeline, seed: Seed) -> Present {
        let mut present = Present {
            views: timeline.views.ids().map(|v| ViewNow::new(timeline, v, 0, seed)).collect(),
            hops: timeline.views.iter().map(|v| v.hop.l7.clone()).collect(),
            near: timeline.views.iter().map(|v| v.near.clone()).collect(),
            proxies: proxies(timeline),
            pods: List::new(),
            versions: Vec::new(),
            root: timeline.root,
            arp_failure: timeline.arp_failure,
            tunnel: timeline.tunnel,
            end: timeline.end,
            due: timeline.touched().into_iter().map(Reverse).collect(),
            next_ns: i64::MAX,
            at: Time::ALWAYS,
            read: vec![0; timeline.views.len()].into(),
            breaks: Vec::new(),
        };
        present.grow(timeline);
        present.find_next();
        present
    }

    /// Takes in pods and versions that are new.
    pub fn grow(&mut self, timeline: &Timeline) {
        assert!(timeline.views.len() == self.views.len(), "views are there from the start");
        self.versions.extend_from_slice(&timeline.versions[self.versions.len()..]);
        let new = |truth: &PodTruth| PodNow {
            version: truth.version,
            node: truth.node,
            life: 0,
            phase: Phase::Silent,
            proxy: None,
            captured: false,
            lives: SmallVec::new(),
            condition: Condition::default(),
            cuts: 0,
            pending: SmallVec::new(),
        };
        let known = self.pods.len();
        self.pods.extend(timeline.pods.iter().skip(known).map(new));
    }

    /// Something was written to the timeline that holds from `at` on.
    pub fn touched(&mut self, at: Time, what: Touched) {
        self.due.push(Reverse((at, what)));
        self.next_ns = self.next_ns.min(at.0);
    }

    fn find_next(&mut self) {
        self.next_ns = self.due.peek().map_or(i64::MAX, |due| due.0.0.0);
    }

    /// When something changes next (`i64::MAX`: never, as far as is known).
    #[inline(always)]
    pub fn next_ns(&self) -> i64 {
        self.next_ns
    }

    /// Makes the next change. `relisted` hears of slots that a view (first) now lists or no longer lists.
    pub fn advance(
        &mut self,
        timeline: &Timeline,
        relisted: impl FnMut(ViewId, u32, bool),
    ) -> Happened {
        let Some(Reverse((at, what))) = self.due.pop() else { return Happened::Nothing };
        self.find_next();
        assert!(at >= self.at, "changes come in order");
        self.at = at;
        match what {
            Touched::View(view) => {
                self.view_changes(timeline, view, at, relisted);
                Happened::Nothing
            }
            Touched::Pod(pod) => {
                let now = &mut self.pods[pod];
                now.look(&timeline.pods[pod], at);
                if now.pending.is_empty() { Happened::Nothing } else { Happened::Endings(pod) }
            }
            Touched::Routers => {
                let Some(&broken) = timeline.breaks.get(self.breaks.len()) else {
                    return Happened::Nothing;
                };
                assert!(broken.0 <= at, "it is told of when it happens");
                self.breaks.push(broken);
                Happened::Breaks(self.breaks.len() as u32 - 1)
            }
        }
    }

    fn view_changes(
        &mut self,
        timeline: &Timeline,
        view: ViewId,
        at: Time,
        mut relisted: impl FnMut(ViewId, u32, bool),
    ) {
        let (believed, now) = (&timeline.views[view], &mut self.views[view]);
        let read = &mut self.read[view];
        while let Some(change) = believed.changes.get(*read).filter(|c| c.at <= at) {
            *read += 1;
            let slot = slot_of(change.target);
            if now.change(slot, change.kind) {
                relisted(view, slot, change.kind != ChangeKind::Remove);
            }
        }
        now.in_gap = believed.in_gap(at);
        debug_assert!(*read <= believed.changes.len(), "each change is read once");
    }

    /// Where a request begins: at the clients' view, or at the only one that it lists.
    #[inline(always)]
    pub fn enter(&self) -> ViewId {
        match self.views[self.root].slots[..] {
            [slot] if slot & VIEW != 0 => ViewId(slot & !VIEW),
            _ => self.root,
        }
    }

    /// Whether both are hops of one proxy.
    pub fn is_same_proxy(&self, a: ViewId, b: ViewId) -> bool {
        self.proxies[a] == self.proxies[b]
    }

    /// What the hop does as a layer-7 proxy, if it is one.
    pub fn l7(&self, hop: ViewId) -> Option<&L7> {
        self.hops.get(hop)?.as_ref()
    }

    /// When a pod closes a connection that is idle since `since`, as far as is known.
    #[inline(always)]
    pub fn closes_at(&self, pod: PodId, life: u16, since: i64) -> i64 {
        let now = &self.pods[pod];
        let timeout = self.versions[usize::from(now.version)].keep_alive_timeout;
        let idle = timeout.map_or(i64::MAX, |k| (Time(since) + k).0);
        now.lives[usize::from(life)].stop_accept.0.min(idle)
    }

    /// Which open connections break the n-th time.
    pub fn broken(&self, n: u32) -> Breaks {
        self.breaks[n as usize].1
    }
}

/// For each view the first one of the same proxy.
fn proxies(timeline: &Timeline) -> List<ViewId, u32> {
    let name = |v: usize| timeline.views[v].hop.l7.as_ref().map(|l7| l7.proxy);
    let first = |v: usize| (0..=v).find(|w| name(*w) == name(v)).unwrap_or(v) as u32;
    (0..timeline.views.len()).map(first).collect()
}

impl PodNow {
    /// Brings it up to date: `truth` may know more than what is the case at `at`.
    fn look(&mut self, truth: &PodTruth, at: Time) {
        self.phase = truth.phase_at(at);
        self.node = truth.node;
        let known = |time: Time| if time <= at { time } else { Time::NEVER };
        let so_far = |p: PodProxy| PodProxy {
            listening: known(p.listening),
            stops: known(p.stops),
            gone: known(p.gone),
            ..p
        };
        self.proxy = truth.proxy.map(so_far);
        self.captured = truth.captured;
        for (i, life) in truth.lives.iter().take_while(|l| l.started <= at).enumerate() {
            let now = as_of(life, at);
            let before = self.lives.get(i).copied();
            let happened = |time: fn(&Life) -> Time| {
                before.is_none_or(|b| time(&b).is_never()) && !time(&now).is_never()
            };
            let life = i as u16;
            if happened(|l| l.stop_accept) {
                self.pending.push(Ending::Closes { life });
            }
            if happened(|l| l.cut) {
                self.pending.push(Ending::Cut { life });
            }
            if happened(|l| l.exit) {
                self.pending.push(Ending::Exits { life });
            }
            match self.lives.get_mut(i) {
                Some(place) => *place = now,
                None => self.lives.push(now),
            }
        }
        if self.phase == Phase::Serving {
            let serves = |l: &Life| l.listening <= at && at < l.stop_accept;
            let life = self.lives.iter().rposition(serves);
            self.life = life.expect("a pod that serves has a process that listens") as u16;
        }
        debug_assert!(self.lives.len() <= truth.lives.len(), "no run is known before it begins");
        let over = truth.cuts.partition_point(|cut| cut.at <= at);
        let ended = truth.cuts[self.cuts.min(over)..over].iter();
        self.pending.extend(ended.map(|cut| Ending::Deregistered(*cut)));
        self.cuts = self.cuts.max(over);
        if !truth.conditions.is_empty() {
            let condition = truth.condition_at(at);
            if std::mem::replace(&mut self.condition, condition) != condition {
                self.pending.push(Ending::Condition);
            }
        }
    }
}

/// A run as far as it has come at `at`.
fn as_of(life: &Life, at: Time) -> Life {
    let known = |time: Time| if time <= at { time } else { Time::NEVER };
    let gone = life.exit <= at;
    Life {
        started: life.started,
        listening: known(life.listening),
        own: life.own,
        sigterm: known(life.sigterm),
        stop_accept: known(life.stop_accept),
        // Known as the listener closes with its process.
        reset_until: if known(life.stop_accept).is_never() {
            Time::ALWAYS
        } else {
            life.reset_until
        },
        cut: known(life.cut),
        exit: known(life.exit),
        ended_by: if gone { life.ended_by } else { LifeEnd::Running },
    }
}
