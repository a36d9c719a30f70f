//! Back-off of pods that could not be scheduled, and how many nodes are looked at.
//!
//! Sources: `pkg/scheduler/backend/queue/backoff_queue.go`, `pkg/scheduler/schedule_one.go`.

use super::profile::Profile;
use crate::engine::{Dur, Time};

/// First and longest wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// After the first failed attempt (1 s in kube-scheduler's defaults).
    pub initial: Dur,
    /// After any number of them (10 s).
    pub max: Dur,
}

impl Limits {
    /// As the profile sets them.
    pub fn of(profile: &Profile) -> Limits {
        Limits { initial: profile.backoff_initial, max: profile.backoff_max }
    }
}

/// The wait after `attempts` failed attempts: doubled each time, up to the maximum.
///
/// `backoff_queue.go: calculateBackoffDuration`.
pub fn backoff_duration(limits: Limits, attempts: u32) -> Dur {
    let mut wait = if attempts == 0 { Dur::ZERO } else { limits.initial };
    for _ in 1..attempts {
        if wait >= limits.max {
            break;
        }
        wait = wait + wait;
    }
    wait.min(limits.max)
}

/// The wait of a pod: errors in a row count instead of failed attempts; None: no wait.
///
/// `backoff_queue.go: getBackoffTime`.
pub fn backoff(limits: Limits, unschedulable: u32, consecutive_errors: u32) -> Option<Dur> {
    let count = if consecutive_errors > 0 { consecutive_errors } else { unschedulable };
    Some(backoff_duration(limits, count)).filter(|&wait| wait > Dur::ZERO)
}

/// When a pod put back at `since` with this wait may be tried again: cut down to a whole second of the wall
/// clock, whose seconds lie at `phase` (see [`Time::floor_s`]).
///
/// `backoff_queue.go: alignToWindow`.
pub fn expiry(since: Time, wait: Dur, phase: Dur) -> Time {
    (since + wait).floor_s(phase)
}

/// How many nodes that fit are looked for among `nodes`. Percentages of 0 stand for the adaptive default.
///
/// `schedule_one.go: numFeasibleNodesToFind`.
pub fn feasible_nodes_to_find(
    profile_percent: Option<i32>,
    global_percent: i32,
    nodes: i32,
) -> i32 {
    const LEAST: i32 = 100;
    if nodes < LEAST {
        return nodes;
    }
    let percent = match profile_percent.unwrap_or(global_percent) {
        0 => (50 - nodes / 125).max(5),
        percent => percent,
    };
    let found = i64::from(nodes) * i64::from(percent) / 100;
    (found as i32).max(LEAST)
}
