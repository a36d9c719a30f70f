//! Blue/green: a Service that is switched from one Deployment to another.

use super::actions::Switch;
use super::conditions::POLL;
use super::goals::Goal;
use super::step::Step;
use super::{Event, World, says};
use crate::cluster::objects::{Progress, WorkloadId};
use crate::cluster::spec::{Labels, selects};
use crate::engine::Time;
use crate::model::plumbing::Ctx;
use crate::scenario::{ActionKind, Shift};
use crate::timeline::Milestone;

impl World<'_> {
    /// A blue/green switch is planned; the Deployment that it is to is created if it is not there.
    pub(super) fn begin_switch(&mut self, now: Time, index: u32) -> String {
        let kind = &self.scenario.actions[index as usize].kind;
        let ActionKind::SelectorSwitch {
            deployment,
            wait_available,
            switch_after,
            scale_down_after,
            shifts,
        } = kind
        else {
            unreachable!("a switch")
        };
        let (id, note) = match self.called(&deployment.name) {
            Some(id) => (id, format!("switch to {}", deployment.name)),
            None => {
                let id = self.create_workload((**deployment).clone());
                self.scale_too(now, id);
                (id, "create the second Deployment".to_string())
            }
        };
        let begun = |s: &Switch| s.action == index;
        debug_assert!(!self.actions.switches.iter().any(begun), "a switch begins once");
        self.actions.switches.push(Switch {
            action: index,
            from: None,
            to: id,
            after: *switch_after,
            shifted: 0,
        });
        self.tracker.counts_too(id);
        let shifts = u32::try_from(shifts.len()).expect("per cent by per cent");
        let steps = shifts.max(1) + u32::from(scale_down_after.is_some());
        self.goals.begin(Goal::new(index, now, vec![id]).in_steps(steps));
        let (at, step) = match wait_available {
            true => (now, Step::AwaitAvailable(index)),
            false => (now + *switch_after, Step::SwitchSelector(index)),
        };
        self.queue.schedule(at, Event::Action(step));
        note
    }

    /// An autoscaler for what a switch has made, if there is one.
    fn scale_too(&mut self, now: Time, id: WorkloadId) {
        let name = &self.cluster.workloads[id].spec.name;
        let spec = self.scenario.autoscalers.iter().find(|a| a.target == *name);
        let (Some(spec), Some(autoscaler)) = (spec, &mut self.autoscaler) else { return };
        let ctx = Ctx { run: self.run, now, slowdown: 1.0 };
        let out = &mut says(&mut self.queue, Event::Autoscaler);
        autoscaler.adopt(ctx, (spec.clone(), id), (&self.cluster, &self.informer), out);
    }

    pub(super) fn switch(&mut self, index: u32) -> &mut Switch {
        let mut begun = self.actions.switches.iter_mut();
        begun.find(|s| s.action == index).expect("a switch that has begun")
    }

    pub(super) fn await_available(&mut self, now: Time, index: u32) {
        debug_assert!(!self.actions.awaiting.contains(&index), "a switch waits once");
        let &mut Switch { to, after, .. } = self.switch(index);
        let Progress { desired, available, .. } = self.cluster.progress(to);
        if available >= desired {
            self.queue.schedule(now + POLL + after, Event::Action(Step::SwitchSelector(index)));
        } else {
            self.actions.awaiting.push(index);
        }
    }

    /// A Deployment's status changed: whoever waits for it looks again.
    pub(super) fn actions_wait(&mut self, now: Time) {
        for index in std::mem::take(&mut self.actions.awaiting) {
            self.await_available(now, index);
        }
    }

    pub(super) fn switch_selector(&mut self, now: Time, index: u32) {
        let ActionKind::SelectorSwitch { scale_down_after, shifts, .. } =
            &self.scenario.actions[index as usize].kind
        else {
            panic!("a selector switch belongs to an action of that kind");
        };
        let written = now + self.latency(|l| &l.api_write);
        self.queue.schedule(written, Event::Action(Step::Commit(index)));
        self.goals.step_done(index, None);
        if let Some(after) = *scale_down_after {
            self.queue.schedule(written + after, Event::Action(Step::ScaleDown(index)));
        }
        self.goals.look(now, &self.cluster);
        let note = match shifts.first() {
            Some(shift) => self.shares(&shift.weights),
            None => "switch the Service's selector".to_string(),
        };
        self.timeline.mark(now, Milestone::Action(note));
    }

    /// The next of the weights by which requests move is written; the first as a selector would be.
    pub(super) fn commit_shift(&mut self, index: u32, shifts: &[Shift]) {
        let now = self.queue.now();
        let switch = self.switch(index);
        let number = switch.shifted;
        switch.shifted += 1;
        debug_assert!(number < shifts.len(), "one after the other, and then no more");
        self.set_weights(&shifts[number].weights);
        if number > 0 {
            self.goals.step_done(index, None);
            self.goals.look(now, &self.cluster);
        }
        match shifts.get(number + 1) {
            Some(next) => {
                self.queue.schedule(now + next.after, Event::Action(Step::Commit(index)));
            }
            None if number > 0 => {
                let note = self.shares(&shifts[number].weights);
                self.timeline.mark(now, Milestone::Action(note));
            }
            None => {}
        }
    }

    /// The Service's selector with the values that the pods of `to` have, without the labels that they have
    /// not; if those of `from` match it still, the labels in which the two templates differ are added.
    pub(super) fn switched_selector(&self, from: WorkloadId, to: WorkloadId) -> Labels {
        let labels = |id| &self.cluster.templates[self.cluster.template_now(id)].labels;
        let (before, after) = (labels(from), labels(to));
        let service = self.scenario.route().to[0];
        let mut selector = self.cluster.services[service].selector.clone();
        selector.retain(|key, _| after.contains_key(key));
        for (key, value) in &mut selector {
            value.clone_from(&after[key]);
        }
        if selects(&selector, before) {
            for (key, value) in after {
                if before.get(key) != Some(value) {
                    selector.insert(key.clone(), value.clone());
                }
            }
        }
        selector
    }
}
