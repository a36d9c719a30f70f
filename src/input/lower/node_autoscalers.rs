//! Cluster Autoscaler and Karpenter: what they go by, and the nodes that they may bring, which are in the
//! list from the start as absent.

use crate::cluster::objects::NodeId;
use crate::cluster::placement::{HOSTNAME, Node, Presence};
use crate::cluster::spec::Labels;
use crate::engine::{Dist, Dur};
use crate::input::bounds;
use crate::input::cards;
use crate::input::lower::lowering::Lowering;
use crate::input::lower::node_pools;
use crate::input::raw::node_autoscaler::{NodeAutoscalerCase, NodeAutoscalerKind};
use crate::model::node::karpenter::POOL;
use crate::model::node::provision::{By, Flags, Group, NodeAutoscaler};
use crate::model::platform::Defaults;

/// The section of the scenario.
const KEY: &str = "node_autoscaler";
/// So many more nodes may come where nobody says.
const FURTHER: usize = 10;
/// So many of a group at most.
const MOST: u32 = 1000;

impl Lowering<'_> {
    /// Who brings nodes; and appends those to `nodes` that may come. `there`: so many are there at the start,
    /// and somebody gave them.
    pub(super) fn node_autoscaler(
        &mut self,
        nodes: &mut Vec<Node>,
        (there, given): (usize, bool),
    ) -> Option<NodeAutoscaler> {
        let case = self.input.case.node_autoscaler.clone();
        let pool = node_pools::is_given(self.input);
        let kind = match &case {
            Some(case) => case.kind,
            None if pool => NodeAutoscalerKind::Karpenter,
            None => return None,
        };
        if kind == NodeAutoscalerKind::None {
            return None;
        }
        if !given || nodes[..there].iter().any(|node| node.allocatable.is_none()) {
            self.without_limits(case.is_some(), given);
            return None;
        }
        let case = case.unwrap_or(NodeAutoscalerCase::of(kind));
        let by = match kind {
            NodeAutoscalerKind::ClusterAutoscaler => By::ClusterAutoscaler(self.flags(&case)),
            _ => By::Karpenter(node_pools::pool(self, &case)),
        };
        let boot = self.boot(&case);
        let groups = self.groups(&case, nodes, there, &by);
        Some(NodeAutoscaler { by, groups, boot })
    }

    /// How full a node is, and what fits on another, is known of nodes with limits alone.
    fn without_limits(&mut self, asked: bool, given: bool) {
        if !asked {
            let text = "NodePool (nodes without cpu and memory have room for all pods: none comes)";
            return self.note(text.to_owned());
        }
        let text = match given {
            true => "nodes without cpu and memory have room for all pods",
            false => "nodes come to a cluster whose nodes nobody gave",
        };
        let error = self.fail(KEY, text);
        error.suggestion = Some(
            "give what nodes have: [[nodes]] with cpu and memory, or the output of kubectl get nodes"
                .to_owned(),
        );
    }

    fn flags(&mut self, case: &NodeAutoscalerCase) -> Flags {
        let defaults = *cards::kubernetes();
        let mut time = |key: &str, given: Option<f64>, usual: Dur| {
            let key = format!("{KEY}.{key}");
            Dur::from_secs_f64(self.seconds(&key, given, usual.as_secs_f64()))
        };
        let scan = time("scan_s", case.scan_s, defaults.ca_scan).max(Dur::from_secs(1));
        let unneeded = time("unneeded_s", case.unneeded_s, defaults.ca_unneeded);
        let delay_after_add =
            time("delay_after_add_s", case.delay_after_add_s, defaults.ca_delay_after_add);
        let utilization =
            case.utilization.unwrap_or(defaults.ca_utilization_percent as f64 / 100.0);
        if !(0.0..=1.0).contains(&utilization) {
            let error = self.fail(&format!("{KEY}.utilization"), "value out of range");
            error.found = Some(utilization.to_string());
            error.allowed = Some("a share from 0 to 1".to_owned());
        }
        let graceful = case.max_graceful_termination_s.unwrap_or(defaults.ca_graceful_termination);
        self.assume(
            &format!("{KEY}.expander"),
            "a node of the first group that takes one of the pods, in the order of the nodes",
        );
        Flags {
            scan,
            scale_down: case.scale_down.unwrap_or(true),
            unneeded,
            utilization: (utilization.clamp(0.0, 1.0) * 1000.0) as i64,
            delay_after_add,
            graceful_termination: graceful.max(0),
        }
    }

    fn boot(&mut self, case: &NodeAutoscalerCase) -> Dist {
        let Defaults { ca_boot_median, ca_boot_p99, .. } = *cards::kubernetes();
        let Defaults { node_boot_median, node_boot_p99, .. } = *cards::kubernetes();
        if case.boot_s.is_some() {
            return Dist::constant(self.seconds(&format!("{KEY}.boot_s"), case.boot_s, 0.0));
        }
        let (median, p99) = match case.kind {
            NodeAutoscalerKind::ClusterAutoscaler => (ca_boot_median, ca_boot_p99),
            _ => (node_boot_median, node_boot_p99),
        };
        let (median_s, p99_s) = (median.as_secs_f64(), p99.as_secs_f64());
        let text = format!(
            "{median_s} s in the median, {p99_s} s at the 99th percentile; no image is there"
        );
        self.assume("until a new node is ready", text);
        Dist::LogNormal { median_s, p99_s, min_s: 0.0 }
    }

    /// Nodes that are alike, with those of each that may come.
    fn groups(
        &mut self,
        case: &NodeAutoscalerCase,
        nodes: &mut Vec<Node>,
        there: usize,
        by: &By,
    ) -> Vec<Group> {
        let managed = self.managed(&nodes[..there], by);
        let mut groups: Vec<Group> = Vec::new();
        for node in managed {
            let alike =
                |g: &&mut Group| are_alike(&nodes[g.there[0].index()], &nodes[node.index()]);
            match groups.iter_mut().find(alike) {
                Some(group) => group.there.push(node),
                None => {
                    let (there, further) = (vec![node], Vec::new());
                    groups.push(Group { there, further, min: 0, max: 0 });
                }
            }
        }
        let karpenter = matches!(by, By::Karpenter(_));
        for group in &mut groups {
            let now = group.there.len();
            group.min = case.min_nodes.map_or(usize::from(!karpenter), |n| n as usize);
            group.max = case.max_nodes.map_or(now + FURTHER, |n| n.min(MOST) as usize);
            // Who has gone does not come again: others do.
            let further = 2 * group.max.saturating_sub(now.min(group.min)) + 1;
            for _ in 0..further {
                if nodes.len() >= bounds::NODES {
                    break;
                }
                let number = group.further.len() + 1;
                let node = newcomer(&nodes[group.there[0].index()], number);
                group.further.push(NodeId(nodes.len() as u16));
                nodes.push(node);
            }
        }
        self.bounds_of_groups(case, &groups, karpenter);
        groups
    }

    fn bounds_of_groups(&mut self, case: &NodeAutoscalerCase, groups: &[Group], karpenter: bool) {
        let largest = groups.iter().map(|g| g.max).max().unwrap_or(0);
        let given = (case.min_nodes.unwrap_or(0), case.max_nodes.unwrap_or(MOST));
        if given.0 > given.1 || given.1 > MOST {
            let error = self.fail(&format!("{KEY}.max_nodes"), "value out of range");
            error.found = Some(given.1.to_string());
            error.allowed = Some(format!("min_nodes to {MOST}"));
        }
        if case.max_nodes.is_none() && !karpenter {
            let text = format!("{FURTHER} more of each group than there are; {largest} at most");
            self.assume(&format!("{KEY}.max_nodes"), text);
        }
    }

    /// The nodes that it looks after: with Karpenter those of the pool, if one says that it is.
    fn managed(&mut self, nodes: &[Node], by: &By) -> Vec<NodeId> {
        let all = || (0..nodes.len() as u16).map(NodeId);
        let By::Karpenter(pool) = by else { return all().collect() };
        let labelled = |id: &NodeId| nodes[id.index()].labels.get(POOL) == Some(&pool.name);
        let own: Vec<NodeId> = all().filter(labelled).collect();
        if own.is_empty() {
            self.assume(
                &format!("{KEY}.nodes"),
                format!("all nodes are of the NodePool {}", pool.name),
            );
            return all().collect();
        }
        own
    }
}

impl NodeAutoscalerCase {
    /// With nothing said.
    fn of(kind: NodeAutoscalerKind) -> NodeAutoscalerCase {
        NodeAutoscalerCase {
            kind,
            min_nodes: None,
            max_nodes: None,
            boot_s: None,
            scan_s: None,
            scale_down: None,
            unneeded_s: None,
            utilization: None,
            delay_after_add_s: None,
            max_graceful_termination_s: None,
            consolidate_after_s: None,
            budgets: Vec::new(),
        }
    }
}

/// How much later all is settled where nodes come and go.
pub(super) fn takes(of: &NodeAutoscaler) -> Dur {
    let boot = Dur::from_secs_f64(of.boot.quantile_s(0.99));
    let goes = match &of.by {
        By::ClusterAutoscaler(flags) if flags.scale_down => {
            flags.unneeded.max(flags.delay_after_add) + flags.scan + flags.scan
        }
        By::ClusterAutoscaler(flags) => flags.scan,
        By::Karpenter(pool) => {
            let defaults = cards::kubernetes();
            let after = pool.consolidate_after.unwrap_or(Dur::ZERO);
            after + defaults.karpenter_validation + defaults.karpenter_poll
        }
    };
    (boot + goes).min(Dur::from_secs(7200))
}

/// Labels but those that every node has of its own.
fn shared(labels: &Labels) -> impl Iterator<Item = (&String, &String)> {
    let own =
        |key: &str| key == HOSTNAME || key.contains("hostname") || key.contains("instance-id");
    labels.iter().filter(move |(key, _)| !own(key))
}

/// A group could have both.
fn are_alike(a: &Node, b: &Node) -> bool {
    shared(&a.labels).eq(shared(&b.labels))
        && (&a.taints, a.allocatable, a.max_pods) == (&b.taints, b.allocatable, b.max_pods)
}

/// A node like this one, which is not there yet.
fn newcomer(like: &Node, number: usize) -> Node {
    let stem = like.name.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches('-');
    let stem = if stem.is_empty() { &like.name } else { stem };
    let name = format!("{stem}-auto-{number}");
    let mut labels = like.labels.clone();
    labels.insert(HOSTNAME.to_owned(), name.clone());
    let (presence, unschedulable) = (Presence::Absent, false);
    Node {
        name,
        labels,
        presence,
        unschedulable,
        images: Vec::new(),
        age: Dur::ZERO,
        ..like.clone()
    }
}
