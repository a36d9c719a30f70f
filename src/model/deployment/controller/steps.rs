//! What a sync does to the sizes of the sets: the rules of `rolling.rs`, `recreate.rs` and `scaling.rs`,
//! carried out.

use super::{Controller, Event};
use crate::cluster::PodPhase;
use crate::cluster::write::Write;
use crate::model::deployment::rolling::{self, RollingStep, RsSize};
use crate::model::deployment::sync::{Sync, scaled, size};
use crate::model::deployment::{history, recreate, scaling};
use crate::model::informer::Informer;
use crate::model::plumbing::Out;

impl Controller {
    /// Recreate: the old pods must be gone before the new set appears.
    pub(super) fn recreate_blocked(&self, sync: &Sync, informer: &Informer) -> bool {
        let active_old = sync.old().any(|(_, set)| set.replicas > 0);
        let status_replicas: i32 = sync.old().map(|(_, set)| set.status.replicas).sum();
        // One pod of a set stands for all whose phase is not terminal.
        let old = sync.old().filter(|(rs, _)| informer.has_unfinished(*rs));
        active_old || recreate::old_pods_running([status_replicas], old.map(|_| PodPhase::Running))
    }

    /// Recreate: the old sets go to nothing, then the new one gets its size.
    pub(super) fn roll_recreate(
        &mut self,
        sync: &mut Sync,
        informer: &Informer,
        out: &mut impl Out<Event>,
    ) {
        let mut sizes = self.old_sizes(sync);
        if recreate::scale_down_old(&mut sizes) {
            self.resize_old(sync, sizes, out);
            return;
        }
        self.sizes = sizes;
        let desired = sync.deployment.spec.replicas;
        if let Some(new) = sync.new
            && !self.recreate_blocked(sync, informer)
        {
            debug_assert!(
                sync.old().all(|(_, set)| set.replicas == 0),
                "old pods go before new ones come"
            );
            self.resize(sync, new, desired, out);
        }
    }

    /// The old sets, in the buffer for them.
    fn old_sizes(&mut self, sync: &Sync) -> Vec<RsSize> {
        let mut sizes = std::mem::take(&mut self.sizes);
        sizes.clear();
        sizes.extend(sync.old().map(|(_, set)| size(set)));
        sizes
    }

    /// Gives the old sets these sizes, and the buffer back.
    fn resize_old(&mut self, sync: &mut Sync, sizes: Vec<RsSize>, out: &mut impl Out<Event>) {
        debug_assert!(
            sizes.iter().all(|size| size.spec >= 0),
            "no set has less than no pods: {sizes:?}"
        );
        for (i, size) in sync.old_indices().zip(&sizes) {
            self.resize(sync, i, size.spec, out);
        }
        self.sizes = sizes;
    }

    /// RollingUpdate: one step of the new set or of the old ones.
    pub(super) fn roll(&mut self, sync: &mut Sync, out: &mut impl Out<Event>) {
        let spec = &sync.deployment.spec;
        let new = match (sync.new, sync.created) {
            (Some(i), _) => size(&sync.sets[i].1),
            (None, created) => RsSize { spec: created.unwrap_or(0), replicas: 0, available: 0 },
        };
        let mut sizes = self.old_sizes(sync);
        let step = rolling::rolling_step(&mut sizes, new, spec.strategy, spec.replicas);
        if let (RollingStep::ScaledNew(target), Some(i)) = (step, sync.new) {
            self.resize(sync, i, target, out);
        }
        // Sets cleaned up before a lagging one was met are written even when the step is given up.
        self.resize_old(sync, sizes, out);
        if step == RollingStep::Nothing && sync.is_complete() {
            self.clean_up(sync, out);
        }
    }

    /// Scaling while paused or after `spec.replicas` changed (section "scale" of `sync.go`).
    pub(super) fn scale(&mut self, sync: &mut Sync, out: &mut impl Out<Event>) {
        let spec = &sync.deployment.spec;
        let mut sizes: Vec<scaling::ScaledSet> =
            sync.sets.iter().map(|(_, set)| scaled(set)).collect();
        let wanted = scaling::Wanted {
            strategy: spec.strategy,
            desired: spec.replicas,
            status_replicas: sync.deployment.status.replicas,
        };
        scaling::scale(&mut sizes, sync.new, wanted);
        for (i, size) in sizes.into_iter().enumerate().filter(|(_, size)| size.written) {
            self.annotate(sync, i, size.spec, out);
        }
    }

    /// Sets the size and the annotations, where they are others.
    fn annotate(&mut self, sync: &mut Sync, index: usize, target: i32, out: &mut impl Out<Event>) {
        let spec = &sync.deployment.spec;
        let desired = spec.replicas;
        let max = desired + rolling::max_surge(spec.strategy, desired);
        let (rs, set) = &mut sync.sets[index];
        let same = set.replicas == target
            && (set.desired_annotation == desired && set.max_annotation == max
                || set.replicas == 0);
        if same {
            return;
        }
        let (rs, resource_version) = (*rs, set.resource_version);
        set.replicas = target;
        set.desired_annotation = desired;
        set.max_annotation = max;
        let at = self.call(sync);
        out.write(
            at,
            Write::ScaleReplicaSet { rs, replicas: target, desired, max, resource_version },
        );
        sync.wrote = true;
    }

    /// Sets the size where it is another one.
    fn resize(&mut self, sync: &mut Sync, index: usize, target: i32, out: &mut impl Out<Event>) {
        if sync.sets[index].1.replicas != target {
            self.annotate(sync, index, target, out);
        }
    }

    /// Old sets beyond the history limit go.
    fn clean_up(&mut self, sync: &mut Sync, out: &mut impl Out<Event>) {
        let old: Vec<history::OldSet> = sync
            .old()
            .map(|(_, s)| history::OldSet {
                revision: i64::from(s.revision),
                spec: s.replicas,
                replicas: s.status.replicas,
                observed: s.status.observed_generation >= s.generation,
                deleting: false,
            })
            .collect();
        for i in history::to_delete(&old, sync.deployment.spec.revision_history_limit) {
            let rs = sync.old().nth(i).expect("one of the old sets").0;
            let at = self.call(sync);
            out.write(at, Write::DeleteReplicaSet { rs });
        }
    }
}
