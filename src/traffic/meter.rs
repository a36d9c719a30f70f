//! Load as a metrics pipeline sees it: counters of each pod, taken at scrapes, from the expected flow of
//! requests over the timeline so far.

use super::exact::{self, Routed};
use super::plan::{self, Piece};
use super::service;
use crate::engine::{Dur, List, Time};
use crate::timeline::{PodCounters, PodId, PodSignals, Timeline};
use crate::traffic::offered::Traffic;
use std::collections::VecDeque;

/// Load as a metrics pipeline sees it: integrated over the timeline so far, at scrapes.
pub struct Meter<'a> {
    traffic: &'a Traffic,
    every: Dur,
    window: Dur,
    /// The latest ones, with the counters of each pod: as many as a window needs. Never empty.
    scrapes: VecDeque<(Time, List<PodId, Routed>)>,
}

impl<'a> Meter<'a> {
    /// Scrapes `every` so often from `start` on; signals are rates over `window`.
    pub fn new(traffic: &'a Traffic, start: Time, every: Dur, window: Dur) -> Meter<'a> {
        assert!(every > Dur::ZERO && window >= every, "a window holds a scrape at least");
        Meter { traffic, every, window, scrapes: [(start, List::new())].into() }
    }

    fn latest(&self) -> &(Time, List<PodId, Routed>) {
        self.scrapes.back().expect("the first scrape is that of the start")
    }

    /// Scrapes that are due up to `now`. What the timeline holds before `now` is final.
    pub fn advance(&mut self, timeline: &Timeline, now: Time) {
        while self.latest().0 + self.every <= now {
            self.scrape(timeline, self.latest().0 + self.every);
        }
    }

    fn scrape(&mut self, timeline: &Timeline, at: Time) {
        let (before, counters) = self.latest();
        assert!(*before < at, "scrapes come in order");
        let rates = plan::rate_pieces(timeline, self.traffic);
        let inside = |p: Piece| Piece { from: p.from.max(*before), to: p.to.min(at), ..p };
        let rates: Vec<Piece> = rates.into_iter().map(inside).filter(|p| p.from < p.to).collect();
        let mut counters = counters.clone();
        counters.resize(timeline.pods.len(), Routed::default());
        for (counter, more) in counters.iter_mut().zip(exact::routed(timeline, &rates, at)) {
            counter.sent += more.sent;
            counter.accepted += more.accepted;
        }
        self.scrapes.push_back((at, counters));
        let oldest = at - self.window;
        while self.scrapes.get(1).is_some_and(|scrape| scrape.0 <= oldest) {
            self.scrapes.pop_front();
        }
    }

    /// What the latest scrape and that at the beginning of its window make of each pod.
    pub fn signals(&self, timeline: &Timeline) -> Vec<PodSignals> {
        let ((from, old), (to, new)) = (&self.scrapes[0], self.latest());
        let seconds = (*to - *from).as_secs_f64().max(1e-9);
        let signal = |(pod, counter): (PodId, &Routed)| {
            let before = old.get(pod).copied().unwrap_or_default();
            let version = usize::from(timeline.pods[pod].version);
            let service = &timeline.versions[version].service;
            let rate = (counter.sent - before.sent) / seconds;
            let accepted = (counter.accepted - before.accepted) / seconds;
            let timeout_s = self.traffic.client.timeout.as_secs_f64();
            let busy = accepted * service::limited_mean(service, timeout_s);
            PodSignals { rate, cpu: busy, in_service: busy, waiting: 0.0, errors: rate - accepted }
        };
        new.pairs().map(signal).collect()
    }

    /// What each pod has been sent and accepted by `now`, in the mean: what it has served, but for the moment
    /// that it takes.
    pub fn counters(
        &mut self,
        timeline: &Timeline,
        now: Time,
        counters: &mut List<PodId, PodCounters>,
    ) {
        self.advance(timeline, now);
        if self.latest().0 < now {
            self.scrape(timeline, now);
        }
        debug_assert!(self.latest().0 <= now || self.scrapes.len() == 1, "scrapes come in order");
        counters.truncate(0);
        let served = |r: &Routed| PodCounters { served: r.accepted, ..PodCounters::default() };
        self.latest().1.iter().for_each(|routed| {
            counters.push(served(routed));
        });
        counters.resize(timeline.pods.len(), PodCounters::default());
    }

    /// A last scrape at the end of the timeline: the counters of each pod.
    pub fn finish(mut self, timeline: &Timeline) -> List<PodId, Routed> {
        self.advance(timeline, timeline.end);
        if self.latest().0 < timeline.end {
            self.scrape(timeline, timeline.end);
        }
        self.scrapes.pop_back().expect("never empty").1
    }
}
