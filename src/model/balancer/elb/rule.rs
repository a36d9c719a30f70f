//! A listener rule that forwards to several target groups by weight. The controller modifies it when the
//! Ingress changes, and each load balancer node hears of that late.

use super::group::Group;
use crate::cluster::write::Write;
use crate::engine::{Dist, Rng};
use crate::model::balancer::settings::Given;
use crate::model::balancer::split::Split;
use crate::model::balancer::{self, Model, Scene};
use crate::model::plumbing::{Ctx, Out, TokenBucket};
use crate::timeline::{Recorder, ViewId};

/// How new weights reach the rule of a listener.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// One call of the ELB API.
    pub api_call: Dist,
    /// Modify calls a second, and at once.
    pub modify_per_s: f64,
    /// Modify calls at once.
    pub modify_burst: u32,
    /// A modified rule until a load balancer node draws by it.
    pub propagation: Dist,
}

impl Settings {
    /// Its entries of the card.
    pub fn read(given: &mut dyn Given) -> Settings {
        Settings {
            api_call: given.dist("api_call"),
            modify_per_s: given.number("modify_per_s", None),
            modify_burst: given.count("modify_burst", None),
            propagation: given.dist("rule"),
        }
    }
}

/// How far new weights have come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Event {
    /// The controller sees the Ingress' new weights.
    Seen,
    /// The call returned.
    Modified { call: u32 },
    /// A node draws by them.
    Heard { node: u32, call: u32 },
}

/// A listener's rule: shares the requests among target groups by weight.
#[derive(Debug)]
pub struct Rule {
    settings: Settings,
    calls: TokenBucket,
    split: Split,
    rng: Rng,
}

impl Rule {
    /// `groups`: the views of each target group, one for each load balancer node.
    pub fn new(
        ctx: Ctx,
        elb: &super::Settings,
        groups: &[Vec<ViewId>],
        weights: &[u32],
        timeline: &mut Recorder,
    ) -> Rule {
        let settings = elb.rule.clone().expect("read with weighted target groups");
        let nodes = groups.first().map_or(0, Vec::len);
        let views = |node: usize| groups.iter().map(|group| group[node]).collect();
        let named = (0..nodes).map(|node| (Group::node_name(elb.name, node as u32), views(node)));
        let mut split = Split::new(timeline, &elb.hop, named);
        (0..nodes).for_each(|node| split.begin(timeline, node, weights));
        Rule {
            calls: TokenBucket::new(settings.modify_per_s, i64::from(settings.modify_burst)),
            settings,
            split,
            rng: ctx.seed.stream("elb rule", 0),
        }
    }
}

impl Model for Rule {
    type Event = Event;

    fn watchers(&self) -> u16 {
        0
    }

    fn slices(&self, _watcher: u16, _from: u32, _to: u32) -> Event {
        unreachable!("a rule watches no slices")
    }

    fn weights(&self) -> Option<Event> {
        Some(Event::Seen)
    }

    fn handle(&mut self, scene: &mut Scene, event: Event, out: &mut impl Out<balancer::Event>) {
        let now = scene.ctx.now;
        match event {
            Event::Seen => {
                let took = self.settings.api_call.sample(self.rng.uniform());
                let call = self.split.send(&scene.cluster.weights);
                out.at(self.calls.take(now) + took, Event::Modified { call }.into());
            }
            Event::Modified { call } => {
                let Rule { settings, split, rng, .. } = self;
                if let (Some(_), &[a, b]) = (scene.cluster.rule, split.sent(call)) {
                    out.write(now, Write::RuleIs { weights: [a, b] });
                }
                for (node, at) in split.tell(now, || settings.propagation.sample(rng.uniform())) {
                    debug_assert!(at >= now, "no node hears of what has not happened");
                    out.at(at, Event::Heard { node, call }.into());
                }
            }
            Event::Heard { node, call } => {
                self.split.hear(scene.timeline, now, node, call);
            }
        }
    }

    fn entries(&self) -> Vec<ViewId> {
        self.split.entries()
    }
}
