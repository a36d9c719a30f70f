//! What matters for pods of one template: made once, and again when nodes change or a template is new.
//! Plugins that cannot matter leave nothing here, so that they cost nothing.

use super::cache::{Cache, Share};
use super::matching::{self, Pods};
use super::profile::Profile;
use super::reason::{Reason, Rejected};
use super::score;
use super::spread::{Filter, Score};
use crate::cluster::objects::{PodId, TemplateId};
use crate::cluster::placement::{
    Effect, HOSTNAME, Node, PodTerm, Selector, Taint, TopologySpread, ZONE,
};
use crate::cluster::server::Cluster;
use crate::cluster::spec::{PodTemplate, Resources};
use crate::cluster::write::Change;

/// A topology spread constraint.
#[derive(Debug)]
pub struct Spread<R> {
    /// What the constraint asks for.
    pub rule: R,
    /// Index of its topologyKey among those of the cache.
    pub key: usize,
    /// Templates of the pods it counts.
    pub templates: Vec<TemplateId>,
    /// Per node: whether its pods count.
    pub counted: Vec<bool>,
}

/// Pods near or far from which a pod wants to be.
#[derive(Debug)]
pub struct Group {
    /// Index of the term's topologyKey among those of the cache.
    pub key: usize,
    /// Those whose pods the term selects.
    pub templates: Vec<TemplateId>,
    /// For each such pod in a node's domain.
    pub weight: i64,
}

/// What matters for pods of one template, made once: what cannot matter costs nothing.
#[derive(Debug, Default)]
pub struct Plan {
    /// Version of the nodes and number of templates it was made with.
    made_with: (u32, usize),
    /// What each pod takes of a node.
    pub share: Share,
    /// Some node has limits.
    pub limits: bool,
    /// The pods request nothing.
    pub best_effort: bool,
    /// Per node: what keeps these pods away, whatever pods there are. Empty: nothing.
    pub barred: Vec<Option<Reason>>,
    /// Templates whose pods take a port of the node that these need.
    pub ports: Vec<TemplateId>,
    /// Templates whose pods use a volume that one pod alone may use.
    pub exclusive: Vec<TemplateId>,
    /// Constraints that keep pods away (whenUnsatisfiable DoNotSchedule).
    pub spread: Vec<Spread<Filter>>,
    /// Constraints that score, and whether they are the pods' own.
    pub even: Vec<Spread<Score>>,
    /// False: the profile's, for pods that have none.
    pub own_constraints: bool,
    /// Required affinity: pods that match all terms, by the key of each; and whether these pods do
    /// themselves.
    pub near: Vec<Group>,
    /// These pods match all terms themselves: while none matches, any node with the keys will do.
    pub near_itself: bool,
    /// Required anti-affinity: these pods', and that of others against them.
    pub apart: Vec<Group>,
    /// Pods whose required anti-affinity is against these.
    pub kept_off: Vec<Group>,
    /// What scores by the pods that are there.
    pub wishes: Vec<Group>,
    /// Raw scores per node; empty: all alike.
    pub taints: Vec<i64>,
    /// Sums of the weights of preferred node affinity that the node matches.
    pub affinity: Vec<i64>,
    /// By the images that are there already, 0 to 100.
    pub images: Vec<i64>,
}

impl Plan {
    /// Whether it was ever made.
    pub fn is_made(&self) -> bool {
        self.made_with.1 > 0
    }

    /// Whether nothing that it was made from has changed.
    pub fn is_current(&self, cache: &Cache, cluster: &Cluster) -> bool {
        self.made_with == (cache.version, cluster.templates.len())
    }

    /// For pods of template `id`.
    pub fn new(id: TemplateId, cluster: &Cluster, cache: &mut Cache, profile: &Profile) -> Plan {
        let template = &*cluster.templates[id];
        let requested = template.requests(Resources::default());
        let mut plan = Plan {
            made_with: (cache.version, cluster.templates.len()),
            share: Share { requested, scored: template.requests(profile.missing) },
            limits: cache.nodes.iter().any(|n| n.allocatable.is_some()),
            best_effort: requested == Resources::default(),
            ..Plan::default()
        };
        plan.volumes_and_ports(template, cluster);
        if cache.nodes.len() > 1 {
            plan.scores_of_nodes(template, cache, profile);
        }
        plan.bars(template, cache);
        let mut maker = Maker { own: Pods { id, template }, cluster, cache };
        maker.spread(&mut plan, profile);
        maker.affinity(&mut plan, profile);
        plan
    }

    fn volumes_and_ports(&mut self, template: &PodTemplate, cluster: &Cluster) {
        let own = &template.placement;
        if own.host_ports.is_empty() && own.exclusive_claims.is_empty() {
            return;
        }
        for (t, other) in cluster.templates.pairs() {
            let theirs = &other.placement;
            let conflict = |a| theirs.host_ports.iter().any(|b| b.conflicts(a));
            if own.host_ports.iter().any(conflict) {
                self.ports.push(t);
            }
            let shared = |claim| theirs.exclusive_claims.contains(claim);
            if other.namespace == template.namespace && own.exclusive_claims.iter().any(shared) {
                self.exclusive.push(t);
            }
        }
    }

    /// NodeUnschedulable, NodeName, TaintToleration, NodeAffinity.
    fn bars(&mut self, template: &PodTemplate, cache: &Cache) {
        let own = &template.placement;
        let tolerates_cordon = || {
            let key = "node.kubernetes.io/unschedulable".to_owned();
            own.tolerates(&Taint { key, value: String::new(), effect: Effect::NoSchedule })
        };
        let bar = |node: &Node| {
            if !node.is_there() {
                return Some(Reason::Absent);
            }
            if node.unschedulable && !tolerates_cordon() {
                return Some(Reason::Unschedulable);
            }
            if own.node_name.as_ref().is_some_and(|name| *name != node.name) {
                return Some(Reason::NodeName);
            }
            if own.untolerated(node).is_some() {
                return Some(Reason::Taint);
            }
            (!own.wants(node)).then_some(Reason::NodeAffinity)
        };
        if cache.nodes.iter().any(|node| bar(node).is_some()) {
            self.barred = cache.nodes.iter().map(|node| bar(node)).collect();
        }
        let nodes = [0, cache.nodes.len()];
        debug_assert!(nodes.contains(&self.barred.len()), "all nodes are judged, or none need be");
    }

    /// What TaintToleration, NodeAffinity and ImageLocality think of each node.
    fn scores_of_nodes(&mut self, template: &PodTemplate, cache: &Cache, profile: &Profile) {
        let own = &template.placement;
        let soft = |node: &Node| {
            let disliked = |t: &&Taint| t.effect == Effect::PreferNoSchedule && !own.tolerates(t);
            node.taints.iter().filter(disliked).count() as i64
        };
        self.taints = unless_alike(cache, soft);
        self.affinity = unless_alike(cache, |node| {
            let wishes = own.node_affinity.preferred.iter();
            wishes.filter(|(_, term)| term.matches(node)).map(|(weight, _)| weight).sum()
        });
        let images: Vec<&str> = template
            .init_containers
            .iter()
            .chain(&template.containers)
            .map(|c| c.image.as_str())
            .collect();
        let known = |node: &Node, image: &str| {
            let found = node.images.iter().find(|(name, _)| same_image(name, image));
            found.map(|(_, bytes)| *bytes)
        };
        if cache.nodes.iter().all(|node| node.images.is_empty()) {
            return;
        }
        let nodes = cache.nodes.len() as f64;
        let having = |image: &&str| {
            let having = cache.nodes.iter().filter(|n| known(n, image).is_some()).count();
            having as f64 / nodes
        };
        let having: Vec<f64> = images.iter().map(having).collect();
        self.images = unless_alike(cache, |node| {
            let scaled = |(image, share): (&&str, &f64)| {
                (known(node, image).unwrap_or(0) as f64 * share) as i64
            };
            let bytes = images.iter().zip(&having).map(scaled).sum();
            let (low, high) = (profile.image_smallest, profile.image_largest);
            score::image_locality(bytes, low, high, images.len() as i64)
        });
    }
}

/// `imagelocality/image_locality.go: normalizedImageName`.
fn same_image(name: &str, image: &str) -> bool {
    let tagged = |image: &str| image.rfind(':').is_some_and(|at| Some(at) > image.rfind('/'));
    match tagged(image) {
        true => name == image,
        false => name.strip_suffix(":latest") == Some(image),
    }
}

/// A score per node; empty if it is the same for all.
fn unless_alike(cache: &Cache, score: impl Fn(&Node) -> i64) -> Vec<i64> {
    let scores: Vec<i64> = cache.nodes.iter().map(|node| score(node)).collect();
    if scores.iter().all(|s| *s == scores[0]) { Vec::new() } else { scores }
}

struct Maker<'a> {
    own: Pods<'a>,
    cluster: &'a Cluster,
    cache: &'a mut Cache,
}

impl Maker<'_> {
    /// Templates of pods about which something holds.
    fn templates(&self, holds: impl Fn(Pods<'_>) -> bool) -> Vec<TemplateId> {
        let templates = self.cluster.templates.pairs();
        let found = templates.filter(|(id, template)| holds(Pods { id: *id, template }));
        found.map(|(id, _)| id).collect()
    }

    /// PodTopologySpread.
    fn spread(&mut self, plan: &mut Plan, profile: &Profile) {
        let constraints = &self.own.template.placement.topology_spread;
        let (hard, soft): (Vec<_>, Vec<_>) = constraints.iter().partition(|c| c.do_not_schedule);
        let complete = if hard.is_empty() { Vec::new() } else { self.complete(&hard) };
        for c in &hard {
            let rule = Filter {
                max_skew: c.max_skew,
                min_domains: c.min_domains,
                matches_itself: matching::counts(c, self.own, self.own),
            };
            plan.spread.push(self.constraint(c, rule, &complete));
        }
        if self.cache.nodes.len() == 1 {
            return;
        }
        plan.own_constraints = !constraints.is_empty();
        let defaults = if plan.own_constraints { Vec::new() } else { defaults(profile) };
        let all = vec![true; self.cache.nodes.len()];
        let of_owner = |templates: &mut Vec<TemplateId>, id: TemplateId| *templates = vec![id];
        for c in soft {
            let rule = Score { max_skew: c.max_skew, hostname: c.topology_key == HOSTNAME };
            plan.even.push(self.constraint(c, rule, &all));
        }
        for c in &defaults {
            let rule = Score { max_skew: c.max_skew, hostname: c.topology_key == HOSTNAME };
            let mut spread = self.constraint(c, rule, &all);
            // The selector is that of the ReplicaSet, which selects the template's pods alone.
            of_owner(&mut spread.templates, self.own.id);
            // A key that no node has says nothing.
            if self.cache.domains(spread.key).iter().any(Option::is_some) {
                plan.even.push(spread);
            }
        }
    }

    /// Per node: it has the keys of all constraints.
    fn complete(&self, constraints: &[&TopologySpread]) -> Vec<bool> {
        let has = |node: &Node| {
            node.is_there() && constraints.iter().all(|c| node.labels.contains_key(&c.topology_key))
        };
        self.cache.nodes.iter().map(|node| has(node)).collect()
    }

    fn constraint<R>(&mut self, c: &TopologySpread, rule: R, complete: &[bool]) -> Spread<R> {
        let own = &self.own.template.placement;
        let counts = |node: &Node| {
            node.is_there()
                && (!c.honor_affinity || own.wants(node))
                && (!c.honor_taints || own.untolerated(node).is_none())
        };
        let nodes = self.cache.nodes.iter().zip(complete);
        Spread {
            rule,
            counted: nodes.map(|(node, complete)| *complete && counts(node)).collect(),
            templates: self.templates(|other| matching::counts(c, self.own, other)),
            key: self.cache.key(&c.topology_key),
        }
    }

    fn group(&mut self, term: &PodTerm, templates: Vec<TemplateId>, weight: i64) -> Group {
        Group { key: self.cache.key(&term.topology_key), templates, weight }
    }

    /// InterPodAffinity.
    fn affinity(&mut self, plan: &mut Plan, profile: &Profile) {
        let own = self.own;
        let placement = &own.template.placement;
        let required = &placement.affinity.required;
        let wanted =
            |other: Pods<'_>| required.iter().all(|term| matching::is_about(term, own, other));
        for term in required {
            let templates = self.templates(wanted);
            plan.near.push(self.group(term, templates, 1));
        }
        plan.near_itself = wanted(own);
        for term in &placement.anti_affinity.required {
            let templates = self.templates(|other| matching::is_about(term, own, other));
            plan.apart.push(self.group(term, templates, 1));
        }
        let near = placement.affinity.preferred.iter().map(|(w, t)| (*w, t));
        let apart = placement.anti_affinity.preferred.iter().map(|(w, t)| (-w, t));
        for (weight, term) in near.chain(apart) {
            let templates = self.templates(|other| matching::is_about(term, own, other));
            plan.wishes.push(self.group(term, templates, weight));
        }
        for (id, template) in self.cluster.templates.pairs() {
            let theirs = Pods { id, template };
            self.of_others(theirs, plan, profile);
        }
        plan.wishes.retain(|g| g.weight != 0 && !g.templates.is_empty());
    }

    /// What pods that are there want of these.
    fn of_others(&mut self, theirs: Pods<'_>, plan: &mut Plan, profile: &Profile) {
        let placement = &theirs.template.placement;
        let (own, t) = (self.own, theirs.id);
        for term in &placement.anti_affinity.required {
            if matching::is_about(term, theirs, own) {
                plan.kept_off.push(self.group(term, vec![t], 1));
            }
        }
        let hard = profile.hard_pod_affinity_weight;
        let required = placement.affinity.required.iter().map(|term| (hard, term));
        let near = placement.affinity.preferred.iter().map(|(w, term)| (*w, term));
        let apart = placement.anti_affinity.preferred.iter().map(|(w, term)| (-w, term));
        for (weight, term) in required.chain(near).chain(apart) {
            if matching::is_about(term, theirs, own) {
                plan.wishes.push(self.group(term, vec![t], weight));
            }
        }
    }
}

/// The cluster's default constraints.
///
/// `podtopologyspread/plugin.go: systemDefaultConstraints`.
fn defaults(profile: &Profile) -> Vec<TopologySpread> {
    let skews = [(HOSTNAME, profile.default_hostname_skew), (ZONE, profile.default_zone_skew)];
    let constraint = |(key, max_skew): (&str, i32)| TopologySpread {
        topology_key: key.to_owned(),
        max_skew,
        min_domains: None,
        do_not_schedule: false,
        selector: Some(Selector::default()),
        match_label_keys: Vec::new(),
        honor_affinity: true,
        honor_taints: false,
    };
    skews.into_iter().filter(|(_, skew)| *skew > 0).map(constraint).collect()
}

impl Plan {
    /// Whether a change might help a pod that these plugins turned down.
    ///
    /// The `isSchedulableAfter...` functions of `pkg/scheduler/framework/plugins/`.
    pub fn may_profit(
        &self,
        rejected: Rejected,
        change: Change,
        hints: bool,
        cluster: &Cluster,
    ) -> bool {
        let template = |pod: PodId| cluster.pods[pod].spec;
        let spread = |pod| {
            rejected.spread && self.spread.iter().any(|c| c.templates.contains(&template(pod)))
        };
        let of =
            |groups: &[Group], pod| groups.iter().any(|g| g.templates.contains(&template(pod)));
        match change {
            Change::Node(_) => true,
            Change::PodBound(pod) => spread(pod) || (rejected.affinity && of(&self.near, pod)),
            Change::PodDeleting(pod) => !hints && spread(pod),
            Change::PodResized(_) => rejected.resources,
            Change::PodRemoved(pod) => {
                let t = template(pod);
                rejected.resources
                    || (rejected.ports && self.ports.contains(&t))
                    || (rejected.volumes && self.exclusive.contains(&t))
                    || (rejected.affinity && (of(&self.apart, pod) || of(&self.kept_off, pod)))
                    || spread(pod)
            }
            _ => false,
        }
    }
}
