//! The processor of a node, which all its work shares.

use super::controller::{Event, Job, Kubelets};
use crate::cluster::objects::PodId;
use crate::cluster::server::Cluster;
use crate::engine::{Dur, Time};
use crate::model::plumbing::{Ctx, Out, slowed};
use crate::timeline::Recorder;

impl Kubelets {
    /// How much longer work takes on a node than when it is idle.
    pub fn slowdown(&self, node: usize) -> f64 {
        self.nodes[node].cpu.slowdown() * self.pace
    }

    /// The same for what needs the processor only for a moment: the operating system lets it in soon.
    pub fn short_slowdown(&self, share: f64, node: usize) -> f64 {
        (1.0 + share * (self.nodes[node].cpu.slowdown() - 1.0)) * self.pace
    }

    /// On a shared machine, the work that an iteration or a status causes slows everything else down.
    pub(super) fn burden(&mut self, ctx: Ctx, pod: PodId, out: &mut impl Out<Event>) {
        if ctx.platform.shared_control_plane && ctx.platform.iteration_work_s > 0.0 {
            let node = self.pod(pod).node;
            let work = Dur::from_secs_f64(ctx.platform.iteration_work_s);
            self.add_job(ctx, node, work, 1.0, Job::Load, out);
        }
    }

    pub(super) fn cpu_done(
        &mut self,
        ctx: Ctx,
        node: u16,
        cluster: &Cluster,
        timeline: &mut Recorder,
        out: &mut impl Out<Event>,
    ) {
        let index = usize::from(node);
        if self.nodes[index].cpu_due != ctx.now {
            return;
        }
        self.nodes[index].cpu_due = Time::NEVER;
        if self.nodes[index].cpu.next_done().is_some_and(|at| at > ctx.now) {
            // Jobs that were added since have slowed the others down.
            return self.schedule_cpu(node, out);
        }
        while let Some(job) = self.nodes[index].cpu.take_done(ctx.now) {
            match job {
                Job::Start { pod, container } => {
                    self.container_up(ctx, pod, container, cluster, timeline, out);
                }
                Job::Teardown(pod) => self.network_gone(ctx, pod, timeline, out),
                Job::Cleanup(pod) => self.stopped(ctx, pod, cluster, out),
                Job::Load => {}
            }
        }
        self.schedule_cpu(node, out);
    }

    pub(super) fn add_job(
        &mut self,
        ctx: Ctx,
        node: u16,
        work: Dur,
        weight: f64,
        job: Job,
        out: &mut impl Out<Event>,
    ) {
        let work = slowed(work, self.pace);
        self.nodes[usize::from(node)].cpu.add(ctx.now, work, weight, job);
        self.schedule_cpu(node, out);
    }

    /// Sees to it that there is an event no later than the next job is done.
    fn schedule_cpu(&mut self, node: u16, out: &mut impl Out<Event>) {
        let index = usize::from(node);
        if let Some(at) = self.nodes[index].cpu.next_done()
            && at < self.nodes[index].cpu_due
        {
            self.nodes[index].cpu_due = at;
            out.at(at, Event::Cpu { node });
        }
    }
}
