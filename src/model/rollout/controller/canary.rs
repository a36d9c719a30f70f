//! A canary, pass by pass: Services, weight, analysis, sizes, steps, promotion.

use super::pass::{Pass, Turns};
use super::runs::Purpose;
use super::{Controller, Event};
use crate::cluster::objects::{ServiceId, TemplateId};
use crate::cluster::release::{AbortDelay, Canary, Scale, Step};
use crate::cluster::spec::resolve_fenceposts;
use crate::cluster::workload::Strategy;
use crate::cluster::write::Write;
use crate::engine::Dur;
use crate::model::plumbing::Out;
use crate::model::rollout::analysis::Verdict;
use crate::model::rollout::sizes::{self, Dynamic, Kept, Routed, Sides, Wanted};
use crate::model::rollout::weights;

/// What the steps ask for at one of them.
struct Ask<'a> {
    canary: &'a Canary,
    /// Of the last setWeight before it.
    before: i32,
    /// Of the last one up to it; all of it past the last step.
    weight: i32,
    /// Of the last setCanaryScale up to it.
    scale: Option<Scale>,
    /// The weights of all steps.
    weights: Vec<i32>,
    aborted: bool,
}

impl Ask<'_> {
    fn new(canary: &Canary, step: usize, aborted: bool) -> Ask<'_> {
        let weight_of = |step: &Step| match step {
            Step::SetWeight(w) => Some(*w),
            _ => None,
        };
        let scale_of = |step: &Step| match step {
            Step::SetCanaryScale(scale) => Some(*scale),
            _ => None,
        };
        let (so_far, past) =
            (&canary.steps[..step.min(canary.steps.len())], step >= canary.steps.len());
        let upto = &canary.steps[..(step + 1).min(canary.steps.len())];
        let last = |steps: &[Step]| steps.iter().rev().find_map(weight_of).unwrap_or(0);
        Ask {
            canary,
            before: last(so_far),
            weight: if past { canary.max_weight } else { last(upto) },
            scale: upto.iter().rev().find_map(scale_of).filter(|_| !past),
            weights: canary.steps.iter().filter_map(weight_of).collect(),
            aborted,
        }
    }

    /// Sizes of a canary without a router, one pass on or as they are to be in the end.
    fn wanted(&self, pass: &Pass) -> Wanted {
        let Strategy::Rollout { max_surge, max_unavailable } = pass.object.spec.strategy else {
            panic!("a Rollout has its own strategy: {:?}", pass.object.spec.strategy);
        };
        let replicas = pass.object.spec.replicas;
        let (max_surge, max_unavailable) = resolve_fenceposts(max_surge, max_unavailable, replicas);
        let weight = if self.aborted { 0 } else { self.weight };
        let max_weight = self.canary.max_weight;
        Wanted { replicas, weight, max_weight, max_surge, max_unavailable }
    }

    fn routed(&self, pass: &Pass, now: i32) -> Sides {
        let sets = pass.sized(pass.new).zip(pass.sized(pass.stable));
        let steps = self.weights.as_slice();
        let dynamic = Dynamic { weight: now, steps, sets };
        let kept = match pass.release.abort_delay {
            AbortDelay::Never => Kept::ForEver,
            _ => Kept::ScaledDown,
        };
        sizes::routed(Routed {
            replicas: pass.object.spec.replicas,
            max_weight: self.canary.max_weight,
            weight: self.weight,
            scale: self.scale,
            promote_full: pass.promoted(),
            aborted: self.aborted.then_some(kept),
            dynamic: (self.canary.dynamic_stable_scale && !pass.promoted()).then_some(dynamic),
            min_pods: self.canary.min_pods,
        })
    }
}

impl Controller {
    pub(super) fn canary(&mut self, pass: &mut Pass, canary: &Canary, out: &mut impl Out<Event>) {
        let state = &self.states[pass.id];
        let aborted = state.released.aborted.is_some() && !pass.promoted();
        let ask = Ask::new(canary, state.step, aborted);
        debug_assert!(state.step <= canary.steps.len(), "a step is one of the release's");
        if canary.router.is_some() {
            self.services(pass, canary, out);
            self.traffic(pass, &ask, out);
            if !self.verified(pass, &ask) {
                // A pass that ends the release fails, and is repeated as after any error.
                let retry = pass.ctx.now + pass.ctx.kubernetes.defaults.rollout_verify_retry;
                let ends = self.states[pass.id].step >= canary.steps.len();
                let key = &mut self.state(pass.id).key;
                key.add_at(retry, pass.id, &mut Turns(out));
                if ends {
                    key.refused(pass.ctx, pass.id, &mut Turns(out));
                    return;
                }
            }
        }
        if !aborted && !pass.promoted() {
            self.background(pass, canary, out);
        }
        match canary.router {
            Some(_) => self.routed_sizes(pass, &ask, out),
            None => self.basic_sizes(pass, &ask, out),
        }
        if aborted || pass.promoted() {
            return;
        }
        self.advance(pass, &ask, out);
        let replicas = pass.object.spec.replicas;
        if self.states[pass.id].step >= canary.steps.len() && pass.canary().available >= replicas {
            let swaps = canary.router.is_some_and(|router| router.ping_pong);
            self.promote(pass, out);
            let state = self.state(pass.id);
            state.swapped ^= swaps;
            state.weight = if swaps { 0 } else { state.weight };
        }
    }

    /// The Services of the canary and of the stable pods. Each is given a set that has available pods; one of
    /// two that take turns its set at once, before there are any.
    ///
    /// `rollout/service.go: reconcilePingAndPongService`, `reconcileStableAndCanaryService`.
    fn services(&mut self, pass: &mut Pass, canary: &Canary, out: &mut impl Out<Event>) {
        let Some(router) = canary.router else { return };
        let (stable, new) = self.sides(pass, canary);
        let has = |index: Option<usize>| pass.sized(index).is_some_and(|s| s.available > 0);
        let (has_stable, has_new) = (has(pass.stable), has(pass.new));
        let (current, template): (TemplateId, TemplateId) =
            (pass.object.current, pass.object.template);
        debug_assert!(router.stable != router.canary, "two Services share the requests");
        // Those that take turns stay with their sets when a release is over.
        let over = router.ping_pong && pass.promoted();
        if has_stable {
            self.select(pass, stable, current, out);
        }
        if (has_new || router.ping_pong && pass.new.is_some()) && !over {
            self.select(pass, new, template, out);
        }
    }

    /// The Services of stable pods and canary.
    fn sides(&self, pass: &Pass, canary: &Canary) -> (ServiceId, ServiceId) {
        let router = canary.router.expect("asked of those with a router");
        match self.states[pass.id].swapped {
            true => (router.canary, router.stable),
            false => (router.stable, router.canary),
        }
    }

    /// Writes the weight that is to be.
    fn traffic(&mut self, pass: &mut Pass, ask: &Ask, out: &mut impl Out<Event>) {
        let now = self.states[pass.id].weight;
        let canary = ask.canary;
        let weight = weights::wanted(weights::At {
            replicas: pass.object.spec.replicas,
            max_weight: canary.max_weight,
            promoted: pass.promoted(),
            aborted: ask.aborted,
            canary: pass.canary(),
            stable: pass.sized(pass.stable).unwrap_or_default(),
            reached: self.reached(pass, ask),
            before: ask.before,
            step: ask.weight,
            now,
            dynamic: canary.dynamic_stable_scale.then_some(ask.weights.as_slice()),
            threshold: canary.threshold,
        });
        if weight == now {
            return;
        }
        let (_, to) = self.sides(pass, canary);
        let at = self.call(pass);
        let of = canary.max_weight as u32;
        out.write(at, Write::ShareWeight { to, weight: weight as u32, of });
        self.state(pass.id).weight = weight;
        self.notes.push(format!("the canary's weight becomes {weight} of {of}"));
        pass.moved = true;
        debug_assert!((0..=canary.max_weight).contains(&weight), "a weight is a part: {weight}");
    }

    /// Whether the rule of the load balancer has the weight, at a step that sets one and at the end, where
    /// all goes to the new pods.
    ///
    /// `utils/rollout/rolloututil.go: ShouldVerifyWeight`, `rollout/trafficrouting/alb/alb.go: VerifyWeight`.
    fn verified(&self, pass: &Pass, ask: &Ask) -> bool {
        let Some(rule) = pass.rule.filter(|_| !ask.aborted && !pass.promoted()) else {
            return true;
        };
        let (weight, step) = (self.states[pass.id].weight, self.states[pass.id].step);
        let asks = match ask.canary.steps.get(step) {
            Some(step) => matches!(step, Step::SetWeight(_)),
            None => weight == ask.canary.max_weight,
        };
        let (_, to) = self.sides(pass, ask.canary);
        debug_assert!(to.index() < rule.len(), "the rule shares among both Services");
        !asks || rule.get(to.index()).is_some_and(|is| i64::from(*is) == i64::from(weight))
    }

    /// Both sides have the sizes that the step asks for: the canary's pods are available, the stable ones
    /// asked for, and without a router those of older sets gone.
    fn reached(&self, pass: &Pass, ask: &Ask) -> bool {
        let now = self.states[pass.id].weight;
        let target = match ask.canary.router {
            Some(_) => ask.routed(pass, now),
            None => sizes::approximate(ask.wanted(pass)),
        };
        let stable = pass.sized(pass.stable).unwrap_or_default();
        let older = pass.older().iter().any(|i| pass.sets[*i].1.status.available > 0);
        let routed = ask.canary.router.is_some();
        sizes::far_enough(ask.canary.threshold, pass.sized(pass.new), target.canary)
            && (routed && ask.canary.dynamic_stable_scale || stable.spec == target.stable)
            && (routed || !older)
    }

    fn basic_sizes(&mut self, pass: &mut Pass, ask: &Ask, out: &mut impl Out<Event>) {
        debug_assert!(ask.canary.router.is_none(), "a router has sizes of its own");
        let wanted = ask.wanted(pass);
        let older = pass.older();
        let sum = |pass: &Pass| older.iter().map(|i| pass.sets[*i].1.replicas).sum::<i32>();
        let stable = pass.sized(pass.stable).filter(|_| !pass.promoted());
        let next = sizes::basic(wanted, pass.sized(pass.new), stable, sum(pass));
        if let Some(i) = pass.stable.filter(|_| stable.is_some()) {
            self.resize(pass, i, next.stable, out);
        }
        if let Some(i) = pass.new {
            self.resize(pass, i, next.canary, out);
        }
        // Older sets first lose what is not available, then what is not needed.
        let all: i32 = pass.sets.iter().map(|(_, s)| s.status.available).sum();
        let mut spare = (all - (wanted.replicas - wanted.max_unavailable)).max(0);
        for i in older {
            let set = pass.sets[i].1;
            let away = (set.replicas - set.status.available).max(0);
            let gone = (set.replicas - away).min(spare);
            spare -= gone;
            self.resize(pass, i, set.replicas - away - gone, out);
        }
    }

    fn routed_sizes(&mut self, pass: &mut Pass, ask: &Ask, out: &mut impl Out<Event>) {
        let now = self.states[pass.id].weight;
        debug_assert!(ask.canary.router.is_some(), "without a router pods are the weight");
        let mut sides = ask.routed(pass, now);
        if ask.aborted {
            sides.canary = self.kept(pass, sides.canary, ask, out);
        }
        let replicas = pass.object.spec.replicas;
        let (stable, new) = match pass.promoted() {
            true => (replicas, replicas),
            false => (sides.stable, sides.canary),
        };
        if let Some(i) = pass.stable {
            // A new weight comes first: the stable pods give way one pass later.
            self.resize(pass, i, stable, out);
        }
        if let Some(i) = pass.new.filter(|_| !pass.promoted()) {
            self.resize(pass, i, new, out);
        }
        let delay = pass.release.scale_down_delay.unwrap_or_default();
        let delay = if ask.canary.dynamic_stable_scale { Dur::ZERO } else { delay };
        for i in pass.older() {
            self.leaves(pass, pass.sets[i].0, delay);
        }
    }

    /// The new pods of an aborted canary stay until the stable ones are all there, and then for the delay.
    fn kept(&mut self, pass: &Pass, target: i32, ask: &Ask, out: &mut impl Out<Event>) -> i32 {
        let (now, has) = (pass.ctx.now, pass.canary().spec);
        let dynamic = ask.canary.dynamic_stable_scale;
        let after = match pass.release.abort_delay {
            AbortDelay::Never => return has,
            AbortDelay::Default if dynamic => return target,
            AbortDelay::Default => pass.ctx.kubernetes.defaults.rollout_scale_down_delay,
            AbortDelay::After(after) => after,
        };
        debug_assert!(ask.aborted && has >= 0, "what is on its way is not kept");
        let all =
            pass.sized(pass.stable).unwrap_or_default().available >= pass.object.spec.replicas;
        let state = self.state(pass.id);
        if all && state.gives_up.is_none() {
            state.gives_up = Some(now + after);
        }
        match state.gives_up {
            Some(at) if at <= now => target,
            Some(at) => {
                state.key.add_at(at, pass.id, &mut Turns(out));
                has
            }
            None => has,
        }
    }

    /// Goes on to the next step where this one is complete.
    fn advance(&mut self, pass: &mut Pass, ask: &Ask, out: &mut impl Out<Event>) {
        let at = self.states[pass.id].step;
        let Some(step) = ask.canary.steps.get(at) else { return };
        let routed = ask.canary.router.is_some();
        let complete = match step {
            Step::SetWeight(weight) => {
                let set = !routed || self.states[pass.id].weight == *weight;
                self.reached(pass, ask) && set && self.verified(pass, ask)
            }
            Step::SetCanaryScale(_) => self.reached(pass, ask),
            Step::Pause(length) => self.pause_over(pass, *length, out),
            Step::Analysis(analysis) => {
                self.verdict(pass, Purpose::Step(at), analysis, out) == Verdict::Successful
            }
            Step::Free => true,
        };
        if complete {
            let state = self.state(pass.id);
            state.step += 1;
            (state.paused, state.released.waits) = (None, false);
            pass.moved = true;
            debug_assert!(state.step <= ask.canary.steps.len(), "no step after the last");
        }
    }

    /// An analysis beside the steps, from one of them on.
    fn background(&mut self, pass: &mut Pass, canary: &Canary, out: &mut impl Out<Event>) {
        let Some((analysis, from)) = &canary.background else { return };
        if self.states[pass.id].step >= *from {
            self.verdict(pass, Purpose::Background, analysis, out);
        }
    }
}
