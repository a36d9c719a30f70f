//! How fast each backend answered, for hops that prefer fast ones.

use super::super::view::ViewNow;
use crate::timeline::{Pick, ViewId};

/// Answer times by backend and view, for hops that prefer fast ones. A score decays over ten seconds.
pub struct Scores {
    /// `backend * views + view`: (seconds, when it was last updated); empty if nobody looks.
    scores: Vec<(f64, i64)>,
    views: usize,
    used: bool,
}

const DECAY_S: f64 = 10.0;

impl Scores {
    /// Nobody has been asked yet.
    pub fn new(views: &[ViewNow], pods: usize) -> Scores {
        let used = views.iter().any(|v| v.pick == Pick::Ewma);
        let mut scores = Scores { scores: Vec::new(), views: views.len(), used };
        scores.grow(pods);
        scores
    }

    /// There are more pods now.
    pub fn grow(&mut self, pods: usize) {
        let size = if self.used { (self.views + pods) * self.views } else { 0 };
        assert!(size >= self.scores.len(), "backends do not go");
        self.scores.resize(size, (0.0, i64::MIN));
    }

    fn decay(from: i64, to: i64) -> f64 {
        libm::exp(-((to - from) as f64) * 1e-9 / DECAY_S)
    }

    /// The score at `now`, in seconds; not a number where there is none.
    pub fn of(&self, view: ViewId, backend: usize, now: i64) -> f64 {
        match self.scores[backend * self.views + view.index()] {
            (_, i64::MIN) => f64::NAN,
            (score, at) => score * Scores::decay(at, now),
        }
    }

    /// Takes in a latency of so many seconds.
    pub fn update(&mut self, view: ViewId, backend: usize, now: i64, seconds: f64) {
        let place = &mut self.scores[backend * self.views + view.index()];
        let weight = if place.1 == i64::MIN { 0.0 } else { Scores::decay(place.1, now) };
        *place = (place.0 * weight + seconds * (1.0 - weight), now);
    }
}
