//! Actions that wait for a condition: what a pipeline or a person would look at before the next step.

use super::actions::Step;
use super::{Event, World, says};
use crate::cluster::objects::{PodId, TemplateId, WorkloadId};
use crate::engine::{Dur, List, Time};
use crate::expr::Value;
use crate::model::plumbing::Ctx;
use crate::model::rollout::metrics::Readings;
use crate::scenario::{Watched, When};
use crate::timeline::{PodCounters, Times};

/// Whoever waits looks again so long after something has changed.
pub(super) const POLL: Dur = Dur::from_millis(20);

/// Whoever counts the time looks so often.
const EVERY: Dur = Dur::from_secs(1);

/// What is waited for.
#[derive(Debug, Default)]
pub(super) struct Conditions {
    /// Actions that have not begun, by their index.
    waiting: Vec<u32>,
    /// What each pod has done: filled in before a reading.
    pub load: List<PodId, PodCounters>,
    /// How long their answers took: likewise.
    pub times: Times,
    readings: Readings,
    /// Somebody watches requests.
    reads: bool,
    /// Somebody looks again and again.
    looks: bool,
}

impl Conditions {
    /// Of the scenario's actions.
    pub fn new(scenario: &crate::scenario::Scenario) -> Conditions {
        let reads = scenario.actions.iter().any(|a| a.when.as_ref().is_some_and(|w| w.measures()));
        Conditions { reads, ..Conditions::default() }
    }

    /// Somebody waits.
    #[inline(always)]
    pub fn any(&self) -> bool {
        !self.waiting.is_empty()
    }
}

impl<'a> World<'a> {
    /// Releases are looked at from the start on, and the provider of their metrics reads.
    pub(super) fn start_metrics(&mut self) {
        let ctx = Ctx { run: self.run, now: self.queue.now(), slowdown: 1.0 };
        if let Some(rollouts) = &mut self.rollouts {
            let out = &mut says(&mut self.queue, Event::Rollout);
            rollouts.begin_looks(ctx, &self.cluster, out);
        }
        let measures = self.scenario.releases().any(|release| release.measures());
        if let (true, Some(rollouts)) = (measures, &mut self.rollouts) {
            rollouts.start(self.queue.now(), &mut says(&mut self.queue, Event::Rollout));
        }
    }

    /// Requests are read from the start on, where an action waits for what they tell.
    pub(super) fn start_conditions(&mut self) {
        if self.conditions.reads {
            self.queue.schedule(self.queue.now(), Event::Action(Step::Read));
        }
        debug_assert!(self.conditions.waiting.is_empty(), "nobody waits before the start");
    }

    /// The provider of metrics reads what pods have done.
    pub(super) fn read_requests(&mut self, now: Time) {
        let Conditions { load, times, readings, .. } = &mut self.conditions;
        readings.read(now, &self.cluster, (load, times));
        let next = now + self.run.kubernetes.defaults.analysis_scrape;
        if next <= self.scenario.traffic.end {
            self.queue.schedule(next, Event::Action(Step::Read));
        }
        self.look_at_conditions(now);
    }

    /// Its time has come: it begins when its condition holds, which may be now. Whether it has to wait.
    pub(super) fn waits_for_condition(&mut self, now: Time, index: u32) -> bool {
        if self.when(index).is_none() {
            return false;
        }
        debug_assert!(!self.conditions.waiting.contains(&index), "an action waits once");
        self.conditions.waiting.push(index);
        self.look_at_conditions(now);
        if self.when(index).is_some_and(When::counts_time) && !self.conditions.looks {
            self.conditions.looks = true;
            self.queue.schedule(now + EVERY, Event::Action(Step::Look));
        }
        true
    }

    /// Whoever counts the time looks again and again, while anybody waits.
    pub(super) fn look_again(&mut self, now: Time) {
        self.look_at_conditions(now);
        debug_assert!(self.conditions.looks, "somebody has begun to look");
        self.conditions.looks = self.conditions.any() && now < self.scenario.horizon;
        if self.conditions.looks {
            self.queue.schedule(now + EVERY, Event::Action(Step::Look));
        }
    }

    /// Something has changed: those whose condition holds begin.
    pub(super) fn look_at_conditions(&mut self, now: Time) {
        let waiting = std::mem::take(&mut self.conditions.waiting);
        debug_assert!(waiting.iter().all(|i| (*i as usize) < self.scenario.actions.len()));
        for index in waiting {
            let Some(when) = self.when(index) else { continue };
            let values: Option<Vec<Value>> =
                when.watched.iter().map(|w| self.watched(w).map(Value::Float)).collect();
            // Where nothing is known yet nothing holds.
            if values.is_some_and(|values| when.condition.holds(&values)) {
                self.queue.schedule(now + POLL + when.after, Event::Action(Step::Go(index)));
            } else {
                self.conditions.waiting.push(index);
            }
        }
    }

    /// What an action waits for.
    fn when(&self, index: u32) -> Option<&'a When> {
        self.scenario.actions.get(index as usize)?.when.as_ref()
    }

    /// A quantity as it is now; None: it is not known.
    fn watched(&self, what: &Watched) -> Option<f64> {
        Some(match what {
            Watched::Available(name) => {
                let is = |id: &WorkloadId| *self.cluster.workloads[*id].spec.name == **name;
                let id = self.cluster.workloads.ids().find(is)?;
                f64::from(self.cluster.available(id))
            }
            Watched::DeadlineExceeded => f64::from(u8::from(self.tracker.deadline().is_some())),
            Watched::Complete => {
                let over = self.goals.rollout().is_some_and(|goal| goal.over.is_some());
                f64::from(u8::from(over))
            }
            Watched::Begun(key) => f64::from(u8::from(self.begun(key).is_some())),
            Watched::Over(key) => {
                let mut goals = self.goals.all().filter(|g| self.key_of(g.action) == key);
                let over = self.begun(key).is_some() && goals.all(|g| g.over.is_some());
                f64::from(u8::from(over))
            }
            Watched::Since(key) => (self.queue.now() - self.begun(key)?).as_secs_f64(),
            Watched::Requests { figure, version, window } => {
                let of = |template: TemplateId| {
                    let spec = self.cluster.templates.get(template);
                    version.is_empty() || spec.is_some_and(|t| t.version == *version)
                };
                return self.conditions.readings.figure(*figure, *window, &of).map(|v| v.0);
            }
        })
    }

    /// When an action began; None: it has not.
    fn begun(&self, key: &str) -> Option<Time> {
        let found = self.actions.begun.iter().rev().find(|(index, _)| self.key_of(*index) == key);
        found.map(|(_, at)| *at)
    }

    fn key_of(&self, index: u32) -> &str {
        self.scenario.actions.get(index as usize).map_or("", |action| &action.key)
    }

    /// Actions that waited for a condition that never held.
    pub(super) fn never_begun(&self) -> Vec<u32> {
        self.conditions.waiting.clone()
    }
}
