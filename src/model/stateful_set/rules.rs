//! What one pass over the pods of a StatefulSet creates and deletes.
//!
//! Sources: `pkg/controller/statefulset/stateful_set_control.go`, `stateful_set_utils.go`.

use crate::cluster::workload::StatefulSetStrategy;

/// What the controller sees of the pod of one ordinal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Slot {
    /// There is one.
    pub exists: bool,
    /// It is of the newest revision; where there is none: the one that would be made.
    pub updated: bool,
    /// It has a deletionTimestamp.
    pub terminating: bool,
    /// Its phase is terminal.
    pub finished: bool,
    /// Running, and Ready.
    pub ready: bool,
    /// And has been so for `minReadySeconds`.
    pub available: bool,
}

impl Slot {
    fn is_healthy(&self) -> bool {
        self.ready && !self.terminating
    }

    /// There, staying, and available.
    fn is_available(&self) -> bool {
        self.exists && !self.terminating && self.available
    }

    fn is_replaceable(&self) -> bool {
        self.exists && !self.updated && !self.terminating
    }
}

/// What decides how pods are replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// `podManagementPolicy: Parallel`.
    pub parallel: bool,
    /// `updateStrategy.type: OnDelete`.
    pub on_delete: bool,
    /// Ordinals below it keep the old revision.
    pub partition: usize,
    /// So many pods may be away; None: the gate MaxUnavailableStatefulSet is off, and it is one after the
    /// other.
    pub max_unavailable: Option<i32>,
    /// Of Parallel: the next goes when those before are Ready, whatever `minReadySeconds` says.
    pub ready_suffices: bool,
    /// Of Parallel: old pods that are away already take nothing from what may be away.
    pub spares_broken: bool,
}

/// Since v1.34 `minReadySeconds` holds with Parallel as well (issues 112307 and 119234, pull request 130909
/// of kubernetes/kubernetes).
const WAITS_SINCE: u32 = 34;
/// Since v1.36: pull request 137666, which mends what 1.35 brought.
const SPARES_SINCE: u32 = 36;

impl Rules {
    /// Of a StatefulSet of so many replicas, with the gate MaxUnavailableStatefulSet on or off.
    pub fn of(s: StatefulSetStrategy, replicas: i32, minor: u32, gate: bool) -> Rules {
        Rules {
            parallel: s.parallel,
            on_delete: s.on_delete,
            partition: s.partition.max(0) as usize,
            max_unavailable: gate.then(|| s.may_be_away(replicas)),
            ready_suffices: s.parallel && minor < WAITS_SINCE,
            spares_broken: s.parallel && minor >= SPARES_SINCE,
        }
    }

    /// Whether a pod is there, stays, and lets the next one go.
    fn is_up(&self, slot: &Slot) -> bool {
        let up = if self.ready_suffices { slot.ready } else { slot.available };
        slot.exists && !slot.terminating && up
    }
}

/// What is done to the pod of an ordinal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The name is free: its pod is created.
    Create(usize),
    /// Its pod is deleted.
    Delete(usize),
}

/// One pass over the pods of the ordinals from 0 on, of which `replicas` are wanted.
///
/// `stateful_set_control.go: updateStatefulSet`.
pub fn pass(rules: Rules, slots: &[Slot], replicas: usize, steps: &mut Vec<Step>) {
    let (wanted, beyond) = slots.split_at(replicas.min(slots.len()));
    debug_assert!(wanted.len() == replicas, "each ordinal that is wanted has a place");
    if keep(rules, wanted, steps) && shrink(rules, beyond, replicas, steps) && !rules.on_delete {
        match rules.max_unavailable {
            None => replace_one(rules, wanted, steps),
            Some(max) => replace(rules, wanted, max, steps),
        }
    }
}

/// Makes what is missing, in the order of the ordinals. Whether the pass goes on: not, where each waits for
/// the one before it.
///
/// `processReplica`.
fn keep(rules: Rules, wanted: &[Slot], steps: &mut Vec<Step>) -> bool {
    for (ordinal, slot) in wanted.iter().enumerate() {
        let waits = if slot.exists && slot.finished {
            if !slot.terminating {
                steps.push(Step::Delete(ordinal));
            }
            true
        } else if !slot.exists {
            steps.push(Step::Create(ordinal));
            true
        } else {
            !slot.is_available()
        };
        if waits && !rules.parallel {
            return false;
        }
    }
    true
}

/// Takes away ordinals that are no longer wanted, the highest first. Whether the pass goes on.
///
/// `processCondemned`.
fn shrink(rules: Rules, beyond: &[Slot], first: usize, steps: &mut Vec<Step>) -> bool {
    let there = || beyond.iter().enumerate().filter(|(_, slot)| slot.exists);
    let unhealthy = there().find(|(_, slot)| !slot.is_healthy()).map(|(i, _)| i);
    for (i, slot) in there().collect::<Vec<_>>().into_iter().rev() {
        if slot.terminating {
            if !rules.parallel {
                return false;
            }
            continue;
        }
        let waits = !(slot.available || rules.parallel || unhealthy == Some(i));
        if !waits {
            steps.push(Step::Delete(first + i));
        }
        if !rules.parallel {
            return false;
        }
    }
    true
}

/// The highest ordinal of an old revision goes, once all above it are available.
fn replace_one(rules: Rules, wanted: &[Slot], steps: &mut Vec<Step>) {
    for (ordinal, slot) in wanted.iter().enumerate().skip(rules.partition).rev() {
        if slot.is_replaceable() {
            return steps.push(Step::Delete(ordinal));
        }
        if !rules.is_up(slot) {
            return;
        }
    }
}

/// As many of an old revision go as may be away, the highest ordinals first. With Parallel those that are
/// away already come before them, and take nothing from what may be.
///
/// `updateStatefulSetAfterInvariantEstablished`.
pub fn replace(rules: Rules, wanted: &[Slot], max: i32, steps: &mut Vec<Step>) {
    let goes = |ordinal: usize| ordinal >= rules.partition && wanted[ordinal].is_replaceable();
    let free =
        |ordinal: usize| rules.spares_broken && goes(ordinal) && !rules.is_up(&wanted[ordinal]);
    let away = (0..wanted.len()).filter(|&o| !rules.is_up(&wanted[o]) && !free(o)).count();
    let budget = usize::try_from(max).unwrap_or(0).saturating_sub(away);
    let falling = || (rules.partition..wanted.len()).rev();
    let first = falling().filter(|&o| free(o));
    let then = falling().filter(|&o| goes(o) && !free(o));
    steps.extend(first.chain(then).take(budget).map(Step::Delete));
}

/// Which revision the pod of an ordinal is made of: true for the newest.
///
/// `stateful_set_utils.go: newVersionedStatefulSetPod`.
pub fn made_of_newest(rules: Rules, ordinal: usize) -> bool {
    rules.on_delete || ordinal >= rules.partition
}
