//! How fast each backend answered, for hops that prefer fast ones.

use crate::timeline::{Pick, Timeline};

/// Answer times by view and backend, for hops that prefer fast ones. A score decays over ten seconds.
pub struct Scores {
    /// `view * backends + backend`: (seconds, when it was last updated); empty if nobody looks.
    scores: Vec<(f64, i64)>,
    backends: usize,
}

const DECAY_S: f64 = 10.0;

impl Scores {
    pub fn new(timeline: &Timeline) -> Scores {
        let backends = timeline.pods.len() + timeline.views.len();
        let used = timeline.views.iter().any(|v| v.hop.pick == Pick::Ewma);
        let size = if used { backends * timeline.views.len() } else { 0 };
        Scores { scores: vec![(0.0, i64::MIN); size], backends }
    }

    fn decay(from: i64, to: i64) -> f64 {
        libm::exp(-((to - from) as f64) * 1e-9 / DECAY_S)
    }

    pub fn of(&self, view: u32, backend: usize, now: i64) -> f64 {
        match self.scores[view as usize * self.backends + backend] {
            (_, i64::MIN) => f64::NAN,
            (score, at) => score * Scores::decay(at, now),
        }
    }

    pub fn update(&mut self, view: u32, backend: usize, now: i64, seconds: f64) {
        let place = &mut self.scores[view as usize * self.backends + backend];
        let weight = if place.1 == i64::MIN { 0.0 } else { Scores::decay(place.1, now) };
        *place = (place.0 * weight + seconds * (1.0 - weight), now);
    }
}
