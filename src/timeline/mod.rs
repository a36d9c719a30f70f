//! The central artefact: what each data-plane instance believes is routable, and what each pod really is.
//!
//! The control simulation leaves it behind; traffic is evaluated against it, reports draw it, blame reads
//! it, golden tests pin it. Every lost request is a place where belief and truth differ. One writer, the
//! [`Recorder`], lets it grow: what is past stays as it is.

pub mod belief;
pub mod calls;
pub mod id;
pub mod near;
pub mod policy;
pub mod recorder;
pub mod signals;
pub mod times;
pub mod truth;

use crate::engine::{Dur, List, Time};
use std::sync::Arc;

pub use belief::{
    Backend, ChangeKind, Empty, Hop, L7, L7Status, Pick, Pool, RetryOn, Target, View, ViewChange,
};
pub use calls::{Asking, Call, CallBudget, CallId, CallRetryOn, Keeping};
pub use id::{NodeId, PodId, ViewId};
pub use near::{Group, Near};
pub use policy::{Breakers, Outlier, Policy, Rate, RateLimit, Retries, Statuses, Trigger};
pub use recorder::{Recorder, Shown};
pub use signals::{Answered, Asked, PodCounters, PodSignals, Told};
pub use times::{Buckets, Times};
pub use truth::{
    BalancerCut, Condition, Life, LifeEnd, Pace, Phase, PodName, PodProxy, PodTruth, Upset,
    UpsetBy, Version,
};

/// What was true and what was believed, from the start of a run to its end.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Timeline {
    /// Before the first action: what is settled by then has no history.
    pub start: Time,
    /// Nothing is known after this.
    pub end: Time,
    /// Names of the application versions; [`PodTruth::version`] indexes it.
    pub versions: Vec<Version>,
    /// What each pod is, over time.
    pub pods: List<PodId, PodTruth>,
    /// What each data-plane instance believes.
    pub views: List<ViewId, View>,
    /// ARP failure on the link until a client hears "no route to host".
    pub arp_failure: Dur,
    /// Those who call reach captured pods through a tunnel of their own proxy, which ends where it has not
    /// come about within this; None: they connect by themselves.
    pub tunnel: Option<Dur>,
    /// Where every request begins: the view of the clients. It lists the data-plane instances that they
    /// enter, by their share.
    pub root: ViewId,
    /// Where the requests of further callers begin, in the order of the scenario's routes after the first.
    pub further: Vec<ViewId>,
    /// What pods ask of other Services while they work on a request.
    pub calls: List<CallId, Call>,
    /// Instants at which open connections break between clients and pods. Sorted.
    pub breaks: Vec<(Time, Breaks)>,
    /// Pods that were well and failed a probe for what is around them, in order.
    pub upsets: Vec<Upset>,
    /// What became of nodes, in order; before that they are as the run finds them.
    pub nodes: Vec<(Time, NodeId, NodeState)>,
    /// What happened to the rollout, for people: (when, what).
    pub milestones: Vec<(Time, Milestone)>,
}

/// What a node is, for people and reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeState {
    /// There is none: not yet, or no longer.
    Absent,
    /// It takes pods.
    Ready,
    /// It takes no new pods.
    Cordoned,
    /// Nothing runs on it any more.
    Lost,
}

/// A point of the rollout, for people and reports.
#[derive(Clone, Debug, PartialEq)]
pub enum Milestone {
    /// One of the scenario's actions begins.
    Action(String),
    /// status.updatedReplicas, total and available as the Deployment's status says.
    Scaled { deployment: Arc<str>, revision: u32, from: i32, to: i32 },
    /// The Deployment's status first says that the rollout is complete.
    Complete,
    /// `progressDeadlineSeconds` went by without progress.
    ProgressDeadlineExceeded,
    /// Anything else, in words.
    Note(String),
}

/// Which open connections break on their way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Breaks {
    /// This share of all: a router spreads them anew.
    Share(f32),
    /// Those through a proxy that goes.
    Through(ViewId),
}

/// Where something changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Touched {
    /// One data-plane instance believes something else.
    View(ViewId),
    /// One pod is something else.
    Pod(PodId),
    /// Connections break on their way.
    Routers,
}

impl Timeline {
    /// Every instant at which something changes for requests, and where; in no order.
    pub fn touched(&self) -> Vec<(Time, Touched)> {
        let mut all = Vec::new();
        for (view, id) in self.views.iter().zip((0..).map(ViewId)) {
            let gaps = view.gaps.iter().flat_map(|gap| [gap.0, gap.1]);
            let mut times: Vec<Time> = view.changes.iter().map(|c| c.at).chain(gaps).collect();
            times.dedup();
            all.extend(times.into_iter().map(|at| (at, Touched::View(id))));
        }
        for (pod, id) in self.pods.iter().zip((0..).map(PodId)) {
            let phases = pod.phases.iter().map(|phase| phase.0);
            let lives = pod.lives.iter().flat_map(|l| [l.started, l.stop_accept, l.exit, l.cut]);
            let conditions = pod.conditions.iter().map(|condition| condition.0);
            let times =
                phases.chain(lives).chain(pod.cuts.iter().map(|cut| cut.at)).chain(conditions);
            all.extend(times.filter(|at| !at.is_never()).map(|at| (at, Touched::Pod(id))));
        }
        all.extend(self.breaks.iter().map(|broken| (broken.0, Touched::Routers)));
        all
    }

    /// Adds the view of the clients, who enter these views with these shares of the requests.
    pub fn enter(&mut self, entries: &[(ViewId, f32)]) {
        assert!(!entries.is_empty(), "clients enter somewhere");
        let listed =
            |&(view, weight): &(ViewId, f32)| Backend { target: Target::View(view), weight };
        self.root = ViewId(self.views.len() as u32);
        self.views.push(View {
            name: "clients".to_owned(),
            hop: Hop { pick: Pick::Random, l7: None, empty: Empty::Drop },
            initial: entries.iter().map(listed).collect(),
            changes: Vec::new(),
            gaps: Vec::new(),
            near: None,
        });
    }

    /// The views that clients enter as the run starts, with their shares of the requests.
    pub fn entries(&self) -> impl Iterator<Item = (ViewId, f64)> {
        self.views.get(self.root).and_then(View::fixed_shares).into_iter().flatten()
    }
}
