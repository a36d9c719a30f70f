//! How many nodes of a pool Karpenter may disrupt at once.
//!
//! Sources: `pkg/apis/v1/nodepool.go`, `pkg/controllers/disruption/helpers.go` of kubernetes-sigs/karpenter.

use crate::engine::Dur;

/// The label that says of which NodePool a node is.
pub const POOL: &str = "karpenter.sh/nodepool";

/// Why a node is disrupted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It has no pods but those of DaemonSets.
    Empty,
    /// Its pods fit elsewhere.
    Underutilized,
    /// It is no longer what its pool asks for.
    Drifted,
}

impl Reason {
    /// As a budget names it.
    pub fn name(self) -> &'static str {
        match self {
            Reason::Empty => "Empty",
            Reason::Underutilized => "Underutilized",
            Reason::Drifted => "Drifted",
        }
    }
}

/// How many nodes a budget lets go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nodes {
    /// So many.
    Number(i32),
    /// So many of a hundred of the pool's, rounded up.
    Percent(i32),
}

impl Nodes {
    /// As `spec.disruption.budgets[].nodes` has it; None: it is neither.
    pub fn read(text: &str) -> Option<Nodes> {
        let number = |text: &str| text.parse::<i32>().ok().filter(|n| *n >= 0);
        match text.strip_suffix('%') {
            Some(percent) => number(percent).filter(|p| *p <= 100).map(Nodes::Percent),
            None => number(text).map(Nodes::Number),
        }
    }

    fn of(self, pool: i32) -> i32 {
        match self {
            Nodes::Number(n) => n,
            Nodes::Percent(p) => {
                let hundredths = i64::from(p) * i64::from(pool);
                (hundredths.div_euclid(100) + i64::from(hundredths % 100 > 0)) as i32
            }
        }
    }
}

/// An entry of a NodePool's `spec.disruption.budgets`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budget {
    /// How many may go at once.
    pub nodes: Nodes,
    /// For which reasons; empty: for all.
    pub reasons: Vec<String>,
    /// Its schedule covers the moment, or it has none.
    pub active: bool,
}

/// No budget says anything.
pub const UNLIMITED: i32 = i32::MAX;

/// How many nodes of a pool of `pool` may be disrupted for a reason: the smallest budget that is about it.
///
/// `nodepool.go: MustGetAllowedDisruptions`.
pub fn allowed_for(budgets: &[Budget], reason: Reason, pool: i32) -> i32 {
    let about = |b: &&Budget| {
        b.active && (b.reasons.is_empty() || b.reasons.iter().any(|r| r == reason.name()))
    };
    budgets.iter().filter(about).map(|b| b.nodes.of(pool)).min().unwrap_or(UNLIMITED)
}

/// How many more may be disrupted now, where so many are not ready or going.
///
/// `helpers.go: BuildDisruptionBudgetMapping`.
pub fn allowed_now(budgets: &[Budget], reason: Reason, pool: i32, away: i32) -> i32 {
    allowed_for(budgets, reason, pool).saturating_sub(away).max(0)
}

/// How long an eviction that was refused so often waits for its next try.
///
/// `terminator/eviction.go`: a rate limiter per pod.
pub fn eviction_wait(base: Dur, most: Dur, refused: u32) -> Dur {
    Dur(base.0.saturating_mul(1 << refused.min(20))).min(most)
}
