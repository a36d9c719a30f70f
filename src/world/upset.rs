//! What became of pods that were well.

use crate::engine::{Dur, Time};
use crate::timeline::{Timeline, UpsetBy};

/// What load, or what pods depend on, did to pods that were well.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Upset {
    /// When the first one failed a probe.
    pub since: Time,
    /// How often a pod lost its readiness.
    pub unready: u32,
    /// How often a container was killed by its liveness probe.
    pub kills: u32,
    /// What most of them found.
    pub by: UpsetBy,
    /// From then until all pods were ready, for as long as requests are sent; None: they never are.
    pub back: Option<Dur>,
}

/// What became of pods that were well.
pub(super) fn upset(timeline: &Timeline, back: Option<Time>) -> Option<Upset> {
    let since = timeline.upsets.first()?.at;
    let count = |killed: bool| timeline.upsets.iter().filter(|u| u.killed == killed).count() as u32;
    let of = |by: UpsetBy| timeline.upsets.iter().filter(|u| u.by == by).count();
    let all = [UpsetBy::Load, UpsetBy::Dependency, UpsetBy::Hung];
    let by = all.into_iter().max_by_key(|&by| of(by)).unwrap_or(UpsetBy::Load);
    let back = back.map(|at| at - since).filter(|d| *d >= Dur::ZERO);
    Some(Upset { since, unready: count(false), kills: count(true), by, back })
}
