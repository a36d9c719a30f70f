//! What keeps an action from its end, as data.

use crate::cluster::gates::UnsetGate;
use crate::cluster::spec::Container;
use crate::cluster::workload::{Kind, Workload};
use crate::engine::{Dur, Time};
use crate::model::scheduler::filter::Rejected;

/// An action that has not reached its end.
#[derive(Clone, Debug, PartialEq)]
pub struct Stuck {
    /// Its index in the scenario.
    pub action: usize,
    /// Since when nothing gets on.
    pub since: Time,
    /// How far it was followed.
    pub until: Time,
    /// Nothing that can still happen ends it.
    pub for_good: bool,
    /// The Deployment it waits for, as it is now.
    pub deployment: Option<Box<Workload>>,
    /// What keeps it from its end.
    pub why: Why,
}

/// What an action waits for.
#[derive(Clone, Debug, PartialEq)]
pub enum Why {
    /// The Deployment is paused.
    Paused,
    /// `kubectl rollout undo` does not touch a paused Deployment.
    UndoOfPaused,
    /// It asks for a revision that is not kept; None: for the one before.
    NoRevision { wanted: Option<u32>, kept: Vec<u32> },
    /// New pods fit on no node: as FailedScheduling has it, and what turned them down. `instead`: one would
    /// fit in the place of a running one.
    NoNode { pods: u32, message: String, rejected: Rejected, instead: bool },
    /// A probe ends the container before it listens.
    Killed { container: Box<Container>, by_startup: bool, after: Dur },
    /// The container ends by itself.
    Crashes { container: Box<Container> },
    /// The readiness probe is always answered with "no".
    NeverReady { container: Box<Container> },
    /// An init container does not end, or fails each time.
    NeverInitialized { container: Box<Container> },
    /// Containers are ready, and these conditions are not set: never, or (`never` is empty) not yet.
    Gates { names: Vec<String>, never: Vec<UnsetGate> },
    /// An eviction is refused: so many pods must stay, so many are covered, all of them healthy.
    Budget { name: String, budget: usize, desired: i32, healthy: i32 },
    /// More than one budget selects a pod, which the eviction API answers with an error.
    SeveralBudgets { names: Vec<String> },
    /// Nothing replaces the pods of a workload of this kind when its template changes.
    NothingRolls { kind: Kind },
    /// Its pods are replaced only when somebody deletes them: so many are old.
    OnDelete { kind: Kind, pods: u32 },
    /// A StatefulSet (OrderedReady) does not touch a pod of a revision before, which is not ready, and
    /// nothing comes after it.
    HeldBy { pod: String },
    /// The release of a Rollout was aborted, for this reason.
    Aborted { why: String },
    /// The release pauses until somebody promotes it.
    AwaitsPromotion,
    /// `kubectl drain` does not evict pods that nothing would make anew.
    Unmanaged { pods: u32 },
    /// The budgets of the node pool let no node go.
    NoDisruption,
    /// A node was not empty when its time was over: so many pods are left, by the fault of that budget.
    NotEmpty { node: String, pods: u32, after: Dur, budget: Option<(String, usize)> },
    /// Pods are on a node that is lost: nobody says that they have stopped, or nobody makes them anew.
    OnLostNode { pods: u32, node: String, terminating: bool },
    /// Pods are not ready yet.
    Starting { pods: u32 },
    /// Pods are ready, and not yet for minReadySeconds.
    MinReady { pods: u32 },
    /// A pod has been available for long enough, and its controller does not look again: its queue keeps the
    /// earliest of its reminders alone, and nothing else happens to the workload.
    Overlooked { kind: Kind, pod: String },
    /// Pods that were told to stop are not gone.
    Stopping { pods: u32 },
    /// It is over, and later than the progress deadline allows.
    Late { over: Time },
    /// None of these.
    Other,
}

impl Why {
    /// Reasons of one kind are told together, in this order.
    pub fn kind(&self) -> u8 {
        match self {
            Why::Paused => 0,
            Why::UndoOfPaused => 1,
            Why::NoRevision { .. } => 2,
            Why::NoNode { .. } => 3,
            Why::Killed { .. } => 4,
            Why::Crashes { .. } => 5,
            Why::NeverReady { .. } => 6,
            Why::Gates { .. } => 7,
            Why::Budget { .. } => 8,
            Why::Starting { .. } => 9,
            Why::MinReady { .. } => 10,
            Why::Stopping { .. } => 11,
            Why::Late { .. } => 12,
            Why::Other => 13,
            Why::SeveralBudgets { .. } => 14,
            Why::NothingRolls { .. } => 15,
            Why::OnDelete { .. } => 16,
            Why::HeldBy { .. } => 17,
            Why::Unmanaged { .. } => 18,
            Why::Aborted { .. } => 19,
            Why::AwaitsPromotion => 20,
            Why::OnLostNode { .. } => 21,
            Why::NotEmpty { .. } => 22,
            Why::NoDisruption => 23,
            Why::Overlooked { .. } => 24,
            Why::NeverInitialized { .. } => 25,
        }
    }
}
