//! What is known of the proxy of one node.

use super::affinity::Affinity;
use super::close::Given;
use super::endpoints::Counts;
use super::ipvs::Entries;
use super::runner::Runner;
use crate::cluster::objects::PodId;
use crate::engine::Time;
use crate::model::balancer::history::Known;
use crate::timeline::{Backend, Recorder, Target, ViewId};

/// The proxy of a node.
#[derive(Debug)]
pub struct Node {
    /// Its rules.
    pub view: ViewId,
    /// When they are written.
    pub runner: Runner,
    /// What it has seen of the endpoints.
    pub known: Known,
    /// What the present run programs: read at its start.
    pub running: Known,
    /// What is in the rules.
    pub programmed: Known,
    /// Of the endpoints in the rules.
    pub counts: Counts,
    /// Hints of what is in the rules, where they are not the endpoints' own.
    pub given: Option<Given>,
    /// Of connections to pods that are gone.
    pub entries: Entries,
    /// Where its clients are, if they stay with their endpoints.
    pub affinity: Option<Affinity>,
    /// Its next run.
    pub scheduled: Time,
    /// The node is gone, and its proxy with it.
    pub lost: bool,
    /// The node is there when the run starts.
    pub at_first: bool,
}

impl Node {
    /// The endpoint is in its rules when the run starts.
    pub fn begins(&mut self, pod: PodId, timeline: &mut Recorder) {
        timeline.begin(self.view, [Backend { target: Target::Pod(pod), weight: 1.0 }]);
        if let Some(affinity) = &mut self.affinity {
            affinity.begins(pod);
        }
    }
}
