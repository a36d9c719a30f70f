//! What rollouts take of an error budget.

use super::answer::SCHEMA;
use super::figure::Figure;
use super::words::{count, percent, seconds};
use schemars::JsonSchema;
use serde::Serialize;

/// What is asked of all workloads.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Terms {
    /// Share of requests that have to succeed, 0 to 1.
    pub objective: f64,
    /// Days that it is measured over.
    pub window_days: f64,
    /// Rollouts a week.
    pub deploys_per_week: f64,
    /// What one pod costs for an hour, in whatever currency.
    pub pod_hour: Option<f64>,
}

/// The budgets of several workloads.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Budget {
    /// Version of this schema: 1 or more.
    pub schema: u32,
    /// Of the input.
    pub name: String,
    /// What was asked.
    pub terms: Terms,
    /// Those that overspend most first.
    pub workloads: Vec<BudgetRow>,
    /// Version and seed.
    pub signature: String,
}

/// One workload.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct BudgetRow {
    /// Such as `deployment/web`.
    pub workload: String,
    /// Mean load over the window.
    pub rate_per_s: f64,
    /// Requests that one rollout loses.
    pub lost: Figure,
    /// Requests of the window that may fail.
    pub allowed: f64,
    /// Requests that the window's rollouts lose.
    pub spent: f64,
    /// The same of a bad window: each rollout loses what 97.5 % stay below.
    pub spent_at_most: f64,
    /// Rollouts a week that the objective bears; none: any number, since they lose nothing.
    pub bearable_per_week: Option<f64>,
    /// By the hour of the day, where the load has one.
    pub hours: Vec<HourRow>,
    /// Changes that were tried, and what they cost.
    pub prices: Vec<PriceRow>,
}

/// An hour of the day.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct HourRow {
    /// 0 to 23.
    pub hour: u32,
    /// Load.
    pub rate_per_s: f64,
    /// Requests that a rollout at this hour loses.
    pub lost: f64,
}

/// A change, and what it costs.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct PriceRow {
    /// Settings that belong together, `KEY=VALUE` as `--set` takes them; empty: as it is.
    pub change: Vec<String>,
    /// Requests that a rollout loses with it.
    pub lost: f64,
    /// Share of the budget that the window's rollouts take then.
    pub share: f64,
    /// Until complete.
    pub complete_s: Option<f64>,
    /// Pods at once, at most.
    pub peak_pods: f64,
    /// Replicas, all the time.
    pub replicas: i32,
    /// Pod-seconds above the replicas, of one rollout.
    pub surge_pod_seconds: f64,
    /// What rollouts and further replicas cost in the window more than today, where a price is given.
    pub money: Option<f64>,
}

impl Terms {
    /// Rollouts in the window.
    pub fn rollouts(&self) -> f64 {
        self.deploys_per_week * self.window_days / 7.0
    }

    /// Requests of the window that may fail.
    pub fn allowed(&self, rate_per_s: f64) -> f64 {
        (1.0 - self.objective) * rate_per_s * self.window_days * 86_400.0
    }

    /// Rollouts a week that the objective bears; None: any number.
    pub fn bearable(&self, rate_per_s: f64, lost: f64) -> Option<f64> {
        (lost > 0.0).then(|| self.allowed(rate_per_s) / lost * 7.0 / self.window_days)
    }

    /// What pods cost in the window beyond today's: those of rollouts, and those that stay.
    pub fn money(&self, today: &PriceRow, with: &PriceRow) -> Option<f64> {
        let surge = (with.surge_pod_seconds - today.surge_pod_seconds) / 3600.0 * self.rollouts();
        let stay = f64::from(with.replicas - today.replicas) * self.window_days * 24.0;
        self.pod_hour.map(|price| price * (surge + stay))
    }
}

impl BudgetRow {
    /// Share of the budget that is spent on rollouts: above 1 it is overspent.
    pub fn share(&self) -> f64 {
        match self.allowed > 0.0 {
            true => self.spent / self.allowed,
            false if self.spent > 0.0 => f64::INFINITY,
            false => 0.0,
        }
    }

    /// What the rollouts take, in a sentence.
    pub fn verdict(&self, terms: &Terms) -> String {
        let rollouts = count(terms.rollouts());
        let spent = count(self.spent);
        let share = match self.share() {
            share if share.is_finite() => percent(share.min(1.0)),
            _ => "all".to_owned(),
        };
        let takes = match self.share() > 1.0 {
            true => format!("more than all of the {} that may fail", count(self.allowed)),
            false => format!("{share} of the {} that may fail", count(self.allowed)),
        };
        let bears = match self.bearable_per_week {
            None => "any number of rollouts can be borne".to_owned(),
            Some(n) if n < 1.0 => {
                format!("it bears one rollout in {} weeks", count((1.0 / n).ceil()))
            }
            Some(n) => format!("it bears {} a week", count(n.floor())),
        };
        let days = count(terms.window_days);
        format!("{rollouts} rollouts in {days} days lose {spent} requests, {takes}; {bears}.")
    }

    /// The hours at which a rollout loses least and most.
    pub fn best_and_worst_hour(&self) -> Option<(&HourRow, &HourRow)> {
        let by = |a: &&HourRow, b: &&HourRow| a.lost.total_cmp(&b.lost);
        Some((self.hours.iter().min_by(by)?, self.hours.iter().max_by(by)?))
    }
}

impl Budget {
    /// Puts what overspends most first.
    pub fn new(
        name: &str,
        terms: Terms,
        mut workloads: Vec<BudgetRow>,
        signature: String,
    ) -> Budget {
        workloads.sort_by(|a, b| b.share().total_cmp(&a.share()));
        let name = super::words::printable(name);
        Budget { schema: SCHEMA, name, terms, workloads, signature }
    }

    /// Some workload's rollouts take more than all.
    pub fn is_overspent(&self) -> bool {
        self.workloads.iter().any(|row| row.share() > 1.0)
    }
}

impl PriceRow {
    /// What is changed, for people.
    pub fn title(&self) -> String {
        match self.change.is_empty() {
            true => "today".to_owned(),
            false => self.change.join(", "),
        }
    }

    /// Its figures: lost, share of the budget, time, pods, money.
    pub fn cells(&self) -> Vec<String> {
        let share = if count(self.lost) == "0" { 0.0 } else { self.share.min(99.99) };
        let mut cells = vec![
            count(self.lost),
            percent(share),
            self.complete_s.map_or("never".to_owned(), seconds),
            count(self.peak_pods),
            count(self.surge_pod_seconds),
        ];
        cells.extend(self.money.map(|money| format!("{money:+.2}")));
        cells
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TERMS: Terms =
        Terms { objective: 0.999, window_days: 28.0, deploys_per_week: 10.0, pod_hour: Some(0.1) };

    #[test]
    fn a_budget_is_arithmetic() {
        assert_eq!(TERMS.rollouts(), 40.0);
        // 100 requests a second for 28 days, one in a thousand.
        let allowed = 100.0 * 28.0 * 86_400.0 / 1000.0;
        assert!((TERMS.allowed(100.0) - allowed).abs() < 1e-3);
        let bearable = TERMS.bearable(100.0, 60.48).expect("something is lost");
        assert!((bearable - 1000.0).abs() < 1e-6, "{bearable}");
        assert_eq!(TERMS.bearable(100.0, 0.0), None);
        let today = PriceRow {
            change: Vec::new(),
            lost: 1.0,
            share: 0.1,
            complete_s: None,
            peak_pods: 4.0,
            replicas: 3,
            surge_pod_seconds: 0.0,
            money: None,
        };
        let with = PriceRow { replicas: 4, surge_pod_seconds: 3600.0, ..today.clone() };
        // 40 pod-hours of surge, 672 of a fourth pod.
        assert!((TERMS.money(&today, &with).unwrap() - 71.2).abs() < 1e-9);
    }
}
