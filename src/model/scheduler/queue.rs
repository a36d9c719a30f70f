//! Pods that fitted nowhere: parked until something happens that could help, then waiting for the end of
//! their back-off, then tried again one after the other.
//!
//! Source: `pkg/scheduler/backend/queue/scheduling_queue.go`.

use super::backoff::{self, Limits};
use super::choice::Failure;
use crate::cluster::objects::PodId;
use crate::engine::{Dur, Time};
use std::collections::{BTreeMap, VecDeque};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Until something happens.
    Parked,
    BackingOff,
    /// Next in line.
    Active,
}

/// A pod that fitted nowhere.
#[derive(Debug)]
pub struct Waiting {
    /// Why, at the last attempt.
    pub failure: Failure,
    attempts: u32,
    since: Time,
    state: State,
    /// The flush of pods that nothing has woken for long is scheduled.
    flush: bool,
}

/// When a pod that was woken is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Its back-off is over.
    Now,
    /// When its back-off ends.
    At(Time),
}

/// Pods to be scheduled, and those that wait until something can help them.
#[derive(Debug)]
pub struct Queue {
    limits: Limits,
    /// Back-off ends on whole seconds of the wall clock.
    phase: Dur,
    /// The scheduler takes pods out of back-off when it has nothing else to do (since v1.33).
    idle_pops: bool,
    waiting: BTreeMap<PodId, Waiting>,
    active: VecDeque<PodId>,
}

impl Queue {
    /// `phase` is where in a second of the wall clock time 0 lies.
    pub fn new(limits: Limits, phase: Dur, idle_pops: bool) -> Queue {
        Queue { limits, phase, idle_pops, waiting: BTreeMap::new(), active: VecDeque::new() }
    }

    /// Whether no pod waits for a node that fits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Those that wait, in the order of the pods.
    pub fn pods(&self) -> impl Iterator<Item = (PodId, &Waiting)> {
        self.waiting.iter().map(|(pod, waiting)| (*pod, waiting))
    }

    /// An attempt failed.
    pub fn park(&mut self, pod: PodId, now: Time, failure: Failure) {
        let last = self.waiting.get(&pod).map(|w| w.since);
        debug_assert!(
            last.is_none_or(|since| since <= now),
            "a pod is parked after its last attempt"
        );
        let attempts = self.waiting.get(&pod).map_or(0, |w| w.attempts) + 1;
        let state = State::Parked;
        let waiting = Waiting { failure, attempts, since: now, state, flush: false };
        self.waiting.insert(pod, waiting);
    }

    /// The pod has a node, or is gone.
    pub fn forget(&mut self, pod: PodId) {
        if self.waiting.remove(&pod).is_some_and(|w| w.state == State::Active) {
            self.active.retain(|p| *p != pod);
        }
    }

    /// Pods that something that happens now might help.
    pub fn parked(&self, helps: impl Fn(PodId, &Failure) -> bool) -> Vec<PodId> {
        let parked = self.waiting.iter().filter(|(_, w)| w.state == State::Parked);
        parked.filter(|(pod, w)| helps(**pod, &w.failure)).map(|(pod, _)| *pod).collect()
    }

    /// Something happened that might help.
    pub fn wake(&mut self, pod: PodId, now: Time) -> Next {
        let waiting = self.waiting.get_mut(&pod).expect("a pod that waits");
        debug_assert!(waiting.attempts > 0, "a pod that waits has been tried");
        let wait = backoff::backoff(self.limits, waiting.attempts, 0).unwrap_or(Dur::ZERO);
        let until = backoff::expiry(waiting.since, wait, self.phase);
        if self.idle_pops || until <= now {
            self.activate(pod);
            return Next::Now;
        }
        waiting.state = State::BackingOff;
        Next::At(until)
    }

    /// Its back-off is over, or it has waited for very long.
    pub fn activate(&mut self, pod: PodId) {
        let Some(waiting) = self.waiting.get_mut(&pod) else { return };
        if waiting.state != State::Active {
            waiting.state = State::Active;
            self.active.push_back(pod);
        }
        debug_assert!(!self.active.is_empty(), "a pod that is to be tried is in line");
    }

    /// When the pod would be flushed, if that is not scheduled yet.
    pub fn flush(&mut self, pod: PodId, after: Dur) -> Option<Time> {
        let waiting = self.waiting.get_mut(&pod)?;
        let due = waiting.since + after;
        (!std::mem::replace(&mut waiting.flush, true)).then_some(due)
    }

    /// Whether it has been parked for that long.
    pub fn is_due(&self, pod: PodId, now: Time, after: Dur) -> bool {
        let parked = |w: &Waiting| w.state == State::Parked && now - w.since >= after;
        self.waiting.get(&pod).is_some_and(parked)
    }

    /// The next pod to be tried.
    pub fn pop(&mut self) -> Option<PodId> {
        self.active.pop_front()
    }

    /// Whether one can be tried now.
    pub fn has_active(&self) -> bool {
        !self.active.is_empty()
    }
}
