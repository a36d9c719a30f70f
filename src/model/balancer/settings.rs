//! How a balancer reads its settings: each number from its card, unless the manifests say it.

use crate::engine::{Dist, Dur};

/// What a manifest says in the place of a card's number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Own {
    /// Where it says so, for error messages: an annotation's key, perhaps with an attribute's name.
    pub place: String,
    pub text: String,
}

/// A card and the manifests' annotations. Problems are collected, and the card's value stands in.
pub trait Given {
    /// A distribution of the card.
    fn dist(&mut self, key: &'static str) -> Dist;

    /// A number of the card, or `own` if it is in the card's range.
    fn number(&mut self, key: &'static str, own: Option<Own>) -> f64;

    /// The position in `allowed` of a word of the card, or of `own`.
    fn word(&mut self, key: &'static str, own: Option<Own>, allowed: &[&str]) -> usize;

    /// `own` cannot be.
    fn refuse(&mut self, own: &Own, allowed: &str);

    /// An annotation of the Ingress or Service.
    fn annotation(&self, key: &str) -> Option<Own>;

    /// Several Services share the requests by weight.
    fn weighted(&self) -> bool;

    /// externalTrafficPolicy Local.
    fn local(&self) -> bool;
}

impl dyn Given + '_ {
    pub fn seconds(&mut self, key: &'static str, own: Option<Own>) -> Dur {
        Dur::from_secs_f64(self.number(key, own))
    }

    pub fn count(&mut self, key: &'static str, own: Option<Own>) -> u32 {
        self.number(key, own) as u32
    }

    /// One of `name=value,name=value` in an annotation.
    pub fn attribute(&self, key: &str, name: &str) -> Option<Own> {
        let all = self.annotation(key)?;
        let pairs = all.text.split(',').filter_map(|pair| pair.split_once('='));
        let found = pairs.map(|(n, v)| (n.trim(), v.trim())).find(|(n, _)| *n == name);
        found.map(|(_, v)| Own { place: format!("{key} ({name})"), text: v.to_owned() })
    }
}
