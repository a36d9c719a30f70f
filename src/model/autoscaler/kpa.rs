//! The Knative Pod Autoscaler's rules: sizes from concurrency over a long and a short window, panic, rate
//! limits, and how much burst the pods could take beside what they do.
//!
//! Source: knative/serving `pkg/autoscaler/scaling/autoscaler.go: Scale`.

use crate::engine::{Dur, Time};
use std::collections::VecDeque;

/// What holds for a revision.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Concurrency that a pod is held at.
    pub target: f64,
    /// Concurrency that a pod can do.
    pub total: f64,
    /// `target-burst-capacity`; 0: none is kept, below 0: the activator is always in the path.
    pub burst: f64,
    /// Times the ready pods that it may grow to at once.
    pub max_up: f64,
    /// Part of the ready pods that it may shrink to at once: one over this.
    pub max_down: f64,
    /// It panics from so many times the ready pods on.
    pub panic_threshold: f64,
    /// `stable-window`.
    pub stable_window: Dur,
    /// `activation-scale`: the least size while there is work.
    pub activation: i32,
    /// `scale-down-delay`: it stays at the largest size of so long, while some route leads to it.
    pub down_delay: Dur,
    /// Some route leads to it: it shrinks no faster than it may.
    pub reachable: bool,
}

/// What is known at one look.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Observed {
    /// Ready pods.
    pub ready: i32,
    /// Concurrency of all pods, the mean over the stable window.
    pub stable: f64,
    /// The same over the panic window.
    pub panic: f64,
}

/// What is remembered from one look to the next.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Memory {
    /// Since when it last was over the threshold while panicking; None: it does not panic.
    pub panics: Option<Time>,
    /// The largest size of this panic.
    pub most: i32,
    /// Sizes within `scale-down-delay`.
    pub sizes: VecDeque<(Time, i32)>,
}

/// What comes of a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scale {
    /// Pods that it asks for.
    pub pods: i32,
    /// Requests that could come at once beyond what pods do; below 0: the activator stays in the path.
    pub excess_burst: i32,
}

/// One look.
pub fn scale(settings: &Settings, memory: &mut Memory, seen: Observed, now: Time) -> Scale {
    let ready = f64::from(seen.ready.max(1));
    let most = libm::ceil(settings.max_up * ready);
    let least = if settings.reachable { libm::floor(ready / settings.max_down) } else { 0.0 };
    let wanted = |concurrency: f64| {
        let pods = libm::ceil(concurrency / settings.target);
        if pods > 0.0 { pods.max(f64::from(settings.activation)) } else { pods }
    };
    let (stable, panic) = (wanted(seen.stable), wanted(seen.panic));
    let within = |pods: f64| pods.max(least).min(most) as i32;
    let over = panic / ready >= settings.panic_threshold;
    if over {
        memory.panics = Some(now);
    } else if memory.panics.is_some_and(|since| since + settings.stable_window < now) {
        (memory.panics, memory.most) = (None, 0);
    }
    let mut pods = within(stable);
    if memory.panics.is_some() {
        // It does not shrink while it panics.
        memory.most = memory.most.max(pods).max(within(panic));
        pods = memory.most;
    }
    if settings.reachable && settings.down_delay > Dur::ZERO {
        pods = memory.largest(pods, now, settings.down_delay);
    }
    debug_assert!(pods >= 0, "no size is below none");
    Scale { pods, excess_burst: excess_burst(settings, seen) }
}

impl Memory {
    /// The largest size of the last so long, with this one (`pkg/autoscaler/aggregation/max`).
    fn largest(&mut self, pods: i32, now: Time, within: Dur) -> i32 {
        self.sizes.push_back((now, pods));
        self.sizes.retain(|(at, _)| *at + within > now);
        debug_assert!(!self.sizes.is_empty(), "the last one is within");
        self.sizes.iter().map(|(_, pods)| *pods).max().unwrap_or(pods)
    }
}

fn excess_burst(settings: &Settings, seen: Observed) -> i32 {
    match settings.burst {
        0.0 => 0,
        burst if burst < 0.0 => -1,
        burst => {
            let can = f64::from(seen.ready.max(0)) * settings.total;
            libm::floor(can - burst - seen.panic) as i32
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The largest size of the delay holds, as long as a route leads to the revision.
    #[test]
    fn it_stays_at_the_largest_size_of_the_delay() {
        let settings = |reachable: bool, delay: i64| Settings {
            target: 1.0,
            total: 1.0,
            burst: 0.0,
            max_up: 1000.0,
            max_down: 10.0,
            panic_threshold: 100.0,
            stable_window: Dur::from_secs(60),
            activation: 1,
            down_delay: Dur::from_secs(delay),
            reachable,
        };
        let sizes = |settings: Settings| {
            let mut memory = Memory::default();
            let at = |(t, load): (i64, f64)| {
                let seen = Observed { ready: 10, stable: load, panic: load };
                scale(&settings, &mut memory, seen, Time::ZERO + Dur::from_secs(t)).pods
            };
            [(0, 10.0), (2, 4.0), (4, 0.0), (298, 0.0), (300, 0.0), (302, 2.0)].map(at)
        };
        assert_eq!(sizes(settings(true, 300)), [10, 10, 10, 10, 4, 2]);
        assert_eq!(sizes(settings(true, 0)), [10, 4, 1, 1, 1, 2]);
        assert_eq!(sizes(settings(false, 300)), [10, 4, 0, 0, 0, 2]);
    }
}
