//! What can be measured of pods while they serve, and what probes find there. The world fills it in; models
//! read it, each with its own latency.

use super::id::PodId;
use crate::engine::{Dur, Time};

/// Of one pod, over some time until now.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PodSignals {
    /// Requests a second that it was sent.
    pub rate: f64,
    /// Workers busy in the mean: seconds of service that it finished, a second.
    pub cpu: f64,
    /// Requests in service now, and waiting for a slot.
    pub in_service: f64,
    /// Requests that wait for a slot now.
    pub waiting: f64,
    /// Requests a second that it was sent and that failed.
    pub errors: f64,
}

/// A probe that waits with the requests of its pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Whom it asks.
    pub pod: PodId,
    /// The container, init containers first.
    pub container: u8,
    /// Which of its probes.
    pub kind: u8,
    /// Counts what this probe has asked.
    pub number: u32,
    /// When it is sent.
    pub at: Time,
    /// How long a worker is busy with it.
    pub takes: Dur,
    /// It only connects: no worker has to take it.
    pub connects: bool,
}

/// What a pod made of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answered {
    /// The probe.
    pub asked: Asked,
    /// When.
    pub at: Time,
    /// It was served; else turned away, or its connection was closed.
    pub ok: bool,
}

/// Of one pod, since the run began.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PodCounters {
    /// Requests that it has worked off, whether or not somebody still waited for the answer.
    pub served: f64,
    /// Requests in service now.
    pub in_service: f64,
    /// Requests that wait for a slot now.
    pub waiting: f64,
    /// Requests that were sent to it and whose outcome is known; 0 where only rates are followed.
    pub sent: f64,
    /// Of these, those that failed.
    pub failed: f64,
    /// Of the others, the time from the client's send until the answer, in seconds together.
    pub seconds: f64,
}

/// What becomes known of a pod as requests run, that its kubelet acts on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// It has done with a probe.
    Answered(Answered),
    /// Its process was told to stop, and has nothing left to do.
    Drained { pod: PodId, at: Time },
}

impl Told {
    /// When it comes about.
    pub fn at(&self) -> Time {
        match *self {
            Told::Answered(answered) => answered.at,
            Told::Drained { at, .. } => at,
        }
    }
}
