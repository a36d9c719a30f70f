//! All kubelets of the cluster: their state, their events and the dispatch.

pub(super) use super::state::{
    Active, Container, Job, LIVENESS, Life, Node, Pod, Probe, Queued, READINESS, STARTUP, State,
};
use crate::cluster::objects::{NodeId, PodId};
use crate::cluster::placement;
use crate::cluster::spec::{Container as ContainerSpec, PodTemplate};
use crate::engine::rng::hash;
use crate::engine::{Dur, List, Luck, Rng, SharedProcessor, Time, dist};
use crate::model::plumbing::{Ctx, Out, Scene};
use crate::timeline::{Asked, LifeEnd};
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

/// Which ticks of probe workers are simulated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Probing {
    /// Those whose answer can change something.
    #[default]
    Needed,
    /// All: slow, for tests that the others change nothing.
    All,
}

/// What can happen to a kubelet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The kubelet sees a pod bound to its node.
    Bound(PodId),
    /// The kubelet sees the deletion time.
    Deleting(PodId),
    /// The kubelet sees that readiness gates changed.
    Gates(PodId),
    /// The next container may be started (volumes mounted, image there, hook over).
    Start { pod: PodId, container: u8 },
    /// A job of the node's processor is done, unless the job list changed since.
    Cpu { node: NodeId },
    /// One iteration of the pod worker.
    Iterate(PodId),
    /// A probe worker's tick.
    Tick { pod: PodId, container: u8, kind: u8, epoch: u32 },
    /// A tick of a worker that is asleep, with `Probing::All` alone.
    IdleTick { pod: PodId, container: u8, kind: u8 },
    /// The answer of a probe, or the end of its patience.
    Answer { pod: PodId, container: u8, kind: u8, run: u32, ok: bool },
    /// The status manager hears that the pod's status changed.
    SendStatus(PodId),
    /// It has sent one status and goes on to the next.
    NextStatus { node: NodeId },
    /// The pod worker begins to terminate the pod.
    Terminate(PodId),
    /// The machine shuts down, and it is the pod's turn to stop.
    ShutDown(PodId),
    /// A container is killed because a probe failed.
    Kill { pod: PodId, container: u8, run: u32, by_startup: bool },
    /// A container has other resources from now on, and is started anew for them.
    Resized { pod: PodId, container: u8 },
    /// The stop signal arrives.
    Sigterm { pod: PodId, container: u8, run: u32 },
    /// The process is gone.
    Exit { pod: PodId, container: u8, run: u32, end: LifeEnd },
    /// A lame duck closes its listener.
    StopListening { pod: PodId, container: u8, run: u32 },
    /// A process that drains looks whether anybody still connects to it.
    LookAround { pod: PodId, container: u8, run: u32 },
    /// Memory has grown to its limit, by that fault.
    OutOfMemory { pod: PodId, container: u8, run: u32, fault: u32 },
}

/// A probe has ended a container that was not being deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kill {
    /// Whose container it was.
    pub pod: PodId,
    /// Its index, init containers first.
    pub container: u8,
    /// The startup probe; else the liveness probe.
    pub by_startup: bool,
    /// So long after its start.
    pub after: Dur,
}

/// The kubelets of all nodes.
#[derive(Debug)]
pub struct Kubelets {
    pub(super) nodes: List<NodeId, Node>,
    /// Images on every node that is there from the start.
    pub(super) images: BTreeSet<String>,
    pub(super) pods: List<PodId, Option<Pod>>,
    pub(super) probing: Probing,
    /// For ticks that change nothing: with or without them, the other draws are the same.
    pub(super) idle_rng: Rng,
    /// How long work takes in this run against the usual.
    pub(super) pace: f64,
    /// Requests per second one pod gets, for the time a graceful stop takes.
    pub requests_per_pod_s: f64,
    /// Containers that probes have ended.
    pub kills: Vec<Kill>,
    /// Pods of which a connection meets something else since they were last taken from here.
    pub differing: Vec<PodId>,
    /// Requests keep pace, so that probes can wait among them.
    pub(super) load_is_read: bool,
    /// What is wrong now.
    pub(super) faults: Vec<Active>,
    /// For who simulates the requests, since it was last taken from here.
    pub says: Says,
}

/// What kubelets say to who simulates the requests.
#[derive(Debug, Default)]
pub struct Says {
    /// Probes that are sent to wait among them.
    pub asked: Vec<Asked>,
    /// Pods whose process ends, from an instant on, when it has nothing left to do.
    pub drains: Vec<(PodId, Time)>,
}

impl Kubelets {
    /// On nodes on which nothing runs yet.
    pub fn new(ctx: Ctx, nodes: &[Arc<placement::Node>]) -> Kubelets {
        let node = |spec: &Arc<placement::Node>| {
            let uid = ctx.seed.uid(hash(&["Node", &spec.name]));
            let mut luck = Luck::of(uid, "kubelet");
            let length = ctx.latencies.pleg_relist.draw(&mut luck);
            let period = ctx.kubernetes.defaults.relist_period + length;
            let phase = luck.uniform();
            Node {
                uid,
                cpu: SharedProcessor::new(ctx.platform.node_cores),
                cpu_due: Time::NEVER,
                relist: Time((phase * period.0 as f64) as i64),
                relist_period: period,
                relist_length: length,
                status_free: Time::ALWAYS,
                statuses: VecDeque::new(),
                sandboxes: 0,
                up_since: ctx.now - spec.age,
                pulled: Vec::new(),
                is_new: false,
                pull_free: Time::ALWAYS,
                lost: false,
            }
        };
        let nodes = nodes.iter().map(node).collect();
        let spread = dist::normal_quantile(ctx.seed.uniform("pace", 0)) * ctx.platform.run_spread;
        let pace = libm::exp(spread);
        Kubelets {
            nodes,
            images: BTreeSet::new(),
            pods: List::new(),
            probing: Probing::default(),
            idle_rng: ctx.seed.stream("idle probes", 0),
            pace,
            requests_per_pod_s: 0.0,
            kills: Vec::new(),
            differing: Vec::new(),
            load_is_read: false,
            faults: Vec::new(),
            says: Says::default(),
        }
    }

    /// Room for so many pods.
    pub fn reserve(&mut self, pods: usize) {
        self.pods.reserve(pods);
    }

    /// Every node has the image, but those that join later.
    pub fn add_image(&mut self, image: &str) {
        if !self.images.contains(image) {
            self.images.insert(image.to_owned());
        }
    }

    /// The image is on the node.
    pub(super) fn has_image(&self, node: NodeId, image: &str) -> bool {
        let state = &self.nodes[node];
        !state.is_new && self.images.contains(image) || state.pulled.iter().any(|i| i == image)
    }

    pub(super) fn pod(&mut self, pod: PodId) -> &mut Pod {
        self.pods[pod].as_mut().expect("an event of a pod the kubelet does not know")
    }

    pub(super) fn container(&mut self, pod: PodId, container: u8) -> &mut Container {
        &mut self.pod(pod).containers[usize::from(container)]
    }

    pub(super) fn node_of(&mut self, pod: PodId) -> &mut Node {
        let node = self.pod(pod).node;
        &mut self.nodes[node]
    }

    /// The luck of what a kubelet does for a pod.
    pub(super) fn luck(&mut self, pod: PodId) -> &mut Luck {
        &mut self.pod(pod).luck
    }

    pub(super) fn u(&mut self, pod: PodId) -> f64 {
        self.luck(pod).uniform()
    }

    /// Acts on what is due for a pod, a container or a probe.
    pub fn handle(&mut self, scene: &mut Scene, event: Event, out: &mut impl Out<Event>) {
        if self.is_lost(scene.cluster, event) {
            return;
        }
        match event {
            Event::Bound(pod) => self.bound(scene, pod, out),
            Event::Deleting(pod) => self.deleting(scene, pod, out),
            Event::Gates(pod) => self.status_dirty(scene, pod, out),
            Event::Start { pod, container } => {
                self.start(scene.ctx, ContainerId(pod, container), out)
            }
            Event::Cpu { node } => self.cpu_done(scene, node, out),
            Event::Iterate(pod) => self.iterate(scene, pod, out),
            Event::Tick { pod, container, kind, epoch } => {
                self.tick(scene, ContainerId(pod, container), usize::from(kind), epoch, out);
            }
            Event::IdleTick { pod, container, kind } => {
                self.idle_tick(scene, ContainerId(pod, container), usize::from(kind), out);
            }
            Event::Answer { pod, container, kind, run, ok } => {
                self.answer(scene, ContainerId(pod, container), (usize::from(kind), ok), run, out);
            }
            Event::SendStatus(pod) => self.send_status(scene, pod, out),
            Event::NextStatus { node } => self.next_status(scene, node, out),
            Event::Terminate(pod) => self.terminate(scene, pod, out),
            Event::ShutDown(pod) => self.deleting(scene, pod, out),
            Event::Kill { pod, container, run, by_startup } => {
                self.kill(scene, ContainerId(pod, container), run, by_startup, out);
            }
            Event::Resized { pod, container } => {
                self.resized(scene, ContainerId(pod, container), out);
            }
            Event::Sigterm { pod, container, run } => {
                self.sigterm(scene, ContainerId(pod, container), run, out);
            }
            Event::Exit { pod, container, run, end } => {
                self.exit(scene, ContainerId(pod, container), run, end, out);
            }
            Event::OutOfMemory { pod, container, run, fault } => {
                self.out_of_memory(scene, ContainerId(pod, container), (run, fault), out);
            }
            Event::StopListening { pod, container, run } => {
                self.stop_listening(scene, ContainerId(pod, container), run);
            }
            Event::LookAround { pod, container, run } => {
                self.look_around(scene, ContainerId(pod, container), run, out);
            }
        }
    }

    /// A change of the pod waits for an iteration; iterations wait for a relist newer than the one before.
    pub(super) fn want_iteration(&mut self, pod: PodId, at: Time, out: &mut impl Out<Event>) {
        let state = self.pod(pod);
        if at < state.iterate_at {
            state.iterate_at = at;
            out.at(at, Event::Iterate(pod));
        }
        debug_assert!(state.iterate_at <= at, "the earliest iteration that is wanted comes");
    }

    /// When the pod worker may run next: at once if a relist ended since its last iteration.
    pub(super) fn next_iteration(&mut self, now: Time, pod: PodId) -> Time {
        let iterated = self.pod(pod).iterated;
        let node = self.node_of(pod);
        if iterated < Time::ALWAYS + Dur(1) {
            return now;
        }
        node.relist_after(iterated).max(now)
    }
}

/// A container of a pod, by its place in start order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ContainerId(pub PodId, pub u8);

/// All containers of a template in start order: init containers and sidecars, then the others.
pub(super) fn container_spec(template: &PodTemplate, index: u8) -> &ContainerSpec {
    let index = usize::from(index);
    let inits = template.init_containers.len();
    if index < inits {
        &template.init_containers[index]
    } else {
        &template.containers[index - inits]
    }
}
