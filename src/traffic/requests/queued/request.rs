//! What is remembered of a request that is under way.

use crate::timeline::{PodId, ViewId};
use crate::traffic::{Cause, Failure};

/// A user never sends again at the same instant: one who is refused at once and does not think would
/// otherwise send forever without time going on.
pub const LEAST_PAUSE_NS: i64 = 1_000_000;
/// No slot, user or stamp.
pub const NONE: u32 = u32::MAX;
/// No pod.
pub const NOBODY: PodId = PodId(NONE);
/// No view, nor a hop.
pub const NOWHERE: ViewId = ViewId(NONE);

/// What a request is waiting for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nothing: the place is free.
    Free,
    /// For a SYN that met nobody to be sent again, for the n-th time.
    Syn(u8),
    /// A client's connection is on its way; a freed one may come first.
    Dialing,
    /// In a pod's queue.
    Queued,
    /// In service; how that ends by itself.
    Running(End),
    /// For a failed connection to be known to have failed.
    Failing(Failure, Cause),
    /// For a failure to be known that the hop cannot mend.
    Over(Failure, Cause),
    /// For its turn to take a connection that may be free.
    Connects,
    /// For a further try of the hop on the same slot.
    HopRetry,
    /// For a further try of the client.
    ClientRetry,
    /// In front of all, for a pod that has room; what it is lost to if none comes.
    Held(Cause),
    /// For nothing: it has opened a connection that is kept.
    Open,
}

/// How the work on a request ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// With its answer, when the service is complete.
    Answered,
    /// The hop or the client gives up first.
    TooSlow,
    /// With an error of the server.
    Erred,
    /// With a call of the pod, when its own work is done.
    Calls,
    /// With what has become of a call.
    Heard,
}

/// A backend, as a view counts its load.
#[derive(Clone, Copy, Debug)]
pub struct Counted {
    /// Whose load it is.
    pub view: ViewId,
    /// A pod, or behind them a view.
    pub backend: u32,
}

/// One request of a client, over all its tries.
#[derive(Clone, Copy, Debug)]
pub struct Request {
    /// First send.
    pub sent: i64,
    /// The client gives this try up.
    pub deadline: i64,
    /// Random: what the try draws (pod, service time) comes from here; mixed anew for the next try.
    pub bits: u64,
    /// What it waits for.
    pub state: State,
    /// At a pod: when hop or client gives its answer up, which waits for it since it was sent there.
    pub answer_by: i64,
    /// In service: when the service would be complete.
    pub complete: i64,
    /// The pod of this try; NOBODY: none was chosen.
    pub pod: PodId,
    /// The view that chose the pod.
    pub view: ViewId,
    /// Of the pod: the run of its process that it reached.
    pub life: u16,
    /// It must not be sent twice (POST, PATCH).
    pub non_idempotent: bool,
    /// It opens a connection that is kept, and is counted there.
    pub opens: bool,
    /// A pod sends it, for a request that it works on, and is told of its end.
    pub is_call: bool,
    /// On a connection that served before.
    pub reused: bool,
    /// The innermost layer-7 hop, which tries, or NOWHERE.
    pub hop: ViewId,
    /// How many hops wait for that one.
    pub outer: u8,
    /// The slot that the hop chose, and those before.
    pub slot: u32,
    /// The slots before, the latest first; NONE: none.
    pub tried: [u32; 4],
    /// Tries of the hop, from 1; those that cost nothing are not counted.
    pub tries: u32,
    /// Further tries of the client, from 0.
    pub client_tries: u32,
    /// When this try began.
    pub began: i64,
    /// Of a closed loop; NONE: of an open one.
    pub user: u32,
    /// Counts the uses of this place, so that late events find out that they are void.
    pub generation: u32,
    /// Of the event that it waits for; NONE: whatever comes is void.
    pub stamp: u32,
    /// Whose loads count this try.
    pub loads: [Counted; 2],
    /// How many of `loads` are filled.
    pub load_count: u32,
    /// What it holds of its hop's limits: a sum of `guards::held`.
    pub held: u8,
}

impl Request {
    /// It is none of those that clients send and wait for.
    #[inline(always)]
    pub fn is_aside(&self) -> bool {
        self.opens || self.is_call
    }

    /// Where it counts as load.
    #[inline(always)]
    pub fn counted(&self) -> &[Counted] {
        &self.loads[..self.load_count as usize]
    }
}
