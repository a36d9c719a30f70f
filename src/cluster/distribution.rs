//! `trafficDistribution` of a Service.

/// Which endpoints of a Service are preferred.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Distribution {
    /// Those of the client's zone (PreferClose, PreferSameZone).
    SameZone,
    /// Those of its node, else of its zone.
    SameNode,
}
