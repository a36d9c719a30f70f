//! What the scheduler knows: nodes, and the pods on them, as its watches have shown them and as it has
//! decided itself.

use crate::cluster::objects::{NodeId, PodId, TemplateId};
use crate::cluster::placement::Node;
use crate::cluster::spec::Resources;
use crate::engine::List;
use std::sync::Arc;

/// What a pod takes of a node.
#[derive(Clone, Copy, Debug, Default)]
pub struct Share {
    /// The containers' requests.
    pub requested: Resources,
    /// The same for scores, where containers that request nothing count too.
    pub scored: Resources,
}

/// Pods of one template by node.
#[derive(Clone, Debug, Default)]
struct Present {
    all: List<NodeId, i32>,
    /// Those that are not being deleted.
    live: List<NodeId, i32>,
}

#[derive(Clone, Debug)]
struct Key {
    name: String,
    /// Per node: a number for its value, whether or not it is there; None: it has none.
    numbers: List<NodeId, Option<u32>>,
    /// The same of those that are there.
    domains: List<NodeId, Option<u32>>,
}

impl Key {
    fn new(name: &str, nodes: &[Arc<Node>]) -> Key {
        let mut values: Vec<&String> = nodes.iter().filter_map(|n| n.labels.get(name)).collect();
        values.sort_unstable();
        values.dedup();
        let number = |v: &String| values.binary_search(&v).expect("all values are there") as u32;
        let numbers = nodes.iter().map(|n| n.labels.get(name).map(number)).collect();
        let domains = List::new();
        let mut key = Key { name: name.to_owned(), numbers, domains };
        let there = |(number, node): (&Option<u32>, &Arc<Node>)| number.filter(|_| node.is_there());
        key.domains = key.numbers.iter().zip(nodes).map(there).collect();
        key
    }
}

/// What the scheduler knows of nodes, and of pods on them.
#[derive(Clone, Debug)]
pub struct Cache {
    /// As its watch has shown them, by number.
    pub nodes: List<NodeId, Arc<Node>>,
    /// Counts changes of nodes.
    pub version: u32,
    /// Counts what changes where pods fit.
    pub changes: u64,
    /// In the order in which they are tried: one of each zone in turn.
    pub order: Vec<NodeId>,
    /// How many are on each node, or will be.
    pub pods: List<NodeId, u32>,
    /// What the pods take of each node.
    pub used: List<NodeId, Share>,
    by_template: List<TemplateId, Present>,
    /// Per pod: the node decided on, bound or not, and what it counts there as.
    decided: List<PodId, Option<(NodeId, TemplateId)>>,
    keys: Vec<Key>,
}

impl Cache {
    /// Of nodes without pods.
    pub fn new(nodes: &[Arc<Node>]) -> Cache {
        Cache {
            nodes: nodes.to_vec().into(),
            version: 0,
            changes: 0,
            order: in_turn(nodes),
            pods: vec![0; nodes.len()].into(),
            used: vec![Share::default(); nodes.len()].into(),
            by_template: List::new(),
            decided: List::new(),
            keys: Vec::new(),
        }
    }

    /// Room for so many pods.
    pub fn reserve(&mut self, pods: usize) {
        self.decided.reserve(pods);
    }

    /// The node a pod is on, or will be.
    pub fn node_of(&self, pod: PodId) -> Option<NodeId> {
        self.decided.get(pod).copied().flatten().map(|(node, _)| node)
    }

    /// The template that a pod counts as; None: it has no node.
    pub fn held(&self, pod: PodId) -> Option<TemplateId> {
        self.decided.get(pod).copied().flatten().map(|(_, template)| template)
    }

    /// Pods of a template on each node (empty: there are none).
    pub fn all(&self, template: TemplateId) -> &[i32] {
        self.by_template.get(template).map_or(&[], |p| &p.all)
    }

    /// Those of them that are not being deleted.
    pub fn live(&self, template: TemplateId) -> &[i32] {
        self.by_template.get(template).map_or(&[], |p| &p.live)
    }

    fn present(&mut self, template: TemplateId) -> &mut Present {
        let nodes = self.nodes.len();
        let present = self.by_template.entry(template);
        present.all.resize(nodes, 0);
        present.live.resize(nodes, 0);
        present
    }

    /// A pod goes to a node.
    pub fn hold(&mut self, pod: PodId, template: TemplateId, node: NodeId, share: Share) {
        *self.decided.entry(pod) = Some((node, template));
        let present = self.present(template);
        present.all[node] += 1;
        present.live[node] += 1;
        self.pods[node] += 1;
        let used = &mut self.used[node];
        used.requested = used.requested.plus(share.requested);
        used.scored = used.scored.plus(share.scored);
        self.changes += 1;
    }

    /// Something that is no pod yet takes a share of a node.
    pub fn reserve_on(&mut self, node: NodeId, share: Share) {
        self.pods[node] += 1;
        let used = &mut self.used[node];
        used.requested = used.requested.plus(share.requested);
        used.scored = used.scored.plus(share.scored);
        debug_assert!(used.requested.cpu_millis >= 0, "what is taken is not negative");
        self.changes += 1;
    }

    /// A pod is being deleted (told once): it keeps its room, but others no longer spread away from it.
    pub fn deleting(&mut self, pod: PodId) {
        if let (Some(node), Some(template)) = (self.node_of(pod), self.held(pod)) {
            self.present(template).live[node] -= 1;
            debug_assert!(self.pods[node] > 0, "a pod that goes was there");
            self.changes += 1;
        }
    }

    /// A pod is gone from the API: its room is free.
    pub fn release(&mut self, pod: PodId, share: Share) {
        let Some((node, template)) = self.decided.get(pod).copied().flatten() else { return };
        let present = self.present(template);
        present.all[node] -= 1;
        assert!(present.all[node] >= 0, "no pod goes twice");
        self.pods[node] -= 1;
        let used = &mut self.used[node];
        used.requested = used.requested.minus(share.requested);
        used.scored = used.scored.minus(share.scored);
        self.changes += 1;
    }

    /// A node is seen to be another.
    pub fn node_changed(&mut self, node: NodeId, to: Arc<Node>) {
        let was = std::mem::replace(&mut self.nodes[node], to);
        let now = &self.nodes[node];
        let (there, labels) = (now.is_there(), was.labels == now.labels);
        if was.is_there() != there || !labels {
            self.order = in_turn(&self.nodes);
        }
        debug_assert!(self.order.len() <= self.nodes.len(), "each node that is there has its turn");
        self.version += 1;
        self.changes += 1;
        for key in &mut self.keys {
            match labels {
                true => key.domains[node] = key.numbers[node].filter(|_| there),
                false => *key = Key::new(&key.name, &self.nodes),
            }
        }
    }

    /// A number for a topology key.
    pub fn key(&mut self, name: &str) -> usize {
        let known = self.keys.iter().position(|k| k.name == name);
        let place = known.unwrap_or_else(|| {
            self.keys.push(Key::new(name, &self.nodes));
            self.keys.len() - 1
        });
        debug_assert!(self.keys[place].domains.len() == self.nodes.len(), "{name}: of all nodes");
        place
    }

    /// Per node: its domain of the key with that number.
    pub fn domains(&self, key: usize) -> &[Option<u32>] {
        &self.keys[key].domains
    }
}

/// `pkg/scheduler/backend/cache/node_tree.go: list`.
fn in_turn(nodes: &[Arc<Node>]) -> Vec<NodeId> {
    let mut zones: Vec<(Option<&str>, Vec<NodeId>)> = Vec::new();
    for (n, node) in (0..).map(NodeId).zip(nodes).filter(|(_, node)| node.is_there()) {
        match zones.iter_mut().find(|(zone, _)| *zone == node.zone()) {
            Some((_, members)) => members.push(n),
            None => zones.push((node.zone(), vec![n])),
        }
    }
    let longest = zones.iter().map(|(_, members)| members.len()).max().unwrap_or(0);
    let row = |i: usize| zones.iter().filter_map(move |(_, members)| members.get(i).copied());
    (0..longest).flat_map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::placement::ZONE;

    #[test]
    fn zones_take_turns() {
        let node = |zone: &str| {
            let labels = [(ZONE.to_owned(), zone.to_owned())].into();
            Arc::new(Node { labels, ..Node::default() })
        };
        let nodes = ["a", "a", "b", "a", "c"].map(node);
        assert_eq!(in_turn(&nodes), [0, 2, 4, 1, 3].map(NodeId));
    }
}
