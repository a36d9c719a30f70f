//! MetalLB: speakers on the nodes announce the Service's address. In layer 2 mode one node answers for it;
//! with BGP the router spreads connections over all nodes that announce it.

use super::listing::Listing;
use super::members::Members;
use super::settings::Given;
use super::{Model, Scene};
use crate::cluster::objects::{Conditions, PodId, ServiceId};
use crate::cluster::server::Cluster;
use crate::engine::{Dist, List, Rng, Time};
use crate::model::plumbing::{Ctx, Out};
use crate::timeline::{Empty, Hop, Pick, Recorder, Target, ViewId};

/// MetalLB by layer 2 or BGP.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// By BGP; else by layer 2.
    pub bgp: bool,
    /// externalTrafficPolicy Local: only nodes with a pod that can serve announce.
    pub local: bool,
    /// A speaker's decision until traffic follows it.
    pub announcement: Dist,
    /// With BGP: the router moves only the connections of nodes that no longer announce.
    pub resilient: bool,
}

/// Card `metallb-l2` or `metallb-bgp`.
pub fn settings(given: &mut dyn Given, bgp: bool) -> Settings {
    let words = ["false", "true"];
    let resilient = bgp && given.word("resilient_ecmp", None, &words) == 1;
    Settings { bgp, local: given.local(), announcement: given.dist("announcement"), resilient }
}

/// What can happen to MetalLB's speakers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Event {
    /// A speaker's watch shows these entries of the log of endpoints.
    Slices { from: u32, to: u32 },
    /// Traffic follows the announcements decided then.
    Follows { decision: u32 },
}

/// MetalLB's speakers: which nodes announce the Service's address.
#[derive(Debug)]
pub struct MetalLb {
    settings: Settings,
    members: Members,
    /// Endpoints that can serve by node (its view's number).
    serving: List<ViewId, u32>,
    nodes: Vec<ViewId>,
    listing: Listing,
    announced: Vec<ViewId>,
    decisions: u32,
    rng: Rng,
}

impl MetalLb {
    /// `nodes` are the views of the cluster's nodes.
    pub fn new(
        ctx: Ctx,
        settings: &Settings,
        nodes: &[ViewId],
        timeline: &mut Recorder,
    ) -> MetalLb {
        // In layer 2 mode nobody answers ARP requests for an address that no node announces; a router
        // without a BGP route drops.
        let empty = if settings.bgp { Empty::Drop } else { Empty::NoRoute };
        let hop = Hop { pick: Pick::FlowHash, l7: None, empty };
        let mut rng = ctx.seed.stream("metallb", 0);
        // The order of preference is a hash of node and address.
        let mut nodes: Vec<(u64, ViewId)> = nodes.iter().map(|n| (rng.next_u64(), *n)).collect();
        nodes.sort_unstable();
        MetalLb {
            serving: vec![0; nodes.len()].into(),
            listing: Listing::new(timeline.view("MetalLB".to_owned(), hop)),
            nodes: nodes.into_iter().map(|(_, node)| node).collect(),
            settings: settings.clone(),
            members: Members::default(),
            announced: Vec::new(),
            decisions: 0,
            rng,
        }
    }

    fn set(&mut self, cluster: &Cluster, pod: PodId, conditions: Option<Conditions>) {
        let was = self.members.get(pod);
        self.members.set(pod, conditions);
        let count = |c: Option<Conditions>| u32::from(c.is_some_and(|c| c.serving));
        if let Some(node) = cluster.pods[pod].node {
            // The views of kube-proxies come first, one per node.
            let serving = &mut self.serving[ViewId(node.0.into())];
            debug_assert!(*serving >= count(was), "no more pods stop to serve than served");
            *serving = *serving + count(conditions) - count(was);
        }
    }

    /// Open connections are spread anew, and those that come to another node break.
    fn rehash(&self, scene: &mut Scene, old: &[Target]) {
        let new = &self.announced;
        let stays = |t: &&Target| matches!(t, Target::View(v) if new.contains(v));
        let gone = old.len() - old.iter().filter(stays).count();
        let same = gone == 0 && old.len() == new.len();
        let share = moved(old.len(), new.len(), gone, self.settings.resilient);
        if self.settings.bgp && !same && share > 0.0 {
            scene.timeline.rehash(scene.ctx.now, share);
        }
    }

    /// The nodes that are to announce: none while no endpoint can serve, whatever the policy.
    ///
    /// `speaker/layer2_controller.go: ShouldAnnounce`, `speaker/bgp_controller.go: ShouldAnnounce` of
    /// metallb/metallb.
    fn wanted(&self) -> Vec<ViewId> {
        let anywhere = self.serving.iter().any(|&n| n > 0);
        let here = |node: &ViewId| self.serving[*node] > 0;
        let may = |node: &&ViewId| if self.settings.local { here(node) } else { anywhere };
        let nodes = self.nodes.iter().filter(may).copied();
        nodes.take(if self.settings.bgp { usize::MAX } else { 1 }).collect()
    }
}

/// The share of open connections that come to another node when the router divides them among `new` nodes in
/// the place of `old` ones, of which `gone` are not among the new ones: a hash modulo their number, or tables
/// that keep what they can.
fn moved(old: usize, new: usize, gone: usize, resilient: bool) -> f32 {
    match (old, resilient) {
        (0, _) => 0.0,
        (_, true) => gone as f32 / old as f32,
        (_, false) => 1.0 - 1.0 / old.max(new) as f32,
    }
}

fn targets(nodes: &[ViewId]) -> Vec<(Target, f32)> {
    nodes.iter().map(|node| (Target::View(*node), 1.0)).collect()
}

impl Model for MetalLb {
    type Event = Event;

    fn watchers(&self) -> u16 {
        1
    }

    fn slices(&self, _watcher: u16, from: u32, to: u32) -> Event {
        Event::Slices { from, to }
    }

    fn adopt(
        &mut self,
        scene: &mut Scene,
        _service: ServiceId,
        pod: PodId,
        conditions: Conditions,
    ) {
        self.set(scene.cluster, pod, Some(conditions));
    }

    fn start(&mut self, scene: &mut Scene, _out: &mut impl Out<super::Event>) {
        self.announced = self.wanted();
        self.listing.begin(scene.timeline, targets(&self.announced));
    }

    fn handle(&mut self, scene: &mut Scene, event: Event, out: &mut impl Out<super::Event>) {
        match event {
            Event::Slices { from, to } => {
                for &(pod, conditions) in &scene.cluster.slice_log[from as usize..to as usize] {
                    self.set(scene.cluster, pod, conditions);
                }
                let wanted = self.wanted();
                if wanted != self.announced {
                    self.announced = wanted;
                    self.decisions += 1;
                    debug_assert!(
                        self.announced.len() <= self.serving.len(),
                        "nodes announce, once each"
                    );
                    let after = self.settings.announcement.sample(self.rng.uniform());
                    let at: Time = scene.ctx.now + after;
                    let decision = self.decisions;
                    out.at(at, Event::Follows { decision }.into());
                }
            }
            // A later decision has overtaken this one, or is on its way and will correct it.
            Event::Follows { decision } if decision == self.decisions => {
                let old: Vec<Target> = self.listing.targets().collect();
                self.rehash(scene, &old);
                self.listing.set(scene.timeline, scene.ctx.now, targets(&self.announced));
            }
            Event::Follows { .. } => {}
        }
    }

    fn entries(&self) -> Vec<ViewId> {
        vec![self.listing.view]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_modulo_moves_most_connections() {
        assert_eq!(moved(3, 4, 0, false), 0.75);
        assert_eq!(moved(4, 3, 1, false), 0.75);
        assert_eq!(moved(4, 3, 1, true), 0.25);
        assert_eq!(moved(3, 4, 0, true), 0.0);
        assert_eq!(moved(0, 2, 0, false), 0.0);
    }
}
