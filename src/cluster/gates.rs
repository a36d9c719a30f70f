//! Readiness gates.

/// A readiness gate that nobody sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnsetGate {
    /// Its condition type.
    pub name: String,
    /// As the end of a sentence.
    pub why: String,
    /// What would be set, or would set it.
    pub needed: String,
}

/// Who sets readiness gates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GateSetter {
    /// The controller of the load balancer.
    Balancer,
    /// The scenario's own controller.
    External,
}

/// A pod's readiness gates by who sets them: true where all of theirs are True, or there are none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gates {
    /// Those of the load balancer's controller.
    pub balancer: bool,
    /// Those of the scenario's own controller.
    pub external: bool,
    /// Those that nobody sets: false where there is one.
    pub others: bool,
}

impl Gates {
    /// A pod without any.
    pub const NONE: Gates = Gates { balancer: true, external: true, others: true };

    /// Whether all are True.
    pub fn all(self) -> bool {
        self.balancer && self.external && self.others
    }

    /// Those of one setter become True, or False.
    pub fn set(&mut self, by: GateSetter, value: bool) {
        match by {
            GateSetter::Balancer => self.balancer = value,
            GateSetter::External => self.external = value,
        }
    }
}
