//! What the provider of a release's metrics knows: what pods of each template had done at its readings.

use crate::cluster::objects::{PodId, TemplateId};
use crate::cluster::release::{Figure, Measure, Side};
use crate::cluster::server::Cluster;
use crate::engine::{Dur, List, Time};
use crate::timeline::PodCounters;
use std::collections::VecDeque;

/// What the pods of one template have done.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Done {
    /// Requests that were sent to them and whose outcome is known.
    pub sent: f64,
    /// Those that failed.
    pub failed: f64,
    /// Time of the others, from the client's send until its answer, in seconds.
    pub seconds: f64,
}

impl Done {
    fn plus(self, other: Done) -> Done {
        let Done { sent, failed, seconds } = other;
        Done {
            sent: self.sent + sent,
            failed: self.failed + failed,
            seconds: self.seconds + seconds,
        }
    }

    fn minus(self, other: Done) -> Done {
        let Done { sent, failed, seconds } = other;
        self.plus(Done { sent: -sent, failed: -failed, seconds: -seconds })
    }
}

/// The readings that a value may need.
#[derive(Clone, Debug, Default)]
pub struct Readings {
    kept: VecDeque<(Time, List<TemplateId, Done>)>,
}

impl Readings {
    /// One more: `load` is what each pod has done.
    pub fn read(&mut self, now: Time, cluster: &Cluster, load: &List<PodId, PodCounters>) {
        debug_assert!(self.kept.back().is_none_or(|last| last.0 < now), "readings come in order");
        let mut done: List<TemplateId, Done> = List::new();
        for (pod, counters) in load.pairs() {
            let PodCounters { sent, failed, seconds, .. } = *counters;
            let of = done.entry(cluster.pods[pod].template);
            *of = of.plus(Done { sent, failed, seconds });
        }
        self.kept.push_back((now, done));
    }

    /// What a measurement finds at the last reading, and over how many requests; None: there is no value,
    /// because too little was read or nothing was sent.
    pub fn value(&self, measure: Measure, newest: TemplateId) -> Option<(f64, f64)> {
        self.figure(measure.what, measure.window, &|template| match measure.of {
            Side::New => template == newest,
            Side::Old => template != newest,
            Side::Both => true,
        })
    }

    /// As [`value`](Readings::value), of requests to the templates that `counted` names.
    pub fn figure(
        &self,
        what: Figure,
        window: Dur,
        counted: &dyn Fn(TemplateId) -> bool,
    ) -> Option<(f64, f64)> {
        if !what.is_measured() {
            return Some((0.0, 0.0));
        }
        let (to, last) = self.kept.back()?;
        let begins = *to - window;
        let before = self.kept.partition_point(|(at, _)| *at < begins);
        let (from, first) = self.kept.get(before).filter(|(at, _)| at < to)?;
        let sum = |of: &List<TemplateId, Done>| {
            let rows = of.pairs().filter(|(template, _)| counted(*template));
            rows.fold(Done::default(), |sum, (_, done)| sum.plus(*done))
        };
        let done = sum(last).minus(sum(first));
        let seconds = (*to - *from).as_secs_f64();
        let well = done.sent - done.failed;
        let share = |part: f64, of: f64| (of > 0.0).then(|| part / of);
        let value = match what {
            Figure::SuccessRate => share(well, done.sent),
            Figure::ErrorRate => share(done.failed, done.sent),
            Figure::Rate => Some(done.sent / seconds),
            Figure::Errors => Some(done.failed / seconds),
            Figure::MeanLatency => share(done.seconds, well),
            Figure::Outcome(_) => Some(0.0),
        };
        value.map(|value| (value, done.sent))
    }
}
