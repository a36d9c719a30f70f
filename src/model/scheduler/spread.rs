//! Topology spread constraints: the filter (DoNotSchedule) and the score (ScheduleAnyway).
//!
//! Source: `pkg/scheduler/framework/plugins/podtopologyspread/`.

/// A constraint that filters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filter {
    /// `maxSkew`: so many more pods than in the domain with the fewest, at most. 1 or more.
    pub max_skew: i32,
    /// Unset: 1.
    pub min_domains: Option<i32>,
    /// The pod matches its own selector.
    pub matches_itself: bool,
}

/// A node, as one constraint sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpreadNode {
    /// A small number for its value of the topology key; None: it lacks the key.
    pub domain: Option<u32>,
    /// Pods on it that match the selector, in the same namespace and not terminating.
    pub matching: i32,
    /// The inclusion policies count it.
    pub counted: bool,
}

/// Whether a pod may go to a node, by one constraint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may.
    Ok,
    /// `maxSkew` would be broken: pods have to come or go.
    Unschedulable,
    /// The node lacks the key: nothing but a change of the node helps.
    Unresolvable,
}

/// Matching pods per domain; filled once per pod, asked once per node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DomainCounts {
    /// By domain; None: no counted node has it.
    counts: Vec<Option<i32>>,
    domains: usize,
    fewest: i32,
}

impl DomainCounts {
    /// Counts anew.
    pub fn fill<'a>(&mut self, nodes: impl IntoIterator<Item = &'a SpreadNode>) {
        self.counts.clear();
        for node in nodes.into_iter().filter(|node| node.counted) {
            let Some(domain) = node.domain else { continue };
            let domain = domain as usize;
            if self.counts.len() <= domain {
                self.counts.resize(domain + 1, None);
            }
            *self.counts[domain].get_or_insert(0) += node.matching;
        }
        self.domains = self.counts.iter().flatten().count();
        self.fewest = self.counts.iter().flatten().copied().min().unwrap_or(0);
        debug_assert!(self.domains <= self.counts.len() && self.fewest >= 0, "domains hold pods");
    }

    fn get(&self, domain: u32) -> i32 {
        self.counts.get(domain as usize).copied().flatten().unwrap_or(0)
    }

    /// The fewest pods in a domain; 0 when there are fewer domains than asked for.
    fn least(&self, min_domains: Option<i32>) -> i32 {
        let enough = self.domains >= min_domains.unwrap_or(1).max(0) as usize;
        if enough { self.fewest } else { 0 }
    }
}

/// Whether the pod may go to a node of this domain.
///
/// `filtering.go: Filter`.
pub fn filter(constraint: Filter, counts: &DomainCounts, domain: Option<u32>) -> Verdict {
    let Some(domain) = domain else { return Verdict::Unresolvable };
    let own = i32::from(constraint.matches_itself);
    let skew = counts.get(domain) + own - counts.least(constraint.min_domains);
    if skew > constraint.max_skew { Verdict::Unschedulable } else { Verdict::Ok }
}

/// A constraint that scores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Score {
    /// `maxSkew`: how much a difference weighs. 1 or more.
    pub max_skew: i32,
    /// The key is `kubernetes.io/hostname`: every node is a domain.
    pub hostname: bool,
}

/// Scores nodes; keeps its buffers from one pod to the next.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scorer {
    domains: DomainCounts,
    /// Nodes that count: with constraints of the pod's own, those that have every key.
    complete: Vec<bool>,
    /// Domains of the candidates.
    reachable: Vec<bool>,
    sums: Vec<f64>,
    raw: Vec<Option<i64>>,
}

impl Scorer {
    /// Fills `scores` (0 to 100, one per node; None: no candidate). `nodes` holds one run of all nodes per
    /// constraint, as that constraint sees them. With constraints of the pod's own (not the cluster's
    /// defaults), nodes that lack the key of any constraint count nowhere; candidates among them get 0.
    ///
    /// `scoring.go: NormalizeScore`.
    pub fn score(
        &mut self,
        constraints: &[Score],
        own: bool,
        nodes: &[SpreadNode],
        candidates: &[bool],
        scores: &mut Vec<Option<i64>>,
    ) {
        self.complete.clear();
        self.complete.resize(candidates.len(), true);
        for row in nodes.chunks(candidates.len().max(1)).filter(|_| own) {
            self.complete.iter_mut().zip(row).for_each(|(all, v)| *all &= v.domain.is_some());
        }
        self.sum_up(constraints, nodes, candidates);
        let most = self.raw().iter().flatten().copied().max().unwrap_or(0);
        let least = self.raw().iter().flatten().copied().min().unwrap_or(0);
        scores.clear();
        scores.extend(candidates.iter().zip(self.raw()).map(|(&candidate, raw)| {
            candidate.then_some(match raw {
                None => 0,
                Some(_) if most == 0 => 100,
                Some(raw) => 100 * (most + least - raw) / most,
            })
        }));
        let in_range = |s: &i64| (0..=100).contains(s);
        debug_assert!(scores.iter().flatten().all(in_range), "a score is 0 to 100: {scores:?}");
    }

    /// The sums the last scores were made of; None for nodes that are no candidates or lack a key.
    pub fn raw(&self) -> &[Option<i64>] {
        &self.raw
    }

    /// `scoring.go: PreScore, Score`.
    fn sum_up(&mut self, constraints: &[Score], nodes: &[SpreadNode], candidates: &[bool]) {
        self.sums.clear();
        self.sums.resize(candidates.len(), 0.0);
        for (constraint, row) in constraints.iter().zip(nodes.chunks(candidates.len().max(1))) {
            let counted = row.iter().zip(&self.complete).filter(|(_, complete)| **complete);
            self.domains.fill(counted.map(|(node, _)| node));
            let weight = self.weight(*constraint, row, candidates);
            for (n, node) in row.iter().enumerate() {
                let Some(domain) = node.domain.filter(|_| candidates[n] && self.complete[n]) else {
                    continue;
                };
                let count =
                    if constraint.hostname { node.matching } else { self.domains.get(domain) };
                self.sums[n] += f64::from(count) * weight + f64::from(constraint.max_skew - 1);
            }
        }
        self.raw.clear();
        let scored = candidates.iter().zip(&self.complete).map(|(c, complete)| *c && *complete);
        let sums = self.sums.iter().zip(scored);
        self.raw.extend(sums.map(|(sum, scored)| scored.then(|| libm::round(*sum) as i64)));
        debug_assert!(self.raw.len() == candidates.len(), "each node has a sum, or none");
    }

    /// The more domains there are among the candidates, the more a pod in one of them weighs. Candidates
    /// without the key are a domain of their own.
    ///
    /// `scoring.go: topologyNormalizingWeight`.
    fn weight(&mut self, constraint: Score, row: &[SpreadNode], candidates: &[bool]) -> f64 {
        let complete = &self.complete;
        let scored = (0..row.len()).filter(|&n| candidates[n] && complete[n]);
        let size = if constraint.hostname {
            scored.count()
        } else {
            self.reachable.clear();
            for n in scored {
                let domain = row[n].domain.map_or(0, |d| d as usize + 1);
                if self.reachable.len() <= domain {
                    self.reachable.resize(domain + 1, false);
                }
                self.reachable[domain] = true;
            }
            self.reachable.iter().filter(|r| **r).count()
        };
        libm::log(size as f64 + 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_counts_its_own_pods_even_where_policies_leave_it_out() {
        let node =
            |domain, matching, counted| SpreadNode { domain: Some(domain), matching, counted };
        let nodes = [node(0, 2, false), node(1, 0, true)];
        let mut scores = Vec::new();
        let hostname = Score { max_skew: 1, hostname: true };
        Scorer::default().score(&[hostname], true, &nodes, &[true, true], &mut scores);
        assert_eq!(scores, [Some(0), Some(100)]);
        let zone = Score { hostname: false, ..hostname };
        Scorer::default().score(&[zone], true, &nodes, &[true, true], &mut scores);
        assert_eq!(scores, [Some(100), Some(100)]);
    }

    #[test]
    fn nothing_to_score_gives_nothing() {
        let mut scores = vec![Some(1)];
        Scorer::default().score(&[], true, &[], &[], &mut scores);
        assert!(scores.is_empty());
        Scorer::default().score(&[], true, &[], &[true, false], &mut scores);
        assert_eq!(scores, [Some(100), None]);
    }
}
