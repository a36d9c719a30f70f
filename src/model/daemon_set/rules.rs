//! Which pods of a DaemonSet are created and deleted, node by node.
//!
//! Sources: `pkg/controller/daemon/daemon_controller.go`, `update.go`.

use crate::cluster::objects::{NodeId, PodId};
use crate::cluster::placement::Node;
use crate::cluster::spec::PodTemplate;

/// Whether a node is to have a pod of this template: its name, its labels and its taints fit. Whether it has
/// room, or is cordoned, does not matter.
///
/// `daemon_controller.go: NodeShouldRunDaemonPod`.
pub fn runs_on(template: &PodTemplate, node: &Node) -> bool {
    let own = &template.placement;
    let named = own.node_name.as_ref().is_none_or(|name| *name == node.name);
    node.is_there() && named && own.wants(node) && own.untolerated(node).is_none()
}

/// A pod as the controller sees it. Terminal ones that are being deleted it does not see any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Which.
    pub pod: PodId,
    /// Of the newest revision.
    pub updated: bool,
    /// It has a deletionTimestamp.
    pub terminating: bool,
    /// Its phase is terminal.
    pub finished: bool,
    /// Ready.
    pub ready: bool,
    /// And has been so for `minReadySeconds`.
    pub available: bool,
}

/// A node that the DaemonSet is about, with its pods in the order of their creation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnNode {
    /// Which.
    pub node: NodeId,
    /// It is to have one.
    pub wanted: bool,
    /// Those that are there.
    pub pods: Vec<Seen>,
}

/// What is to be done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Nodes that get a pod.
    pub create: Vec<NodeId>,
    /// Pods that go.
    pub delete: Vec<PodId>,
}

impl Changes {
    /// Nothing.
    pub fn is_empty(&self) -> bool {
        self.create.is_empty() && self.delete.is_empty()
    }
}

/// One pod on each node that is to have one, and none elsewhere.
///
/// `daemon_controller.go: manage, podsShouldBeOnNode`.
pub fn manage(nodes: &[OnNode], surges: bool) -> Changes {
    let mut changes = Changes::default();
    for on in nodes {
        match (on.wanted, on.pods.is_empty()) {
            (true, true) => changes.create.push(on.node),
            (true, false) => spare(on, surges, &mut changes.delete),
            (false, _) => {
                let there = on.pods.iter().filter(|p| !p.terminating);
                changes.delete.extend(there.map(|p| p.pod));
            }
        }
    }
    changes
}

/// Pods of a node that are one too many.
fn spare(on: &OnNode, surges: bool, delete: &mut Vec<PodId>) {
    let staying = on.pods.iter().filter(|p| !p.terminating);
    delete.extend(staying.clone().filter(|p| p.finished).map(|p| p.pod));
    let running: Vec<&Seen> = staying.filter(|p| !p.finished).collect();
    if !surges {
        return delete.extend(running.iter().skip(1).map(|p| p.pod));
    }
    if running.len() < 2 {
        return;
    }
    let first = |updated: bool| running.iter().find(|p| p.updated == updated);
    let (new, old) = (first(true), first(false));
    let kept = |p: &&&Seen| Some(**p) == new.copied() || Some(**p) == old.copied();
    delete.extend(running.iter().filter(|p| !kept(p)).map(|p| p.pod));
    if let (Some(new), Some(old)) = (new, old)
        && (!old.ready || new.available)
    {
        delete.push(old.pod);
    }
}

/// How many nodes may have a new pod beside the old one, and how many may be without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// From `maxSurge`.
    pub surge: i32,
    /// From `maxUnavailable`.
    pub unavailable: i32,
}

/// The next step of a rolling update, over the nodes in the order given: Kubernetes goes through them in
/// random order.
///
/// `update.go: rollingUpdate`.
pub fn roll(nodes: &[OnNode], limits: Limits) -> Changes {
    match limits.surge {
        0 => replace(nodes, limits.unavailable),
        surge => surge_over(nodes, surge),
    }
}

/// The new and the old pod of a node that stay; None: there are several of one.
///
/// `update.go: findUpdatedPodsOnNode`.
fn staying(on: &OnNode) -> Option<(Option<&Seen>, Option<&Seen>)> {
    let of = |updated: bool| {
        let mut all = on.pods.iter().filter(move |p| !p.terminating && p.updated == updated);
        let first = all.next();
        all.next().is_none().then_some(first)
    };
    Some((of(true)?, of(false)?))
}

/// Without surge: old pods that are away already go, and as many others as may be away besides.
fn replace(nodes: &[OnNode], limit: i32) -> Changes {
    let (mut away, mut broken, mut candidates) = (0, Vec::new(), Vec::new());
    for on in nodes.iter().filter(|on| on.wanted || !on.pods.is_empty()) {
        match staying(on) {
            Some((Some(new), None)) => away += i32::from(!new.available),
            Some((None, Some(old))) if !old.available => {
                broken.push(old.pod);
                away += 1;
            }
            Some((None, Some(_))) if away >= limit => {}
            Some((None, Some(old))) => candidates.push(old.pod),
            // None or two of them: what makes one of it counts as away.
            _ => away += 1,
        }
    }
    candidates.truncate(usize::try_from(limit - away).unwrap_or(0));
    broken.extend(candidates);
    Changes { create: Vec::new(), delete: broken }
}

/// With surge: new pods come beside old ones, which go when those are available.
fn surge_over(nodes: &[OnNode], limit: i32) -> Changes {
    let (mut surging, mut broken, mut candidates) = (0, Vec::new(), Vec::new());
    let mut delete = Vec::new();
    for on in nodes.iter().filter(|on| on.wanted || !on.pods.is_empty()) {
        match staying(on) {
            Some((_, None)) => {}
            Some((None, Some(old))) if !old.available => broken.push(on.node),
            Some((None, Some(_))) if surging >= limit => {}
            Some((None, Some(_))) => candidates.push(on.node),
            Some((Some(new), Some(_))) if !new.available => surging += 1,
            Some((Some(_), Some(old))) => delete.push(old.pod),
            None => surging += 1,
        }
    }
    candidates.truncate(usize::try_from(limit - surging).unwrap_or(0));
    broken.extend(candidates);
    Changes { create: broken, delete }
}
