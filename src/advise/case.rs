//! What ways are made from: a run, its Deployment and the container that serves.

use super::change::Change;
use super::ladder;
use super::trial::Tried;
use crate::cluster::spec::{Container, OnSigterm};
use crate::cluster::workload::Workload;
use crate::scenario::Scenario;

/// One way to mend something: changes of growing size, of which the least that does is wanted.
pub type Way = Vec<Change>;

/// What a way is made from.
pub struct Case<'a> {
    /// The run.
    pub tried: &'a Tried,
    /// As the rollout leaves it.
    pub deployment: &'a Workload,
    /// The one that serves.
    pub container: &'a Container,
}

impl<'a> Case<'a> {
    /// Of a run that was tried.
    pub fn of(tried: &'a Tried) -> Case<'a> {
        let deployment = tried.scenario.after();
        Case { tried, deployment, container: deployment.template.serving_container() }
    }

    /// What was run.
    pub fn scenario(&self) -> &Scenario {
        &self.tried.scenario
    }

    /// The grace period of the pods.
    pub fn grace_s(&self) -> f64 {
        self.deployment.template.termination_grace_period_seconds as f64
    }

    /// How long the hook runs today.
    pub fn hook_s(&self) -> f64 {
        self.container.pre_stop.as_ref().map_or(0.0, |hook| hook.length().as_secs_f64())
    }

    /// Hardly any request takes longer, or is waited for longer.
    pub fn longest_s(&self) -> f64 {
        let longest = self.container.app.service.quantile_s(0.999);
        longest.min(self.scenario().traffic.client.timeout.as_secs_f64())
    }

    /// How long the process may go on after SIGTERM, as far as it finishes what runs.
    pub fn tail_s(&self) -> f64 {
        match self.container.app.on_sigterm {
            OnSigterm::Exit | OnSigterm::Ignore => 0.0,
            OnSigterm::Graceful { drain_timeout } => {
                self.longest_s().min(drain_timeout.as_secs_f64())
            }
            OnSigterm::LameDuck { delay, drain_timeout } => {
                delay.as_secs_f64() + self.longest_s().min(drain_timeout.as_secs_f64())
            }
        }
    }

    /// With a grace period that holds so much, where the one there does not.
    pub fn within_grace(&self, change: Change, seconds: f64) -> Change {
        match seconds > self.grace_s() {
            true => change.with("terminationGracePeriodSeconds", ladder::at_least(seconds)),
            false => change,
        }
    }
}
