//! Blue/green, pass by pass: the preview, the analysis before the switch, the switch, the analysis after it.

use super::pass::{Pass, Turns};
use super::runs::Purpose;
use super::{Controller, Event};
use crate::cluster::release::{AbortDelay, BlueGreen};
use crate::engine::Dur;
use crate::model::plumbing::Out;
use crate::model::rollout::analysis::Verdict;

impl Controller {
    pub(super) fn blue_green(
        &mut self,
        pass: &mut Pass,
        plan: &BlueGreen,
        out: &mut impl Out<Event>,
    ) {
        let (template, current) = (pass.object.template, pass.object.current);
        let replicas = pass.object.spec.replicas;
        debug_assert!(pass.new.is_some(), "a pass has the new set");
        if let Some(stable) = pass.stable {
            self.resize(pass, stable, replicas, out);
        }
        if pass.promoted() {
            self.select(pass, plan.active, current, out);
            return self.older_leave(pass);
        }
        if self.states[pass.id].released.aborted.is_some() {
            self.select(pass, plan.active, current, out);
            return self.preview_leaves(pass, out);
        }
        let active = |c: &Controller| c.states[pass.id].selects.contains(&(plan.active, template));
        if active(self) {
            return self.after_switch(pass, plan, out);
        }
        let ready = self.may_switch(pass, plan, out);
        let size = if ready { replicas } else { plan.preview_replicas.unwrap_or(replicas) };
        let new = pass.new.expect("a pass has the new set");
        if self.states[pass.id].released.aborted.is_none() {
            self.resize(pass, new, size.max(pass.canary().spec.min(replicas)), out);
        }
        let all = pass.canary();
        if ready && all.spec == replicas && all.available >= replicas {
            self.select(pass, plan.active, template, out);
            self.notes.push("the active Service is switched".to_owned());
        }
        self.older_leave(pass);
    }

    /// The preview is there, was found well, and nobody has to agree any more.
    fn may_switch(&mut self, pass: &mut Pass, plan: &BlueGreen, out: &mut impl Out<Event>) -> bool {
        let previewed = plan.preview_replicas.unwrap_or(pass.object.spec.replicas);
        let skips = pass.skips_steps();
        let state = self.state(pass.id);
        if state.step == 1 || skips {
            return true;
        }
        let new = pass.canary();
        if new.available < previewed || new.spec < previewed {
            return false;
        }
        if let Some(before) = &plan.before
            && self.verdict(pass, Purpose::Before, before, out) != Verdict::Successful
        {
            return false;
        }
        let waits = !plan.auto || plan.auto_after > Dur::ZERO;
        let length = plan.auto.then_some(plan.auto_after);
        if waits && !self.pause_over(pass, length, out) {
            return false;
        }
        let state = self.state(pass.id);
        (state.step, state.paused, state.released.waits) = (1, None, false);
        pass.moved = true;
        debug_assert!(previewed >= 0, "a preview has a size");
        true
    }

    /// Requests go to the new pods; an analysis may still send them back.
    fn after_switch(&mut self, pass: &mut Pass, plan: &BlueGreen, out: &mut impl Out<Event>) {
        if let Some(after) = &plan.after
            && self.verdict(pass, Purpose::After, after, out) != Verdict::Successful
        {
            return;
        }
        self.promote(pass, out);
    }

    fn older_leave(&mut self, pass: &mut Pass) {
        let delay = pass.release.scale_down_delay.unwrap_or_default();
        for i in pass.older() {
            self.leaves(pass, pass.sets[i].0, delay);
        }
    }

    /// The new pods of an aborted release go after the delay.
    fn preview_leaves(&mut self, pass: &mut Pass, out: &mut impl Out<Event>) {
        let after = match pass.release.abort_delay {
            AbortDelay::Never => return,
            AbortDelay::Default => pass.ctx.kubernetes.defaults.rollout_scale_down_delay,
            AbortDelay::After(after) => after,
        };
        debug_assert!(!pass.promoted(), "what is stable stays");
        let state = self.state(pass.id);
        let at = *state.gives_up.get_or_insert(pass.ctx.now + after);
        if at <= pass.ctx.now {
            let new = pass.new.expect("a pass has the new set");
            self.resize(pass, new, 0, out);
        } else {
            state.key.add_at(at, pass.id, &mut Turns(out));
        }
    }
}
