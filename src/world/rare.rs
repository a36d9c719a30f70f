//! Events of what only some clusters have, apart from those that every rollout has.

use super::{Event, World, says};
use crate::model::plumbing::Ctx;
use crate::timeline::Milestone;

impl World<'_> {
    /// Events of what only some clusters have.
    #[cold]
    pub(super) fn dispatch_rare(&mut self, ctx: Ctx, event: Event) {
        let (cluster, informer) = (&self.cluster, &self.informer);
        let tag = match event {
            Event::Gate(e) => {
                if let Some(gate) = &mut self.gate {
                    gate.handle(ctx, e, &mut says(&mut self.queue, Event::Gate));
                }
                7
            }
            Event::Disruption(e) => {
                if let Some(disruption) = &mut self.disruption {
                    let out = &mut says(&mut self.queue, Event::Disruption);
                    disruption.handle(ctx, e, cluster, informer, out);
                }
                10
            }
            Event::Autoscaler(e) => {
                if let Some(autoscaler) = &mut self.autoscaler {
                    let out = &mut says(&mut self.queue, Event::Autoscaler);
                    autoscaler.handle(ctx, e, cluster, informer, out);
                }
                11
            }
            Event::Lifecycle(e) => {
                if let Some(lifecycle) = &mut self.lifecycle {
                    let out = &mut says(&mut self.queue, Event::Lifecycle);
                    lifecycle.handle(ctx, e, cluster, out);
                }
                15
            }
            Event::StatefulSet(e) => {
                let out = &mut says(&mut self.queue, Event::StatefulSet);
                self.stateful_sets.handle(ctx, e, cluster, informer, out);
                12
            }
            Event::DaemonSet(e) => {
                let out = &mut says(&mut self.queue, Event::DaemonSet);
                self.daemon_sets.handle(ctx, e, cluster, informer, out);
                13
            }
            Event::Vertical(e) => {
                self.vertical(ctx.now, e);
                15
            }
            Event::Rollout(e) => {
                if let Some(rollouts) = &mut self.rollouts {
                    let out = &mut says(&mut self.queue, Event::Rollout);
                    rollouts.handle(ctx, e, cluster, informer, out);
                    for note in rollouts.notes.drain(..) {
                        self.timeline.mark(ctx.now, Milestone::Note(note));
                    }
                }
                16
            }
            Event::Provision(e) => {
                self.provision(ctx, e);
                17
            }
            Event::Fault { index, begins } => {
                self.fault(ctx, index, begins);
                14
            }
            other => unreachable!("{other:?} is dispatched by the others"),
        };
        self.fold(ctx.now, tag);
    }
}
