//! The update of a managed node group, in EKS's own order: further nodes come, all old ones are cordoned and
//! excluded from load balancers, each is emptied and its machine ends, and the further ones go again.

use super::draining::Round;
use super::goals::Goal;
use super::{Event, World, says};
use crate::cluster::objects::NodeId;
use crate::cluster::write::Write;
use crate::engine::{Dur, Time};
use crate::model::plumbing::Ctx;
use crate::scenario::ActionKind;
use crate::scenario::maintenance::Upgrade;

/// How far an update is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Further nodes boot.
    Growing,
    /// Old nodes are emptied.
    Moving,
    /// The last machines boot.
    Filling,
    /// Further nodes go.
    Shrinking,
    /// All is done.
    Over,
}

/// An update under way.
#[derive(Debug)]
pub(super) struct Upgrading {
    action: u32,
    stage: Stage,
    /// New machines launched so far, and nodes that joined.
    launched: usize,
    joined: usize,
}

impl World<'_> {
    pub(super) fn begin_upgrade(&mut self, now: Time, goal: Goal, upgrade: &Upgrade) -> String {
        let action = goal.action;
        // One for all that comes after the old nodes.
        let steps = upgrade.old.len() as u32 + upgrade.further + 1;
        debug_assert!(upgrade.new.len() == steps as usize - 1, "one new node for each step");
        self.goals.begin(Goal::new(action, now, Vec::new()).in_steps(steps));
        let (stage, launched, joined) = (Stage::Growing, 0, 0);
        self.actions.upgrades.push(Upgrading { action, stage, launched, joined });
        for _ in 0..upgrade.further {
            self.launch(now, action);
        }
        format!("update {} nodes", upgrade.old.len())
    }

    fn upgrading(&mut self, action: u32) -> Option<&mut Upgrading> {
        self.actions.upgrades.iter_mut().find(|u| u.action == action)
    }

    fn upgrade(&self, action: u32) -> Option<&Upgrade> {
        match self.action(action) {
            ActionKind::Upgrade(upgrade) => Some(upgrade),
            _ => None,
        }
    }

    /// The group launches its next machine.
    fn launch(&mut self, now: Time, action: u32) {
        let Some(state) = self.upgrading(action) else { return };
        let next = state.launched;
        state.launched += 1;
        let node = self.upgrade(action).and_then(|u| u.new.get(next)).copied();
        debug_assert!(node.is_some(), "a node for each machine");
        if let Some(node) = node {
            self.boot(now, (action, node));
        }
    }

    /// A machine has ended: the group keeps its size, until the further ones go.
    pub(super) fn replace(&mut self, now: Time, action: u32) {
        if self.upgrading(action).is_some_and(|u| u.stage == Stage::Moving) {
            debug_assert!(self.upgrade(action).is_some(), "only an update replaces machines");
            self.launch(now, action);
        }
    }

    /// A node has joined.
    pub(super) fn joined(&mut self, now: Time, action: u32) {
        let Some(upgrade) = self.upgrade(action).cloned() else {
            return self.goals.step_done(action, None);
        };
        let Some(state) = self.upgrading(action) else { return };
        state.joined += 1;
        debug_assert!(state.joined <= upgrade.new.len(), "no more join than were launched");
        let (stage, joined) = (state.stage, state.joined);
        if stage == Stage::Growing && joined >= upgrade.further as usize {
            self.move_over(now, action, &upgrade);
        } else if stage == Stage::Filling && joined >= upgrade.new.len() {
            self.shrink(now, action, &upgrade);
        }
    }

    /// All old nodes take no new pods, and no new connections of load balancers; each is emptied in turn.
    fn move_over(&mut self, now: Time, action: u32, upgrade: &Upgrade) {
        let ctx = Ctx { run: self.run, now, slowdown: self.slowdown() };
        for &node in &upgrade.old {
            if !self.cluster.nodes[node].is_there() {
                continue;
            }
            self.cluster.apply(now, Write::SetUnschedulable { node, value: true });
            for (layer, balancer) in (0..).zip(&mut self.balancers) {
                let out = &mut says(&mut self.queue, |e| Event::Balancer(layer, e));
                balancer.node_excluded(ctx, node, out);
            }
        }
        let note = "old nodes are cordoned, and excluded from load balancers".to_owned();
        self.note(now, note);
        self.set_stage(action, Stage::Moving);
        let mut round = Round::new(action, &upgrade.old, upgrade.how.clone());
        round.at_once = upgrade.at_once;
        round.ends_after = Some(self.scenario.kubernetes.defaults.eks_settle);
        debug_assert!(!round.waiting.is_empty(), "a group has nodes");
        self.begin_round(now, round);
    }

    fn set_stage(&mut self, action: u32, stage: Stage) {
        let state = self.upgrading(action).expect("an update under way");
        debug_assert!(state.stage != stage, "a stage comes once");
        state.stage = stage;
    }

    /// All nodes of a round are empty.
    pub(super) fn round_is_over(&mut self, now: Time, action: u32) {
        let Some(state) = self.upgrading(action) else { return };
        let (stage, joined) = (state.stage, state.joined);
        debug_assert!(stage != Stage::Growing, "rounds come after it");
        let Some(upgrade) = self.upgrade(action).cloned() else { return };
        match stage {
            Stage::Moving => {
                self.set_stage(action, Stage::Filling);
                if joined >= upgrade.new.len() {
                    self.shrink(now, action, &upgrade);
                }
            }
            Stage::Shrinking => {
                self.set_stage(action, Stage::Over);
                self.goals.step_done(action, None);
            }
            Stage::Growing | Stage::Filling | Stage::Over => {}
        }
    }

    /// The group has its old size again: those with the fewest pods go, one by one.
    fn shrink(&mut self, now: Time, action: u32, upgrade: &Upgrade) {
        self.set_stage(action, Stage::Shrinking);
        let mut nodes: Vec<(usize, NodeId)> =
            upgrade.new.iter().map(|&n| (self.pods_on(n).count(), n)).collect();
        nodes.sort_unstable();
        nodes.truncate(upgrade.further as usize);
        let nodes: Vec<NodeId> = nodes.into_iter().map(|(_, node)| node).collect();
        debug_assert!(nodes.len() == upgrade.further as usize, "as many go as came");
        let mut round = Round::new(action, &nodes, upgrade.how.clone());
        round.ends_after = Some(Dur::ZERO);
        self.begin_round(now, round);
    }
}
