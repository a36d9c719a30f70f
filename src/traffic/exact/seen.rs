//! What the requests of one of several callers can meet: a timeline of its own, so that a caller costs as much as
//! what it sees, and not as the whole cluster.

use crate::timeline::{Backend, PodId, PodTruth, Target, Timeline, View, ViewChange, ViewId};
use crate::traffic::{LossKey, TrafficOutcome};

/// What is seen of a timeline, and where its pieces are in the whole: by number, rising.
pub struct Seen {
    /// Of what the root leads to alone.
    pub timeline: Timeline,
    views: Vec<ViewId>,
    pods: Vec<PodId>,
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
        let mut seen = Seen { timeline: Timeline::default(), views, pods, versions };
        seen.timeline = Timeline {
            start: whole.start,
            end: whole.end,
            versions: seen
                .versions
                .iter()
                .map(|&v| whole.versions[usize::from(v)].clone())
                .collect(),
            pods: seen.pods.iter().map(|&pod| seen.pod(&whole.pods[pod])).collect(),
            views: seen.views.iter().map(|&view| seen.view(&whole.views[view])).collect(),
            root: seen.place_of_view(whole.root),
            arp_failure: whole.arp_failure,
            rehashes: whole.rehashes.clone(),
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
        }
    }

    /// The outcome of what is seen, in the numbers of the whole.
    pub fn in_whole(&self, whole: &Timeline, outcome: TrafficOutcome) -> TrafficOutcome {
        let key = |key: LossKey| LossKey {
            pod: key.pod.map(|pod| self.pods[pod.index()]),
            view: key.view.map(|view| self.views[view.index()]),
            ..key
        };
        let by_version = |of_part: &[f64]| {
            let mut all = vec![0.0; whole.versions.len()];
            for (&version, count) in self.versions.iter().zip(of_part) {
                all[usize::from(version)] = *count;
            }
            all
        };
        let mut by_pod = vec![0.0; whole.pods.len()];
        for (pod, count) in self.pods.iter().zip(&outcome.by_pod) {
            by_pod[pod.index()] = *count;
        }
        let mut by_second = outcome.by_second;
        for second in by_second.values_mut() {
            second.answered = by_version(&second.answered).into();
        }
        TrafficOutcome {
            answered_by_version: by_version(&outcome.answered_by_version),
            losses: outcome.losses.into_iter().map(|(lost, count)| (key(lost), count)).collect(),
            by_pod,
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
