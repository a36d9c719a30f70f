//! The EndpointSlice controller, as far as one Service concerns it (`pkg/controller/endpointslice/`).

use super::conditions::{
    include_terminating, pod_to_endpoint, retry_delay, should_pod_be_in_endpoints,
};
use crate::cluster::objects::{Conditions, EndpointChange, PodId, ServiceId};
use crate::cluster::server::Cluster;
use crate::cluster::spec::{PodTemplate, Service};
use crate::cluster::write::{SliceRange, Write};
use crate::engine::{Rng, Sparse, Time};
use crate::model::informer::{Informer, PodChange, SeenPod};
use crate::model::platform::Kubernetes;
use crate::model::plumbing::{Ctx, Delayed, Out, TokenBucket, WorkKey};
use std::sync::Arc;

/// What can happen to the controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Its key is taken from the queue.
    Sync,
    /// The delay after a failed sync is over.
    Retry,
}

/// What is known of a pod.
#[derive(Clone, Copy, Debug, Default)]
struct Row {
    /// In the Service's selection, as last looked at.
    selected: bool,
    /// What this controller last wrote.
    written: Option<Conditions>,
    /// The slice it is in.
    slice: u16,
}

/// The EndpointSlice controller, with what it has written and what it waits for.
#[derive(Debug)]
pub struct Controller {
    /// Of the scenario's Services.
    service: ServiceId,
    work: WorkKey,
    delayed: Delayed,
    bucket: TokenBucket,
    rng: Rng,
    /// The Service as the cache shows it.
    spec: Arc<Service>,
    include_terminating: bool,
    /// Most endpoints in one slice.
    slice_size: usize,
    /// Of the pods that the Service selects, or has selected.
    rows: Sparse<PodId, Row>,
    members: usize,
    /// Pods whose cached state changed since the last sync.
    dirty: Vec<PodId>,
    /// Slices that the present sync writes.
    touched: Vec<u16>,
    /// The watch has not shown this controller's own last write yet.
    stale: bool,
    failures: u32,
}

impl Controller {
    /// With an empty queue.
    pub fn new(
        service: ServiceId,
        rng: Rng,
        spec: Arc<Service>,
        kubernetes: &Kubernetes,
    ) -> Controller {
        let defaults = &kubernetes.defaults;
        Controller {
            service,
            work: WorkKey::default(),
            delayed: Delayed::default(),
            bucket: TokenBucket::of_controller(defaults),
            rng,
            spec,
            include_terminating: include_terminating(kubernetes.control_plane),
            slice_size: defaults.max_endpoints_per_slice,
            rows: Sparse::default(),
            members: 0,
            dirty: Vec::new(),
            touched: Vec::new(),
            stale: false,
            failures: 0,
        }
    }

    /// Room for so many pods.
    pub fn reserve(&mut self, pods: usize) {
        self.rows.reserve(pods);
    }

    /// Whether it takes pods of the template for the Service's, as far as the cache shows its selector.
    pub fn selects(&self, template: &PodTemplate) -> bool {
        self.spec.selects(template)
    }

    /// What the controller would write for the pod.
    fn wanted(&self, selected: bool, seen: SeenPod) -> Option<Conditions> {
        let SeenPod { phase, has_ip, deleting, .. } = seen;
        let member = seen.exists
            && selected
            && should_pod_be_in_endpoints(phase, has_ip, deleting, self.include_terminating);
        member.then(|| {
            pod_to_endpoint(seen.ready, seen.deleting, self.spec.publish_not_ready_addresses)
        })
    }

    /// The cache shows a change of a pod that the Service selects. Its template never changes.
    pub fn pod_changed(
        &mut self,
        now: Time,
        pod: PodId,
        PodChange { before, after }: PodChange,
        out: &mut impl Out<Event>,
    ) {
        self.rows.entry(pod).selected = true;
        if self.wanted(true, before) == self.wanted(true, after) {
            return;
        }
        debug_assert!(self.rows.get(pod).is_some(), "a pod that changes has a row");
        self.dirty.push(pod);
        self.queue(now, out);
    }

    /// The cache shows the Service's new selector: every pod is looked at anew, in one sync.
    pub fn service_changed(
        &mut self,
        now: Time,
        spec: Arc<Service>,
        cluster: &Cluster,
        out: &mut impl Out<Event>,
    ) {
        self.spec = spec;
        for pod in (0..cluster.pods.len() as u32).map(PodId) {
            let selected = self.spec.selects(cluster.template_of(pod));
            if selected || self.rows.get(pod).is_some() {
                self.rows.entry(pod).selected = selected;
                self.dirty.push(pod);
            }
        }
        debug_assert!(
            self.dirty.len() >= self.rows.pairs().len(),
            "a selector is tried on every pod"
        );
        self.queue(now, out);
    }

    fn queue(&mut self, now: Time, out: &mut impl Out<Event>) {
        if let Some(at) = self.work.add(now) {
            out.at(at, Event::Sync);
        }
    }

    /// It will not write before the watch shows its last write.
    pub fn awaits_watch(&self) -> bool {
        self.stale
    }

    /// The watch shows the slice as last written.
    pub fn slice_seen(&mut self) {
        self.stale = false;
    }

    /// `slice_log`: where the changes written are kept.
    pub fn handle(
        &mut self,
        ctx: Ctx,
        event: Event,
        informer: &Informer,
        slice_log: &mut Vec<EndpointChange>,
        out: &mut impl Out<Event>,
    ) {
        match event {
            Event::Sync => self.sync(ctx, informer, slice_log, out),
            Event::Retry => {
                if self.delayed.take(ctx.now) {
                    self.queue(ctx.now, out);
                }
            }
        }
    }

    fn sync(
        &mut self,
        ctx: Ctx,
        informer: &Informer,
        slice_log: &mut Vec<EndpointChange>,
        out: &mut impl Out<Event>,
    ) {
        self.work.start(ctx.now);
        if self.stale && !self.dirty.is_empty() {
            self.retry(ctx, out);
            self.work.done(ctx.now);
            return;
        }
        self.failures = 0;
        let from = slice_log.len();
        self.touched.clear();
        let mut deletions = false;
        let mut dirty = std::mem::take(&mut self.dirty);
        dirty.sort_unstable();
        dirty.dedup();
        for pod in dirty.drain(..) {
            let Row { selected, written, .. } = *self.rows.entry(pod);
            let wanted = self.wanted(selected, informer.pod(pod));
            if wanted != written {
                let slice = self.place(pod, wanted);
                deletions |= wanted.is_some_and(|c| c.terminating);
                slice_log.push((pod, wanted));
                self.touched.push(slice);
            }
        }
        self.dirty = dirty;
        let mut end = ctx.now;
        if slice_log.len() > from {
            self.touched.sort_unstable();
            self.touched.dedup();
            for _ in &self.touched {
                let taken = self.bucket.take(end);
                let write = match deletions {
                    true => &ctx.latencies.slice_write_deletion,
                    false => &ctx.latencies.slice_write,
                };
                end = taken + ctx.slowed(write.draw(&mut self.rng));
            }
            // The answer to a write seldom overtakes the watch.
            self.stale = self.rng.uniform() < ctx.platform.slice_cache_stale;
            debug_assert!(!self.touched.is_empty(), "endpoints changed in no slice");
            let (service, to) = (self.service, slice_log.len() as u32);
            out.write(end, Write::Slice(SliceRange { service, from: from as u32, to }));
        }
        self.work.done(end);
    }

    /// A sync failed: tried again later, but not for ever.
    fn retry(&mut self, ctx: Ctx, out: &mut impl Out<Event>) {
        self.failures += 1;
        if self.failures > ctx.kubernetes.defaults.slice_retries {
            self.failures = 0;
            return;
        }
        debug_assert!(self.failures > 0, "what is tried again has failed");
        let wait = retry_delay(&ctx.kubernetes.defaults, self.failures);
        if let Some(at) = self.delayed.add(ctx.now + wait) {
            out.at(at, Event::Retry);
        }
    }

    /// Notes what is written of a pod; the slice that it is in.
    fn place(&mut self, pod: PodId, wanted: Option<Conditions>) -> u16 {
        let row = self.rows.entry(pod);
        match (row.written.is_some(), wanted.is_some()) {
            (false, true) => {
                row.slice = (self.members / self.slice_size) as u16;
                self.members += 1;
            }
            (true, false) => self.members -= 1,
            _ => {}
        }
        row.written = wanted;
        let slice = row.slice;
        debug_assert!(
            self.members <= self.rows.pairs().len(),
            "no more pods are listed than there are"
        );
        slice
    }

    /// Takes over a pod that the Service selects and whose endpoint is in the slice already; the endpoint's
    /// conditions.
    pub fn adopt(&mut self, pod: PodId, ready: bool) -> Conditions {
        debug_assert!(self.failures == 0 && !self.stale, "pods are adopted before the first sync");
        let conditions = pod_to_endpoint(ready, false, self.spec.publish_not_ready_addresses);
        self.place(pod, Some(conditions));
        self.rows.entry(pod).selected = true;
        conditions
    }
}
