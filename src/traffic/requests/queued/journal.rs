//! Single requests, each with its tries: what clients and access logs would show of them. Written only where
//! somebody asks for it, since a run has many.

use super::event::RequestId;
use super::{NOBODY, NOWHERE, Request};
use crate::engine::{List, Time};
use crate::timeline::{PodId, ViewId};
use crate::traffic::{Cause, Failure};
use smallvec::SmallVec;

/// One request of a client, from its first send to what became of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Followed {
    /// First send.
    pub sent: Time,
    /// When the client knew what became of it.
    pub ended: Time,
    /// In order; a request that found nobody to go to has a try without a pod.
    pub tries: SmallVec<[Try; 1]>,
    /// What the client saw, and why; None: an answer.
    pub failed: Option<(Failure, Cause)>,
}

/// One try of a request, by a proxy or by the client itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Try {
    /// When it was sent.
    pub began: Time,
    /// When its end was known to whoever tried.
    pub ended: Time,
    /// The pod that was chosen, if any.
    pub pod: Option<PodId>,
    /// The data-plane instance that chose it.
    pub view: Option<ViewId>,
    /// The proxy that tried; None: the client.
    pub hop: Option<ViewId>,
    /// What whoever tried met; None: an answer.
    pub failed: Option<Failure>,
}

/// What is being written.
#[derive(Debug, Default)]
pub struct Journal {
    /// Of requests that are under way, by their places.
    open: List<RequestId, Open>,
    /// In the order of their ends.
    pub done: Vec<Followed>,
}

/// Tries so far, and whether the last of them is under way.
#[derive(Clone, Debug, Default)]
struct Open {
    tries: SmallVec<[Try; 1]>,
    trying: bool,
}

impl Journal {
    /// A try of the request begins; it goes where the request says.
    #[cold]
    pub fn tries(&mut self, index: RequestId, request: &Request, now: i64) {
        let view = |view: ViewId| (view != NOWHERE).then_some(view);
        self.try_ends(index, now, None);
        let open = self.open.entry(index);
        open.trying = true;
        open.tries.push(Try {
            began: Time(now),
            ended: Time(now),
            pod: (request.pod != NOBODY).then_some(request.pod),
            view: view(request.view),
            hop: view(request.hop),
            failed: None,
        });
        debug_assert!(request.sent <= now, "a request is tried once it is sent");
    }

    /// The try under way is over, if there is one.
    #[cold]
    pub fn try_ends(&mut self, index: RequestId, now: i64, failed: Option<Failure>) {
        let open = self.open.entry(index);
        if let Some(last) = open.tries.last_mut().filter(|_| open.trying) {
            debug_assert!(last.began <= Time(now), "a try ends after it began");
            (last.ended, last.failed) = (Time(now), failed);
        }
        open.trying = false;
    }

    /// The client knows what became of its request.
    #[cold]
    pub fn ends(
        &mut self,
        index: RequestId,
        sent: i64,
        now: i64,
        failed: Option<(Failure, Cause)>,
    ) {
        self.try_ends(index, now, failed.map(|(failure, _)| failure));
        debug_assert!(sent <= now, "a request ends after it was sent");
        let tries = std::mem::take(&mut self.open.entry(index).tries);
        self.done.push(Followed { sent: Time(sent), ended: Time(now), tries, failed });
    }
}
