//! IPVS keeps the entries of connections that have ended, also to pods that are no longer among its servers:
//! a client whose port recurs meets the pod of the entry, there or not.
//!
//! `pkg/proxy/ipvs/graceful_termination.go` (a server stays with weight 0 while it has connections), Linux
//! `net/netfilter/ipvs/ip_vs_core.c` (an entry decides before the scheduler does).

use crate::cluster::objects::PodId;
use crate::engine::{Dur, Time};
use crate::model::platform::{Defaults, ProxyMode};
use crate::timeline::{ChangeKind, Recorder, Target, ViewId};

/// What one node's balancer remembers of pods that are gone from its rules.
#[derive(Clone, Debug, Default)]
pub struct Entries {
    /// The pod, and when it left the rules.
    gone: Vec<(PodId, Time)>,
}

/// How long, and how many.
#[derive(Clone, Copy, Debug)]
pub struct Lasting {
    /// Of a pod's share of new connections.
    weight: f32,
    /// All entries are there until then, and half of them until twice that.
    half: Dur,
}

impl Lasting {
    /// None: nothing is left of a pod that is gone.
    pub fn of(mode: ProxyMode, defaults: &Defaults) -> Option<Lasting> {
        let ProxyMode::Ipvs { recurring } = mode else { return None };
        let weight = (f64::from(recurring) / 1000.0) as f32;
        let half = defaults.ipvs_entry.part(0.5);
        (recurring > 0).then_some(Lasting { weight, half })
    }
}

impl Entries {
    /// A pod leaves the rules: what the view lists from now on, and when its entries get fewer.
    pub fn leaves(&mut self, pod: PodId, now: Time, lasting: Lasting) -> (ChangeKind, [Time; 2]) {
        debug_assert!(lasting.weight > 0.0, "something is left");
        self.comes(pod);
        self.gone.push((pod, now));
        let (once, twice) = (now + lasting.half, now + lasting.half + lasting.half);
        (ChangeKind::Add { weight: lasting.weight }, [once, twice])
    }

    /// It is among the servers again.
    pub fn comes(&mut self, pod: PodId) {
        self.gone.retain(|(other, _)| *other != pod);
        debug_assert!(self.gone.iter().all(|(other, _)| *other != pod), "it is here or there");
    }

    /// No server is left: nothing is forwarded.
    pub fn none_left(&mut self, view: ViewId, now: Time, timeline: &mut Recorder) {
        for (pod, _) in std::mem::take(&mut self.gone) {
            debug_assert!(pod.index() < timeline.pods.len(), "a pod that was there");
            timeline.list(view, now, Target::Pod(pod), ChangeKind::Remove);
        }
    }

    /// The entries of pods get fewer as they end.
    pub fn fade(&mut self, view: ViewId, now: Time, lasting: Lasting, timeline: &mut Recorder) {
        let twice = lasting.half + lasting.half;
        for &(pod, since) in &self.gone {
            let kind = match now - since {
                age if age == twice => ChangeKind::Remove,
                age if age == lasting.half => ChangeKind::Add { weight: lasting.weight / 2.0 },
                _ => continue,
            };
            timeline.list(view, now, Target::Pod(pod), kind);
        }
        self.gone.retain(|(_, since)| now - *since < twice);
        debug_assert!(self.gone.iter().all(|(_, since)| *since <= now), "they left before");
    }
}
