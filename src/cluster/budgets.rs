//! What becomes of the status of a PodDisruptionBudget.

use super::objects::{BudgetId, BudgetStatus, PodId};
use super::server::Cluster;
use super::write::Change;
use crate::engine::Time;

impl Cluster {
    pub(super) fn set_budget_status(&mut self, id: BudgetId, status: BudgetStatus, version: u32) {
        let budget = &mut self.budgets[id];
        if budget.resource_version != version {
            self.log.push(Change::BudgetConflict(id));
            return;
        }
        debug_assert!(status.disruptions_allowed >= 0, "{status:?}");
        budget.status = status;
        budget.resource_version += 1;
        self.log.push(Change::Budget(id));
    }

    pub(super) fn take_disruption(&mut self, now: Time, id: BudgetId, pod: PodId) {
        let budget = &mut self.budgets[id];
        debug_assert!(budget.status.disruptions_allowed > 0, "{:?}", budget.status);
        budget.status.disruptions_allowed -= 1;
        budget.status.disrupted += 1;
        budget.granted.push((pod, now));
        budget.resource_version += 1;
        self.log.push(Change::Budget(id));
    }
}
