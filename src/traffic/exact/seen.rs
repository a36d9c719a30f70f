//! What the requests of one of several callers can meet: a timeline of its own, so that a caller costs as
//! much as what it sees, and not as the whole cluster.

use crate::engine::List;
use crate::timeline::{
    Backend, PodId, PodTruth, Target, Timeline, Version, View, ViewChange, ViewId,
};
use crate::traffic::{LossKey, TrafficOutcome};

/// What is seen of a timeline, and where its pieces are in the whole: by number, rising.
pub struct Seen {
    /// Of what the root leads to alone.
    pub timeline: Timeline,
    views: List<ViewId, ViewId>,
    pods: List<PodId, PodId>,
    versions: Vec<u16>,
}

impl Seen {
    /// What requests that begin at the root can meet; None: there is one caller, and it is the whole.
    pub fn of(whole: &Timeline) -> Option<Seen> {
        if whole.further.is_empty() {
            return None;
        }
        let (views, pods) = reached(whole);
        let mut versions: Vec<u16> = pods.iter().map(|&pod| whole.pods[pod].version).collect();
        versions.sort_unstable();
        versions.dedup();
        let (views, pods) = (views.into(), pods.into());
        let mut seen = Seen { timeline: Timeline::default(), views, pods, versions };
        let is_seen = |number: &u16| seen.versions.binary_search(number).is_ok();
        let version = |(number, v): (u16, &Version)| is_seen(&number).then(|| v.clone());
        seen.timeline = Timeline {
            start: whole.start,
            end: whole.end,
            versions: (0..).zip(&whole.versions).filter_map(version).collect(),
            pods: seen.pods.iter().map(|&pod| seen.pod(&whole.pods[pod])).collect(),
            views: seen.views.iter().map(|&view| seen.view(&whole.views[view])).collect(),
            root: seen.place_of_view(whole.root),
            arp_failure: whole.arp_failure,
            tunnel: whole.tunnel,
            breaks: whole.breaks.clone(),
            ..Timeline::default()
        };
        Some(seen)
    }

    fn place_of_view(&self, view: ViewId) -> ViewId {
        ViewId(place(&self.views, view) as u32)
    }

    fn target(&self, target: Target) -> Target {
        match target {
            Target::Pod(pod) => Target::Pod(PodId(place(&self.pods, pod) as u32)),
            Target::View(view) => Target::View(self.place_of_view(view)),
        }
    }

    fn pod(&self, truth: &PodTruth) -> PodTruth {
        PodTruth { version: place(&self.versions, truth.version) as u16, ..truth.clone() }
    }

    fn view(&self, view: &View) -> View {
        let backend = |b: &Backend| Backend { target: self.target(b.target), ..*b };
        let change = |c: &ViewChange| ViewChange { target: self.target(c.target), ..*c };
        View {
            name: view.name.clone(),
            hop: view.hop.clone(),
            initial: view.initial.iter().map(backend).collect(),
            changes: view.changes.iter().map(change).collect(),
            gaps: view.gaps.clone(),
            near: view.near.clone(),
        }
    }

    /// The outcome of what is seen, in the numbers of the whole.
    pub fn in_whole(&self, whole: &Timeline, outcome: TrafficOutcome) -> TrafficOutcome {
        let key = |key: LossKey| LossKey {
            pod: key.pod.map(|pod| self.pods[pod]),
            view: key.view.map(|view| self.views[view]),
            ..key
        };
        let by_version = |of_seen: &[f64]| -> Vec<f64> {
            let numbers = 0..whole.versions.len() as u16;
            let of = |number| self.versions.binary_search(&number).map_or(0.0, |i| of_seen[i]);
            numbers.map(of).collect()
        };
        let mut by_pod: List<PodId, f64> = vec![0.0; whole.pods.len()].into();
        for (pod, count) in self.pods.iter().zip(&outcome.by_pod) {
            by_pod[*pod] = *count;
        }
        let mut by_second = outcome.by_second;
        for second in by_second.values_mut() {
            second.answered = by_version(&second.answered).into();
        }
        TrafficOutcome {
            answered_by_version: by_version(&outcome.answered_by_version),
            losses: outcome.losses.into_iter().map(|(lost, count)| (key(lost), count)).collect(),
            by_pod: by_pod.into(),
            by_second,
            ..outcome
        }
    }
}

fn place<T: Ord>(all: &[T], one: T) -> usize {
    all.binary_search(&one).expect("what is reached is seen")
}

/// The views that the root leads to, and the pods that they ever list.
fn reached(whole: &Timeline) -> (Vec<ViewId>, Vec<PodId>) {
    let (mut views, mut pods) = (vec![whole.root], Vec::new());
    let mut looked_at = 0;
    let mut known = std::collections::BTreeSet::from([whole.root]);
    while let Some(&view) = views.get(looked_at) {
        looked_at += 1;
        for target in whole.views[view].targets() {
            match target {
                Target::Pod(pod) => pods.push(pod),
                Target::View(child) if known.insert(child) => views.push(child),
                Target::View(_) => {}
            }
        }
    }
    views.sort_unstable();
    pods.sort_unstable();
    pods.dedup();
    (views, pods)
}
