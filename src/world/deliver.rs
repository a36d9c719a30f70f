//! What was committed reaches the watchers, each after its own latency and in order.

use super::audience::Watcher;
use super::watches::{CACHE, KUBELET, SCHEDULER, pods_of_layer, slices_of_layer};
use super::{Event, World, says};
use crate::cluster::objects::{NodeId, PodId};
use crate::cluster::write::{Change, SliceRange};
use crate::engine::rng::Heard;
use crate::engine::{Dur, Sampler, Time};
use crate::model::plumbing::{Ctx, Latencies, slowed};
use crate::model::{gate, kubelet, scheduler};

impl World<'_> {
    pub(super) fn deliver(&mut self, now: Time, change: Change) {
        let heard = self.watches.hears(self.run.seed, change, &self.cluster);
        if let Change::PodStatus(pod) | Change::PodGates(pod) | Change::PodDeleting(pod) = change {
            self.pod_to_balancers(now, pod, heard);
        }
        match change {
            Change::PodBound(pod) => {
                self.tell_scheduler(now, change, heard);
                self.tell_kubelet(now, pod, kubelet::controller::Event::Bound(pod), heard)
            }
            Change::PodGates(pod) => {
                self.tell_kubelet(now, pod, kubelet::controller::Event::Gates(pod), heard)
            }
            Change::PodDeleting(pod) => {
                self.tell_scheduler(now, change, heard);
                self.tell_kubelet(now, pod, kubelet::controller::Event::Deleting(pod), heard);
                self.tell_cache(now, change, heard);
            }
            Change::PodCreated(pod) => {
                self.queue
                    .schedule(now, Event::Scheduler(scheduler::controller::Event::Pending(pod)));
                self.tell_cache(now, change, heard);
            }
            Change::PodResized(_) => self.tell_scheduler(now, change, heard),
            Change::PodRemoved(_) => {
                self.tell_scheduler(now, change, heard);
                self.tell_cache(now, change, heard);
            }
            Change::Node(node) => {
                self.tell_lifecycle(now, node);
                self.tell_scheduler(now, change, heard);
                if self.has_daemons {
                    self.tell_cache(now, change, heard);
                }
            }
            // Services are watched apart from pods.
            Change::Service(_) => {
                let at = now + self.watch(&self.run.latencies.watch_controller, heard, CACHE);
                self.queue.schedule(at, Event::Cache(change));
            }
            Change::Weights => self.weights_to_balancers(now),
            Change::Budget(_) | Change::BudgetConflict(_) => {
                self.tell_disruption(now, change, heard)
            }
            Change::Slice(range) => {
                let at = self.next_cache(now, heard);
                if self.slices[range.service].awaits_watch() {
                    self.queue.schedule(at, Event::Cache(change));
                }
                self.slices_to_balancers(now, range, heard);
            }
            Change::PodStatus(pod) => {
                self.tell_cache(now, change, heard);
                let waits = self.gate.is_some() && !self.cluster.pods[pod].gates.external;
                if waits && self.cluster.pods[pod].status.containers_ready {
                    self.queue.schedule(now, Event::Gate(gate::Event::ContainersReady(pod)));
                }
            }
            Change::Workload(_) | Change::ReplicaSet(_) | Change::Conflict(_) => {
                self.tell_cache(now, change, heard);
            }
        }
    }

    /// How busy the machine is that the control plane runs on.
    pub(super) fn slowdown(&self) -> f64 {
        let platform = &self.scenario.platform;
        match platform.shared_control_plane {
            true => self.kubelets.short_slowdown(platform.short_work_share, NodeId::default()),
            false => 1.0,
        }
    }

    /// The next latency of a call that an action makes, as long as it takes now.
    pub(super) fn latency(&mut self, pick: impl Fn(&Latencies) -> &Sampler) -> Dur {
        let latency = pick(self.run.latencies).draw(&mut self.user);
        slowed(latency, self.slowdown())
    }

    /// How long a change takes to a watcher.
    fn watch(&self, sampler: &Sampler, heard: Heard, watcher: u64) -> Dur {
        slowed(sampler.of(heard.by(watcher)), self.slowdown())
    }

    /// The watch of the controllers of nodes, which sees what others write alone.
    fn tell_lifecycle(&mut self, now: Time, node: NodeId) {
        let Some(lifecycle) = &mut self.lifecycle else { return };
        let out = &mut says(&mut self.queue, Event::Lifecycle);
        debug_assert!(now >= self.last_cache || !self.last_cache.is_never());
        lifecycle.sees(now, node, &self.cluster, out);
    }

    fn tell_disruption(&mut self, now: Time, change: Change, heard: Heard) {
        let latency = self.watch(&self.run.latencies.watch_controller, heard, CACHE);
        let ctx = Ctx { run: self.run, now, slowdown: self.slowdown() };
        let Some(disruption) = &mut self.disruption else { return };
        let out = &mut says(&mut self.queue, Event::Disruption);
        match change {
            Change::Budget(id) => disruption.tell(now, id, latency, out),
            Change::BudgetConflict(id) => disruption.conflict(ctx, id, out),
            _ => {}
        }
    }

    fn tell_scheduler(&mut self, now: Time, change: Change, heard: Heard) {
        let latency = self.watch(&self.run.latencies.watch_controller, heard, SCHEDULER);
        let out = &mut says(&mut self.queue, Event::Scheduler);
        self.scheduler.tell(now, change, latency, out);
    }

    fn tell_cache(&mut self, now: Time, change: Change, heard: Heard) {
        let at = self.next_cache(now, heard);
        self.queue.schedule(at, Event::Cache(change));
    }

    /// When the shared cache shows a change committed now.
    fn next_cache(&mut self, now: Time, heard: Heard) -> Time {
        let at = now + self.watch(&self.run.latencies.watch_controller, heard, CACHE);
        self.last_cache = self.last_cache.max(at);
        self.last_cache
    }

    fn tell_kubelet(
        &mut self,
        now: Time,
        pod: PodId,
        event: kubelet::controller::Event,
        heard: Heard,
    ) {
        let Some(node) = self.cluster.pods[pod].node else { return };
        if self.isolates() && self.holds_for_kubelet(node, event) {
            return;
        }
        let at = now + self.watch(&self.run.latencies.watch_kubelet, heard, KUBELET);
        let last = &mut self.last_kubelet[node];
        *last = (*last).max(at);
        debug_assert!(*last >= now, "no watch shows what has not happened");
        self.queue.schedule(*last, Event::Kubelet(event));
    }

    fn slices_to_balancers(&mut self, now: Time, range: SliceRange, heard: Heard) {
        let count = self.audience.slices.get(range.service).map_or(0, Vec::len);
        for i in 0..count {
            let Watcher { layer, number, place } = self.audience.slices[range.service][i];
            let by = slices_of_layer(layer, usize::from(number));
            let at = now + self.watch(&self.run.latencies.watch_proxy, heard, by);
            let event = self.balancers[layer].slices(number, range.from, range.to);
            if self.isolates() && self.holds_for_proxy((layer, number), event) {
                continue;
            }
            let last = &mut self.last_balancer[place];
            *last = (*last).max(at);
            debug_assert!(*last >= now, "no watch shows what has not happened");
            self.queue.schedule(*last, Event::Balancer(layer as u16, event));
        }
    }

    fn weights_to_balancers(&mut self, now: Time) {
        for layer in 0..self.balancers.len() {
            let Some(event) = self.balancers[layer].weights() else { continue };
            let at = now + self.latency(|l| &l.watch_controller);
            self.queue.schedule(at, Event::Balancer(layer as u16, event));
        }
    }

    /// Health checks meet something else at pods where something happened.
    pub(super) fn wake_checks(&mut self, ctx: Ctx) {
        if self.kubelets.differing.is_empty() {
            return;
        }
        for pod in self.kubelets.differing.drain(..) {
            debug_assert!(pod.index() < self.cluster.pods.len(), "what differs is a pod");
            for &layer in &self.audience.checks {
                let out = &mut says(&mut self.queue, |e| Event::Balancer(layer as u16, e));
                self.balancers[layer].wake(ctx, pod, out);
            }
        }
    }

    fn pod_to_balancers(&mut self, now: Time, pod: PodId, heard: Heard) {
        let first = self.last_balancer.len() - self.balancers.len();
        for &layer in &self.audience.pods {
            let Some(event) = self.balancers[layer].pod(pod) else { continue };
            let by = pods_of_layer(layer);
            let at = now + self.watch(&self.run.latencies.watch_proxy, heard, by);
            let last = &mut self.last_balancer[first + layer];
            *last = (*last).max(at);
            debug_assert!(*last >= now, "no watch shows what has not happened");
            self.queue.schedule(*last, Event::Balancer(layer as u16, event));
        }
    }
}
