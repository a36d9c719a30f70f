//! Requests while the control plane is being simulated, where a model reads what they do to the pods.

use crate::engine::{Dur, List, Seed, Time};
use crate::model::kubelet::controller::Says;
use crate::timeline::{PodCounters, PodId, PodSignals, Recorder, Timeline, Times, Told, ViewId};
use crate::traffic::exact::Routed;
use crate::traffic::meter::Meter;
use crate::traffic::offered::Traffic;
use crate::traffic::requests::Simulation;
use crate::traffic::{Mode, TrafficOutcome};
use std::sync::Arc;

/// How requests keep pace with the control plane.
pub enum Live<'a> {
    /// Nothing reads load: requests come when the timeline is complete.
    Open,
    /// Rates are read: expected ones, integrated at scrapes.
    Metered(Box<Meter<'a>>),
    /// Everything is read: requests are simulated between two events of the control plane.
    Stepped(Box<Simulation<'a>>),
}

/// What was found on the way.
#[derive(Clone, Debug, PartialEq)]
pub enum Load {
    /// Nothing: requests are evaluated when the timeline is complete.
    Open,
    /// Counters of each pod.
    Metered(List<PodId, Routed>),
    /// What has become of requests.
    Stepped(Box<TrafficOutcome>),
}

impl<'a> Live<'a> {
    /// As the run starts.
    pub fn begin(
        mode: Mode,
        timeline: &mut Recorder,
        traffic: &'a Traffic,
        seed: Seed,
    ) -> Live<'a> {
        match mode {
            Mode::Open => Live::Open,
            Mode::Metered { every, window } => {
                let start = traffic.start.max(timeline.start);
                Live::Metered(Box::new(Meter::new(traffic, start, every, window)))
            }
            Mode::Stepped => {
                timeline.be_followed();
                Live::Stepped(Box::new(Simulation::new(timeline, traffic, seed)))
            }
        }
    }

    /// Single requests are asked for, where they are simulated on the way.
    pub fn follow_requests(&mut self) {
        if let Live::Stepped(simulation) = self {
            simulation.follow();
        }
    }

    /// Whether requests keep pace at all.
    #[inline(always)]
    pub fn keeps_pace(&self) -> bool {
        !matches!(self, Live::Open)
    }

    /// The control plane comes to `now`: what is before is final.
    #[inline(always)]
    pub fn advance(&mut self, timeline: &mut Recorder, now: Time) {
        if self.keeps_pace() {
            self.catch_up(timeline, now);
        }
    }

    #[cold]
    fn catch_up(&mut self, timeline: &mut Recorder, now: Time) {
        match self {
            Live::Open => {}
            Live::Metered(meter) => meter.advance(timeline, now),
            Live::Stepped(simulation) => {
                timeline.news(|at, what| simulation.touched(at, what));
                simulation.advance(timeline, now);
            }
        }
    }

    /// Goes on to `now`, or to what a kubelet is to hear of, whichever is first; what that is.
    #[cold]
    pub fn follow(&mut self, timeline: &mut Recorder, now: Time, says: &mut Says) -> Vec<Told> {
        let Live::Stepped(simulation) = self else { return Vec::new() };
        says.asked.drain(..).for_each(|asked| simulation.ask(asked));
        says.drains.drain(..).for_each(|(pod, at)| simulation.drain(pod, at));
        timeline.news(|at, what| simulation.touched(at, what));
        simulation.advance(timeline, now);
        std::mem::take(&mut simulation.told)
    }

    /// Whether requests are simulated one by one as the control plane goes on.
    pub fn is_stepped(&self) -> bool {
        matches!(self, Live::Stepped(_))
    }

    /// What each pod is doing, for those who measure it at `now`; nothing where requests come later.
    pub fn signals(&mut self, timeline: &Timeline, now: Time) -> Vec<PodSignals> {
        match self {
            Live::Open => Vec::new(),
            Live::Metered(meter) => meter.signals(timeline),
            Live::Stepped(simulation) => simulation.signals(now),
        }
    }

    /// What each pod has done by `now`, for those who count; nothing where requests come later.
    pub fn counters(
        &mut self,
        timeline: &Timeline,
        now: Time,
        counters: &mut List<PodId, PodCounters>,
    ) {
        match self {
            Live::Open => {}
            Live::Metered(meter) => meter.counters(timeline, now, counters),
            Live::Stepped(simulation) => simulation.counters(now, counters),
        }
    }

    /// Somebody reads how long answers take, in these buckets.
    pub fn keep_times(&mut self, bounds: Arc<[Dur]>) {
        if let Live::Stepped(simulation) = self {
            simulation.keep_times(bounds);
        }
    }

    /// How long answers took so far, by pod; nothing where nobody reads that.
    pub fn times(&self) -> Times {
        match self {
            Live::Stepped(simulation) => simulation.times().cloned().unwrap_or_default(),
            Live::Open | Live::Metered(_) => Times::default(),
        }
    }

    /// Requests that wait in front of all for a pod, each by the view that has none for it.
    pub fn held(&self) -> impl Iterator<Item = ViewId> {
        let simulation = match self {
            Live::Stepped(simulation) => Some(simulation),
            Live::Open | Live::Metered(_) => None,
        };
        simulation.into_iter().flat_map(|simulation| simulation.held())
    }

    /// The timeline is complete.
    pub fn finish(mut self, timeline: &mut Recorder) -> Load {
        self.advance(timeline, timeline.end);
        match self {
            Live::Open => Load::Open,
            Live::Metered(meter) => Load::Metered(meter.finish(timeline)),
            Live::Stepped(simulation) => Load::Stepped(Box::new(simulation.finish(timeline))),
        }
    }
}
