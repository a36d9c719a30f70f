//! Karpenter: batches of pods that fit nowhere, and nodes that it disrupts within the budgets of their pool.
//!
//! Sources: `pkg/controllers/{provisioning,disruption,node/termination}` of kubernetes-sigs/karpenter.

use super::{Event, WorldEvent};
use crate::cluster::objects::{NodeId, PodId};
use crate::engine::{Dur, Time};
use crate::model::node::karpenter::{Reason, allowed_now};
use crate::model::node::provision::{By, Pool};
use crate::world::World;

impl<'a> World<'a> {
    /// `provisioning/batcher.go: Wait`.
    pub(super) fn batch_is_over(&mut self, now: Time) {
        let Some((first, last)) = self.provisioner().batch else { return };
        let defaults = &self.scenario.kubernetes.defaults;
        let until =
            (last + defaults.karpenter_batch_idle).min(first + defaults.karpenter_batch_max);
        if now < until {
            return self.queue.schedule(until, WorldEvent::Provision(Event::Batch));
        }
        self.provisioner_mut().batch = None;
        debug_assert!(now >= last, "a batch ends after its last pod");
        self.launch_for_pending(now);
    }

    /// One pass: the first method that finds something wins.
    ///
    /// `disruption/controller.go: disrupt`.
    pub(super) fn disrupt(&mut self, now: Time, pool: &Pool) {
        let Some(after) = pool.consolidate_after else { return };
        let changed = self.provisioner().changed;
        let quiet = after + self.scenario.kubernetes.defaults.karpenter_poll;
        // Nothing has changed since it last found nothing.
        if self.provisioner().planned.is_some() || now - changed > quiet + quiet {
            return;
        }
        let Some(plan) = self.could_be_disrupted(now, pool) else { return };
        debug_assert!(!plan.0.is_empty(), "a plan is about some node");
        self.provisioner_mut().planned = Some(plan);
        let wait = self.scenario.kubernetes.defaults.karpenter_validation;
        self.queue.schedule(now + wait, WorldEvent::Provision(Event::Validate));
    }

    /// Emptiness, then several nodes, then one.
    fn could_be_disrupted(&self, now: Time, pool: &Pool) -> Option<(Vec<NodeId>, Reason)> {
        let after = pool.consolidate_after?;
        let mut nodes = self.of_groups();
        nodes.retain(|&node| {
            let stirred = self.provisioner().stirred[node];
            stirred == Time::ALWAYS || now - stirred >= after
        });
        let trial = self.scheduler.trial();
        nodes.retain(|&node| !self.is_settled(node, &trial));
        let empty = |&node: &NodeId| self.pods_to_move(node).is_empty();
        let allowed = |reason: Reason| self.may_disrupt(pool, reason);
        let (mut without, mut others): (Vec<NodeId>, Vec<NodeId>) =
            nodes.into_iter().partition(empty);
        without.truncate(allowed(Reason::Empty));
        if !without.is_empty() {
            return Some((without, Reason::Empty));
        }
        if !pool.underutilized {
            return None;
        }
        // Those with the fewest pods cost least to disrupt.
        others.sort_by_cached_key(|&node| self.pods_to_move(node).len());
        let most = allowed(Reason::Underutilized);
        let mut together = Vec::new();
        let trial = self.with_homeless();
        for &node in others.iter().take(most) {
            together.push(node);
            if !self.fits_without(&together, trial.clone()) {
                together.pop();
                break;
            }
        }
        if together.is_empty() && most > 0 {
            let alone = |&&node: &&NodeId| self.fits_without(&[node], trial.clone());
            together.extend(others.iter().find(alone));
        }
        (!together.is_empty()).then_some((together, Reason::Underutilized))
    }

    /// So many nodes may be disrupted for this reason.
    fn may_disrupt(&self, pool: &Pool, reason: Reason) -> usize {
        let groups = self.provisioner().spec.groups.iter();
        let there = |n: &NodeId| self.cluster.nodes[*n].is_there();
        let nodes: Vec<NodeId> = groups.flat_map(|g| g.nodes()).filter(there).collect();
        let away = |n: &&NodeId| !self.is_alive(**n) || self.is_taken(**n);
        let away = nodes.iter().filter(away).count();
        debug_assert!(away <= nodes.len(), "who is away is of the pool");
        allowed_now(&pool.budgets, reason, nodes.len() as i32, away as i32) as usize
    }

    /// `disruption/validation.go`: it is still so.
    pub(super) fn validate(&mut self, now: Time) {
        let Some((nodes, reason)) = self.provisioner_mut().planned.take() else { return };
        let By::Karpenter(pool) = &self.provisioner().spec.by else { return };
        let still = self.could_be_disrupted(now, pool);
        let Some((found, _)) = still.filter(|(_, why)| *why == reason) else { return };
        let nodes: Vec<NodeId> = nodes.into_iter().filter(|n| found.contains(n)).collect();
        debug_assert!(nodes.len() <= found.len(), "no more go than could");
        for node in nodes {
            let why = match reason {
                Reason::Empty => "it is empty",
                Reason::Underutilized => "its pods fit elsewhere",
                Reason::Drifted => "it has drifted",
            };
            self.take_away(now, node, why);
        }
        // The next pass follows at once.
        self.disrupt(now, pool);
    }

    /// When each node is as old as it may be; those that are older already go evenly over that time.
    pub(super) fn expire_in_time(&mut self, now: Time) {
        let By::Karpenter(Pool { expire_after: Some(after), .. }) = self.provisioner().spec.by
        else {
            return;
        };
        for node in self.of_groups() {
            let left = after - self.cluster.nodes[node].age;
            let luck = self.run.seed.uniform("expires", u64::from(node.0));
            let left = if left > Dur::ZERO { left } else { after.part(luck) };
            debug_assert!(left >= Dur::ZERO, "what is to come is not over");
            self.queue.schedule(now + left, WorldEvent::Provision(Event::Expires(node)));
        }
    }

    /// Past all budgets: its pods get other nodes at the same time.
    pub(super) fn expires(&mut self, now: Time, node: NodeId) {
        if !self.of_groups().contains(&node) {
            return;
        }
        self.take_away(now, node, "it is as old as expireAfter allows");
        debug_assert!(!self.of_groups().contains(&node), "it goes");
        self.launch_for_pending(now);
    }

    /// Its annotation says so, and it is young enough.
    pub(super) fn is_not_to_be_disrupted(&self, now: Time, pod: PodId) -> bool {
        let By::Karpenter(_) = &self.provisioner().spec.by else { return false };
        let stays = self.cluster.template_of(pod).stays.do_not_disrupt;
        stays > Dur::ZERO && now - self.cluster.pods[pod].created < stays
    }
}
