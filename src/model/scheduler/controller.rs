//! One pod at a time, in the order in which they were created; a pod that fits nowhere waits for room.

use crate::cluster::objects::{Cluster, DeploymentId, PodId, Write};
use crate::cluster::spec::{
    AntiAffinity, Labels, Node, PodTemplate, Resources, TopologySpread, selects,
};
use crate::engine::{Rng, Time};
use crate::model::plumbing::{Ctx, Out, TokenBucket, entry};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A pod without a node is seen.
    Pending(PodId),
    /// Back-off of an unschedulable pod is over.
    Retry(PodId),
}

#[derive(Debug)]
pub struct Controller<'a> {
    nodes: &'a [Node],
    /// Per node: pods that hold capacity (until they are gone from the API).
    pods: Vec<u32>,
    used: Vec<Resources>,
    cordoned: Vec<bool>,
    /// Per pod: the node decided on, bound or not.
    decided: Vec<Option<u16>>,
    /// Per node: a number for its zone; all without one share theirs.
    zones: Vec<usize>,
    /// Per Deployment: pods that are not being deleted.
    live: Vec<Live>,
    /// Per pod template and node.
    by_template: Vec<Vec<Present>>,
    /// Unschedulable pods and how often they failed.
    parked: Vec<(PodId, u32)>,
    free: Time,
    bucket: TokenBucket,
    rng: Rng,
}

/// Pods of one Deployment that are not being deleted.
#[derive(Clone, Debug)]
struct Live {
    by_node: Vec<u32>,
    by_zone: Vec<u32>,
}

/// Pods of one template on one node.
#[derive(Clone, Copy, Debug, Default)]
struct Present {
    all: i64,
    /// Those that are not being deleted.
    live: i64,
}

/// A number per node for its zone.
fn zones(nodes: &[Node]) -> Vec<usize> {
    let zone = |node: &Node| node.labels.get(ZONE).cloned();
    let mut known: Vec<Option<String>> = nodes.iter().map(zone).collect();
    known.sort_unstable();
    known.dedup();
    let number = |node: &Node| known.binary_search(&zone(node)).expect("all are known");
    nodes.iter().map(number).collect()
}

impl<'a> Controller<'a> {
    pub fn new(nodes: &'a [Node], rng: Rng) -> Controller<'a> {
        Controller {
            zones: zones(nodes),
            by_template: Vec::new(),
            nodes,
            pods: vec![0; nodes.len()],
            used: vec![Resources::default(); nodes.len()],
            cordoned: vec![false; nodes.len()],
            decided: Vec::new(),
            live: Vec::new(),
            parked: Vec::new(),
            free: Time::ALWAYS,
            bucket: TokenBucket::new(50.0, 100),
            rng,
        }
    }

    pub fn cordon(&mut self, node: usize) {
        self.cordoned[node] = true;
    }

    pub fn parked(&self) -> usize {
        self.parked.len()
    }

    /// Room for so many pods.
    pub fn reserve(&mut self, pods: usize) {
        self.decided.reserve(pods);
    }

    /// Places a pod that is there when the run starts.
    pub fn adopt(&mut self, pod: PodId, cluster: &Cluster) -> u16 {
        let template = cluster.template_of(pod);
        let node = self.choose(pod, template, cluster).unwrap_or(0);
        self.hold(node, pod, template, cluster);
        node as u16
    }

    fn hold(&mut self, node: usize, pod: PodId, template: &PodTemplate, cluster: &Cluster) {
        *entry(&mut self.decided, pod.index()) = Some(node as u16);
        let zone = self.zones[node];
        let live = self.live_of(cluster.deployment_of(pod));
        live.by_node[node] += 1;
        live.by_zone[zone] += 1;
        let present = self.present(pod, node, cluster);
        present.all += 1;
        present.live += 1;
        self.pods[node] += 1;
        self.used[node].cpu_millis += template.requests.cpu_millis;
        self.used[node].memory_bytes += template.requests.memory_bytes;
    }

    fn live_of(&mut self, deployment: DeploymentId) -> &mut Live {
        if self.live.len() <= deployment.index() {
            let zones = self.zones.iter().max().map_or(0, |z| z + 1);
            let none = Live { by_node: vec![0; self.nodes.len()], by_zone: vec![0; zones] };
            self.live.resize(deployment.index() + 1, none);
        }
        &mut self.live[deployment.index()]
    }

    fn present(&mut self, pod: PodId, node: usize, cluster: &Cluster) -> &mut Present {
        let template = cluster.pods[pod.index()].template.index();
        if self.by_template.len() <= template {
            self.by_template.resize(template + 1, vec![Present::default(); self.nodes.len()]);
        }
        &mut self.by_template[template][node]
    }

    /// A pod is being deleted (told once): it keeps its capacity, but others no longer spread away from it.
    pub fn pod_deleting(&mut self, pod: PodId, cluster: &Cluster) {
        let Some(node) = self.node_of(pod).map(usize::from) else { return };
        let zone = self.zones[node];
        let live = self.live_of(cluster.deployment_of(pod));
        live.by_node[node] -= 1;
        live.by_zone[zone] -= 1;
        self.present(pod, node, cluster).live -= 1;
    }

    /// A pod is gone from the API: its capacity is free, parked pods may fit.
    pub fn pod_gone(
        &mut self,
        now: Time,
        pod: PodId,
        cluster: &Cluster,
        out: &mut impl Out<Event>,
    ) {
        self.parked.retain(|&(p, _)| p != pod);
        if let Some(node) = self.node_of(pod) {
            let template = cluster.template_of(pod);
            let node = usize::from(node);
            self.present(pod, node, cluster).all -= 1;
            self.pods[node] -= 1;
            self.used[node].cpu_millis -= template.requests.cpu_millis;
            self.used[node].memory_bytes -= template.requests.memory_bytes;
        }
        for &(parked, failures) in &self.parked {
            // Back-off 1 s x 2^(failures - 1), at most 10 s.
            let wait = crate::engine::Dur::from_secs((1 << (failures - 1).min(4)).min(10));
            out.at(now + wait, Event::Retry(parked));
        }
    }

    pub fn handle(&mut self, ctx: Ctx, event: Event, cluster: &Cluster, out: &mut impl Out<Event>) {
        let pod = match event {
            Event::Pending(pod) | Event::Retry(pod) => pod,
        };
        let object = &cluster.pods[pod.index()];
        if object.removed || object.deleting.is_some() || object.node.is_some() {
            return;
        }
        if matches!(event, Event::Retry(_)) && !self.parked.iter().any(|&(p, _)| p == pod) {
            return;
        }
        if self.node_of(pod).is_some() {
            return;
        }
        let template = cluster.template_of(pod);
        let Some(node) = self.choose(pod, template, cluster) else {
            match self.parked.iter_mut().find(|(p, _)| *p == pod) {
                Some((_, failures)) => *failures += 1,
                None => self.parked.push((pod, 1)),
            }
            return;
        };
        self.parked.retain(|&(p, _)| p != pod);
        self.hold(node, pod, template, cluster);
        let latency = ctx.slowed(ctx.latencies.schedule.draw(&mut self.rng));
        let bind = self.bucket.take(ctx.now.max(self.free)) + latency;
        // Binding is asynchronous: only the decision itself is serial.
        self.free = ctx.now.max(self.free) + crate::engine::Dur::from_millis(1);
        out.write(bind, Write::BindPod { pod, node: node as u16 });
    }

    /// The best node with room: spread over zones and nodes as topology constraints and Kubernetes' default
    /// ask, then the least loaded; ties at random.
    fn choose(&mut self, pod: PodId, template: &PodTemplate, cluster: &Cluster) -> Option<usize> {
        if self.nodes.len() == 1 {
            return self.fits(0, template).then_some(0);
        }
        let terms = Terms {
            apart: template.anti_affinity.iter().map(|t| (t, self.matching(t, cluster))).collect(),
            spread: template
                .topology_spread
                .iter()
                .filter(|t| t.do_not_schedule)
                .map(|t| (t.max_skew, self.live_matching(t, cluster)))
                .collect(),
        };
        let mut best: Option<(i64, u64, usize)> = None;
        for node in 0..self.nodes.len() {
            if !self.fits(node, template) || !terms.allow(node) {
                continue;
            }
            let key = (self.cost(node, pod, &terms, cluster), self.rng.next_u64(), node);
            if best.is_none_or(|b| key < b) {
                best = Some(key);
            }
        }
        best.map(|(_, _, node)| node)
    }

    /// The node a pod is on, or will be.
    fn node_of(&self, pod: PodId) -> Option<u16> {
        self.decided.get(pod.index()).copied().flatten()
    }

    fn fits(&self, node: usize, template: &PodTemplate) -> bool {
        let spec = &self.nodes[node];
        let room = spec.allocatable.is_none_or(|a| {
            self.used[node].cpu_millis + template.requests.cpu_millis <= a.cpu_millis
                && self.used[node].memory_bytes + template.requests.memory_bytes <= a.memory_bytes
        });
        let selected =
            template.node_selector.is_empty() || selects(&template.node_selector, &spec.labels);
        room && selected && !self.cordoned[node] && self.pods[node] < spec.max_pods
    }

    fn cost(&self, node: usize, pod: PodId, terms: &Terms, cluster: &Cluster) -> i64 {
        let mut cost = 0;
        if let Some(live) = self.live.get(cluster.deployment_of(pod).index()) {
            cost += 100 * i64::from(live.by_node[node]);
            cost += 50 * i64::from(live.by_zone[self.zones[node]]);
        }
        for (term, matching) in terms.apart.iter().filter(|(t, _)| !t.required) {
            cost += i64::from(term.weight) * matching[node];
        }
        cost + i64::from(self.pods[node])
    }
}

const ZONE: &str = "topology.kubernetes.io/zone";
const HOSTNAME: &str = "kubernetes.io/hostname";

/// A pod's constraints, with what each counts in the domain of every node.
struct Terms<'a> {
    apart: Vec<(&'a AntiAffinity, Vec<i64>)>,
    /// Those that must hold, by their skew.
    spread: Vec<(i32, Vec<i64>)>,
}

impl Terms<'_> {
    /// Required anti-affinity and topology spread constraints that must hold.
    fn allow(&self, node: usize) -> bool {
        let mut required = self.apart.iter().filter(|(t, _)| t.required);
        let least = |counts: &[i64]| counts.iter().copied().min().unwrap_or(0);
        required.all(|(_, counts)| counts[node] == 0)
            && self
                .spread
                .iter()
                .all(|(max_skew, counts)| counts[node] + 1 - least(counts) <= i64::from(*max_skew))
    }
}

impl Controller<'_> {
    /// Per node: pods matching the term in its domain. A node without the key has no domain.
    fn matching(&self, term: &AntiAffinity, cluster: &Cluster) -> Vec<i64> {
        let on_node = self.per_node(&term.selector, cluster, |p| p.all);
        let mut counts = self.per_domain(&term.topology_key, &on_node);
        if term.topology_key != HOSTNAME {
            for (count, node) in counts.iter_mut().zip(self.nodes) {
                *count *= i64::from(node.labels.contains_key(&term.topology_key));
            }
        }
        counts
    }

    /// As `matching`, without terminating pods: what topology spread counts.
    fn live_matching(&self, term: &TopologySpread, cluster: &Cluster) -> Vec<i64> {
        let on_node = self.per_node(&term.selector, cluster, |p| p.live);
        self.per_domain(&term.topology_key, &on_node)
    }

    /// Per node: pods that the selector matches. The pod that looks for a node is not among them.
    fn per_node(
        &self,
        selector: &Labels,
        cluster: &Cluster,
        counted: impl Fn(&Present) -> i64,
    ) -> Vec<i64> {
        let mut counts = vec![0; self.nodes.len()];
        for (template, present) in cluster.templates.iter().zip(&self.by_template) {
            if selects(selector, &template.labels) {
                counts.iter_mut().zip(present).for_each(|(count, p)| *count += counted(p));
            }
        }
        counts
    }

    /// Sums over the nodes with the same value of `key`.
    fn per_domain(&self, key: &str, on_node: &[i64]) -> Vec<i64> {
        if key == HOSTNAME {
            return on_node.to_vec();
        }
        let domain = |node: usize| self.nodes[node].labels.get(key);
        let nodes = 0..on_node.len();
        let near = |node: usize| nodes.clone().filter(move |&n| domain(n) == domain(node));
        nodes.clone().map(|node| near(node).map(|n| on_node[n]).sum()).collect()
    }
}
