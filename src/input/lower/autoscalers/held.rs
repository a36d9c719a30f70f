//! The size that an autoscaler has long since made of a workload: within its bounds, whatever its manifest
//! says.

use crate::cluster::workload::Workload;
use crate::input::autoscaled::{self, Kept};
use crate::input::bounds;
use crate::input::lower::lowering::Lowering;
use crate::scenario::{Action, ActionKind};

/// What only brings another template leaves the size as it is.
pub(in crate::input::lower) fn as_held(workloads: &[Workload], actions: &mut [Action]) {
    for action in actions {
        if let ActionKind::Rollout { workload, keeps_replicas: true } = &mut action.kind
            && let Some(held) = workloads.iter().find(|w| is_same(w, workload))
        {
            workload.replicas = held.replicas;
        }
    }
}

fn is_same(a: &Workload, b: &Workload) -> bool {
    (a.kind(), &a.name, &a.namespace) == (b.kind(), &b.name, &b.namespace)
}

impl Lowering<'_> {
    /// When the scenario says that the autoscaler is created; None: long before the run.
    pub(super) fn scaler_created_s(&self) -> Option<f64> {
        let case = &self.input.case;
        let mut all = case.metric.iter().chain(case.metrics.values());
        all.find_map(|metric| metric.hpa_created_s)
    }

    /// Workloads begin with as many pods as their autoscalers let them have; with 0 they are not scaled.
    ///
    /// `horizontal.go: reconcileAutoscaler` (outside of the bounds no metric is asked).
    pub(in crate::input::lower) fn held_within_bounds(&mut self, workloads: &mut [Workload]) {
        if self.scaler_created_s().is_some() {
            return;
        }
        for workload in workloads.iter_mut().filter(|w| w.replicas > 0) {
            let of = (workload.kind(), &*workload.name, &*workload.namespace);
            let Some(Kept { least, most, by }) = autoscaled::kept(self.input, of) else { continue };
            let given = workload.replicas;
            let held = i64::from(given).clamp(least, most);
            workload.replicas = i32::try_from(held).unwrap_or(given).min(bounds::REPLICAS);
            if workload.replicas != given {
                let text = format!(
                    "{} before the action and not {given}: {} keeps {least} to {most}",
                    workload.replicas, by.1
                );
                self.assume("replicas", text);
            }
        }
    }
}
