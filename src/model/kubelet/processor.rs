//! The processor of a node, which all its work shares.

use super::controller::{ContainerId, Event, Job, Kubelets, Node};
use crate::cluster::objects::{NodeId, PodId};
use crate::engine::{Dur, Time};
use crate::model::plumbing::{Ctx, Out, Scene, slowed};

impl Kubelets {
    /// How much longer work takes on a node than when it is idle.
    pub fn slowdown(&self, node: NodeId) -> f64 {
        self.nodes[node].cpu.slowdown() * self.pace
    }

    /// The same for what needs the processor only for a moment: the operating system lets it in soon.
    pub fn short_slowdown(&self, share: f64, node: NodeId) -> f64 {
        (1.0 + share * (self.nodes[node].cpu.slowdown() - 1.0)) * self.pace
    }

    /// On a shared machine, the work that an iteration or a status causes slows everything else down.
    pub(super) fn burden(&mut self, ctx: Ctx, pod: PodId, out: &mut impl Out<Event>) {
        if ctx.platform.shared_control_plane && ctx.platform.iteration_work_s > 0.0 {
            let node = self.pod(pod).node;
            let work = Dur::from_secs_f64(ctx.platform.iteration_work_s);
            self.add_job(ctx.now, node, (Job::Load, 1.0, work), out);
        }
    }

    pub(super) fn cpu_done(&mut self, scene: &mut Scene, node: NodeId, out: &mut impl Out<Event>) {
        debug_assert!(self.nodes[node].cpu_due >= scene.ctx.now, "no work is overdue");
        if self.nodes[node].cpu_due != scene.ctx.now {
            return;
        }
        self.nodes[node].cpu_due = Time::NEVER;
        if self.nodes[node].cpu.next_done().is_some_and(|at| at > scene.ctx.now) {
            // Jobs that were added since have slowed the others down.
            return self.schedule_cpu(node, out);
        }
        while let Some(job) = self.nodes[node].cpu.take_done(scene.ctx.now) {
            match job {
                Job::Start { pod, container } => {
                    self.container_up(scene, ContainerId(pod, container), out);
                }
                Job::Teardown(pod) => self.network_gone(scene, pod, out),
                Job::Cleanup(pod) => self.stopped(scene, pod, out),
                Job::Load => {}
            }
        }
        self.schedule_cpu(node, out);
    }

    /// A job of that weight takes so long on an idle node.
    pub(super) fn add_job(
        &mut self,
        now: Time,
        node: NodeId,
        (job, weight, work): (Job, f64, Dur),
        out: &mut impl Out<Event>,
    ) {
        let work = slowed(work, self.pace);
        self.nodes[node].cpu.add(now, work, weight, job);
        self.schedule_cpu(node, out);
    }

    /// Sees to it that there is an event no later than the next job is done.
    fn schedule_cpu(&mut self, node: NodeId, out: &mut impl Out<Event>) {
        if let Some(at) = self.nodes[node].cpu.next_done()
            && at < self.nodes[node].cpu_due
        {
            self.nodes[node].cpu_due = at;
            out.at(at, Event::Cpu { node });
        }
        let Node { cpu, cpu_due, .. } = &self.nodes[node];
        debug_assert!(
            cpu.next_done().is_none_or(|at| *cpu_due <= at),
            "the end of work is awaited"
        );
    }
}
