//! What is wrong with the processes of pods: what their probes and their requests find.

use super::controller::{
    Active, Container, ContainerId, Event, Kubelets, LIVENESS, Life, READINESS, STARTUP,
    container_spec,
};
use crate::cluster::fault::{DependsOn, Fault, Trouble, Whom};
use crate::cluster::objects::PodId;
use crate::engine::{Dur, Seed, Time};
use crate::model::plumbing::{Out, Scene};
use crate::timeline::{Condition, LifeEnd, Upset, UpsetBy};

impl Kubelets {
    /// Fault number `number` of the scenario begins, or is over.
    pub fn fault(
        &mut self,
        scene: &mut Scene,
        (number, fault): (u32, &Fault),
        begins: bool,
        out: &mut impl Out<Event>,
    ) {
        let there: Vec<PodId> = (0..self.pods.len() as u32)
            .map(PodId)
            .filter(|&p| self.pods[p].as_ref().is_some_and(|pod| pod.life != Life::Terminal))
            .collect();
        match begins {
            true => {
                let runs = |p: &&PodId| self.pods[**p].as_ref().is_some_and(|pod| pod.serves());
                let one = there.iter().find(runs).copied();
                self.faults.push(Active { number, fault: fault.clone(), one });
            }
            false => self.faults.retain(|active| active.number != number),
        }
        debug_assert!(
            begins == self.faults.iter().any(|active| active.number == number),
            "it is there while it lasts"
        );
        let one = self.faults.last().and_then(|active| active.one);
        let active = Active { number, fault: fault.clone(), one };
        for pod in there {
            if begins && !active.concerns(scene, pod) {
                continue;
            }
            for index in 0..self.pod(pod).containers.len() as u8 {
                let id = ContainerId(pod, index);
                if begins {
                    self.is_struck(scene, id, &active, out);
                } else if fault.what == Trouble::Deadlock {
                    self.container(pod, index).hung = false;
                }
                self.suffers(scene, id, out);
            }
        }
    }

    /// A fault begins for a process that may be running.
    fn is_struck(
        &mut self,
        scene: &Scene,
        ContainerId(pod, index): ContainerId,
        active: &Active,
        out: &mut impl Out<Event>,
    ) {
        let serves = self.pod(pod).serving == index;
        let c = self.container(pod, index);
        if !c.is_running() || !serves {
            return;
        }
        match active.fault.what {
            Trouble::Deadlock => c.hung = true,
            Trouble::Memory { after } => {
                let (run, fault) = (c.run, active.number);
                let full = Event::OutOfMemory { pod, container: index, run, fault };
                out.at(scene.ctx.now + after, full);
            }
            _ => {}
        }
        debug_assert!(c.is_running(), "nothing ends at once");
    }

    /// A process starts while something is wrong. What was wrong with the one before is not with it, but its
    /// memory grows too.
    pub(super) fn falls_ill(
        &mut self,
        scene: &mut Scene,
        id: ContainerId,
        out: &mut impl Out<Event>,
    ) {
        let grows = |active: &&Active| matches!(active.fault.what, Trouble::Memory { .. });
        let of_memory: Vec<Active> = self.faults.iter().filter(grows).cloned().collect();
        for active in of_memory.iter().filter(|active| active.concerns(scene, id.0)) {
            self.is_struck(scene, id, active, out);
        }
        self.suffers(scene, id, out);
    }

    /// What all faults together do to a container, its probes and its requests.
    fn suffers(&mut self, scene: &mut Scene, id: ContainerId, out: &mut impl Out<Event>) {
        let ContainerId(pod, index) = id;
        let app = &container_spec(scene.cluster.template_of(pod), index).app;
        let DependsOn { requests, .. } = app.depends_on;
        let concerned: Vec<Trouble> = self
            .faults
            .iter()
            .filter(|active| active.concerns(scene, pod))
            .map(|active| active.fault.what)
            .collect();
        let serves = self.pod(pod).serving == index;
        let c = self.container(pod, index);
        let mut condition = Condition { hung: c.hung, ..Condition::default() };
        let (mut down, mut slow, mut fine) = (false, Dur::ZERO, 1.0);
        for what in concerned {
            match what {
                Trouble::Deadlock | Trouble::Memory { .. } => {}
                Trouble::Busy { factor } => condition.slower *= factor,
                Trouble::Errors { share } => fine *= 1.0 - share,
                Trouble::DependencyDown => {
                    fine *= 1.0 - requests;
                    down = true;
                }
                Trouble::DependencySlow { by } => slow = slow + by,
            }
        }
        condition.errors = 1.0 - fine;
        if slow > Dur::ZERO && requests > 0.0 {
            (condition.waiting, condition.wait) = (requests, slow);
        }
        (c.dependency_down, c.dependency_slow) = (down, slow);
        debug_assert!((0.0..=1.0).contains(&condition.errors), "a share is no more than all");
        if serves {
            scene.timeline.condition(pod, scene.ctx.now, condition);
        }
        for kind in [READINESS, LIVENESS, STARTUP] {
            self.wake(scene.ctx, id, kind, out);
        }
    }

    /// A probe has failed: that the pod was well, and the reason is not its process, stands in the timeline.
    pub(super) fn note_upset(
        &mut self,
        scene: &mut Scene,
        ContainerId(pod, index): ContainerId,
        kind: usize,
    ) {
        let (at, killed) = (scene.ctx.now, kind != READINESS);
        let runs = self.pod(pod).life == Life::Running;
        let c = self.container(pod, index);
        let was_well = if killed { c.started && !c.killing } else { c.ready };
        let Some(by) = upset_by(c, kind, at).filter(|_| runs && was_well) else { return };
        debug_assert!(c.is_running(), "a process that has ended is not upset");
        scene.timeline.upset(Upset { at, pod, killed, by });
    }

    /// A process has used up its memory and is killed, if the fault has lasted so long.
    pub(super) fn out_of_memory(
        &mut self,
        scene: &mut Scene,
        id: ContainerId,
        (run, fault): (u32, u32),
        out: &mut impl Out<Event>,
    ) {
        if self.faults.iter().any(|active| active.number == fault) {
            self.exit(scene, id, run, LifeEnd::Crash, out);
        }
    }
}

/// What a probe that fails finds beside a process that runs and listens; None: it is the process itself.
fn upset_by(c: &Container, kind: usize, now: Time) -> Option<UpsetBy> {
    let probe = c.probes[kind].as_ref().filter(|_| c.is_running() && now < c.stop_accept)?;
    let away = c.dependency_down || c.dependency_slow > Dur::ZERO;
    match () {
        () if probe.depends && away => Some(UpsetBy::Dependency),
        () if c.hung && probe.asks_process => Some(UpsetBy::Hung),
        () if probe.queued.is_some() && now >= c.listening => Some(UpsetBy::Load),
        () => None,
    }
}

impl Active {
    /// Whether it is about this pod.
    fn concerns(&self, scene: &Scene, pod: PodId) -> bool {
        match &self.fault.of {
            Whom::All => true,
            Whom::One => self.one == Some(pod),
            Whom::Share(share) => {
                let uid = scene.cluster.pods[pod].uid;
                Seed(uid).uniform("fault", u64::from(self.number)) < *share
            }
            Whom::Version(name) => scene.cluster.template_of(pod).version == *name,
        }
    }
}

impl super::controller::Pod {
    /// The process that serves runs and listens.
    fn serves(&self) -> bool {
        let serving = usize::from(self.serving);
        let c = &self.containers[serving];
        c.is_running() && c.stop_accept == Time::NEVER
    }
}
