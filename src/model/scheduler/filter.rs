//! The filters: whether a pod can go to a node, and if not, why. In kube-scheduler's order.

use super::cache::Cache;
use super::plan::{Group, Plan, Spread};
pub use super::reason::{Reason, Rejected};
use super::spread::{self, DomainCounts, SpreadNode, Verdict};
use crate::cluster::objects::TemplateId;
use crate::cluster::spec::Resources;

/// Pods of a group by domain.
#[derive(Debug, Default)]
pub struct Sums {
    by_domain: Vec<i64>,
    /// In all domains together.
    pub all: i64,
}

impl Sums {
    /// Counts the pods that matter to the group, by topology domain.
    pub fn fill(&mut self, group: &Group, cache: &Cache) {
        self.by_domain.clear();
        self.all = 0;
        for &template in &group.templates {
            for (count, domain) in cache.all(template).iter().zip(cache.domains(group.key)) {
                let Some(domain) = domain.filter(|_| *count > 0) else { continue };
                let domain = domain as usize;
                if self.by_domain.len() <= domain {
                    self.by_domain.resize(domain + 1, 0);
                }
                self.by_domain[domain] += i64::from(*count);
                self.all += i64::from(*count);
            }
        }
        debug_assert!(self.all == self.by_domain.iter().sum::<i64>(), "each pod is in one domain");
    }

    /// In the domain of a node; None: it has none.
    pub fn at(&self, group: &Group, cache: &Cache, node: usize) -> Option<i64> {
        let domain = cache.domains(group.key)[node]?;
        Some(self.by_domain.get(domain as usize).copied().unwrap_or(0))
    }
}

/// What a constraint sees of all nodes, appended.
pub fn see<R>(constraint: &Spread<R>, cache: &Cache, rows: &mut Vec<SpreadNode>) {
    let start = rows.len();
    let domains = cache.domains(constraint.key).iter().zip(&constraint.counted);
    rows.extend(domains.map(|(&domain, &counted)| SpreadNode { domain, matching: 0, counted }));
    for &template in &constraint.templates {
        for (node, live) in rows[start..].iter_mut().zip(cache.live(template)) {
            node.matching += live;
        }
    }
}

/// Counted once per pod, asked once per node.
#[derive(Debug, Default)]
pub struct Filters {
    rows: Vec<SpreadNode>,
    spread: Vec<DomainCounts>,
    near: Vec<Sums>,
    apart: Vec<Sums>,
    kept_off: Vec<Sums>,
    /// A pod is there that uses a volume which one pod alone may use.
    in_use: bool,
}

fn fill(sums: &mut Vec<Sums>, groups: &[Group], cache: &Cache) {
    if sums.len() < groups.len() {
        sums.resize_with(groups.len(), Sums::default);
    }
    sums.iter_mut().zip(groups).for_each(|(sums, group)| sums.fill(group, cache));
}

impl Filters {
    /// Counts once what all nodes are judged by.
    pub fn prepare(&mut self, plan: &Plan, cache: &Cache) {
        if self.spread.len() < plan.spread.len() {
            self.spread.resize_with(plan.spread.len(), DomainCounts::default);
        }
        for (counts, constraint) in self.spread.iter_mut().zip(&plan.spread) {
            self.rows.clear();
            see(constraint, cache, &mut self.rows);
            counts.fill(&self.rows);
        }
        fill(&mut self.near, &plan.near, cache);
        fill(&mut self.apart, &plan.apart, cache);
        fill(&mut self.kept_off, &plan.kept_off, cache);
        let used = |t: &TemplateId| cache.all(*t).iter().any(|n| *n > 0);
        self.in_use = plan.exclusive.iter().any(used);
        debug_assert!(self.spread.len() >= plan.spread.len(), "each constraint has its counts");
    }

    /// The first reason why the pod cannot go to the node.
    pub fn reason(&self, plan: &Plan, cache: &Cache, node: usize) -> Option<Reason> {
        if let Some(reason) = plan.barred.get(node).copied().flatten() {
            return Some(reason);
        }
        if plan.ports.iter().any(|&t| cache.all(t).get(node).is_some_and(|n| *n > 0)) {
            return Some(Reason::Ports);
        }
        if let Some(reason) = lacking(plan, cache, node).next() {
            return Some(reason);
        }
        if self.in_use {
            return Some(Reason::Volume);
        }
        for (constraint, counts) in plan.spread.iter().zip(&self.spread) {
            match spread::filter(constraint.rule, counts, cache.domains(constraint.key)[node]) {
                Verdict::Ok => {}
                Verdict::Unschedulable => return Some(Reason::Spread),
                Verdict::Unresolvable => return Some(Reason::SpreadKey),
            }
        }
        self.of_pods(plan, cache, node)
    }

    /// InterPodAffinity.
    fn of_pods(&self, plan: &Plan, cache: &Cache, node: usize) -> Option<Reason> {
        let at = |(group, sums): (&Group, &Sums)| sums.at(group, cache, node);
        let mut near = plan.near.iter().zip(&self.near).map(at);
        // The first of pods that want to be near each other may go anywhere.
        let first = plan.near_itself && self.near.iter().take(plan.near.len()).all(|s| s.all == 0);
        if !near.all(|count| count.is_some_and(|n| n > 0 || first)) {
            return Some(Reason::Affinity);
        }
        let some = |count: Option<i64>| count.is_some_and(|n| n > 0);
        if plan.apart.iter().zip(&self.apart).map(at).any(some) {
            return Some(Reason::AntiAffinity);
        }
        let kept_off = plan.kept_off.iter().zip(&self.kept_off).map(at).any(some);
        kept_off.then_some(Reason::AntiAffinityOfOthers)
    }
}

/// NodeResourcesFit: everything that there is too little of.
///
/// `noderesources/fit.go: fitsRequest`.
pub fn lacking(plan: &Plan, cache: &Cache, node: usize) -> impl Iterator<Item = Reason> {
    let spec = &cache.nodes[node];
    let (wanted, used) = (plan.share.requested, cache.used[node].requested);
    let lacks = |of: fn(Resources) -> i64| {
        let free = |all: Resources| of(all) - of(used);
        of(wanted) > 0 && spec.allocatable.is_some_and(|all| of(wanted) > free(all))
    };
    let full = cache.pods[node] >= spec.max_pods;
    let reasons = [
        (full, Reason::TooManyPods),
        (lacks(|r| r.cpu_millis), Reason::Cpu),
        (lacks(|r| r.memory_bytes), Reason::Memory),
    ];
    reasons.into_iter().filter(|(lacks, _)| *lacks).map(|(_, reason)| reason)
}
