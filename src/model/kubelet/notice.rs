//! When a process runs, and when its kubelet takes notice of it.

use super::controller::{ContainerId, Event, Kubelets};
use crate::cluster::objects::PodId;
use crate::engine::{Dur, Seed, Time};
use crate::model::plumbing::{Ctx, Out, slowed};

impl Kubelets {
    /// From the start of a container until its process could listen. The readiness probe's first evaluation
    /// may come before.
    pub(super) fn process_start(&mut self, ctx: Ctx, ContainerId(pod, index): ContainerId) -> Dur {
        let (node, run) = (self.pod(pod).node, self.container(pod, index).run);
        let of_start = u64::from(index) << 32 | u64::from(run);
        let luck = Seed(self.pod(pod).uid).uniform("process start", of_start);
        let slow = self.short_slowdown(ctx.platform.short_work_share, node);
        slowed(ctx.latencies.process_start.sample(luck), slow)
    }

    /// When an iteration that ends at `end` and has started a container is followed by a relist of its pod.
    pub(super) fn noticed(
        &mut self,
        ctx: Ctx,
        pod: PodId,
        end: Time,
        out: &mut impl Out<Event>,
    ) -> Time {
        if !ctx.kubernetes.on_demand_relist {
            return self.node_of(pod).relist_after(end);
        }
        // The pod is relisted on its own, which costs the node as much as an iteration, while others start.
        self.burden(ctx, pod, out);
        end + ctx.latencies.pleg_relist.draw(self.luck(pod))
    }
}
