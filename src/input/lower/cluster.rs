//! The cluster: versions, latencies, external controllers.

use crate::cluster::workload::Workload;
use crate::engine::{Dist, Dur};
use crate::input::cards::Card;
use crate::input::lower::apps;
use crate::input::lower::lowering::Lowering;
use crate::model::gate::Gate;
use crate::model::platform::Platform;
use crate::scenario::{Action, Given};

impl Lowering<'_> {
    /// What was chosen by name: a card from the command line, the scenario's, or none; and which workloads
    /// are not among the `deployments` simulated, nor brought by an action.
    pub fn given(&self, deployments: &[Workload], actions: &[Action]) -> Given {
        let case = &self.input.case;
        let card = self.input.app_card.clone().or(case.app.common().card);
        let brought = actions.iter().filter_map(|action| action.kind.brings());
        let simulated: Vec<&Workload> = deployments.iter().chain(brought).collect();
        Given {
            application_given: card.is_some(),
            application: card.unwrap_or_else(|| apps::DEFAULT.to_owned()),
            not_simulated: self.input.left_out(&simulated),
        }
    }

    /// `[gate]` of the scenario.
    pub fn gate(&mut self) -> Option<Gate> {
        let gate = self.input.case.gate.clone()?;
        let delay = self.seconds("gate.delay_s", Some(gate.delay_s), 0.0);
        let poll = self.seconds("gate.poll_s", gate.poll_s, 1.0);
        Some(Gate { delay: Dur::from_secs_f64(delay), poll: Dur::from_secs_f64(poll) })
    }

    /// The platform of a card, which is read once for all inputs that share it.
    pub fn platform(&mut self, card: &Card) -> Platform {
        if let Some((platform, assumptions)) = card.lowered.0.get() {
            self.assumptions.extend(assumptions.iter().cloned());
            return platform.clone();
        }
        let (errors, assumed) = (self.problems.0.len(), self.assumptions.len());
        let platform = self.read_platform(card);
        if self.problems.0.len() == errors {
            let assumptions = self.assumptions[assumed..].to_vec();
            // Another thread may have been first, with the same.
            let _ = card.lowered.0.set((platform.clone(), assumptions));
        }
        platform
    }

    /// The platform of a card, and what it assumes.
    pub fn read_platform(&mut self, card: &Card) -> Platform {
        self.entries(card, "platform", Platform::keys(), true);
        Platform::read(
            |key| card.dist(key).unwrap_or(Dist::ZERO),
            |key| card.number(key).unwrap_or(0.0),
        )
    }
}
