//! Which pods a ReplicaSet deletes first.
//!
//! Source: `pkg/controller/controller_utils.go: ActivePodsWithRanks.Less`,
//! `pkg/controller/replicaset/replica_set.go: getPodsToDelete`.

use crate::cluster::PodPhase;
use crate::cluster::objects::NodeId;
use crate::engine::Time;
use std::cmp::{Ordering, Reverse};

/// One active pod (no deletion time, not terminal).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PodRow {
    /// None: not bound yet.
    pub node: Option<NodeId>,
    /// `status.phase` as cached.
    pub phase: PodPhase,
    /// Condition Ready is True.
    pub ready: bool,
    /// lastTransitionTime of condition Ready as the API shows it; None: the zero time.
    pub ready_since: Option<Time>,
    /// creationTimestamp as the API shows it; None: the zero time.
    pub created: Option<Time>,
    /// Annotation `controller.kubernetes.io/pod-deletion-cost`.
    pub deletion_cost: i32,
    /// Active pods on the same node whose ReplicaSets have the same controller: see [`fill_ranks`].
    pub rank: u32,
    /// Highest restart count over containers.
    pub restarts: u32,
    /// Highest restart count over sidecars.
    pub sidecar_restarts: u32,
    /// Random; breaks ties between pods of similar age.
    pub uid: u64,
}

/// What the comparison looks at, which changed between versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Pods can be given a deletion cost.
    pub deletion_cost: bool,
    /// Ages are compared by their power of two, ties by UID; else exactly.
    pub logarithmic: bool,
}

impl Rules {
    /// The rules of Kubernetes v1.`minor`: both gates are on by default since v1.22.
    pub fn of(minor: u32) -> Rules {
        Rules { deletion_cost: minor >= 22, logarithmic: minor >= 22 }
    }
}

/// Sets `rank` of every row: the number of related active pods on the same node, unassigned ones counting as
/// one more node. `related` is the node of each active pod of all sets of the same controller, the rows' own
/// among them; `per_node` is a buffer.
///
/// `replica_set.go: getPodsRankedByRelatedPodsOnSameNode`.
pub fn fill_ranks(
    rows: &mut [PodRow],
    related: impl IntoIterator<Item = Option<NodeId>>,
    per_node: &mut Vec<u32>,
) {
    let slot = |node: Option<NodeId>| node.map_or(0, |node| node.index() + 1);
    per_node.clear();
    for node in related {
        let slot = slot(node);
        if per_node.len() <= slot {
            per_node.resize(slot + 1, 0);
        }
        per_node[slot] += 1;
    }
    for row in rows {
        row.rank = per_node.get(slot(row.node)).copied().unwrap_or(0);
    }
}

/// Writes into `chosen` the indices of the `count` rows to delete, first to go first. All of them keep their
/// order.
///
/// `replica_set.go: getPodsToDelete`.
pub fn choose(rows: &[PodRow], count: usize, rules: Rules, now: Time, chosen: &mut Vec<usize>) {
    chosen.clear();
    if count >= rows.len() {
        chosen.extend(0..rows.len());
        return;
    }
    let mut last = None;
    while chosen.len() < count {
        let classes = rows.iter().map(|row| Some(Class::of(row, rules, now)));
        let class = classes.filter(|class| *class > last).min().expect("count < rows");
        let from = chosen.len();
        let members = rows.iter().enumerate();
        let members = members.filter(|(_, row)| Some(Class::of(row, rules, now)) == class);
        chosen.extend(members.map(|(i, _)| i));
        select(rows, count - from, rules, now, &mut chosen[from..]);
        last = class;
    }
    chosen.truncate(count);
}

/// What decides before UIDs and restarts do: the first in this order goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Class {
    assigned: bool,
    phase: PodPhase,
    ready: bool,
    deletion_cost: i32,
    rank: Reverse<u32>,
    /// How long ready: the age or its power of two.
    age: i64,
}

impl Class {
    fn of(row: &PodRow, rules: Rules, now: Time) -> Class {
        let age = match row.ready_since {
            _ if !row.ready => 0,
            None => i64::MIN,
            Some(since) if rules.logarithmic => i64::from(log2_age(since, now)),
            Some(since) => (now - since).0,
        };
        Class {
            assigned: row.node.is_some(),
            phase: row.phase,
            ready: row.ready,
            deletion_cost: if rules.deletion_cost { row.deletion_cost } else { 0 },
            rank: Reverse(row.rank),
            age,
        }
    }
}

/// Moves the `count` members of a class that go first to its front. The others keep their order.
fn select(rows: &[PodRow], count: usize, rules: Rules, now: Time, members: &mut [usize]) {
    let key = |&i: &usize| {
        let row: &PodRow = &rows[i];
        (row.ready_since.filter(|_| row.ready), row.restarts, row.sidecar_restarts, row.created)
    };
    if members.iter().all(|i| key(i) == key(&members[0])) {
        return;
    }
    // A selection, not a sort: the comparison is not transitive (UIDs decide only between different times).
    for i in 0..count.min(members.len()) {
        let mut first = i;
        for j in i + 1..members.len() {
            if less(&rows[members[j]], &rows[members[first]], rules, now) {
                first = j;
            }
        }
        members[i..=first].rotate_right(1);
    }
}

/// Whether `a` is deleted before `b`.
///
/// `controller_utils.go: ActivePodsWithRanks.Less`.
pub fn less(a: &PodRow, b: &PodRow, rules: Rules, now: Time) -> bool {
    let cost = |row: &PodRow| if rules.deletion_cost { row.deletion_cost } else { 0 };
    let order = a
        .node
        .is_some()
        .cmp(&b.node.is_some())
        .then(a.phase.cmp(&b.phase))
        .then(a.ready.cmp(&b.ready))
        .then(cost(a).cmp(&cost(b)))
        .then(b.rank.cmp(&a.rank));
    if order != Ordering::Equal {
        return order == Ordering::Less;
    }
    if a.ready && b.ready && a.ready_since != b.ready_since {
        return younger((a.ready_since, a.uid), (b.ready_since, b.uid), rules, now);
    }
    let order =
        b.restarts.cmp(&a.restarts).then_with(|| b.sidecar_restarts.cmp(&a.sidecar_restarts));
    if order != Ordering::Equal {
        return order == Ordering::Less;
    }
    a.created != b.created && younger((a.created, a.uid), (b.created, b.uid), rules, now)
}

/// Compares two different times: none before any, then the younger by its power of two, then the lower UID.
fn younger(a: (Option<Time>, u64), b: (Option<Time>, u64), rules: Rules, now: Time) -> bool {
    let (Some(at_a), Some(at_b)) = (a.0, b.0) else { return a.0.is_none() };
    if !rules.logarithmic {
        return at_a > at_b;
    }
    match log2_age(at_a, now).cmp(&log2_age(at_b, now)) {
        Ordering::Less => true,
        Ordering::Equal => a.1 < b.1,
        Ordering::Greater => false,
    }
}

/// The power of two of an age in nanoseconds, -1 for none.
fn log2_age(since: Time, now: Time) -> i32 {
    let age = (now - since).0;
    if age > 0 { age.ilog2() as i32 } else { -1 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Dur;

    fn ready(age_s: i64, uid: u64) -> PodRow {
        PodRow {
            node: Some(NodeId(0)),
            phase: PodPhase::Running,
            ready: true,
            ready_since: Some(Time::ZERO - Dur::from_secs(age_s)),
            uid,
            ..PodRow::default()
        }
    }

    #[test]
    fn similar_ages_are_decided_by_uid_and_different_ones_by_age() {
        // 300 s and 500 s lie between the same powers of two of nanoseconds, 2000 s does not.
        let rows = [ready(2000, 1), ready(500, 3), ready(300, 9)];
        let mut chosen = Vec::new();
        choose(&rows, 2, Rules::of(36), Time::ZERO, &mut chosen);
        assert_eq!(chosen, [1, 2]);
        choose(&rows, 2, Rules::of(21), Time::ZERO, &mut chosen);
        assert_eq!(chosen, [2, 1]);
    }

    #[test]
    fn a_comparison_in_a_circle_still_chooses() {
        // c before b by UID, b before a by UID, a before c by restarts.
        let a = PodRow { restarts: 1, ..ready(300, 3) };
        let b = ready(310, 2);
        let c = ready(300, 1);
        let rules = Rules::of(36);
        let before = |x: &PodRow, y: &PodRow| less(x, y, rules, Time::ZERO);
        assert!(before(&c, &b) && before(&b, &a) && before(&a, &c));
        let mut chosen = Vec::new();
        choose(&[a, b, c], 2, rules, Time::ZERO, &mut chosen);
        assert_eq!(chosen.len(), 2);
        assert_ne!(chosen[0], chosen[1]);
    }

    #[test]
    fn ranks_count_related_pods_on_the_node() {
        let mut rows = [ready(1, 1), PodRow { node: None, ..ready(1, 2) }];
        fill_ranks(
            &mut rows,
            [Some(NodeId(0)), Some(NodeId(0)), Some(NodeId(1)), None],
            &mut Vec::new(),
        );
        assert_eq!(rows.map(|row| row.rank), [2, 1]);
    }
}
