//! How a balancer reads its settings: each number from its card, unless the manifests say it.

use crate::engine::{Dist, Dur};

/// What a manifest says in the place of a card's number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Own {
    /// Where it says so, for error messages: an annotation's key, perhaps with an attribute's name.
    pub place: String,
    /// What it says there.
    pub text: String,
}

/// A card, the manifests' annotations over it, and what the user set over both (`--set`, an axis). Problems
/// are collected, and the card's value stands in.
pub trait Given {
    /// The name of the card.
    fn card(&self) -> &str;

    /// Whether the user set `key` of the card: no annotation says it then.
    fn is_set(&self, key: &str) -> bool;

    /// A distribution of the card.
    fn dist(&mut self, key: &'static str) -> Dist;

    /// A number of the card, or `own` if it is in the card's range and the user did not set the card's.
    fn number(&mut self, key: &'static str, own: Option<Own>) -> f64;

    /// The position in `allowed` of a word of the card, or of `own` as in [`number`](Given::number).
    fn word(&mut self, key: &'static str, own: Option<Own>, allowed: &[&str]) -> usize;

    /// The words of the card, which the reader makes something of.
    fn text(&mut self, key: &'static str) -> String;

    /// `own` cannot be.
    fn refuse(&mut self, own: &Own, allowed: &str);

    /// An annotation of the Ingress or Service.
    fn annotation(&self, key: &str) -> Option<Own>;

    /// One of `name=value,name=value` in an annotation.
    fn attribute(&self, key: &str, name: &str) -> Option<Own>;

    /// Several Services share the requests by weight.
    fn weighted(&self) -> bool;

    /// The ingress controller's own pods are replaced.
    fn restarts(&self) -> bool;

    /// Another proxy is in front.
    fn fronted(&self) -> bool;

    /// In how many zones the cluster's nodes are.
    fn zones(&self) -> usize;

    /// A zone is shifted away from the load balancer.
    fn shifts(&self) -> bool;

    /// externalTrafficPolicy Local.
    fn local(&self) -> bool;
}

impl dyn Given + '_ {
    /// A time; None as `own`: nothing but the card and `--set` says it.
    pub fn seconds(&mut self, key: &'static str, own: Option<Own>) -> Dur {
        Dur::from_secs_f64(self.number(key, own))
    }

    /// A whole number, not negative.
    pub fn count(&mut self, key: &'static str, own: Option<Own>) -> u32 {
        self.number(key, own) as u32
    }

    /// A number that may be switched off: 0 then.
    pub fn threshold(&mut self, key: &'static str, own: Option<Own>) -> f64 {
        let off = |own: &Own| !self.is_set(key) && own.text.trim() == "off";
        if own.as_ref().is_some_and(off) { 0.0 } else { self.number(key, own) }
    }
}
