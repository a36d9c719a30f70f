//! The members of a target group, and what a load balancer node believes of them.

use crate::engine::{Dur, Time};
use crate::model::balancer::check::{Checked, Health};
use crate::model::balancer::checker::Checker;
use crate::model::balancer::listing::Listing;
use crate::timeline::Target;
use std::collections::BTreeSet;

/// Whether a target is registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Not registered.
    Unused,
    /// Registered: nodes that know send it requests when it is healthy.
    Registered,
    /// Registered again after it: an address cannot return earlier.
    Draining { returns: bool },
}

/// A target of the group, as AWS' API knows it.
#[derive(Debug)]
pub struct Member {
    /// Who it is.
    pub target: Target,
    /// Whether it is registered.
    pub state: State,
    /// Counts registrations: what is under way for an earlier one is void.
    pub generation: u32,
}

/// What one node believes of one target.
#[derive(Clone, Copy, Debug)]
pub struct Belief {
    /// The registration has reached the node.
    pub known: bool,
    /// Its health checks.
    pub checker: Checker,
    /// The verdict that its choices follow.
    pub routed: Health,
    /// For slow start.
    pub healthy_since: Time,
}

/// The node has not heard of the target.
pub const UNKNOWN: Belief = Belief {
    known: false,
    checker: Checker::idle(Checked::INITIAL),
    routed: Health::Initial,
    healthy_since: Time::NEVER,
};

impl Belief {
    /// Whether the node sends it requests because its checks succeed.
    pub fn is_healthy(&self) -> bool {
        self.known && self.routed == Health::Healthy
    }
}

#[derive(Debug)]
pub(super) struct Node {
    /// Where it is, without cross-zone load balancing.
    pub(super) zone: u32,
    pub(super) listing: Listing,
    pub(super) beliefs: Vec<Belief>,
    /// Targets that it knows and has found healthy: since when, and which.
    pub(super) healthy: BTreeSet<(Time, u32)>,
    /// Targets that it knows. Of both, those that it may send to.
    pub(super) known: usize,
    /// Too few of them: it sends to all that it knows.
    pub(super) open: bool,
    /// When it takes in the latest change of the members: it hears of changes in the order of the calls.
    pub(super) heard: Time,
    pub(super) growing: bool,
    /// When shares were last worked out, and whether new targets started slowly then.
    pub(super) routed: Time,
    pub(super) ramped: bool,
}

impl Node {
    /// New targets start slowly.
    pub(super) fn ramps(&self, now: Time, slow: Dur) -> bool {
        let started = |first: &(Time, u32)| first.0 <= now - slow;
        slow > Dur::ZERO && !self.open && self.healthy.first().is_some_and(started)
    }

    /// The verdict on a target that it has known for long.
    pub(super) fn settle(&mut self, target: u32, health: Health, near: bool) {
        let belief = &mut self.beliefs[target as usize];
        belief.checker.checked = Checked::new(health);
        (belief.routed, belief.healthy_since) = (health, Time::ALWAYS);
        if near {
            self.known += 1;
            if belief.is_healthy() {
                self.healthy.insert((Time::ALWAYS, target));
            }
        }
        debug_assert!(self.healthy.len() <= self.known, "who is healthy is known");
    }

    /// Of the targets that it may send to, how many are healthy, and how many it knows.
    pub(super) fn counts(&self) -> (usize, usize) {
        (self.healthy.len(), self.known)
    }
}
