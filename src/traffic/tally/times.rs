//! How long answers take, as those count it who read it while requests run.

use super::Tally;
use crate::engine::Dur;
use crate::timeline::{PodId, Times};
use std::sync::Arc;

impl Tally {
    /// Somebody reads how long answers take, in these buckets.
    pub fn keep_times(&mut self, bounds: Arc<[Dur]>) {
        assert!(self.sent == 0, "times are kept from the first answer on");
        self.times = Some(Box::new(Times::new(bounds)));
    }

    /// How long answers took, where somebody reads that.
    pub fn times(&self) -> Option<&Times> {
        self.times.as_deref()
    }

    /// Time of a pod's answers so far, in seconds.
    pub fn seconds_of(&self, pod: PodId) -> f64 {
        self.spent.get(pod).map_or(0.0, |ns| *ns as f64 * 1e-9)
    }
}
