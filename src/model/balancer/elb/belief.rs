//! The members of a target group, and what a load balancer node believes of one.

use crate::engine::Time;
use crate::model::balancer::check::{Checked, Health};
use crate::model::balancer::checker::Checker;
use crate::timeline::Target;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Unused,
    Registered,
    /// Registered again after it: an address cannot return earlier.
    Draining {
        returns: bool,
    },
}

#[derive(Debug)]
pub struct Member {
    pub target: Target,
    pub state: State,
    pub generation: u32,
}

/// What one node believes of one target.
#[derive(Clone, Copy, Debug)]
pub struct Belief {
    pub known: bool,
    pub checker: Checker,
    /// The verdict that its choices follow.
    pub routed: Health,
    pub healthy_since: Time,
}

pub const UNKNOWN: Belief = Belief {
    known: false,
    checker: Checker::idle(Checked::INITIAL),
    routed: Health::Initial,
    healthy_since: Time::NEVER,
};

impl Belief {
    pub fn is_healthy(&self) -> bool {
        self.known && self.routed == Health::Healthy
    }
}
