//! What one run of the control plane leaves behind.

use super::RolloutOutcome;
use crate::cluster::server::Cluster;
use crate::timeline::Timeline;

/// What one run of the control plane leaves behind.
#[derive(Clone, Debug)]
pub struct Control {
    /// What was true and believed.
    pub timeline: Timeline,
    /// What became of the rollout.
    pub rollout: RolloutOutcome,
    /// Folded over every event.
    pub digest: u64,
    /// The digest after every [`MARK`] events: where two runs begin to differ.
    pub marks: Vec<u64>,
    /// How many there were.
    pub events: u64,
    /// What everything has come to.
    pub cluster: Cluster,
}

/// So many events from one mark of the digest to the next.
pub const MARK: u32 = 1_000;

impl Control {
    /// Both runs are the same for so many events, and differ within the next [`MARK`]; None: they never do.
    pub fn first_difference(&self, other: &Control) -> Option<u64> {
        let marks = self.marks.len().max(other.marks.len());
        let differ = |i: &usize| self.marks.get(*i) != other.marks.get(*i);
        let place = (0..marks).find(differ).or((self.digest != other.digest).then_some(marks));
        place.map(|i| i as u64 * u64::from(MARK))
    }
}
