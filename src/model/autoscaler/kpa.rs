//! The Knative Pod Autoscaler's rules: sizes from concurrency over a long and a short window, panic, rate
//! limits, and how much burst the pods could take beside what they do.
//!
//! Source: knative/serving `pkg/autoscaler/scaling/autoscaler.go: Scale`.

use crate::engine::{Dur, Time};

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
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Memory {
    /// Since when it last was over the threshold while panicking; None: it does not panic.
    pub panics: Option<Time>,
    /// The largest size of this panic.
    pub most: i32,
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
        *memory = Memory::default();
    }
    let mut pods = within(stable);
    if memory.panics.is_some() {
        // It does not shrink while it panics.
        memory.most = memory.most.max(pods).max(within(panic));
        pods = memory.most;
    }
    debug_assert!(pods >= 0, "no size is below none");
    Scale { pods, excess_burst: excess_burst(settings, seen) }
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
