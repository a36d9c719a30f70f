//! Nodes that are taken away: their pods are evicted, and then the machine ends.

use super::{Event, WorldEvent};
use crate::cluster::objects::{NodeId, PodId};
use crate::cluster::write::Write;
use crate::engine::{Dur, Time};
use crate::model::disruption::eviction::Answer;
use crate::model::node::karpenter;
use crate::model::node::provision::By;
use crate::world::World;

/// A node that goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Going {
    /// Which.
    pub node: NodeId,
    /// Its machine ends at that event.
    pub empty: bool,
}

impl World<'_> {
    /// The node takes no new pods; those that are there are asked to go.
    pub(super) fn take_away(&mut self, now: Time, node: NodeId, why: &str) {
        let pods = self.pods_to_move(node);
        let name = self.cluster.nodes[node].name.clone();
        self.note(now, format!("{name} is taken away: {why}"));
        self.goals.settle();
        self.cordon(now, node, true);
        self.provisioner_mut().going.push(Going { node, empty: false });
        self.provisioner_mut().turnover.taken.push(now);
        self.provisioner_mut().changed = now;
        let asked = now + self.latency(|l| &l.api_write);
        debug_assert!(asked >= now, "a call is answered after it is made");
        for &pod in &pods {
            let evict = Event::Evict { pod, refused: 0 };
            self.queue.schedule(asked, WorldEvent::Provision(evict));
        }
        match &self.provisioner().spec.by {
            By::ClusterAutoscaler(_) => {
                let most = self.scenario.kubernetes.defaults.ca_eviction_time;
                let gives_up = WorldEvent::Provision(Event::GivesUp(node));
                self.queue.schedule(now + most, gives_up);
            }
            By::Karpenter(pool) => self.delete_in_time(now, pool.grace, &pods),
        }
        if pods.is_empty() {
            self.is_empty_now(asked, node);
        }
    }

    /// The node waits so long at most: pods get their own grace period before that.
    fn delete_in_time(&mut self, now: Time, grace: Option<Dur>, pods: &[PodId]) {
        let Some(grace) = grace else { return };
        for &pod in pods {
            let own = self.cluster.template_of(pod).termination_grace_period_seconds;
            let at = (now + grace - Dur::from_secs(own)).max(now);
            debug_assert!(at >= now, "nothing is deleted before");
            self.queue.schedule(at, WorldEvent::Provision(Event::Delete(pod)));
        }
    }

    /// It is being taken away.
    pub(super) fn is_taken(&self, node: NodeId) -> bool {
        self.provisioner().going.iter().any(|g| g.node == node)
    }

    /// The same, and it is not empty yet.
    fn is_going(&self, node: NodeId) -> bool {
        self.provisioner().going.iter().any(|g| g.node == node && !g.empty)
    }

    /// The pod is there, and its node goes.
    fn has_to_go(&self, pod: PodId) -> bool {
        let object = &self.cluster.pods[pod];
        object.stays() && object.node.is_some_and(|node| self.is_going(node))
    }

    pub(super) fn evict_from_going(&mut self, now: Time, pod: PodId, refused: u32) {
        if !self.has_to_go(pod) {
            return;
        }
        let defaults = &self.scenario.kubernetes.defaults;
        let (wait, grace) = match &self.provisioner().spec.by {
            By::ClusterAutoscaler(flags) => {
                let own = self.cluster.template_of(pod).termination_grace_period_seconds;
                (defaults.ca_eviction_retry, Some(own.min(flags.graceful_termination)))
            }
            By::Karpenter(_) => {
                let (base, most) =
                    (defaults.karpenter_eviction_base, defaults.karpenter_eviction_max);
                (karpenter::eviction_wait(base, most, refused), None)
            }
        };
        // Karpenter does not ask for those that are not to be disrupted.
        let stays = self.is_not_to_be_disrupted(now, pod);
        let at = now + self.latency(|l| &l.api_write);
        if !stays && self.evict(now, pod).0 == Answer::Deleted {
            self.queue.schedule(at, WorldEvent::Write(Write::DeletePod { pod, grace }));
            return;
        }
        debug_assert!(wait > Dur::ZERO, "who is refused waits");
        let again = Event::Evict { pod, refused: refused + 1 };
        self.queue.schedule(now + wait, WorldEvent::Provision(again));
    }

    pub(super) fn delete_from_going(&mut self, now: Time, pod: PodId) {
        if self.has_to_go(pod) {
            self.delete_pod(now, pod, None);
        }
    }

    /// A pod is gone: its node may be empty.
    pub(in crate::world) fn going_without(&mut self, now: Time, pod: PodId) {
        if self.provisioner.is_none() {
            return;
        }
        let Some(node) = self.cluster.pods[pod].node.filter(|&node| self.is_going(node)) else {
            return;
        };
        if self.pods_to_move(node).is_empty() {
            debug_assert!(self.is_going(node), "it has been asked to");
            self.is_empty_now(now, node);
        }
    }

    fn is_empty_now(&mut self, at: Time, node: NodeId) {
        let mut going = self.provisioner_mut().going.iter_mut();
        if let Some(going) = going.find(|g| g.node == node) {
            going.empty = true;
        }
        debug_assert!(!self.is_going(node), "it waits for no pod any more");
        self.queue.schedule(at, WorldEvent::Provision(Event::Ends(node)));
    }

    pub(super) fn machine_of_going_ends(&mut self, now: Time, node: NodeId) {
        self.leave(now, node);
        self.provisioner_mut().going.retain(|g| g.node != node);
        self.provisioner_mut().changed = now;
        debug_assert!(!self.cluster.nodes[node].is_there(), "its object goes with it");
        let name = self.cluster.nodes[node].name.clone();
        self.note(now, format!("{name} is gone"));
    }

    /// Evictions were refused for too long: the node stays.
    pub(super) fn gives_up(&mut self, now: Time, node: NodeId) {
        let stuck = self.pods_to_move(node);
        let refused = stuck.iter().any(|&p| self.cluster.pods[p].deleting.is_none());
        if !self.is_going(node) || !refused {
            return;
        }
        self.provisioner_mut().going.retain(|g| g.node != node);
        self.provisioner_mut().failed = now;
        self.provisioner_mut().turnover.stayed += 1;
        self.cordon(now, node, false);
        debug_assert!(!self.is_going(node), "it stays");
        let name = self.cluster.nodes[node].name.clone();
        self.note(now, format!("{name} stays: {} pods could not be evicted", stuck.len()));
    }
}
