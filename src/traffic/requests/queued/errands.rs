//! What is remembered of calls: who waits for each, what has become of them, and what further tries a pod may
//! still make.

use super::super::present::Present;
use super::client::Connection;
use super::event::{OrphanId, RequestId};
use super::faults::drawn;
use crate::engine::List;
use crate::timeline::{Asking, Call, CallId, CallRetryOn, PodId, Timeline, ViewId};
use crate::traffic::{CallOutcome, Cause, Failure};
use std::collections::BTreeMap;

/// What a request draws for its calls.
pub const LUCK: u64 = 0x6361_6c6c;
/// A step beyond all calls.
pub const NO_MORE: u8 = u8::MAX;

/// Calls that are under way, and what has become of the others.
#[derive(Default)]
pub struct Calls {
    /// Somebody makes some.
    pub used: bool,
    /// Places of requests that are calls.
    pub under_way: usize,
    /// Those of the timeline.
    pub all: List<CallId, Call>,
    /// Of each request.
    pub errands: List<RequestId, Errand>,
    /// What has become of them.
    pub counts: List<CallId, CallOutcome>,
    /// Further tries that a pod may still make.
    tokens: BTreeMap<(CallId, PodId), f64>,
    /// Idle connections, the most recently freed on top, of each run of a pod's process.
    idle: BTreeMap<Keeper, Vec<Connection>>,
}

/// Who keeps connections: for a call, a pod, in this run of its process.
type Keeper = (CallId, PodId, u16);

/// What is remembered of a request that makes calls, or is one.
#[derive(Clone, Copy, Debug, Default)]
pub struct Errand {
    /// The call that comes next, of those that the pod's version makes.
    pub step: u8,
    /// Until when hop or client waits for the pod's answer.
    pub until: i64,
    /// The call that it waits for.
    pub call: Option<RequestId>,
    /// A call has failed, and it answers so.
    pub heard: Option<(Cause, Place)>,
    /// Where this try was lost, if by a call.
    pub lost: Option<Place>,
    /// Of a call: which,
    pub of: CallId,
    /// who waits for it,
    pub whose: Whose,
    /// the pod that makes it,
    pub by: Option<PodId>,
    /// its tries,
    pub tries: u32,
    /// and why the latest of them failed.
    pub why: Option<Cause>,
}

/// Where a request was lost: pod and view, or none of them.
#[derive(Clone, Copy, Debug)]
pub struct Place(pub PodId, pub ViewId);

/// Who waits for a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Whose {
    /// Nobody: its process is gone.
    #[default]
    Nobody,
    /// A worker, for a request that somebody waits for.
    Request(RequestId),
    /// A worker, for nobody.
    Orphan(OrphanId),
}

impl CallRetryOn {
    /// Whether a call that failed so is tried again.
    pub fn has(self, failure: Failure) -> bool {
        match failure {
            Failure::Refused | Failure::NoRoute => self.connect,
            Failure::Reset | Failure::Eof => self.reset,
            Failure::Status(status) => self.status && status >= 500,
            Failure::Timeout => self.timeout,
        }
    }
}

impl Calls {
    /// None has been made yet.
    pub fn new(timeline: &Timeline) -> Calls {
        let counts = timeline.calls.iter().map(|_| CallOutcome::default()).collect();
        let (used, all) = (!timeline.calls.is_empty(), timeline.calls.clone());
        Calls { used, all, counts, ..Calls::default() }
    }

    /// How a call is made.
    pub fn how(&self, index: RequestId) -> Asking {
        self.all[self.errands[index].of].how
    }

    /// A try begins: nothing of it is lost yet.
    #[inline(always)]
    pub fn forget(&mut self, index: RequestId) {
        if self.used {
            self.errands.entry(index).lost = None;
        }
    }

    /// The call that a request waits for, which it does no longer.
    #[inline(always)]
    pub fn taken_from(&mut self, index: RequestId) -> Option<RequestId> {
        if self.used { self.errands.entry(index).call.take() } else { None }
    }

    /// The latest idle connection of a caller's library that neither end has closed; None: it has none, or
    /// keeps none.
    #[cold]
    pub fn take(&mut self, present: &Present, index: RequestId, now: i64) -> Option<Connection> {
        let Errand { of, by, .. } = self.errands[index];
        let (keeping, by) = (self.all[of].how.kept?, by?);
        let idle = self.idle.get_mut(&(of, by, present.pods[by].life))?;
        loop {
            let connection = idle.pop()?;
            debug_assert!(connection.since <= now, "it was used before");
            if keeping.idle_timeout.is_some_and(|most| now - connection.since > most.0) {
                // Those below have been idle for longer.
                idle.clear();
                return None;
            }
            if present.closes_at(connection.pod, connection.life, connection.since) > now {
                return Some(connection);
            }
        }
    }

    /// A caller's library keeps a connection, if it keeps any.
    #[cold]
    pub fn keep(&mut self, present: &Present, index: RequestId, connection: Connection) {
        let Errand { of, by, whose, .. } = self.errands[index];
        let (Some(keeping), Some(by)) = (self.all[of].how.kept, by) else { return };
        let lives = &present.pods[connection.pod].lives;
        let open = lives.get(usize::from(connection.life)).expect("it began").stop_accept;
        // With its process the caller's connections end.
        if open.0 <= connection.since || whose == Whose::Nobody {
            return;
        }
        let idle = self.idle.entry((of, by, present.pods[by].life)).or_default();
        if u32::try_from(idle.len()).is_ok_and(|kept| kept < keeping.most_idle) {
            idle.push(connection);
        }
    }

    /// Whether the budget of a pod has a further try, which then is taken from it.
    pub fn grants(&mut self, id: CallId, by: PodId) -> bool {
        let Some(budget) = self.all[id].how.budget else { return true };
        let left = self.tokens.entry((id, by)).or_insert(budget.most);
        let some = *left >= 1.0;
        *left -= f64::from(u8::from(some));
        self.counts[id].refused += u64::from(!some);
        debug_assert!((0.0..=budget.most).contains(left), "a budget holds no more than it can");
        some
    }

    /// A call is made: the budget of further tries grows.
    pub fn adds(&mut self, id: CallId, by: PodId) {
        let Some(budget) = self.all[id].how.budget else { return };
        let left = self.tokens.entry((id, by)).or_insert(budget.most);
        *left = (*left + budget.share).min(budget.most);
        debug_assert!(*left <= budget.most, "a budget holds no more than it can");
    }
}

impl Asking {
    /// The wait before a further try, after so many; nanoseconds.
    pub fn waits(&self, bits: u64, tries: u32) -> i64 {
        let (first, most) = self.back_off;
        let range = first.0.saturating_mul((1i64 << tries.clamp(1, 31)) - 1).min(most.0);
        debug_assert!(range >= 0, "a wait is no less than nothing");
        (range as f64 * drawn(bits, LUCK)) as i64
    }
}
