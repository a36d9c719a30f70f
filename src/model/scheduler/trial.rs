//! What would fit where: a copy of what the scheduler knows, for those who ask before they add a node or take
//! one away. Cluster Autoscaler and Karpenter both run kube-scheduler's own plugins for that.

use super::cache::Cache;
use super::choice::Chooser;
use super::plan::Plan;
use super::profile::Profile;
use crate::cluster::objects::{NodeId, PodId, TemplateId};
use crate::cluster::placement::Node;
use crate::cluster::server::Cluster;
use crate::cluster::spec::Resources;
use crate::engine::{List, Seed};
use std::sync::Arc;

/// Places pods without anybody seeing it.
#[derive(Clone, Debug)]
pub struct Trial<'a> {
    profile: &'a Profile,
    seed: Seed,
    cache: Cache,
}

impl<'a> Trial<'a> {
    pub(super) fn new(profile: &'a Profile, seed: Seed, cache: Cache) -> Trial<'a> {
        Trial { profile, seed, cache }
    }

    /// Whether the node is known to be there, or not, as it is now.
    pub fn knows(&self, node: NodeId, now: &Node) -> bool {
        self.cache.nodes[node].presence == now.presence
    }

    /// From now on the node is like this; each of these templates has a pod on it.
    pub fn change(&mut self, node: NodeId, to: Node, daemons: &[TemplateId], cluster: &Cluster) {
        debug_assert!(node.index() < self.cache.nodes.len(), "all nodes there will be are known");
        self.cache.node_changed(node, Arc::new(to));
        for &template in daemons {
            let share = Plan::new(template, cluster, &mut self.cache, self.profile).share;
            self.cache.reserve_on(node, share);
        }
    }

    /// Takes these pods from where they are, and finds other nodes for them, as far as there is room. Which
    /// they go to, in their order; None: one fits nowhere, and nobody has to ask for the others.
    pub fn move_all(&mut self, pods: &[PodId], cluster: &Cluster) -> Option<Vec<NodeId>> {
        for &pod in pods {
            if let Some(held) = self.cache.held(pod) {
                let share = Plan::new(held, cluster, &mut self.cache, self.profile).share;
                self.cache.deleting(pod);
                self.cache.release(pod, share);
            }
        }
        self.place_all(pods, cluster).into_iter().collect()
    }

    /// Where each of them goes, one after the other; None: it fits nowhere.
    pub fn place_all(&mut self, pods: &[PodId], cluster: &Cluster) -> Vec<Option<NodeId>> {
        let mut plans: List<TemplateId, Plan> = List::new();
        let mut chooser = Chooser::default();
        let mut full: Vec<TemplateId> = Vec::new();
        let mut place = |pod: &PodId| {
            let object = &cluster.pods[*pod];
            let template = object.spec;
            if full.contains(&template) || object.pinned.is_some() {
                return None;
            }
            let plan = plans.entry(template);
            if !plan.is_current(&self.cache, cluster) {
                *plan = Plan::new(template, cluster, &mut self.cache, self.profile);
            }
            let luck = || self.seed.stream("placement", object.uid);
            let Some(node) = chooser.choose(plan, &self.cache, self.profile, luck) else {
                full.push(template);
                return None;
            };
            self.cache.hold(*pod, template, node, plan.share);
            Some(node)
        };
        let placed: Vec<Option<NodeId>> = pods.iter().map(&mut place).collect();
        debug_assert!(placed.len() == pods.len(), "each has an answer");
        placed
    }

    /// What the pods on a node request, and what it has; None: it has no limits.
    pub fn load(&self, node: NodeId) -> Option<(Resources, Resources)> {
        let all = self.cache.nodes[node].allocatable?;
        Some((self.cache.used[node].requested, all))
    }
}
