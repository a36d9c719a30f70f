//! What goes wrong with applications, by itself or by what they depend on.

use crate::engine::{Dur, Time};

/// Something that is wrong for a while.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// When it begins.
    pub from: Time,
    /// When it is over; never: it is not.
    pub until: Time,
    /// Which pods it concerns.
    pub of: Whom,
    /// What it does.
    pub what: Trouble,
}

/// Which pods a fault concerns.
#[derive(Clone, Debug, PartialEq)]
pub enum Whom {
    /// Every pod.
    All,
    /// The first that runs as the fault begins.
    One,
    /// Each pod with this probability, 0 to 1.
    Share(f64),
    /// Those of a version, by its name.
    Version(String),
}

/// What a fault does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Trouble {
    /// Processes that run as it begins accept connections and answer none, until they are restarted.
    Deadlock,
    /// Answers to requests take so many times as long.
    Busy { factor: f64 },
    /// This share of requests is answered with an error of the server.
    Errors { share: f64 },
    /// Memory grows: a process is killed so long after the fault began for it, and the next one likewise.
    Memory { after: Dur },
    /// What the application depends on answers nobody: see [`DependsOn`].
    DependencyDown,
    /// What the application depends on takes so much longer.
    DependencySlow { by: Dur },
}

/// What of an application needs the dependency that it shares with the others.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct DependsOn {
    /// The share of requests that do.
    pub requests: f64,
    /// Which probes do: readiness, liveness, startup.
    pub probes: [bool; 3],
}
