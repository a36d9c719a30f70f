//! The steps of actions.

use crate::cluster::objects::NodeId;

/// A step of an action, by the action's index in the scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Its time has come.
    Begin(u32),
    /// What it waited for has come about.
    Go(u32),
    /// Those who wait look again: time alone may be what they wait for.
    Look,
    /// Requests are read, for those who wait for what they tell.
    Read,
    /// The time for emptying a node is over.
    TimeIsOver { action: u32, node: NodeId },
    /// A node is empty, and what had to come after it has.
    NodeDone { action: u32, node: NodeId },
    /// A machine has booted: its node joins.
    Joins { action: u32, node: NodeId },
    /// A machine ends.
    MachineEnds { action: u32, node: NodeId },
    /// Its notice is heard of.
    Noticed { action: u32, node: NodeId },
    /// The object of a node whose machine is gone is deleted.
    ObjectGoes(NodeId),
    /// The pod garbage collector finds pods of a node that is gone.
    Collect(NodeId),
    /// A node that was cut off is connected again.
    IsBack { action: u32, node: NodeId },
    /// A zonal shift is over.
    ShiftExpires(u32),
    /// Chaos strikes again.
    Strikes { action: u32, blow: u32 },
    /// Asks for the eviction of the `next`-th pod of the list.
    Evict { action: u32, next: u32 },
    /// Looks whether the second Deployment is available.
    AwaitAvailable(u32),
    /// The Service is to select the other Deployment.
    SwitchSelector(u32),
    /// What it writes to the Service or the Ingress commits.
    Commit(u32),
    /// The Deployment that has lost the Service goes to 0 replicas.
    ScaleDown(u32),
}
