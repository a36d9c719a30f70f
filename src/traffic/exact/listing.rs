//! Who is listed in a view when, and with what weight in all.

use crate::engine::Time;
use crate::timeline::{ChangeKind, PodId, Target, Timeline, View, ViewId};

/// One target listed with one weight, from `from` until `to`.
#[derive(Clone, Copy)]
pub struct Stay {
    /// Who is listed.
    pub target: Target,
    /// 0 or more; the share is this over the sum of all.
    pub weight: f64,
    /// The first instant.
    pub from: Time,
    /// The first instant after it.
    pub to: Time,
}

/// What is listed from `from` on.
#[derive(Clone, Copy)]
pub struct Step {
    /// The first instant; it lasts until the next step.
    pub from: Time,
    /// How many targets.
    pub listed: u32,
    /// The sum of their weights.
    pub weight: f64,
}

/// What a view lists, read in one pass over its changes.
pub struct Listing {
    /// One for each time that a target was listed with one weight.
    pub stays: Vec<Stay>,
    /// In time order, the first from `Time::ALWAYS`.
    pub steps: Vec<Step>,
    /// Listed weight of each version's pods, a row of `versions` entries for each step.
    pub version_weights: Vec<f64>,
    /// Versions of the timeline.
    pub versions: usize,
}

impl Listing {
    /// `end` closes the stays that last.
    pub fn new(timeline: &Timeline, view: &View, end: Time) -> Listing {
        let (backends, versions) =
            (view.initial.len() + view.changes.len(), timeline.versions.len());
        let listing = Listing {
            stays: Vec::with_capacity(backends),
            steps: Vec::with_capacity(view.changes.len() + 1),
            version_weights: Vec::with_capacity((view.changes.len() + 1) * versions),
            versions,
        };
        // Of many views each lists few: what is kept is as large as what it lists.
        let mut slots: Vec<usize> = view.targets().map(|t| slot_of(timeline, t)).collect();
        slots.sort_unstable();
        slots.dedup();
        let mut reader = Reader {
            timeline,
            open: vec![None; slots.len()],
            slots,
            now: Step { from: Time::ALWAYS, listed: 0, weight: 0.0 },
            by_version: vec![0.0; versions],
            listing,
        };
        for backend in &view.initial {
            reader.relist(Time::ALWAYS, backend.target, Some(f64::from(backend.weight)));
        }
        for change in &view.changes {
            if change.at > reader.now.from {
                reader.step();
            }
            let weight = match change.kind {
                ChangeKind::Add { weight } => Some(f64::from(weight)),
                ChangeKind::Remove => None,
            };
            reader.relist(change.at, change.target, weight);
        }
        reader.step();
        reader.finish(end)
    }
}

/// A number for each target: pods, then views.
fn slot_of(timeline: &Timeline, target: Target) -> usize {
    match target {
        Target::Pod(p) => p.0 as usize,
        Target::View(v) => timeline.pods.len() + v.0 as usize,
    }
}

/// The state of a view while its changes are read.
struct Reader<'a> {
    timeline: &'a Timeline,
    /// Targets that the view ever lists, as [`slot_of`] numbers them; sorted.
    slots: Vec<usize>,
    /// By their place there: listed since then, with that weight.
    open: Vec<Option<(Time, f64)>>,
    now: Step,
    by_version: Vec<f64>,
    listing: Listing,
}

impl Reader<'_> {
    /// From `at` on a target is listed with a weight or not at all.
    fn relist(&mut self, at: Time, target: Target, weight: Option<f64>) {
        let slot = slot_of(self.timeline, target);
        let place = self.slots.binary_search(&slot).expect("all that it lists have a place");
        self.now.from = at;
        let before = std::mem::replace(&mut self.open[place], weight.map(|w| (at, w)));
        if let Some((from, weight)) = before
            && from < at
        {
            self.listing.stays.push(Stay { target, weight, from, to: at });
        }
        self.now.listed += u32::from(weight.is_some());
        self.now.listed -= u32::from(before.is_some());
        let more = weight.unwrap_or(0.0) - before.map_or(0.0, |b| b.1);
        self.now.weight = if self.now.listed == 0 { 0.0 } else { self.now.weight + more };
        if let Target::Pod(pod) = target {
            self.by_version[self.timeline.pods[pod].version as usize] += more;
        }
        debug_assert!(self.now.weight > -1e-3, "weights add up to no less than nothing");
    }

    /// Notes what has been listed since the last change.
    fn step(&mut self) {
        self.listing.steps.push(self.now);
        self.listing.version_weights.extend(&self.by_version);
    }

    fn finish(mut self, end: Time) -> Listing {
        let pods = self.timeline.pods.len();
        for (&i, open) in self.slots.iter().zip(&self.open) {
            let Some((from, weight)) = *open else { continue };
            let target = match i.checked_sub(pods) {
                None => Target::Pod(PodId(i as u32)),
                Some(v) => Target::View(ViewId(v as u32)),
            };
            self.listing.stays.push(Stay { target, weight, from, to: end });
        }
        self.listing
    }
}

/// For each pod, a time that covers all its stays in any view within `window` (empty if it is never listed).
pub fn hulls(timeline: &Timeline, (start, end): (Time, Time)) -> Vec<(Time, Time)> {
    let mut hulls = vec![(end, start); timeline.pods.len()];
    let mut listed_until = vec![start; timeline.pods.len()];
    let mut touched: Vec<usize> = Vec::new();
    for view in &timeline.views {
        let initial = view.initial.iter().map(|b| (start, b.target, end));
        let changes = view.changes.iter().map(|c| match c.kind {
            ChangeKind::Add { .. } => (c.at, c.target, end),
            ChangeKind::Remove => (Time::NEVER, c.target, c.at),
        });
        for (from, target, until) in initial.chain(changes) {
            let Target::Pod(id) = target else { continue };
            let pod = id.index();
            let hull = &mut hulls[pod];
            hull.0 = hull.0.min(from.max(start));
            listed_until[pod] = until.min(end);
            touched.push(pod);
        }
        for pod in touched.drain(..) {
            let until = std::mem::replace(&mut listed_until[pod], start);
            hulls[pod].1 = hulls[pod].1.max(until);
        }
    }
    hulls
}
