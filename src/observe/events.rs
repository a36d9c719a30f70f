//! Events as controllers and kubelets write them.

use super::pods::All;
use super::seen::{PodSeen, Seen};
use super::{Happening, KubernetesEvent};
use crate::cluster::objects::Owner;
use crate::cluster::write::Change;
use crate::engine::Time;
use crate::timeline::{LifeEnd, Milestone, PodTruth, UpsetBy};
use crate::world::Control;

pub(super) fn of(control: &Control, seen: &Seen, all: &mut All) {
    let mut events = Events { control, all };
    seen.pods.iter().for_each(|seen| events.pod(seen));
    for pod in control.timeline.pods.iter().filter(|pod| !pod.created.is_never()) {
        events.kubelet(pod);
    }
    events.upsets();
    events.milestones();
    for &(at, rs, replicas) in &seen.sets {
        events.new_set(at, Owner::ReplicaSet(rs), replicas);
    }
}

struct Events<'a> {
    control: &'a Control,
    all: &'a mut All,
}

impl Events<'_> {
    fn say(&mut self, at: Time, (kind, reason): (&str, &str), object: String, message: String) {
        if at.is_never() || at < self.control.timeline.start {
            return;
        }
        let (kind, reason) = (kind.to_owned(), reason.to_owned());
        let event = KubernetesEvent { kind, reason, object, message };
        self.all.push((at, Happening::Event(event)));
    }

    /// By the controllers that make and delete pods, and by the scheduler.
    fn pod(&mut self, seen: &PodSeen) {
        let name = self.control.timeline.pods[seen.pod].name.to_string();
        let owner = self.owner(self.control.cluster.pods[seen.pod].owner);
        match seen.by {
            Some(Change::PodCreated(_)) => {
                let message = format!("Created pod: {name}");
                self.say(seen.at, ("Normal", "SuccessfulCreate"), owner, message);
            }
            Some(Change::PodBound(_)) => {
                let template = self.control.cluster.template_of(seen.pod);
                let node = seen.node.map(|node| self.control.cluster.nodes[node].name.clone());
                let (namespace, node) = (&template.namespace, node.unwrap_or_default());
                let message = format!("Successfully assigned {namespace}/{name} to {node}");
                self.say(seen.at, ("Normal", "Scheduled"), format!("pod/{name}"), message);
            }
            Some(Change::PodDeleting(_)) if seen.surplus => {
                let message = format!("Deleted pod: {name}");
                self.say(seen.at, ("Normal", "SuccessfulDelete"), owner, message);
            }
            _ => {}
        }
    }

    fn owner(&self, owner: Owner) -> String {
        let workload = &self.control.cluster.workloads[self.control.cluster.workload(owner)].spec;
        match owner {
            Owner::ReplicaSet(rs) => {
                let revision = self.control.cluster.replica_sets[rs].revision;
                format!("replicaset/{}-rev{revision}", workload.name)
            }
            Owner::Workload(_) => format!("{}/{}", workload.kind().word(), workload.name),
        }
    }

    /// By the kubelet, of the container that serves.
    fn kubelet(&mut self, pod: &PodTruth) {
        let name = pod.name.to_string();
        let object = || format!("pod/{name}");
        let version = self.control.timeline.versions.get(usize::from(pod.version));
        let templates = &self.control.cluster.templates;
        let template = templates.iter().find(|t| version.is_some_and(|v| v.name == t.version));
        let Some(template) = template else { return };
        let container = template.serving_container().name.clone();
        for (i, life) in pod.lives.iter().enumerate() {
            let message = format!("Created container: {container}");
            self.say(life.started, ("Normal", "Created"), object(), message);
            let message = format!("Started container {container}");
            self.say(life.started, ("Normal", "Started"), object(), message);
            if life.sigterm < pod.deleted && !life.sigterm.is_never() {
                let message =
                    format!("Container {container} failed liveness probe, will be restarted");
                self.say(life.sigterm, ("Normal", "Killing"), object(), message);
            }
            if life.ended_by == LifeEnd::Crash && i > 0 {
                let namespace = &template.namespace;
                let message = format!(
                    "Back-off restarting failed container {container} in pod {name}_{namespace}"
                );
                self.say(life.exit, ("Warning", "BackOff"), object(), message);
            }
        }
        let message = format!("Stopping container {container}");
        self.say(pod.deleted, ("Normal", "Killing"), object(), message);
    }

    /// Probes that find load, a dependency that is down, or a process that hangs.
    fn upsets(&mut self) {
        let timeline = &self.control.timeline;
        for upset in timeline.upsets.clone() {
            let probe = if upset.killed { "Liveness" } else { "Readiness" };
            let found = match upset.by {
                UpsetBy::Dependency => "HTTP probe failed with statuscode: 503",
                UpsetBy::Load | UpsetBy::Hung => {
                    "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
                }
            };
            let object = format!("pod/{}", timeline.pods[upset.pod].name);
            let message = format!("{probe} probe failed: {found}");
            self.say(upset.at, ("Warning", "Unhealthy"), object, message);
        }
    }

    fn new_set(&mut self, at: Time, owner: Owner, replicas: i32) {
        let cluster = &self.control.cluster;
        let workload = &cluster.workloads[cluster.workload(owner)].spec;
        let object = format!("{}/{}", workload.kind().word(), workload.name);
        let set = self.owner(owner).replace("replicaset/", "");
        let message = format!("Scaled up replica set {set} from 0 to {replicas}");
        self.say(at, ("Normal", "ScalingReplicaSet"), object, message);
    }

    fn milestones(&mut self) {
        for (at, milestone) in &self.control.timeline.milestones {
            let Milestone::Scaled { deployment, revision, from, to } = milestone else { continue };
            let way = if to > from { "up" } else { "down" };
            let set = format!("{deployment}-rev{revision}");
            let message = format!("Scaled {way} replica set {set} from {from} to {to}");
            let object = format!("deployment/{deployment}");
            self.say(*at, ("Normal", "ScalingReplicaSet"), object, message);
        }
    }
}
