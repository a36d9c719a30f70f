//! How a run goes on: from event to event until the horizon, and past it while an action has not reached its
//! end.

use super::actions::Step;
use super::live::{Live, Load};
use super::reads::bounds;
use super::{Control, Event, MARK, Moment, Observer, World, reads, says};
use crate::cluster::objects::ServiceId;
use crate::engine::{Dur, List, Time};
use crate::model::balancer::Balancer;
use crate::model::plumbing::Ctx;
use crate::scenario::{Follow, Scenario};
use crate::timeline::ViewId;
use crate::traffic::{self, EvaluatorChoice, Mode, Reads};

/// Most events that are scheduled past the horizon.
const FOLLOWED_EVENTS: u64 = 400_000;

impl World<'_> {
    pub(super) fn run(self, observer: Option<Observer>) -> Control {
        let choice = EvaluatorChoice::Auto;
        let (mode, _) = traffic::mode(reads(self.scenario), &self.scenario.traffic, choice);
        self.run_live(mode, observer).0
    }

    pub(super) fn run_live(
        mut self,
        mode: Mode,
        mut observer: Option<Observer>,
    ) -> (Control, Load) {
        let Scenario { traffic, horizon, .. } = self.scenario;
        let mut live = Live::begin(mode, &mut self.timeline, traffic, self.run.seed);
        if observer.is_some() {
            live.follow_requests();
        }
        let bounds = bounds(self.scenario);
        if !bounds.is_empty() {
            live.keep_times(bounds.into());
        }
        if live.is_stepped() && reads(self.scenario) == Reads::Everything {
            let ctx = Ctx { run: self.run, now: self.queue.now(), slowdown: 1.0 };
            let out = &mut says(&mut self.queue, Event::Kubelet);
            self.kubelets.read_load(ctx, &self.cluster, out);
        }
        self.run_until(*horizon, &mut live, &mut observer);
        let end = match self.goals.open() {
            true => self.follow(&mut live, &mut observer),
            false => *horizon,
        };
        self.timeline.ends(end);
        let load = live.finish(&mut self.timeline);
        (self.finish(), load)
    }

    fn run_until(&mut self, end: Time, live: &mut Live, observer: &mut Option<Observer>) {
        while let Some(now) = self.next(end, live) {
            self.step(now, live, observer);
        }
    }

    /// Goes to the next event, unless there is none until `end`.
    #[inline(always)]
    fn next(&mut self, end: Time, live: &mut Live) -> Option<Time> {
        if self.kubelets.load_is_read() {
            self.hear(end, live);
        }
        self.queue.advance(end)
    }

    /// Requests come to the next event. What kubelets hear of before comes first: nobody looks ahead.
    #[cold]
    fn hear(&mut self, end: Time, live: &mut Live) {
        loop {
            let next = self.queue.next_at().map_or(end + Dur(1), |at| at.min(end + Dur(1)));
            let told = live.follow(&mut self.timeline, next, &mut self.kubelets.says);
            if told.is_empty() {
                return;
            }
            for what in told {
                debug_assert!(what.at() < next, "what is heard of has happened");
                let out = &mut says(&mut self.queue, Event::Kubelet);
                self.kubelets.hear(&self.cluster, what, out);
            }
        }
    }

    #[inline(always)]
    fn step(&mut self, now: Time, live: &mut Live, observer: &mut Option<Observer>) {
        let event = observer.is_some().then(|| *self.queue.current());
        live.advance(&mut self.timeline, now);
        self.timeline.advance(now);
        if live.keeps_pace() {
            self.read_load(now, live);
        }
        self.dispatch(now);
        if let (Some(observer), Some(event)) = (observer, event) {
            let (cluster, digest) = (&self.cluster, self.digest);
            let (changes, balancers) = (&cluster.log[..], &self.balancers[..]);
            observer(Moment { at: now, event, cluster, changes, balancers, digest });
        }
        if !self.cluster.log.is_empty() {
            self.publish(now);
        }
        debug_assert!(self.until_mark > 0, "a mark is due every {MARK} events");
        self.until_mark -= 1;
        if self.until_mark == 0 {
            self.until_mark = MARK;
            self.marks.push(self.digest);
        }
    }

    /// What comes next may read the requests so far.
    #[cold]
    fn read_load(&mut self, now: Time, live: &mut Live) {
        match *self.queue.current() {
            Event::Autoscaler(event) if event.reads_load() => {
                let held = self.held(live);
                let Some(autoscaler) = &mut self.autoscaler else { return };
                live.counters(&self.timeline, now, &mut autoscaler.load);
                autoscaler.held = held;
            }
            Event::Rollout(event) if event.reads_load() => {
                let Some(rollouts) = &mut self.rollouts else { return };
                live.counters(&self.timeline, now, &mut rollouts.load);
                rollouts.times = live.times();
            }
            Event::Action(Step::Read) => {
                live.counters(&self.timeline, now, &mut self.conditions.load);
                self.conditions.times = live.times();
            }
            _ => {}
        }
    }

    /// How many requests wait in front of each Service for a pod of it.
    fn held(&self, live: &Live) -> List<ServiceId, f64> {
        let mut held: List<ServiceId, f64> = List::default();
        held.resize(self.cluster.services.len(), 0.0);
        let mut fronts: List<ViewId, Option<ServiceId>> = List::default();
        for view in live.held() {
            if fronts.is_empty() {
                fronts.resize(self.timeline.views.len(), None);
                for balancer in &self.balancers {
                    let Balancer::KubeProxy(proxies) = balancer else { continue };
                    let service = Some(balancer.watched(0));
                    proxies.views().into_iter().for_each(|view| fronts[view] = service);
                }
            }
            if let Some(service) = fronts[view] {
                held[service] += 1.0;
            }
        }
        held
    }

    /// Goes on past the horizon until all actions are over, nothing can happen any more, or nothing has got
    /// on for longer than a progress deadline: a later horizon would not change the answer.
    #[cold]
    fn follow(&mut self, live: &mut Live, observer: &mut Option<Observer>) -> Time {
        let mut end = self.scenario.horizon;
        let Some(Follow { patience, tail }) = self.scenario.follow else { return end };
        let most = self.queue.scheduled() + FOLLOWED_EVENTS;
        while self.goals.open() && self.queue.scheduled() < most {
            end = end.max(self.tracker.progressed + patience);
            let Some(now) = self.next(end, live) else { break };
            self.step(now, live, observer);
        }
        if !self.goals.open() {
            end = self.queue.now() + tail;
            self.run_until(end, live, observer);
        } else if self.queue.scheduled() >= most {
            end = self.queue.now();
        }
        end
    }
}
