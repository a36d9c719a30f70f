//! What strikes at random: spot instances that are taken back, and chaos.

use super::draining::Round;
use super::goals::Goal;
use super::step::Step;
use super::{Event, World, says};
use crate::cluster::objects::NodeId;
use crate::cluster::placement::Presence;
use crate::engine::{Dur, Time};
use crate::model::node::lifecycle::{shutdown_group, shutdown_groups};
use crate::model::plumbing::{Ctx, Scene};
use crate::scenario::ActionKind;
use crate::scenario::maintenance::{Chaos, Drain, Handler, Spot, Struck};

impl World<'_> {
    pub(super) fn begin_spot(&mut self, now: Time, goal: Goal, spot: &Spot) -> String {
        let action = goal.action;
        let node = spot.node.unwrap_or_else(|| self.first_with_a_pod());
        let name = self.cluster.nodes[node].name.clone();
        self.goals.begin(Goal::new(action, now, Vec::new()).in_steps(1));
        let hears = match spot.handler {
            Handler::None => None,
            Handler::GracefulShutdown { .. } => Some(Dur::ZERO),
            Handler::Nth | Handler::Karpenter => {
                let poll = self.scenario.kubernetes.defaults.spot_handler_poll;
                Some(poll.part(self.user.uniform()))
            }
        };
        if let Some(after) = hears.filter(|after| *after < spot.notice) {
            let step = Step::Noticed { action, node };
            self.queue.schedule(now + after, Event::Action(step));
        }
        debug_assert!(spot.notice >= Dur::ZERO, "a notice comes before the end");
        let step = Step::MachineEnds { action, node };
        self.queue.schedule(now + spot.notice, Event::Action(step));
        format!("{name} is taken back in {} s", spot.notice.as_secs_f64())
    }

    fn spot(&self, action: u32) -> &Spot {
        match self.action(action) {
            ActionKind::Spot(spot) => spot,
            kind => panic!("{kind:?} takes no machine back"),
        }
    }

    /// Somebody hears of the notice.
    pub(super) fn noticed(&mut self, now: Time, action: u32, node: NodeId) {
        let spot = self.spot(action).clone();
        debug_assert!(spot.handler != Handler::None, "somebody hears of it");
        match spot.handler {
            Handler::None => {}
            Handler::GracefulShutdown { total, critical } => {
                let groups = shutdown_groups(total, critical);
                if groups.is_empty() {
                    return;
                }
                // Priority classes are not modelled: no pod is critical.
                let own = shutdown_group(&groups, 0);
                let before = Dur(groups[..own].iter().map(|g| g.grace.0).sum());
                let turn = (before, groups[own].grace);
                let ctx = Ctx { run: self.run, now, slowdown: self.slowdown() };
                let (cluster, timeline) = (&self.cluster, &mut self.timeline);
                let mut scene = Scene { ctx, cluster, timeline };
                let out = &mut says(&mut self.queue, Event::Kubelet);
                self.kubelets.shut_down(&mut scene, node, turn, out);
                let note = "the kubelet shuts its pods down".to_owned();
                self.note(now, note);
            }
            Handler::Nth | Handler::Karpenter => {
                let how = Drain { force: true, ..Drain::default() };
                let mut round = Round::new(action, &[node], how);
                // Karpenter ends the machine when it is empty; else EC2 does.
                let ends = spot.handler == Handler::Karpenter;
                round.ends_after = ends.then_some(Dur::ZERO);
                self.goals.more_steps(action, 1);
                if let Some(instead) = spot.instead {
                    self.goals.more_steps(action, 1);
                    self.boot(now, (action, instead));
                }
                self.begin_round(now, round);
            }
        }
    }

    /// The machine is no more, whatever is on it.
    pub(super) fn machine_ends(&mut self, now: Time, action: u32, node: NodeId) {
        if !self.cluster.nodes[node].is_there() {
            self.goals.step_done(action, None);
            return self.goals.look(now, &self.cluster);
        }
        let name = &self.cluster.nodes[node].name;
        let note = format!("the machine of {name} ends");
        self.note(now, note);
        if self.is_alive(node) {
            self.lose_all(now, action, &[node]);
        } else {
            // It was dead before, or nobody heard of it.
            self.ends_unheard(now, action, node);
        }
        debug_assert!(!self.is_alive(node), "a machine ends once");
        self.goals.step_done(action, None);
        self.goals.look(now, &self.cluster);
    }

    pub(super) fn begin_chaos(&mut self, now: Time, goal: Goal, chaos: &Chaos) -> String {
        let action = goal.action;
        let first = Goal::new(action, now, vec![self.subject()]).in_steps(chaos.blows);
        self.goals.begin(first);
        for blow in 0..chaos.blows {
            let at = now + Dur(chaos.every.0 * i64::from(blow));
            self.queue.schedule(at, Event::Action(Step::Strikes { action, blow }));
        }
        debug_assert!(chaos.blows > 0, "it strikes at least once");
        "chaos begins".to_owned()
    }

    /// Some of what is there fails.
    pub(super) fn strikes(&mut self, now: Time, action: u32, blow: u32) {
        let ActionKind::Chaos(chaos) = self.action(action) else {
            panic!("chaos alone strikes");
        };
        let number = (u64::from(action) << 32) | (u64::from(blow) + 1);
        let share = |n: usize| (libm::round(chaos.share * n as f64) as usize).clamp(1, n.max(1));
        match chaos.what {
            Struck::Pod => {
                let mut pods = self.named_pods(self.subject());
                pods.retain(|p| self.cluster.pods[*p].deleting.is_none());
                self.shuffle(&mut pods, number);
                pods.truncate(share(pods.len()));
                self.note(now, format!("{} pods are deleted", pods.len()));
                for pod in pods {
                    self.delete_pod(now, pod, None);
                }
            }
            Struck::Node | Struck::Zone => {
                let mut nodes: Vec<NodeId> =
                    self.cluster.nodes.ids().filter(|&n| self.is_alive(n)).collect();
                self.shuffle(&mut nodes, number);
                let hit = match chaos.what {
                    Struck::Zone => nodes
                        .first()
                        .and_then(|n| self.cluster.nodes[*n].zone().map(str::to_owned))
                        .map_or(Vec::new(), |zone| self.nodes_of(&zone)),
                    _ => nodes[..share(nodes.len()).min(nodes.len())].to_vec(),
                };
                // The last nodes are left: without any nothing can be asked.
                let hit: Vec<NodeId> = if hit.len() < nodes.len() { hit } else { Vec::new() };
                self.note(now, format!("{} nodes die", hit.len()));
                self.lose_all(now, action, &hit);
            }
        }
        debug_assert!(blow < chaos.blows, "no more blows than were asked for");
        self.goals.step_done(action, None);
    }

    /// The node is there, and nobody has killed it.
    pub(super) fn is_alive(&self, node: NodeId) -> bool {
        let lost = self.actions.lost.iter().any(|(_, lost)| *lost == node);
        self.cluster.nodes[node].presence == Presence::Ready && !lost
    }

    /// In an order of the run's own.
    pub(super) fn shuffle<T>(&self, list: &mut [T], number: u64) {
        let mut rng = self.run.seed.stream("chaos", number);
        for last in (1..list.len()).rev() {
            list.swap(last, rng.below(last as u64 + 1) as usize);
        }
    }
}
